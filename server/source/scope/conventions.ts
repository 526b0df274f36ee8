/** Operators of well-known libraries, and what the names and the looks of unknown ones say. */
import type { RawNode } from '../parser.ts';
import { defclass, defstruct } from './definitions.ts';
import { lambdaList, pattern, scopeFrom } from './lambdaLists.ts';
import { Env } from './model.ts';
import { bindings, caseLike, iteration, letLike, multipleValueBind, withExpressions } from './standard.ts';
import { keyOf, type Form, type Handler, type Walker } from './walker.ts';

/** `(when-let (v e) …)` as well as `(when-let ((v e) …) …)`. */
const conditionalLet =
  (sequential: boolean): Handler =>
  (w, form, env) => {
    const [list, ...body] = form.args;
    const [first, ...values] = w.objects(list);
    if (!list || !w.symbol(first)) return w.body(body, bindings(w, list, form, env, sequential));
    const inner = new Env(env);
    w.expressions(values, env);
    w.bind(inner, 'variable', first, form, scopeFrom(list, form));
    w.body(body, inner);
  };

/** `(with-gensyms (a (b "B")) …)`. */
const withGensyms: Handler = (w, form, env) =>
  w.body(form.args.slice(1), bindings(w, form.args[0], form, env, false));

/** `(once-only (a (b init)) …)`: `a` goes on meaning what it did. */
const onceOnly: Handler = (w, form, env) => {
  const inner = new Env(env);
  w.each(form.args[0], list => {
    for (const each of w.objects(list)) {
      if (each.type !== 'list_lit') {
        w.expression(each, env);
        continue;
      }
      const [variable, init] = w.objects(each);
      w.expression(init, env);
      w.bind(inner, 'variable', variable, form, scopeFrom(list, form));
    }
  });
  w.body(form.args.slice(1), inner);
};

/** `(register-groups-bind (a (#'parse-integer b)) (regex target) …)`. */
const registerGroups: Handler = (w, form, env) => {
  const [variables, ...rest] = form.args;
  const inner = new Env(env);
  w.each(rest[0], target => w.expressions(w.objects(target), env));
  w.each(variables, list => {
    for (const each of w.objects(list)) {
      const [converter, ...names] = each.type === 'list_lit' ? w.objects(each) : [undefined, each];
      w.functionName(converter, env);
      for (const name of names) pattern(w, name, inner, form, scopeFrom(list, form));
    }
  });
  w.body(rest.slice(1), inner);
};

/** `(destructuring-case expression ((key . lambda-list) . body) …)`. */
const destructuringCase: Handler = (w, form, env) => {
  w.expression(form.args[0], env);
  for (const clause of form.args.slice(1)) {
    const [key, ...body] = w.objects(clause);
    const inner = new Env(env);
    const [first] = w.objects(key);
    if (!key || !first) w.data(key);
    else {
      w.data(first);
      lambdaList(w, { ...key, children: key.children.slice(1) }, inner, { ...form, node: clause }, 'macro');
    }
    w.body(body, inner);
  }
};

/** Pattern matching as in OPTIMA and TRIVIA: what is no operator and no constant of a pattern is a variable. */
const match: Handler = (w, form, env) => {
  w.expression(form.args[0], env);
  for (const clause of form.args.slice(1)) {
    const [head, ...body] = w.objects(clause);
    const inner = new Env(env);
    const own: Form = { ...form, node: clause };
    const visit = (node: RawNode): void => {
      if (node.type === 'list_lit') {
        const [operator, ...parts] = w.objects(node);
        const name = w.symbol(operator)?.name;
        if (operator && name !== undefined) w.note(operator, 'data', 'read', undefined, true);
        if (name === 'GUARD' && parts[0]) {
          visit(parts[0]);
          w.expressions(parts.slice(1), inner);
        } else if (name === 'QUOTE') parts.forEach(part => w.data(part));
        else parts.forEach(visit);
      } else if (w.symbol(node)) {
        const name = w.symbol(node)!.name;
        if (name !== '_' && name !== 'OTHERWISE')
          w.bind(inner, 'variable', node, own, scopeFrom(node, own), { guessed: true });
      } else w.data(node);
    };
    if (head) visit(head);
    w.body(body, inner);
  }
};

/** `(bind ((pattern value) …) . body)` of METABANG-BIND. */
const bind: Handler = (w, form, env) => {
  const inner = new Env(env);
  w.each(form.args[0], list => {
    for (const item of w.objects(list)) {
      const [what, ...values] = item.type === 'list_lit' ? w.objects(item) : [item];
      w.expressions(values, inner);
      if (what) pattern(w, what, inner, form, scopeFrom(item, form), { guessed: true });
    }
  });
  w.body(form.args.slice(1), inner);
};

