;;; two-editors.el --- Emacs beside a Neovim on the same image; two-editors.test.ts has the whole of it  -*- lexical-binding: t -*-

(defun drift-said (regexp)
  "The hint that matches REGEXP, once it is there, with the text where it stands."
  (let ((found (wait-for (concat "the drift that says " regexp)
                         (lambda ()
                           (flymake-start)
                           (seq-find (lambda (each) (string-match-p regexp (flymake-diagnostic-text each)))
                                     (flymake-diagnostics))))))
    (list :message (substring-no-properties (flymake-diagnostic-text found))
          :text (buffer-substring-no-properties
                 (flymake-diagnostic-beg found)
                 (save-excursion (goto-char (flymake-diagnostic-beg found)) (line-end-position))))))

(defun scenario ()
  (client-configure 120)
  (to-file)
  (client-start)
  (wait-for "the server" #'client-attached)
  (report "attached")

  (go-on "neovim-asks")
  (replace-in-buffer "(title)" "(title &optional (mark \"emacs\"))")
  (replace-in-buffer "\"<h1>~A</h1>\" title" "\"<h1>~A ~A</h1>\" mark title")
  (act "Reload page" "(defun pag" "Approve")
  (report "changed" :message (told "reload form: ") :prompts (vconcat prompts))

  ;; Neovim has changed it again; that the image has another text is told until the file is seen to be newer.
  (go-on "neovim-changed")
  (save-buffer)
  (apply #'report "drifted" (drift-said "\\bpage\\b.*the image runs the older text"))
  (replace-in-buffer "\"old ~A ~A\"" "\"emacs ~A ~A\"")
  (act "Reload hello" "(defun hell" "Approve")
  (report "changed-hello" :message (told "reload form: "))
  (go-on "end")
  (client-stop))
