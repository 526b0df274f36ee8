/** A small program with one definition of most kinds, and a fingerprint of what the image holds of it. */
import type { Editor } from './lspClient.ts';

export const shop = `(defpackage #:shop
  (:use #:common-lisp)
  (:export #:total))

(in-package #:shop)

(defvar *rate* 2)

(defconstant +limit+ 100)

(defmacro twice (form)
  \`(* 2 ,form))

(defstruct item name (price 0))

(declaim (inline tax))
(defun tax (amount)
  (* amount *rate*))

(defun total (amount)
  "What is to be paid."
  (twice (tax amount)))

(defgeneric area (thing))

(defmethod area ((thing item))
  (item-price thing))

(defclass basket ()
  ((items :initform '() :accessor basket-items)))

(defun (setf rate) (value)
  (setf *rate* value))
`;

/**
 * Everything that a package's symbols mean, as objects: two of these are equal only when nothing was defined, redefined,
 * removed or set between them. Standard Common Lisp but for the ftypes and inline expansions, which SBCL alone knows.
 */
const lisp = `
(require :sb-introspect) ; the agent needs it at some time, and is allowed to
(defpackage #:hotlisp-fingerprint (:use #:common-lisp))
(in-package #:hotlisp-fingerprint)
(defvar *taken* (make-hash-table :test 'equal))
(defun meaning (symbol)
  (flet ((info (kind name) (multiple-value-list (ignore-errors (funcall kind name)))))
    (let ((setf-name (list 'setf symbol)))
      (list symbol
            (nth-value 1 (find-symbol (symbol-name symbol) (symbol-package symbol)))
            (and (fboundp symbol) (or (macro-function symbol) (fdefinition symbol)))
            (and (fboundp setf-name) (fdefinition setf-name))
            (compiler-macro-function symbol)
            (and (boundp symbol) (symbol-value symbol))
            (constantp symbol)
            (find-class symbol nil)
            (info #'macroexpand-1 symbol)
            (list (documentation symbol 'function) (documentation symbol 'variable) (documentation symbol 'type))
            (ignore-errors (sb-int:info :function :inlinep symbol))
            (ignore-errors (princ-to-string (sb-int:info :function :type symbol)))
            (ignore-errors (sb-int:info :type :kind symbol))
            (and (fboundp symbol) (not (macro-function symbol)) (typep (fdefinition symbol) 'generic-function)
                 (mapcar (lambda (method) (list method (sb-mop:method-function method)))
                         (sb-mop:generic-function-methods (fdefinition symbol))))))))
(defun fingerprint (package)
  (let ((symbols '()))
    (do-symbols (symbol package)
      (when (eq (symbol-package symbol) package) (pushnew symbol symbols)))
    (list (sort (mapcar #'package-name (list-all-packages)) #'string<)
          (mapcar #'meaning (sort symbols #'string< :key #'symbol-name)))))
(defun take (name)
  (setf (gethash name *taken*) (fingerprint (find-package name)))
  (length (second (gethash name *taken*))))
(defun differences (name)
  (destructuring-bind ((packages meanings) (new-packages new-meanings))
      (list (gethash name *taken*) (fingerprint (find-package name)))
    (append (set-exclusive-or packages new-packages :test #'string=)
            (loop for meaning in new-meanings
                  for old = (assoc (first meaning) meanings)
                  unless (tree-equal old meaning :test #'equal)
                    collect (list (symbol-name (first meaning)) :was (rest old) :is (rest meaning)))
            (loop for meaning in meanings
                  unless (assoc (first meaning) new-meanings)
                    collect (list (symbol-name (first meaning)) :gone)))))
`;

/** Remembers what the image holds of a package. */
export async function takeFingerprint(editor: Editor, packageName = 'SHOP'): Promise<void> {
  await editor.evaluate(lisp);
  const [symbols] = await editor.evaluate(`(hotlisp-fingerprint::take "${packageName}")`);
  if (!(Number(symbols) > 0)) throw new Error(`no symbols in ${packageName}: ${symbols}`);
}

/** What differs from what was remembered, printed by the image: "NIL" when nothing does. */
export async function fingerprintDifferences(editor: Editor, packageName = 'SHOP'): Promise<string> {
  const [printed] = await editor.evaluate(`(hotlisp-fingerprint::differences "${packageName}")`);
  return printed ?? 'no value';
}
