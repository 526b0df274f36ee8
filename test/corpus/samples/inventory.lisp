;;;; A small program of the ordinary kind: definitions, docstrings, LOOP and FORMAT.

(defpackage #:inventory
  (:use #:common-lisp)
  (:export #:item #:item-name #:total #:report #:with-stock))

(in-package #:inventory)

(defvar *stock* (make-hash-table :test #'equal)
  "Items by name. Do not touch it directly (use WITH-STOCK).")

(defparameter *separators* '(#\, #\; #\| #\( #\))
  "What may stand between two items of a list.")

(defclass item ()
  ((name :initarg :name :reader item-name)
   (price :initarg :price :initform 0 :accessor item-price)
   (count :initarg :count :initform 1 :accessor item-count))
  (:documentation "Something in stock."))

(defgeneric value-of (thing)
  (:documentation "What THING is worth.")
  (:method ((thing number)) thing))

(defmethod value-of ((thing item))
  (* (item-price thing) (item-count thing)))

(defmethod print-object ((thing item) stream)
  (print-unreadable-object (thing stream :type t)
    (format stream "~s ~d × ~,2f" (item-name thing) (item-count thing) (item-price thing))))

(defmacro with-stock ((name &optional default) &body body)
  "Run BODY with NAME bound to the item of that name.

Example:
(with-stock (apple)
  (value-of apple))"
  `(let ((,name (gethash ,(string-downcase name) *stock* ,default)))
     ,@body))

(defun total (&key (test (constantly t)) (key #'value-of))
  "The sum of KEY over the items that satisfy TEST."
  (loop for item being the hash-values of *stock*
        when (funcall test item)
          sum (funcall key item) into sum of-type real
        finally (return sum)))

#+sbcl
(defun megabytes ()
  "How much memory the image uses."
  (round (sb-kernel:dynamic-usage) (expt 2 20)))

#-sbcl
(defun megabytes ()
  0)

(defun report (&optional (stream *standard-output*))
  "Print what is in stock: one line for each item, and the total."
  (format stream "~&~:{~20a ~5d ~10,2f~%~}~&~v,,,'-<~>~%~a~%"
          (loop for item being the hash-values of *stock* using (hash-key name)
                collect (list name (item-count item) (value-of item)))
          40
          (total)))

#|
(defun old-report ()
  "Kept for reference | not compiled."
  #| nested |#
  (report nil))
|#

(defun split (line)
  "Split LINE at *SEPARATORS*; \"quoted\" parts are not looked at."
  (let ((start 0)
        (parts '()))
    (dotimes (i (length line) (nreverse parts))
      (case (char line i)
        ((#\" #\\) (incf start))
        (t (when (find (char line i) *separators*)
             (push (subseq line start i) parts)
             (setf start (1+ i))))))))

(deftype positive () '(and real (satisfies plusp)))

(defstruct (point (:constructor make-point (x y)) (:copier nil))
  "A place."
  (x 0 :type real)
  (y 0 :type real))

(eval-when (:compile-toplevel :load-toplevel :execute)
  (defun hash-of (string)
    (logand #xffff (sxhash string))))

(define-condition out-of-stock (error)
  ((item :initarg :item :reader out-of-stock-item))
  (:report (lambda (condition stream)
             (format stream "There is no ~a left." (out-of-stock-item condition)))))

(defun take (name &aux (item (gethash name *stock*)))
  (unless (and item (plusp (item-count item)))
    (error 'out-of-stock :item name))
  (decf (item-count item))
  item)
