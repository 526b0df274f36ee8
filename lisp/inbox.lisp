;;;; What other threads are asked to call: by one interruption at a time, however many questions there are. A thread that has interrupts off
;;;; takes no interruption, and SBCL would run those that gather meanwhile each inside the one before, and end the program at the eighth.

(in-package :hotlisp)

(sb-ext:defglobal **questions** (make-hash-table :test #'eq :weakness :key :synchronized t))
(sb-ext:defglobal **endings** (make-hash-table :test #'eq :weakness :key :synchronized t)
  "Apart from the questions, so that a thread that is stuck in one of them can be ended.")

(defun thread-inbox (thread inboxes)
  "A list whose first element is what THREAD is to call, the latest first, and last :INTERRUPTED; NIL while no interruption is under way."
  (sb-ext:with-locked-hash-table (inboxes)
    (or (gethash thread inboxes)
        (setf (gethash thread inboxes) (list '())))))

(defun update-inbox (inbox function)
  "Replace what is in INBOX by what FUNCTION makes of it, at once. Returns what was in it."
  (loop for old = (car inbox)
        when (eq old (sb-ext:compare-and-swap (car inbox) old (funcall function old)))
          return old))

(defun ask-in-thread (thread function &optional (inboxes **questions**))
  "Have THREAD call FUNCTION as soon as it takes interruptions. Returns a function that takes that back, if it is not too late.
Signals INTERRUPT-THREAD-ERROR where THREAD has ended."
  (let ((inbox (thread-inbox thread inboxes)))
    (unless (update-inbox inbox (lambda (questions) (cons function (or questions '(:interrupted)))))
      (sb-thread:interrupt-thread thread (lambda () (answer-inbox inbox))))
    (lambda () (update-inbox inbox (lambda (questions) (remove function questions))))))

(defun answer-inbox (inbox)
  "Call what is in INBOX, and what comes meanwhile. What unwinds this thread leaves the rest unanswered."
  (let ((finished nil))
    (unwind-protect
         (loop for questions = (update-inbox inbox (lambda (questions) (and (rest questions) '(:interrupted))))
               while (rest questions)
               do (mapc #'funcall (reverse (butlast questions)))
               finally (setf finished t))
      (unless finished (update-inbox inbox (constantly '()))))))
