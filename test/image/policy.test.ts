/** Code is compiled as the DECLAIMs of its file say, and they say nothing beyond that file. */
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Editor, type TextDocument } from '../support/lspClient.ts';
import type { OperationResult } from '../support/lspTypes.ts';

/** What FIXNUM says of its parameter is believed with safety 0, and checked without. */
const quick = `(defpackage #:quick (:use #:common-lisp))
(in-package #:quick)
(declaim (optimize speed (safety 0)) (sb-ext:muffle-conditions style-warning))

(defstruct point x)

(defmacro wrapped (x) \`(list ,x))

(defun trusted (x) (declare (type fixnum x)) x)

(defun wraps (x) (declare (type fixnum x)) (wrapped x))
`;

const careful = `(in-package #:quick)

(defun checked (x) (declare (type fixnum x)) x)
`;

describe('the optimization policy', () => {
  let editor: Editor;
  let document: TextDocument;

  beforeEach(async () => {
    editor = await Editor.start({
      files: { 'quick.lisp': quick, 'careful.lisp': careful },
      load: ['quick.lisp', 'careful.lisp'],
      settings: { approval: { 'modify-running-code': 'allow', 'compile-file': 'allow' } },
    });
    document = editor.openFile(path.join(editor.root, 'quick.lisp'));
  });
  afterEach(() => editor.finish());

  const reload = (name: string, form: string, place = document) =>
    editor.command<OperationResult>(name, {
      uri: place.uri,
      ...(name === 'reload_form' && { position: place.positionOf(form) }),
    });
  const isTrusting = async (call: string) => (await editor.evaluate(`(ignore-errors ${call})`, 'QUICK'))[0];
  const ofTheImage = () =>
    isTrusting('(funcall (compile nil (quote (lambda (x) (declare (type fixnum x)) x))) (eval :a))');

  it('is that of the file for one form, for the users of a macro, and for a function that is replaced', async () => {
    expect(await isTrusting('(trusted (eval :a))')).toBe(':A');
    document.replace(' x)\n\n(defun wraps', ' (progn x))\n\n(defun wraps');
    expect(await reload('reload_form', '(defun trusted')).toMatchObject({ status: 'applied' });
    expect(await isTrusting('(trusted (eval :b))')).toBe(':B');
    document.replace('`(list ,x)', '`(list :new ,x)');
    expect(await reload('reload_form', '(defmacro wrapped')).toMatchObject({
      status: 'applied',
      dependents: [{ name: 'WRAPS', status: 'recompiled' }],
    });
    expect(await isTrusting('(wraps (eval :c))')).toBe('(:NEW :C)');
    await editor.command('code_replace_function', {
      function: 'quick::trusted',
      new_code: '(defun trusted (x) (declare (type fixnum x)) (list x))',
    });
    expect(await isTrusting('(trusted (eval :d))')).toBe('(:D)');
  });

  it('of a file is over with it: other files and the image keep theirs, also within one change', async () => {
    document.replace(' x)\n\n(defun wraps', ' (progn x))\n\n(defun wraps');
    expect(await reload('reload_file', '')).toMatchObject({ status: 'applied' });
    expect(await isTrusting('(trusted (eval :a))')).toBe(':A');
    expect(await ofTheImage()).toBe('NIL');
    const { notes } = await editor.command<OperationResult>('code_compile_string', {
      code: '(defun unused (x) 1)',
      package: 'QUICK',
    });
    expect(notes).toMatchObject([{ severity: 'style-warning' }]);
    const other = editor.openFile(path.join(editor.root, 'careful.lisp'));
    other.replace(' x)\n', ' (progn x))\n');
    expect(await reload('reload_form', '(defun checked', other)).toMatchObject({ status: 'applied' });
    expect(await isTrusting('(checked (eval :a))')).toBe('NIL');
    expect(await editor.command('code_reload_package', { package: 'QUICK' })).toMatchObject({
      status: 'applied',
    });
    expect(await isTrusting('(trusted (eval :a))')).toBe(':A');
    expect(await isTrusting('(checked (eval :a))')).toBe('NIL');
    expect(await ofTheImage()).toBe('NIL');
  });

  it('is brought along to a new image', async () => {
    document.replace(' x)\n\n(defun wraps', ' (list x))\n\n(defun wraps');
    expect(await reload('reload_form', '(defun trusted')).toMatchObject({ status: 'applied' });
    await editor.command('image_restart');
    expect(await editor.command('replay', {})).toMatchObject({ status: 'applied' });
    expect(await isTrusting('(trusted (eval :a))')).toBe('(:A)');
  });
});
