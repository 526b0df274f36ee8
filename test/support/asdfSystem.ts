/** A small ASDF system in a folder of its own, for tests of what concerns files, packages and systems. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { lispString, type Editor, type EditorOptions } from './lspClient.ts';

export const ledgerFiles: Readonly<Record<string, string>> = {
  'ledger.asd': `(defsystem "ledger"
  :version "1.2"
  :description "A ledger."
  :components ((:file "report" :depends-on ("accounts" "package"))
               (:file "accounts" :depends-on ("package"))
               (:file "package")))
`,
  'package.lisp': `(defpackage #:ledger
  (:use #:common-lisp)
  (:export #:balance #:report))
`,
  'accounts.lisp': `(in-package #:ledger)

(defvar *accounts* (list 1 2 3))

(defmacro doubled (form)
  \`(* 2 ,form))

(defclass account ()
  ((name :initarg :name :accessor account-name)))

(defgeneric describe-account (account)
  (:method ((account account)) (list :account (account-name account))))

(defmethod print-object ((account account) stream)
  (print-unreadable-object (account stream) (princ (account-name account) stream)))

(defun balance ()
  (doubled (reduce #'+ *accounts*)))
`,
  'report.lisp': `(in-package #:ledger)

(defun report ()
  (format nil "Balance: ~D" (balance)))
`,
};

/** Where ASDF puts what it compiles for a test: into the workspace, not into the user's cache. */
export function asdfEnvironment(root: string): Record<string, string> {
  return {
    ASDF_OUTPUT_TRANSLATIONS: `(:output-translations (t (${lispString(path.join(root, 'fasl') + '/')} :implementation)) :ignore-inherited-configuration)`,
    CL_SOURCE_REGISTRY: '(:source-registry :ignore-inherited-configuration)',
  };
}

export function writeFiles(root: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
}

/** Editor options for a workspace at `root` that holds `files`, with every change approved by the user's settings unless said otherwise. */
export function systemWorkspace(
  root: string,
  files: Readonly<Record<string, string>> = ledgerFiles,
): EditorOptions {
  writeFiles(root, files);
  return { root, env: asdfEnvironment(root) };
}

/** Loads the system as its user would have before the server came. @param name the definition's file in the workspace, without its type */
export async function loadSystem(editor: Editor, name: string): Promise<void> {
  await editor.evaluate(`(require :asdf)`);
  await editor.evaluate(`(progn (asdf:load-asd ${lispString(path.join(editor.root, `${name}.asd`))})
    (let ((*standard-output* (make-broadcast-stream)) (*error-output* (make-broadcast-stream)))
      (asdf:load-system ${lispString(path.basename(name))}))
    t)`);
}
