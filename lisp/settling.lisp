;;;; Waiting for other threads to be done with what they had begun to look up before a change: the methods of a call, the layout of a class,
;;;; the place of a slot. None of them tells; but it takes none long, so it is enough that each has blocked or run for a moment since.

(in-package :hotlisp)

(defparameter *settling-seconds* 0.002
  "How long a thread that missed the cache may take to fill it with what it has found, while it runs.")
(defparameter *settling-looks* 1000
  "How often threads are looked at, a millisecond apart, that have not run so long yet, because others have the processors.")
(defparameter *settling-collections* 8
  "How many looks do not count because garbage was collected since the last one: a program that does so all the time is not waited for for ever.")

(defstruct (settling (:constructor make-settling (thread)) (:copier nil) (:predicate nil))
  "A thread that is waited for: what it has RUN, in nanoseconds, since looks count. TIME, in all its life, and BLOCKED are as of the last look."
  thread time blocked (run 0))

(defun settle ()
  "Wait until every other thread is done with what it had begun to look up: until it blocks, or has run for *SETTLING-SECONDS*. On a busy machine a
thread may stand in the middle of it for long, and has no part in the time that passes; and it may block there for a moment, because of a garbage
collection, which may also be what it runs, or for a lock under which SBCL changes classes or dispatch."
  (if (capability :stack-scan)
      (loop with waiting = (mapcar #'make-settling (remove sb-thread:*current-thread* (sb-thread:list-all-threads)))
            with lock-mine = (holding-world-lock-p)
            with collections = *settling-collections*
            with known = nil
            repeat *settling-looks*
            do (let* ((epoch (gc-epoch))
                      (looks (mapcar #'look-at-settling waiting))
                      (undisturbed (eq epoch (gc-epoch)))
                      (counts (and known
                                   (or (and undisturbed (eq epoch known)) (minusp (decf collections))))))
                 (setf waiting (loop for settling in waiting
                                     for (time . blocked) in looks
                                     unless (settled-p settling time blocked counts lock-mine) collect settling)
                       known (if undisturbed epoch :disturbed))
                 (when waiting (sleep (if counts 0.001 *settling-seconds*))))
            while waiting)
      (sleep *settling-seconds*)))

(defun look-at-settling (settling)
  "What the thread has run, NIL where it has ended, and whether it is blocked."
  (let* ((thread (settling-thread settling)) (line (system-call-line thread)))
    (cons (and line (thread-run-time thread)) (and line (not (line-running-p line))))))

(defun settled-p (settling time blocked counts lock-mine)
  "Whether the thread, which was found to have run for TIME and to be BLOCKED or not, is done; COUNTS: what was since the last look tells."
  (let ((was-blocked (settling-blocked settling)))
    (when (and counts time)
      (incf (settling-run settling) (- time (settling-time settling))))
    (setf (settling-time settling) time
          (settling-blocked settling) blocked)
    (cond ((null time))
          ((not counts) nil)
          ((>= (settling-run settling) (* 1000000000 *settling-seconds*)))
          (t (and was-blocked blocked
                  (or lock-mine (not (waiting-for-dispatch-p (settling-thread settling)))))))))
