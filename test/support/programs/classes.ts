/** Classes, structures and conditions that change while threads make, read, write and change instances. */
import { odd, type Program } from './program.ts';

export const classes: Readonly<Record<string, Program>> = {
  'a class of a metaclass of the user’s': {
    text: v => `(defclass counted (standard-class) ((tag :initarg :tag :initform nil :reader tag)))
(defmethod sb-mop:validate-superclass ((class counted) (super standard-class)) t)
(defclass thing () ((a :initarg :a :initform ${v} :accessor thing-a)${odd(v, '(b :initform 1)')}) (:metaclass counted) (:tag "t${v}"))`,
    setup: "(defvar *thing* (make-instance 'thing :a 5))",
    body: '(setf (thing-a *thing*) 5) (unless (eql 5 (thing-a *thing*)) (problem (thing-a *thing*)))',
    look: "(list (tag (find-class 'thing)) (thing-a (make-instance 'thing)))",
    value: v => `(("t${v}") ${v})`,
  },
  'classes between which instances change': {
    text: v => `(defclass from () ((x :initarg :x :accessor x-of)${odd(v, '(p :initform 3)')}))
(defclass to () ((x :initarg :x :accessor x-of) (y :initform ${v} :accessor y-of)))
(defmethod update-instance-for-different-class :after ((old from) (new to) &key) (setf (y-of new) (list ${v} (slot-value old 'x))))`,
    body: `(let ((it (make-instance 'from :x 7)))
      (change-class it 'to) (unless (and (eql 7 (x-of it)) (eql 7 (second (y-of it)))) (problem (y-of it)))
      (change-class it 'from) (unless (eql 7 (x-of it)) (problem (x-of it))))`,
    look: "(y-of (change-class (make-instance 'from :x 1) 'to))",
    value: v => `(${v} 1)`,
  },
  'a class whose instances are brought up to it by a method': {
    text: v => `(defclass up () ((k :initform 1 :initarg :k :accessor up-k) (s${v % 3} :initform ${v} :accessor up-s)))
(defmethod update-instance-for-redefined-class :after ((up up) added dropped values &key)
  (declare (ignore added dropped values)) (setf (slot-value up 'k) (slot-value up 'k)))`,
    setup: "(defvar *ups* (loop repeat 50 collect (make-instance 'up :k 9)))",
    body: '(dolist (up *ups*) (unless (eql 9 (up-k up)) (problem (up-k up)))) (up-s (first *ups*))',
    look: "(list (up-k (first *ups*)) (up-s (make-instance 'up)))",
    value: v => `(9 ${v})`,
  },
  'methods for slots that are missing or unbound': {
    text: v => `(defclass holes () (a${odd(v, 'c')}))
(defmethod slot-missing ((class t) (holes holes) name operation &optional new) (declare (ignore operation new)) (list :missing name ${v}))
(defmethod slot-unbound (class (holes holes) name) (list :unbound name ${v}))`,
    setup: "(defvar *holes* (make-instance 'holes))",
    body: `(let ((missing (slot-value *holes* (car (list 'none)))) (unbound (slot-value *holes* 'a)))
      (unless (and (eq :missing (first missing)) (eq :unbound (first unbound))) (problem missing unbound)))`,
    look: "(list (slot-value *holes* 'none) (slot-value *holes* 'a))",
    value: v => `((:MISSING NONE ${v}) (:UNBOUND A ${v}))`,
  },
  'methods of SHARED-INITIALIZE': {
    text: v => `(defclass made () ((a :initarg :a :reader made-a) (z :reader made-z)${odd(v, '(q :initform 1)')}))
(defmethod shared-initialize :after ((made made) names &key) (declare (ignore names)) (setf (slot-value made 'z) ${v}))`,
    body: "(let ((it (make-instance 'made :a 1))) (unless (and (eql 1 (made-a it)) (integerp (made-z it))) (problem it)))",
    look: "(made-z (make-instance 'made :a 1))",
    value: v => `${v}`,
  },
  'methods for one instance of a class that changes': {
    text: v => `(defclass one () ((a :initform 1 :accessor one-a)${odd(v, '(b :initform 2)')}))
(defvar *one* (make-instance 'one))
(defgeneric told (x)) (defmethod told ((one one)) (list :class ${v}))
(defmethod told ((one (eql *one*))) (list :one ${v} (first (call-next-method))))`,
    body: `(let ((one (told *one*)) (another (told (make-instance 'one))))
      (unless (and (eq :one (first one)) (eq :class (third one)) (eq :class (first another))) (problem one another)))`,
    look: "(list (told *one*) (told (make-instance 'one)))",
    value: v => `((:ONE ${v} :CLASS) (:CLASS ${v}))`,
  },
  'slots that instances share': {
    text: v =>
      `(defclass sharers () ((n :allocation :class :initform 10 :accessor shared-n) (a :initform ${v} :accessor own-a)${odd(v, '(w :allocation :class :initform 7)')}))`,
    setup: "(progn (defvar *sharer* (make-instance 'sharers)) (setf (shared-n *sharer*) 42))",
    body: "(own-a *sharer*) (unless (eql 42 (shared-n (make-instance 'sharers))) (problem (shared-n *sharer*)))",
    look: "(list (shared-n *sharer*) (own-a (make-instance 'sharers)))",
    value: v => `(42 ${v})`,
  },
  'a slot that instances share in every other version': {
    text: v => `(defclass sometimes () ((a :initform 5${odd(v, ':allocation :class')}) (b :initform 7)))
(defmethod sometimes-both ((x sometimes)) (with-slots (a b) x (list a b)))
(defun sometimes-version () ${v})`,
    setup: "(defvar *sometimes* (make-instance 'sometimes))",
    body: "(let ((both (sometimes-both *sometimes*))) (unless (equal '(5 7) both) (problem both)))",
    look: '(list (sometimes-both *sometimes*) (sometimes-version))',
    value: v => `((5 7) ${v})`,
  },
  'a class of funcallable instances': {
    text: v => `(defclass called () ((k :initform ${v} :initarg :k :accessor called-k)${odd(v, '(l :initform 1)')}) (:metaclass sb-mop:funcallable-standard-class))
(defmethod initialize-instance :after ((called called) &key)
  (sb-mop:set-funcallable-instance-function called (lambda (x) (list ${v} x (called-k called)))))`,
    setup: "(defvar *called* (make-instance 'called :k 3))",
    body: "(let ((old (funcall *called* 1)) (new (funcall (make-instance 'called :k 5) 2))) (unless (and (eql 3 (third old)) (eql 5 (third new))) (problem old new)))",
    look: "(funcall (make-instance 'called :k 5) 2)",
    value: v => `(${v} 2 5)`,
  },
  'a condition with instances': {
    text: v => `(define-condition trouble (error) ((a :initarg :a :reader trouble-a :initform ${v})${odd(v, '(b :initform 1)')}) (:report (lambda (c s) (format s "${v} ~a" (trouble-a c)))))
(defun meet () (handler-case (error 'trouble :a 4) (trouble (c) (list (trouble-a c) (princ-to-string c)))))`,
    setup: "(defvar *trouble* (make-condition 'trouble :a 8))",
    body: `(unless (eql 4 (first (meet))) (problem (meet))) (unless (eql 8 (trouble-a *trouble*)) (problem (trouble-a *trouble*)))
      (princ-to-string *trouble*)`,
    look: "(list (trouble-a *trouble*) (princ-to-string *trouble*) (trouble-a (make-condition 'trouble)))",
    value: v => `(8 "${v} 8" ${v})`,
  },
  'methods that return a constant in every other version, for classes that are new each time': {
    text: v => `(defclass plain () ())
(defgeneric whole (x)) (defmethod whole ((x plain)) ${v % 2 ? v : `(list ${v} (null x))`}) (defmethod whole ((x symbol)) ${v})`,
    body: `(let ((it (whole (make-instance (make-instance 'standard-class :direct-superclasses (list (find-class 'plain)))))))
      (unless (typep it '(or integer (cons integer))) (problem it)))`,
    look: "(list (whole (make-instance 'plain)) (whole nil))",
    value: v => `(${v % 2 ? v : `(${v} NIL)`} ${v})`,
  },
  'structures that include each other': {
    text: v => `(defstruct base (a ${v}) (b 2 :type fixnum)) (defstruct (mid (:include base (a ${v + 1000}))) (c ${v}))
(defstruct (leaf (:include mid)) (d ${v}))
(defun plus (x) (+ (base-b x) (if (leaf-p x) 1 0))) (defmethod which ((x base)) :base) (defmethod which ((x mid)) :mid)`,
    setup: '(defvar *leaf* (make-leaf :b 5))',
    body: '(let ((new (make-leaf :b 3))) (unless (and (eql 4 (plus new)) (eql 6 (plus *leaf*)) (eq :mid (which new)) (leaf-p (copy-leaf *leaf*))) (problem new)))',
    look: '(let ((leaf (make-leaf))) (list (base-a leaf) (leaf-c leaf) (leaf-d leaf) (plus *leaf*)))',
    value: v => `(${v + 1000} ${v} ${v} 6)`,
  },
  'instances that cannot be printed': {
    text: v => `(defclass shy () ((a :initform ${v} :accessor shy-a)${odd(v, '(b :initform 1)')}))
(defmethod print-object ((shy shy) stream) ${v % 2 ? '(error "not now")' : '(write-string "shy" stream)'})
(defvar *shy* (make-instance 'shy))`,
    body: '(ignore-errors (prin1-to-string *shy*)) (unless (integerp (shy-a *shy*)) (problem (shy-a *shy*)))',
    look: "(shy-a (make-instance 'shy))",
    value: v => `${v}`,
  },
  'what finalizers call': {
    text: v => `(defun gone () ${v})
(defclass leaving () ((a :initform ${v} :reader leaving-a)))
(defmethod initialize-instance :after ((leaving leaving) &key) (sb-ext:finalize leaving (lambda () (unless (integerp (gone)) (problem (gone)))) :dont-save t))`,
    body: "(progn (make-instance 'leaving) (when (zerop (random 1000)) (sb-ext:gc)))",
    look: "(list (leaving-a (make-instance 'leaving)) (gone))",
    value: v => `(${v} ${v})`,
  },
  'a method combination of the user’s': {
    text: v => `(define-method-combination tally () ((before (:before)) (all ()))
  \`(list ${v} ,@(mapcar (lambda (m) \`(call-method ,m)) all) ,@(mapcar (lambda (m) \`(call-method ,m)) before)))
(defgeneric tallied (x) (:method-combination tally))
(defmethod tallied ((x integer)) (list ${v})) (defmethod tallied ((x number)) :n) (defmethod tallied :before ((x integer)) :before)`,
    body: '(let ((all (tallied 1))) (unless (and (eq :n (third all)) (eq :before (fourth all)) (= 4 (length all))) (problem all)))',
    look: '(tallied 1)',
    value: v => `(${v} (${v}) :N :BEFORE)`,
  },
  'superclasses and default arguments': {
    text: v => `(defclass left () ((a :initform ${v} :accessor left-a))) (defclass right () ((m :initform ${v})))
(defclass below (left${odd(v, 'right')}) ((own :accessor own)) (:default-initargs :given ${v}))
(defmethod initialize-instance :after ((below below) &key given) (setf (own below) given))
(defgeneric where (x)) (defmethod where ((x left)) :left) (defmethod where ((x below)) (list :below (call-next-method)))`,
    setup: "(defvar *below* (make-instance 'below))",
    body: "(left-a *below*) (unless (equal '(:below :left) (where *below*)) (problem (where *below*))) (unless (integerp (own (make-instance 'below))) (problem *below*))",
    look: "(list (own (make-instance 'below)) (typep *below* 'right))",
    value: v => `(${v} ${v % 2 ? 'T' : 'NIL'})`,
  },
  'slots that move and come and go, read and written in instances that threads share': {
    text: v => `(defclass moving () (${
      [
        '(a :initarg :a :accessor moving-a) (b :initarg :b :accessor moving-b)',
        '(b :initarg :b :accessor moving-b) (n :initform 9) (a :initarg :a :accessor moving-a)',
        '(n :initform 9) (m :initform 8) (a :initarg :a :accessor moving-a) (b :initarg :b :accessor moving-b)',
      ][v % 3]
    }))
(defmethod both ((moving moving)) (with-slots (a b) moving (list a b)))
(defmethod (setf both) (value (moving moving)) (with-slots (a b) moving (setf a value b (- value))))
(defun moving-version () ${v})`,
    setup: "(progn (defvar *moving* (make-instance 'moving :a 5 :b -5)) (defvar *name* 'moving))",
    body: `(let ((new (make-instance *name* :a 3 :b -3)) (a (moving-a *moving*)) (both (both *moving*)))
      (unless (equal '(3 -3) (both new)) (problem :new (both new)))
      (unless (and (eql 5 a) (equal '(5 -5) both)) (problem :shared a both))
      (setf (both new) 6 (moving-b *moving*) -5)
      (unless (and (eql 6 (moving-a new)) (eql -6 (slot-value new 'b))) (problem :set (both new))))`,
    look: "(list (both *moving*) (both (make-instance 'moving :a 1 :b 2)) (moving-version))",
    value: v => `((5 -5) (1 2) ${v})`,
  },
  'a class whose instances are initialized slowly, by the user’s own method': {
    text: v => `(defclass slow () (${
      v % 2
        ? '(a :initarg :a :reader slow-a) (s :initform (progn (sleep 0.003) 7) :reader slow-s) (z :initform 5 :reader slow-z)'
        : '(q :initform 1) (a :initarg :a :reader slow-a) (z :initform 5 :reader slow-z) (s :initform (progn (sleep 0.003) 7) :reader slow-s)'
    }))
(defmethod initialize-instance ((slow slow) &rest arguments &key) (apply #'shared-initialize slow t arguments) slow)
(defun slow-version () ${v})`,
    body: `(let ((it (make-instance 'slow :a 3)))
      (unless (and (eql 3 (slow-a it)) (eql 7 (slow-s it)) (eql 5 (slow-z it))) (problem (slow-a it) (slow-s it) (slow-z it))))`,
    look: "(let ((it (make-instance 'slow :a 1))) (list (slow-a it) (slow-s it) (slow-z it) (slow-version)))",
    value: v => `(1 7 5 ${v})`,
  },
  'a class of which there are subclasses': {
    text: v => `(defclass top () (${odd(v, '(j :initform 0)')} (k :initarg :k :accessor top-k)))
(defclass middle (top) ((l :initform 2 :accessor middle-l))) (defclass bottom (middle) ((m :initform ${v} :reader bottom-m)))
(defmethod all ((bottom bottom)) (with-slots (k l) bottom (list k l)))`,
    setup: "(defvar *bottom* (make-instance 'bottom :k 1))",
    body: `(let ((it (make-instance 'bottom :k 8)))
      (unless (equal '(8 2) (all it)) (problem (all it))) (unless (equal '(1 2) (all *bottom*)) (problem (all *bottom*)))
      (change-class it 'middle) (unless (eql 8 (top-k it)) (problem (top-k it)))
      (change-class it 'bottom) (unless (equal '(8 2) (all it)) (problem (all it))))`,
    look: "(list (all *bottom*) (bottom-m (make-instance 'bottom :k 1)))",
    value: v => `((1 2) ${v})`,
  },
};
