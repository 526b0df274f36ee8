;;;; What the image knows about a name, in few words: for somebody who looks at it in a text. Values are described and not printed, so
;;;; that neither a large or circular one nor a method of PRINT-OBJECT is met.

(in-package :hotlisp)

(defparameter *documentation-limit* 6000 "Code points of a docstring that are told.")
(defparameter *listed-limit* 60 "How many methods, slots or superclasses are told.")

;;;; Texts

(defun short-form-text (form &optional (depth 6) (limit 400))
  "FORM, a piece of a lambda list or a type, as people write it: in lower case, symbols without their packages. Cut at LIMIT code points."
  (truncate-text
   (with-output-to-string (stream)
     (labels ((show (form depth)
                (typecase form
                  (keyword (format stream ":~a" (show-name form)))
                  (symbol (write-string (show-name form) stream))
                  (cons (show-list form depth))
                  ((or number character) (with-plain-printing (prin1 form stream)))
                  (string (with-plain-printing (prin1 (truncate-text form 40) stream)))
                  (t (write-string "…" stream))))
              (show-name (symbol)
                (let ((text (bare-symbol-text (symbol-name symbol))))
                  (if (find #\| text) text (string-downcase text))))
              (show-list (list depth)
                (cond ((zerop depth) (write-string "…" stream))
                      ((and (member (first list) '(quote function)) (consp (cdr list)) (null (cddr list)))
                       (write-string (if (eq (first list) 'quote) "'" "#'") stream)
                       (show (second list) depth))
                      (t (write-char #\( stream)
                         (loop for rest = list then (cdr rest)
                               for count from 0
                               do (cond ((null rest) (return))
                                        ((= count 60) (write-string " …" stream) (return))
                                        ((atom rest) (write-string " . " stream) (show rest (1- depth)) (return)))
                                  (when (plusp count) (write-char #\Space stream))
                                  (show (car rest) (1- depth)))
                         (write-char #\) stream)))))
       (if (null form) (write-string "()" stream) (show form depth))))
   limit))

(defun documentation-text (object type)
  (let ((text (handler-case (documentation object type) ((or error warning) () nil))))
    (and (stringp text) (plusp (length text)) (truncate-text text *documentation-limit*))))

(defun value-text (value)
  "What kind of object VALUE is, and VALUE itself where that is short."
  (typecase value
    ((or number character) (truncate-text (with-plain-printing (prin1-to-string value)) 80))
    (symbol (truncate-text (short-form-text value) 80))
    (string (if (> (length value) 60)
                (format nil "a string of ~d characters" (length value))
                (with-plain-printing (prin1-to-string value))))
    (pathname (truncate-text (with-plain-printing (prin1-to-string value)) 120))
    (package (format nil "the package ~a" (package-name value)))
    (hash-table (format nil "a hash table (~(~a~)) of ~d entries" (hash-table-test value) (hash-table-count value)))
    (cons (if (short-tree-p value)
              (short-form-text value 6 80)
              (let ((length (bounded-length value)))
                (if length (format nil "a list of ~d elements" length) "a long, circular or dotted list"))))
    (array (format nil "an array of ~{~d~^ x ~} elements of type ~a" (array-dimensions value)
                   (short-form-text (array-element-type value))))
    (function "a function")
    (t (format nil "an object of type ~(~a~)" (class-name (class-of value))))))

(defun bounded-length (list &optional (limit 10000))
  "The length of LIST; NIL where it is longer than LIMIT, circular or not proper."
  (loop for rest = list then (cdr rest)
        for count from 0 to limit
        do (cond ((null rest) (return count))
                 ((atom rest) (return nil)))))

(defun short-tree-p (form)
  "Whether FORM is made of at most 12 symbols, numbers, characters and conses."
  (let ((budget 24))
    (labels ((walk (form)
               (when (minusp (decf budget)) (return-from short-tree-p nil))
               (typecase form
                 (cons (walk (car form)) (walk (cdr form)))
                 ((or symbol number character))
                 (t (return-from short-tree-p nil)))))
      (walk form)
      t)))

;;;; Facts

(defun lambda-list-text (function)
  (let ((list (function-lambda-list function)))
    (and (listp list) (short-form-text list 8 1200))))

(defun ftype-text (name function)
  "The declared or else derived type of the function NAME, and whether it was declared; NIL where nothing is known of it."
  (let* ((declared (eq (ignore-errors (info-default :function :where-from name)) :declared))
         (type (ignore-errors
                (if declared
                    (let ((known (info-default :function :type name)))
                      (if (typep known '(or symbol cons)) known (type-specifier known)))
                    (simple-fun-type (underlying-function function))))))
    (if (and (consp type) (eq (first type) 'function)
             (not (member type '((function * *) (function (&rest t) *)) :test #'equal)))
        (values (short-form-text type 8 600) declared)
        (values nil nil))))

(defun variable-type-text (symbol)
  (let ((type (ignore-errors (type-specifier (info-default :variable :type symbol)))))
    (and type (not (eq type t)) (short-form-text type))))

;;;; Definitions of a symbol

(defun function-facts (name kind function)
  (multiple-value-bind (type declared)
      (if (member kind '("function" "setf-function") :test #'string=) (ftype-text name function) (values nil nil))
    (apply #'list :kind kind
                  :lambda-list (and function (lambda-list-text function))
                  :documentation (documentation-text name 'function)
                  :type type :declared declared
                  (and function (code-origin function)))))

(defun facts-of (symbol)
  "What SYMBOL names, as the contract's Facts: the operator first, then the variable, the class or type, and (SETF SYMBOL)."
  (append
   (cond ((special-operator-p symbol)
          (list (list :kind "special-operator" :documentation (documentation-text symbol 'function))))
         ((macro-function symbol)
          (list (function-facts symbol "macro" (macro-function symbol))))
         ((fboundp symbol)
          (let ((function (fdefinition symbol)))
            (list (function-facts symbol (if (typep function 'generic-function) "generic-function" "function") function)))))
   (variable-facts symbol)
   (class-facts symbol)
   (let ((setf-name (list 'setf symbol)))
     (and (ignore-errors (fboundp setf-name))
          (list (function-facts setf-name "setf-function" (fdefinition setf-name)))))
   (and (ignore-errors (information symbol :setf :expander))
        (list (list :kind "setf-expander" :documentation (documentation-text symbol 'setf))))))

(defun variable-facts (symbol)
  (cond ((keywordp symbol) '())
        ((not (none-p (information symbol :variable :macro-expansion **none**)))
         (list (list :kind "symbol-macro")))
        ((constantp symbol)
         (list (list :kind "constant" :documentation (documentation-text symbol 'variable)
                     :value (and (boundp symbol) (value-text (symbol-value symbol))))))
        ((special-variable-p symbol)
         (list (list :kind "variable" :documentation (documentation-text symbol 'variable)
                     :type (variable-type-text symbol)
                     :declared (and (variable-type-text symbol) t)
                     :value (if (boundp symbol) (value-text (global-value symbol)) "unbound"))))))

(defun global-value (symbol)
  "The value that SYMBOL has in most threads; the agent's own bindings of printer variables and the like do not count."
  (handler-case (sb-ext:symbol-global-value symbol) (error () (symbol-value symbol))))

(defun class-facts (symbol)
  (let ((class (find-class symbol nil)))
    (cond (class
           (list (list :kind (cond ((typep class 'structure-class) "structure")
                                   ((find #\r (symbol-letters symbol)) "condition")
                                   (t "class"))
                       :documentation (documentation-text symbol 'type)
                       :supers (loop for super in (ignore-errors (sb-mop:class-direct-superclasses class))
                                     repeat *listed-limit*
                                     collect (short-form-text (class-name super)))
                       :slots (slot-facts class))))
          ((information symbol :type :expander)
           (list (list :kind "type" :documentation (documentation-text symbol 'type)
                       :lambda-list (ignore-errors
                                     (let ((expander (information symbol :type :expander)))
                                       (and (functionp expander) (lambda-list-text expander))))))))))

(defun slot-facts (class)
  "The contract's slots of CLASS, inherited ones too. A class that nothing was made of yet is not finalized for it."
  (let ((effective (ignore-errors (and (sb-mop:class-finalized-p class) (sb-mop:class-slots class)))))
    (loop for slot in (or effective (all-direct-slots class))
          repeat *listed-limit*
          collect (wire :slot-facts
                        :name (short-form-text (sb-mop:slot-definition-name slot))
                        :initargs (loop for initarg in (ignore-errors (sb-mop:slot-definition-initargs slot))
                                        collect (short-form-text initarg))
                        :type (let ((type (ignore-errors (sb-mop:slot-definition-type slot))))
                                (and type (not (eq type t)) (short-form-text type)))
                        :documentation (and (typep slot 'sb-mop:standard-slot-definition) (documentation-text slot t))))))

(defun all-direct-slots (class)
  "The direct slots of CLASS and of what it inherits from, as far as that is defined, each name once."
  (let ((seen '()) (slots '()))
    (labels ((visit (class)
               (unless (member class seen)
                 (push class seen)
                 (dolist (slot (ignore-errors (sb-mop:class-direct-slots class))) (push slot slots))
                 (mapc #'visit (ignore-errors (sb-mop:class-direct-superclasses class))))))
      (visit class))
    (remove-duplicates (nreverse slots) :key #'sb-mop:slot-definition-name :from-end t)))

(defun method-facts (function)
  "The contract's methods of FUNCTION, the newest first; none where it is no generic function."
  (and (typep function 'standard-generic-function)
       (loop for method in (sb-mop:generic-function-methods function)
             repeat *listed-limit*
             collect (wire :method-facts
                           :qualifiers (loop for qualifier in (method-qualifiers method)
                                             collect (short-form-text qualifier))
                           :specializers (loop for specializer in (sb-mop:method-specializers method)
                                               collect (specializer-text specializer))
                           :lambda-list (short-form-text (ignore-errors (sb-mop:method-lambda-list method)) 8 1200)))))

(defun specializer-text (specializer)
  (cond ((typep specializer 'class) (short-form-text (class-name specializer)))
        ((typep specializer 'sb-mop:eql-specializer)
         (format nil "(eql ~a)" (value-text (sb-mop:eql-specializer-object specializer))))
        (t "…")))

;;;; The requests

(define-request about (name package definition)
  "What the image knows of a symbol, or of (setf symbol). A symbol that is not there is not found, and no error."
  (let ((in-effect (or (and package (find-package-named package)) (find-package :common-lisp-user)))
        (setf-text (setf-name-text name)))
    (multiple-value-bind (symbol found symbol-name home) (resolve-symbol (or setf-text name) in-effect)
      (let ((function (and found (ignore-errors (fboundp symbol)) (not (special-operator-p symbol))
                           (not (macro-function symbol)) (fdefinition symbol))))
        (result :found (and found t)
                :name (if symbol-name (bare-symbol-text symbol-name) name)
                :package (or home "")
                :external (and found (symbol-package symbol)
                               (eq :external (nth-value 1 (find-symbol (symbol-name symbol) (symbol-package symbol)))))
                :facts (if found (facts-of symbol) '())
                :methods (method-facts function)
                :installed (and definition (definition-standing definition in-effect)))))))

(defun definition-standing (wire package)
  "What the image has of the wire's definition WIRE: the contract's Standing."
  (let* ((definition (resolve-definition wire 0 package))
         (object (ignore-errors (definition-object definition))))
    (append (list :defined (and object t)
                  :digest (ignore-errors (installed-digest definition)))
            (and (functionp object) (code-origin object)))))

(define-request about-package (name package)
  "What the image knows of the package that NAME means in PACKAGE."
  (let* ((*package* (or (and package (find-package-named package)) *package*))
         (found (find-package-named name)))
    (if found
        (result :found t
                :name (package-name found)
                :nicknames (package-nicknames found)
                :uses (mapcar #'package-name (package-use-list found))
                :documentation (documentation-text found t)
                :exports (let ((count 0)) (do-external-symbols (symbol found count) (declare (ignorable symbol)) (incf count)))
                :locked (and (sb-ext:package-locked-p found) t))
        (result :found nil :name name :nicknames '() :uses '() :exports 0 :locked nil))))
