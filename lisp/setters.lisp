;;;; What the functions set that a form calls when it is loaded. An operation puts back what its forms name; what those functions set by themselves
;;;; is left as it is, and told of before.

(in-package :hotlisp)

(defparameter *setters-limit* 500 "How many functions are looked at for the calls of one operation.")

(defun writes-table-p (name)
  "Whether NAME is the function that SBCL calls to change a hash table."
  (and (symbolp name) (member (symbol-name name) '("%PUTHASH" "REMHASH" "CLRHASH") :test #'string=)
       (symbol-package name) (system-package-p (symbol-package name))))

(defun bodies-of (name)
  "The functions that hold the code that a call of NAME may run."
  (let ((state (function-state name)))
    (typecase state
      (generic-function
       (remove nil (mapcar #'method-body (ignore-errors (sb-mop:generic-function-methods state)))))
      (function (list state)))))

(defun keepable-p (symbol)
  "Whether somebody may want the value of the variable SYMBOL put back."
  (and (symbolp symbol) (not (keywordp symbol))
       (or (users-symbol-p symbol)
           (and (eq (symbol-package symbol) (find-package :common-lisp)) (setting-p symbol)))))

(defun settings-in (function)
  "The variables that FUNCTION's code sets and does not bind, those whose hash tables it may change, and the names of what it calls."
  (let ((sets '()) (binds '()) (reads '()) (calls '()) (writes nil))
    (map-xrefs (lambda (kind name)
                 (case kind
                   (:sets (pushnew name sets))
                   (:binds (pushnew name binds))
                   (:references (pushnew name reads))
                   (:calls (if (writes-table-p name) (setf writes t) (pushnew name calls :test #'equal)))))
               function)
    (values (remove-if-not #'keepable-p (set-difference sets binds))
            (and writes
                 (remove-if-not (lambda (symbol)
                                  (and (keepable-p symbol) (boundp symbol) (hash-table-p (symbol-value symbol))))
                                (set-difference reads binds)))
            calls)))

(defun setters-from (names known)
  "The contract's Setters for the functions NAMES and whom they call, without the variables that are keys of KNOWN."
  (let ((seen (make-hash-table :test #'equal)) (waiting (copy-list names)) (found '()))
    (flet ((unknown (symbols)
             (sort (mapcar #'print-name (remove-if (lambda (symbol) (nth-value 1 (gethash symbol known))) symbols)) #'string<)))
      (loop while (and waiting (< (hash-table-count seen) *setters-limit*))
            for name = (pop waiting)
            unless (or (gethash name seen) (not (users-symbol-p (name-symbol name))))
              do (setf (gethash name seen) t)
                 (let ((variables '()) (tables '()))
                   (dolist (body (bodies-of name))
                     (multiple-value-bind (sets writes calls) (settings-in body)
                       (setf variables (union sets variables) tables (union writes tables)
                             waiting (append waiting calls))))
                   (let ((variables (unknown variables)) (tables (unknown tables)))
                     (when (or variables tables)
                       (push (wire :setter :function (with-plain-printing (let ((*package* (find-package :keyword))) (prin1-to-string name)))
                                           :variables variables :tables tables)
                             found))))))
    (nreverse found)))

(define-request setters (forms calls)
  "What the functions set that FORMS call; those that FORMS define anew are left out, for their texts name what they set."
  (if (capability :xref)
      (let* ((units (units-of-forms forms))
             (known (make-hash-table :test #'eq))
             (defined (loop for unit in units append (mapcar #'definition-name (unit-definitions unit))))
             (names (loop for call in calls
                          for package = (find-package-named (unit-package-name (nth (getf call :form) units)))
                          for symbol = (and package (nth-value 0 (resolve-symbol (getf call :name) package)))
                          when symbol collect symbol)))
        (dolist (symbol (tokens-symbols (mentioned-tokens units))) (setf (gethash symbol known) t))
        (result :setters (setters-from (remove-if (lambda (name) (member name defined :test #'equal)) (remove-duplicates names)) known)))
      (result :setters '())))
