;;; lsp-mode.el --- The person of person.el with lsp-mode and the file that its users copy  -*- lexical-binding: t -*-

(load (expand-file-name "person" (file-name-directory load-file-name)))
(load "lsp-mode-autoloads") ; as where packages are activated
(load (expand-file-name "emacs/hotlisp-lsp-mode" (getenv "HOTLISP_CLIENTS")))

;; What a person is asked once, and answers with yes: whether this is the project's folder. Whether to restart a dead
;; server it asks at another time than a batch Emacs has: M-x lsp does it, too.
(setq lsp-auto-guess-root t
      lsp-restart 'ignore
      lsp-enable-file-watchers nil
      lsp-diagnostics-provider :none
      ;; As the README says for versions that count characters, not UTF-16.
      lsp-document-sync-method lsp--sync-full)

(defun client-start ()
  (lsp-workspace-folders-add (file-name-directory (getenv "HOTLISP_TEST_FILE")))
  (lsp))

(defun client-workspace () (car (lsp-workspaces)))

(defun client-restart ()
  (wait-for "lsp-mode to see it" (lambda () (not (client-workspace))))
  (lsp))

(defun client-attached ()
  (let ((workspace (client-workspace)))
    (and workspace (eq (lsp--workspace-status workspace) 'initialized))))

(defun client-root () (lsp-workspace-root))

(defun client-process () (lsp--workspace-cmd-proc (client-workspace)))

(defun client-act () (call-interactively #'lsp-execute-code-action))

(defun client-changed () (run-hooks 'lsp-on-idle-hook))

(defun client-errors ()
  (mapcar (lambda (each)
            (cons (lsp-get each :message) (lsp--position-to-point (lsp-get (lsp-get each :range) :start))))
          (seq-filter (lambda (each) (eql (lsp-get each :severity) 1)) (lsp--get-buffer-diagnostics))))

(defun client-configure (seconds)
  (setq client-seconds seconds)
  (lsp-register-custom-settings `(("hotlisp.image.mode" "attach")
                                  ("hotlisp.image.address" ,(getenv "HOTLISP_TEST_ADDRESS"))
                                  ("hotlisp.approval.timeoutSeconds" client-seconds)))
  (when (client-workspace)
    (lsp--set-configuration (lsp-configuration-section "hotlisp"))))

(defvar client-seconds 120)

(defun client-shows-progress () t)

;; A report takes the place of the beginning, which alone has the title.
(defvar client-titles (make-hash-table :test 'equal))

(advice-add 'lsp-workspace-set-work-done-token :before
            (lambda (token value &rest _)
              (when (lsp-get value :title)
                (puthash token (lsp-get value :title) client-titles))))

(defun client-progress ()
  "Titles of what is under way."
  (mapcar (lambda (token) (gethash token client-titles ""))
          (hash-table-keys (lsp--workspace-work-done-tokens (client-workspace)))))

(defun client-stop ()
  (lsp-workspace-shutdown (client-workspace)))

(defun client-traffic () (messages))
