;;;; Making a definition undefined: the image forgets what the name means, as a transaction that can be taken back.

(in-package :hotlisp)

(defun clear-information (name &rest kinds)
  "Have the image's database forget about NAME what KINDS, lists (category kind...) or (category) for all of its kinds, say."
  (clear-info-values name
                     (loop for (number category kind) in (info-keys name)
                           when (find-if (lambda (wanted)
                                           (and (eq (first wanted) category) (or (null (rest wanted)) (member kind (rest wanted)))))
                                         kinds)
                             collect number)))

(defun remove-class-name (name)
  (let ((class (find-class name nil)))
    (when class
      (setf (find-class name) nil)
      (when (typep class 'sb-mop:standard-class)
        (dolist (superclass (sb-mop:class-direct-superclasses class))
          (sb-mop:remove-direct-subclass superclass class))))))

(defun remove-definition (definition)
  (let ((name (definition-name definition)) (symbol (definition-symbol definition)))
    (sb-ext:without-package-locks
      (ecase (definition-kind definition)
        ((:function :generic-function :macro) (fmakunbound name))
        (:method (let* ((method (find-defined-method definition))
                        (function (sb-mop:method-generic-function method)))
                   (remove-method function method)
                   (reset-generic-functions (list function))))
        ((:variable :constant)
         (clear-information symbol '(:variable) '(:source-location :variable :constant))
         (makunbound symbol))
        (:symbol-macro (clear-information symbol '(:variable) '(:source-location :symbol-macro)))
        (:compiler-macro (setf (compiler-macro-function name) nil))
        (:setf-expander (clear-information symbol '(:setf :expander)))
        (:type (clear-information symbol '(:type)))
        (:method-combination
         (write-combination symbol **none**)
         (setf (documentation symbol 'method-combination) nil))
        ((:class :condition) (remove-class-name symbol))
        (:structure
         (let ((functions (structure-function-names symbol)))
           (remove-class-name symbol)
           (clear-information symbol '(:type :kind :expander) '(:typed-structure) '(:source-location :typed-structure))
           (dolist (function functions)
             (when (fboundp function) (fmakunbound function))
             (clear-information function '(:function)))))))
    (drop-all-hash-caches)))

(defparameter *removable-kinds*
  '(:function :generic-function :macro :method :variable :constant :symbol-macro :compiler-macro :setf-expander :type :class :condition :structure
    :method-combination))

(defun removable-definitions (names package)
  "The DEFINITIONs for NAMES, of the wire, that the image has. Ends the request when one is of a kind that cannot be removed."
  (let ((package (known-package package)))
    (loop for wire in names
          for definition = (resolve-definition wire 0 package)
          do (unless (member (definition-kind definition) *removable-kinds*)
               (wire-error :invalid-request "~a is a ~(~a~): that kind of definition cannot be removed from an image."
                           (definition-label definition) (definition-kind definition)))
          when (and (resolved-p definition) (definition-object definition))
            collect definition)))

(defun combined-labels (definition)
  "Names of the generic functions that go by DEFINITION, a method combination."
  (loop for function in (users-in-combination-state (combination-state (definition-symbol definition)))
        collect (print-name (name-symbol (sb-mop:generic-function-name function)))))

(defun caller-labels (definitions)
  "Names of what uses DEFINITIONS, other than themselves."
  (sort (remove-duplicates (append (loop for definition in definitions
                                         when (eq (definition-kind definition) :method-combination)
                                           append (combined-labels definition))
                                   (recorded-labels definitions))
                           :test #'string=)
        #'string<))

(defun recorded-labels (definitions)
  "Names of what is recorded to use DEFINITIONS, other than themselves."
  (when (capability :xref)
    (let ((own (loop for definition in definitions
                     append (if (eq (definition-kind definition) :structure)
                                (cons (definition-symbol definition) (structure-function-names (definition-symbol definition)))
                                (list (definition-name definition)))))
          (names '()))
      (dolist (user (users-of '(:calls :macroexpands :references :sets :binds)
                              (loop for definition in definitions
                                    append (case (definition-kind definition)
                                             ((:method :class :condition :type :method-combination) '())
                                             (:structure (structure-function-names (definition-symbol definition)))
                                             (t (list (definition-name definition)))))
                              (xref-table)))
        (let ((name (user-name user)))
          (unless (member name own :test #'equal)
            (push (print-name (name-symbol name)) names))))
      names)))

(define-request removal (definitions package)
  "Which of the definitions the image has, and what uses them."
  (let* ((definitions (removable-definitions definitions package))
         (callers (caller-labels definitions)))
    (result :definitions (loop for definition in definitions collect (definition-wire definition :removed))
            :callers (subseq callers 0 (min 50 (length callers))))))

(define-request remove (transaction definitions package)
  "Makes the definitions undefined."
  (with-image-lock ()
    (let* ((definitions (removable-definitions definitions package))
           (packages (remove nil (remove-duplicates (loop for definition in definitions
                                                          collect (symbol-package (definition-symbol definition))))))
           (deed (make-deed :id transaction
                            :definitions (loop for definition in definitions collect (definition-wire definition :removed)))))
      (unless definitions
        (wire-error :unknown-symbol "The image has none of these definitions any more."))
      (call-as-transaction deed
                           (lambda ()
                             (capture packages definitions :full t :tokens (make-tokens :symbols (mapcar #'definition-symbol definitions))))
                           #'differences
                           (lambda () (mapc #'remove-definition definitions) t)))))
