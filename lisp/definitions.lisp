;;;; What an operation defined, told from what has changed: the contract's Definitions of deltas.

(in-package :hotlisp)

(defun function-name-label (name)
  (if (consp name)
      (format nil "(SETF ~a)" (bare-symbol-text (symbol-name (second name))))
      (bare-symbol-text (symbol-name name))))

(defun method-label (method name)
  "METHOD of the generic function NAME as the contract prints it: AREA :AROUND (CIRCLE)."
  (with-plain-printing
    (let ((*package* (or (symbol-package (name-symbol name)) *package*)))
      (format nil "~a~{ ~s~} (~{~a~^ ~})" (function-name-label name) (method-qualifiers method)
              (mapcar (lambda (specializer)
                        (if (typep specializer 'sb-mop:eql-specializer)
                            (format nil "(EQL ~a)" (print-value (sb-mop:eql-specializer-object specializer) 100))
                            (bare-symbol-text (symbol-name (class-name specializer)))))
                      (sb-mop:method-specializers method))))))

(defun symbol-wire (kind symbol name change)
  (wire :definition :kind kind :name name
                    :package (let ((package (symbol-package symbol))) (if package (package-name package) ""))
                    :change change))

(defun change-between (old new)
  (cond ((eq old new) nil)
        ((or (none-p old) (null old)) :new)
        ((or (none-p new) (null new)) :removed)
        (t :redefined)))

(defun structure-function-p (name)
  "Whether NAME is an accessor or the like that defining a structure made."
  (consp (information name :function :source-transform)))

(defun function-delta-definition (delta)
  (let* ((name (delta-name delta))
         (state (if (none-p (delta-new delta)) (delta-old delta) (delta-new delta))))
    (unless (structure-function-p name)
      (symbol-wire (cond ((consp state) "macro")
                         ((typep state 'generic-function) "generic-function")
                         (t "function"))
                   (name-symbol name) (function-name-label name)
                   (change-between (delta-old delta) (delta-new delta))))))

(defparameter *information-kinds*
  '((:function :compiler-macro-function "compiler-macro") (:setf :expander "setf-expander") (:type :expander "type")
    (:variable :macro-expansion "symbol-macro") (:source-location :variable "variable") (:source-location :constant "constant"))
  "Which information stands for a definition of which kind.")

(defun information-delta-definitions (delta)
  (let ((symbol (delta-name delta)))
    (with-information (before (delta-old delta))
      (with-information (after (delta-new delta))
        (loop for (category kind name) in *information-kinds*
              for change = (change-between (information before category kind **none**) (information after category kind **none**))
              when change collect (symbol-wire name symbol (bare-symbol-text (symbol-name symbol)) change))))))

(defun class-delta-definition (delta)
  (let* ((state (if (none-p (delta-new delta)) (delta-old delta) (delta-new delta)))
         (class (class-state-class state)))
    (symbol-wire (cond ((typep class 'structure-class) "structure")
                       ((eq (car (class-state-parts state)) :condition) "condition")
                       (t "class"))
                 (delta-name delta) (bare-symbol-text (symbol-name (delta-name delta)))
                 (change-between (delta-old delta) (delta-new delta)))))

(defun generic-delta-definition (delta)
  (let ((name (sb-mop:generic-function-name (delta-name delta))))
    (symbol-wire "generic-function" (name-symbol name) (function-name-label name) :redefined)))

(defun methods-delta-definitions (delta)
  (let* ((function (delta-name delta))
         (name (sb-mop:generic-function-name function))
         (old (delta-old delta)) (new (delta-new delta)))
    (flet ((definition (method change)
             (symbol-wire "method" (name-symbol name) (method-label method name) change)))
      (append (loop for method in (set-difference new old)
                    unless (typep method 'sb-mop:standard-accessor-method)
                      collect (definition method (if (find-if (lambda (other) (same-signature-p method other)) old) :redefined :new)))
              (loop for method in (set-difference old new)
                    unless (or (typep method 'sb-mop:standard-accessor-method)
                               (find-if (lambda (other) (same-signature-p method other)) new))
                      collect (definition method :removed))))))

(defun method-delta-definitions (delta)
  (let* ((method (delta-name delta))
         (function (sb-mop:method-generic-function method))
         (name (and function (sb-mop:generic-function-name function))))
    (and name (list (symbol-wire "method" (name-symbol name) (method-label method name) :redefined)))))

(defun delta-definitions (deltas)
  "The contract's Definitions for what DELTAS changed: what a program defines by name; not what SBCL makes along with it, as accessors."
  (remove-duplicates
   (loop for delta in deltas
         append (ecase (delta-kind delta)
                  (:function (let ((definition (function-delta-definition delta))) (and definition (list definition))))
                  (:info (information-delta-definitions delta))
                  (:class (list (class-delta-definition delta)))
                  (:methods (methods-delta-definitions delta))
                  (:generic (list (generic-delta-definition delta)))
                  (:combination (list (symbol-wire "method-combination" (delta-name delta) (bare-symbol-text (symbol-name (delta-name delta)))
                                                   (change-between (delta-old delta) (delta-new delta)))))
                  (:package (list (wire :definition :kind "package" :name (delta-name delta) :package (delta-name delta)
                                                    :change (change-between (delta-old delta) (delta-new delta)))))
                  (:method (method-delta-definitions delta))
                  ((:value :set :table :setting :document :plist :interned :uninterned :renamed) '())))
   :test #'equal))

(defun same-definition-p (one other)
  "Whether ONE and OTHER, the contract's Definitions, are about the same."
  (and (string-equal (getf one :kind) (getf other :kind))
       (equal (getf one :name) (getf other :name))
       (equal (getf one :package) (getf other :package))))

(defun dropped-methods (named deltas)
  "The contract's Definitions for the methods that are gone since DELTAS and not among those NAMED: a generic function's definition has dropped them."
  (let ((changed (loop for delta in deltas
                       when (eq (delta-kind delta) :methods) append (methods-delta-definitions delta))))
    (set-difference (remove-duplicates (remove :removed changed :key (lambda (definition) (getf definition :change)) :test-not #'eq)
                                       :test #'same-definition-p)
                    named :test #'same-definition-p)))

(defun unnamed-definitions (units named deltas)
  "The contract's Definitions for what DELTAS changed besides NAMED: what a macro of the user's, or any other code in UNITS, has defined."
  (and (some (lambda (unit)
               (every (lambda (definition) (eq (definition-kind definition) :other)) (unit-definitions unit)))
             units)
       (set-difference (delta-definitions deltas) named :test #'same-definition-p)))
