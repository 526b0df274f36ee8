;;;; Whose a value is that changed while files were loaded: of what was loaded, or of the program, which runs all the while. SBCL does not record
;;;; who writes a variable, but when it was written tells: what is loaded writes while it is loaded, and at no other time.

(in-package :hotlisp)

(defstruct (watch (:constructor make-watch (symbols)) (:copier nil) (:predicate nil))
  "SYMBOLS are variables, STATES what WATCHED-STATE answered when they were last looked at. SUSPECTS have changed while something was loaded, OWNED at
other times."
  symbols (states '()) (suspects '()) (owned '()))

(defstruct (table-state (:copier nil))
  "What is in the hash table TABLE: COUNT entries, and which, as TABLE-ENTRIES says."
  table count entries)

(defstruct (list-state (:copier nil))
  "What is in the list, or tree of lists, FIRST: CELLS has (cons car . cdr) for each of its first *WATCHED-CELLS* conses."
  first cells)

(defparameter *watched-cells* 1000 "The most conses of a variable's value that are watched.")

(defun list-cells (first)
  (let ((cells '()) (left *watched-cells*) (lists (list first)))
    (loop while lists
          do (loop for cell = (pop lists) then (cdr cell)
                   while (and (consp cell) (plusp left))
                   do (decf left)
                      (push (list* cell (car cell) (cdr cell)) cells)
                      (when (consp (car cell)) (push (car cell) lists))))
    cells))

(defun watched-state (symbol)
  "The value of SYMBOL or, where that is a hash table or a list, a TABLE-STATE or LIST-STATE."
  (let ((value (value-state symbol)))
    (typecase value
      (hash-table (make-table-state :table value :count (hash-table-count value) :entries (table-entries value)))
      (cons (make-list-state :first value :cells (list-cells value)))
      (t value))))

(defun in-state-p (symbol state)
  "Whether the value of SYMBOL is still as in STATE, which WATCHED-STATE answered."
  (let ((value (value-state symbol)))
    (or (eql value state)
        (and (list-state-p state)
             (eq value (list-state-first state))
             (loop for (cell first . rest) in (list-state-cells state)
                   always (and (eql (car cell) first) (eql (cdr cell) rest))))
        (and (table-state-p state)
             (eq value (table-state-table state))
             (eql (hash-table-count value) (table-state-count state))
             (or (eq (table-state-entries state) :many)
                 ;; Others may be changing it.
                 (handler-case (loop with entries = (table-state-entries state)
                                     for key being the hash-keys of value using (hash-value present)
                                     for (known . old) = (pop entries)
                                     always (and (eql key known) (eql present old)))
                   (error () t)))))))

(defun look-at-values (watch loading)
  "Note which variables of WATCH have changed since the last look; LOADING: something was loaded all that time."
  (if (watch-states watch)
      (loop for symbol in (watch-symbols watch)
            for known on (watch-states watch)
            unless (in-state-p symbol (first known))
              do (if loading
                     (pushnew symbol (watch-suspects watch) :test #'eq)
                     (pushnew symbol (watch-owned watch) :test #'eq))
                 (setf (first known) (watched-state symbol)))
      (setf (watch-states watch) (mapcar #'watched-state (watch-symbols watch)))))

(defun left-values (watch deltas)
  "An alist from the variables whose values or hash tables what was loaded under WATCH has changed, and DELTAS do not tell of, to what they are now."
  (loop for symbol in (and watch (watch-symbols watch))
        for state in (and watch (watch-states watch))
        when (and (member symbol (watch-suspects watch) :test #'eq)
                  (not (member symbol (watch-owned watch) :test #'eq))
                  (not (told-of-p symbol state deltas)))
          collect (cons symbol state)))

(defun told-of-p (symbol state deltas)
  (loop for delta in deltas
          thereis (case (delta-kind delta)
                    (:value (eq (delta-name delta) symbol))
                    (:table (and (table-state-p state) (eq (delta-name delta) (table-state-table state)))))))

(defun left-value-text (symbol state)
  (format nil (cond ((not (table-state-p state)) "The value of ~a changed during the load, and was left as it is.")
                    ((> (table-state-count state) *table-limit*)
                     "What is in the hash table ~a, which is too large to be compared, may have changed during the load, and was left as it is.")
                    (t "What is in the hash table ~a changed during the load, and was left as it is."))
          (print-name symbol)))

(defun values-still-left (left)
  "Sentences about those of LEFT, as LEFT-VALUES answered, that nobody has changed since."
  (loop for (symbol . state) in left
        when (in-state-p symbol state) collect (left-value-text symbol state)))

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

(defun left-after-failure (watch deltas strays)
  "Sentences about what code that was loaded under WATCH, or NIL, has changed and DELTAS, which were put back, do not tell of. STRAYS are variables
whose values are known to have changed."
  (let* ((left (left-values watch deltas))
         (symbols (union strays (mapcar #'car left))))
    (loop for symbol in (and symbols (written-by-load watch symbols))
          collect (left-value-text symbol (cdr (assoc symbol left))))))
