/** From defining forms to definitions: one row per standard definer. */
import { readString } from './symbols.ts';
import type { RawNode } from './parser.ts';
import type { Reader } from './reader.ts';
import type { DefinitionKind, SourceDefinition, Span } from './types.ts';

type Mutable<T> = { -readonly [K in keyof T]?: T[K] };

/** A list that may define something: its operator as written and its objects, the operator aside. */
interface DefiningForm {
  readonly reader: Reader;
  readonly node: RawNode;
  readonly operator: string;
  readonly operands: readonly RawNode[];
}

type Details = Mutable<
  Pick<
    SourceDefinition,
    'compileOnly' | 'qualifiers' | 'specializers' | 'lambdaList' | 'docstring' | 'children'
  >
>;

interface Definer {
  readonly kind: DefinitionKind;
  /** Finds the node that names; undefined: there is no definition. */
  readonly name?: (form: DefiningForm) => RawNode | undefined;
  readonly details?: (form: DefiningForm, name: RawNode) => Details;
}

const spanOf = ({ start, end }: Span): Span => ({ start, end });

function stringOf(form: DefiningForm, node: RawNode | undefined): string | undefined {
  return node?.type === 'str_lit' ? readString(form.reader.text(node)) : undefined;
}

const docstring = (text: string | undefined): Details => (text === undefined ? {} : { docstring: text });

/** The docstring of a body: a string that something follows; declarations may stand before it. */
function bodyDocstring(form: DefiningForm, from: number): Details {
  for (let i = from; i < form.operands.length - 1; i++) {
    const node = form.operands[i]!;
    if (node.type === 'str_lit') return docstring(stringOf(form, node));
    if (form.reader.operator(node)?.name !== 'DECLARE') break;
  }
  return {};
}

const docstringAt =
  (index: number) =>
  (form: DefiningForm): Details =>
    docstring(stringOf(form, form.operands[index]));

/** `(:documentation "…")` among the options that start at `from`. */
function optionDocstring(form: DefiningForm, from: number): Details {
  for (const option of form.operands.slice(from)) {
    const [key, value] = listObjects(form.reader, option);
    if (keyword(form, key) === 'DOCUMENTATION') return docstring(stringOf(form, value));
  }
  return {};
}

/** `:documentation "…"` in a plist that starts at `from`. */
function plistDocstring(form: DefiningForm, from: number, key: string): Details {
  for (let i = from; i < form.operands.length - 1; i += 2)
    if (keyword(form, form.operands[i]) === key) return docstring(stringOf(form, form.operands[i + 1]));
  return {};
}

function keyword(form: DefiningForm, node: RawNode | undefined): string | undefined {
  const symbol = form.reader.symbol(node);
  return symbol?.package === '' ? symbol.name : undefined;
}

const isList = (node: RawNode | undefined): node is RawNode =>
  node?.type === 'list_lit' || node?.type === 'nil_lit';

const listObjects = (reader: Reader, node: RawNode | undefined): RawNode[] =>
  node?.type === 'list_lit' ? reader.objects(node) : [];

function lambdaList(form: DefiningForm, node: RawNode | undefined): Details {
  return isList(node) ? { lambdaList: form.reader.text(node) } : {};
}

/** What DEFINE-MODIFY-MACRO defines takes a place before what its lambda list says. */
const behindPlace = ({ lambdaList: rest }: Details): Details =>
  rest === undefined ? {} : { lambdaList: `(place ${rest.slice(1).trimStart()}`.replace(/ \)$/, ')') };

const callable = (kind: DefinitionKind): Definer => ({
  kind,
  name: functionName,
  details: form => ({ ...lambdaList(form, form.operands[1]), ...bodyDocstring(form, 2) }),
});

/** `foo`, or `(setf foo)`. */
function functionName({ reader, operands: [name] }: DefiningForm): RawNode | undefined {
  if (reader.symbol(name)) return name;
  const parts = listObjects(reader, name);
  return parts.length === 2 && parts.every(part => reader.symbol(part)) ? name : undefined;
}

function symbolName({ reader, operands: [name] }: DefiningForm): RawNode | undefined {
  return reader.symbol(name) && name;
}

/** `foo`, or `(foo option …)`. */
function optionedName(form: DefiningForm): RawNode | undefined {
  const [name] = form.operands;
  if (form.reader.symbol(name)) return name;
  const [first] = listObjects(form.reader, name);
  return form.reader.symbol(first) && first;
}

/** `lisp-name`, `(lisp-name "c")` or `("c" lisp-name)`, as CFFI has it. */
function foreignName({ reader, operands: [name] }: DefiningForm): RawNode | undefined {
  return reader.symbol(name) ? name : listObjects(reader, name).find(part => reader.symbol(part));
}

