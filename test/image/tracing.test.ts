/** Traced functions: their calls in the log, whatever thread they come from, and no trace left behind. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Editor, lispString } from '../support/lspClient.ts';
import { shop } from '../support/shop.ts';
import { startUserImage, swankServer, type UserImage } from '../support/userImage.ts';

const traced = (name: string) =>
  editor.command<{ function: string; traced: string[] }>('trace', { function: name });
const untrace = (name?: string) =>
  editor.command<{ untraced: string[]; traced: string[] }>(
    'untrace',
    name === undefined ? {} : { function: name },
  );
/** The lines of the log from `after` on until one matches. */
async function linesUntil(pattern: RegExp, after: number): Promise<string[]> {
  const text = () =>
    editor.logs.all
      .slice(after)
      .map(({ message }) => message)
      .join('\n');
  await editor.logs.next(String(pattern), () => pattern.test(text()), after);
  return text().split('\n');
}

let editor: Editor;

describe('a traced function', () => {
  afterEach(() => editor.finish());

  it('has its calls and values in the log, with depth and thread, until it is traced no more', async () => {
    editor = await Editor.start({ files: { 'shop.lisp': shop }, load: ['shop.lisp'] });
    await editor.evaluate(
      '(defun shop::factorial (n) (declare (notinline shop::factorial)) (if (< n 2) 1 (* n (shop::factorial (1- n)))))',
    );
    expect((await traced('shop::factorial')).function).toBe('SHOP::FACTORIAL');
    let after = editor.logs.all.length;
    await editor.evaluate(
      '(sb-thread:join-thread (sb-thread:make-thread (lambda () (shop::factorial 2)) :name "a worker"))',
    );
    expect(await linesUntil(/0: SHOP::FACTORIAL returned/, after)).toEqual([
      '0: (SHOP::FACTORIAL 2) [a worker]',
      '  1: (SHOP::FACTORIAL 1) [a worker]',
      '  1: SHOP::FACTORIAL returned 1 [a worker]',
      '0: SHOP::FACTORIAL returned 2 [a worker]',
    ]);
    expect(await untrace('SHOP::FACTORIAL')).toEqual({ untraced: ['SHOP::FACTORIAL'], traced: [] });
    after = editor.logs.all.length;
    await traced('shop:total');
    await editor.evaluate('(progn (shop::factorial 3) (shop:total 1))');
    expect((await linesUntil(/TOTAL returned/, after)).join()).not.toMatch(/FACTORIAL/);
  });

  it('stays traced when it is reloaded, rolled back and redone, and is what it should be afterwards', async () => {
    editor = await Editor.start({
      files: { 'shop.lisp': shop },
      load: ['shop.lisp'],
      settings: { approval: { 'modify-running-code': 'allow' } },
    });
    const document = editor.openFile(path.join(editor.root, 'shop.lisp'));
    const call = async (value: string, isTraced = true) => {
      const after = editor.logs.all.length;
      expect(await editor.evaluate('(shop:total 10)')).toEqual([value]);
      if (isTraced)
        expect(await linesUntil(/TOTAL returned/, after)).toContain(
          `0: SHOP:TOTAL returned ${value} [hotlisp request]`,
        );
    };
    await editor.evaluate('1');
    await traced('shop:total');
    await call('40');
    document.replace('(twice (tax amount))', '(1+ (twice (tax amount)))');
    const result = await editor.actionOutcome(document, '(defun total', /^Reload total$/);
    expect(result).toMatchObject({ status: 'applied', definitions: [{ change: 'redefined' }] });
    await call('41');
    expect(await editor.command('rollback')).toMatchObject({ status: 'applied' });
    await call('40');
    expect(await editor.command('redo')).toMatchObject({ status: 'applied' });
    await call('41');
    await untrace();
    await call('41', false);
    expect(await editor.command('rollback')).toMatchObject({ status: 'applied' });
    await call('40', false);
    expect(await editor.evaluate("(sb-kernel:%fun-name #'shop:total)")).toEqual(['SHOP:TOTAL']);
  });

  it('may be generic, a setf function, or leave by a non-local exit; its methods can be reloaded', async () => {
    editor = await Editor.start({
      files: { 'shop.lisp': shop },
      load: ['shop.lisp'],
      settings: { approval: { 'modify-running-code': 'allow' } },
    });
    const document = editor.openFile(path.join(editor.root, 'shop.lisp'));
    await editor.evaluate('(defun shop::jump () (throw :out 3))');
    for (const name of ['shop::area', '(setf shop::rate)', 'shop::jump']) await traced(name);
    const after = editor.logs.all.length;
    await editor.evaluate('(setf (shop::rate) 7)');
    await editor.evaluate('(catch :out (shop::jump))');
    expect(await editor.evaluate('(shop::area (shop::make-item :price 3))')).toEqual(['3']);
    const lines = (await linesUntil(/AREA returned 3/, after)).join('\n');
    expect(lines).toMatch(/0: \(\(SETF SHOP::RATE\) 7\)/);
    expect(lines).toMatch(/SHOP::JUMP was left by a non-local exit/);
    document.replace('(item-price thing)', '(1+ (item-price thing))');
    await editor.actionOutcome(document, '(defmethod area', /^Reload /);
    const later = editor.logs.all.length;
    expect(await editor.evaluate('(shop::area (shop::make-item :price 3))')).toEqual(['4']);
    await linesUntil(/AREA returned 4/, later);
  });

  it('that is called too often is told of in part, and the rest is counted', async () => {
    editor = await Editor.start({ files: { 'shop.lisp': shop }, load: ['shop.lisp'] });
    await editor.evaluate('1');
    await traced('shop:total');
    const after = editor.logs.all.length;
    expect(await editor.evaluate('(loop repeat 20000 sum (shop:total 1))')).toEqual(['80000']);
    const lines = await linesUntil(/\d+ lines not shown/, after);
    expect(lines.length).toBeLessThan(5000);
  });

  it('does not trace what printing its arguments calls, and an argument that cannot be printed does no harm', async () => {
    editor = await Editor.start();
    await editor.evaluate(`
      (defclass thing () ())
      (defun name-of (thing) (declare (ignore thing) (notinline name-of)) (if (boundp '*fails*) (error "no name") "a thing"))
      (defmethod print-object ((thing thing) stream) (write-string (name-of thing) stream))`);
    await traced('name-of');
    const after = editor.logs.all.length;
    await editor.evaluate("(length (name-of (make-instance 'thing)))");
    const lines = await linesUntil(/NAME-OF returned/, after);
    expect(lines).toHaveLength(2);
    const later = editor.logs.all.length;
    void editor.expectPrompt(/no name/, null);
    await editor.evaluate('(defvar *fails* t)');
    await editor.failure('repl_eval', { code: "(name-of (make-instance 'thing))" });
    expect((await linesUntil(/non-local exit/, later)).join()).toMatch(/printing which signalled/);
  });

  it('is none of SBCL’s own, and no macro', async () => {
    editor = await Editor.start({ files: { 'shop.lisp': shop }, load: ['shop.lisp'] });
    expect(await editor.failure('trace', { function: 'car' })).toMatchObject({ kind: 'invalid-arguments' });
    expect(await editor.failure('trace', { function: 'shop::twice' })).toMatchObject({
      kind: 'unknown-symbol',
    });
    expect(await untrace()).toEqual({ untraced: [], traced: [] });
  });

  it('is asked about and refused as evaluation is', async () => {
    editor = await Editor.start({
      files: { 'shop.lisp': shop },
      load: ['shop.lisp'],
      settings: { approval: { eval: 'ask' } },
    });
    void editor.expectPrompt(/\(trace shop:total\)/, 'Deny');
    expect(await editor.failure('trace', { function: 'shop:total' })).toMatchObject({
      kind: 'approval-denied',
    });
  });

  it('is offered by code action at its name, and so is the end of it', async () => {
    editor = await Editor.start({ files: { 'shop.lisp': shop }, load: ['shop.lisp'] });
    const document = editor.openFile(path.join(editor.root, 'shop.lisp'));
    await editor.actionOutcome(document, '(defun to¦tal', /^Trace total$/);
    await editor.messages.next('word of it', each => /SHOP:TOTAL is traced/.test(each.message));
    await editor.actionOutcome(document, '(defun to¦tal', /^Untrace total$/);
    await editor.actionOutcome(document, '(defun to¦tal', /^Trace total$/);
    await editor.actionOutcome(document, '(defun to¦tal', /^Untrace all functions$/);
    const titles = (await editor.codeActions(document, '(defun to¦tal')).map(({ title }) => title);
    expect(titles.filter(each => /Untrace/.test(each))).toEqual([]);
  });

  it('is no trace any more in an image that was started anew', async () => {
    editor = await Editor.start({ files: { 'shop.lisp': shop }, load: ['shop.lisp'] });
    await editor.evaluate('1');
    await traced('shop:total');
    await editor.command('image_restart');
    expect((await untrace()).traced).toEqual([]);
    expect(await editor.evaluate('(shop:total 10)')).toEqual(['40']);
  });
});

