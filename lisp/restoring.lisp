;;;; Giving places of the image their old states back, or their new ones again: a failed operation, an undone and a redone one come through here.

(in-package :hotlisp)

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

(defun write-deltas (deltas direction &rest options &key forget-symbols over)
  "Give every place of DELTAS its old state (DIRECTION :OLD) or its new one (:NEW), functions in one burst.
FORGET-SYMBOLS: also take out of their packages the new symbols that name nothing. OVER: those deltas that are written over what somebody
has put there since. Returns sentences about what could not be done."
  (declare (ignore forget-symbols over))
  (call-moving-slots (lambda () (apply #'write-every-delta deltas direction options))
                     (find-if #'moves-slots-p deltas)))

(defun moves-slots-p (delta)
  "Whether the two states of DELTA are of a class with its slots at other places."
  (let ((old (delta-old delta)) (new (delta-new delta)))
    (and (typep old 'class-state) (typep new 'class-state)
         (not (and (equal (class-state-superclasses old) (class-state-superclasses new))
                   (same-places-p (class-state-slots old) (class-state-slots new)))))))

(defun write-every-delta (deltas direction &key forget-symbols over)
  (let ((remains '()))
    (labels ((target (delta) (if (eq direction :old) (delta-old delta) (delta-new delta)))
             (source (delta) (if (eq direction :old) (delta-new delta) (delta-old delta)))
             (of (kind) (remove kind deltas :key #'delta-kind :test-not #'eq))
             (attempt (what function)
               (handler-case (funcall function)
                 (error (condition)
                   (push (format nil "~a could not be put back: ~a" what (condition-text condition 300)) remains)))))
      (when (eq direction :new)
        (loop for delta in (of :uninterned)
              do (sb-ext:without-package-locks
                   (dolist (symbol (delta-old delta)) (unintern symbol (delta-name delta)))))
        (dolist (delta (of :package))
          (when (none-p (delta-old delta))
            (attempt (format nil "The package ~a" (delta-name delta))
                     (lambda () (remake-package (delta-new delta) (all-deltas))))))
        (dolist (delta (of :package))
          (setf remains (append (restore-package (delta-name delta) (target delta) (source delta)) remains))))
      (with-world-lock ()
       (let ((information (plan-information (of :info) direction over)))
        (write-functions (loop for delta in (of :function)
                               for state = (target delta)
                               when (and (functionp state) (functionp (source delta)))
                                 collect (cons (delta-name delta) state)))
        (reinstate-methods (mapcar #'delta-name (of :method)))
        (install-methods (loop for delta in (of :method)
                               collect (cons (delta-name delta) (target delta))))
        (loop for delta in (of :info)
              do (when (find-if (lambda (class)
                                  (and (eq (delta-name class) (delta-name delta)) (not (none-p (target class)))))
                                (of :class))
                   (restore-class-cell (delta-name delta) (target delta))))
        ;; A class puts its accessors into the generic functions that are there.
        (dolist (delta (of :function))
          (when (and (none-p (source delta)) (typep (target delta) 'generic-function))
            (write-function (delta-name delta) (target delta))))
        (dolist (delta (of :class))
          (attempt (format nil "The class ~a" (delta-name delta))
                   (lambda ()
                     (setf remains (append (restore-class (delta-name delta) (target delta) (eq direction :old) (source delta)) remains)))))
        (when (and *keeping-instances* (eq direction :old))
          (attempt "The slots of instances that were used meanwhile" #'restore-kept-values))
        (dolist (delta (of :combination))
          (attempt (format nil "The method combination ~a" (print-name (delta-name delta)))
                   (lambda () (write-combination (delta-name delta) (target delta)))))
        (flet ((write-parts (function)
                 (let ((delta (find function (of :generic) :key #'delta-name)))
                   (when delta
                     (attempt (format nil "The definition of ~a" function) (lambda () (write-generic-parts function (target delta))))))))
          (dolist (delta (of :methods))
            (attempt (format nil "The methods of ~a" (delta-name delta))
                     (lambda ()
                       (restore-methods (delta-name delta) (source delta) (target delta)
                                        (lambda () (write-parts (delta-name delta)))))))
          (mapc #'write-parts (mapcar #'delta-name (of :generic))))
        (dolist (delta (of :function))
          (when (none-p (target delta)) (write-function (delta-name delta) **none**)))
        (let ((values (of :value)))
          (when (eq direction :new)
            (dolist (delta values)
              (attempt (format nil "The value of ~a" (delta-name delta))
                       (lambda () (write-value (delta-name delta) (target delta))))))
          (mapc #'funcall information)
          (dolist (delta (of :function))
            (attempt (format nil "The function ~a" (delta-name delta))
                     (lambda () (write-function (delta-name delta) (target delta)))))
          ;; Making a function or a macro of a name records things about the name; the last word is the record's.
          (mapc #'funcall information)
          (when (eq direction :old)
            (dolist (delta values)
              (attempt (format nil "The value of ~a" (delta-name delta))
                       (lambda () (write-value (delta-name delta) (target delta)))))))
        (dolist (delta (of :renamed))
          (destructuring-bind (name . nicknames) (target delta)
            (attempt (format nil "The name of the package ~a" name)
                     (lambda () (sb-ext:without-package-locks (rename-package (delta-name delta) name nicknames))))))
        (dolist (delta (of :set))
          (write-set (delta-name delta) (source delta) (target delta)))
        (dolist (delta (of :plist))
          (write-properties (delta-name delta) (source delta) (target delta)))
        (dolist (delta (if (eq direction :old) (reverse (of :table)) (of :table)))
          (write-table (delta-name delta) (source delta) (target delta)))
        (dolist (delta (of :setting))
          (attempt (setting-label (delta-name delta))
                   (lambda () (funcall (setting-write (delta-name delta)) (target delta)))))
        (dolist (delta (of :document))
          (attempt (format nil "The documentation of ~a" (print-name (car (delta-name delta))))
                   (lambda () (write-document (delta-name delta) (source delta) (target delta)))))
        (drop-all-hash-caches)
        (attempt "What the types of slots mean" (lambda () (refresh-slot-types (changed-types (of :info)))))))
      (when (eq direction :old)
        (let ((lost (of :uninterned)))
          (dolist (delta lost) (make-room (delta-old delta) (delta-name delta)))
          (dolist (delta (of :package))
            (let ((package (and (none-p (target delta)) (package-state-package (source delta)))))
              (when (and package (package-name package))
                (setf (package-state-present (source delta)) (present-symbols (list package)))))
            (setf remains (append (restore-package (delta-name delta) (target delta) (source delta)) remains)))
          (dolist (delta lost)
            (attempt (format nil "What was uninterned from ~a" (package-name (delta-name delta)))
                     (lambda () (sb-ext:without-package-locks (import (delta-old delta) (delta-name delta))))))))
      (when forget-symbols
        (dolist (delta (of :interned))
          (sb-ext:without-package-locks
            (dolist (symbol (delta-new delta))
              (when (and (package-name (delta-name delta))
                         (or (not (eq (symbol-package symbol) (delta-name delta))) (not (symbol-defined-p symbol))))
                (unintern symbol (delta-name delta))))))))
    remains))

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
