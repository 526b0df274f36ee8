;;;; Looking at objects: their parts, printed within bounds, and each part to be looked at in turn. What is printed here belongs to the
;;;; user: printing may fail, take for ever or be huge. The image keeps few of the objects alive for this.

(in-package :hotlisp)

(defstruct (part (:copier nil) (:predicate nil) (:constructor make-part (label object &optional (opens t) text)))
  "LABEL is a string, or a list of one object that is to be printed. OPENS: OBJECT can be looked at; else TEXT says what is there."
  label object opens text)

;;;; Which objects a session looks at, by number

(defparameter *held-objects* 32 "How many of a session's objects are kept alive, the latest.")
(defparameter *known-objects* 1000 "How many keep their number as long as the program keeps them alive.")

(defun note-object (object parts)
  "A number for OBJECT, by which the current session can look at it, and at its PARTS as they are now, again."
  (let ((session (request-session *request*)))
    (sb-thread:with-mutex ((session-lock session))
      (let* ((entries (session-objects session))
             (number (1+ (or (first (first entries)) 0)))
             (aged (nth (1- *held-objects*) entries)))
        ;; An entry: its number, what reads the object and says whether it is there, its parts.
        (push (list number (lambda () (values object t)) parts) entries)
        (when aged
          (setf (second aged) (weak-reader (funcall (second aged)))
                (third aged) '()))
        (when (nthcdr *known-objects* entries)
          (setf (cdr (nthcdr (1- *known-objects*) entries)) '()))
        (setf (session-objects session) entries)
        number))))

(defun weak-reader (object)
  (let ((pointer (sb-ext:make-weak-pointer object)))
    (lambda () (sb-ext:weak-pointer-value pointer))))

(defun noted-object (number)
  "The object of that number and its parts, where they are kept; ends the request when it is not known any more."
  (let* ((session (request-session *request*))
         (entry (sb-thread:with-mutex ((session-lock session)) (assoc number (session-objects session)))))
    (multiple-value-bind (object there) (if entry (funcall (second entry)) (values nil nil))
      (if there
          (values object (third entry))
          (wire-error :invalid-request "There is no inspected object ~d, or not any more: the image does not keep objects alive for the inspector. Inspect it again."
                      number)))))

(defun noted-part (number index)
  "What the part INDEX of the object of that number is; ends the request when there is none to look at."
  (multiple-value-bind (object parts) (noted-object number)
    (let ((part (and (<= 0 index) (nth index (or parts (parts-of object))))))
      (if (and part (part-opens part))
          (part-object part)
          (wire-error :invalid-request "The object has no part ~d that could be inspected." index)))))

;;;; Parts

(defparameter *parts-shown* 200)

(defun told (label control &rest arguments)
  (make-part label nil nil (apply #'format nil control arguments)))

(defun parts-of (object)
  "The first parts of OBJECT, and how many there are in all."
  (let ((parts '()) (total 0))
    ;; A number stands for so many parts that are only counted.
    (flet ((add (part)
             (cond ((integerp part) (incf total part))
                   ((<= (incf total) *parts-shown*) (push part parts)))))
      (typecase object
        (symbol (add-symbol-parts object #'add))
        (cons (add-list-parts object #'add))
        (string (add (told "length" "~d" (length object))))
        (vector (add (told "length" "~d" (length object)))
         (add (told "element type" "~s" (array-element-type object)))
         (loop for index below (min *parts-shown* (length object))
               do (add (make-part (format nil "[~d]" index) (aref object index))))
         (add (max 0 (- (length object) *parts-shown*))))
        (array (add (told "dimensions" "~s" (array-dimensions object)))
         (loop for index below (min *parts-shown* (array-total-size object))
               do (add (make-part (format nil "[row-major ~d]" index) (row-major-aref object index))))
         (add (max 0 (- (array-total-size object) *parts-shown*))))
        (hash-table (add-table-parts object #'add))
        (package (add-package-parts object #'add))
        (class (add-class-parts object #'add))
        (generic-function (add-function-parts object #'add)
         (dolist (method (sb-mop:generic-function-methods object)) (add (make-part "method" method))))
        (function (add-function-parts object #'add))
        (number (add (told "type" "~s" (type-of object))))
        (character (add (told "code" "~d" (char-code object))) (add (told "name" "~a" (char-name object))))
        (pathname (add (told "namestring" "~a" (sb-ext:native-namestring object))))
        (sb-ext:weak-pointer (multiple-value-bind (value there) (sb-ext:weak-pointer-value object)
                               (add (if there (make-part "value" value) (told "value" "(broken)")))))
        (t (add-slot-parts object #'add))))
    (values (nreverse parts) total)))

(defun add-symbol-parts (symbol add)
  (funcall add (told "name" "~s" (symbol-name symbol)))
  (funcall add (make-part "package" (symbol-package symbol)))
  (funcall add (if (boundp symbol)
                   (make-part (if (constantp symbol) "constant value" "value") (symbol-value symbol))
                   (told "value" "(unbound)")))
  (cond ((special-operator-p symbol) (funcall add (told "special operator" "")))
        ((macro-function symbol) (funcall add (make-part "macro function" (macro-function symbol))))
        ((fboundp symbol) (funcall add (make-part "function" (fdefinition symbol)))))
  (when (fboundp (list 'setf symbol)) (funcall add (make-part "setf function" (fdefinition (list 'setf symbol)))))
  (when (find-class symbol nil) (funcall add (make-part "class" (find-class symbol))))
  (when (symbol-plist symbol) (funcall add (make-part "property list" (symbol-plist symbol)))))

(defun add-list-parts (list add)
  (loop for tail = list then (cdr tail)
        for index from 0
        while (consp tail)
        do (when (and (plusp index) (eq tail list))
             (funcall add (told "circular" "from element ~d on it begins again" index))
             (return))
           ;; There are cycles that do not lead back to the first element.
           (when (> index 100000) (return))
           (funcall add (if (< index *parts-shown*) (make-part (format nil "[~d]" index) (car tail)) 1))
        finally (when tail (funcall add (make-part "tail" tail)))))

(defun add-table-parts (table add)
  (funcall add (told "test" "~s" (hash-table-test table)))
  (funcall add (told "count" "~d" (hash-table-count table)))
  (flet ((walk ()
           (let ((shown 0))
             (block walk
               (maphash (lambda (key value)
                          (when (> (incf shown) *parts-shown*) (return-from walk))
                          (funcall add (make-part (list key) value)))
                        table))
             (funcall add (max 0 (- (hash-table-count table) *parts-shown*))))))
    (if (sb-ext:hash-table-synchronized-p table)
        (sb-ext:with-locked-hash-table (table) (walk))
        (walk))))

(defun add-package-parts (package add)
  (funcall add (told "nicknames" "~{~a~^ ~}" (package-nicknames package)))
  (dolist (used (package-use-list package)) (funcall add (make-part "uses" used)))
  (dolist (user (package-used-by-list package)) (funcall add (make-part "used by" user)))
  (let ((external '()))
    (do-external-symbols (symbol package) (push symbol external))
    (dolist (symbol (sort external #'string<)) (funcall add (make-part "exports" symbol)))))

(defun add-class-parts (class add)
  (funcall add (make-part "name" (class-name class)))
  (dolist (super (sb-mop:class-direct-superclasses class)) (funcall add (make-part "superclass" super)))
  (dolist (sub (sb-mop:class-direct-subclasses class)) (funcall add (make-part "subclass" sub)))
  (when (sb-mop:class-finalized-p class)
    (dolist (slot (sb-mop:class-slots class))
      (funcall add (make-part (format nil "slot ~s" (sb-mop:slot-definition-name slot)) slot))))
  (dolist (method (sb-mop:specializer-direct-methods class)) (funcall add (make-part "method" method))))

(defun add-function-parts (function add)
  (funcall add (told "name" "~s" (ignore-errors (function-label function))))
  (funcall add (told "lambda list" "~s" (ignore-errors (introspect "FUNCTION-LAMBDA-LIST" function))))
  (let ((documentation (documentation function t)))
    (when documentation (funcall add (told "documentation" "~a" documentation))))
  (when (typep function 'sb-mop:funcallable-standard-object) (add-slot-parts function add)))

(defun add-slot-parts (object add)
  (let ((class (class-of object)))
    (funcall add (make-part "class" class))
    (dolist (slot (ignore-errors (sb-mop:class-slots class)))
      (let ((name (sb-mop:slot-definition-name slot)))
        (funcall add
                 (handler-case (if (slot-boundp object name)
                                   (make-part (prin1-to-string name) (slot-value object name))
                                   (told (prin1-to-string name) "(unbound)"))
                   (error (condition) (told (prin1-to-string name) "(reading it signalled ~s)" (type-of condition)))))))))

;;;; The operation

(defparameter *inspect-seconds* 5 "How long printing an object's parts may take in all.")
(defparameter *part-seconds* 1/2)

(defun print-bounded (object limit deadline)
  "OBJECT as PRINT-VALUE has it, unless that takes too long."
  (let ((left (/ (- deadline (microseconds)) 1000000)))
    (or (and (plusp left)
             (call-within (min left *part-seconds*) (lambda () (print-value object limit))))
        (format nil "#<an object of type ~a, which takes too long to print>" (type-name object)))))

(defun print-briefly (object)
  (print-bounded object 2000 (+ (microseconds) (* 1000000 *inspect-seconds*))))

(defun inspected (object)
  "The contract's Inspected of OBJECT."
  (let ((deadline (+ (microseconds) (* 1000000 *inspect-seconds*))))
    (destructuring-bind (&optional parts (total 0)) (call-within 2 (lambda () (multiple-value-list (parts-of object))))
      (wire :inspected
            :object (note-object object parts)
            :type (type-name object)
            :text (print-bounded object 2000 deadline)
            :parts (loop for part in parts
                         for index from 0
                         for label = (part-label part)
                         collect (wire :part :number index
                                             :label (if (consp label) (print-bounded (first label) 200 deadline) label)
                                             :value (if (part-opens part)
                                                        (print-bounded (part-object part) 300 deadline)
                                                        (truncate-text (part-text part) 1000))
                                             :opens (part-opens part)))
            :total total))))

(define-request inspect (object part symbol package)
  "What an object consists of: the one of that number or, with PART, that part of it, or a symbol."
  (result :inspected
          (inspected
           (cond ((and object part) (noted-part object part))
                 (object (values (noted-object object)))
                 (symbol (known-symbol symbol package))
                 (t (wire-error :invalid-request "inspect: say which object or symbol."))))))

;;;; Descriptions

(define-request describe (symbol package what output-limit)
  "What DESCRIBE or DISASSEMBLE prints of a symbol."
  (let* ((symbol (known-symbol symbol package))
         (output (make-output :limit output-limit))
         (done (call-within 10
                            (lambda ()
                              (call-with-output
                               output
                               (lambda ()
                                 (let ((*print-circle* t) (*print-length* 50) (*print-level* 6) (*print-pretty* t) (*package* (known-package package)))
                                   (handler-case
                                       (ecase what
                                         (:describe (describe symbol))
                                         (:disassemble (disassemble-symbol symbol)))
                                     (wire-error (condition) (error condition))
                                     (error (condition)
                                       (format t "~&(It signalled ~a: ~a)" (type-name condition) (condition-text condition 500)))))
                                 t))))))
    (result :text (close-output output) :complete (and done (not (output-truncated output)) t))))

(defun disassemble-symbol (symbol)
  (let ((function (or (macro-function symbol) (and (fboundp symbol) (not (special-operator-p symbol)) (fdefinition symbol)))))
    (if function
        (dolist (each (if (typep function 'standard-generic-function)
                          (mapcar #'method-body (sb-mop:generic-function-methods function))
                          (list function)))
          (disassemble each :stream *standard-output*))
        (wire-error :unknown-symbol "~a names no function." (print-name symbol)))))

;;;; Names

(defparameter *apropos-limit* 300)

(define-request apropos (pattern package)
  "The symbols whose name has PATTERN in it, in whatever case, of one package or of all: external ones first, then by name. Nothing is printed but names."
  (let ((found '()) (home (and package (known-package package))))
    (flet ((consider (symbol)
             (when (search pattern (symbol-name symbol) :test #'char-equal) (push symbol found))))
      (if home
          (do-symbols (symbol home) (consider symbol))
          (do-all-symbols (symbol) (consider symbol))))
    (let* ((unique (remove-duplicates-fast found))
           (entries (sort (loop for symbol in unique
                                unless (hidden-symbol-p symbol)
                                  collect (list symbol (external-symbol-p symbol) (symbol-kinds symbol)))
                          #'entry<)))
      (result :total (length entries)
              :symbols (loop for (symbol external kinds) in entries
                             repeat *apropos-limit*
                             collect (wire :named :name (print-name symbol) :external external :kinds kinds))))))

(defun remove-duplicates-fast (symbols)
  (let ((seen (make-hash-table :test #'eq)))
    (loop for symbol in symbols
          unless (gethash symbol seen) do (setf (gethash symbol seen) t) and collect symbol)))

(defun hidden-symbol-p (symbol)
  (let ((home (symbol-package symbol)))
    (or (null home) (member (package-name home) '("HOTLISP" "HOTLISP-BOOT") :test #'string=))))

(defun external-symbol-p (symbol)
  (eq (nth-value 1 (find-symbol (symbol-name symbol) (symbol-package symbol))) :external))

(defun symbol-kinds (symbol)
  "What SYMBOL names, for people."
  (append (cond ((special-operator-p symbol) '("special operator"))
                ((macro-function symbol) '("macro"))
                ((not (fboundp symbol)) '())
                ((typep (fdefinition symbol) 'generic-function) '("generic function"))
                (t '("function")))
          (cond ((keywordp symbol) '("keyword"))
                ((and (boundp symbol) (constantp symbol)) '("constant"))
                ((special-variable-p symbol) '("variable")))
          (when (find-class symbol nil) '("class"))))

(defun entry< (a b)
  (destructuring-bind ((symbol external kinds) (symbol-b external-b kinds-b)) (list a b)
    (flet ((rank (external kinds) (cond ((and external kinds) 0) (kinds 1) (external 2) (t 3))))
      (let ((rank (rank external kinds)) (rank-b (rank external-b kinds-b)))
        (or (< rank rank-b)
            (and (= rank rank-b)
                 (string< (print-name symbol) (print-name symbol-b))))))))
