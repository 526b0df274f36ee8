;;;; Threads: who they are, what they do, and stopping that.

(in-package :hotlisp)

(defvar *agent-threads* (make-hash-table :test #'eq :weakness :key :synchronized t)
  "The threads that the agent itself works with: :SERVING those that run code of the agent alone, :WORKING those that may run any.")

(defun agent-thread-p (thread)
  (and (gethash thread *agent-threads*) t))

(defun become-agent-thread (state)
  "From here on the current thread is the agent's own, and nobody is to interrupt or end it. STATE is :SERVING or :WORKING."
  (setf (gethash sb-thread:*current-thread* *agent-threads*) state))

(defun make-agent-thread (name state function)
  "Start a thread of the agent's own, which BECOME-AGENT-THREAD tells of. It calls FUNCTION with the standard printer and reader variables' global
values, and a debugger that only ends it."
  (sb-thread:make-thread
   (lambda ()
     (become-agent-thread state)
     (let ((sb-ext:*invoke-debugger-hook* (lambda (condition hook)
                                            (declare (ignore condition hook))
                                            (sb-thread:abort-thread))))
       (funcall function)))
   :name name))

;;;; Identities

(defvar *thread-ids* (make-hash-table :test #'eq :weakness :key :synchronized t))
(sb-ext:defglobal **last-thread-id** (list 0))

(defun thread-id (thread)
  "A positive integer that stays THREAD's as long as it lives and is not given to another one."
  (sb-ext:with-locked-hash-table (*thread-ids*)
    (or (gethash thread *thread-ids*)
        (setf (gethash thread *thread-ids*) (incf (car **last-thread-id**))))))

(defun thread-name (thread)
  (let ((name (sb-thread:thread-name thread)))
    (if (stringp name) name (princ-to-string name))))

(defun thread-reference (thread)
  "THREAD as the contract's ThreadReference."
  (wire :thread-reference :id (thread-id thread) :name (thread-name thread)))

(defun system-call-line (thread)
  "What the kernel says of THREAD: \"running\", or a line that ends in its stack pointer and program counter; NIL where it does not say."
  (and (capability :stack-scan)
       (ignore-errors (read-proc-file (format nil "/proc/self/task/~d/syscall" (thread-os-tid thread))))))

(defun line-running-p (line)
  (and (>= (length line) 7) (string= "running" line :end2 7)))

(defun line-stack-pointer (line)
  "The last but one field of LINE, which is hexadecimal after 0x; NIL where there is none."
  (let* ((end (position #\Space line :from-end t))
         (start (and end (position #\Space line :from-end t :end end))))
    (and start (ignore-errors (parse-integer line :start (+ start 3) :end end :radix 16)))))

(defun thread-state (thread)
  (let ((line (system-call-line thread)))
    (cond ((null line) :unknown)
          ((line-running-p line) :running)
          (t :blocked))))

;;;; The operation

(defun symbol-codes (symbol)
  "The code objects that calling SYMBOL, as a function, a setf function or a macro, may run, methods included."
  (loop for name in (list symbol (list 'setf symbol))
        for function = (and (fboundp name) (if (symbolp name)
                                               (or (macro-function name) (fdefinition name))
                                               (fdefinition name)))
        when (and (functionp function) (not (and (symbolp name) (special-operator-p name))))
          append (if (typep function 'generic-function)
                     (mapcan #'method-codes (sb-mop:generic-function-methods function))
                     (list (code-of function)))))

(defun replaced-codes (symbol)
  "The code objects that operations have put out of use as SYMBOL's: of functions, setf functions, macros and methods."
  (let ((deltas (remove symbol (all-deltas) :test-not #'eq :key #'delta-function-symbol)))
    (set-difference (remove nil (mapcar #'code-of (append (replaced-by deltas #'delta-old) (replaced-by deltas #'delta-new))))
                    (symbol-codes symbol))))

(defun delta-function-symbol (delta)
  "The symbol of the function or method that DELTA is about; NIL for others."
  (case (delta-kind delta)
    (:function (name-symbol (delta-name delta)))
    (:method (let ((function (sb-mop:method-generic-function (delta-name delta))))
               (and function (name-symbol (sb-mop:generic-function-name function)))))))

(define-request threads (symbol transaction)
  "Every living thread; where a symbol or a transaction is given, also whether it is inside the symbol's code, as it is or as it was before
operations replaced it, or inside code that the transaction replaced."
  (let* ((name (and symbol (known-symbol symbol nil)))
         (old (append (when name (replaced-codes name))
                      (when transaction (transaction-replaced-code transaction))))
         (answers (and (or symbol transaction) (threads-running (and name (symbol-codes name)) :old old))))
    (flet ((answer (thread) (cdr (assoc thread answers))))
      (result :threads
              (loop for thread in (sort (remove-if-not #'sb-thread:thread-alive-p (sb-thread:list-all-threads)) #'< :key #'thread-id)
                    collect (wire :thread
                                  :id (thread-id thread)
                                  :name (thread-name thread)
                                  :state (if (eq thread sb-thread:*current-thread*) :running (thread-state thread))
                                  :main (eq thread (main-thread))
                                  :agent (agent-thread-p thread)
                                  :runs (and (or symbol transaction)
                                             (case (answer thread) ((:old :yes) :yes) (:unknown :unknown) (t :no)))
                                  :replaced (eq :old (answer thread))))))))

;;;; One thread: what it does, and stopping that

(defun known-thread (id &optional name)
  "The living thread whose number is ID and, where NAME is given, whose name is that. Ends the request when there is none."
  (let ((thread (find id (sb-thread:list-all-threads) :key #'thread-id)))
    (unless (and thread (sb-thread:thread-alive-p thread))
      (wire-error :invalid-request "There is no thread ~d, or not any more. hotlisp.thread_list lists those there are." id))
    (when (and name (string/= name (thread-name thread)))
      (wire-error :invalid-request "Thread ~d is called ~s now, not ~s as it was when this was approved." id (thread-name thread) name))
    thread))

(defun call-in-thread (thread function seconds &key seals)
  "Interrupt THREAD to call FUNCTION with a function that it has to call with its answer. Returns the answer and true; NIL, NIL when none has come within
SECONDS, and then FUNCTION is not called later either. Where it SEALS, the current request is not cancelled once FUNCTION is called, nor that called once it is."
  (let ((state (list :asked)) (request (and seals *request*)) (answer nil) (withdraw nil) (semaphore (sb-thread:make-semaphore)))
    (handler-case
        (setf withdraw
              (ask-in-thread
               thread
               (lambda ()
                 (when (and (eq (sb-ext:compare-and-swap (car state) :asked :taken) :asked)
                            (or (null request)
                                (eq (sb-ext:compare-and-swap (request-state request) :running :sealed) :running)))
                   (funcall function (lambda (value)
                                       (setf answer value)
                                       (sb-thread:signal-semaphore semaphore)))))))
      (sb-thread:interrupt-thread-error () (return-from call-in-thread (values nil nil))))
    (cond ((sb-thread:wait-on-semaphore semaphore :timeout seconds) (values answer t))
          ((eq (sb-ext:compare-and-swap (car state) :asked :withdrawn) :asked)
           (funcall withdraw)
           (values nil nil))
          ;; It was just about to answer.
          ((sb-thread:wait-on-semaphore semaphore :timeout seconds) (values answer t))
          (t (values nil nil)))))

(defun ends-within-p (thread seconds)
  (loop with deadline = (+ (microseconds) (* seconds 1000000))
        while (sb-thread:thread-alive-p thread)
        do (when (> (microseconds) deadline) (return nil))
           (sleep 0.005)
        finally (return t)))

;;; Backtraces

(defparameter *frames-shown* 60)

(defun seen-frames (thread)
  "The contract's Frames of THREAD, which is blocked, read off its stack from outside: the thread is not disturbed. NIL where that cannot be done."
  (let* ((line (and (capability :seen-backtraces) (system-call-line thread)))
         (pointer (and line (not (line-running-p line)) (line-stack-pointer line))))
    (multiple-value-bind (words start)
        (and pointer (call-with-memory-file (lambda (memory) (stack-words memory thread pointer))))
      (when (and words (equal line (system-call-line thread)))
        (loop for address in (return-addresses words start)
              for number from 0 below *frames-shown*
              for (name file function) = (multiple-value-list (code-place address))
              collect (wire :frame :number number
                                   :text (safely-print (lambda ()
                                                         (let ((*package* (find-package :common-lisp-user))) (prin1-to-string name)))
                                                       300 "a frame")
                                   :file file
                                   :byte-offset (and file function (getf (function-source function) :byte-offset))))))))

(defun return-addresses (words start)
  "The addresses of the Lisp code that the stack whose WORDS begin at the address START returns to, the innermost first: those of linked frames and,
where the innermost function has called into C, which pushes no such pair, the first one above C's own frames."
  (let ((addresses '()) (innermost nil) (index 0) (linked nil))
    (loop while (< index (length words))
          do (let ((caller (linked-frame words start index)) (word (aref words index)))
               (cond (caller
                      (push (aref words (1+ index)) addresses)
                      (setf linked t index caller))
                     (linked (return))
                     (t (when (and (null innermost) (not (function-pointer-p word)) (code-at word)) (setf innermost word))
                        (incf index)))))
    (if innermost (cons innermost (nreverse addresses)) (nreverse addresses))))

(defun interrupted-frames ()
  "The frames of the current thread below those of the interruption that this runs in."
  (flet ((foreign-p (frame) (let ((name (frame-name frame))) (and (stringp name) (search "foreign function" name))))
         (interrupt-p (frame) (let ((name (frame-name frame))) (and (symbolp name) (search "INTERRUPT" (symbol-name name))))))
    (let* ((frames (stack-frames (+ *frames-shown* 30)))
           ;; The runtime's frames of the signal, before which there are only those of its handling.
           (first (or (position-if #'foreign-p frames) (position-if #'interrupt-p frames)))
           (start (or (and first (position-if-not #'foreign-p frames :start (if (foreign-p (nth first frames)) first (1+ first)))) 0)))
      (subseq frames start (min (length frames) (+ start *frames-shown*))))))

(defun asked-frames (thread)
  "The contract's Frames of THREAD, as it tells them itself, and true; NIL, NIL when it does not answer within half a second.
One that hides a caller is asked again at another moment, a few times."
  (loop for attempt from 0 below 40
        do (when (plusp attempt) (sleep (* attempt 1/10000)))
           (destructuring-bind (&optional frames hidden)
               (or (call-in-thread thread
                                   (lambda (answer)
                                     (let ((frames (ignore-errors (interrupted-frames))))
                                       (funcall answer
                                                (list (loop for frame in frames
                                                            for number from 0
                                                            for file = (frame-file frame)
                                                            collect (wire :frame :number number :text (frame-text frame nil) :file file
                                                                                 :byte-offset (and file (frame-byte-offset frame))))
                                                      (and frames (caller-hidden-p (first frames)))))))
                                   1/2)
                   (return (values nil nil)))
             (unless hidden (return (values frames t))))
        finally (return (values nil nil))))

(define-request backtrace (thread)
  "What the thread does. One that is blocked is looked at from outside; one that computes is interrupted for a moment to tell."
  (let* ((thread (known-thread thread))
         (state (if (eq thread sb-thread:*current-thread*) :running (thread-state thread)))
         (seen (and (eq state :blocked) (seen-frames thread))))
    (multiple-value-bind (frames answered)
        (cond (seen (values seen t))
              ;; Interrupting a thread that is in a foreign call would make the call return early.
              ((eq state :blocked) (values '() nil))
              (t (asked-frames thread)))
      (result :thread (thread-reference thread)
              :state state
              :how (cond (seen :seen) (answered :asked) (t :unanswered))
              :frames frames))))

;;; Stopping

(defun refuse-own-thread (thread)
  (when (or (agent-thread-p thread) (eq thread sb-thread:*current-thread*))
    (wire-error :invalid-request "Thread ~d (~a) is one of Hotlisp's own: stopping it would end the connection." (thread-id thread) (thread-name thread))))

(define-request interrupt (thread name)
  "Has the thread take its innermost ABORT restart: it abandons what it is doing. A thread that offers none of its own ends."
  (let ((thread (known-thread thread name)))
    (refuse-own-thread thread)
    (let ((restart (call-in-thread thread
                                   (lambda (answer)
                                     (let ((restart (find-restart 'abort)))
                                       (funcall answer (and restart (safely-print (lambda ()
                                                                                    (let ((*print-escape* nil)) (princ-to-string restart)))
                                                                                  200 "a restart")))
                                       (when restart (invoke-restart restart))))
                                   2 :seals t)))
      (result :thread (thread-reference thread)
              :restart restart
              :ended (and restart (ends-within-p thread 0.3))))))

(define-request terminate (thread name)
  "Unwinds the thread to its end, running its cleanup forms. One that is in a foreign call ends once that returns."
  (let ((thread (known-thread thread name)))
    (refuse-own-thread thread)
    (seal-request)
    (handler-case (ask-in-thread thread (lambda () (sb-thread:abort-thread :allow-exit t)) **endings**)
      (sb-thread:interrupt-thread-error () nil))
    (result :thread (thread-reference thread)
            :ended (ends-within-p thread 2))))
