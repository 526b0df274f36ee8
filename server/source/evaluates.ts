/** Whether loading a form runs code of the user beyond defining. */
import type { RawNode } from './parser.ts';
import { descend, type Reader } from './reader.ts';
import { isStandard } from './packages.ts';

/** Definers that only record what they are given. */
const PURE: ReadonlySet<string> = new Set([
  'DEFUN',
  'DEFMACRO',
  'DEFGENERIC',
  'DEFTYPE',
  'DEFCLASS',
  'DEFINE-CONDITION',
  'DEFSTRUCT',
  'DEFINE-COMPILER-MACRO',
  'DEFSETF',
  'DEFINE-SETF-EXPANDER',
  'DEFINE-MODIFY-MACRO',
  'DEFINE-SYMBOL-MACRO',
  'DEFINE-METHOD-COMBINATION',
  'DEFPACKAGE',
  'IN-PACKAGE',
  'DECLAIM',
]);

/** Pure when their arguments are constants. */
const PURE_CALLS: ReadonlySet<string> = new Set(['EXPORT', 'PROCLAIM']);
const VARIABLES: ReadonlySet<string> = new Set(['DEFVAR', 'DEFPARAMETER', 'DEFCONSTANT', 'DEFGLOBAL']);
/** How many objects behind the operator are no body. */
const CONTAINERS: Readonly<Record<string, number>> = { PROGN: 0, 'EVAL-WHEN': 1 };

/** True unless every part of the form is a definer that runs nothing; `#.` runs code already when it is read. */
export function evaluates(reader: Reader, form: RawNode): boolean {
  for (const node of descend(form)) if (node.type === 'evaling_lit') return true;
  const waiting = [form];
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    const operator = reader.operator(node);
    if (!operator) return true;
    const operands = reader.objects(node).slice(1);
    const { name } = operator;
    if (!isStandard(operator.package) && !(name === 'DEFGLOBAL' && operator.package === 'SB-EXT'))
      return true;
    if (Object.hasOwn(CONTAINERS, name)) waiting.push(...operands.slice(CONTAINERS[name]));
    else if (PURE.has(name)) {
      if ((name === 'DEFCLASS' || name === 'DEFGENERIC') && isDefinedByMethods(reader, operands.slice(2)))
        return true;
    } else if (name === 'DEFMETHOD') {
      if (!constantSpecializers(reader, operands)) return true;
    } else if (PURE_CALLS.has(name)) {
      if (!operands.every(operand => reader.constant(operand))) return true;
    } else if (VARIABLES.has(name)) {
      if (operands[1] && !reader.constant(operands[1])) return true;
    } else return true;
  }
  return false;
}

const METAOBJECTS: ReadonlySet<string> = new Set(['METACLASS', 'GENERIC-FUNCTION-CLASS', 'METHOD-CLASS']);

/** Whether an option names a class of metaobjects that is not the standard's: its methods, of the user's, do the defining. */
const isDefinedByMethods = (reader: Reader, operands: readonly RawNode[]): boolean =>
  operands.some(option => {
    const [name, value] = option.type === 'list_lit' ? reader.objects(option) : [];
    return (
      METAOBJECTS.has(reader.symbol(name)?.name ?? '') &&
      !/^(?:FUNCALLABLE-)?STANDARD-/.test(reader.symbol(value)?.name ?? '')
    );
  });

/** `(eql form)` evaluates its form when the method is defined. */
function constantSpecializers(reader: Reader, operands: readonly RawNode[]): boolean {
  const lambdaList = operands.slice(1).find(node => node.type === 'list_lit');
  if (!lambdaList) return true;
  for (const parameter of reader.objects(lambdaList)) {
    if (parameter.type !== 'list_lit') {
      if (reader.symbol(parameter)?.name.startsWith('&')) break;
      continue;
    }
    const specializer = reader.objects(parameter)[1];
    if (reader.operator(specializer)?.name !== 'EQL') continue;
    const object = reader.objects(specializer!)[1];
    if (object && !reader.constant(object) && !reader.symbol(object)) return false;
  }
  return true;
}
