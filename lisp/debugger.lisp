;;;; The debugger of an evaluation: an error that nothing handles stops its thread, which then waits, for a limited time, to be told which
;;;; restart to take. Meanwhile it answers questions about its frames.

(in-package :hotlisp)

(defstruct (question (:copier nil) (:predicate nil))
  "What the thread of a request waits for an answer to. JOBS are functions that it is to call, the oldest first."
  (number 0 :read-only t)
  (restarts '() :read-only t)
  (frames '() :read-only t)
  (lock (sb-thread:make-mutex :name "hotlisp question") :read-only t)
  (wake (sb-thread:make-semaphore) :read-only t)
  (jobs '()))

(defvar *debugger-depth* 0 "How many questions the current thread has open: a restart that returns to the debugger may signal in turn.")
(defparameter *debugger-depth-limit* 5)
(defparameter *question-limit* 100 "Questions of one evaluation; the next error ends it.")
(defparameter *restarts-shown* 12)

(defun debug-or-give-up (condition evaluation start end abort give-up)
  "Called in place of the debugger, for CONDITION of the form from START to END. Asks which restart to take, where somebody is there to
answer, and takes it; ABORT, the restart that abandons the evaluation, and no answer lead to GIVE-UP, called with CONDITION's data."
  (let* ((frames (ignore-errors (user-frames *frames-shown*)))
         (data (signalled-data condition)))
    (unless (debuggable-p condition evaluation) (funcall give-up data))
    (let ((*debugger-depth* (1+ *debugger-depth*))
          (sb-ext:*invoke-debugger-hook*
            (lambda (second hook)
              (declare (ignore hook))
              (debug-or-give-up second evaluation start end abort give-up))))
      ;; A restart that transfers no control returns here: the error is as it was.
      (loop
        (let ((restart (ask-for-restart condition data frames evaluation start end abort)))
          (when (or (null restart) (eq restart abort)) (funcall give-up data))
          (push (restart-label restart) (evaluation-restarts evaluation))
          (invoke-restart restart))
        (unless (debuggable-p condition evaluation) (funcall give-up data))))))

(defun debuggable-p (condition evaluation)
  "Whether to ask about CONDITION. After one of the stack or the heap there is no room for more than unwinding."
  (and (evaluation-patience evaluation)
       (not (typep condition 'storage-condition))
       (< *debugger-depth* *debugger-depth-limit*)
       (< (evaluation-questions evaluation) *question-limit*)))

(defun restarts-within (condition abort)
  "The restarts for CONDITION that do not leave the evaluation, the innermost first, without ABORT, by which all of them are abandoned."
  (let ((all (compute-restarts condition)))
    (subseq all 0 (position abort all))))

(defun restart-label (restart)
  (let ((name (restart-name restart)))
    (if name (truncate-text (symbol-name name) 60) "RESTART")))

(defun restart-data (number restart)
  (wire :restart :number number
                 :name (restart-label restart)
                 :report (safely-print (lambda () (let ((*print-escape* nil)) (princ-to-string restart))) 300 "a restart")
                 :needs-input (restart-needs-input-p restart)))

(defun restart-needs-input-p (restart)
  "Whether RESTART wants a value, which it would ask for on the terminal."
  (or (member (restart-name restart) '(use-value store-value))
      (and (capability :interactive-restarts) (restart-interactive-function restart) t)))

(defun ask-for-restart (condition data frames evaluation start end abort)
  "The restart that is chosen; NIL when none is within the evaluation's patience."
  (let* ((restarts (let ((inner (remove abort (restarts-within condition abort))))
                     (cons abort (subseq inner 0 (min (length inner) *restarts-shown*)))))
         (request *request*)
         (question (make-question :number (incf (evaluation-questions evaluation)) :restarts restarts :frames frames))
         (outer (request-question request)))
    (unwind-protect
         (progn
           (setf (request-question request) question)
           (emit :debugger :request (request-id request)
                           :question (question-number question)
                           :depth *debugger-depth*
                           :condition data
                           :start start :end end
                           :restarts (loop for restart in restarts for number from 0 collect (restart-data number restart)))
           (await-answer question (evaluation-patience evaluation)))
      (setf (request-question request) outer))))

(defun await-answer (question patience)
  "Do QUESTION's jobs until one of them returns a restart; for PATIENCE milliseconds after the last one at most."
  (loop for deadline = (+ (microseconds) (* 1000 patience))
        for left = (/ (- deadline (microseconds)) 1000000)
        while (and (plusp left) (sb-thread:wait-on-semaphore (question-wake question) :timeout left))
        do (let ((answer (funcall (sb-thread:with-mutex ((question-lock question)) (pop (question-jobs question))))))
             (when answer (return answer)))))

(defun add-job (question function)
  (sb-thread:with-mutex ((question-lock question))
    (setf (question-jobs question) (append (question-jobs question) (list function))))
  (sb-thread:signal-semaphore (question-wake question)))

(defun open-question (id number)
  "The question NUMBER of the request ID of the current session, if that is what the request waits with; else NIL."
  (let* ((request (find-request (request-session *request*) id))
         (question (and request (request-question request))))
    (and question (= (question-number question) number) question)))

(define-request restart (request question restart)
  "Has a request that stopped with a question take the restart of that number."
  (let* ((open (open-question request question))
         (chosen (and open (<= 0 restart) (nth restart (question-restarts open)))))
    (when (and open (null chosen))
      (wire-error :invalid-request "There is no restart ~d; they are numbered from 0 to ~d." restart (1- (length (question-restarts open)))))
    (when open (add-job open (constantly chosen)))
    (result :taken (and open t))))

;;;; Locals

(defparameter *locals-shown* 60)
(defparameter *locals-seconds* 3 "How long printing the variables of a frame may take.")

(define-request locals (request question frame)
  "The variables of a frame of a request that stopped with a question, printed by the stopped thread itself."
  (let* ((open (open-question request question))
         (frame (and open (<= 0 frame) (nth frame (question-frames open))))
         (semaphore (sb-thread:make-semaphore))
         (locals '()))
    (when frame
      (add-job open (lambda ()
                      (setf locals (ignore-errors (call-within *locals-seconds* (lambda () (frame-variables frame)))))
                      (sb-thread:signal-semaphore semaphore)
                      nil))
      (sb-thread:wait-on-semaphore semaphore :timeout (1+ *locals-seconds*)))
    (when (and open (null frame)) (add-job open (constantly nil)))
    (result :known (and frame (capability :locals))
            :locals locals)))

(defun frame-variables (frame)
  "Those of FRAME's variables that have a value where it stands."
  (when (capability :locals)
    (let* ((location (frame-code-location frame))
           (all (ignore-errors (ambiguous-debug-vars (frame-debug-fun frame) ""))))
      (loop for variable in all
            while (< (length found) *locals-shown*)
            when (eq (ignore-errors (debug-var-validity variable location)) :valid)
              collect (wire :local :name (truncate-text (prin1-to-string (debug-var-symbol variable)) 100)
                                   :value (print-value (debug-var-value variable frame) 300))
                into found
            finally (return found)))))
