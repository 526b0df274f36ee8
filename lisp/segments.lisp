;;;; Compiling forms of a buffer such that everything SBCL remembers points at the buffer's file, and notes at places in the forms.
;;;;
;;;; The forms go into a temporary file. What SBCL records of a place is the file's name, which a compilation unit can name
;;;; otherwise; the number of the top-level form, for which earlier forms are stood in for by zeros; and the byte where the form starts,
;;;; for which the file is filled up with blanks. Where a form starts with a macro, no blanks are needed: the macro expansion hook
;;;; corrects the byte before anything reads it.

(in-package :hotlisp)

(defparameter *padding-limit* 50000 "The most bytes of blanks before a form.")

(defstruct (unit (:copier nil) (:predicate nil))
  "One form of the request. START and END are its code points in the temporary file, TLF the number of its first top-level form there."
  index text package-name readtable-name policy file byte-offset line column number digest unsaved definitions evaluates macro head
  (start 0) (end 0) (tlf 0))

(defstruct (segment (:copier nil) (:predicate nil))
  "Units that are compiled as one file. FORMS are the compiler's records of places: lists (number . subforms). FUNCTIONS are lists
(unit name function) where it took no file to compile them."
  units package-name readtable-name policy file evaluates source fasl fasl-source readtable forms (functions '()))

(defvar *segment* nil "The segment being compiled or loaded.")
(defvar *segments* '() "All segments of the operation.")
(defvar *operation-units* '() "The UNITS of the operation that is looked at or performed.")

;;;; Forms into segments

(defun head-text (text)
  "The text of the operator of the form TEXT, when it is a list that starts with one."
  (and (> (length text) 2) (char= (char text 0) #\()
       (let ((end (position-if (lambda (character) (or (blank-p character) (find character "()\"';`,|#"))) text :start 1)))
         (and end (> end 1) (subseq text 1 end)))))

(defun policy-qualities (declaimed package)
  "DECLAIMED, of the wire, as an OPTIMIZE declaration; NIL without any. Qualities that have no symbol are none of SBCL's."
  (let ((known (loop for each in declaimed
                     for symbol = (resolve-symbol (getf each :quality) package)
                     when (and symbol (policy-quality-p symbol)) collect (list symbol (getf each :value)))))
    (and known (cons 'optimize known))))

(defun unit-of-form (form index)
  (let* ((package (find-package-named (getf form :package)))
         (text (getf form :text))
         (head-text (head-text text))
         (head (and head-text package (resolve-symbol head-text package))))
    (make-unit :index index :text text :package-name (getf form :package) :readtable-name (getf form :readtable)
               :policy (policy-qualities (getf form :policy) package) :file (getf form :file)
               :byte-offset (getf form :byte-offset) :line (getf form :line) :column (getf form :column)
               :number (getf form :index) :digest (getf form :digest) :unsaved (getf form :unsaved) :evaluates (getf form :evaluates)
               :macro (and head (macro-function head) t) :head head
               :definitions (loop for name in (getf form :definitions)
                                  collect (resolve-definition name index package)))))

(defun resolve-definitions-again (units)
  "After the forms were read: names that were new are symbols now."
  (dolist (unit units)
    (let ((package (find-package-named (unit-package-name unit))))
      (dolist (definition (unit-definitions unit))
        (unless (or (eq (definition-kind definition) :package) (null package))
          (resolve-name definition (or (setf-name-text (definition-text definition)) (definition-text definition)) package))))))

(defun segments-of (units)
  "UNITS as SEGMENTS, in order. A form that evaluates, or of which it cannot be told beforehand that it starts with a macro, stands alone."
  (let ((segments '()) (previous nil))
    (dolist (unit units (nreverse segments))
      (let ((alone (or (unit-evaluates unit) (not (unit-macro unit))
                       ;; A structure is compared with its old self before any form of its file runs that could tell which one it is.
                       (eq (unit-head unit) 'defstruct))))
        (if (and previous (not alone)
                 (not (segment-evaluates (first segments)))
                 (unit-macro previous) (not (eq (unit-head previous) 'defstruct))
                 (string= (unit-package-name unit) (unit-package-name previous))
                 (equal (unit-readtable-name unit) (unit-readtable-name previous))
                 (equal (unit-policy unit) (unit-policy previous))
                 (equal (unit-file unit) (unit-file previous))
                 (> (unit-byte-offset unit) (unit-byte-offset previous))
                 (> (unit-number unit) (unit-number previous)))
            (setf (segment-units (first segments)) (append (segment-units (first segments)) (list unit)))
            (push (make-segment :units (list unit) :package-name (unit-package-name unit)
                                :readtable-name (unit-readtable-name unit) :policy (unit-policy unit) :file (unit-file unit)
                                :evaluates (unit-evaluates unit))
                  segments))
        (setf previous unit)))))

;;;; The temporary file

(defun utf-8-length (string &optional (start 0) (end (length string)))
  (let ((bytes 0))
    (declare (type fixnum bytes))
    (loop for index from start below end
          for code = (char-code (char string index))
          do (incf bytes (cond ((< code #x80) 1) ((< code #x800) 2) ((< code #x10000) 3) (t 4))))
    bytes))

(defparameter *prologue* "#+#.(|HOTLISP|::|NAME-OWN-FILE|)0 "
  "Reads as nothing, and has the reader know the file before it reads a form; no macro was expanded by then.")

(defun name-own-file ()
  "A feature expression that is false."
  (own-file-info)
  '(:or))

(defun asks-for-file-p (segment)
  "Whether a form of SEGMENT may ask which file is compiled before a macro of it is expanded: while it is read, or in an EVAL-WHEN."
  (and (segment-file segment)
       (loop for unit in (segment-units segment)
             thereis (or (search "#." (unit-text unit)) (search "compile-file-" (unit-text unit) :test #'char-equal)))
       (loop for character in '(#\. #\+)
             always (eql (ignore-errors (get-dispatch-macro-character #\# character))
                         (get-dispatch-macro-character #\# character nil)))))

(defun segment-text (segment)
  "The text of SEGMENT's file; sets where its units stand in it."
  (let ((stream (make-string-output-stream))
        (position 0) (bytes 0) (line 0) (number 0))
    (flet ((put (text)
             (write-string text stream)
             (incf position (length text))
             (incf bytes (utf-8-length text))
             (incf line (count #\Newline text))))
      (when (asks-for-file-p segment) (put *prologue*))
      (loop for (unit . rest) on (segment-units segment)
            for missing = (max 0 (- (unit-number unit) number))
            for gap = (- (unit-byte-offset unit) bytes)
            for lines = (- (unit-line unit) line)
            ;; SBCL takes as the place where a form starts the one where the previous one ended, so that one has to end right here.
            for stand-ins = (if (plusp missing)
                                (let ((text (make-string (* 2 missing) :initial-element #\Space)))
                                  (dotimes (i (1- missing)) (setf (char text (* 2 i)) #\0))
                                  (values text))
                                "")
            do (let* ((padded (and (not (unit-macro unit)) (<= 0 gap *padding-limit*) (>= lines 0)
                                   (>= gap (+ (* 2 missing) lines (unit-column unit)))))
                      (close (if (plusp missing) "()" ""))
                      (before (subseq stand-ins 0 (max 0 (- (length stand-ins) 2)))))
                 (cond (padded
                        (let* ((newlines (make-string lines :initial-element #\Newline))
                               (column (if (plusp lines) (unit-column unit)
                                           (max 0 (- gap (length before) (length close)))))
                               (indent (make-string (max 0 (- column (length close))) :initial-element #\Space))
                               (fill (make-string (max 0 (- gap (length before) lines (length indent) (length close)))
                                                  :initial-element #\Space)))
                          (put before) (put fill) (put newlines) (put indent) (put close)))
                       (t (put (string #\Newline)) (put before) (put close)))
                 (setf (unit-start unit) position
                       (unit-tlf unit) (+ number missing))
                 (put (unit-text unit))
                 (setf (unit-end unit) position
                       number (+ number missing 1))
                 (when (or rest (segment-evaluates segment)) (put (string #\Newline)))))
      (when (segment-evaluates segment)
        ;; A form may have changed *READTABLE* for those after it: this, whatever the readtable's case, tells.
        (put "(|HOTLISP|::|NOTE-READTABLE|)"))
      (get-output-stream-string stream))))

(defmacro note-readtable ()
  "Stands at the end of the file of a form that evaluates."
  (when *segment* (setf (segment-readtable *segment*) *readtable*))
  nil)

;;;; Scratch directories

(defun scratch-root ()
  "The native namestring, ending in a slash, of where temporary files are fastest."
  (if (ignore-errors (probe-file #p"/dev/shm/")) "/dev/shm/" "/tmp/"))

(sb-ext:defglobal **scratch-root** nil)
(sb-ext:defglobal **scratch-random** nil)

(defstruct (scratch (:copier nil) (:predicate nil))
  "Native namestrings: the DIRECTORY, NIL until the first file is wanted, and the FILES that may be in it."
  directory (files '()))

(defun make-scratch-directory ()
  "The native namestring, ending in a slash, of a new directory of ours alone."
  (let ((root (or **scratch-root** (setf **scratch-root** (scratch-root))))
        (random (or **scratch-random** (setf **scratch-random** (make-random-state t)))))
    (loop repeat 100
          for name = (format nil "~ahotlisp-~d-~36r" root (unix-getpid) (random (expt 36 20) random))
          when (unix-mkdir name #o700) return (concatenate 'string name "/")
          finally (error 'file-error :pathname root))))

(defun call-with-scratch-directory (function)
  "Call FUNCTION with a SCRATCH, and remove its directory and everything in it afterwards."
  (let ((scratch (make-scratch)))
    (unwind-protect (funcall function scratch)
      (when (scratch-directory scratch)
        (without-interrupts (remove-scratch-directory scratch))))))

(defmacro with-scratch-directory ((variable) &body body)
  `(call-with-scratch-directory (lambda (,variable) ,@body)))

(defun remove-scratch-directory (scratch)
  (dolist (file (scratch-files scratch)) (unix-unlink file))
  (unix-rmdir (string-right-trim "/" (scratch-directory scratch))))

(defun scratch-file (scratch name)
  "The native namestring of a file NAME of SCRATCH, which whoever wants it has to write."
  (without-interrupts
    (unless (scratch-directory scratch) (setf (scratch-directory scratch) (make-scratch-directory))))
  (let ((path (concatenate 'string (scratch-directory scratch) name)))
    (push path (scratch-files scratch))
    path))

(defun native-pathname (namestring)
  (sb-ext:parse-native-namestring namestring))
