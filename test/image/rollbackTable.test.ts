/** The table of docs/guide.md: what a rollback restores, and what it does not. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { definers } from '../support/definers.ts';
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
  /** The value after that, where it is another one. */
  readonly betweenValue?: string;
  /** What a rollback that is `partial` says remains. */
  readonly ends?: RegExp;
  /** It changes an object, which is not put back. */
  readonly toObject?: true;
}

const library = '(defpackage :lent (:use :cl) (:export #:helper))\n(defun lent:helper () 1)\n';

const allDocumented = (text: string) => `"${Array<string>(16).fill(text).join(' ')}"`;

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
  'a class of a metaclass of the user’s, with slot options of its own': {
    before:
      '(defclass kept-slot (sb-mop:standard-direct-slot-definition) ((column :initarg :column :initform nil :reader column)))\n(defclass table-class (standard-class) ())\n(defmethod sb-mop:validate-superclass ((class table-class) (super standard-class)) t)\n(defmethod sb-mop:direct-slot-definition-class ((class table-class) &rest initargs) (declare (ignore initargs)) (find-class \'kept-slot))\n(defclass row () ((a :initform 1 :column "x")) (:metaclass table-class))',
    after:
      '(defclass kept-slot (sb-mop:standard-direct-slot-definition) ((column :initarg :column :initform nil :reader column)))\n(defclass table-class (standard-class) ())\n(defmethod sb-mop:validate-superclass ((class table-class) (super standard-class)) t)\n(defmethod sb-mop:direct-slot-definition-class ((class table-class) &rest initargs) (declare (ignore initargs)) (find-class \'kept-slot))\n(defclass row () ((a :initform 2 :column "y")) (:metaclass table-class))',
    look: "(list (slot-value (make-instance 'row) 'a) (column (first (sb-mop:class-direct-slots (find-class 'row)))))",
    values: ['(1 "x")', '(2 "y")', '(1 "x")'],
  },
  'the options of a class of a metaclass of the user’s': {
    before:
      '(defclass mapped-class (standard-class) ((table :initarg :table :initform nil :reader table) (width :initform nil :accessor width)))\n(defmethod sb-mop:validate-superclass ((class mapped-class) (super standard-class)) t)\n(defmethod shared-initialize :after ((class mapped-class) names &key width) (declare (ignore names)) (setf (width class) (first width)))\n(defclass mapped () ((a :initform 1)) (:metaclass mapped-class) (:table "x") (:width 1))',
    after:
      '(defclass mapped-class (standard-class) ((table :initarg :table :initform nil :reader table) (width :initform nil :accessor width)))\n(defmethod sb-mop:validate-superclass ((class mapped-class) (super standard-class)) t)\n(defmethod shared-initialize :after ((class mapped-class) names &key width) (declare (ignore names)) (setf (width class) (first width)))\n(defclass mapped () ((a :initform 1)) (:metaclass mapped-class) (:table "y") (:width 2))',
    look: "(let ((class (find-class 'mapped))) (list (table class) (width class)))",
    values: ['(("x") 1)', '(("y") 2)', '(("x") 1)'],
  },
  'the options of the slots, the default arguments and the superclasses of a class': {
    before:
      '(defclass upper () ())\n(defclass lower (upper) ((a :initarg :a :initform 1 :type integer :documentation "a" :allocation :instance)) (:default-initargs :a 2))',
    after:
      '(defclass upper () ())\n(defclass beside () ())\n(defclass lower (beside upper) ((a :initarg :b :initform 3 :type number :documentation "b" :allocation :class)) (:default-initargs :b 4))',
    look: "(let* ((class (find-class 'lower)) (slot (first (sb-mop:class-direct-slots class)))) (list (mapcar #'class-name (sb-mop:class-direct-superclasses class)) (subseq (first (sb-mop:class-direct-default-initargs class)) 0 2) (sb-mop:slot-definition-initargs slot) (sb-mop:slot-definition-initform slot) (sb-mop:slot-definition-type slot) (documentation slot t) (sb-mop:slot-definition-allocation slot)))",
    values: [
      '((UPPER) (:A 2) (:A) 1 INTEGER "a" :INSTANCE)',
      '((BESIDE UPPER) (:B 4) (:B) 3 NUMBER "b" :CLASS)',
      '((UPPER) (:A 2) (:A) 1 INTEGER "a" :INSTANCE)',
    ],
  },
  'the values of slots that all instances share': {
    before:
      '(defclass sharing () ((a :allocation :class :initform 1 :accessor sharing-a) (b :allocation :class :initform 1 :accessor sharing-b)))\n(defvar *sharing* (make-instance (quote sharing)))\n(setf (sharing-a *sharing*) 5 (sharing-b *sharing*) 6)',
    after: '(defclass sharing () ((b :allocation :class :initform 1 :accessor sharing-b)))',
    look: "(list (and (slot-exists-p *sharing* 'a) (sharing-a *sharing*)) (sharing-b *sharing*))",
    values: ['(5 6)', '(NIL 6)', '(5 6)'],
  },
  'a method combination of the long form': {
    before:
      '(define-method-combination best () ((all ())) `(max ,@(mapcar (lambda (each) `(call-method ,each)) all)))\n(defgeneric rated (x) (:method-combination best))\n(defmethod rated ((x integer)) 3)\n(defmethod rated ((x number)) 5)',
    after:
      '(define-method-combination best () ((all ())) `(+ ,@(mapcar (lambda (each) `(call-method ,each)) all)))\n(defgeneric rated (x) (:method-combination best))\n(defmethod rated ((x integer)) 4)\n(defmethod rated ((x number)) 5)',
    look: '(rated 1)',
    values: ['5', '9', '5'],
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
  'what an import brought': {
    before: `${library}(defvar *imports* nil)`,
    after: `${library}(import 'lent:helper)\n(defun imports () 1)`,
    look: '(values (find-symbol "HELPER" :cl-user))',
    values: ['NIL', 'HELPER', 'NIL'],
  },
  'what a package uses, shadows and is called by form': {
    before: '(defpackage :formed (:use :cl))\n(defpackage :useful (:use :cl) (:export #:aid))',
    after:
      "(use-package :useful :formed)\n(shadow '#:car :formed)\n(rename-package :formed :formed '(:shaped))\n(sb-ext:add-package-local-nickname :u :useful :formed)",
    look: '(list (length (package-use-list :formed)) (eq (find-symbol "CAR" :formed) \'car) (package-nicknames :formed) (length (sb-ext:package-local-nicknames :formed)))',
    values: ['(1 T NIL 0)', '(2 NIL ("SHAPED") 1)', '(1 T NIL 0)'],
  },
  'what another package exports and imports': {
    before: '(defpackage :wide (:use :cl) (:export #:one) (:intern #:two))\n(defpackage :taker (:use :cl))',
    after: "(export 'wide::two :wide)\n(unexport 'wide::one :wide)\n(import 'wide::one :taker)",
    look: '(list (nth-value 1 (find-symbol "ONE" :wide)) (nth-value 1 (find-symbol "TWO" :wide)) (nth-value 1 (find-symbol "ONE" :taker)))',
    values: ['(:EXTERNAL :INTERNAL NIL)', '(:INTERNAL :EXTERNAL :INTERNAL)', '(:EXTERNAL :INTERNAL NIL)'],
  },
  'a symbol that was uninterned, with what it means': {
    before: "(defun lost () 1)\n(defvar *lost* #'lost)",
    after: '(unintern (find-symbol "LOST"))',
    look: '(let ((symbol (find-symbol "LOST"))) (and symbol (funcall symbol)))',
    values: ['1', 'NIL', '1'],
  },
  'a new package, with what is in it': {
    before: '(defvar *packages* nil)',
    after:
      '(defpackage :fresh (:use :cl) (:export #:f) (:shadow #:car))\n(in-package :fresh)\n(defun f () 5)\n(in-package :cl-user)\n(defun calls-fresh () (fresh:f))',
    look: "(and (find-package :fresh) (fboundp 'calls-fresh) (funcall 'calls-fresh))",
    values: ['NIL', '5', 'NIL'],
  },
  'a package that a form makes': {
    before: '(defvar *made* nil)',
    after: "(unless (find-package :made) (make-package :made :use '(:cl)))",
    look: '(and (find-package :made) t)',
    values: ['NIL', 'T', 'NIL'],
  },
  'features and settings': {
    before: '(defvar *settings* nil)',
    after: '(pushnew :app-feature *features*)\n(provide "APP-MODULE")\n(setf *print-lines* 77)',
    look: '(list (and (member :app-feature *features*) t) (and (member "APP-MODULE" *modules* :test #\'string=) t) *print-lines*)',
    values: ['(NIL NIL NIL)', '(T T 77)', '(NIL NIL NIL)'],
  },
  'what code gives to the symbols of another package': {
    before: '(defpackage :given (:use :cl) (:export #:a #:b))',
    after:
      "(setf (fdefinition 'given:a) (lambda () 1))\n(setf (macro-function 'given:b) (lambda (form environment) (declare (ignore form environment)) 2))\n(setf (symbol-value 'given:a) 3 (get 'given:a 'key) 4)",
    look: "(list (and (fboundp 'given:a) t) (and (macro-function 'given:b) t) (boundp 'given:a) (get 'given:a 'key))",
    values: ['(NIL NIL NIL NIL)', '(T T T 4)', '(NIL NIL NIL NIL)'],
  },
  'a setf expander in place of a setf function, with its users': {
    before:
      '(defvar *put* nil)\n(defun put-it (v) (setf *put* (list :expander v)))\n(defun (setf put) (v) (setf *put* (list :function v)))\n(defun puts () (setf (put) 1) *put*)',
    after:
      '(defvar *put* nil)\n(defun put-it (v) (setf *put* (list :expander v)))\n(defsetf put put-it)\n(defun puts () (setf (put) 1) *put*)',
    look: '(puts)',
    values: ['(:FUNCTION 1)', '(:EXPANDER 1)', '(:FUNCTION 1)'],
  },
  'a structure whose slot takes less': {
    before: '(defstruct narrow (n 0 :type integer) (s nil))\n(defvar *narrow* (make-narrow :n (expt 2 80)))',
    after: '(defstruct narrow (n 0 :type fixnum) (s nil))\n(defvar *narrow* nil)',
    look: '(list (< 0 (narrow-n *narrow*)) (handler-case (narrow-p (make-narrow :n (expt 2 90))) (type-error () :refused)))',
    values: ['(T T)', '(T :REFUSED)', '(T T)'],
  },
  'a structure with raw slots and one that includes it, where a slot takes less': {
    before:
      '(defstruct kept (f 0d0 :type double-float) (u 0 :type (unsigned-byte 64)) (w "" :type sequence))\n(defstruct (kept-more (:include kept)) (z 1))\n(defvar *kept* (make-kept :f 2d0 :u (1- (expt 2 64)) :w (list 1)))\n(defvar *more* (make-kept-more :w (list 2)))\n(defun keeps (x) (declare (optimize speed) (type kept x)) (list (kept-f x) (kept-u x) (kept-p x)))',
    after:
      '(defstruct kept (f 0d0 :type (double-float 0d0)) (u 0 :type (unsigned-byte 64)) (w "" :type string))\n(defstruct (kept-more (:include kept)) (z 1))\n(defun keeps (x) (declare (optimize speed) (type kept x)) (list (kept-f x) (kept-u x) (kept-p x)))',
    look: '(list (keeps *kept*) (rest (keeps *more*)) (handler-case (kept-w (make-kept :w (list 1))) (type-error () :narrow)))',
    values: [
      '((2.0d0 18446744073709551615 T) (0 T) (1))',
      '((2.0d0 18446744073709551615 T) (0 T) :NARROW)',
      '((2.0d0 18446744073709551615 T) (0 T) (1))',
    ],
  },
  'the functions of a structure that the other definition lacks': {
    before: '(defstruct named-one a)\n(defun names-one () (named-one-a (make-named-one :a 1)))',
    after:
      '(defstruct (named-one (:conc-name one-) (:constructor build-one)) a)\n(defun names-one () (list (one-a (build-one :a 2))))',
    look: '(names-one)',
    values: ['1', '(2)', '1'],
  },
  'what a class takes for its slots, by a type': {
    before:
      "(deftype allowed () 'integer)\n(defclass typed () ((a :type allowed :initarg :a)))\n(defun takes (x) (declare (optimize safety)) (handler-case (progn (make-instance 'typed :a x) t) (type-error () nil)))",
    after:
      "(deftype allowed () 'string)\n(defclass typed () ((a :type allowed :initarg :a)))\n(defun takes (x) (declare (optimize safety)) (handler-case (progn (make-instance 'typed :a x) t) (type-error () nil)))",
    look: '(list (takes 1) (takes "a"))',
    values: ['(T NIL)', '(NIL T)', '(T NIL)'],
  },
  'what a macro sets under a name that it makes': {
    before:
      '(defmacro defthing (name value) (let ((v (intern (format nil "*~A*" name)))) `(progn (defvar ,v) (setf ,v ,value (get \',v :made) ,value))))\n(defthing th 1)',
    after:
      '(defmacro defthing (name value) (let ((v (intern (format nil "*~A*" name)))) `(progn (defvar ,v) (setf ,v ,value (get \',v :made) ,value))))\n(defthing th 2)',
    look: "(list *th* (get '*th* :made))",
    values: ['(1 1)', '(2 2)', '(1 1)'],
  },
  'what a macro gives to names of another package that it makes': {
    before:
      '(defpackage :made-names (:use :cl))\n(defmacro defelsewhere (name value) (let ((v (intern (format nil "*~A*" name) :made-names)) (f (intern (format nil "~A-OF" name) :made-names))) `(progn (defvar ,v) (setf ,v ,value) (deftype ,f () \'(eql ,value)) (setf (fdefinition \',f) (constantly ,value)))))\n(defelsewhere it 1)',
    after:
      '(defpackage :made-names (:use :cl))\n(defmacro defelsewhere (name value) (let ((v (intern (format nil "*~A*" name) :made-names)) (f (intern (format nil "~A-OF" name) :made-names))) `(progn (defvar ,v) (setf ,v ,value) (deftype ,f () \'(eql ,value)) (setf (fdefinition \',f) (constantly ,value)))))\n(defelsewhere it 2)',
    look: "(list made-names::*it* (made-names::it-of) (typep 1 'made-names::it-of))",
    values: ['(1 1 T)', '(2 2 NIL)', '(1 1 T)'],
  },
  'what forms put into a hash table that they name': {
    before:
      "(defvar *registry* (make-hash-table))\n(defmacro register (name value) `(setf (gethash ',name *registry*) ,value))\n(register a 1)\n(register b 1)",
    after:
      "(defvar *registry* (make-hash-table))\n(defmacro register (name value) `(setf (gethash ',name *registry*) ,value))\n(register a 2)\n(register a 3)\n(remhash 'b *registry*)\n(register c 3)",
    look: "(list (gethash 'a *registry*) (gethash 'b *registry*) (gethash 'c *registry*))",
    values: ['(1 1 NIL)', '(3 NIL 3)', '(1 1 NIL)'],
  },
  'a hash table of many entries that a form clears': {
    before: '(defvar *many* (make-hash-table))\n(dotimes (i 8000) (setf (gethash i *many*) (- i)))',
    after: '(defvar *many* (make-hash-table))\n(clrhash *many*)\n(setf (gethash 1 *many*) 9)',
    look: '(list (hash-table-count *many*) (gethash 1 *many*) (gethash 7999 *many*))',
    values: ['(8000 -1 -7999)', '(1 9 NIL)', '(8000 -1 -7999)'],
  },
  'what other code put into a hash table meanwhile': {
    before: '(defvar *shared* (make-hash-table))\n(setf (gethash :a *shared*) 1 (gethash :b *shared*) 1)',
    after: '(defvar *shared* (make-hash-table))\n(setf (gethash :a *shared*) 2 (gethash :b *shared*) 2)',
    between: '(setf (gethash :b *shared*) 9)',
    betweenValue: '(2 9)',
    look: '(list (gethash :a *shared*) (gethash :b *shared*))',
    values: ['(1 1)', '(2 2)', '(1 9)'],
  },
  'documentation that a form sets': {
    before: `(defpackage :documented (:use :cl) (:documentation "1"))
(defun df () "1" nil) (defun (setf df) (v) "1" v) (defmacro dm () "1" nil) (defvar *dv* nil "1") (defconstant +dc+ 1 "1")
(deftype dt () "1" 'integer) (defstruct ds "1" a) (defclass dk () ((a :documentation "1")) (:documentation "1"))
(define-condition dcond (error) () (:documentation "1")) (define-compiler-macro df (&whole w) "1" w)
(defsetf dx (a) (b) "1" (list 'list a b)) (define-method-combination dmc :operator + :documentation "1")
(defgeneric dg (x) (:documentation "1")) (defmethod dg ((x integer)) "1" x)`,
    after: `(setf (documentation 'df 'function) "2" (documentation '(setf df) 'function) "2" (documentation 'dm 'function) "2"
  (documentation '*dv* 'variable) "2" (documentation '+dc+ 'variable) "2" (documentation 'dt 'type) "2"
  (documentation 'ds 'structure) "2" (documentation 'dk 'type) "2" (documentation 'dcond 'type) "2" (documentation 'df 'compiler-macro) "2"
  (documentation 'dx 'setf) "2" (documentation 'dmc 'method-combination) "2" (documentation #'dg t) "2"
  (documentation (find-method #'dg () (list (find-class 'integer))) t) "2" (documentation (find-package :documented) t) "2"
  (documentation (first (sb-mop:class-direct-slots (find-class 'dk))) t) "2")`,
    look: `(format nil "~{~a~^ ~}" (list (documentation 'df 'function) (documentation '(setf df) 'function) (documentation 'dm 'function)
  (documentation '*dv* 'variable) (documentation '+dc+ 'variable) (documentation 'dt 'type)
  (documentation 'ds 'structure) (documentation 'dk 'type) (documentation 'dcond 'type) (documentation 'df 'compiler-macro)
  (documentation 'dx 'setf) (documentation 'dmc 'method-combination) (documentation #'dg t)
  (documentation (find-method #'dg () (list (find-class 'integer))) t) (documentation (find-package :documented) t)
  (documentation (first (sb-mop:class-direct-slots (find-class 'dk))) t)))`,
    values: [allDocumented('1'), allDocumented('2'), allDocumented('1')],
  },
  'the initial forms of a structure’s slots': {
    before: '(defstruct initial (a 1))\n(defstruct (initial-more (:include initial (a 5))))',
    after: '(defstruct initial (a 2))\n(defstruct (initial-more (:include initial (a 6))))',
    look: "(list (initial-a (make-initial)) (initial-a (make-initial-more)) (loop for name in '(initial initial-more) for slot = (first (sb-mop:class-slots (find-class name))) collect (list (sb-mop:slot-definition-initform slot) (funcall (sb-mop:slot-definition-initfunction slot)))) (let ((slot (first (sb-mop:class-direct-slots (find-class 'initial))))) (list (sb-mop:slot-definition-initform slot) (funcall (sb-mop:slot-definition-initfunction slot)))))",
    values: ['(1 5 ((1 1) (5 5)) (1 1))', '(2 6 ((2 2) (6 6)) (2 2))', '(1 5 ((1 1) (5 5)) (1 1))'],
  },
  'the methods in a generic function’s definition': {
    before: '(defgeneric inner (x) (:method ((x integer)) :integer) (:method ((x number)) :number))',
    after: '(defgeneric inner (x) (:method ((x number)) :number))',
    look: '(inner 1)',
    values: [':INTEGER', ':NUMBER', ':INTEGER'],
  },
  'no change made to an object': {
    before: '(defvar *h* (list 1))',
    after: '(defvar *h* (list 1))\n(push 2 (cdr *h*))',
    look: '*h*',
    values: ['(1)', '(1 2)', '(1 2)'],
    ends: /The value of COMMON-LISP-USER::\*H\* changed/,
    toObject: true,
  },
  'a class, but not dropped slots of instances that were used meanwhile': {
    before: "(defclass k () ((a :initform 1) (b :initarg :b)))\n(defvar *k* (make-instance 'k :b 2))",
    after: "(defclass k () ((a :initform 1)))\n(defvar *k* (make-instance 'k :b 2))",
    between: "(slot-value *k* 'a)",
    look: "(and (slot-exists-p *k* 'b) (slot-boundp *k* 'b))",
    values: ['T', 'NIL', 'NIL'],
    ends: /have lost the values of B/,
  },
};

