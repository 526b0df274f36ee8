;;;; What the image holds under the names that an operation may change: captured before, compared after.

(in-package :hotlisp)

;;;; Capturing

(defstruct (snapshot (:copier nil) (:predicate nil))
  "The states before an operation. SYMBOLS, INFOS and, of a full one, FUNCTIONS, SETF-FUNCTIONS, CLASSES and PROPERTIES are parallel vectors;
the others are alists from what they belong to. PRESENT is from a package to its symbols. The keys of the table KNOWN are the symbols whose values are
captured, its values the indices of the units whose macros name them. HELD, made at first need, is a table whose keys are SYMBOLS."
  full packages present symbols held infos functions setf-functions classes properties
  named-infos named-functions values sets plists methods generics combinations package-states package-names missing-packages
  (known (make-hash-table :test #'eq)) (documented nil) (documents '()) (set-kinds '()) (settings '()))

(defun present-symbols (packages)
  "The symbols present in PACKAGES, in no order."
  (let ((symbols '()))
    (dolist (package packages symbols)
      (with-package-iterator (next (list package) :internal :external)
        (loop (multiple-value-bind (more symbol) (next)
                (unless more (return))
                (push symbol symbols)))))))

(defstruct (tokens (:copier nil) (:predicate nil))
  "What code may change because its text names it: SYMBOLS whose values and property lists are meant, PACKAGES, names of MISSING-PACKAGES
that it may make, and SETS, variables of *SET-VARIABLES*. DOCUMENTED: it names DOCUMENTATION.
SET-KINDS are those of *SETTING-OPERATORS* that it names."
  (symbols '()) (packages '()) (missing-packages '()) (sets '()) (documented nil) (set-kinds '()))

(defparameter *no-tokens* (make-tokens))

(defun capture (packages definitions &key full (tokens *no-tokens*))
  "A SNAPSHOT of what is in PACKAGES and under the names of DEFINITIONS. A FULL one knows the functions, classes and generic
functions of every symbol there, and what the code's TOKENS mean; else only the information about each symbol."
  (let* ((named (remove-duplicates
                 (loop for definition in definitions
                       when (and (resolved-p definition) (not (eq (definition-kind definition) :package)))
                         collect (definition-symbol definition))))
         (foreign (loop for symbol in (union named (remove-if-not #'users-symbol-p (tokens-symbols tokens)))
                        unless (member (symbol-package symbol) packages) collect symbol))
         (present (loop for package in packages collect (cons package (present-symbols (list package)))))
         (symbols (coerce (append foreign (reduce #'append present :key #'rest)) 'simple-vector))
         (snapshot (make-snapshot :full full :packages packages :present present
                                  :symbols symbols :infos (map 'vector (lambda (symbol) (symbol-dbinfo symbol)) symbols))))
    (setf (snapshot-named-infos snapshot) (loop for symbol in named collect (cons symbol (symbol-dbinfo symbol)))
          (snapshot-named-functions snapshot)
          (loop for symbol in named
                collect (cons symbol (function-state symbol))
                collect (let ((name (list 'setf symbol))) (cons name (function-state name)))))
    (loop for (nil . state) in (snapshot-named-functions snapshot)
          do (when (typep state 'standard-generic-function)
               (push (cons state (sb-mop:generic-function-methods state)) (snapshot-methods snapshot))))
    (when full (capture-fully snapshot definitions (union named (tokens-symbols tokens)) tokens))
    snapshot))

(defun users-symbol-p (symbol)
  (let ((home (symbol-package symbol)))
    (and home (not (system-package-p home)))))

(defun capture-fully (snapshot definitions variables tokens)
  (setf (snapshot-functions snapshot) (vector) (snapshot-setf-functions snapshot) (vector) (snapshot-classes snapshot) (vector)
        (snapshot-properties snapshot) (vector)
        (snapshot-documented snapshot) (tokens-documented tokens))
  (capture-meanings snapshot (snapshot-symbols snapshot) (snapshot-infos snapshot))
  (capture-values snapshot variables)
  (capture-settings snapshot (tokens-set-kinds tokens))
  (setf (snapshot-combinations snapshot) (combination-states)
        (snapshot-sets snapshot) (loop for symbol in (tokens-sets tokens)
                                       collect (cons symbol (copy-list (sb-ext:symbol-global-value symbol))))
        (snapshot-package-states snapshot)
        (loop for package in (remove-duplicates
                              (append (snapshot-packages snapshot)
                                      (tokens-packages tokens)
                                      (loop for definition in definitions
                                            for package = (and (eq (definition-kind definition) :package)
                                                               (find-package (definition-name definition)))
                                            when package collect package)))
              collect (capture-package package))
        (snapshot-present snapshot)
        (append (snapshot-present snapshot)
                (loop for state in (snapshot-package-states snapshot)
                      for package = (package-state-package state)
                      unless (member package (snapshot-packages snapshot))
                        collect (cons package (present-symbols (list package)))))
        (snapshot-package-names snapshot)
        (mapcar (lambda (package) (cons package (names-of-package package))) (list-all-packages))
        (snapshot-missing-packages snapshot)
        (union (tokens-missing-packages tokens)
               (loop for definition in definitions
                     when (and (eq (definition-kind definition) :package)
                               (not (find-package (definition-name definition))))
                       collect (definition-name definition))
               :test #'string=)))

(defun capture-meanings (snapshot symbols infos)
  "Add to SNAPSHOT, a full one, the functions and classes of SYMBOLS, about which INFOS are known: the last ones of its own vectors of those."
  (let ((functions (make-array (length symbols) :initial-element **none**))
        (setf-functions (make-array (length symbols) :initial-element **none**))
        (classes (make-array (length symbols) :initial-element **none**)))
    (flet ((note-methods (state)
             (when (typep state 'standard-generic-function)
               (push (cons state (sb-mop:generic-function-methods state)) (snapshot-methods snapshot))
               (push (cons state (generic-parts state)) (snapshot-generics snapshot)))))
      (loop for symbol across symbols
            for info across infos
            for index from 0
            do (when (fboundp symbol)
                 (note-methods (setf (aref functions index) (function-state symbol))))
               (when info
                 (when (setf-function-cell symbol)
                   (note-methods (setf (aref setf-functions index) (function-state (list 'setf symbol)))))
                 (let ((class (find-class symbol nil)))
                   (when class (setf (aref classes index) (capture-class class)))))))
    (flet ((add (to vector) (if (plusp (length to)) (concatenate 'simple-vector to vector) vector)))
      (setf (snapshot-functions snapshot) (add (snapshot-functions snapshot) functions)
            (snapshot-setf-functions snapshot) (add (snapshot-setf-functions snapshot) setf-functions)
            (snapshot-classes snapshot) (add (snapshot-classes snapshot) classes)
            (snapshot-properties snapshot)
            (add (snapshot-properties snapshot) (map 'simple-vector (lambda (symbol) (copy-list (symbol-plist symbol))) symbols))))))

(defun capture-values (snapshot variables)
  "Add to SNAPSHOT, a full one, the values and property lists of VARIABLES, and where code sets documentation that of what they name."
  (dolist (symbol variables)
    (setf (gethash symbol (snapshot-known snapshot)) (gethash symbol (snapshot-known snapshot) '()))
    (unless (keywordp symbol)
      (push (cons symbol (value-state symbol)) (snapshot-values snapshot)))
    (unless (eq (symbol-package symbol) (find-package :common-lisp))
      (push (cons symbol (copy-list (symbol-plist symbol))) (snapshot-plists snapshot))))
  (when (snapshot-documented snapshot)
    (setf (snapshot-documents snapshot) (append (document-states variables) (snapshot-documents snapshot)))))

(defun names-of-package (package)
  (cons (package-name package) (package-nicknames package)))

(defun snapshot-knows-p (snapshot symbol)
  "Whether SNAPSHOT was made with SYMBOL there."
  (or (not (member (symbol-package symbol) (snapshot-packages snapshot)))
      (snapshot-holds-p snapshot symbol)))

(defun snapshot-holds-p (snapshot symbol)
  "Whether SYMBOL is among the symbols of SNAPSHOT."
  (unless (snapshot-held snapshot)
    (setf (snapshot-held snapshot) (make-hash-table :test #'eq))
    (loop for each across (snapshot-symbols snapshot) do (setf (gethash each (snapshot-held snapshot)) t)))
  (gethash symbol (snapshot-held snapshot)))

(defun hold-more (snapshot symbols)
  "Add to SNAPSHOT, a full one, what SYMBOLS mean, which it does not hold."
  (let* ((symbols (coerce symbols 'simple-vector))
         (infos (map 'simple-vector (lambda (symbol) (symbol-dbinfo symbol)) symbols)))
    (setf (snapshot-symbols snapshot) (concatenate 'simple-vector (snapshot-symbols snapshot) symbols)
          (snapshot-infos snapshot) (concatenate 'simple-vector (snapshot-infos snapshot) infos))
    (when (snapshot-held snapshot)
      (loop for symbol across symbols do (setf (gethash symbol (snapshot-held snapshot)) t)))
    (capture-meanings snapshot symbols infos)))

(defun capture-settings (snapshot kinds)
  "Add to SNAPSHOT, a full one, the settings of KINDS."
  (let ((new (set-difference kinds (snapshot-set-kinds snapshot))))
    (when new
      (setf (snapshot-set-kinds snapshot) (append new (snapshot-set-kinds snapshot))
            (snapshot-settings snapshot) (append (setting-states new (hash-table-keys (snapshot-known snapshot)))
                                                 (snapshot-settings snapshot))))))

(defun snapshot-variables (snapshot)
  "The variables among the symbols of SNAPSHOT."
  (let ((number (info-number :variable :kind)))
    (loop for symbol across (snapshot-symbols snapshot)
          for info across (snapshot-infos snapshot)
          when (and info (member (info-value symbol number nil) '(:special :global :always-bound)))
            collect symbol)))

;;;; Comparing

(defun differences (snapshot &key (all t))
  "The DELTAS between SNAPSHOT and the image as it is now; unless ALL, only those of the names that were to be defined."
  (let ((deltas '()) (known (make-hash-table :test #'eq)) (noted (make-hash-table :test #'equal)))
    (flet ((note (kind name old new) (push (make-delta kind name old new) deltas))
           (note-function (name old)
             (unless (gethash name noted)
               (setf (gethash name noted) t)
               (let ((new (function-state name)))
                 (unless (same-function-state-p old new)
                   (push (make-delta :function name old new) deltas))))))
      (loop for (name . old) in (snapshot-named-functions snapshot) do (note-function name old))
      (unless all
        (loop for (symbol . old) in (snapshot-named-infos snapshot)
              for new = (symbol-dbinfo symbol)
              unless (eq old new) do (note :info symbol old new)))
      (when all
        (loop for symbol across (snapshot-symbols snapshot)
              for old across (snapshot-infos snapshot)
              for index from 0
              for new = (symbol-dbinfo symbol)
              do (setf (gethash symbol known) t)
                 (unless (eq old new) (note :info symbol old new))
                 (when (snapshot-full snapshot)
                   (let ((before deltas))
                     (note-full-symbol snapshot symbol index (not (eq old new)) #'note #'note-function)
                     ;; Those of others are the program's, which may write them meanwhile.
                     (unless (eq before deltas)
                       (note-properties symbol (aref (snapshot-properties snapshot) index) #'note)))))
        (note-new-symbols snapshot known #'note #'note-function)
        (note-lost-symbols snapshot #'note))
      (loop for (symbol . old) in (snapshot-values snapshot)
            for new = (value-state symbol)
            unless (or (eql old new) (find-if (lambda (delta)
                                                (and (eq (delta-kind delta) :value) (eq (delta-name delta) symbol)))
                                              deltas))
              do (note :value symbol old new))
      (loop for (symbol . old) in (snapshot-sets snapshot)
            for new = (sb-ext:symbol-global-value symbol)
            unless (equal old new) do (note :set symbol old (copy-list new)))
      (loop for (symbol . old) in (snapshot-plists snapshot)
            unless (find-if (lambda (delta) (and (eq (delta-kind delta) :plist) (eq (delta-name delta) symbol))) deltas)
              do (note-properties symbol old #'note))
      (loop for (setting . old) in (snapshot-settings snapshot)
            for new = (funcall (setting-read setting))
            unless (equalp old new) do (note :setting setting old new))
      (loop for (place . old) in (snapshot-documents snapshot)
            for new = (document-text place)
            unless (equal old new) do (note :document place old new))
      (loop for (function . old) in (snapshot-methods snapshot)
            for new = (sb-mop:generic-function-methods function)
            unless (same-set-p old new) do (note :methods function old new))
      (loop for (function . old) in (snapshot-generics snapshot)
            for new = (generic-parts function)
            unless (equal old new) do (note :generic function old new))
      (when (snapshot-full snapshot)
        (loop with present = (combination-states) and before = (snapshot-combinations snapshot)
              for name in (union (mapcar #'car before) (mapcar #'car present))
              for new = (or (cdr (assoc name present)) **none**)
              for old = (or (cdr (assoc name before)) **none**)
              unless (same-combination-p old new) do (note :combination name old new)))
      (loop for old in (snapshot-package-states snapshot)
            for package = (package-state-package old)
            for new = (if (package-name package) (capture-package package) **none**)
            unless (same-package-state-p old new) do (note :package (package-state-name old) old new))
      (loop for (package . old) in (snapshot-package-names snapshot)
            for new = (and (package-name package) (names-of-package package))
            unless (or (null new) (equal old new) (find package (snapshot-package-states snapshot) :key #'package-state-package))
              do (note :renamed package old new))
      (loop for name in (snapshot-missing-packages snapshot)
            for package = (find-package-named name)
            when package do (note :package name **none** (capture-package package))))
    (nreverse deltas)))

(defun note-properties (symbol old note)
  (let ((new (symbol-plist symbol)))
    (unless (equal old new) (funcall note :plist symbol old (copy-list new)))))

(defun note-full-symbol (snapshot symbol index changed note note-function)
  (funcall note-function symbol (aref (snapshot-functions snapshot) index))
  (when (symbol-dbinfo symbol)
    (when (or changed (not (none-p (aref (snapshot-setf-functions snapshot) index))))
      (funcall note-function (list 'setf symbol) (aref (snapshot-setf-functions snapshot) index)))
    (let* ((class (find-class symbol nil))
           (old (aref (snapshot-classes snapshot) index)))
      (unless (and (none-p old) (null class))
        (let ((new (if class (capture-class class) **none**)))
          (unless (same-class-state-p old new) (funcall note :class symbol old new)))))))

(defun note-new-symbols (snapshot known note note-function)
  (loop for (package . before) in (snapshot-present snapshot)
        when (package-name package)
          do (unless (member package (snapshot-packages snapshot))
               (dolist (symbol before) (setf (gethash symbol known) t)))
             (let ((added (remove-if (lambda (symbol) (gethash symbol known)) (present-symbols (list package)))))
               (when added
                 (funcall note :interned package '() added)
                 (dolist (symbol added)
                   ;; What one that was imported names was there before, and is another package's.
                   (when (eq (symbol-package symbol) package)
                     (note-new-symbol symbol note note-function)))))))

(defun note-lost-symbols (snapshot note)
  (loop for (package . symbols) in (snapshot-present snapshot)
        for lost = (and (package-name package) (remove nil symbols :key #'symbol-package :test-not #'eq))
        when lost do (funcall note :uninterned package lost '())))

(defun note-new-symbol (symbol note note-function)
  (funcall note-function symbol **none**)
  (funcall note-function (list 'setf symbol) **none**)
  (let ((class (find-class symbol nil)))
    (when class (funcall note :class symbol **none** (capture-class class))))
  (loop for name in (list symbol (list 'setf symbol))
        for function = (function-state name)
        when (typep function 'standard-generic-function)
          do (funcall note :methods function '() (sb-mop:generic-function-methods function)))
  (unless (none-p (value-state symbol)) (funcall note :value symbol **none** (value-state symbol)))
  (note-properties symbol '() note)
  (when (symbol-dbinfo symbol) (funcall note :info symbol nil (symbol-dbinfo symbol))))
