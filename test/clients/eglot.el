;;; eglot.el --- The person of person.el with eglot and the file that its users copy  -*- lexical-binding: t -*-

(require 'subr-x)
(load (expand-file-name "person" (file-name-directory load-file-name)))
(load (expand-file-name "emacs/hotlisp-eglot" (getenv "HOTLISP_CLIENTS")))

(defun client-start ()
  (eglot-ensure)
  (run-hooks 'post-command-hook)) ; where eglot-ensure connects

(defun client-restart ()
  "Eglot does it by itself.")

(defun client-attached ()
  (and (eglot-current-server) (eglot-managed-p)))

(defun client-root ()
  (expand-file-name (project-root (eglot--project (eglot-current-server)))))

(defun client-process ()
  (jsonrpc--process (eglot-current-server)))

(defun client-act ()
  (call-interactively #'eglot-code-actions))

(defun client-changed ()
  "At once, as Emacs does when it is idle."
  (eglot--signal-textDocument/didChange))

(defun client-errors ()
  (flymake-start)
  (mapcar (lambda (each) (cons (flymake-diagnostic-text each) (flymake-diagnostic-beg each)))
          (seq-filter (lambda (each) (memq (flymake-diagnostic-type each) '(eglot-error :error)))
                      (flymake-diagnostics))))

(defun client-configure (seconds)
  (setq-default eglot-workspace-configuration
                `(:hotlisp (:image (:mode "attach" :address ,(getenv "HOTLISP_TEST_ADDRESS"))
                            :approval (:timeoutSeconds ,seconds))))
  (when (eglot-current-server)
    (eglot-signal-didChangeConfiguration (eglot-current-server))))

(defun client-shows-progress ()
  (boundp 'eglot-report-progress))

(defun client-progress ()
  "Titles of what the mode line shows as under way."
  (mapcar (lambda (reporter) (nth 2 reporter))
          (hash-table-values (eglot--progress-reporters (eglot-current-server)))))

(defun client-stop ()
  (call-interactively #'eglot-shutdown-all))

(defun client-traffic ()
  (with-current-buffer (jsonrpc-events-buffer (eglot-current-server))
    (buffer-substring-no-properties (max (point-min) (- (point-max) 6000)) (point-max))))
