;;;; All that can be asked of a function, for comparing two ways of compiling it.

(require :sb-introspect)

(defpackage :observer (:use :common-lisp) (:export #:observe #:*files* #:*tries*))

(in-package :observer)

(defun code-of (function) (sb-kernel::fun-code-header (sb-kernel::%fun-fun function)))

(defun entries (code)
  (loop for i below (sb-kernel::code-n-entries code)
        for entry = (sb-kernel::%code-entry-point code i)
        collect (list (sb-kernel::%simple-fun-name entry) (sb-kernel::%simple-fun-arglist entry) (sb-kernel::%simple-fun-type entry)
                      (documentation entry t)
                      (let ((uses '()))
                        (when (sb-kernel::%simple-fun-xrefs entry)
                          (sb-c::map-packed-xref-data (lambda (kind name number)
                                                          (unless (eq name 'sb-c::%load-time-value)
                                                            (push (list kind name number) uses)))
                                                      (sb-kernel::%simple-fun-xrefs entry)))
                        (sort (mapcar #'prin1-to-string uses) #'string<)))))

(defun frame-places ()
  "The frames of functions in the package APP: how they were called, and where in which file they are."
  (let ((places '()))
    (sb-debug::map-backtrace
     (lambda (frame)
       (let ((location (sb-di::frame-code-location frame))
             (name (sb-debug::frame-call frame)))
         (when (search "APP::" (prin1-to-string name))
           (push (list name
                       (ignore-errors (sb-di::code-location-toplevel-form-offset location))
                       (ignore-errors (sb-di::code-location-form-number location))
                       (sb-c::debug-source-namestring (sb-di::code-location-debug-source location)))
                 places)))))
    (nreverse places)))

(defun outcome (thunk)
  "The values of calling THUNK, or its first error and the functions it happened in."
  (block nil
    (handler-bind ((error (lambda (condition)
                            (return (list (type-of condition) (princ-to-string condition) (frame-places))))))
      (list :values (multiple-value-list (funcall thunk))))))

(defun place (name)
  (let ((source (sb-introspect:find-definition-source (fdefinition name))))
    (list (sb-introspect:definition-source-pathname source)
          (sb-introspect:definition-source-form-path source)
          (sb-introspect:definition-source-form-number source)
          (sb-introspect:definition-source-character-offset source)
          (sb-introspect:definition-source-plist source)
          (< (abs (- (get-universal-time) (sb-introspect:definition-source-file-write-date source))) 100))))

(defun observe (name calls)
  (let* ((function (fdefinition name)) (code (code-of function)))
    (with-standard-io-syntax
      (let ((*print-readably* nil) (*package* (find-package :keyword)))
        (prin1-to-string
         (list :place (place name)
               :named (sb-introspect:find-definition-sources-by-name name :macro)
               :entries (entries code)
               :size (sb-kernel::%code-text-size code)
               :lambda-list (sb-introspect:function-lambda-list function)
               :type (sb-introspect:function-type name)
               :documentation (documentation name 'function)
               :expression (multiple-value-list (function-lambda-expression function))
               :inline (sb-int::info :function :inlinep name) (and (sb-int::fun-name-inline-expansion name) t)
               :info (sb-int::info :function :where-from name) (sb-int::info :function :kind name)
                     (sb-int::info :function :type name)
               :calls (mapcar (lambda (call) (outcome (compile nil `(lambda () ,call)))) calls)))))))

;;; How often code was compiled with a file, and how often that was tried without one.

(defvar *files* 0)

(sb-int::encapsulate 'hotlisp::compile-with-file 'observer
                    (lambda (function &rest arguments) (incf *files*) (apply function arguments)))

(defvar *tries* 0)

(sb-int::encapsulate 'hotlisp::compile-units-in-memory 'observer
                     (lambda (function &rest arguments) (incf *tries*) (apply function arguments)))
