;;;; Requests that come through another server in the image, which has the threads and the connection: Swank and Slynk.

(in-package :hotlisp)

(sb-ext:defglobal **sessions** (make-hash-table :test #'equal))
(sb-ext:defglobal **sessions-lock** (sb-thread:make-mutex :name "hotlisp sessions"))
(defparameter *session-limit* 64 "How many sessions are remembered; beyond that, those without a request under way are forgotten.")

(defun session-named (name)
  (sb-thread:with-mutex (**sessions-lock**)
    (or (gethash name **sessions**)
        (progn
          (when (>= (hash-table-count **sessions**) *session-limit*)
            (loop for key being the hash-keys of **sessions** using (hash-value session)
                  unless (session-running session) do (remhash key **sessions**)))
          (setf (gethash name **sessions**) (make-session))))))

(defun receive (text send)
  "Perform the request that TEXT, one JSON message, holds, in this thread, and return the text of its reply. SEND is called with the text of
each event. The message's \"session\" names the client: requests are cancelled, and the REPL's variables kept, within a session.
Signals nothing and never enters a debugger; may be unwound past, and then the request counts as ended."
  (let ((name (message-session text)))
    (handle-message text (session-named name) (lambda (event) (ignore-errors (funcall send event))) :synchronous t)))

(defun message-session (text)
  (handler-case (let* ((message (parse-json text))
                       (name (and (json-object-p message) (json-get message "session"))))
                  (if (stringp name) name ""))
    (json-error () "")))

;;;; What is written to a peer that is gone

(defclass forgiving-output (sb-gray:fundamental-binary-output-stream)
  ((target :initarg :target :reader target)
   (lost :initform nil :accessor lost-p))
  (:documentation "Writes to the socket's stream TARGET until that fails, and to nothing from then on; closing it flushes nothing.
That the peer is gone is known from reading."))

(defun forgiving-output (target)
  (make-instance 'forgiving-output :target target))

(defmacro unless-lost ((stream) &body body)
  `(unless (lost-p ,stream)
     (handler-case (progn ,@body)
       (stream-error () (setf (lost-p ,stream) t)))))

(defmethod sb-gray:stream-write-byte ((stream forgiving-output) byte)
  (unless-lost (stream) (write-byte byte (target stream)))
  byte)

(defmethod sb-gray:stream-write-sequence ((stream forgiving-output) sequence &optional (start 0) end)
  (unless-lost (stream) (write-sequence sequence (target stream) :start start :end end))
  sequence)

(defmethod sb-gray:stream-finish-output ((stream forgiving-output))
  (unless-lost (stream) (finish-output (target stream)))
  nil)

(defmethod sb-gray:stream-force-output ((stream forgiving-output))
  (unless-lost (stream) (force-output (target stream)))
  nil)

(defmethod close ((stream forgiving-output) &key abort)
  (declare (ignore abort))
  (close (target stream) :abort t)
  (call-next-method))
