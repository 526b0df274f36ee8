;;; person.el --- What a person does in Emacs, whatever speaks LSP there  -*- lexical-binding: t -*-
;; Loaded by eglot.el and lsp-mode.el, which define the functions client-...; a scenario, which another file defines, runs inside a
;; batch Emacs on the web application's file and reports every step as one line of JSON on standard output.

(setq load-prefer-newer t
      native-comp-enable-subr-trampolines nil
      make-backup-files nil
      create-lockfiles nil
      message-log-max t)
(set-language-environment "UTF-8")

(defun report (step &rest data)
  (send-string-to-terminal (concat (json-serialize `(:step ,step ,@data)) "\n")))

(defun wait-for (what condition &optional seconds)
  (let ((end (+ (float-time) (or seconds 60))) result)
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

(setq last-nonmenu-event t ; as if typed, so that it is asked in the minibuffer
      completing-read-function
      (lambda (prompt collection &rest _)
        (let ((titles (all-completions "" collection)))
          (if (string-match-p "Pick an action\\|Select code action" prompt)
              (or (seq-find (lambda (title) (string-prefix-p wanted-action title)) titles)
                  (error "No code action %s among %s" wanted-action titles))
            (push (list :prompt (substring-no-properties prompt) :titles (vconcat titles)) prompts)
            (when (numberp (car answers))
              ;; The minibuffer reads what processes say meanwhile, as a person's does.
              (let ((end (+ (float-time) (pop answers))))
                (while (< (float-time) end) (accept-process-output nil 0.1))))
            (let ((answer (pop answers)))
              ;; C-g leaves the client's handler without an answer. A real quit would end a batch Emacs 28.
              (if (eq answer 'quit) (throw 'left-prompt nil) answer))))))

(defun forget-messages ()
  (with-current-buffer (messages-buffer) (let ((inhibit-read-only t)) (erase-buffer))))

(defun messages ()
  (with-current-buffer (messages-buffer) (buffer-substring-no-properties (point-min) (point-max))))

(defun lines-like (pattern)
  (let ((case-fold-search t))
    (seq-filter (lambda (line) (string-match-p pattern line)) (split-string (messages) "\n"))))

(defun told (pattern)
  "The message, once it came."
  (wait-for (concat "a message like " pattern) (lambda () (car (lines-like pattern)))))

(defun act (title place &rest given)
  "Choose the code action TITLE at PLACE as by its key, answering prompts with GIVEN."
  (setq prompts '() answers given wanted-action title)
  (goto-char (point-min))
  (search-forward place)
  (forget-messages)
  (client-act))

(defun replace-in-buffer (old new)
  (goto-char (point-min))
  (search-forward old)
  (replace-match new t t)
  (client-changed))

(defun error-at-place ()
  (let* ((found (car (wait-for "a diagnostic" #'client-errors)))
         (start (cdr found)))
    (list :message (substring-no-properties (car found))
          :text (buffer-substring-no-properties start (save-excursion (goto-char start) (line-end-position))))))

(defun shown-diff ()
  "The diff: in a buffer of its own, or in the messages."
  (or (seq-some (lambda (buffer)
                  (with-current-buffer buffer
                    (and (buffer-file-name)
                         (not (equal (buffer-file-name) (getenv "HOTLISP_TEST_FILE")))
                         (buffer-string))))
                (buffer-list))
      (messages)))

(defun to-file ()
  (find-file (getenv "HOTLISP_TEST_FILE")))

(defun run-scenario ()
  "Run the function `scenario' and end Emacs; what went wrong is reported as a step."
  (condition-case failure
      (progn (scenario) (kill-emacs 0))
    ((error quit)
     (report "failed" :error (format "%S" failure) :messages (messages) :prompts (format "%S" prompts)
             :traffic (condition-case none (client-traffic) (error (format "%S" none))))
     (kill-emacs 1))))