export const libraryHandlers: Readonly<Record<string, Handler>> = {
  'IF-LET': conditionalLet(false),
  'WHEN-LET': conditionalLet(false),
  'WHEN-LET*': conditionalLet(true),
  'IF-LET*': conditionalLet(true),
  'AND-LET*': conditionalLet(true),
  'WITH-GENSYMS': withGensyms,
  'WITH-UNIQUE-NAMES': withGensyms,
  'WITH-REBINDING': onceOnly,
  REBINDING: onceOnly,
  'ONCE-ONLY': onceOnly,
  'WITH-COLLECTORS': (w, form, env) => withNames(w, form, env, true),
  'WITH-COLLECTING': (w, form, env) => withNames(w, form, env, true),
  DOPLIST: iteration(1),
  'DO-REGISTER-GROUPS': registerGroups,
  'REGISTER-GROUPS-BIND': registerGroups,
  'DESTRUCTURING-CASE': destructuringCase,
  'DESTRUCTURING-ECASE': destructuringCase,
  'DESTRUCTURING-CCASE': destructuringCase,
  SWITCH: switchLike,
  ESWITCH: switchLike,
  CSWITCH: switchLike,
  MATCH: match,
  EMATCH: match,
  CMATCH: match,
  BIND: bind,
  MVBIND: multipleValueBind,
  'MV-BIND': multipleValueBind,
  'WITH-LOCK-HELD': withExpressions,
  'WITH-RECURSIVE-LOCK-HELD': withExpressions,
  'WITH-LOCK': withExpressions,
  'WITH-MUTEX': withExpressions,
  'WITH-RECURSIVE-LOCK': withExpressions,
  'WITH-TIMEOUT': withExpressions,
  'WITH-LOCKED-HASH-TABLE': withExpressions,
  'WITH-CONDITION-RESTARTS': (w, form, env) => w.expressions(form.args, env),
  'WITH-STANDARD-IO-SYNTAX': (w, form, env) => w.body(form.args, env),
};

/** `(switch (value :test test) (key . body) …)`. */
function switchLike(w: Walker, form: Form, env: Env): void {
  const [what, ...clauses] = form.args;
  w.each(what, each => w.expressions(w.objects(each), env));
  caseLike('evaluated')(
    w,
    { ...form, args: [{ ...form.node, type: 'nil_lit', children: [] }, ...clauses] },
    env,
  );
}

/** The names are those of functions that collect, and of variables. */
function withNames(w: Walker, form: Form, env: Env, functions: boolean): void {
  const inner = new Env(env);
  w.each(form.args[0], list => {
    for (const each of w.objects(list)) {
      const name = each.type === 'list_lit' ? w.objects(each)[0] : each;
      w.bind(inner, functions ? 'function' : 'variable', name, form, scopeFrom(list, form), {
        guessed: true,
      });
    }
  });
  w.body(form.args.slice(1), inner);
}

const LET_LIKE = /(?:^|-|[A-Z])LET(\*?)$/;
/** What begins so binds variables, as a rule. */
const BINDING =
  /^(?:WITH|DO)-|^DO(?:LIST|TIMES|TREE|SEQ|VEC|HASH|RANGE|STRING|ARRAY|TABLE|MAP|LINES|ALIST|PLIST|SET)/;
const GUESSED = { guessed: true } as const;
const NAMED = { guessed: true, named: true } as const;

/** An operator of which only the name and the arguments are known. */
export const unknownOperator: Handler = (w, form, env) => {
  const name = form.operator.toUpperCase();
  const [first, second] = form.args;
  if (/^DEF/.test(name) && !/^(?:DEFAULT|DEFER|DEFLATE)/.test(name) && first) return definer(w, form, env);
  if (name === 'TEST' && w.symbol(first)) return definer(w, form, env);
  if (first?.type !== 'list_lit' || form.args.length < 2) return w.body(form.args, env);
  const letLikeName = LET_LIKE.exec(name);
  if (letLikeName && looksLikeBindings(w, first)) return letLike(letLikeName[1] === '*')(w, form, env);
  if (/-BIND\*?$/.test(name) && second && looksLikePattern(w, first)) return multipleValueBind(w, form, env);
  if (BINDING.test(name)) return withVariables(w, form, env);
  w.body(form.args, env);
};

/** `((a 1) (b 2) c)`. */
const looksLikeBindings = (w: Walker, list: RawNode): boolean =>
  w
    .objects(list)
    .every(each => (each.type === 'list_lit' ? isVariable(w, w.objects(each)[0]) : isVariable(w, each)));

const looksLikePattern = (w: Walker, list: RawNode): boolean =>
  w
    .objects(list)
    .every(each => (each.type === 'list_lit' ? looksLikePattern(w, each) : w.symbol(each) !== undefined));

const isVariable = (w: Walker, node: RawNode | undefined): boolean => {
  const symbol = w.symbol(node);
  return symbol !== undefined && symbol.name !== 'NIL' && symbol.name !== 'T';
};

/**
 * `(with-thing (variable expression …) …)`, `(with-things ((a x) (b y)) …)`: a symbol there is a new variable unless one of
 * that name is in scope already and nothing stands behind it, or the body does not mention it.
 */
