/** Files and folders that go, move or turn into something else under an editor that has them open: buffers and disk are each told truly. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { Editor, usualCapabilities } from '../support/lspClient.ts';
import type { Range } from '../support/lspTypes.ts';

let editor: Editor;
afterEach(() => editor.finish());

interface Place {
  readonly uri: string;
  readonly range: Range;
}

const start = async (files: Record<string, string>, workspace: object = {}): Promise<void> => {
  editor = await Editor.start({
    files,
    settings: { image: { mode: 'off' } },
    capabilities: {
      ...usualCapabilities,
      workspace: {
        ...(usualCapabilities['workspace'] as object),
        didChangeWatchedFiles: { dynamicRegistration: true },
        ...workspace,
      },
    },
  });
};
const fileOf = (name: string) => path.join(editor.root, name);
const uriOf = (name: string) => pathToFileURL(fileOf(name)).href;
const named = (uri: string) => uri.replace(`${editor.rootUri}/`, '');
/** "name in file" of each. */
const symbols = async (query: string): Promise<string[]> => {
  const found = await editor.request('workspace/symbol', { query });
  return (found as { name: string; location: Place }[])
    .map(({ name, location }) => `${name} in ${named(location.uri)}`)
    .sort();
};
const outline = async (uri: string): Promise<string[]> =>
  (
    (await editor.request('textDocument/documentSymbol', { textDocument: { uri } })) as { name: string }[]
  ).map(({ name }) => name);
const definition = async (uri: string, line: number, character: number): Promise<string[]> => {
  const at = { textDocument: { uri }, position: { line, character } };
  return ((await editor.request('textDocument/definition', at)) as Place[]).map(
    ({ uri: where, range }) => `${named(where)}:${range.start.line}`,
  );
};
const text = async (name: string): Promise<string> =>
  (await editor.command<{ content: string }>('lisp_read_file', { path: name, collapsed: false })).content;
const [MADE, CHANGED, GONE] = [1, 2, 3];
const watched = (...changes: [name: string, type: number | undefined][]): void =>
  editor.rpc.notify('workspace/didChangeWatchedFiles', {
    changes: changes.map(([name, type]) => ({ uri: uriOf(name), type })),
  });
const close = (uri: string): void => editor.rpc.notify('textDocument/didClose', { textDocument: { uri } });

describe('a file that is open and edited', () => {
  it('is what the buffer says after it was deleted, until it is closed', async () => {
    await start({ 'a.lisp': '(defun in-a () 1)\n', 'b.lisp': '(defun in-b () (in-a))\n' });
    const b = editor.openFile(fileOf('b.lisp'));
    const a = editor.openFile(fileOf('a.lisp'));
    a.set('(defun before ())\n(defun in-a () 2)\n');
    rmSync(fileOf('a.lisp'));
    watched(['a.lisp', GONE]);
    expect(await symbols('')).toEqual(['before in a.lisp', 'in-a in a.lisp', 'in-b in b.lisp']);
    expect(await outline(a.uri)).toEqual(['before', 'in-a']);
    expect(await definition(b.uri, 0, 17)).toEqual(['a.lisp:1']);
    expect(await text('a.lisp')).toBe(a.text);
    await editor.command('lisp_edit_form', {
      operation: 'delete',
      file_path: 'a.lisp',
      form_type: 'defun',
      form_name: 'before',
    });
    expect(await outline(a.uri)).toEqual(['in-a']);
    close(a.uri);
    expect(await symbols('')).toEqual(['in-b in b.lisp']);
    expect(await definition(b.uri, 0, 17)).toEqual([]);
    expect(await editor.failure('lisp_read_file', { path: 'a.lisp' })).toMatchObject({
      kind: 'invalid-arguments',
      message: expect.stringContaining('ENOENT') as string,
    });
  });

  it('is what the buffer says while others write it, and what they wrote once it is closed', async () => {
    await start({ 'a.lisp': '(defun in-a () 1)\n' });
    const a = editor.openFile(fileOf('a.lisp'));
    a.set('(defun typed () 1)\n');
    writeFileSync(a.file!, '(defun on-disk () 1)\n');
    watched(['a.lisp', CHANGED]);
    expect(await symbols('')).toEqual(['typed in a.lisp']);
    expect(await text('a.lisp')).toBe('(defun typed () 1)\n');
    close(a.uri);
    expect(await symbols('')).toEqual(['on-disk in a.lisp']);
    expect(await text('a.lisp')).toBe('(defun on-disk () 1)\n');
  });

  it.each(['before', 'after', 'never'])(
    'may be renamed, of which the watcher tells %s the editor',
    async when => {
      await start({ 'old.lisp': '(defun moved () 1)\n' });
      const old = editor.openFile(fileOf('old.lisp'));
      expect(await symbols('')).toEqual(['moved in old.lisp']);
      renameSync(fileOf('old.lisp'), fileOf('new.lisp'));
      const told = () => watched(['old.lisp', GONE], ['new.lisp', MADE]);
      if (when === 'before') told();
      close(old.uri);
      const renamed = editor.openFile(fileOf('new.lisp'));
      if (when === 'after') told();
      expect(await symbols('')).toEqual(['moved in new.lisp']);
      expect(await outline(renamed.uri)).toEqual(['moved']);
    },
  );
});

