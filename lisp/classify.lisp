;;;; What a change will do, told from data: the image is looked at, the text is split, and nothing is compiled or evaluated for it.

(in-package :hotlisp)

(defun classify-definition (definition unit)
  "Returns (values class hazard change) for DEFINITION of UNIT, class being one of the contract's as a keyword, hazard a plist or NIL."
  (let* ((change (definition-change definition (unit-digest unit)))
         (hazard (definition-hazard definition unit change)))
    (values (cond (hazard :hazardous)
                  ((eq change :unchanged) :unchanged)
                  ((eq change :new) (if (awaited-p definition) :dependents :safe))
                  (t (ecase (definition-kind definition)
                       ((:macro :compiler-macro :symbol-macro :setf-expander :type :structure :constant :method-combination
                         :declaration)
                        :dependents)
                       ((:class :condition) :migration)
                       (:function
                        (let ((name (definition-name definition)))
                          (if (or (inlined-p name) (directly-called-p name)) :dependents :safe)))
                       ((:generic-function :method :variable :package :other) :safe))))
            hazard
            change)))

(defun awaited-p (definition)
  "Whether code was compiled with plain calls of what DEFINITION, a new one, will be a macro, compiler macro or setf expander for."
  (and (member (definition-kind definition) '(:macro :compiler-macro :setf-expander))
       (resolved-p definition)
       (capability :xref)
       (stale-users (definition-kind definition) (definition-name definition) (xref-table))
       t))

(defun inlined-p (name)
  (and (not (eq name :unresolved))
       (or (member (information name :function :inlinep) '(:inline :maybe-inline inline sb-ext:maybe-inline))
           (information name :function :inlining-data))))

;;;; The request

(defun announced-packages (forms)
  "The names and nicknames of the packages that FORMS, of the wire, define."
  (loop for form in forms
        append (loop for name in (getf form :definitions)
                     when (eq (getf name :kind) :package)
                       append (let ((elements (split-list-text (getf form :text))))
                                (cons (or (package-designator-text (getf name :name)) (getf name :name))
                                      (and (consp elements) (package-option "NICKNAMES" elements)))))))

(defun units-of-forms (forms)
  "The UNITS of the wire's FORMS. Signals a WIRE-ERROR of kind :UNKNOWN-PACKAGE."
  (let ((announced (announced-packages forms)))
    (loop for form in forms
          for index from 0
          do (package-of-form form index announced)
          collect (unit-of-form form index))))

(defun assess (unit definition)
  (multiple-value-bind (class hazard change) (classify-definition definition unit)
    (let ((source (cond ((declared-otherwise-p definition) nil)
                        ((traceless-p definition) (or (made-source definition (unit-file unit)) (list :file (unit-file unit))))
                        ((eq change :new) nil)
                        ((definition-source definition))
                        ;; What UIOP:DEFINE-PACKAGE makes has no place; the date of its file tells whether the text is still the same.
                        ((eq (definition-kind definition) :package) (list :file (unit-file unit)))))
          (installed (installed-digest definition)))
      (wire :assessment :form (unit-index unit)
                        :definition (definition-wire definition change)
                        :class class
                        :hazard hazard
                        :migration (and (eq class :migration) (slot-migration definition unit))
                        :leaves (and (eq change :redefined) (member (definition-kind definition) '(:structure :class))
                                     (leavings-wire (leavings definition unit) (unit-package-name unit)))
                        :installed installed
                        :file (getf source :file)
                        ;; What an operation compiled is dated by the operation.
                        :file-write-date (and (not installed) (getf source :file-write-date))))))

(defun made-source (definition file)
  "Where the function comes from that a definer of the user's own has made of DEFINITION in FILE, as keys of the contract's Location; else NIL."
  (let* ((name (definition-name definition))
         (function (and (eq (definition-kind definition) :other) (not (stringp name)) (function-state name))))
    (when (functionp function)
      (let ((origin (code-origin function)))
        (and (equal (getf origin :file) file) origin)))))

(defun definition-source (definition)
  "Where the image says that what DEFINITION names comes from, as keys of the contract's Location; NIL when it does not say."
  (let ((source (definition-source-object definition)))
    (and source (dated-source (source-plist source) definition))))

(defun definition-source-object (definition)
  "What SB-INTROSPECT says about where what DEFINITION names comes from, or NIL."
  (let* ((kind (definition-kind definition))
         (name (definition-name definition))
         (object (definition-object definition)))
    (ignore-errors
     (case kind
       ((:function :macro :generic-function) (and (functionp object) (introspect "FIND-DEFINITION-SOURCE" object)))
       (:method (introspect "FIND-DEFINITION-SOURCE" (find-defined-method definition)))
       (:package (introspect "FIND-DEFINITION-SOURCE" (find-package name)))
       (:other nil)
       (t (first (introspect "FIND-DEFINITION-SOURCES-BY-NAME" name kind)))))))

(defun replaced-functions (units)
  "The functions that applying UNITS would replace."
  (loop for unit in units
        append (loop for definition in (unit-definitions unit)
                     for object = (and (member (definition-kind definition) '(:function :method :macro))
                                       (definition-object definition))
                     when (functionp object) collect object)))

(defun codes-of (functions)
  "The code objects of FUNCTIONS, functions of methods included."
  (remove-duplicates
   (loop for function in functions
         for working = (ignore-errors (code-of (working-function function)))
         for code = (ignore-errors (code-of function))
         when working collect working
         when code collect code)
   :test #'eq))

(defun running-threads (functions)
  "The contract's ThreadInside for each thread that is inside FUNCTIONS, or of which that cannot be told."
  (let ((codes (codes-of functions)))
    (loop for (thread . answer) in (and codes (threads-running codes))
          unless (eq answer :no)
            collect (wire :thread-inside :id (thread-id thread) :name (thread-name thread) :runs answer))))

(defun assessments-of (units)
  "The contract's assessment of each definition of UNITS, in order."
  (let ((*operation-units* units)
        (*shapes-to-be* (make-hash-table :test #'equal)))
    (date-undated (loop for unit in units
                        append (loop for definition in (unit-definitions unit) collect (assess unit definition))))))

(define-request check (forms threads)
  "What applying FORMS would do, and which threads are inside the code that it would replace."
  (let ((units (units-of-forms forms)))
    (result :generation (image-generation)
            :assessments (assessments-of units)
            :threads (if threads (running-threads (replaced-functions units)) '()))))
