/** Editors attached to a program that serves itself with (hotlisp:serve), found by address or by themselves. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { JournalEntry } from '../../server/approval/journal.ts';
import { Editor, lispString, serverProgram } from '../support/lspClient.ts';
import { shop } from '../support/shop.ts';
import { startUserImage, type UserImage } from '../support/userImage.ts';

/** Loads the agent as the README says, the program, and serves. */
const serving = (file: string, options = '') => `
  (asdf:load-asd ${lispString(path.join(path.dirname(serverProgram), 'lisp/hotlisp.asd'))})
  (let ((*standard-output* (make-broadcast-stream)) (*error-output* (make-broadcast-stream)))
    (asdf:load-system "hotlisp"))
  (load ${lispString(file)})
  (with-open-file (stream ${lispString(`${file}.socket`)} :direction :output :if-exists :supersede)
    (write-string (funcall (intern "SERVE" "HOTLISP") ${options}) stream))`;

let root: string;
let run: string;
let image: UserImage;
const editors: Editor[] = [];

async function edit(settings: Record<string, unknown>): Promise<Editor> {
  const editor = await Editor.start({ root, env: { XDG_RUNTIME_DIR: run }, settings });
  editors.push(editor);
  return editor;
}

function setUp(options = ''): void {
  beforeAll(async () => {
    root = mkdtempSync(path.join(tmpdir(), 'hotlisp-serve-'));
    run = path.join(root, 'run');
    mkdirSync(run, { mode: 0o700 });
    const file = path.join(root, 'shop.lisp');
    writeFileSync(file, shop);
    image = await startUserImage(serving(file, options), { cwd: root, env: { XDG_RUNTIME_DIR: run } });
  });
  afterEach(async () => {
    for (const editor of editors.splice(0)) await editor.finish();
    expect(image.isRunning()).toBe(true);
  });
  afterAll(async () => {
    await image?.stop();
    rmSync(root, { recursive: true, force: true });
  });
}

