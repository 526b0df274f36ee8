;;;; Brings the agent into an image. A spawned image loads this file; over Swank and Slynk its text is loaded from a
;;;; string, so nothing here may depend on files of the server's host but where an argument says so. It is loaded before
;;;; the agent and apart from it, and so looks up by name whatever is not exported by SBCL or its contribs.

(defpackage :hotlisp-boot
  (:use :common-lisp)
  (:documentation "Loads Hotlisp's agent into an image, from a cache of compiled files where it can.")
  (:export #:ensure-agent #:offer-agent #:loaded-digest #:start-spawned #:attach #:call))

(in-package :hotlisp-boot)

(defvar *lock* (sb-thread:make-mutex :name "hotlisp boot")
  "Held while the agent is loaded: two servers may attach at once.")

(defvar *digest* nil
  "The digest of the agent that this file belongs to; set by whoever loads this file from a string.")

(defun symbol-of (package name)
  "The symbol NAME of PACKAGE, a package or the name of one; NIL where there is none."
  (let ((package (find-package package)))
    (and package (values (find-symbol name package)))))

(defun value-of (package name)
  "The value of the variable NAME of PACKAGE; NIL where there is none."
  (let ((symbol (symbol-of package name)))
    (and symbol (boundp symbol) (symbol-value symbol))))

(defun agent-function (name)
  "The agent's function NAME. Signals an UNDEFINED-FUNCTION where the image has no agent, or one without it."
  (let ((symbol (symbol-of "HOTLISP" name)))
    (if (and symbol (fboundp symbol))
        (symbol-function symbol)
        (error 'undefined-function :name (or symbol name)))))

(defun loaded-digest ()
  "The digest of the agent in this image, where this file loaded it; else NIL."
  (value-of "HOTLISP" "*AGENT-DIGEST*"))

;;;; 1. The cache of compiled agents

(defun unix (name &rest arguments)
  "The values of the system call NAME as SBCL wraps it; NIL where this SBCL does not."
  (let ((function (symbol-of "SB-UNIX" (concatenate 'string "UNIX-" name))))
    (and function (fboundp function) (apply function arguments))))

(defun own-p (path type)
  "Whether PATH, a native namestring, belongs to this user and is, without following links, of the TYPE that its mode says."
  (multiple-value-bind (found device inode mode links uid) (unix "LSTAT" path)
    (declare (ignore device inode links))
    (and found (= (logand mode #o170000) type) (eql uid (unix "GETUID")) mode)))

(defun private-directory-p (path)
  (let ((mode (own-p path #o040000)))
    (and mode (zerop (logand mode #o077)))))

(defun own-file-p (path)
  (and (own-p path #o100000) t))

(defun make-directory (path)
  (unix "MKDIR" path #o700))

(defun cache-directory ()
  "The directory of compiled agents as a native namestring that ends in a slash; NIL when there is none that is safe."
  (flet ((absolute (value) (and value (string/= value "") (char= (char value 0) #\/) value)))
    (let* ((home (absolute (sb-ext:posix-getenv "HOME")))
           (base (or (absolute (sb-ext:posix-getenv "XDG_CACHE_HOME"))
                     (and home (concatenate 'string (string-right-trim "/" home) "/.cache")))))
      (when base
        (let ((directory (concatenate 'string (string-right-trim "/" base) "/hotlisp")))
          (make-directory base)
          (make-directory directory)
          (and (private-directory-p directory) (concatenate 'string directory "/")))))))

(defparameter *relevant-features*
  '(:sb-thread :sb-unicode :gencgc :mark-region-gc :sb-safepoint :immobile-space :immobile-code
    :compact-instance-header :linkage-space :permgen)
  "Features in which two builds of one version may differ such that they cannot load each other's compiled files.")

(defun platform ()
  "Names what a compiled file depends on, in characters that are safe in a file name."
  (let ((features (append *features* (value-of "SB-IMPL" "+INTERNAL-FEATURES+"))))
    (substitute-if-not #\_ (lambda (char) (or (and (alphanumericp char) (< (char-code char) 128)) (find char ".-+")))
                       (format nil "~a-~a-~a-~{~:[0~;1~]~}"
                               (lisp-implementation-version) (machine-type) (software-type)
                               (mapcar (lambda (feature) (member feature features)) *relevant-features*)))))

(defun cached-file (directory digest)
  (format nil "~aagent-~a-~a.fasl" directory (subseq digest 0 32) (platform)))

(defun native (path) (sb-ext:parse-native-namestring path))

(defun delete-quietly (path)
  (unix "UNLINK" path))

(defun remove-stale-files (directory)
  "Delete what nobody has written for long in the cache: other versions, and what those left that were ended while they compiled, which takes a minute."
  (loop for (name . days) in '(("agent-*.*" . 31) ("tmp-*.*" . 1))
        for then = (- (get-universal-time) (* days 24 60 60))
        do (dolist (file (directory (merge-pathnames name (native directory)) :resolve-symlinks nil))
             (let ((written (ignore-errors (file-write-date file))))
               (when (and written (< written then))
                 (delete-quietly (sb-ext:native-namestring file)))))))

;;;; 2. Compiling and loading

(defun call-with-standard-environment (function)
  "Call FUNCTION such that what the user has set or declaimed does not matter to the agent, nor the agent's loading to them."
  (with-standard-io-syntax
    (let ((*print-readably* nil)
          (*package* (find-package "COMMON-LISP-USER"))
          (*macroexpand-hook* #'funcall)
          (*load-verbose* nil) (*load-print* nil)
          (*compile-verbose* nil) (*compile-print* nil)
          (sb-ext:*evaluator-mode* :compile))
      (with-compilation-unit (:override t :policy '(optimize (speed 1) (space 1) (debug 1) (safety 1)))
        (funcall function)))))

(defun load-quietly (path)
  (handler-bind ((warning #'muffle-warning))
    (load (native path))))

(defun sum (path)
  "A text that tells the bytes of the file at PATH from those that a damaged disk makes of them."
  (with-open-file (stream (native path) :element-type '(unsigned-byte 8))
    (let ((octets (make-array (file-length stream) :element-type '(unsigned-byte 8))) (low 1) (high 0))
      (declare (type (unsigned-byte 32) low high) (type (simple-array (unsigned-byte 8) (*)) octets))
      (read-sequence octets stream)
      (loop for octet across octets
            do (setf low (mod (+ low octet) 65521)
                     high (mod (+ high low) 65521)))
      (format nil "~d ~d ~d" (length octets) low high))))

(defun sum-file (path)
  "Where the sum of the compiled agent at PATH is kept."
  (concatenate 'string path ".sum"))

(defun computed-sum (path)
  ;; This file may be interpreted, which is too slow for millions of octets.
  (unless (compiled-function-p #'sum) (handler-bind ((warning #'muffle-warning)) (compile 'sum)))
  (sum path))

(defun sound-p (path)
  "Whether the compiled agent at PATH is what was written there."
  (ignore-errors
   (and (own-file-p (sum-file path))
        (equal (computed-sum path)
               (with-open-file (stream (native (sum-file path))) (read-line stream))))))

(defun load-cached (path careful)
  "Load the compiled agent at PATH. True when that went well; whatever is wrong with the file, it is no longer there then. Loading a damaged one
may end the process: where that is not ours, CAREFUL, it is looked for damage first."
  (and (own-file-p path)
       (handler-case (progn
                       (when (and careful (not (sound-p path))) (error "It is damaged."))
                       (load-quietly path)
                       t)
         (error () (delete-quietly path) nil))))

(defun text-of (path)
  (with-open-file (stream (native path) :external-format :utf-8)
    (let ((text (make-string (file-length stream))))
      (subseq text 0 (read-sequence text stream)))))

(defun write-text (text path)
  (with-open-file (stream (native path) :direction :output :if-exists :supersede :external-format :utf-8)
    (write-string text stream)))

(defun parts-of (text)
  "The texts of the agent's files in TEXT, which holds them one after the other, a #\\Page between each two."
  (loop with start = 0
        for end = (position #\Page text :start start)
        collect (subseq text start end)
        while end do (setf start (1+ end))))

(defun append-file (source target)
  (with-open-file (from (native source) :element-type '(unsigned-byte 8))
    (with-open-file (to (native target) :element-type '(unsigned-byte 8) :direction :output :if-exists :append :if-does-not-exist :create)
      (let ((octets (make-array (file-length from) :element-type '(unsigned-byte 8))))
        (read-sequence octets from)
        (write-sequence octets to)))))

(defun compile-part (source target)
  "Compile the file SOURCE to the file TARGET, both native namestrings. Returns the texts of the warnings, style warnings aside, last first.
Signals a SIMPLE-ERROR when nothing was written."
  (let* ((warnings '())
         (messages (make-string-output-stream))
         (output (let ((*error-output* messages) (*standard-output* messages))
                   (handler-bind ((style-warning #'muffle-warning)
                                  (sb-ext:compiler-note #'muffle-warning)
                                  (warning (lambda (condition)
                                             (push (princ-to-string condition) warnings)
                                             (muffle-warning condition))))
                     (compile-file (native source) :output-file (native target) :external-format :utf-8)))))
    (unless output
      (error "The agent does not compile in this SBCL: ~a" (get-output-stream-string messages)))
    warnings))

(defun compile-and-load (text scratch target)
  "Compile and load the agent, TEXT, file by file, which takes a fifth of the heap and half of the time that all of it at once does. TARGET is
what was compiled, one after the other, as SBCL loads it, too; SCRATCH begins the names of files that are gone at the end; all are
native namestrings. Returns the texts of the warnings."
  (let ((source (concatenate 'string scratch ".part.lisp"))
        (compiled (concatenate 'string scratch ".part.fasl")))
    (unwind-protect
         (loop for part in (parts-of text)
               append (progn
                        (write-text part source)
                        (prog1 (reverse (compile-part source compiled))
                          (load-quietly compiled)
                          (append-file compiled target))))
      (delete-quietly source)
      (delete-quietly compiled))))

(defparameter *compiling-takes* 120000000
  "Bytes of the heap that compiling the agent takes, what the collector needs to copy included, and half as much again; SBCL ends when it has too little.")

(defun check-room ()
  "Signal a SIMPLE-ERROR where compiling the agent would exhaust this process's heap."
  (let ((usage (symbol-of "SB-KERNEL" "DYNAMIC-USAGE")))
    (flet ((left () (- (sb-ext:dynamic-space-size) (funcall usage))))
      (when (and usage (fboundp usage) (< (left) *compiling-takes*))
        (sb-ext:gc :full t)
        (when (< (left) *compiling-takes*)
          (error "Its heap has ~d MB left, and compiling the agent takes ~d MB. Start it with a larger --dynamic-space-size, or let any other image of the same SBCL on its host connect once: it leaves the compiled agent in ~a."
                 (floor (left) 1000000) (floor *compiling-takes* 1000000) (or (cache-directory) "the cache, which is missing")))))))

(defun random-name ()
  (format nil "~d-~36r" (unix "GETPID") (random (expt 36 10) (make-random-state t))))

(defun load-from-source (digest cache text)
  "Compile and load the agent, TEXT; keep the result in CACHE unless it is NIL. Returns a list of warnings."
  (let* ((name (random-name))
         (directory (or cache (format nil "/tmp/hotlisp-~a/" name)))
         (scratch (format nil "~atmp-~a" directory name))
         (compiled (concatenate 'string scratch ".fasl")))
    (unless (or cache (make-directory directory))
      (error "The directory ~a for compiling the agent cannot be made." directory))
    (unwind-protect
         (prog1 (compile-and-load text scratch compiled)
           (when cache
             (write-text (computed-sum compiled) (sum-file (cached-file cache digest)))
             (when (unix "RENAME" compiled (cached-file cache digest))
               (remove-stale-files cache))))
      (delete-quietly compiled)
      (unless cache
        (ignore-errors (sb-ext:delete-directory (native directory)))))))

;;;; An agent that is there already: of another version, or loaded by the program itself

(defvar *attached* '()
  "The sessions that are attached over Swank and Slynk.")

(defun agent-contract ()
  "The digest of the contract that the agent in this image speaks; NIL where there is no agent."
  (getf (value-of "HOTLISP" "*CONTRACT*") :digest))

(defun agent-users (except)
  "Who uses the agent in this image, as texts; the session EXCEPT does not count."
  (let ((server (value-of "HOTLISP" "**SERVER**")))
    (append (when server
              (list (format nil "it serves at unix:~a" (ignore-errors (funcall (agent-function "SERVER-PATH") server)))))
            (when (remove except *attached* :test #'equal)
              (list "another server is attached to this image")))))

(defun agent-there (contract session)
  "What is to become of the agent that is in this image but is not the one wanted: :USED as it is, where others use it and it speaks CONTRACT;
:RETIRED where nobody uses it. Signals a SIMPLE-ERROR where others use one that speaks another contract."
  ;; Who has gone is noticed a moment later.
  (loop repeat 40
        while (and (agent-users session) (not (equal contract (agent-contract))))
        do (sleep 1/20))
  (let ((users (agent-users session)))
    (cond ((null users) :retired)
          ((equal contract (agent-contract)) :used)
          (t (error "It has an agent of another version, which cannot be replaced while it is in use: ~{~a~^, and ~}. Let the program load the Hotlisp of this server's version~@[, or end that: ~a~]."
                    users (and (value-of "HOTLISP" "**SERVER**") "(hotlisp:stop-serving)"))))))

(defun inherit-from (older newer)
  "What the agent in the package NEWER takes over from the one in OLDER: which image this is. All else is made of structures that may have been others."
  (let ((from (symbol-of older "**IDENTITY**")) (to (symbol-of newer "**IDENTITY**")) (replaced (symbol-of newer "*AGENT-REPLACED*")))
    (when (and from to (boundp from)) (setf (symbol-value to) (symbol-value from)))
    (when replaced (setf (symbol-value replaced) t))))

(defun call-without-older-agent (function)
  "Call FUNCTION, which loads the agent and returns true once it has, in an image without another version of it: its constants and structures may
have been others, and its threads and data would not fit. The older one stays where FUNCTION does not succeed; else its exported names are
those of the new one from then on."
  (let ((older (find-package "HOTLISP")) (done nil))
    (flet ((away (package)
             (sb-ext:unlock-package package)
             (rename-package package (format nil "HOTLISP-BOOT-~a" (random-name)))))
      (when older
        (ignore-errors (funcall (agent-function "STOP-WORKERS")))
        (away older))
      (unwind-protect (setf done (funcall function))
        (let ((half (find-package "HOTLISP")))
          (cond ((null older))
                (done
                 (inherit-from older half)
                 (do-external-symbols (symbol older)
                   (let ((new (symbol-of half (symbol-name symbol))))
                     (when (and new (fboundp new)) (setf (symbol-function symbol) (symbol-function new)))))
                 ;; Where the program's packages use it, its names are all that they have.
                 (unless (package-used-by-list older) (delete-package older)))
                (t
                 (when half (away half) (delete-package half))
                 (rename-package older "HOTLISP")))))
      done)))

(defun ensure-agent (digest &key contract session source-file source)
  "See to it that the agent whose digest is DIGEST is in this image, over whatever other version is there, or that one is which others use and
which speaks CONTRACT, a digest. SESSION is the one that asks. SOURCE-FILE is a native namestring, SOURCE a text; both may be missing.
The answer is (:LOADED how warning*), where how is :ALREADY, :USED, :CACHED or :COMPILED, or (:SOURCE-NEEDED) when there is no compiled
agent and neither SOURCE-FILE nor SOURCE. Signals what compiling and loading signal, and a SIMPLE-ERROR where AGENT-THERE does."
  (sb-thread:with-recursive-lock (*lock*)
    (if (or (equal digest (loaded-digest))
            (and (agent-contract) (eq (agent-there contract session) :used)))
        (list :loaded (if (equal digest (loaded-digest)) :already :used))
        (let* ((directory (cache-directory))
               (how (call-with-standard-environment
                     (lambda ()
                       (call-without-older-agent
                        (lambda ()
                          (cond ((and directory (load-cached (cached-file directory digest) session)) (list :cached))
                                ((or source-file source)
                                 ;; A process of ours may end by that; others' may not.
                                 (when session (check-room))
                                 (cons :compiled (load-from-source digest directory (or source (text-of source-file))))))))))))
          (cond (how
                 (setf (symbol-value (intern "*AGENT-DIGEST*" "HOTLISP")) digest)
                 (cons :loaded how))
                (t (list :source-needed)))))))

(defun offer-agent (digest contract session &optional source)
  "As ENSURE-AGENT, for who calls from afar, once ATTACH was called: the answer is (:FAILED text) where that signals an error."
  (handler-case (let ((answer (ensure-agent digest :contract contract :session session :source source)))
                  (when (eq (first answer) :loaded) (ignore-errors (survive-peer)))
                  answer)
    (error (condition) (list :failed (princ-to-string condition)))))

;;;; 3. A spawned image

(defun start-spawned (&key digest source-file socket token)
  "Serve on SOCKET, a native namestring, as the child of the server that holds our standard input; never returns.
The line \"hotlisp-ready TOKEN\" on standard output says when the socket is there. An error before that ends the process,
because the command line disables the debugger; one after it ends only its thread."
  (dolist (warning (cddr (ensure-agent digest :source-file source-file)))
    (format *error-output* "~&Compiling the agent: ~a~%" warning))
  (setf sb-ext:*invoke-debugger-hook* (agent-function "REPORT-AND-ABORT"))
  (funcall (agent-function "SERVE") :path socket)
  (format sb-sys:*stdout* "~&hotlisp-ready ~a~%" token)
  (finish-output sb-sys:*stdout*)
  (funcall (agent-function "LIVE-WITH-PARENT")))

;;;; 4. Over Swank and Slynk

(defun server-package-name ()
  "\"SLYNK\" or \"SWANK\": which of the two this thread works for; NIL elsewhere."
  (find-if (lambda (name) (value-of name "*EMACS-CONNECTION*")) '("SLYNK" "SWANK")))

(defun send-without-delay (stream)
  "Set TCP_NODELAY on the socket under STREAM. By the descriptor: a socket object made around it would close it when collected."
  (let ((descriptor (sb-sys:fd-stream-fd stream)))
    (sb-alien:with-alien ((on sb-alien:int 1))
      (sb-alien:alien-funcall
       (sb-alien:extern-alien "setsockopt" (function sb-alien:int sb-alien:int sb-alien:int sb-alien:int
                                                     (* sb-alien:int) sb-alien:int))
       descriptor 6 1 (sb-alien:addr on) 4))))

(defun change-atomically (variable function)
  "Set the global value of VARIABLE, a symbol, to what FUNCTION makes of it."
  (loop for old = (symbol-value variable)
        until (eq old (sb-ext:compare-and-swap (symbol-value variable) old (funcall function old)))))

(defun step-back (server connection)
  "Take CONNECTION out of SERVER's list, whose first one is where the debugger of the user's own threads appears.
Closing works the same without it there."
  (let ((connections (symbol-of server "*CONNECTIONS*")))
    (when connections
      ;; Another thread of the server adds it, soon after it was accepted.
      (loop repeat 200
            until (member connection (symbol-value connections))
            do (sleep 1/200))
      (change-atomically connections (lambda (all) (remove connection all))))))

(defun compile-what-calls-need ()
  "This file is loaded interpreted, which is the faster way to run most of it once; but calls are many, and the interpreter knows no aliens."
  (sb-thread:with-recursive-lock (*lock*)
    (dolist (name '(send-without-delay symbol-of value-of agent-function server-package-name fits-packet-p event-sender call))
      (unless (compiled-function-p (symbol-function name))
        (handler-bind ((warning #'muffle-warning))
          (compile name))))))

(defun end-session-with (connection server session)
  "Have what SESSION still runs unwound once CONNECTION is closed, however that comes: a killed server leaves no loop behind."
  (let ((hooks (symbol-of server "*CONNECTION-CLOSED-HOOK*")))
    (when (and hooks (boundp hooks))
      (labels ((closed (which)
                 (when (eq which connection)
                   (change-atomically hooks (lambda (functions) (remove #'closed functions)))
                   (change-atomically '*attached* (lambda (all) (remove session all :test #'equal)))
                   (ignore-errors
                    (funcall (agent-function "CANCEL-SESSION") (funcall (agent-function "SESSION-NAMED") session))))))
        (change-atomically '*attached* (lambda (all) (cons session all)))
        (change-atomically hooks (lambda (functions) (cons #'closed functions)))))))

(defun threaded-p (server connection)
  "Whether SERVER gives each request on CONNECTION a thread of its own."
  (let ((type (symbol-of server "MULTITHREADED-CONNECTION")))
    (and type (find-class type nil) (typep connection type))))

(defun survive-peer ()
  "Have this thread's connection outlive its peer quietly. Its server would flush what it could not send when it closes the connection: an error
in the thread that ends the connections of all, which would stop there and show its debugger in the user's editor."
  (let* ((server (server-package-name))
         (connection (and server (value-of server "*EMACS-CONNECTION*")))
         (slot (symbol-of server "SOCKET-IO")))
    ;; The other kinds of connections look at the stream's descriptor.
    (when (and slot (threaded-p server connection) (typep (slot-value connection slot) 'sb-sys:fd-stream))
      (funcall #'(setf slot-value) (funcall (agent-function "FORGIVING-OUTPUT") (slot-value connection slot)) connection slot))))

(defun attach (session)
  "Called once on a new connection, whose requests will be those of SESSION: make it one that does not get in the way of the user's own.
Returns true when a request does not have to wait for the one before it."
  (let* ((server (server-package-name))
         (connection (and server (value-of server "*EMACS-CONNECTION*"))))
    (when server
      (compile-what-calls-need)
      (step-back server connection)
      (end-session-with connection server session)
      (let ((reader (or (symbol-of server "CONNECTION.SOCKET-IO") (symbol-of server "CONNECTION-SOCKET-IO"))))
        (when (and reader (fboundp reader))
          (ignore-errors (send-without-delay (funcall reader connection)))))
      (threaded-p server connection))))

(defconstant +packet-bytes+ 16000000
  "A little less than the UTF-8 bytes that a packet's header of six hex digits can count.")

(defun fits-packet-p (text)
  (or (< (length text) (floor +packet-bytes+ 4))
      (< (loop for char across text
               for code = (char-code char)
               sum (cond ((or (char= char #\") (char= char #\\)) 2) ((< code #x80) 1) ((< code #x800) 2)
                         ((< code #x10000) 3) (t 4)))
         +packet-bytes+)))

(defun event-sender (server connection)
  "A function of an event's text that sends it to CONNECTION from any thread; one that does not fit a packet is dropped."
  (let ((current (symbol-of server "*EMACS-CONNECTION*"))
        (counter (symbol-of server "*SEND-COUNTER*"))
        (send (symbol-function (symbol-of server "SEND-TO-EMACS"))))
    (lambda (text)
      (when (fits-packet-p text)
        (let ((event (list :write-string text :hotlisp)))
          (if (eq (symbol-value current) connection)
              (funcall send event)
              (progv (list current counter) (list connection 0)
                (funcall send event))))))))

(defun call (text)
  "Have the agent answer one message that came over Swank or Slynk. The answer is its reply's text, or (:TOO-LARGE characters)."
  (let* ((server (server-package-name))
         (counter (symbol-of server "*SEND-COUNTER*"))
         (reply (funcall (agent-function "RECEIVE") text
                         (event-sender server (value-of server "*EMACS-CONNECTION*")))))
    ;; After many messages SERVER waits for a sign of the peer. Nothing wakes a thread that waits for one after its reply, should the peer be gone.
    (when (and counter (boundp counter)) (set counter 0))
    (if (fits-packet-p reply) reply (list :too-large (length reply)))))
