;;; Where SLIME would put each line of some files, given the lines above it as they stand.  -*- lexical-binding: t -*-
;;
;; emacs --batch -Q -l slime.el SLIME-DIRECTORY < requests > answers
;; One request a line, as JSON: {"file": path, "macros": {operator: indentation as an s-expression}}; what it says of macros holds
;; until a request says something else, as SLIME learns it from the image that it is connected to. One answer a line: {"file": path, "columns": [[line, column] ...]},
;; 0-based; lines inside strings and block comments, and blank ones, are left out.

(require 'lisp-mode)
(let ((slime (pop command-line-args-left)))
  (add-to-list 'load-path slime)
  (add-to-list 'load-path (expand-file-name "contrib" slime))
  (require 'slime-cl-indent))

(defun corpus--column ()
  "Where `lisp-indent-line' would put the line at point, which stands on its first character."
  (if (looking-at ";;;")
      (current-column)
    (let ((indent (save-excursion (beginning-of-line) (calculate-lisp-indent))))
      (cond ((consp indent) (car indent))
            ((null indent) (current-column))
            (t indent)))))

(defun corpus--columns (file)
  "The lines of FILE and their columns."
  (with-temp-buffer
    (let ((coding-system-for-read 'utf-8-dos)) (insert-file-contents file))
    (lisp-mode)
    (setq-local lisp-indent-function 'common-lisp-indent-function)
    (goto-char (point-min))
    (let ((line -1) columns)
      (while (not (eobp))
        (setq line (1+ line))
        (back-to-indentation)
        (unless (or (eolp) (looking-at ";\\(?:[^;]\\|$\\)\\|#|") (nth 8 (syntax-ppss)))
          (push (vector line (condition-case nil (corpus--column) (error (current-column)))) columns))
        (forward-line 1))
      (vconcat (nreverse columns)))))

(let ((unasked (copy-hash-table common-lisp-system-indentation))
      request)
  (while (setq request (ignore-errors (read-from-minibuffer "")))
    (let* ((asked (json-parse-string request :object-type 'alist))
           (file (alist-get 'file asked)))
      (when (alist-get 'macros asked)
        (setq common-lisp-system-indentation (copy-hash-table unasked)))
      (pcase-dolist (`(,operator . ,spec) (alist-get 'macros asked))
        (puthash operator (list (list (car (read-from-string spec)))) common-lisp-system-indentation))
      (princ (json-serialize `((file . ,file) (columns . ,(corpus--columns file)))))
      (terpri))))
