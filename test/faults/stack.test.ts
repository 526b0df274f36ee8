/** Stacks that are exhausted: by the user's code when it is loaded or evaluated, and by texts and values that are nested without end. */
import { afterEach, expect, it } from 'vitest';
import { Editor } from '../support/lspClient.ts';
import { startUserImage, swankServer, type UserImage } from '../support/userImage.ts';

let editor: Editor;
let program: UserImage | undefined;
afterEach(async () => {
  await editor?.finish();
  await program?.stop();
  program = undefined;
});

const nested = (times: number, open = '(', close = ')') => open.repeat(times) + close.repeat(times);
const endless = '(labels ((f (n) (1+ (f n)))) (f 0))';

async function start(image?: object): Promise<number> {
  editor = await Editor.start({
    settings: { approval: { 'modify-running-code': 'allow' }, debugger: 'abort', ...(image && { image }) },
  });
  await editor.command('image_connect');
  return pid();
}

const pid = async (): Promise<number> => (await editor.command<{ pid: number }>('image_status')).pid;

it('by a form of a file leaves every definition of the operation as it was', async () => {
  const image = await start();
  const document = editor.open(
    'a.lisp',
    `(in-package :cl-user)\n(defun before () 2)\n(defvar *boom* ${endless})\n(defmacro deep () '${nested(20_000)})\n`,
  );
  await editor.evaluate('(defun before () 1)');
  expect(await editor.command('reload_file', { uri: document.uri })).toMatchObject({ status: 'failed' });
  const deep = { uri: document.uri, position: document.positionOf('(defmacro') };
  expect(await editor.command('reload_form', deep)).toMatchObject({ status: 'failed' });
  expect(await editor.evaluate("(list (before) (boundp '*boom*) (macro-function 'deep))")).toEqual([
    '(1 NIL NIL)',
  ]);
  expect(await pid()).toBe(image);
});

it('by evaluation, or by reading or expanding what is nested too deeply, fails that request alone', async () => {
  const image = await start();
  await editor.evaluate('(defmacro again (x) `(list (again ,x)))');
  for (const [code, kind] of [
    [endless, 'debugger-aborted'],
    ['(again 1)', 'debugger-aborted'],
    [`(quote ${nested(100_000)})`, 'debugger-aborted'],
    [`'${'('.repeat(300_000)}`, 'debugger-aborted'],
    [nested(100_000, '#(', ')'), 'debugger-aborted'],
    [`${"'".repeat(100_000)}a`, 'debugger-aborted'],
  ] as const) {
    const settled: unknown = await editor.command('repl_eval', { code }).catch((error: unknown) => error);
    const shown = [
      code.slice(0, 20),
      (settled as { kind?: string }).kind,
      (settled as { status?: string }).status,
    ];
    expect([
      [code.slice(0, 20), kind, undefined],
      [code.slice(0, 20), undefined, 'failed'],
    ]).toContainEqual(shown);
  }
  expect(await editor.evaluate('(+ 1 1)')).toEqual(['2']);
  expect(await pid()).toBe(image);
});

it('by evaluation over Swank, again and again, fails each time, and leaves the user’s program running', async () => {
  program = await startUserImage(swankServer);
  const image = await start({ mode: 'attach', address: `127.0.0.1:${program.ports['swank']}` });
  for (let round = 0; round < 5; round++)
    expect((await editor.failure('repl_eval', { code: endless })).kind).toBe('debugger-aborted');
  expect(await editor.evaluate('(+ 1 1)')).toEqual(['2']);
  expect([await pid(), program.isRunning()]).toEqual([image, true]);
});

it('is not by values that are nested deeply: they are printed, inspected and described in short', async () => {
  const image = await start();
  const deep = '(let ((x nil)) (dotimes (i 1000000 x) (setf x (list x))))';
  const [printed] = await editor.evaluate(`(defparameter *deep* ${deep})\n*deep*`);
  expect(printed!.length).toBeLessThan(200);
  expect(await editor.command('inspect', { code: '*deep*' })).toMatchObject({ status: 'applied' });
  expect(
    (await editor.failure('repl_eval', { code: '(error "it is ~s" *deep*)' })).message.length,
  ).toBeLessThan(1000);
  const document = editor.open('b.lisp', '(in-package :cl-user)\n(print *deep*)\n');
  const hover = await editor.request('textDocument/hover', {
    textDocument: { uri: document.uri },
    position: document.positionOf('*deep*'),
  });
  expect(JSON.stringify(hover)).toContain('list');
  expect(await pid()).toBe(image);
});