describe('a rollback, and a failure, restores', () => {
  let editor: Editor;
  beforeAll(async () => {
    editor = await Editor.start({ settings: { approval: { 'modify-running-code': 'allow' } } });
  });
  afterAll(() => editor?.finish());

  const all: Record<string, Row> = {
    ...rows,
    ...Object.fromEntries(
      Object.entries(definers).map(
        ([
          name,
          {
            values: [old, changed],
            ...row
          },
        ]) => [name, { ...row, values: [old, changed, old] }],
      ),
    ),
  };
  it.each(Object.entries(all))('%s', async (name, row) => {
    const { before, after, look, values, between, betweenValue, ends, toObject } = row;
    const head = '(in-package :cl-user)\n';
    const document = editor.open(`${name.replace(/\W+/g, '-')}.lisp`, `${head}${before}\n`);
    const reload = () => editor.command<OperationResult>('reload_file', { uri: document.uri });
    expect(await reload()).toMatchObject({ status: 'applied' });
    expect(await editor.evaluate(look)).toEqual([values[0]]);
    if (!toObject) {
      document.set(`${head}${after}\n(error "on purpose")\n`);
      expect(await reload()).toMatchObject({ status: 'failed' });
      expect(await editor.evaluate(look)).toEqual([values[0]]);
    }
    document.set(`${head}${after}\n`);
    const { transaction, status, notes } = await reload();
    expect([status, notes.filter(({ severity }) => severity === 'error')]).toEqual(['applied', []]);
    if (between) await editor.evaluate(between);
    expect(await editor.evaluate(look)).toEqual([betweenValue ?? values[1]]);
    const back = await editor.command('rollback', { transaction });
    expect(back).toMatchObject({ status: ends ? 'partial' : 'applied' });
    if (ends) expect(JSON.stringify(back)).toMatch(ends);
    expect(await editor.evaluate(look)).toEqual([values[2]]);
    expect(await editor.command('redo', { transaction })).toMatchObject({ status: 'applied' });
    expect(await editor.evaluate(look)).toEqual([betweenValue ?? values[1]]);
    if (ends) return;
    expect(await editor.command('rollback', { transaction })).toMatchObject({ status: 'applied' });
    expect(await editor.evaluate(look)).toEqual([values[2]]);
  });

  it('no hash table that is too large to be compared, and says so', async () => {
    const reload = (name: string, text: string) =>
      editor.command<OperationResult>('reload_file', {
        uri: editor.open(name, `(in-package :cl-user)\n${text}\n`).uri,
      });
    const left = [
      'What is in the hash table COMMON-LISP-USER::*HUGE*, which is too large to be compared, may have changed during the load, and was left as it is.',
    ];
    await reload(
      'huge.lisp',
      '(defvar *huge* (make-hash-table))\n(dotimes (i 100001) (setf (gethash i *huge*) i))',
    );
    const failed = await reload('huge-fails.lisp', '(setf (gethash 1 *huge*) :failed)\n(error "on purpose")');
    expect([failed.status, failed.remains]).toEqual(['partial', left]);
    const { transaction } = await reload('huge-changes.lisp', '(setf (gethash 1 *huge*) :changed)');
    const back = await editor.command<OperationResult>('rollback', { transaction });
    expect([back.status, back.remains]).toEqual(['partial', left]);
    expect(await editor.evaluate('(values (gethash 1 *huge*))')).toEqual([':CHANGED']);
  });

  it('no value that a function which a form calls has set, and says so', async () => {
    const program = `(in-package :cl-user)
(defvar *set-by-call* 1)
(defvar *filled-by-call* (make-hash-table))
(defun call-setting (value) (setf *set-by-call* value (gethash :key *filled-by-call*) value))
(defun call-indirectly (value) (let ((*print-base* 10)) (call-setting value)))
`;
    const reload = ({ uri }: { uri: string }) => editor.command<OperationResult>('reload_file', { uri });
    await reload(editor.open('calls.lisp', program));
    const left = [
      'The value of COMMON-LISP-USER::*SET-BY-CALL* changed during the load, and was left as it is.',
      'What is in the hash table COMMON-LISP-USER::*FILLED-BY-CALL* changed during the load, and was left as it is.',
    ].sort();
    const document = editor.open(
      'calling.lisp',
      '(in-package :cl-user)\n(call-setting 2)\n(error "on purpose")\n',
    );
    const failed = await reload(document);
    expect([failed.status, failed.remains?.toSorted()]).toEqual(['partial', left]);
    document.set('(in-package :cl-user)\n(call-indirectly 3)\n(defun not-yet () (call-setting 4))\n');
    const setters = [
      {
        function: 'COMMON-LISP-USER::CALL-SETTING',
        variables: ['COMMON-LISP-USER::*SET-BY-CALL*'],
        tables: ['COMMON-LISP-USER::*FILLED-BY-CALL*'],
      },
    ];
    const plan = (place: object) => editor.command('plan', { operation: 'reload_file', ...place });
    expect(await plan({ uri: document.uri })).toMatchObject({ setters });
    const asked = editor.expectPrompt(/calling\.lisp/, 'Approve');
    editor.configure({ approval: { 'modify-running-code': 'ask' } });
    const { transaction } = await reload(document);
    expect((await asked).message).toContain(
      'A rollback leaves as it is what functions that it calls set: COMMON-LISP-USER::CALL-SETTING may set COMMON-LISP-USER::*SET-BY-CALL*, and what is in the hash table COMMON-LISP-USER::*FILLED-BY-CALL*.',
    );
    editor.configure({ approval: { 'modify-running-code': 'allow' } });
    // What the forms name is put back with them, and what is not called sets nothing.
    const atOnce = editor.open('at-once.lisp', '(in-package :cl-user)\n(call-indirectly 3)\n');
    expect(await reload(atOnce)).toMatchObject({ status: 'applied', setters });
    const naming = editor.open(
      'naming.lisp',
      '(in-package :cl-user)\n(call-setting (list *set-by-call* *filled-by-call*))\n',
    );
    expect(await plan({ uri: naming.uri })).not.toHaveProperty('setters');
    const later = editor.open('later.lisp', '(in-package :cl-user)\n(defun not-yet () (call-setting 4))\n');
    expect(await plan({ uri: later.uri })).not.toHaveProperty('setters');
    const back = await editor.command<OperationResult>('rollback', { transaction });
    expect([back.status, back.remains?.toSorted()]).toEqual(['partial', left]);
    expect(await editor.evaluate('(list *set-by-call* (gethash :key *filled-by-call*))')).toEqual(['(3 3)']);
  });

  it('all of a file that stands in a package of SBCL, whose own counters are no change of it', async () => {
    const { uri } = editor.open(
      'inside.lisp',
      "(in-package :sb-vm)\n(setf (get 'cl-user::inside :seen) t)\n(defun cl-user::inside () (lambda (x) (list x)))\n",
    );
    for (const _ of ['new', 'as it is']) {
      expect(await editor.command<OperationResult>('reload_file', { uri })).toMatchObject({
        status: 'applied',
      });
      expect(await editor.command('rollback')).toMatchObject({ status: 'applied' });
      expect(await editor.command('redo')).toMatchObject({ status: 'applied' });
    }
    const fails = editor.open('inside-fails.lisp', '(in-package :sb-vm)\n(error "on purpose")\n');
    expect(await editor.command<OperationResult>('reload_file', { uri: fails.uri })).toMatchObject({
      status: 'failed',
    });
  });

  it('no entry of a hash table of many that a function which a form calls fills anew, and says so', async () => {
    const reload = (name: string, text: string) =>
      editor.command<OperationResult>('reload_file', {
        uri: editor.open(name, `(in-package :cl-user)\n${text}\n`).uri,
      });
    await reload(
      'fills.lisp',
      `(defvar *tests-by-number* (make-hash-table))
(defun fill-anew ()
  (clrhash *tests-by-number*)
  (dotimes (i 5000) (setf (gethash i *tests-by-number*) (let ((i i)) (lambda (n) (= n i))))))
(fill-anew)`,
    );
    const { transaction } = await reload('fills-again.lisp', '(fill-anew)');
    expect(await editor.command<OperationResult>('rollback', { transaction })).toMatchObject({
      status: 'partial',
      remains: [
        'What is in the hash table COMMON-LISP-USER::*TESTS-BY-NUMBER* changed during the load, and was left as it is.',
      ],
    });
  });

  it('no list of hash tables that a function which a form calls has made longer, and says so', async () => {
    const reload = (name: string, text: string) =>
      editor.command<OperationResult>('reload_file', {
        uri: editor.open(name, `(in-package :cl-user)\n${text}\n`).uri,
      });
    const remains = [
      'The value of COMMON-LISP-USER::*TABLES* changed during the load, and was left as it is.',
    ];
    await reload(
      'tables.lisp',
      '(defvar *tables* (list))\n(defun add-table () (push (make-hash-table) *tables*))',
    );
    expect(await reload('adds-and-fails.lisp', '(add-table)\n(error "on purpose")')).toMatchObject({
      status: 'partial',
      remains,
    });
    const { transaction } = await reload('adds.lisp', '(add-table)');
    expect(await editor.command('rollback', { transaction })).toMatchObject({ status: 'partial', remains });
  });

  it('nothing within a list that a form changes in place, and says so', async () => {
    const reload = (name: string, text: string) =>
      editor.command<OperationResult>('reload_file', {
        uri: editor.open(name, `(in-package :cl-user)\n${text}\n`).uri,
      });
    await reload('index.lisp', '(defvar *index* (list :index (cons :in 1)))');
    const { transaction } = await reload('clause.lisp', '(setf (cdr (assoc :in (rest *index*))) 2)');
    expect(await editor.command('rollback', { transaction })).toMatchObject({
      status: 'partial',
      remains: ['The value of COMMON-LISP-USER::*INDEX* changed during the load, and was left as it is.'],
    });
    expect(await editor.evaluate('*index*')).toEqual(['(:INDEX (:IN . 2))']);
  });

  it('everything where the forms name the standard readtable, which nothing can change', async () => {
    const document = editor.open(
      'standard.lisp',
      `(in-package :cl-user)
(defvar *standard* (with-standard-io-syntax *readtable*))
(defvar *own* (copy-readtable *standard*))
(set-macro-character #\\! (lambda (stream char) (declare (ignore stream)) char) nil *own*)
`,
    );
    await editor.command('reload_file', { uri: document.uri });
    const { transaction } = await editor.command<OperationResult>('reload_file', { uri: document.uri });
    const back = await editor.command<OperationResult>('rollback', { transaction });
    expect([back.status, back.remains ?? []]).toEqual(['applied', []]);
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

it('a structure’s slots take more again only where nobody was compiled for less meanwhile, or knowing who', async () => {
  const editor = await Editor.start();
  const approved = (name: string, argument: object) => {
    void editor.expectPrompt(/./, 'Approve');
    return editor.command<OperationResult>(name, argument);
  };
  try {
    const document = editor.open(
      'later.lisp',
      '(in-package :cl-user)\n(defstruct later (n 0 :type integer) (s nil))\n(defun earlier-one (x) (later-n x))\n',
    );
    await approved('reload_file', { uri: document.uri });
    document.replace('integer', 'fixnum');
    const { transaction } = await approved('reload_file', { uri: document.uri });
    await editor.evaluate('(compile (defun later-one (x) (later-n x)))');
    void editor.expectPrompt(/LATER/, 'Approve');
    void editor.expectPrompt(
      /Hazard: .*LATER-ONE was compiled for structures whose slots would take more/,
      'Deny',
    );
    expect(await editor.failure('rollback', { transaction })).toMatchObject({ kind: 'approval-denied' });
    expect(
      await editor.evaluate('(handler-case (make-later :n (expt 2 80)) (type-error () :narrow))'),
    ).toEqual([':NARROW']);
    void editor.expectPrompt(/LATER/, 'Approve');
    void editor.expectPrompt(/LATER-ONE/, 'Approve');
    const { status, remains } = await editor.command('rollback', { transaction });
    expect([status, remains]).toEqual([
      'partial',
      ['LATER-ONE: compiled for structures whose slots took less, to be compiled again before it is used.'],
    ]);
    expect(await editor.evaluate('(= (expt 2 80) (earlier-one (make-later :n (expt 2 80))))')).toEqual(['T']);
  } finally {
    await editor.finish();
  }
});
