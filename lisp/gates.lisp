;;;; What other threads meet while definitions change under them: instead of finding one half made they wait, or their calls are made again.

(in-package :hotlisp)

;;;; Replacing functions for a while

(defmacro with-replacements ((replace) &body body)
  "Run BODY, where (REPLACE name function) has calls of the function NAME go to FUNCTION, with the function itself and the arguments, until BODY is left."
  (let ((record (gensym "RECORD")))
    `(call-with-replacements (lambda (,record)
                               (flet ((,replace (name function) (funcall ,record name function)))
                                 ,@body)))))

(defun call-with-replacements (function)
  (let ((replaced '()))
    (unwind-protect
         (funcall function (lambda (name replacement)
                             ;; One that outlasts this would never be taken away.
                             (without-interrupts
                               (encapsulate name 'hotlisp replacement)
                               (push name replaced))))
      (dolist (name replaced) (unencapsulate name 'hotlisp)))))

(defvar *unlinker-unlinked-p* nil "Whether all callers of *UNLINKER* go through its name.")

(defun call-replacing-functions (function)
  "Call FUNCTION, which gives names other functions: those of the program, and SBCL's own for a while."
  (if (and *unlinker* (capability :encapsulation))
      (with-replacements (replace-function)
        (unless *unlinker-unlinked-p*
          (unlink-callers *unlinker*)
          (setf *unlinker-unlinked-p* t))
        (replace-function *unlinker* (lambda (unlink name) (call-walking-code (lambda () (funcall unlink name)))))
        (funcall function))
      (funcall function)))

;;;; Waiting

(defparameter *lock-patience* 2000
  "For how many milliseconds others wait for a thread that changes the image and itself waits for a lock.")

(defun call-with-waiting (function)
  "Call FUNCTION with a function by which other threads wait for the end of that call. It returns true once that is there; false at once in the
thread of the call, and after *LOCK-PATIENCE* where that waits for a lock, which may be the caller's."
  (let ((thread sb-thread:*current-thread*) (done nil))
    (flet ((wait ()
             (loop with patience = *lock-patience*
                   until (or done (eq thread sb-thread:*current-thread*))
                   do (sleep 0.001)
                      (if (waiting-for-lock-p thread) (decf patience) (setf patience *lock-patience*))
                      (unless (plusp patience) (return nil))
                   finally (return done))))
      (unwind-protect (funcall function #'wait)
        (setf done t)))))

(defun call-with-gates (function)
  "Call FUNCTION with a function that, called with names of functions, has other threads wait before these from then on, until FUNCTION has returned."
  (call-with-waiting
   (lambda (wait)
     (with-replacements (replace-function)
       (funcall function (lambda (names)
                           (dolist (name names)
                             (replace-function name (lambda (original &rest arguments)
                                                      ;; FUNCTION may need the lock.
                                                      (unless (holding-world-lock-p) (funcall wait))
                                                      (apply original arguments))))))))))

;;;; Calling again

(defvar *missing-methods-awaited* nil "True inside CALL-MISSING-METHODS.")

(defun call-missing-methods (function)
  "Call FUNCTION, which takes methods away and makes them anew: a call of another thread that finds none meanwhile is made again afterwards."
  (if (and (capability :encapsulation) (not *missing-methods-awaited*))
      (call-with-waiting
       (lambda (wait)
         (with-replacements (replace-function)
           (replace-function 'no-applicable-method
                             (lambda (fail generic-function &rest arguments)
                               (if (funcall wait)
                                   (apply generic-function arguments)
                                   (apply fail generic-function arguments))))
           (let ((*missing-methods-awaited* t))
             (funcall function)))))
      (funcall function)))

(defvar *calls-made-again* nil "True inside a CALL-CHANGING-METHODS that is about any generic function.")

(defun constant-valued-p (function)
  "Whether every method of FUNCTION is known to return a constant."
  (loop for method in (sb-mop:generic-function-methods function)
        always (get-properties (slot-value-or-nil method method-plist-key) '(:constant-value))))

(defun call-changing-methods (functions function)
  "Call FUNCTION, which changes methods of FUNCTIONS, or of any where that is T, and resets those. A call of another thread that finds a method where
there was a constant is made again."
  (if (and *constant-dispatch-p* (capability :encapsulation)
           (not *calls-made-again*)
           (or (eq functions t) (some #'constant-valued-p functions)))
      (let ((*calls-made-again* (eq functions t)))
        (with-replacements (replace-function)
          (replace-function *constant-miss-symbol*
                            (lambda (miss called arguments &rest rest)
                              (block call
                                (handler-bind ((bug (lambda (condition)
                                                      (declare (ignore condition))
                                                      (when (or (eq functions t) (member called functions))
                                                        (reset-dispatch (list called))
                                                        (return-from call (apply called arguments))))))
                                  (apply miss called arguments rest)))))
          ;; For those who came there before.
          (settle)
          (funcall function)))
      (funcall function)))
