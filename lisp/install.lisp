;;;; Loading what was compiled. Function and method definitions are diverted on their way into the image: loading collects them, and
;;;; they are installed together once nothing can fail any more, or before code of the user runs that may need them.

(in-package :hotlisp)

(defstruct (staged-function (:copier nil) (:predicate nil))
  "The arguments with which DEFUN would install a function."
  name function arguments unit)

(defstruct (installation (:copier nil) (:predicate nil))
  "What loading has collected, last first, and what installing has replaced: REPLACED lists (name function-state information), DELTAS those
of methods, last first. INITIAL-METHODS lists (generic-function . methods), what DEFGENERICs hold. RESHAPED lists (name . arguments) of DEFGENERICs that wait
for their methods. UNSETTLED are accessors whose caches others may
be filling with what was there before. TABLES are deltas of hash tables that forms have changed, last first;
UNREAD are variables of those that could not be compared. PHASE is :COLLECT while definitions are collected, else :PASS."
  (phase :pass) (functions '()) (methods '()) (initial-methods '()) (reshaped '()) (deltas '()) (unit nil) (replaced '()) (unsettled '()) (tables '()) (unread '()))

(defvar *installation* nil "The INSTALLATION of the operation that the current thread performs.")

(sb-ext:defglobal **made-from** (make-hash-table :test #'eq :weakness :key :synchronized t)
  "From the functions that a form defined while it ran to the digest of its text: one of a macro of the user's does not name them.")

(defun note-made (function)
  "Remember which form has made FUNCTION."
  (let ((unit (and *installation* *segment*
                   (find (installation-unit *installation*) (segment-units *segment*) :key #'unit-index))))
    (when unit (setf (gethash function **made-from**) (unit-digest unit)))))

;;;; Diversion

(defmacro with-quiet-redefinition (() &body body)
  "Run BODY without the warnings that something is being redefined: that is what an operation is for."
  `(handler-bind ((redefinition-warning #'muffle-warning)) ,@body))

(defun divert (form expansion)
  "EXPANSION, FORM's, with what installs a function or method replaced by what hands it to us."
  (cond ((atom form) expansion)
        ((and (eq (first form) 'defun) (capability :staged-functions))
         (divert-calls expansion *defun-symbol* 'stage-function))
        ((and (eq (first form) *defmethod-expander-symbol*) (capability :methods-in-place))
         (divert-calls expansion *load-defmethod-symbol* 'stage-method))
        ((and (eq (first form) 'defgeneric) (capability :initial-methods))
         (if (find *set-initial-methods-symbol* expansion :key (lambda (part) (and (consp part) (first part))))
             (divert-calls (divert-calls expansion *load-defgeneric-symbol* 'stage-generic-function)
                           *set-initial-methods-symbol* 'stage-initial-methods)
             (divert-calls expansion *load-defgeneric-symbol* 'declare-generic-function)))
        ((assoc (first form) *class-loaders*)
         (let ((loader (cdr (assoc (first form) *class-loaders*))))
           (divert-calls expansion loader (lambda (arguments) `(define-class ',loader ,@arguments)))))
        (t expansion)))

(defun divert-calls (expansion from to)
  "EXPANSION with calls of the function FROM replaced by calls of TO, a name, or by what the function TO makes of their arguments."
  (cond ((atom expansion) expansion)
        ((eq (first expansion) from)
         (if (functionp to) (funcall to (rest expansion)) (cons to (rest expansion))))
        ((eq (first expansion) 'progn)
         (cons 'progn (mapcar (lambda (form) (divert-calls form from to)) (rest expansion))))
        ((eq (first expansion) 'let)
         (list* 'let (second expansion) (mapcar (lambda (form) (divert-calls form from to)) (cddr expansion))))
        (t expansion)))

(defun stage-function (name function &rest arguments)
  "Stands in compiled code where DEFUN's own installer would: collects the function, or installs it where nobody collects."
  (let ((installation *installation*))
    (cond ((and installation (eq (installation-phase installation) :collect))
           (push (make-staged-function :name name :function function :arguments arguments :unit (installation-unit installation))
                 (installation-functions installation)))
          (installation
           (note-replaced installation name)
           (note-made function)
           (with-quiet-redefinition () (apply #'install-function name function arguments)))
          (t (apply #'install-function name function arguments))))
  name)

(defun stage-method (&rest arguments)
  "Stands in compiled code where DEFMETHOD's own loader would. Returns the method or, where methods are collected, ARGUMENTS."
  (let ((installation *installation*))
    (cond ((and installation (eq (installation-phase installation) :collect))
           (push arguments (installation-methods installation))
           arguments)
          (installation
           (note-replaced installation (second arguments))
           (with-quiet-redefinition () (load-methods installation (list arguments)))
           (let* ((method (named-method arguments))
                  (function (and method (slot-value-or-nil method method-function-key))))
             (when function (note-made function))
             method))
          (t (apply #'load-defmethod arguments)))))

(defun define-class (loader name &rest arguments)
  "Stands in compiled code where a call of LOADER, one of *CLASS-LOADERS*, would."
  (let ((installation *installation*))
    (call-loading-class loader (cons name arguments)
                        (if installation
                            (lambda (functions)
                              (reset-dispatch functions)
                              (setf (installation-unsettled installation) (union functions (installation-unsettled installation))))
                            #'reset-generic-functions))))

(defun stage-generic-function (name &rest arguments)
  "Stands in compiled code where DEFGENERIC's own loader would, of one with methods: those of the definition before stay until these are there."
  (or (put-off-generic-function name arguments)
      (let* ((before (generic-function-named name))
             (methods (and before (generic-initial-methods before))))
        (when methods (setf (generic-initial-methods before) '()))
        (unwind-protect (apply #'load-defgeneric name arguments)
          (when methods (setf (generic-initial-methods before) methods))))))

(defun declare-generic-function (name &rest arguments)
  "Stands in compiled code where DEFGENERIC's own loader would, of one without methods. What only compiling evaluates, as macros do that define the
rest when it is loaded, takes no methods away."
  (cond (*compile-file-truename* (apply #'stage-generic-function name arguments))
        ((put-off-generic-function name arguments))
        (t (apply #'load-defgeneric name arguments))))

(defun put-off-generic-function (name arguments)
  "The generic function NAME, which gets its new lambda list together with its methods, where it cannot before; else NIL. ARGUMENTS are those of
DEFGENERIC's own loader."
  (let ((installation *installation*))
    (when (and installation (eq (installation-phase installation) :collect) (shape-to-be name))
      (push (cons name arguments) (installation-reshaped installation))
      (generic-function-named name))))

(defun stage-initial-methods (methods function)
  "Stands in compiled code where SBCL would note that METHODS, as STAGE-METHOD returns them, are those in the definition of FUNCTION."
  (let ((installation *installation*))
    (if (and installation (eq (installation-phase installation) :collect))
        (push (cons function methods) (installation-initial-methods installation))
        (replace-initial-methods function methods))))

(defun replace-initial-methods (function methods)
  (let* ((new (remove nil (loop for method in methods
                                collect (if (listp method) (named-method method) method))))
         (gone (remove function (set-difference (generic-initial-methods function) new)
                       :key #'sb-mop:method-generic-function :test-not #'eq)))
    (setf (generic-initial-methods function) new)
    (dolist (method gone) (remove-method function method))
    (when gone (reset-generic-functions (list function)))))

(defun note-replaced (installation name)
  "Remember what NAME is now, unless an earlier definition of the operation has replaced it already."
  (unless (assoc name (installation-replaced installation) :test #'equal)
    (push (list name
                (function-state name)
                (symbol-dbinfo (if (consp name) (second name) name)))
          (installation-replaced installation))))

(defun note-loading (unit)
  "Stands in compiled code before each form: which of them is being loaded, for the note of a failure."
  (when *installation* (setf (installation-unit *installation*) unit)))

;;;; Installing

(defun ordinary-function-p (name)
  "Whether NAME is free or names a plain function, so that setting its function is all that callers can notice."
  (let ((state (function-state name)))
    (or (none-p state)
        (and (functionp state) (not (typep state 'generic-function))
             (not (and (symbolp name) (special-operator-p name)))))))

(defun install-collected (installation &key last)
  "Install the functions collected so far in one burst, then the methods; when it is the LAST time also those that wait for others. Whatever is
interrupted here is undone by ROLL-BACK."
  (let* ((functions (remove-duplicates (reverse (installation-functions installation))
                                       :key #'staged-function-name :test #'equal))
         (methods (reverse (installation-methods installation))))
    (setf (installation-functions installation) '()
          (installation-methods installation) '())
    (when functions
      (dolist (staged functions) (note-replaced installation (staged-function-name staged)))
      (with-world-lock ()
        ;; What may not be defined in its package was refused when it was compiled, in that package.
        (sb-ext:without-package-locks
         (write-functions (loop for staged in functions
                                when (ordinary-function-p (staged-function-name staged))
                                  collect (cons (staged-function-name staged) (staged-function-function staged))))
         (with-quiet-redefinition ()
           (dolist (staged functions)
             (apply #'install-function (staged-function-name staged) (staged-function-function staged)
                    (staged-function-arguments staged)))))))
    (when (or methods (installation-reshaped installation))
      (with-quiet-redefinition ()
        (dolist (arguments methods) (note-replaced installation (second arguments)))
        (sb-ext:without-package-locks
          (load-methods installation (install-reshaped installation methods last)))))
    (loop for (function . staged) in (reverse (shiftf (installation-initial-methods installation) '()))
          do (replace-initial-methods function staged))))

(defun load-methods (installation methods)
  (load-staged-methods methods (lambda (delta) (push delta (installation-deltas installation)))))

;;;; Loading

(defun load-fasl (pathname file)
  "Load the fasl at PATHNAME as what was compiled from FILE, a native namestring or NIL."
  (if (and file (capability :load-as))
      (with-open-file (stream pathname :element-type '(unsigned-byte 8))
        (call-with-load-bindings (lambda (stream argument)
                                   (declare (ignore argument))
                                   (let ((pathname (native-pathname file)))
                                     (let ((*load-pathname* pathname) (*load-truename* pathname))
                                       (load-as-fasl stream nil nil))))
                                 stream nil stream))
      (load pathname :verbose nil :print nil)))

(defun named-tables (segment)
  "The hash tables that are values of variables that the texts of SEGMENT or their macros name, as lists (table variable . entries)."
  (when *learning*
    (flet ((named-p (symbol units)
             (loop for unit in (segment-units segment)
                     thereis (or (member (unit-index unit) units)
                                 ;; What only defines the variable puts nothing into the table that is there; the program may, meanwhile.
                                 (and (search (symbol-name symbol) (unit-text unit) :test #'char-equal)
                                      (loop for definition in (unit-definitions unit)
                                            never (eq (definition-symbol definition) symbol)))))))
      (loop for symbol being the hash-keys of (snapshot-known *learning*) using (hash-value units)
            for table = (value-state symbol)
            when (and (hash-table-p table) (not (assoc table tables)) (named-p symbol units))
              collect (list* table symbol (table-entries table)) into tables
            finally (return tables)))))

(defun load-segment (segment installation)
  "Load SEGMENT. What it defines by DEFUN and DEFMETHOD is collected; where SEGMENT evaluates, everything is installed at once."
  (let ((*segment* segment)
        (*package* (or (find-package-named (segment-package-name segment)) *package*))
        (*readtable* (segment-readtable-now segment))
        (tables (and (segment-evaluates segment) (named-tables segment))))
    (setf (installation-unit installation) (unit-index (first (segment-units segment))))
    (cond ((segment-evaluates segment)
           (install-collected installation)
           (setf (installation-phase installation) :pass))
          (t (setf (installation-phase installation) :collect)))
    (unwind-protect
         (if (segment-functions segment)
             (loop for (unit name function) in (segment-functions segment)
                   do (note-loading (unit-index unit))
                      (stage-function name function))
             (call-with-policy nil
                               (lambda ()
                                 (with-quiet-redefinition ()
                                   (load-fasl (native-pathname (segment-fasl segment)) (segment-file segment))))))
      (setf (installation-phase installation) :pass)
      (loop for (table symbol . entries) in tables
            for delta = (and (listp entries) (table-delta table entries))
            do (cond (delta (push delta (installation-tables installation)))
                     ((eq entries :many) (pushnew symbol (installation-unread installation) :test #'eq)))))))
