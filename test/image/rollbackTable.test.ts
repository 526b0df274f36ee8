/** The table of docs/guide.md: what a rollback restores, and what it does not. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Editor } from '../support/lspClient.ts';
import type { OperationResult } from '../support/lspTypes.ts';

interface Row {
  readonly before: string;
  readonly after: string;
  /** A form that tells the difference, and its value before the change, after it, and after the rollback. */
  readonly look: string;
  readonly values: readonly [string, string, string];
  /** Code of the program that ran between. */
  readonly between?: string;
  readonly ends?: 'partial';
}

const rows: Record<string, Row> = {
  'a function': { before: '(defun f () 1)', after: '(defun f () 2)', look: '(f)', values: ['1', '2', '1'] },
  'a setf function': {
    before: '(defun (setf q) (v) v)',
    after: '(defun (setf q) (v) (list v))',
    look: '(setf (q) 1)',
    values: ['1', '(1)', '1'],
  },
  'a macro, with its users': {
    before: '(defmacro m () 1)\n(defun um () (m))',
    after: '(defmacro m () 2)\n(defun um () (m))',
    look: '(um)',
    values: ['1', '2', '1'],
  },
  'an inline function, with its users': {
    before: '(declaim (inline i))\n(defun i () 1)\n(defun ui () (i))',
    after: '(declaim (inline i))\n(defun i () 2)\n(defun ui () (i))',
    look: '(ui)',
    values: ['1', '2', '1'],
  },
  methods: {
    before: '(defgeneric ge (x))\n(defmethod ge ((x integer)) 1)',
    after: '(defgeneric ge (x))\n(defmethod ge ((x integer)) 2)\n(defmethod ge ((x string)) 3)',
    look: '(list (ge 1) (ignore-errors (ge "a")))',
    values: ['(1 NIL)', '(2 3)', '(1 NIL)'],
  },
  'methods of INITIALIZE-INSTANCE, for constructors compiled before': {
    before:
      "(defclass mk () (a))\n(defmethod initialize-instance :after ((mk mk) &key) (setf (slot-value mk 'a) 1))\n(defun make () (slot-value (make-instance 'mk) 'a))",
    after:
      "(defclass mk () (a))\n(defmethod initialize-instance :after ((mk mk) &key) (setf (slot-value mk 'a) 2))",
    look: '(make)',
    values: ['1', '2', '1'],
  },
  'the keywords of a generic function and its methods': {
    before: '(defgeneric gk (x &key a))\n(defmethod gk ((x integer) &key a) a)',
    after: '(defgeneric gk (x &key a b))\n(defmethod gk ((x integer) &key a b) (list a b))',
    look: '(gk 1 :a 2)',
    values: ['2', '(2 NIL)', '2'],
  },
  'what a generic function says of itself': {
    before: '(defgeneric gs (x y) (:documentation "one"))\n(defmethod gs (x y) (list x y))',
    after:
      '(defgeneric gs (x y) (:documentation "two") (:argument-precedence-order y x))\n(defmethod gs (x y) (list x y))',
    look: "(list (documentation 'gs 'function) (sb-mop:generic-function-argument-precedence-order #'gs))",
    values: ['("one" (X Y))', '("two" (Y X))', '("one" (X Y))'],
  },
  'a method combination, for the generic functions that use it': {
    before:
      '(define-method-combination sums :operator +)\n(defgeneric summed (x) (:method-combination sums))\n(defmethod summed sums ((x integer)) 1)\n(defmethod summed sums ((x number)) 2)',
    after: '(define-method-combination sums :operator list)',
    look: '(summed 1)',
    values: ['3', '(1 2)', '3'],
  },
  'the method combination of a generic function': {
    before: '(defgeneric gm (x) (:method-combination list))\n(defmethod gm list ((x integer)) 1)',
    after: '(defgeneric gm (x) (:method-combination +))\n(defmethod gm + ((x integer)) 1)',
    look: '(values (ignore-errors (gm 1)))',
    values: ['(1)', 'NIL', '(1)'],
  },
  'what a class says of itself': {
    before: '(defclass kd () () (:documentation "one"))',
    after: '(defclass kd () () (:documentation "two"))',
    look: "(documentation 'kd 'type)",
    values: ['"one"', '"two"', '"one"'],
  },
  'a type': {
    before: "(deftype ty () 'integer)",
    after: "(deftype ty () 'string)",
    look: "(typep 1 'ty)",
    values: ['T', 'NIL', 'T'],
  },
  'a symbol macro': {
    before: '(define-symbol-macro sm 1)',
    after: '(define-symbol-macro sm 2)',
    look: 'sm',
    values: ['1', '2', '1'],
  },
  'a constant': {
    before: '(defconstant +c+ 1)',
    after: '(defconstant +c+ 2)',
    look: "(symbol-value '+c+)",
    values: ['1', '2', '1'],
  },
  'a variable': {
    before: '(defparameter *v* 1)',
    after: '(defparameter *v* 2)',
    look: '*v*',
    values: ['1', '2', '1'],
  },
  'a new definition': {
    before: '(defvar *other* nil)',
    after: '(defvar *other* nil)\n(defun g () 2)',
    look: "(and (fboundp 'g) t)",
    values: ['NIL', 'T', 'NIL'],
  },
  'the exports of a package, not its symbols': {
    before: '(defpackage :pp (:use :cl) (:export #:a))',
    after: '(defpackage :pp (:use :cl) (:export #:a #:b))',
    look: '(nth-value 1 (find-symbol "B" :pp))',
    values: ['NIL', ':EXTERNAL', ':INTERNAL'],
  },
  'the name of another package': {
    before: '(defpackage :named (:use :cl) (:nicknames :nick))',
    after: '(rename-package :named :renamed)',
    look: '(list (and (find-package :nick) t) (and (find-package :renamed) t))',
    values: ['(T NIL)', '(NIL T)', '(T NIL)'],
  },
  'nothing of what an imported symbol means elsewhere': {
    before: '(defpackage :lib (:use :cl) (:export #:assist))\n(defun lib:assist () 1)',
    after: "(import 'lib:assist)\n(defun helped () 1)",
    look: "(list (lib:assist) (and (fboundp 'helped) t))",
    values: ['(1 NIL)', '(1 T)', '(1 NIL)'],
  },
  'no change made to an object': {
    before: '(defvar *h* (list 1))',
    after: '(defvar *h* (list 1))\n(push 2 (cdr *h*))',
    look: '*h*',
    values: ['(1)', '(1 2)', '(1 2)'],
  },
  'a class, but not dropped slots of instances that were used meanwhile': {
    before: "(defclass k () ((a :initform 1) (b :initarg :b)))\n(defvar *k* (make-instance 'k :b 2))",
    after: "(defclass k () ((a :initform 1)))\n(defvar *k* (make-instance 'k :b 2))",
    between: "(slot-value *k* 'a)",
    look: "(and (slot-exists-p *k* 'b) (slot-boundp *k* 'b))",
    values: ['T', 'NIL', 'NIL'],
    ends: 'partial',
  },
};

