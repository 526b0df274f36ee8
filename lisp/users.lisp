;;;; Who uses what a name stands for: functions, macros and methods of the user's program, by the compiler's records.

(in-package :hotlisp)

(defparameter *users-limit* 300)

(defparameter *uses*
  '((:calls . "calls") (:macroexpands . "expands") (:references . "reads") (:sets . "sets") (:binds . "binds"))
  "What the compiler records, and the contract's word for each.")

(defun uses-in (function symbol)
  "The words for how FUNCTION's code uses SYMBOL or (SETF SYMBOL)."
  (let ((found '()))
    (map-xrefs (lambda (kind name)
                 (when (eq symbol (name-symbol name)) (pushnew kind found)))
               function)
    (loop for (kind . how) in *uses* when (member kind found) collect how)))

(defun specializing-methods (symbol)
  "The USERs that are methods on the class SYMBOL, but for those that the class brings along."
  (let ((class (find-class symbol nil)))
    (when class
      (loop for method in (ignore-errors (sb-mop:specializer-direct-methods class))
            for function = (sb-mop:method-generic-function method)
            for name = (and function (sb-mop:generic-function-name function))
            when (and (not (typep method 'sb-mop:standard-accessor-method)) (name-symbol name))
              collect (make-user :kind :method :name name :pointer (sb-ext:make-weak-pointer method))))))

(defun user-wire (how user digests)
  "The contract's User: a Location, and how it uses what was asked about."
  (list* :how how
         (node-location (make-node :kind (user-kind user) :name (user-name user) :user user) digests)))

(defun indexed-users (symbol)
  "The contract's Users of SYMBOL, which is the user's own, from the index of the compiler's records."
  (let ((found '()) (digests (installed-digests)))
    (dolist (user (gethash symbol (xref-table)))
      (let ((function (user-function user)))
        (dolist (how (and function (uses-in function symbol)))
          (push (cons how user) found))))
    (dolist (user (specializing-methods symbol)) (push (cons "specializes on" user) found))
    (loop for (how . user) in found
          repeat *users-limit*
          collect (user-wire how user digests))))

(defun introspected-users (symbol)
  "The contract's Users of SYMBOL as SB-INTROSPECT finds them in all of the image; their names are printed with their packages."
  (let ((seen (make-hash-table :test #'equal)) (users '()))
    (loop for (how function) in '(("calls" "WHO-CALLS") ("expands" "WHO-MACROEXPANDS") ("reads" "WHO-REFERENCES") ("sets" "WHO-SETS")
                                  ("binds" "WHO-BINDS") ("specializes on" "WHO-SPECIALIZES-DIRECTLY"))
          do (loop for (name . source) in (ignore-errors (introspect function symbol))
                   for text = (safely-print (lambda () (let ((*package* (find-package :keyword))) (prin1-to-string name))) 300 "a name")
                   for plist = (source-plist source)
                   unless (or (gethash (list how text) seen) (>= (length users) *users-limit*))
                     do (setf (gethash (list how text) seen) t)
                        (push (wire :user :how how :kind "other" :name text :package ""
                                          :file (getf plist :file) :byte-offset (getf plist :byte-offset) :form (getf plist :form))
                              users)))
    (nreverse users)))

(define-request users (symbol package)
  "Who calls, expands, reads, sets, binds or specializes on what the symbol names."
  (let* ((symbol (known-symbol symbol package))
         (home (symbol-package symbol)))
    (result :users (if (and home (not (system-package-p home)) (capability :xref))
                       (indexed-users symbol)
                       (introspected-users symbol)))))

;;;; How many call it

(defun caller-count (definition table)
  "How many functions, methods and macros, other than itself, call or expand what DEFINITION names; -1 where the image has no such definition."
  (let ((name (definition-name definition)))
    (if (or (eq name :unresolved) (stringp name) (not (fboundp name)))
        -1
        (count-if-not (lambda (user) (and (not (eq (user-kind user) :method)) (equal (user-name user) name)))
                      (users-of '(:calls :macroexpands) (list name) table)))))

(define-request callers (definitions)
  "How many callers each of DEFINITIONS has, by the compiler's records."
  (if (capability :xref)
      (let ((table (xref-table)))
        (result :counts (loop for placed in definitions collect (caller-count (placed-definition placed 0) table))))
      (result :counts (loop repeat (length definitions) collect -1))))
