;;;; Waiting for other threads to be done with what they had begun to look up before a change: the methods of a call, the layout of a class,
;;;; the place of a slot. None of them tells; but it takes none long, so it is enough that each has blocked or run for a moment since.

(in-package :hotlisp)

(defparameter *settling-seconds* 0.002
  "How long a thread that missed the cache may take to fill it with what it has found, while it runs.")
(defparameter *compiling-seconds* 0.1
  "How long it may compile besides, while it runs: it may do so with what it fills the cache with, for 4 to 12 milliseconds, and 50 where a function takes
as many arguments, measured on 2.2.9 and 2.6.4. Who takes longer compiles something else.")
(defparameter *settling-looks* 1000
  "How often threads are looked at, a millisecond apart, that have not run so long yet, because others have the processors.")
(defparameter *settling-collections* 8
  "How many looks tell less because garbage was collected since the last one: a program that does so all the time is not waited for for ever.")

(defstruct (settling (:constructor make-settling (thread)) (:copier nil) (:predicate nil))
  "A thread that is waited for: what it has RUN, in nanoseconds, since then or since it last COMPILED, which is what it ran while it did. TIME, in all its
life, and COMPILING are as of the last look; BLOCKED: it was then, or at another since garbage was collected."
  thread time blocked compiling (run 0) (compiled 0))

(defun settle ()
  "Wait until every other thread is done with what it had begun to look up: until it blocks, or has run for *SETTLING-SECONDS* after
what it may compile, or for *COMPILING-SECONDS* while it does. On a busy machine a
thread may stand in the middle of it for long, and has no part in the time that passes; and it may block there for a moment, because of a garbage
collection, which may also be what it runs, or for a lock under which SBCL changes classes or dispatch."
  (if (capability :stack-scan)
      (loop with waiting = (mapcar #'make-settling (remove sb-thread:*current-thread* (sb-thread:list-all-threads)))
            with lock-mine = (holding-world-lock-p)
            with patience = *settling-collections*
            ;; Of the last look, unless garbage was collected during it.
            with known-epoch = nil
            with known-time = nil
            for first = t then nil
            repeat *settling-looks*
            do (let* ((epoch (gc-epoch))
                      (time sb-ext:*gc-run-time*)
                      (looks (mapcar #'look-at-thread waiting))
                      (disturbed (not (eq epoch (gc-epoch))))
                      (collected (cond ((or disturbed (null known-epoch)) nil)
                                       ((eq epoch known-epoch) 0)
                                       ;; Stopping the others and starting them again is not in it.
                                       (t (* 3/2 (- time known-time) (/ 1000000000 internal-time-units-per-second))))))
                 (unless (or first (eql collected 0))
                   (when (minusp (decf patience)) (setf collected 0)))
                 (setf waiting (loop for settling in waiting
                                     for (run blocked compiling) in looks
                                     unless (settled-p settling run blocked compiling collected lock-mine) collect settling)
                       known-epoch (if disturbed nil epoch)
                       known-time time)
                 (when waiting (sleep (if (eql collected 0) 0.001 *settling-seconds*))))
            while waiting)
      (sleep *settling-seconds*)))

(defun look-at-thread (settling)
  "A list of what the thread has run, NIL where it has ended, whether it is blocked and whether it is compiling."
  (let* ((thread (settling-thread settling)) (line (system-call-line thread)))
    (list (and line (thread-run-time thread)) (and line (not (line-running-p line))) (compiling-p thread))))

(defun note-run (settling time compiling)
  "Note in SETTLING what the thread has run until TIME, at the look at which it is COMPILING or not."
  (let ((run (max 0 (- time (settling-time settling)))))
    (cond ((or compiling (settling-compiling settling))
           (incf (settling-compiled settling) run)
           (setf (settling-run settling) 0 (settling-blocked settling) nil))
          (t (incf (settling-run settling) run)))))

(defun settled-p (settling time blocked compiling collected lock-mine)
  "Whether the thread, which was found to have run for TIME, to be BLOCKED or not and to be COMPILING or not, is done. COLLECTED are the nanoseconds that
collecting garbage took since the last look, in whichever thread; NIL where that look or this one tells nothing."
  (when (and collected time) (note-run settling (- time collected) compiling))
  (setf (settling-time settling) time
        (settling-compiling settling) compiling)
  (cond ((or (null time)
             (>= (settling-run settling) (* 1000000000 *settling-seconds*))
             (>= (settling-compiled settling) (* 1000000000 *compiling-seconds*))))
        (compiling nil)
        ((not (eql collected 0)) (setf (settling-blocked settling) blocked) nil)
        ((not blocked) nil)
        ((and (not lock-mine) (waiting-for-dispatch-p (settling-thread settling))) nil)
        (t (shiftf (settling-blocked settling) t))))
