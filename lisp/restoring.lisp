;;;; Giving places of the image their old states back, or their new ones again: a failed operation, an undone and a redone one come through here.

(in-package :hotlisp)

;;;; One place

(defun write-value (symbol state)
  (sb-ext:without-package-locks
    (cond ((none-p state) (makunbound symbol))
          ((constantp symbol) (set-any-value symbol state))
          (t (setf (sb-ext:symbol-global-value symbol) state)))))

(defun make-undefined (name)
  "FMAKUNBOUND for a NAME that had no function before: what was proclaimed about it by then stays, where FMAKUNBOUND would forget it."
  (let* ((symbol (name-symbol name))
         (information (symbol-dbinfo symbol)))
    (fmakunbound name)
    (restore-info symbol information)))

(defun write-function (name state)
  (sb-ext:without-package-locks
    (cond ((none-p state) (when (fboundp name) (make-undefined name)))
          ((consp state) (unless (same-function-state-p (function-state name) state)
                           (setf (macro-function name) (cdr state))))
          ((not (eq (function-state name) state)) (setf (fdefinition name) state)))))

(defun restore-methods (function from to between)
  "Undo for the generic FUNCTION what made its methods TO out of FROM; methods that others have added stay. A class that was put back
has made its accessors anew: they stay in place of the old ones. BETWEEN is called when those that go are gone, before the others come back."
  (flet ((alike (method)
           (find-if (lambda (other) (same-signature-p method other)) (sb-mop:generic-function-methods function)))
         (accessor-p (method) (typep method 'sb-mop:standard-accessor-method)))
    (let ((gone (set-difference from to)) (back (set-difference to from)))
      (flet ((replace-methods ()
               (dolist (method gone)
                 (let ((present (alike method)))
                   (when (and present (or (eq present method) (not (accessor-p present))))
                     (remove-method function present))))
               (funcall between)
               (dolist (method back)
                 (let ((present (alike method)))
                   (when (and (not (eq present method)) (not (and present (accessor-p present)))
                              (null (sb-mop:method-generic-function method)))
                     (add-method function method))))
               ;; Before those go on that have found none.
               (when (or gone back) (reset-generic-functions (list function)))))
        (if (and gone back) (call-missing-methods #'replace-methods) (replace-methods))))))

(defun same-signature-p (a b)
  (and (equal (method-qualifiers a) (method-qualifiers b))
       (equal (sb-mop:method-specializers a) (sb-mop:method-specializers b))))

;;;; All deltas of an operation

(defstruct (writing (:copier nil) (:predicate nil))
  "DELTAS on their way to the states that DIRECTION says, OVER those of them that are written over what somebody has put there. REMAINS are sentences
about what could not be done."
  deltas direction over (remains '()))

(defun undoing-p (writing) (eq (writing-direction writing) :old))

(defun deltas-of (writing kind)
  (remove kind (writing-deltas writing) :key #'delta-kind :test-not #'eq))

(defun wanted-state (writing delta)
  "The state that the place of DELTA is to get."
  (if (undoing-p writing) (delta-old delta) (delta-new delta)))

(defun expected-state (writing delta)
  "The state that the place of DELTA is expected to be in."
  (if (undoing-p writing) (delta-new delta) (delta-old delta)))

(defmacro attempting ((writing control &rest arguments) &body body)
  "Run BODY; an error in it is one more sentence about what remains: CONTROL with ARGUMENTS names what."
  `(handler-case (progn ,@body)
     (error (condition)
       (push (format nil "~? could not be put back: ~a" ,control (list ,@arguments) (condition-text condition 300))
             (writing-remains ,writing)))))

(defmacro noting-remains ((writing) form)
  "Add the sentences that FORM returns to those about what remains."
  `(setf (writing-remains ,writing) (append ,form (writing-remains ,writing))))

(defun write-deltas (deltas direction &key forget-symbols over)
  "Give every place of DELTAS its old state (DIRECTION :OLD) or its new one (:NEW), functions in one burst.
FORGET-SYMBOLS: also take out of their packages the new symbols that name nothing. OVER: those deltas that are written over what somebody
has put there since. Returns sentences about what could not be done."
  (let ((writing (make-writing :deltas deltas :direction direction :over over)))
    (call-moving-slots (lambda ()
                         (when (eq direction :new) (write-packages-again writing))
                         (write-all-definitions writing)
                         (when (eq direction :old) (write-packages-back writing))
                         (when forget-symbols (forget-new-symbols writing)))
                       (loop for delta in deltas
                             when (moves-slots-p delta)
                               collect (class-state-class (delta-old delta)) and collect (class-state-class (delta-new delta))))
    (writing-remains writing)))

(defun moves-slots-p (delta)
  "Whether the two states of DELTA are of a class with its slots at other places."
  (let ((old (delta-old delta)) (new (delta-new delta)))
    (and (typep old 'class-state) (typep new 'class-state)
         (not (and (equal (class-state-superclasses old) (class-state-superclasses new))
                   (same-places-p (class-state-slots old) (class-state-slots new)))))))

;;; Packages: what is defined in them comes after those that are made, and before those that go.

(defun write-packages-again (writing)
  (loop for delta in (deltas-of writing :uninterned)
        do (sb-ext:without-package-locks
             (dolist (symbol (delta-old delta)) (unintern symbol (delta-name delta)))))
  (dolist (delta (deltas-of writing :package))
    (when (none-p (delta-old delta))
      (attempting (writing "The package ~a" (delta-name delta))
        (remake-package (delta-new delta) (all-deltas)))))
  (dolist (delta (deltas-of writing :package))
    (noting-remains (writing) (restore-package (delta-name delta) (wanted-state writing delta) (expected-state writing delta)))))

(defun write-packages-back (writing)
  (let ((lost (deltas-of writing :uninterned)))
    (dolist (delta lost) (make-room (delta-old delta) (delta-name delta)))
    (dolist (delta (deltas-of writing :package))
      (let* ((wanted (wanted-state writing delta)) (expected (expected-state writing delta))
             (package (and (none-p wanted) (package-state-package expected))))
        (when (and package (package-name package))
          (setf (package-state-present expected) (present-symbols (list package))))
        (noting-remains (writing) (restore-package (delta-name delta) wanted expected))))
    (dolist (delta lost)
      (attempting (writing "What was uninterned from ~a" (package-name (delta-name delta)))
        (sb-ext:without-package-locks (import (delta-old delta) (delta-name delta)))))))

(defun forget-new-symbols (writing)
  "Take the new symbols that name nothing out of their packages."
  (dolist (delta (deltas-of writing :interned))
    (sb-ext:without-package-locks
      (dolist (symbol (delta-new delta))
        (when (and (package-name (delta-name delta))
                   (or (not (eq (symbol-package symbol) (delta-name delta))) (not (symbol-defined-p symbol))))
          (unintern symbol (delta-name delta)))))))

;;; Definitions

(defun write-all-definitions (writing)
  (flet ((write-them ()
           (with-world-lock () (write-definitions writing))
           ;; Who waits for the lock with what was found meanwhile keeps it once that is free.
           (reset-generic-functions (written-generic-functions writing))))
    (if (deltas-of writing :methods)
        (call-missing-methods #'write-them)
        (write-them))))

(defun written-generic-functions (writing)
  "The generic functions that dispatch otherwise because of WRITING."
  (flet ((names (kind) (mapcar #'delta-name (deltas-of writing kind))))
    (remove-duplicates
     (append (names :methods)
             (names :generic)
             (remove nil (mapcar #'sb-mop:method-generic-function (names :method)))
             (loop for delta in (deltas-of writing :combination)
                   append (users-in-combination-state (wanted-state writing delta)))))))

(defun write-definitions (writing)
  (let ((information (plan-information (deltas-of writing :info) (writing-direction writing) (writing-over writing))))
    (write-functions (loop for delta in (deltas-of writing :function)
                           for state = (wanted-state writing delta)
                           when (and (functionp state) (functionp (expected-state writing delta)))
                             collect (cons (delta-name delta) state)))
    (reinstate-methods (mapcar #'delta-name (deltas-of writing :method)))
    (install-methods (loop for delta in (deltas-of writing :method)
                           collect (cons (delta-name delta) (wanted-state writing delta))))
    (write-classes writing)
    (write-methods writing)
    (dolist (delta (deltas-of writing :function))
      (when (none-p (wanted-state writing delta)) (write-function (delta-name delta) **none**)))
    (write-names writing information)
    (write-rest writing)
    (drop-all-hash-caches)
    (attempting (writing "What the types of slots mean")
      (refresh-slot-types (changed-types (deltas-of writing :info))))))

(defun write-classes (writing)
  (let ((classes (deltas-of writing :class)))
    (loop for delta in (deltas-of writing :info)
          do (when (find-if (lambda (class)
                              (and (eq (delta-name class) (delta-name delta)) (not (none-p (wanted-state writing class)))))
                            classes)
               (restore-class-cell (delta-name delta) (wanted-state writing delta))))
    ;; A class puts its accessors into the generic functions that are there.
    (dolist (delta (deltas-of writing :function))
      (when (and (none-p (expected-state writing delta)) (typep (wanted-state writing delta) 'generic-function))
        (write-function (delta-name delta) (wanted-state writing delta))))
    (dolist (delta classes)
      (attempting (writing "The class ~a" (delta-name delta))
        (noting-remains (writing)
          (restore-class (delta-name delta) (wanted-state writing delta) (undoing-p writing) (expected-state writing delta)))))
    (when (and *keeping-instances* (undoing-p writing))
      (attempting (writing "The slots of instances that were used meanwhile") (restore-kept-values)))))

(defun write-methods (writing)
  "Give generic functions their methods, and with these what DEFGENERIC said of them and how they combine."
  (dolist (delta (deltas-of writing :combination))
    (attempting (writing "The method combination ~a" (print-name (delta-name delta)))
      (write-combination (delta-name delta) (wanted-state writing delta))))
  (let ((generics (deltas-of writing :generic)))
    (flet ((write-parts (function)
             (let ((delta (find function generics :key #'delta-name)))
               (when delta
                 (attempting (writing "The definition of ~a" function) (write-generic-parts function (wanted-state writing delta)))))))
      (dolist (delta (deltas-of writing :methods))
        (attempting (writing "The methods of ~a" (delta-name delta))
          (restore-methods (delta-name delta) (expected-state writing delta) (wanted-state writing delta)
                           (lambda () (write-parts (delta-name delta))))))
      (mapc #'write-parts (mapcar #'delta-name generics)))))

(defun write-names (writing information)
  "Give names their values, functions and what is known about them, which the functions INFORMATION write."
  (flet ((write-values (last)
           (dolist (delta (deltas-of writing :value))
             ;; What is a constant as yet cannot be made unbound.
             (when (eq last (or (undoing-p writing) (none-p (wanted-state writing delta))))
               (attempting (writing "The value of ~a" (delta-name delta))
                 (write-value (delta-name delta) (wanted-state writing delta)))))))
    (write-values nil)
    (mapc #'funcall information)
    (dolist (delta (deltas-of writing :function))
      (attempting (writing "The function ~a" (delta-name delta))
        (write-function (delta-name delta) (wanted-state writing delta))
        (relink-methods (expected-state writing delta) (wanted-state writing delta))))
    ;; Making a function or a macro of a name records things about the name; the last word is the record's.
    (mapc #'funcall information)
    (write-values t)))

(defun link-methods (function link)
  "LINK, ADD-DIRECT-METHOD or REMOVE-DIRECT-METHOD, the methods of FUNCTION, if that is generic, and the classes on which they specialize."
  (when (typep function 'standard-generic-function)
    (dolist (method (sb-mop:generic-function-methods function))
      (dolist (specializer (sb-mop:method-specializers method))
        (funcall link specializer method)))))

(defun relink-methods (left taken)
  "Have classes know of the methods of TAKEN, which a name has for its function now, and no more of those of LEFT, which it had: SBCL leaves them."
  (unless (eq left taken)
    (when (and (typep left 'standard-generic-function)
               (not (eq left (generic-function-named (sb-mop:generic-function-name left)))))
      (link-methods left #'sb-mop:remove-direct-method))
    (link-methods taken #'sb-mop:add-direct-method)))

(defun write-rest (writing)
  "Write what is no definition."
  (dolist (delta (deltas-of writing :renamed))
    (destructuring-bind (name . nicknames) (wanted-state writing delta)
      (attempting (writing "The name of the package ~a" name)
        (sb-ext:without-package-locks (rename-package (delta-name delta) name nicknames)))))
  (dolist (delta (deltas-of writing :set))
    (write-set (delta-name delta) (expected-state writing delta) (wanted-state writing delta)))
  (dolist (delta (deltas-of writing :plist))
    (write-properties (delta-name delta) (expected-state writing delta) (wanted-state writing delta)))
  (let ((tables (deltas-of writing :table)))
    (dolist (delta (if (undoing-p writing) (reverse tables) tables))
      (write-table (delta-name delta) (expected-state writing delta) (wanted-state writing delta))))
  (dolist (delta (deltas-of writing :setting))
    (attempting (writing "~a" (setting-label (delta-name delta)))
      (funcall (setting-write (delta-name delta)) (wanted-state writing delta))))
  (dolist (delta (deltas-of writing :document))
    (attempting (writing "The documentation of ~a" (print-name (car (delta-name delta))))
      (write-document (delta-name delta) (expected-state writing delta) (wanted-state writing delta)))))

(defun make-room (symbols package)
  "Take out of PACKAGE what stands in it under the names of SYMBOLS and is none of them."
  (dolist (symbol symbols)
    (multiple-value-bind (other status) (find-symbol (symbol-name symbol) package)
      (when (and (member status '(:internal :external)) (not (eq other symbol)))
        (sb-ext:without-package-locks (unintern other package))))))

(defun plan-information (deltas direction over)
  "How to change the information that DELTAS are about, as a list of functions: as a whole where nobody else has changed any of it; of
those in OVER also what somebody has changed."
  (loop for delta in deltas
        collect (let* ((symbol (delta-name delta))
                       (old (if (eq direction :old) (delta-new delta) (delta-old delta)))
                       (new (if (eq direction :old) (delta-old delta) (delta-new delta)))
                       (current (symbol-dbinfo symbol)))
                  (if (or (eq current old) (eq current new) (and (null old) (no-information-p symbol)))
                      (lambda () (restore-info symbol new))
                      (lambda () (merge-info symbol old new (member delta over)))))))

(defun write-functions (functions)
  "Set the function of every name in FUNCTIONS, an alist, in one burst: no thread sees a mixture for longer than that takes."
  (sb-ext:without-package-locks
    (without-interrupts
      (loop for (name . function) in functions
            do (setf (fdefinition name) function)))))

;;;; Packages that code deletes: SBCL cannot bring them back.

(defun named-packages ()
  "All packages with their names."
  (mapcar (lambda (package) (cons package (package-name package))) (list-all-packages)))

(defun deleted-packages (named)
  "The names of those packages that are gone since NAMED-PACKAGES answered NAMED."
  (loop for (package . name) in named
        unless (package-name package) collect name))

(defun lost-package (name)
  (format nil "The package ~a was deleted, and SBCL cannot bring it back: load what defines it again." name))
