;;;; From a message to its reply, whatever carries the two: a thread for each request, exactly one reply, and cancelling.

(in-package :hotlisp)

;;;; Sessions

(defun add-request (request)
  "Note that REQUEST is under way; NIL when its session has another one of that id."
  (let ((session (request-session request)))
    (sb-thread:with-mutex ((session-lock session))
      (unless (gethash (request-id request) (session-requests session))
        (setf (gethash (request-id request) (session-requests session)) request)))))

(defun remove-request (request)
  (let ((session (request-session request)))
    (sb-thread:with-mutex ((session-lock session))
      (remhash (request-id request) (session-requests session)))))

(defun find-request (session id)
  (sb-thread:with-mutex ((session-lock session))
    (values (gethash id (session-requests session)))))

(defun session-running (session)
  "The requests of SESSION that are under way."
  (sb-thread:with-mutex ((session-lock session))
    (loop for request being the hash-values of (session-requests session) collect request)))

;;;; The boundary between a request and everything else

(defun call-with-request-boundary (request function)
  "Call FUNCTION as the work of REQUEST and return its outcome: (:OK value), (:ERROR wire-error), (:SIGNALLED condition-data), (:CANCELLED) or
(:ABORTED). Conditions do not leave it, and a debugger is never entered. When something unwinds past this, SETTLE-REQUEST has to be called by a cleanup form."
  ;; Interrupts are off but for FUNCTION itself, so that a cancellation unwinds to the CATCH while there is one, or not at all.
  (without-interrupts
    (let ((outcome
            (catch request
              (with-local-interrupts
                (let ((*request* request)
                      (sb-ext:*invoke-debugger-hook* (lambda (condition hook)
                                                       (declare (ignore hook))
                                                       (throw request (condition-outcome condition request)))))
                  ;; Whoever cancels sets the state, then reads the thread; this one has set the thread, and now reads the state.
                  (sb-thread:barrier (:memory))
                  (unwind-if-cancelled request)
                  (restart-case
                      (let ((value (funcall function)))
                        (list :ok value))
                    (abort ()
                      :report "Abandon the request to Hotlisp."
                      (list :aborted))))))))
      (setf (request-state request) :finished)
      outcome)))

