(in-package #:job-server)

;;; An unbounded queue between the connections and the workers.

(defstruct (queue (:constructor make-queue ()))
  (lock (sb-thread:make-mutex :name "queue"))
  (waiting (sb-thread:make-waitqueue))
  (head '() :type list)
  (tail '() :type list))

(defun enqueue (item queue)
  "Adds ITEM at the end of QUEUE and wakes a worker that waits for one."
  (sb-thread:with-mutex ((queue-lock queue))
    (let ((cell (list item)))
      (if (queue-head queue)
          (setf (cdr (queue-tail queue)) cell)
          (setf (queue-head queue) cell))
      (setf (queue-tail queue) cell))
    (sb-thread:condition-notify (queue-waiting queue)))
  item)

(defun dequeue (queue)
  "Takes the first item of QUEUE, waiting until there is one."
  (sb-thread:with-mutex ((queue-lock queue))
    (loop until (queue-head queue)
          do (sb-thread:condition-wait (queue-waiting queue) (queue-lock queue)))
    (pop (queue-head queue))))
