;;; hotlisp-lsp-mode.el --- Hotlisp in Lisp buffers, by lsp-mode  -*- lexical-binding: t -*-

;; Copy this file to ~/.emacs.d/ and put (load "~/.emacs.d/hotlisp-lsp-mode") into your init file.

;;; Code:

(require 'lsp-mode)

(add-to-list 'lsp-language-id-configuration '(lisp-mode . "lisp"))
(lsp-register-client
 (make-lsp-client :new-connection (lsp-stdio-connection '("hotlisp" "--stdio"))
                  :activation-fn (lsp-activate-on "lisp")
                  :server-id 'hotlisp))
(add-hook 'lisp-mode-hook #'lsp-deferred)

(defun hotlisp-send (command)
  "Send COMMAND, such as \"hotlisp.rollback\"; its outcome comes as a message."
  (lsp-request-async "workspace/executeCommand"
                     (list :command command :arguments [(:background t)])
                     #'ignore
                     :error-handler (lambda (failure) (message "%s" (lsp-get failure :message)))))

(defun hotlisp-rollback ()
  "Take the last change of the image back, after asking."
  (interactive)
  (hotlisp-send "hotlisp.rollback"))

(defun hotlisp-redo ()
  "Make the change again that was taken back, after asking."
  (interactive)
  (hotlisp-send "hotlisp.redo"))

(define-key lsp-mode-map (kbd "C-c h a") #'lsp-execute-code-action)
(define-key lsp-mode-map (kbd "C-c h u") #'hotlisp-rollback)
(define-key lsp-mode-map (kbd "C-c h r") #'hotlisp-redo)

(provide 'hotlisp-lsp-mode)
;;; hotlisp-lsp-mode.el ends here