describe('a folder', () => {
  it('may be renamed, told by its own name alone', async () => {
    await start({ 'old/deep/a.lisp': '(defun in-a () 1)\n', 'old/b.lisp': '(defun in-b () 1)\n' });
    const b = editor.openFile(fileOf('old/b.lisp'));
    expect(await symbols('')).toEqual(['in-a in old/deep/a.lisp', 'in-b in old/b.lisp']);
    renameSync(fileOf('old'), fileOf('new'));
    watched(['old', GONE], ['new', MADE]);
    close(b.uri);
    expect(await symbols('')).toEqual(['in-a in new/deep/a.lisp', 'in-b in new/b.lisp']);
  });

  it('and a file may be made, renamed and deleted in the editor, which tells that where it can', async () => {
    await start(
      { 'old/a.lisp': '(defun in-a () 1)\n', 'c.lisp': '(defun in-c () 1)\n' },
      { fileOperations: { didCreate: true, didRename: true, didDelete: true } },
    );
    const { workspace } = editor.capabilities as { workspace?: { fileOperations?: object } };
    expect(Object.keys(workspace?.fileOperations ?? {}).sort()).toEqual([
      'didCreate',
      'didDelete',
      'didRename',
    ]);
    expect(await symbols('')).toEqual(['in-a in old/a.lisp', 'in-c in c.lisp']);
    renameSync(fileOf('old'), fileOf('new'));
    rmSync(fileOf('c.lisp'));
    writeFileSync(fileOf('d.lisp'), '(defun in-d () 1)\n');
    const [renamed, gone, made] = [
      { oldUri: uriOf('old'), newUri: uriOf('new') },
      uriOf('c.lisp'),
      uriOf('d.lisp'),
    ];
    editor.rpc.notify('workspace/didRenameFiles', { files: [renamed] });
    editor.rpc.notify('workspace/didDeleteFiles', { files: [{ uri: gone }] });
    editor.rpc.notify('workspace/didCreateFiles', { files: [{ uri: made }] });
    expect(await symbols('')).toEqual(['in-a in new/a.lisp', 'in-d in d.lisp']);
  });
});

