;;;; The only door to what SBCL does not export for everyone: no other file may name a symbol of SB-IMPL, SB-C, SB-KERNEL,
;;;; SB-DI, SB-SYS, SB-UNIX, SB-VM, SB-PCL or an internal symbol of any package. Every such symbol is looked up when
;;;; this file is compiled and again when it is loaded; one that is not there turns the capabilities that need it off
;;;; and never breaks the load.

(in-package :hotlisp)

;;;; 1. Probing

(define-condition missing-internal (error)
  ((name :initarg :name :reader missing-internal-name)
   (wanted :initarg :wanted :reader missing-internal-wanted))
  (:report (lambda (condition stream)
             (format stream "This SBCL (~a) has no ~a, which ~(~a~) needs."
                     (lisp-implementation-version) (missing-internal-wanted condition)
                     (missing-internal-name condition))))
  (:documentation "Signalled when code runs into something that this SBCL does not have."))

(eval-when (:compile-toplevel :load-toplevel :execute)
  (defun special-variable-p (symbol)
    "Whether SYMBOL is a global variable or constant, also while it has no value."
    (or (boundp symbol)
        (let ((kind (find-symbol "VARIABLE-KIND" "SB-INT")))
          (and kind (fboundp kind) (member (funcall kind symbol) '(:special :global :constant))))
        (let ((kind (find-symbol "INFO" "SB-INT")))
          (and kind (fboundp kind)
               (member (ignore-errors (funcall kind :variable :kind symbol)) '(:special :global :always-bound))))))

  (defun internal-kind-p (symbol kind)
    "Whether SYMBOL is, in this SBCL, a thing of KIND."
    (ecase kind
      (:function (and (fboundp symbol) (not (macro-function symbol)) (not (special-operator-p symbol))))
      ((:macro :place) (fboundp symbol))
      (:variable (special-variable-p symbol))
      (:type (handler-case (progn (typep nil symbol) t) (error () nil)))
      (:symbol t)))

  (defun find-internal (candidates kind)
    "The first symbol of CANDIDATES, a list of (package-name symbol-name), that exists and is of KIND; else NIL."
    (loop for (package-name symbol-name) in candidates
          for package = (find-package package-name)
          for symbol = (and package (find-symbol symbol-name package))
          when (and symbol (internal-kind-p symbol kind)) return symbol))

  (defun internal-wanted (candidates)
    (format nil "~{~{~a::~a~}~^ or ~}" candidates)))

(defvar *internals* (make-hash-table :test #'eq)
  "Names given by DEFINE-INTERNAL -> NIL when the thing is there, else a string that says what is not.")

(defun note-internal (name candidates kind)
  (setf (gethash name *internals*)
        (if (find-internal candidates kind) nil (format nil "no ~a" (internal-wanted candidates)))))

(defun internal-missing (name candidates)
  (error 'missing-internal :name name :wanted (internal-wanted candidates)))

(defmacro define-internal (name kind &rest candidates)
  "Make NAME stand for the first of CANDIDATES, lists of (package-name symbol-name), that this SBCL has.
KIND is :FUNCTION (NAME becomes a function, open-coded where it is called by name), :MACRO, :PLACE (a macro, so that
SETF works on it), :VARIABLE (a symbol macro; it cannot be bound: see INTERNAL-SYMBOL), :TYPE (a type of no arguments)
or :SYMBOL (a constant whose value is the symbol, or NIL). Where none exists, using NAME signals MISSING-INTERNAL."
  (let ((symbol (find-internal candidates kind)))
    `(progn
       (note-internal ',name ',candidates ,kind)
       ,@(ecase kind
           (:function
            `((declaim (notinline ,name))
              (defun ,name (&rest arguments)
                (declare (ignorable arguments))
                ,(if symbol `(apply #',symbol arguments) `(internal-missing ',name ',candidates)))
              ,@(when symbol
                  `((declaim (inline ,name))
                    (define-compiler-macro ,name (&rest arguments) (cons ',symbol arguments))))))
           ((:macro :place)
            `((defmacro ,name (&rest arguments)
                (declare (ignorable arguments))
                ,(if symbol
                     `(cons ',symbol arguments)
                     ``(internal-missing ',',name ',',candidates)))))
           (:variable
            `((define-symbol-macro ,name ,(or symbol `(internal-missing ',name ',candidates)))))
           (:type `((deftype ,name () '(or ,@(when symbol (list symbol))))))
           (:symbol `((sb-ext:defglobal ,name ',symbol))))
       ',name)))

(defmacro internal-symbol (package-name symbol-name)
  "The symbol itself at compile time, for PROGV and the like; NIL where this SBCL has none."
  `',(find-internal (list (list package-name symbol-name)) :symbol))

;;;; 2. Capabilities

(defvar *capabilities* '()
  "An alist: keyword -> NIL when this SBCL offers the capability, else a string with the reason.")

(defmacro define-capability (name (&rest internals) &optional (test t))
  "Declare that the capability NAME, a keyword, needs INTERNALS (names given to DEFINE-INTERNAL) and, where given, that
the form TEST is true; TEST runs when the agent is loaded, and an error in it counts as false."
  `(register-capability ,name ',internals (lambda () ,test)))

(defun register-capability (name internals test)
  (let ((reason (or (loop for internal in internals
                          for missing = (gethash internal *internals* "not looked up")
                          when missing return missing)
                    (handler-case (if (funcall test) nil "its probe failed")
                      (error (condition) (remove #\Newline (princ-to-string condition)))))))
    (setf *capabilities* (append (remove name *capabilities* :key #'car) (list (cons name reason))))
    name))

(defun capability (name)
  "Whether this SBCL offers the capability NAME."
  (let ((entry (assoc name *capabilities*)))
    (and entry (null (cdr entry)))))

(defun available-capabilities ()
  "The names of the capabilities on offer, in lower case."
  (loop for (name . reason) in *capabilities* unless reason collect (string-downcase name)))

(defun missing-capabilities ()
  "One string, \"name: reason\", for each capability that is not on offer."
  (loop for (name . reason) in *capabilities* when reason collect (format nil "~(~a~): ~a" name reason)))

;;;; 3. The operating system

(define-internal unix-getpid :function ("SB-UNIX" "UNIX-GETPID"))
(define-internal unix-getuid :function ("SB-UNIX" "UNIX-GETUID"))
(define-internal unix-getcwd :function ("SB-UNIX" "POSIX-GETCWD"))
(define-internal unix-lstat :function ("SB-UNIX" "UNIX-LSTAT"))
(define-internal unix-mkdir :function ("SB-UNIX" "UNIX-MKDIR"))
(define-internal unix-unlink :function ("SB-UNIX" "UNIX-UNLINK"))
(define-internal unix-open :function ("SB-UNIX" "UNIX-OPEN"))
(define-internal unix-close :function ("SB-UNIX" "UNIX-CLOSE"))
(define-internal unix-read :function ("SB-UNIX" "UNIX-READ"))
(define-internal unix-kill :function ("SB-UNIX" "UNIX-KILL"))
(define-internal unix-poll :function ("SB-UNIX" "UNIX-SIMPLE-POLL"))
(define-internal clock-gettime :function ("SB-UNIX" "CLOCK-GETTIME"))
(define-internal without-interrupts :macro ("SB-SYS" "WITHOUT-INTERRUPTS"))
(define-internal with-interrupts :macro ("SB-SYS" "WITH-INTERRUPTS"))
(define-internal with-local-interrupts :macro ("SB-SYS" "WITH-LOCAL-INTERRUPTS"))
(define-internal allow-with-interrupts :macro ("SB-SYS" "ALLOW-WITH-INTERRUPTS"))
(define-internal with-pinned-objects :macro ("SB-SYS" "WITH-PINNED-OBJECTS"))
(define-internal vector-sap :function ("SB-SYS" "VECTOR-SAP"))

(defun microseconds ()
  "A clock that only goes forward. GET-INTERNAL-REAL-TIME ticks too coarsely on some systems."
  (multiple-value-bind (seconds nanoseconds) (clock-gettime 1)
    (+ (* seconds 1000000) (floor nanoseconds 1000))))

;;;; 4. Threads, stacks and code objects

(define-internal map-backtrace :function ("SB-DEBUG" "MAP-BACKTRACE"))
(define-internal frame-call :function ("SB-DEBUG" "FRAME-CALL"))
(define-internal frame-debug-fun :function ("SB-DI" "FRAME-DEBUG-FUN"))
(define-internal debug-fun-name :function ("SB-DI" "DEBUG-FUN-NAME"))
(define-internal debug-fun-fun :function ("SB-DI" "DEBUG-FUN-FUN"))
(define-internal frame-code-location :function ("SB-DI" "FRAME-CODE-LOCATION"))
(define-internal code-location-debug-source :function ("SB-DI" "CODE-LOCATION-DEBUG-SOURCE"))
(define-internal debug-source-namestring :function ("SB-DI" "DEBUG-SOURCE-NAMESTRING") ("SB-C" "DEBUG-SOURCE-NAMESTRING"))

(define-capability :backtraces (map-backtrace frame-call frame-debug-fun debug-fun-name))

(defun frame-file (frame)
  "The native namestring of the file that FRAME's code was compiled from; NIL where there is none on this host."
  (ignore-errors (real-file (debug-source-namestring (code-location-debug-source (frame-code-location frame))))))

(defun real-file (namestring)
  "NAMESTRING, unless it is a logical one of SBCL's own sources or empty."
  (and (stringp namestring) (plusp (length namestring))
       (not (and (> (length namestring) 4) (string= "SYS:" namestring :end2 4)))
       namestring))

;;;; 5. Compiling and installing
