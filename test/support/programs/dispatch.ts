/** Generic functions whose methods change while threads call them. */
import { odd, type Program } from './program.ts';

export const dispatch: Readonly<Record<string, Program>> = {
  'methods for single objects': {
    text: v => `(defgeneric single (x))
(defmethod single ((x symbol)) (list :symbol ${v})) (defmethod single ((x (eql :a))) (list :a ${v} (first (call-next-method))))
(defmethod single ((x (eql 5))) (list 5 ${v}))${odd(v, `(defmethod single ((x (eql :c))) (list :c ${v}))`)}`,
    body: `(let ((a (single :a)) (c (single :c)) (five (single (car (list 5)))))
      (unless (and (eq :a (first a)) (eq :symbol (third a)) (eql 5 (first five)) (member (first c) '(:c :symbol))) (problem a c five)))`,
    look: '(list (single :a) (single :b) (single 5))',
    value: v => `((:A ${v} :SYMBOL) (:SYMBOL ${v}) (5 ${v}))`,
  },
  'methods around, before and after others': {
    text: v => `(defvar *trail* '())
(defgeneric wrapped (x))
(defmethod wrapped ((x integer)) (list :integer ${v})) (defmethod wrapped ((x number)) (list :number ${v}))
(defmethod wrapped :around ((x integer)) ${v % 2 ? `(list* :around ${v} (call-next-method))` : `(append (list :around ${v}) (multiple-value-list (call-next-method)))`})
(defmethod wrapped :before ((x number)) (push :before *trail*)) (defmethod wrapped :after ((x integer)) (push (list :after ${v}) *trail*))`,
    body: `(let* ((*trail* '()) (it (wrapped 1)))
      (unless (and (eq :around (first it)) (member (third it) '(:integer (:integer)) :test (lambda (a b) (or (eq a b) (and (consp a) (consp b) (eq (first a) (first b)))))))
        (problem it))
      (unless (and (= 2 (length *trail*)) (eq :before (second *trail*)) (eq :after (first (first *trail*)))) (problem *trail*)))
     (unless (eq :number (first (let ((*trail* '())) (wrapped 1.5)))) (problem (wrapped 1.5)))`,
    look: "(let ((*trail* '())) (list (wrapped 1) *trail*))",
    value: v =>
      v % 2
        ? `((:AROUND ${v} :INTEGER ${v}) ((:AFTER ${v}) :BEFORE))`
        : `((:AROUND ${v} (:INTEGER ${v})) ((:AFTER ${v}) :BEFORE))`,
  },
  'a method combination of the short form': {
    text: v => `(defun combine (&rest all) (list* :version ${v} all))
(define-method-combination combined :operator ${v % 2 ? 'combine' : 'list'})
(defgeneric summed (x) (:method-combination combined))
(defmethod summed combined ((x integer)) (list :integer ${v})) (defmethod summed combined ((x number)) (list :number ${v}))`,
    body: `(let ((it (summed 1)))
      (unless (and (eq :integer (first (find-if #'consp it))) (eq :number (first (find-if #'consp it :from-end t)))) (problem it)))`,
    look: '(summed 1)',
    value: v => `(${v % 2 ? `:VERSION ${v} ` : ''}(:INTEGER ${v}) (:NUMBER ${v}))`,
  },
  'a generic function with keywords, which change': {
    text: v => `(defgeneric keyed (x &key a${odd(v, 'b')}))
(defmethod keyed ((x integer) &key (a 1)${odd(v, '(b 2)')}) (list :integer a ${v % 2 ? 'b' : '2'} ${v}))
(defmethod keyed ((x symbol) &key (a 2) (own 3)) (list :symbol a own ${v}))`,
    body: `(let ((one (keyed 1 :a 5)) (default (keyed 1)) (own (keyed nil :own 7 :a 8)) (passed (apply #'keyed (list 1 :a 6))))
      (unless (and (equal '(:integer 5 2) (subseq one 0 3)) (equal '(:integer 1 2) (subseq default 0 3)) (equal '(:integer 6 2) (subseq passed 0 3))
                   (equal '(:symbol 8 7) (subseq own 0 3)))
        (problem one default own passed)))`,
    look: '(list (keyed 1) (keyed nil) (handler-case (progn (keyed 1 :b 9) :takes) (error () :refused)))',
    value: v => `((:INTEGER 1 2 ${v}) (:SYMBOL 2 3 ${v}) ${v % 2 ? ':TAKES' : ':REFUSED'})`,
  },
  'a generic function that takes other parameters each time': {
    text: v => `(defgeneric other (x ${['&optional y', '&rest more', '&key &allow-other-keys'][v % 3]}))
(defmethod other ((x integer) ${['&optional y', '&rest more', '&key ((:y why) nil) &allow-other-keys'][v % 3]}) (list :integer ${v} ${['y', 'more', 'why'][v % 3]}))
(defmethod other ((x symbol) ${['&optional y', '&rest more', '&key ((:y why) nil) &allow-other-keys'][v % 3]}) (list :symbol ${v} ${['y', 'more', 'why'][v % 3]}))`,
    body: `(let ((one (other 1)) (two (other nil)))
      (unless (and (equal '(:integer nil) (list (first one) (third one))) (equal '(:symbol nil) (list (first two) (third two)))) (problem one two)))`,
    look: '(list (other 1) (other nil))',
    value: v => `((:INTEGER ${v} NIL) (:SYMBOL ${v} NIL))`,
  },
  'methods that print, while threads print': {
    text: v => `(defclass printed () ((a :initform ${v} :initarg :a :reader printed-a)${odd(v, '(b :initform 1)')}))
(defmethod print-object ((it printed) stream)
  ${v % 2 ? `(print-unreadable-object (it stream) (format stream "PRINTED ${v} ~a" (printed-a it)))` : `(format stream "#<PRINTED ${v} ~a>" (printed-a it))`})
(defstruct (shown (:print-function (lambda (it stream depth) (declare (ignore depth)) (format stream "#<SHOWN ${v} ~a>" (shown-a it))))) (a 1))`,
    setup: "(progn (defvar *printed* (make-instance 'printed :a 7)) (defvar *shown* (make-shown)))",
    body: `(let ((text (princ-to-string *printed*)) (shown (format nil "~a" (list *shown* *shown*))))
      (unless (and (eql 0 (search "#<PRINTED " text)) (search " 7>" text)) (problem text))
      (unless (and (eql 0 (search "(#<SHOWN " shown)) (search " 1>)" shown)) (problem shown)))`,
    look: '(list (princ-to-string *printed*) (princ-to-string *shown*))',
    value: v => `("#<PRINTED ${v} 7>" "#<SHOWN ${v} 1>")`,
  },
};