describe('in an image that the server is attached to', () => {
  let folder: string;
  let image: UserImage;
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'hotlisp-trace-'));
    const file = path.join(folder, 'shop.lisp');
    writeFileSync(file, shop);
    image = await startUserImage(`(load ${lispString(file)})\n${swankServer}`);
  });
  afterAll(async () => {
    await image?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const attach = () =>
    Editor.start({
      settings: { image: { mode: 'attach', address: `127.0.0.1:${image.ports['swank']}`, init: [] } },
    });

  /** Tracing prints the arguments: this counts it. */
  const counter = `
    (defvar cl-user::*printed* 0)
    (defclass cl-user::counted () ())
    (defmethod print-object ((it cl-user::counted) stream) (incf cl-user::*printed*) (write-string "it" stream))
    (defun cl-user::take (it) (declare (notinline cl-user::take)) (if it 1 0))`;
  const printedByCall = async () =>
    (await editor.evaluate("(progn (setf *printed* 0) (take (make-instance 'counted)) *printed*)"))[0];

  it.each(['shutdown', 'kill'] as const)('no trace outlives the server’s end by %s', async how => {
    editor = await attach();
    await editor.evaluate(counter);
    await traced('take');
    expect(await printedByCall()).not.toBe('0');
    if (how === 'shutdown') await editor.finish();
    else {
      process.kill(editor.pid, 'SIGKILL');
      await editor.ended();
      await editor.abandon();
    }
    editor = await attach();
    // After a kill the image learns of it when it notices that the connection is gone.
    await expect.poll(printedByCall, { timeout: 20_000 }).toBe('0');
    await editor.finish();
  });
});