(defun condition-outcome (condition request)
  (let ((sb-ext:*invoke-debugger-hook*
          (lambda (second hook)
            (declare (ignore hook))
            (throw request (list :signalled (list :type (type-name condition) :backtrace '()
                                                  :text (format nil "(describing it signalled ~a)" (type-name second))))))))
    (if (typep condition 'wire-error)
        (list :error condition)
        (list :signalled (condition-data condition)))))

(defun outcome-reply (request outcome)
  "The text of the reply to REQUEST. Never signals."
  (let ((id (request-id request)) (last-words (request-last-words request)))
    (when (and (member (first outcome) '(:cancelled :aborted)) (eq (getf last-words :status) :partial))
      (setf outcome '(:ended)))
    (ecase (first outcome)
      (:ok (second outcome))
      (:error (let ((condition (second outcome)))
                (encode-error id (wire-error-kind condition) (wire-error-message condition)
                              :form (wire-error-form condition)
                              :condition (wire-error-condition-data condition))))
      (:signalled (let ((data (second outcome)))
                    (encode-error id :signalled (format nil "The agent met an unexpected condition, ~a: ~a" (getf data :type) (getf data :text))
                                  :condition data)))
      (:cancelled (encode-error id :cancelled (format nil "The request was cancelled.~:[~; Nothing has changed.~]"
                                                       (transactional-p (request-operation request)))))
      (:aborted (encode-error id :cancelled "The request was abandoned through its ABORT restart."))
      (:ended (if last-words
                  (encode-ok id (request-operation request) last-words)
                  (encode-error id :signalled "The thread of this request was ended before it had a result, by EXIT or by terminating the thread."))))))

(defun transactional-p (operation)
  "Whether what OPERATION has done is undone when it does not come to its end."
  (let ((contract (contract-operation operation)))
    (and (getf contract :writes) (assoc :transaction (getf contract :arguments) :test #'string=))))

(defun perform-request (request arguments deliver)
  "Run REQUEST's handler in this thread and call DELIVER with the text of its reply, once, whatever happens."
  (let ((outcome '(:ended)))
    (setf (request-thread request) sb-thread:*current-thread*)
    (unwind-protect
         (setf outcome (call-with-request-boundary
                        request
                        (lambda ()
                          (encode-ok (request-id request) (request-operation request)
                                     (funcall (gethash (request-operation request) *handlers*) arguments)))))
      ;; Whose thread it is does not matter: Swank's are of the user's program.
      (reprotect-stack)
      (setf (request-state request) :finished)
      (remove-request request)
      (ignore-errors (tell-features request))
      ;; After an EXIT the loss of the image is the answer.
      (unless (and (equal outcome '(:ended)) (null (request-last-words request)) (image-exiting-p))
        (funcall deliver (outcome-reply request outcome))))))

;;;; Cancelling

(defun cancel-request (request)
  "Unwind REQUEST where it is. It is thrown to its boundary: a signalled condition would be swallowed by the handlers of the user's code.
Once it is sealed or finished this does nothing. Does not wait."
  (sb-ext:compare-and-swap (request-state request) :running :cancelling)
  (when (eq (request-state request) :cancelling)
    (let ((thread (request-thread request)))
      (when thread
        (handler-case
            (sb-thread:interrupt-thread thread (lambda () (unwind-if-cancelled request)))
          (sb-thread:interrupt-thread-error () nil))))))

(defun unwind-if-cancelled (request)
  (when (and (eq *request* request) (being-cancelled-p))
    (throw request '(:cancelled))))

(defun cancel-session (session)
  "Cancel all that SESSION has under way: nobody is left who would read the replies."
  (mapc #'cancel-request (session-running session)))

;;;; Threads that wait for the next request: starting one takes longer than most requests

(defstruct (worker (:copier nil) (:predicate nil))
  thread
  (job nil)
  (wake (sb-thread:make-semaphore) :read-only t))

(sb-ext:defglobal **server** nil)
(sb-ext:defglobal **workers-lock** (sb-thread:make-mutex :name "hotlisp workers"))
(sb-ext:defglobal **workers** '())
(sb-ext:defglobal **idle-workers** '())

(defparameter *idle-seconds* 60 "How long a thread waits for its next request.")

(defun run-in-worker (job)
  "Call JOB, a function without arguments, in a thread of its own."
  (let ((worker (sb-thread:with-mutex (**workers-lock**) (pop **idle-workers**))))
    (cond (worker
           (setf (worker-job worker) job)
           (sb-thread:signal-semaphore (worker-wake worker)))
          (t
           (setf worker (make-worker :job job))
           (sb-thread:with-mutex (**workers-lock**)
             (push worker **workers**)
             (setf (worker-thread worker) (make-agent-thread "hotlisp request" :working (lambda () (work worker)))))))
    nil))

(defun work (worker)
  (unwind-protect
       (loop
         (funcall (shiftf (worker-job worker) nil))
         (become-agent-thread :serving)
         (unless (and (sb-thread:with-mutex (**workers-lock**)
                        (when **server** (push worker **idle-workers**)))
                      (or (sb-thread:wait-on-semaphore (worker-wake worker) :timeout *idle-seconds*)
                          (wanted-after-all-p worker))
                      (worker-job worker))
           (return))
         (become-agent-thread :working))
    (sb-thread:with-mutex (**workers-lock**)
      (setf **workers** (remove worker **workers**)))))

(defun wanted-after-all-p (worker)
  "Whether WORKER, whose patience has ended, was given a job at the last moment; takes it out of the idle ones otherwise."
  (unless (sb-thread:with-mutex (**workers-lock**)
            (prog1 (find worker **idle-workers**)
              (setf **idle-workers** (remove worker **idle-workers**))))
    (sb-thread:wait-on-semaphore (worker-wake worker))))

(defun stop-workers ()
  "Have all threads for requests end, and wait for them, but for this one and those that do not end within two seconds."
  (multiple-value-bind (idle all)
      (sb-thread:with-mutex (**workers-lock**) (values (shiftf **idle-workers** '()) (copy-list **workers**)))
    (dolist (worker idle)
      (sb-thread:signal-semaphore (worker-wake worker)))
    (dolist (worker all)
      (unless (eq (worker-thread worker) sb-thread:*current-thread*)
        (sb-thread:join-thread (worker-thread worker) :default nil :timeout 2)))))

;;;; Work that may take too long

(defun call-within (seconds function)
  "The values of FUNCTION, which is called in this thread; NIL when it takes longer than SECONDS. It is then unwound: a signalled condition
would be swallowed by the handlers of the user's code."
  (let ((state (list :running))
        (done (sb-thread:make-semaphore))
        (caller sb-thread:*current-thread*))
    (without-interrupts
      (catch state
        (unwind-protect
             (progn
               (run-in-worker
                (lambda ()
                  (unless (sb-thread:wait-on-semaphore done :timeout seconds)
                    (handler-case
                        (sb-thread:interrupt-thread caller (lambda ()
                                                             (when (eq (car state) :running)
                                                               (throw state nil))))
                      (sb-thread:interrupt-thread-error () nil)))))
               (with-local-interrupts (funcall function)))
          (setf (car state) :over)
          (sb-thread:signal-semaphore done))))))

;;;; Dispatch

(defparameter *inline-operations* '(:hello :cancel :restart)
  "Performed by the thread that reads the messages: they are quick, and cancelling must not wait for anything.")

(defun handle-message (text session send &key synchronous)
  "Perform the request that TEXT, one JSON message, holds. SEND is called with the text of every event and, unless SYNCHRONOUS, of the
reply, from whatever thread. With SYNCHRONOUS the work is done in this thread and the reply's text returned."
  (let ((id nil) (reply nil) (request nil) (arguments nil))
    (handler-case
        (multiple-value-setq (request arguments) (read-request text session send (lambda (value) (setf id value))))
      (json-error (condition)
        (setf reply (encode-error nil :invalid-request (princ-to-string condition))))
      (wire-error (condition)
        (setf reply (encode-error id (wire-error-kind condition) (wire-error-message condition)))))
    (cond ((null request)
           (if synchronous reply (funcall send reply)))
          (synchronous
           (perform-request request arguments (lambda (text) (setf reply text)))
           reply)
          ((member (request-operation request) *inline-operations*)
           (perform-request request arguments send))
          (t
           (run-in-worker (lambda () (perform-request request arguments send)))))))

(defun read-request (text session send note-id)
  "The REQUEST that TEXT holds, entered in SESSION, and its decoded arguments. NOTE-ID is called with its id as soon as that is known."
  (let ((message (parse-json text)))
    (unless (json-object-p message)
      (wire-error :invalid-request "A message is a JSON object, not ~a." (json-kind message)))
    (let ((id (json-get message "id")))
      (unless (typep id '(integer 0))
        (wire-error :invalid-request "id: an integer from 0 expected~@[, not ~a~]." (cond ((integerp id) id) (id (json-kind id)))))
      (funcall note-id id)
      (loop for (key) in (rest message)
            unless (member key '("id" "op" "args" "session") :test #'string=)
              do (wire-error :invalid-request "~a: a request has no such key; it has id, op and args." key))
      (let* ((operation (operation-named (json-get message "op")))
             (contract (contract-operation operation))
             (arguments (decode-members (getf contract :arguments)
                                        (let ((value (json-get message "args" '(:object))))
                                          (if (json-object-p value)
                                              value
                                              (wire-error :invalid-request "args: an object expected, not ~a." (json-kind value))))
                                        '("args")))
             (request (make-request :id id :operation operation :session session :send send)))
        (when (and (getf contract :writes) (session-read-only session))
          (wire-error :read-only "This image is served read-only: the agent refuses ~(~a~), as everything that may change the image." operation))
        (unless (add-request request)
          (wire-error :invalid-request "id: a request ~d is still under way." id))
        (values request arguments)))))

(defun operation-named (name)
  (let ((entry (and (stringp name)
                    (find name (getf *contract* :operations) :key #'car :test #'string-equal))))
    (cond ((null entry)
           (wire-error :invalid-request "op: ~:[a string expected~;~:*no operation is called ~s~]; there are~{ ~(~a~)~^,~}."
                       (and (stringp name) name) (mapcar #'car (getf *contract* :operations))))
          ((gethash (car entry) *handlers*) (car entry))
          (t (wire-error :invalid-request "op: this agent does not perform ~a." name)))))

;;;; Features, which decide what a client takes for code

(defun feature-names (features)
  "The contract's names of FEATURES."
  (loop for feature in features
        for package = (and (symbolp feature) (symbol-package feature))
        append (cond ((null package) '())
                     ((eq package (find-package :keyword)) (list (symbol-name feature)))
                     (t (loop for name in (cons (package-name package) (package-nicknames package))
                              collect (format nil "~a::~a" name (symbol-name feature)))))))

(defun note-features (session)
  "The names of the features, which the client of SESSION is about to be told; NIL where it has been."
  (let ((features (sb-ext:symbol-global-value '*features*)))
    (unless (equal features (session-features session))
      (setf (session-features session) (copy-list features))
      (feature-names features))))

(defun tell-features (request)
  "See to it that the client, if it has said hello, knows the features before it has the reply to REQUEST."
  (when (session-features (request-session request))
    (let ((names (note-features (request-session request))))
      (when names (emit-event request :features (list :features names))))))

;;;; hello and cancel

(sb-ext:defglobal **identity** nil)

(defun image-identity ()
  "A random text that identifies this process: a saved core that is started, or a fork, is another image."
  (let ((pid (unix-getpid)))
    (unless (eql (car **identity**) pid)
      (setf **identity** (cons pid (random-hex 16))))
    (cdr **identity**)))

(define-request hello (roots)
  "Says which image this is and what its SBCL allows."
  (result :digest (getf *contract* :digest)
          :image (image-identity)
          :pid (unix-getpid)
          :implementation (lisp-implementation-type)
          :version (lisp-implementation-version)
          :machine (or (machine-instance) "unknown")
          :directory (or (ignore-errors (unix-getcwd)) "/")
          :read-only (session-read-only (request-session *request*))
          :generation (image-generation)
          :features (progn
                      (setf (session-features (request-session *request*)) nil)
                      (note-features (request-session *request*)))
          :capabilities (append (available-capabilities) (unless (introspection-problem) '("introspection")))
          :missing (append (missing-capabilities)
                           (let ((problem (introspection-problem)))
                             (and problem (list (format nil "introspection: ~a" problem)))))
          :belongs (belongs-p roots)))

(defun belongs-p (roots)
  "Whether the image's directory, or a file that code of its program was compiled from, lies in one of ROOTS, absolute namestrings."
  (when roots
    (let ((prefixes (mapcar (lambda (root) (concatenate 'string (string-right-trim "/" root) "/")) roots)))
      (flet ((inside-p (namestring)
               (some (lambda (prefix)
                       (let ((end (length prefix)))
                         (and (>= (length namestring) end) (string= prefix namestring :end2 end))))
                     prefixes)))
        (or (inside-p (concatenate 'string (string-right-trim "/" (ignore-errors (unix-getcwd))) "/"))
            (some-loaded-file #'inside-p))))))

(define-request cancel (request)
  "Has the request unwound; its own reply says so once it is. A request that is done, or never was, is not found."
  (let ((target (find-request (request-session *request*) request)))
    (when (and target (not (eq target *request*)))
      (cancel-request target))
    (result :found (and target (not (eq target *request*))))))
