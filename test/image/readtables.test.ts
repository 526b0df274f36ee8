/** Code whose file says in which readtable it is to be read: by IN-READTABLE of named-readtables, or by a form that has to be run. */
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Editor, lispString, type TextDocument } from '../support/lspClient.ts';
import type { OperationResult } from '../support/lspTypes.ts';

/** What the system named-readtables offers, as far as it matters here: Debian's does not load in the newest SBCL. */
const library = `(defpackage #:named-readtables (:use #:common-lisp) (:export #:find-readtable #:in-readtable))
(in-package #:named-readtables)
(defvar *tables* (list (cons nil (copy-readtable nil))))
(defun find-readtable (name) (cdr (assoc name *tables*)))
(defmacro in-readtable (name)
  \`(eval-when (:compile-toplevel :load-toplevel :execute)
    (setf *readtable* (or (find-readtable ',name) (error "no readtable ~s" ',name)))))
`;

/** [a b] reads as (vector a b) in the one; {a} as (list a) once the other is enabled. */
const tables = `(defpackage #:tables (:use #:common-lisp) (:export #:enable-brace-syntax))
(in-package #:tables)
(let ((table (copy-readtable nil)))
  (set-macro-character #\\[ (lambda (stream character)
                             (declare (ignore character))
                             (cons 'vector (read-delimited-list #\\] stream t)))
                       nil table)
  (set-macro-character #\\] (get-macro-character #\\) ) nil table)
  (push (cons :bracket-vectors table) named-readtables::*tables*))
(defun read-braces (stream character)
  (declare (ignore character))
  (cons 'list (read-delimited-list #\\} stream t)))
(defmacro enable-brace-syntax ()
  '(eval-when (:compile-toplevel :load-toplevel :execute)
    (setf *readtable* (copy-readtable))
    (set-macro-character #\\{ 'read-braces)
    (set-macro-character #\\} (get-macro-character #\\) ))))
`;

const named = `(defpackage #:named (:use #:common-lisp))
(in-package #:named)

(defun before (x) (list x '[x]))

(named-readtables:in-readtable :bracket-vectors)
#-(and)
(named-readtables:in-readtable :no-such-table)

(defmacro wrapped (x) \`(list ,x))

(defun pair (x) [1 x])

(defun wraps (x) (wrapped [x x]))

(eval-when (:compile-toplevel :load-toplevel :execute)
  (named-readtables:in-readtable nil))

(defun after (x) (list x '[x]))
`;

const enabled = `(defpackage #:enabled (:use #:common-lisp))
(in-package #:enabled)

(tables:enable-brace-syntax)

(defmacro twice (x) \`(list ,x ,x))

(defun braced (x) {1 x})

(defun doubled (x) (twice {x}))

(defun untouched () :untouched)
`;

interface Result extends OperationResult {
  readonly dependents: readonly { name: string; status: string }[];
}

