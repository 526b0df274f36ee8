/** Reading and editing files by their forms, as an editor or a program that drives one calls them. No image is needed. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Editor, usualCapabilities } from '../support/lspClient.ts';
import type { Range } from '../support/lspTypes.ts';

let editor: Editor;
afterEach(() => editor.finish());

const settings = { image: { mode: 'off' } };

interface Edited {
  status: string;
  dry_run: boolean;
  path: string;
  uri: string;
  range: Range;
  before: string;
  after: string;
}
interface Read {
  path: string;
  uri: string;
  content: string;
  forms: { name: string | null; expanded: boolean }[];
}

const compute = `(defpackage #:my-app
  (:use #:cl)
  (:export #:compute-result))

(in-package #:my-app)

;;; What is asked for most.

(defun compute-result (x y)
  "The result."
  (- x y)) ; for now

(defun handle-edge-case (x)
  (or x
      "nothing"))
`;

async function start(
  files: Record<string, string> = {},
  capabilities: Record<string, unknown> = usualCapabilities,
) {
  editor = await Editor.start({ settings, capabilities });
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(editor.root, name)), { recursive: true });
    writeFileSync(path.join(editor.root, name), text);
  }
  return editor;
}

const withCapability = (workspaceEdit: Record<string, unknown>) => ({
  ...usualCapabilities,
  workspace: { ...(usualCapabilities['workspace'] as object), workspaceEdit },
});

const replaceResult = {
  operation: 'replace',
  file_path: 'src/compute.lisp',
  form_type: 'defun',
  form_name: 'compute-result',
  content: '(defun compute-result (x y)\n  (+ x y))\n',
};
const replaced = compute.replace(
  /\(defun compute-result[^]*?\(- x y\)\)/,
  '(defun compute-result (x y)\n  (+ x y))',
);

describe('a safe replacement, step by step', () => {
  it('reads the file collapsed, replaces the form, and finds it again', async () => {
    await start();
    const document = editor.open('src/compute.lisp', compute);
    const read = await editor.command<Read>('lisp_read_file', { path: 'src/compute.lisp', collapsed: true });
    expect(read.content).toBe(`(defpackage #:my-app …)
(in-package #:my-app)
(defun compute-result (x y) …)
(defun handle-edge-case (x) …)`);
    expect(read).toMatchObject({ uri: document.uri, path: document.file });
    const edited = await editor.command<Edited>('lisp_edit_form', replaceResult);
    expect(edited).toMatchObject({ status: 'applied', dry_run: false, uri: document.uri });
    expect(document.text).toBe(replaced);
    const again = await editor.command<Read>('lisp_read_file', {
      path: 'src/compute.lisp',
      name_pattern: 'compute',
    });
    expect(again.content).toContain('(defun compute-result (x y)\n  (+ x y))');
    expect(
      await editor.command<Edited>('lisp_edit_form', {
        ...replaceResult,
        content: '(defun compute-result () 0)',
      }),
    ).toMatchObject({ before: '(defun compute-result (x y)\n  (+ x y))' });
    expect(document.text).toBe(
      replaced.replace('(defun compute-result (x y)\n  (+ x y))', '(defun compute-result () 0)'),
    );
  });

  it('keeps a fix whose name has a package prefix, and then replaces it by either name', async () => {
    await start();
    const document = editor.open('src/edge-case.lisp', compute);
    const fix = {
      operation: 'replace',
      file_path: 'src/edge-case.lisp',
      form_type: 'defun',
      form_name: 'handle-edge-case',
      content: '(defun my-app:handle-edge-case (x)\n  (if (null x) "NIL" x))\n',
    };
    await editor.command('lisp_edit_form', fix);
    expect(document.text).toContain('\n\n(defun my-app:handle-edge-case (x)\n  (if (null x) "NIL" x))\n');
    for (const form_name of ['handle-edge-case', 'my-app:handle-edge-case', 'my-app::handle-edge-case']) {
      const { before } = await editor.command<Edited>('lisp_edit_form', { ...fix, form_name });
      expect(before).toBe(fix.content.trimEnd());
    }
  });

  it('takes keys in kebab-case', async () => {
    await start();
    const document = editor.open('src/compute.lisp', compute);
    const args = Object.fromEntries(
      Object.entries(replaceResult).map(([key, value]) => [key.replace('_', '-'), value]),
    );
    await editor.command('lisp_edit_form', args);
    expect(document.text).toBe(replaced);
  });
});

describe('an edit', () => {
  it('is sent for the version of the buffer where the editor takes versions, and as changes where not', async () => {
    await start({}, withCapability({ documentChanges: true }));
    const document = editor.open('src/compute.lisp', compute);
    await editor.command('lisp_edit_form', replaceResult);
    expect(document.text).toBe(replaced);
    expect(editor.edits.all[0]!.documentChanges![0]!.textDocument).toEqual({ uri: document.uri, version: 1 });
    await editor.finish();

    await start();
    const unversioned = editor.open('src/compute.lisp', compute);
    await editor.command('lisp_edit_form', replaceResult);
    expect(unversioned.text).toBe(replaced);
    expect(editor.edits.all).toEqual([{ changes: { [unversioned.uri]: [expect.anything()] } }]);
  });

  it('of a file that is not open is made by the editor, never behind its back', async () => {
    await start({ 'src/compute.lisp': compute }, withCapability({ documentChanges: true }));
    const edited = await editor.command<Edited>('lisp_edit_form', replaceResult);
    expect(editor.edits.all[0]!.documentChanges![0]!.textDocument).toEqual({
      uri: edited.uri,
      version: null,
    });
    expect(editor.documents.get(edited.uri)!.text).toBe(replaced);
    expect(readFileSync(path.join(editor.root, 'src/compute.lisp'), 'utf8')).toBe(compute);
  });

  it('that the editor refuses, or cannot make, is an error that says so', async () => {
    await start({}, { ...usualCapabilities, workspace: {} });
    const document = editor.open('src/compute.lisp', compute);
    const error = await editor.failure('lisp_edit_form', replaceResult);
    expect(error.message).toMatch(/does not accept edits/);
    expect(document.text).toBe(compute);
  });

  it('in dry run is told and not made', async () => {
    await start();
    const document = editor.open('src/compute.lisp', compute);
    const told = await editor.command<Edited>('lisp_edit_form', { ...replaceResult, dry_run: true });
    expect(told).toMatchObject({
      status: 'unchanged',
      dry_run: true,
      after: '(defun compute-result (x y)\n  (+ x y))',
    });
    expect(told.range.start).toEqual(document.positionOf('(defun compute-result'));
    expect(document.text).toBe(compute);
    expect(editor.edits.all).toEqual([]);
  });

  it('keeps CR LF, comments, blank lines and characters of every width', async () => {
    const crlf = compute.replaceAll('\n', '\r\n').replace('"nothing"', '"nothing 😀"');
    await start();
    const document = editor.open('src/compute.lisp', crlf);
    await editor.command('lisp_edit_form', replaceResult);
    expect(document.text).toBe(replaced.replaceAll('\n', '\r\n').replace('"nothing"', '"nothing 😀"'));
    await editor.command('lisp_edit_form', {
      operation: 'insert_after',
      file_path: 'src/compute.lisp',
      form_type: 'defun',
      form_name: 'handle-edge-case',
      content: '(defun last-one ()\n  1)',
    });
    expect(document.text.endsWith('"nothing 😀"))\r\n\r\n(defun last-one ()\r\n  1)\r\n')).toBe(true);
    await editor.command('lisp_edit_form', {
      operation: 'delete',
      file_path: 'src/compute.lisp',
      form_type: 'defun',
      form_name: 'last-one',
    });
    expect(document.text.endsWith('"nothing 😀"))\r\n')).toBe(true);
    expect(document.text).not.toMatch(/[^\r]\n/);
  });

  it('is right in a file with a byte order mark, open or not', async () => {
    const marked = '\uFEFF(defun compute-result () 1) (other)\n';
    await start({ 'src/compute.lisp': marked });
    const { uri } = await editor.command<Edited>('lisp_edit_form', replaceResult);
    const expected = '(defun compute-result (x y)\n  (+ x y)) (other)\n';
    expect(editor.documents.get(uri)!.text).toBe(expected);
    await editor.command('lisp_edit_form', replaceResult);
    expect(editor.documents.get(uri)!.text).toBe(expected);
  });

  it('is right where positions count bytes', async () => {
    await start({}, { ...usualCapabilities, general: { positionEncodings: ['utf-8'] } });
    editor.open('a.lisp', '"é😀" (defun f ()) "é"');
    const { range } = await editor.command<Edited>('lisp_edit_form', {
      operation: 'delete',
      file_path: 'a.lisp',
      form_type: 'defun',
      form_name: 'f',
      dry_run: true,
    });
    expect(range.start).toEqual({ line: 0, character: 9 });
  });
});

describe('a file', () => {
  it('goes by a relative path, an absolute one, or a URI; the open buffer wins over the disk', async () => {
    await start({ 'deep/er/ä b.lisp': '(defun on-disk ())' });
    const file = path.join(editor.root, 'deep/er/ä b.lisp');
    const uri = `${editor.rootUri}/deep/er/%C3%A4%20b.lisp`;
    for (const name of ['deep/er/ä b.lisp', './deep/../deep/er/ä b.lisp', file, uri])
      expect(await editor.command('lisp_read_file', { path: name })).toMatchObject({
        path: file,
        uri,
        content: '(defun on-disk ())',
      });
    const document = editor.openFile(file);
    document.set('(defun in-buffer ())');
    expect(await editor.command('lisp_read_file', { path: 'deep/er/ä b.lisp' })).toMatchObject({
      content: '(defun in-buffer ())',
    });
    document.close();
    expect(await editor.command('lisp_read_file', { path: uri })).toMatchObject({
      content: '(defun on-disk ())',
    });
  });

  it('is looked for in every folder of the workspace', async () => {
    await start({ 'one/a.lisp': '(defun a ())', 'two/b.lisp': '(defun b ())' });
    const { root } = editor;
    const inside = await Editor.start({
      root,
      settings,
      initialize: {
        workspaceFolders: ['one', 'two'].map(name => ({ uri: `${editor.rootUri}/${name}`, name })),
      },
    });
    try {
      expect(await inside.command('lisp_read_file', { path: 'a.lisp' })).toMatchObject({
        content: '(defun a ())',
      });
      expect(await inside.command('lisp_read_file', { path: 'b.lisp' })).toMatchObject({
        content: '(defun b ())',
      });
      expect((await inside.failure('lisp_read_file', { path: 'c.lisp' })).message).toContain('/one/c.lisp');
    } finally {
      await inside.finish();
    }
  });

  it('may be an untitled buffer', async () => {
    await start();
    const document = editor.openUntitled('Untitled-1', '(defun f ()\n  1)\n');
    expect(await editor.command('lisp_read_file', { path: document.uri })).toMatchObject({
      uri: 'untitled:Untitled-1',
      content: '(defun f () …)',
    });
    await editor.command('lisp_edit_form', {
      operation: 'replace',
      file_path: document.uri,
      form_type: 'defun',
      form_name: 'f',
      content: '(defun f () 2)',
    });
    expect(document.text).toBe('(defun f () 2)\n');
  });

  it('that is not there, is a folder or is no open buffer is refused by the name of the argument', async () => {
    await start({ 'folder/a.lisp': '' });
    const refused = async (command: string, args: object, key: string, why: RegExp) =>
      expect(await editor.failure(command, args)).toMatchObject({
        code: -32602,
        kind: 'invalid-arguments',
        data: { path: key },
        message: expect.stringMatching(why) as string,
      });
    await refused('lisp_read_file', { path: 'none.lisp' }, 'path', /none\.lisp.*ENOENT/);
    await refused('lisp_read_file', { path: 'folder' }, 'path', /EISDIR/);
    await refused('lisp_read_file', { path: 'untitled:none' }, 'path', /not open/);
    await refused('lisp_edit_form', { ...replaceResult, file_path: 'none.lisp' }, 'file_path', /none\.lisp/);
    await refused('lisp_edit_form', { ...replaceResult, operation: 'move' }, 'operation', /./);
    await refused('lisp_read_file', { path: 'folder/a.lisp', limit: 0 }, 'limit', /./);
    expect(existsSync(path.join(editor.root, 'none.lisp'))).toBe(false);
  });

  it('that is no UTF-8 is refused with the place, until it is open in the editor', async () => {
    await start();
    const file = path.join(editor.root, 'latin.lisp');
    writeFileSync(file, Buffer.from(';; a\n(defun compute-result () "caf\xe9")\n', 'latin1'));
    for (const [command, args, key] of [
      ['lisp_read_file', { path: 'latin.lisp' }, 'path'],
      ['lisp_edit_form', { ...replaceResult, file_path: 'latin.lisp' }, 'file_path'],
      ['reload_file', { path: 'latin.lisp' }, 'path'],
    ] as const)
      expect(await editor.failure(command, args)).toMatchObject({
        code: -32602,
        kind: 'invalid-arguments',
        data: { path: key },
        message: expect.stringMatching(
          /latin\.lisp.*not UTF-8: line 2, column 30\. Convert it, or open it/,
        ) as string,
      });
    expect(readFileSync(file, 'latin1')).toBe(';; a\n(defun compute-result () "caf\xe9")\n');
    const document = editor.openFile(file);
    document.set(';; a\n(defun compute-result () "café")\n');
    const { before } = await editor.command<Edited>('lisp_edit_form', {
      ...replaceResult,
      file_path: 'latin.lisp',
    });
    expect(before).toBe('(defun compute-result () "café")');
  });

  it('has what a name with a package prefix means, through nicknames and imports, and nothing else', async () => {
    await start({
      'packages.lisp': `(defpackage #:com.shop (:use #:cl) (:nicknames #:shop) (:import-from #:base #:shared))
(defpackage #:base (:use #:cl) (:export #:shared))
(defpackage #:other (:use #:cl))
`,
      'a.lisp':
        '(in-package #:com.shop)\n(defun price () 1)\n(defun shared () 2)\n(defun (setf price) (v) v)\n',
    });
    const edit = (form_name: string) => ({
      operation: 'delete',
      file_path: 'a.lisp',
      form_type: 'defun',
      form_name,
      dry_run: true,
    });
    for (const [name, line] of [
      ['price', 1],
      ['shop:price', 1],
      ['COM.SHOP::PRICE', 1],
      ["#'price", 1],
      ["'shop::price", 1],
      ['base:shared', 2],
      ['com.shop::shared', 2],
      ['(setf shop:price)', 3],
    ] as const) {
      const { range } = await editor.command<Edited>('lisp_edit_form', edit(name));
      expect(range.start.line, name).toBe(line);
    }
    for (const name of [
      'other::price',
      'nowhere:price',
      'base::price',
      '(setf other::price)',
      'other::shared',
    ])
      expect(await editor.failure('lisp_edit_form', edit(name)), name).toMatchObject({
        data: { path: 'form_name' },
        message: expect.stringMatching(
          /there is no defun .*Did you mean \(defun .*\) of COM\.SHOP/,
        ) as string,
      });
  });

  it('is never run by being read or edited', async () => {
    await start();
    const evil = '(defun f () 1)\n#.(sb-ext:run-program "/bin/touch" (list "evil"))\n#+#.(error "no") (g)\n';
    const document = editor.open('evil.lisp', evil);
    await editor.command('lisp_read_file', { path: 'evil.lisp' });
    await editor.command('lisp_edit_form', {
      operation: 'replace',
      file_path: 'evil.lisp',
      form_type: 'defun',
      form_name: 'f',
      content: '(defun f () #.(error "never"))',
    });
    expect(document.text).toBe(evil.replace('(defun f () 1)', '(defun f () #.(error "never"))'));
    expect(editor.children()).toEqual([]);
    expect(existsSync(path.join(editor.root, 'evil'))).toBe(false);
  });
});
