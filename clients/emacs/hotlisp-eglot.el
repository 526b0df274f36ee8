;;; hotlisp-eglot.el --- Hotlisp in Lisp buffers, by eglot  -*- lexical-binding: t -*-

;; Copy this file to ~/.emacs.d/ and put (load "~/.emacs.d/hotlisp-eglot") into your init file.
;; Emacs 29 and newer has eglot; in Emacs 28 it is a package (M-x package-install RET eglot).

;;; Code:

(require 'eglot)

(add-to-list 'eglot-server-programs '(lisp-mode . ("hotlisp" "--stdio")))
(add-hook 'lisp-mode-hook #'eglot-ensure)

;; The image to attach to, instead of a new SBCL for each project (or per project in .dir-locals.el):
;; (setq-default eglot-workspace-configuration
;;               '(:hotlisp (:image (:mode "attach" :address "127.0.0.1:4005"))))

(defun hotlisp-send (command)
  "Send COMMAND, such as \"hotlisp.rollback\"; its outcome comes as a message."
  (jsonrpc-async-request (or (eglot-current-server) (user-error "No Hotlisp for this buffer: M-x eglot"))
                         :workspace/executeCommand
                         `(:command ,command :arguments [(:background t)])
                         :success-fn #'ignore
                         :error-fn (lambda (failure) (message "%s" (plist-get failure :message)))))

(defun hotlisp-rollback ()
  "Take the last change of the image back, after asking."
  (interactive)
  (hotlisp-send "hotlisp.rollback"))

(defun hotlisp-redo ()
  "Make the change again that was taken back, after asking."
  (interactive)
  (hotlisp-send "hotlisp.redo"))

(define-key eglot-mode-map (kbd "C-c h a") #'eglot-code-actions)
(define-key eglot-mode-map (kbd "C-c h u") #'hotlisp-rollback)
(define-key eglot-mode-map (kbd "C-c h r") #'hotlisp-redo)

(provide 'hotlisp-eglot)
;;; hotlisp-eglot.el ends here