describe('a program that serves itself', () => {
  setUp();

  it('is found by itself when it belongs to the workspace, and outlives the server', async () => {
    const editor = await edit({ image: { mode: 'auto' } });
    expect(await editor.command('image_connect')).toMatchObject({
      state: 'connected',
      kind: 'socket',
      pid: image.pid,
    });
    expect(editor.children()).toEqual([]);
    const document = editor.openFile(path.join(root, 'shop.lisp'));
    document.replace('(twice (tax amount))', '(list :served amount)');
    void editor.expectPrompt(/reload total/i, 'Approve');
    expect(await editor.actionOutcome(document, '(defun total', /^Reload total$/)).toMatchObject({
      status: 'applied',
    });
    expect(await editor.evaluate('(shop:total 3)')).toEqual(['(:SERVED 3)']);
  });

  it('is shared by two servers: a change of one between plan and approval of the other is noticed', async () => {
    const one = await edit({ image: { mode: 'auto' } });
    const two = await edit({ image: { mode: 'auto' }, approval: { 'modify-running-code': 'allow' } });
    const ids = await Promise.all([one, two].map(each => each.command<{ image: string }>('image_connect')));
    expect(ids[0]!.image).toBe(ids[1]!.image);
    const [first, second] = [one, two].map(each => each.openFile(path.join(root, 'shop.lisp')));
    first!.replace('(twice (tax amount))', '(list :one amount)');
    second!.replace('(twice (tax amount))', '(list :two amount)');
    let answer = (_title: string) => {};
    void one.expectPrompt(/reload total/i, () => new Promise<string>(resolve => (answer = resolve)));
    const waiting = one.actionOutcome(first!, '(defun total', /^Reload total$/);
    await one.prompts.next('the prompt', () => true);
    expect(await two.actionOutcome(second!, '(defun total', /^Reload total$/)).toMatchObject({
      status: 'applied',
    });
    // What was approved would have replaced the program's own definition, and would now replace the other server's: it asks again.
    void one.expectPrompt(/reload total.*The image has changed since you were asked/i, 'Approve');
    answer('Approve');
    expect(await waiting).toMatchObject({ status: 'applied' });
    expect(await one.evaluate('(shop:total 1)')).toEqual(['(:ONE 1)']);
  });

  it('is left alone where another server has made the change that was asked about, and the journal says so', async () => {
    const one = await edit({ image: { mode: 'auto' } });
    const two = await edit({ image: { mode: 'auto' }, approval: { 'modify-running-code': 'allow' } });
    const [first, second] = [one, two].map(each => each.openFile(path.join(root, 'shop.lisp')));
    for (const each of [first!, second!]) each.replace('(twice (tax amount))', '(list :both amount)');
    let answer = (_title: string) => {};
    void one.expectPrompt(/reload/i, () => new Promise<string>(resolve => (answer = resolve)));
    const waiting = one.command<{ status: string }>('reload_changed', { uri: first!.uri });
    await one.prompts.next('the prompt', () => true);
    expect(await two.command('reload_changed', { uri: second!.uri })).toMatchObject({ status: 'applied' });
    answer('Approve');
    expect((await waiting).status).toBe('unchanged');
    const { entries } = await one.command<{ entries: JournalEntry[] }>('history', { limit: 3 });
    expect(entries.map(({ event, outcome }) => outcome?.status ?? event)).toEqual([
      'unchanged',
      'decision',
      'applied',
    ]);
  });

  it('is asked about again where the program itself, which tells nobody, changed it while the prompt was open', async () => {
    const editor = await edit({ image: { mode: 'auto' }, approval: { eval: 'allow' } });
    let answer = (_title: string) => {};
    void editor.expectPrompt(/total.*safe/i, () => new Promise<string>(resolve => (answer = resolve)));
    const waiting = editor.failure('code_replace_function', {
      function: 'shop:total',
      new_code: '(defun shop:total (amount) (list :asked amount))',
    });
    await editor.prompts.next('the prompt', () => true);
    await editor.evaluate(
      '(progn (fmakunbound (quote shop:total)) (defgeneric shop:total (amount) (:method ((amount integer)) 1)))',
    );
    void editor.expectPrompt(/total.*generic.*The image has changed since you were asked/is, 'Deny');
    answer('Approve');
    expect(await waiting).toMatchObject({ kind: 'approval-denied' });
    expect(await editor.evaluate('(shop:total 1)')).toEqual(['1']);
  });

  it('prints nothing into the program', () => {
    expect(image.output().replace('READY\n', '').trim()).toBe('');
  });
});

describe('a program that serves read-only', () => {
  setUp(':read-only t');

  it('answers questions and refuses every change, evaluation too', async () => {
    const editor = await edit({ image: { mode: 'auto' }, approval: { 'modify-running-code': 'allow' } });
    const status = await editor.command<{ kind: string; read_only: boolean }>('image_connect');
    expect(status).toMatchObject({ kind: 'socket', read_only: true });
    const document = editor.openFile(path.join(root, 'shop.lisp'));
    expect(await editor.command('source_location', { symbol: 'shop:total' })).toMatchObject([
      { uri: document.uri },
    ]);
    expect(await editor.failure('repl_eval', { code: '(+ 1 1)' })).toMatchObject({ kind: 'read-only' });
    document.replace('(twice (tax amount))', '0');
    expect((await editor.actionFailure(document, '(defun total', /^Reload total$/)).kind).toBe('read-only');
  });
});

describe('an address', () => {
  it('that nobody serves at is a clear error', async () => {
    for (const address of ['unix:/no/such.sock', '127.0.0.1:1']) {
      const editor = await Editor.start({ settings: { image: { mode: 'attach', address } } });
      const error = await editor.failure('repl_eval', { code: '1' });
      expect(error.kind).toBe('no-image');
      expect(error.message).toContain(address.replace('unix:', ''));
      await editor.finish();
    }
  });
});
