;;;; The shapes of macros' lambda lists, for indenting calls of them. Nothing of the user's is printed: every parameter is an x.

(in-package :hotlisp)

(defparameter *shape-limit* 500 "Code points of a shape; a longer one is not answered.")

(defun write-shape (lambda-list stream)
  "Write LAMBDA-LIST with its keywords and brackets; whatever else is in it is an x. Default values are left out."
  (write-char #\( stream)
  (loop with section = nil
        for rest = lambda-list then (rest rest)
        for first = t then nil
        while (consp rest)
        do (let ((element (first rest)))
             (unless first (write-char #\Space stream))
             (cond ((member element lambda-list-keywords)
                    (setf section element)
                    (write-string (symbol-name element) stream))
                   ((and (consp element) (not (member section '(&optional &key &aux))))
                    (write-shape element stream))
                   (t (write-char #\x stream))))
        finally (when rest (write-string " &rest x" stream)))
  (write-char #\) stream))

(defun macro-shape (symbol)
  "The shape of the lambda list of the macro SYMBOL; NIL when it is no macro, or its lambda list is not known or too long."
  (let ((lambda-list (and (macro-function symbol) (not (special-operator-p symbol))
                          (function-lambda-list (macro-function symbol)))))
    (when (and (consp lambda-list) (ignore-errors (list-length lambda-list)))
      (let ((shape (with-output-to-string (stream) (write-shape lambda-list stream))))
        (when (<= (length shape) *shape-limit*) shape)))))

(define-request macros (package names)
  "The macros among NAMES, texts of symbols as a form in PACKAGE writes them. Makes no symbol; a name without one is left out."
  (let ((package (known-package package)))
    (result :macros (loop for name in names
                          for shape = (multiple-value-bind (symbol found) (resolve-symbol name package)
                                        (and found symbol (macro-shape symbol)))
                          when shape collect (list :name name :shape shape)))))
