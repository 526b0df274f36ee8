;;;; What the compiler and the reader have to say, at its place in the forms.

(in-package :hotlisp)

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
