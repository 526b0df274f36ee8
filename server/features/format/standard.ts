/** The indentation of the standard's operators, and of some that many programs have, as Emacs (cl-indent) and SLIME know it. */
import { readSpec, type Spec } from './spec.ts';

const clauses = '(4 &rest (&whole 2 &rest 1))';
const bindings = '((&whole 4 &rest (&whole 1 1 2)) &body)';
const functions = '((&whole 4 &rest (&whole 1 4 &lambda &body)) &body)';
const defining = '(4 &lambda &body)';
const variable = '(4 2 2)';
const names = '((&whole 6 &rest 1) 4 &body)';
const handlers = '(4 &rest (&whole 2 &lambda &body))';

const table: Readonly<Record<string, number | string>> = {
  'block catch eval-when locally multiple-value-prog1 prog1 throw unless when': 1,
  'progn return': 0,
  prog2: 2,
  'case ccase ecase typecase ctypecase etypecase': clauses,
  cond: '(&rest (&whole 2 &rest nil))',
  'defvar defparameter defconstant define-symbol-macro': variable,
  'defclass define-condition': '(6 (&whole 4 &rest 1) (&whole 2 &rest 1) (&whole 2 &rest 1))',
  'defun defmacro deftype defgeneric define-setf-expander define-compiler-macro define-modify-macro':
    defining,
  // user-defined, and so widespread that they need no image
  'defsubst define-setf-method': defining,
  'defpackage define-package uiop:define-package': '(4 2)',
  defstruct: '((&whole 4 &rest (&whole 2 &rest 1)) &rest (&whole 2 &rest 1))',
  'destructuring-bind': '(&lambda 4 &body)',
  'dolist dotimes': '((&whole 4 2 1) &body)',
  'flet labels macrolet': functions,
  'handler-case restart-case': handlers,
  'let let* compiler-let handler-bind restart-bind symbol-macrolet': bindings,
  'multiple-value-bind with-accessors with-condition-restarts with-slots': names,
  'multiple-value-call': '(4 &body)',
  'multiple-value-setq pprint-logical-block with-output-to-string': '(4 2)',
  'print-unreadable-object': '((&whole 4 1 &rest 1) &body)',
  'named-lambda sb-int:named-lambda': '(4 &lambda &body)',
  progv: '(4 4 &body)',
  'return-from': '(nil &body)',
  'unwind-protect': '(5 &body)',
  'with-compilation-unit': '((&whole 4 &rest 1) &body)',
  'with-standard-io-syntax': '(2)',
  ':constructor': '(4 &lambda)',
};

const specials: Readonly<Record<string, Spec>> = {
  defmethod: 'defmethod',
  ':method': 'defmethod',
  defsetf: 'defsetf',
  do: 'do',
  'do*': 'do',
  if: 'if',
  lambda: 'lambda',
  'if*': 'if*',
  loop: 'loop',
  prog: 'prog',
  'prog*': 'prog',
  tagbody: 'tagbody',
};

const known = new Map<string, Spec>(Object.entries(specials));
for (const [operators, given] of Object.entries(table)) {
  const spec = readSpec(given, () => undefined);
  for (const operator of operators.split(' ')) known.set(operator, spec);
}

/** @param operator in lower case, without package prefix */
export const standardSpec = (operator: string): Spec | undefined => known.get(operator);

export const definingSpec = known.get('defun')!;
export const guessedBody = readSpec('(&lambda &body)', () => undefined);

/** Of an operator that nothing is known of but its name: `with-…`, `do-…` and `without-…` have a body. */
export const guessedSpec = (operator: string): Spec | undefined =>
  /^(?:with|do)-/.test(operator) ? guessedBody : operator.startsWith('without-') ? 0 : undefined;

/** `def…` has a body too, unless what it stands in says otherwise. */
export const isDefining = (operator: string): boolean => /^def(?!ault|inition|iner)/.test(operator);
