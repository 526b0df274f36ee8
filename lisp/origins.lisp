;;;; What the image has of a definition, and which of it operations have installed.

(in-package :hotlisp)

(defparameter *installed* (make-hash-table :test #'equal :synchronized t))

(defstruct (origin (:copier nil) (:predicate nil))
  "DIGEST of the TEXT whose definition the agent installed, NIL where the text was evaluated, and a weak pointer to what stood for it then. WIRE is the contract's name of it,
to be read in the package called PACKAGE; FILE where it belongs, NIL without one; UNSAVED whether no file had the text; SINCE when it was
installed, in milliseconds since 1970. LEFT: it is a function that the TEXT does not make any more."
  digest object text wire package file unsaved since left)

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
    (if (eq name :unresolved)
        ;; Of what is no symbol's, such as most declamations, it is remembered alone.
        (and (member (definition-kind definition) '(:other :declaration))
             (or (declared-type definition) (remembered definition)))
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
          (:declaration (or (information symbol :declaration :known) (remembered definition)))
          (:method-combination (combination-info symbol))
          (:other (remembered definition))))))

(defun declared-type (definition)
  "The type that what DEFINITION, a declaration, names first is declared to be of now; NIL where none is."
  (multiple-value-bind (kind names) (declared-names definition)
    (let ((name (first names)) (category (if (eq kind :ftype) :function :variable)))
      (and name (eq (information name category :where-from) :declared) (information name category :type)))))

(defun declared-otherwise-p (definition)
  "Whether an operation has declared what DEFINITION, a declaration, names to be of the type that it is of now, by another text."
  (let ((type (declared-type definition)) (key (definition-key definition)))
    (and type
         (sb-ext:with-locked-hash-table (*installed*)
           (loop for other being the hash-keys of *installed* using (hash-value origin)
                 thereis (and (eq (first other) :declaration) (not (equal other key))
                              (eq (sb-ext:weak-pointer-value (origin-object origin)) type)
                              (equal (first (nth-value 1 (declared-names (origin-definition origin))))
                                     (first (nth-value 1 (declared-names definition))))))))))

(defun remembered (definition)
  "What stands for DEFINITION where nothing does in the image: its kind, once an operation has installed it."
  (and (installed-entry definition) (definition-kind definition)))

(defun slot-value-or-nil (object slot)
  (and (slot-exists-p object slot) (slot-boundp object slot) (slot-value object slot)))

;;;; What operations have installed

(defun definition-key (definition)
  (list (definition-kind definition) (definition-package-name definition) (definition-label definition)))

(defun installed-entry (definition)
  (gethash (definition-key definition) *installed*))

(defun set-installed-entry (key entry)
  (if entry
      (setf (gethash key *installed*) entry)
      (remhash key *installed*)))

(defun standing-entry (definition)
  "The entry of DEFINITION where nobody has defined it otherwise since."
  (let ((entry (installed-entry definition)))
    (and entry (standing-p entry definition) entry)))

(defun stand-again (entry)
  "Have ENTRY, if it is one, tell of what was put back: a class that is restored is made of other parts than before."
  (when entry
    (let ((definition (origin-definition entry)))
      (when (member (definition-kind definition) '(:class :condition :structure))
        (let ((object (ignore-errors (definition-object definition))))
          (when object (setf (origin-object entry) (sb-ext:make-weak-pointer object))))))))

(defun make-installed-entry (definition unit &key left)
  "The entry that says that DEFINITION is what the text of UNIT says, or has LEFT behind; NIL where nothing stands for it."
  (let ((object (or (definition-object definition)
                    (car (member (definition-kind definition) '(:other :declaration))))))
    (and object
         (make-origin :digest (unit-digest unit) :object (sb-ext:make-weak-pointer object)
                      :text (unit-text unit) :wire (definition-wire-name definition)
                      :package (unit-package-name unit) :file (unit-file unit) :unsaved (unit-unsaved unit)
                      :since (milliseconds-since-1970) :left left))))

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

(defun traceless-p (definition)
  "Whether an image keeps no trace of where DEFINITION came from, or none that could be told without evaluating something."
  (or (member (definition-kind definition) '(:other :declaration))
      (unresolved-method-p definition)))

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
