;;;; a modify macro, with its users
;; before
(define-modify-macro appendf* (&rest lists) append)
(defun uses-appendf () (let ((x (list 1))) (appendf* x (list 2)) x))
;; after
(define-modify-macro appendf* (&rest lists) list)
(defun uses-appendf () (let ((x (list 1))) (appendf* x (list 2)) x))
;; look
(uses-appendf)
;; was
(1 2)
;; becomes
((1) (2))

;;;; a setf expander of the long form
;; before
(defvar *long* (list 0 0))
(defsetf long-place (&optional (at 0)) (value) `(setf (nth ,at *long*) (list 1 ,value)))
(defun sets-long () (setf (long-place 1) 5))
;; after
(defsetf long-place (&optional (at 0)) (value) `(setf (nth ,at *long*) (list 2 ,value)))
(defun sets-long () (setf (long-place 1) 5))
;; look
(sets-long)
;; was
(1 5)
;; becomes
(2 5)

;;;; a setf expander by hand
;; before
(define-setf-expander hand-place () (let ((v (gensym))) (values '() '() (list v) `(list 1 ,v) '(list))))
(defun sets-hand () (setf (hand-place) 5))
;; after
(define-setf-expander hand-place () (let ((v (gensym))) (values '() '() (list v) `(list 2 ,v) '(list))))
(defun sets-hand () (setf (hand-place) 5))
;; look
(sets-hand)
;; was
(1 5)
;; becomes
(2 5)

;;;; a type with parameters
;; before
(deftype upto (n) `(integer 0 ,n))
;; after
(deftype upto (n &optional (from n)) `(integer ,from))
;; look
(list (typep 3 '(upto 5)) (typep 7 '(upto 5)))
;; was
(T NIL)
;; becomes
(NIL T)

;;;; what a condition reports, and what it is made of
;; before
(define-condition told (error) ((a :initform 1 :reader told-a)) (:report "one") (:default-initargs :b 1))
;; after
(define-condition told (error) ((a :initform 2 :reader told-a) (b :initarg :b :reader told-b)) (:report (lambda (c s) (format s "two ~a" (told-b c)))) (:default-initargs :b 2))
;; look
(let ((c (make-condition 'told))) (list (princ-to-string c) (told-a c) (typep c 'error)))
;; was
("one" 1 T)
;; becomes
("two 2" 2 T)

;;;; structures that include each other
;; before
(defstruct (chain-a (:print-function (lambda (o s d) (declare (ignore o d)) (princ "A1" s)))) (x 1))
(defstruct (chain-b (:include chain-a (x 2))) (y 1))
(defstruct (chain-c (:include chain-b (x 3) (y 2)) (:constructor boa-c (y &aux (z (list y))))) (z 1))
;; after
(defstruct (chain-a (:print-function (lambda (o s d) (declare (ignore o d)) (princ "A2" s)))) (x 10))
(defstruct (chain-b (:include chain-a (x 20))) (y 10))
(defstruct (chain-c (:include chain-b (x 30) (y 20)) (:constructor boa-c (y &optional (z 50)))) (z 10))
;; look
(let ((c (boa-c 9)) (b (make-chain-b))) (list (chain-a-x (make-chain-a)) (chain-b-x b) (chain-b-y b) (chain-c-x c) (chain-c-z c) (princ-to-string (make-chain-a))))
;; was
(1 2 1 3 (9) "A1")
;; becomes
(10 20 10 30 50 "A2")

;;;; a class of funcallable instances
;; before
(defclass called () ((a :initform 1 :accessor called-a)) (:metaclass sb-mop:funcallable-standard-class))
(defmethod initialize-instance :after ((c called) &key) (sb-mop:set-funcallable-instance-function c (lambda () 1)))
;; after
(defclass called () ((a :initform 2 :accessor called-a)) (:metaclass sb-mop:funcallable-standard-class))
(defmethod initialize-instance :after ((c called) &key) (sb-mop:set-funcallable-instance-function c (lambda () 2)))
;; look
(let ((c (make-instance 'called))) (list (funcall c) (called-a c)))
;; was
(1 1)
;; becomes
(2 2)

;;;; what a package shadows, imports and calls others
;; before
(defpackage :lender (:use) (:export #:loan #:lease))
(defpackage :borrower (:use :cl) (:shadow #:car))
;; after
(defpackage :borrower (:use :cl) (:shadow #:car #:cdr) (:import-from :lender #:loan) (:shadowing-import-from :lender #:lease) (:local-nicknames (:l :lender)) (:documentation "two") (:nicknames :debtor))
;; look
(let ((p (find-package :borrower))) (list (sort (mapcar (function symbol-name) (package-shadowing-symbols p)) (function string<)) (nth-value 1 (find-symbol "LOAN" p)) (length (sb-ext:package-local-nicknames p)) (documentation p t) (package-nicknames p)))
;; was
(("CAR") NIL 0 NIL NIL)
;; becomes
(("CAR" "CDR" "LEASE") :INTERNAL 1 "two" ("DEBTOR"))

;;;; what is declaimed
;; before
(declaim (notinline declared-f) (ftype (function (fixnum) fixnum) declared-f) (type fixnum *declared-v*))
(defvar *declared-v* 1)
(defun declared-f (x) x)
(defvar *declared-s-is* nil)
;; after
(declaim (inline declared-f) (ftype (function (integer) integer) declared-f) (type integer *declared-v*) (special *declared-s*))
;; look
(list (string (sb-int:info :function :inlinep 'declared-f)) (sb-kernel:type-specifier (sb-int:info :function :type 'declared-f)) (sb-kernel:type-specifier (sb-int:info :variable :type '*declared-v*)) (sb-int:info :variable :kind (intern "*DECLARED-S*")))
;; was
("NOTINLINE" (FUNCTION (FIXNUM) (VALUES FIXNUM &REST T)) FIXNUM :UNKNOWN)
;; becomes
("INLINE" (FUNCTION (INTEGER) (VALUES INTEGER &REST T)) INTEGER :SPECIAL)

;;;; what is proclaimed
;; before
(defun proclaimed-f (x) x)
(defvar *proclaimed-v* 1)
;; after
(proclaim '(type integer *proclaimed-v*))
(proclaim '(declaration proclaimed-d))
(proclaim '(sb-ext:maybe-inline proclaimed-f))
;; look
(list (string (sb-int:info :function :inlinep 'proclaimed-f)) (sb-kernel:type-specifier (sb-int:info :variable :type '*proclaimed-v*)))
;; was
("NIL" T)
;; becomes
("MAYBE-INLINE" INTEGER)

;;;; a compiler macro, with its users
;; before
(defun opened (x) (list :called x))
(define-compiler-macro opened (x) `(list 1 ,x))
(defun uses-opened () (opened 5))
;; after
(define-compiler-macro opened (x) `(list 2 ,x))
(defun uses-opened () (opened 5))
;; look
(uses-opened)
;; was
(1 5)
;; becomes
(2 5)

;;;; a global variable
;; before
(sb-ext:defglobal **global** 1)
(sb-ext:define-load-time-global **later** 1)
;; after
(setf **global** 2 **later** 2)
;; look
(list **global** **later**)
;; was
(1 1)
;; becomes
(2 2)

;;;; a test of hash tables
;; before
(defun same-mod (a b) (= (mod a 3) (mod b 3)))
(defun mod-hash (a) (mod a 3))
;; after
(sb-ext:define-hash-table-test same-mod mod-hash)
;; look
(and (ignore-errors (make-hash-table :test 'same-mod)) t)
;; was
NIL
;; becomes
T

;;;; a routine of a foreign library
;; before
(sb-alien:define-alien-routine ("abs" foreign) sb-alien:int (x sb-alien:int))
;; after
(sb-alien:define-alien-routine ("toupper" foreign) sb-alien:int (x sb-alien:int))
(sb-alien:define-alien-type counted (sb-alien:unsigned 16))
;; look
(list (foreign 97) (and (ignore-errors (sb-alien-internals:parse-alien-type 'counted nil)) t))
;; was
(97 NIL)
;; becomes
(65 T)

;;;; macro characters of a readtable
;; before
(defvar *own-readtable* (copy-readtable nil))
(defun reads-own () (let ((*readtable* *own-readtable*)) (list (read-from-string "!a") (read-from-string "$a"))))
(set-macro-character #\! (lambda (s c) (declare (ignore s c)) 1) nil *own-readtable*)
;; after
(set-macro-character #\! (lambda (s c) (declare (ignore s c)) 2) nil *own-readtable*)
(set-macro-character #\$ (lambda (s c) (declare (ignore s c)) 2) t *own-readtable*)
(set-dispatch-macro-character #\# #\! (lambda (s c n) (declare (ignore s c n)) 3) *own-readtable*)
(setf (readtable-case *own-readtable*) :preserve)
;; look
(list (princ-to-string (reads-own)) (and (get-dispatch-macro-character #\# #\! *own-readtable*) t) (readtable-case *own-readtable*))
;; was
("(1 $A)" NIL :UPCASE)
;; becomes
("(2 2)" T :PRESERVE)

;;;; macro characters of the standard readtable
;; before
(defvar *nothing-read* nil)
;; after
(set-macro-character #\! (lambda (s c) (declare (ignore s c)) 2))
;; look
(and (get-macro-character #\!) t)
;; was
NIL
;; becomes
T

;;;; how objects are printed prettily
;; before
(defstruct printed a)
;; after
(set-pprint-dispatch 'printed (lambda (s o) (declare (ignore o)) (princ "two" s)))
;; look
(let ((*print-pretty* t)) (string= "two" (princ-to-string (make-printed))))
;; was
NIL
;; becomes
T

;;;; another name of a class
;; before
(defclass known () ())
(defclass other-known () ())
;; after
(setf (find-class 'alias) (find-class 'known))
(setf (find-class 'other-known) (find-class 'known))
;; look
(list (and (find-class 'alias nil) t) (class-name (find-class 'other-known)))
;; was
(NIL OTHER-KNOWN)
;; becomes
(T KNOWN)

;;;; functions that are set
;; before
(defun set-f () 1)
(defmacro set-m () 1)
(defun set-c () 0)
(define-compiler-macro set-c () 1)
(defun gone-f () 1)
(defvar *gone-v* 1)
;; after
(setf (fdefinition 'set-f) (lambda () 2))
(setf (macro-function 'set-m) (lambda (f e) (declare (ignore f e)) 2))
(setf (compiler-macro-function 'set-c) nil)
(setf (symbol-function 'set-new) (lambda () 2))
(fmakunbound 'gone-f)
(makunbound '*gone-v*)
;; look
(list (funcall 'set-f) (macroexpand-1 '(set-m)) (and (compiler-macro-function 'set-c) t) (and (fboundp 'set-new) t) (and (fboundp 'gone-f) t) (boundp '*gone-v*))
;; was
(1 1 T NIL T T)
;; becomes
(2 2 NIL T NIL NIL)

;;;; values that are computed while they are read
;; before
(defparameter *read* #.(+ 0 1))
(defparameter *loaded* (load-time-value (list 1)))
;; after
(defparameter *read* #.(+ 1 1))
(defparameter *loaded* (load-time-value (list 2)))
;; look
(list *read* *loaded*)
;; was
(1 (1))
;; becomes
(2 (2))

;;;; translations of logical pathnames
;; before
(setf (logical-pathname-translations "OLDHOST") '(("**;*.*" "/one/**/*.*")))
;; after
(setf (logical-pathname-translations "OLDHOST") '(("**;*.*" "/two/**/*.*")))
(setf (logical-pathname-translations "NEWHOST") '(("**;*.*" "/two/**/*.*")))
;; look
(list (second (first (logical-pathname-translations "OLDHOST"))) (and (ignore-errors (logical-pathname-translations "NEWHOST")) t))
;; was
("/one/**/*.*" NIL)
;; becomes
("/two/**/*.*" T)

;;;; nicknames of packages, locks and implementation packages
;; before
(defpackage :nicked (:use :cl))
(defpackage :implementing (:use :cl))
;; after
(sb-ext:add-package-local-nickname :imp :implementing :nicked)
(sb-ext:lock-package :nicked)
(sb-ext:add-implementation-package :implementing :nicked)
;; look
(list (length (sb-ext:package-local-nicknames :nicked)) (sb-ext:package-locked-p :nicked) (length (sb-ext:package-implements-list :implementing)))
;; was
(0 NIL 1)
;; becomes
(1 T 2)

;;;; features, and variables of SBCL
;; before
(defvar *nothing-featured* nil)
;; after
(push :pushed-feature *features*)
(push (quote nothing-to-do) sb-ext:*save-hooks*)
(setf sb-ext:*inline-expansion-limit* 777)
;; look
(list (and (member :pushed-feature *features*) t) (and (member 'nothing-to-do sb-ext:*save-hooks*) t) (= 777 sb-ext:*inline-expansion-limit*))
;; was
(NIL NIL NIL)
;; becomes
(T T T)

;;;; a compare-and-swap place
;; before
(defvar *swapped* (list 1))
(defun swap-it (old new) (sb-ext:cas (car *swapped*) old new))
;; after
(defun (sb-ext:cas swapped-place) (old new) (sb-ext:cas (car *swapped*) old new))
;; look
(and (fboundp '(sb-ext:cas swapped-place)) t)
;; was
NIL
;; becomes
T

;;;; a deprecated function
;; before
(defun outdated () 1)
;; after
(declaim (sb-ext:deprecated :late ("app" "2") (function outdated)))
;; look
(nth-value 0 (sb-int:deprecated-thing-p 'function 'outdated))
;; was
NIL
;; becomes
:LATE

;;;; methods on setf functions, and of single objects
;; before
(defgeneric (setf held) (value holder))
(defmethod (setf held) (value (holder (eql :a))) (list 1 value))
;; after
(defmethod (setf held) (value (holder (eql :a))) (list 2 value))
(defmethod (setf held) :around (value holder) (list :around (call-next-method)))
;; look
(setf (held :a) 5)
;; was
(1 5)
;; becomes
(:AROUND (2 5))
