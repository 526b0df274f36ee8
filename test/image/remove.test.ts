/** Removing definitions from the image: of every kind, with a person's leave, and back again. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Editor, lispString, repository, type TextDocument } from '../support/lspClient.ts';

const program = `(defpackage #:zoo (:use #:common-lisp))
(in-package #:zoo)

(defun feed (animal) (list :fed animal))
(defun feed-all (animals) (mapcar #'feed animals))
(defmacro twice (form) \`(progn ,form ,form))
(defun feed-twice (x) (twice (feed x)))
(defun (setf mood) (value animal) (list value animal))
(defgeneric noise (animal))
(defmethod noise ((animal integer)) :beep)
(defmethod noise :around ((animal integer)) (list (call-next-method)))
(defgeneric weight (animal) (:method-combination +))
(defvar *keeper* (list "Ann"))
(defconstant +cages+ 12)
(defclass animal () ((name :initarg :name :accessor animal-name)))
(defclass lion (animal) ())
(defstruct cage (size 1) content)
(define-condition escaped (error) ((who :initarg :who :reader escaped-who)))
(deftype small () '(integer 0 9))
(defmethod weight + ((animal cage)) 1)
(defmethod voice ((animal (eql #\\a))) :small)
(defmethod voice ((animal (eql #\\A))) :large)
(define-compiler-macro feed (&whole form animal) (declare (ignore animal)) form)
(define-symbol-macro keeper (first *keeper*))
(define-method-combination best () ((all ())) "Documented." \`(max ,@(mapcar (lambda (each) \`(call-method ,each)) all)))
(define-method-combination tally :operator + :documentation "Documented.")
(defgeneric fame (animal) (:method-combination tally))
(defmethod fame tally ((animal integer)) 1)
(defmethod fame tally ((animal number)) 2)
(defsetf cage-lock (cage) (value) \`(list ,cage ,value))
`;

/** What is removed, by symbol and form_type; how to see that it is gone. */
const kinds: readonly (readonly [symbol: string, type: string, gone: string])[] = [
  ['zoo::feed-all', 'defun', "(fboundp 'zoo::feed-all)"],
  ['zoo::twice', 'defmacro', "(macro-function 'zoo::twice)"],
  ['(setf zoo::mood)', 'function', "(fboundp '(setf zoo::mood))"],
  ['zoo::noise', 'defgeneric', "(fboundp 'zoo::noise)"],
  [
    'zoo::noise :around (integer)',
    'defmethod',
    "(find-method #'zoo::noise '(:around) (list (find-class 'integer)) nil)",
  ],
  ['zoo::*keeper*', 'defvar', "(boundp 'zoo::*keeper*)"],
  ['zoo::+cages+', 'defconstant', "(or (boundp 'zoo::+cages+) (constantp 'zoo::+cages+))"],
  [
    'zoo::lion',
    'defclass',
    "(or (find-class 'zoo::lion nil) (sb-mop:class-direct-subclasses (find-class 'zoo::animal)))",
  ],
  [
    'zoo::cage',
    'defstruct',
    "(or (find-class 'zoo::cage nil) (fboundp 'zoo::make-cage) (fboundp 'zoo::cage-size) (fboundp '(setf zoo::cage-size)))",
  ],
  ['zoo::escaped', 'define-condition', "(find-class 'zoo::escaped nil)"],
  ['zoo::small', 'deftype', "(ignore-errors (typep 1 'zoo::small))"],
  ['zoo::feed', 'define-compiler-macro', "(compiler-macro-function 'zoo::feed)"],
  ['zoo::keeper', 'define-symbol-macro', "(not (eq 'zoo::keeper (macroexpand 'zoo::keeper)))"],
  ...['best', 'tally'].map(
    name =>
      [
        `zoo::${name}`,
        'define-method-combination',
        `(or (sb-mop:find-method-combination #'print-object 'zoo::${name} nil) (documentation 'zoo::${name} 'method-combination))`,
      ] as const,
  ),
  [
    'zoo::cage-lock',
    'defsetf',
    "(not (eq 'funcall (first (fourth (multiple-value-list (get-setf-expansion '(zoo::cage-lock 1)))))))",
  ],
];

let editor: Editor;
let document: TextDocument;
beforeEach(async () => {
  editor = await Editor.start({ files: { 'zoo.lisp': program }, load: ['zoo.lisp'] });
  document = editor.openFile(`${editor.root}/zoo.lisp`);
  await editor.evaluate(`(load ${lispString(`${repository}/test/support/fingerprint.lisp`)})`);
  await editor.evaluate('(fingerprint:remember "ZOO")');
});
afterEach(() => editor.finish());

const changes = () => editor.evaluate('(fingerprint:changes)');

