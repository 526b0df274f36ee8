import { beforeAll, describe, expect, it } from 'vitest';
import type { Source, TopLevelForm } from '../../../server/source/index.ts';
import { testSource } from './source.ts';

let source: Source;
beforeAll(async () => {
  source = await testSource();
});

const read = (text: string) => source.snapshot('test:', 0, text);
const textsOf = (text: string, forms: readonly TopLevelForm[]) =>
  forms.map(({ span }) => text.slice(span.start, span.end));

describe('top-level forms', () => {
  it.each([
    ['(a) (b)\n(c)', ['(a)', '(b)', '(c)']],
    ['; (x)\n(a) ; (y)\n#| (z) #| |# |# (b)', ['(a)', '(b)']],
    ['\'a `(b) #\'c #.d 12 "e (" #\\( x:y', ["'a", '`(b)', "#'c", '#.d', '12', '"e ("', '#\\(', 'x:y']],
    ['#+sbcl\n(defun a ())\n#-sbcl (b)', ['#+sbcl\n(defun a ())', '#-sbcl (b)']],
    ['#+a #-b (c) (d)', ['#+a #-b (c)', '(d)']],
    [
      '(eval-when (:execute)\n(defun a ())\n(defun b ())\n)\n(c)',
      ['(eval-when (:execute)\n(defun a ())\n(defun b ())\n)', '(c)'],
    ],
    ['(defun a ()\n  "doc\n(not a form)"\n  1)\n(b)', ['(defun a ()\n  "doc\n(not a form)"\n  1)', '(b)']],
    ['(a |(| \\( #\\))\r\n(b)\r(c)', ['(a |(| \\( #\\))', '(b)', '(c)']],
    ['#(1 2) #2a((1)) #s(a) #p"x"', ['#(1 2)', '#2a((1))', '#s(a)', '#p"x"']],
    ['#?"(" #h(1) #"x"# #_foo (a)', ['#?"("', '#h(1)', '#"x"#', '#_foo', '(a)']],
    ['\ufeff(a)\f(λ 𝔸)', ['(a)', '(λ 𝔸)']],
    ['#!/usr/bin/sbcl --script (\n(a)', ['(a)']],
    ['', []],
  ])('of %j', (text, expected) => {
    const snapshot = read(text);
    expect(textsOf(text, snapshot.forms)).toEqual(expected);
    expect(snapshot.problems).toEqual([]);
    expect(snapshot.forms.some(form => form.broken)).toBe(false);
  });

  it('know their operator in lower case without package prefix', () => {
    expect(
      read("(CL:Defun f ()) '(a) b (|Foo| 1) (:x) ((lambda ())) #+sbcl (progn)").forms.map(f => f.operator),
    ).toEqual(['defun', undefined, undefined, 'foo', undefined, undefined, 'progn']);
  });

  it('start their body past reader conditionals', () => {
    const text = '#+sbcl #-foo (a)';
    expect(text.slice(read(text).forms[0]!.bodyStart)).toBe('(a)');
  });

  it('are found at an offset inside or at either end, the one that starts there first', () => {
    const snapshot = read('(a)(b) c');
    const at = (offset: number) =>
      snapshot.formAt(offset) && snapshot.forms.indexOf(snapshot.formAt(offset)!);
    expect([0, 1, 2, 3, 6, 7, 8].map(at)).toEqual([0, 0, 0, 1, 1, 2, 2]);
    expect(read('(a)  (b)').formAt(4)).toBeUndefined();
  });
});

