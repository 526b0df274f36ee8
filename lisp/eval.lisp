;;;; Evaluating text, as a REPL does, with output as events and errors as data.

(in-package :hotlisp)

;;;; Output: two streams into one record, sent as events in lumps

(defstruct (output (:copier nil) (:predicate nil))
  "What a request has printed. PENDING holds (stream . text) that was not sent yet, newest first."
  (request nil :read-only t)
  (limit 0 :read-only t)
  (lock (sb-thread:make-mutex :name "hotlisp output") :read-only t)
  (record (make-string-output-stream) :read-only t)
  (recorded 0 :type fixnum)
  (truncated nil)
  (pending '())
  ;; Characters in PENDING, and when it was sent last, in microseconds.
  (gathered 0 :type fixnum)
  (sent 0)
  (open t))

(defparameter *output-interval* 50000 "Microseconds for which output is gathered before it is sent again.")
(defparameter *output-lump* 8192 "Characters that are sent without waiting.")

(defclass output-stream (sb-gray:fundamental-character-output-stream)
  ((output :initarg :output :reader stream-output)
   (name :initarg :name :reader stream-name)
   (column :initform 0 :accessor stream-column))
  (:documentation "What *STANDARD-OUTPUT* (NAME :STDOUT) and *ERROR-OUTPUT* (:STDERR) are while text is evaluated."))

(defmethod sb-gray:stream-write-char ((stream output-stream) character)
  (write-output stream (string character))
  character)

(defmethod sb-gray:stream-write-string ((stream output-stream) string &optional (start 0) end)
  (write-output stream (subseq string start end))
  string)

(defmethod sb-gray:stream-line-column ((stream output-stream))
  (stream-column stream))

(defmethod sb-gray:stream-force-output ((stream output-stream))
  (flush-output (stream-output stream)))

(defmethod sb-gray:stream-finish-output ((stream output-stream))
  (flush-output (stream-output stream)))

(defun write-output (stream text)
  "Record TEXT and send it, or have it sent soon. Once the request is over, and beyond its limit, it is dropped."
  (let* ((output (stream-output stream))
         (newline (position #\Newline text :from-end t)))
    (setf (stream-column stream)
          (if newline (- (length text) newline 1) (+ (stream-column stream) (length text))))
    (when (sb-thread:with-recursive-lock ((output-lock output))
            (and (output-open output)
                 (plusp (length (setf text (record-output output text))))
                 (add-pending output (stream-name stream) text newline)))
      (flush-later output)))
  nil)

(defun record-output (output text)
  "Add what there is room for of TEXT to OUTPUT's record, and return that part."
  (let ((room (- (output-limit output) (output-recorded output))))
    (when (> (length text) room)
      (setf text (subseq text 0 (max room 0))
            (output-truncated output) t))
    (write-string text (output-record output))
    (incf (output-recorded output) (length text))
    text))

(defun add-pending (output name text newline)
  "Send TEXT now, or keep it and return true when it has to be sent later."
  (if (eq (car (first (output-pending output))) name)
      (push text (cdr (first (output-pending output))))
      (push (list name text) (output-pending output)))
  (incf (output-gathered output) (length text))
  (cond ((or (> (output-gathered output) *output-lump*)
             (and newline (> (- (microseconds) (output-sent output)) *output-interval*)))
         (send-pending output)
         nil)
        (t t)))

(defun send-pending (output)
  (let ((pending (shiftf (output-pending output) '())))
    (when pending
      (setf (output-sent output) (microseconds)
            (output-gathered output) 0)
      (loop for (name . texts) in (reverse pending)
            do (emit-event (output-request output) :output
                           (list :stream name
                                 ;; There may be more of them than a call takes arguments.
                                 :text (with-output-to-string (stream)
                                         (dolist (text (reverse texts)) (write-string text stream)))))))))

(defun flush-output (output)
  (sb-thread:with-recursive-lock ((output-lock output))
    (when (output-open output) (send-pending output)))
  nil)

(defun close-output (output)
  "Send what is left and drop what comes after. Returns the record."
  (sb-thread:with-recursive-lock ((output-lock output))
    (send-pending output)
    (setf (output-open output) nil)
    (get-output-stream-string (output-record output))))

;;; One thread sends the pending rest of all outputs, so that a line is seen also when nothing is printed after it.

(sb-ext:defglobal **late-lock** (sb-thread:make-mutex :name "hotlisp late output"))
(sb-ext:defglobal **late-outputs** '())
(sb-ext:defglobal **late-sender** nil)

(defun flush-later (output)
  (sb-thread:with-mutex (**late-lock**)
    (pushnew output **late-outputs** :test #'eq)
    (unless **late-sender**
      (setf **late-sender** t)
      (run-in-worker #'send-late-outputs))))

(defun send-late-outputs ()
  (loop
    (sleep (/ *output-interval* 1000000))
    (let ((outputs (sb-thread:with-mutex (**late-lock**)
                     (or (shiftf **late-outputs** '())
                         (progn (setf **late-sender** nil) (return))))))
      (mapc #'flush-output outputs))))

(defun call-with-output (output function)
  "Call FUNCTION with every standard stream's output going to OUTPUT, and nothing to read."
  (let* ((standard (make-instance 'output-stream :output output :name :stdout))
         (errors (make-instance 'output-stream :output output :name :stderr))
         (input (make-concatenated-stream))
         (dialogue (make-two-way-stream input errors)))
    (let ((*standard-output* standard)
          (*error-output* errors)
          (*trace-output* standard)
          (*standard-input* input)
          (*query-io* dialogue)
          (*debug-io* dialogue)
          (*terminal-io* (make-two-way-stream input standard)))
      (funcall function))))

;;;; Reading

(defun readtable-for (name package)
  "The readtable called NAME, the text of what IN-READTABLE was given in PACKAGE; without one, what Swank or Slynk were told of for PACKAGE,
where one is loaded, else the image's global one. Ends the request where there is no readtable called NAME."
  (or (and name (named-readtable name package))
      (loop for server in '("SWANK" "SLYNK")
            for home = (find-package server)
            for symbol = (and home (find-symbol "*READTABLE-ALIST*" home))
            for entry = (and symbol (boundp symbol)
                             (ignore-errors (assoc (package-name package) (symbol-value symbol) :test #'string=)))
            when (and entry (readtablep (cdr entry))) return (cdr entry))
      (sb-ext:symbol-global-value '*readtable*)))

(defun named-readtable (text package)
  "The readtable that TEXT, as written in PACKAGE, names to the system named-readtables; NIL where that is not loaded. Ends the request
where there is no such readtable. Evaluates nothing."
  (let* ((home (find-package "NAMED-READTABLES"))
         (find (and home (find-symbol "FIND-READTABLE" home))))
    (when (and find (fboundp find))
      (multiple-value-bind (name found) (resolve-symbol text package)
        (let ((readtable (and found (ignore-errors (funcall find name)))))
          (if (readtablep readtable)
              readtable
              (wire-error :invalid-request
                          "The image has no readtable ~a, in which this code is to be read. Load the system that defines it first." text)))))))

;;;; Evaluating

(defstruct (evaluation (:copier nil) (:predicate nil))
  (status :evaluated) (results '()) (cut nil) (notes '()) condition
  ;; Milliseconds that an error waits for a restart to be chosen, NIL for none; how many have; the names of those chosen, newest first.
  (patience nil) (questions 0) (restarts '())
  ;; Whether the first value of the last form, VALUE, is to be inspected: no more of it need be printed than the inspector prints.
  (keep nil) (value nil))

(defparameter *note-limit* 200)

(defun add-note (evaluation severity condition start end &optional (message (condition-text condition)))
  (when (< (length (evaluation-notes evaluation)) *note-limit*)
    (push (wire :note :severity severity :message message
                      :condition (if condition (type-name condition) "COMMON-LISP:ABORT")
                      :form 0 :start start :end end)
          (evaluation-notes evaluation))))

(defun evaluate-text (code evaluation place)
  "Read a form of CODE, which stands at PLACE of the contract or nowhere (NIL), and evaluate it, until its end or until one fails; what comes
of it goes to EVALUATION."
  (let* ((stream (make-string-input-stream code)) (end (length code))
         (counted 0) (byte-offset (getf place :byte-offset)) (first (or (getf place :index) 0))
         (source-infos (when (and place (capability :evaluate-in-file)) (source-infos-of (getf place :file) first))))
    (loop for number from first
          do (let* ((start (skip-blanks code (file-position stream)))
                    (form (progn (file-position stream start)
                                 (read-form stream code start evaluation))))
               (when (or (eq form stream) (not (eq (evaluation-status evaluation) :evaluated))) (return))
               (let ((stop (min end (file-position stream)))
                     (source-info (when source-infos
                                    (incf byte-offset (utf-8-length code (shiftf counted start) start))
                                    (funcall source-infos form byte-offset))))
                 (evaluate-form form start stop evaluation
                                (if source-info
                                    (lambda (form) (evaluate-in-file form source-info number))
                                    #'eval))
                 (unless (eq (evaluation-status evaluation) :evaluated) (return))
                 (note-evaluated form (subseq code start stop)))))))

;; What it switches is the *READTABLE* around it, so that nothing outlasts the request.
(defun switch-syntax (syntax evaluation)
  "Run the forms SYNTAX, of the contract, which say how the text is read. When one fails, that is what the evaluation comes to."
  (loop for each in syntax
        for text = (getf each :text)
        do (let ((*package* (known-package (getf each :package))))
             (handler-case (eval (read-from-string text))
               (error (condition)
                 (setf (evaluation-status evaluation) :signalled
                       (evaluation-condition evaluation) (signalled-data condition))
                 (add-note evaluation :error condition 0 0
                           (format nil "~a, which says how this is read: ~a" (truncate-text text 200) (condition-text condition)))
                 (return))))))

(defun skip-blanks (code start)
  (or (position-if-not (lambda (character) (member character '(#\Space #\Tab #\Newline #\Return #\Page))) code :start start)
      (length code)))

(defun read-form (stream code start evaluation)
  "The next form, or STREAM itself at the end. When it cannot be read, the status becomes :UNREADABLE."
  (flet ((unreadable (condition end)
           (let ((ran (length (evaluation-results evaluation))))
             (setf (evaluation-status evaluation) :unreadable)
             (add-note evaluation :error condition start end
                       (format nil "~a~@[ (~d form~:p before it had been evaluated.)~]" (reader-error-text condition) (and (plusp ran) ran)))
             stream)))
    (handler-case (read-preserving-whitespace stream nil stream)
      (end-of-file (condition) (unreadable condition (length code)))
      ;; Lists in lists without an end exhaust the stack; what code at #. signals is no reader's error.
      ((or error storage-condition) (condition) (unreadable condition (min (length code) (max (1+ start) (file-position stream))))))))

(defun reader-error-text (condition)
  "What a reader error reports, without the stream's state that SBCL adds: the place is in the note."
  (cond ((typep condition 'end-of-file) "The text ends inside this form.")
        ((not (typep condition '(or reader-error storage-condition)))
         (format nil "Code that runs while it is read signalled ~a: ~a" (type-name condition) (condition-text condition)))
        ((typep condition 'simple-condition)
         (safely-print (lambda ()
                         (apply #'format nil (simple-condition-format-control condition) (simple-condition-format-arguments condition)))
                       4096 "a reader error"))
        (t (condition-text condition))))

(defun evaluate-form (form start end evaluation evaluate)
  "Have EVALUATE, a function, evaluate FORM, which stands from START to END of the text."
  (block evaluating
    (flet ((give-up (condition)
             (setf (evaluation-status evaluation) :signalled
                   (evaluation-condition evaluation) condition)
             (return-from evaluating)))
      (restart-case
          (let ((values
                  (handler-bind ((warning (lambda (condition)
                                            (add-note evaluation (if (typep condition 'style-warning) :style-warning :warning)
                                                      condition start end))))
                    (let* ((abort (find-restart 'abort))
                           (sb-ext:*invoke-debugger-hook*
                             (lambda (condition hook)
                               (declare (ignore hook))
                               (debug-or-give-up condition evaluation start end abort #'give-up))))
                      (shiftf - form)
                      (call-evaluated evaluate form)))))
            (setf +++ ++ ++ + + form
                  /// // // / / values
                  *** ** ** * * (first values))
            (setf (evaluation-value evaluation) (first values))
            (push (mapcar (lambda (value) (print-result value evaluation)) values) (evaluation-results evaluation)))
        (abort ()
          :report "Abandon the evaluation."
          (add-note evaluation :error nil start end "The evaluation was abandoned through its ABORT restart.")
          (give-up nil))))))

(defun print-result (value evaluation)
  (multiple-value-bind (text cut) (if (evaluation-keep evaluation) (print-briefly value) (print-value value))
    (when cut (setf (evaluation-cut evaluation) t))
    text))

(defun call-evaluated (evaluate form)
  "The list of the values that EVALUATE returns for FORM. Marks the end of the backtraces of what evaluating it signals."
  (multiple-value-list (funcall evaluate form)))

(pushnew 'call-evaluated *backtrace-ends*)

(defun signalled-data (condition)
  "CONDITION-DATA, or the little that can be said when describing CONDITION fails as well."
  (let ((sb-ext:*invoke-debugger-hook*
          (lambda (second hook)
            (declare (ignore hook))
            (return-from signalled-data
              (wire :condition :type (type-name condition)
                               :text (format nil "(describing it signalled ~a)" (type-name second))
                               :backtrace '())))))
    (condition-data condition)))

(define-request eval (code package readtable syntax place output-limit patience keep)
  "Evaluates the forms of the text one after the other, each read after those before it have run."
  (let* ((start (microseconds))
         (package (known-package package))
         (session (request-session *request*))
         (output (make-output :request *request* :limit output-limit))
         (evaluation (make-evaluation :patience patience :keep keep))
         (record "") (returned nil))
    (flet ((answer ()
             (let ((results (reverse (evaluation-results evaluation))))
               (result :status (evaluation-status evaluation)
                       :values (if (eq (evaluation-status evaluation) :evaluated) (first (last results)) '())
                       :results results
                       :output record
                       :truncated (output-truncated output)
                       :cut (evaluation-cut evaluation)
                       :notes (reverse (evaluation-notes evaluation))
                       :condition (evaluation-condition evaluation)
                       :restarts (reverse (evaluation-restarts evaluation))
                       :inspected (and keep (eq (evaluation-status evaluation) :evaluated)
                                       (inspected (evaluation-value evaluation)))
                       :package (package-name package)
                       :elapsed (- (microseconds) start)))))
      (unwind-protect
           (let ((*package* package) (*readtable* (readtable-for readtable package)) (*read-eval* t))
             (call-with-repl-values session
                                    (lambda ()
                                      (call-with-output output (lambda ()
                                                                (switch-syntax syntax evaluation)
                                                                (when (eq (evaluation-status evaluation) :evaluated)
                                                                  (evaluate-text code evaluation place))))))
             (setf package *package*
                   returned t))
        (setf record (close-output output))
        ;; After an EXIT the loss of the image is the answer.
        (unless (or returned (image-exiting-p))
          (setf (evaluation-status evaluation) :signalled
                (evaluation-condition evaluation) (abort-data (unwound-because)))
          (leave-last-words (answer))))
      (answer))))

(defun call-with-repl-values (session function)
  "Call FUNCTION with the REPL's variables as SESSION left them, and keep them for its next evaluation."
  (destructuring-bind (&optional a b c d e f g h i j) (session-repl-values session)
    (let ((* a) (** b) (*** c) (+ d) (++ e) (+++ f) (/ g) (// h) (/// i) (- j))
      (unwind-protect (funcall function)
        (setf (session-repl-values session) (list * ** *** + ++ +++ / // /// -))))))
