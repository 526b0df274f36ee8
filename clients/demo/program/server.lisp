(in-package #:job-server)

;;; Connections submit jobs, workers do them. One line "ID JOB" in, one line "ID ANSWER" out, in any order.

(defstruct (connection (:constructor make-connection (stream)))
  stream
  (lock (sb-thread:make-mutex :name "connection")))

(defvar *queue* (make-queue))
(defvar *listener* nil "The listening socket, while the server runs.")

(defun answer (connection id text)
  "Sends one line to the client, unless it has gone away."
  (handler-case
      (sb-thread:with-mutex ((connection-lock connection))
        (let ((stream (connection-stream connection)))
          (format stream "~A ~A~%" id text)
          (finish-output stream)))
    (stream-error () nil)))

(defun work ()
  "What a worker thread does until the image ends."
  (loop
    (destructuring-bind (connection id job) (dequeue *queue*)
      (answer connection id
              (handler-case (perform job)
                (error (condition) (substitute #\Space #\Newline (format nil "error ~A" condition))))))))

(defun serve-client (socket)
  "Reads jobs from a client and queues them until it closes the connection."
  (let ((connection
          (make-connection (sb-bsd-sockets:socket-make-stream
                            socket :input t :output t :buffering :full :external-format :utf-8))))
    (unwind-protect
         (handler-case
             (loop for line = (read-line (connection-stream connection) nil)
                   while line
                   do (let ((space (or (position #\Space line) (length line))))
                        (enqueue (list connection (subseq line 0 space) (string-left-trim " " (subseq line space)))
                                 *queue*)))
           (stream-error () nil))
      (close (connection-stream connection) :abort t))))

(defun accept-clients (listener)
  "Gives each client a thread of its own until LISTENER is closed."
  (loop
    (let ((socket (handler-case (sb-bsd-sockets:socket-accept listener)
                    (error () (return)))))
      (when socket
        (setf (sb-bsd-sockets:sockopt-tcp-nodelay socket) t)
        (sb-thread:make-thread #'serve-client :name "client" :arguments (list socket))))))

(defun port ()
  "The TCP port that the server listens on."
  (nth-value 1 (sb-bsd-sockets:socket-name *listener*)))

(defun start (&key (port 0) (workers 3))
  "Starts the server on 127.0.0.1; port 0 takes a free one. Returns the port."
  (let ((listener (make-instance 'sb-bsd-sockets:inet-socket :type :stream :protocol :tcp)))
    (setf (sb-bsd-sockets:sockopt-reuse-address listener) t)
    (sb-bsd-sockets:socket-bind listener #(127 0 0 1) port)
    (sb-bsd-sockets:socket-listen listener 64)
    (setf *listener* listener)
    (loop for number from 1 to workers
          do (sb-thread:make-thread #'work :name (format nil "worker ~D" number)))
    (sb-thread:make-thread #'accept-clients :name "acceptor" :arguments (list listener))
    (port)))

(defun stop ()
  "Stops listening."
  (when *listener*
    (sb-bsd-sockets:socket-close (shiftf *listener* nil))))
