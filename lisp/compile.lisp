;;;; Compiling segments: the macro expansion hook that corrects places, and the compiler itself.

(in-package :hotlisp)

;;;; The hook

(defun own-file-info ()
  "The compiler's record of our temporary file, while it is that file which is being compiled."
  (or *file-info*
      (and (capability :exact-notes)
           (let ((info (ignore-errors (source-info-file-info current-source-info))))
             (when (and info (equal (file-info-pathname info) (native-pathname (segment-fasl-source *segment*))))
               (setf *file-info* info)
               (let ((file (segment-file *segment*)))
                 (when (and file *compile-file-pathname*)
                   (let ((pathname (native-pathname file)))
                     (setf *compile-file-pathname* pathname *compile-file-truename* pathname))))
               info)))))

(defun compiling-own-file-p ()
  (let ((info (own-file-info)))
    (and info (eq info (ignore-errors (source-info-file-info current-source-info))))))

(defun compiling-unit-index ()
  "The index of the unit that is being compiled right now, or NIL."
  (when *segment*
    (unit-index (or *memory-unit*
                    (and *file-info* (unit-of-tlf (1- (length (file-info-forms *file-info*)))))
                    (first (segment-units *segment*))))))

(defun unit-of-tlf (number)
  (find number (segment-units *segment*) :key #'unit-tlf))

(defun macroexpand-own (user-hook expander form environment)
  "The macro expansion hook while our file is compiled: correct what the compiler knows of the place, and divert definitions."
  (if (not (compiling-own-file-p))
      (funcall user-hook expander form environment)
      (let* ((forms (file-info-forms *file-info*))
             (number (1- (length forms)))
             (new (/= (length forms) *forms-seen*))
             (unit (unit-of-tlf number)))
        (when new
          (remember-forms)
          (when unit
            (setf (aref (file-info-positions *file-info*) number) (unit-byte-offset unit))))
        (let ((expansion (divert form (learn-names form (funcall user-hook expander form environment) unit))))
          ;; A compiler macro that declines returns its form: that in a new form would be expanded again, for ever.
          (if (and unit (plusp (length forms)) (eq form (aref forms number)) (not (eq expansion form)))
              `(progn (note-loading ,(unit-index unit)) ,expansion)
              expansion)))))

;;;; Compiling

(defun segment-readtable-now (segment)
  "The readtable for SEGMENT: what an earlier form of its file chose in this operation, else what its place in the file says, else the
package's. Signals a WIRE-ERROR where the image has none of that name."
  (or (loop for (earlier . rest) on *segments*
            with chosen = nil
            until (eq earlier segment)
            do (when (and (equal (segment-file earlier) (segment-file segment)) (segment-readtable earlier))
                 (setf chosen (segment-readtable earlier)))
            finally (return (and chosen (not (eq chosen (sb-ext:symbol-global-value '*readtable*))) chosen)))
      (readtable-for (segment-readtable-name segment) (find-package-named (segment-package-name segment)))))

(defun compile-segment (segment scratch number)
  "Compile SEGMENT, whose number is NUMBER, with SCRATCH for its files. Notes go to *NOTES*; true when it may be loaded."
  (flet ((unreadable (text type)
           (note :error text (print-name type) (first (segment-units segment)) nil nil)
           (setf *failure* :read)
           (return-from compile-segment nil)))
    (let* ((package (or (find-package-named (segment-package-name segment))
                        (unreadable (format nil "There is no package ~a." (segment-package-name segment)) 'package-error)))
           (readtable (handler-case (segment-readtable-now segment)
                        (wire-error (problem) (unreadable (wire-error-message problem) 'reader-error))))
           (*segment* segment) (*file-info* nil) (*forms-seen* 0)
           (*package* package)
           (*readtable* readtable))
      (call-with-policy (segment-policy segment)
                        (lambda ()
                          (or (compile-in-memory segment)
                              (compile-with-file segment scratch number)))))))

(defun compile-with-file (segment scratch number)
  (let ((source (scratch-file scratch (format nil "~d.lisp" number)))
        (fasl (scratch-file scratch (format nil "~d.fasl" number)))
        (user-hook *macroexpand-hook*)
        (file (segment-file segment)))
    (setf (segment-source segment) (segment-text segment)
          (segment-fasl segment) fasl
          (segment-fasl-source segment) source)
    (with-open-file (stream (native-pathname source) :direction :output :if-exists :error :external-format :utf-8)
      (write-string (segment-source segment) stream))
    (let ((*macroexpand-hook* (lambda (expander form environment)
                                (macroexpand-own user-hook expander form environment))))
      (handler-bind ((warning #'note-condition)
                     (sb-ext:compiler-note #'note-condition)
                     (compiler-error #'note-condition))
        (with-compilation-unit (:source-namestring (if file (source-namestring file) nil))
          (compile-file (native-pathname source) :output-file (native-pathname fasl) :external-format :utf-8
                                                 :verbose nil :print nil :progress nil :block-compile nil))))
    (check-extents segment)
    (null *failure*)))

(defun source-namestring (file)
  "FILE, a native namestring or a URI, as SBCL writes the names of source files."
  (if (search "://" file) file (handler-case (namestring (native-pathname file)) (error () file))))

(defun check-extents (segment)
  "Fail when a form did not end where its text does: then it swallowed the next one."
  (unless *failure*
    (loop for (number . subforms) in (segment-forms segment)
          for unit = (unit-of-tlf number)
          for count = (length subforms)
          do (when (and unit (plusp count) (> (aref subforms (- count 2)) (unit-end unit)))
               (setf *failure* :read)
               (note :error "The form is not complete: a closing parenthesis or quote is missing." (print-name 'end-of-file)
                     unit 0 (length (unit-text unit)))))))

(defun compile-segments (segments scratch)
  "Compile SEGMENTS in order, up to the first that fails. True when all may be loaded; *NOTES* and *FAILURE* tell the rest."
  (let ((*segments* segments)
        (*error-output* (make-broadcast-stream)))
    (with-compilation-unit (:override t)
      (prog1 (loop for segment in segments
                   for number from 0
                   always (compile-segment segment scratch number))
        (note-undefined-names)
        (remember-outspoken)))))
