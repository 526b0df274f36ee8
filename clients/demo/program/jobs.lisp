(in-package #:job-server)

;;; The work itself. A job is one line of text; its answer is another.

(defun option-price (spot strike paths)
  "The price of a call option by simulating PATHS paths of 16 steps. Deterministic: its random numbers are its own."
  (declare (type double-float spot strike) (type (integer 1 100000000) paths))
  (let ((state 88172645463325252)
        (sum 0d0))
    (declare (type (unsigned-byte 64) state) (type double-float sum))
    (dotimes (path paths)
      (let ((price spot))
        (declare (type double-float price))
        (dotimes (step 16)
          (setf state (ldb (byte 64 0) (logxor state (ash (ldb (byte 51 0) state) 13)))
                state (logxor state (ash state -7))
                state (ldb (byte 64 0) (logxor state (ash (ldb (byte 47 0) state) 17))))
          (setf price (* price (if (logbitp 20 state) 1.01d0 0.99d0))))
        (incf sum (max 0d0 (- price strike)))))
    (format nil "price ~,4F" (/ sum paths))))

(defun word-count (text)
  "How many words TEXT has."
  (let ((words 0) (inside nil))
    (loop for character across text
          do (cond ((char= character #\Space) (setf inside nil))
                   ((not inside) (setf inside t) (incf words))))
    (format nil "words ~D" words)))

(defun perform (line)
  "Does the job that LINE describes: \"price SPOT STRIKE PATHS\" (whole numbers) or \"words TEXT\"."
  (let* ((space (or (position #\Space line) (length line)))
         (kind (subseq line 0 space))
         (rest (string-left-trim " " (subseq line space))))
    (cond ((string= kind "price")
           (destructuring-bind (spot strike paths) (integers rest)
             (option-price (float spot 1d0) (float strike 1d0) paths)))
          ((string= kind "words") (word-count rest))
          (t (format nil "error unknown job ~A" kind)))))

(defun integers (text)
  "The whole numbers in TEXT, which stand between spaces."
  (loop with start = 0
        for end = (position #\Space text :start start)
        when (< start (or end (length text)))
          collect (parse-integer text :start start :end end)
        while end
        do (setf start (1+ end))))
