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

(define-internal contrib-home :function ("SB-INT" "SBCL-HOMEDIR-PATHNAME"))
(define-internal load-contrib :function ("SB-IMPL" "MODULE-PROVIDE-CONTRIB"))

(defun provide-contrib (name)
  "As REQUIRE, but past ASDF where that is loaded: it takes no two threads, and another one of the program's may be loading a system."
  (unless (member name *modules* :test #'string-equal)
    (or (ignore-errors (load-contrib name)) (require name))))

(define-internal unix-getpid :function ("SB-UNIX" "UNIX-GETPID"))
(define-internal unix-getuid :function ("SB-UNIX" "UNIX-GETUID"))
(define-internal unix-getcwd :function ("SB-UNIX" "POSIX-GETCWD"))
(define-internal unix-lstat :function ("SB-UNIX" "UNIX-LSTAT"))
(define-internal unix-mkdir :function ("SB-UNIX" "UNIX-MKDIR"))
(define-internal unix-unlink :function ("SB-UNIX" "UNIX-UNLINK"))
(define-internal unix-open :function ("SB-UNIX" "UNIX-OPEN"))
(define-internal unix-close :function ("SB-UNIX" "UNIX-CLOSE"))
(define-internal unix-read :function ("SB-UNIX" "UNIX-READ"))
(define-internal unix-poll :function ("SB-UNIX" "UNIX-SIMPLE-POLL"))
(define-internal clock-gettime :function ("SB-UNIX" "CLOCK-GETTIME"))
(define-internal without-interrupts :macro ("SB-SYS" "WITHOUT-INTERRUPTS"))
(define-internal with-local-interrupts :macro ("SB-SYS" "WITH-LOCAL-INTERRUPTS"))
(define-internal with-pinned-objects :macro ("SB-SYS" "WITH-PINNED-OBJECTS"))
(define-internal vector-sap :function ("SB-SYS" "VECTOR-SAP"))

;;; Unix-domain sockets, without SB-BSD-SOCKETS: that contrib takes longer to load than all of the agent, and is not there in every image.

(define-internal foreign-symbol-address :function ("SB-SYS" "FIND-FOREIGN-SYMBOL-ADDRESS"))

(defmacro call-c (name result &rest typed-arguments)
  "Call the C function NAME; TYPED-ARGUMENTS alternate alien types and values. Returns the result and errno."
  (let ((types (loop for (type) on typed-arguments by #'cddr collect type))
        (values (loop for (nil value) on typed-arguments by #'cddr collect value)))
    `(let ((result (sb-alien:alien-funcall (sb-alien:extern-alien ,name (function ,result ,@types)) ,@values)))
       (values result (sb-alien:get-errno)))))

(define-capability :sockets (foreign-symbol-address unix-read unix-close unix-poll unix-lstat unix-mkdir vector-sap)
  (every #'foreign-symbol-address '("socket" "bind" "listen" "connect" "accept" "send" "shutdown" "chmod" "flock" "getsockopt")))

(defconstant +eintr+ 4)
(defconstant +econnrefused+ #+darwin 61 #-darwin 111)
(defconstant +eagain+ #+darwin 35 #-darwin 11)

(define-condition system-error (error)
  ((call :initarg :call) (errno :initarg :errno) (subject :initarg :subject :initform nil))
  (:report (lambda (condition stream)
             (with-slots (call errno subject) condition
               (format stream "~a~@[ of ~a~] failed: ~a." call subject (sb-int:strerror errno)))))
  (:documentation "Signalled when a system call fails."))

(defun check-call (call subject result errno)
  (if (minusp result) (error 'system-error :call call :subject subject :errno errno) result))

(defun socket-address (path)
  "PATH as a sockaddr_un in a vector of octets. Signals an error when it is too long for one."
  (let* ((octets (sb-ext:string-to-octets path :external-format :utf-8))
         (address (make-array #+darwin 106 #-darwin 110 :element-type '(unsigned-byte 8) :initial-element 0)))
    (unless (< (length octets) (- (length address) 2))
      (error "The path ~a is too long for a Unix-domain socket: at most ~d bytes." path (- (length address) 3)))
    ;; sun_len and sun_family on Darwin, else a 16-bit sun_family; AF_UNIX is 1 everywhere.
    #+darwin (setf (aref address 0) (length address) (aref address 1) 1)
    #+(and (not darwin) little-endian) (setf (aref address 0) 1)
    #+(and (not darwin) big-endian) (setf (aref address 1) 1)
    (replace address octets :start1 2)
    address))

(defun make-unix-socket (&optional (flags 0))
  (declare (ignorable flags))
  (multiple-value-bind (fd errno)
      (call-c "socket" sb-alien:int sb-alien:int 1 sb-alien:int #+linux (logior 1 #o2000000 flags) #-linux 1 sb-alien:int 0)
    (check-call "socket" nil fd errno)))

(defmacro call-with-address (name fd path)
  "Call the C function NAME, which takes a socket and an address."
  `(let ((address (socket-address ,path)))
     (with-pinned-objects (address)
       (call-c ,name sb-alien:int sb-alien:int ,fd sb-sys:system-area-pointer (vector-sap address)
                     sb-alien:unsigned-int (length address)))))

(defun socket-listener (path)
  "Who listens on the socket at PATH: a process id, or true where that is not told; NIL where connecting is refused."
  (let ((fd (make-unix-socket #o4000))) ; SOCK_NONBLOCK: a program that has been stopped takes no connection
    (unwind-protect
         (multiple-value-bind (result errno) (call-with-address "connect" fd path)
           (cond ((zerop result) (or (peer-process fd) t))
                 (t (/= errno +econnrefused+))))
      (unix-close fd))))

(defun peer-process (fd)
  "The id of the process at the other end of FD; NIL where the system does not tell."
  (declare (ignorable fd))
  #+linux
  (let ((credentials (make-array 3 :element-type '(signed-byte 32) :initial-element 0)) ; pid, uid, gid
        (size (make-array 1 :element-type '(unsigned-byte 32) :initial-element 12)))
    (with-pinned-objects (credentials size)
      (and (zerop (call-c "getsockopt" sb-alien:int sb-alien:int fd sb-alien:int 1 sb-alien:int 17 ; SOL_SOCKET, SO_PEERCRED
                                       sb-sys:system-area-pointer (vector-sap credentials)
                                       sb-sys:system-area-pointer (vector-sap size)))
           (plusp (aref credentials 0))
           (aref credentials 0)))))

(defun call-with-locked-directory (directory function)
  "Call FUNCTION while no other process that asks for it has the lock of DIRECTORY, where its file system has locks."
  (let ((fd (unix-open directory 0 0)))
    (unwind-protect
         (progn
           (when fd
             (loop while (multiple-value-bind (result errno)
                             (call-c "flock" sb-alien:int sb-alien:int fd sb-alien:int 2) ; LOCK_EX
                           (and (minusp result) (= errno +eintr+)))))
           (funcall function))
      (when fd (unix-close fd)))))

(defun listen-at (path)
  "A listening socket at PATH, mode 0600, which nobody can connect to before it has that mode. Returns its file descriptor."
  (let ((fd (make-unix-socket)) (done nil))
    (unwind-protect
         (progn
           (multiple-value-call #'check-call "bind" path (call-with-address "bind" fd path))
           (multiple-value-call #'check-call "chmod" path
             (call-c "chmod" sb-alien:int sb-alien:c-string path sb-alien:unsigned-int #o600))
           (multiple-value-call #'check-call "listen" path
             (call-c "listen" sb-alien:int sb-alien:int fd sb-alien:int 16))
           (setf done t)
           fd)
      (unless done (unix-close fd)))))

(defun accept-from (fd)
  "The file descriptor of the next connection to the listening socket FD; NIL when it is closed or shut down."
  (loop
    (multiple-value-bind (result errno)
        (call-c "accept" sb-alien:int sb-alien:int fd sb-alien:unsigned-long 0 sb-alien:unsigned-long 0)
      (cond ((>= result 0)
             #+darwin (no-sigpipe result)
             (return result))
            ((member errno '(4 53 103)))   ; EINTR, ECONNABORTED
            ((member errno '(12 23 24 55 105)) (sleep 0.1)) ; out of memory, descriptors or buffers: try again
            (t (return nil))))))

#+darwin
(defun no-sigpipe (fd)
  "Writing to a connection that the peer closed must not raise SIGPIPE; elsewhere a flag of send says so."
  (let ((one (make-array 1 :element-type '(signed-byte 32) :initial-element 1)))
    (with-pinned-objects (one)
      (call-c "setsockopt" sb-alien:int sb-alien:int fd sb-alien:int #xffff sb-alien:int #x1022
                           sb-sys:system-area-pointer (vector-sap one) sb-alien:unsigned-int 4))))

(defun shut-down (fd)
  "End both directions of a connection, or wake up who accepts from a listening socket; the descriptor stays open."
  (call-c "shutdown" sb-alien:int sb-alien:int fd sb-alien:int 2)
  nil)

(defun send-octets (fd octets start end)
  "Hand octets to the connection without blocking. Returns how many it took (0: none for now), or NIL when it is gone."
  (with-pinned-objects (octets)
    (multiple-value-bind (sent errno)
        (call-c "send" sb-alien:long sb-alien:int fd
                       sb-sys:system-area-pointer (sb-sys:sap+ (vector-sap octets) start)
                       sb-alien:unsigned-long (- end start)
                       sb-alien:int #+darwin #x80 #-darwin #x4040) ; MSG_DONTWAIT, MSG_NOSIGNAL
      (cond ((>= sent 0) sent)
            ((= errno +eintr+) (send-octets fd octets start end))
            ((= errno +eagain+) 0)
            (t nil)))))

(defun receive-octets (fd octets start)
  "Fill OCTETS from START with what comes next; waits for it. Returns how many came, 0 at the end or when the connection is gone."
  (loop
    (multiple-value-bind (count errno)
        (with-pinned-objects (octets)
          (unix-read fd (sb-sys:sap+ (vector-sap octets) start) (- (length octets) start)))
      (cond (count (return count))
            ((eql errno +eintr+))
            (t (return 0))))))

(defun writable-p (fd milliseconds)
  "Whether FD takes output within MILLISECONDS."
  (unix-poll fd :output milliseconds))

(defun file-status (path)
  "The mode bits and the owner's id of PATH itself, not of what it may link to; NIL when there is none."
  (multiple-value-bind (found device inode mode links uid) (unix-lstat path)
    (declare (ignore device inode links))
    (and found (values mode uid))))

(defun process-alive-p (pid)
  "Whether there is a process PID, ours or not."
  (multiple-value-bind (result errno) (call-c "kill" sb-alien:int sb-alien:int pid sb-alien:int 0)
    (or (zerop result) (/= errno 3)))) ; ESRCH

(defun random-hex (octets)
  "OCTETS random octets of the operating system's source, in hexadecimal."
  (with-open-file (stream "/dev/urandom" :element-type '(unsigned-byte 8))
    (format nil "~(~{~2,'0x~}~)" (loop repeat octets collect (read-byte stream)))))

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

;;; The variables of a frame, and what a restart asks for

(define-internal ambiguous-debug-vars :function ("SB-DI" "AMBIGUOUS-DEBUG-VARS"))
(define-internal debug-var-validity :function ("SB-DI" "DEBUG-VAR-VALIDITY"))
(define-internal debug-var-value :function ("SB-DI" "DEBUG-VAR-VALUE"))
(define-internal debug-var-symbol :function ("SB-DI" "DEBUG-VAR-SYMBOL"))

(define-capability :locals (ambiguous-debug-vars debug-var-validity debug-var-value debug-var-symbol frame-code-location))

(define-internal restart-interactive-function :function ("SB-KERNEL" "RESTART-INTERACTIVE-FUNCTION"))

(define-capability :interactive-restarts (restart-interactive-function))

;;; Where code lies in memory, and which code a blocked thread has on its control stack

(define-internal main-thread :function ("SB-THREAD" "MAIN-THREAD"))
(define-internal thread-os-tid :function ("SB-THREAD" "THREAD-OS-TID"))
(define-internal stack-end :function ("SB-THREAD" "THREAD-CONTROL-STACK-END"))
(define-internal stack-start :function ("SB-THREAD" "THREAD-CONTROL-STACK-START"))
(define-internal fun-code-header :function ("SB-KERNEL" "FUN-CODE-HEADER"))
(define-internal underlying-function :function ("SB-KERNEL" "%FUN-FUN"))
(define-internal code-instructions :function ("SB-KERNEL" "CODE-INSTRUCTIONS"))
(define-internal code-text-size :function ("SB-KERNEL" "%CODE-TEXT-SIZE"))
(define-internal code-debug-info :function ("SB-KERNEL" "%CODE-DEBUG-INFO"))
(define-internal debug-info-source :function ("SB-C" "DEBUG-INFO-SOURCE"))
(define-internal code-at :function ("SB-DI" "CODE-HEADER-FROM-PC"))
(define-internal frame-component :function ("SB-DI" "COMPILED-DEBUG-FUN-COMPONENT"))
(define-internal bogus-debug-fun-p :function ("SB-DI" "BOGUS-DEBUG-FUN-P"))
(define-internal fast-method-function :function ("SB-PCL" "%METHOD-FUNCTION-FAST-FUNCTION"))
(define-internal method-function-object :type ("SB-PCL" "%METHOD-FUNCTION"))

(define-capability :stack-scan
    (thread-os-tid stack-end stack-start fun-code-header underlying-function code-instructions code-text-size code-at
     with-pinned-objects foreign-symbol-address unix-open unix-read unix-close)
  (and (foreign-symbol-address "pread")
       (or (probe-file "/proc/self/syscall") (error "the system has no /proc/self/syscall"))))

(defun thread-run-time (thread)
  "The nanoseconds that THREAD has had a processor for; NIL where there is no telling."
  (let ((id (thread-os-tid thread)))
    ;; One that has not begun yet has none.
    (when (and (integerp id) (plusp id))
      (sb-alien:with-alien ((time (array sb-alien:long 2)))
        ;; Linux has a clock for each thread, whose number is made of the thread's.
        (and (zerop (call-c "clock_gettime" sb-alien:int sb-alien:int (logior (ash (lognot id) 3) 6) (* t) (sb-alien:addr time)))
             (+ (* 1000000000 (sb-alien:deref time 0)) (sb-alien:deref time 1)))))))

(define-internal current-thread-sap :function ("SB-VM" "CURRENT-THREAD-OFFSET-SAP"))
(define-internal thread-this-slot :symbol ("SB-VM" "THREAD-THIS-SLOT"))
(define-internal thread-state-slot :symbol ("SB-VM" "THREAD-STATE-WORD-SLOT"))

(defun guard-page-octet ()
  "What this thread's state says of the guard page of its stack: 1 while that is protected, 0 after the stack was exhausted."
  (sb-sys:sap-ref-8 (current-thread-sap (symbol-value thread-this-slot))
                    (* 8 (symbol-value thread-state-slot))))

(defparameter *guard-pages*
  (and thread-this-slot thread-state-slot (foreign-symbol-address "reset_thread_control_stack_guard_page")
       (eql (ignore-errors (guard-page-octet)) 1))
  "Whether guard pages can be looked at and put back here.")

(defun reprotect-stack ()
  "Put the guard page of this thread's stack back where it was exhausted, and has been unwound since. SBCL 2.2.9 leaves that to the next
thread with the same memory, and dies when that exhausts its stack, too."
  (when (and *guard-pages* (eql (guard-page-octet) 0))
    (call-c "reset_thread_control_stack_guard_page" sb-alien:void
            sb-sys:system-area-pointer (current-thread-sap (symbol-value thread-this-slot)))))

(define-internal debug-fun-from-pc :function ("SB-DI" "DEBUG-FUN-FROM-PC"))

(define-capability :seen-backtraces (debug-fun-from-pc debug-fun-name code-at code-instructions)
  (capability :stack-scan))

(defun code-place (address)
  "What the code at ADDRESS, which has to be pinned, belongs to: (values name file function); the file as CODE-FILE has it."
  (let* ((code (code-at address))
         (debug-fun (ignore-errors
                     (debug-fun-from-pc code (- address (sb-sys:sap-int (code-instructions code)))))))
    (values (if debug-fun (debug-fun-name debug-fun) code)
            (code-file code)
            (and debug-fun (ignore-errors (debug-fun-fun debug-fun))))))

(defun caller-hidden-p (frame)
  "Whether FRAME is in an assembly routine (SB-VM::GENERIC-+ and the like, before 2.3): those have no frame of their own, so that the
function which called it does not show on the stack."
  (let ((debug-fun (frame-debug-fun frame)))
    (and (bogus-debug-fun-p debug-fun) (symbolp (debug-fun-name debug-fun)))))

(define-capability :interrupting-census (bogus-debug-fun-p debug-fun-name map-backtrace frame-debug-fun frame-component fun-code-header underlying-function))

(defun code-of (function)
  "The code object that holds FUNCTION's instructions; NIL for what has none of its own, such as a generic function."
  (and (functionp function)
       (not (typep function 'sb-mop:funcallable-standard-object))
       (fun-code-header (underlying-function function))))

(defun working-function (function)
  "The function that does the work of FUNCTION: of a method's, which only leads to it, its fast function."
  (or (and (typep function 'method-function-object) (ignore-errors (fast-method-function function)))
      function))

(defun method-codes (method)
  "The code objects that run when METHOD does."
  (let ((code (ignore-errors (code-of (working-function (sb-mop:method-function method))))))
    (and code (list code))))

(defun code-file (code)
  "The native namestring of the file that CODE was compiled from; NIL where there is none on this host."
  (ignore-errors (real-file (debug-source-namestring (debug-info-source (code-debug-info code))))))

(defun call-with-code-ranges (codes function)
  "Call FUNCTION with a vector of (start end . answer), the addresses of the instructions of CODES, an alist of code and answer, in order. They do not
move meanwhile."
  (flet ((range (entry)
           (let ((start (sb-sys:sap-int (code-instructions (car entry)))))
             (list* start (+ start (code-text-size (car entry))) (cdr entry)))))
    ;; Several in one frame: after the load of a large system there are more codes than the stack has room for frames.
    (labels ((pin (rest)
               (if rest
                   (destructuring-bind (&optional a b c d e f g h &rest more) rest
                     (with-pinned-objects ((car a) (car b) (car c) (car d) (car e) (car f) (car g) (car h))
                       (pin more)))
                   (funcall function (sort (map 'vector #'range codes) #'< :key #'first)))))
      (pin codes))))

(defun read-proc-file (path)
  "The first 256 octets of PATH, which is ASCII, as a string, or NIL."
  (let ((fd (unix-open path 0 0)))
    (when fd
      (unwind-protect
           (let* ((octets (make-array 256 :element-type '(unsigned-byte 8)))
                  (count (receive-octets fd octets 0)))
             (declare (type (integer 0 256) count))
             (when (plusp count)
               ;; Not MAP, which takes as long as all the rest: this is done twice for each thread of a census.
               (let ((string (make-string count :element-type 'base-char)))
                 (dotimes (index count string)
                   (setf (schar string index) (code-char (logand 127 (aref octets index))))))))
        (unix-close fd)))))

(defun call-with-memory-file (function)
  "Call FUNCTION with a descriptor of this process's memory as a file, for STACK-WORDS; with NIL where it cannot be had."
  (let ((fd (unix-open "/proc/self/mem" 0 0)))
    (unwind-protect (funcall function fd)
      (when fd (unix-close fd)))))

(defun stack-words (memory thread pointer)
  "The words of THREAD's control stack from the address POINTER to the stack's end, and where they begin; NIL when POINTER is not in it. Read
through the kernel, from MEMORY, so that a thread which ends meanwhile costs an answer and not the process."
  (let ((start (stack-start thread)) (end (stack-end thread)))
    (when (and memory (plusp start) (<= start pointer) (< pointer end))
      (let* ((pointer (logandc2 pointer 7))
             (words (make-array (floor (- end pointer) 8) :element-type '(unsigned-byte 64)))
             (count (with-pinned-objects (words)
                      (call-c "pread" sb-alien:long sb-alien:int memory sb-sys:system-area-pointer (vector-sap words)
                                      sb-alien:unsigned-long (* 8 (length words)) sb-alien:long pointer))))
        (and (= count (* 8 (length words))) (values words pointer))))))

(defun real-file (namestring)
  "NAMESTRING, unless it is a logical one of SBCL's own sources or empty."
  (and (stringp namestring) (plusp (length namestring))
       (not (and (> (length namestring) 4) (string= "SYS:" namestring :end2 4)))
       namestring))

;;;; 5. Compiling and installing

;; The database of names
(define-internal symbol-dbinfo :function ("SB-KERNEL" "SYMBOL-DBINFO"))
(define-internal update-symbol-info :function ("SB-IMPL" "UPDATE-SYMBOL-INFO"))
(define-internal get-info-value :function ("SB-IMPL" "GET-INFO-VALUE"))
(define-internal set-info-value :function ("SB-INT" "SET-INFO-VALUE"))
(define-internal clear-info-values :function ("SB-INT" "CLEAR-INFO-VALUES"))
(define-internal info-types :variable ("SB-IMPL" "*INFO-TYPES*"))
(define-internal meta-info-number :function ("SB-INT" "META-INFO-NUMBER"))
(define-internal meta-info-category :function ("SB-IMPL" "META-INFO-CATEGORY"))
(define-internal meta-info-kind :function ("SB-IMPL" "META-INFO-KIND"))
(define-internal info-default :function ("SB-INT" "INFO"))
(define-internal find-fdefn :function ("SB-INT" "FIND-FDEFN"))
(define-internal fdefn-info-number :variable ("SB-INT" "+FDEFN-INFO-NUM+"))
(define-internal drop-all-hash-caches :function ("SB-INT" "DROP-ALL-HASH-CACHES"))
(define-internal with-world-lock :macro ("SB-C" "WITH-WORLD-LOCK"))
;; Sets the value of constants, too.
(define-internal set-any-value :function ("SB-KERNEL" "%SET-SYMBOL-GLOBAL-VALUE") ("SB-KERNEL" "%SET-SYMBOL-VALUE"))

(define-capability :rollback
    (symbol-dbinfo update-symbol-info get-info-value set-info-value clear-info-values info-types meta-info-number
     meta-info-category meta-info-kind info-default find-fdefn fdefn-info-number drop-all-hash-caches with-world-lock
     without-interrupts))

;; The compiler's places and notes
(define-internal current-source-info :variable ("SB-C" "*SOURCE-INFO*"))
(define-internal source-info-file-info :function ("SB-C" "SOURCE-INFO-FILE-INFO"))
(define-internal source-info-stream :function ("SB-C" "SOURCE-INFO-STREAM"))
(define-internal file-info-forms :function ("SB-C" "FILE-INFO-FORMS"))
(define-internal file-info-positions :function ("SB-C" "FILE-INFO-POSITIONS"))
(define-internal file-info-subforms :function ("SB-C" "FILE-INFO-SUBFORMS"))
(define-internal file-info-pathname :function ("SB-C" "FILE-INFO-PATHNAME"))
(define-internal form-start-char-pos :function ("SB-INT" "FORM-TRACKING-STREAM-FORM-START-CHAR-POS"))
(define-internal find-error-context :function ("SB-C" "FIND-ERROR-CONTEXT"))
(define-internal compiler-error-context-p :function ("SB-C" "COMPILER-ERROR-CONTEXT-P"))
(define-internal context-original-form :function ("SB-C" "COMPILER-ERROR-CONTEXT-ORIGINAL-FORM"))
(define-internal current-error-context :variable ("SB-C" "*COMPILER-ERROR-CONTEXT*"))
(define-internal undefined-warnings :variable ("SB-C" "*UNDEFINED-WARNINGS*"))
(define-internal undefined-warning-name :function ("SB-C" "UNDEFINED-WARNING-NAME"))
(define-internal undefined-warning-kind :function ("SB-C" "UNDEFINED-WARNING-KIND"))
(define-internal undefined-warning-contexts :function ("SB-C" "UNDEFINED-WARNING-WARNINGS"))
(define-internal compiler-error :type ("SB-C" "COMPILER-ERROR"))
(define-internal input-error :type ("SB-C" "INPUT-ERROR-IN-COMPILE-FILE"))
(define-internal redefinition-warning :type ("SB-KERNEL" "REDEFINITION-WARNING"))
(define-internal encapsulated-condition :function ("SB-INT" "ENCAPSULATED-CONDITION"))

(define-internal context-file-position :function ("SB-C" "COMPILER-ERROR-CONTEXT-FILE-POSITION"))

(define-capability :exact-notes
    (current-source-info source-info-file-info source-info-stream file-info-forms file-info-positions file-info-subforms
     file-info-pathname find-error-context context-original-form))

(define-capability :undefined-names
    (undefined-warnings undefined-warning-name undefined-warning-kind undefined-warning-contexts))

(defun context-form (context)
  "The form of the source that the compiler's CONTEXT is about, and whether there is one."
  (if (and context (compiler-error-context-p context))
      (values (context-original-form context) t)
      (values nil nil)))

(defun current-context ()
  "The compiler's context of the condition being signalled, or NIL."
  (and (capability :exact-notes)
       (if (compiler-error-context-p current-error-context)
           current-error-context
           (ignore-errors (find-error-context nil)))))

;; Compiling one function without a file
(define-internal compile-in-lexenv :function ("SB-C" "COMPILE-IN-LEXENV"))
(define-internal make-null-lexenv :function ("SB-KERNEL" "MAKE-NULL-LEXENV"))
(define-internal make-file-info :function ("SB-C" "MAKE-FILE-INFO"))
(define-internal make-source-info :function ("SB-C" "MAKE-SOURCE-INFO"))
(define-internal find-source-paths :function ("SB-C" "FIND-SOURCE-PATHS"))
(define-internal process-optimize-declaration :function ("SB-C" "PROCESS-OPTIMIZE-DECL"))
(define-internal policy-quality :function ("SB-C" "POLICY-QUALITY"))
(define-internal note-function-defined :function ("SB-C" "%COMPILER-DEFUN"))
(define-internal note-name-defined :function ("SB-C" "NOTE-NAME-DEFINED"))
(define-internal inline-expansion :function ("SB-INT" "FUN-NAME-INLINE-EXPANSION"))
(define-internal compiler-policy :variable ("SB-C" "*POLICY*"))
(define-internal comma :type ("SB-IMPL" "COMMA"))
(define-internal comma-expression :function ("SB-INT" "COMMA-EXPR") ("SB-IMPL" "COMMA-EXPR"))

(defun policy-quality-p (symbol)
  "Whether SYMBOL names an optimization quality of this SBCL."
  (and (integerp (ignore-errors (policy-quality compiler-policy symbol))) t))

(defun call-with-policy (declaration function)
  "Call FUNCTION under the compiler's policy with DECLARATION, of OPTIMIZE, or NIL. What FUNCTION declaims does not outlast it, as with LOAD."
  (let* ((policy (internal-symbol "SB-C" "*POLICY*"))
         (muffled (internal-symbol "SB-C" "*HANDLED-CONDITIONS*"))
         (bound (remove nil (list policy muffled))))
    (progv bound (mapcar #'symbol-value bound)
      (when (and policy declaration)
        (setf (symbol-value policy)
              (handler-bind ((warning #'muffle-warning)) (process-optimize-declaration declaration compiler-policy))))
      (funcall function))))

(defparameter *named-lambda* (find-internal '(("SB-INT" "NAMED-LAMBDA")) :symbol))
(defparameter *note-function-defined* (find-internal '(("SB-C" "%COMPILER-DEFUN")) :function))
(defparameter *warn-if-setf-macro* (find-internal '(("SB-C" "WARN-IF-SETF-MACRO")) :function))
(defparameter *file-only-names*
  (loop for (package name) in '(("COMMON-LISP" "LOAD-TIME-VALUE") ("COMMON-LISP" "DEBUG") ("SB-C" "STORE-SOURCE-FORM")
                                ("SB-C" "STORE-COVERAGE-DATA") ("SB-C" "SOURCE-LOCATION") ("SB-C" "COMPILE-FILE-POSITION")
                                ("SB-C" "COMPILE-FILE-LINE") ("SB-EXT" "COMPILE-FILE-POSITION") ("SB-EXT" "COMPILE-FILE-LINE"))
        for symbol = (and (find-package package) (find-symbol name package))
        when symbol collect symbol)
  "Names in code that can mean something else where code is compiled without a file.")

(defparameter *store-source-form* (find-internal '(("SB-C" "STORE-SOURCE-FORM")) :symbol))
(defparameter *store-coverage-data* (find-internal '(("SB-C" "STORE-COVERAGE-DATA")) :symbol))

(define-internal thread-waiting-for :function ("SB-THREAD" "THREAD-WAITING-FOR"))
(define-capability :lock-waits (thread-waiting-for) (null (thread-waiting-for sb-thread:*current-thread*)))

(defun waiting-for-lock-p (thread)
  "Whether THREAD waits for a lock, or may do so."
  (or (not (capability :lock-waits)) (and (thread-waiting-for thread) t)))

(defparameter *world-lock-symbol* (find-internal '(("SB-KERNEL" "**WORLD-LOCK**") ("SB-C" "**WORLD-LOCK**")) :variable))

(defun holding-world-lock-p ()
  "Whether this thread has the lock of WITH-WORLD-LOCK."
  (and *world-lock-symbol* (sb-thread:holding-mutex-p (symbol-value *world-lock-symbol*))))

(defun compiling-p (thread)
  "Whether THREAD is known to compile: it has what SBCL binds while it does."
  (let ((symbol (internal-symbol "SB-C" "*COMPILATION*")))
    (and symbol (nth-value 1 (sb-thread:symbol-value-in-thread symbol thread nil)))))

(defun waiting-for-dispatch-p (thread)
  "Whether THREAD is known to wait for a lock under which SBCL changes classes, or how generic functions find their methods."
  (let ((awaited (and (capability :lock-waits) (thread-waiting-for thread))))
    (when (consp awaited) (setf awaited (cdr awaited)))
    (and (typep awaited 'sb-thread:mutex)
         (or (and *world-lock-symbol* (eq awaited (symbol-value *world-lock-symbol*)))
             (equal (sb-thread:mutex-name awaited) "GF lock")))))

(defun gc-epoch ()
  "Something that is another after each garbage collection, where this SBCL has it."
  (let ((symbol (internal-symbol "SB-KERNEL" "*GC-EPOCH*")))
    (if (and symbol (boundp symbol)) (symbol-value symbol) t)))

(defun image-exiting-p ()
  "Whether EXIT was called: the process ends once its threads have."
  (let ((symbol (internal-symbol "SB-SYS" "*EXIT-IN-PROGRESS*")))
    (and symbol (boundp symbol) (symbol-value symbol) t)))

(defun policy-wants-file-p ()
  "Whether the compiler's policy is one under which a file keeps more, or other things, than memory does."
  ;; 1 stands for what other qualities imply: for the source form, that it is kept at debug 3.
  (or (= 3 (policy-quality compiler-policy 'debug))
      (= 3 (policy-quality compiler-policy *store-source-form*))
      (> (policy-quality compiler-policy *store-coverage-data*) 1)))

(defun call-compiling-as-file (function)
  "Call FUNCTION such that the compiler puts code where COMPILE-FILE would and knows of no source paths; store no source forms."
  (multiple-value-bind (symbols values)
      (let ((in-memory (internal-symbol "SB-C" "*COMPILE-TO-MEMORY-SPACE*"))
            (in-file (internal-symbol "SB-C" "*COMPILE-FILE-TO-MEMORY-SPACE*")))
        (if (and in-memory in-file (boundp in-memory) (boundp in-file))
            (values (list in-memory) (list (symbol-value in-file)))
            (values '() '())))
    (progv
        (list* (internal-symbol "SB-C" "*SOURCE-PATHS*") (internal-symbol "SB-C" "*POLICY*") symbols)
        (list* (make-hash-table :test #'eq)
               (process-optimize-declaration `(optimize (,*store-source-form* 0)) compiler-policy)
               values)
      (funcall function))))

(defun compile-like-file (lambda name source-info number)
  "Compile LAMBDA, the definition of NAME that comes from a top-level form, noted by REMEMBER-SOURCE-FORM as number NUMBER of the file of
SOURCE-INFO, into the image. Returns the function, or NIL when there was something to warn of."
  (multiple-value-bind (function warnings failure)
      (compile-in-lexenv lambda (make-null-lexenv) name source-info number nil nil)
    (and (not warnings) (not failure) function)))

(defun source-form-p (cons)
  "Whether CONS is one of the forms that were read, inside CALL-COMPILING-AS-FILE."
  (nth-value 1 (gethash cons (symbol-value (internal-symbol "SB-C" "*SOURCE-PATHS*")))))

(defparameter *truename-keyword*
  (if (find-internal '(("SB-C" "FILE-INFO-%TRUENAME")) :function) :%truename :truename))

(defun make-file-source-info (pathname forms positions)
  "What COMPILE-FILE would know of the file PATHNAME, written now, after reading FORMS, which start at POSITIONS, vectors."
  (make-source-info :file-info (make-file-info :pathname pathname *truename-keyword* pathname :write-date (get-universal-time)
                                               :forms forms :positions positions)))

(define-internal evaluate-top-level :function ("SB-IMPL" "EVAL-TLF") ("SB-EXT" "EVAL-TLF"))

(define-capability :evaluate-in-file (evaluate-top-level make-source-info make-file-info find-source-paths)
  (and (internal-symbol "SB-C" "*SOURCE-INFO*") (internal-symbol "SB-C" "*SOURCE-PATHS*") t))

(defun evaluate-in-file (form source-info number)
  "Evaluate FORM as LOAD evaluates the top-level form NUMBER of the source file of SOURCE-INFO: what it defines is found there."
  (progv (list (internal-symbol "SB-C" "*SOURCE-INFO*") (internal-symbol "SB-C" "*SOURCE-PATHS*"))
      (list source-info (make-hash-table :test #'eq))
    (find-source-paths form number)
    (evaluate-top-level form number)))

(defun remember-source-form (form number)
  "Note the places of FORM's parts, those of the top-level form NUMBER of its file, inside CALL-COMPILING-AS-FILE."
  (find-source-paths form number))

;; Installing
(define-internal install-function :function ("SB-IMPL" "%DEFUN"))
(defparameter *defun-symbol* (find-internal '(("SB-IMPL" "%DEFUN")) :function))
(defparameter *load-defmethod-symbol* (find-internal '(("SB-PCL" "LOAD-DEFMETHOD")) :function))
(defparameter *defmethod-expander-symbol* (find-internal '(("SB-PCL" "%DEFMETHOD-EXPANDER")) :macro))
(define-internal call-with-load-bindings :function ("SB-FASL" "CALL-WITH-LOAD-BINDINGS"))
(define-internal load-as-fasl :function ("SB-FASL" "LOAD-AS-FASL"))
(define-internal function-label :function ("SB-KERNEL" "%FUN-NAME"))

(define-capability :staged-functions (install-function))

;; Methods
(define-internal load-defmethod :function ("SB-PCL" "LOAD-DEFMETHOD"))
(define-internal gf-lock :function ("SB-PCL" "GF-LOCK"))
(define-internal flush-effective-method-cache :function ("SB-PCL" "FLUSH-EFFECTIVE-METHOD-CACHE"))
(define-internal update-dfun :function ("SB-PCL" "UPDATE-DFUN"))
(define-internal update-constructors :function ("SB-PCL" "UPDATE-CTORS"))
(define-internal initialize-method-function :function ("SB-PCL" "INITIALIZE-METHOD-FUNCTION"))
(defparameter *method-slots*
    (loop for (package name) in '(("SB-PCL" "%FUNCTION") ("SB-PCL" "PLIST") ("SB-PCL" "LAMBDA-LIST") ("SB-PCL" "SOURCE")
                                  ("SB-PCL" "%DOCUMENTATION") ("SB-PCL" "SIMPLE-NEXT-METHOD-CALL"))
          for symbol = (find-symbol name package)
          when (and symbol (find symbol (sb-mop:class-slots (find-class 'standard-method))
                                 :key #'sb-mop:slot-definition-name))
            collect symbol))
(define-internal method-cell-key :symbol ("SB-PCL" "METHOD-CELL"))
(define-internal method-plist-key :symbol ("SB-PCL" "PLIST"))
(define-internal method-function-key :symbol ("SB-PCL" "%FUNCTION"))
(define-internal method-source-key :symbol ("SB-PCL" "SOURCE"))

(define-capability :methods-in-place
    (load-defmethod gf-lock flush-effective-method-cache update-dfun initialize-method-function update-constructors)
  (and method-cell-key method-plist-key method-function-key
       (member method-function-key *method-slots*) (member method-plist-key *method-slots*)))

(define-internal bug :type ("SB-INT" "BUG"))
(defparameter *constant-miss-symbol* (find-internal '(("SB-PCL" "CONSTANT-VALUE-MISS")) :function))
(defparameter *constant-dispatch-p* (and *constant-miss-symbol* (find-internal '(("SB-INT" "BUG")) :type) t)
  "Whether SBCL dispatches otherwise where all methods of a generic function return constants, and takes another method for a bug of its own.")

;; Method combinations
(define-internal method-combinations :variable ("SB-PCL" "**METHOD-COMBINATIONS**"))
(define-internal long-method-combinations :variable ("SB-PCL" "*LONG-METHOD-COMBINATION-FUNCTIONS*"))
(define-internal method-combination-name :function ("SB-PCL" "METHOD-COMBINATION-TYPE-NAME"))
;; Where a method combination keeps its users in a set that is no hash table (2.6)
(define-internal map-set :function ("SB-INT" "MAP-HASHSET"))
(define-internal method-combination-cache :place ("SB-PCL" "METHOD-COMBINATION-INFO-CACHE"))

;; The methods in a DEFGENERIC, which the next one takes away.
(define-internal generic-initial-methods :place ("SB-PCL" "GENERIC-FUNCTION-INITIAL-METHODS"))
(define-internal load-defgeneric :function ("SB-PCL" "LOAD-DEFGENERIC"))
(defparameter *load-defgeneric-symbol* (find-internal '(("SB-PCL" "LOAD-DEFGENERIC")) :function))
(defparameter *set-initial-methods-symbol* (find-internal '(("SB-PCL" "SET-INITIAL-METHODS")) :function))
(define-capability :initial-methods (generic-initial-methods load-defgeneric) *set-initial-methods-symbol*)

(define-capability :method-combinations (method-combinations method-combination-cache method-combination-name)
  (hash-table-p method-combinations))
(define-capability :long-method-combinations (long-method-combinations) (hash-table-p long-method-combinations))

;; Instances of classes that are defined again
(defparameter *instance-updater* (find-internal '(("SB-PCL" "%OBSOLETE-INSTANCE-TRAP")) :function)
  "The name of the function, of the old layout, the new layout and the instance, that brings an instance up to its class.")
(define-internal instance-slots-vector :function ("SB-PCL" "GET-SLOTS-OR-NIL"))
(define-internal layout-slots :function ("SB-PCL" "WRAPPER-SLOT-LIST"))
(define-internal encapsulate :function ("SB-INT" "ENCAPSULATE"))
(define-internal unencapsulate :function ("SB-INT" "UNENCAPSULATE"))
(define-capability :encapsulation (encapsulate unencapsulate))

(define-internal class-layout :function ("SB-PCL" "CLASS-WRAPPER"))
(define-internal find-slot-cell :function ("SB-PCL" "FIND-SLOT-CELL"))
(define-internal slot-definition-info :function ("SB-PCL" "SLOT-DEFINITION-INFO"))
(define-internal slot-info-reader :place ("SB-PCL" "SLOT-INFO-READER"))
(define-internal slot-info-writer :place ("SB-PCL" "SLOT-INFO-WRITER"))
(define-internal slot-info-boundp :place ("SB-PCL" "SLOT-INFO-BOUNDP"))
;; Where SBCL has a function for that, too (2.5)
(defparameter *slot-unbinder-symbol* (find-internal '(("SB-PCL" "SLOT-INFO-MAKUNBOUND")) :function))
(defun set-slot-unbinder (info function)
  "Have what INFO says of a slot make it unbound by FUNCTION, of the instance, where SBCL asks INFO about that."
  (when *slot-unbinder-symbol* (funcall (fdefinition (list 'setf *slot-unbinder-symbol*)) function info)))
(defparameter *slots-updater* (find-internal '(("SB-PCL" "%UPDATE-SLOTS")) :function)
  "The name of the function, of a class and its effective slot definitions, that gives the class its layout.")
(defparameter *instance-makers*
  (loop for name in '("ALLOCATE-STANDARD-INSTANCE" "ALLOCATE-STANDARD-FUNCALLABLE-INSTANCE" "%CHANGE-CLASS")
        for symbol = (find-internal (list (list "SB-PCL" name)) :function)
        when symbol collect symbol)
  "Names of functions that give an instance a layout and slots.")
(defparameter *layout-checker* (find-internal '(("SB-PCL" "CHECK-WRAPPER-VALIDITY")) :function)
  "The name of the function that has an instance brought up to its class where it is not.")
(define-capability :moving-slots
    (class-layout find-slot-cell slot-definition-info slot-info-reader slot-info-writer slot-info-boundp encapsulate unencapsulate with-world-lock)
  (and *slots-updater* *layout-checker* (= (length *instance-makers*) 3)))

(defparameter *class-loaders*
  (loop for (definer . candidate) in '((defclass "SB-PCL" "LOAD-DEFCLASS") (define-condition "SB-KERNEL" "%DEFINE-CONDITION"))
        for symbol = (find-internal (list candidate) :function)
        when symbol collect (cons definer symbol))
  "An alist from definers of classes to the functions that their code calls, first of all with the name of the class.")

(defun unbound-slot-vector ()
  "The slots of an object whose slots are all unbound. What marks them must not be the value of a variable."
  (instance-slots-vector (allocate-instance (find-class 'sb-mop:standard-reader-method))))

(define-capability :kept-instances (instance-slots-vector layout-slots encapsulate unencapsulate)
  (and *instance-updater* (unbound-slot-vector)))

(defun lost-slot-values (old new instance)
  "An alist from the names to the values of the slots that INSTANCE loses when its layout OLD gives way to NEW."
  (let ((values (instance-slots-vector instance))
        (unbound (unbound-slot-vector))
        (kept (mapcar #'sb-mop:slot-definition-name (layout-slots new))))
    (when values
      (loop for slot in (layout-slots old)
            for name = (sb-mop:slot-definition-name slot)
            for location = (sb-mop:slot-definition-location slot)
            when (and (integerp location) (< location (length values)) (not (member name kept))
                      (not (eq (svref values location) (svref unbound 0))))
              collect (cons name (svref values location))))))

;; Structures and conditions
(define-internal find-classoid :function ("SB-KERNEL" "FIND-CLASSOID"))
(define-internal find-structure-description :function ("SB-KERNEL" "FIND-DEFSTRUCT-DESCRIPTION"))
(define-internal structure-slots :function ("SB-KERNEL" "DD-SLOTS"))
(define-internal structure-slot-name :function ("SB-KERNEL" "DSD-NAME"))
(define-internal structure-slot-type :function ("SB-KERNEL" "DSD-TYPE"))
(define-internal structure-slot-raw-type :function ("SB-KERNEL" "DSD-RAW-TYPE"))
(define-internal install-structure :function ("SB-KERNEL" "%DEFSTRUCT"))
(define-internal compiler-install-structure :function ("SB-KERNEL" "%COMPILER-DEFSTRUCT"))
(define-internal classoid-name :place ("SB-KERNEL" "CLASSOID-NAME"))
(define-internal classoid-layout :function ("SB-KERNEL" "CLASSOID-WRAPPER") ("SB-KERNEL" "CLASSOID-LAYOUT"))
(define-internal layout-description :place ("SB-KERNEL" "WRAPPER-INFO") ("SB-KERNEL" "LAYOUT-INFO"))
(define-internal layout-inherits :function ("SB-KERNEL" "WRAPPER-INHERITS") ("SB-KERNEL" "LAYOUT-INHERITS"))
(define-internal structure-slot-index :function ("SB-KERNEL" "DSD-INDEX"))
(define-internal instance-slot :place ("SB-KERNEL" "%INSTANCE-REF"))
(define-internal condition-hooks :variable ("SB-KERNEL" "*DEFINE-CONDITION-HOOKS*"))

(define-internal structure-bitmap :function ("SB-KERNEL" "DD-BITMAP"))

(defstruct (slot-probe (:copier nil) (:predicate nil))
  (any nil) (raw 0d0 :type double-float) (fixnum 0 :type fixnum) (boolean nil :type boolean) (character #\a :type character))

(defparameter *untagged-slot-types*
  (or (ignore-errors
       (let* ((description (find-structure-description 'slot-probe))
              (bitmap (structure-bitmap description)))
         (destructuring-bind (any raw &rest immediate)
             (loop for slot in (structure-slots description)
                   collect (cons (structure-slot-type slot) (logbitp (structure-slot-index slot) bitmap)))
           (and (cdr any) (not (cdr raw))
                (cons 'or (loop for (type . tagged) in immediate unless tagged collect type))))))
      '(or fixnum))
  "The type whose slots the garbage collector need not look at: which they are is part of the layout of a structure with raw slots,
and of one that has no others.")

(defparameter *raw-slot-types*
  '((unsigned-byte 64) (signed-byte 64) single-float double-float (complex single-float) (complex double-float))
  "The types whose slots SBCL stores as bare bits; the first that fits counts, and those of *UNTAGGED-SLOT-TYPES* do not.")

(define-capability :structures
    (find-structure-description find-classoid classoid-name install-structure compiler-install-structure classoid-layout layout-inherits))
(define-capability :condition-hooks (condition-hooks))
;; What the compiler takes a function for
(define-internal specifier-type :function ("SB-KERNEL" "SPECIFIER-TYPE"))
(define-capability :declared-types (specifier-type))

;; What some operators of the standard set
(define-internal logical-hosts :variable ("SB-IMPL" "*LOGICAL-HOSTS*"))
(define-internal hash-table-tests :variable ("SB-IMPL" "*USER-HASH-TABLE-TESTS*"))
(define-capability :logical-hosts (logical-hosts) (vectorp logical-hosts))
(define-capability :hash-table-tests (hash-table-tests) (listp hash-table-tests))

;; What the class of a structure knows of its slots
(define-internal layout-slot-table :place ("SB-KERNEL" "WRAPPER-SLOT-TABLE") ("SB-KERNEL" "LAYOUT-SLOT-TABLE"))
(define-internal direct-slots-key :symbol ("SB-PCL" "DIRECT-SLOTS"))
(define-internal slots-key :symbol ("SB-PCL" "SLOTS"))
(define-capability :structure-metaobjects (find-classoid classoid-layout layout-slot-table direct-slots-key slots-key)
  (let ((class (find-class 'slot-probe)))
    (and (slot-exists-p class direct-slots-key) (slot-exists-p class slots-key)
         (layout-slot-table (classoid-layout (find-classoid 'slot-probe))))))

(define-capability :conditions (find-classoid structure-slots structure-slot-name structure-slot-index instance-slot))

(define-internal structure-name :function ("SB-KERNEL" "DD-NAME"))

(defun name-classoid (name)
  "Have the class called NAME know its name again: taking it away with (SETF FIND-CLASS) makes the class anonymous for the compiler,
and giving it back does not undo that (2.2.9 to 2.6.4)."
  (let ((classoid (find-classoid name nil)))
    (when (and classoid (null (classoid-name classoid)))
      (setf (classoid-name classoid) name))))

(defun same-placement-p (description other)
  "Whether the slots of the two structures have the same names and are stored in the same way at the same places."
  (flet ((placement (description)
           (list (ignore-errors (structure-bitmap description))
                 (loop for slot in (structure-slots description)
                       collect (list (structure-slot-name slot) (structure-slot-index slot)
                                     (ignore-errors (structure-slot-raw-type slot)))))))
    (equal (placement description) (placement other))))

(defun install-structure-description (description)
  "Make the structure's class what DESCRIPTION, one that was replaced, says. Signals an error when instances would not fit it."
  (let* ((name (structure-name description))
         (layout (classoid-layout (find-classoid name)))
         (inherits (layout-inherits layout))
         (current (find-structure-description name nil)))
    ;; SBCL refuses what lets slots hold more than they do. Where their places are the same, its layout is, too, and SBCL took the narrower
    ;; definition by writing it there: that is done backwards. Code that was compiled meanwhile is found by NARROWLY-COMPILED.
    (when (and current (same-placement-p description current))
      (setf (layout-description layout) description))
    (install-structure description inherits nil)
    (compiler-install-structure description inherits)))

(defparameter *condition-class-parts* '("SLOTS" "REPORT" "DIRECT-DEFAULT-INITARGS" "CLASS-SLOTS" "HAIRY-SLOTS" "DIRECT-SUPERCLASSES" "CPL")
  "The parts of a condition's class that defining it again changes.")

(defun map-condition-class-parts (function name)
  (let ((classoid (find-classoid name)))
    (dolist (slot (structure-slots (find-structure-description (type-of classoid))))
      (when (member (symbol-name (structure-slot-name slot)) *condition-class-parts* :test #'string=)
        (funcall function classoid slot)))))

(defun condition-class-parts (name)
  (let ((parts '()))
    (map-condition-class-parts (lambda (classoid slot)
                                 (push (instance-slot classoid (structure-slot-index slot)) parts))
                               name)
    (cons (classoid-layout (find-classoid name)) (nreverse parts))))

(defun set-condition-class-parts (name parts)
  "Returns sentences about what could not be put back."
  (let ((layout (pop parts)))
    (map-condition-class-parts (lambda (classoid slot)
                                 (setf (instance-slot classoid (structure-slot-index slot)) (pop parts)))
                               name)
    (when (capability :condition-hooks)
      (dolist (hook condition-hooks) (ignore-errors (funcall hook (find-classoid name)))))
    (if (eq layout (classoid-layout (find-classoid name)))
        '()
        (list (format nil "Conditions of type ~a that exist were made for another set of superclasses." name)))))


(defun unix-rmdir (path)
  "Remove the empty directory PATH, a native namestring; true when that went well."
  (zerop (sb-alien:alien-funcall (sb-alien:extern-alien "rmdir" (function sb-alien:int sb-alien:c-string)) path)))

(define-internal debug-source-created :function ("SB-C" "DEBUG-SOURCE-CREATED") ("SB-DI" "DEBUG-SOURCE-CREATED"))
(define-internal source-location-namestring :function ("SB-C" "DEFINITION-SOURCE-LOCATION-NAMESTRING"))

(define-internal walk-form :function ("SB-WALKER" "WALK-FORM"))

(define-capability :walker (walk-form)
  (find-symbol "*WALK-FORM-EXPAND-MACROS-P*" "SB-WALKER"))

(defun walk-expanding (form check)
  "FORM with every macro form in it expanded, in the null lexical environment. CHECK is called with each form that is about to be walked."
  (progv (list (find-symbol "*WALK-FORM-EXPAND-MACROS-P*" "SB-WALKER")) (list t)
    (walk-form form nil (lambda (subform context environment)
                          (declare (ignore context environment))
                          (funcall check subform)
                          subform))))

(defun code-date (code)
  "The universal time at which the source that CODE was compiled from was written; NIL where it is not known."
  (ignore-errors (debug-source-created (debug-info-source (code-debug-info code)))))

(define-capability :load-as (call-with-load-bindings load-as-fasl))

(defparameter *loader-functions*
  (loop for (package name) in '(("SB-FASL" "LOAD-FASL-GROUP") ("SB-FASL" "LOAD-AS-FASL") ("SB-C" "SUB-COMPILE-FILE"))
        for symbol = (find-symbol name package)
        when symbol collect symbol)
  "What SBCL itself is in below the code of a file that is compiled or loaded.")

;;;; 6. Cross references

(define-internal simple-fun-xrefs :function ("SB-KERNEL" "%SIMPLE-FUN-XREFS"))
(define-internal map-packed-xrefs :function ("SB-C" "MAP-PACKED-XREF-DATA"))
(define-internal structure-slot-accessor :function ("SB-KERNEL" "DSD-ACCESSOR-NAME"))
(define-internal structure-constructors :function ("SB-KERNEL" "DD-CONSTRUCTORS"))
(define-internal structure-copier :function ("SB-KERNEL" "DD-COPIER-NAME"))
(define-internal structure-predicate :function ("SB-KERNEL" "DD-PREDICATE-NAME"))

(define-capability :xref (simple-fun-xrefs map-packed-xrefs underlying-function))
(define-capability :structure-functions
    (structure-slots structure-slot-accessor structure-constructors structure-copier structure-predicate))

;; Every code object gets the next number: what was compiled or loaded later has a higher one.
(define-internal code-serial :function ("SB-KERNEL" "%CODE-SERIALNO"))
(define-internal last-code-serial :variable ("SB-C" "*CODE-SERIALNO*"))
(define-capability :code-serials (code-serial last-code-serial) (integerp last-code-serial))

(define-internal code-entry-count :function ("SB-KERNEL" "CODE-N-ENTRIES"))
(define-internal code-entry :function ("SB-KERNEL" "%CODE-ENTRY-POINT"))
(define-internal entry-name :function ("SB-KERNEL" "%SIMPLE-FUN-NAME"))
(define-capability :compilation-blocks (code-entry-count code-entry entry-name fun-code-header underlying-function))

(defun definition-name-p (name)
  "Whether NAME, that of a function in a code object, is one that a definition gives."
  (or (symbolp name)
      (and (consp name) (not (member (first name) '(flet labels lambda)))
           (not (member (symbol-name (first name)) '("TOP-LEVEL-FORM" "NAMED-LAMBDA") :test #'string=)))))

(defun block-compiled-p (code)
  "Whether several definitions share CODE, as those of a file do that was compiled with :BLOCK-COMPILE."
  (> (loop for index below (code-entry-count code)
           count (definition-name-p (entry-name (code-entry code index))))
     1))

(define-internal map-codes :function ("SB-VM" "MAP-CODE-OBJECTS"))
(define-internal code-word-count :function ("SB-KERNEL" "CODE-HEADER-WORDS"))
(define-internal code-word :function ("SB-KERNEL" "CODE-HEADER-REF"))
(define-internal first-code-constant :variable ("SB-VM" "CODE-CONSTANTS-OFFSET"))
(define-internal code-generation :function ("SB-KERNEL" "GENERATION-OF"))
(define-internal code-component :type ("SB-KERNEL" "CODE-COMPONENT"))
(define-capability :unnamed-code
    (map-codes code-word-count code-word first-code-constant code-generation code-component code-serial code-entry-count code-entry entry-name
     find-classoid classoid-layout with-world-lock bug)
  (integerp first-code-constant))

(defun call-walking-code (function)
  "Call FUNCTION, which goes through SBCL's spaces, with no garbage collected meanwhile: SBCL 2.5 and 2.6 hold a lock there that whoever loads code may wait
for with collecting held off, so that a collection begun in between would never come to be. FUNCTION is called again when it fails, as SBCL 2.2.9's own
way there may while other threads make code."
  (flet ((walk () (sb-sys:without-gcing (funcall function))))
    (loop repeat 100
          do (handler-case (return-from call-walking-code (walk))
               (bug () (sb-thread:thread-yield))
               (sb-sys:memory-fault-error () (sb-thread:thread-yield))))
    (walk)))

(define-internal find-fdefinition-object :function ("SB-INT" "FIND-FDEFN") ("SB-KERNEL" "FIND-FDEFN"))
(defparameter *unlinker* (find-internal '(("SB-VM" "REMOVE-STATIC-LINKS")) :function)
  "The name of the function by which SBCL 2.2.9, before it gives a name another function, goes through all code for callers that do not go through
the name, as those of its own core and of a saved program do not; NIL where there are no such callers.")

(defun unlink-callers (name)
  "Have all callers of the function NAME go through its name."
  (call-walking-code (lambda () (funcall *unlinker* (find-fdefinition-object name)))))

(defun codes-with-constants (constants)
  "The code objects, those that nothing refers to any more among them, one of whose constants is EQ to one of CONSTANTS."
  (let ((codes '()))
    ;; Nobody may be making any.
    (with-world-lock ()
      (call-walking-code
       (lambda ()
         (setf codes '())
         (map-codes (lambda (code)
                      (when (and (typep code 'code-component)
                                 (loop for index from first-code-constant below (code-word-count code)
                                         thereis (member (code-word code index) constants :test #'eq)))
                        (push code codes)))))))
    codes))

(defun function-xrefs (function)
  "What the compiler recorded of the names that FUNCTION uses; NIL where there is nothing."
  (and (functionp function)
       (not (typep function 'sb-mop:funcallable-standard-object))
       (ignore-errors (simple-fun-xrefs (underlying-function function)))))

(defun map-xrefs (receive function)
  "Call RECEIVE with each use in FUNCTION's code: a kind (:CALLS, :MACROEXPANDS, :REFERENCES, :BINDS, :SETS) and a name."
  (let ((xrefs (function-xrefs function)))
    (when xrefs
      (map-packed-xrefs (lambda (kind name number)
                          (declare (ignore number))
                          (funcall receive kind name))
                        xrefs))))

(defun map-xref-names (receive function)
  "Call RECEIVE with every name that FUNCTION's code uses, but for some of SBCL's own. Much faster than MAP-XREFS."
  (let ((xrefs (function-xrefs function)))
    ;; A vector of the packed entries and the names; the most frequent names of SBCL itself are kept elsewhere.
    (cond ((null xrefs))
          ((and (simple-vector-p xrefs) (plusp (length xrefs)) (typep (svref xrefs 0) '(array (unsigned-byte 8) (*))))
           (loop for index from 1 below (length xrefs) do (funcall receive (svref xrefs index))))
          (t (map-xrefs (lambda (kind name) (declare (ignore kind)) (funcall receive name)) function)))))

;;;; 7. What is known of functions and variables

(define-internal function-arguments :function ("SB-KERNEL" "%FUN-LAMBDA-LIST") ("SB-KERNEL" "%SIMPLE-FUN-ARGLIST"))
(define-internal simple-fun-type :function ("SB-KERNEL" "%SIMPLE-FUN-TYPE") ("SB-IMPL" "%FUN-FTYPE"))
(define-internal type-specifier :function ("SB-KERNEL" "TYPE-SPECIFIER"))

(define-capability :function-types (function-arguments simple-fun-type type-specifier info-default underlying-function))

;;;; 8. The memory

(define-internal map-allocated-objects :function ("SB-VM" "MAP-ALLOCATED-OBJECTS"))
(define-internal instance-widetag :variable ("SB-VM" "INSTANCE-WIDETAG") ("SB-VM" "INSTANCE-HEADER-WIDETAG"))
(define-internal funcallable-instance-widetag
    :variable ("SB-VM" "FUNCALLABLE-INSTANCE-WIDETAG") ("SB-VM" "FUNCALLABLE-INSTANCE-HEADER-WIDETAG"))
(define-capability :instances (map-allocated-objects instance-widetag funcallable-instance-widetag))

(defun map-instances (receive)
  "Call RECEIVE with every instance in memory, garbage included. No garbage is collected meanwhile; RECEIVE may leave."
  (map-allocated-objects (lambda (object type size)
                           (declare (ignore size))
                           (when (or (eql type instance-widetag) (eql type funcallable-instance-widetag))
                             (funcall receive object)))
                         :all))