function withVariables(w: Walker, form: Form, env: Env): void {
  const [list, ...body] = form.args;
  const inner = new Env(env);
  const mentioned = mentionsIn(w, body);
  const isNew = (node: RawNode | undefined): node is RawNode => {
    const symbol = w.symbol(node);
    return symbol !== undefined && mentioned.has(keyOf(symbol)) && !/^\*.*\*$/.test(symbol.name);
  };
  w.each(list, each => {
    const objects = w.objects(each);
    const scope = scopeFrom(each, form);
    const head = w.symbol(objects[0]);
    if (head && !isNew(objects[0]) && !env.find('v', keyOf(head)) && !/^\*/.test(head.name))
      return w.expression(each, env);
    const named = objects.length > 1 && objects.every(isNew);
    objects.forEach((item, i) => {
      if (item.type === 'list_lit') {
        const [variable, ...values] = w.objects(item);
        const pairs = i === 0 || objects[0]?.type === 'list_lit';
        if (pairs && values.length === 1 && isNew(variable)) {
          w.expressions(values, env);
          w.bind(inner, 'variable', variable, form, scope, GUESSED);
        } else w.expression(item, env);
        return;
      }
      const symbol = w.symbol(item);
      const known = symbol && env.find('v', keyOf(symbol));
      if (isNew(item) && (!known || (i === 0 && objects.length > 1)))
        w.bind(inner, 'variable', item, form, scope, named ? NAMED : GUESSED);
      else w.expression(item, env);
    });
  });
  w.body(body, inner);
}

/** The symbols that stand anywhere in forms. */
function mentionsIn(w: Walker, nodes: readonly RawNode[]): Set<string> {
  const out = new Set<string>();
  const waiting = [...nodes];
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    const symbol = w.symbol(node);
    if (symbol) out.add(keyOf(symbol));
    waiting.push(...node.children);
  }
  return out;
}

/**
 * `(define-thing name supers slots . options)` and `(define-struct name . slots)`, as names and looks tell; `(define-thing name lambda-list . body)`,
 * where the second argument looks like a lambda list; else `(define-thing name . body)`.
 */
function definer(w: Walker, form: Form, env: Env): void {
  const [name, second, ...rest] = form.args;
  if (namedStructure.test(form.operator)) return defstruct(w, form, env);
  if (looksLikeClass(w, form)) return defclass(w, form, env);
  w.each(name, each => {
    if (w.symbol(each)) return w.note(each, 'function', 'definition');
    const [head, ...more] = w.objects(each);
    if (w.symbol(head)) w.note(head!, 'function', 'definition');
    else w.data(head);
    more.forEach(other => w.data(other));
  });
  if (second?.type === 'list_lit' && rest.length > 0 && looksLikeLambdaList(w, second)) {
    const inner = new Env(env);
    lambdaList(w, second, inner, form, 'method');
    return w.body(rest, inner);
  }
  w.body(form.args.slice(1), env);
}

/** Symbols and lists of a symbol and something; and at least one word of lambda lists, or nothing but symbols. */
function looksLikeLambdaList(w: Walker, list: RawNode): boolean {
  const objects = w.objects(list);
  const shaped = objects.every(each => {
    if (each.type !== 'list_lit') return isVariable(w, each);
    const parts = w.objects(each);
    return parts.length <= 3 && (isVariable(w, parts[0]) || parts[0]?.type === 'list_lit');
  });
  return shaped && (isVariable(w, objects[0]) || objects.every(each => each.type === 'list_lit'));
}

/** Of definers such as `defclass*`, `define-persistent-class`. */
const named = (what: string): RegExp =>
  new RegExp(`^DEF(?:INE)?-?(?:[A-Z]*-)?[A-Z]?(?:${what})[^A-Z]*$`, 'i');
const namedStructure = named('STRUCT(?:URE)?');
const namedClass = named('CLASS|CONDITION');

const slotOption = /^(?:ACCESSOR|READER|WRITER|INITARG|INITFORM|ALLOCATION)$/;

/** Two lists behind the name: names of classes; slots, of which one has an option where the operator is not named after what it defines. */
function looksLikeClass(w: Walker, { operator, args }: Form): boolean {
  const [name, supers, slots] = args;
  const isList = (node: RawNode | undefined): node is RawNode =>
    node?.type === 'list_lit' || node?.type === 'nil_lit';
  if (!w.symbol(name) || !isList(supers) || !isList(slots)) return false;
  if (!w.objects(supers).every(each => isVariable(w, each))) return false;
  const items = w.objects(slots).map(each => (each.type === 'list_lit' ? w.objects(each) : [each]));
  if (!items.every(([slot]) => isVariable(w, slot))) return false;
  return (
    namedClass.test(operator) ||
    items.some(parts => parts.some(part => part.type === 'kwd_lit' && slotOption.test(w.word(part) ?? '')))
  );
}
