;;;; What code sets that no symbol's own cells hold: readtables, tables of the pretty printer, logical hosts, tests of hash tables.

(in-package :hotlisp)

(defstruct (setting (:copier nil) (:predicate nil))
  "A place that code of an operation may change. READ returns its state, which no later change touches, and WRITE, called with that, brings it back."
  label read write)

(defparameter *setting-operators*
  '((set-macro-character . :readtable) (set-dispatch-macro-character . :readtable) (make-dispatch-macro-character . :readtable)
    (set-syntax-from-char . :readtable) (readtable-case . :readtable) (set-pprint-dispatch . :pprint-dispatch)
    (logical-pathname-translations . :logical-hosts) (load-logical-pathname-translations . :logical-hosts)
    (sb-ext:define-hash-table-test . :hash-table-tests))
  "The operators that change settings, each with the kind of these.")

(defun settings-of (kind variables)
  "The SETTINGs of KIND, of *SETTING-OPERATORS*, that code may change which names VARIABLES."
  (flet ((objects (predicate variable)
           (remove-duplicates
            (remove-if-not predicate (list* (symbol-value variable) (sb-ext:symbol-global-value variable) (mapcar #'value-state variables))))))
    (ecase kind
      (:readtable
       (loop for table in (remove (standard-readtable) (objects #'readtablep '*readtable*))
             collect (let ((table table))
                       (make-setting :label "A readtable"
                                     :read (lambda () (copy-readtable table))
                                     :write (lambda (state) (copy-readtable state table))))))
      (:pprint-dispatch
       (loop for table in (objects (lambda (object) (typep object (type-of *print-pprint-dispatch*))) '*print-pprint-dispatch*)
             collect (let ((table table))
                       (make-setting :label "A table of the pretty printer"
                                     :read (lambda () (copy-pprint-dispatch table))
                                     :write (lambda (state) (copy-slots (copy-pprint-dispatch state) table))))))
      (:logical-hosts
       (when (capability :logical-hosts)
         (list (make-setting :label "What logical hosts stand for"
                             :read (lambda ()
                                     (cons logical-hosts
                                           (map 'list (lambda (host) (ignore-errors (logical-pathname-translations host))) logical-hosts)))
                             :write (lambda (state)
                                      (setf logical-hosts (car state))
                                      (loop for host across (car state)
                                            for translations in (cdr state)
                                            do (ignore-errors (setf (logical-pathname-translations host) translations))))))))
      (:hash-table-tests
       (when (capability :hash-table-tests)
         (list (make-setting :label "The tests of hash tables"
                             :read (lambda () hash-table-tests)
                             :write (lambda (state) (setf hash-table-tests state)))))))))

(defun standard-readtable ()
  "The readtable that no code can change."
  (with-standard-io-syntax *readtable*))

(defun copy-slots (from to)
  "Make the structure TO what FROM, another of its type, is."
  (dolist (slot (sb-mop:class-slots (class-of to)))
    (let ((name (sb-mop:slot-definition-name slot)))
      (setf (slot-value to name) (slot-value from name)))))

(defun setting-states (kinds variables)
  "An alist from each SETTING of KINDS to its state."
  (loop for kind in kinds
        append (loop for setting in (settings-of kind variables)
                     collect (cons setting (funcall (setting-read setting))))))
