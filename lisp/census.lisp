;;;; Whether threads are inside given code: told from their stacks, which are looked at from outside, else by the threads themselves.

(in-package :hotlisp)

(defun threads-running (functions &key old (timeout 0.5))
  "For each living thread but this one, (thread . answer): :OLD when it is inside one of OLD (functions or code objects), else :YES when it is inside
one of FUNCTIONS, :NO, or :UNKNOWN.
A thread that is blocked in the kernel is looked at from outside and not disturbed. One that computes is asked by an interruption, and only if it goes
on computing for 20 ms; without an answer within TIMEOUT seconds it is :UNKNOWN."
  (let* ((codes (first-answers (append (codes-answered old :old) (codes-answered functions :yes))))
         (threads (remove-if-not #'sb-thread:thread-alive-p
                                 (remove sb-thread:*current-thread* (sb-thread:list-all-threads)))))
    (if (null codes)
        (loop for thread in threads collect (cons thread :no))
        (let ((answers (scan-threads threads codes)))
          (ask-threads (loop for (thread . answer) in answers when (eq answer :running) collect thread) codes answers timeout)
          answers))))

(defun codes-answered (functions answer)
  "An alist from the code of each of FUNCTIONS to ANSWER."
  (loop for function in functions
        for code = (if (functionp function) (code-of function) function)
        when code collect (cons code answer)))