describe('reader conditionals', () => {
  it.each([
    ['#+sbcl', true],
    ['#-sbcl', false],
    ['#+SBCL', true],
    ['#+:sbcl', true],
    ['#+|SBCL|', true],
    ['#+|sbcl|', false],
    ['#+ccl', false],
    ['#+(and sbcl unix)', true],
    ['#+(and sbcl ccl)', false],
    ['#+(or ccl sbcl)', true],
    ['#+(not ccl)', true],
    ['#-(or)', true],
    ['#+(and)', true],
    ['#+nil', false],
    ['#+(and sbcl (not (or ccl clisp)))', true],
    ['#+sbcl #+unix', true],
    ['#+sbcl #-unix', false],
    ['#+(:and :sbcl)', true],
    ['#+x86-64 ; why\n #| or |#', true],
  ])('%s (a) is read: %s', (guard, active) => {
    const form = read(`${guard} (a)`).forms[0]!;
    expect([form.active, form.guardUnknown]).toEqual([active, false]);
  });

  it('that only evaluation could decide hide the form and say so, whatever stands around them', () => {
    const forms = read(
      '#+#.(launch) (a) #-#.(launch) (b) #+(and sbcl #.(x)) (c) #+(frob) (d) #+(or sbcl #.(x)) (e)',
    ).forms;
    expect(forms.map(form => [form.active, form.guardUnknown])).toEqual([
      [false, true],
      [false, true],
      [false, true],
      [false, true],
      [true, false],
    ]);
  });

  it('skip what SBCL skips: two that fail skip two objects', () => {
    const forms = read('#+no #+no a b c').forms;
    expect(forms.map(form => form.active)).toEqual([false, false, true]);
    expect(forms.map(form => form.index)).toEqual([0, 0, 0]);
    expect(read('#+sbcl #+no a b').forms.map(form => form.active)).toEqual([false, true]);
  });

  it('do not count the forms that they hide', () => {
    expect(read('(a) #+no (b) (c) #+sbcl (d) (e)').forms.map(form => form.index)).toEqual([0, 1, 1, 2, 3]);
  });

  it('follow the features of the image, also in a buffer that is open', async () => {
    const own = await testSource();
    const document = own.open('test:', 1, '#+my-feature (a)');
    expect(document.snapshot.forms[0]!.active).toBe(false);
    own.setFeatures([':SBCL', 'MY-FEATURE']);
    expect(document.snapshot.forms[0]!.active).toBe(true);
    expect(document.snapshot.version).toBe(1);
  });
});

describe('the package in effect', () => {
  const packages = (text: string) => read(text).forms.map(form => form.package);

  it.each([
    ['(in-package app)', 'APP'],
    ['(in-package :app)', 'APP'],
    ['(in-package #:app)', 'APP'],
    ['(in-package "app")', 'app'],
    ['(in-package |App|)', 'App'],
    ['(in-package :a\\pp)', 'ApP'],
    ['(IN-PACKAGE #:|My App|)', 'My App'],
    ['(cl:in-package #:app)', 'APP'],
    ['(common-lisp:in-package app)', 'APP'],
    ['(in-package ; which\n app)', 'APP'],
    ['(progn (in-package :app))', 'APP'],
    ['(eval-when (:compile-toplevel :load-toplevel :execute) (in-package :app))', 'APP'],
    ['#+sbcl (in-package :app)', 'APP'],
    ['(in-package #+ccl :other #-ccl :app)', 'APP'],
    ['(in-package :straße)', 'STRAßE'],
  ])('after %s', (text, name) => {
    expect(packages(`${text} x`)).toEqual([undefined, name]);
  });

  it.each([
    ['#+ccl (in-package :app)'],
    ["'(in-package :app)"],
    ['(let () (in-package :app))'],
    ['(defpackage :app)'],
    ['(uiop:define-package :app)'],
    ['(my:in-package :app)'],
    ['; (in-package :app)\n a'],
    ['(progn #+ccl (in-package :app))'],
  ])('is not changed by %s', text => {
    expect(read(text).packageAt(text.length + 1)).toBeUndefined();
    expect(packages(`${text} x`).at(-1)).toBeUndefined();
  });

  it('is that before the form, for the in-package too', () => {
    expect(packages('(a) (in-package :b) (c) (in-package :d) (e)')).toEqual([
      undefined,
      undefined,
      'B',
      'B',
      'D',
    ]);
  });

  it('is unknown where only evaluation could tell, and the form says which in-package is to blame', () => {
    const text = '(in-package :a) (in-package (x #.(launch))) (b) (in-package :c) (d)';
    const { forms } = read(text);
    expect(forms.map(form => form.package)).toEqual([undefined, 'A', undefined, undefined, 'C']);
    const { start, end } = forms[2]!.packageUnknown!;
    expect(text.slice(start, end)).toBe('(in-package (x #.(launch)))');
    expect(forms[1]!.packageUnknown).toBeUndefined();
    expect(forms[4]!.packageUnknown).toBeUndefined();
    expect(read('(in-package #.(launch)) b').forms[1]!.packageUnknown).toBeDefined();
  });

  it('is known at every offset', () => {
    const text = '(in-package :a)\n(f)\n\n(in-package :b)\n';
    const snapshot = read(text);
    expect([0, 5, 16, 18, 20, 25, text.length].map(offset => snapshot.packageAt(offset))).toEqual([
      undefined,
      undefined,
      'A',
      'A',
      'A',
      'A',
      'B',
    ]);
  });
});

