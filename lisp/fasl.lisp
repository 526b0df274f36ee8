;;;; Compiled files: what they say of themselves before anything of them is loaded, and loading them.

(in-package :hotlisp)

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
      (wire-error :fasl-mismatch "~a is not a file that SBCL compiled: it has no FASL header." file))
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

(define-request load-fasl (transaction path digest constants)
  "Loads the bytes whose digest was approved, or nothing."
  (with-image-lock ()
    (multiple-value-bind (octets header file) (judge-fasl path)
      (unless (string= digest (sha-256 octets))
        (wire-error :changed "~a has changed since its loading was approved. Run the command again." file))
      (let ((mismatch (header-mismatch header file)))
        (when mismatch (wire-error :fasl-mismatch "~a" mismatch)))
      (unless (complete-fasl-p octets)
        (wire-error :fasl-mismatch "~a is truncated: it does not end as a compiled file does. Compile its source again." file))
      (let ((deed (make-deed :id transaction :constants constants)))
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
                 (call-loading deed (lambda () (load-fasl (native-pathname copy) file))))))
           t))))))
