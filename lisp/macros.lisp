;;;; Expanding a macro form of a buffer. The form is data: it is read without evaluation, the expanders that run are those of loaded code, and
;;;; what reading and expanding intern goes into a package that is deleted afterwards.

(in-package :hotlisp)

;;;; Reading without a trace

(defun text-tokens (text)
  "The texts in TEXT that the reader may take for symbols, outside of strings, comments and characters."
  (let ((tokens '()) (position 0) (end (length text)))
    (flet ((at (string) (let ((stop (+ position (length string)))) (and (<= stop end) (string= string text :start2 position :end2 stop)))))
      (loop while (< position end)
            do (let ((character (char text position)))
                 (cond ((char= character #\") (setf position (string-end text position)))
                       ((char= character #\;) (setf position (or (position #\Newline text :start position) end)))
                       ((at "#|") (setf position (let ((close (search "|#" text :start2 position))) (if close (+ close 2) end))))
                       ((at "#\\") (setf position (min end (or (position-if-not #'token-character-p text :start (min end (+ position 3))) end))))
                       ;; Uninterned.
                       ((at "#:") (setf position (or (position-if-not #'token-character-p text :start (+ position 2)) end)))
                       ((or (at "#+") (at "#-")) (incf position 2))
                       ((token-character-p character)
                        (let ((stop (token-end text position)))
                          (push (string-left-trim "#@.,`'" (subseq text position stop)) tokens)
                          (setf position stop)))
                       (t (incf position))))))
    (nreverse tokens)))

(defun token-end (text start)
  (let ((end (length text)) (position start) (bars nil))
    (loop while (< position end)
          do (let ((character (char text position)))
               (cond ((char= character #\\) (incf position 2))
                     ((char= character #\|) (setf bars (not bars)) (incf position))
                     ((or bars (token-character-p character)) (incf position))
                     (t (return)))))
    (min end position)))

(defun refuse-new-symbols (text package)
  "End the request when reading TEXT in PACKAGE would make a keyword, or a symbol of a package that it names."
  (dolist (token (text-tokens text))
    (multiple-value-bind (name prefix) (parse-symbol-text token)
      (when (and name prefix (plusp (length name)) (not (nth-value 1 (resolve-symbol token package))))
        (wire-error :unknown-symbol
                    "The image has no symbol ~a yet, and expanding a form makes none. Reload the code that brings it first."
                    token)))))

(defun call-with-shadow-package (package function)
  "Call FUNCTION with a package in which everything reads as in PACKAGE, and new symbols are gone afterwards."
  (let ((shadow (make-package (format nil "HOTLISP-EXPANDING-~d-~36r" (microseconds) (random (expt 36 6))) :use '())))
    (unwind-protect
         (sb-ext:without-package-locks
           (shadowing-import (package-shadowing-symbols package) shadow)
           (use-package (package-use-list package) shadow)
           (import (set-difference (present-symbols (list package)) (package-shadowing-symbols package)) shadow)
           (loop for (nickname . target) in (sb-ext:package-local-nicknames package)
                 do (sb-ext:add-package-local-nickname nickname target shadow))
           (funcall function shadow))
      (without-interrupts (delete-package shadow)))))

(defun read-quietly (text)
  "The form of TEXT, read in the current package without evaluation. Ends the request when it cannot be read."
  (handler-case (let ((*read-eval* nil)) (values (read-from-string text)))
    (error (condition)
      (wire-error :invalid-request "The form cannot be read without evaluating anything: ~a" (condition-text condition 500)))))

;;;; Expanding

(defun expand-known (expander form environment)
  "The macro expansion hook: only what loaded code defines is run, never a macro that the form itself defines."
  (if (or (symbolp form)
          (and (consp form) (symbolp (first form)) (eq expander (macro-function (first form)))))
      (funcall expander form environment)
      (refuse-local-macros)))

(defun refuse-local-macros ()
  (wire-error :invalid-request "The form defines macros of its own (MACROLET), which would have to be run to expand it. Expand a form inside it."))

(defun expand-everywhere (form)
  (walk-expanding form (lambda (subform)
                         (when (and (consp subform) (eq (first subform) 'macrolet))
                           (refuse-local-macros)))))

(defparameter *expansion-limit* 100000 "Code points of an expansion that is answered; longer ones are cut.")

(defun print-expansion (form)
  (let ((text (handler-case
                  (with-plain-printing
                    (let ((*print-pretty* t) (*print-case* :downcase) (*print-right-margin* 90) (*print-circle* nil)
                          (*print-length* 2000) (*print-level* 200))
                      (write-to-string form)))
                (error (condition)
                  (format nil "#<the expansion, printing which signalled ~s>" (type-of condition))))))
    (truncate-text text *expansion-limit*)))

(define-request macroexpand (text package readtable all)
  "Expands the form once or, with ALL, together with all forms inside it, in the null lexical environment."
  (when (session-read-only (request-session *request*))
    (wire-error :read-only "This image is served read-only: expanding runs macros of the program, which may change it."))
  (let ((package (known-package package)))
    (refuse-new-symbols text package)
    (when (and all (not (capability :walker)))
      (wire-error :invalid-request "This SBCL (~a) has no walker to expand inner forms with." (lisp-implementation-version)))
    (call-with-shadow-package
     package
     (lambda (shadow)
       (let* ((*package* shadow) (*readtable* (readtable-for readtable package))
              (form (read-quietly text))
              (*macroexpand-hook* #'expand-known)
              (expansion (if all (expand-everywhere form) (macroexpand-1 form))))
         (result :expansion (print-expansion expansion)
                 :package (package-name package)
                 :changed (not (equal form expansion))))))))
