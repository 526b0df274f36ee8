;;;; What an operation's forms name by what their macros expand to: no text tells that.

(in-package :hotlisp)

(defvar *learning* nil "The SNAPSHOT, a full one, of the operation whose forms the current thread compiles or loads: what their macros name belongs to it, too.")

(defparameter *setting-macros* '(setf psetf incf decf push pushnew pop remf rotatef shiftf)
  "Macros of COMMON-LISP whose expansions may name what their forms do not.")

(defun learn-names (form expansion unit)
  "Have the snapshot know what the symbols in EXPANSION, FORM's in UNIT or NIL, mean, before any code of it runs. Returns EXPANSION."
  (when (and *learning* (consp form)
             (or (not (eq (symbol-package (first form)) (find-package :common-lisp)))
                 (member (first form) *setting-macros*)))
    (let ((known (snapshot-known *learning*)) (new '()) (documented nil) (kinds '()) (patience 100000))
      (labels ((look (tree)
                 (loop (when (atom tree)
                         (when (and tree (symbolp tree)) (look-at-symbol tree))
                         (return))
                       (when (minusp (decf patience)) (return))
                       (look (pop tree))))
               (look-at-symbol (symbol)
                 (cond ((eq symbol 'documentation) (setf documented t))
                       ((assoc symbol *setting-operators*) (pushnew (cdr (assoc symbol *setting-operators*)) kinds))
                       ((nth-value 1 (gethash symbol known)))
                       ((or (users-symbol-p symbol) (and (eq (symbol-package symbol) (find-package :common-lisp)) (setting-p symbol)))
                        (setf (gethash symbol known) '())
                        (push symbol new)))
                 (when unit
                   (multiple-value-bind (units present) (gethash symbol known)
                     (when present (setf (gethash symbol known) (adjoin (unit-index unit) units)))))))
        (look expansion))
      (when (and documented (not (snapshot-documented *learning*)))
        (setf (snapshot-documented *learning*) t
              (snapshot-documents *learning*) (document-states (hash-table-keys known))))
      (when new
        (let ((foreign (remove-if (lambda (symbol)
                                    (or (member (symbol-package symbol) (snapshot-packages *learning*))
                                        (snapshot-holds-p *learning* symbol)))
                                  new)))
          (when foreign (hold-more *learning* foreign)))
        (capture-values *learning* new))
      (capture-settings *learning* kinds)))
  expansion)
