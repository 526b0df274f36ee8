;;;; Compiling a few plain functions without a file: reading, converting and generating code as COMPILE-FILE does, with the file's name,
;;;; the number of the top-level form and its byte told to the compiler, and the function itself as the result. Files cost more than
;;;; compiling a small function does.
;;;;
;;;; This is for what it is exact for. Whatever could come out differently - code that tells where or when it is compiled, literal objects
;;;; that a file would copy or refuse - and whatever the compiler has something to say about goes the way of COMPILE-WITH-FILE instead,
;;;; from the start, so that there is one kind of notes and places only.

(in-package :hotlisp)

(defparameter *memory-units* 4 "Up to so many functions are compiled without a file; for more of them, a file's costs matter little.")

(defparameter *tree-limit* 20000 "The most conses of code that are looked through for what needs a file.")

(defvar *outspoken* (make-hash-table :test #'equal :synchronized t)
  "Names of functions that the compiler had something to say about last time. It will again: they need a file.")

;;;; What can be compiled in memory

(defun memory-unit-p (unit)
  (let ((text (unit-text unit)))
    (and (or (eq (unit-head unit) 'defun)
             (and (> (length text) 2) (char= (char text 0) #\#) (find (char text 1) "+-")))
         ;; What is evaluated while reading would be evaluated again when it does take a file.
         (not (search "#." text))
         (loop for definition in (unit-definitions unit)
               never (gethash (definition-key definition) *outspoken*)))))

(defun memory-segment-p (segment)
  (let ((units (segment-units segment)))
    (and (capability :compile-in-memory)
         (segment-file segment)
         (not (segment-evaluates segment))
         (<= (length units) *memory-units*)
         (every #'memory-unit-p units)
         (not (policy-wants-file-p)))))

(defun plain-function-name-p (name)
  "Whether defining the function NAME now changes that function and nothing else."
  (let ((symbol (if (consp name) (second name) name)))
    (and (symbolp symbol)
         (symbol-package symbol)
         (not (sb-ext:package-locked-p (symbol-package symbol)))
         (ordinary-function-p name)
         (not (info-default :function :source-transform name))
         (not (info-default :function :inlining-data name))
         (not (info-default :function :info name)))))

;;;; What tells a file from memory

(defun implementation-package-p (package)
  (and package
       (or (eq package #.(find-package :common-lisp))
           (and (sb-ext:package-locked-p package)
                (let ((name (package-name package)))
                  (and (> (length name) 3) (string= "SB-" name :end2 3)))))))

(defparameter *macros-of-places*
  '(setf psetf incf decf push pushnew pop shiftf rotatef remf)
  "Standard macros whose expansion comes in part from code of the user.")

(defun needs-file-p (tree fresh)
  "Whether the code TREE may mean something else in memory than in a file. FRESH where it comes from a macro: its literal lists may
then be objects that others hold, which a file would copy."
  (let ((conses 0) (names '()))
    (declare (type fixnum conses))
    (labels ((doubtful-p (tree fresh)
               (loop
                 (typecase tree
                   (cons
                    (when (and fresh (source-form-p tree)) (return nil))
                    (when (> (incf conses) *tree-limit*) (return t))
                    (when (and fresh (eq (car tree) 'quote) (consp (cdr tree)) (shared-p (cadr tree))) (return t))
                    (when (doubtful-p (car tree) fresh) (return t))
                    (setf tree (cdr tree)))
                   (t (return (doubtful-atom-p tree fresh))))))
             (shared-p (literal)
               (typecase literal
                 (cons (not (source-form-p literal)))
                 (symbol (null (symbol-package literal)))
                 (simple-string nil)
                 (vector t)))
             (doubtful-atom-p (atom fresh)
               (typecase atom
                 (null nil)
                 (symbol (doubtful-symbol-p atom))
                 ((or number character simple-string) nil)
                 (simple-vector (or fresh (some (lambda (element) (doubtful-p element fresh)) atom)))
                 (comma (doubtful-p (comma-expression atom) fresh))
                 (t t)))
             (doubtful-symbol-p (symbol)
               (let ((package (symbol-package symbol)))
                 (cond ((or (null package) (eq package #.(find-package :keyword))) nil)
                       ((member symbol *file-only-names*) t)
                       ((implementation-package-p package) nil)
                       (t (or (eq :macro (info-default :variable :kind symbol))
                              (doubtful-expansion-p symbol)
                              (doubtful-expansion-p (list 'setf symbol)))))))
             (doubtful-expansion-p (name)
               (let ((expansion (and (info-default :function :inlining-data name)
                                     (not (member name names :test #'equal))
                                     (inline-expansion name))))
                 (and expansion
                      (progn (push name names)
                             (doubtful-p expansion t))))))
      (doubtful-p tree fresh))))

(defun watch-expansion (user-hook expander form environment)
  "The macro expansion hook: give up where an expansion needs a file."
  (let ((expansion (funcall user-hook expander form environment))
        (head (if (consp form) (car form) form)))
    (when (if (and (symbolp head) (implementation-package-p (symbol-package head)) (not (member head *macros-of-places*)))
              (member head *file-only-names*)
              (needs-file-p expansion t))
      (throw 'needs-file nil))
    expansion))

;;;; Compiling

(defun read-unit (unit)
  "The form of UNIT's text; gives up where that is not one form."
  (handler-case
      (with-input-from-string (stream (unit-text unit))
        (let ((form (read-preserving-whitespace stream nil stream)))
          (if (and (consp form) (null (peek-char t stream nil)))
              form
              (throw 'needs-file nil))))
    (error () (throw 'needs-file nil))))

(defun defun-parts (form)
  "The name and the lambda expression of FORM, a DEFUN, when its expansion is what it is for a plain function; else gives up."
  (let ((expansion (macroexpand-1 form)))
    (flet ((quoted (form) (if (typep form '(cons (eql quote) (cons t null))) (second form) (throw 'needs-file nil))))
      (handler-case
          (destructuring-bind (progn (eval-when situations compile-time) (install name lambda) &rest tests) expansion
            (destructuring-bind (note noted true inline extra) compile-time
              (let ((name (quoted name)))
                (unless (and (eq progn 'progn) (eq eval-when 'eval-when) (equal situations '(:compile-toplevel))
                             (eq install *defun-symbol*) (consp lambda) (eq (first lambda) *named-lambda*) (equal name (second lambda))
                             (eq note *note-function-defined*) (equal name (quoted noted)) (eq true t) (null inline) (null extra))
                  (throw 'needs-file nil))
                (dolist (test tests)
                  (cond ((and (consp test) (eq (first test) 'quote)))
                        ((and *warn-if-setf-macro*
                              (equal test `(eval-when (:compile-toplevel :execute) (,*warn-if-setf-macro* ',name))))
                         (funcall *warn-if-setf-macro* name))
                        (t (throw 'needs-file nil))))
                (values name lambda))))
        (error () (throw 'needs-file nil))))))

(defun file-vector (length element)
  "LENGTH times ELEMENT, in a vector such as those in which the compiler gathers what it reads of a file."
  (make-array length :initial-element element :adjustable t :fill-pointer length))

(defun source-infos-of (file number)
  "A function that, called with a form and the offset in bytes at which it begins, returns what tells the compiler that it is the next top-level
form of FILE, a native name. The first one is NUMBER."
  (let ((pathname (native-pathname file))
        (forms (file-vector number nil))
        (positions (file-vector number 0)))
    (lambda (form byte-offset)
      (vector-push-extend form forms)
      (vector-push-extend byte-offset positions)
      (make-file-source-info pathname forms positions))))

(defun source-info-of (form file number byte-offset)
  "What tells the compiler that FORM is the top-level form NUMBER of FILE and begins at BYTE-OFFSET."
  (funcall (source-infos-of file number) form byte-offset))

(defun compile-unit-in-memory (unit)
  "The name and the function that UNIT defines."
  (call-compiling-as-file
   (lambda ()
     (let ((form (read-unit unit)))
       (unless (eq (first form) 'defun) (throw 'needs-file nil))
       (remember-source-form form (unit-number unit))
       (when (needs-file-p form nil) (throw 'needs-file nil))
       (multiple-value-bind (name lambda) (defun-parts form)
         (unless (plain-function-name-p name) (throw 'needs-file nil))
         (note-function-defined name nil nil nil)
         (list unit name (or (compile-like-file lambda name
                                                (source-info-of form (unit-file unit) (unit-number unit) (unit-byte-offset unit))
                                                (unit-number unit))
                             (throw 'needs-file nil))))))))

(defun undefined-names-matter-p ()
  "Whether the compilation unit met undefined names other than those of functions that the operation defines."
  (loop for warning in undefined-warnings
          thereis (not (and (eq (undefined-warning-kind warning) :function)
                            (function-of-operation-p (undefined-warning-name warning))))))

(defun function-of-operation-p (name)
  (let* ((setf (consp name))
         (symbol (if setf (second name) name)))
    (and (symbolp symbol)
         (loop for segment in *segments*
                 thereis (loop for unit in (segment-units segment)
                                 thereis (find-if (lambda (definition)
                                                    (and (eq (definition-kind definition) :function)
                                                         (eq (and (definition-setf definition) t) setf)
                                                         (string= (definition-symbol-name definition) (symbol-name symbol))
                                                         (eq (find-package (definition-package-name definition))
                                                             (symbol-package symbol))))
                                                  (unit-definitions unit)))))))

(defun compile-units-in-memory (units pathname)
  "Lists (unit name function) for UNITS, of the file PATHNAME; throws to NEEDS-FILE where that needs a file."
  (let ((user-hook *macroexpand-hook*)
        (silent t))
    (flet ((give-up (condition)
             (unless (typep condition 'redefinition-warning) (throw 'needs-file nil))))
      (let ((functions
              (let ((*macroexpand-hook* (lambda (expander form environment)
                                          (watch-expansion user-hook expander form environment)))
                    (*compile-file-pathname* pathname) (*compile-file-truename* pathname)
                    (*gensym-counter* 0))
                (handler-bind ((warning #'give-up) (sb-ext:compiler-note #'give-up) (error #'give-up))
                  (with-compilation-unit (:override t :source-namestring (source-namestring (unit-file (first units))))
                    (prog1 (loop for unit in units
                                 collect (let ((*memory-unit* unit)) (compile-unit-in-memory unit)))
                      (when (undefined-names-matter-p) (setf silent nil))
                      ;; Or the compiler would sum them up.
                      (setf undefined-warnings '())))))))
        (and silent
             (= (length functions) (length (remove-duplicates functions :key #'second :test #'equal)))
             functions)))))

(defun compile-in-memory (segment)
  "Compile SEGMENT without a file, if that is exact and the compiler has nothing to say; true when it is done."
  (when (memory-segment-p segment)
    (let ((functions (catch 'needs-file
                       (compile-units-in-memory (segment-units segment) (native-pathname (segment-file segment))))))
      (when functions
        (loop for (nil name) in functions do (note-name-defined name :function))
        (setf (segment-functions segment) functions)
        t))))

(defun remember-outspoken ()
  "After everything was noted: what to compile with a file the next time."
  (dolist (segment *segments*)
    (let ((units (segment-units segment)))
      (when (<= (length units) *memory-units*)
        (dolist (unit units)
          (let ((outspoken (find (unit-index unit) *notes* :key (lambda (note) (getf note :form)))))
            (dolist (definition (unit-definitions unit))
              (if outspoken
                  (setf (gethash (definition-key definition) *outspoken*) t)
                  (remhash (definition-key definition) *outspoken*)))))))))

(defun probe-memory ()
  "Whether a function compiled in memory is what it should be and knows where it is from."
  (let* ((form (list 'defun 'probed-in-memory '(a b) "Probed." '(if a (print b) (car b))))
         (function (catch 'needs-file
                     (let ((*error-output* (make-broadcast-stream)))
                       (with-compilation-unit (:override t :source-namestring "/hotlisp/probe.lisp")
                         (call-compiling-as-file
                          (lambda ()
                            (remember-source-form form 2)
                            (multiple-value-bind (name lambda) (defun-parts form)
                              (and (eq name 'probed-in-memory) (not (needs-file-p form nil))
                                   (compile-like-file lambda name (source-info-of form "/hotlisp/probe.lisp" 2 7) 2))))))))))
    (and (functionp function)
         (eq (function-label function) 'probed-in-memory)
         (equal (documentation function t) "Probed.")
         (equal (code-file (code-of function)) "/hotlisp/probe.lisp")
         (not (fboundp 'probed-in-memory)))))

(define-capability :compile-in-memory
    (compile-in-lexenv make-null-lexenv make-file-info make-source-info find-source-paths process-optimize-declaration policy-quality
     note-function-defined note-name-defined inline-expansion compiler-policy comma comma-expression info-default install-function
     undefined-warnings undefined-warning-name undefined-warning-kind)
  (and *named-lambda* *note-function-defined* *defun-symbol* *store-source-form* *store-coverage-data* (probe-memory)))
