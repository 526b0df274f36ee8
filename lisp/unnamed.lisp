;;;; Functions without a name, as forms outside of definitions make them. Who was compiled for a structure is told by the names that the compiler
;;;; records; of these nobody could be told by name, and not every SBCL records what they use. The layout that their code compares with tells.

(in-package :hotlisp)

(defparameter *lambdas-recorded-p*
  (block nil
    (map-xref-names (lambda (name) (when (eq name 'user-kind) (return t)))
                    (lambda (user) (user-kind user)))
    nil)
  "Whether the compiler records what functions without a name use.")

(defun entries-of (code)
  (loop for index below (code-entry-count code) collect (code-entry code index)))

(defun users-lambda-p (function)
  "Whether FUNCTION is a LAMBDA of the user's that may live on. One without parameters that is in no file is likely what EVAL makes of a form."
  (let ((name (entry-name function)))
    (flet ((users-variable-p (variable)
             (and (symbolp variable) (symbol-package variable) (not (system-package-p (symbol-package variable)))))
           (users-file-p (place)
             (and (stringp place) (not (eql 0 (search "SYS:" place))))))
      (and (typep name '(cons (eql lambda)))
           (destructuring-bind (&optional parameters in place &rest rest) (rest name)
             (declare (ignore in rest))
             (or (and (listp parameters) (some #'users-variable-p parameters))
                 (users-file-p place)))))))

(defun lambda-label (name)
  "NAME, a function's that begins with LAMBDA, for people."
  (destructuring-bind (&optional parameters in place &rest rest) (rest name)
    (declare (ignore in rest))
    (format nil "a function of (~{~a~^ ~})~@[ in ~a~]"
            (loop for parameter in parameters collect (if (symbolp parameter) (symbol-name parameter) "..."))
            (if (and place (symbolp place)) (symbol-name place) place))))

(defun unnamed-users (structures &key (since 0) old)
  "What to call the functions without a name that were compiled for STRUCTURES, symbols, after the code with the serial SINCE. OLD: only those that a
garbage collection has left alone, so that what a form needed only once is not among them."
  (when (and structures (capability :unnamed-code))
    (let* ((names (mapcan #'structure-function-names (copy-list structures)))
           (layouts (loop for structure in (append structures (mapcan (lambda (structure) (mapcar #'user-name (including-structures structure)))
                                                                      (copy-list structures)))
                          for classoid = (find-classoid structure nil)
                          when classoid collect (classoid-layout classoid)))
           (codes (codes-with-constants layouts)))
      (flet ((uses-it-p (function)
               (map-xref-names (lambda (name) (when (member name names :test #'equal) (return-from uses-it-p t))) function)
               nil))
        (remove-duplicates
         (loop for code in codes
               for entries = (entries-of code)
               for lambdas = (remove-if-not #'users-lambda-p entries)
               when (and lambdas
                         (> (code-serial code) since)
                         (or (not old) (plusp (code-generation code)))
                         (let ((recorded (remove-if-not #'uses-it-p entries)))
                           (if (or recorded *lambdas-recorded-p*)
                               (and recorded (notany (lambda (entry) (definition-name-p (entry-name entry))) recorded))
                               t)))
                 ;; The one around it, if any, takes nothing.
                 collect (lambda-label (entry-name (or (find-if #'second lambdas :key #'entry-name) (first lambdas)))))
         :test #'equal)))))

(defun living-unnamed-users (structures since)
  "As UNNAMED-USERS; what a form needed only once is collected first."
  (when (unnamed-users structures :since since)
    (sb-ext:gc :gen 1)
    (unnamed-users structures :since since)))
