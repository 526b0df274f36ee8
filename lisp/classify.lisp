;;;; What a change will do, told from data: the image is looked at, the text is split, and nothing is compiled or evaluated for it.

(in-package :hotlisp)

;;;; What the image has

(defun info-number (category kind)
  (loop for (number c k) in *info-keys*
        when (and (eq c category) (eq k kind)) return number))

(defun information (name category kind &optional default)
  "What the image's database says about NAME, or DEFAULT."
  (let ((number (and (capability :rollback) (info-number category kind))))
    (if number (info-value name number default) default)))

(defun definition-object (definition)
  "The object that stands for DEFINITION in the image now: another one once anybody has defined it again. NIL when it is not defined,
or when there is no telling."
  (let ((name (definition-name definition))
        (symbol (definition-symbol definition)))
    (if (and (eq name :unresolved))
        nil
        (ecase (definition-kind definition)
          (:function (let ((state (function-state name)))
                       (and (functionp state) (not (typep state 'generic-function)) state)))
          (:macro (and (symbolp name) (macro-function name)))
          (:generic-function (let ((state (function-state name))) (and (typep state 'generic-function) state)))
          (:method (let ((method (find-defined-method definition)))
                     (and method
                          (if (capability :methods-in-place)
                              (slot-value-or-nil method method-function-key)
                              method))))
          (:variable (or (information symbol :source-location :variable)
                         (and (boundp symbol) (not (constantp symbol)) symbol)))
          (:constant (and (boundp symbol) (constantp symbol)
                          (or (information symbol :source-location :constant) symbol)))
          (:class (let ((class (find-class symbol nil)))
                    (and class (or (and (typep class 'standard-class) (sb-mop:class-direct-slots class)) class))))
          (:condition (let ((class (find-class symbol nil)))
                        (and class (subtypep class 'condition)
                             (or (and (capability :conditions) (second (condition-class-parts symbol))) class))))
          (:structure (or (and (capability :structures) (find-structure-description symbol nil))
                          (information symbol :typed-structure :info)))
          (:type (information symbol :type :expander))
          (:compiler-macro (compiler-macro-function name))
          (:symbol-macro (let ((expansion (information symbol :variable :macro-expansion **none**)))
                           (if (none-p expansion) nil (or expansion symbol))))
          (:setf-expander (information symbol :setf :expander))
          (:package (find-package name))
          (:declaration (information symbol :declaration :known))
          (:method-combination (ignore-errors (sb-mop:find-method-combination #'print-object symbol '())))
          (:other nil)))))

(defun slot-value-or-nil (object slot)
  (and (slot-exists-p object slot) (slot-boundp object slot) (slot-value object slot)))

;;;; What operations have installed

(defparameter *installed* (make-hash-table :test #'equal :synchronized t))

(defstruct (origin (:copier nil) (:predicate nil))
  "DIGEST of the TEXT whose definition the agent installed, NIL where the text was evaluated, and a weak pointer to what stood for it then. WIRE is the contract's name of it,
to be read in the package called PACKAGE; FILE where it belongs, NIL without one; UNSAVED whether no file had the text; SINCE when it was
installed, in milliseconds since 1970."
  digest object text wire package file unsaved since)

(defun definition-key (definition)
  (list (definition-kind definition) (definition-package-name definition) (definition-label definition)))

(defun installed-entry (definition)
  (gethash (definition-key definition) *installed*))

(defun set-installed-entry (key entry)
  (if entry
      (setf (gethash key *installed*) entry)
      (remhash key *installed*)))

(defun make-installed-entry (definition unit)
  "The entry that says that DEFINITION is what the text of UNIT says, or NIL where nothing stands for it."
  (let ((object (definition-object definition)))
    (and object
         (make-origin :digest (unit-digest unit) :object (sb-ext:make-weak-pointer object)
                      :text (unit-text unit) :wire (definition-wire-name definition)
                      :package (unit-package-name unit) :file (unit-file unit) :unsaved (unit-unsaved unit)
                      :since (milliseconds-since-1970)))))

(defun milliseconds-since-1970 ()
  (multiple-value-bind (seconds microseconds) (sb-ext:get-time-of-day)
    (+ (* 1000 seconds) (floor microseconds 1000))))

(defun definition-wire-name (definition)
  "The contract's DefinitionName that DEFINITION was made from."
  (wire :definition-name :kind (definition-kind definition) :name (definition-text definition)
                         :qualifiers (definition-qualifier-texts definition)
                         :specializers (definition-specializer-texts definition)))

(defun installed-digest (definition)
  "The digest of the text that DEFINITION was installed from, if it was by an operation and nobody has defined it otherwise since."
  (let ((entry (installed-entry definition)))
    (when entry
      (let ((object (sb-ext:weak-pointer-value (origin-object entry))))
        (if (and object (eq object (definition-object definition)))
            (origin-digest entry)
            nil)))))

(defun definition-change (definition digest)
  ":NEW, :REDEFINED or, where the same text is installed already, :UNCHANGED."
  (let ((object (definition-object definition)))
    (cond ((and (null object) (not (named-otherwise-p definition))) :new)
          ((equal (installed-digest definition) digest) :unchanged)
          (t :redefined))))

(defun named-otherwise-p (definition)
  "Whether the image has something of another kind in the place that DEFINITION will take."
  (let ((name (definition-name definition)))
    (and (not (eq name :unresolved))
         (case (definition-kind definition)
           ((:function :macro :generic-function) (fboundp name))
           ((:class :condition :structure :type)
            (or (find-class name nil) (information name :type :expander)))
           ((:variable :constant :symbol-macro)
            (or (boundp name) (not (none-p (information name :variable :macro-expansion **none**)))))
           (t nil)))))

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
  "The lambda list of FUNCTION as a list, or :UNKNOWN."
  (handler-case (introspect "FUNCTION-LAMBDA-LIST" function) (error () :unknown)))

(defun function-callers (name)
  "The names, as texts, of functions in the image that call the function NAME otherwise than through a generic function or themselves."
  (handler-case
      (let ((function (fdefinition name)))
        (loop for caller in (introspect "FIND-FUNCTION-CALLERS" function)
              for label = (print-value (function-label caller) 80)
              unless (eq caller function) collect label))
    (error () '())))

;;;; Assessing

(defun hazard (kind control &rest arguments)
  (wire :hazard :kind kind :message (with-plain-printing (let ((*print-escape* nil)) (apply #'format nil control arguments)))))

(defun locked-against-p (symbol package)
  (let ((home (symbol-package symbol)))
    (and home (sb-ext:package-locked-p home)
         (not (member (or package home) (sb-ext:package-implemented-by-list home)))
         (not (eq package home)))))

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
                       (:function (if (inlined-p (definition-name definition)) :dependents :safe))
                       ((:generic-function :method :variable :package :other) :safe))))
            hazard
            change)))

(defun awaited-p (definition)
  "Whether code was compiled with plain calls of what DEFINITION, a new one, will be a macro or compiler macro for."
  (and (member (definition-kind definition) '(:macro :compiler-macro))
       (resolved-p definition)
       (capability :xref)
       (stale-users (definition-kind definition) (definition-name definition) (xref-table))
       t))

(defun inlined-p (name)
  (and (not (eq name :unresolved))
       (or (member (information name :function :inlinep) '(:inline :maybe-inline inline sb-ext:maybe-inline))
           (information name :function :inlining-data))))

(defun definition-hazard (definition unit change)
  (let ((name (definition-name definition))
        (symbol (definition-symbol definition))
        (kind (definition-kind definition))
        (package (find-package-named (unit-package-name unit))))
    (cond ((eq change :unchanged) nil)
          ((eq kind :package) (package-hazard definition unit))
          ((eq name :unresolved) nil)
          ((and (not (member kind '(:method :other :declaration))) (locked-against-p symbol package))
           (hazard "locked-package" "~a belongs to the locked package ~a: SBCL will refuse to define it."
                   (definition-label definition) (package-name (symbol-package symbol))))
          (t (case kind
               (:function (or (function-kind-hazard name) (lambda-list-hazard definition unit)))
               (:macro (let ((state (function-state name)))
                         (when (functionp state)
                           (hazard "kind-changed"
                                   "~a is ~:[a function~;a generic function~] now: code that calls it was compiled for that and will fail until it is compiled again."
                                   (definition-label definition) (typep state 'generic-function)))))
               (:generic-function (generic-function-hazard definition unit))
               (:method (method-hazard definition unit))
               (:constant (constant-hazard definition unit))
               (:structure (structure-hazard definition unit))
               (:variable (variable-kind-hazard definition unit))
               (:symbol-macro (unless (member (variable-kind symbol) '(:unknown :macro))
                                (hazard "kind-changed" "~a is a ~a now: SBCL will refuse to make a symbol macro of it."
                                        (definition-label definition) (variable-kind-text symbol))))
               (:type (when (find-class symbol nil)
                        (hazard "kind-changed" "~a names a class, which the type will replace." (definition-label definition))))
               (:class (let ((class (find-class symbol nil)))
                         (when (and class (not (typep class '(or standard-class sb-mop:funcallable-standard-class
                                                                 sb-mop:forward-referenced-class))))
                           (hazard "kind-changed" "~a names a ~(~a~) now." (definition-label definition)
                                   (class-name (class-of class))))))
               (:condition (let ((class (find-class symbol nil)))
                             (when (and class (not (subtypep class 'condition)))
                               (hazard "kind-changed" "~a names a ~(~a~) now, which the condition will replace."
                                       (definition-label definition) (class-name (class-of class))))))
               (t nil))))))

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
      (hazard "kind-changed" "~a is a ~a now: SBCL will refuse to make a ~:[~;special ~]variable of it."
              (definition-label definition) (variable-kind-text symbol) special))))

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
      (let ((old (function-lambda-list state)))
        (when (and (listp old)
                   (not (accepts-all-calls-p (lambda-list-shape new) (lambda-list-shape old))))
          (let ((callers (function-callers name)))
            (when callers
              (hazard "lambda-list"
                      "~a will no longer take the arguments that it takes now, (~{~a~^ ~}): ~{~a~^, ~}~:[~; and others~] ~:[call~;calls~] it."
                      (definition-label definition) (mapcar #'princ-to-string old)
                      (subseq callers 0 (min 3 (length callers))) (> (length callers) 3) (= (length callers) 1)))))))))

(defun generic-function-hazard (definition unit)
  (let* ((name (definition-name definition))
         (state (function-state name)))
    (cond ((consp state)
           (hazard "kind-changed" "~a is a macro now: SBCL will refuse to make a generic function of it." (definition-label definition)))
          ((and (functionp state) (not (typep state 'generic-function)))
           (hazard "function-to-generic" "~a is an ordinary function now: SBCL will refuse to make a generic function of it. Remove the function first."
                   (definition-label definition)))
          ((typep state 'standard-generic-function)
           (let* ((elements (defining-elements unit 'defgeneric))
                  (new (and elements (third elements) (split-list-text (third elements)))))
             (when (and elements (listp new) (sb-mop:generic-function-methods state)
                        (not (same-positions-p (lambda-list-shape new)
                                               (lambda-list-shape (sb-mop:generic-function-lambda-list state)))))
               (hazard "generic-lambda-list" "The lambda list of ~a does not fit its ~d method~:p: SBCL will refuse it."
                       (definition-label definition) (length (sb-mop:generic-function-methods state)))))))))

(defun same-positions-p (a b)
  (and (= (first a) (first b)) (= (second a) (second b))
       (eq (and (or (third a) (fourth a)) t) (and (or (third b) (fourth b)) t))))

(defun method-hazard (definition unit)
  (let* ((name (definition-name definition))
         (state (function-state name)))
    (cond ((consp state)
           (hazard "kind-changed" "~a is a macro: SBCL will refuse to add a method to it." (definition-label definition)))
          ((and (functionp state) (not (typep state 'generic-function)))
           (hazard "function-to-generic" "~a is an ordinary function: SBCL will refuse to add a method to it." (definition-label definition)))
          ((typep state 'standard-generic-function)
           (let* ((elements (defining-elements unit 'defmethod))
                  (text (nth (+ 2 (length (definition-qualifier-texts definition))) elements))
                  (new (and text (split-list-text text)))
                  (old (handler-case (sb-mop:generic-function-lambda-list state) (error () :unknown))))
             (when (and text (listp new) (listp old) (sb-mop:generic-function-methods state))
               (let ((a (lambda-list-shape new)) (b (lambda-list-shape old)))
                 (unless (and (= (first a) (first b)) (= (second a) (second b)))
                   (hazard "generic-lambda-list" "The lambda list of this method does not fit the generic function's, (~{~a~^ ~}): SBCL will refuse it."
                           (mapcar #'princ-to-string old))))))))))

(defun constant-hazard (definition unit)
  (let ((symbol (definition-symbol definition)))
    (cond ((and (boundp symbol) (not (constantp symbol)))
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

(defun structure-hazard (definition unit)
  (let* ((symbol (definition-symbol definition))
         (class (find-class symbol nil))
         (description (and (capability :structures) (find-structure-description symbol nil))))
    (cond ((and class (not (typep class 'structure-class)))
           (hazard "kind-changed" "~a names a ~(~a~) now, which the structure will replace." (definition-label definition)
                   (class-name (class-of class))))
          (description
           (let ((elements (defining-elements unit 'defstruct)))
             (when (and elements (not (structure-option "TYPE" (second elements))))
               (structure-slots-hazard definition description elements (find-package-named (unit-package-name unit)))))))))

(defun structure-option (name text)
  "The texts of the arguments of the option NAME in TEXT, a structure's name and options, in a list; NIL when it is not there."
  (let ((options (split-list-text text)))
    (when (consp options)
      (loop for option in (rest options)
            for parts = (split-list-text option)
            when (and (consp parts) (equal (parse-symbol-text (string-left-trim ":" (first parts))) name))
              return (list (rest parts))))))

(defun structure-slots-hazard (definition description elements package)
  (let* ((option (first (structure-option "INCLUDE" (second elements))))
         (included (and option (resolve-symbol (first option) package)))
         (parent (and included (find-structure-description included nil)))
         (old-parent (included-structure description))
         (inherited (if parent (length (structure-slots parent)) 0))
         (new (loop for text in (cddr elements)
                    unless (and (plusp (length text)) (char= (char text 0) #\"))
                      collect text))
         (old (nthcdr inherited (structure-slots description)))
         (new-names (mapcar #'lambda-list-element-name new))
         (old-names (mapcar (lambda (slot) (symbol-name (structure-slot-name slot))) old)))
    (cond ((not (eq included old-parent))
           (hazard "structure-incompatible"
                   "~a will include ~:[nothing~;~:*~a~] instead of ~:[nothing~;~:*~a~]: SBCL refuses that while the old structure exists."
                   (definition-label definition) included old-parent))
          ((not (equal new-names old-names))
           (hazard "structure-incompatible"
                   "The slots of ~a will be (~{~a~^ ~}) instead of (~{~a~^ ~}): SBCL refuses that while the old structure exists."
                   (definition-label definition) new-names old-names))
          (t (loop for text in new
                   for slot in old
                   for name in new-names
                   unless (eq (text-representation text package) (type-representation (structure-slot-type slot)))
                     return (hazard "structure-incompatible"
                                    "The slot ~a of ~a will be stored otherwise than it is now, as ~s: SBCL refuses that while the old structure exists."
                                    name (definition-label definition) (structure-slot-type slot)))))))

(defun included-structure (description)
  "The name of the structure that the one of DESCRIPTION includes; NIL when it includes none."
  (let* ((class (find-class (structure-name description) nil))
         (super (and class (first (sb-mop:class-direct-superclasses class)))))
    (and super (not (eq (class-name super) 'structure-object)) (class-name super))))

(defun type-representation (type)
  "How a slot of TYPE is stored: the type, of those that SBCL stores untagged, or T."
  (if (member type '(double-float single-float)) type t))

(defun text-representation (text package)
  "How the slot that TEXT describes will be stored."
  (let* ((parts (split-list-text text))
         (type (and (consp parts)
                    (loop for (key value) on (cddr parts) by #'cddr
                          when (equal (resolve-symbol key package) :type) return value))))
    (if type (type-representation (resolve-symbol type package)) t)))

(defun package-hazard (definition unit)
  (let ((package (find-package (definition-name definition)))
        (elements (defining-elements unit 'defpackage)))
    (when (and package elements)
      (let ((lost (set-difference (mapcar #'symbol-name (external-symbols package)) (package-option "EXPORT" elements)
                                  :test #'string=))
            (unused (set-difference (package-use-list package) (mapcar #'find-package (package-option "USE" elements)))))
        (cond (lost
               (hazard "package-variance" "~a exports ~{~a~^, ~}~:[~; and others~] now, which this definition does not: SBCL warns and leaves them exported."
                       (package-name package) (subseq lost 0 (min 5 (length lost))) (> (length lost) 5)))
              (unused
               (hazard "package-variance" "~a uses ~{~a~^, ~} now, which this definition does not: SBCL warns and leaves it so."
                       (package-name package) (mapcar #'package-name unused))))))))

(defun package-option (name elements)
  "The names in all options NAME among ELEMENTS, the texts of a DEFPACKAGE form."
  (loop for text in (cddr elements)
        for option = (split-list-text text)
        when (and (consp option) (equal (parse-symbol-text (first option)) name))
          append (mapcar #'package-designator-text (rest option))))

;;;; The request

(defun announced-packages (forms)
  "The names of the packages that FORMS, of the wire, define."
  (loop for form in forms
        append (loop for name in (getf form :definitions)
                     when (eq (getf name :kind) :package)
                       collect (or (package-designator-text (getf name :name)) (getf name :name)))))

(defun units-of-forms (forms)
  "The UNITS of the wire's FORMS. Signals a WIRE-ERROR of kind :UNKNOWN-PACKAGE."
  (let ((announced (announced-packages forms)))
    (loop for form in forms
          for index from 0
          do (package-of-form form index announced)
          collect (unit-of-form form index))))

(defun assess (unit definition)
  (multiple-value-bind (class hazard change) (classify-definition definition unit)
    (let ((source (and (not (eq change :new)) (definition-source definition))))
      (wire :assessment :form (unit-index unit)
                        :definition (definition-wire definition change)
                        :class class
                        :hazard hazard
                        :migration (and (eq class :migration) (slot-migration definition unit))
                        :installed (installed-digest definition)
                        :file (getf source :file)
                        :file-write-date (getf source :file-write-date)))))

(defun definition-source (definition)
  "Where the image says that what DEFINITION names comes from, as keys of the contract's Location; NIL when it does not say."
  (let ((source (definition-source-object definition)))
    (and source (source-plist source))))

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
         for fast = (ignore-errors (fast-method-function function))
         for code = (ignore-errors (code-of function))
         when (functionp fast) collect (code-of fast)
         when code collect code)))

(defun running-threads (functions)
  "The contract's references to the threads that are inside FUNCTIONS."
  (let ((codes (codes-of functions)))
    (loop for (thread . answer) in (and codes (threads-running codes))
          when (eq answer :yes) collect (thread-reference thread))))

(defun assessments-of (units)
  "The contract's assessment of each definition of UNITS, in order."
  (loop for unit in units
        append (loop for definition in (unit-definitions unit) collect (assess unit definition))))

(define-request check (forms threads)
  "What applying FORMS would do, and which threads are inside the code that it would replace."
  (let ((units (units-of-forms forms)))
    (result :generation (image-generation)
            :assessments (assessments-of units)
            :threads (if threads (running-threads (replaced-functions units)) '()))))
