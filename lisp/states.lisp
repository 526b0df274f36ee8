;;;; What the image holds under one name and in one package, as states that can be compared and put back.
;;;;
;;;; A DELTA is one place and its old and new state. Undoing is writing the old states, redoing the new ones; a failed operation is
;;;; undone in the same way, so there is one kind of restoring only.

(in-package :hotlisp)

(sb-ext:defglobal **none** (make-symbol "NONE") "Stands for nothing where NIL could be something.")

(defun none-p (state) (eq state **none**))

(defstruct (delta (:constructor make-delta (kind name old new)) (:copier nil) (:predicate nil))
  "KIND and NAME are the place:
  :FUNCTION name      a function, (:MACRO . function), or the mark of nothing
  :INFO symbol        what SYMBOL-DBINFO returns
  :VALUE symbol, :PLIST symbol
  :SET symbol         the elements of the list that is a standard variable's value
  :TABLE table        an alist from keys of a hash table to their values or the mark of nothing
  :SETTING setting    what its READ returns
  :DOCUMENT place     a string or NIL; place is (object . doc-type)
  :CLASS symbol       a CLASS-STATE or nothing
  :METHOD method      what METHOD-STATE returns
  :METHODS function   the list of a generic function's methods
  :GENERIC function   what GENERIC-PARTS returns of a generic function
  :COMBINATION name   what COMBINATION-STATE returns, or nothing
  :PACKAGE name       a PACKAGE-STATE or nothing
  :RENAMED package    its name and nicknames
  :INTERNED package   a list of symbols
  :UNINTERNED package a list of symbols, the package's own; the new state is nothing"
  kind name old new)

;;;; One name

(defun function-state (name)
  (cond ((not (fboundp name)) **none**)
        ((symbolp name)
         (cond ((special-operator-p name) **none**)
               ((macro-function name) (cons :macro (macro-function name)))
               (t (fdefinition name))))
        (t (fdefinition name))))

(defun same-function-state-p (a b)
  (or (eq a b) (and (consp a) (consp b) (eq (cdr a) (cdr b)))))

(defun value-state (symbol)
  (if (boundp symbol)
      (handler-case (sb-ext:symbol-global-value symbol) (error () **none**))
      **none**))

