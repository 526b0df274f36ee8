;;;; Where definitions come from, as SBCL recorded it.

(in-package :hotlisp)

(defconstant +unix-epoch+ 2208988800 "1970-01-01 in universal time.")

(defun introspect (name &rest arguments)
  "Call the function NAME, a string, of SB-INTROSPECT, loading that contrib on first use; signals an error where it is not installed."
  (unless (find-package "SB-INTROSPECT")
    (require "SB-INTROSPECT"))
  (apply (or (find-symbol name "SB-INTROSPECT") (error 'missing-internal :name name :wanted (format nil "SB-INTROSPECT:~a" name)))
         arguments))

(defun source-plist (source)
  "What a DEFINITION-SOURCE of SB-INTROSPECT says, as keys of the contract's Location; absent ones are left out."
  (flet ((slot (name) (ignore-errors (introspect name source))))
    (let ((pathname (slot "DEFINITION-SOURCE-PATHNAME"))
          (offset (slot "DEFINITION-SOURCE-CHARACTER-OFFSET"))
          (path (slot "DEFINITION-SOURCE-FORM-PATH"))
          (date (slot "DEFINITION-SOURCE-FILE-WRITE-DATE"))
          (file nil))
      (when pathname
        (setf file (ignore-errors (sb-ext:native-namestring (merge-pathnames (translate-logical-pathname pathname))))))
      (append (when file (list :file file))
              (when (and file (integerp offset)) (list :byte-offset offset))
              (when (and file (integerp (first path))) (list :form (first path)))
              (when (and file date) (list :file-write-date (- date +unix-epoch+)))))))



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
            (t (wire-error :unknown-symbol "The image has no symbol ~a in package ~a. Load the code that defines it first."
                           name (or home (package-name package))))))))

;;;; Definitions of a symbol

(defparameter *source-kinds*
  '((:function "function") (:generic-function "generic-function") (:method "method") (:macro "macro") (:compiler-macro "compiler-macro")
    (:variable "variable") (:constant "constant") (:symbol-macro "symbol-macro") (:class "class") (:structure "structure")
    (:condition "condition") (:type "type") (:setf-expander "setf-expander") (:package "package") (:method-combination "method-combination")
    (:structure-accessor "other") (:alien-type "other") (:declaration "declaration") (:optimizer "other") (:transform "other")
    (:source-transform "other") (:ir1-convert "other") (:vop "other") (:define-source-transform "other"))
  "What SB-INTROSPECT distinguishes, and the contract's kind for each.")

(defun source-locations (name)
  "The contract's Locations of every definition of NAME, a symbol or (SETF symbol), that SBCL has a place for."
  (loop for (type kind) in *source-kinds*
        append (loop for source in (ignore-errors (introspect "FIND-DEFINITION-SOURCES-BY-NAME" name type))
                     for place = (source-plist source)
                     when (getf place :file)
                       collect (apply #'location name kind (ignore-errors (introspect "DEFINITION-SOURCE-DESCRIPTION" source)) place))))

(defun location (name kind description &key file byte-offset form file-write-date)
  (let ((symbol (if (consp name) (second name) name)))
    (wire :location :kind kind
                    :name (location-name name description)
                    :package (let ((package (symbol-package symbol))) (if package (package-name package) ""))
                    :file file :byte-offset byte-offset :form form :file-write-date file-write-date)))

(defun location-name (name description)
  "NAME as the contract prints it, with what DESCRIPTION, (NAME qualifier... specializers) for a method, adds: AREA :AROUND (CIRCLE)."
  (let ((base (let ((bare (bare-symbol-text (symbol-name (if (consp name) (second name) name)))))
                (if (consp name) (format nil "(SETF ~a)" bare) bare))))
    (if (and (consp description) (consp (rest description)))
        (safely-print (lambda ()
                        (let ((*package* (or (symbol-package (if (consp name) (second name) name)) *package*)))
                          (format nil "~a~{ ~s~}" base (rest description))))
                      500 "a method")
        base)))

(define-request source (symbol package)
  "Every definition of the symbol that SBCL has recorded a file for; none is an empty list."
  (let ((symbol (known-symbol symbol package)))
    (result :locations (append (source-locations symbol)
                               (source-locations (list 'setf symbol))))))

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
