import { beforeAll, describe, expect, it } from 'vitest';
import type { Source, SourceDefinition } from '../../../server/source/index.ts';
import { testSource } from './source.ts';

let source: Source;
beforeAll(async () => {
  source = await testSource();
});

const definitions = (text: string): readonly SourceDefinition[] =>
  source.snapshot('test:', 0, text).forms.flatMap(form => form.definitions);
const brief = (text: string) => definitions(text).map(({ kind, name }) => `${kind} ${name}`);

describe('definitions', () => {
  it.each([
    ['(defun foo (a &optional b) "doc" a)', ['function foo']],
    ['(CL:DEFUN Foo ())', ['function Foo']],
    ['(defun (setf foo) (v x))', ['function (setf foo)']],
    ['(defun app::foo ())', ['function app::foo']],
    ['(defun |Foo bar| ())', ['function |Foo bar|']],
    ['(defmacro m (&body b) `(progn ,@b))', ['macro m']],
    ['(define-compiler-macro f (&whole w) w)', ['compiler-macro f']],
    ['(deftype ty (n) `(mod ,n))', ['type ty']],
    ['(defvar *a*)', ['variable *a*']],
    ['(defparameter *a* 1 "doc")', ['variable *a*']],
    ['(sb-ext:defglobal **a** 1)', ['variable **a**']],
    ['(defconstant +a+ 1)', ['constant +a+']],
    ['(alexandria:define-constant +a+ "x" :test #\'equal)', ['constant +a+']],
    ['(defclass c (b) ((x :initarg :x) y))', ['class c']],
    ['(define-condition e (error) ())', ['condition e']],
    ['(defstruct s a b)', ['structure s']],
    ['(defstruct (s (:conc-name nil) (:include r)) "doc" a (b 1))', ['structure s']],
    ['(define-symbol-macro sm (f))', ['symbol-macro sm']],
    ['(defsetf acc set-acc)', ['setf-expander acc']],
    ['(define-setf-expander place (x) x)', ['setf-expander place']],
    ['(define-modify-macro appendf (&rest l) append "doc")', ['macro appendf']],
    ['(define-method-combination mc :operator and)', ['method-combination mc']],
    ['(defpackage #:app (:use #:cl))', ['package #:app']],
    ['(uiop:define-package "APP" (:use :cl))', ['package "APP"']],
    ['(asdf:defsystem "app" :depends-on ())', ['system "app"']],
    ['(declaim (inline f) (optimize speed))', ['declaration (inline f)', 'declaration (optimize speed)']],
    ['(deftest adds ())', ['test adds']],
    ['(def-test adds () t)', ['test adds']],
    ['(test adds (is t))', ['test adds']],
    ['(fiveam:test (adds :suite s) (is t))', ['test adds']],
    ['(define-test "adds")', ['test "adds"']],
    ['(define-route home "/" ())', ['other home']],
    ['(defroute (home :method :get) ())', ['other home']],
    ['(my:defhandler (setf thing) ())', ['other (setf thing)']],
    ['(defun #+sbcl a #-sbcl b ())', ['function a']],
    ['(defun #-sbcl a #+sbcl b ())', ['function b']],
    ['#+sbcl (defun a ())', ['function a']],
    ['(defun ; name\n a ())', ['function a']],
  ])('of %s', (text, expected) => {
    expect(brief(text)).toEqual(expected);
  });

  it.each([
    "'(defun a ())",
    '`(defun ,name ())',
    '(quote (defun a ()))',
    '(foo (defun a ()))',
    '(default-thing a)',
    '(deflate stream)',
    '(defer x)',
    '(defun)',
    '(defun 12 ())',
    '(progn #+ccl (defun a ()))',
    '(list :deftest)',
  ])('are none in %s', text => {
    expect(definitions(text)).toEqual([]);
  });

  it.each([
    ['(progn (defun a ()) (defvar *b*))', ['function a', 'variable *b*']],
    ['(eval-when (:execute) (defun a ()) (defmacro b ()))', ['function a', 'macro b']],
    ['(let ((x 0)) (defun a () x) (defun b () x))', ['function a', 'function b']],
    ['(let* ((x 0)) (progn (defun a () x)))', ['function a']],
    ['(flet ((local () 1)) (defun a () (local)))', ['function a']],
    ['(labels ((local () (defun not-here ()))) (defun a () (local)))', ['function a']],
    ['(macrolet ((def (n) `(defun ,n ()))) (def a) (defun b ()))', ['function b']],
    ['(symbol-macrolet ((x 1)) (locally (declare (optimize speed)) (defun a ())))', ['function a']],
    ['#+sbcl (progn #+ccl (defun a ()) #-ccl (defun b ()))', ['function b']],
    ['(defun a () (defun b ()))', ['function a']],
  ])('inside %s', (text, expected) => {
    expect(brief(text)).toEqual(expected);
  });

  it('say where they and their names stand, also in the middle of a buffer', () => {
    const text = '; first\n(in-package :a)\n\n#+sbcl (defun (setf foo) (v) v)\n(progn (defvar *x*))';
    expect(
      definitions(text).map(d => [
        text.slice(d.span.start, d.span.end),
        text.slice(d.nameSpan.start, d.nameSpan.end),
      ]),
    ).toEqual([
      ['(defun (setf foo) (v) v)', '(setf foo)'],
      ['(defvar *x*)', '*x*'],
    ]);
  });

  it.each([
    ['(defmethod area ((s square) &key (unit :cm)) 1)', [], ['square']],
    ['(defmethod area :around ((s square) factor (n (eql 3))) 1)', [':around'], ['square', 't', '(eql 3)']],
    [
      '(defmethod (setf x) :before progn (v (o app::thing) &optional y) 1)',
      [':before', 'progn'],
      ['t', 'app::thing'],
    ],
    ['(defmethod run () 1)', [], []],
  ])('of the method %s have qualifiers %j and specializers %j', (text, qualifiers, specializers) => {
    expect(definitions(text)[0]).toMatchObject({ kind: 'method', qualifiers, specializers });
  });

  it.each([
    ['(defun f (a &key (b 1)) "doc" a)', '(a &key (b 1))', 'doc'],
    ['(defun f () "not a docstring")', '()', undefined],
    ['(defun f () (declare (optimize speed)) "doc \\"quoted\\"" 1)', '()', 'doc "quoted"'],
    ['(defun f nil 1)', 'nil', undefined],
    ['(defun f (#+sbcl a #-sbcl b) a)', '(#+sbcl a #-sbcl b)', undefined],
    ['(defgeneric g (a b) (:documentation "doc"))', '(a b)', 'doc'],
    ['(defmethod g :after ((a t) b) "doc" 1)', '((a t) b)', 'doc'],
    ['(defvar *v* nil "doc")', undefined, 'doc'],
    ['(defclass c () () (:documentation "doc"))', undefined, 'doc'],
    ['(defstruct s "doc" a)', undefined, 'doc'],
    ['(defpackage p (:documentation "doc"))', undefined, 'doc'],
    ['(defsystem s :version "1" :description "doc")', undefined, 'doc'],
    ['(defsetf acc (x) (v) "doc" `(set ,x ,v))', '(x)', 'doc'],
    ['(define-constant +a+ 1 :test eql :documentation "doc")', undefined, 'doc'],
  ])('of %s: lambda list %j, docstring %j', (text, lambdaList, docstring) => {
    const [first] = definitions(text);
    expect([first!.lambdaList, first!.docstring]).toEqual([lambdaList, docstring]);
  });

  it('hold slots and the methods of a generic function', () => {
    const [generic, klass, structure] = definitions(
      `(defgeneric g (x) (:documentation "d") (:method ((x string)) 1) (:method :around ((x (eql 1))) 2))
       (defclass c () (a (b :initform 1 :documentation "the b")))
       (defstruct s "doc" a (b 2 :type fixnum) #+ccl c)`,
    );
    expect(
      generic!.children.map(({ kind, name, qualifiers, specializers }) => ({
        kind,
        name,
        qualifiers,
        specializers,
      })),
    ).toEqual([
      { kind: 'method', name: 'g', qualifiers: [], specializers: ['string'] },
      { kind: 'method', name: 'g', qualifiers: [':around'], specializers: ['(eql 1)'] },
    ]);
    expect(klass!.children.map(({ operator, name, docstring }) => ({ operator, name, docstring }))).toEqual([
      { operator: 'slot', name: 'a', docstring: undefined },
      { operator: 'slot', name: 'b', docstring: 'the b' },
    ]);
    expect(structure!.children.map(({ name }) => name)).toEqual(['a', 'b']);
  });
});
