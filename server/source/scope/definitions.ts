/** Defining forms. */
import type { RawNode } from '../parser.ts';
import { lambdaList, pattern, scopeFrom, type Style } from './lambdaLists.ts';
import { Env } from './model.ts';
import type { Namespace } from './model.ts';
import type { Form, Handler, Walker } from './walker.ts';

/** The name that a form defines. */
function define(w: Walker, node: RawNode | undefined, namespace: Namespace, env: Env): void {
  w.each(node, each => {
    if (w.symbol(each)) return w.note(each, namespace, 'definition');
    if (namespace === 'function') return w.functionName(each, env, 'definition');
    w.data(each);
  });
}

/** `(definer name lambda-list . body)`. */
const callable =
  (style: Style, namespace: Namespace = 'function'): Handler =>
  (w, form, env) => {
    const [name, parameters, ...body] = form.args;
    const inner = new Env(env);
    define(w, name, namespace, env);
    lambdaList(w, parameters, inner, form, style);
    w.body(body, inner);
  };

/** Qualifiers, lambda list and body of a method, in a form that stands for all of it. */
function method(w: Walker, parts: readonly RawNode[], form: Form, env: Env): void {
  const at = parts.findIndex(node => node.type === 'list_lit' || node.type === 'nil_lit');
  if (at < 0) return;
  const inner = new Env(env);
  for (const qualifier of parts.slice(0, at)) w.data(qualifier);
  lambdaList(w, parts[at], inner, form, 'method');
  w.body(parts.slice(at + 1), inner);
}

const defmethod: Handler = (w, form, env) => {
  define(w, form.args[0], 'function', env);
  method(w, form.args.slice(1), form, env);
};

const defgeneric: Handler = (w, form, env) => {
  const [name, parameters, ...options] = form.args;
  const inner = new Env(env);
  define(w, name, 'function', env);
  lambdaList(w, parameters, inner, form);
  for (const option of options)
    w.each(option, each => {
      const [key, ...rest] = w.objects(each);
      switch (w.word(key)) {
        case 'METHOD':
          return method(w, rest, { ...form, node: each }, env);
        case 'ARGUMENT-PRECEDENCE-ORDER':
          return rest.forEach(variable => w.use(variable, 'v', inner));
        case 'GENERIC-FUNCTION-CLASS':
        case 'METHOD-CLASS':
          return rest.forEach(type => w.type(type, env));
        case 'DECLARE':
          return rest.forEach(specifier => w.declaration(specifier, inner));
        default:
          return rest.forEach(other => w.data(other));
      }
    });
};

const variable: Handler = (w, form, env) => {
  define(w, form.args[0], 'variable', env);
  w.expressions(form.args.slice(1), env);
};

const ACCESSORS: ReadonlySet<string> = new Set(['ACCESSOR', 'READER', 'WRITER']);

/** A slot of DEFCLASS or DEFINE-CONDITION. */
function slot(w: Walker, node: RawNode, env: Env): void {
  if (node.type !== 'list_lit') return w.note(node, 'slot', 'definition');
  const [name, ...options] = w.objects(node);
  if (name) w.note(name, 'slot', 'definition');
  for (let i = 0; i + 1 < options.length; i += 2) {
    const key = w.word(options[i]) ?? '';
    const value = options[i + 1];
    if (ACCESSORS.has(key)) w.functionName(value, env, 'definition');
    else if (key === 'INITFORM') w.expression(value, env);
    else if (key === 'TYPE') w.type(value, env);
    else w.data(value);
  }
}

export const defclass: Handler = (w, form, env) => {
  const [name, supers, slots, ...options] = form.args;
  define(w, name, 'type', env);
  w.each(supers, list => w.objects(list).forEach(each => w.type(each, env)));
  w.each(slots, list => w.objects(list).forEach(item => w.each(item, each => slot(w, each, env))));
  for (const option of options) {
    const [key, ...rest] = w.objects(option);
    switch (w.word(key)) {
      case 'DEFAULT-INITARGS':
        rest.forEach((each, i) => (i % 2 === 0 ? w.data(each) : w.expression(each, env)));
        break;
      case 'METACLASS':
        rest.forEach(each => w.type(each, env));
        break;
      case 'REPORT':
        rest.forEach(each => (w.symbol(each) ? w.functionName(each, env) : w.expression(each, env)));
        break;
      default:
        rest.forEach(each => w.data(each));
    }
  }
};

