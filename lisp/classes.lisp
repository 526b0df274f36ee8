;;;; Classes, their instances, structures and conditions as states: what is kept of them, and how it is put back.

(in-package :hotlisp)

;;;; Classes

(sb-ext:defglobal **kept-values** (list nil) "Its CAR lists (instance (slot . value)*), what instances have lost.")

(defvar *keeping-instances* nil "True while what instances lose by being brought up to their class is kept.")

(defstruct (class-state (:copier nil) (:predicate nil))
  "CLASS is the class object; the others are its parts at the time. PARTS are a structure's or condition's own. OPTIONS is an alist from the
slots that CLASS has because of a metaclass of the user's to their values, SHARED one from slots that all instances share to the conses that hold
their values, SOURCE where CLASS was defined. METAOBJECTS are what a structure's class knows of its slots."
  class metaclass superclasses slots default-initargs documentation parts (options '()) (shared '()) source metaobjects)

(defun ordinary-class-p (class)
  "Whether CLASS is one of DEFCLASS's."
  (typep class '(or standard-class sb-mop:funcallable-standard-class)))

(defun capture-class (class)
  (if (ordinary-class-p class)
      (make-class-state :class class :metaclass (class-of class)
                        :superclasses (sb-mop:class-direct-superclasses class)
                        :slots (sb-mop:class-direct-slots class)
                        :default-initargs (sb-mop:class-direct-default-initargs class)
                        :documentation (documentation class t)
                        :options (class-options class)
                        :shared (shared-slots class)
                        :source (slot-value-or-nil class method-source-key))
      (make-class-state :class class :metaclass (class-of class)
                        :parts (capture-classoid (class-name class))
                        :metaobjects (and (typep class 'structure-class) (structure-metaobjects class)))))

(defun own-slots (metaobject standard)
  "The slots that METAOBJECT has besides those of the class STANDARD, because the user's metaobjects know them."
  (unless (eq (class-of metaobject) standard)
    (let ((known (mapcar #'sb-mop:slot-definition-name (sb-mop:class-slots standard))))
      (remove-if (lambda (slot) (member (sb-mop:slot-definition-name slot) known))
                 (sb-mop:class-slots (class-of metaobject))))))

(defun metaclass-slots (class)
  (own-slots class (find-class (if (typep class 'standard-class) 'standard-class 'sb-mop:funcallable-standard-class))))

(defun class-options (class)
  (loop for slot in (metaclass-slots class)
        for name = (sb-mop:slot-definition-name slot)
        collect (cons name (if (slot-boundp class name) (slot-value class name) **none**))))

(defun shared-slots (class)
  (loop for slot in (sb-mop:class-direct-slots class)
        for cell = (and (eq (sb-mop:slot-definition-allocation slot) :class)
                        (shared-cell class (sb-mop:slot-definition-name slot)))
        when cell collect (cons (sb-mop:slot-definition-name slot) cell)))

(defun shared-cell (class name)
  "The cons whose CDR is the value of the slot NAME, which the instances of CLASS share; NIL where there is no such slot."
  (let* ((slot (and (sb-mop:class-finalized-p class)
                    (find name (sb-mop:class-slots class) :key #'sb-mop:slot-definition-name)))
         (location (and slot (sb-mop:slot-definition-location slot))))
    (and (consp location) location)))

(defun same-class-state-p (a b)
  (or (eq a b)
      (and (typep a 'class-state) (typep b 'class-state)
           (eq (class-state-class a) (class-state-class b))
           (equal (class-state-superclasses a) (class-state-superclasses b))
           (same-slots-p (class-state-slots a) (class-state-slots b))
           (equal (class-state-default-initargs a) (class-state-default-initargs b))
           (equal (class-state-documentation a) (class-state-documentation b))
           ;; What the program keeps in a class that nobody has defined again is no part of its definition.
           (or (and (class-state-source a) (eq (class-state-source a) (class-state-source b)))
               (equal (class-state-options a) (class-state-options b)))
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
          (when (documentation slot t) (list :documentation (documentation slot t)))
          (own-slot-options slot)))

(defun own-slot-options (slot)
  "The options that SLOT, a direct slot definition, has besides the standard's because the user's metaobjects know them."
  (loop for each in (own-slots slot (find-class 'sb-mop:standard-direct-slot-definition))
        for name = (sb-mop:slot-definition-name each)
        for initarg = (first (sb-mop:slot-definition-initargs each))
        when (and initarg (slot-boundp slot name))
          append (list initarg (slot-value slot name))))

(defun bring-back-class (name class)
  (setf (find-class name) class)
  (when (capability :structures) (name-classoid name)))

(defun defined-functions (class)
  "The generic functions that defining CLASS gives methods: they read and write its direct slots."
  (remove-duplicates
   (if (ordinary-class-p class)
       (loop for name in (accessor-names (sb-mop:class-direct-slots class))
             for function = (generic-function-named name)
             when function collect function)
       (loop for method in (sb-mop:specializer-direct-methods class)
             for function = (sb-mop:method-generic-function method)
             when function collect function))))

(defun redefinable-class-p (class)
  "Whether defining CLASS again gives its readers and writers other methods."
  (or (ordinary-class-p class)
      (and class (subtypep class 'condition))))

(defun call-redefining-class (class function &optional (reset #'reset-generic-functions) moving)
  "Call FUNCTION, which defines CLASS again; MOVING, if true, some of its slots are likely to move. SBCL takes the methods of its accessors away first and
makes them anew. RESET is called with the accessors that were and are there, unless they were reset already, so that none keeps what was found of it meanwhile."
  (if (redefinable-class-p class)
      (let ((accessors (defined-functions class)) (reset-p nil))
        (labels ((all () (union accessors (defined-functions class)))
                 ;; That none was there may have been kept, too, until then; those who wait call again after it.
                 (define ()
                   (multiple-value-prog1 (call-moving-slots function (and moving (list class)))
                     (reset-dispatch (all))))
                 (define-condition-again ()
                   (multiple-value-prog1 (funcall function)
                     (reset-generic-functions (all))
                     (setf reset-p t))))
          (unwind-protect
               (call-missing-methods (if (ordinary-class-p class)
                                         #'define
                                         ;; To SBCL a reader of conditions without a method returns a constant.
                                         (lambda () (call-changing-methods t #'define-condition-again))))
            (unless reset-p (funcall reset (all))))))
      (funcall function)))

(defun call-loading-class (loader arguments reset)
  "Call LOADER, one of *CLASS-LOADERS*, with ARGUMENTS; RESET as for CALL-REDEFINING-CLASS."
  (let ((class (find-class (first arguments) nil)))
    (call-redefining-class class (lambda () (apply loader arguments)) reset
                           (and (ordinary-class-p class) (direct-slots-differ-p class (third arguments) (fourth arguments))))))

(defun define-class-as (name state)
  "Define the class NAME, whose object that of STATE is, as STATE says."
  (let* ((class (class-state-class state))
         (options (loop for slot in (metaclass-slots class)
                        for initarg = (first (sb-mop:slot-definition-initargs slot))
                        for (nil . value) = (assoc (sb-mop:slot-definition-name slot) (class-state-options state))
                        unless (or (null initarg) (none-p value)) append (list initarg value))))
    (flet ((define (options)
             (apply #'sb-mop:ensure-class name
                    :metaclass (class-state-metaclass state)
                    :direct-superclasses (class-state-superclasses state)
                    :direct-slots (mapcar #'slot-specification (class-state-slots state))
                    :direct-default-initargs (class-state-default-initargs state)
                    :documentation (class-state-documentation state)
                    options)))
      (call-redefining-class
       class
       (lambda ()
         (if options
             ;; What the user's methods have made of an option they may not take as one.
             (handler-case (define options)
               (error () (define '())))
             (define '())))))))

(defun restore-class-values (class state from options)
  "Give CLASS the values of the user's metaclass, and those that instances share, that go with STATE. Where what made FROM of STATE, a state or nothing, did
not change one, it is what OPTIONS say: what it was before CLASS was defined as STATE again."
  (loop for (name . value) in (class-state-options state)
        for current = (assoc name options)
        for unchanged = (and current (typep from 'class-state)
                             (equal (assoc name (class-state-options from)) (cons name value)))
        do (when (slot-exists-p class name)
             (let ((value (if unchanged (cdr current) value)))
               (cond ((none-p value) (slot-makunbound class name))
                     ((not (and (slot-boundp class name) (eq (slot-value class name) value)))
                      (setf (slot-value class name) value))))))
  (loop for (name . cell) in (class-state-shared state)
        for present = (shared-cell class name)
        do (unless (or (null present) (eq present cell))
             (setf (cdr present) (cdr cell))))
  (when (and (class-state-source state) (slot-exists-p class method-source-key))
    (setf (slot-value class method-source-key) (class-state-source state))))

(defun restore-class (name state undoing &optional from)
  "Give the class NAME the definition STATE, or take the name from it when that is nothing; FROM is the state that is left. Returns sentences about
what remains different from how it was, if this is UNDOING what was done since."
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
                  (options (class-options old))
                  (dropped (and (eq class old)
                                (set-difference (mapcar #'sb-mop:slot-definition-name
                                                        (remove :class (class-state-slots state)
                                                                :key #'sb-mop:slot-definition-allocation))
                                                (mapcar #'sb-mop:slot-definition-name (sb-mop:class-direct-slots old))))))
             (unless (eq class old)
               (bring-back-class name old)
               (dolist (superclass (sb-mop:class-direct-superclasses old))
                 (unless (member old (sb-mop:class-direct-subclasses superclass))
                   (sb-mop:add-direct-subclass superclass old))))
             (unless (and (same-slots-p (sb-mop:class-direct-slots old) (class-state-slots state))
                          (equal (sb-mop:class-direct-superclasses old) (class-state-superclasses state))
                          (equal (sb-mop:class-direct-default-initargs old) (class-state-default-initargs state))
                          (equal options (class-state-options state)))
               (define-class-as name state))
             (restore-class-values old state from options)
             (unless (equal (documentation old t) (class-state-documentation state))
               (setf (documentation old t) (class-state-documentation state)))
             (if (and dropped undoing (not *keeping-instances*))
                 (list (format nil "Instances of ~a that were used meanwhile have lost the values of ~{~a~^, ~}."
                               name dropped))
                 '()))))))

(defun changed-types (deltas)
  "The symbols of DELTAS, of kind :INFO, that have or had an expansion as types which was changed."
  (flet ((expander (info)
           (with-information (name info) (information name :type :expander))))
    (loop for delta in deltas
          unless (eq (expander (delta-old delta)) (expander (delta-new delta)))
            collect (delta-name delta))))

(defun refresh-slot-types (types)
  "Have classes check the values of slots by what TYPES, symbols, mean now."
  (labels ((mentions-p (tree) (if (consp tree) (or (mentions-p (car tree)) (mentions-p (cdr tree))) (member tree types)))
           (refresh (class)
             (when (some #'mentions-p (mapcar #'sb-mop:slot-definition-type (sb-mop:class-direct-slots class)))
               (reinitialize-instance class))
             (mapc #'refresh (sb-mop:class-direct-subclasses class))))
    (when types (refresh (find-class 'standard-object)))))

;;;; Instances

(defun call-keeping-instances (function)
  "Call FUNCTION. RESTORE-KEPT-VALUES, called meanwhile, undoes what instances that anybody used lost because their classes changed."
  (if (capability :kept-instances)
      (let ((*keeping-instances* t))
        (setf (car **kept-values**) '())
        (unwind-protect
             (with-replacements (replace-function)
               (replace-function *instance-updater*
                                 (lambda (update old new instance)
                                   (let ((lost (ignore-errors (lost-slot-values old new instance))))
                                     ;; CHANGE-CLASS makes a copy of the instance on the stack, for as long as it takes.
                                     (when (and lost (not (sb-ext:stack-allocated-p instance)))
                                       (sb-ext:atomic-push (cons instance lost) (car **kept-values**))))
                                   (funcall update old new instance)))
               (funcall function))
          (setf (car **kept-values**) '())))
      (funcall function)))

(defun restore-kept-values ()
  ;; Others may be reading in those instances as they are.
  (when (car **kept-values**) (settle))
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

(defun structure-metaobjects (class)
  "What CLASS, a structure's, knows of its slots: the direct ones, all, and where each is. Defining it again makes all of these anew."
  (when (capability :structure-metaobjects)
    (list (slot-value class direct-slots-key) (slot-value class slots-key)
          (layout-slot-table (classoid-layout (find-classoid (class-name class)))))))

(defun write-structure-metaobjects (class metaobjects)
  (when metaobjects
    (destructuring-bind (direct all table) metaobjects
      (setf (slot-value class direct-slots-key) direct
            (slot-value class slots-key) all
            (layout-slot-table (classoid-layout (find-classoid (class-name class)))) table))))

(defun same-classoid-parts-p (a b)
  (and (eq (car a) (car b))
       (if (eq (car a) :structure)
           (eq (cdr a) (cdr b))
           (equal (cdr a) (cdr b)))))

(defun restore-classoid (name state)
  (let ((parts (class-state-parts state)))
    (unless (eq (find-class name nil) (class-state-class state))
      (bring-back-class name (class-state-class state)))
    (ecase (car parts)
      (:structure
       (unless (eq (find-structure-description name nil) (cdr parts))
         (let ((informations (loop for function in (described-functions (cdr parts))
                                   for symbol = (name-symbol function)
                                   collect (cons symbol (symbol-dbinfo symbol)))))
           (install-structure-description (cdr parts))
           ;; Installing writes about all its functions anew, also where the definition that goes said nothing of them.
           (loop for (symbol . information) in informations
                 when information do (restore-info symbol information))))
       (write-structure-metaobjects (class-state-class state) (class-state-metaobjects state))
       '())
      ;; Writing the parts makes the readers anew.
      (:condition (if (equal (condition-class-parts name) (cdr parts))
                      '()
                      (call-redefining-class (class-state-class state)
                                             (lambda () (set-condition-class-parts name (cdr parts))))))
      (:other '()))))
