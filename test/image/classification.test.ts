/** What an edit is told to do before anything runs: its class and hazard, decided without compiling or evaluating anything. */
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Editor, lispString, type TextDocument } from '../support/lspClient.ts';
import { fingerprintDifferences, takeFingerprint } from '../support/shop.ts';

const program = `(defpackage #:edits
  (:use #:common-lisp)
  (:export #:caller #:lonely))

(in-package #:edits)

(defvar *variable* (list 1))
(defparameter *parameter* 1)
(sb-ext:defglobal **global** 1)
(defconstant +number+ 10)
(defconstant +character+ #\\a)
(defconstant +symbol+ 'red)
(defconstant +computed+ (* 2 3))
(defmacro macro (x) \`(list ,x))
(define-symbol-macro symbol-macro (car *variable*))
(define-modify-macro appendf (&rest more) append)
(deftype small () '(integer 0 9))
(defstruct point (x 0) (y 0))
(defstruct (raw (:conc-name r-)) (a 0d0 :type double-float) b)
(defstruct (point3 (:include point)) z)
(defstruct (typed (:type list)) a b)
(defstruct bare (count 0 :type integer))
(defstruct (stored (:include point))
  (rate 0d0 :type (double-float 0d0)) (count 0 :type fixnum) (any 0 :type integer) (limit 0 :type (integer 0 10)) (next nil :type (or null point)))
(defclass basket () ((items :initform '() :accessor items)))
(defclass crate () ((count :initform nil :type (or null integer)) any))
(defvar *crate* (make-instance 'crate))
(defclass never-made (not-there) (any))
(define-condition trouble (error) ((what :initarg :what)))
(define-method-combination sum :operator + :identity-with-one-argument t)
(declaim (inline inlined))
(defun inlined (x) (1+ x))
(defun taken (a b) (list a b))
(defun optional (a &optional b) (list a b))
(defun keyed (&key a b) (list a b))
(defun lonely (a b) (list a b))
(defun (setf place) (value x) (list value x))
(define-compiler-macro taken (&whole form a b) (declare (ignore a b)) form)
(defsetf short set-short)
(defun set-short (x value) (list x value))
(define-setf-expander long (x) (values '() '() '(v) \`(list v ,x) \`(list ,x)))
(defgeneric area (thing scale))
(defmethod area ((thing integer) scale) (* thing scale))
(defmethod area :around ((thing integer) scale) (call-next-method))
(defun caller () (list (taken 1 2) (optional 1 2) (keyed :a 1 :b 2)))
(defun calls-early () (early 1))
(defun sets-place (x) (setf (place x) 1))
(declaim (ftype (function (t) integer) measured))
(defun measured (x) (length x))
`;

type Row = readonly [
  title: string,
  /** The new text of a form; the program's own form of this name is replaced, or it is added at the end. */
  text: string,
  class_: 'unchanged' | 'safe' | 'dependents' | 'migration' | 'hazardous',
  hazard?: string,
];

