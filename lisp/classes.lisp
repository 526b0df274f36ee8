;;;; Classes, their instances, structures and conditions as states: what is kept of them, and how it is put back.

(in-package :hotlisp)

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
          (when (documentation slot t) (list :documentation (documentation slot t)))
          (own-slot-options slot)))

(defun own-slot-options (slot)
  "The options that SLOT, a direct slot definition, has besides the standard's because the user's metaobjects know them."
  (let ((standard (find-class 'sb-mop:standard-direct-slot-definition)))
    (unless (eq (class-of slot) standard)
      (loop with known = (mapcar #'sb-mop:slot-definition-name (sb-mop:class-slots standard))
            for each in (sb-mop:class-slots (class-of slot))
            for name = (sb-mop:slot-definition-name each)
            for initarg = (first (sb-mop:slot-definition-initargs each))
            when (and initarg (not (member name known)) (slot-boundp slot name))
              append (list initarg (slot-value slot name))))))

(defun bring-back-class (name class)
  (setf (find-class name) class)
  (when (capability :structures) (name-classoid name)))

(defparameter *accessor-patience* 2000
  "For how many milliseconds a call waits that finds no method, while a class is defined again.")

(defun class-accessors (class)
  "The generic functions that read and write the direct slots of CLASS."
  (loop for slot in (sb-mop:class-direct-slots class)
        append (loop for name in (append (sb-mop:slot-definition-readers slot) (sb-mop:slot-definition-writers slot))
                     for function = (generic-function-named name)
                     when function collect function)))

(defun call-missing-methods (function)
  "Call FUNCTION, which takes methods away and makes them anew: a call of another thread that finds none meanwhile is made again afterwards."
  (if (capability :encapsulation)
      (let ((thread sb-thread:*current-thread*) (done nil))
        (encapsulate 'no-applicable-method 'hotlisp
                     (lambda (fail generic-function &rest arguments)
                       (cond ((or done (eq thread sb-thread:*current-thread*)) (apply fail generic-function arguments))
                             ((loop repeat *accessor-patience* thereis done do (sleep 0.001))
                              (apply generic-function arguments))
                             (t (apply fail generic-function arguments)))))
        (unwind-protect (funcall function)
          (setf done t)
          (unencapsulate 'no-applicable-method 'hotlisp)))
      (funcall function)))

(defun call-redefining-class (class function &optional (reset #'reset-generic-functions))
  "Call FUNCTION, which defines CLASS again. SBCL takes the methods of its accessors away first and makes them anew. RESET is called with the
accessors that were and are there, so that none keeps what was found of it meanwhile."
  (if (typep class 'sb-mop:standard-class)
      (let ((accessors (class-accessors class)))
        (unwind-protect (call-missing-methods function)
          (funcall reset (union accessors (class-accessors class)))))
      (funcall function)))

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
               (bring-back-class name old)
               (dolist (superclass (sb-mop:class-direct-superclasses old))
                 (unless (member old (sb-mop:class-direct-subclasses superclass))
                   (sb-mop:add-direct-subclass superclass old))))
             (unless (and (same-slots-p (sb-mop:class-direct-slots old) (class-state-slots state))
                          (equal (sb-mop:class-direct-superclasses old) (class-state-superclasses state))
                          (equal (sb-mop:class-direct-default-initargs old) (class-state-default-initargs state)))
               (call-redefining-class
                old
                (lambda ()
                  (sb-mop:ensure-class name
                                       :metaclass (class-state-metaclass state)
                                       :direct-superclasses (class-state-superclasses state)
                                       :direct-slots (mapcar #'slot-specification (class-state-slots state))
                                       :direct-default-initargs (class-state-default-initargs state)
                                       :documentation (class-state-documentation state)))))
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
       '())
      ;; Writing the parts makes the readers anew.
      (:condition (if (equal (condition-class-parts name) (cdr parts))
                      '()
                      (set-condition-class-parts name (cdr parts))))
      (:other '()))))
