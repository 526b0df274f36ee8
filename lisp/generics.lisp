;;;; Generic functions and method combinations as states: what DEFGENERIC and DEFINE-METHOD-COMBINATION change in place.

(in-package :hotlisp)

;;;; Generic functions

(defun generic-parts (function)
  "What a DEFGENERIC says of FUNCTION: the methods that it gave it and the initialization arguments; its methods as such are apart."
  (list (and (capability :initial-methods) (generic-initial-methods function))
        :lambda-list (sb-mop:generic-function-lambda-list function)
        :argument-precedence-order (sb-mop:generic-function-argument-precedence-order function)
        :method-combination (sb-mop:generic-function-method-combination function)
        :method-class (sb-mop:generic-function-method-class function)
        :declarations (sb-mop:generic-function-declarations function)
        :documentation (documentation function t)))

(defun write-generic-parts (function parts)
  "Give FUNCTION the PARTS. Signals an error when methods that it has do not fit them."
  (unless (equal parts (generic-parts function))
    (destructuring-bind (initial-methods &rest arguments) parts
      (apply #'reinitialize-instance function arguments)
      (when (capability :initial-methods) (setf (generic-initial-methods function) initial-methods))
      (setf (documentation function t) (getf arguments :documentation)))
    (reset-generic-functions (list function))))

;;;; Method combinations

(defparameter *combination-users* (find-symbol "%GENERIC-FUNCTIONS" "SB-PCL")
  "The slot in which a method combination knows the generic functions that use it: it is not part of the definition.")

(defun combination-objects (info)
  "An alist from each method combination that INFO, the definition, has made to its slots."
  (loop for (nil . object) in (method-combination-cache info)
        collect (cons object
                      (loop for slot in (sb-mop:class-slots (class-of object))
                            for name = (sb-mop:slot-definition-name slot)
                            unless (eq name *combination-users*)
                              collect (cons name (if (slot-boundp object name) (slot-value object name) **none**))))))

(defun combination-info (name)
  "What SBCL keeps of NAME as a method combination, another object for each definition; NIL where it means none."
  (and (capability :method-combinations) (values (gethash name method-combinations))))

(defun combination-state (name)
  "What NAME means as a method combination: the definition, its cache, the function of a long form, and what it has made; nothing where it
means none."
  (let ((info (combination-info name)))
    (if info
        (list* info (method-combination-cache info) (and (capability :long-method-combinations) (gethash name long-method-combinations))
               (combination-objects info))
        **none**)))

(defun combination-states ()
  "An alist from the name of every method combination to its state."
  (when (capability :method-combinations)
    (loop for name being the hash-keys of method-combinations
          collect (cons name (combination-state name)))))

(defun same-combination-p (a b)
  (if (or (none-p a) (none-p b))
      (eq a b)
      (and (eq (first a) (first b)) (eq (third a) (third b)))))

(defun write-combination (name state)
  "Give NAME the STATE as a method combination, and have the generic functions that use it go by that."
  (when (capability :long-method-combinations)
    (let ((function (and (not (none-p state)) (third state))))
      (if function
          (setf (gethash name long-method-combinations) function)
          (remhash name long-method-combinations))))
  (cond ((none-p state) (remhash name method-combinations))
        (t (setf (gethash name method-combinations) (car state)
                 ;; Defining it again takes the objects over.
                 (method-combination-cache (car state)) (cadr state))
           (loop for (object . slots) in (cdddr state)
                 do (unless (loop for (slot) in slots always (slot-exists-p object slot))
                      (error "SBCL has made a method combination of another kind of it."))
                    (loop for (slot . value) in slots
                          do (if (none-p value) (slot-makunbound object slot) (setf (slot-value object slot) value)))
                    (reset-generic-functions (combination-users object))))))

(defun combination-users (object)
  "The generic functions that use the method combination OBJECT."
  (when (and *combination-users* (slot-exists-p object *combination-users*))
    (let ((users (slot-value object *combination-users*)) (functions '()))
      (typecase users
        (list (setf functions users))
        (hash-table (loop for function being the hash-keys of users do (push function functions)))
        (t (map-set (lambda (function) (push function functions)) users)))
      (remove-if-not (lambda (each) (typep each 'generic-function)) functions))))

(defun users-in-combination-state (state)
  "The generic functions that go by what STATE, which COMBINATION-STATE answered, is of."
  (unless (none-p state)
    (loop for (object) in (cdddr state) append (combination-users object))))