/** `foo`, "foo", or Parachute's `(parent foo)`. */
function testName(form: DefiningForm): RawNode | undefined {
  const parts = listObjects(form.reader, form.operands[0]);
  return parts.length === 2 && parts.every(part => form.reader.symbol(part)) ? parts[1] : anyName(form);
}

function designatorName({ reader, operands: [name] }: DefiningForm): RawNode | undefined {
  return reader.designator(name) === undefined ? undefined : name;
}

/** What users' own definers are taken to name: `foo`, `(setf foo)`, `(foo …)`, "foo". */
function anyName(form: DefiningForm): RawNode | undefined {
  const [name] = form.operands;
  const parts = listObjects(form.reader, name);
  if (parts.length > 0 && form.reader.symbol(parts[0])?.name === 'SETF') return functionName(form);
  return optionedName(form) ?? designatorName(form);
}

function slots(form: DefiningForm, nodes: readonly RawNode[]): SourceDefinition[] {
  const out: SourceDefinition[] = [];
  for (const node of nodes) {
    const parts = listObjects(form.reader, node);
    const name = parts[0] ?? node;
    if (!form.reader.symbol(name)) continue;
    const inner: DefiningForm = { ...form, node, operands: parts };
    out.push(definition(form, 'other', 'slot', name, node, plistDocstring(inner, 1, 'DOCUMENTATION')));
  }
  return out;
}

const classLike = (kind: DefinitionKind): Definer => ({
  kind,
  name: symbolName,
  details: form => ({
    ...optionDocstring(form, 3),
    children: slots(form, listObjects(form.reader, form.operands[2])),
  }),
});

function structureDetails(form: DefiningForm): Details {
  const text = stringOf(form, form.operands[1]);
  return { ...docstring(text), children: slots(form, form.operands.slice(text === undefined ? 1 : 2)) };
}

/** Qualifiers, lambda list and docstring from `from` on, as in DEFMETHOD. */
function methodDetails(form: DefiningForm, from: number): Details {
  const { reader, operands } = form;
  let at = from;
  while (at < operands.length && !isList(operands[at])) at++;
  const qualifiers = operands.slice(from, at).map(node => reader.text(node));
  const specializers: string[] = [];
  for (const parameter of listObjects(reader, operands[at])) {
    if (reader.symbol(parameter)?.name.startsWith('&')) break;
    const specializer = listObjects(reader, parameter)[1];
    specializers.push(specializer ? reader.text(specializer) : 't');
  }
  return { qualifiers, specializers, ...lambdaList(form, operands[at]), ...bodyDocstring(form, at + 1) };
}

function genericDetails(form: DefiningForm, name: RawNode): Details {
  const children: SourceDefinition[] = [];
  for (const option of form.operands.slice(2)) {
    const [key, ...rest] = listObjects(form.reader, option);
    if (!key || keyword(form, key) !== 'METHOD') continue;
    const inner: DefiningForm = { ...form, node: option, operands: rest };
    const method = definition(form, 'method', 'defmethod', name, option, methodDetails(inner, 0));
    children.push({ ...method, nameSpan: spanOf(key) });
  }
  return { ...lambdaList(form, form.operands[1]), ...optionDocstring(form, 2), children };
}

const variable: Definer = { kind: 'variable', name: symbolName, details: docstringAt(2) };

const STANDARD: Readonly<Record<string, Definer>> = {
  DEFUN: callable('function'),
  DEFMACRO: callable('macro'),
  'DEFINE-COMPILER-MACRO': callable('compiler-macro'),
  DEFTYPE: callable('type'),
  'DEFINE-SETF-EXPANDER': callable('setf-expander'),
  DEFGENERIC: { kind: 'generic-function', name: functionName, details: genericDetails },
  DEFMETHOD: { kind: 'method', name: functionName, details: form => methodDetails(form, 1) },
  DEFVAR: variable,
  DEFPARAMETER: variable,
  DEFGLOBAL: variable,
  'DEFINE-LOAD-TIME-GLOBAL': variable,
  DEFCONSTANT: { kind: 'constant', name: symbolName, details: docstringAt(2) },
  'DEFINE-CONSTANT': {
    kind: 'constant',
    name: symbolName,
    details: form => plistDocstring(form, 2, 'DOCUMENTATION'),
  },
  DEFCLASS: classLike('class'),
  'DEFINE-CONDITION': classLike('condition'),
  DEFSTRUCT: { kind: 'structure', name: optionedName, details: structureDetails },
  'DEFINE-SYMBOL-MACRO': { kind: 'symbol-macro', name: symbolName },
  DEFSETF: {
    kind: 'setf-expander',
    name: symbolName,
    details: form =>
      isList(form.operands[1])
        ? { ...lambdaList(form, form.operands[1]), ...bodyDocstring(form, 3) }
        : docstringAt(2)(form),
  },
  'DEFINE-MODIFY-MACRO': {
    kind: 'macro',
    name: symbolName,
    details: form => ({ ...behindPlace(lambdaList(form, form.operands[1])), ...docstringAt(3)(form) }),
  },
  'DEFINE-METHOD-COMBINATION': {
    kind: 'method-combination',
    name: symbolName,
    details: form =>
      isList(form.operands[1])
        ? { ...lambdaList(form, form.operands[1]), ...bodyDocstring(form, 3) }
        : plistDocstring(form, 1, 'DOCUMENTATION'),
  },
  DEFCFUN: { kind: 'function', name: foreignName },
  'DEFINE-TEST': { kind: 'test', name: testName },
  DEFPACKAGE: { kind: 'package', name: designatorName, details: form => optionDocstring(form, 1) },
  'DEFINE-PACKAGE': { kind: 'package', name: designatorName, details: form => optionDocstring(form, 1) },
  DEFSYSTEM: {
    kind: 'system',
    name: designatorName,
    details: form => plistDocstring(form, 1, 'DESCRIPTION'),
  },
};

