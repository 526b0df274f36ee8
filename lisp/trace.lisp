;;;; Tracing: for as long as a request lasts, the calls of a function are told as its events, from whatever thread they come. The function is
;;;; encapsulated, so that its definition can be replaced meanwhile, and it is free again when the request ends, however that is.

(in-package :hotlisp)

(defparameter *trace-interval* 1/4 "Seconds between two events.")
(defparameter *trace-lines* 50 "Lines of one event; calls beyond are counted.")

(defstruct (tracing (:copier nil) (:predicate nil))
  (lock (sb-thread:make-mutex :name "hotlisp trace") :read-only t)
  (wake (sb-thread:make-semaphore) :read-only t)
  (lines '()) (count 0) (missed 0)
  ;; Whether WAKE was signalled since the last event.
  (told nil))

(defvar *trace-depth* 0)
(defvar *tells-trace* nil "True while a line is made: what that calls is not told.")

(defun tell-trace (tracing make-line)
  "Add the line that MAKE-LINE returns to TRACING, or count it when there are too many of them."
  (when (sb-thread:with-mutex ((tracing-lock tracing))
          (if (< (tracing-count tracing) *trace-lines*)
              (incf (tracing-count tracing))
              (progn (incf (tracing-missed tracing)) nil)))
    (let ((line (let ((*tells-trace* t)) (funcall make-line))))
      (when (sb-thread:with-mutex ((tracing-lock tracing))
              (push line (tracing-lines tracing))
              (not (shiftf (tracing-told tracing) t)))
        (sb-thread:signal-semaphore (tracing-wake tracing))))))

(defun traced-call (tracing name function arguments)
  (if *tells-trace*
      (apply function arguments)
      (let* ((depth *trace-depth*) (returned nil)
             (margin (make-string (* 2 (min depth 20)) :initial-element #\Space))
             (thread (thread-name sb-thread:*current-thread*)))
        (flet ((printed (values) (mapcar (lambda (value) (print-value value 200)) values)))
          (tell-trace tracing (lambda () (format nil "~a~d: (~a~{ ~a~}) [~a]" margin depth name (printed arguments) thread)))
          (unwind-protect
               (let ((values (multiple-value-list (let ((*trace-depth* (1+ depth))) (apply function arguments)))))
                 (setf returned t)
                 (tell-trace tracing (lambda () (format nil "~a~d: ~a returned~{ ~a~^,~} [~a]" margin depth name (printed values) thread)))
                 (values-list values))
            (unless returned
              (tell-trace tracing (lambda () (format nil "~a~d: ~a was left by a non-local exit [~a]" margin depth name thread)))))))))

(defun traceable-name (text package)
  "The function name that TEXT means, a symbol or (SETF symbol), and what it is printed as; ends the request when it names no function."
  (let* ((setf (setf-name-text text))
         (symbol (known-symbol (or setf text) package))
         (name (if setf (list 'setf symbol) symbol)))
    (unless (and (fboundp name) (not (and (symbolp name) (or (macro-function name) (special-operator-p name)))))
      (wire-error :unknown-symbol "~a names no function that could be traced." text))
    (when (let ((home (symbol-package symbol))) (and home (system-package-p home)))
      (wire-error :invalid-request "~a belongs to SBCL or to Hotlisp itself; tracing it could stop either." text))
    (values name (if setf (format nil "(SETF ~a)" (print-name symbol)) (print-name symbol)))))

(define-request trace (function package)
  "Tells every call of the function, and what it returned, until the request is cancelled."
  (unless (capability :encapsulation)
    (wire-error :invalid-request "This SBCL (~a) cannot encapsulate functions." (lisp-implementation-version)))
  (multiple-value-bind (name label) (traceable-name function package)
    (let ((tracing (make-tracing))
          (key (make-symbol "HOTLISP-TRACE")))
      (unwind-protect
           (progn
             (with-image-lock ()
               (encapsulate name key (lambda (function &rest arguments) (traced-call tracing label function arguments))))
             (emit :progress :message label)
             (loop (sb-thread:wait-on-semaphore (tracing-wake tracing))
                   (send-trace tracing)
                   (sleep *trace-interval*)))
        (unencapsulate name key)))
    (result :function label)))

(defun send-trace (tracing)
  (multiple-value-bind (lines missed)
      (sb-thread:with-mutex ((tracing-lock tracing))
        (setf (tracing-told tracing) nil
              (tracing-count tracing) 0)
        (values (shiftf (tracing-lines tracing) '()) (shiftf (tracing-missed tracing) 0)))
    (when (or lines (plusp missed))
      (emit :output :stream :stdout
                    :text (format nil "~{~a~%~}~[~:;(~:*~d line~:p not shown: there were too many at once)~%~]" (reverse lines) missed)))))
