;;;; Requests as handlers see them: arguments decoded by the contract into plists, results encoded from plists, and what a handler
;;;; may use while it runs (RESULT, WIRE, EMIT, WIRE-ERROR, WITH-IMAGE-LOCK, SEAL-REQUEST).
;;;;
;;;; In plists a boolean is T or NIL, an array a list, an object a plist, a member of an enumeration a keyword (a string will do in
;;;; a result), an optional member that is absent NIL.

(in-package :hotlisp)

;;;; The contract, looked up

(eval-when (:compile-toplevel :load-toplevel :execute)
  (defun contract-section (section name)
    (cdr (assoc name (getf *contract* section))))

  (defun contract-operation (name)
    "The plist (:writes :arguments :result) of the operation NAME, a keyword; NIL where the contract has none."
    (contract-section :operations name))

  (defun type-members (type)
    "The members of an object type or of the shape that TYPE refers to."
    (ecase (first type)
      (:object (rest type))
      (:shape (contract-section :shapes (second type)))))

  (defun check-literal-plist (members plist what)
    "Signal an error when PLIST, the arguments of a macro call, names a key that MEMBERS lack or leaves out a required one."
    (unless (evenp (length plist))
      (error "~a: keys and values must alternate in ~s." what plist))
    (let ((keys (loop for key in plist by #'cddr collect key)))
      (dolist (key keys)
        (unless (assoc key members)
          (error "~a: the wire contract has no key ~s; it has~{ ~s~}." what key (mapcar #'first members))))
      (loop for (key nil presence) in members
            when (and (eq presence :required) (not (member key keys)))
              do (error "~a: the required key ~s is missing." what key)))))

(defmacro wire (shape &rest plist)
  "A list of PLIST, whose keys are checked against the contract's SHAPE, a keyword, when this is compiled."
  (check-literal-plist (or (contract-section :shapes shape) (error "The wire contract has no shape ~s." shape))
                       plist shape)
  `(list ,@plist))

;;;; Errors that become the reply

(defmacro with-plain-printing (&body body)
  "Run BODY with printer variables that do not depend on what the image's user set, and that bound what is printed."
  `(call-with-plain-printing (lambda () ,@body)))

(defun call-with-plain-printing (function)
  (let ((*print-array* t) (*print-base* 10) (*print-case* :upcase) (*print-circle* t) (*print-escape* t) (*print-gensym* t)
        (*print-length* 100) (*print-level* 12) (*print-lines* nil) (*print-miser-width* nil) (*print-pretty* nil)
        (*print-radix* nil) (*print-readably* nil) (*print-right-margin* 100)
        (*read-default-float-format* 'single-float))
    (funcall function)))

(define-condition wire-error (error)
  ((kind :initarg :kind :reader wire-error-kind)
   (message :initarg :message :reader wire-error-message)
   (form :initarg :form :initform nil :reader wire-error-form)
   (condition-data :initarg :condition-data :initform nil :reader wire-error-condition-data))
  (:report (lambda (condition stream) (write-string (wire-error-message condition) stream)))
  (:documentation "Signalled by a handler, it becomes the error reply of the current request."))

(defun wire-error (kind control &rest arguments)
  "End the current request with an error reply. KIND is one of the contract's kinds as a keyword, or a list
(kind :form index :condition plist), where plist is what CONDITION-DATA returns. The message is CONTROL applied to ARGUMENTS: one or
two sentences that say what failed and what to do."
  (destructuring-bind (kind &key form condition) (if (listp kind) kind (list kind))
    (error 'wire-error :kind kind :form form :condition-data condition
                       :message (with-plain-printing (apply #'format nil control arguments)))))

;;;; Decoding

(defun path-text (path)
  "PATH, innermost step first, as people write it: args.forms[0].text."
  (with-output-to-string (stream)
    (dolist (step (reverse path))
      (cond ((integerp step) (format stream "[~d]" step))
            (t (unless (eq step (first (last path))) (write-char #\. stream))
               (write-string step stream))))))

(defun invalid-request (path problem)
  (wire-error :invalid-request "~a: ~a." (path-text path) problem))

(defun json-kind (value)
  (cond ((stringp value) "a string")
        ((integerp value) "an integer")
        ((realp value) "a fraction")
        ((vectorp value) "an array")
        ((consp value) "an object")
        (t (string-downcase value))))

(defun decode (type value path)
  "The JSON VALUE as Lisp data by TYPE. PATH, innermost step first, is where VALUE stands. Signals a WIRE-ERROR of kind :INVALID-REQUEST."
  (flet ((wrong (expected)
           (invalid-request path (format nil "~a expected, not ~a" expected (json-kind value)))))
    (ecase (if (consp type) (first type) type)
      (:string (if (stringp value) value (wrong "a string")))
      (:integer (if (integerp value) value (wrong "an integer")))
      (:boolean (case value (:true t) (:false nil) (t (wrong "true or false"))))
      (:enum (cond ((not (stringp value)) (wrong "a string"))
                   ((member value (rest type) :test #'string=) (enum-keyword value))
                   (t (invalid-request path (format nil "one of~{ ~s~^,~} expected, not ~s" (rest type) value)))))
      (:array (if (simple-vector-p value)
                  (loop for element across value
                        for index from 0
                        collect (decode (second type) element (cons index path)))
                  (wrong "an array")))
      ((:shape :object) (if (json-object-p value)
                            (decode-members (type-members type) value path)
                            (wrong "an object"))))))

(defun decode-members (members object path)
  (loop for (key) in (cdr object)
        unless (find key members :key #'second :test #'string=)
          do (invalid-request (cons key path) "the contract has no such key"))
  (loop for (keyword name presence type) in members
        for (value present) = (multiple-value-list (json-get object name))
        if present
          collect keyword and collect (decode type value (cons name path))
        else if (eq presence :required)
          do (invalid-request (cons name path) "a required key that is missing")))

(defun enum-keyword (string)
  "The keyword of a member of an enumeration; all of them are made when the agent is loaded, so that no request interns anything."
  (find-symbol (string-upcase string) :keyword))

(labels ((intern-members (type)
           (when (consp type)
             (case (first type)
               (:enum (dolist (name (rest type)) (intern (string-upcase name) :keyword)))
               (:array (intern-members (second type)))
               (:object (mapc #'intern-members (mapcar #'fourth (rest type))))))))
  (loop for (nil . members) in (append (getf *contract* :shapes) (getf *contract* :events))
        do (mapc #'intern-members (mapcar #'fourth members)))
  (loop for (nil . operation) in (getf *contract* :operations)
        do (mapc #'intern-members (mapcar #'fourth (getf operation :arguments)))
           (intern-members (getf operation :result)))
  (mapc #'intern-members (mapcar #'fourth (getf *contract* :error))))

;;;; Encoding

(define-condition contract-violation (error)
  ((path :initarg :path) (problem :initarg :problem))
  (:report (lambda (condition stream)
             (with-slots (path problem) condition
               (format stream "~a: ~a. This is an error of Hotlisp's agent." (path-text path) problem))))
  (:documentation "Signalled when a handler returns what the contract does not allow."))

(defun violation (path problem)
  (error 'contract-violation :path path :problem problem))

(defun encode (type value stream path)
  "Write the Lisp VALUE as JSON by TYPE. Signals CONTRACT-VIOLATION."
  (flet ((wrong (expected)
           (violation path (format nil "~a expected, not ~a" expected (type-of value)))))
    (ecase (if (consp type) (first type) type)
      (:string (typecase value
                 (string (write-json-string value stream))
                 (keyword (write-json-string (string-downcase value) stream))
                 (t (wrong "a string"))))
      (:integer (if (integerp value) (write-json-integer value stream) (wrong "an integer")))
      (:boolean (write-string (if value "true" "false") stream))
      (:enum (let ((text (typecase value (string value) (keyword (string-downcase value)) (t (wrong "a keyword")))))
               (unless (member text (rest type) :test #'string=)
                 (violation path (format nil "one of~{ ~s~^,~} expected, not ~s" (rest type) text)))
               (write-json-string text stream)))
      (:array
       (unless (listp value) (wrong "a list"))
       (write-char #\[ stream)
       (loop for element in value
             for index from 0
             do (unless (zerop index) (write-char #\, stream))
                (encode (second type) element stream (cons index path)))
       (write-char #\] stream))
      ((:shape :object)
       (unless (and (listp value) (evenp (length value))) (wrong "a plist"))
       (encode-members (type-members type) value stream path)))))

(defun encode-members (members plist stream path)
  (loop for (key) on plist by #'cddr
        unless (assoc key members)
          do (violation path (format nil "the contract has no key ~s" key)))
  (write-char #\{ stream)
  (let ((first t))
    (loop for (keyword name presence type) in members
          for value = (getf plist keyword)
          do (when (and (eq presence :required) (null value) (eq (getf plist keyword :absent) :absent))
               (violation (cons name path) "a required key that is missing"))
             (unless (and (eq presence :optional) (null value))
               (unless first (write-char #\, stream))
               (setf first nil)
               (write-json-string name stream)
               (write-char #\: stream)
               (encode type value stream (cons name path)))))
  (write-char #\} stream))

(defun encode-message (id key writer)
  "One message as a string without a newline: {\"id\": ID, KEY: what WRITER writes to the stream it is called with}."
  (with-output-to-string (stream)
    (write-string "{\"id\":" stream)
    (if id (write-json-integer id stream) (write-string "null" stream))
    (format stream ",\"~a\":" key)
    (funcall writer stream)
    (write-char #\} stream)))

(defun encode-ok (id operation result)
  (encode-message id "ok" (lambda (stream)
                            (encode (getf (contract-operation operation) :result) result stream '("result")))))

(defun encode-error (id kind message &key form condition)
  (encode-message id "error"
                  (lambda (stream)
                    (encode-members (getf *contract* :error)
                                    (list :kind kind :message message :form form :condition condition)
                                    stream '("error")))))

(defun encode-event (id event plist)
  (with-output-to-string (stream)
    (write-string "{\"id\":" stream)
    (write-json-integer id stream)
    (write-string ",\"event\":" stream)
    (write-json-string (string-downcase event) stream)
    (write-string ",\"data\":" stream)
    (encode-members (contract-section :events event) plist stream (list (string-downcase event)))
    (write-char #\} stream)))

;;;; Handlers

(defstruct (session (:copier nil) (:predicate nil))
  "What the requests of one client share: which are under way, by id, the values of the REPL's variables, and inspected objects."
  (read-only nil)
  (lock (sb-thread:make-mutex :name "hotlisp session") :read-only t)
  (requests (make-hash-table) :read-only t)
  (repl-values nil)
  ;; The *FEATURES* that the client was told of last.
  (features nil)
  ;; What the inspector knows by number; see inspect.lisp.
  (objects '()))

(defstruct (request (:copier nil) (:predicate nil))
  "One request while it is under way. STATE is :RUNNING until its outcome is settled; only a running request can be cancelled."
  (id nil :read-only t)
  (operation nil :read-only t)
  (session nil :read-only t)
  (send nil :type function :read-only t)
  (thread nil)
  (state :running)
  ;; What its thread waits for an answer to; see debugger.lisp.
  (question nil)
  ;; The result to be given should the user's code end the thread, so that nobody can return it.
  (last-words nil))

(defvar *request* nil "The request that the current thread works for; NIL outside one.")

(defun leave-last-words (result)
  "Have RESULT answer the current request should its thread be ended before anything is returned. A request that is cancelled says that it
was, unless RESULT tells of what could not be undone."
  (when *request* (setf (request-last-words *request*) result)))

(defvar *handlers* (make-hash-table :test #'eq :synchronized t)
  "Operation, a keyword -> the name of the function that performs it, of one argument, the plist of the decoded arguments.")

(defmacro define-request (name (&rest arguments) &body body)
  "Define what performs the operation NAME of the wire contract. ARGUMENTS name those of the operation's arguments that BODY uses.
BODY, which may start with a docstring, returns the result as a plist; inside it (RESULT key value ...) makes one whose keys are checked
when it is compiled. Signals an error at macroexpansion time when the contract lacks the operation or an argument."
  (let* ((operation (intern (symbol-name name) :keyword))
         (contract (or (contract-operation operation)
                       (error "The wire contract has no operation ~(~a~)." name)))
         (function (intern (format nil "~a-~a" '#:handle name) :hotlisp))
         (documentation (when (and (stringp (first body)) (rest body)) (list (pop body))))
         (plist (gensym "ARGUMENTS")))
    (dolist (argument arguments)
      (unless (assoc argument (getf contract :arguments) :test #'string=)
        (error "The operation ~(~a~) of the wire contract has no argument ~(~a~)." name argument)))
    `(progn
       (defun ,function (,plist)
         ,@documentation
         (declare (ignorable ,plist))
         (let ,(loop for argument in arguments
                     collect `(,argument (getf ,plist ,(intern (symbol-name argument) :keyword))))
           (macrolet ((result (&rest plist)
                        (check-literal-plist (type-members ',(getf contract :result)) plist ,operation)
                        `(list ,@plist)))
             ,@body)))
       (setf (gethash ,operation *handlers*) ',function)
       ',name)))

(defmacro emit (event &rest plist)
  "Send an event of the current request, (emit :output :stream :stdout :text \"…\"); nothing happens outside a request."
  (check-literal-plist (or (contract-section :events event) (error "The wire contract has no event ~s." event))
                       plist event)
  `(emit-event *request* ,event (list ,@plist)))

(defun emit-event (request event plist)
  (when request
    (funcall (request-send request) (encode-event (request-id request) event plist)))
  nil)

;;;; What changes the image does so one at a time

(sb-ext:defglobal **image-lock** (sb-thread:make-mutex :name "hotlisp image"))

(defmacro with-image-lock ((&key) &body body)
  "Run BODY while no other request changes the image. Waiting for the lock can be cancelled. Not re-entrant."
  `(sb-thread:with-mutex (**image-lock**)
     (call-replacing-functions (lambda () ,@body))))

(defun seal-request ()
  "From here on the current request is not cancelled any more: to be called, with interrupts off or not, at the point after which the
change stands, so that no reply says `cancelled` about something that was done. One that is being cancelled already is unwound."
  (let ((request *request*))
    (when (and request
               (eq (sb-ext:compare-and-swap (request-state request) :running :sealed) :cancelling))
      (throw request '(:cancelled)))))

(defun being-cancelled-p ()
  (and *request* (eq (request-state *request*) :cancelling)))
