;;;; Conditions and values of the image as bounded data. Whatever is printed here belongs to the user: printing may fail, recur or be huge.

(in-package :hotlisp)

(defun truncate-text (text limit)
  "TEXT, cut to LIMIT code points with an ellipsis as the last one where it is longer; and whether it is."
  (if (<= (length text) limit)
      (values text nil)
      (values (concatenate 'string (subseq text 0 (1- limit)) (string (code-char #x2026))) t)))

(defun safely-print (function limit what)
  "The string that FUNCTION returns, cut to LIMIT; if printing fails, a text that names WHAT and the type of the error."
  (truncate-text (handler-case (with-plain-printing (funcall function))
                   (serious-condition (condition)
                     (format nil "#<~a, printing which signalled ~s>" what (type-of condition))))
                 limit))

(defun print-value (value &optional (limit 10000))
  "VALUE as PRIN1 prints it in the current package, cut to LIMIT code points; and whether it is cut."
  (safely-print (lambda ()
                  (if (and (stringp value) (> (length value) limit))
                      (prin1-to-string (subseq value 0 limit))
                      (prin1-to-string value)))
                limit
                (format nil "an object of type ~a" (type-name value))))

(defun print-name (symbol)
  "SYMBOL with its package, whatever the current package is."
  (let ((*package* (find-package :keyword)))
    (with-plain-printing (prin1-to-string symbol))))

(defun type-name (object)
  "The name of OBJECT's class with its package."
  (print-name (class-name (class-of object))))

(defun condition-text (condition &optional (limit 4096))
  "What CONDITION reports, for people."
  (safely-print (lambda () (let ((*print-escape* nil)) (princ-to-string condition)))
                limit
                (format nil "a condition of type ~a" (type-name condition))))

(defvar *backtrace-ends* '(call-with-request-boundary)
  "Names of the agent's functions that call the user's code: a backtrace ends above them.")

(defparameter *signalling-functions*
  '(error cerror break signal warn invoke-debugger)
  "A backtrace starts below these.")

(defun condition-data (condition &key (frames 60))
  "CONDITION as the contract's Condition: its type, text, and the backtrace of the place where this is called, which should be where it was signalled."
  (wire :condition
        :type (type-name condition)
        :text (condition-text condition)
        :backtrace (if (plusp frames) (backtrace-data condition frames) '())))

(defun backtrace-data (condition limit)
  ;; After the control stack is exhausted little of it is left for this: no arguments are printed then.
  (let ((brief (typep condition 'storage-condition)))
    (loop for frame in (ignore-errors (user-frames limit))
          for number from 0
          for file = (frame-file frame)
          collect (wire :frame :number number
                               :text (frame-text frame brief)
                               :file file
                               :byte-offset (and file (not brief) (frame-byte-offset frame))))))

(defun user-frames (limit)
  "At most LIMIT of the stack's frames, innermost first, without those that carry the condition and those of the agent below the user's code."
  (when (capability :backtraces)
    (let* ((frames (stack-frames (+ limit 30)))
           (signals (position-if #'signalling-frame-p frames :end (min 20 (length frames))))
           (start (if signals (position-if-not #'signalling-frame-p frames :start signals) 0)))
      (if start
          (subseq frames start (min (+ start limit) (length frames)))
          '()))))

(defun stack-frames (limit)
  (let ((frames '()) (count 0))
    (block walk
      (map-backtrace (lambda (frame)
                       (when (or (member (frame-name frame) *backtrace-ends*) (>= count limit))
                         (return-from walk))
                       (push frame frames)
                       (incf count))))
    (nreverse frames)))

(defun frame-name (frame)
  (debug-fun-name (frame-debug-fun frame)))

(defun signalling-frame-p (frame)
  "Whether FRAME only carries a condition from where it was signalled to the debugger's hook."
  (let ((name (frame-name frame)))
    (typecase name
      (symbol (or (member name *signalling-functions*)
                  (member (symbol-name name) '("%SIGNAL" "%BREAK" "%PRIMITIVE-ERROR" "RUN-HOOK" "INTERNAL-ERROR") :test #'string=)))
      (string (search "foreign function" name)))))

(defun frame-text (frame brief)
  "The call that FRAME stands for, as a form: (NAME argument ...)."
  (safely-print (lambda ()
                  (let ((*package* (find-package :common-lisp-user)) (*print-length* 10) (*print-level* 4))
                    (if brief
                        (prin1-to-string (debug-fun-name (frame-debug-fun frame)))
                        (multiple-value-bind (name arguments) (frame-call frame)
                          (format nil "(~a~{ ~a~})" (truncate-text (prin1-to-string name) 300)
                                  (if (listp arguments)
                                      (mapcar (lambda (argument) (print-value argument 200)) arguments)
                                      (list (print-value arguments 200))))))))
                1000
                "a frame"))

(defun frame-byte-offset (frame)
  "Where the top-level form of FRAME's function starts in its file, in bytes from 0; NIL where it is not known."
  (let ((function (ignore-errors (debug-fun-fun (frame-debug-fun frame)))))
    (and function (getf (function-source function) :byte-offset))))
