;;;; Systems and packages as sets of files. ASDF does the compiling and loading; around each file it is watched: what it says, how long
;;;; it took, whether it may be loaded. ASDF is looked up late, because an image may not have it.

(in-package :hotlisp)

;;;; ASDF

(defun asdf-p () (and (find-package "ASDF") t))

(sb-ext:defglobal **asdf-lock** (sb-thread:make-mutex :name "hotlisp ASDF"))

(defun ensure-asdf ()
  "See to it that all of ASDF is there: its package is there before its functions are."
  (sb-thread:with-recursive-lock (**asdf-lock**)
    (unless (asdf-p)
      (when (session-read-only (request-session *request*))
        (wire-error :read-only "This image is served read-only and has no ASDF: what it knows of systems is nothing."))
      (require "ASDF"))))

(defun asdf-symbol (name)
  (or (find-symbol name "ASDF")
      (error 'missing-internal :name name :wanted (format nil "ASDF:~a" name))))

(defun asdf (name &rest arguments)
  (apply (asdf-symbol name) arguments))

(defun asdf-type-p (object name)
  (let ((symbol (find-symbol name "ASDF")))
    (and symbol (find-class symbol nil) (typep object symbol))))

(defun registered-system (name)
  "The system that ASDF knows by NAME already; its definition is not looked for, nor loaded again if it has changed."
  (let ((name (asdf "COERCE-NAME" name)))
    (if (find-symbol "REGISTERED-SYSTEM" "ASDF")
        (asdf "REGISTERED-SYSTEM" name)
        (cdr (asdf "SYSTEM-REGISTERED-P" name)))))

(defun call-in-asdf-session (function)
  "Call FUNCTION where ASDF has a session, without which ASDF 3.3 signals an error instead of searching."
  (let ((call (and (find-package "ASDF/SESSION") (find-symbol "CALL-WITH-ASDF-SESSION" "ASDF/SESSION"))))
    (if (and call (fboundp call))
        (funcall call function)
        (funcall function))))

(defun definition-file (name)
  "Where ASDF would find the definition of the system NAME, a native namestring, or NIL. Loads nothing."
  (let ((search (or (find-symbol "SEARCH-FOR-SYSTEM-DEFINITION" "ASDF")
                    (and (find-package "ASDF/FIND-SYSTEM") (find-symbol "SEARCH-FOR-SYSTEM-DEFINITION" "ASDF/FIND-SYSTEM")))))
    (when (and search (fboundp search))
      (let ((found (ignore-errors
                    (call-in-asdf-session (lambda () (funcall search (subseq name 0 (position #\/ name))))))))
        (typecase found
          (pathname (ignore-errors (sb-ext:native-namestring found)))
          (t nil))))))

(defun unknown-system (name)
  (wire-error :unknown-system "ASDF finds no system ~a. Put its folder where ASDF looks (~~/common-lisp/), or open the folder with ~a.asd as a workspace."
              name (subseq name 0 (position #\/ name))))

;;;; The files of a system

(defun component-meant-p (component)
  "Whether COMPONENT is one of this implementation: its :IF-FEATURE, if it has one, holds."
  (let ((feature (ignore-errors (asdf "COMPONENT-IF-FEATURE" component)))
        (holds (find-symbol "FEATUREP" "UIOP")))
    (or (null feature) (null holds) (handler-case (funcall holds feature) (error () t)))))

(defun source-components (parent)
  "The Lisp files below PARENT, a system or module, in an order in which every one comes after those of the same parent that it depends on. Works
on what ASDF has parsed already: asking ASDF for its plan could load definitions of systems that have changed."
  (let ((children (remove-if-not #'component-meant-p (asdf "COMPONENT-CHILDREN" parent))) (done '()) (files '()))
    (labels ((named (dependency)
               (let ((name (typecase dependency
                             (string dependency)
                             (symbol (string-downcase dependency))
                             (cons (car (last dependency))))))
                 (find name children :key (lambda (child) (asdf "COMPONENT-NAME" child)) :test #'equal)))
             (visit (child)
               (unless (member child done)
                 (push child done)
                 (dolist (dependency (ignore-errors (asdf "COMPONENT-SIDEWAY-DEPENDENCIES" child)))
                   (let ((other (named dependency)))
                     (when other (visit other))))
                 (cond ((asdf-type-p child "CL-SOURCE-FILE") (push child files))
                       ((asdf-type-p child "PARENT-COMPONENT")
                        (setf files (append (reverse (source-components child)) files)))))))
      (mapc #'visit children))
    (nreverse files)))

(defun system-dependencies (system)
  "The names of what SYSTEM is defined to depend on."
  (loop for dependency in (append (ignore-errors (asdf "SYSTEM-DEFSYSTEM-DEPENDS-ON" system)) (asdf "SYSTEM-DEPENDS-ON" system))
        for name = (typecase dependency
                     (string dependency)
                     (symbol (string-downcase dependency))
                     ;; (:version "x" "1.0"), (:feature :sbcl "x"), (:require "x")
                     (cons (find-if (lambda (part) (typep part '(or string (and symbol (not keyword))))) dependency
                                    :from-end (not (eq (first dependency) :version)))))
        when name collect (string-downcase name)))

(defun systems-below (system)
  "The registered systems that SYSTEM depends on, each after those it depends on itself; SYSTEM is the last one."
  (let ((seen '()) (systems '()))
    (labels ((visit (system)
               (unless (member system seen)
                 (push system seen)
                 (dolist (name (system-dependencies system))
                   (let ((other (registered-system name)))
                     (when other (visit other))))
                 (push system systems))))
      (visit system))
    (nreverse systems)))

(defun systems-of-files (system)
  "The systems whose files are those of SYSTEM: of one that infers them from packages, each file is a system of its own."
  (if (asdf-type-p system "PACKAGE-INFERRED-SYSTEM")
      (let ((prefix (concatenate 'string (asdf "COMPONENT-NAME" system) "/")))
        (remove-if-not (lambda (each)
                         (or (eq each system) (eql 0 (search prefix (asdf "COMPONENT-NAME" each)))))
                       (systems-below system)))
      (list system)))

(defun component-file (component)
  "The native namestring of COMPONENT's file."
  (sb-ext:native-namestring (asdf "COMPONENT-PATHNAME" component)))

(defun date-of (pathname) (ignore-errors (file-write-date pathname)))

(defun compiled-file (component)
  "The fasl of COMPONENT, there or not; NIL for a file that is not compiled, such as a static file."
  (first (ignore-errors (asdf "OUTPUT-FILES" (asdf-symbol "COMPILE-OP") component))))

(defun compiled-date (component)
  (let ((fasl (compiled-file component)))
    (and fasl (date-of fasl))))

;;; ASDF compares times of whole seconds. A file that was saved in the second in which its fasl was written looks compiled; whether it is, its text tells.

(sb-ext:defglobal **compiled-texts** (make-hash-table :test #'equal :synchronized t))
(sb-ext:defglobal **put-back-files** (make-hash-table :test #'equal :synchronized t))

(defun text-digest (file) (ignore-errors (sha-256 (file-octets file))))

(defun outdated-source-p (component &optional (unknown t) (fasl (compiled-date component)))
  "Whether the fasl of COMPONENT, of the date FASL, does not come from its source as it is now; UNKNOWN where only the time, which is the same, speaks."
  (let* ((file (component-file component))
         (source (date-of (native-pathname file))))
    (cond ((null source) nil)
          ((null fasl) (and (compiled-file component) t))
          ((/= source fasl) (> source fasl))
          (t (let ((known (gethash file **compiled-texts**)))
               (if known (not (equal known (text-digest file))) unknown))))))

(defun loaded-time (component)
  (ignore-errors
   (or (asdf "COMPONENT-OPERATION-TIME" (asdf "MAKE-OPERATION" (asdf-symbol "LOAD-OP")) component)
       (asdf "COMPONENT-OPERATION-TIME" (asdf "MAKE-OPERATION" (asdf-symbol "LOAD-SOURCE-OP")) component))))

(defun component-loaded-p (component)
  (and (loaded-time component) (not (gethash (component-file component) **put-back-files**))))

(defun component-stale-p (component)
  (or (not (component-loaded-p component))
      (let ((fasl (compiled-date component)) (loaded (loaded-time component)))
        (or (outdated-source-p component nil fasl)
            (and fasl (realp loaded) (> fasl loaded))))))

(defun constants-said-p (octets)
  "Whether OCTETS, of a text, say CONST anywhere, in any case."
  (declare (type (simple-array (unsigned-byte 8) (*)) octets) (optimize speed))
  (let ((word #.(map 'vector #'char-code "const")))
    (loop for start of-type fixnum from 0 to (- (length octets) 5)
            thereis (loop for code of-type (unsigned-byte 8) across (the (simple-vector 5) word)
                          for index of-type fixnum from start
                          always (= code (logior 32 (aref octets index)))))))

(defun system-file (component force)
  (let* ((file (component-file component)) (octets (ignore-errors (file-octets file))))
    (wire :system-file :file file
                       :loaded (component-loaded-p component)
                       :stale (component-stale-p component)
                       :compiles (or force (outdated-source-p component))
                       :digest (and octets (sha-256 octets))
                       :constants (and octets (constants-said-p octets)))))

(defun definition-changed-p (system)
  "Whether the file that defines SYSTEM was written since ASDF read it."
  (let ((read (ignore-errors (asdf "COMPONENT-OPERATION-TIME" (asdf "MAKE-OPERATION" (asdf-symbol "DEFINE-OP")) system)))
        (written (ignore-errors (date-of (asdf "SYSTEM-SOURCE-FILE" system)))))
    (and (realp read) written (> written read))))

(defun system-dependency (system)
  "What loading another system that depends on SYSTEM has ASDF do for SYSTEM; NIL where that is nothing."
  (let* ((name (asdf "COMPONENT-NAME" system))
         (asd (asdf "SYSTEM-SOURCE-FILE" system))
         (redefined (definition-changed-p system))
         (files (remove-if-not (lambda (file) (or (getf file :compiles) (getf file :stale)))
                               (mapcar (lambda (component) (system-file component nil)) (source-components system)))))
    (when (and (or redefined files)
               (not (member name '("asdf" "uiop") :test #'string=))) ; which are there without their files
      (wire :system-dependency :name name :asd (and asd (sb-ext:native-namestring asd)) :redefined redefined :files files))))

(define-request system (name force)
  "What ASDF knows of the system; neither its definition nor any file is loaded."
  (ensure-asdf)
  (let ((system (registered-system name)))
    (if system
        (let* ((asd (asdf "SYSTEM-SOURCE-FILE" system))
               (root (ignore-errors (asdf "SYSTEM-SOURCE-DIRECTORY" system)))
               (below (systems-below system))
               (meant (if (eq force :all) below (systems-of-files system))))
          (result :name (asdf "COMPONENT-NAME" system)
                  :asd (and asd (sb-ext:native-namestring asd))
                  :root (and root (sb-ext:native-namestring root))
                  :version (let ((version (ignore-errors (asdf "COMPONENT-VERSION" system)))) (and (stringp version) version))
                  :depends-on (system-dependencies system)
                  :registered t
                  :redefined (definition-changed-p system)
                  :loaded (let ((files (source-components system)))
                            (if files (and (every #'component-loaded-p files) t) (and (loaded-time system) t)))
                  :files (loop for each in meant
                               append (loop for component in (source-components each)
                                            collect (system-file component (or (eq force :all) (and (eq force :system) (eq each system))))))
                  :dependencies (loop for each in below
                                      for dependency = (and (not (member each meant)) (system-dependency each))
                                      when dependency collect dependency)))
        (let ((file (definition-file name)))
          (unless file (unknown-system name))
          (result :name name :asd file
                  :root (sb-ext:native-namestring (make-pathname :name nil :type nil :version nil :defaults (native-pathname file)))
                  :depends-on '() :registered nil :redefined nil :loaded nil :files '() :dependencies '())))))

;;;; Watching ASDF load

(defstruct (loading (:copier nil) (:predicate nil))
  "A reload of a system under way. RECORDS has an entry (file compiled loaded microseconds) for each file, last first."
  deed (records '()) (notes '()) (note-count 0) total sources)

(defvar *loading* nil "The LOADING that the current thread performs.")

(defun watch-asdf ()
  "Have ASDF call us around what it does with a file. What other threads do with ASDF is not touched."
  (let ((perform (asdf-symbol "PERFORM")) (done (asdf-symbol "OPERATION-DONE-P"))
        (operation (asdf-symbol "OPERATION")) (file (asdf-symbol "SOURCE-FILE")))
    (flet ((watched-p (name)
             (find-method (fdefinition name) '(:around) (list (find-class operation) (find-class file)) nil)))
      (unless (and (watched-p perform) (watched-p done))
        (let ((*package* (find-package :hotlisp)))
          (funcall (compile nil `(lambda ()
                                   (defmethod ,perform :around ((operation ,operation) (component ,file))
                                     (call-watching operation component #'call-next-method))
                                   (defmethod ,done :around ((operation ,operation) (component ,file))
                                     (and (not (to-be-done-again-p operation component)) (call-next-method)))))))))))

(defun to-be-done-again-p (operation component)
  "Whether ASDF is wrong when it takes OPERATION on COMPONENT as done."
  (cond ((asdf-type-p operation "COMPILE-OP")
         (and *loading* (outdated-source-p component)))
        ((asdf-type-p operation "BASIC-LOAD-OP")
         (gethash (component-file component) **put-back-files**))))

(defun call-watching (operation component next)
  "Call NEXT, which performs OPERATION on COMPONENT, a file."
  (let ((load (asdf-type-p operation "BASIC-LOAD-OP"))
        (compile (asdf-type-p operation "COMPILE-OP"))
        (file (and (not (asdf-type-p component "STATIC-FILE")) (ignore-errors (component-file component)))))
    (cond ((not (and file (or load compile))) (funcall next))
          (*loading* (perform-watched *loading* file compile next))
          (t (funcall next)))
    (when (and load file) (remhash file **put-back-files**))))

(defun perform-watched (loading file compile next)
  (let ((start (microseconds)) (record (find file (loading-records loading) :key #'first :test #'string=)))
    (unless record
      (setf record (list file nil nil 0))
      (push record (loading-records loading)))
    (setf (deed-step (loading-deed loading)) (if compile :compile :load))
    (emit :progress :message (format nil "~:[loading~;compiling~] ~a" compile (file-name-of file))
                    :done (count-if #'third (loading-records loading))
                    :total (loading-total loading))
    (if compile
        (let ((digest (approved-digest loading file)))
          (compile-watched loading file next)
          (when digest (setf (gethash file **compiled-texts**) digest))
          (setf (second record) t))
        (progn (call-loading (loading-deed loading) next) (setf (third record) t)))
    (incf (fourth record) (- (microseconds) start))))

(defun approved-digest (loading file)
  "The digest of what FILE says now. Signals an error where something else was approved."
  (let ((digest (text-digest file))
        (approved (find file (loading-sources loading) :key (lambda (source) (getf source :file)) :test #'string=)))
    (when (and approved (not (equal digest (getf approved :digest))))
      (error "~a has changed since its loading was approved. Run the command again." file))
    digest))

(defun file-name-of (file) (subseq file (1+ (or (position #\/ file :from-end t) -1))))

(defun compile-watched (loading file next)
  (let ((before (and (capability :undefined-names) undefined-warnings)))
    (handler-bind ((warning (lambda (condition) (note-file-condition loading condition file)))
                   (sb-ext:compiler-note (lambda (condition) (note-file-condition loading condition file)))
                   (compiler-error (lambda (condition) (note-file-condition loading condition file))))
      (funcall next))
    (when (capability :undefined-names)
      (gate-undefined-variables loading file (ldiff undefined-warnings before)))))

(defun gate-undefined-variables (loading file warnings)
  "Signal an error when WARNINGS, of FILE, say that a variable is undefined: ASDF's one compilation unit puts that off until everything is loaded."
  (let ((names '()))
    (dolist (warning warnings)
      (let ((name (undefined-warning-name warning)))
        (when (and (eq (undefined-warning-kind warning) :variable)
                   (not (boundp name)) (not (special-variable-p name)))
          (push name names)
          (multiple-value-bind (start end) (place-of-name file name (first (undefined-warning-contexts warning)))
            (add-file-note loading :warning (with-plain-printing (format nil "undefined variable: ~s" name)) "COMMON-LISP:WARNING" file start end)))))
    (when names
      (error "~a uses undefined variables: ~{~a~^, ~}. It was not loaded." (file-name-of file) (mapcar #'print-name (nreverse names))))))

(defun place-of-name (file name context)
  "The code points of FILE at which NAME stands in the top-level form that CONTEXT, the compiler's, is about."
  (let* ((text (ignore-errors (sb-ext:octets-to-string (file-octets file) :external-format :utf-8)))
         (bytes (and context (ignore-errors (context-file-position context))))
         (from (and text bytes (min (length text) (byte-to-character text bytes))))
         (start (and from (search (symbol-name name) text :test #'char-equal :start2 from))))
    (and start (values start (+ start (length (symbol-name name)))))))

;;; Notes

(defparameter *note-maximum* 500 "Notes about the files of one reload; those that are no warnings are dropped from a fifth of that on.")

(defun add-file-note (loading severity message condition file &optional start end)
  (let ((plist (wire :file-note :severity severity :message message :condition condition :file file :start start :end end)))
    (when (and (< (loading-note-count loading) (if (eq severity :note) (floor *note-maximum* 5) *note-maximum*))
               (not (member plist (loading-notes loading) :test #'equal)))
      (incf (loading-note-count loading))
      (push plist (loading-notes loading)))))

(defun note-file-condition (loading condition file)
  "Note what the compiler signals about FILE. Declines, always."
  (unless (typep condition 'redefinition-warning)
    (multiple-value-bind (start end) (compiling-place)
      (add-file-note loading (note-severity condition)
                     (tidy-message (condition-text condition 2000))
                     (type-name (innermost-condition condition))
                     file start end))))

(defun compiling-place ()
  "Where in its file the compiler is: the form that it is about, else the top-level form. Code points from 0, the end after the last one."
  (let* ((info (and (capability :exact-notes) (ignore-errors (source-info-file-info current-source-info))))
         (subforms (and info (ignore-errors (file-info-subforms info))))
         (count (if subforms (length subforms) 0)))
    (when (plusp count)
      (multiple-value-bind (form found) (context-form (current-context))
        (let ((index (or (and found (consp form)
                              (loop for index from (- count 3) downto 0 by 3
                                    when (eq (aref subforms (+ index 2)) form) return index))
                         (- count 3))))
          (values (aref subforms index) (aref subforms (1+ index))))))))

;;; The operation

(defun mark-files (loading direction)
  "Have ASDF know that what it loaded of LOADING's files was undone (DIRECTION :OLD), or done again."
  (loop for (file nil loaded) in (loading-records loading)
        do (cond ((eq direction :new) (remhash file **put-back-files**))
                 (loaded (setf (gethash file **put-back-files**) t)))))

(defun operate-on (loading name force asd)
  "Have ASDF load the system NAME, as LOADING."
  (dolist (source (loading-sources loading))
    (let ((file (getf source :file)))
      (when (equal (pathname-type (native-pathname file)) "asd") (approved-digest loading file))))
  (unless (registered-system name)
    (cond ((definition-file name))
          (asd (if (find-symbol "LOAD-ASD" "ASDF")
                   (asdf "LOAD-ASD" (native-pathname asd))
                   (load (native-pathname asd))))))
  (apply #'asdf "LOAD-SYSTEM" name (ecase force (:none '()) (:system '(:force t))
                                         ;; ASDF counts itself to what every system depends on where it finds its source.
                                         ;; SBCL 2.5.2 takes a list in a literal one for a call here.
                                         (:all (list :force :all :force-not (list "asdf" "uiop"))))))

(defun file-count (name force)
  (let ((system (registered-system name)))
    (and system (not (eq force :none))
         (loop for each in (if (eq force :all) (systems-below system) (list system))
               sum (length (source-components each))))))

(define-request load-system (transaction system force asd sources constants)
  "Compiles what has to be and loads it, file by file; a file that does not compile, or anything else that fails, leaves the image as it was."
  (ensure-asdf)
  (unless (or (registered-system system) (definition-file system) (and asd (existing-file asd)))
    (unknown-system system))
  (with-image-lock ()
    (watch-asdf)
    (let* ((deed (make-deed :id transaction :constants constants))
           (loading (make-loading :deed deed :total (file-count system force) :sources sources)))
      (setf (deed-swapped deed) (lambda (direction) (mark-files loading direction)))
      (let ((change (call-as-transaction
                     deed #'capture-whole
                     (lambda (whole)
                       (if (loading-records loading) (whole-differences whole) '()))
                     (lambda ()
                       (let ((*loading* loading))
                         (handler-bind ((warning (lambda (condition) (note-summary loading condition))))
                           (operate-on loading system force asd)))
                       t))))
        (result :change change
                :notes (reverse (loading-notes loading))
                :files (loop for (file compiled loaded elapsed) in (reverse (loading-records loading))
                             collect (wire :loaded-file :file file :compiled compiled :loaded loaded :elapsed elapsed)))))))

(defun note-summary (loading condition)
  "What the compiler says once all files are compiled, of functions and types that are still undefined, is about none of them in particular."
  (when (and (typep condition 'style-warning) (null (compiling-place)) (typep condition 'simple-condition)
             (search "undefined" (let ((control (simple-condition-format-control condition))) (if (stringp control) control ""))))
    (add-file-note loading :style-warning (tidy-message (condition-text condition 2000)) (type-name condition) nil)))

;;;; The files of a package

(defstruct (origin-file (:copier nil) (:predicate nil))
  "A file that defines something of a package. FIRST is the number of the first of its code objects, DATE when its text was written then."
  file (definitions 0) first date)

(defun package-origins (package)
  "The ORIGIN-FILEs of what PACKAGE's own symbols name, in the order in which they were loaded where that is known."
  (let ((table (make-hash-table :test #'equal)))
    (labels ((add (file &optional code)
               (when file
                 (let ((origin (or (gethash file table) (setf (gethash file table) (make-origin-file :file file)))))
                   (incf (origin-file-definitions origin))
                   (when code
                     (let ((number (and (capability :load-order) (code-serial-number code))) (date (code-date code)))
                       (when (and number (or (null (origin-file-first origin)) (< number (origin-file-first origin))))
                         (setf (origin-file-first origin) number))
                       (when (and date (or (null (origin-file-date origin)) (< date (origin-file-date origin))))
                         (setf (origin-file-date origin) date)))))))
             (add-code (code) (when code (add (existing-source (code-file code)) code)))
             (add-location (location)
               (when location
                 (add (existing-source (ignore-errors (source-location-namestring location))))))
             (add-introspected (name type)
               (dolist (source (ignore-errors (introspect "FIND-DEFINITION-SOURCES-BY-NAME" name type)))
                 (let ((plist (source-plist source)))
                   (add (getf plist :file))))))
      (add-introspected (make-symbol (package-name package)) :package)
      (do-symbols (symbol package)
        (when (eq (symbol-package symbol) package)
          (dolist (name (list symbol (list 'setf symbol)))
            (let ((state (function-state name)))
              (cond ((none-p state))
                    ((typep state 'generic-function)
                     (dolist (method (sb-mop:generic-function-methods state))
                       (unless (typep method 'sb-mop:standard-accessor-method)
                         (add-code (first (method-codes method))))))
                    ((structure-function-p name))
                    (t (add-code (ignore-errors (code-of (if (consp state) (cdr state) state))))))))
          (when (compiler-macro-function symbol) (add-code (ignore-errors (code-of (compiler-macro-function symbol)))))
          (dolist (kind '(:variable :constant :symbol-macro))
            (add-location (information symbol :source-location kind)))
          (when (information symbol :type :expander) (add-location (information symbol :type :source-location)))
          (when (find-class symbol nil)
            (dolist (type '(:class :structure :condition)) (add-introspected symbol type))))))
    (sort (loop for origin being the hash-values of table collect origin)
          (lambda (a b)
            (let ((x (or (origin-file-first a) 0)) (y (or (origin-file-first b) 0)))
              (or (< x y)
                  (and (= x y) (< (or (date-of (native-pathname (origin-file-file a))) 0)
                                  (or (date-of (native-pathname (origin-file-file b))) 0)))))))))

(defun existing-source (recorded)
  "The native namestring of the file that SBCL RECORDED, a namestring or NIL; NIL when it is not there."
  (and recorded
       (or (existing-file recorded)
           (ignore-errors (source-file (parse-namestring recorded))))))

(defun places-in-systems (files)
  "A table from those of FILES that belong to a registered system to (system-name . place in it)."
  (let ((table (make-hash-table :test #'equal))
        (names (mapcar #'file-name-of files))
        (truenames (mapcar (lambda (file) (cons (true-file file) file)) files)))
    (when (asdf-p)
      (dolist (name (asdf "REGISTERED-SYSTEMS"))
        (let ((system (registered-system name)))
          (loop for component in (ignore-errors (source-components system))
                for place from 0
                for file = (ignore-errors (component-file component))
                do (when (and file (member (file-name-of file) names :test #'string=))
                     (let ((found (cdr (assoc (true-file file) truenames :test #'equal))))
                       (when found (setf (gethash found table) (cons (asdf "COMPONENT-NAME" system) place)))))))))
    table))

(defun true-file (file)
  (or (ignore-errors (sb-ext:native-namestring (truename (native-pathname file)))) file))

(defun package-files (package)
  "The contract's PackageFiles of PACKAGE. Those of one system stand in its order, where the first one of them was loaded; others where they were loaded."
  (let* ((origins (package-origins package))
         (places (places-in-systems (mapcar #'origin-file-file origins)))
         (systems (remove nil (remove-duplicates (mapcar (lambda (origin) (car (gethash (origin-file-file origin) places))) origins)
                                                 :test #'equal :from-end t)))
         (ordered '()))
    (flet ((place (origin) (gethash (origin-file-file origin) places)))
      (dolist (origin origins)
        (let ((system (car (place origin))))
          (cond ((null system) (push origin ordered))
                ((member system systems :test #'equal)
                 (setf systems (remove system systems :test #'equal))
                 (dolist (each (sort (remove-if-not (lambda (other) (equal (car (place other)) system)) origins)
                                     #'< :key (lambda (other) (cdr (place other)))))
                   (push each ordered))))))
      (loop for origin in (nreverse ordered)
            for file = (origin-file-file origin)
            for now = (date-of (native-pathname file))
            collect (wire :package-file :file file :system (car (place origin))
                                        :definitions (origin-file-definitions origin)
                                        :stale (or (null now)
                                                   (and (origin-file-date origin) (> now (origin-file-date origin)))))))))

(define-request files (package)
  "The files that define what the package's symbols name."
  (let ((package (known-package package)))
    (result :package (package-name package) :files (package-files package))))
