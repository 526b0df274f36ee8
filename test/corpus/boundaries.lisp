;;;; Where SBCL's own reader finds the top-level forms of files.
;;;; Reads lines "ENCODING PATH" from standard input; answers each with one line of JSON:
;;;;   {"forms": [[start, end], ...], "unknown": "?[", "error": null}
;;;; Offsets are characters (code points), 0-based, end exclusive. With *READ-SUPPRESS* nothing is interned or evaluated. A reader
;;;; conditional counts as one form together with its target, whatever the features. UNKNOWN are the dispatch macro characters that
;;;; the standard readtable lacks; ERROR says what stopped the reader, if anything did.
(defpackage #:hotlisp-corpus
  (:use #:common-lisp))
(in-package #:hotlisp-corpus)

(defvar *unknown* '()
  "The dispatch macro characters met so far that the standard readtable does not define.")

(defun read-conditional (stream char argument)
  "Read a feature expression and what it guards, as if it held."
  (declare (ignore char argument))
  (read stream t nil t)
  (read stream t nil t))

(defun read-unknown (stream char argument)
  "Note CHAR and go on behind it, as SBCL does under *READ-SUPPRESS*; but a string may be what the macro reads."
  (declare (ignore argument))
  (pushnew char *unknown*)
  (when (eql char #\")
    (unread-char char stream))
  (values))

(defun corpus-readtable ()
  (let ((table (copy-readtable nil)))
    (dolist (char '(#\+ #\-))
      (set-dispatch-macro-character #\# char #'read-conditional table))
    (loop for code from 33 below 127
          for char = (code-char code)
          unless (or (digit-char-p char)
                     (get-dispatch-macro-character #\# char table))
            do (set-dispatch-macro-character #\# char #'read-unknown table))
    table))

(defun skip-blank (stream text)
  "Move STREAM, which reads TEXT, to where the next form starts; answer the position, or NIL at the end."
  (loop
    (unless (peek-char t stream nil nil)
      (return nil))
    (let ((at (file-position stream)))
      (flet ((at (offset)
               (and (< (+ at offset) (length text)) (char text (+ at offset)))))
        (cond ((or (eql (at 0) #\;)
                   ;; the first line of a script
                   (and (eql at 0) (eql (at 0) #\#) (eql (at 1) #\!)))
               (read-line stream nil nil))
              ((and (eql (at 0) #\#)
                    (eql #\| (loop for i from 1
                                   while (and (at i) (digit-char-p (at i)))
                                   finally (return (at i)))))
               (read-char stream)
               (loop until (eql (read-char stream) #\|))
               (funcall (get-dispatch-macro-character #\# #\|) stream #\| nil))
              (t (return at)))))))

(defun slurp (path encoding)
  (with-open-file (stream path :external-format encoding)
    (let* ((text (make-string (file-length stream)))
           (end (read-sequence text stream)))
      (subseq text 0 end))))

(defun boundaries (text)
  "The forms of TEXT as a list of conses (START . END), and what stopped the reader, NIL at the end."
  (let* ((*read-suppress* t)
         (*read-eval* nil)
         (*readtable* (corpus-readtable))
         (marked (and (plusp (length text)) (eql (char-code (char text 0)) #xfeff)))
         (forms '())
         (stream (make-string-input-stream text)))
    (when marked (read-char stream))
    (values-list
     (list* (handler-case
                (loop for start = (skip-blank stream text)
                      while start
                      do (read-preserving-whitespace stream)
                         (push (cons start (file-position stream)) forms)
                      finally (return nil))
              (error (condition) (remove-if-not #'graphic-char-p (remove #\\ (substitute #\' #\" (princ-to-string condition)))))
              (sb-sys:interactive-interrupt () (sb-ext:exit :code 130 :abort t)))
            (list (reverse forms))))))

(defun answer (line)
  (let* ((space (position #\Space line))
         (encoding (if (string= (subseq line 0 space) "latin-1") :latin-1 :utf-8))
         (*unknown* '()))
    (multiple-value-bind (failure forms)
        (boundaries (slurp (sb-ext:parse-native-namestring (subseq line (1+ space))) encoding))
      (format t "{\"forms\": [~{[~a, ~a]~^, ~}], \"unknown\": \"~{~:[~a~;\\~a~]~}\", \"error\": ~:[null~;\"~:*~a\"~]}~%"
              (loop for (start . end) in forms collect start collect end)
              (loop for char in *unknown* collect (find char "\\\"") collect char)
              failure)
      (finish-output))))

(loop for line = (read-line *standard-input* nil nil)
      while line do (answer line))
(sb-ext:exit :code 0 :abort t)
