/** A program with a definition of every kind, and what would change each. */
import { defun, type Piece } from './rawAgent.ts';

/** Definitions of every kind. */
export const program = `
(defmacro m (x) \`(list ,x)) (defun f (x) (m x)) (defun (setf f) (v x) (list v x)) (defvar *v* 1) (defparameter *p* (list 1))
(defconstant +c+ 10) (deftype ty () 'fixnum) (defstruct st a b)
(defclass c () ((a :initarg :a :accessor c-a :initform 1) (b :initarg :b :reader c-b)) (:documentation "doc"))
(defgeneric g (x)) (defmethod g ((x integer)) (list :int x)) (defmethod g ((x c)) (list :c x))
(defmethod g :around ((x integer)) (call-next-method)) (define-compiler-macro f (&whole w x) (declare (ignore x)) w)
(define-symbol-macro sm 3) (defsetf ds (x) (v) \`(list ,x ,v)) (declaim (inline inl)) (defun inl (x) (1+ x))
(define-condition trouble (error) ((a :initarg :a :reader trouble-a)) (:report "r1"))
(defmethod print-object ((x c) s) (write-string "C!" s)) (export '(f g)) (defvar *instance* (make-instance 'c :a 1 :b 2))`;

export const changes: Record<string, Piece[]> = {
  functions: [
    defun('f', '(x) (list :n x)'),
    defun('brand-new', '(x) (list x another-new-symbol)'),
    { text: '(defun (setf f) (v x) (list :n v x))', definitions: ['function:(setf f)'] },
  ],
  macros: [
    { text: '(defmacro m (x) `(vector ,x))', definitions: ['macro:m'] },
    { text: '(defmacro new-m (x) `(vector ,x))', definitions: ['macro:new-m'] },
  ],
  'a macro in place of a function': [{ text: '(defmacro f (x) `(vector ,x))', definitions: ['macro:f'] }],
  'a function in place of a macro': [defun('m', '(x) x')],
  variables: [
    { text: '(defparameter *p* 33)', definitions: ['variable:*p*'], evaluates: true },
    { text: '(defvar *new* 33 "doc")', definitions: ['variable:*new*'], evaluates: true },
    { text: "(setf *v* 5 (get 'f :p) 1)", evaluates: true },
  ],
  constants: [
    { text: '(defconstant +c+ 10)', definitions: ['constant:+c+'] },
    { text: '(defconstant +new+ 11)', definitions: ['constant:+new+'] },
    { text: '(defconstant +c+ 12)', definitions: ['constant:+c+'] },
  ],
  types: [
    { text: "(deftype ty () 'string)", definitions: ['type:ty'] },
    { text: "(deftype new-ty () 'string)", definitions: ['type:new-ty'] },
  ],
  structures: [
    { text: '(defstruct st a b)', definitions: ['structure:st'] },
    { text: '(defstruct new-st (a 0 :type fixnum) b)', definitions: ['structure:new-st'] },
  ],
  classes: [
    {
      text: '(defclass c () ((a :initarg :a :accessor c-a :initform 2) (b :initarg :b :reader c-b) (d :reader c-d)))',
      definitions: ['class:c'],
    },
    { text: '(defclass new-c (c) ((z :initarg :z :accessor z-of)))', definitions: ['class:new-c'] },
  ],
  methods: [
    {
      text: '(defmethod g ((x integer)) (list :int2 x))',
      definitions: [{ kind: 'method', name: 'g', specializers: ['integer'] }],
    },
    {
      text: '(defmethod g ((x string)) (list :str x))',
      definitions: [{ kind: 'method', name: 'g', specializers: ['string'] }],
    },
    {
      text: '(defmethod print-object ((x c) s) (write-string "D!" s))',
      definitions: [{ kind: 'method', name: 'print-object', specializers: ['c', 't'] }],
    },
    {
      text: '(defmethod brand-new-g ((x string)) x)',
      definitions: [{ kind: 'method', name: 'brand-new-g', specializers: ['string'] }],
    },
  ],
  'generic functions': [
    { text: '(defgeneric g (x) (:documentation "x"))', definitions: ['generic-function:g'] },
    { text: '(defgeneric new-g (x) (:method ((x integer)) 1))', definitions: ['generic-function:new-g'] },
  ],
  'compiler macros, symbol macros and setf expanders': [
    { text: '(define-compiler-macro f (x) `(list ,x))', definitions: ['compiler-macro:f'] },
    { text: '(define-symbol-macro sm 4)', definitions: ['symbol-macro:sm'] },
    { text: '(define-symbol-macro new-sm 4)', definitions: ['symbol-macro:new-sm'] },
    { text: '(defsetf ds (x) (v) `(vector ,x ,v))', definitions: ['setf-expander:ds'] },
  ],
  declarations: [
    { text: '(declaim (inline new-inl) (notinline inl) (ftype (function (t) t) f))' },
    defun('new-inl', '(x) x'),
    defun('inl', '(x) (- x 1)'),
  ],
  conditions: [
    {
      text: '(define-condition trouble (error) ((a :initarg :a :reader trouble-a) (b :reader trouble-b)) (:report "r2"))',
      definitions: ['condition:trouble'],
    },
    {
      text: '(define-condition new-trouble (error) ((a :reader new-trouble-a)))',
      definitions: ['condition:new-trouble'],
    },
  ],
  exports: [
    { text: "(export 'm)", evaluates: true },
    { text: '(export (intern "NEW-EXPORT"))', evaluates: true },
    { text: "(unexport 'f)", evaluates: true },
  ],
  'what code takes away': [
    { text: "(progn (fmakunbound 'f) (makunbound '*v*) (fmakunbound 'g))", evaluates: true },
  ],
  'what is done while compiling': [
    {
      text: '(eval-when (:compile-toplevel :load-toplevel :execute) (defun f (x) x :ew) (defun new-ew (x) x))',
      definitions: ['function:f', 'function:new-ew'],
    },
  ],
  'definitions by macros of the operation': [
    {
      text: '(defmacro deffoo (n) `(progn (defun ,n () 1) (defvar ,(intern (format nil "*~a*" n)) 1)))',
      definitions: ['macro:deffoo'],
    },
    { text: '(deffoo zork)', definitions: ['function:zork'] },
  ],
};
