/** The outline: what each form is in it. A row is the text and "kind name | detail" of what it shows, children indented. */
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { flatSymbols, type OutlineSymbol } from '../../../server/features/documentSymbol.ts';
import type { Position, Source } from '../../../server/source/index.ts';
import { testSource } from '../source/source.ts';
import { outlineOf } from './outlineOf.ts';

let source: Source;
beforeAll(async () => {
  source = await testSource();
});

const KINDS: Readonly<Record<number, string>> = {
  2: 'Module',
  3: 'Namespace',
  5: 'Class',
  6: 'Method',
  7: 'Property',
  8: 'Field',
  11: 'Interface',
  12: 'Function',
  13: 'Variable',
  14: 'Constant',
  19: 'Object',
  23: 'Struct',
  24: 'Event',
  25: 'Operator',
  26: 'TypeParameter',
};

const read = (text: string) => outlineOf(source.snapshot('test:', 0, text));
const lines = (symbols: readonly OutlineSymbol[], indent = ''): string[] =>
  symbols.flatMap(({ kind, name, detail, children }) => [
    `${indent}${KINDS[kind]} ${name}${detail === '' ? '' : ` | ${detail}`}`,
    ...lines(children, indent + '  '),
  ]);

describe('standard definers', () => {
  it.each<[string, string[]]>([
    ['(defun f (a &optional b) a)', ['Function f | defun (a &optional b)']],
    ['(defun (setf f) (v) v)', ['Function (setf f) | defun (v)']],
    ['(defun |odd name| () 1)', ['Function |odd name| | defun ()']],
    ['(defmacro m (&body body) body)', ['Operator m | defmacro (&body body)']],
    ['(define-compiler-macro f (x) x)', ['Operator f | define-compiler-macro (x)']],
    [
      '(define-modify-macro appendf (&rest more) append)',
      ['Operator appendf | define-modify-macro (place &rest more)'],
    ],
    ['(define-symbol-macro s (car x))', ['Variable s | define-symbol-macro']],
    ['(define-setf-expander f (x) x)', ['Property f | define-setf-expander (x)']],
    ['(defsetf f set-f)', ['Property f | defsetf']],
    ['(defvar *v*)', ['Variable *v* | defvar']],
    ['(defparameter *p* 1 "doc")', ['Variable *p* | defparameter']],
    ['(sb-ext:defglobal **g** 1)', ['Variable **g** | defglobal']],
    ['(defconstant +c+ 1)', ['Constant +c+ | defconstant']],
    ['(alexandria:define-constant +c+ "a" :test #\'equal)', ['Constant +c+ | define-constant']],
    ['(deftype index () `(integer 0))', ['TypeParameter index | deftype ()']],
    [
      '(defclass c (d) ((a :reader a) b) (:documentation "x"))',
      ['Class c | defclass', '  Field a', '  Field b'],
    ],
    ['(define-condition e (error) ((code :initarg :code)))', ['Event e | define-condition', '  Field code']],
    ['(defstruct s a (b 1))', ['Struct s | defstruct', '  Field a', '  Field b']],
    ['(defstruct (s (:include t2) :named) "doc" a)', ['Struct s | defstruct', '  Field a']],
    [
      '(defgeneric g (x) (:documentation "d") (:method ((x a)) 1) (:method :after ((x b)) 2))',
      ['Interface g | defgeneric (x)', '  Method g | defmethod (a)', '  Method g | defmethod :after (b)'],
    ],
    ['(defmethod m ((a c) b &key k) 1)', ['Method m | defmethod (c t)']],
    ['(defmethod (setf m) :around (v (a c)) v)', ['Method (setf m) | defmethod :around (t c)']],
    ['(defmethod m ((a (eql :x))) 1)', ['Method m | defmethod ((eql :x))']],
    ['(define-method-combination and2 :operator and)', ['Operator and2 | define-method-combination']],
    ['(defpackage #:p (:use #:cl))', ['Namespace #:p | defpackage']],
    ['(uiop:define-package "P" (:use cl))', ['Namespace "P" | define-package']],
    ['(asdf:defsystem "s" :depends-on ("t"))', ['Module "s" | defsystem']],
    ['(declaim (inline f))', []],
    ["(setf (fdefinition 'f) #'g)", []],
    ['"a string" 42 :key', []],
  ])('%s', (text, expected) => expect(lines(read(text))).toEqual(expected));
});

describe('definers of users and of test libraries', () => {
  it.each<[string, string[]]>([
    ['(define-route home ("/") 1)', ['Object home | define-route']],
    ['(deftransform f (x) x)', ['Object f | deftransform']],
    ['(web:define-page (home :path "/") 1)', ['Object home | define-page']],
    ['(default-value 1) (defer f)', []],
    // fiveam
    ['(test adds (is (= 1 1)))', ['Event adds | test']],
    ['(fiveam:test (adds :suite s) (is t))', ['Event adds | test']],
    ['(def-test adds (:suite s) (is t))', ['Event adds | def-test']],
    ['(def-suite all :description "x")', ['Object all | def-suite']],
    ['(in-suite all)', []],
    // parachute
    ['(define-test adds (is = 1 1))', ['Event adds | define-test']],
    ['(parachute:define-test+run adds (true t))', ['Event adds | define-test+run']],
    // rove
    ['(deftest adds (ok t))', ['Event adds | deftest']],
    ['(rove:deftest "adds up" (ok t))', ['Event "adds up" | deftest']],
  ])('%s', (text, expected) => expect(lines(read(text))).toEqual(expected));
});

