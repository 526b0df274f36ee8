;;;; Loading a system. ASDF does the compiling and loading; around each file it is watched: what it says, how long it took, whether it may be
;;;; loaded.

(in-package :hotlisp)

;;;; Watching ASDF

(defstruct (loading (:copier nil) (:predicate nil))
  "A reload of a system under way. RECORDS has an entry (file compiled loaded microseconds) for each file, last first.
TEXTS is what LOADED-TEXTS answered before."
  deed (records '()) (notes '()) (note-count 0) total sources texts)

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
         (otherwise-put-back-p component))))

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

(defun source-digest (file sources)
  "The digest that SOURCES, of the wire, say FILE had when its loading was approved; NIL where they say nothing of it."
  (getf (find file sources :key (lambda (source) (getf source :file)) :test #'string=) :digest))

(defun approved-digest (loading file)
  "The digest of what FILE says now. Signals an error where something else was approved."
  (let ((digest (text-digest file))
        (approved (source-digest file (loading-sources loading))))
    (unless (or (null approved) (equal digest approved))
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

;;;; Notes

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

;;;; The operation

(defun mark-files (loading direction)
  "Have ASDF know that what it loaded of LOADING's files was undone (DIRECTION :OLD), or done again."
  (loop for (file nil loaded) in (loading-records loading)
        do (cond ((eq direction :new) (remhash file **put-back-files**))
                 (loaded (setf (gethash file **put-back-files**) (gethash file (loading-texts loading) '(nil)))))))

(defun loaded-texts (name sources)
  "A table from each file of the system NAME, and of those it depends on, to what **PUT-BACK-FILES** is to say of it should its load be undone; SOURCES
tell the digests."
  (let ((system (registered-system name)) (texts (make-hash-table :test #'equal)))
    (dolist (each (and system (systems-below system)) texts)
      (dolist (component (source-components each))
        (let ((file (component-file component)))
          (setf (gethash file texts)
                (cons (component-text-date component file)
                      (unless (or (component-stale-p component) (outdated-source-p component))
                        (source-digest file sources)))))))))

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
           (loading (make-loading :deed deed
                                  :total (file-count system force) :sources sources :texts (loaded-texts system sources))))
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
