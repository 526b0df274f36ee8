/** What else names mean, changed while threads run code that uses it. */
import type { Program } from './program.ts';

export const names: Readonly<Record<string, Program>> = {
  'setf functions': {
    text: v => `(defun placed (x) (car x)) (defun (setf placed) (value x) (setf (car x) (list value ${v})))
(defgeneric (setf general) (value x)) (defmethod (setf general) (value (x cons)) (setf (cdr x) (list value ${v})))
(defun sets (x value) (setf (placed x) value (general x) value) x)`,
    body: `(let ((x (sets (list nil) 3)))
      (unless (and (eql 3 (first (placed x))) (eql 3 (first (cdr x)))) (problem x))
      (setf (placed x) 4) (unless (eql 4 (first (placed x))) (problem x)))`,
    look: '(sets (list nil) 1)',
    value: v => `((1 ${v}) 1 ${v})`,
  },
  'compiler macros, and the functions beside them': {
    text: v => `(defun quick (x) (list :function x ${v}))
(define-compiler-macro quick (&whole form x) ${v % 3 === 2 ? '(progn x form)' : `(progn form \`(list :quick ,x ${v}))`})
(defun uses-quick (x) (quick x))`,
    body: `(let ((it (uses-quick 4)) (called (funcall (car (list 'quick)) 5)))
      (unless (and (member (first it) '(:quick :function)) (eql 4 (second it)) (eq :function (first called)) (eql 5 (second called))) (problem it called)))`,
    look: '(list (uses-quick 1) (funcall (quote quick) 1))',
    value: v => `((${v % 3 === 2 ? ':FUNCTION' : ':QUICK'} 1 ${v}) (:FUNCTION 1 ${v}))`,
  },
  constants: {
    text: v =>
      `(defconstant +limit+ ${v + 10}) (defun limit () +limit+) (defun doubled () (* 2 +limit+)) (defun within-limit-p (x) (<= x +limit+))`,
    body: '(unless (and (<= 10 (limit)) (evenp (doubled)) (within-limit-p 10)) (problem (limit) (doubled)))',
    look: "(list (limit) (doubled) (symbol-value '+limit+))",
    value: v => `(${v + 10} ${2 * (v + 10)} ${v + 10})`,
  },
  'types that are made of types': {
    text: v => `(deftype small () '(integer 0 ${v + 10})) (deftype smalls () '(or small (cons small)))
(defun small-p (x) (typep x 'small)) (defun smalls-p (x) (typep x 'smalls))
(declaim (ftype (function (t) (values small &optional)) made-small)) (defun made-small (x) (mod x 10))
(defmethod sized ((x integer)) (etypecase x (small :small) (integer :large)))`,
    body: '(unless (and (small-p 3) (smalls-p (list 4)) (not (small-p -1)) (eql 3 (made-small 13)) (eq :small (sized 1))) (problem (small-p 3) (smalls-p (list 4)) (sized 1)))',
    look: v =>
      `(list (small-p ${v + 10}) (small-p ${v + 11}) (smalls-p (list ${v + 10})) (smalls-p ${v + 11}) (sized ${v + 10}) (sized ${v + 11}))`,
    value: () => '(T NIL T NIL :SMALL :LARGE)',
  },
  'special variables, which threads bind': {
    text: v =>
      `(declaim (type ${v % 2 ? '(or integer symbol)' : 't'} *level*)) (defparameter *level* ${v}) (defvar *once* 1) (defun level () (list *level* *once* ${v}))`,
    body: `(let ((*level* :mine) (*once* :too)) (unless (equal '(:mine :too) (subseq (level) 0 2)) (problem (level))) (incf-level))
     (unless (integerp (first (level))) (problem (level)))`,
    setup: '(defun incf-level () (setf *level* :set) (unless (eq :set (first (level))) (problem (level))))',
    look: '(level)',
    value: v => `(${v} 1 ${v})`,
  },
  'symbol macros': {
    text: v => `(define-symbol-macro brief ${v % 2 ? `(list :brief ${v})` : `(first (list (list :brief ${v})))`})
(defun uses-brief () brief) (defun two-briefs () (symbol-macrolet ((local brief)) (list (second local) (second brief))))`,
    body: '(let ((two (two-briefs))) (unless (and (eq :brief (first (uses-brief))) (eql (first two) (second two))) (problem (uses-brief) two)))',
    look: '(list (uses-brief) (two-briefs))',
    value: v => `((:BRIEF ${v}) (${v} ${v}))`,
  },
  'macros in macros, and inline functions in both': {
    text: v => `(defmacro inner (x) \`(list :inner ,x ${v})) (defmacro outer (x) \`(list (inner ,x) (inner (1+ ,x))))
(declaim (inline short-cut)) (defun short-cut (x) (outer x)) (defun expanded (x) (list (short-cut x) (inner x)))`,
    body: `(let ((it (expanded 1)))
      (unless (and (equal '(:inner 1) (subseq (first (first it)) 0 2)) (equal '(:inner 2) (subseq (second (first it)) 0 2)) (eq :inner (first (second it)))) (problem it))
      (unless (eql (third (first (first it))) (third (second (first it)))) (problem :torn it)))`,
    look: '(expanded 1)',
    value: v => `(((:INNER 1 ${v}) (:INNER 2 ${v})) (:INNER 1 ${v}))`,
  },
  'all of it at once': {
    text: v => `(defconstant +all+ ${v}) (deftype all-of () '(integer 0 ${v})) (defvar *all* '()) (defparameter *all-version* ${v})
(defmacro all-version () ${v}) (define-symbol-macro all-short ${v}) (defstruct all-s (a ${v}) b)
(defclass all-c () ((a :initform ${v} :reader all-a)${v % 2 ? ' (b :initform 1)' : ''}))
(defgeneric all-g (x)) (defmethod all-g ((x all-c)) (list (all-version) (all-a x))) (defmethod all-g ((x all-s)) (list (all-version) (all-s-a x)))
(defun (setf all-f) (v x) (setf (all-s-b x) (list v ${v}))) (defun all-f (x) (all-s-b x))
(defun all-of () (list +all+ (all-version) all-short (typep ${v} 'all-of) (typep ${v + 1} 'all-of)))`,
    setup: "(defvar *c* (make-instance 'all-c))",
    body: `(let ((s (make-all-s)) (c (make-instance 'all-c)))
      (setf (all-f s) 1) (unless (eql 1 (first (all-f s))) (problem (all-f s)))
      (unless (and (every #'integerp (all-g s)) (every #'integerp (all-g c)) (integerp (all-a *c*))) (problem (all-g s) (all-g c)))
      (destructuring-bind (constant macro symbol within outside) (all-of) (unless (and (= constant macro symbol) within (not outside)) (problem (all-of)))))`,
    look: "(list (all-of) (all-g (make-all-s)) (all-g (make-instance 'all-c)) *all-version*)",
    value: v => `((${v} ${v} ${v} T NIL) (${v} ${v}) (${v} ${v}) ${v})`,
  },
};
