;;;; Changes that are not made of forms of a buffer: whatever loads files runs as one transaction over the whole program. And compiled
;;;; files: what they say of themselves before anything of them is loaded.

(in-package :hotlisp)

;;;; What a load may change

(defparameter *infrastructure-packages*
  '("COMMON-LISP" "KEYWORD" "HOTLISP" "HOTLISP-BOOT" "SWANK" "SLYNK" "ASDF" "UIOP" "QUICKLISP-CLIENT" "QL-SETUP")
  "Packages, and with a hyphen, slash or point after it what others start with, that are not the program's. Loading a file is not expected to
define anything there, other than methods.")

(defun infrastructure-package-p (package)
  (let ((name (package-name package)))
    (or (null name)
        (and (> (length name) 3) (string= "SB-" name :end2 3))
        (loop for prefix in *infrastructure-packages*
              for end = (length prefix)
              thereis (and (>= (length name) end)
                           (string= prefix name :end2 end)
                           (or (= (length name) end)
                               (and (find (char name end) "-/.") (string/= prefix "COMMON-LISP"))))))))

(defun program-packages ()
  (remove-if #'infrastructure-package-p (list-all-packages)))

(defun program-variables (packages)
  "The symbols of PACKAGES that are global variables or constants."
  (let ((number (info-number :variable :kind)))
    (remove-if-not (lambda (symbol)
                     (member (info-value symbol number nil) '(:special :global :constant :always-bound)))
                   (present-symbols packages))))

(defun foreign-generic-functions ()
  "Generic functions outside the program's packages, to which a program adds methods: PRINT-OBJECT, INITIALIZE-INSTANCE, those of streams."
  (let ((functions '()))
    (dolist (package (list-all-packages) functions)
      (when (infrastructure-package-p package)
        (do-external-symbols (symbol package)
          (when (eq (symbol-package symbol) package)
            (dolist (name (list symbol (list 'setf symbol)))
              (let ((function (generic-function-named name)))
                (when function (push function functions))))))))))

(defstruct (whole (:copier nil) (:predicate nil))
  "The whole program before a load: a full snapshot of its packages and of the methods of generic functions elsewhere."
  snapshot packages)

(defun capture-whole ()
  (let* ((packages (program-packages))
         (snapshot (capture packages '() :full t :tokens (program-variables packages))))
    (dolist (function (foreign-generic-functions))
      (push (cons function (sb-mop:generic-function-methods function)) (snapshot-methods snapshot)))
    (make-whole :snapshot snapshot :packages (list-all-packages))))

(defmacro with-information ((name info) &body body)
  "Run BODY with NAME bound to a symbol about which the image's database says what INFO, from SYMBOL-DBINFO, does."
  `(let ((,name (gensym)) (info ,info))
     (when info (update-symbol-info ,name (lambda (old) (declare (ignore old)) info)))
     ,@body))

(defun whole-differences (whole)
  "The DELTAS since WHOLE was captured, and the symbols whose values changed without their being defined again: by the files that were loaded,
or by the program, which runs all the while. Those values are nobody's to put back."
  (let ((deltas '()) (strays '()))
    (dolist (delta (differences (whole-snapshot whole)))
      (cond ((eq (delta-kind delta) :plist))
            ((and (eq (delta-kind delta) :value)
                  (not (none-p (delta-old delta)))
                  (not (variable-defined-again-p (delta-name delta) deltas)))
             (push (delta-name delta) strays))
            (t (push delta deltas))))
    (dolist (package (set-difference (list-all-packages) (whole-packages whole)))
      (push (make-delta :package (package-name package) **none** (capture-package package)) deltas)
      (dolist (delta (new-package-deltas package)) (push delta deltas)))
    (values (nreverse deltas) strays)))

(defun new-package-deltas (package)
  "The DELTAS for what the symbols of PACKAGE, which was not there before, name."
  (let ((deltas '()))
    (flet ((note (kind name old new) (push (make-delta kind name old new) deltas)))
      (dolist (symbol (present-symbols (list package)))
        (when (eq (symbol-package symbol) package)
          (note-new-symbol symbol #'note (lambda (name old)
                                           (let ((new (function-state name)))
                                             (unless (none-p new) (note :function name old new))))))))
    deltas))

(defun variable-defined-again-p (symbol deltas)
  (let ((delta (find-if (lambda (delta) (and (eq (delta-kind delta) :info) (eq (delta-name delta) symbol))) deltas)))
    (and delta
         (with-information (old (delta-old delta))
           (with-information (new (delta-new delta))
             (loop for (category kind) in '((:source-location :variable) (:source-location :constant) (:variable :kind))
                     thereis (not (eq (information old category kind) (information new category kind)))))))))

;;;; What was defined, told from what has changed

(defun function-name-label (name)
  (if (consp name)
      (format nil "(SETF ~a)" (bare-symbol-text (symbol-name (second name))))
      (bare-symbol-text (symbol-name name))))

(defun method-label (method name)
  "METHOD of the generic function NAME as the contract prints it: AREA :AROUND (CIRCLE)."
  (with-plain-printing
    (let ((*package* (or (symbol-package (name-symbol name)) *package*)))
      (format nil "~a~{ ~s~} (~{~a~^ ~})" (function-name-label name) (method-qualifiers method)
              (mapcar (lambda (specializer)
                        (if (typep specializer 'sb-mop:eql-specializer)
                            (format nil "(EQL ~a)" (print-value (sb-mop:eql-specializer-object specializer) 100))
                            (bare-symbol-text (symbol-name (class-name specializer)))))
                      (sb-mop:method-specializers method))))))

(defun symbol-wire (kind symbol name change)
  (wire :definition :kind kind :name name
                    :package (let ((package (symbol-package symbol))) (if package (package-name package) ""))
                    :change change))

(defun change-between (old new)
  (cond ((eq old new) nil)
        ((or (none-p old) (null old)) :new)
        ((or (none-p new) (null new)) :removed)
        (t :redefined)))

(defun structure-function-p (name)
  "Whether NAME is an accessor or the like that defining a structure made."
  (consp (information name :function :source-transform)))

(defun function-delta-definition (delta)
  (let* ((name (delta-name delta))
         (state (if (none-p (delta-new delta)) (delta-old delta) (delta-new delta))))
    (unless (structure-function-p name)
      (symbol-wire (cond ((consp state) "macro")
                         ((typep state 'generic-function) "generic-function")
                         (t "function"))
                   (name-symbol name) (function-name-label name)
                   (change-between (delta-old delta) (delta-new delta))))))

(defparameter *information-kinds*
  '((:function :compiler-macro-function "compiler-macro") (:setf :expander "setf-expander") (:type :expander "type")
    (:variable :macro-expansion "symbol-macro") (:source-location :variable "variable") (:source-location :constant "constant"))
  "Which information stands for a definition of which kind.")

(defun information-delta-definitions (delta)
  (let ((symbol (delta-name delta)))
    (with-information (before (delta-old delta))
      (with-information (after (delta-new delta))
        (loop for (category kind name) in *information-kinds*
              for change = (change-between (information before category kind **none**) (information after category kind **none**))
              when change collect (symbol-wire name symbol (bare-symbol-text (symbol-name symbol)) change))))))

(defun class-delta-definition (delta)
  (let* ((state (if (none-p (delta-new delta)) (delta-old delta) (delta-new delta)))
         (class (class-state-class state)))
    (symbol-wire (cond ((typep class 'structure-class) "structure")
                       ((eq (car (class-state-parts state)) :condition) "condition")
                       (t "class"))
                 (delta-name delta) (bare-symbol-text (symbol-name (delta-name delta)))
                 (change-between (delta-old delta) (delta-new delta)))))

(defun methods-delta-definitions (delta)
  (let* ((function (delta-name delta))
         (name (sb-mop:generic-function-name function))
         (old (delta-old delta)) (new (delta-new delta)))
    (flet ((definition (method change)
             (symbol-wire "method" (name-symbol name) (method-label method name) change)))
      (append (loop for method in (set-difference new old)
                    unless (typep method 'sb-mop:standard-accessor-method)
                      collect (definition method (if (find-if (lambda (other) (same-signature-p method other)) old) :redefined :new)))
              (loop for method in (set-difference old new)
                    unless (or (typep method 'sb-mop:standard-accessor-method)
                               (find-if (lambda (other) (same-signature-p method other)) new))
                      collect (definition method :removed))))))

(defun delta-definitions (deltas)
  "The contract's Definitions for what DELTAS changed: what a program defines by name; not what SBCL makes along with it, as accessors."
  (remove-duplicates
   (loop for delta in deltas
         append (ecase (delta-kind delta)
                  (:function (let ((definition (function-delta-definition delta))) (and definition (list definition))))
                  (:info (information-delta-definitions delta))
                  (:class (list (class-delta-definition delta)))
                  (:methods (methods-delta-definitions delta))
                  (:package (list (wire :definition :kind "package" :name (delta-name delta) :package (delta-name delta)
                                                    :change (change-between (delta-old delta) (delta-new delta)))))
                  ((:value :plist :interned :method) '())))
   :test #'equal))

;;;; Running something as one transaction

(defstruct (deed (:copier nil) (:predicate nil))
  "Something under way that changes the image otherwise than by forms of a buffer. STEP is where it failed, or NIL; SWAPPED is called with
:OLD when what was done is undone, also because it failed, and with :NEW when it is done again. DEFINITIONS, the contract's, say what it defines;
without them that is told from what has changed."
  id (step nil) (condition nil) (notes '()) (output "") (swapped nil) (definitions nil))

(defvar *deed* nil "The DEED that the current thread performs.")

(defun perform-deed (deed function)
  "Call FUNCTION with what it signals noted in DEED; true when it returned a true value."
  (let ((output "") (*deed* deed))
    (unwind-protect
         (block perform
           (let ((sb-ext:*invoke-debugger-hook*
                   (lambda (condition hook)
                     (declare (ignore hook))
                     (setf (deed-condition deed)
                           (let ((*backtrace-ends* (append '(perform-deed) *loader-functions* *backtrace-ends*)))
                             (condition-data condition)))
                     (return-from perform nil)))
                 (*debugger-hook* nil))
             (restart-case
                 (with-captured-output (output)
                   (with-quiet-redefinition () (funcall function)))
               (abort ()
                 :report "Give up this operation of Hotlisp and undo it."
                 nil))))
      (setf (deed-output deed) output))))

(defun call-as-transaction (deed capture differences function)
  "Call FUNCTION as the transaction DEED. What CAPTURE returns is what DIFFERENCES, called with it, compares the image with; when FUNCTION returns NIL,
signals or is unwound past, that is put back. Returns the contract's Change."
  (let ((start (microseconds)) (before nil) (applied nil) (remains '()) (deltas '()) (id (deed-id deed)))
    (unless (capability :rollback)
      (wire-error :invalid-request "This SBCL (~a) lacks what undoing a failed change needs; changing its code is not safe."
                  (lisp-implementation-version)))
    (when (gethash id *transactions*)
      (wire-error :invalid-request "There is a transaction ~a already; every one needs an identifier of its own." id))
    (call-keeping-instances
     (lambda ()
       (unwind-protect
            (progn
              (setf before (with-world-lock () (funcall capture)))
              (when (perform-deed deed function)
                (without-interrupts
                  (when (seal-request)
                    (setf applied t
                          (deed-step deed) nil
                          deltas (funcall differences before))
                    (record-deed deed deltas)))))
         (unless (or applied (null before))
           (without-interrupts (setf remains (put-back deed before differences)))))))
    (wire :change :status (cond ((and applied (null deltas)) :unchanged) (applied :applied) (remains :partial) (t :failed))
                  :transaction id
                  :generation **generation**
                  :step (deed-step deed)
                  :definitions (if applied (deed-change deed deltas) '())
                  :notes (deed-notes deed)
                  :output (deed-output deed)
                  :threads (if applied (running-threads (replaced-by deltas #'delta-old)) '())
                  :condition (deed-condition deed)
                  :remains remains
                  :elapsed (- (microseconds) start))))

(defun deed-change (deed deltas)
  (or (deed-definitions deed) (delta-definitions deltas)))

(defun changed-generic-functions (deltas)
  (loop for delta in deltas
        when (and (eq (delta-kind delta) :methods) (typep (delta-name delta) 'standard-generic-function))
          collect (delta-name delta)))

(defun record-deed (deed deltas)
  ;; SBCL's own redefinition of a method may leave its function's caches wrong while other threads call it.
  (reset-generic-functions (changed-generic-functions deltas))
  (when deltas
    (record-transaction (make-transaction :id (deed-id deed) :deltas deltas :definitions (deed-change deed deltas)
                                          :replaced (replaced-by deltas #'delta-old) :swapped (deed-swapped deed)))
    (incf **generation**)))

(defun put-back (deed before differences)
  "Undo what DEED has done so far. Returns sentences about what remains."
  (multiple-value-bind (deltas strays) (funcall differences before)
    (let ((remains (write-deltas deltas :old :forget-symbols t)))
      (when (deed-swapped deed) (funcall (deed-swapped deed) :old))
      (when remains (incf **generation**))
      (append (mapcar #'princ-to-string remains)
              (loop for symbol in strays
                    collect (format nil "The value of ~a changed meanwhile, by what was loaded or by the running program, and was left as it is."
                                    (print-name symbol)))))))

;;;; SHA-256 (FIPS 180-4), to tell whether a file is still the one that was approved

(eval-when (:compile-toplevel :load-toplevel :execute)
  (deftype word () '(unsigned-byte 32))

  (defun fraction-bits (root primes)
    "The first 32 bits of the fractional parts of the ROOTth roots (2 or 3) of the first PRIMES prime numbers, by integer arithmetic."
    (flet ((integer-root (n)
             (loop with low = 0 and high = (ash 1 (1+ (ceiling (integer-length n) root)))
                   while (< (1+ low) high)
                   do (let ((middle (ash (+ low high) -1)))
                        (if (<= (expt middle root) n) (setf low middle) (setf high middle)))
                   finally (return low))))
      (coerce (loop with found = 0
                    for n from 2
                    while (< found primes)
                    when (loop for d from 2 to (isqrt n) never (zerop (mod n d)))
                      collect (progn (incf found) (ldb (byte 32 0) (integer-root (ash n (* 32 root))))))
              '(simple-array word (*))))))

(sb-ext:defglobal **sha-start** (fraction-bits 2 8))
(sb-ext:defglobal **sha-constants** (fraction-bits 3 64))

(defun sha-256 (octets)
  "The digest of OCTETS, in hexadecimal."
  (declare (type (simple-array (unsigned-byte 8) (*)) octets) (optimize speed))
  (let* ((length (length octets))
         (padded (make-array (* 64 (ceiling (+ length 9) 64)) :element-type '(unsigned-byte 8) :initial-element 0))
         (state (copy-seq (the (simple-array word (*)) **sha-start**)))
         (constants **sha-constants**)
         (w (make-array 64 :element-type 'word :initial-element 0)))
    (declare (type (simple-array word (*)) state constants w) (type (simple-array (unsigned-byte 8) (*)) padded) (type (unsigned-byte 50) length))
    (replace padded octets)
    (setf (aref padded length) #x80)
    (loop for index of-type fixnum from 0 below 8
          do (setf (aref padded (- (length padded) index 1)) (ldb (byte 8 (* 8 index)) (* 8 length))))
    (flet ((rotate (x n) (declare (type word x) (type (integer 1 31) n))
             (logior (ash x (- n)) (ldb (byte 32 0) (ash x (- 32 n)))))
           (sum (a b) (declare (type word a b)) (ldb (byte 32 0) (+ a b))))
      (declare (inline rotate sum))
      (loop for block of-type fixnum from 0 below (length padded) by 64
            do (dotimes (i 16)
                 (let ((at (+ block (* 4 i))))
                   (setf (aref w i) (logior (ash (aref padded at) 24) (ash (aref padded (+ at 1)) 16)
                                            (ash (aref padded (+ at 2)) 8) (aref padded (+ at 3))))))
               (loop for i from 16 below 64
                     for a of-type word = (aref w (- i 15))
                     for b of-type word = (aref w (- i 2))
                     do (setf (aref w i)
                              (sum (sum (aref w (- i 16)) (logxor (rotate a 7) (rotate a 18) (ash a -3)))
                                   (sum (aref w (- i 7)) (logxor (rotate b 17) (rotate b 19) (ash b -10))))))
               (let ((a (aref state 0)) (b (aref state 1)) (c (aref state 2)) (d (aref state 3))
                     (e (aref state 4)) (f (aref state 5)) (g (aref state 6)) (h (aref state 7)))
                 (declare (type word a b c d e f g h))
                 (dotimes (i 64)
                   (let* ((s1 (logxor (rotate e 6) (rotate e 11) (rotate e 25)))
                          (choice (logxor (logand e f) (logandc1 e g)))
                          (first (sum (sum h s1) (sum choice (sum (aref constants i) (aref w i)))))
                          (s0 (logxor (rotate a 2) (rotate a 13) (rotate a 22)))
                          (majority (logxor (logand a b) (logand a c) (logand b c))))
                     (declare (type word s1 choice first s0 majority))
                     (setf h g g f f e e (sum d first) d c c b b a a (sum first (sum s0 majority)))))
                 (loop for value of-type word in (list a b c d e f g h)
                       for i of-type fixnum from 0
                       do (setf (aref state i) (sum (aref state i) value))))))
    (format nil "~(~{~8,'0x~}~)" (coerce state 'list))))

;;;; Compiled files

(defun file-octets (file)
  "The bytes of FILE, a native namestring. Ends the request when it cannot be read."
  (handler-case
      (with-open-file (stream (native-pathname file) :element-type '(unsigned-byte 8))
        (let ((octets (make-array (file-length stream) :element-type '(unsigned-byte 8))))
          (read-sequence octets stream)
          octets))
    (error (condition)
      (wire-error :invalid-request "The image cannot read ~a: ~a" file (condition-text condition 300)))))

(defstruct (header (:copier nil) (:predicate nil))
  "What a compiled file says before its first operation."
  text implementation format version features)

(defun word-octets () (if (> (integer-length most-positive-fixnum) 32) 8 4))

(defun parse-header (octets)
  "The HEADER of OCTETS; NIL when they are not those of a compiled file."
  (let ((position 0) (end (length octets)))
    (labels ((fail () (return-from parse-header nil))
             (line-end () (or (position 10 octets :start position) (fail)))
             (characters (from to) (map 'string #'code-char (subseq octets from to)))
             (number-of (count)
               (when (> (+ position count) end) (fail))
               (prog1 (loop for index below count sum (ash (aref octets (+ position index)) (* 8 index)))
                 (incf position count)))
             (counted-text ()
               (let ((length (number-of 4)))
                 (when (> (+ position length) end) (fail))
                 (prog1 (characters position (+ position length)) (incf position length)))))
      (when (and (> end 2) (= (aref octets 0) 35) (= (aref octets 1) 33))
        (setf position (1+ (line-end))))
      (unless (and (> end (+ position 6)) (string= "# FASL" (characters position (+ position 6)))) (fail))
      (let ((mark (or (position #xff octets :start position) (fail)))
            (start position))
        (setf position (1+ mark))
        (let* ((text (sb-ext:octets-to-string (subseq octets start mark) :external-format :utf-8))
               (implementation (counted-text))
               (format (number-of (word-octets)))
               (version (counted-text)))
          (make-header :text text :implementation implementation :format format :version version :features (counted-text)))))))

(sb-ext:defglobal **own-fasl** nil)

(defun written-fasl (directory name text)
  "The bytes of what this SBCL compiles TEXT to."
  (let ((source (scratch-file directory (concatenate 'string name ".lisp")))
        (fasl (scratch-file directory (concatenate 'string name ".fasl")))
        (*package* (find-package :hotlisp))
        (*error-output* (make-broadcast-stream)) (*standard-output* (make-broadcast-stream)))
    (with-open-file (stream (native-pathname source) :direction :output) (write-string text stream))
    (compile-file (native-pathname source) :output-file (native-pathname fasl) :verbose nil :print nil :progress nil)
    (file-octets fasl)))

(defun own-fasl ()
  "(header . end) of what this SBCL writes, taken from files that it compiles here: no internal of it says as much on every version. END is
(:BYTE byte) where all end alike, (:BEFORE-NUMBER byte) where the last operation has a number, of seven bits in each byte and the eighth set in all but the last."
  (or **own-fasl**
      (setf **own-fasl**
            (with-scratch-directory (directory)
              (let* ((some (written-fasl directory "some" "(car (list \"a\" 'own-fasl 2.5d0))"))
                     (none (written-fasl directory "none" (string #\Newline)))
                     (last (aref none (1- (length none)))))
                (cons (parse-header none)
                      (if (= last (aref some (1- (length some))))
                          (list :byte last)
                          (list :before-number (byte-before-number none)))))))))

(defun byte-before-number (octets)
  (let ((start (position-if (lambda (octet) (< octet 128)) octets :from-end t :end (1- (length octets)))))
    (and start (aref octets start))))

(defun header-mismatch (header file)
  "Why this image cannot load what has HEADER, one sentence; NIL when it can."
  (let ((own (car (own-fasl))))
    (flet ((differs (reader) (not (equal (funcall reader header) (funcall reader own)))))
      (cond ((differs #'header-version)
             (format nil "~a was compiled by SBCL ~a, and this image is SBCL ~a." file (header-version header) (header-version own)))
            ((differs #'header-implementation)
             (format nil "~a was compiled for ~a, and this image is ~a." file (header-implementation header) (header-implementation own)))
            ((differs #'header-format)
             (format nil "~a has version ~d of the format of compiled files, and this image reads version ~d."
                     file (header-format header) (header-format own)))
            ((differs #'header-features)
             (format nil "~a was compiled by an SBCL with the features ~a, and this image has ~a."
                     file (header-features header) (header-features own)))))))

(defun header-source (header file)
  "The source that the compiled FILE with HEADER was made from, if it is there: as the header names it, else the one beside FILE."
  (let* ((mark "compiled from ")
         (start (search mark (header-text header)))
         (quote (and start (+ start (length mark))))
         (named (and quote (< quote (length (header-text header))) (char= (char (header-text header) quote) #\")
                     (handler-case
                         (let ((namestring (unescaped (subseq (header-text header) quote))))
                           (or (existing-file namestring)
                               (existing-file (sb-ext:native-namestring (parse-namestring namestring)))))
                       (error () nil)))))
    (or named
        (existing-file (concatenate 'string (subseq file 0 (or (position #\. file :from-end t) (length file))) ".lisp")))))

(defun unescaped (text)
  "What the string literal at the start of TEXT stands for."
  (with-output-to-string (stream)
    (loop with position = 1
          for character = (char text position)
          until (char= character #\")
          do (when (char= character #\\) (setf character (char text (incf position))))
             (write-char character stream)
             (incf position))))

(defun existing-file (namestring)
  (and (file-status namestring) namestring))

(defun judge-fasl (path)
  "The bytes of the compiled file at PATH, its HEADER, and its native namestring. Ends the request when it is no compiled file."
  (let* ((file (sb-ext:native-namestring (merge-pathnames (native-pathname path))))
         (octets (file-octets file))
         (header (parse-header octets)))
    (unless header
      (wire-error :invalid-request "~a is not a file that SBCL compiled: it has no FASL header." file))
    (values octets header file)))

(defun complete-fasl-p (octets)
  (destructuring-bind (how byte) (cdr (own-fasl))
    (eql byte (ecase how
                (:byte (aref octets (1- (length octets))))
                (:before-number (byte-before-number octets))))))

(define-request fasl (path)
  "Reads the file's header and end; loads nothing."
  (multiple-value-bind (octets header file) (judge-fasl path)
    (result :file file
            :size (length octets)
            :digest (sha-256 octets)
            :version (header-version header)
            :expected (header-version (car (own-fasl)))
            :mismatch (header-mismatch header file)
            :complete (complete-fasl-p octets)
            :source (header-source header file))))

(define-request load-fasl (transaction path digest)
  "Loads the bytes whose digest was approved, or nothing."
  (with-image-lock ()
    (multiple-value-bind (octets header file) (judge-fasl path)
      (unless (string= digest (sha-256 octets))
        (wire-error :changed "~a has changed since its loading was approved. Run the command again." file))
      (let ((mismatch (header-mismatch header file)))
        (when mismatch (wire-error :fasl-mismatch "~a" mismatch)))
      (unless (complete-fasl-p octets)
        (wire-error :invalid-request "~a is truncated: it does not end as a compiled file does. Compile its source again." file))
      (let ((deed (make-deed :id transaction)))
        (call-as-transaction
         deed #'capture-whole #'whole-differences
         (lambda ()
           (setf (deed-step deed) :load)
           ;; The very bytes that were approved, whatever becomes of the file.
           (with-scratch-directory (directory)
             (let ((copy (scratch-file directory "approved.fasl")))
               (with-open-file (stream (native-pathname copy) :direction :output :element-type '(unsigned-byte 8))
                 (write-sequence octets stream))
               (let ((*package* (find-package :common-lisp-user))
                     (*readtable* (sb-ext:symbol-global-value '*readtable*)))
                 (load-fasl (native-pathname copy) file))))
           t))))))
