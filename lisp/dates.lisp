;;;; When what the image loaded from a file had been written. SBCL dates functions only: they speak for the definition that they belong to, such
;;;; as a structure or a class with initial values, a definition speaks for the rest of its file, and for a file in which none does ASDF does,
;;;; which knows when it loaded it, or what was seen of it.

(in-package :hotlisp)

(defun code-origin (function)
  "The file that FUNCTION was compiled from and the Unix time of its contents, as a plist; NIL where it is not known."
  (let* ((code (if (typep function 'generic-function) nil (ignore-errors (code-of function))))
         (file (and code (code-file code)))
         (date (and file (code-date code))))
    (append (and file (list :file file))
            (and date (> date +unix-epoch+) (list :file-write-date (- date +unix-epoch+))))))

(defun dated-source (source definition)
  "SOURCE, keys of the contract's Location of DEFINITION, with the date of code that was compiled from its form, where SBCL gives it none."
  (let ((date (and (getf source :file) (not (getf source :file-write-date))
                   (loop for function in (compiled-parts definition)
                         for origin = (code-origin function)
                         when (and (getf origin :file-write-date) (equal (getf origin :file) (getf source :file)))
                           return (getf origin :file-write-date)))))
    (if date (append source (list :file-write-date date)) source)))

(defun compiled-parts (definition)
  "Functions that may have been compiled from the form of DEFINITION, in a list."
  (let ((object (definition-object definition)) (symbol (definition-symbol definition)))
    (ignore-errors
     (remove-if-not #'functionp
                    (case (definition-kind definition)
                      (:method (let* ((method (find-defined-method definition))
                                      (function (and method (sb-mop:method-function method))))
                                 (list (working-function function))))
                      (:structure (loop for name in (structure-function-names symbol)
                                        when (fboundp name) collect (function-state name)))
                      ((:type :setf-expander) (list (expander-function object)))
                      (:class (let ((class (find-class symbol)))
                                (append (mapcar #'sb-mop:slot-definition-initfunction (sb-mop:class-direct-slots class))
                                        (mapcar #'third (sb-mop:class-direct-default-initargs class)))))
                      (t (list object)))))))

(sb-ext:defglobal **loaded-texts** (make-hash-table :test #'equal :synchronized t))

(defun loaded-text-date (file)
  "The Unix time of the contents of FILE, a native namestring, that ASDF loaded last; NIL where there is no telling."
  (let ((component (and (asdf-p) (ignore-errors (component-of-file file)))))
    (and component (component-text-date component file))))

(defun component-text-date (component file)
  "The same for COMPONENT, whose file FILE is. One that was written since had the contents that it was seen with when it was asked for before;
one whose load was undone has in force what had been loaded before that."
  (let* ((put-back (car (gethash (component-file component) **put-back-files**)))
         (loaded (and (component-loaded-p component) (loaded-time component)))
         (written (and (realp loaded) (date-of (native-pathname file))))
         (seen (gethash file **loaded-texts**)))
    (cond (put-back)
          ((null written) nil)
          ;; What was written in the second in which the fasl was, nobody knows to be older, unless the text tells.
          ((or (< written loaded)
               (and (= written loaded) (equal (gethash file **compiled-texts**) (text-digest file))))
           (setf (gethash file **loaded-texts**) (cons loaded written))
           (- written +unix-epoch+))
          ((eql loaded (car seen)) (- (cdr seen) +unix-epoch+))
          (t nil))))

(defun component-of-file (file)
  "The component of a registered system whose file FILE is, by whatever path; NIL where there is none."
  (let* ((pathname (native-pathname file))
         (truename (ignore-errors (truename pathname))))
    (labels ((own-p (component)
               (let ((other (asdf "COMPONENT-PATHNAME" component)))
                 (and other
                      (equal (pathname-name other) (pathname-name pathname))
                      (or (equal other pathname)
                          (and truename (equal (ignore-errors (truename other)) truename))))))
             (visit (parent)
               (dolist (child (asdf "COMPONENT-CHILDREN" parent))
                 (cond ((asdf-type-p child "PARENT-COMPONENT") (visit child))
                       ((and (asdf-type-p child "CL-SOURCE-FILE") (own-p child))
                        (return-from component-of-file child))))))
      (dolist (name (asdf "REGISTERED-SYSTEMS"))
        (visit (registered-system name)))
      nil)))

(sb-ext:defglobal **dates-seen** (make-hash-table :test #'equal :synchronized t)
  "From a file to the latest Unix time that code of it was seen with: that code may be gone when the rest of the file is asked about.")

(defun date-undated (answers)
  "ANSWERS, shapes of the contract with a FILE, those of a file of which none has its FILE-WRITE-DATE with the one that ASDF tells, else the
one that code of the file had when it was there."
  (let ((dates (make-hash-table :test #'equal)))
    (dolist (each answers)
      (let ((file (getf each :file)) (date (getf each :file-write-date)))
        (when date
          (setf (gethash file dates) nil
                (gethash file **dates-seen**) (max date (gethash file **dates-seen** 0))))))
    (loop for each in answers
          for file = (getf each :file)
          for date = (and file
                          (multiple-value-bind (date known) (gethash file dates)
                            (if known
                                date
                                (setf (gethash file dates) (or (loaded-text-date file) (gethash file **dates-seen**))))))
          collect (if date (list* :file-write-date date each) each))))
