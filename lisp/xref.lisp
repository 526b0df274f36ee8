;;;; Who becomes stale when a definition changes: code that was compiled with what it expanded to, with its value or with its layout.
;;;;
;;;; The compiler records the names that each function uses. An index of those records, by used name, is kept as long as no code was
;;;; compiled, loaded or put back; what it answers is checked against the functions that the names stand for now.

(in-package :hotlisp)

;;;; Who there is

(defstruct (user (:copier nil) (:predicate nil))
  "Something named whose compiled code may use definitions. KIND is the contract's as a keyword; NAME a symbol or (SETF symbol),
POINTER a weak pointer to the method where KIND is :METHOD."
  kind name pointer)

(defun user-method (user)
  (sb-ext:weak-pointer-value (user-pointer user)))

(defun user-function (user)
  "The function whose code is USER's now; NIL when there is none any more."
  (let ((name (user-name user)))
    (ecase (user-kind user)
      (:function (let ((state (function-state name)))
                   (and (functionp state) (not (typep state 'generic-function)) state)))
      (:macro (and (symbolp name) (macro-function name)))
      (:compiler-macro (compiler-macro-function name))
      (:setf-expander (expander-function (information name :setf :expander)))
      (:type (expander-function (information name :type :expander)))
      (:structure nil)
      (:method (let ((method (user-method user)))
                 (and method (sb-mop:method-generic-function method) (method-body method)))))))

(defun expander-function (expander)
  (typecase expander
    (function expander)
    ((cons t function) (cdr expander))
    ((cons function) (car expander))))

(defun method-body (method)
  "The function that holds METHOD's own code."
  (working-function (ignore-errors (sb-mop:method-function method))))

(defun system-package-p (package)
  "Whether PACKAGE is SBCL's or ours, so that nothing of the user's program is named in it."
  (let ((name (package-name package)))
    (or (member name '("COMMON-LISP" "KEYWORD" "HOTLISP" "HOTLISP-BOOT") :test #'string=)
        (and (> (length name) 3) (string= "SB-" name :end2 3)))))

(defun map-users (receive)
  "Call RECEIVE with (kind name function method) for everything of the user's program that has code of its own and a name."
  (dolist (package (list-all-packages))
    (if (system-package-p package)
        ;; Only methods of the user's can be here.
        (do-external-symbols (symbol package)
          (map-methods receive symbol)
          (map-methods receive (list 'setf symbol)))
        (with-package-iterator (next package :internal :external)
          (loop
            (multiple-value-bind (more symbol) (next)
              (unless more (return))
              (when (eq (symbol-package symbol) package)
                (map-users-named receive symbol))))))))

(defun map-methods (receive name)
  (let ((state (if (fboundp name) (function-state name) nil)))
    (when (typep state 'standard-generic-function)
      (dolist (method (sb-mop:generic-function-methods state))
        (funcall receive :method name (method-body method) method)))))

(defun map-users-named (receive symbol)
  (let ((setf-name (list 'setf symbol)))
    (dolist (name (list symbol setf-name))
      (let ((state (function-state name)))
        (typecase state
          (cons (funcall receive :macro name (cdr state) nil))
          (standard-generic-function (map-methods receive name))
          (function (funcall receive :function name state nil))))
      (let ((expander (compiler-macro-function name)))
        (when expander (funcall receive :compiler-macro name expander nil))))
    (let ((expander (expander-function (information symbol :setf :expander))))
      (when expander (funcall receive :setf-expander symbol expander nil)))
    (let ((expander (expander-function (information symbol :type :expander))))
      (when expander (funcall receive :type symbol expander nil)))))

;;;; The index

(defstruct (xref-index (:copier nil) (:predicate nil))
  "STAMP tells the image's state that TABLE was made for: from a symbol to the USERs whose code mentions it or (SETF it)."
  stamp table)

(sb-ext:defglobal **xref-index** nil)
(sb-ext:defglobal **xref-lock** (sb-thread:make-mutex :name "hotlisp cross references"))

(defun xref-stamp ()
  "Another value after code was compiled or loaded, or an operation has put other code in force; NIL where there is no telling."
  (and (capability :code-serials)
       (list (image-generation) last-code-serial)))

(defun make-index-table ()
  (let ((table (make-hash-table :test #'eq)))
    (map-users
     (lambda (kind name function method)
       (let ((user nil))
         (map-xref-names
          (lambda (used)
            (let ((symbol (name-symbol used)))
              (when (and symbol (symbol-package symbol) (not (system-package-p (symbol-package symbol))))
                (unless user
                  (setf user (make-user :kind kind :name name :pointer (and method (sb-ext:make-weak-pointer method)))))
                (unless (eq (first (gethash symbol table)) user)
                  (push user (gethash symbol table))))))
          function))))
    table))

(defun xref-table ()
  "The table of the index, made anew where it may be out of date."
  (sb-thread:with-mutex (**xref-lock**)
    (let ((stamp (xref-stamp)))
      (unless (and stamp **xref-index** (equal stamp (xref-index-stamp **xref-index**)))
        (setf **xref-index** (make-xref-index :stamp stamp :table (make-index-table))))
      (xref-index-table **xref-index**))))

(defun uses-p (function kinds names)
  "Whether FUNCTION's code uses one of NAMES in one of the ways KINDS."
  (map-xrefs (lambda (kind name)
               (when (and (member kind kinds) (member name names :test #'equal))
                 (return-from uses-p t)))
             function)
  nil)

(defun users-of (kinds names table)
  "The USERs whose present code uses one of NAMES in one of the ways KINDS."
  (let ((found '()))
    (dolist (symbol (remove-duplicates (mapcar #'name-symbol names)))
      (dolist (user (gethash symbol table))
        (unless (member user found)
          (let ((function (user-function user)))
            (when (and function (uses-p function kinds names))
              (push user found))))))
    found))

;;;; What a definition is used by

(defun structure-description-of (symbol)
  (or (and (capability :structures) (find-structure-description symbol nil))
      (information symbol :typed-structure :info)))

(defun structure-function-names (symbol)
  "The names of the functions that the structure SYMBOL defines."
  (let ((description (structure-description-of symbol)))
    (and description (described-functions description))))

(defun described-functions (description)
  "The names of the functions that the structure of DESCRIPTION defines."
  (when (capability :structure-functions)
    (flet ((of (reader) (ignore-errors (funcall reader description))))
      (let ((accessors (loop for slot in (of #'structure-slots)
                             for accessor = (ignore-errors (structure-slot-accessor slot))
                             when accessor collect accessor)))
        (remove nil (append accessors
                            (loop for accessor in accessors collect (list 'setf accessor))
                            (loop for constructor in (of #'structure-constructors)
                                  collect (if (consp constructor) (first constructor) constructor))
                            (list (of #'structure-copier) (of #'structure-predicate))))))))

(defun including-structures (symbol)
  (let ((class (find-class symbol nil)))
    (when (typep class 'structure-class)
      (loop for subclass in (sb-mop:class-direct-subclasses class)
            collect (make-user :kind :structure :name (class-name subclass))))))

(defun stale-users (kind name table)
  "The USERs that are stale once the definition of NAME as KIND changes."
  (case kind
    ;; Code that was compiled while the name meant a function calls it.
    (:macro (users-of '(:macroexpands :calls) (list name) table))
    (:compiler-macro (users-of '(:calls) (list name) table))
    ;; While there was none, SETF became a call of the function.
    (:setf-expander (users-of '(:calls) (list (list 'setf name)) table))
    (:function (cond ((consp (function-state name)) (users-of '(:macroexpands) (list name) table))
                     ((inlined-p name)
                      (union (users-of '(:calls) (list name) table) (block-users name) :test #'same-user-p))
                     (t (block-users name))))
    (:constant (users-of '(:references) (list name) table))
    ;; The function checks its arguments, and callers rely on its values, by what was declared.
    (:ftype (let ((state (function-state name)) (callers (users-of '(:calls) (list name) table)))
              (if (and (functionp state) (not (typep state 'generic-function)))
                  (cons (make-user :kind :function :name name) callers)
                  callers)))
    (:variable-type (users-of '(:references :sets :binds) (list name) table))
    (:structure (append (including-structures name)
                        (users-of '(:calls) (structure-function-names name) table)))
    (t '())))

(defun mentioned-names (kind name)
  "The names whose mention in a text may be a use of NAME as KIND, and whether that is so also inside functions, whose uses are recorded."
  (case kind
    ((:macro :compiler-macro :ftype :variable-type) (values (list name) nil))
    (:function (values (and (or (inlined-p name) (consp (function-state name))) (list name)) nil))
    ;; Of these the compiler keeps no record, or none of every use.
    ((:constant :symbol-macro :type :setf-expander :method-combination) (values (list name) t))
    (:structure (values (cons name (remove-if #'consp (structure-function-names name))) t))
    (t (values '() nil))))

;;;; Code that a structure whose slots take more again would mislead

(defun narrowly-compiled (structures serial)
  "The USERs of STRUCTURES, symbols, whose code was made after that of SERIAL, so that it relies on what their slots take now; :UNKNOWN where
there is no telling."
  (cond ((null structures) '())
        ((not (and serial (capability :code-serials) (capability :xref))) :unknown)
        (t (remove-if (lambda (user)
                        (<= (or (ignore-errors (code-serial (code-of (user-function user)))) 0) serial))
                      (users-of '(:calls) (mapcan #'structure-function-names (copy-list structures)) (xref-table))))))

;;;; All users, in order

(defstruct (node (:copier nil) (:predicate nil))
  "A definition, asked about where ROOT, else a user of one. OF are the indices of what it uses, LEVEL is above that of every node it uses."
  kind name user root (of '()) (users '()) (level 0) (state nil))

(defun node-key (kind name method)
  (if method (list kind method) (list kind name)))

(defun make-nodes (definitions table)
  "All nodes that the closure over users reaches from DEFINITIONS, those first."
  (let ((nodes (make-hash-table :test #'equal)) (all '()) (waiting '()))
    (flet ((ensure-node (kind name user index root)
             (let* ((key (node-key kind name (and (eq kind :method) user (user-method user))))
                    (node (or (gethash key nodes)
                              (let ((new (make-node :kind kind :name name :user user :root root)))
                                (push new all)
                                (setf (gethash key nodes) new)))))
               (unless (member index (node-of node))
                 (push index (node-of node))
                 (push (cons node index) waiting))
               node)))
      (loop for definition in definitions
            for index from 0
            for name = (definition-name definition)
            do (multiple-value-bind (kind declared) (declared-names definition)
                 (cond (kind (dolist (each declared) (ensure-node kind each nil index t)))
                       ((or (eq name :unresolved) (stringp name) (eq (definition-kind definition) :method)))
                       (t (ensure-node (definition-kind definition) name nil index t)))))
      (loop while waiting
            do (destructuring-bind (node . index) (pop waiting)
                 (dolist (user (stale-users (node-kind node) (node-name node) table))
                   (pushnew (ensure-node (user-kind user) (user-name user) user index nil)
                            (node-users node))))))
    (nreverse all)))

(defun set-levels (nodes)
  "Give every node a level above those of the nodes that it uses; in a cycle, of those from which the cycle is entered."
  (let ((order '()))
    (labels ((visit (node)
               (unless (node-state node)
                 (setf (node-state node) :open)
                 (mapc #'visit (node-users node))
                 (setf (node-state node) :done)
                 (push node order))))
      (mapc #'visit (reverse nodes)))
    (let ((positions (make-hash-table :test #'eq)))
      (loop for node in order for position from 0 do (setf (gethash node positions) position))
      (dolist (node order)
        (dolist (user (node-users node))
          (when (> (gethash user positions) (gethash node positions))
            (setf (node-level user) (max (node-level user) (1+ (node-level node))))))))))

(defun node-function (node)
  "A function whose code was compiled with the definition NODE."
  (if (eq (node-kind node) :structure)
      (loop for name in (structure-function-names (node-name node))
            when (and (symbolp name) (fboundp name)) return (function-state name))
      (user-function (node-user node))))

(defun node-serial (node)
  "A number that is higher the later the code of NODE was loaded."
  (let ((function (node-function node)))
    (or (and (capability :code-serials)
             (ignore-errors (code-serial (code-of function))))
        0)))

(defun in-order (nodes)
  (set-levels nodes)
  (let ((users (loop for node in nodes unless (node-root node) collect (cons (node-serial node) node))))
    (mapcar #'cdr (sort users (lambda (a b)
                                (or (< (node-level (cdr a)) (node-level (cdr b)))
                                    (and (= (node-level (cdr a)) (node-level (cdr b)))
                                         (< (car a) (car b)))))))))

;;;; As the contract has it

(defun node-definition (node)
  "NODE as a DEFINITION, with which the rest of the agent can tell where it comes from."
  (let* ((name (node-name node))
         (symbol (name-symbol name))
         (package (symbol-package symbol))
         (method (and (eq (node-kind node) :method) (user-method (node-user node)))))
    (make-definition :kind (node-kind node) :text "" :symbol symbol :setf (consp name)
                     :symbol-name (symbol-name symbol)
                     :package-name (if package (package-name package) "")
                     :method-key (and method (cons (method-qualifiers method) (method-specializer-names method)))
                     :qualifier-texts (and method (printed-parts (method-qualifiers method) package))
                     :specializer-texts (and method (printed-parts (method-specializer-names method) package)))))

(defun method-specializer-names (method)
  (loop for specializer in (sb-mop:method-specializers method)
        collect (typecase specializer
                  (class (class-name specializer))
                  (sb-mop:eql-specializer (list 'eql (sb-mop:eql-specializer-object specializer)))
                  (t specializer))))

(defun printed-parts (parts package)
  (loop for part in parts
        collect (safely-print (lambda () (let ((*package* (or package *package*))) (prin1-to-string part)))
                              200 "?")))

(defun installed-digests ()
  "A table from the objects that operations installed, where they still are what they were, to the digests of their texts."
  (let ((table (make-hash-table :test #'eq)))
    (sb-ext:with-locked-hash-table (*installed*)
      (maphash (lambda (key entry)
                 (declare (ignore key))
                 (let ((object (sb-ext:weak-pointer-value (origin-object entry))))
                   (when object (setf (gethash object table) (origin-digest entry)))))
               *installed*))
    table))

(defun node-source (node definition)
  "Where NODE comes from, as keys of the contract's Location. SBCL dates only functions: one of the same file speaks for the rest."
  (let ((source (ignore-errors (definition-source definition))))
    (if (getf source :file-write-date)
        source
        (let ((other (function-source (node-function node))))
          (if (and (getf other :file) (equal (getf other :file) (getf source :file)))
              (append source (list :file-write-date (getf other :file-write-date)))
              source)))))

(defun node-location (node digests)
  "The contract's Location of NODE; DIGESTS is what INSTALLED-DIGESTS answered."
  (let* ((definition (node-definition node))
         (object (ignore-errors (definition-object definition)))
         (source (node-source node definition)))
    (wire :location :kind (string-downcase (node-kind node))
                    :name (definition-label definition)
                    :package (definition-package-name definition)
                    :file (getf source :file)
                    :byte-offset (getf source :byte-offset)
                    :form (getf source :form)
                    :file-write-date (getf source :file-write-date)
                    :digest (and object (or (gethash object digests) (values (gethash object **made-from**)))))))

(defun dependent (node digests)
  "The contract's Dependent: a Location, and what it is a user of."
  (list* :of (sort (copy-list (node-of node)) #'<) (node-location node digests)))

(defun packages-with (symbol)
  "The names, nicknames included, of the packages in which SYMBOL is accessible."
  (let ((names '()))
    (dolist (package (list-all-packages) names)
      (unless (system-package-p package)
        (multiple-value-bind (found status) (find-symbol (symbol-name symbol) package)
          (when (and status (eq found symbol))
            (setf names (append (list (package-name package)) (package-nicknames package) names))))
        (loop for (nickname . actual) in (sb-ext:package-local-nicknames package)
              do (when (eq actual (symbol-package symbol)) (pushnew nickname names :test #'string=)))))))

(defun mentions (nodes)
  (loop for node in nodes
        append (multiple-value-bind (names everywhere) (mentioned-names (node-kind node) (node-name node))
                 (loop for name in names
                       for symbol = (name-symbol name)
                       when (and symbol (symbol-package symbol))
                         collect (wire :mention :of (reduce #'min (node-of node))
                                                :kind (case (node-kind node)
                                                        (:ftype "function")
                                                        (:variable-type "variable")
                                                        (t (string-downcase (node-kind node))))
                                                :name (symbol-name symbol) :packages (packages-with symbol) :everywhere everywhere)))))

(defun placed-definition (placed index)
  (resolve-definition (getf placed :definition) index (find-package-named (getf placed :package))))

(define-request dependents (definitions)
  "Who becomes stale when DEFINITIONS change; nobody where the image does not have them."
  (let* ((definitions (loop for placed in definitions
                            for index from 0
                            collect (placed-definition placed index)))
         (nodes (make-nodes definitions (if (capability :xref) (xref-table) (make-hash-table))))
         (digests (installed-digests)))
    (result :dependents (loop for node in (in-order nodes) collect (dependent node digests))
            :mentions (mentions nodes))))