(defparameter *info-keys*
    (if (capability :rollback)
        (loop for type across info-types
              for number = (and type (meta-info-number type))
              when (and number (/= number fdefn-info-number))
                collect (list number (meta-info-category type) (meta-info-kind type)))
        '()))

(defun info-keys (name)
  "The entries of *INFO-KEYS* that can be asked about NAME: (SETF symbol) has to do with functions only."
  (if (symbolp name)
      *info-keys*
      (remove :function *info-keys* :key #'second :test-not #'eq)))

(defun info-value (name number default)
  "The raw value of the information NUMBER about NAME, or DEFAULT."
  (multiple-value-bind (value present) (get-info-value name number)
    (if present value default)))

(defun setf-function-cell (symbol)
  "The object through which callers reach (SETF SYMBOL), where there is one. It has to outlive every restoring."
  (find-fdefn (list 'setf symbol)))

(defun restore-info (symbol info)
  "Make INFO, once returned by SYMBOL-DBINFO, the information about SYMBOL and (SETF SYMBOL) again."
  (unless (eq (symbol-dbinfo symbol) info)
    (let ((cell (setf-function-cell symbol))
          (setf-name (list 'setf symbol)))
      (cond (info (update-symbol-info symbol (lambda (current) (declare (ignore current)) info)))
            (t (clear-info-values symbol (mapcar #'first (info-keys symbol)))
               (clear-info-values setf-name (mapcar #'first (info-keys setf-name)))))
      (when (and cell (not (eq cell (find-fdefn setf-name))))
        (set-info-value setf-name fdefn-info-number cell)))))

(defmacro with-information ((name info) &body body)
  "Run BODY with NAME bound to a symbol about which the image's database says what INFO, from SYMBOL-DBINFO, does."
  `(let ((,name (make-symbol "")) (info ,info))
     (when info (update-symbol-info ,name (lambda (old) (declare (ignore old)) info)))
     ,@body))

(defun restore-class-cell (symbol info)
  "Give SYMBOL the cell for its class that INFO holds, empty: code compiled for that class knows it by that one, so it has to be filled again."
  (let ((number (first (find-if (lambda (key) (equal (rest key) '(:type :classoid-cell))) (info-keys symbol)))))
    (when (and number info)
      (with-information (holder info)
        (let ((cell (info-value holder number **none**)))
          (unless (or (none-p cell) (eq cell (info-value symbol number **none**)))
            ;; A class of that name which is there has another one.
            (when (find-class symbol nil) (setf (find-class symbol) nil))
            (set-info-value symbol number cell)))))))

(defun no-information-p (symbol)
  "Whether nothing is known about SYMBOL and (SETF SYMBOL): what was once known leaves an empty record behind."
  (flet ((empty-p (name)
           (loop for (number) in (info-keys name)
                 always (or (eql number fdefn-info-number) (none-p (info-value name number **none**))))))
    (and (empty-p symbol) (empty-p (list 'setf symbol)))))

(defun merge-info (symbol from to over)
  "Change what differs between the informations FROM and TO about SYMBOL to what TO says, leaving what somebody else has changed since
unless OVER."
  (let ((a (gensym)) (b (gensym)))
    (when from (update-symbol-info a (lambda (old) (declare (ignore old)) from)))
    (when to (update-symbol-info b (lambda (old) (declare (ignore old)) to)))
    (flet ((merge-name (name a b)
             (loop for (number) in (info-keys name)
                   for before = (info-value a number **none**)
                   for after = (info-value b number **none**)
                   unless (eq before after)
                     do (when (or over (eq (info-value name number **none**) before))
                          (if (none-p after)
                              (clear-info-values name (list number))
                              (set-info-value name number after))))))
      (merge-name symbol a b)
      (merge-name (list 'setf symbol) (list 'setf a) (list 'setf b)))))

(defparameter *defining-information*
  '((:function :macro-function) (:function :compiler-macro-function) (:setf :expander) (:type :expander)
    (:variable :macro-expansion) (:variable :kind))
  "The information whose change by somebody else means that a definition was superseded.")

(defun superseded-information-p (symbol from to)
  "Whether something that defines SYMBOL differs between FROM and TO and is no longer what FROM says."
  (let ((a (gensym)) (b (gensym)))
    (when from (update-symbol-info a (lambda (old) (declare (ignore old)) from)))
    (when to (update-symbol-info b (lambda (old) (declare (ignore old)) to)))
    (flet ((superseded-p (name x y)
             (loop for (number category kind) in (info-keys name)
                     thereis (and (member (list category kind) *defining-information* :test #'equal)
                                  (let ((before (info-value x number **none**)))
                                    (and (not (eq before (info-value y number **none**)))
                                         (not (eq before (info-value name number **none**)))))))))
      (or (superseded-p symbol a b)
          (superseded-p (list 'setf symbol) (list 'setf a) (list 'setf b))))))

;;;; Standard variables whose values are sets, to which much besides an operation adds

(defparameter *set-variables* '((*features* "*FEATURES*") (*modules* "*MODULES*" "PROVIDE"))
  "Each with the names of COMMON-LISP by which code that changes it is known.")

(defun write-set (symbol from to)
  "Take out of SYMBOL's value what is in FROM and not in TO, and add what is in TO and not in FROM; what others have added stays."
  (let ((value (without (sb-ext:symbol-global-value symbol) (without from to))))
    (setf (sb-ext:symbol-global-value symbol)
          (append (without (without to from) value) value))))

;;;; Property lists

(defun write-properties (symbol from to)
  "Give those properties of SYMBOL that are as in FROM, a property list, and other ones in TO the values of that; what others have changed stays."
  (let ((now (symbol-plist symbol)))
    (if (equal now from)
        (setf (symbol-plist symbol) (copy-list to))
        (loop for (key) on (append from to) by #'cddr
              for old = (getf from key **none**)
              for new = (getf to key **none**)
              unless (or (eql old new) (not (eql (get symbol key **none**) old)))
                do (if (none-p new) (remprop symbol key) (setf (get symbol key) new))))))

;;;; Hash tables

(defparameter *table-limit* 100000 "The most entries of a hash table that are compared before and after a form runs.")

(defun hash-table-keys (table)
  (loop for key being the hash-keys of table collect key))

(defun table-entries (table)
  "The entries of TABLE as an alist; :MANY where there are more than *TABLE-LIMIT*, or they cannot be told while others change them."
  (if (> (hash-table-count table) *table-limit*)
      :many
      (handler-case (loop for key being the hash-keys of table using (hash-value value) collect (cons key value))
        (error () :many))))

(defun table-delta (table before)
  "The DELTA for what has changed in TABLE since TABLE-ENTRIES answered BEFORE, a list; NIL for nothing."
  (let ((old '()) (new '()) (kept (make-hash-table :test (hash-table-test table))))
    (flet ((note (key before after)
             (push (cons key before) old)
             (push (cons key after) new)))
      (loop for (key . value) in before
            for now = (gethash key table **none**)
            do (setf (gethash key kept) t)
               (unless (eql value now) (note key value now)))
      (loop for key being the hash-keys of table using (hash-value value)
            unless (gethash key kept) do (note key **none** value)))
    (and old (make-delta :table table old new))))

(defun write-table (table from to)
  "Give those entries of TABLE that are as in FROM, an alist, the values that TO, another of the same keys, says; what others have changed stays."
  (loop for (key . old) in from
        for (nil . new) in to
        do (when (eql (gethash key table **none**) old)
             (if (none-p new) (remhash key table) (setf (gethash key table) new)))))

;;;; Documentation that is set, not defined

(defparameter *document-types* '(variable type structure setf method-combination))

(defun document-states (symbols)
  "An alist from each place of documentation under the names of SYMBOLS, an object or symbol with the type of documentation, to its text."
  (let ((places '()))
    (labels ((note (object &optional (type t)) (push (cons object type) places))
             (note-function (function)
               (when function
                 (note function)
                 (when (typep function 'standard-generic-function)
                   (mapc #'note (sb-mop:generic-function-methods function))))))
      (dolist (symbol symbols)
        (unless (eq (symbol-package symbol) (find-package :common-lisp))
          (dolist (name (list symbol (list 'setf symbol)))
            (let ((state (function-state name)))
              (unless (none-p state) (note-function (if (consp state) (cdr state) state)))
              (note-function (compiler-macro-function name))))
          (dolist (type *document-types*) (note symbol type))
          (let ((class (find-class symbol nil)))
            (when class
              (note class)
              (when (ordinary-class-p class) (mapc #'note (sb-mop:class-direct-slots class))))))))
    (loop for place in places collect (cons place (document-text place)))))

(defun document-text (place)
  (ignore-errors (documentation (car place) (cdr place))))

(defun write-document (place from to)
  "Give PLACE the text TO where it has FROM."
  (when (equal (document-text place) from)
    (sb-ext:without-package-locks (setf (documentation (car place) (cdr place)) to))))

;;;; Packages

(defstruct (package-state (:copier nil) (:predicate nil))
  "PRESENT are the symbols of a package that was deleted because what made it was undone."
  (present '()) package name nicknames uses exports shadowing imports documentation local-nicknames implements locked)

(defun external-symbols (package)
  (let ((symbols '()))
    (do-external-symbols (symbol package symbols) (push symbol symbols))))

(defun imported-symbols (package)
  "The symbols that are present in PACKAGE and another package's."
  (let ((symbols '()))
    (with-package-iterator (next (list package) :internal :external)
      (loop (multiple-value-bind (more symbol) (next)
              (unless more (return symbols))
              (let ((home (symbol-package symbol)))
                (unless (or (eq home package) (null home)) (push symbol symbols))))))))

(defun capture-package (package)
  (make-package-state :package package
                      :name (package-name package)
                      :nicknames (package-nicknames package)
                      :uses (package-use-list package)
                      :exports (external-symbols package)
                      :shadowing (package-shadowing-symbols package)
                      :imports (imported-symbols package)
                      :documentation (documentation package t)
                      :local-nicknames (sb-ext:package-local-nicknames package)
                      :implements (sb-ext:package-implements-list package)
                      :locked (sb-ext:package-locked-p package)))

(defun same-set-p (a b)
  (and (= (length a) (length b))
       (if (> (length a) 16)
           (let ((table (make-hash-table :test #'equal :size (length a))))
             (dolist (element a) (setf (gethash element table) t))
             (every (lambda (element) (gethash element table)) b))
           (subsetp a b :test #'equal))))

(defun same-package-state-p (a b)
  (or (eq a b)
      (and (typep a 'package-state) (typep b 'package-state)
           (eq (package-state-package a) (package-state-package b))
           (equal (package-state-name a) (package-state-name b))
           (equal (package-state-documentation a) (package-state-documentation b))
           (eq (package-state-locked a) (package-state-locked b))
           (loop for reader in (list #'package-state-nicknames #'package-state-uses #'package-state-exports
                                     #'package-state-shadowing #'package-state-imports #'package-state-local-nicknames
                                     #'package-state-implements)
                 always (same-set-p (funcall reader a) (funcall reader b))))))

(defun remake-package (state deltas)
  "Make the package of STATE anew where it was deleted by undoing what made it, and have all DELTAS speak of that one."
  (let ((old (package-state-package state)))
    (unless (or (package-name old) (find-package (package-state-name state)))
      (let ((new (make-package (package-state-name state) :use '())))
        (import (package-state-present state) new)
        (dolist (delta deltas)
          (when (eq (delta-name delta) old) (setf (delta-name delta) new))
          (dolist (other (list (delta-old delta) (delta-new delta)))
            (when (typep other 'package-state) (rename-in-state other old new))))))))

(defun rename-in-state (state old new)
  (when (eq (package-state-package state) old) (setf (package-state-package state) new))
  (setf (package-state-uses state) (substitute new old (package-state-uses state))
        (package-state-implements state) (substitute new old (package-state-implements state))
        (package-state-local-nicknames state) (loop for (nickname . package) in (package-state-local-nicknames state)
                                                    collect (cons nickname (if (eq package old) new package)))))

(defun without (list others)
  "The elements of LIST that are none of OTHERS."
  (cond ((null others) list)
        ((> (length others) 16)
         (let ((table (make-hash-table :test #'equal :size (length others))))
           (dolist (other others) (setf (gethash other table) t))
           (remove-if (lambda (element) (gethash element table)) list)))
        (t (remove-if (lambda (element) (member element others :test #'equal)) list))))

(defun merged-package-state (from to)
  "What the package of FROM and TO becomes by changing what differs between them; what somebody else has changed since stays."
  (let* ((now (capture-package (package-state-package to)))
         (merged (copy-structure now)))
    (macrolet ((merge-sets (&rest readers)
                 `(progn ,@(loop for reader in readers
                                 collect `(let ((old (,reader from)) (new (,reader to)))
                                            (setf (,reader merged)
                                                  (append (without (without (,reader now) (without old new)) new)
                                                          (without new (without old (,reader now)))))))))
               (merge-values (&rest readers)
                 `(progn ,@(loop for reader in readers
                                 collect `(unless (equal (,reader from) (,reader to)) (setf (,reader merged) (,reader to)))))))
      (merge-sets package-state-nicknames package-state-uses package-state-exports package-state-shadowing package-state-imports
                  package-state-local-nicknames package-state-implements)
      (merge-values package-state-name package-state-documentation package-state-locked))
    merged))

(defun restore-package (name state from)
  "Give the package NAME the STATE in place of FROM, or delete it when that is nothing; what somebody else has changed since stays.
Returns a list of sentences that say what could not be done."
  (let ((package (find-package name)) (remains '()))
    (when (and (typep state 'package-state) (typep from 'package-state)
               (package-name (package-state-package state))
               (eq (package-state-package state) (package-state-package from)))
      (setf state (merged-package-state from state)))
    (sb-ext:without-package-locks
      (cond ((none-p state)
             (when package
               (handler-case
                   (let ((users (package-used-by-list package)))
                     (dolist (user users) (unuse-package package user))
                     (delete-package package))
                 (error (condition)
                   (push (format nil "The new package ~a could not be deleted: ~a" name condition) remains)))))
            ;; One that was deleted is told of by who noticed.
            ((null (package-name (package-state-package state))))
            (t
             (handler-case
                 (progn
                   (unless (member package (list nil (package-state-package state)))
                     (error "another package has that name now"))
                   (setf package (package-state-package state))
                   (unless (and (equal (package-name package) (package-state-name state))
                                (same-set-p (package-nicknames package) (package-state-nicknames state)))
                     (rename-package package (package-state-name state) (package-state-nicknames state)))
                   (let ((now (external-symbols package)))
                     (unless (same-set-p now (package-state-exports state))
                       (unexport (set-difference now (package-state-exports state)) package)))
                   (dolist (used (set-difference (package-use-list package) (package-state-uses state)))
                     (unuse-package used package))
                   (let ((added (set-difference (package-shadowing-symbols package) (package-state-shadowing state))))
                     (dolist (symbol added)
                       (when (and (eq (symbol-package symbol) package) (not (symbol-defined-p symbol)))
                         (unintern symbol package))))
                   (dolist (symbol (set-difference (imported-symbols package) (package-state-imports state)))
                     (unintern symbol package))
                   (let ((missing (set-difference (package-state-shadowing state) (package-shadowing-symbols package))))
                     (when missing
                       (shadowing-import missing package)
                       ;; Taken back, they have lost their home.
                       (import (remove nil missing :key #'symbol-package :test-not #'eq) package)))
                   (let ((missing (set-difference (package-state-imports state) (imported-symbols package))))
                     (when missing (import missing package)))
                   (dolist (used (set-difference (package-state-uses state) (package-use-list package)))
                     (use-package used package))
                   (let ((now (external-symbols package)))
                     (unless (same-set-p now (package-state-exports state))
                       (let ((missing (set-difference (package-state-exports state) now)))
                         (import missing package)
                         (export missing package))))
                   (loop for (nickname) in (sb-ext:package-local-nicknames package)
                         unless (assoc nickname (package-state-local-nicknames state) :test #'string=)
                           do (sb-ext:remove-package-local-nickname nickname package))
                   (loop for (nickname . target) in (package-state-local-nicknames state)
                         unless (assoc nickname (sb-ext:package-local-nicknames package) :test #'string=)
                           do (sb-ext:add-package-local-nickname nickname target package))
                   (let ((now (sb-ext:package-implements-list package)) (then (package-state-implements state)))
                     (dolist (other (set-difference now then)) (sb-ext:remove-implementation-package package other))
                     (dolist (other (set-difference then now)) (sb-ext:add-implementation-package package other)))
                   (setf (documentation package t) (package-state-documentation state))
                   (if (package-state-locked state)
                       (sb-ext:lock-package package)
                       (sb-ext:unlock-package package)))
               (error (condition)
                 (push (format nil "The package ~a could not be put back: ~a" name condition) remains))))))
    remains))

(defun symbol-defined-p (symbol)
  "Whether SYMBOL names anything or carries anything."
  (or (boundp symbol) (fboundp symbol) (symbol-plist symbol) (fboundp (list 'setf symbol))
      (find-class symbol nil)
      (macro-function symbol)
      (loop for (number category) in *info-keys*
              thereis (and (not (member category '(:function :source-location)))
                           (nth-value 1 (get-info-value symbol number))))))