const TEST: Definer = { kind: 'test', name: anyName };
const OTHER: Definer = { kind: 'other', name: anyName };

/** Words that begin like a definer and are none. */
const NO_DEFINER = /^(?:DEFAULT|DEFER|DEFLATE|DEFINED|DEFINITION|DEFINITE|DEFINE-?P?$|DEF$)/;

function definerOf(operator: string): Definer | undefined {
  if (Object.hasOwn(STANDARD, operator)) return STANDARD[operator];
  if (operator === 'TEST') return TEST;
  if (!operator.startsWith('DEF') || NO_DEFINER.test(operator)) return undefined;
  return operator.includes('TEST') ? TEST : OTHER;
}

function definition(
  { reader }: DefiningForm,
  kind: DefinitionKind,
  operator: string,
  name: RawNode,
  node: RawNode,
  details: Details,
): SourceDefinition {
  return {
    kind,
    operator,
    name: reader.text(name),
    nameSpan: spanOf(name),
    span: spanOf(node),
    children: [],
    ...details,
  };
}

/** How many objects behind the operator of a form are no body; the body's forms define at top level like the form itself. */
const CONTAINERS: Readonly<Record<string, number>> = {
  PROGN: 0,
  LOCALLY: 0,
  'EVAL-WHEN': 1,
  LET: 1,
  'LET*': 1,
  FLET: 1,
  LABELS: 1,
  MACROLET: 1,
  'SYMBOL-MACROLET': 1,
  'WITH-COMPILATION-UNIT': 1,
  'WITHOUT-PACKAGE-LOCKS': 0,
};

/** Every definition that a form makes at top level, in order. */
export function definitionsIn(reader: Reader, form: RawNode): SourceDefinition[] {
  const out: SourceDefinition[] = [];
  const waiting = [{ node: form, compileOnly: false }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { node } = next;
    const symbol = reader.operator(node);
    if (!symbol) continue;
    const operands = reader.objects(node).slice(1);
    if (Object.hasOwn(CONTAINERS, symbol.name)) {
      const compileOnly = next.compileOnly || (symbol.name === 'EVAL-WHEN' && !isLoaded(reader, operands[0]));
      const body = operands.slice(CONTAINERS[symbol.name]).map(each => ({ node: each, compileOnly }));
      waiting.push(...body.reverse());
      continue;
    }
    const compileOnly = next.compileOnly && { compileOnly: true };
    const operator = symbol.name.toLowerCase();
    const defining: DefiningForm = { reader, node, operator, operands };
    if (symbol.name === 'DECLAIM' || symbol.name === 'PROCLAIM') {
      for (const specifier of operands)
        out.push(definition(defining, 'declaration', operator, specifier, node, { ...compileOnly }));
      continue;
    }
    const definer = definerOf(symbol.name);
    const name = definer?.name?.(defining);
    if (definer && name)
      out.push(
        definition(defining, definer.kind, operator, name, node, {
          ...definer.details?.(defining, name),
          ...compileOnly,
        }),
      );
  }
  return out;
}

/** Whether an EVAL-WHEN with these situations has its body in the compiled file. */
const isLoaded = (reader: Reader, situations: RawNode | undefined): boolean =>
  situations !== undefined &&
  reader
    .objects(situations)
    .some(each => ['LOAD-TOPLEVEL', 'LOAD'].includes(reader.symbol(each)?.name ?? ''));