describe('code of a file with a readtable of its own', () => {
  let editor: Editor;
  let documents: Record<'named' | 'enabled', TextDocument>;

  beforeEach(async () => {
    editor = await Editor.start({
      files: { 'library.lisp': library, 'tables.lisp': tables, 'named.lisp': named, 'enabled.lisp': enabled },
    });
    await load();
    documents = { named: open('named'), enabled: open('enabled') };
  });
  afterEach(() => editor.finish());

  const load = async () => {
    await editor.evaluate(`(progn
      (dolist (name '("library" "tables")) (load (merge-pathnames (format nil "~a.lisp" name) ${lispString(`${editor.root}/`)})))
      (dolist (name '("named" "enabled"))
        (load (compile-file (merge-pathnames (format nil "~a.lisp" name) ${lispString(`${editor.root}/`)})))))`);
  };
  const open = (name: string) => editor.openFile(path.join(editor.root, `${name}.lisp`));
  const value = async (code: string) => (await editor.evaluate(code))[0];
  const reload = async (document: TextDocument, form: string) => {
    const prompt = editor.expectPrompt(/reload/i, 'Approve');
    const result = (await editor.actionOutcome(document, form, /^Reload (?!changed|file)/)) as Result;
    return { result, prompt: (await prompt).message };
  };

  it('is read in it, form by form, with its users and only where the file says so', async () => {
    const document = documents.named;
    document.replace('[1 x]', '[10 x]');
    const { result, prompt } = await reload(document, '(defun pair');
    expect(result).toMatchObject({ status: 'applied', notes: [] });
    expect(prompt).not.toContain('runs');
    expect(await value('(named::pair 2)')).toBe('#(10 2)');
    document.replace('`(list ,x)', '`(list :a ,x)');
    const { result: wrapped } = await reload(document, '(defmacro wrapped');
    expect(wrapped.dependents).toMatchObject([{ name: 'WRAPS', status: 'recompiled' }]);
    expect(await value('(named::wraps 2)')).toBe('(:A #(2 2))');
    for (const name of ['before', 'after']) {
      document.replace(`(defun ${name} (x) (list x`, `(defun ${name} (x) (list x x`);
      expect((await reload(document, `(defun ${name}`)).result).toMatchObject({ status: 'applied' });
      expect(await value(`(symbol-name (third (named::${name} 1)))`)).toBe('"[X]"');
    }
  });

  it('is read in it when a function is replaced, a macro expanded, and a form evaluated', async () => {
    const document = documents.named;
    void editor.expectPrompt(/replace/i, 'Approve');
    expect(
      await editor.command('code_replace_function', {
        function: 'named::pair',
        new_code: '(defun pair (x) [x x x])',
      }),
    ).toMatchObject({ status: 'applied', notes: [] });
    expect(await value('(named::pair 2)')).toBe('#(2 2 2)');
    const position = document.positionOf('(wrapped [x x])');
    expect(await editor.command('macroexpand', { uri: document.uri, position })).toMatchObject({
      expansion: '(list (vector x x))',
    });
    document.replace('(defun after', '(list [1 2])\n\n(defun after');
    document.replace('in-readtable nil)', 'in-readtable :bracket-vectors)');
    const evaluated = await editor.actionOutcome(document, '(list [1 2])', /^Evaluate form$/);
    expect(evaluated).toMatchObject({ values: ['(#(1 2))'] });
  });

  it('is read as the forms that the file runs before it say, when a function is replaced or a form evaluated', async () => {
    const document = documents.enabled;
    const first = /It first runs \(tables:enable-brace-syntax\), which says how the rest is read/;
    void editor.expectPrompt(first, 'Approve');
    const replaced = { function: 'enabled::braced', new_code: '(defun braced (x) {x x x})' };
    expect(await editor.command('code_replace_function', replaced)).toMatchObject({
      status: 'applied',
      notes: [],
    });
    expect(await value('(enabled::braced 2)')).toBe('(2 2 2)');
    document.replace('(defun untouched', '(list {1 2})\n\n(defun untouched');
    expect(await editor.actionOutcome(document, '(list {1 2})', /^Evaluate form$/)).toMatchObject({
      values: ['((1 2))'],
      results: [['((1 2))']],
    });
    expect(await value('(list (quote {1))')).toBe('({1)');
    document.replace('(tables:enable-brace-syntax)', '(tables::enable-no-such-syntax)');
    expect(await editor.actionFailure(document, '(list {1 2})', /^Evaluate form$/)).toMatchObject({
      kind: 'debugger-aborted',
    });
  });

  it('is read in it when a new image is brought up to the journal', async () => {
    const document = documents.named;
    document.replace('[1 x]', '[10 x]');
    await reload(document, '(defun pair');
    await editor.command('image_restart');
    await load();
    expect(await value('(named::pair 2)')).toBe('#(1 2)');
    void editor.expectPrompt(/replay/i, 'Approve');
    expect(await editor.command('replay', {})).toMatchObject({ status: 'applied' });
    expect(await value('(named::pair 2)')).toBe('#(10 2)');
  });

  it('is not read at all where the image has no such readtable', async () => {
    const document = documents.named;
    document.replace(':bracket-vectors', ':curly-vectors');
    document.replace('[1 x]', '[10 x]');
    const { result } = await reload(document, '(defun pair');
    expect(result).toMatchObject({ status: 'failed' });
    expect(result.notes[0]!.message).toContain('The image has no readtable :curly-vectors');
    expect(await value('(named::pair 2)')).toBe('#(1 2)');
  });

  it('is read after the forms of its file that switch the syntax have run, which the prompt names', async () => {
    const document = documents.enabled;
    document.replace('{1 x}', '{10 x}');
    const { result, prompt } = await reload(document, '(defun braced');
    expect(prompt).toContain('It first runs (tables:enable-brace-syntax), which says how the rest is read.');
    expect(result).toMatchObject({
      status: 'applied',
      notes: [],
      definitions: [{ name: 'BRACED', change: 'redefined' }],
    });
    expect(await value('(enabled::braced 2)')).toBe('(10 2)');
    document.replace('`(list ,x ,x)', '`(vector ,x ,x)');
    const { result: twice } = await reload(document, '(defmacro twice');
    expect(twice.dependents).toMatchObject([{ name: 'DOUBLED', status: 'recompiled' }]);
    expect(await value('(enabled::doubled 2)')).toBe('#((2) (2))');
    document.replace('{10 x}', '{100 x}');
    void editor.expectPrompt(/reload/i, 'Approve');
    const changed = await editor.command<Result>('reload_changed', { uri: document.uri });
    expect(changed.definitions.map(({ name }) => name)).toEqual(['BRACED']);
    expect(await value('(enabled::braced 2)')).toBe('(100 2)');
    expect(await editor.command('reload_changed', { uri: document.uri })).toMatchObject({
      status: 'unchanged',
    });
  });
});
