;;;; What may go wrong when a definition is replaced, told from its text and from what the image has; nothing is evaluated for it.

(in-package :hotlisp)

;;;; Lambda lists

(defun lambda-list-shape (elements)
  "The shape (required optional rest key keys allow-other-keys) of a lambda list given as the texts or the objects of its elements."
  (let ((required 0) (optional 0) (rest nil) (key nil) (keys '()) (allow nil) (mode :required) (skip nil))
    (dolist (element elements (list required optional rest key keys allow))
      (let ((name (lambda-list-element-name element)))
        (cond (skip (setf skip nil))
              ((equal name "&OPTIONAL") (setf mode :optional))
              ((member name '("&REST" "&BODY") :test #'equal) (setf rest t mode :rest))
              ((equal name "&KEY") (setf mode :key key t))
              ((equal name "&ALLOW-OTHER-KEYS") (setf allow t))
              ((equal name "&AUX") (setf mode :aux))
              ((member name '("&WHOLE" "&ENVIRONMENT" "&MORE") :test #'equal) (setf skip t))
              (t (case mode
                   (:required (incf required))
                   (:optional (incf optional))
                   (:key (push name keys)))))))))

(defun lambda-list-element-name (element)
  (typecase element
    (symbol (symbol-name element))
    (cons (let ((first (first element)))
            (if (consp first) (lambda-list-element-name (first first)) (lambda-list-element-name first))))
    (string (let ((parts (split-list-text element)))
              (cond ((eq parts :not-a-list) (or (nth-value 0 (parse-symbol-text element)) element))
                    ((null parts) "NIL")
                    (t (let ((inner (split-list-text (first parts))))
                         (if (consp inner)
                             (or (nth-value 0 (parse-symbol-text (first inner))) (first inner))
                             (or (nth-value 0 (parse-symbol-text (first parts))) (first parts))))))))
    (t "?")))

(defun accepts-all-calls-p (new old)
  "Whether a function of the shape NEW takes every number of arguments, and every keyword, that one of the shape OLD takes."
  (destructuring-bind (required optional rest key keys allow) new
    (destructuring-bind (old-required old-optional old-rest old-key old-keys old-allow) old
      (let ((open (or rest key)) (old-open (or old-rest old-key)))
        (and (<= required old-required)
             (or open (and (not old-open) (>= (+ required optional) (+ old-required old-optional))))
             (or (not old-key) allow (not key)
                 (and (not old-allow) (subsetp old-keys keys :test #'equal))))))))

(defun function-lambda-list (function)
  "The lambda list of FUNCTION as SBCL keeps it, or :UNKNOWN: of code that was compiled with a DEBUG quality of 0 it keeps none."
  (handler-case
      (let ((list (cond ((typep function 'generic-function) (sb-mop:generic-function-lambda-list function))
                        ((typep function 'sb-mop:funcallable-standard-object) :unknown)
                        (t (function-arguments (underlying-function function))))))
        (if (listp list) list :unknown))
    (error () :unknown)))

(defun function-callers (name)
  "The names, as texts, of functions in the image that call the function NAME otherwise than through a generic function or themselves."
  (handler-case
      (let ((function (fdefinition name)))
        (loop for caller in (call-walking-code (lambda () (introspect "FIND-FUNCTION-CALLERS" function)))
              for label = (print-value (function-label caller) 80)
              unless (eq caller function) collect label))
    (error () '())))

;;;; Hazards

(defun hazard (kind control &rest arguments)
  (wire :hazard :kind kind :message (with-plain-printing (let ((*print-escape* nil)) (apply #'format nil control arguments)))))

(defun locked-against-p (symbol package)
  (let ((home (symbol-package symbol)))
    (and home (sb-ext:package-locked-p home)
         (not (member (or package home) (sb-ext:package-implemented-by-list home)))
         (not (eq package home)))))

(defun own-locked-p (symbol)
  "Whether SYMBOL is one of SBCL's own, and protected."
  (let ((home (symbol-package symbol)))
    (and (implementation-package-p home) (sb-ext:package-locked-p home))))

(defun definition-hazard (definition unit change)
  (let ((name (definition-name definition))
        (symbol (definition-symbol definition))
        (kind (definition-kind definition))
        (package (find-package-named (unit-package-name unit))))
    (cond ((eq change :unchanged) nil)
          ((eq kind :package) (package-hazard definition unit))
          ((eq name :unresolved) nil)
          ((and (not (member kind '(:method :other :declaration))) (locked-against-p symbol package))
           (hazard "locked-package" "~a belongs to the locked package ~a: SBCL will refuse to define it. Unlock the package first, if that is meant."
                   (definition-label definition) (package-name (symbol-package symbol))))
          ;; From inside its package SBCL does not object.
          ((and (not (member kind '(:method :other :declaration))) (own-locked-p symbol))
           (hazard "locked-package" "~a is SBCL's own, of the locked package ~a, and SBCL and every program rely on it."
                   (definition-label definition) (package-name (symbol-package symbol))))
          (t (case kind
               (:function (or (expander-hazard definition change) (function-kind-hazard name) (lambda-list-hazard definition unit)))
               (:macro (let ((state (function-state name)))
                         (when (functionp state)
                           (hazard "kind-changed"
                                   "~a is ~:[a function~;a generic function~] now: code that calls it was compiled for that and will fail until it is compiled again."
                                   (definition-label definition) (typep state 'generic-function)))))
               (:generic-function (or (expander-hazard definition change) (generic-function-hazard definition unit)))
               (:method (method-hazard definition unit))
               (:constant (constant-hazard definition unit))
               (:structure (structure-hazard definition unit))
               (:variable (variable-kind-hazard definition unit))
               (:symbol-macro (unless (member (variable-kind symbol) '(:unknown :macro))
                                (hazard "kind-changed" "~a is a ~a now: SBCL will refuse to make a symbol macro of it. Remove the definition from the image first."
                                        (definition-label definition) (variable-kind-text symbol))))
               (:type (when (find-class symbol nil)
                        (hazard "kind-changed" "~a names a class, which the type will replace." (definition-label definition))))
               (:class (class-hazard definition unit))
               (:condition (let ((class (find-class symbol nil)))
                             (when (and class (not (subtypep class 'condition)))
                               (hazard "kind-changed" "~a names a ~(~a~) now, which the condition will replace."
                                       (definition-label definition) (class-name (class-of class))))))
               (t nil))))))

(defun class-hazard (definition unit)
  (let ((class (find-class (definition-symbol definition) nil))
        (metaclass (if (defining-elements unit 'defclass)
                       (first (form-option "METACLASS" (nthcdr 4 (defining-elements unit 'defclass))))
                       nil)))
    (cond ((or (null class) (typep class 'sb-mop:forward-referenced-class)) nil)
          ((not (ordinary-class-p class))
           (hazard "kind-changed" "~a names a ~(~a~) now: SBCL will refuse to make a class of it. Remove the definition from the image first."
                   (definition-label definition) (class-name (class-of class))))
          ((null (defining-elements unit 'defclass)) nil)
          ((not (same-name-p (class-name (class-of class)) (or metaclass "CL:STANDARD-CLASS") (find-package-named (unit-package-name unit))))
           (hazard "metaclass" "~a is a ~(~a~) now: SBCL will refuse to give it another metaclass. Remove the definition from the image first."
                   (definition-label definition) (class-name (class-of class))))
          ;; One that was never finalized has no instances.
          ((sb-mop:class-finalized-p class) (narrowed-slot-hazard definition class unit)))))

(defun narrowed-slot-hazard (definition class unit)
  (let ((slots (split-list-text (fourth (defining-elements unit 'defclass))))
        (package (find-package-named (unit-package-name unit))))
    (loop for text in (and (consp slots) slots)
          for name = (slot-text-name text package)
          for old = (find name (sb-mop:class-direct-slots class) :key #'sb-mop:slot-definition-name)
          for before = (and old (sb-mop:slot-definition-type old))
          for after = (and old (slot-type text package #'rest))
          when (and old (widened-p after before))
            return (hazard "slot-narrowed" "The slot ~a of ~a would be ~a instead of ~a: instances that exist keep what they hold, and nothing checks it."
                           name (definition-label definition) (print-value after 80) (print-value before 80)))))

(defun form-option (name options)
  "The texts of the arguments of the first option NAME among OPTIONS, texts of lists; NIL when there is none."
  (loop for text in options
        for option = (split-list-text text)
        when (and (consp option) (equal (parse-symbol-text (first option)) name))
          return (rest option)))

(defun same-name-p (symbol text package)
  "Whether TEXT, read in PACKAGE, is SYMBOL."
  (multiple-value-bind (other found) (resolve-symbol text package)
    (and found (eq other symbol))))

(defun variable-kind (symbol)
  "What SYMBOL is as a variable: :SPECIAL, :GLOBAL, :CONSTANT, :MACRO or :UNKNOWN."
  (cond ((constantp symbol) :constant)
        (t (information symbol :variable :kind :unknown))))

(defun variable-kind-text (symbol)
  (case (variable-kind symbol)
    (:constant "constant")
    (:macro "symbol macro")
    ((:global :always-bound) "global variable")
    (t "special variable")))

(defun variable-kind-hazard (definition unit)
  (let* ((symbol (definition-symbol definition))
         (kind (variable-kind symbol))
         (special (member (unit-head unit) '(defvar defparameter))))
    (when (or (member kind '(:constant :macro))
              (and special (eq kind :global)))
      (hazard "kind-changed" "~a is a ~a now: SBCL will refuse to make a ~:[~;special ~]variable of it. Remove the definition from the image first."
              (definition-label definition) (variable-kind-text symbol) special))))

(defun expander-hazard (definition change)
  (let ((symbol (definition-symbol definition)))
    (when (and (eq change :new) (definition-setf definition) (information symbol :setf :expander))
      (hazard "kind-changed"
              "SETF of ~a goes by what DEFSETF or DEFINE-SETF-EXPANDER said, and will not call this function. Remove the setf expander from the image first."
              (print-name symbol)))))

(defun function-kind-hazard (name)
  (let ((state (function-state name)))
    (cond ((consp state)
           (hazard "kind-changed" "~a is a macro now: code that was compiled with it keeps what it expanded to." name))
          ((typep state 'generic-function)
           (hazard "kind-changed" "~a is a generic function with ~d method~:p now: an ordinary function will take its place and its methods will be out of use."
                   name (length (sb-mop:generic-function-methods state))))
          (t nil))))

(defun defining-elements (unit &rest operators)
  "The texts of the elements of UNIT's form when its operator is one of OPERATORS, symbols of COMMON-LISP; else NIL."
  (when (and (member (unit-head unit) operators) (= (length (unit-definitions unit)) 1))
    (let ((elements (split-list-text (unit-text unit))))
      (and (consp elements) elements))))

(defun lambda-list-hazard (definition unit)
  (let* ((name (definition-name definition))
         (state (function-state name))
         (elements (defining-elements unit 'defun))
         (new (and elements (third elements) (split-list-text (third elements)))))
    (when (and (functionp state) (listp new) elements)
      (refused-calls-hazard definition name (lambda-list-shape new)))))

;;; A generic function takes other parameters when each of its methods is defined again for them, in the same operation.

(defvar *shapes-to-be* nil "A table of what SHAPE-TO-BE answers, where nothing changes meanwhile; else NIL.")

(defun shape-to-be (name)
  "The shape of the lambda list that the operation gives NAME, a generic function with methods that do not fit it and are all defined again;
else NIL."
  (if *shapes-to-be*
      (multiple-value-bind (shape known) (gethash name *shapes-to-be*)
        (if known shape (setf (gethash name *shapes-to-be*) (find-shape-to-be name))))
      (find-shape-to-be name)))

(defun find-shape-to-be (name)
  (let* ((function (and (capability :encapsulation) (generic-function-named name)))
         (new (and function (sb-mop:generic-function-methods function) (declared-shape name function))))
    (and new
         (not (same-positions-p new (lambda-list-shape (sb-mop:generic-function-lambda-list function))))
         (methods-defined-again-p name function new)
         new)))

(defun declared-shape (name function)
  "The shape of what the operation's DEFGENERIC of NAME says; without one, of its first DEFMETHOD where FUNCTION was made by none either."
  (flet ((shape (kind)
           (loop for unit in *operation-units*
                 do (loop for definition in (unit-definitions unit)
                          do (when (and (eq (definition-kind definition) kind) (equal (definition-name definition) name))
                               (let ((parameters (parameters-of definition unit)))
                                 (return-from shape (and (listp parameters) (lambda-list-shape parameters)))))))))
    (or (shape :generic-function)
        (and (null (slot-value-or-nil function method-source-key)) (shape :method)))))

(defun parameters-of (definition unit)
  "The texts of the lambda list of DEFINITION, which UNIT's form is; :UNKNOWN where that is not said literally."
  (let* ((elements (if (member (unit-head unit) '(defgeneric defmethod)) (split-list-text (unit-text unit)) :not-a-list))
         (text (and (consp elements)
                    (if (eq (unit-head unit) 'defgeneric)
                        (third elements)
                        (nth (+ 2 (length (definition-qualifier-texts definition))) elements))))
         (parameters (if text (split-list-text text) :unknown)))
    (if (listp parameters) parameters :unknown)))

(defun methods-defined-again-p (name function shape)
  "Whether the operation defines each method of FUNCTION, called NAME, with parameters of SHAPE."
  (let ((keys (loop for unit in *operation-units*
                    append (loop for definition in (unit-definitions unit)
                                 when (equal (definition-name definition) name)
                                   append (loop for (key . parameters) in (defined-methods definition unit)
                                                when (and (listp parameters) (same-positions-p (lambda-list-shape parameters) shape))
                                                  collect key)))))
    (loop for method in (sb-mop:generic-function-methods function)
          always (find-if (lambda (key)
                            (and (equal (method-qualifiers method) (car key))
                                 (same-but-for-length-p (sb-mop:method-specializers method) (cdr key) #'specializers-match-p)))
                          keys))))

(defun defined-methods (definition unit)
  "For each method that DEFINITION of UNIT, a DEFMETHOD or DEFGENERIC, defines, (method-key . the texts of its parameters)."
  (case (definition-kind definition)
    (:method (list (cons (definition-method-key definition) (parameters-of definition unit))))
    (:generic-function
     (let ((elements (and (eq (unit-head unit) 'defgeneric) (split-list-text (unit-text unit))))
           (package (find-package-named (unit-package-name unit))))
       (loop for text in (and (consp elements) (nthcdr 3 elements))
             for option = (split-list-text text)
             for at = (and (consp option) (equal (parse-symbol-text (first option)) "METHOD")
                           (position-if (lambda (element) (listp (split-list-text element))) (rest option)))
             when at
               collect (let ((parameters (split-list-text (nth (1+ at) option))))
                         (cons (definition-method-key
                                (resolve-definition (wire :definition-name
                                                          :kind :method :name (definition-text definition)
                                                          :qualifiers (subseq option 1 (1+ at))
                                                          :specializers (specializer-texts parameters))
                                                    (definition-form definition) package))
                               parameters)))))
    (t '())))

(defun specializer-texts (parameters)
  "The texts of the specializers that PARAMETERS, texts of a specialized lambda list, say."
  (loop for text in parameters
        until (char= (char text 0) #\&)
        collect (let ((parts (split-list-text text)))
                  (if (consp parts) (second parts) "CL:T"))))

(defun same-but-for-length-p (specializers others &optional (test #'equal))
  "Whether SPECIALIZERS and OTHERS are of methods that differ by parameters at the end that nothing is asked of: TEST compares lists as long as each other."
  (let ((common (min (length specializers) (length others))))
    (and (funcall test (subseq specializers 0 common) (subseq others 0 common))
         (loop for each in (append (nthcdr common specializers) (nthcdr common others))
               always (member each (list t (find-class t)))))))

(defun refused-calls-hazard (definition name new)
  "A hazard where NAME has callers and will not take, in its shape NEW, all the arguments that it takes now."
  (let ((old (function-lambda-list (function-state name))))
    (when (and (listp old) (not (accepts-all-calls-p new (lambda-list-shape old))))
      (let ((callers (function-callers name)))
        (when callers
          (hazard "lambda-list"
                  "~a will no longer take the arguments that it takes now, ~a: ~{~a~^, ~}~:[~; and others~] ~:[call~;calls~] it."
                  (definition-label definition) (short-form-text old 8 400)
                  (subseq callers 0 (min 3 (length callers))) (> (length callers) 3) (= (length callers) 1)))))))

(defun generic-function-hazard (definition unit)
  (let* ((name (definition-name definition))
         (state (function-state name)))
    (cond ((consp state)
           (hazard "kind-changed" "~a is a macro now: SBCL will refuse to make a generic function of it. Remove the macro first." (definition-label definition)))
          ((and (functionp state) (not (typep state 'generic-function)))
           (hazard "function-to-generic" "~a is an ordinary function now: SBCL will refuse to make a generic function of it. Remove the function first."
                   (definition-label definition)))
          ((typep state 'standard-generic-function)
           (let* ((elements (defining-elements unit 'defgeneric))
                  (new (and elements (third elements) (split-list-text (third elements)))))
             (when (and elements (sb-mop:generic-function-methods state))
               (cond ((or (not (listp new))
                          (same-positions-p (lambda-list-shape new) (lambda-list-shape (sb-mop:generic-function-lambda-list state))))
                      (method-combination-hazard definition state (nthcdr 3 elements) (find-package-named (unit-package-name unit))))
                     ((shape-to-be name) (refused-calls-hazard definition name (lambda-list-shape new)))
                     (t (hazard "generic-lambda-list"
                                "The lambda list of ~a does not fit its ~d method~:p, which are not all defined again with it: SBCL will refuse it."
                                (definition-label definition) (length (sb-mop:generic-function-methods state)))))))))))

(defun method-combination-hazard (definition function options package)
  (when (capability :method-combinations)
    (let ((old (method-combination-name (sb-mop:generic-function-method-combination function)))
          (new (or (first (form-option "METHOD-COMBINATION" options)) "CL:STANDARD")))
      (unless (same-name-p old new package)
        (hazard "method-combination"
                "~a combines its methods by ~a now and would by ~a: a call is an error where its ~d method~:p, which stay, do not fit that."
                (definition-label definition) old new (length (sb-mop:generic-function-methods function)))))))

(defun same-positions-p (a b)
  (and (= (first a) (first b)) (= (second a) (second b))
       (eq (and (or (third a) (fourth a)) t) (and (or (third b) (fourth b)) t))))

(defun method-hazard (definition unit)
  (let* ((name (definition-name definition))
         (state (function-state name)))
    (cond ((consp state)
           (hazard "kind-changed" "~a is a macro: SBCL will refuse to add a method to it. Remove the macro first." (definition-label definition)))
          ((and (functionp state) (not (typep state 'generic-function)))
           (hazard "function-to-generic" "~a is an ordinary function: SBCL will refuse to add a method to it. Remove the function first." (definition-label definition)))
          ((typep state 'standard-generic-function)
           (let* ((elements (defining-elements unit 'defmethod))
                  (text (nth (+ 2 (length (definition-qualifier-texts definition))) elements))
                  (new (and text (split-list-text text)))
                  (old (handler-case (sb-mop:generic-function-lambda-list state) (error () :unknown))))
             (when (and text (listp new) (listp old) (sb-mop:generic-function-methods state))
               (let* ((a (lambda-list-shape new)) (other (shape-to-be name)) (b (or other (lambda-list-shape old))))
                 (cond ((not (and (= (first a) (first b)) (= (second a) (second b))))
                        (hazard "generic-lambda-list" "The lambda list of this method does not fit ~:[the generic function's, ~a~;what the generic function gets~]: SBCL will refuse it."
                                other (short-form-text old 8 400)))
                       (other (refused-calls-hazard definition name other))))))))))

(defun constant-hazard (definition unit)
  (let ((symbol (definition-symbol definition)))
    (cond ((eq (variable-kind symbol) :macro)
           (hazard "kind-changed" "~a is a symbol macro now, and will be a constant."
                   (definition-label definition)))
          ((and (boundp symbol) (not (constantp symbol)))
           (hazard "kind-changed" "~a is a variable now, and will be a constant." (definition-label definition)))
          ((boundp symbol)
           (let* ((elements (defining-elements unit 'defconstant))
                  (text (third elements)))
             (when (and text (differs-from-text-p (symbol-value symbol) text (find-package-named (unit-package-name unit))))
               (hazard "constant-changed" "~a is ~a now and would become ~a: code that is not compiled again keeps the old value."
                       (definition-label definition) (print-value (symbol-value symbol) 80) (truncate-text text 80))))))))

(defun differs-from-text-p (value text package)
  "Whether TEXT, read in PACKAGE, surely denotes something else than VALUE. False where only evaluation could tell."
  (let ((first (char text 0)))
    (multiple-value-bind (number float-type) (number-of-text text)
      (cond (float-type (not (and (typep value float-type) (= (coerce number float-type) value))))
            (number (not (eql number value)))
            ((char= first #\") (and (not (find #\\ text)) (not (equal value (literal-value text package)))))
            ((and (> (length text) 1) (string= "#\\" text :end2 2))
             (or (not (characterp value))
                 (let ((new (if (= (length text) 3) (char text 2) (name-char (subseq text 2)))))
                   (and new (char/= new value)))))
            ((or (char= first #\:) (member text '("T" "NIL") :test #'string-equal))
             (not (eq value (nth-value 0 (resolve-symbol text package)))))
            ((and (char= first #\') (parse-symbol-text (subseq text 1)) (not (number-of-text (subseq text 1))))
             (multiple-value-bind (symbol found) (resolve-symbol (subseq text 1) package)
               (not (and found (eq symbol value)))))
            (t nil)))))

(defun number-of-text (text)
  "The rational that TEXT denotes when it is the text of an integer, a ratio or a decimal, and for the last the type of float; else NIL."
  (let ((position 0) (end (length text)) (sign 1))
    (labels ((peek () (if (< position end) (char text position) #\Space))
             (digits ()
               (let ((stop (or (position-if-not #'digit-char-p text :start position) end)))
                 (if (= stop position)
                     (values 0 0)
                     (multiple-value-prog1 (values (parse-integer text :start position :end stop) (- stop position))
                       (setf position stop)))))
             (take-sign () (case (peek) (#\+ (incf position) 1) (#\- (incf position) -1) (t 1))))
      (setf sign (take-sign))
      (multiple-value-bind (whole count) (digits)
        (cond ((and (plusp count) (= position end)) (values (* sign whole) nil))
              ((and (plusp count) (char= (peek) #\/))
               (incf position)
               (multiple-value-bind (denominator count) (digits)
                 (if (and (plusp count) (= position end) (plusp denominator)) (values (* sign (/ whole denominator)) nil) nil)))
              (t
               (let ((fraction 0) (fraction-count 0) (point (char= (peek) #\.)) (marker nil) (exponent 0))
                 (when point
                   (incf position)
                   (multiple-value-setq (fraction fraction-count) (digits)))
                 (when (and point (= position end) (plusp count) (zerop fraction-count))
                   (return-from number-of-text (values (* sign whole) nil)))
                 (when (find (peek) "eEsSfFdDlL")
                   (setf marker (char-upcase (peek)))
                   (incf position)
                   (let ((exponent-sign (take-sign)))
                     (multiple-value-bind (value count) (digits)
                       (unless (plusp count) (return-from number-of-text nil))
                       (setf exponent (* exponent-sign value)))))
                 (if (and (= position end) (plusp (+ count fraction-count)) (or (plusp fraction-count) marker) (< (abs exponent) 300))
                     (values (* sign (+ whole (/ fraction (expt 10 fraction-count))) (expt 10 exponent))
                             (case marker
                               ((#\D #\L) 'double-float)
                               ((#\S #\F) 'single-float)
                               (t (sb-ext:symbol-global-value '*read-default-float-format*))))
                     nil))))))))

(defun package-hazard (definition unit)
  (let ((package (find-package (definition-name definition)))
        (elements (defining-elements unit 'defpackage)))
    ;; What is computed while it is read nobody knows before.
    (when (and package elements (notany (lambda (text) (search "#." text)) elements))
      (let ((lost (set-difference (mapcar #'symbol-name (external-symbols package)) (package-option "EXPORT" elements)
                                  :test #'string=))
            (unused (set-difference (package-use-list package) (mapcar #'find-package (package-option "USE" elements)))))
        (cond (lost
               (hazard "package-variance" "~a exports ~{~a~^, ~}~:[~; and others~] now, which this definition does not: SBCL warns and leaves them exported. Evaluate an UNEXPORT, if that is meant."
                       (package-name package) (subseq lost 0 (min 5 (length lost))) (> (length lost) 5)))
              (unused
               (hazard "package-variance" "~a uses ~{~a~^, ~} now, which this definition does not: SBCL warns and leaves it so. Evaluate an UNUSE-PACKAGE, if that is meant."
                       (package-name package) (mapcar #'package-name unused))))))))

(defun package-option (name elements)
  "The names in all options NAME among ELEMENTS, the texts of a DEFPACKAGE form."
  (loop for text in (cddr elements)
        for option = (split-list-text text)
        when (and (consp option) (equal (parse-symbol-text (first option)) name))
          append (mapcar #'package-designator-text (rest option))))
