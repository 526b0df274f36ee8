/** Code lenses other than those of drift: callers, tests, and threads that are still in the old code. */
import { afterEach, describe, expect, it } from 'vitest';
import { Editor, usualCapabilities, type TextDocument } from '../support/lspClient.ts';
import { shop } from '../support/shop.ts';

interface Lens {
  range: { start: { line: number; character: number } };
  command?: { title: string; command: string; arguments?: [Record<string, unknown>] };
  data?: unknown;
}

let editor: Editor;
afterEach(() => editor.finish());

const lenses = async (document: TextDocument): Promise<Lens[]> =>
  (await editor.request('textDocument/codeLens', { textDocument: { uri: document.uri } })) as Lens[];

/** The lenses of the line where `place` stands, resolved. */
async function lensesAt(document: TextDocument, place: string): Promise<NonNullable<Lens['command']>[]> {
  const { line } = document.positionOf(place);
  const here = (await lenses(document)).filter(({ range }) => range.start.line === line);
  const resolved = await Promise.all(
    here.map(async each =>
      each.command ? each : ((await editor.request('codeLens/resolve', each)) as Lens),
    ),
  );
  return resolved.map(({ command }) => command!);
}

const titles = async (document: TextDocument, place: string) =>
  (await lensesAt(document, place)).map(({ title }) => title);

/** An image that is waited for however busy the machine is. */
const patient = { HOTLISP_BUDGET_MS: '20000' };

/** A client that can be told to ask for its lenses again. */
const toldAgain = {
  ...usualCapabilities,
  workspace: { applyEdit: true, codeLens: { refreshSupport: true } },
};

/** Resolves once the server has it ask again, not counting the first `before` times of anything. */
const asksAgain = (before: number) =>
  editor.refreshes.next(
    'the server to have the lenses asked for again',
    method => method === 'workspace/codeLens/refresh',
    before,
  );

/** What is loaded in place of the test libraries: enough of each to be run. */
const doubles = `
(defpackage #:fiveam (:use #:common-lisp) (:export #:test #:run! #:def-suite))
(defpackage #:parachute (:use #:common-lisp) (:export #:define-test #:test))
(defpackage #:rove (:use #:common-lisp) (:export #:deftest #:run-test))
(in-package #:common-lisp-user)
(defvar *ran* '())
(defmacro fiveam:test (name &body body) (declare (ignore name body)) nil)
(defmacro fiveam:def-suite (name) (declare (ignore name)) nil)
(defmacro parachute:define-test (name &body body) (declare (ignore name body)) nil)
(defmacro rove:deftest (name &body body) (declare (ignore name body)) nil)
(defun fiveam:run! (what) (push (list :fiveam what) *ran*) t)
(defun parachute:test (what) (push (list :parachute what) *ran*) t)
(defun rove:run-test (what) (push (list :rove what) *ran*) t)
`;

describe('the callers of a definition', () => {
  it('are counted when the lens is resolved: by the image where it has the definition', async () => {
    editor = await Editor.start({ files: { 'shop.lisp': shop }, load: ['shop.lisp'], env: patient });
    const document = editor.openFile(`${editor.root}/shop.lisp`);
    await editor.command('image_connect');
    expect(
      (await lenses(document)).every(({ command, data }) => command === undefined && data !== undefined),
    ).toBe(true);
    expect(await titles(document, '(defun tax')).toEqual(['1 caller']);
    expect(await titles(document, '(defmacro twice')).toEqual(['1 caller']);
    expect(await titles(document, '(defgeneric area')).toEqual(['0 callers']);
    const [{ command, arguments: args }] = (await lensesAt(document, '(defun tax')) as [
      Required<NonNullable<Lens['command']>>,
    ];
    expect(args).toMatchObject([{ symbol: 'tax', background: true }]);
    await editor.outcome(await editor.request('workspace/executeCommand', { command, arguments: args }));
    const { text } = await editor.shown.next('the callers', () => true);
    expect(text).toMatch(/TOTAL/);
  });

  it('are references of the workspace where no image is connected, and none is started', async () => {
    editor = await Editor.start({ files: { 'shop.lisp': shop } });
    const document = editor.openFile(`${editor.root}/shop.lisp`);
    // The declamation and the call.
    expect(await titles(document, '(defun tax')).toEqual(['2 references']);
    expect(await editor.command('image_status')).toMatchObject({ state: 'idle' });
  });

  it('are asked for again once an image is connected, and once it is gone, also where nothing drifts', async () => {
    editor = await Editor.start({
      files: { 'shop.lisp': shop },
      load: ['shop.lisp'],
      capabilities: toldAgain,
      env: patient,
    });
    const document = editor.openFile(`${editor.root}/shop.lisp`);
    expect(await titles(document, '(defun tax')).toEqual(['2 references']);
    await editor.command('image_connect');
    await asksAgain(0);
    expect(await titles(document, '(defun tax')).toEqual(['1 caller']);
    const before = editor.refreshes.all.length;
    await editor.command('image_disconnect');
    await asksAgain(before);
    expect(await titles(document, '(defun tax')).toEqual(['2 references']);
  });

  it('are references where the image does not answer in time, and counted anew once it does', async () => {
    editor = await Editor.start({
      files: { 'shop.lisp': shop },
      load: ['shop.lisp'],
      settings: { approval: { eval: 'allow' } },
      capabilities: toldAgain,
    });
    const document = editor.openFile(`${editor.root}/shop.lisp`);
    const [pid] = await editor.evaluate('(sb-unix:unix-getpid)');
    await titles(document, '(defmacro twice');
    const before = editor.refreshes.all.length;
    process.kill(Number(pid), 'SIGSTOP');
    try {
      expect(await titles(document, '(defun tax')).toEqual([expect.stringMatching(/^\d+ references?$/)]);
    } finally {
      process.kill(Number(pid), 'SIGCONT');
    }
    await asksAgain(before);
    // another busy moment of the machine may come between
    while ((await titles(document, '(defun tax'))[0] !== '1 caller') await editor.evaluate('(sleep 0.05)');
  });

  it('are answered for many lenses at once, and hold up nobody', async () => {
    const many = Array.from(
      { length: 600 },
      (_, n) => `(defun f-${n} (x)\n  (list ${n > 0 ? `(f-${n - 1} x)` : 'x'}))\n`,
    );
    editor = await Editor.start({
      files: { 'many.lisp': `(in-package :cl-user)\n${many.join('\n')}` },
      load: ['many.lisp'],
      env: patient,
    });
    const document = editor.openFile(`${editor.root}/many.lisp`);
    await editor.command('image_connect');
    const all = await lenses(document);
    expect(all).toHaveLength(600);
    const resolved = await Promise.all(
      all.map(each => editor.request('codeLens/resolve', each) as Promise<Lens>),
    );
    expect(new Set(resolved.slice(0, -1).map(({ command }) => command!.title))).toEqual(
      new Set(['1 caller']),
    );
    expect(resolved.at(-1)!.command!.title).toBe('0 callers');
  });
});

