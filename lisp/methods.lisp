;;;; Methods. Redefining one with ADD-METHOD while other threads call its generic function leaves SBCL's dispatch caches wrong about
;;;; every fourth time (2.2.9 to 2.6.4), so an existing method keeps its object and gets the new function, and the caches are emptied
;;;; twice, far enough apart that a thread which was filling one with the old function is done.

(in-package :hotlisp)

(defun method-state (method)
  "The parts of METHOD that a redefinition changes, in the order of *METHOD-SLOTS*."
  (loop for slot in *method-slots*
        collect (if (slot-boundp method slot) (slot-value method slot) **none**)))

(defun write-method-state (method state)
  (loop for slot in *method-slots*
        for value in state
        do (if (none-p value) (slot-makunbound method slot) (setf (slot-value method slot) value))))

(defun method-state-function (state)
  (nth (position method-function-key *method-slots*) state))

(defun redefined-method-state (method lambda-list initargs source)
  "The state that METHOD has once its definition is the one that INITARGS, as DEFMETHOD passes them, describe."
  (let ((plist (let ((old (slot-value method method-plist-key))
                     (new (copy-list (getf initargs method-plist-key))))
                 (when (getf old :name) (setf (getf new :name) (getf old :name)))
                 new)))
    (loop for slot in *method-slots*
          for name = (symbol-name slot)
          collect (cond ((eq slot method-function-key) (getf initargs :function))
                        ((eq slot method-plist-key) plist)
                        ((string= name "LAMBDA-LIST") lambda-list)
                        ((string= name "SOURCE") source)
                        ((string= name "%DOCUMENTATION") (getf initargs :documentation))
                        (t (getf initargs slot))))))