describe('definitions inside other forms', () => {
  it.each<[string, string[]]>([
    ['(progn (defun a ()) (progn (defvar b)))', ['Function a | defun ()', 'Variable b | defvar']],
    ['(eval-when (:compile-toplevel) (defun a ()))', ['Function a | defun ()']],
    ['(let ((n 0)) (defun a () n) (defun b () n))', ['Function a | defun ()', 'Function b | defun ()']],
    ['(let* ((n 0)) (defmethod a ((x c)) n))', ['Method a | defmethod (c)']],
    ['(macrolet ((m () 1)) (defun a () (m)))', ['Function a | defun ()']],
    ['(flet ((local () 1)) (defun a () (local)))', ['Function a | defun ()']],
    ['(labels ((local () 1)) (defun a () (local)))', ['Function a | defun ()']],
    ['(symbol-macrolet ((s 1)) (defun a () s))', ['Function a | defun ()']],
    ['(locally (declare (optimize speed)) (defun a ()))', ['Function a | defun ()']],
    ['(with-compilation-unit () (defun a ()))', ['Function a | defun ()']],
    ['(defun a () (flet ((b ())) (defvar c)))', ['Function a | defun ()']],
  ])('%s', (text, expected) => expect(lines(read(text))).toEqual(expected));
});

describe('reader conditionals', () => {
  it.each<[string, string[]]>([
    ['#+sbcl (defun a ())', ['Function a | defun ()']],
    ['#-sbcl (defun a ())', []],
    ['#+(and sbcl (not unix)) (defun a ()) (defun b ())', ['Function b | defun ()']],
    ['(defun #+sbcl a #-sbcl b ())', ['Function a | defun ()']],
    ['(defun #-sbcl a #+sbcl b ())', ['Function b | defun ()']],
    ['(defun a (#+sbcl x #-sbcl y) 1)', ['Function a | defun (#+sbcl x #-sbcl y)']],
    ['(defclass c () (#+sbcl a #-sbcl b))', ['Class c | defclass', '  Field a']],
    ['#+sbcl #-unix (defun a ()) (defun b ())', ['Function b | defun ()']],
    ['#+#.(error "never") (defun a ())', []],
    ['#| (defun a ()) |# (defun b ())', ['Function b | defun ()']],
  ])('%s', (text, expected) => expect(lines(read(text))).toEqual(expected));
});

describe('an editor that shows no hierarchy', () => {
  it('has every symbol behind the one that holds it', () => {
    const text = '(defclass c () (a))\n(defun f ())';
    expect(
      flatSymbols('file:///a.lisp', read(text)).map(({ name, kind, containerName }) => [
        name,
        kind,
        containerName,
      ]),
    ).toEqual([
      ['c', 5, undefined],
      ['a', 8, 'c'],
      ['f', 12, undefined],
    ]);
  });
});

describe('after edits', () => {
  it('is that of the text, wherever its forms have moved', () => {
    const units = fc.constantFrom(
      '(defun f (x) "😀")',
      '(defclass c ()\n  ((a) (é)))',
      '(defun |"line":5| ("line":7) ())',
      '(defgeneric g (x)\r\n  (:method (x) "line\\":1"))',
      '#+sbcl',
      '#-sbcl',
      '"😀é"',
      '; comment',
      '(list 1)',
      '\n',
      '\r\n',
      '\n\n',
      ' ',
    );
    const edits = fc.array(
      fc.record({ at: fc.nat(12), drop: fc.nat(2), add: fc.array(units, { maxLength: 3 }) }),
      { minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(
        fc.array(units, { maxLength: 12 }),
        edits,
        fc.constantFrom('utf-8', 'utf-16', 'utf-32'),
        (first, all, encoding) => {
          // a line end behind each comment, so that the text stays sound
          const now = [...first];
          const length = (parts: readonly string[]) => parts.join('\n').length + (parts.length > 0 ? 1 : 0);
          const textOf = (parts: readonly string[]) => parts.map(part => `${part}\n`).join('');
          const document = source.open('test:', 1, textOf(now));
          for (const [n, { at, drop, add }] of all.entries()) {
            const start = length(now.slice(0, at));
            const end = length(now.slice(0, at + drop));
            now.splice(at, drop, ...add);
            document.apply([{ range: { start, end }, text: textOf(add) }], n + 2);
            expect(outlineOf(document.snapshot, encoding)).toEqual(
              outlineOf(source.snapshot('test:', 0, textOf(now)), encoding),
            );
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('in any text', () => {
  const before = (a: Position, b: Position) =>
    a.line < b.line || (a.line === b.line && a.character <= b.character);
  const check = (symbols: readonly OutlineSymbol[]): void => {
    for (const { name, range, selectionRange, children } of symbols) {
      expect(name).not.toBe('');
      expect(name).not.toMatch(/[\r\n]/);
      expect(before(range.start, selectionRange.start) && before(selectionRange.end, range.end)).toBe(true);
      for (const child of children)
        expect(before(range.start, child.range.start) && before(child.range.end, range.end)).toBe(true);
      check(children);
    }
  };
  const real = ['compile.lisp', 'install.lisp'].map(name =>
    readFileSync(path.join(import.meta.dirname, '../../../lisp', name), 'utf8'),
  );

  it('names stand inside their definitions, and children inside their parents', () => {
    real.forEach(text => {
      expect(read(text).length).toBeGreaterThan(5);
      check(read(text));
    });
    const pieces = fc.constantFrom(
      ...'(defun f (x)|(defclass c () ((a)|#+sbcl |#-x |"s|) |)\n|; c\n|\\|#|'.split('|'),
      '|',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), all => check(read(all.join('')))),
      { numRuns: 300 },
    );
  });
});
