;;;; Applying forms, taking that back, doing it again. One operation is one transaction: a list of deltas, which a failure undoes at once
;;;; and a user may undo later.

(in-package :hotlisp)

(defstruct (transaction (:copier nil) (:predicate nil))
  "What one operation changed. DEFINITIONS are the contract's, with the changes as they were; INSTALLED lists (key before after), entries
of *INSTALLED*; REPLACED are the functions that the change put out of use. SWAPPED, where there is one, is called with :OLD when the transaction was
undone and with :NEW when it was done again. LEFT is what LEFT-VALUES answered: what undoing leaves as it is. DELETED are names of packages that its code deleted. What has a higher SERIAL was compiled since."
  id deltas definitions installed replaced swapped (state :done) (left '()) (deleted '()) (serial (newest-serial)))

(defun newest-serial ()
  "The number of the code that was made last; NIL where code has none."
  (and (capability :code-serials) last-code-serial))

(defvar *agent-replaced* nil "True when this agent took the place of another version in a running image: it knows nothing of that one's transactions.")

(defparameter *transactions-kept* 1000 "How many transactions can be undone; what an older one replaced is let go.")

(defparameter *transactions* (make-hash-table :test #'equal :synchronized t))
(defparameter *transaction-order* '())
(sb-ext:defglobal **generation** 0)

(defun image-generation ()
  "A number that grows with everything that operations change."
  **generation**)

(defun record-transaction (transaction)
  (setf (gethash (transaction-id transaction) *transactions*) transaction)
  (push (transaction-id transaction) *transaction-order*)
  (when (> (length *transaction-order*) *transactions-kept*)
    (dolist (id (nthcdr *transactions-kept* *transaction-order*)) (remhash id *transactions*))
    (setf *transaction-order* (subseq *transaction-order* 0 *transactions-kept*))))

(defun find-transaction (id)
  "The transaction called ID. Signals a WIRE-ERROR of kind :UNKNOWN-TRANSACTION."
  (or (gethash id *transactions*)
      (wire-error :unknown-transaction
                  "The image has no record of transaction ~a: it was made in another image~:[~;, before the agent of this one was replaced by that of another version~], or more than ~d changes ago. The journal has the texts that it replaced: hotlisp.history shows them as `before`, to be reloaded."
                  id *agent-replaced* *transactions-kept*)))

(defun all-deltas ()
  "The deltas of every transaction that can be undone or done again."
  (let ((deltas '()))
    (sb-ext:with-locked-hash-table (*transactions*)
      (maphash (lambda (id transaction)
                 (declare (ignore id))
                 (setf deltas (append (transaction-deltas transaction) deltas)))
               *transactions*))
    deltas))

(defun transaction-replaced-code (id)
  "The functions that the transaction called ID put out of use: by undoing it, when that was the last thing done with it, the new ones."
  (transaction-replaced (find-transaction id)))

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

;;;; Applying

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

(defun map-tokens (function text)
  "Call FUNCTION with each part of TEXT that may be a symbol, as often as it is there."
  (let* ((text (coerce text '(simple-array character (*)))) (end (length text)) (position 0))
    (declare (type fixnum position end))
    (loop
      (let ((start (position-if #'token-character-p text :start position)))
        (unless start (return))
        (setf position (or (position-if-not #'token-character-p text :start start) end))
        (unless (digit-char-p (schar text start))
          (funcall function (subseq text start position)))))))

(defun token-table (units)
  "From each package of UNITS to a table whose keys are the tokens of its texts: a text has most of them many times."
  (let ((tables (make-hash-table :test #'eq)))
    (dolist (unit units tables)
      (let ((package (find-package-named (unit-package-name unit))))
        (when package
          (let ((tokens (or (gethash package tables)
                            (setf (gethash package tables) (make-hash-table :test #'equal)))))
            (map-tokens (lambda (token) (setf (gethash token tokens) t)) (unit-text unit))))))))

(defun mentioned-tokens (units)
  "The TOKENS in the texts of UNITS. Of COMMON-LISP's symbols only settings count; what much besides an operation changes is left alone."
  (let ((symbols (make-hash-table :test #'eq)) (packages '()) (makes '()) (sets '()) (documented nil) (set-kinds '())
        ;; A table of data has as many as it has words.
        (missing (make-hash-table :test #'equal)))
    (flet ((note-package (token)
             (let* ((name (package-designator-text token))
                    (package (and name (find-package-named name))))
               (cond ((null name))
                     ((null package) (setf (gethash name missing) t))
                     ((not (system-package-p package)) (pushnew package packages)))))
           (note-symbol (symbol)
             (cond ((null symbol))
                   ((keywordp symbol))
                   ((assoc symbol *setting-operators*) (pushnew (cdr (assoc symbol *setting-operators*)) set-kinds))
                   ((not (eq (symbol-package symbol) (find-package :common-lisp))) (setf (gethash symbol symbols) t))
                   ((setting-p symbol) (setf (gethash symbol symbols) t))
                   ((eq symbol 'documentation) (setf documented t))
                   ((member symbol '(make-package defpackage)) (setf makes t))
                   (t (loop for (variable . names) in *set-variables*
                            when (member (symbol-name symbol) names :test #'string=)
                              do (pushnew variable sets))))))
      (loop for package being the hash-keys of (token-table units) using (hash-value tokens)
            do (loop for token being the hash-keys of tokens
                     do (note-package token)
                        (note-symbol (nth-value 0 (resolve-symbol token package))))))
    (make-tokens :symbols (hash-table-keys symbols) :packages packages
                 :missing-packages (and makes (hash-table-keys missing)) :sets sets :documented documented
                 :set-kinds set-kinds)))

(defun hash-table-keys (table)
  (loop for key being the hash-keys of table collect key))

(defun setting-p (symbol)
  "Whether SYMBOL, of COMMON-LISP, is a variable that code may set for good."
  (let ((name (symbol-name symbol)))
    (and (> (length name) 3) (char= (char name 0) #\*)
         (boundp symbol) (not (constantp symbol))
         (not (assoc symbol *set-variables*))
         (not (member symbol '(*gensym-counter* *random-state* *package* *readtable*))))))

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

(defun same-place-p (a b)
  "Whether the deltas A and B, of methods or generic functions, are about the same place."
  (and (eq (delta-kind a) (delta-kind b)) (eq (delta-name a) (delta-name b))))

(defun merge-method-deltas (deltas)
  "One delta for each method and each generic function in DELTAS: from its first state to its last."
  (let ((merged '()))
    (dolist (delta deltas (nreverse merged))
      (let ((earlier (find delta merged :test #'same-place-p)))
        (if earlier
            (setf (delta-new earlier) (delta-new delta))
            (push (make-delta (delta-kind delta) (delta-name delta) (delta-old delta) (delta-new delta)) merged))))))

(defun compile-attempt (attempt segments directory)
  (let ((*notes* '()) (*failure* nil))
    (let ((compiled (with-world-lock ()
                      (setf (attempt-snapshot attempt) (capture-before (attempt-units attempt)))
                      (when (snapshot-full (attempt-snapshot attempt))
                        (setf (attempt-packages attempt) (named-packages)
                              *learning* (attempt-snapshot attempt)
                              (attempt-watch attempt) (make-watch (snapshot-variables (attempt-snapshot attempt))))
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

(defun roll-back (attempt)
  "Put back whatever ATTEMPT has changed. Returns sentences about what could not be."
  (if (attempt-snapshot attempt)
      (let ((deltas (attempt-deltas attempt :all t)))
        (append (write-deltas deltas :old :forget-symbols t)
                (left-after-failure (attempt-watch attempt) deltas '())
                (mapcar #'lost-package (deleted-packages (attempt-packages attempt)))))
      '()))

(defun named-packages ()
  "All packages with their names."
  (mapcar (lambda (package) (cons package (package-name package))) (list-all-packages)))

(defun deleted-packages (named)
  "The names of those packages that are gone since NAMED-PACKAGES answered NAMED."
  (loop for (package . name) in named
        unless (package-name package) collect name))

(defun lost-package (name)
  (format nil "The package ~a was deleted, and SBCL cannot bring it back: load what defines it again." name))

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
                             :left (left-values (attempt-watch attempt) deltas)
                             :deleted (deleted-packages (attempt-packages attempt)))))
    (loop for (key nil after) in (transaction-installed transaction) do (set-installed-entry key after))
    (record-transaction transaction)))

(defun same-definition-p (one other)
  "Whether ONE and OTHER, the contract's Definitions, are about the same."
  (and (string-equal (getf one :kind) (getf other :kind))
       (equal (getf one :name) (getf other :name))
       (equal (getf one :package) (getf other :package))))

(defun dropped-methods (named deltas)
  "The contract's Definitions for the methods that are gone since DELTAS and not among those NAMED: a generic function's definition has dropped them."
  (let ((changed (loop for delta in deltas
                       when (eq (delta-kind delta) :methods) append (methods-delta-definitions delta))))
    (set-difference (remove-duplicates (remove :removed changed :key (lambda (definition) (getf definition :change)) :test-not #'eq)
                                       :test #'same-definition-p)
                    named :test #'same-definition-p)))

(defun unnamed-definitions (units named deltas)
  "The contract's Definitions for what DELTAS changed besides NAMED: what a macro of the user's, or any other code in UNITS, has defined."
  (and (some (lambda (unit)
               (every (lambda (definition) (eq (definition-kind definition) :other)) (unit-definitions unit)))
             units)
       (set-difference (delta-definitions deltas) named :test #'same-definition-p)))

(defun replaced-by (deltas state)
  "The functions in the states of DELTAS that STATE, a reader, returns."
  (loop for delta in deltas
        for value = (funcall state delta)
        for function = (case (delta-kind delta)
                         (:function (if (consp value) (cdr value) value))
                         (:method (method-state-function value)))
        when (functionp function) collect function))

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

;;;; Undoing and redoing

(defun superseded-delta-p (delta state)
  "Whether the place of DELTA is no longer in the state that STATE, a reader, returns."
  (let ((expected (funcall state delta))
        (other (if (eq state #'delta-old) (delta-new delta) (delta-old delta)))
        (name (delta-name delta)))
    (ecase (delta-kind delta)
      (:function (not (same-function-state-p expected (function-state name))))
      (:info (superseded-information-p name expected other))
      (:value (not (eql expected (value-state name))))
      (:generic (not (equal expected (generic-parts name))))
      (:combination (not (same-combination-p expected (combination-state name))))
      (:class (let ((class (find-class name nil)))
                (if (none-p expected)
                    class
                    (not (and class (same-class-state-p expected (capture-class class)))))))
      ;; Whoever defines it otherwise puts another method in its place.
      (:method (not (and (sb-mop:method-generic-function name)
                         (eq (method-state-function expected) (slot-value name method-function-key)))))
      (:methods (let ((current (sb-mop:generic-function-methods name)))
                  (flet ((accessor-p (method) (typep method 'sb-mop:standard-accessor-method))
                         (alike (method) (find-if (lambda (other) (same-signature-p method other)) current)))
                    (or (notevery (lambda (method)
                                    (or (member method current)
                                        ;; Putting a class back makes its accessors anew.
                                        (and (accessor-p method) (alike method))))
                                  (set-difference expected other))
                        ;; Somebody else's method stands where one would be put.
                        (some (lambda (method)
                                (let ((present (alike method)))
                                  (and present (not (eq present method)) (not (accessor-p present))
                                       (not (member present expected)))))
                              (set-difference other expected))))))
      (:renamed (not (and (package-name name) (equal expected (names-of-package name)))))
      ((:plist :set :table :setting :document :package :interned :uninterned) nil))))

(defun superseded-deltas (deltas state)
  "Those of DELTAS that somebody has put something else in the place of, with what else is known about the same names."
  (let* ((superseded (remove-if-not (lambda (delta) (superseded-delta-p delta state)) deltas))
         (names (loop for delta in superseded
                      when (member (delta-kind delta) '(:function :info :value :class)) collect (name-symbol (delta-name delta)))))
    (append superseded
            (remove-if-not (lambda (delta)
                             (and (eq (delta-kind delta) :info) (member (delta-name delta) names) (not (member delta superseded))))
                           deltas))))

(defun present-state (delta)
  "The state of DELTA's place; what it replaced, where that is not one state that could be written back."
  (let ((name (delta-name delta)))
    (case (delta-kind delta)
      (:function (function-state name))
      (:info (symbol-dbinfo name))
      (:value (value-state name))
      (:generic (generic-parts name))
      (:combination (combination-state name))
      (:methods (copy-list (sb-mop:generic-function-methods name)))
      (:class (let ((class (find-class name nil)))
                (if class (capture-class class) **none**)))
      (t (delta-old delta)))))

(defun redo-over (transaction deltas)
  "Return a function that, called once the DELTAS of TRANSACTION have been done again over what somebody has put there since, has them give
that back when they are undone."
  (let ((states (mapcar #'present-state deltas))
        (displacing (loop for delta in deltas
                          for method = (and (eq (delta-kind delta) :method) (delta-name delta))
                          for function = (and method (null (sb-mop:method-generic-function method))
                                              (gethash method *redefined-methods*))
                          when function
                            collect (cons function (copy-list (sb-mop:generic-function-methods function))))))
    (lambda ()
      (loop for delta in deltas
            for name = (delta-name delta)
            for state in states
            do (setf (delta-old delta) state)
               ;; Of these, only a part was written.
               (case (delta-kind delta)
                 (:info (setf (delta-new delta) (symbol-dbinfo name)))
                 (:methods (setf (delta-new delta) (copy-list (sb-mop:generic-function-methods name))))))
      (loop for (function . methods) in displacing
            do (push (make-delta :methods function methods (copy-list (sb-mop:generic-function-methods function)))
                     (transaction-deltas transaction))))))

(defun delta-label (delta)
  (let ((name (delta-name delta)))
    (with-plain-printing
      (case (delta-kind delta)
        (:function (format nil "the function ~s" name))
        (:info (format nil "the definition of ~s" name))
        (:value (format nil "the value of ~s" name))
        (:class (format nil "the class ~s" name))
        (:method (format nil "~a" name))
        (:generic (format nil "the generic function ~s" (sb-mop:generic-function-name name)))
        (:renamed (format nil "the name of the package ~a" (package-name name)))
        (:combination (format nil "the method combination ~s" name))
        (:methods (format nil "the methods of ~s" (sb-mop:generic-function-name name)))))))

(defun taken-back (definition)
  "The contract's DEFINITION as it is told of when its change is undone."
  (let ((opposite (case (getf definition :change) (:new :removed) (:removed :new)))
        (told (copy-list definition)))
    (when opposite (setf (getf told :change) opposite))
    told))

(defun narrow-users (transaction state)
  "What NARROWLY-COMPILED says of giving the places of TRANSACTION the state that STATE, a reader, returns."
  (and (capability :structures)
       (narrowly-compiled (widened-structures (transaction-deltas transaction) state) (transaction-serial transaction))))

(defun narrow-users-text (users)
  (format nil "~{~a~^, ~}~:[~; and ~:*~d more~]"
          (loop for user in users repeat 5 collect (definition-label (node-definition (make-node :kind (user-kind user) :name (user-name user) :user user))))
          (and (nthcdr 5 users) (- (length users) 5))))

(defun swap-transaction (id direction force)
  "Undo (DIRECTION :OLD) or redo (:NEW) the transaction called ID. Returns the contract's Change."
  (let* ((start (microseconds))
         (transaction (find-transaction id))
         (undo (eq direction :old))
         (from (if undo #'delta-new #'delta-old))
         (deltas (transaction-deltas transaction))
         (superseded '())
         (written #'values)
         (narrow '())
         (remains '()))
    (unless (eq (transaction-state transaction) (if undo :done :undone))
      (wire-error :invalid-request "Transaction ~a ~:[is in force: there is nothing to do again~;was undone already~]." id undo))
    (setf superseded (superseded-deltas deltas from))
    (when (and superseded (not force))
      (wire-error :superseded "Somebody has changed ~a~@[ and ~d more~] since transaction ~a was ~:[undone~;applied~]. Undo the later change first, or force it: it would be overwritten."
                  (delta-label (first superseded)) (and (rest superseded) (length (rest superseded))) id undo))
    (setf narrow (narrow-users transaction (if undo #'delta-old #'delta-new)))
    (when (and (consp narrow) (not force))
      (wire-error :superseded "Since transaction ~a, ~a ~:[was~;were~] compiled for structures whose slots would take more again, and may misread them until compiled again. Undo that first, or force it."
                  id (narrow-users-text narrow) (rest narrow)))
    (without-interrupts
      (seal-request)
      (unless undo (setf written (redo-over transaction superseded)))
      (setf remains (append (write-deltas deltas direction :over superseded)
                            (cond ((eq narrow :unknown)
                                   (list "Code that was compiled meanwhile may rely on the structure's slots taking less; this SBCL does not tell which."))
                                  (narrow
                                   (list (format nil "~a: compiled for structures whose slots took less, to be compiled again before ~:[it is~;they are~] used."
                                                 (narrow-users-text narrow) (rest narrow)))))
                            (and undo (values-still-left (transaction-left transaction)))
                            (and undo (mapcar #'lost-package (transaction-deleted transaction)))))
      (funcall written)
      (loop for (key before after) in (transaction-installed transaction)
            for entry = (if undo before after)
            do (set-installed-entry key entry)
               (stand-again entry))
      (setf (transaction-state transaction) (if undo :undone :done)
            (transaction-replaced transaction) (replaced-by deltas from)
            (transaction-serial transaction) (newest-serial))
      (when (transaction-swapped transaction) (funcall (transaction-swapped transaction) direction))
      (incf **generation**))
    (wire :change :status (if remains :partial :applied)
                  :transaction id
                  :generation **generation**
                  :definitions (loop for definition in (transaction-definitions transaction)
                                     collect (if undo (taken-back definition) definition))
                  :notes '() :output ""
                  :threads (running-threads (transaction-replaced transaction))
                  :remains (mapcar #'princ-to-string remains)
                  :elapsed (- (microseconds) start))))

(define-request undo (transaction force)
  "Put back what the transaction replaced."
  (with-image-lock () (swap-transaction transaction :old force)))

(define-request redo (transaction force)
  "Install again what the transaction installed."
  (with-image-lock () (swap-transaction transaction :new force)))
