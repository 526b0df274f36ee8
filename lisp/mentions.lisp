;;;; What an operation's forms name in their texts: of that, too, it is known what it was before code of them runs.

(in-package :hotlisp)

(defun map-tokens (function text)
  "Call FUNCTION with each part of TEXT that may be a symbol, as often as it is there."
  (let* ((text (coerce text '(simple-array character (*)))) (end (length text)) (position 0))
    (declare (type fixnum position end))
    (loop
      (let ((start (position-if #'token-character-p text :start position)))
        (unless start (return))
        (setf position (or (position-if-not #'token-character-p text :start start) end))
        (unless (digit-char-p (schar text start))
          (funcall function (subseq text start position)))))))

(defun token-table (units)
  "From each package of UNITS to a table whose keys are the tokens of its texts: a text has most of them many times."
  (let ((tables (make-hash-table :test #'eq)))
    (dolist (unit units tables)
      (let ((package (find-package-named (unit-package-name unit))))
        (when package
          (let ((tokens (or (gethash package tables)
                            (setf (gethash package tables) (make-hash-table :test #'equal)))))
            (map-tokens (lambda (token) (setf (gethash token tokens) t)) (unit-text unit))))))))

(defun mentioned-tokens (units)
  "The TOKENS in the texts of UNITS. Of COMMON-LISP's symbols only settings count; what much besides an operation changes is left alone."
  (let ((symbols (make-hash-table :test #'eq)) (packages '()) (makes '()) (sets '()) (documented nil) (set-kinds '())
        ;; A table of data has as many as it has words.
        (missing (make-hash-table :test #'equal)))
    (flet ((note-package (token)
             (let* ((name (package-designator-text token))
                    (package (and name (find-package-named name))))
               (cond ((null name))
                     ((null package) (setf (gethash name missing) t))
                     ((not (system-package-p package)) (pushnew package packages)))))
           (note-symbol (symbol)
             (cond ((null symbol))
                   ((keywordp symbol))
                   ((assoc symbol *setting-operators*) (pushnew (cdr (assoc symbol *setting-operators*)) set-kinds))
                   ((not (eq (symbol-package symbol) (find-package :common-lisp))) (setf (gethash symbol symbols) t))
                   ((setting-p symbol) (setf (gethash symbol symbols) t))
                   ((eq symbol 'documentation) (setf documented t))
                   ((member symbol '(make-package defpackage)) (setf makes t))
                   (t (loop for (variable . names) in *set-variables*
                            when (member (symbol-name symbol) names :test #'string=)
                              do (pushnew variable sets))))))
      (loop for package being the hash-keys of (token-table units) using (hash-value tokens)
            do (loop for token being the hash-keys of tokens
                     do (note-package token)
                        (note-symbol (nth-value 0 (resolve-symbol token package))))))
    (make-tokens :symbols (hash-table-keys symbols) :packages packages
                 :missing-packages (and makes (hash-table-keys missing)) :sets sets :documented documented
                 :set-kinds set-kinds)))

(defun setting-p (symbol)
  "Whether SYMBOL, of COMMON-LISP, is a variable that code may set for good."
  (let ((name (symbol-name symbol)))
    (and (> (length name) 3) (char= (char name 0) #\*)
         (boundp symbol) (not (constantp symbol))
         (not (assoc symbol *set-variables*))
         (not (member symbol '(*gensym-counter* *random-state* *package* *readtable*))))))