const rows: readonly Row[] = [
  // functions
  ['a new function', '(defun fresh (x) x)', 'safe'],
  ['another body', '(defun taken (a b) (list b a))', 'safe'],
  ['another docstring', '(defun lonely (a b) "Lonely." (list a b))', 'safe'],
  ['other names of parameters', '(defun taken (c d) (list c d))', 'safe'],
  ['an optional parameter more', '(defun taken (a b &optional c) (list a b c))', 'safe'],
  ['a keyword more', '(defun keyed (&key a b c) (list a b c))', 'safe'],
  ['a rest parameter more', '(defun taken (a b &rest more) (list a b more))', 'safe'],
  ['a parameter optional that was required', '(defun taken (a &optional b) (list a b))', 'safe'],
  ['a parameter less, with callers', '(defun taken (a) (list a))', 'hazardous', 'lambda-list'],
  [
    'a required parameter more, with callers',
    '(defun taken (a b c) (list a b c))',
    'hazardous',
    'lambda-list',
  ],
  ['an optional parameter less, with callers', '(defun optional (a) (list a))', 'hazardous', 'lambda-list'],
  [
    'an optional parameter that becomes required',
    '(defun optional (a b) (list a b))',
    'hazardous',
    'lambda-list',
  ],
  ['a keyword less, with callers', '(defun keyed (&key a) (list a))', 'hazardous', 'lambda-list'],
  ['another lambda list that nobody calls', '(defun lonely (a) (list a))', 'safe'],
  ['an inline function', '(defun inlined (x) (+ x 2))', 'dependents'],
  ['a setf function', '(defun (setf place) (value x) (list x value))', 'safe'],
  ['a function in place of a macro', '(defun macro (x) (list x))', 'hazardous', 'kind-changed'],
  [
    'a function in place of a generic function',
    '(defun area (thing scale) (list thing scale))',
    'hazardous',
    'kind-changed',
  ],
  ['a function of Common Lisp', '(defun car (x) x)', 'hazardous', 'locked-package'],
  [
    'a setf function of Common Lisp',
    '(defun (setf car) (value x) (list value x))',
    'hazardous',
    'locked-package',
  ],
  // macros
  ['a new macro', '(defmacro fresh (x) x)', 'safe'],
  ['a new macro that code calls already', '(defmacro early (x) x)', 'dependents'],
  ['a macro', '(defmacro macro (x) `(vector ,x))', 'dependents'],
  ['a macro’s lambda list', '(defmacro macro (x y) `(list ,x ,y))', 'dependents'],
  ['a macro in place of a function', '(defmacro taken (a b) `(list ,a ,b))', 'hazardous', 'kind-changed'],
  [
    'a macro in place of a generic function',
    '(defmacro area (a b) `(list ,a ,b))',
    'hazardous',
    'kind-changed',
  ],
  ['a macro of Common Lisp', '(defmacro when (&body b) b)', 'hazardous', 'locked-package'],
  ['a modify macro', '(define-modify-macro appendf (more) append)', 'dependents'],
  ['a new compiler macro', '(define-compiler-macro lonely (a b) `(vector ,a ,b))', 'safe'],
  [
    'a new compiler macro that has callers',
    '(define-compiler-macro optional (a &optional b) `(list ,a ,b))',
    'dependents',
  ],
  ['a compiler macro', '(define-compiler-macro taken (a b) `(vector ,a ,b))', 'dependents'],
  ['a new symbol macro', '(define-symbol-macro fresh 1)', 'safe'],
  ['a symbol macro', '(define-symbol-macro symbol-macro (second *variable*))', 'dependents'],
  [
    'a symbol macro in place of a variable',
    '(define-symbol-macro *variable* 1)',
    'hazardous',
    'kind-changed',
  ],
  ['a symbol macro in place of a constant', '(define-symbol-macro +number+ 1)', 'hazardous', 'kind-changed'],
  ['a short setf expander', '(defsetf short set-shorter)', 'dependents'],
  [
    'a setf expander',
    "(define-setf-expander long (x) (values '() '() '(w) `(list w ,x) `(list ,x)))",
    'dependents',
  ],
  ['a new setf expander', '(defsetf fresh set-fresh)', 'safe'],
  ['a setf expander where code calls a setf function', '(defsetf place set-place)', 'dependents'],
  [
    'a setf function where SETF goes by an expander',
    '(defun (setf short) (value x) (list value x))',
    'hazardous',
    'kind-changed',
  ],
  [
    'a generic setf function where SETF goes by an expander',
    '(defgeneric (setf long) (value x))',
    'hazardous',
    'kind-changed',
  ],
  // variables and constants
  ['a new variable', '(defvar *fresh* 1)', 'safe'],
  ['a variable', '(defvar *variable* (list 2))', 'safe'],
  ['a parameter', '(defparameter *parameter* 2)', 'safe'],
  ['a global variable', '(sb-ext:defglobal **global** 2)', 'safe'],
  ['a special variable in place of a global one', '(defvar **global** 2)', 'hazardous', 'kind-changed'],
  ['a variable in place of a constant', '(defvar +number+ 2)', 'hazardous', 'kind-changed'],
  ['a variable in place of a symbol macro', '(defvar symbol-macro 2)', 'hazardous', 'kind-changed'],
  ['a new constant', '(defconstant +fresh+ 1)', 'safe'],
  ['a constant of the same value, written otherwise', '(defconstant +number+ 10 "Ten.")', 'dependents'],
  ['a constant of another number', '(defconstant +number+ 11)', 'hazardous', 'constant-changed'],
  ['a constant of another kind of number', '(defconstant +number+ 10.0)', 'hazardous', 'constant-changed'],
  ['a constant of another character', '(defconstant +character+ #\\b)', 'hazardous', 'constant-changed'],
  ['a constant of another symbol', "(defconstant +symbol+ 'green)", 'hazardous', 'constant-changed'],
  ['a constant whose value only evaluation tells', '(defconstant +computed+ (* 3 3))', 'dependents'],
  ['a variable that was a parameter', '(defvar *parameter* 1)', 'safe'],
  ['a constant whose value is no longer the same object', '(defconstant +symbol+ (list 1 2))', 'dependents'],
  ['a constant in place of a symbol macro', '(defconstant symbol-macro 1)', 'hazardous', 'kind-changed'],
  ['a constant in place of a variable', '(defconstant *parameter* 1)', 'hazardous', 'kind-changed'],
  // types, structures, classes
  ['a new type', '(deftype fresh () t)', 'safe'],
  ['a type', "(deftype small () '(integer 0 99))", 'dependents'],
  ['a type in place of a class', '(deftype basket () t)', 'hazardous', 'kind-changed'],
  ['a type of Common Lisp', '(deftype bit () t)', 'hazardous', 'locked-package'],
  ['a new structure', '(defstruct fresh a)', 'safe'],
  ['another default of a slot', '(defstruct point (x 1) (y 0))', 'dependents'],
  ['a slot more', '(defstruct point (x 0) (y 0) z)', 'hazardous', 'structure-incompatible'],
  ['a slot less', '(defstruct point (x 0))', 'hazardous', 'structure-incompatible'],
  ['slots in another order', '(defstruct point (y 0) (x 0))', 'hazardous', 'structure-incompatible'],
  [
    'a slot of another representation',
    '(defstruct (raw (:conc-name r-)) a b)',
    'hazardous',
    'structure-incompatible',
  ],
  [
    'the same structure with a docstring',
    '(defstruct (raw (:conc-name r-)) "Raw." (a 0d0 :type double-float) b)',
    'dependents',
  ],
  [
    'a structure that includes another, its slots as before',
    '(defstruct (point3 (:include point)) (z 1))',
    'dependents',
  ],
  [
    'a structure that includes another, with a slot more',
    '(defstruct (point3 (:include point)) z w)',
    'hazardous',
    'structure-incompatible',
  ],
  [
    'a structure that includes another one than before',
    '(defstruct (point3 (:include raw)) z)',
    'hazardous',
    'structure-incompatible',
  ],
  ['a structure that no longer includes any', '(defstruct point3 z)', 'hazardous', 'structure-incompatible'],
  ['a structure of other names', '(defstruct (bare (:conc-name b-)) (count 0 :type integer))', 'dependents'],
  [
    'a structure made by position',
    '(defstruct (bare (:constructor bare (count))) (count 0 :type integer))',
    'dependents',
  ],
  [
    'a structure that is printed otherwise',
    '(defstruct (bare (:print-function print-bare)) (count 0 :type integer))',
    'dependents',
  ],
  ['a slot that is read only', '(defstruct bare (count 0 :type integer :read-only t))', 'dependents'],
  [
    'a slot that takes less',
    `(defstruct (stored (:include point))
  (rate 0d0 :type (double-float 0d0)) (count 0 :type fixnum) (any 0 :type integer) (limit 0 :type (integer 0 5)) (next nil :type (or null point)))`,
    'hazardous',
    'slot-narrowed',
  ],
  [
    'a slot that takes more',
    `(defstruct (stored (:include point))
  (rate 0d0 :type (double-float 0d0)) (count 0 :type fixnum) (any 0 :type integer) (limit 0 :type (integer 0 11)) (next nil :type (or null point)))`,
    'hazardous',
    'structure-incompatible',
  ],
  [
    'a slot that takes more than structures',
    `(defstruct (stored (:include point))
  (rate 0d0 :type (double-float 0d0)) (count 0 :type fixnum) (any 0 :type integer) (limit 0 :type (integer 0 10)) next)`,
    'hazardous',
    'structure-incompatible',
  ],
  [
    'a slot that is no float any more',
    `(defstruct (stored (:include point))
  (rate 0d0) (count 0 :type fixnum) (any 0 :type integer) (limit 0 :type (integer 0 10)) (next nil :type (or null point)))`,
    'hazardous',
    'structure-incompatible',
  ],
  [
    'a slot that is a machine word now',
    `(defstruct (stored (:include point))
  (rate 0d0 :type (double-float 0d0)) (count 0 :type fixnum) (any 0 :type (unsigned-byte 64)) (limit 0 :type (integer 0 10)) (next nil :type (or null point)))`,
    'hazardous',
    'structure-incompatible',
  ],
  [
    'a slot that the collector need not look at now',
    '(defstruct bare (count 0 :type fixnum))',
    'hazardous',
    'structure-incompatible',
  ],
  [
    'a slot of a type of the program, of which only evaluation tells',
    '(defstruct bare (count 0 :type small))',
    'dependents',
  ],
  ['a structure that is a vector', '(defstruct (typed (:type vector)) a b)', 'dependents'],
  ['a structure that is a list', '(defstruct (typed (:type list)) a b c)', 'dependents'],
  ['a structure in place of a class', '(defstruct basket items)', 'hazardous', 'kind-changed'],
  ['a structure of Common Lisp', '(defstruct hash-table a)', 'hazardous', 'locked-package'],
  ['a new class', '(defclass fresh () ())', 'safe'],
  ['a slot more in a class', '(defclass basket () (items owner))', 'migration'],
  ['a slot less in a class', '(defclass basket () ())', 'migration'],
  [
    'a slot shared by the class',
    '(defclass basket () ((items :allocation :class :accessor items)))',
    'migration',
  ],
  [
    'other defaults of a class',
    '(defclass basket () ((items :accessor items)) (:default-initargs :x 1))',
    'migration',
  ],
  [
    'a slot of a class that takes less',
    '(defclass crate () ((count :initform 0 :type integer) any))',
    'hazardous',
    'slot-narrowed',
  ],
  [
    'a slot of a class that took everything and does not now',
    '(defclass crate () ((count :initform nil :type (or null integer)) (any :type list)))',
    'hazardous',
    'slot-narrowed',
  ],
  [
    'a slot of a class that takes more',
    '(defclass crate () ((count :initform nil :type (or null number)) any))',
    'migration',
  ],
  [
    'a slot that takes less of a class without instances',
    '(defclass never-made (not-there) ((any :type list)))',
    'migration',
  ],
  ['another type of a function', '(declaim (ftype (function (t) (or null integer)) measured))', 'dependents'],
  ['a type of a function that had none', '(declaim (ftype (function (t t) list) lonely))', 'safe'],
  ['an accessor less', "(defclass basket () ((items :initform '())))", 'migration'],
  ['other superclasses', '(defclass basket (standard-object) ((items :accessor items)))', 'migration'],
  ['a class in place of a structure', '(defclass point () (x y))', 'hazardous', 'kind-changed'],
  [
    'a class of another metaclass',
    '(defclass basket () () (:metaclass sb-mop:funcallable-standard-class))',
    'hazardous',
    'metaclass',
  ],
  ['a class in place of a condition', '(defclass trouble () ())', 'hazardous', 'kind-changed'],
  ['a class of Common Lisp', '(defclass list () ())', 'hazardous', 'locked-package'],
  ['a new condition', '(define-condition fresh (error) ())', 'safe'],
  ['a condition', '(define-condition trouble (error) ((what :initarg :what) more))', 'migration'],
  ['a condition in place of a class', '(define-condition basket (error) ())', 'hazardous', 'kind-changed'],
  // generic functions and methods
  ['a new generic function', '(defgeneric fresh (x))', 'safe'],
  [
    'a generic function with another docstring',
    '(defgeneric area (thing scale) (:documentation "Area."))',
    'safe',
  ],
  [
    'a generic function that combines its methods otherwise',
    '(defgeneric area (thing scale) (:method-combination sum))',
    'hazardous',
    'method-combination',
  ],
  [
    'a generic function whose methods do not fit',
    '(defgeneric area (thing))',
    'hazardous',
    'generic-lambda-list',
  ],
  [
    'a generic function in place of a function',
    '(defgeneric taken (a b))',
    'hazardous',
    'function-to-generic',
  ],
  ['a generic function in place of a macro', '(defgeneric macro (x))', 'hazardous', 'kind-changed'],
  ['a method', '(defmethod area ((thing integer) scale) (+ thing scale))', 'safe'],
  [
    'a method with a qualifier',
    '(defmethod area :around ((thing integer) scale) (+ 1 (call-next-method)))',
    'safe',
  ],
  ['a new method', '(defmethod area ((thing float) scale) (* thing scale))', 'safe'],
  [
    'a method that does not fit',
    '(defmethod area ((thing integer)) thing)',
    'hazardous',
    'generic-lambda-list',
  ],
  [
    'a method with an optional parameter more',
    '(defmethod area ((thing integer) scale &optional x) x)',
    'hazardous',
    'generic-lambda-list',
  ],
  [
    'a method for a function',
    '(defmethod taken ((a integer) b) (list a b))',
    'hazardous',
    'function-to-generic',
  ],
  ['a method for a macro', '(defmethod macro ((x integer)) x)', 'hazardous', 'kind-changed'],
  [
    'a generic function with other keywords',
    '(defgeneric area (thing scale &key unit))',
    'hazardous',
    'generic-lambda-list',
  ],
  [
    'a generic function with a method in it',
    '(defgeneric area (thing scale) (:method (thing scale) 0))',
    'safe',
  ],
  ['a method combination', '(define-method-combination sum :operator list)', 'dependents'],
  // packages
  ['a new package', '(defpackage #:edits-fresh (:use #:common-lisp))', 'safe'],
  [
    'a package that exports more',
    '(defpackage #:edits (:use #:common-lisp) (:export #:caller #:lonely #:taken))',
    'safe',
  ],
  [
    'a package that exports less',
    '(defpackage #:edits (:use #:common-lisp) (:export #:caller))',
    'hazardous',
    'package-variance',
  ],
  [
    'a package that uses less',
    '(defpackage #:edits (:use) (:export #:caller #:lonely))',
    'hazardous',
    'package-variance',
  ],
  [
    'a package with local nicknames',
    '(defpackage #:edits (:use #:common-lisp) (:local-nicknames (#:u #:sb-ext)) (:export #:caller #:lonely))',
    'safe',
  ],
  // code that would run
  ['a value that only evaluation tells', '(defconstant +number+ #.(error "evaluated"))', 'dependents'],
  ['a lambda list that only evaluation tells', '(defun taken #.(error "evaluated") 1)', 'safe'],
];

