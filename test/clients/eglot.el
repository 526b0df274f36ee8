;;; eglot.el --- Runs inside a batch Emacs on the web application's file  -*- lexical-binding: t -*-
;; Does what a person does, with eglot's own commands, and reports every step as one line of JSON on standard output.

(setq load-prefer-newer t
      native-comp-enable-subr-trampolines nil
      make-backup-files nil
      create-lockfiles nil
      message-log-max t)
(set-language-environment "UTF-8")
(load (expand-file-name "emacs/hotlisp-eglot" (getenv "HOTLISP_CLIENTS")))

(defun report (step &rest data)
  (let ((standard-output t))
    (send-string-to-terminal (concat (json-serialize `(:step ,step ,@data)) "\n"))))

(defun wait-for (what condition &optional seconds)
  (let ((end (+ (float-time) (or seconds 40))) result)
    (while (not (setq result (funcall condition)))
      (when (> (float-time) end) (error "Waited for %s" what))
      (catch 'left-prompt (accept-process-output nil 0.05)))
    result))

(defun go-on (name)
  "Wait until the test has looked and says to go on."
  (let ((file (expand-file-name name (getenv "HOTLISP_TEST_FOLDER"))))
    (wait-for (concat "the test to go on: " name) (lambda () (file-exists-p file)))))

;;; The person: chooses a code action by its title and answers prompts in the order of the script.
(defvar wanted-action nil)
(defvar answers '() "Strings; a number of seconds to wait before the next; `quit' for C-g.")
(defvar prompts '())

(setq last-nonmenu-event t ; as if typed, so that eglot asks in the minibuffer
      completing-read-function
      (lambda (prompt collection &rest _)
        (let ((titles (all-completions "" collection)))
          (if (string-match-p "Pick an action" prompt)
              (or (seq-find (lambda (title) (string-prefix-p wanted-action title)) titles)
                  (error "No code action %s among %s" wanted-action titles))
            (push (list :prompt (substring-no-properties prompt) :titles (vconcat titles)) prompts)
            (when (numberp (car answers))
              ;; The minibuffer reads what processes say meanwhile, as a person's does.
              (let ((end (+ (float-time) (pop answers))))
                (while (< (float-time) end) (accept-process-output nil 0.1))))
            (let ((answer (pop answers)))
              ;; C-g leaves eglot's handler without an answer. A real quit would end a batch Emacs 28.
              (if (eq answer 'quit) (throw 'left-prompt nil) answer))))))

(defun act (title place &rest given)
  "Choose the code action TITLE at PLACE as by its key, answering prompts with GIVEN."
  (setq prompts '() answers given wanted-action title)
  (goto-char (point-min))
  (search-forward place)
  (with-current-buffer "*Messages*" (let ((inhibit-read-only t)) (erase-buffer)))
  (call-interactively #'eglot-code-actions))

(defun messages ()
  (with-current-buffer "*Messages*" (buffer-substring-no-properties (point-min) (point-max))))

;;; What it has to tell when it fails.
(defun traffic ()
  "The end of what went between eglot and the server."
  (let ((server (eglot-current-server)))
    (if server
        (with-current-buffer (jsonrpc-events-buffer server)
          (buffer-substring-no-properties (max (point-min) (- (point-max) 6000)) (point-max)))
      "no server")))

(defun told (pattern)
  (wait-for (concat "a message like " pattern)
            (lambda () (let ((case-fold-search t))
                         (seq-find (lambda (line) (string-match-p pattern line))
                                   (split-string (messages) "\n"))))))

(defun replace-in-buffer (old new)
  (goto-char (point-min))
  (search-forward old)
  (replace-match new t t)
  (eglot--signal-textDocument/didChange)) ; at once, as Emacs does when it is idle

(defun errors ()
  "Diagnostics of the buffer that are errors."
  (flymake-start)
  (seq-filter (lambda (each) (memq (flymake-diagnostic-type each) '(eglot-error :error)))
              (flymake-diagnostics)))

(defun error-at-place ()
  (let ((found (car (wait-for "a diagnostic" #'errors))))
    (list :message (substring-no-properties (flymake-diagnostic-text found))
          :text (buffer-substring-no-properties (flymake-diagnostic-beg found)
                                                (save-excursion (goto-char (flymake-diagnostic-beg found))
                                                                (line-end-position))))))

(defun no-errors () (wait-for "the diagnostics to go" (lambda () (null (errors)))))

(defun attached ()
  (wait-for "the server" (lambda () (and (eglot-current-server) (eglot-managed-p)))))

(defun scenario ()
  (setq-default eglot-workspace-configuration
                `(:hotlisp (:image (:mode "attach" :address ,(getenv "HOTLISP_TEST_ADDRESS")))))
  (find-file (getenv "HOTLISP_TEST_FILE"))
  (eglot-ensure)
  (run-hooks 'post-command-hook) ; where eglot-ensure connects
  (attached)
  (report "attached" :emacs emacs-version :root (expand-file-name (project-root (eglot--project (eglot-current-server)))))

  (replace-in-buffer "(incf *visits*)" "(incf *visits*")
  (apply #'report "unbalanced" (error-at-place))
  (replace-in-buffer "(incf *visits*" "(incf *visits*)")
  (no-errors)
  (report "balanced")

  (replace-in-buffer "\"old ~A ~A\"" "\"denied ~A ~A\"")
  (act "Reload hello" "(defun hell" "Deny")
  (report "denied" :message (told "denied") :prompts (vconcat prompts))
  (go-on "after-deny")

  (replace-in-buffer "\"denied ~A ~A\"" "\"new ~A ~A\"")
  (act "Reload hello" "(defun hell" "Show Diff" "Approve")
  (report "approved" :message (told "reload form: ") :prompts (vconcat prompts)
          :diff (or (seq-some (lambda (buffer)
                                (with-current-buffer buffer
                                  (and (buffer-file-name)
                                       (not (equal (buffer-file-name) (getenv "HOTLISP_TEST_FILE")))
                                       (buffer-string))))
                              (buffer-list))
                    (messages)))
  (go-on "after-approve")

  (replace-in-buffer "(incf *visits*)" "(let ((a 1 2)) a)")
  (act "Reload hello" "(defun hell" "Approve")
  (told "failed")
  (apply #'report "refused" (error-at-place))
  (replace-in-buffer "(let ((a 1 2)) a)" "(incf *visits*)")

  (setq prompts '() answers '("Approve"))
  (with-current-buffer "*Messages*" (let ((inhibit-read-only t)) (erase-buffer)))
  (hotlisp-rollback)
  (report "rolled-back" :message (told "roll ?back") :prompts (vconcat prompts))
  (go-on "after-rollback")

  (replace-in-buffer "\"ä\"" "\"😀ä\"")
  (act "Reload hello" "(defun hell" 15 "Approve")
  (report "late" :message (told "reload form: ") :prompts (vconcat prompts))
  (go-on "after-late")

  (find-file (getenv "HOTLISP_TEST_CRLF"))
  (run-hooks 'post-command-hook)
  (attached)
  (replace-in-buffer "😀 <p>" "😀😀 <p>")
  (act "Reload page" "(defun pag" "Approve")
  (report "crlf" :message (told "reload form: ") :coding (symbol-name buffer-file-coding-system))
  (go-on "after-crlf")
  (replace-in-buffer "(format nil" "(let ((b 1 2)) b) (format nil")
  (act "Reload page" "(defun pag" "Approve")
  (told "failed")
  (apply #'report "crlf-refused" (error-at-place))

  (setq-default eglot-workspace-configuration
                `(:hotlisp (:image (:mode "attach" :address ,(getenv "HOTLISP_TEST_ADDRESS"))
                            :approval (:timeoutSeconds 2))))
  (eglot-signal-didChangeConfiguration (eglot-current-server))
  (find-file (getenv "HOTLISP_TEST_FILE"))
  (replace-in-buffer "\"new ~A ~A\"" "\"never ~A ~A\"")
  (act "Reload hello" "(defun hell" 'quit)
  (report "unanswered" :message (told "not answered\\|not approved\\|denied\\|in time") :prompts (vconcat prompts))
  (go-on "after-unanswered")

  (let ((killed (jsonrpc--process (eglot-current-server))))
    (report "killing" :pid (process-id killed))
    (wait-for "the end of the server" (lambda () (not (process-live-p killed))))
    (wait-for "the new server" (lambda () (let ((now (eglot-current-server)))
                                            (and now (eglot-managed-p) (not (eq killed (jsonrpc--process now))))))))
  (act "Reload hello" "(defun hell" "Approve")
  (report "restarted" :message (told "reload form: "))
  (go-on "after-restart")
  (call-interactively #'eglot-shutdown-all))

(condition-case failure
    (progn (scenario) (kill-emacs 0))
  ((error quit)
   (report "failed" :error (format "%S" failure) :messages (messages) :prompts (format "%S" prompts) :traffic (traffic))
   (kill-emacs 1)))
