;;;; What the image runs of the definitions of a text, and what it runs that the text does not have: told from what the agent installed and
;;;; from what SBCL recorded. Nothing is compared by guess: what cannot be told is said to be unknown.

(in-package :hotlisp)

;;;; One definition

(defun held (definition digest)
  "The contract's Held for DEFINITION, whose text has DIGEST; NIL where there is no text."
  (cond ((traceless-p definition) (wire :held :status :unknown))
        ((null (definition-object definition)) (wire :held :status :absent))
        ((installed-digest definition) (held-as-installed (installed-entry definition) digest))
        (t (held-as-recorded definition))))

(defun held-as-installed (origin digest)
  (let ((text (and (not (equal digest (origin-digest origin))) (origin-text origin))))
    (wire :held :status :installed :digest (origin-digest origin)
                :text text :package (and text (origin-package origin))
                :unsaved (origin-unsaved origin) :since (origin-since origin) :file (origin-file origin))))

(defun held-as-recorded (definition)
  "What SBCL recorded of where DEFINITION comes from."
  (let* ((source (definition-source-object definition))
         (plist (and source (ignore-errors (introspect "DEFINITION-SOURCE-PLIST" source))))
         (string (getf plist :emacs-string))
         (place (and source (dated-source (source-plist source) definition))))
    (cond ((evaluated-origin definition)
           (let ((origin (evaluated-origin definition)))
             (wire :held :status :client :text (origin-text origin) :package (origin-package origin)
                       :since (origin-since origin))))
          ((stringp string)
           (wire :held :status :client :text string :package (getf plist :emacs-package) :file (getf place :file)
                       :file-write-date (getf place :file-write-date)))
          ((getf place :file)
           (wire :held :status :file :file (getf place :file) :file-write-date (getf place :file-write-date)))
          ((unfiled-p definition source)
           (let ((text (unfiled-text definition)))
             (wire :held :status :unfiled :text text :package (and text (definition-package-name definition)))))
          (t (wire :held :status :unknown)))))