describe('whether a form evaluates', () => {
  it.each([
    ['(defun f (x) (launch))', false],
    ['(cl:defun f ())', false],
    ['(defmacro m () (launch))', false],
    ['(defgeneric g (x) (:method ((x t)) 1))', false],
    ['(defmethod g ((x (eql :a))) 1)', false],
    ['(defmethod g ((x (eql (launch)))) 1)', true],
    ['(defclass c () ((s :initform (launch))))', false],
    ['(define-condition c (error) ())', false],
    ['(defstruct (s (:copier nil)) a)', false],
    ['(deftype ty () (quote x))', false],
    ['(defpackage :p (:use :cl))', false],
    ['(in-package :p)', false],
    ['(declaim (inline f))', false],
    ["(proclaim '(inline f))", false],
    ['(proclaim (launch))', true],
    ["(export '(a b) :p)", false],
    ['(export (launch))', true],
    ['(defvar *x*)', false],
    ['(defparameter *x* 12)', false],
    ['(defparameter *x* "s" "doc")', false],
    ["(defparameter *x* '(a b))", false],
    ['(sb-ext:defglobal *x* nil)', false],
    ['(defconstant +x+ :k)', false],
    ['(defvar *x* (launch))', true],
    ['(defvar *x* y)', true],
    ['(progn (defun f ()) (defvar *x* t))', false],
    ['(eval-when (:execute) (defun f ()))', false],
    ['(progn (defun f ()) (launch))', true],
    ['(progn (defun f ()) #+ccl (launch))', false],
    ['(let ((x 1)) (defun f () x))', true],
    ['(define-route "/" () 1)', true],
    ['(my:defun f ())', true],
    ['(defun f () #.(launch))', true],
    ['(defparameter *x* #.(launch))', true],
    ["(defparameter *x* '(a #.(launch)))", true],
    ['(launch)', true],
    ['x', true],
  ])('%s: %s', (text, evaluates) => {
    expect(read(text).forms[0]!.evaluates).toBe(evaluates);
  });
});

describe('the digest', () => {
  const digest = (text: string) => read(text).forms[0]!.digest;

  it('has 32 hex digits', () => {
    expect(digest('(a)')).toMatch(/^[0-9a-f]{32}$/);
  });

  it.each([
    ['(defun f (x) x)', '(DEFUN  F\n ( x )  ; c\n #| d |# X)'],
    ['(a "b c" |d e| #\\Space)', '(A\t"b c" |d e| #\\SPACE)'],
    ["'a", "' a"],
    ['(a)\r\n', '(a)\n'],
    ['#+sbcl (a)', '#+SBCL\n(a)'],
  ])('is the same for %j and %j', (a, b) => {
    expect(digest(a)).toBe(digest(b));
  });

  it.each([
    ['(a b)', '(ab)'],
    ['(a "b c")', '(a "b  c")'],
    ['(a "B")', '(a "b")'],
    ['(a |b|)', '(a |B|)'],
    ['(a \\b)', '(a \\B)'],
    ['#\\a', '#\\A'],
    ["(a 'b)", '(a b)'],
    ['(a . b)', '(a b)'],
    ['#+sbcl (a)', '#-sbcl (a)'],
    ['(a "x" y)', '(a "x y")'],
  ])('tells %j from %j', (a, b) => {
    expect(digest(a)).not.toBe(digest(b));
  });
});
