;;;; Functions that a structure or class made, that its new definition does not make, and that SBCL leaves in the image all the same.

(in-package :hotlisp)

;;;; Told from the text, before it takes effect

(defun option-name (arguments default)
  "The name that the ARGUMENTS of an option say, DEFAULT where they are none; NIL where they say NIL."
  (if arguments
      (let ((name (package-designator-text (first arguments))))
        (if (equal name "NIL") nil name))
      default))

(defun written-structure-functions (elements package)
  "The names, as strings, of the functions that ELEMENTS, the texts of a DEFSTRUCT, make: (SETF name) is a list of two."
  (let* ((head (second elements))
         (parts (split-list-text head))
         (name (parse-symbol-text (if (consp parts) (first parts) head)))
         (conc (first (structure-options head "CONC-NAME")))
         (prefix (if (structure-options head "CONC-NAME")
                     (or (option-name conc nil) "")
                     (concatenate 'string name "-")))
         (included (first (structure-options head "INCLUDE")))
         (parent (and included (find-structure-description (resolve-symbol (first included) package) nil)))
         (names '()))
    (flet ((accessor (slot read-only)
             (let ((accessor (concatenate 'string prefix slot)))
               (push accessor names)
               (unless read-only (push (list "SETF" accessor) names))))
           (add (option default)
             (let ((given (structure-options head option)))
               (dolist (arguments (or given '(())))
                 (let ((made (option-name arguments default)))
                   (when made (push made names)))))))
      (add "CONSTRUCTOR" (concatenate 'string "MAKE-" name))
      (add "COPIER" (concatenate 'string "COPY-" name))
      (add "PREDICATE" (concatenate 'string name "-P"))
      (dolist (slot (and parent (structure-slots parent)))
        (accessor (symbol-name (structure-slot-name slot)) nil))
      (dolist (text (cddr elements) names)
        (unless (char= (char text 0) #\")
          (accessor (lambda-list-element-name text) (slot-option text :read-only package)))))))

(defun slot-option (text key package)
  "Whether the slot that TEXT describes has the option KEY with another value than NIL."
  (let ((parts (split-list-text text)))
    (and (consp parts)
         (loop for (option value) on (cddr parts) by #'cddr
                 thereis (and (eq (resolve-symbol option package) key) value (not (string-equal value "NIL")))))))

(defun function-key (name)
  "NAME, a function's, as WRITTEN-STRUCTURE-FUNCTIONS has it."
  (if (consp name) (list "SETF" (symbol-name (second name))) (symbol-name name)))

(defun written-accessors (elements)
  "The names of the generic functions, as FUNCTION-KEY has them, that ELEMENTS, the texts of a DEFCLASS, give methods."
  (let ((slots (split-list-text (fourth elements))) (names '()))
    (dolist (text (and (consp slots) slots) names)
      (let ((parts (split-list-text text)))
        (when (consp parts)
          (loop for (option value) on (rest parts) by #'cddr
                for key = (parse-symbol-text (string-left-trim ":" option))
                for written = (and value (split-list-text value))
                for name = (and value (parse-symbol-text (if (consp written) (or (second written) "") value)))
                do (cond ((null name))
                         ((equal key "ACCESSOR") (push name names) (push (list "SETF" name) names))
                         ((member key '("READER" "WRITER") :test #'equal)
                          (push (if (consp written) (list "SETF" name) name) names)))))))))

(defun leavings (definition unit)
  "The names of the functions that stay in the image once UNIT's text of DEFINITION, a structure or class, no longer makes them."
  (let ((elements (defining-elements unit 'defstruct 'defclass))
        (package (find-package-named (unit-package-name unit))))
    (and elements package (resolved-p definition) (notany (lambda (text) (search "#" text)) elements)
         (ignore-errors
          (let ((written (if (eq (definition-kind definition) :structure)
                             (written-structure-functions elements package)
                             (written-accessors elements))))
            (remove-if (lambda (name) (member (function-key name) written :test #'equal))
                       (made-functions (definition-symbol definition))))))))

(defun made-functions (symbol)
  "The names of the functions that the structure SYMBOL made, or of those that only the slots of the class SYMBOL made and give methods."
  (let ((class (find-class symbol nil)))
    (if (ordinary-class-p class)
        (remove-if-not (lambda (name) (only-accessor-of-p name class)) (accessor-names (sb-mop:class-direct-slots class)))
        (remove-if-not #'fboundp (structure-function-names symbol)))))

(defun accessor-names (slots)
  (remove-duplicates
   (loop for slot in slots
         append (sb-mop:slot-definition-readers slot)
         append (sb-mop:slot-definition-writers slot))
   :test #'equal))

(defun only-accessor-of-p (name class)
  "Whether NAME is a generic function that no DEFGENERIC made and whose methods, if it has any, are accessors of CLASS."
  (let ((function (generic-function-named name)))
    (and function
         (every (lambda (method)
                  (and (typep method 'sb-mop:standard-accessor-method)
                       (member class (sb-mop:method-specializers method))))
                (sb-mop:generic-function-methods function))
         (null (ignore-errors (introspect "DEFINITION-SOURCE-PATHNAME" (introspect "FIND-DEFINITION-SOURCE" function)))))))

(defun leavings-wire (names package-name)
  "NAMES as the contract's texts; (SETF name) only where the function NAME does not stay, too."
  (let ((package (find-package-named package-name)))
    (loop for name in names
          unless (and (consp name) (member (second name) names))
            collect (safely-print (lambda () (let ((*package* (or package *package*))) (prin1-to-string name))) 200 "a name"))))

;;;; Told from what took effect

(defun left-functions (delta)
  "The names of functions that the class of DELTA made in its old state, does not make in its new one, and that are there."
  (let* ((old (delta-old delta)) (new (delta-new delta))
         (class (and (typep new 'class-state) (class-state-class new))))
    (when (and (typep old 'class-state) class)
      (if (class-state-parts new)
          (flet ((made (state)
                   (let ((parts (class-state-parts state)))
                     (and (eq (car parts) :structure) (described-functions (cdr parts))))))
            (remove-if-not #'fboundp (set-difference (made old) (made new) :test #'equal)))
          (remove-if-not (lambda (name)
                           (and (only-accessor-of-p name class)
                                (null (sb-mop:generic-function-methods (generic-function-named name)))))
                         (set-difference (accessor-names (class-state-slots old)) (accessor-names (class-state-slots new))
                                         :test #'equal))))))

(defun used-again-p (definition)
  "Whether DEFINITION, of a function that was left behind, is a generic function that has got methods since."
  (let ((function (definition-object definition)))
    (and (typep function 'standard-generic-function) (sb-mop:generic-function-methods function) t)))

(defun function-definition (name)
  "The DEFINITION of the function NAME as it is."
  (let* ((symbol (name-symbol name)) (package (symbol-package symbol)))
    (make-definition :kind (if (generic-function-named name) :generic-function :function)
                     :text (if (consp name)
                               (format nil "(setf ~a)" (bare-symbol-text (symbol-name symbol)))
                               (bare-symbol-text (symbol-name symbol)))
                     :symbol symbol :setf (consp name) :symbol-name (symbol-name symbol)
                     :package-name (if package (package-name package) ""))))

(defun leftover-entries (units deltas)
  "Entries of *INSTALLED*, as a transaction has them, for the functions that the structures and classes of UNITS have left behind: the text
does not have them, and the image does."
  (loop for delta in deltas
        for names = (and (eq (delta-kind delta) :class) (left-functions delta))
        for unit = (and names
                        (find-if (lambda (unit)
                                   (find-if (lambda (definition)
                                              (and (member (definition-kind definition) '(:structure :class))
                                                   (resolved-p definition)
                                                   (eq (definition-symbol definition) (delta-name delta))))
                                            (unit-definitions unit)))
                                 units))
        when unit
          append (loop for name in names
                       for definition = (function-definition name)
                       for before = (installed-entry definition)
                       unless before
                         collect (list (definition-key definition) nil (make-installed-entry definition unit :left t)))))