(defun first-answers (codes)
  "CODES, an alist of code and answer, with each code once: after the load of a system there are thousands."
  (let ((seen (make-hash-table :test #'eq)))
    (loop for entry in codes
          unless (gethash (car entry) seen)
            collect entry and do (setf (gethash (car entry) seen) t))))

(defun last-word (codes)
  "The answer that nothing else on a stack can change, where CODES are an alist of code and answer."
  (if (rassoc :old codes) :old :yes))

(defun scan-threads (threads codes)
  "An alist of THREADS with what looking at their stacks says: :YES, :NO, :UNKNOWN or :RUNNING."
  (let ((answers (loop for thread in threads
                       collect (cons thread (if (eq :serving (gethash thread *agent-threads*)) :no :running)))))
    (when (capability :stack-scan)
      (call-with-code-ranges
       codes
       (lambda (ranges)
         (call-with-memory-file
          (lambda (memory)
            ;; The thread that took the request is on its way back to waiting: a few looks in a row find it there, a sleep
            ;; would cost more than all of the rest.
            (loop for look from 1 to 60
                  do (dolist (entry answers)
                       (when (eq (cdr entry) :running)
                         (setf (cdr entry) (scan-thread memory (car entry) ranges))))
                  while (rassoc :running answers)
                  do (if (<= look 40) (sb-thread:thread-yield) (sleep 0.001))))))))
    answers))

(defun scan-thread (memory thread ranges)
  "Whether THREAD, if it is blocked, has a frame of code in RANGES on its stack, read from MEMORY; :RUNNING when it is not blocked long enough to tell."
  (let ((line (system-call-line thread)))
    (cond ((null line) (if (sb-thread:thread-alive-p thread) :running :no))
          ((line-running-p line) :running)
          (t (let ((pointer (line-stack-pointer line)))
               (multiple-value-bind (words start) (and pointer (stack-words memory thread pointer))
                 (cond ((null words) (if (sb-thread:thread-alive-p thread) :unknown :no))
                       ((not (equal line (system-call-line thread))) :running)
                       (t (or (answer-in-stack words start ranges) :no)))))))))

(defun answer-in-stack (words start ranges)
  "The answer of RANGES for the control stack whose WORDS begin at the address START: :OLD before :YES, NIL where it holds no frame of their code.
Words of frames that were left long ago lie between those in use. On x86-64 frames are linked, (saved frame pointer, return address), and only what
the links lead to counts, and what lies below the first of them: there the innermost function calls into C without such a pair."
  (declare (type (simple-array (unsigned-byte 64) (*)) words) (type (unsigned-byte 62) start) (type simple-vector ranges))
  (let ((last (if (find :old ranges :key #'cddr) :old :yes))
        (found nil)
        (count (length words)))
    (flet ((hit (index)
             (loop with word = (aref words index) and low fixnum = 0 and high fixnum = (length ranges)
                   while (< low high)
                   do (let ((middle (ash (+ low high) -1)))
                        (destructuring-bind (start end . answer) (svref ranges middle)
                          (declare (type (unsigned-byte 62) start end))
                          (cond ((< word start) (setf high middle))
                                ((>= word end) (setf low (1+ middle)))
                                (t (return answer)))))))
           (note (answer)
             (when answer (setf found answer))
             (when (eq found last) (return-from answer-in-stack found))))
      #-x86-64 (loop for index below count do (note (hit index)))
      #+x86-64 (when (loop for index below count thereis (hit index))
                 (loop with index = 0
                       with linked = nil
                       while (< index count)
                       do (let ((caller (linked-frame words start index)))
                            (cond (caller
                                   (note (hit (1+ index)))
                                   (setf linked t index caller))
                                  (t (unless (or linked (function-pointer-p (aref words index))) (note (hit index)))
                                     (incf index))))))
      found)))

(defun linked-frame (words start index)
  "The index of the caller's frame when WORDS have a frame at INDEX, a pointer to a higher place of the stack and a return address into Lisp code; else NIL."
  (declare (type (simple-array (unsigned-byte 64) (*)) words) (type (unsigned-byte 62) start) (type fixnum index))
  (let ((saved (aref words index))
        (end (+ start (* 8 (length words)))))
    (and (< (+ start (* 8 index)) saved) (< saved (- end 8)) (zerop (logand saved 7))
         (< (1+ index) (length words))
         (code-at (aref words (1+ index)))
         (floor (- saved start) 8))))

(defun function-pointer-p (word)
  "Whether WORD looks like a reference to a function object rather than a return address: those carry a tag in their low four bits."
  (= (logand word 15) 11))

(defun ask-threads (threads codes answers timeout)
  "Interrupt THREADS, each of which says what is on its own stack, and put that into ANSWERS; :UNKNOWN where none comes within TIMEOUT seconds."
  (loop with deadline = (+ (microseconds) (* timeout 1000000))
        with asked = threads
        ;; A thread that hides a caller is asked again once it has gone on.
        for attempt from 0 below 40
        while asked
        do (when (plusp attempt) (sleep (* attempt 1/10000)))
           (let ((replies (and (capability :interrupting-census) (ask-threads-once asked codes deadline)))
                 (again '()))
             (dolist (thread asked)
               (destructuring-bind (&optional found hidden) (cdr (assoc thread replies))
                 (setf (cdr (assoc thread answers))
                       (cond ((member found '(:old :yes)) found)
                             ((and found (not hidden)) :no)
                             ((sb-thread:thread-alive-p thread) :unknown)
                             (t :no)))
                 (when (and hidden (not (eq found (last-word codes)))) (push thread again))))
             (setf asked again))))

(defun ask-threads-once (threads codes deadline)
  "What those of THREADS that answer before DEADLINE (microseconds) say: an alist of thread and OWN-ANSWER's values as a list."
  (let ((semaphore (sb-thread:make-semaphore)) (replies '()) (withdrawals '()) (lock (sb-thread:make-mutex)))
    (dolist (thread threads)
      (let ((thread thread))
        (handler-case
            (push (ask-in-thread thread
                                 (lambda ()
                                   (let ((answer (multiple-value-list (own-answer codes))))
                                     (sb-thread:with-mutex (lock) (push (cons thread answer) replies)))
                                   (sb-thread:signal-semaphore semaphore)))
                  withdrawals)
          (sb-thread:interrupt-thread-error () nil))))
    (loop repeat (length withdrawals)
          for left = (/ (- deadline (microseconds)) 1000000)
          while (and (plusp left) (sb-thread:wait-on-semaphore semaphore :timeout left)))
    (mapc #'funcall withdrawals)
    (sb-thread:with-mutex (lock) replies)))

(defun own-answer (codes)
  "The answer of CODES, an alist of code and answer, for this thread's stack: :OLD before :YES, else :NO; and whether a function that does not show
may be one of them."
  (let ((found :no) (hidden nil))
    (map-backtrace (lambda (frame)
                     (let ((answer (cdr (assoc (ignore-errors (frame-component (frame-debug-fun frame))) codes))))
                       (cond (answer
                              (setf found answer)
                              (when (eq found (last-word codes)) (return-from own-answer found)))
                             ((caller-hidden-p frame) (setf hidden t)))))
                   :count 10000)
    (values found hidden)))
