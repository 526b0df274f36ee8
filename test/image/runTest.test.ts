/** The test at the cursor, run by code action with the framework that its definer belongs to. */
import path from 'node:path';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { Editor } from '../support/lspClient.ts';

let editor: Editor;
afterEach(() => editor.finish());

/** Frameworks are told by their package, and called by what they export: these have the names and returned values of the real ones. */
const frameworks = `(defpackage :it.bese.fiveam (:nicknames :fiveam) (:use :cl) (:export #:test #:run!))
(defpackage :org.shirakumo.parachute (:nicknames :parachute) (:use :cl) (:export #:define-test #:test #:status))
(defpackage :rove/main (:nicknames :rove) (:use :cl) (:export #:deftest #:run-test))
(defpackage :prove (:use :cl) (:export #:deftest))
(in-package :fiveam)
(defvar *tests* (make-hash-table))
(defmacro test (name &body body) \`(setf (gethash ',(if (consp name) (first name) name) *tests*) (lambda () ,@body)))
(defun run! (name) (format t "running ~a~%" name) (funcall (gethash name *tests*)))
(in-package :parachute)
(defvar *tests* (make-hash-table :test #'equal))
(defmacro define-test (name &body body) \`(setf (gethash ,(string name) *tests*) (lambda () ,@body)))
(defun test (name) (list (if (funcall (gethash (string name) *tests*)) :passed :failed)))
(defun status (report) (first report))
(in-package :rove)
(defvar *tests* (make-hash-table))
(defmacro deftest (name &body body) \`(setf (gethash ',name *tests*) (lambda () ,@body)))
(defun run-test (name) (funcall (gethash name *tests*)))
(in-package :prove)
(defmacro deftest (name &body body) (declare (ignore name body)) nil)
`;
const tests = `(defpackage :checks (:use :cl))
(in-package :checks)
(fiveam:test sums (print (= 2 (+ 1 1))))
(fiveam:test (wrong :suite nothing) (= 2 (+ 1 2)))
(parachute:define-test "by string" (= 1 1))
(parachute:define-test by-name (= 1 2))
(rove:deftest roves (= 1 1))
(prove:deftest unknown (= 1 1))
(fiveam:test fails (error "in the test"))
(fiveam:test talks (dotimes (i 30000 t) (format t "line ~d of many~%" i)))
(defun no-test () 1)
`;

describe('the test at the cursor', () => {
  const start = async () => {
    editor = await Editor.start({
      files: { 'frameworks.lisp': frameworks, 'checks.lisp': tests },
      load: ['frameworks.lisp', 'checks.lisp'],
    });
    return editor.openFile(path.join(editor.root, 'checks.lisp'));
  };

  it.each([
    ['sums', 'passed'],
    ['wrong', 'FAILED'],
    ['"by string"', 'passed'],
    ['by-name', 'FAILED'],
    ['roves', 'passed'],
  ])('%s: says whether it %s, and shows its output', async (name, verdict) => {
    const document = await start();
    const title = new RegExp(`^Run test \\(?${name}`);
    const result = await editor.actionOutcome(document, name, title);
    expect(result.values![0]).toBe(verdict === 'passed' ? 'T' : 'NIL');
    const page = await editor.shown.next('the report', () => true);
    expect(page.text).toMatch(new RegExp(`^The test ${verdict}`));
    if (name === 'sums') expect(page.text).toMatch(/running SUMS\n\nT/);
  });

  it('that signals offers its restarts', async () => {
    const document = await start();
    void editor.expectPrompt(/in the test.*run-test/, null);
    const error = await editor.actionFailure(document, '(fiveam:test fails', /^Run test fails$/);
    expect(error.kind).toBe('debugger-aborted');
  });

  it('of an unknown framework is an error that names those that are known; other forms have no such action', async () => {
    const document = await start();
    void editor.expectPrompt(/FiveAM, Parachute/, null);
    const error = await editor.actionFailure(document, 'unknown', /^Run test unknown$/);
    expect(error.message).toMatch(/PROVE, which is no test framework/);
    const titles = (await editor.codeActions(document, '(defun no-test')).map(({ title }) => title);
    expect(titles.filter(each => /Run test/.test(each))).toEqual([]);
    expect(
      await editor.failure('run_test', {
        uri: document.uri,
        position: document.positionOf('(defun no-test'),
      }),
    ).toMatchObject({ kind: 'invalid-arguments' });
  });

  it('with much output has it in a file as a whole, and says so in the answer and in the log', async () => {
    const document = await start();
    const result = await editor.actionOutcome(document, '(fiveam:test talks', /^Run test talks$/);
    expect(result.output.length).toBeLessThan(101_000);
    expect(result).toMatchObject({ truncated: true, values: ['T', 'T'] });
    const { output_uri: uri } = result as unknown as { output_uri: string };
    expect(result.output).toContain(uri);
    expect(readFileSync(fileURLToPath(uri), 'utf8')).toMatch(/line 0 of many\n[^]*line 29999 of many\n/);
    await editor.logs.next('word of the rest', each => /the rest is not logged/.test(each.message));
  });
});