(defun unfiled-p (definition source)
  "Whether the image knows that DEFINITION, a function or macro, was compiled from no file. A file that is gone is a file."
  (and source
       (member (definition-kind definition) '(:function :macro))
       (null (ignore-errors (introspect "DEFINITION-SOURCE-PATHNAME" source)))
       ;; What was made by other code and stored under the name is no definition that a file could have.
       (let ((label (function-label (definition-object definition))))
         (or (equal label (definition-name definition))
             (equal label (list 'macro-function (definition-name definition)))))))

(defun unfiled-text (definition)
  "The text of the DEFUN form that DEFINITION was evaluated from, printed from what SBCL keeps of it; NIL where it keeps nothing."
  (when (eq (definition-kind definition) :function)
    (let ((name (definition-name definition)))
      (multiple-value-bind (expression closure label)
          (ignore-errors (function-lambda-expression (definition-object definition)))
        (declare (ignore closure))
        (when (and (typep expression '(cons (eql lambda) (cons list))) (equal label name))
          (destructuring-bind (lambda-list &rest body) (rest expression)
            (let* ((block (first (last body)))
                   (forms (if (and (typep block '(cons (eql block) (cons symbol)))
                                   (eq (second block) (if (consp name) (second name) name)))
                              (append (butlast body) (cddr block))
                              body)))
              (print-definition (list* 'defun name lambda-list forms) (definition-package-name definition)))))))))

(defun print-definition (form package-name)
  "FORM as a person would write it in the package called PACKAGE-NAME; NIL where it cannot be printed as a whole."
  (handler-case
      (with-plain-printing
        (let ((*package* (or (find-package-named package-name) *package*))
              (*print-pretty* t) (*print-case* :downcase) (*print-length* nil) (*print-level* nil) (*print-lines* nil)
              (*print-readably* nil) (*print-circle* nil))
          (let ((text (with-output-to-string (stream) (pprint form stream))))
            (and (< (length text) 50000)
                 (not (search "#<" text))
                 (string-left-trim '(#\Newline) text)))))
    (serious-condition () nil)))

;;;; What evaluations define

(defparameter *defining-kinds*
  '((defun . :function) (defmacro . :macro) (defgeneric . :generic-function) (defmethod . :method) (defvar . :variable)
    (defparameter . :variable) (sb-ext:defglobal . :variable) (defconstant . :constant) (defclass . :class)
    (define-condition . :condition) (defstruct . :structure) (deftype . :type) (define-compiler-macro . :compiler-macro)
    (define-symbol-macro . :symbol-macro) (define-method-combination . :method-combination))
  "Operators of forms that, evaluated, define what their second element names.")

(defparameter *blanks* '(#\Space #\Tab #\Newline #\Return #\Page))

(defun printed-name (name)
  (with-plain-printing (prin1-to-string name)))

(defun method-parts (form)
  "The qualifiers of FORM, a DEFMETHOD, and the specializers of its required parameters, as texts."
  (let* ((at (position-if #'listp form :start 2))
         (required (and at (ldiff (nth at form) (member-if (lambda (parameter) (member parameter lambda-list-keywords)) (nth at form))))))
    (values (mapcar #'printed-name (subseq form 2 at))
            (loop for parameter in required
                  collect (printed-name (if (consp parameter) (second parameter) t))))))

(defun evaluated-definition (form)
  "The DEFINITION that FORM, which was evaluated, made; NIL where it is not one of one definition."
  (let ((kind (and (consp form) (consp (rest form)) (cdr (assoc (first form) *defining-kinds*)))))
    (when kind
      (let ((name (if (and (eq kind :structure) (consp (second form))) (first (second form)) (second form))))
        (multiple-value-bind (qualifiers specializers) (and (eq kind :method) (method-parts form))
          (resolve-definition (wire :definition-name :kind kind :name (printed-name name)
                                                     :qualifiers qualifiers :specializers specializers)
                              0 *package*))))))

(defun note-evaluated (form text)
  "Remember that TEXT, which FORM was read from and which no file is known to have, is what the image runs under the name it defines."
  (let* ((definition (ignore-errors (evaluated-definition form)))
         (object (and definition (resolved-p definition) (ignore-errors (definition-object definition)))))
    (when object
      (set-installed-entry (definition-key definition)
                           (make-origin :object (sb-ext:make-weak-pointer object) :text (string-trim *blanks* text)
                                        :wire (definition-wire-name definition) :package (package-name *package*)
                                        :unsaved t :since (milliseconds-since-1970))))))

(defun evaluated-origin (definition)
  "The ORIGIN of DEFINITION where evaluated text made it what it is."
  (let ((origin (installed-entry definition)))
    (and origin (null (origin-digest origin)) (standing-p origin definition) origin)))

(defun standing-p (origin definition)
  "Whether what ORIGIN tells of still stands for DEFINITION."
  (let ((object (sb-ext:weak-pointer-value (origin-object origin))))
    (and object (eq object (definition-object definition)))))

;;;; What the text does not have

(defun asked-name (name packages)
  "The one of PACKAGES, names that may be nicknames, that the package called NAME goes by; NIL where it is none of them."
  (let ((package (find-package name)))
    (and package
         (find-if (lambda (asked) (eq (find-package-named asked) package)) packages))))

(defun stray-origins (file packages)
  "The ORIGINs of what operations installed for FILE, or for no file in one of PACKAGES, names."
  (let ((origins '()))
    (sb-ext:with-locked-hash-table (*installed*)
      (maphash (lambda (key origin)
                 (when (if (origin-file origin)
                           (equal (origin-file origin) file)
                           (asked-name (second key) packages))
                   (push origin origins)))
               *installed*))
    (sort origins #'< :key #'origin-since)))

(defun origin-definition (origin)
  "The DEFINITION that ORIGIN is of."
  (resolve-definition (origin-wire origin) 0 (find-package-named (origin-package origin))))

(defun strays (file packages keys)
  "The contract's Strays among what operations installed, but for definitions with one of KEYS, a table."
  (loop for origin in (stray-origins file packages)
        for definition = (origin-definition origin)
        when (and (not (gethash (definition-key definition) keys))
                  (not (member (definition-kind definition) '(:package :declaration :other)))
                  (resolved-p definition)
                  (eq (installed-entry definition) origin)
                  (standing-p origin definition)
                  (not (and (origin-left origin) (used-again-p definition))))
          collect (progn
                    (setf (gethash (definition-key definition) keys) t)
                    (wire :stray :definition (origin-wire origin)
                                 :package (or (asked-name (origin-package origin) packages) (origin-package origin))
                                 :home (or (asked-name (definition-package-name definition) packages)
                                           (definition-package-name definition))
                                 :held (held definition nil)))))

;;;; From no file at all

(defun user-package (name)
  "The package called NAME, unless it belongs to the implementation."
  (let ((package (find-package-named name)))
    (and package (not (system-package-p package)) package)))

(defun unfiled-definitions (package)
  "The DEFINITIONs of the functions of PACKAGE's own symbols that were compiled from no file."
  (let ((found '()))
    (do-symbols (symbol package found)
      (when (and (eq (symbol-package symbol) package) (fboundp symbol) (not (special-operator-p symbol)))
        (let* ((state (function-state symbol))
               (macro (consp state))
               (function (if macro (cdr state) state))
               (code (and (functionp function) (ignore-errors (code-of function)))))
          (when (and code (null (ignore-errors (debug-source-namestring (debug-info-source (code-debug-info code))))))
            (push (make-definition :kind (if macro :macro :function) :text (bare-symbol-text (symbol-name symbol)) :symbol symbol
                                   :symbol-name (symbol-name symbol) :package-name (package-name package))
                  found)))))))

(sb-ext:defglobal **unfiled** nil)
(sb-ext:defglobal **unfiled-lock** (sb-thread:make-mutex :name "hotlisp definitions from no file"))

(defun known-unfiled-definitions (package stamp)
  "UNFILED-DEFINITIONS of PACKAGE, looked for once for each STAMP."
  (sb-thread:with-mutex (**unfiled-lock**)
    (unless (and stamp (equal stamp (car **unfiled**)))
      (setf **unfiled** (list stamp)))
    (let ((known (assoc package (cdr **unfiled**))))
      (if known
          (cdr known)
          (let ((found (unfiled-definitions package)))
            (push (cons package found) (cdr **unfiled**))
            found)))))

(defun unfiled-strays (packages keys stamp)
  (loop for name in packages
        for package = (user-package name)
        when package
          append (loop for definition in (known-unfiled-definitions package stamp)
                       for held = (and (not (gethash (definition-key definition) keys))
                                       (held definition nil))
                       when (eq (getf held :status) :unfiled)
                         collect (progn
                                   (setf (gethash (definition-key definition) keys) t)
                                   (wire :stray :definition (definition-wire-name definition) :package name :home name :held held)))))

;;;; The request

(define-request drift (file stamp definitions packages)
  "What the image runs of DEFINITIONS, the text of FILE, and what it runs besides."
  (let* ((present (xref-stamp))
         (present-text (and present (format nil "~{~d~^ ~}" present)))
         (keys (make-hash-table :test #'equal)))
    (if (and stamp (equal stamp present-text))
        (result :stamp present-text :unchanged t :held '() :strays '())
        (let ((held (loop for asked in definitions
                          for definition = (placed-definition asked 0)
                          do (setf (gethash (definition-key definition) keys) t)
                          collect (held definition (getf asked :digest)))))
          (result :stamp present-text :unchanged nil :held (date-undated held)
                  :strays (append (strays file packages keys) (unfiled-strays packages keys present)))))))
