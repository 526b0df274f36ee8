;;;; What a package holds, as data that is equal as long as nothing about it has changed: objects stand for themselves by number.

(defpackage :fingerprint (:use :common-lisp) (:export #:fingerprint #:remember #:changes))
(in-package :fingerprint)

(defvar *numbers* (make-hash-table :test #'eq))

(defun number-of (object)
  (typecase object
    ((or number character symbol string) object)
    (t (or (gethash object *numbers*)
           (setf (gethash object *numbers*) (list :object (hash-table-count *numbers*)))))))

(defun information (symbol)
  "Everything SBCL's database knows about SYMBOL and (SETF SYMBOL)."
  (loop for type across (symbol-value (find-symbol "*INFO-TYPES*" "SB-IMPL"))
        append (when type
                 (let ((number (funcall (find-symbol "META-INFO-NUMBER" "SB-INT") type))
                       (category (funcall (find-symbol "META-INFO-CATEGORY" "SB-IMPL") type))
                       (kind (funcall (find-symbol "META-INFO-KIND" "SB-IMPL") type)))
                   (unless (member kind '(:definition :emitted-full-calls))
                     (loop for name in (if (eq category :function) (list symbol (list 'setf symbol)) (list symbol))
                           append (multiple-value-bind (value present)
                                      (funcall (find-symbol "GET-INFO-VALUE" "SB-IMPL") name number)
                                    (when present (list (list name category kind (number-of value)))))))))))

(defun function-print (name)
  (when (and (fboundp name) (not (and (symbolp name) (special-operator-p name))))
    (if (and (symbolp name) (macro-function name))
        (list :macro (number-of (macro-function name)))
        (let ((function (fdefinition name)))
          (list (number-of function)
                (when (typep function 'generic-function)
                  (sort (mapcar (lambda (method)
                                  (prin1-to-string
                                   (list (method-qualifiers method)
                                         (mapcar #'number-of (sb-mop:method-specializers method))
                                         (if (typep method 'sb-mop:standard-accessor-method)
                                             :accessor
                                             (list (number-of method) (number-of (sb-mop:method-function method)))))))
                                (sb-mop:generic-function-methods function))
                        #'string<)))))))

(defun class-print (symbol)
  (let ((class (find-class symbol nil)))
    (when class
      (list (number-of class)
            (documentation class t)
            (mapcar #'class-name (sb-mop:class-direct-superclasses class))
            (sort (mapcar #'class-name (sb-mop:class-direct-subclasses class)) #'string<)
            (when (typep class 'standard-class)
              (mapcar (lambda (slot)
                        (list (sb-mop:slot-definition-name slot) (sb-mop:slot-definition-initargs slot)
                              (sb-mop:slot-definition-readers slot) (sb-mop:slot-definition-initform slot)))
                      (sb-mop:class-direct-slots class)))))))

(defun fingerprint (name)
  "An alist from every symbol of the package NAME to what it names; NIL for a package that does not exist."
  (let ((package (find-package name)) (symbols '()))
    (when package
      (do-symbols (symbol package)
        (when (eq (symbol-package symbol) package) (pushnew symbol symbols)))
      (cons (list :package (package-nicknames package) (sort (mapcar #'package-name (package-use-list package)) #'string<))
            (loop for symbol in (sort symbols #'string<)
                  collect (list symbol
                                (nth-value 1 (find-symbol (symbol-name symbol) package))
                                (function-print symbol)
                                (function-print (list 'setf symbol))
                                (when (boundp symbol) (list (number-of (symbol-value symbol))))
                                (mapcar #'number-of (symbol-plist symbol))
                                (class-print symbol)
                                (number-of (compiler-macro-function symbol))
                                (information symbol)))))))

(defvar *remembered* '())

(defun remember (name)
  "Keep the fingerprint of the package NAME for CHANGES."
  (setf *remembered* (list name (fingerprint name)))
  t)

(defun changes ()
  "What has changed since REMEMBER: a list of (symbol before after), empty when nothing has."
  (destructuring-bind (name before) *remembered*
    (let ((after (fingerprint name)))
      (append (loop for entry in before
                    for now = (assoc (first entry) after)
                    unless (equal entry now)
                      collect (list (first entry) (set-difference (rest entry) (rest now) :test #'equal)
                                    (set-difference (rest now) (rest entry) :test #'equal)))
              (loop for entry in after
                    unless (assoc (first entry) before) collect (list (first entry) :new (rest entry)))))))
