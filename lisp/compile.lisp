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
  index text package-name file byte-offset line column number digest unsaved definitions evaluates macro head
  (start 0) (end 0) (tlf 0))

(defstruct (segment (:copier nil) (:predicate nil))
  "Units that are compiled as one file. FORMS are the compiler's records of places: lists (number . subforms). FUNCTIONS are lists
(unit name function) where it took no file to compile them."
  units package-name file evaluates source fasl fasl-source readtable forms (functions '()))

(defvar *segment* nil "The segment being compiled or loaded.")
(defvar *segments* '() "All segments of the operation.")

;;;; Forms into segments

(defun head-text (text)
  "The text of the operator of the form TEXT, when it is a list that starts with one."
  (and (> (length text) 2) (char= (char text 0) #\()
       (let ((end (position-if (lambda (character) (or (blank-p character) (find character "()\"';`,|#"))) text :start 1)))
         (and end (> end 1) (subseq text 1 end)))))

(defun unit-of-form (form index)
  (let* ((package (find-package-named (getf form :package)))
         (text (getf form :text))
         (head-text (head-text text))
         (head (and head-text package (resolve-symbol head-text package))))
    (make-unit :index index :text text :package-name (getf form :package) :file (getf form :file)
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
                 (equal (unit-file unit) (unit-file previous))
                 (> (unit-byte-offset unit) (unit-byte-offset previous))
                 (> (unit-number unit) (unit-number previous)))
            (setf (segment-units (first segments)) (append (segment-units (first segments)) (list unit)))
            (push (make-segment :units (list unit) :package-name (unit-package-name unit) :file (unit-file unit)
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

(defun segment-text (segment)
  "The text of SEGMENT's file; sets where its units stand in it."
  (let ((stream (make-string-output-stream))
        (position 0) (bytes 0) (line 0) (number 0))
    (flet ((put (text)
             (write-string text stream)
             (incf position (length text))
             (incf bytes (utf-8-length text))
             (incf line (count #\Newline text))))
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

;;;; Notes

(defvar *notes* '() "The notes so far, last first, as plists of the contract; and what was noted already is not noted again.")
(defvar *failure* nil "NIL, or the step at which compiling failed: :READ or :COMPILE.")
(defvar *memory-unit* nil "The unit that is being compiled without a file.")
(defvar *file-info* nil "The compiler's record of the temporary file.")
(defvar *forms-seen* 0)

(defun note (severity message condition unit start end)
  "Add a note about code points START to END (NIL: the whole) of UNIT's text."
  (let ((plist (wire :note :severity severity :message message :condition condition :form (unit-index unit)
                           :start (and start (max 0 start))
                           :end (and end (min (length (unit-text unit)) end)))))
    (unless (member plist *notes* :test #'equal)
      (push plist *notes*))))

(defun note-text (condition unit)
  "What CONDITION says, with symbols printed as UNIT's package shows them, on as few lines as it takes."
  (let ((*package* (or (find-package-named (unit-package-name unit)) *package*)))
    (tidy-message
     (safely-print (lambda ()
                     (let ((*print-escape* nil) (*print-pretty* t) (*print-right-margin* 200))
                       (princ-to-string condition)))
                   2000
                   (format nil "a condition of type ~a" (type-name condition))))))

(defun tidy-message (text)
  "TEXT without what SBCL adds about its own temporary file."
  (let* ((prefix "READ error during COMPILE-FILE:")
         (found (search prefix text))
         (start (if found (+ found (length prefix)) 0)))
    (string-trim '(#\Space #\Newline #\Tab)
                 (with-output-to-string (stream)
                   (with-input-from-string (lines text :start start)
                     (loop with first = t
                           for line = (read-line lines nil)
                           while line
                           for content = (string-trim '(#\Space #\Tab) line)
                           unless (or (string= content "")
                                      (and (> (length content) 6) (string= "Line: " content :end2 6))
                                      (and (> (length content) 8) (string= "Stream: " content :end2 8))
                                      (and (> (length content) 9) (string= "(in form " content :end2 9)))
                             do (unless first (terpri stream))
                                (setf first nil)
                                (write-string content stream)))))))

(defun note-severity (condition)
  (typecase condition
    (sb-ext:compiler-note :note)
    (style-warning :style-warning)
    (warning :warning)
    (t :error)))

(defun note-condition (condition)
  "Note CONDITION, one that the compiler signals, at its place. Declines, always."
  (unless (or (typep condition 'redefinition-warning) (null *segment*))
    (let ((cause (innermost-condition condition)))
      (cond ((or (typep condition 'input-error) (typep (inner-condition condition) 'input-error))
             (setf *failure* :read)
             (note-read-error cause))
            (t (when (and (typep condition 'compiler-error) (null *failure*)) (setf *failure* :compile))
               (multiple-value-bind (unit start end) (condition-place condition)
                 (note (note-severity condition) (note-text condition unit) (type-name cause) unit start end)))))))

(defun inner-condition (condition)
  "The condition that CONDITION, one of the compiler's, wraps; NIL when it wraps none."
  (let ((inner (ignore-errors (encapsulated-condition condition))))
    (and (typep inner 'condition) inner)))

(defun innermost-condition (condition)
  (let ((inner (inner-condition condition)))
    (if inner (innermost-condition inner) condition)))

;; Places

(defun remember-forms ()
  "Keep what the compiler's reader says of the places of the current top-level form's parts."
  (when *file-info*
    (let ((count (length (file-info-forms *file-info*))))
      (unless (= count *forms-seen*)
        (setf *forms-seen* count)
        (push (cons (1- count) (copy-seq (file-info-subforms *file-info*))) (segment-forms *segment*))))))

(defun unit-at (position)
  "The unit of the current segment that the code point POSITION of its file is in, or the nearest one before."
  (or (find-if (lambda (unit) (<= (unit-start unit) position)) (segment-units *segment*) :from-end t)
      (first (segment-units *segment*))))

(defun form-range (form)
  "Where FORM, an object that was read, stands in the temporary file: (values start end), or NIL."
  (loop for (nil . subforms) in (segment-forms *segment*)
        do (loop for index from (- (length subforms) 3) downto 0 by 3
                 when (eq (aref subforms (+ index 2)) form)
                   do (return-from form-range (values (aref subforms index) (aref subforms (1+ index)))))))

(defun atom-range (atom start end)
  "The first place of ATOM, a symbol, between START and END."
  (let ((best nil) (best-end nil))
    (loop for (nil . subforms) in (segment-forms *segment*)
          do (loop for index from 0 below (length subforms) by 3
                   for from = (aref subforms index)
                   for to = (aref subforms (1+ index))
                   when (and (eq (aref subforms (+ index 2)) atom) (<= start from) (<= to end)
                             (or (null best) (< from best)))
                     do (setf best from best-end to)))
    (values best best-end)))

(defun place-of-form (form name)
  "The unit and the range in it of FORM or, inside that, of the symbol NAME where it is not NIL."
  (multiple-value-bind (start end) (and (consp form) (form-range form))
    (unless start
      (let ((latest (first (segment-forms *segment*))))
        (when latest
          (let ((count (length (cdr latest))))
            (when (plusp count)
              (setf start (aref (cdr latest) (- count 3)) end (aref (cdr latest) (- count 2))))))))
    (if (null start)
        (values (first (segment-units *segment*)) nil nil)
        (let ((unit (unit-at start)))
          (when name
            (multiple-value-bind (from to) (atom-range name start end)
              (when from (setf start from end to))))
          (values unit (- start (unit-start unit)) (- end (unit-start unit)))))))

(defun condition-place (condition)
  (remember-forms)
  (multiple-value-bind (form found) (context-form (current-context))
    (place-of-form (if found form nil) (and found (named-variable condition form)))))

(defun named-variable (condition form)
  "The symbol that CONDITION is about, where that is an atom somewhere in FORM and not what FORM calls."
  (let ((argument (and (typep condition 'simple-condition)
                       (first (simple-condition-format-arguments condition)))))
    (when (typep argument '(cons symbol)) (setf argument (first argument)))
    (and argument (symbolp argument) (symbol-package argument) (not (keywordp argument))
         (search "variable" (let ((control (simple-condition-format-control condition)))
                              (if (stringp control) control ""))
                 :test #'char-equal)
         (not (and (consp form) (eq (first form) argument) (not (consp (first form))) (fboundp argument)))
         argument)))

(defun note-read-error (inner)
  (let* ((info (and (capability :exact-notes) current-source-info))
         (stream (and info (ignore-errors (source-info-stream info))))
         (source (segment-source *segment*))
         (form-start (or (and stream (ignore-errors (form-start-char-pos stream))) 0))
         (position (or (and stream (ignore-errors (byte-to-character source (file-position stream)))) form-start))
         (unit (unit-at (after-blanks source form-start)))
         (base (unit-start unit)))
    (cond ((or (typep inner 'end-of-file) (> position (unit-end unit)))
           (note :error "The form is not complete: a closing parenthesis or quote is missing." (print-name 'end-of-file)
                 unit 0 (length (unit-text unit))))
          (t
           (let* ((token-start (token-start source position base)))
             (note :error (note-text inner unit) (type-name inner) unit
                   (- token-start base) (- (max position (1+ token-start)) base)))))))

(defun after-blanks (text position)
  (or (position-if-not #'blank-p text :start (min position (length text))) (length text)))

(defun byte-to-character (text bytes)
  "The code point of TEXT that stands BYTES bytes from its start."
  (let ((count 0))
    (loop for index from 0 below (length text)
          while (< count bytes)
          do (incf count (utf-8-length text index (1+ index)))
          finally (return index))))

(defun token-start (text position base)
  "Where the token that ends at POSITION starts."
  (let ((start (max base (1- position))))
    (loop while (and (> start base)
                     (not (blank-p (char text (1- start))))
                     (not (find (char text (1- start)) "()\"';`,"))
                     (not (find (char text start) "()\"")))
          do (decf start))
    start))

(defun note-undefined-names ()
  "Note the functions, variables and types that the compilation unit, about to end, knows to be undefined; in place of the compiler's own summary."
  (when (capability :undefined-names)
    (dolist (warning undefined-warnings)
      (let ((name (undefined-warning-name warning))
            (kind (undefined-warning-kind warning)))
        (unless (case kind
                  (:function (fboundp name))
                  (:variable (boundp name))
                  (t nil))
          (dolist (context (undefined-warning-contexts warning))
            (multiple-value-bind (form found) (context-form context)
              (let ((*segment* (or (and found (segment-with-form form)) *segment*)))
                (when *segment*
                  (multiple-value-bind (unit start end)
                      (place-of-form (if found form nil) (if (consp name) (second name) name))
                    (let ((*package* (or (find-package-named (unit-package-name unit)) *package*)))
                      (note (if (eq kind :variable) :warning :style-warning)
                            (with-plain-printing (format nil "undefined ~(~a~): ~s" kind name))
                            (if (eq kind :variable) "COMMON-LISP:WARNING" "COMMON-LISP:STYLE-WARNING")
                            unit start end))))))))))
    (setf undefined-warnings '())))

(defun segment-with-form (form)
  (find-if (lambda (segment) (let ((*segment* segment)) (form-range form))) *segments*))

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
        (let ((expansion (divert form (funcall user-hook expander form environment))))
          (if (and unit (plusp (length forms)) (eq form (aref forms number)))
              `(progn (note-loading ,(unit-index unit)) ,expansion)
              expansion)))))

;;;; Compiling

(defun segment-readtable-now (segment)
  "The readtable for SEGMENT: what an earlier form of its file chose, else what Swank or Slynk use for its package, else the image's."
  (or (loop for (earlier . rest) on *segments*
            with chosen = nil
            until (eq earlier segment)
            do (when (and (equal (segment-file earlier) (segment-file segment)) (segment-readtable earlier))
                 (setf chosen (segment-readtable earlier)))
            finally (return (and chosen (not (eq chosen (sb-ext:symbol-global-value '*readtable*))) chosen)))
      (loop for server in '("SWANK" "SLYNK")
            for package = (find-package server)
            for symbol = (and package (find-symbol "*READTABLE-ALIST*" package))
            for entry = (and symbol (boundp symbol)
                             (ignore-errors (assoc (segment-package-name segment) (symbol-value symbol) :test #'string=)))
            when (and entry (readtablep (cdr entry))) return (cdr entry))
      (sb-ext:symbol-global-value '*readtable*)))

(defun compile-segment (segment scratch number)
  "Compile SEGMENT, whose number is NUMBER, with SCRATCH for its files. Notes go to *NOTES*; true when it may be loaded."
  (let ((package (find-package-named (segment-package-name segment))))
    (cond ((null package)
           (note :error (format nil "There is no package ~a." (segment-package-name segment))
                 (print-name 'package-error) (first (segment-units segment)) nil nil)
           (setf *failure* :read)
           nil)
          (t
           (let ((*segment* segment) (*file-info* nil) (*forms-seen* 0)
                 (*package* package)
                 (*readtable* (segment-readtable-now segment)))
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
