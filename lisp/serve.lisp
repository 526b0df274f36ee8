;;;; Serving on a Unix-domain socket: a file that only the user can reach, NDJSON, a thread for each connection's messages.

(in-package :hotlisp)

(defparameter *line-limit* (* 64 1024 1024) "Bytes of the longest message that is accepted.")
(defparameter *write-seconds* 10 "How long a client may leave a full socket buffer unread before its connection is ended.")

;;;; The run directory

(defun environment (name)
  (let ((value (sb-ext:posix-getenv name)))
    (and value (plusp (length value)) (char= (char value 0) #\/) (string-right-trim "/" value))))

(defun run-directory ()
  "The directory of the user's sockets, without a slash at its end; made when it is not there. Signals an error when it is not the user's alone."
  (let ((directory (cond ((environment "XDG_RUNTIME_DIR")
                          (concatenate 'string (environment "XDG_RUNTIME_DIR") "/hotlisp"))
                         ((and (member :darwin *features*) (environment "TMPDIR"))
                          (concatenate 'string (environment "TMPDIR") "/hotlisp"))
                         (t (format nil "/tmp/hotlisp-~d" (unix-getuid))))))
    (unless (file-status directory)
      (unix-mkdir directory #o700))
    (check-private-directory directory)
    directory))

(defun check-private-directory (directory)
  (multiple-value-bind (mode owner) (file-status directory)
    (flet ((refuse (problem remedy)
             (error "Hotlisp does not put its socket into ~a: it ~a. ~a" directory problem remedy)))
      (cond ((null mode)
             (refuse "does not exist and cannot be made" "Make it, or have XDG_RUNTIME_DIR or :path name a directory of your own."))
            ((/= (logand mode #o170000) #o040000)
             (refuse (if (= (logand mode #o170000) #o120000) "is a symbolic link" "is not a directory")
                     "Have XDG_RUNTIME_DIR or :path name a directory of your own."))
            ((/= owner (unix-getuid))
             (refuse (format nil "belongs to user ~d" owner) "Have XDG_RUNTIME_DIR or :path name a directory of your own."))
            ((/= (logand mode #o777) #o700)
             (refuse (format nil "has mode ~3,'0o, and others must not reach it" (logand mode #o777))
                     (format nil "Run: chmod 700 ~a" directory)))))))

(defun remove-stale-sockets (directory)
  "Delete the sockets in DIRECTORY whose process is gone; their names start with its number."
  (dolist (file (ignore-errors (directory (concatenate 'string (escape-wild directory) "/*.sock") :resolve-symlinks nil)))
    (let* ((path (sb-ext:native-namestring file))
           (pid (ignore-errors (parse-integer path :start (1+ (position #\/ path :from-end t)) :end (position #\- path :from-end t)))))
      (when (and pid (plusp pid) (not (process-alive-p pid)))
        (unix-unlink path)))))

(defun escape-wild (namestring)
  "NAMESTRING with what SBCL's pathname syntax takes for wild cards escaped."
  (with-output-to-string (stream)
    (loop for character across namestring
          do (when (find character "*?[\\") (write-char #\\ stream))
             (write-char character stream))))

;;;; Connections

(defstruct (connection (:copier nil) (:predicate nil))
  (fd 0 :read-only t)
  (lock (sb-thread:make-mutex :name "hotlisp connection") :read-only t)
  (open t)
  (session nil)
  (thread nil))

(defstruct (server (:copier nil) (:predicate nil))
  (fd 0 :read-only t)
  (path "" :read-only t)
  (pid 0 :read-only t)
  (read-only nil :read-only t)
  (open t)
  (thread nil)
  (lock (sb-thread:make-mutex :name "hotlisp server") :read-only t)
  (connections '()))

(sb-ext:defglobal **serve-lock** (sb-thread:make-mutex :name "hotlisp serve"))

(defun send-message (connection text)
  "Write TEXT as one line, in one piece. A client that is gone, or does not read for *WRITE-SECONDS*, is disconnected; nobody else is held up or told.
Interrupts are off meanwhile: half a line would spoil the connection."
  (let ((octets (sb-ext:string-to-octets (concatenate 'string text (string #\Newline)) :external-format :utf-8)))
    (without-interrupts
      (sb-thread:with-mutex ((connection-lock connection))
        (when (connection-open connection)
          (unless (send-all (connection-fd connection) octets)
            (disconnect connection)))))
    nil))

(defun send-all (fd octets)
  "Whether all of OCTETS were taken."
  (loop with end = (length octets)
        with start = 0
        while (< start end)
        do (let ((sent (send-octets fd octets start end)))
             (cond ((null sent) (return nil))
                   ((plusp sent) (incf start sent))
                   ((not (writable-p fd (* 1000 *write-seconds*))) (return nil))))
        finally (return t)))

(defun disconnect (connection)
  "Let CONNECTION's reader meet the end of its input. The descriptor is closed by that thread alone."
  (setf (connection-open connection) nil)
  (shut-down (connection-fd connection)))

(defun read-messages (connection function)
  "Call FUNCTION with the text of each line that comes, until the connection ends or a line is too long."
  (let ((buffer (make-array 65536 :element-type '(unsigned-byte 8))) (start 0) (scanned 0) (end 0))
    (declare (type (simple-array (unsigned-byte 8) (*)) buffer) (type fixnum start scanned end))
    (loop
      (let ((newline (position 10 buffer :start scanned :end end)))
        (cond (newline
               (let ((line (sb-ext:octets-to-string buffer :start start :end newline
                                                           :external-format '(:utf-8 :replacement #\ufffd))))
                 (setf start (1+ newline) scanned start)
                 (unless (every (lambda (character) (member character '(#\Space #\Tab #\Return))) line)
                   (funcall function line))))
              (t
               (setf scanned end)
               (cond ((= start end)
                      (setf start 0 scanned 0 end 0)
                      ;; Do not keep the buffer of a large message that has gone.
                      (when (> (length buffer) 65536)
                        (setf buffer (make-array 65536 :element-type '(unsigned-byte 8)))))
                     ((= end (length buffer))
                      (let ((size (- end start)))
                        (when (> size *line-limit*)
                          (send-message connection
                                        (encode-error nil :invalid-request
                                                      (format nil "A message has more than ~d bytes; the connection is closed." *line-limit*)))
                          (return))
                        (let ((larger (if (> size (floor (length buffer) 2))
                                          (make-array (* 2 (length buffer)) :element-type '(unsigned-byte 8))
                                          buffer)))
                          (replace larger buffer :start2 start :end2 end)
                          (setf buffer larger start 0 scanned size end size)))))
               (let ((count (receive-octets (connection-fd connection) buffer end)))
                 (when (zerop count) (return))
                 (incf end count))))))))

(defun serve-connection (server connection)
  (let* ((send (lambda (text) (send-message connection text)))
         (session (make-session :read-only (server-read-only server))))
    (setf (connection-session connection) session)
    (unwind-protect
         (read-messages connection (lambda (text) (handle-message text session send)))
      (without-interrupts
        (sb-thread:with-mutex ((connection-lock connection))
          (setf (connection-open connection) nil)
          (unix-close (connection-fd connection)))
        (sb-thread:with-mutex ((server-lock server))
          (setf (server-connections server) (remove connection (server-connections server)))))
      (cancel-session session))))

(defun accept-connections (server)
  (loop
    (let ((fd (accept-from (server-fd server))))
      (when (null fd) (return))
      (let ((connection (make-connection :fd fd)))
        (sb-thread:with-mutex ((server-lock server))
          (cond ((server-open server)
                 (push connection (server-connections server))
                 (setf (connection-thread connection)
                       (make-agent-thread "hotlisp connection" :serving (lambda () (serve-connection server connection)))))
                (t (unix-close fd) (return))))))))

;;;; Starting and stopping

(defun serve (&key path read-only)
  "Let Hotlisp reach this image through a Unix-domain socket, mode 0600, and return its native namestring. Prints nothing. When the image
serves already, that socket's name is returned and the arguments do not count.

PATH is where the socket is to be made, a native namestring; a socket of the user's there that nobody listens on any more makes way. Without it, a new name in the user's run directory, which has to be the user's alone:
$XDG_RUNTIME_DIR/hotlisp/, else /tmp/hotlisp-UID/ ($TMPDIR/hotlisp/ on macOS). READ-ONLY: the agent refuses whatever may change the image, evaluation too.
Signals an error when that directory, or the one in which a socket makes way, is not private, something else is at PATH or the socket cannot be made."
  (unless (capability :sockets)
    (error "This SBCL cannot serve: ~{~a~^; ~}" (missing-capabilities)))
  (sb-thread:with-mutex (**serve-lock**)
    (when (and **server** (/= (server-pid **server**) (unix-getpid)))
      (setf **server** nil)) ; a forked child: the parent's socket is not ours
    (unless **server**
      (let* ((path (or path (new-socket-path)))
             (server (make-server :fd (open-socket path) :path path :pid (unix-getpid) :read-only read-only)))
        (setf (server-thread server) (make-agent-thread "hotlisp accept" :serving (lambda () (accept-connections server)))
              **server** server)
        (pushnew 'remove-socket sb-ext:*exit-hooks*)
        (pushnew 'stop-serving sb-ext:*save-hooks*)))
    (server-path **server**)))

(defun new-socket-path ()
  (let ((directory (run-directory)))
    (remove-stale-sockets directory)
    (format nil "~a/~d-~a.sock" directory (unix-getpid) (random-hex 4))))

(defun open-socket (path)
  "The descriptor of a listening socket at PATH."
  ;; A program that starts at the same time must not take for a leftover the socket that is not listened on yet.
  (call-with-locked-directory (directory-of path)
                              (lambda ()
                                (make-way path)
                                (listen-at path))))

(defun directory-of (path)
  (let ((slash (position #\/ path :from-end t)))
    (cond ((null slash) ".")
          ((zerop slash) "/")
          (t (subseq path 0 slash)))))

(defun make-way (path)
  "Delete what a program that was killed left at PATH. Signals an error when something else is there."
  (multiple-value-bind (mode owner) (file-status path)
    (when mode
      (flet ((refuse (what remedy)
               (error "Hotlisp does not serve at ~a: ~a. ~a, or choose another :path." path what remedy)))
        (unless (= (logand mode #o170000) #o140000)
          (refuse (if (= (logand mode #o170000) #o120000) "it is a symbolic link" "it is there and is no socket") "Move it away"))
        (unless (= owner (unix-getuid))
          (refuse (format nil "the socket there belongs to user ~d" owner) "Have it removed"))
        (check-private-directory (directory-of path))
        (let ((listener (socket-listener path)))
          (when listener
            (refuse (format nil "~:[a program~;process ~:*~d~] is serving there" (and (integerp listener) listener))
                    "End it (stop-serving, in a Lisp image)")))
        (unix-unlink path)))))

(defun remove-socket ()
  "Remove the socket's file, as the image ends."
  (let ((server **server**))
    (when (and server (= (server-pid server) (unix-getpid)))
      (unix-unlink (server-path server)))))

(defun stop-serving ()
  "End all connections, remove the socket and wait until the agent's threads have ended, so that the image can be saved. What
clients have under way is cancelled. Returns true when the image was serving. May be called from any thread, a request's own too."
  (seal-request)
  (sb-thread:with-mutex (**serve-lock**)
    (let ((server (shiftf **server** nil)))
      (when server
        (remove-server server))
      (stop-workers)
      (and server t))))

(defun remove-server (server)
  (unix-unlink (server-path server))
  (let ((connections (sb-thread:with-mutex ((server-lock server))
                       (setf (server-open server) nil)
                       (copy-list (server-connections server)))))
    (shut-down (server-fd server))
    (end-thread (server-thread server))
    (unix-close (server-fd server))
    (dolist (connection connections)
      (sb-thread:with-mutex ((connection-lock connection))
        (when (connection-open connection) (disconnect connection))))
    (dolist (connection connections)
      (end-thread (connection-thread connection)))))

(defun end-thread (thread)
  "Wait for THREAD, which has been told to end; after two seconds terminate it."
  (when (and thread (not (eq thread sb-thread:*current-thread*)))
    (when (eq :alive (sb-thread:join-thread thread :default :alive :timeout 2))
      (ignore-errors (sb-thread:terminate-thread thread))
      (sb-thread:join-thread thread :default nil :timeout 2))))

(defun report-unhandled (condition thread-name backtrace)
  (let ((*print-readably* nil))
    (format *error-output* "~&Unhandled ~a in thread ~s: ~a~%" (type-name condition) thread-name (condition-text condition))
    (when backtrace (sb-debug:print-backtrace :stream *error-output* :count 30))
    (finish-output *error-output*)))

(defun report-and-abort (condition hook)
  "Stands in for the debugger of a spawned image, where nobody could answer it: report CONDITION and end its thread alone."
  (declare (ignore hook))
  (let ((name (sb-thread:thread-name sb-thread:*current-thread*)))
    (if (typep condition 'storage-condition)
        ;; Of a stack that is exhausted little is left, and SBCL dies of a second time.
        (run-in-worker (lambda () (ignore-errors (report-unhandled condition name nil))))
        (ignore-errors (report-unhandled condition name t))))
  (if (eq sb-thread:*current-thread* (sb-thread:main-thread))
      (sb-ext:exit :code 1 :abort t)
      (sb-thread:abort-thread)))

(defun live-with-parent ()
  "For an image that another program started: read standard input until it ends, which it does when that program does, and end this process at once."
  (become-agent-thread :serving)
  (let ((octets (make-array 4096 :element-type '(unsigned-byte 8))))
    (loop until (zerop (receive-octets 0 octets 0))))
  (remove-socket)
  (sb-ext:exit :code 0 :abort t))
