;;;; When what the image loaded from a file had been written. SBCL dates functions only: they speak for the definition that they belong to, a
;;;; definition speaks for the rest of its file, and for a file in which none does ASDF does, which knows when it loaded it.

(in-package :hotlisp)

(defun code-origin (function)
  "The file that FUNCTION was compiled from and the Unix time of its contents, as a plist; NIL where it is not known."
  (let* ((code (if (typep function 'generic-function) nil (ignore-errors (code-of function))))
         (file (and code (code-file code)))
         (date (and file (code-date code))))
    (append (and file (list :file file))
            (and date (> date +unix-epoch+) (list :file-write-date (- date +unix-epoch+))))))

(defun dated-source (source definition)
  "SOURCE, keys of the contract's Location of DEFINITION, with the date of the code that was compiled from its form, where SBCL gives it none."
  (let ((origin (and (getf source :file) (not (getf source :file-write-date))
                     (code-origin (compiled-part definition)))))
    (if (and (getf origin :file-write-date) (equal (getf origin :file) (getf source :file)))
        (append source (list :file-write-date (getf origin :file-write-date)))
        source)))

(defun compiled-part (definition)
  "A function that was compiled from the form of DEFINITION; NIL where there is none, or none that would be known."
  (if (eq (definition-kind definition) :method)
      (let* ((method (find-defined-method definition))
             (function (and method (sb-mop:method-function method))))
        (or (and function (ignore-errors (fast-method-function function))) function))
      (let ((object (definition-object definition)))
        (and (functionp object) object))))

(sb-ext:defglobal **loaded-texts** (make-hash-table :test #'equal :synchronized t))

(defun loaded-text-date (file)
  "The Unix time of the contents of FILE, a native namestring, that ASDF loaded last; NIL where there is no telling. A file that was written
since had the contents that it was seen with when it was asked for before."
  (let* ((component (and (asdf-p) (ignore-errors (component-of-file file))))
         (loaded (and component (component-loaded-p component) (loaded-time component)))
         (written (and (realp loaded) (date-of (native-pathname file))))
         (seen (gethash file **loaded-texts**)))
    (cond ((null written) nil)
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

(defun date-undated (answers)
  "ANSWERS, shapes of the contract with a FILE, those of a file of which none has its FILE-WRITE-DATE with the one that ASDF tells."
  (let ((dates (make-hash-table :test #'equal)))
    (dolist (each answers)
      (when (getf each :file-write-date) (setf (gethash (getf each :file) dates) nil)))
    (loop for each in answers
          for file = (getf each :file)
          for date = (and file
                          (multiple-value-bind (date known) (gethash file dates)
                            (if known date (setf (gethash file dates) (loaded-text-date file)))))
          collect (if date (list* :file-write-date date each) each))))
