;;;; Who calls a function directly, and not by its name: what was compiled in one block with it (:BLOCK-COMPILE, START-BLOCK). Such a call
;;;; never sees another function of that name, and the compiler keeps no record of it, so that all that shares its code counts as users.

(in-package :hotlisp)

(defun block-of (name)
  "The code that the function NAME shares with other definitions; NIL where it has its own."
  (let ((state (and (capability :compilation-blocks) (fboundp name) (function-state name))))
    (when (and (functionp state) (not (typep state 'generic-function)))
      (let ((code (ignore-errors (code-of state))))
        (and code (block-compiled-p code) code)))))

(defun map-block (receive name)
  "Call RECEIVE as MAP-USERS does with what shares the code of the function NAME, but for what is recorded to call it by its name."
  (let ((code (block-of name)))
    (when code
      (let ((own (function-state name)))
        (map-users (lambda (kind user function method)
                     (unless (or (eq function own)
                                 (not (eq code (ignore-errors (code-of function))))
                                 (uses-p function '(:calls) (list name)))
                       (funcall receive kind user function method))))))))

(defun directly-called-p (name)
  "Whether something may call the function NAME directly."
  (and (not (eq name :unresolved))
       (block nil (map-block (lambda (&rest user) (declare (ignore user)) (return t)) name) nil)))

(defun block-users (name)
  "The USERs that may call the function NAME directly."
  (let ((found '()))
    (map-block (lambda (kind user function method)
                 (declare (ignore function))
                 (push (make-user :kind kind :name user :pointer (and method (sb-ext:make-weak-pointer method))) found))
               name)
    found))

(defun same-user-p (a b)
  (and (eq (user-kind a) (user-kind b))
       (equal (user-name a) (user-name b))
       (or (null (user-pointer a)) (eq (user-method a) (user-method b)))))
