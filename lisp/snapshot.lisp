;;;; What the image holds under the names that an operation may change: captured before, compared after, put back.
;;;;
;;;; A DELTA is one place and its old and new state. Undoing is writing the old states, redoing the new ones; a failed operation is
;;;; undone in the same way, so there is one kind of restoring only.

(in-package :hotlisp)

(sb-ext:defglobal **none** (make-symbol "NONE") "Stands for nothing where NIL could be something.")

(defun none-p (state) (eq state **none**))

(defstruct (delta (:constructor make-delta (kind name old new)) (:copier nil) (:predicate nil))
  "KIND and NAME are the place:
  :FUNCTION name      a function, (:MACRO . function), or the mark of nothing
  :INFO symbol        what SYMBOL-DBINFO returns
  :VALUE symbol, :PLIST symbol
  :CLASS symbol       a CLASS-STATE or nothing
  :METHOD method      a METHOD-STATE
  :METHODS function   the list of a generic function's methods
  :PACKAGE name       a PACKAGE-STATE or nothing
  :INTERNED package   a list of symbols"
  kind name old new)

;;;; One name

(defun function-state (name)
  (cond ((not (fboundp name)) **none**)
        ((symbolp name)
         (cond ((special-operator-p name) **none**)
               ((macro-function name) (cons :macro (macro-function name)))
               (t (fdefinition name))))
        (t (fdefinition name))))

(defun same-function-state-p (a b)
  (or (eq a b) (and (consp a) (consp b) (eq (cdr a) (cdr b)))))

(defun value-state (symbol)
  (if (boundp symbol)
      (handler-case (sb-ext:symbol-global-value symbol) (error () **none**))
      **none**))