describe('a test', () => {
  const run = async (document: TextDocument, place: string, title: RegExp) => {
    const found = (await lensesAt(document, place)).find(each => title.test(each.title))!;
    expect(found).toMatchObject({ command: 'hotlisp.repl_eval', arguments: [{ background: true }] });
    const { command, arguments: args } = found;
    const outcome = await editor.outcome(
      await editor.request('workspace/executeCommand', { command, arguments: args }),
    );
    expect(outcome.status).toBe('applied');
    return (await editor.evaluate('(shiftf cl-user::*ran* nil)'))[0];
  };

  it.each([
    ['fiveam', '(fiveam:test first-one 1)\n\n(fiveam:test second-one 2)', '(fiveam:test first'],
    [
      'parachute',
      '(parachute:define-test first-one 1)\n\n(parachute:define-test second-one 2)',
      '(parachute:define-test first',
    ],
    ['rove', '(rove:deftest first-one 1)\n\n(rove:deftest second-one 2)', '(rove:deftest first'],
  ])(
    'of %s is run by its lens, and all of the file by that of the package',
    async (library, tests, place) => {
      const text = `(defpackage #:my-tests (:use #:common-lisp))\n(in-package #:my-tests)\n\n${tests}\n`;
      editor = await Editor.start({
        files: { 'libraries.lisp': doubles, 'tests.lisp': text },
        load: ['libraries.lisp', 'tests.lisp'],
      });
      const document = editor.openFile(`${editor.root}/tests.lisp`);
      const key = library.toUpperCase();
      expect(await run(document, place, /^Run test$/)).toBe(`((:${key} MY-TESTS::FIRST-ONE))`);
      const all = await run(document, '(in-package', /^Run tests \(2\)$/);
      expect(all).toContain(`:${key}`);
      for (const test of ['FIRST-ONE', 'SECOND-ONE']) expect(all).toContain(`MY-TESTS::${test}`);
    },
  );
});

describe('threads in the old code', () => {
  it('are told at the definition until the last one has left it', async () => {
    editor = await Editor.start({
      files: {
        'jobs.lisp':
          '(in-package #:cl-user)\n\n(defvar *gate* (sb-thread:make-semaphore))\n\n(defun work ()\n  (sb-thread:wait-on-semaphore *gate*)\n  :old)\n',
      },
      load: ['jobs.lisp'],
    });
    const document = editor.openFile(`${editor.root}/jobs.lisp`);
    await editor.evaluate('(progn (sb-thread:make-thread (function work) :name "slow worker") (sleep 0.2))');
    document.replace(':old', ':new');
    void editor.expectPrompt(/reload work/i, 'Approve');
    const result = await editor.actionOutcome(document, '(defun work', /^Reload work$/);
    expect(result.threads).toMatchObject([{ name: 'slow worker' }]);
    expect(await titles(document, '(defun work')).toContain('1 thread in the old code: slow worker');
    await editor.evaluate('(progn (sb-thread:signal-semaphore *gate*) nil)');
    await editor.logs.next('when it left', each => /slow worker left the old code/.test(each.message));
    expect((await titles(document, '(defun work')).join()).not.toMatch(/slow worker/);
  });
});