describe('a rollback restores', () => {
  let editor: Editor;
  beforeAll(async () => {
    editor = await Editor.start({ settings: { approval: { 'modify-running-code': 'allow' } } });
  });
  afterAll(() => editor?.finish());

  it.each(Object.entries(rows))('%s', async (name, { before, after, look, values, between, ends }) => {
    const head = '(in-package :cl-user)\n';
    const document = editor.open(`${name.replace(/\W+/g, '-')}.lisp`, `${head}${before}\n`);
    const reload = () => editor.command<OperationResult>('reload_file', { uri: document.uri });
    expect(await reload()).toMatchObject({ status: 'applied' });
    expect(await editor.evaluate(look)).toEqual([values[0]]);
    document.set(`${head}${after}\n`);
    const { transaction, status } = await reload();
    expect(status).toBe('applied');
    if (between) await editor.evaluate(between);
    expect(await editor.evaluate(look)).toEqual([values[1]]);
    const back = await editor.command('rollback', { transaction });
    expect(back).toMatchObject({ status: ends ?? 'applied' });
    if (ends) expect(JSON.stringify(back)).toMatch(/have lost the values of B/);
    expect(await editor.evaluate(look)).toEqual([values[2]]);
  });

  it('nothing of a structure whose slots were changed, because that is refused', async () => {
    const document = editor.open(
      's.lisp',
      '(in-package :cl-user)\n(defstruct s a b)\n(defvar *s* (make-s :a 1))\n',
    );
    await editor.command('reload_file', { uri: document.uri });
    document.replace('s a b', 's a b c');
    expect(await editor.command('reload_file', { uri: document.uri })).toMatchObject({ status: 'failed' });
    expect(await editor.evaluate('(s-a *s*)')).toEqual(['1']);
  });
});
