;;;; Where definitions come from, as SBCL recorded it.

(in-package :hotlisp)

(defconstant +unix-epoch+ 2208988800 "1970-01-01 in universal time.")

(sb-ext:defglobal **introspection** nil)
(sb-ext:defglobal **introspection-lock** (sb-thread:make-mutex :name "hotlisp introspection"))

(defun introspection-problem ()
  "Why SB-INTROSPECT cannot be had, so that hardly anything is known of where definitions come from; NIL where it can. Loads nothing."
  (unless (or (find-package "SB-INTROSPECT")
              (let ((home (ignore-errors (contrib-home))))
                (and home (probe-file (merge-pathnames "contrib/sb-introspect.fasl" home)))))
    "SB-INTROSPECT is not in this image, which does not find the contribs of its SBCL either: load it when the program is built"))

(defun ensure-introspection ()
  "See to it that all of SB-INTROSPECT is there: its package is there before its functions are."
  (unless **introspection**
    (sb-thread:with-recursive-lock (**introspection-lock**)
      (unless **introspection**
        (let ((problem (introspection-problem)))
          (when problem (error "~a." problem)))
        (provide-contrib "SB-INTROSPECT")
        (setf **introspection** t)))))

(defun introspect (name &rest arguments)
  "Call the function NAME, a string, of SB-INTROSPECT, loading that contrib on first use; signals an error where it is not installed."
  (ensure-introspection)
  (apply (or (find-symbol name "SB-INTROSPECT") (error 'missing-internal :name name :wanted (format nil "SB-INTROSPECT:~a" name)))
         arguments))

(defun source-plist (source)
  "What a DEFINITION-SOURCE of SB-INTROSPECT says, as keys of the contract's Location; NIL where it names no file that is there."
  (flet ((slot (name) (ignore-errors (introspect name source))))
    (let ((file (ignore-errors (source-file (slot "DEFINITION-SOURCE-PATHNAME"))))
          (offset (slot "DEFINITION-SOURCE-CHARACTER-OFFSET"))
          (path (slot "DEFINITION-SOURCE-FORM-PATH"))
          (date (slot "DEFINITION-SOURCE-FILE-WRITE-DATE")))
      (when file
        (append (list :file file)
                (when (integerp offset) (list :byte-offset offset))
                (when (integerp (first path)) (list :form (first path)))
                (when date (list :file-write-date (- date +unix-epoch+))))))))

(defun source-file (pathname)
  "The native namestring of PATHNAME, which SBCL recorded, or the URI that it stands for; NIL when there is no such file."
  (let* ((recorded (sb-ext:native-namestring pathname))
         (colon (position #\: recorded)))
    (if (and colon (> colon 1) (not (typep pathname 'logical-pathname))
             (every (lambda (character) (or (alphanumericp character) (find character "+.-"))) (subseq recorded 0 colon)))
        recorded
        (let ((file (sb-ext:native-namestring (merge-pathnames (translate-logical-pathname pathname)))))
          (and (file-status file) file)))))

(defun function-source (function)
  "Where FUNCTION comes from, as keys of the contract's Location; NIL where it is not known."
  (ignore-errors (source-plist (introspect "FIND-DEFINITION-SOURCE" function))))

;;;; Symbols named by a client

(defun known-package (name)
  "The package called NAME (COMMON-LISP-USER without one); ends the request when there is none."
  (if name
      (or (find-package-named name)
          (wire-error :unknown-package "The image has no package ~a. Load the system that defines it first." name))
      (find-package :common-lisp-user)))

(defun known-symbol (text package-name)
  "The symbol that TEXT names in the package called PACKAGE-NAME; ends the request when there is none. The Lisp reader is not used."
  (let ((package (known-package package-name)))
    (multiple-value-bind (symbol found name home) (resolve-symbol text package)
      (cond (found symbol)
            ((null name) (wire-error :unknown-symbol "~s is not the name of a symbol." text))
            ((and home (not (let ((*package* package)) (find-package home)))) (known-package home))
            (t (wire-error :unknown-symbol "The image has no symbol ~a in package ~a. Load the code that defines it first."
                           name (or home (package-name package))))))))

;;;; Definitions of a symbol

(defparameter *source-kinds*
  '((:function "function") (:generic-function "generic-function") (:method "method") (:compiler-macro "compiler-macro")
    (:setf-expander "setf-expander") (:macro "macro") (:variable "variable") (:constant "constant") (:symbol-macro "symbol-macro")
    (:class "class") (:structure "structure") (:condition "condition") (:type "type") (:package "package")
    (:method-combination "method-combination") (:structure-accessor "other") (:alien-type "other") (:declaration "declaration")
    (:optimizer "other") (:transform "other") (:source-transform "other") (:ir1-convert "other") (:vop "other"))
  "What SB-INTROSPECT distinguishes, and the contract's kind for each. Names like (SETF FOO) have the first four.")

(defun source-locations (name)
  "The contract's Locations of every definition of NAME, a symbol or (SETF symbol), that SBCL knows; without a file where it has none that is there."
  (loop for (type kind) in (if (consp name) (subseq *source-kinds* 0 4) *source-kinds*)
        append (loop for source in (ignore-errors (introspect "FIND-DEFINITION-SOURCES-BY-NAME" name type))
                     collect (apply #'location name kind (ignore-errors (introspect "DEFINITION-SOURCE-DESCRIPTION" source))
                                    (source-plist source)))))

(defun location (name kind description &key file byte-offset form file-write-date)
  (let* ((package (symbol-package (if (consp name) (second name) name)))
         (package-name (if package (package-name package) ""))
         (printed (location-name name (and (string= kind "method") description))))
    (wire :location :kind kind :name printed :package package-name
                    :file file :byte-offset byte-offset :form form :file-write-date file-write-date
                    :digest (standing-digest kind package-name printed))))

(defun standing-digest (kind package-name label)
  "The digest of the text that an operation installed of what is so called, where that is what the image has; else NIL."
  (let ((origin (gethash (list (intern (string-upcase kind) :keyword) package-name label) *installed*)))
    (and origin (standing-p origin (origin-definition origin)) (origin-digest origin))))

(defun location-name (name description)
  "NAME as the contract prints it, with what DESCRIPTION, (qualifier... specializer...), adds for a method: AREA :AROUND (CIRCLE)."
  (let* ((symbol (if (consp name) (second name) name))
         (bare (bare-symbol-text (symbol-name symbol)))
         (base (if (consp name) (format nil "(SETF ~a)" bare) bare))
         (required (and (consp description) (required-argument-count name))))
    (if (and required (>= (length description) required))
        (safely-print (lambda ()
                        (let ((*package* (or (symbol-package symbol) *package*)))
                          (format nil "~a~{ ~s~} (~{~s~^ ~})" base (butlast description required) (last description required))))
                      500 "a method")
        base)))

(defun required-argument-count (name)
  "How many arguments the generic function NAME specializes on; NIL when there is no such function."
  (let ((function (and (fboundp name) (fdefinition name))))
    (and (typep function 'standard-generic-function)
         (length (sb-mop:generic-function-argument-precedence-order function)))))

(define-request source (symbol package)
  "Every definition of the symbol that SBCL has recorded; none is an empty list."
  (let ((symbol (known-symbol symbol package)))
    (result :locations (append (source-locations symbol)
                               (source-locations (list 'setf symbol))))))

(defparameter *relatives-limit* 300)

(defun class-locations (classes)
  "The contract's Locations of CLASSES that have names, but for SBCL's own."
  (loop for class in classes
        for name = (class-name class)
        repeat *relatives-limit*
        when (and name (symbolp name) (symbol-package name) (eq class (find-class name nil))
                  (not (system-package-p (symbol-package name))))
          append (loop for type in '(:class :structure :condition)
                       for kind = (second (assoc type *source-kinds*))
                       append (loop for source in (ignore-errors (introspect "FIND-DEFINITION-SOURCES-BY-NAME" name type))
                                    collect (apply #'location name kind nil (source-plist source))))))

(define-request relatives (symbol package)
  "What the class, structure or condition SYMBOL inherits from directly, and what inherits from it directly."
  (let ((class (find-class (known-symbol symbol package) nil)))
    (flet ((relatives (direct) (class-locations (and class (ignore-errors (funcall direct class))))))
      (result :supertypes (relatives #'sb-mop:class-direct-superclasses)
              :subtypes (relatives #'sb-mop:class-direct-subclasses)))))

;;;; Files of the loaded program

(defun some-loaded-file (predicate)
  "True when PREDICATE is true of the native namestring of a file that some named function of the image's program was compiled from."
  (let ((seen (make-hash-table :test #'equal)))
    (dolist (package (list-all-packages) nil)
      (unless (or (member (package-name package) '("COMMON-LISP" "KEYWORD" "HOTLISP" "HOTLISP-BOOT") :test #'string=)
                  (string= "SB-" (package-name package) :end2 (min 3 (length (package-name package)))))
        (do-symbols (symbol package)
          (when (and (eq (symbol-package symbol) package) (fboundp symbol) (not (special-operator-p symbol)))
            (let* ((function (or (macro-function symbol) (symbol-function symbol)))
                   (code (if (typep function 'generic-function)
                             (first (mapcan #'method-codes (sb-mop:generic-function-methods function)))
                             (ignore-errors (code-of function))))
                   (file (and code (code-file code))))
              (when (and file (not (gethash file seen)))
                (setf (gethash file seen) t)
                (when (funcall predicate file)
                  (return-from some-loaded-file t))))))))))