describe('removing a definition', () => {
  it('makes a function undefined, names who uses it before, and a rollback brings it back', async () => {
    const prompt = editor.expectPrompt(/remove function ZOO::FEED from/i, 'Approve');
    const result = await editor.command('remove_definition', { symbol: 'zoo::feed', form_type: 'function' });
    expect(result).toMatchObject({
      status: 'applied',
      definitions: [{ kind: 'function', name: 'FEED', package: 'ZOO', change: 'removed' }],
    });
    expect((await prompt).message).toMatch(/used by .*ZOO::FEED-ALL/);
    expect(await editor.evaluate("(fboundp 'zoo::feed)")).toEqual(['NIL']);
    expect(
      await editor.evaluate("(handler-case (zoo::feed-all '(1)) (undefined-function () :undefined))"),
    ).toEqual([':UNDEFINED']);
    void editor.expectPrompt(/roll back/i, 'Approve');
    expect(await editor.command('plan', { operation: 'rollback' })).toMatchObject({
      transaction: result.transaction,
      of: 'remove_definition',
      definitions: [{ name: 'FEED', change: 'removed' }],
    });
    expect(await editor.command('rollback')).toMatchObject({
      status: 'applied',
      definitions: [{ kind: 'function', name: 'FEED', package: 'ZOO', change: 'new' }],
    });
    expect(await changes()).toEqual(['NIL']);
    expect(await editor.evaluate("(zoo::feed-all '(1))")).toEqual(['((:FED 1))']);
  });

  it('takes the qualifiers and specializers of a method for symbols of the package that stands before its name', async () => {
    const remove = async (symbol: string) => {
      void editor.expectPrompt(/remove method /i, 'Approve');
      const { definitions } = await editor.command('remove_definition', { symbol, form_type: 'method' });
      return definitions.map(({ name }) => name);
    };
    expect(await remove('zoo::weight + (cage)')).toEqual(['WEIGHT + (CAGE)']);
    expect(await remove('zoo::voice ((eql #\\a))')).toEqual(['VOICE ((EQL #\\a))']);
    expect(
      await editor.evaluate(
        "(list (zoo::voice #\\A) (length (sb-mop:generic-function-methods #'zoo::weight)))",
      ),
    ).toEqual(['(:LARGE 0)']);
    const none = { symbol: 'zoo::noise :after (lion)', form_type: 'method' };
    expect((await editor.failure('remove_definition', none)).message).toMatch(
      /method zoo::noise :after \(lion\)/,
    );
  });

  it('of every kind is taken back by a rollback without a trace, and done again by a redo', async () => {
    const again = async (name: 'rollback' | 'redo', symbol: string) => {
      void editor.expectPrompt(name === 'redo' ? /do again/i : /roll back/i, 'Approve');
      const result = await editor.command(name);
      expect(result.status, `${symbol}: ${JSON.stringify(result)}`).toBe('applied');
    };
    for (const [symbol, form_type, seen] of kinds) {
      const isThere = async () => (await editor.evaluate(`(if ${seen} t nil)`))[0] !== 'NIL';
      expect(await isThere(), `${symbol} before`).toBe(true);
      void editor.expectPrompt(/remove /i, 'Approve');
      const result = await editor.command('remove_definition', { symbol, form_type });
      expect(result.status, `${symbol}: ${JSON.stringify(result)}`).toBe('applied');
      expect(await isThere(), `${symbol} removed`).toBe(false);
      await again('rollback', symbol);
      expect(await changes(), symbol).toEqual(['NIL']);
      expect(await isThere(), `${symbol} back`).toBe(true);
      await again('redo', symbol);
      expect(await isThere(), `${symbol} removed again`).toBe(false);
      await again('rollback', symbol);
      expect(await changes(), symbol).toEqual(['NIL']);
    }
  });

  it('that combines methods names the generic functions that go by it before', async () => {
    const remove = async (symbol: string) => {
      const prompt = editor.expectPrompt(/remove method-combination /i, 'Approve');
      const { status } = await editor.command('remove_definition', {
        symbol,
        form_type: 'method-combination',
      });
      expect(status).toBe('applied');
      return (await prompt).message;
    };
    expect(await remove('zoo::best')).toMatch(/No compiled code is known to use it/);
    expect(await remove('zoo::tally')).toMatch(/used by ZOO::FAME,/);
    for (const _ of ['tally', 'best']) {
      void editor.expectPrompt(/roll back/i, 'Approve');
      expect(await editor.command('rollback')).toMatchObject({
        status: 'applied',
        definitions: [{ kind: 'method-combination', change: 'new' }],
      });
    }
    expect(await changes()).toEqual(['NIL']);
    expect(await editor.evaluate('(zoo::fame 1)')).toEqual(['3']);
  });

  it('is a code action at its form, by the name that the form defines', async () => {
    const place = '(defmethod noise ((animal';
    void editor.expectPrompt(/remove method ZOO::NOISE \(INTEGER\) from/i, 'Approve');
    const result = await editor.actionOutcome(document, place, /^Remove noise \(integer\) from image$/);
    expect(result.status).toBe('applied');
    expect(await editor.evaluate("(length (sb-mop:generic-function-methods #'zoo::noise))")).toEqual(['1']);
    expect(readFileSync(`${editor.root}/zoo.lisp`, 'utf8')).toBe(program);
  });

  it('is not done without an approval, and not when the buffer moved on meanwhile', async () => {
    void editor.expectPrompt(/remove function/i, 'Deny');
    const argument = { symbol: 'zoo::feed', form_type: 'function' };
    expect((await editor.failure('remove_definition', argument)).kind).toBe('approval-denied');
    expect(await changes()).toEqual(['NIL']);
  });

  it('is refused for what the image does not have, and for kinds that cannot be removed', async () => {
    const unknown = await editor.failure('remove_definition', { symbol: 'zoo::nothing', form_type: 'defun' });
    expect(unknown.kind).toBe('unknown-symbol');
    const kind = await editor.failure('remove_definition', { symbol: 'zoo::feed', form_type: 'deftest' });
    expect(kind.kind).toBe('invalid-arguments');
    expect(kind.message).toContain('form_type');
    const place = await editor.failure('remove_definition', {
      uri: document.uri,
      position: { line: 2, character: 0 },
    });
    expect(place.kind).toBe('invalid-arguments');
    const both = await editor.failure('remove_definition', { uri: document.uri, symbol: 'zoo::feed' });
    expect(both.kind).toBe('invalid-arguments');
  });
});
