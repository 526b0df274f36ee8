/** A program in the package APP with a definition of every kind, and for each kind another text of it. */
import type { Piece } from './rawAgent.ts';

export const everyKind = `
(defmacro m (x) \`(list ,x))
(defun f (x) (m x))
(defun (setf f) (v x) (list v x))
(defvar *v* 1)
(defparameter *p* (list 1))
(defconstant +c+ 10)
(deftype ty () 'fixnum)
(defstruct st a b)
(defclass c () ((a :initarg :a :accessor c-a :initform 1) (b :initarg :b :reader c-b)))
(defgeneric g (x))
(defmethod g ((x integer)) (list :int x))
(defmethod g ((x c)) (list :c x))
(define-compiler-macro f (&whole w x) (declare (ignore x)) w)
(define-symbol-macro sm 3)
(defsetf ds (x) (v) \`(list ,x ,v))
(define-condition trouble (error) ((a :initarg :a :reader trouble-a)))
(export '(f g))`;

/** Symbols of everything below, so that reading a change interns nothing new. */
export const everySymbol =
  '(mapc (lambda (name) (intern name :app)) \'("X" "V" "W" "S" "NEW-F" "NEW-ST" "MAKE-NEW-ST" "COPY-NEW-ST" "NEW-ST-P" "NEW-ST-A" "D" "C-D"))';

/** A change of each kind; `mark` makes one different from another. */
export const changesOfEveryKind = (mark: number): Readonly<Record<string, Piece>> => ({
  function: { text: `(defun f (x) (list ${mark} (m x)))`, definitions: ['function:f'] },
  'setf function': {
    text: `(defun (setf f) (v x) (list ${mark} v x))`,
    definitions: ['function:(setf f)'],
  },
  'new function': { text: `(defun new-f (x) (list ${mark} x))`, definitions: ['function:new-f'] },
  macro: { text: `(defmacro m (x) \`(vector ${mark} ,x))`, definitions: ['macro:m'] },
  variable: {
    text: `(defparameter *p* (list ${mark} :new))`,
    definitions: ['variable:*p*'],
    evaluates: true,
  },
  constant: { text: `(defconstant +c+ ${1000 + mark})`, definitions: ['constant:+c+'] },
  type: { text: `(deftype ty () '(integer 0 ${mark}))`, definitions: ['type:ty'] },
  'new structure': {
    text: `(defstruct new-st (a ${mark}))`,
    definitions: ['structure:new-st'],
  },
  class: {
    text: `(defclass c () ((a :initarg :a :accessor c-a :initform ${mark}) (b :initarg :b :reader c-b) (d :reader c-d :initform ${mark})))`,
    definitions: ['class:c'],
  },
  method: {
    text: `(defmethod g ((x integer)) (list ${mark} x))`,
    definitions: [{ kind: 'method', name: 'g', specializers: ['integer'] }],
  },
  'new method': {
    text: `(defmethod g ((x string)) (list ${mark} x))`,
    definitions: [{ kind: 'method', name: 'g', specializers: ['string'] }],
  },
  'compiler macro': {
    text: `(define-compiler-macro f (x) \`(list ${mark} ,x))`,
    definitions: ['compiler-macro:f'],
  },
  'symbol macro': { text: `(define-symbol-macro sm ${mark})`, definitions: ['symbol-macro:sm'] },
  'setf expander': {
    text: `(defsetf ds (x) (v) \`(vector ${mark} ,x ,v))`,
    definitions: ['setf-expander:ds'],
  },
  condition: {
    text: `(define-condition trouble (error) ((a :initarg :a :reader trouble-a)) (:report "r${mark}"))`,
    definitions: ['condition:trouble'],
  },
  package: { text: "(export 'm)", evaluates: true },
});
