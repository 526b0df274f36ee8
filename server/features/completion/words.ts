/** Words that a place of the language wants, and that are no symbols of its own. */

export const loopWords =
  'above across always and append appending as being below by collect collecting concatenate count counting do doing downfrom downto each else end external-symbol external-symbols finally for from hash-key hash-keys hash-value hash-values if in initially into it loop-finish maximize maximizing minimize minimizing named nconc nconcing never of of-type on present-symbol present-symbols repeat return sum summing symbol symbols the then thereis to unless until upfrom upto using when while with'.split(
    ' ',
  );

export const declarations =
  'dynamic-extent ftype function ignorable ignore inline notinline optimize special type muffle-conditions unmuffle-conditions declaration'.split(
    ' ',
  );

export const qualities = 'speed safety debug space compilation-speed'.split(' ');

/** Options by operator: of the form itself, and of a slot in it. In lower case, without colons. */
export const options: Readonly<Record<string, readonly string[]>> = {
  DEFPACKAGE: words(
    'use nicknames export import-from shadow shadowing-import-from intern documentation size local-nicknames lock implement',
  ),
  'DEFINE-PACKAGE': words(
    'use mix reexport use-reexport mix-reexport recycle nicknames export import-from shadow shadowing-import-from intern unintern documentation local-nicknames',
  ),
  DEFCLASS: words('default-initargs documentation metaclass'),
  'DEFINE-CONDITION': words('default-initargs documentation report'),
  DEFGENERIC: words(
    'documentation method method-combination argument-precedence-order generic-function-class method-class declare',
  ),
};

export const slotOptions: Readonly<Record<string, readonly string[]>> = {
  DEFCLASS: words('initarg initform accessor reader writer type allocation documentation'),
  'DEFINE-CONDITION': words('initarg initform accessor reader writer type allocation documentation'),
  DEFSTRUCT: words('type read-only'),
};

export const structureOptions = words(
  'conc-name constructor copier include initial-offset named predicate print-function print-object type',
);

export const systemOptions = words(
  'description long-description version author maintainer license homepage bug-tracker source-control depends-on defsystem-depends-on weakly-depends-on components serial pathname in-order-to perform build-operation build-pathname entry-point class if-feature',
);
export const componentOptions = words('depends-on components serial pathname if-feature type');

export const situations = words('compile-toplevel load-toplevel execute');
export const qualifiers = words('before after around');

export const characters =
  'Space Newline Tab Return Linefeed Page Backspace Rubout Null Escape Nul Bell Delete'.split(' ');

/** Standard names that are typed all the time: of equal ones they come first. */
export const frequent: ReadonlySet<string> = new Set(
  words(
    'append apply car cdr case cond cons decf defclass defconstant defgeneric defmacro defmethod defparameter defpackage defstruct defun defvar destructuring-bind dolist dotimes ecase eq eql equal error find first flet format funcall function gethash handler-case if incf labels lambda length let let* list loop make-array make-hash-table make-instance mapcar member multiple-value-bind nil not nth null or and pop print progn push quote reduce remove-if remove-if-not rest return return-from reverse second setf setq some every sort string string= subseq t unless unwind-protect values vector when with-accessors with-open-file with-output-to-string with-slots zerop',
  ),
);

function words(text: string): string[] {
  return text.split(' ');
}
