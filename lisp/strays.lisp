;;;; Whose a value is that changed while files were loaded: of what was loaded, or of the program, which runs all the while. SBCL does not record
;;;; who writes a variable, but when it was written tells: what is loaded writes while it is loaded, and at no other time.

(in-package :hotlisp)

(defstruct (watch (:constructor make-watch (symbols)) (:copier nil) (:predicate nil))
  "SYMBOLS are variables, VALUES their values when they were last looked at. SUSPECTS have changed while something was loaded, OWNED at other times."
  symbols (values '()) (suspects '()) (owned '()))

(defun look-at-values (watch loading)
  "Note which variables of WATCH have changed since the last look; LOADING: something was loaded all that time."
  (let ((values (mapcar #'value-state (watch-symbols watch))))
    (when (watch-values watch)
      (loop for symbol in (watch-symbols watch)
            for before in (watch-values watch)
            for now in values
            unless (eql before now)
              do (if loading
                     (pushnew symbol (watch-suspects watch) :test #'eq)
                     (pushnew symbol (watch-owned watch) :test #'eq))))
    (setf (watch-values watch) values)))

(defun call-watched (watch function)
  "Call FUNCTION, which loads something, under WATCH."
  (look-at-values watch nil)
  (unwind-protect (funcall function)
    (look-at-values watch t)))

(defun program-runs-p ()
  "Whether there are threads besides this one and those of the agent and of SBCL."
  (find-if-not (lambda (thread)
                 (or (eq thread sb-thread:*current-thread*) (agent-thread-p thread) (equal (sb-thread:thread-name thread) "finalizer")))
               (sb-thread:list-all-threads)))

(defparameter *settling-time* 0.1 "Seconds for which a program is watched that may be the one who wrote a value.")

(defun written-by-load (watch symbols)
  "Those of SYMBOLS, whose values have changed, that what was loaded under WATCH seems to have written. WATCH is NIL where nothing was loaded: only
what compiling ran can have written them then, which nobody suspects while a program runs."
  (cond ((not (program-runs-p)) symbols)
        ((null watch) '())
        (t (flet ((left ()
                    (look-at-values watch nil)
                    (remove-if-not (lambda (symbol)
                                     (and (member symbol (watch-suspects watch) :test #'eq)
                                          (not (member symbol (watch-owned watch) :test #'eq))))
                                   symbols)))
             (loop repeat 10
                   while (left)
                   do (sleep (/ *settling-time* 10)))
             (left)))))