export const defstruct: Handler = (w, form, env) => {
  const [head, ...rest] = form.args;
  const [name, ...options] = head?.type === 'list_lit' ? w.objects(head) : head ? [head] : [];
  define(w, name, 'type', env);
  const structureSlot = (item: RawNode) =>
    w.each(item, each => {
      const [slotName, initial, ...keys]: readonly RawNode[] =
        each.type === 'list_lit' ? w.objects(each) : [each];
      if (slotName) w.note(slotName, 'slot', 'definition');
      w.expression(initial, env);
      keys.forEach((key, i) => {
        if (i % 2 === 1 && w.word(keys[i - 1]) === 'TYPE') w.type(key, env);
      });
    });
  for (const option of options) {
    const [key, value, ...more] = w.objects(option);
    switch (w.word(key)) {
      case 'CONSTRUCTOR': {
        define(w, value, 'function', env);
        lambdaList(w, more[0], new Env(env), { ...form, node: option });
        break;
      }
      case 'COPIER':
      case 'PREDICATE':
        if (value && value.type !== 'nil_lit') define(w, value, 'function', env);
        break;
      case 'INCLUDE':
        w.type(value, env);
        more.forEach(structureSlot);
        break;
      case 'PRINT-FUNCTION':
      case 'PRINT-OBJECT':
        w.functionName(value, env);
        break;
      case 'TYPE':
        w.type(value, env);
        break;
      default:
        w.data(value);
    }
  }
  rest.forEach(structureSlot);
};

const defsetf: Handler = (w, form, env) => {
  const [name, second, stores, ...body] = form.args;
  define(w, name, 'function', env);
  if (second?.type !== 'list_lit' && second?.type !== 'nil_lit') return w.functionName(second, env);
  const inner = new Env(env);
  lambdaList(w, second, inner, form);
  lambdaList(w, stores, inner, form);
  w.body(body, inner);
};

const defineModifyMacro: Handler = (w, form, env) => {
  define(w, form.args[0], 'function', env);
  lambdaList(w, form.args[1], new Env(env), form);
  w.functionName(form.args[2], env);
};

const defineMethodCombination: Handler = (w, form, env) => {
  const [name, parameters, groups, ...body] = form.args;
  define(w, name, 'function', env);
  if (parameters?.type !== 'list_lit' && parameters?.type !== 'nil_lit') return;
  const inner = new Env(env);
  lambdaList(w, parameters, inner, form);
  w.each(groups, list => {
    for (const group of w.objects(list)) {
      const [variableName, ...rest] = w.objects(group);
      rest.forEach(each => w.data(each));
      w.bind(inner, 'variable', variableName, form, scopeFrom(list, form));
    }
  });
  for (const each of body) {
    const [key, ...rest] = w.objects(each);
    if (w.word(key) === 'ARGUMENTS' && key?.type === 'kwd_lit')
      rest.forEach(part => pattern(w, part, inner, form, scopeFrom(each, form)));
    else if (w.word(key) === 'GENERIC-FUNCTION' && key?.type === 'kwd_lit')
      w.bind(inner, 'variable', rest[0], form, scopeFrom(each, form));
    else w.body([each], inner);
  }
};

/** `(defcallback name type ((variable type) …) . body)`. */
const defcallback: Handler = (w, form, env) => {
  const [name, type, parameters, ...body] = form.args;
  const inner = new Env(env);
  w.data(name);
  w.data(type);
  w.each(parameters, list => {
    for (const item of w.objects(list)) {
      const [variableName, itsType] = w.objects(item);
      w.data(itsType);
      w.bind(inner, 'parameter', variableName, form, scopeFrom(list, form));
    }
  });
  w.body(body, inner);
};

/** A foreign function: a name, maybe with the one that C knows, and types. */
const foreignFunction: Handler = (w, form) => {
  const [name, ...rest] = form.args;
  if (w.symbol(name)) w.note(name!, 'function', 'definition');
  else for (const part of w.objects(name)) if (w.symbol(part)) w.note(part, 'function', 'definition');
  rest.forEach(each => w.data(each));
};

const ordinary = callable('ordinary');
const macro = callable('macro');

export const definitionHandlers: Readonly<Record<string, Handler>> = {
  DEFUN: ordinary,
  DEFMACRO: macro,
  'DEFINE-COMPILER-MACRO': macro,
  'DEFINE-SETF-EXPANDER': macro,
  DEFTYPE: callable('macro', 'type'),
  DEFMETHOD: defmethod,
  DEFGENERIC: defgeneric,
  DEFVAR: variable,
  DEFPARAMETER: variable,
  DEFCONSTANT: variable,
  DEFGLOBAL: variable,
  'DEFINE-LOAD-TIME-GLOBAL': variable,
  'DEFINE-CONSTANT': variable,
  'DEFINE-SYMBOL-MACRO': variable,
  DEFCLASS: defclass,
  'DEFINE-CONDITION': defclass,
  DEFSTRUCT: defstruct,
  DEFSETF: defsetf,
  'DEFINE-MODIFY-MACRO': defineModifyMacro,
  'DEFINE-METHOD-COMBINATION': defineMethodCombination,
  DEFCALLBACK: defcallback,
  DEFCFUN: foreignFunction,
};
