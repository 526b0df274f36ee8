;;;; One operation is one transaction: a list of deltas, which a user may undo later, and do again.

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

;;;; What deltas say

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

(defun replaced-by (deltas state)
  "The functions in the states of DELTAS that STATE, a reader, returns."
  (loop for delta in deltas
        for value = (funcall state delta)
        for function = (case (delta-kind delta)
                         (:function (if (consp value) (cdr value) value))
                         (:method (method-state-function value)))
        when (functionp function) collect function))

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
  "The contract's DEFINITION as it is told of when its change is undone. What a definer of the user's own defines may have been there where it was called new."
  (let ((opposite (case (getf definition :change)
                    (:new (if (equal (getf definition :kind) "other") :redefined :removed))
                    (:removed :new)))
        (told (copy-list definition)))
    (when opposite (setf (getf told :change) opposite))
    told))

(defun narrow-users (transaction state)
  "What to call those who were compiled since TRANSACTION for structures whose slots would take more by giving its places the state that STATE, a
reader, returns; :UNKNOWN where there is no telling."
  (let* ((structures (and (capability :structures) (widened-structures (transaction-deltas transaction) state)))
         (users (narrowly-compiled structures (transaction-serial transaction))))
    (if (eq users :unknown)
        :unknown
        (append (loop for user in users
                      collect (definition-label (node-definition (make-node :kind (user-kind user) :name (user-name user) :user user))))
                (living-unnamed-users structures (transaction-serial transaction))))))

(defun narrow-users-text (users)
  (format nil "~{~a~^, ~}~:[~; and ~:*~d more~]"
          (subseq users 0 (min 5 (length users)))
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

(define-request past (transaction)
  "The transactions that a change was made by: the one of its name, and those of NAME/2 and so on."
  (let* ((prefix (concatenate 'string transaction "/"))
         (parts (loop for id in (reverse *transaction-order*)
                      for part = (gethash id *transactions*)
                      when (and part (or (string= id transaction) (eql (mismatch prefix id) (length prefix))))
                        collect (list :transaction id
                                      :undone (eq (transaction-state part) :undone)
                                      :definitions (transaction-definitions part)))))
    (unless parts (find-transaction transaction))
    (result :parts parts)))

(define-request undo (transaction force)
  "Put back what the transaction replaced."
  (with-image-lock () (swap-transaction transaction :old force)))

(define-request redo (transaction force)
  "Install again what the transaction installed."
  (with-image-lock () (swap-transaction transaction :new force)))
