/** The program under load: many files of ordinary definitions that call each other, each function answering a number of its own. */

/** Functions of a file. */
export const FUNCTIONS = 12;

export const fileName = (file: number): string => `part-${file}.lisp`;
export const functionName = (file: number, n: number): string => `step-${file}-${n}`;

export const packages = '(defpackage #:load-test (:use #:common-lisp))\n';

/** The text of the constant that the function adds: what an edit changes, and what the function then answers. */
export const constant = (file: number, n: number, value: number): string => `#|k${file}.${n}|# ${value}`;

const functionText = (file: number, n: number, value: number): string => `
(defun ${functionName(file, n)} (items rate &key (limit 100) verbose)
  "What the ITEMS cost at RATE, at most LIMIT. Other parts of the program go by STEP."
  ;; the sum begins with what belongs to this step
  (let ((sum ${constant(file, n, value)}) (count 0))
    (dolist (item items)
      (when (plusp item)
        (incf count)
        (incf sum (round (* item rate) ${n + 2}))))
    (when verbose
      (format t "~&~d items, ~d in all~%" count sum))
    (cond ((zerop count) (values ${n === 0 ? 'sum' : `(+ sum (step-${file}-${n - 1} items rate))`} count))
          ((> sum limit) (values limit (- sum limit)))
          (t (values sum (list count sum *factor-${file}*))))))
`;

/** All constants are 0 at first, so that a function called with no items answers the sum of those from it on down. */
export const fileText = (file: number): string => `;;;; Part ${file} of the program.

(in-package #:load-test)

(defvar *factor-${file}* ${file + 1} "How much part ${file} counts.")

(defclass part-${file} ()
  ((name :initarg :name :reader part-${file}-name)
   (price :initarg :price :initform 0 :accessor part-${file}-price))
  (:documentation "Something of part ${file}."))

(defmacro with-part-${file} ((name &optional (factor '*factor-${file}*)) &body body)
  "Run BODY with NAME bound to FACTOR."
  \`(let ((,name ,factor)) ,@body))
${Array.from({ length: FUNCTIONS }, (_, n) => functionText(file, n, 0)).join('')}`;

/** A form that loads all files quickly, for the image's start. */
export const loadFiles = (names: readonly string[]): string =>
  `(let ((*standard-output* (make-broadcast-stream)) (*error-output* (make-broadcast-stream)))
     (handler-bind ((warning #'muffle-warning))
       (dolist (file '(${names.map(name => JSON.stringify(name)).join(' ')}) t) (load file))))`;
