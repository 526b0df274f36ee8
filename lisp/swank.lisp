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
