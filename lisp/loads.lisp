;;;; Changes that are not made of forms of a buffer: whatever loads files runs as one transaction over the whole program.

(in-package :hotlisp)

;;;; What a load may change

(defparameter *infrastructure-packages*
  '(("COMMON-LISP") ("KEYWORD") ("HOTLISP" #\- #\/ #\.) ("SWANK" #\- #\/ #\.) ("SLYNK" #\- #\/ #\.) ("ASDF" #\/) ("ASDF-USER") ("UIOP" #\/)
    ("QUICKLISP-CLIENT") ("QL-SETUP"))
  "Packages that are not the program's, and what comes after the name in those of their parts: of a program are ASDF-FLV and UIOP-TOOLS, say.
Loading a file is not expected to define anything there, other than methods.")

(defun infrastructure-package-p (package)
  (let ((name (package-name package)))
    (or (null name)
        (and (> (length name) 3) (string= "SB-" name :end2 3))
        (loop for (prefix . separators) in *infrastructure-packages*
              for end = (length prefix)
              thereis (and (>= (length name) end)
                           (string= prefix name :end2 end)
                           (or (= (length name) end) (member (char name end) separators)))))))

(defun program-packages ()
  (remove-if #'infrastructure-package-p (list-all-packages)))

(defun program-variables (packages)
  "The symbols of PACKAGES that are global variables or constants."
  (let ((number (info-number :variable :kind)))
    (remove-if-not (lambda (symbol)
                     (member (info-value symbol number nil) '(:special :global :constant :always-bound)))
                   (present-symbols packages))))

(defun foreign-generic-functions ()
  "Generic functions outside the program's packages, to which a program adds methods: PRINT-OBJECT, INITIALIZE-INSTANCE, those of streams."
  (let ((functions '()))
    (dolist (package (list-all-packages) functions)
      (when (infrastructure-package-p package)
        (do-external-symbols (symbol package)
          (when (eq (symbol-package symbol) package)
            (dolist (name (list symbol (list 'setf symbol)))
              (let ((function (generic-function-named name)))
                (when function (push function functions))))))))))

(defstruct (whole (:copier nil) (:predicate nil))
  "The whole program before a load: a full snapshot of its packages and of the methods of generic functions elsewhere."
  snapshot packages)

(defun capture-whole ()
  (let* ((packages (program-packages))
         (snapshot (capture packages '() :full t :tokens (make-tokens :symbols (program-variables packages)
                                                                       :sets (mapcar #'first *set-variables*)))))
    (dolist (function (foreign-generic-functions))
      (push (cons function (sb-mop:generic-function-methods function)) (snapshot-methods snapshot)))
    (make-whole :snapshot snapshot :packages (list-all-packages))))

(defun whole-differences (whole)
  "The DELTAS since WHOLE was captured, and the symbols whose values changed without their being defined again: by the files that were loaded,
or by the program, which runs all the while. Those values are nobody's to put back, nor are the property lists of such symbols."
  (let ((deltas '()) (strays '()))
    (dolist (delta (differences (whole-snapshot whole)))
      (cond ((and (eq (delta-kind delta) :plist) (not (find (delta-name delta) deltas :key #'delta-name))))
            ((and (eq (delta-kind delta) :value)
                  (not (none-p (delta-old delta)))
                  (not (variable-defined-again-p (delta-name delta) deltas)))
             (push (delta-name delta) strays))
            (t (push delta deltas))))
    (dolist (package (set-difference (list-all-packages) (whole-packages whole)))
      (push (make-delta :package (package-name package) **none** (capture-package package)) deltas)
      (dolist (delta (new-package-deltas package)) (push delta deltas)))
    (values (nreverse deltas) strays)))

(defun new-package-deltas (package)
  "The DELTAS for what the symbols of PACKAGE, which was not there before, name."
  (let ((deltas '()))
    (flet ((note (kind name old new) (push (make-delta kind name old new) deltas)))
      (dolist (symbol (present-symbols (list package)))
        (when (eq (symbol-package symbol) package)
          (note-new-symbol symbol #'note (lambda (name old)
                                           (let ((new (function-state name)))
                                             (unless (none-p new) (note :function name old new))))))))
    deltas))

(defun variable-defined-again-p (symbol deltas)
  (let ((delta (find-if (lambda (delta) (and (eq (delta-kind delta) :info) (eq (delta-name delta) symbol))) deltas)))
    (and delta
         (with-information (old (delta-old delta))
           (with-information (new (delta-new delta))
             (loop for (category kind) in '((:source-location :variable) (:source-location :constant) (:variable :kind))
                     thereis (not (eq (information old category kind) (information new category kind)))))))))

;;;; Loading what others compiled, while other threads run: SBCL takes methods away before it defines them again.

(defstruct (deed (:copier nil) (:predicate nil))
  "Something under way that changes the image otherwise than by forms of a buffer. STEP is where it failed, or NIL; SWAPPED is called with
:OLD when what was done is undone, also because it failed, and with :NEW when it is done again. DEFINITIONS, the contract's, say what it defines;
without them that is told from what has changed. METHODS are the deltas of methods that were given another function, last first. WATCH is there once something was loaded.
UNSETTLED are accessors of classes that were defined again: waiting for those who fill their caches is done once for all.
CONSTANTS, the contract's, may get another value; CHANGED are the contract's of others that would have, and CHANGED-CONDITION is the first of those as the contract has it."
  id (watch nil) (constants '()) (changed '()) (changed-condition nil) (methods '()) (unsettled '()) (step nil) (condition nil) (notes '()) (output "") (swapped nil) (definitions nil))

(defun call-loading (deed function)
  "Call FUNCTION, which loads something for DEED."
  (call-watched (or (deed-watch deed)
                    (setf (deed-watch deed) (make-watch (program-variables (program-packages)))))
                function))

(defun redefined-methods (deed)
  (merge-method-deltas (reverse (deed-methods deed))))

(defun define-method-gently (deed original arguments)
  "Define the method that ARGUMENTS, of DEFMETHOD's own loader ORIGINAL, describe: by another function where it is there."
  (let ((method (and (capability :methods-in-place) (existing-method arguments))))
    (cond ((null method) (apply original arguments))
          ((congruent-lambda-lists-p (sb-mop:method-lambda-list method) (fifth arguments))
           (redefine-method method arguments (lambda (delta) (push delta (deed-methods deed))))
           (reset-dispatch (list (sb-mop:method-generic-function method)))
           (reset-constructors (list method))
           method)
          (t (call-missing-methods (lambda () (apply original arguments)))))))

(defun call-defining-gently (deed function)
  "Call FUNCTION, which loads compiled files as DEED, so that no other thread finds a method missing that they define again."
  (if (capability :encapsulation)
      (with-replacements (replace-function)
        (let ((thread sb-thread:*current-thread*)
              ;; The methods in a DEFGENERIC go when it is loaded again: here, once the new ones are there. Lists (generic-function . methods).
              (leaving '())
              (reshaping (make-reshaping)))
          (labels ((instead (symbol replacement)
                     (when symbol
                       (replace-function symbol (lambda (original &rest arguments)
                                                  (if (eq thread sb-thread:*current-thread*)
                                                      (funcall replacement original arguments)
                                                      (apply original arguments))))))
                   (leave (entry)
                     (setf leaving (remove entry leaving))
                     (destructuring-bind (function . methods) entry
                       (dolist (method methods)
                         (when (eq (sb-mop:method-generic-function method) function) (remove-method function method)))
                       (when methods (reset-dispatch (list function))))))
            (loop for (nil . loader) in *class-loaders*
                  do (instead loader
                              (lambda (original arguments)
                                (call-loading-class original arguments
                                                    (lambda (functions)
                                                      (reset-dispatch functions)
                                                      (setf (deed-unsettled deed) (union functions (deed-unsettled deed))))))))
            (instead *load-defmethod-symbol*
                     (lambda (original arguments)
                       (or (wait-for-methods reshaping arguments)
                           (let ((method (define-method-gently deed original arguments)))
                             (dolist (entry leaving) (setf (cdr entry) (remove method (cdr entry))))
                             method))))
            (when (capability :initial-methods)
              (instead *load-defgeneric-symbol*
                       (lambda (original arguments)
                         (or (wait-for-generic-function reshaping (first arguments) (rest arguments))
                             (let* ((before (generic-function-named (first arguments)))
                                    (methods (and before (generic-initial-methods before))))
                               (when methods
                                 (setf (generic-initial-methods before) '())
                                 (push (cons before (copy-list methods)) leaving))
                               (apply original arguments)))))
              (instead *set-initial-methods-symbol*
                       (lambda (original arguments)
                         (multiple-value-prog1 (or (apply #'wait-for-initial-methods reshaping arguments) (apply original arguments))
                           (let ((entry (assoc (second arguments) leaving)))
                             (when entry (leave entry)))))))
            (multiple-value-prog1 (call-changing-methods t (lambda () (multiple-value-prog1 (funcall function) (finish-reshaping reshaping))))
              (mapc #'leave (copy-list leaving))))))
      (funcall function)))

;;;; Running something as one transaction

(defvar *deed* nil "The DEED that the current thread performs.")

(defun change-loaded-constant (deed condition)
  "Have a constant take its new value. Where DEED does not name it, it fails in the end, so that all such constants are known."
  (let* ((symbol (sb-ext:defconstant-uneql-name condition))
         (home (symbol-package symbol))
         (name (bare-symbol-text (symbol-name symbol)))
         (package (if home (package-name home) ""))
         (restart (find-restart 'continue condition)))
    (flet ((this-p (constant) (and (equal (getf constant :name) name) (equal (getf constant :package) package))))
      (when restart
        (unless (or (find-if #'this-p (deed-constants deed)) (find-if #'this-p (deed-changed deed)))
          (unless (deed-changed-condition deed) (setf (deed-changed-condition deed) (condition-data condition)))
          (push (wire :changed-constant :name name :package package
                                        :from (print-value (sb-ext:defconstant-uneql-old-value condition) 80)
                                        :to (print-value (sb-ext:defconstant-uneql-new-value condition) 80))
                (deed-changed deed)))
        (invoke-restart restart)))))

(defun perform-deed (deed function)
  "Call FUNCTION with what it signals noted in DEED; true when it returned a true value."
  (let ((output "") (*deed* deed))
    (unwind-protect
         (block perform
           (let ((sb-ext:*invoke-debugger-hook*
                   (lambda (condition hook)
                     (declare (ignore hook))
                     (setf (deed-condition deed)
                           (let ((*backtrace-ends* (append '(perform-deed) *loader-functions* *backtrace-ends*)))
                             (condition-data condition)))
                     (return-from perform nil)))
                 (*debugger-hook* nil))
             (restart-case
                 (with-captured-output (output)
                   (handler-bind ((sb-ext:defconstant-uneql (lambda (condition) (change-loaded-constant deed condition))))
                     (let ((done (with-quiet-redefinition () (call-defining-gently deed function))))
                       (when (and done (deed-changed deed))
                         (setf (deed-condition deed) (deed-changed-condition deed)
                               (deed-step deed) :load))
                       (and done (null (deed-changed deed))))))
               (abort ()
                 :report "Give up this operation of Hotlisp and undo it."
                 (setf (deed-condition deed) (abort-data *aborted*))
                 nil))))
      (setf (deed-output deed) output))))

(defun call-as-transaction (deed capture differences function)
  "Call FUNCTION as the transaction DEED. What CAPTURE returns is what DIFFERENCES, called with it, compares the image with; when FUNCTION returns NIL,
signals or is unwound past, that is put back. Returns the contract's Change."
  (let ((start (microseconds)) (before nil) (named (named-packages)) (applied nil) (returned nil) (remains '()) (deltas '()) (id (deed-id deed)))
    (unless (capability :rollback)
      (wire-error :invalid-request "This SBCL (~a) lacks what undoing a failed change needs; changing its code is not safe."
                  (lisp-implementation-version)))
    (when (gethash id *transactions*)
      (wire-error :invalid-request "There is a transaction ~a already; every one needs an identifier of its own." id))
    (flet ((answer ()
             (wire :change :status (cond ((and applied (null deltas) (null (deleted-packages named)) (null (deed-watch deed))) :unchanged) (applied :applied) (remains :partial) (t :failed))
                           :transaction id
                           :generation **generation**
                           :step (deed-step deed)
                           :definitions (if applied (deed-change deed deltas) '())
                           :notes (deed-notes deed)
                           :output (deed-output deed)
                           :threads (if applied (running-threads (replaced-by deltas #'delta-old)) '())
                           :condition (deed-condition deed)
                           :constants (and (not applied) (reverse (deed-changed deed)))
                           :remains remains
                           :elapsed (- (microseconds) start))))
      (call-keeping-instances
       (lambda ()
         (unwind-protect
              (progn
                (setf before (with-world-lock () (funcall capture)))
                (let ((done (perform-deed deed function)))
                  (setf returned t)
                  (when done
                    (without-interrupts
                      (seal-request)
                      (setf applied t
                            (deed-step deed) nil
                            deltas (append (funcall differences before) (redefined-methods deed)))
                      (record-deed deed deltas (deleted-packages named))))))
           (unless (or applied (null before))
             (without-interrupts
               (setf remains (append (put-back deed before differences)
                                     (mapcar #'lost-package (deleted-packages named))))
               (unless returned
                 (setf (deed-condition deed) (abort-data (unwound-because))))
               (leave-last-words (answer)))))))
      (answer))))

(defun abort-data (text)
  "The contract's Condition for code that ended itself without signalling any."
  (wire :condition :type "COMMON-LISP:ABORT" :text text :backtrace '()))

(defun deed-change (deed deltas)
  "The contract's Definitions of DEED, which has changed DELTAS."
  (or (deed-definitions deed)
      (setf (deed-definitions deed) (delta-definitions deltas))))

(defun changed-generic-functions (deltas)
  (loop for delta in deltas
        for function = (case (delta-kind delta)
                         (:methods (delta-name delta))
                         (:method (sb-mop:method-generic-function (delta-name delta))))
        when (typep function 'standard-generic-function) collect function))

(defun record-deed (deed deltas deleted)
  ;; SBCL's own redefinition of a method may leave its function's caches wrong while other threads call it.
  (reset-generic-functions (union (deed-unsettled deed) (changed-generic-functions deltas)))
  (when (or deltas deleted (deed-watch deed))
    (record-transaction (make-transaction :id (deed-id deed) :deltas deltas :definitions (deed-change deed deltas)
                                          :replaced (replaced-by deltas #'delta-old) :swapped (deed-swapped deed)
                                          :left (left-values (deed-watch deed) deltas) :deleted deleted))
    (incf **generation**)))

(defun put-back (deed before differences)
  "Undo what DEED has done so far. Returns sentences about what remains."
  (multiple-value-bind (deltas strays) (funcall differences before)
    (let ((remains (write-deltas (append deltas (redefined-methods deed)) :old :forget-symbols t)))
      (reset-generic-functions (deed-unsettled deed))
      (when (deed-swapped deed) (funcall (deed-swapped deed) :old))
      (when remains (incf **generation**))
      (append (mapcar #'princ-to-string remains)
              (left-after-failure (deed-watch deed) deltas strays)))))
