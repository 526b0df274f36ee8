/** Test libraries for images under test: FiveAM itself, and stand-ins for those that have no Debian package. */
import { loadSystem } from './userImage.ts';

/** Loads FiveAM (Debian's cl-fiveam). */
export const fiveam = `(require :asdf) ${loadSystem('fiveam', 'cl-fiveam')}`;

/**
 * What of Parachute's published interface a runner needs, with its names and results: FIND-TEST, TEST with a report class, STATUS of
 * a report, and a printed summary. A stand-in: Parachute itself is in no Debian release.
 */
export const parachute = `
(defpackage #:org.shirakumo.parachute (:nicknames #:parachute) (:use #:common-lisp)
  (:export #:define-test #:find-test #:test #:true #:status #:report #:plain))
(in-package #:org.shirakumo.parachute)
(defvar *tests* (make-hash-table :test 'equal))
(defvar *failures*)
(defclass report () ((status :initform :unknown :accessor status)))
(defclass plain (report) ((output :initarg :stream :reader output)) (:default-initargs :stream *standard-output*))
(defmacro define-test (name &body body) \`(setf (gethash (string ',name) *tests*) (cons ',name (lambda () ,@body))))
(defmacro true (form) \`(unless ,form (push ',form *failures*)))
(defun find-test (name) (let ((entry (gethash (string name) *tests*))) (and entry (eq (car entry) name) entry)))
(defun tests-of (designator)
  (cond ((packagep designator)
         (loop for entry being the hash-values of *tests* when (eq (symbol-package (car entry)) designator) collect entry))
        ((find-test designator) (list (find-test designator)))
        (t (error "No test or package found for ~s." designator))))
(defun test (designator &rest arguments &key (report 'plain) &allow-other-keys)
  (remf arguments :report)
  (let ((report (apply #'make-instance report arguments)) (*failures* '()))
    (dolist (entry (tests-of designator))
      (handler-case (funcall (cdr entry))
        (error (condition) (push condition *failures*))))
    (setf (status report) (if *failures* :failed :passed))
    (format (output report) "~&;; Summary:~%Failed:  ~d~%" (length *failures*))
    (when *failures* (format (output report) "~&~%;; Failures:~%~{~a~%~}" (reverse *failures*)))
    report))
(in-package #:common-lisp-user)`;

/**
 * What of Rove's published interface a runner needs: RUN of a system's name, which answers whether all passed and prints a summary.
 * A stand-in: Rove itself is in no Debian release.
 */
export const rove = `
(defpackage #:rove (:nicknames #:rove/main) (:use #:common-lisp) (:export #:deftest #:ok #:run #:*enable-colors*))
(in-package #:rove)
(defvar *enable-colors* t)
(defvar *tests* '())
(defvar *failed*)
(defmacro deftest (name &body body) \`(push (list (string-downcase (package-name *package*)) ',name (lambda () ,@body)) *tests*))
(defmacro ok (form) \`(unless ,form (push ',form *failed*)))
(defun run (target &key (style :spec) env)
  (declare (ignore style env))
  (let ((tests (remove target *tests* :key #'first :test-not #'string=)) (failed '()))
    (unless tests (error "System ~s is not found." target))
    (loop for (nil name function) in (reverse tests)
          do (let ((*failed* '()))
               (funcall function)
               (when *failed* (push (format nil "~(~a~): ~@[~c[31m~]~s" name (and *enable-colors* (code-char 27)) (first *failed*)) failed))))
    (format t "~2&Summary:~%")
    (if failed
        (format t "  ~d test~:*~p failed.~{~%    - ~a~}~%" (length failed) failed)
        (format t "  All tests passed.~%"))
    (values (null failed) nil failed)))
(in-package #:common-lisp-user)`;
