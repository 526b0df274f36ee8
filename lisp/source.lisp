;;;; Where definitions come from, as SBCL recorded it.

(in-package :hotlisp)

(defconstant +unix-epoch+ 2208988800 "1970-01-01 in universal time.")

(defun introspect (name &rest arguments)
  "Call the function NAME, a string, of SB-INTROSPECT, loading that contrib on first use; signals an error where it is not installed."
  (unless (find-package "SB-INTROSPECT")
    (require "SB-INTROSPECT"))
  (apply (or (find-symbol name "SB-INTROSPECT") (error 'missing-internal :name name :wanted (format nil "SB-INTROSPECT:~a" name)))
         arguments))

(defun source-plist (source)
  "What a DEFINITION-SOURCE of SB-INTROSPECT says, as keys of the contract's Location; absent ones are left out."
  (flet ((slot (name) (ignore-errors (introspect name source))))
    (let ((pathname (slot "DEFINITION-SOURCE-PATHNAME"))
          (offset (slot "DEFINITION-SOURCE-CHARACTER-OFFSET"))
          (path (slot "DEFINITION-SOURCE-FORM-PATH"))
          (date (slot "DEFINITION-SOURCE-FILE-WRITE-DATE"))
          (file nil))
      (when pathname
        (setf file (ignore-errors (sb-ext:native-namestring (merge-pathnames (translate-logical-pathname pathname))))))
      (append (when file (list :file file))
              (when (and file (integerp offset)) (list :byte-offset offset))
              (when (and file (integerp (first path))) (list :form (first path)))
              (when (and file date) (list :file-write-date (- date +unix-epoch+)))))))



(defun function-source (function)
  "Where FUNCTION comes from, as keys of the contract's Location; NIL where it is not known."
  (ignore-errors (source-plist (introspect "FIND-DEFINITION-SOURCE" function))))