(defvar *redefined-methods* (make-hash-table :test #'eq :weakness :key :synchronized t)
  "The generic functions of methods that were given another function.")

(defun reinstate-methods (methods)
  "Make every one of METHODS that somebody else's definition has displaced a method of its generic function again."
  (dolist (method methods)
    (let ((function (gethash method *redefined-methods*)))
      (when (and function (null (sb-mop:method-generic-function method)))
        (add-method function method)))))

(defun install-methods (states)
  "Give every method of STATES, an alist, its state. Afterwards no call reaches the old one."
  (let ((functions (remove-duplicates (loop for (method) in states
                                            for function = (sb-mop:method-generic-function method)
                                            when function collect function))))
    (call-changing-methods functions
                           (lambda ()
                             (without-interrupts
                               (loop for (method . state) in states do (write-method-state method state)))
                             (reset-generic-functions functions))))
  (reset-constructors (mapcar #'car states)))

(defun reset-constructors (methods)
  "Have MAKE-INSTANCE of a class that was known to the compiler call METHODS as they are now: those of INITIALIZE-INSTANCE and its like are
called without their generic functions."
  ;; A thread that is making one would find it without its class.
  (with-world-lock ()
    (dolist (method methods)
      (let ((function (sb-mop:method-generic-function method)))
        (when function (update-constructors 'add-method :generic-function function :method method))))))

(defun reset-dispatch (functions)
  "Empty the dispatch caches of FUNCTIONS. Whoever is filling one with what was found before does so all the same."
  (when (capability :methods-in-place)
    (dolist (function functions)
      (when (typep function 'standard-generic-function)
        (without-interrupts
          (sb-thread:with-recursive-lock ((gf-lock function))
            (flush-effective-method-cache function)
            (update-dfun function)))))))

(defun reset-generic-functions (functions)
  "Empty the dispatch caches of FUNCTIONS, now and again once whoever was filling them is done."
  (when (and functions (capability :methods-in-place))
    (reset-dispatch functions)
    (settle)
    (reset-dispatch functions)))

;;;; From a DEFMETHOD that is being loaded

(defun named-method (arguments)
  "The method that loading with ARGUMENTS would replace or has defined; else NIL."
  (destructuring-bind (class name qualifiers specializers lambda-list initargs source) arguments
    (declare (ignore class lambda-list initargs source))
    (let ((function (generic-function-named name)))
      (when function
        (find-if (lambda (method)
                   (and (equal (method-qualifiers method) qualifiers)
                        (equal (sb-mop:method-specializers method) specializers)))
                 (sb-mop:generic-function-methods function))))))

(defun existing-method (arguments)
  "The method that loading with ARGUMENTS would replace, if its object can be kept; else NIL."
  (let ((method (named-method arguments)))
    (and method
         (eq (class-of method) (find-class 'standard-method))
         (eq (first arguments) 'standard-method)
         method)))

(defun congruent-lambda-lists-p (old new)
  "Whether a method with the lambda list NEW may stand where one with OLD did without the generic function's arguments changing."
  (flet ((shape (lambda-list)
           (let ((required 0) (optional 0) (mode :required) (rest nil) (keys '()) (allow nil))
             (dolist (element lambda-list (list required optional rest (sort keys #'string<) allow))
               (case element
                 (&optional (setf mode :optional))
                 (&rest (setf mode :rest rest t))
                 (&key (setf mode :key rest t))
                 (&allow-other-keys (setf allow t))
                 (&aux (setf mode :aux))
                 (t (case mode
                      (:required (incf required))
                      (:optional (incf optional))
                      (:key (let ((name (if (consp element) (first element) element)))
                              (push (symbol-name (if (consp name) (first name) name)) keys))))))))))
    (equal (shape old) (shape new))))

(defun lasting-method (arguments)
  "The method that loading with ARGUMENTS gives another definition, if its object is kept; else NIL."
  (let ((method (and (capability :methods-in-place) (existing-method arguments))))
    (and method (congruent-lambda-lists-p (sb-mop:method-lambda-list method) (fifth arguments)) method)))

(defun load-staged-methods (staged record)
  "Define the methods of STAGED, arguments of calls in order. RECORD is called with a :METHOD or :METHODS delta as soon as that stands."
  (let ((redefined '())
        (names (remove-duplicates (mapcar #'second staged) :test #'equal)))
    (labels ((functions () (remove nil (mapcar #'generic-function-named names)))
             (replaced-p (arguments) (and (named-method arguments) (not (lasting-method arguments))))
             (load-them ()
               (call-changing-methods
                (functions)
                (lambda ()
                  (dolist (arguments staged)
                    (let ((method (lasting-method arguments)))
                      (if method
                          (progn (redefine-method method arguments record)
                                 (push method redefined))
                          (define-method arguments record))))
                  (reset-generic-functions (functions))))))
      (if (some #'replaced-p staged)
          ;; SBCL takes the old one away first.
          (call-missing-methods #'load-them)
          (load-them)))
    (reset-constructors redefined)))

(defun redefine-method (method arguments record)
  "Give METHOD the definition that ARGUMENTS describe. Its generic function has to be reset afterwards."
  (destructuring-bind (lambda-list initargs source) (nthcdr 4 arguments)
    (let ((old (method-state method))
          (new (redefined-method-state method lambda-list initargs source))
          (cell (getf initargs method-cell-key)))
      (without-interrupts
        ;; CALL-NEXT-METHOD finds its method through the cell, and slot accesses through tables made from the plist.
        (initialize-method-function initargs method)
        (when cell (setf (car cell) method))
        (setf (gethash method *redefined-methods*) (sb-mop:method-generic-function method))
        (write-method-state method new)
        (funcall record (make-delta :method method old new))))))

(defun define-method (arguments record)
  "Define a new method, or one whose object cannot be kept, as SBCL does."
  (let* ((before (generic-function-named (second arguments)))
         (old (and before (sb-mop:generic-function-methods before))))
    (unwind-protect (apply #'load-defmethod arguments)
      (let ((after (generic-function-named (second arguments))))
        (when (and before (eq before after))
          (funcall record (make-delta :methods before old (sb-mop:generic-function-methods before))))))))

(defun generic-function-named (name)
  (let ((function (and (fboundp name) (not (and (symbolp name) (macro-function name))) (fdefinition name))))
    (and (typep function 'standard-generic-function) function)))
