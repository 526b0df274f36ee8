;;;; Whether a form with a local name changed expands to the same code. One request a line, as a Lisp list:
;;;; (package old-text new-text old-name new-name), all strings; one answer a line: SAME, UNREADABLE, or what differs.

(require :asdf)
(require :sb-cltl2)

(defvar *systems* (uiop:split-string (uiop:getenv "CORPUS_SYSTEMS") :separator " "))
(asdf:initialize-source-registry
 `(:source-registry (:tree ,(uiop:ensure-directory-pathname (uiop:getenv "CORPUS_TREE"))) :ignore-inherited-configuration))

(defun say (control &rest arguments)
  (format t "~a~%" (substitute #\Space #\Newline (apply #'format nil control arguments)))
  (finish-output))

(defun source-files (component)
  (typecase component
    (asdf:cl-source-file (list (namestring (asdf:component-pathname component))))
    (asdf:parent-component (mapcan #'source-files (asdf:component-children component)))))

;;; The systems that can be loaded, and their files.
(dolist (name *systems*)
  (handler-case
      (let ((*standard-output* (make-broadcast-stream)) (*error-output* (make-broadcast-stream)))
        (handler-bind ((warning #'muffle-warning)) (asdf:load-system name)))
    (error (condition) (say "unloaded ~a ~a" name (type-of condition)))
    (:no-error (&rest ignored)
      (declare (ignore ignored))
      (dolist (file (source-files (asdf:find-system name))) (say "file ~a ~a" name file)))))
(say "ready")

(defun plain (form old new)
  "FORM as data that can be compared: NEW is OLD, gensyms are numbered as they come, and other objects are their types."
  (let ((gensyms (make-hash-table :test #'eq)))
    (labels ((walk (object)
               (typecase object
                 (null nil)
                 (cons (loop for rest = object then (cdr rest)
                             while (consp rest)
                             collect (walk (car rest)) into list
                             finally (return (append list (and rest (list :dot (walk rest)))))))
                 (symbol (cond ((eq object new) old)
                               ((symbol-package object) object)
                               (t (or (gethash object gensyms)
                                      (setf (gethash object gensyms)
                                            (list :gensym (hash-table-count gensyms)))))))
                 ;; macros make names of gensyms, and texts, of the names that they are given
                 (string (if (string-equal object (symbol-name new)) (symbol-name old) object))
                 ((or number character) object)
                 (simple-vector (map 'vector #'walk object))
                 (t (list :a (type-of object))))))
      (walk form))))

(defun parameter-p (name other)
  "Whether OTHER is the keyword parameter NAME with its keyword written out: ((:NAME NAME)), or the first element of one with a default."
  (and (symbolp name)
       (consp other)
       (or (and (null (cdr other)) (consp (car other)) (parameter-p name (car other)))
           (and (keywordp (car other))
                (string= (car other) name)
                (equal (cdr other) (list name))))))

(defun counted-p (one other)
  "Whether they are the names that an expander counts up: CLAUSE-1 and CLAUSE-2."
  (and (symbolp one)
       (symbolp other)
       (let ((stem (string-right-trim "0123456789" one)))
         (and (string/= stem one) (string= stem (string-right-trim "0123456789" other))))))

(defun difference (one other)
  "The first places where they differ, or NIL."
  (cond ((or (equalp one other)
             (parameter-p one other)
             (counted-p one other)
             ;; the slot of WITH-SLOTS is written out
             (and one (symbolp one) (equal other (list one one))))
         nil)
        ((and (consp one) (consp other))
         (or (difference (car one) (car other)) (difference (cdr one) (cdr other))))
        (t (list one other))))

(defun judge (package old-text new-text old-name new-name)
  (let* ((*package* (or (find-package package) (return-from judge "UNREADABLE no package")))
         (*readtable* (copy-readtable nil))
         (*error-output* (make-broadcast-stream))
         (*gensym-counter* 0)
         (old (intern old-name))
         (new (intern new-name)))
    (flet ((expanded (text)
             (let ((*gensym-counter* 0))
               (handler-bind ((warning #'muffle-warning))
                 (sb-cltl2:macroexpand-all (read-from-string text))))))
      (let ((before (handler-case (plain (expanded old-text) old old)
                      (error (condition) (return-from judge (format nil "UNREADABLE ~a" (type-of condition)))))))
        (handler-case
            (let ((difference (difference before (plain (expanded new-text) old new))))
              (unintern new)
              (if difference
                  (let ((*print-length* 6) (*print-level* 4)) (format nil "DIFFERS ~s" difference))
                  "SAME"))
          (error (condition) (format nil "DIFFERS ~a" (type-of condition))))))))

(loop for request = (read *standard-input* nil)
      while request
      do (say "~a" (apply #'judge request)))