describe('what is no file', () => {
  it('is left out and refused with the reason, whatever it was before, and nothing waits for it', async () => {
    await start({ 'a.lisp': '(defun in-a () 1)\n', 'b.lisp': '(defun in-b () 1)\n' });
    expect(await symbols('')).toEqual(['in-a in a.lisp', 'in-b in b.lisp']);
    rmSync(fileOf('a.lisp'));
    mkdirSync(fileOf('a.lisp'));
    writeFileSync(fileOf('a.lisp/inner.lisp'), '(defun inner () 1)\n');
    execFileSync('mkfifo', [fileOf('pipe.lisp')]);
    symlinkSync('/dev/zero', fileOf('zero.lisp'));
    symlinkSync('second.lisp', fileOf('first.lisp'));
    symlinkSync('first.lisp', fileOf('second.lisp'));
    symlinkSync('.', fileOf('self'));
    const names = ['pipe.lisp', 'zero.lisp', 'first.lisp', 'second.lisp', 'self', 'a.lisp/inner.lisp'];
    watched(['a.lisp', CHANGED], ...names.map((name): [string, number | undefined] => [name, MADE]));
    expect(await symbols('')).toEqual(['in-b in b.lisp', 'inner in a.lisp/inner.lisp']);
    for (const [name, why] of [
      ['a.lisp', 'EISDIR'],
      ['pipe.lisp', 'not a regular file'],
      ['zero.lisp', 'not a regular file'],
      ['first.lisp', 'ELOOP'],
    ] as const) {
      const edit = { operation: 'delete', file_path: name, form_type: 'defun', form_name: 'in-a' };
      const refused = { kind: 'invalid-arguments', message: expect.stringContaining(why) as string };
      expect(await editor.failure('lisp_read_file', { path: name })).toMatchObject(refused);
      expect(await editor.failure('lisp_edit_form', edit)).toMatchObject(refused);
    }
  });

  it('may be open as a buffer, which counts until it is closed', async () => {
    await start({ 'b.lisp': '(defun in-b () 1)\n' });
    execFileSync('mkfifo', [fileOf('pipe.lisp')]);
    const uri = uriOf('pipe.lisp');
    const content = '(defun typed () 1)\n';
    editor.rpc.notify('textDocument/didOpen', {
      textDocument: { uri, languageId: 'lisp', version: 1, text: content },
    });
    expect(await outline(uri)).toEqual(['typed']);
    expect(await symbols('')).toEqual(['in-b in b.lisp', 'typed in pipe.lisp']);
    expect(await text('pipe.lisp')).toBe(content);
    close(uri);
    expect(await symbols('')).toEqual(['in-b in b.lisp']);
  });
});

describe('a file whose URI the editor writes in its own way', () => {
  const name = "p+q@r (1), [2]'.lisp";
  const theirs = 'p%2Bq%40r%20%281%29%2C%20%5B2%5D%27.lisp';

  it('is one file, and goes by the URI of the editor', async () => {
    await start({ [name]: '(defun in-p () 1)\n', 'b.lisp': '(defun in-b () (in-p))\n' });
    expect(await symbols('in-p')).toHaveLength(1);
    const uri = `${editor.rootUri}/${theirs}`;
    const content = '(defun other () 1)\n(defun in-p () (other))\n(';
    editor.rpc.notify('textDocument/didOpen', {
      textDocument: { uri, languageId: 'lisp', version: 1, text: content },
    });
    const published = await editor.published.next('its problem', ({ diagnostics }) => diagnostics.length > 0);
    expect(published.uri).toBe(uri);
    expect(await outline(uri)).toEqual(['other', 'in-p']);
    expect(await symbols('')).toEqual(['in-b in b.lisp', `in-p in ${theirs}`, `other in ${theirs}`]);
    const b = editor.openFile(fileOf('b.lisp'));
    expect(await definition(b.uri, 0, 17)).toEqual([`${theirs}:1`]);
    expect(await text(name)).toBe(content);
    const { changes, documentChanges } = (await editor.request('textDocument/rename', {
      textDocument: { uri: b.uri },
      position: { line: 0, character: 17 },
      newName: 'renamed',
    })) as { changes?: object; documentChanges?: { textDocument: { uri: string } }[] };
    const edited = changes ? Object.keys(changes) : documentChanges!.map(each => each.textDocument.uri);
    expect(edited.map(named).sort()).toEqual(['b.lisp', theirs]);
    close(uri);
    expect(await symbols('')).toEqual(['in-b in b.lisp', `in-p in ${theirs}`]);
  });

  it('is read again when the watcher tells', async () => {
    await start({ [name]: '(defun in-p () 1)\n' });
    expect(await symbols('')).toHaveLength(1);
    writeFileSync(fileOf(name), '(defun changed () 1)\n');
    editor.rpc.notify('workspace/didChangeWatchedFiles', {
      changes: [{ uri: `${editor.rootUri}/${theirs}`, type: CHANGED }],
    });
    expect(await symbols('')).toEqual([`changed in ${theirs}`]);
  });
});
