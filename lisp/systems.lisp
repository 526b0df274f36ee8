;;;; What ASDF knows of systems and their files. Asking loads nothing, neither a system's definition nor a file. ASDF is looked up late, because an
;;;; image may not have it.

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
(sb-ext:defglobal **put-back-files** (make-hash-table :test #'equal :synchronized t)
  "From each file whose last load was undone to (date . digest): the Unix time of the contents that are in force again, NIL where that is not known, or
there are none, and the digest of the file where it said just that.")

(defun text-digest (file) (ignore-errors (sha-256 (file-octets file))))

(defun otherwise-put-back-p (component)
  "Whether what is in force again of COMPONENT, whose last load was undone, is not known to be what its file says."
  (let* ((file (component-file component)) (put-back (gethash file **put-back-files**)))
    (and put-back (not (and (cdr put-back) (equal (cdr put-back) (text-digest file)))))))

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
  (and (loaded-time component) (not (otherwise-put-back-p component))))

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