(defparameter *info-keys*
    (if (capability :rollback)
        (loop for type across info-types
              for number = (and type (meta-info-number type))
              when (and number (/= number fdefn-info-number))
                collect (list number (meta-info-category type) (meta-info-kind type)))
        '()))

(defun info-keys (name)
  "The entries of *INFO-KEYS* that can be asked about NAME: (SETF symbol) has to do with functions only."
  (if (symbolp name)
      *info-keys*
      (remove :function *info-keys* :key #'second :test-not #'eq)))

(defun info-value (name number default)
  "The raw value of the information NUMBER about NAME, or DEFAULT."
  (multiple-value-bind (value present) (get-info-value name number)
    (if present value default)))

(defun setf-function-cell (symbol)
  "The object through which callers reach (SETF SYMBOL), where there is one. It has to outlive every restoring."
  (find-fdefn (list 'setf symbol)))

(defun restore-info (symbol info)
  "Make INFO, once returned by SYMBOL-DBINFO, the information about SYMBOL and (SETF SYMBOL) again."
  (unless (eq (symbol-dbinfo symbol) info)
    (let ((cell (setf-function-cell symbol))
          (setf-name (list 'setf symbol)))
      (cond (info (update-symbol-info symbol (lambda (current) (declare (ignore current)) info)))
            (t (clear-info-values symbol (mapcar #'first (info-keys symbol)))
               (clear-info-values setf-name (mapcar #'first (info-keys setf-name)))))
      (when (and cell (not (eq cell (find-fdefn setf-name))))
        (set-info-value setf-name fdefn-info-number cell)))))

(defun merge-info (symbol from to)
  "Change what differs between the informations FROM and TO about SYMBOL to what TO says, leaving what somebody else has changed since."
  (let ((a (gensym)) (b (gensym)))
    (when from (update-symbol-info a (lambda (old) (declare (ignore old)) from)))
    (when to (update-symbol-info b (lambda (old) (declare (ignore old)) to)))
    (flet ((merge-name (name a b)
             (loop for (number) in (info-keys name)
                   for before = (info-value a number **none**)
                   for after = (info-value b number **none**)
                   unless (eq before after)
                     do (when (eq (info-value name number **none**) before)
                          (if (none-p after)
                              (clear-info-values name (list number))
                              (set-info-value name number after))))))
      (merge-name symbol a b)
      (merge-name (list 'setf symbol) (list 'setf a) (list 'setf b)))))

(defparameter *defining-information*
  '((:function :macro-function) (:function :compiler-macro-function) (:setf :expander) (:type :expander)
    (:variable :macro-expansion) (:variable :kind))
  "The information whose change by somebody else means that a definition was superseded.")

(defun superseded-information-p (symbol from to)
  "Whether something that defines SYMBOL differs between FROM and TO and is no longer what FROM says."
  (let ((a (gensym)) (b (gensym)))
    (when from (update-symbol-info a (lambda (old) (declare (ignore old)) from)))
    (when to (update-symbol-info b (lambda (old) (declare (ignore old)) to)))
    (flet ((superseded-p (name x y)
             (loop for (number category kind) in (info-keys name)
                     thereis (and (member (list category kind) *defining-information* :test #'equal)
                                  (let ((before (info-value x number **none**)))
                                    (and (not (eq before (info-value y number **none**)))
                                         (not (eq before (info-value name number **none**)))))))))
      (or (superseded-p symbol a b)
          (superseded-p (list 'setf symbol) (list 'setf a) (list 'setf b))))))

;;;; Packages

(defstruct (package-state (:copier nil) (:predicate nil))
  package name nicknames uses exports shadowing documentation local-nicknames locked)

(defun external-symbols (package)
  (let ((symbols '()))
    (do-external-symbols (symbol package symbols) (push symbol symbols))))

(defun capture-package (package)
  (make-package-state :package package
                      :name (package-name package)
                      :nicknames (package-nicknames package)
                      :uses (package-use-list package)
                      :exports (external-symbols package)
                      :shadowing (package-shadowing-symbols package)
                      :documentation (documentation package t)
                      :local-nicknames (sb-ext:package-local-nicknames package)
                      :locked (sb-ext:package-locked-p package)))

(defun same-set-p (a b)
  (and (= (length a) (length b))
       (if (> (length a) 16)
           (let ((table (make-hash-table :test #'eq :size (length a))))
             (dolist (element a) (setf (gethash element table) t))
             (every (lambda (element) (gethash element table)) b))
           (subsetp a b :test #'equal))))

(defun same-package-state-p (a b)
  (or (eq a b)
      (and (typep a 'package-state) (typep b 'package-state)
           (eq (package-state-package a) (package-state-package b))
           (equal (package-state-name a) (package-state-name b))
           (equal (package-state-documentation a) (package-state-documentation b))
           (eq (package-state-locked a) (package-state-locked b))
           (loop for reader in (list #'package-state-nicknames #'package-state-uses #'package-state-exports
                                     #'package-state-shadowing #'package-state-local-nicknames)
                 always (same-set-p (funcall reader a) (funcall reader b))))))

(defun restore-package (name state)
  "Give the package NAME the STATE, or delete it when that is nothing. Returns a list of sentences that say what could not be done."
  (let ((package (find-package name)) (remains '()))
    (sb-ext:without-package-locks
      (cond ((none-p state)
             (when package
               (handler-case
                   (let ((users (package-used-by-list package)))
                     (dolist (user users) (unuse-package package user))
                     (delete-package package))
                 (error (condition)
                   (push (format nil "The new package ~a could not be deleted: ~a" name condition) remains)))))
            (t
             (handler-case
                 (progn
                   (unless (and package (eq package (package-state-package state)))
                     (error "another package has that name now"))
                   (unless (and (equal (package-name package) (package-state-name state))
                                (same-set-p (package-nicknames package) (package-state-nicknames state)))
                     (rename-package package (package-state-name state) (package-state-nicknames state)))
                   (let ((now (external-symbols package)))
                     (unless (same-set-p now (package-state-exports state))
                       (unexport (set-difference now (package-state-exports state)) package)))
                   (dolist (used (set-difference (package-use-list package) (package-state-uses state)))
                     (unuse-package used package))
                   (let ((added (set-difference (package-shadowing-symbols package) (package-state-shadowing state))))
                     (dolist (symbol added)
                       (when (and (eq (symbol-package symbol) package) (not (symbol-defined-p symbol)))
                         (unintern symbol package))))
                   (let ((missing (set-difference (package-state-shadowing state) (package-shadowing-symbols package))))
                     (when missing (shadowing-import missing package)))
                   (dolist (used (set-difference (package-state-uses state) (package-use-list package)))
                     (use-package used package))
                   (let ((now (external-symbols package)))
                     (unless (same-set-p now (package-state-exports state))
                       (let ((missing (set-difference (package-state-exports state) now)))
                         (import missing package)
                         (export missing package))))
                   (loop for (nickname) in (sb-ext:package-local-nicknames package)
                         unless (assoc nickname (package-state-local-nicknames state) :test #'string=)
                           do (sb-ext:remove-package-local-nickname nickname package))
                   (loop for (nickname . target) in (package-state-local-nicknames state)
                         unless (assoc nickname (sb-ext:package-local-nicknames package) :test #'string=)
                           do (sb-ext:add-package-local-nickname nickname target package))
                   (setf (documentation package t) (package-state-documentation state))
                   (if (package-state-locked state)
                       (sb-ext:lock-package package)
                       (sb-ext:unlock-package package)))
               (error (condition)
                 (push (format nil "The package ~a could not be put back: ~a" name condition) remains))))))
    remains))

(defun symbol-defined-p (symbol)
  "Whether SYMBOL names anything or carries anything."
  (or (boundp symbol) (fboundp symbol) (symbol-plist symbol) (fboundp (list 'setf symbol))
      (find-class symbol nil)
      (macro-function symbol)
      (loop for (number category) in *info-keys*
              thereis (and (not (member category '(:function :source-location)))
                           (nth-value 1 (get-info-value symbol number))))))

;;;; Classes

(sb-ext:defglobal **kept-values** (list nil) "Its CAR lists (instance (slot . value)*), what instances have lost.")

(defvar *keeping-instances* nil "True while what instances lose by being brought up to their class is kept.")

(defstruct (class-state (:copier nil) (:predicate nil))
  "CLASS is the class object; the others are its parts at the time. PARTS are a structure's or condition's own."
  class metaclass superclasses slots default-initargs documentation parts)

(defun capture-class (class)
  (typecase class
    ((or standard-class sb-mop:funcallable-standard-class)
     (make-class-state :class class :metaclass (class-of class)
                       :superclasses (sb-mop:class-direct-superclasses class)
                       :slots (sb-mop:class-direct-slots class)
                       :default-initargs (sb-mop:class-direct-default-initargs class)
                       :documentation (documentation class t)))
    (t (make-class-state :class class :metaclass (class-of class)
                         :parts (capture-classoid (class-name class))))))

(defun same-class-state-p (a b)
  (or (eq a b)
      (and (typep a 'class-state) (typep b 'class-state)
           (eq (class-state-class a) (class-state-class b))
           (equal (class-state-superclasses a) (class-state-superclasses b))
           (same-slots-p (class-state-slots a) (class-state-slots b))
           (equal (class-state-default-initargs a) (class-state-default-initargs b))
           (equal (class-state-documentation a) (class-state-documentation b))
           (same-classoid-parts-p (class-state-parts a) (class-state-parts b)))))

(defun same-slots-p (a b)
  "Whether the direct slot definitions A and B say the same. Defining a class again makes new ones each time."
  (or (eq a b)
      (and (= (length a) (length b))
           (every (lambda (x y) (equal (slot-specification x) (slot-specification y))) a b))))

(defun slot-specification (slot)
  (append (list :name (sb-mop:slot-definition-name slot)
                :initargs (sb-mop:slot-definition-initargs slot)
                :readers (sb-mop:slot-definition-readers slot)
                :writers (sb-mop:slot-definition-writers slot)
                :type (sb-mop:slot-definition-type slot)
                :allocation (sb-mop:slot-definition-allocation slot))
          (when (sb-mop:slot-definition-initfunction slot)
            (list :initform (sb-mop:slot-definition-initform slot)
                  :initfunction (sb-mop:slot-definition-initfunction slot)))
          (when (documentation slot t) (list :documentation (documentation slot t)))))

(defun restore-class (name state undoing)
  "Give the class NAME the definition STATE, or take the name from it when that is nothing. Returns sentences about what remains
different from how it was, if this is UNDOING what was done since."
  (let ((class (find-class name nil)))
    (cond ((none-p state)
           (when class
             (setf (find-class name) nil)
             (when (typep class 'sb-mop:standard-class)
               (dolist (superclass (sb-mop:class-direct-superclasses class))
                 (sb-mop:remove-direct-subclass superclass class))))
           '())
          ((class-state-parts state) (restore-classoid name state))
          (t
           (let* ((old (class-state-class state))
                  (dropped (and (eq class old)
                                (set-difference (mapcar #'sb-mop:slot-definition-name (class-state-slots state))
                                                (mapcar #'sb-mop:slot-definition-name (sb-mop:class-direct-slots old))))))
             (unless (eq class old)
               (setf (find-class name) old)
               (dolist (superclass (sb-mop:class-direct-superclasses old))
                 (unless (member old (sb-mop:class-direct-subclasses superclass))
                   (sb-mop:add-direct-subclass superclass old))))
             (unless (and (same-slots-p (sb-mop:class-direct-slots old) (class-state-slots state))
                          (equal (sb-mop:class-direct-superclasses old) (class-state-superclasses state))
                          (equal (sb-mop:class-direct-default-initargs old) (class-state-default-initargs state)))
               (sb-mop:ensure-class name
                                    :metaclass (class-state-metaclass state)
                                    :direct-superclasses (class-state-superclasses state)
                                    :direct-slots (mapcar #'slot-specification (class-state-slots state))
                                    :direct-default-initargs (class-state-default-initargs state)
                                    :documentation (class-state-documentation state)))
             (if (and dropped undoing (not *keeping-instances*))
                 (list (format nil "Instances of ~a that were used meanwhile have lost the values of ~{~a~^, ~}."
                               name dropped))
                 '()))))))

;;;; Instances

(defun call-keeping-instances (function)
  "Call FUNCTION. RESTORE-KEPT-VALUES, called meanwhile, undoes what instances that anybody used lost because their classes changed."
  (if (capability :kept-instances)
      (let ((*keeping-instances* t))
        (setf (car **kept-values**) '())
        (unwind-protect
             (progn
               (encapsulate *instance-updater* 'hotlisp
                            (lambda (function old new instance)
                              (let ((lost (ignore-errors (lost-slot-values old new instance))))
                                (when lost
                                  (sb-ext:atomic-push (cons instance lost) (car **kept-values**))))
                              (funcall function old new instance)))
               (funcall function))
          (unencapsulate *instance-updater* 'hotlisp)
          (setf (car **kept-values**) '())))
      (funcall function)))

(defun restore-kept-values ()
  (loop for (instance . values) in (car **kept-values**)
        do (loop for (name . value) in values
                 when (slot-exists-p instance name)
                   do (setf (slot-value instance name) value))))

;;;; Structures and conditions

(defun capture-classoid (name)
  "What a structure or condition class consists of beside its class object: (:STRUCTURE . description) or (:CONDITION . parts)."
  (let ((description (and (typep (find-class name nil) 'structure-class) (find-structure-description name nil))))
    (cond (description (cons :structure description))
          ((and (capability :conditions) (subtypep name 'condition))
           (cons :condition (condition-class-parts name)))
          (t (list :other)))))

(defun same-classoid-parts-p (a b)
  (and (eq (car a) (car b))
       (if (eq (car a) :structure)
           (eq (cdr a) (cdr b))
           (equal (cdr a) (cdr b)))))

(defun restore-classoid (name state)
  (let ((parts (class-state-parts state)))
    (unless (eq (find-class name nil) (class-state-class state))
      (setf (find-class name) (class-state-class state)))
    (ecase (car parts)
      (:structure
       (unless (eq (find-structure-description name nil) (cdr parts))
         (install-structure-description (cdr parts)))
       '())
      ;; Writing the parts makes the readers anew.
      (:condition (if (equal (condition-class-parts name) (cdr parts))
                      '()
                      (set-condition-class-parts name (cdr parts))))
      (:other '()))))

;;;; Capturing

(defstruct (snapshot (:copier nil) (:predicate nil))
  "The states before an operation. SYMBOLS, INFOS and, of a full one, FUNCTIONS, SETF-FUNCTIONS and CLASSES are parallel vectors;
the others are alists from what they belong to."
  full packages symbols infos functions setf-functions classes
  named-infos named-functions values plists methods package-states missing-packages)

(defun present-symbols (packages)
  "The symbols present in PACKAGES, in no order."
  (let ((symbols '()))
    (dolist (package packages symbols)
      (with-package-iterator (next (list package) :internal :external)
        (loop (multiple-value-bind (more symbol) (next)
                (unless more (return))
                (push symbol symbols)))))))

(defun capture (packages definitions &key full tokens)
  "A SNAPSHOT of what is in PACKAGES and under the names of DEFINITIONS. A FULL one knows the functions, classes and generic
functions of every symbol there, and the values of TOKENS, symbols; else only the information about each symbol."
  (let* ((named (remove-duplicates
                 (loop for definition in definitions
                       when (and (resolved-p definition) (not (eq (definition-kind definition) :package)))
                         collect (definition-symbol definition))))
         (foreign (loop for symbol in named
                        unless (member (symbol-package symbol) packages) collect symbol))
         (symbols (coerce (append foreign (present-symbols packages)) 'simple-vector))
         (snapshot (make-snapshot :full full :packages packages :symbols symbols :infos (map 'vector (lambda (symbol) (symbol-dbinfo symbol)) symbols))))
    (setf (snapshot-named-infos snapshot) (loop for symbol in named collect (cons symbol (symbol-dbinfo symbol)))
          (snapshot-named-functions snapshot)
          (loop for symbol in named
                collect (cons symbol (function-state symbol))
                collect (let ((name (list 'setf symbol))) (cons name (function-state name)))))
    (loop for (nil . state) in (snapshot-named-functions snapshot)
          do (when (typep state 'standard-generic-function)
               (push (cons state (sb-mop:generic-function-methods state)) (snapshot-methods snapshot))))
    (when full (capture-fully snapshot definitions (union named tokens)))
    snapshot))

(defun capture-fully (snapshot definitions variables)
  (let* ((symbols (snapshot-symbols snapshot))
         (functions (make-array (length symbols) :initial-element **none**))
         (setf-functions (make-array (length symbols) :initial-element **none**))
         (classes (make-array (length symbols) :initial-element **none**))
         (methods '()))
    (flet ((note-methods (state)
             (when (typep state 'standard-generic-function)
               (push (cons state (sb-mop:generic-function-methods state)) methods))))
      (loop for symbol across symbols
            for info across (snapshot-infos snapshot)
            for index from 0
            do (when (fboundp symbol)
                 (note-methods (setf (aref functions index) (function-state symbol))))
               (when info
                 (when (setf-function-cell symbol)
                   (note-methods (setf (aref setf-functions index) (function-state (list 'setf symbol)))))
                 (let ((class (find-class symbol nil)))
                   (when class (setf (aref classes index) (capture-class class)))))))
    (setf (snapshot-functions snapshot) functions
          (snapshot-setf-functions snapshot) setf-functions
          (snapshot-classes snapshot) classes
          (snapshot-methods snapshot) (append methods (snapshot-methods snapshot))
          (snapshot-values snapshot) (loop for symbol in variables
                                           unless (keywordp symbol) collect (cons symbol (value-state symbol)))
          (snapshot-plists snapshot) (loop for symbol in variables
                                           collect (cons symbol (copy-list (symbol-plist symbol))))
          (snapshot-package-states snapshot)
          (loop for package in (remove-duplicates
                                (append (snapshot-packages snapshot)
                                        (loop for definition in definitions
                                              for package = (and (eq (definition-kind definition) :package)
                                                                 (find-package (definition-name definition)))
                                              when package collect package)))
                collect (capture-package package))
          (snapshot-missing-packages snapshot)
          (loop for definition in definitions
                when (and (eq (definition-kind definition) :package)
                          (not (find-package (definition-name definition))))
                  collect (definition-name definition)))))

(defun snapshot-knows-p (snapshot symbol)
  "Whether SNAPSHOT was made with SYMBOL there."
  (or (not (member (symbol-package symbol) (snapshot-packages snapshot)))
      (find symbol (snapshot-symbols snapshot))))

;;;; Comparing

(defun differences (snapshot &key (all t))
  "The DELTAS between SNAPSHOT and the image as it is now; unless ALL, only those of the names that were to be defined."
  (let ((deltas '()) (known (make-hash-table :test #'eq)) (noted (make-hash-table :test #'equal)))
    (flet ((note (kind name old new) (push (make-delta kind name old new) deltas))
           (note-function (name old)
             (unless (gethash name noted)
               (setf (gethash name noted) t)
               (let ((new (function-state name)))
                 (unless (same-function-state-p old new)
                   (push (make-delta :function name old new) deltas))))))
      (loop for (name . old) in (snapshot-named-functions snapshot) do (note-function name old))
      (unless all
        (loop for (symbol . old) in (snapshot-named-infos snapshot)
              for new = (symbol-dbinfo symbol)
              unless (eq old new) do (note :info symbol old new)))
      (when all
        (loop for symbol across (snapshot-symbols snapshot)
              for old across (snapshot-infos snapshot)
              for index from 0
              for new = (symbol-dbinfo symbol)
              do (setf (gethash symbol known) t)
                 (unless (eq old new) (note :info symbol old new))
                 (when (snapshot-full snapshot)
                   (note-full-symbol snapshot symbol index (not (eq old new)) #'note #'note-function)))
        (note-new-symbols snapshot known #'note #'note-function))
      (loop for (symbol . old) in (snapshot-values snapshot)
            for new = (value-state symbol)
            unless (or (eql old new) (find-if (lambda (delta)
                                                (and (eq (delta-kind delta) :value) (eq (delta-name delta) symbol)))
                                              deltas))
              do (note :value symbol old new))
      (loop for (symbol . old) in (snapshot-plists snapshot)
            unless (equal old (symbol-plist symbol)) do (note :plist symbol old (copy-list (symbol-plist symbol))))
      (loop for (function . old) in (snapshot-methods snapshot)
            for new = (sb-mop:generic-function-methods function)
            unless (same-set-p old new) do (note :methods function old new))
      (loop for old in (snapshot-package-states snapshot)
            for package = (package-state-package old)
            for new = (if (package-name package) (capture-package package) **none**)
            unless (same-package-state-p old new) do (note :package (package-state-name old) old new))
      (loop for name in (snapshot-missing-packages snapshot)
            for package = (find-package name)
            when package do (note :package name **none** (capture-package package))))
    (nreverse deltas)))

(defun note-full-symbol (snapshot symbol index changed note note-function)
  (funcall note-function symbol (aref (snapshot-functions snapshot) index))
  (when (symbol-dbinfo symbol)
    (when (or changed (not (none-p (aref (snapshot-setf-functions snapshot) index))))
      (funcall note-function (list 'setf symbol) (aref (snapshot-setf-functions snapshot) index)))
    (let* ((class (find-class symbol nil))
           (old (aref (snapshot-classes snapshot) index)))
      (unless (and (none-p old) (null class))
        (let ((new (if class (capture-class class) **none**)))
          (unless (same-class-state-p old new) (funcall note :class symbol old new)))))))

(defun note-new-symbols (snapshot known note note-function)
  (dolist (package (snapshot-packages snapshot))
    (when (package-name package)
      (let ((added (remove-if (lambda (symbol) (gethash symbol known)) (present-symbols (list package)))))
        (when added
          (funcall note :interned package '() added)
          (dolist (symbol added)
            (note-new-symbol symbol note note-function)))))))

(defun note-new-symbol (symbol note note-function)
  (funcall note-function symbol **none**)
  (funcall note-function (list 'setf symbol) **none**)
  (let ((class (find-class symbol nil)))
    (when class (funcall note :class symbol **none** (capture-class class))))
  (loop for name in (list symbol (list 'setf symbol))
        for function = (function-state name)
        when (typep function 'standard-generic-function)
          do (funcall note :methods function '() (sb-mop:generic-function-methods function)))
  (unless (none-p (value-state symbol)) (funcall note :value symbol **none** (value-state symbol)))
  (when (symbol-dbinfo symbol) (funcall note :info symbol nil (symbol-dbinfo symbol))))

;;;; Putting back

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

(defun restore-methods (function methods)
  "Make METHODS the methods of the generic FUNCTION again."
  (let ((current (sb-mop:generic-function-methods function)))
    (unless (same-set-p current methods)
      (dolist (method (set-difference current methods))
        ;; A class that was put back has made its accessors anew: they stay in place of the old ones.
        (unless (and (typep method 'sb-mop:standard-accessor-method)
                     (find-if (lambda (other) (same-signature-p method other)) methods))
          (remove-method function method)))
      (dolist (method (set-difference methods current))
        (unless (find-if (lambda (other) (same-signature-p method other)) (sb-mop:generic-function-methods function))
          (when (null (sb-mop:method-generic-function method))
            (add-method function method))))
      (reset-generic-functions (list function)))))

(defun same-signature-p (a b)
  (and (equal (method-qualifiers a) (method-qualifiers b))
       (equal (sb-mop:method-specializers a) (sb-mop:method-specializers b))))

(defun write-deltas (deltas direction &key forget-symbols)
  "Give every place of DELTAS its old state (DIRECTION :OLD) or its new one (:NEW), functions in one burst.
FORGET-SYMBOLS: also take out of their packages the new symbols that name nothing. Returns sentences about what could not be done."
  (let ((remains '()))
    (labels ((target (delta) (if (eq direction :old) (delta-old delta) (delta-new delta)))
             (source (delta) (if (eq direction :old) (delta-new delta) (delta-old delta)))
             (of (kind) (remove kind deltas :key #'delta-kind :test-not #'eq))
             (attempt (what function)
               (handler-case (funcall function)
                 (error (condition)
                   (push (format nil "~a could not be put back: ~a" what (condition-text condition 300)) remains)))))
      (when (eq direction :new)
        (dolist (delta (of :package))
          (setf remains (append (restore-package (delta-name delta) (target delta)) remains))))
      (with-world-lock ()
       (let ((information (plan-information (of :info) direction)))
        (write-functions (loop for delta in (of :function)
                               for state = (target delta)
                               when (and (functionp state) (functionp (source delta)))
                                 collect (cons (delta-name delta) state)))
        (install-methods (loop for delta in (of :method)
                               collect (cons (delta-name delta) (target delta))))
        (dolist (delta (of :class))
          (attempt (format nil "The class ~a" (delta-name delta))
                   (lambda ()
                     (setf remains (append (restore-class (delta-name delta) (target delta) (eq direction :old)) remains)))))
        (when (and *keeping-instances* (eq direction :old))
          (attempt "The slots of instances that were used meanwhile" #'restore-kept-values))
        (dolist (delta (of :methods))
          (attempt (format nil "The methods of ~a" (delta-name delta))
                   (lambda () (restore-methods (delta-name delta) (target delta)))))
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
        (dolist (delta (of :plist))
          (setf (symbol-plist (delta-name delta)) (copy-list (target delta))))
        (drop-all-hash-caches)))
      (when (eq direction :old)
        (dolist (delta (of :package))
          (setf remains (append (restore-package (delta-name delta) (target delta)) remains))))
      (when forget-symbols
        (dolist (delta (of :interned))
          (sb-ext:without-package-locks
            (dolist (symbol (delta-new delta))
              (when (and (package-name (delta-name delta))
                         (eq (symbol-package symbol) (delta-name delta)) (not (symbol-defined-p symbol)))
                (unintern symbol (delta-name delta))))))))
    remains))

(defun plan-information (deltas direction)
  "How to change the information that DELTAS are about, as a list of functions: as a whole where nobody else has changed any of it."
  (loop for delta in deltas
        collect (let* ((symbol (delta-name delta))
                       (old (if (eq direction :old) (delta-new delta) (delta-old delta)))
                       (new (if (eq direction :old) (delta-old delta) (delta-new delta)))
                       (current (symbol-dbinfo symbol)))
                  (if (or (eq current old) (eq current new))
                      (lambda () (restore-info symbol new))
                      (lambda () (merge-info symbol old new))))))

(defun write-functions (functions)
  "Set the function of every name in FUNCTIONS, an alist, in one burst: no thread sees a mixture for longer than that takes."
  (sb-ext:without-package-locks
    (without-interrupts
      (loop for (name . function) in functions
            do (setf (fdefinition name) function)))))
