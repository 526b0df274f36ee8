;;;; Applying forms: all of them are compiled, then loaded, then installed; what fails at any step has changed nothing, and what went well is a
;;;; transaction.

(in-package :hotlisp)

;;;; Captured output

(defmacro with-captured-output ((text) &body body)
  "Run BODY, with nothing to read and with TEXT, a variable, set to what it printed at the end, cut where it is too long."
  `(multiple-value-prog1 (call-with-captured-output (lambda () ,@body) (lambda (string) (setf ,text string)))))

(defun call-with-captured-output (function receive)
  (let* ((stream (make-string-output-stream))
         (io (make-two-way-stream (make-concatenated-stream) stream)))
    (multiple-value-prog1
        (let ((*standard-output* stream) (*error-output* stream) (*trace-output* stream)
              (*standard-input* (make-concatenated-stream)) (*query-io* io) (*debug-io* io))
          (funcall function))
      (funcall receive (truncate-text (get-output-stream-string stream) 100000)))))

;;;; An operation under way

(defparameter *aborted* "The code gave up, by ABORT.")
(defparameter *thread-ended* "The code ended the thread in which it ran, by EXIT, ABORT-THREAD or a THROW to its top level.")

(defparameter *cancelled* "The operation was cancelled.")

(defun unwound-because ()
  "For people: why the current request was unwound past what it did."
  (if (being-cancelled-p) *cancelled* *thread-ended*))

(defstruct (attempt (:copier nil) (:predicate nil))
  "An operation under way. STEP is where it failed, or NIL. PACKAGES are those that were there before, with their names, unless its code can
delete none. WATCH is there once code may have run."
  units snapshot (packages '()) (watch nil) installation (step nil) (condition nil) (notes '()) (output ""))

(defun plain-unit-p (unit)
  "Whether UNIT is a DEFUN or DEFMETHOD and nothing else, so that little can change by it."
  (and (not (unit-evaluates unit))
       (member (unit-head unit) '(defun defmethod))
       (unit-definitions unit)
       (every (lambda (definition) (member (definition-kind definition) '(:function :method)))
              (unit-definitions unit))))

(defun operation-packages (units)
  (remove nil (remove-duplicates (mapcar (lambda (unit) (find-package-named (unit-package-name unit))) units))))

(defun capture-before (units)
  (let ((plain (every #'plain-unit-p units)))
    (capture (operation-packages units)
             (loop for unit in units append (unit-definitions unit))
             :full (not plain)
             :tokens (if plain *no-tokens* (mentioned-tokens units)))))

(defun attempt-deltas (attempt &key all)
  "What the attempt has changed. Unless ALL, of a plain one only what is under the names it defines."
  (let* ((snapshot (attempt-snapshot attempt))
         (installation (attempt-installation attempt))
         (deltas (differences snapshot :all (or all (snapshot-full snapshot)))))
    (loop for (name state info) in (reverse (installation-replaced installation))
          for symbol = (if (consp name) (second name) name)
          do (unless (find-if (lambda (delta) (and (eq (delta-kind delta) :function) (equal (delta-name delta) name))) deltas)
               (unless (same-function-state-p state (function-state name))
                 (push (make-delta :function name state (function-state name)) deltas)))
             (unless (find-if (lambda (delta) (and (eq (delta-kind delta) :info) (eq (delta-name delta) symbol))) deltas)
               (unless (snapshot-knows-p snapshot symbol) (setf info nil))
               (unless (eq info (symbol-dbinfo symbol))
                 (push (make-delta :info symbol info (symbol-dbinfo symbol)) deltas))))
    (append deltas
            (reverse (installation-tables installation))
            (remove-if (lambda (delta)
                         (and (member (delta-kind delta) '(:methods :generic))
                              (find-if (lambda (other) (same-place-p other delta)) deltas)))
                       (merge-method-deltas (reverse (installation-deltas installation)))))))

(defun compile-attempt (attempt segments directory)
  (let ((*notes* '()) (*failure* nil))
    (let ((compiled (with-world-lock ()
                      (setf (attempt-snapshot attempt) (capture-before (attempt-units attempt)))
                      (when (snapshot-full (attempt-snapshot attempt))
                        (setf (attempt-packages attempt) (named-packages)
                              *learning* (attempt-snapshot attempt)
                              ;; SBCL's own change with whatever is loaded.
                              (attempt-watch attempt) (make-watch (remove-if-not #'users-symbol-p (snapshot-variables (attempt-snapshot attempt)))))
                        (look-at-values (attempt-watch attempt) nil))
                      (call-knowing-shapes (lambda () (compile-segments segments directory))))))
      (setf (attempt-notes attempt) (reverse *notes*))
      (unless compiled
        (setf (attempt-step attempt) (or *failure* :compile))))
    (null (attempt-step attempt))))

(defun load-attempt (attempt segments)
  (let ((installation (attempt-installation attempt)))
    (setf (attempt-step attempt) :load)
    (dolist (segment segments) (load-segment segment installation))
    (setf (attempt-step attempt) :install
          (installation-unit installation) nil)
    (install-collected installation :last t)
    (reset-generic-functions (shiftf (installation-unsettled installation) '()))
    (setf (attempt-step attempt) nil)
    t))

(defun note-failure (attempt message type)
  "Note at the form that was being compiled or loaded that it failed: MESSAGE says how, TYPE names the condition."
  (let* ((index (or (installation-unit (attempt-installation attempt)) (compiling-unit-index) 0))
         (unit (nth index (attempt-units attempt))))
    (setf (attempt-notes attempt)
          (append (attempt-notes attempt)
                  (list (wire :note :severity :error :message message
                                    :condition type :form index
                                    :start 0 :end (length (unit-text unit))))))))

(defun run-attempt (attempt)
  "Compile and load. Returns true when all of it went well; on failure the attempt says where and why, and nothing is undone yet."
  (let ((*installation* (attempt-installation attempt))
        (*operation-units* (attempt-units attempt))
        (*learning* nil)
        (segments (segments-of (attempt-units attempt)))
        (output ""))
    (unwind-protect
         (block attempt
           (let ((sb-ext:*invoke-debugger-hook*
                   (lambda (condition hook)
                     (declare (ignore hook))
                     (fail-attempt attempt condition)
                     (return-from attempt nil)))
                 (*debugger-hook* nil))
             (restart-case
                 (with-captured-output (output)
                   (with-scratch-directory (directory)
                     (handler-bind ((sb-ext:defconstant-uneql (lambda (condition) (change-constant attempt condition))))
                       (and (compile-attempt attempt segments directory)
                            (load-attempt attempt segments)))))
               (abort ()
                 :report "Give up this operation of Hotlisp and undo it."
                 (unless (attempt-step attempt) (setf (attempt-step attempt) :compile))
                 (note-failure attempt *aborted* "COMMON-LISP:ABORT")
                 nil))))
      (setf (attempt-output attempt) output)
      (when (attempt-watch attempt) (look-at-values (attempt-watch attempt) t)))))

(defun change-constant (attempt condition)
  "Have a constant that the operation itself defines take its new value, which whoever approved it was told; decline for others."
  (let ((name (sb-ext:defconstant-uneql-name condition))
        (restart (find-restart 'continue condition)))
    (when (and restart
               (loop for unit in (attempt-units attempt)
                       thereis (find-if (lambda (definition)
                                          (and (eq (definition-kind definition) :constant)
                                               (string= (definition-symbol-name definition) (symbol-name name))))
                                        (unit-definitions unit))))
      (invoke-restart restart))))

(defun fail-attempt (attempt condition)
  (unless (attempt-step attempt) (setf (attempt-step attempt) :compile))
  (setf (attempt-condition attempt)
        (let ((*backtrace-ends* (append *loader-functions* *backtrace-ends*)))
          (condition-data condition)))
  (note-failure attempt (condition-text condition 2000) (type-name condition)))

(defun unread-values (attempt)
  "An alist from the variables of the hash tables that forms of ATTEMPT may have changed, and that could not be compared, to what they are now."
  (loop for symbol in (installation-unread (attempt-installation attempt))
        collect (cons symbol (watched-state symbol))))

(defun roll-back (attempt)
  "Put back whatever ATTEMPT has changed. Returns sentences about what could not be."
  (if (attempt-snapshot attempt)
      (let ((deltas (attempt-deltas attempt :all t)))
        (append (write-deltas deltas :old :forget-symbols t)
                (left-after-failure (attempt-watch attempt) deltas '())
                (values-still-left (unread-values attempt))
                (mapcar #'lost-package (deleted-packages (attempt-packages attempt)))))
      '()))

(defun redefines-class-p (units)
  (loop for unit in units
          thereis (loop for definition in (unit-definitions unit)
                          thereis (and (eq (definition-kind definition) :class) (definition-object definition)))))

(defun apply-forms (id forms)
  "Apply FORMS, of the wire, as the transaction ID. Returns the contract's Change as a plist."
  (let ((units (units-of-forms forms)))
    (if (redefines-class-p units)
        (call-keeping-instances (lambda () (apply-units id units)))
        (apply-units id units))))

(defun apply-units (id units)
  (let* ((start (microseconds))
         (changes (loop for unit in units
                        append (loop for definition in (unit-definitions unit)
                                     collect (list definition unit (definition-change definition (unit-digest unit))
                                                   (standing-entry definition)))))
         (attempt (make-attempt :units units :installation (make-installation)))
         (returned nil) (applied nil) (remains '()) (threads '()))
    (flet ((answer ()
             (wire :change :status (cond (applied :applied) (remains :partial) (t :failed))
                           :transaction id
                           :generation **generation**
                           :step (attempt-step attempt)
                           :definitions (if applied (transaction-definitions (find-transaction id)) '())
                           :notes (attempt-notes attempt)
                           :output (attempt-output attempt)
                           :threads threads
                           :condition (attempt-condition attempt)
                           :remains (mapcar #'princ-to-string remains)
                           :elapsed (- (microseconds) start))))
      (unwind-protect
           (let ((done (run-attempt attempt)))
             (setf returned t)
             (when done
               (without-interrupts
                 ;; From here on the change stands.
                 (seal-request)
                 (setf applied t)
                 (resolve-definitions-again units)
                 (record-applied id attempt changes)
                 (incf **generation**))))
        (unless applied
          (without-interrupts
            (setf remains (roll-back attempt))
            (unless remains (mapc #'stand-again (mapcar #'fourth changes)))
            (when (and remains (not (attempt-step attempt))) (setf (attempt-step attempt) :install))
            (when remains (incf **generation**))
            (unless returned
              (unless (attempt-step attempt) (setf (attempt-step attempt) :compile))
              (note-failure attempt (unwound-because) "COMMON-LISP:ABORT"))
            (leave-last-words (answer)))))
      (when applied
        (setf threads (running-threads (transaction-replaced-code id))))
      (answer))))

(defun record-applied (id attempt changes)
  (let* ((deltas (attempt-deltas attempt))
         (transaction
           (make-transaction :id id :deltas deltas
                             :definitions (let* ((named (loop for (definition nil change) in changes
                                                              collect (definition-wire definition change)))
                                                 (told (append named (dropped-methods named deltas))))
                                            (append told (unnamed-definitions (attempt-units attempt) told deltas)))
                             :installed (append (loop for (definition unit nil before) in changes
                                                      collect (list (definition-key definition) before
                                                                    (make-installed-entry definition unit)))
                                                (leftover-entries (attempt-units attempt) deltas))
                             :replaced (replaced-by deltas #'delta-old)
                             :left (append (unread-values attempt) (left-values (attempt-watch attempt) deltas))
                             :deleted (deleted-packages (attempt-packages attempt)))))
    (loop for (key nil after) in (transaction-installed transaction) do (set-installed-entry key after))
    (record-transaction transaction)))

(define-request apply (transaction generation only-safe forms)
  "Compile every one of FORMS, then load them all; whatever fails, nothing has changed. With ONLY-SAFE nothing is done unless every
definition is new, unchanged or safe to replace."
  (with-image-lock ()
    (unless (or only-safe (eql generation **generation**))
      (wire-error :stale-generation "The image has changed since the change was checked (generation ~d, now ~d). Check it again."
                  generation **generation**))
    (when (gethash transaction *transactions*)
      (wire-error :invalid-request "There is a transaction ~a already; every one needs an identifier of its own." transaction))
    (unless (capability :rollback)
      (wire-error :invalid-request "This SBCL (~a) lacks what undoing a failed change needs; changing its code is not safe."
                  (lisp-implementation-version)))
    (let ((assessments (and only-safe (assessments-of (units-of-forms forms)))))
      (when (loop for assessment in assessments
                  thereis (member (getf assessment :class) '(:dependents :migration :hazardous)))
        (wire-error :not-safe "The change does more than replace code; see what it does first."))
      (append (apply-forms transaction forms)
              (and only-safe (list :assessments assessments))))))