const cases = rows.map(([title, text, class_, hazard]) => ({ title, text, class_, hazard }));

interface Assessed {
  readonly definition: { readonly kind: string; readonly name: string };
  readonly class: string;
  readonly hazard?: { readonly kind: string; readonly message: string };
}

describe('an edit is classified:', () => {
  let editor: Editor;
  let document: TextDocument;

  beforeAll(async () => {
    editor = await Editor.start({ files: { 'edits.lisp': program } });
    const file = path.join(editor.root, 'edits.lisp');
    await editor.evaluate(
      `(handler-bind ((warning #'muffle-warning)) (load (compile-file ${lispString(file)})))`,
    );
    document = editor.openFile(file);
    await takeFingerprint(editor, 'EDITS');
  });
  afterAll(async () => {
    // Judging all of them has changed nothing.
    expect(await fingerprintDifferences(editor, 'EDITS')).toBe('NIL');
    await editor.finish();
  });

  it.each(cases)('$title', async ({ text, class_, hazard }) => {
    const place = text.startsWith('(defpackage') ? `${text}\n\n${program}` : `${program}\n${text}\n`;
    document.set(place);
    const position = document.positionAt(place.startsWith(text) ? 0 : place.lastIndexOf(text));
    const { definitions } = await editor.command<{ definitions: Assessed[] }>('plan', {
      operation: 'reload_form',
      uri: document.uri,
      position,
    });
    const worst = definitions[0]!;
    expect({ class: worst.class, hazard: worst.hazard?.kind }).toEqual({ class: class_, hazard });
    if (worst.hazard) expect(worst.hazard.message).toMatch(/^.{20,}\.$/s);
  });

  it('the text that an operation installed is unchanged, and again something else once it differs', async () => {
    const text = '(defun installed (x) x)';
    document.set(`${program}\n${text}\n`);
    void editor.expectPrompt(/reload installed/i, 'Approve');
    await editor.actionOutcome(document, text, /^Reload installed$/);
    const assess = async () =>
      (
        await editor.command<{ definitions: Assessed[] }>('plan', {
          operation: 'reload_form',
          uri: document.uri,
          position: document.positionOf('(defun installed'),
        })
      ).definitions[0]!.class;
    expect(await assess()).toBe('unchanged');
    document.replace('(defun installed (x) x)', '(defun installed (x)\n  x) ; as before');
    expect(await assess()).toBe('unchanged');
    document.replace('(defun installed (x)\n  x)', '(defun installed (x) (1+ x))');
    expect(await assess()).toBe('safe');
    await editor.evaluate('(fmakunbound (quote edits::installed))');
    await editor.evaluate('(unintern (quote edits::installed) :edits)');
  });
});
