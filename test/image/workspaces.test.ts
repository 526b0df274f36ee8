/** What editors differ in besides capabilities: names of the language, folders or none, files elsewhere, buffers without a file. */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Editor, type EditorOptions } from '../support/lspClient.ts';
import { shop } from '../support/shop.ts';

const editors: Editor[] = [];
const folders: string[] = [];

async function start(options: EditorOptions = {}): Promise<Editor> {
  const editor = await Editor.start(options);
  editors.push(editor);
  return editor;
}

/** A folder that is none of the workspace's. */
function elsewhere(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'hotlisp-elsewhere-'));
  folders.push(folder);
  return folder;
}

afterEach(async () => {
  const results = await Promise.allSettled(editors.splice(0).map(each => each.finish()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  for (const result of results) if (result.status === 'rejected') throw result.reason;
});

const files = { 'shop.lisp': shop };
const load = ['shop.lisp'];

describe('a buffer is Lisp', () => {
  it.each(['lisp', 'common-lisp', 'commonlisp'])('by the name %s', async languageId => {
    const editor = await start({ files, load });
    const document = editor.openFile(path.join(editor.root, 'shop.lisp'), languageId);
    document.replace('(* amount *rate*)', '(* amount *rate*');
    await editor.diagnostics(document, list => list.length > 0, 'the missing parenthesis');
    document.replace('(* amount *rate*', '(* amount *rate*)');
    await editor.diagnostics(document, list => list.length === 0, 'none');
    document.replace('(twice (tax amount))', '(list amount)');
    void editor.expectPrompt(/reload total/i, 'Approve');
    expect(await editor.actionOutcome(document, '(defun total', /^Reload total$/)).toMatchObject({
      status: 'applied',
    });
    expect(await editor.evaluate('(shop:total 3)')).toEqual(['(3)']);
  });
});

describe('an editor without a workspace', () => {
  it.each([
    ['null for all', { rootUri: null, rootPath: null, workspaceFolders: null }],
    ['an empty list of folders', { rootUri: null, workspaceFolders: [] }],
    ['nothing said of folders', { rootUri: undefined, workspaceFolders: undefined }],
  ])('(%s) reloads, keeps a journal and takes back', async (_, initialize) => {
    const editor = await start({ files, load, initialize });
    const document = editor.openFile(path.join(editor.root, 'shop.lisp'));
    document.replace('(twice (tax amount))', '(list amount)');
    void editor.expectPrompt(/reload total/i, 'Approve');
    expect(await editor.actionOutcome(document, '(defun total', /^Reload total$/)).toMatchObject({
      status: 'applied',
    });
    const { entries } = await editor.command<{ entries: unknown[] }>('history');
    expect(entries.length).toBeGreaterThan(0);
    void editor.expectPrompt(/roll back/i, 'Approve');
    expect(await editor.command('rollback')).toMatchObject({ status: 'applied' });
    expect(await editor.evaluate('(shop:total 3)')).toEqual(['12']);
  });
});

describe('an editor that knows rootPath alone', () => {
  it('has its folder as the workspace', async () => {
    const root = elsewhere();
    writeFileSync(path.join(root, 'lone.lisp'), '(defun all-alone (x) x)\n');
    const editor = await start({
      initialize: { rootUri: undefined, workspaceFolders: undefined, rootPath: root },
    });
    await vi.waitFor(
      async () =>
        expect(await editor.request('workspace/symbol', { query: 'all-alone' })).toMatchObject([
          { name: 'all-alone' },
        ]),
      { timeout: 20_000, interval: 100 },
    );
  });
});

describe('a folder that is open by two paths', () => {
  it('has one image', async () => {
    const root = elsewhere();
    writeFileSync(path.join(root, 'one.lisp'), '(in-package #:cl-user)\n(defun the-one () 1)\n');
    const link = path.join(elsewhere(), 'link');
    symlinkSync(root, link);
    const workspaceFolders = [root, link].map(each => ({ uri: pathToFileURL(each).href, name: each }));
    const editor = await start({ root, initialize: { workspaceFolders } });
    for (const folder of [root, link]) {
      const document = editor.openFile(path.join(folder, 'one.lisp'));
      document.replace('() 1', `() "${folder}"`);
      void editor.expectPrompt(/reload the-one/i, 'Approve');
      await editor.actionOutcome(document, '(defun the-one', /^Reload the-one$/);
      expect(await editor.evaluate('(the-one)')).toEqual([JSON.stringify(folder)]);
    }
  });
});

describe('a file outside the workspace', () => {
  it('is changed like any other, and its definitions point there', async () => {
    const editor = await start({ files, load });
    const file = path.join(elsewhere(), 'patch.lisp');
    writeFileSync(file, '(in-package #:shop)\n\n(defun total (amount)\n  (list :patched amount))\n');
    const document = editor.openFile(file);
    void editor.expectPrompt(/reload total/i, 'Approve');
    expect(await editor.actionOutcome(document, '(defun total', /^Reload total$/)).toMatchObject({
      status: 'applied',
    });
    expect(await editor.evaluate('(shop:total 3)')).toEqual(['(:PATCHED 3)']);
    expect(await editor.command<unknown>('source_location', { symbol: 'shop:total' })).toContainEqual(
      expect.objectContaining({ file, line: 3 }),
    );
  });
});

describe('a buffer that is in no file', () => {
  const text = '(in-package #:shop)\n\n(defun total (amount)\n  (list :untitled amount))\n';

  it('has diagnostics, is reloaded and evaluated, and has the notes of the compiler', async () => {
    const editor = await start({ files, load });
    const document = editor.openUntitled('Untitled-1', text);
    document.replace(':untitled amount))', ':untitled amount)');
    await editor.diagnostics(document, list => list.length > 0, 'the missing parenthesis');
    document.replace(':untitled amount)', ':untitled amount))');
    await editor.diagnostics(document, list => list.length === 0, 'none');

    void editor.expectPrompt(/reload total/i, 'Approve');
    expect(await editor.actionOutcome(document, '(defun total', /^Reload total$/)).toMatchObject({
      status: 'applied',
    });
    expect(await editor.evaluate('(shop:total 3)')).toEqual(['(:UNTITLED 3)']);
    expect(await editor.actionOutcome(document, '(defun total', /^Evaluate form$/)).toMatchObject({
      status: 'applied',
      values: ['TOTAL'],
    });

    document.replace('(list :untitled amount)', '(let ((a 1 2)) amount)');
    void editor.expectPrompt(/reload total/i, 'Approve');
    const refused = await editor.actionOutcome(document, '(defun total', /^Reload total$/);
    expect(refused).toMatchObject({ status: 'failed' });
    expect(refused.notes[0]).toMatchObject({ uri: document.uri });
    const isNote = ({ severity }: { severity?: number }) => severity === 1;
    const list = await editor.diagnostics(document, all => all.some(isNote), 'the note');
    expect(list.find(isNote)!.range.start).toEqual(document.positionOf('(a 1 2)'));
    expect(await editor.evaluate('(shop:total 3)')).toEqual(['(:UNTITLED 3)']);
  });

  it('is reloaded as a whole', async () => {
    const editor = await start({ files, load });
    const document = editor.openUntitled('Untitled-1', text);
    void editor.expectPrompt(/reload/i, 'Approve');
    expect(await editor.actionOutcome(document, '(defun total', /^Reload file$/)).toMatchObject({
      status: 'applied',
    });
    expect(await editor.evaluate('(shop:total 3)')).toEqual(['(:UNTITLED 3)']);
    void editor.expectPrompt(/roll back/i, 'Approve');
    expect(await editor.command('rollback')).toMatchObject({ status: 'applied' });
    expect(await editor.evaluate('(shop:total 3)')).toEqual(['12']);
  });
});

describe('what a person is told', () => {
  it('is one message for each operation, on one line that can be read', async () => {
    const editor = await start({ files, load });
    const document = editor.openFile(path.join(editor.root, 'shop.lisp'));
    const told = async (work: () => Promise<unknown>): Promise<string> => {
      const from = editor.messages.all.length;
      const outcome = await work().catch((error: Error) => error);
      const { message } = await editor.messages.next(`a message after ${String(outcome)}`, () => true, from);
      // Everything else that was sent before the answer to this has arrived with it.
      await editor.command('image_status');
      expect(editor.messages.all.slice(from).map(each => each.message)).toEqual([message]);
      expect(message).not.toMatch(/[\n\r\t]/);
      expect(message.length).toBeLessThan(400);
      return message;
    };
    const reload = (title: RegExp) => () => editor.actionOutcome(document, '(defun total', title);

    document.replace('(twice (tax amount))', '(list amount)');
    void editor.expectPrompt(/reload total/i, 'Deny');
    expect(await told(() => editor.actionFailure(document, '(defun total', /^Reload total$/))).toMatch(
      /denied/,
    );
    void editor.expectPrompt(/reload total/i, 'Approve');
    expect(await told(reload(/^Reload total$/))).toMatch(/function SHOP::TOTAL in \d+ ms/);
    void editor.expectPrompt(/reload/i, 'Approve');
    expect(await told(reload(/^Reload file$/))).toMatch(/Reload file/);
    expect(await told(reload(/^Evaluate form$/))).toMatch(/=> TOTAL/);
    document.replace('(list amount)', '(error "two\nlines")\n(let ((a 1 2)) a)');
    void editor.expectPrompt(/reload total/i, 'Approve');
    expect(await told(reload(/^Reload total$/))).toMatch(/failed, nothing was changed/);
    for (const { message } of editor.prompts.all) expect(message).not.toMatch(/[\n\r\t]/);
  });
});

describe('a server that was killed', () => {
  it('is started again by the editor, and goes on where the file and the journal are', async () => {
    const root = elsewhere();
    const options = { root, load, env: { XDG_STATE_HOME: elsewhere() } };
    const killed = await start({ ...options, files });
    const document = killed.openFile(path.join(root, 'shop.lisp'));
    document.replace('(twice (tax amount))', '(list amount)');
    void killed.expectPrompt(/reload total/i, 'Approve');
    await killed.actionOutcome(document, '(defun total', /^Reload total$/);
    process.kill(killed.pid, 'SIGKILL');
    await killed.abandon();

    const again = await start(options);
    const reopened = again.openFile(path.join(root, 'shop.lisp'));
    const { entries } = await again.command<{ entries: { event: string }[] }>('history');
    expect(entries.map(each => each.event)).toContain('outcome');
    reopened.replace('(twice (tax amount))', '(list :again amount)');
    void again.expectPrompt(/reload total/i, 'Approve');
    await again.actionOutcome(reopened, '(defun total', /^Reload total$/);
    expect(await again.evaluate('(shop:total 3)')).toEqual(['(:AGAIN 3)']);
  });
});
