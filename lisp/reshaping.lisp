;;;; Generic functions that take other parameters: they are what they were until all of their methods are there, and change together with those.

(in-package :hotlisp)

;;;; As forms of a buffer

(defun install-reshaped (installation methods last)
  "Install those of METHODS whose generic functions take other parameters from now on, once all of them are there; unless it is the LAST time,
the others go on being collected. Returns the rest of METHODS."
  (dolist (name (remove-duplicates (mapcar #'second methods) :test #'equal))
    (when (shape-to-be name)
      (let* ((own (remove name methods :key #'second :test-not #'equal))
             (complete (null (methods-without-successor (sb-mop:generic-function-methods (generic-function-named name)) own))))
        (when (or complete (not last))
          (setf methods (remove name methods :key #'second :test #'equal))
          (if complete
              (reshape-generic-function installation name own)
              (setf (installation-methods installation) (append (reverse own) (installation-methods installation))))))))
  (when last
    (loop for (name . arguments) in (reverse (shiftf (installation-reshaped installation) '()))
          do (apply #'load-defgeneric name arguments)))
  methods)

(defun takes-place-p (arguments method)
  "Whether the method that ARGUMENTS of STAGE-METHOD define is METHOD for a generic function of perhaps more or fewer parameters."
  (and (equal (third arguments) (method-qualifiers method))
       (same-but-for-length-p (fourth arguments) (sb-mop:method-specializers method))))

(defun methods-without-successor (methods staged)
  "Those of METHODS that none of STAGED, arguments of STAGE-METHOD, takes the place of."
  (remove-if (lambda (method) (find-if (lambda (arguments) (takes-place-p arguments method)) staged)) methods))

(defun reshape-generic-function (installation name methods)
  "Give the generic function NAME the parameters that the operation says, and METHODS in place of all that it has. Other threads' calls wait meanwhile."
  (let* ((function (generic-function-named name))
         (old (sb-mop:generic-function-methods function))
         (parts (generic-parts function))
         (declared (find name (installation-reshaped installation) :key #'first :test #'equal)))
    (flet ((note (kind old new) (push (make-delta kind function old new) (installation-deltas installation))))
      (note :methods old '())
      (note :generic parts parts)
      (call-missing-methods
       (lambda ()
         (dolist (method old) (remove-method function method))
         (if declared
             (apply #'load-defgeneric declared)
             (reinitialize-instance function :lambda-list (generic-lambda-list (fifth (first methods)))))
         (note :generic parts (generic-parts function))
         (load-methods installation methods)
         ;; Before those go on that have found none.
         (reset-generic-functions (list function)))))
    (setf (installation-reshaped installation) (remove declared (installation-reshaped installation)))))

(defun generic-lambda-list (lambda-list)
  "The lambda list of a generic function that DEFMETHOD makes for a method with LAMBDA-LIST: of keywords it says only that there are some."
  (loop for element in lambda-list
        until (eq element '&aux)
        collect (if (consp element) (list (first element)) element)
        until (eq element '&key)))

;;; Code that is compiled with them calls them with their new parameters.

(defun reshaped-names ()
  "An alist from the names of the generic functions that take other parameters by the operation to the shapes of these."
  (loop for name in (remove-duplicates
                     (loop for unit in *operation-units*
                           append (loop for definition in (unit-definitions unit)
                                        when (and (member (definition-kind definition) '(:generic-function :method)) (resolved-p definition))
                                          collect (definition-name definition)))
                     :test #'equal)
        for shape = (shape-to-be name)
        when shape collect (cons name shape)))

(defun shape-type (shape)
  (destructuring-bind (required optional rest key &rest keys) shape
    (declare (ignore keys))
    (flet ((times (count) (make-list count :initial-element t)))
      (specifier-type `(function (,@(times required) ,@(and (plusp optional) (cons '&optional (times optional)))
                                  ,@(and (or rest key) '(&rest t)))
                                 *)))))

(defun call-knowing-shapes (function)
  "Call FUNCTION, which compiles the forms of the operation, with generic functions taken for what they will be: declared, or compiling a method would
take that back."
  (if (not (and (capability :declared-types) (capability :rollback)))
      (funcall function)
      (let* ((numbers (list (info-number :function :type) (info-number :function :where-from)))
             (before (loop for (name . shape) in (reshaped-names)
                           collect (cons name (loop for number in numbers
                                                    for value in (list (shape-type shape) :declared)
                                                    collect (info-value name number **none**)
                                                    do (set-info-value name number value))))))
        (unwind-protect (funcall function)
          (loop for (name . values) in before
                do (loop for number in numbers
                         for value in values
                         do (if (none-p value)
                                (clear-info-values name (list number))
                                (set-info-value name number value))))))))

;;;; In files that are loaded

(defstruct (reshaping (:constructor make-reshaping ()) (:copier nil) (:predicate nil))
  "What waits while files are loaded: WAITING is an alist from the names of generic functions to the shapes of their new lambda lists, INSTALLATION
has what was to be defined meanwhile."
  (waiting '()) (installation (make-installation)))

(defun reshapeable-p (name)
  (let ((home (symbol-package (name-symbol name))))
    (and home (not (infrastructure-package-p home)))))

(defun wait-for-generic-function (reshaping name arguments)
  "The generic function NAME where it cannot take its new lambda list before its methods are there: it waits, as one that ARGUMENTS, of DEFGENERIC's
own loader, are about; else NIL."
  (let* ((function (generic-function-named name)) (shape (lambda-list-shape (first arguments))))
    (when (and function (sb-mop:generic-function-methods function) (reshapeable-p name)
               (not (same-positions-p shape (lambda-list-shape (sb-mop:generic-function-lambda-list function)))))
      (stop-waiting reshaping name)
      (push (cons name shape) (reshaping-waiting reshaping))
      (push (cons name arguments) (installation-reshaped (reshaping-installation reshaping)))
      function)))

(defun wait-for-methods (reshaping arguments)
  "ARGUMENTS, of DEFMETHOD's own loader, where the method waits for others of a generic function that is to take other parameters, or the method where it
was the last of those; else NIL."
  (let* ((name (second arguments))
         (shape (lambda-list-shape (fifth arguments)))
         (function (generic-function-named name)))
    (unless (or (null function) (assoc name (reshaping-waiting reshaping) :test #'equal)
                ;; One that no DEFGENERIC has made takes what its methods do.
                (slot-value-or-nil function method-source-key)
                (null (sb-mop:generic-function-methods function)) (not (reshapeable-p name))
                (same-positions-p shape (lambda-list-shape (sb-mop:generic-function-lambda-list function))))
      (push (cons name shape) (reshaping-waiting reshaping)))
    (let ((waiting (assoc name (reshaping-waiting reshaping) :test #'equal)))
      (when (and waiting (same-positions-p shape (cdr waiting)))
        (push arguments (installation-methods (reshaping-installation reshaping)))
        (if (reshape-if-complete reshaping name (sb-mop:generic-function-methods function))
            (named-method arguments)
            arguments)))))

(defun wait-for-initial-methods (reshaping methods function)
  "True where METHODS, some of which may have waited, are noted as those in the definition of FUNCTION, or will be."
  (let ((name (sb-mop:generic-function-name function)))
    (when (some #'listp methods)
      (cond ((assoc name (reshaping-waiting reshaping) :test #'equal)
             (push (cons function methods) (installation-initial-methods (reshaping-installation reshaping)))
             (reshape-if-complete reshaping name (lasting-methods function)))
            (t (replace-initial-methods function methods)))
      t)))

(defun lasting-methods (function)
  "The methods of FUNCTION that are there without its DEFGENERIC."
  (set-difference (sb-mop:generic-function-methods function)
                  (and (capability :initial-methods) (generic-initial-methods function))))

(defun staged-methods (reshaping name)
  (remove name (reverse (installation-methods (reshaping-installation reshaping))) :key #'second :test-not #'equal))

(defun stop-waiting (reshaping name)
  (let ((installation (reshaping-installation reshaping)))
    (flet ((others (list key) (remove name list :key key :test #'equal)))
      (setf (reshaping-waiting reshaping) (others (reshaping-waiting reshaping) #'first)
            (installation-methods installation) (others (installation-methods installation) #'second)
            (installation-reshaped installation) (others (installation-reshaped installation) #'first)))))

(defun reshape-if-complete (reshaping name methods)
  "Give the generic function NAME its new parameters if all of METHODS have successors; true then."
  (let ((installation (reshaping-installation reshaping)) (staged (staged-methods reshaping name)) (function (generic-function-named name)))
    (unless (methods-without-successor methods staged)
      ;; What defines it now comes through here again.
      (setf (reshaping-waiting reshaping) (remove name (reshaping-waiting reshaping) :key #'first :test #'equal))
      (reshape-generic-function installation name staged)
      (stop-waiting reshaping name)
      (let ((initial (assoc function (installation-initial-methods installation))))
        (when initial
          (setf (installation-initial-methods installation) (remove initial (installation-initial-methods installation)))
          (replace-initial-methods function (cdr initial))))
      t)))

(defun finish-reshaping (reshaping)
  "Have what still waits change at the end of the load. Signals an error where methods are in the way that were not loaded."
  (loop for (name) in (reverse (reshaping-waiting reshaping))
        for function = (generic-function-named name)
        for declared = (find name (installation-reshaped (reshaping-installation reshaping)) :key #'first :test #'equal)
        for methods = (if declared (lasting-methods function) (sb-mop:generic-function-methods function))
        do (unless (reshape-if-complete reshaping name methods)
             (error "~a would take other parameters, which ~{~a~^, ~} would not fit, and what was loaded does not define again. Load what defines them together with it, or remove them first."
                    (function-name-label name)
                    (mapcar (lambda (method) (method-label method name))
                            (methods-without-successor methods (staged-methods reshaping name)))))))
