/** The binding and the evaluating operators of the standard. */
import type { RawNode } from '../parser.ts';
import type { Span } from '../types.ts';
import { lambdaList, pattern, scopeFrom } from './lambdaLists.ts';
import { Env, type BindingKind, type Access } from './model.ts';
import { inside, keyOf, type Form, type Handler, type Walker } from './walker.ts';

const whole = ({ node }: Form): Span => ({ start: node.start, end: node.end });

/** `(let ((a 1) b) …)`; sequential: each is seen by those behind it. */
export function bindings(
  w: Walker,
  list: RawNode | undefined,
  form: Form,
  env: Env,
  sequential: boolean,
  details: { guessed?: boolean } = {},
): Env {
  let inner = new Env(env);
  w.each(list, node => {
    for (const item of w.objects(node))
      w.each(item, each => {
        const isList = each.type === 'list_lit';
        const [variable, ...values] = isList ? w.objects(each) : [each];
        w.expressions(values, sequential ? inner : env);
        const symbol = w.symbol(variable);
        if (sequential && symbol && inner.own('v', keyOf(symbol)) && each === item) inner = new Env(inner);
        const scope = scopeFrom(sequential ? each : node, form);
        if (variable?.type === 'list_lit') pattern(w, variable, inner, form, scope, { guessed: true });
        else w.bind(inner, 'variable', variable, form, scope, details);
      });
  });
  return inner;
}

export const letLike =
  (sequential: boolean): Handler =>
  (w, form, env) =>
    w.body(form.args.slice(1), bindings(w, form.args[0], form, env, sequential));

/** FLET, LABELS, MACROLET: (name lambda-list . body) each. */
const functions =
  (kind: BindingKind, seesItself: boolean): Handler =>
  (w, form, env) => {
    const inner = new Env(env);
    const bodies: (() => void)[] = [];
    w.each(form.args[0], list => {
      const scope = seesItself ? { start: list.start, end: form.node.end } : scopeFrom(list, form);
      for (const item of w.objects(list))
        w.each(item, each => {
          const [name, parameters, ...body] = w.objects(each);
          const own: Form = { node: each, operator: form.operator, args: [] };
          const binding = w.bind(inner, kind, name, form, scope, {
            ...(parameters && { lambdaList: { start: parameters.start, end: parameters.end } }),
          });
          if (!binding) w.functionName(name, env, 'definition');
          bodies.push(() => {
            const local = new Env(seesItself ? inner : env);
            const symbol = w.symbol(name);
            if (binding && symbol) local.set('b', keyOf(symbol), binding);
            lambdaList(w, parameters, local, own, kind === 'macro' ? 'macro' : 'ordinary');
            w.body(body, local);
          });
        });
    });
    for (const body of bodies) body();
    w.body(form.args.slice(1), inner);
  };

const symbolMacros: Handler = (w, form, env) => {
  const inner = new Env(env);
  w.each(form.args[0], list => {
    for (const item of w.objects(list))
      w.each(item, each => {
        const [name, expansion] = w.objects(each);
        w.expression(expansion, env);
        w.bind(inner, 'symbol-macro', name, form, scopeFrom(list, form));
      });
  });
  w.body(form.args.slice(1), inner);
};

/** `(operator lambda-list . body)`. */
export const lambda: Handler = (w, form, env) => {
  const inner = new Env(env);
  lambdaList(w, form.args[0], inner, form);
  w.body(form.args.slice(1), inner);
};

/** `(operator name lambda-list . body)` inside of code. */
const namedLambda: Handler = (w, form, env) => {
  const inner = new Env(env);
  w.data(form.args[0]);
  lambdaList(w, form.args[1], inner, form);
  w.body(form.args.slice(2), inner);
};

const destructuringBind: Handler = (w, form, env) => {
  const inner = new Env(env);
  w.expression(form.args[1], env);
  lambdaList(w, form.args[0], inner, form, 'macro', 'variable');
  w.body(form.args.slice(2), inner);
};

/** `(operator (a b c) values . body)`. */
export const multipleValueBind: Handler = (w, form, env) => {
  const inner = new Env(env);
  w.expression(form.args[1], env);
  if (form.args[0]) pattern(w, form.args[0], inner, form, scopeFrom(form.args[0], form));
  w.body(form.args.slice(2), inner);
};

const block: Handler = (w, form, env) => {
  const inner = new Env(env);
  const [name] = form.args;
  if (name?.type !== 'nil_lit') w.bind(inner, 'block', name, form, whole(form));
  w.body(form.args.slice(1), inner);
};

/** A block that nothing binds is that of the function around. */
const returnFrom: Handler = (w, form, env) => {
  w.each(form.args[0], name => {
    const symbol = w.symbol(name);
    if (!symbol || name.type === 'nil_lit') return;
    if (env.find('b', keyOf(symbol))) w.use(name, 'b', env);
    else w.note(name, 'function');
  });
  w.expressions(form.args.slice(1), env);
};

/** Forms among tags, which all of them may go to. */
function tagBody(w: Walker, nodes: readonly RawNode[], env: Env, form: Form): void {
  const inner = new Env(env);
  for (const node of nodes)
    w.each(node, each => {
      if (w.symbol(each)) w.bind(inner, 'tag', each, form, whole(form));
    });
  w.body(
    nodes.filter(node => !w.symbol(node)),
    inner,
  );
}

const go: Handler = (w, form, env) => {
  w.each(form.args[0], tag => w.use(tag, 't', env));
};

/** DO: each `(variable init step)`. */
const doLoop =
  (sequential: boolean): Handler =>
  (w, form, env) => {
    const inner = new Env(env);
    const steps: RawNode[] = [];
    w.each(form.args[0], list => {
      for (const item of w.objects(list))
        w.each(item, each => {
          const [variable, init, ...step] = each.type === 'list_lit' ? w.objects(each) : [each];
          w.expression(init, sequential ? inner : env);
          w.bind(inner, 'variable', variable, form, scopeFrom(sequential ? each : list, form));
          steps.push(...step);
        });
    });
    w.expressions(steps, inner);
    w.each(form.args[1], end => w.expressions(w.objects(end), inner));
    tagBody(w, form.args.slice(2), inner, form);
  };

/** DOLIST and its kin: `(variable expression… result)`. @param results how many of the expressions see the variable, from which on */
export const iteration =
  (seenFrom: number): Handler =>
  (w, form, env) => {
    const inner = new Env(env);
    w.each(form.args[0], spec => {
      const [variable, ...rest] = w.objects(spec);
      w.expressions(rest.slice(0, seenFrom), env);
      if (variable) pattern(w, variable, inner, form, scopeFrom(spec, form));
      w.expressions(rest.slice(seenFrom), inner);
    });
    tagBody(w, form.args.slice(1), inner, form);
  };

const prog =
  (sequential: boolean): Handler =>
  (w, form, env) =>
    tagBody(w, form.args.slice(1), bindings(w, form.args[0], form, env, sequential), form);

/** HANDLER-CASE: `(type (variable) . body)`, `(:no-error lambda-list . body)`. */
const handlerCase: Handler = (w, form, env) => {
  w.expression(form.args[0], env);
  clauses(w, form.args.slice(1), (clause, [type, parameters, ...body]) => {
    const inner = new Env(env);
    w.type(type, env);
    lambdaList(w, parameters, inner, { ...form, node: clause }, 'ordinary', 'variable');
    w.body(body, inner);
  });
};

const RESTART_OPTIONS: ReadonlySet<string> = new Set(['INTERACTIVE', 'REPORT', 'TEST']);

/** RESTART-CASE: `(name lambda-list :report expression … . body)`. */
const restartCase: Handler = (w, form, env) => {
  w.expression(form.args[0], env);
  clauses(w, form.args.slice(1), (clause, [name, parameters, ...rest]) => {
    const inner = new Env(env);
    w.data(name);
    lambdaList(w, parameters, inner, { ...form, node: clause });
    let at = 0;
    for (; rest[at]?.type === 'kwd_lit' && RESTART_OPTIONS.has(w.word(rest[at]) ?? ''); at += 2)
      if (w.symbol(rest[at + 1])) w.functionName(rest[at + 1], env);
      else w.expression(rest[at + 1], env);
    w.body(rest.slice(at), inner);
  });
};

/** HANDLER-BIND: `(type handler)` each; RESTART-BIND: `(name function :key …)` each. */
const handlerBind =
  (types: boolean): Handler =>
  (w, form, env) => {
    w.each(form.args[0], list =>
      clauses(w, w.objects(list), (_, [type, ...rest]) => {
        if (types) w.type(type, env);
        else w.data(type);
        w.expressions(rest, env);
      }),
    );
    w.body(form.args.slice(1), env);
  };

function clauses(
  w: Walker,
  nodes: readonly RawNode[],
  visit: (clause: RawNode, parts: readonly RawNode[]) => void,
): void {
  for (const node of nodes)
    w.each(node, clause => {
      if (clause.type === 'list_lit') visit(clause, w.objects(clause));
      else w.data(clause);
    });
}

/** CASE: `(key . body)` each. */
export const caseLike =
  (keys: 'data' | 'types' | 'evaluated'): Handler =>
  (w, form, env) => {
    w.expression(form.args[0], env);
    clauses(w, form.args.slice(1), (_, [key, ...body]) => {
      if (keys === 'types') w.type(key, env);
      else if (keys === 'data' || isOtherwise(w, key)) w.data(key);
      else w.expression(key, env);
      w.expressions(body, env);
    });
  };

const isOtherwise = (w: Walker, key: RawNode | undefined): boolean =>
  w.symbol(key)?.name === 'OTHERWISE' || w.symbol(key)?.name === 'T';

const cond: Handler = (w, form, env) => clauses(w, form.args, (_, parts) => w.expressions(parts, env));

/** SETQ and SETF: a place and a value, in turns. */
const assignments: Handler = (w, form, env) => {
  form.args.forEach((arg, i) => (i % 2 === 0 ? place(w, arg, env) : w.expression(arg, env)));
};

/** What is written to. */
export function place(w: Walker, node: RawNode | undefined, env: Env): void {
  w.each(node, each => {
    if (w.symbol(each)) return w.use(each, 'v', env, 'write');
    const [head, ...args] = w.objects(each);
    const symbol = w.symbol(head);
    if (!head || !symbol) return w.expression(each, env);
    if (env.find('f', keyOf(symbol))) return w.expression(each, env);
    if (symbol.name === 'THE') {
      w.use(head, 'f', env, 'read', true);
      w.type(args[0], env);
      return place(w, args[1], env);
    }
    if (symbol.name === 'VALUES') {
      w.use(head, 'f', env, 'read', true);
      return args.forEach(arg => place(w, arg, env));
    }
    const access: Access = 'write';
    w.note(head, 'function', access, undefined, true);
    w.expressions(args, env);
  });
}

/** Some arguments are places. */
const placesAt =
  (isPlace: (i: number, count: number) => boolean): Handler =>
  (w, form, env) =>
    form.args.forEach((arg, i) => {
      if (isPlace(i, form.args.length)) place(w, arg, env);
      else w.expression(arg, env);
    });

const multipleValueSetq: Handler = (w, form, env) => {
  w.each(form.args[0], list => w.objects(list).forEach(each => place(w, each, env)));
  w.expressions(form.args.slice(1), env);
};

/** A type first, then expressions; or the other way round. */
const typeAt =
  (index: number): Handler =>
  (w, form, env) =>
    form.args.forEach((arg, i) => {
      if (i === index) w.type(arg, env);
      else w.expression(arg, env);
    });

/** Functions whose arguments at `indices`, and that of `:element-type`, name types, where they are quoted. */
const quotedTypeAt =
  (...indices: readonly number[]): Handler =>
  (w, form, env) =>
    form.args.forEach((arg, i) => {
      const named = indices.includes(i) || w.word(form.args[i - 1]) === 'ELEMENT-TYPE';
      if (named && arg.type === 'quoting_lit') inside(arg).forEach(each => w.type(each, env));
      else w.expression(arg, env);
    });

/** `(operator (variable expression…) . body)`. */
const withVariable: Handler = (w, form, env) => {
  const inner = new Env(env);
  w.each(form.args[0], spec => {
    const [variable, ...rest] = w.objects(spec);
    w.expressions(rest, env);
    w.bind(inner, 'variable', variable, form, scopeFrom(spec, form));
  });
  w.body(form.args.slice(1), inner);
};

/** `(operator (expression…) . body)`. */
export const withExpressions: Handler = (w, form, env) => {
  w.each(form.args[0], list =>
    list.type === 'list_lit' ? w.expressions(w.objects(list), env) : w.expression(list, env),
  );
  w.body(form.args.slice(1), env);
};

/** WITH-SLOTS, WITH-ACCESSORS: `(name …)` or `((variable name) …)`, an instance, a body. */
const withSlots =
  (slots: boolean): Handler =>
  (w, form, env) => {
    const inner = new Env(env);
    w.expression(form.args[1], env);
    w.each(form.args[0], list => {
      for (const item of w.objects(list))
        w.each(item, each => {
          const scope = scopeFrom(list, form);
          if (each.type !== 'list_lit')
            return w.bind(inner, 'symbol-macro', each, form, scope, { doubles: { as: 'slot', bare: true } });
          const [variable, name] = w.objects(each);
          if (name && slots) w.note(name, 'slot');
          else if (name) w.functionName(name, env);
          return w.bind(inner, 'symbol-macro', variable, form, scope);
        });
    });
    w.body(form.args.slice(2), inner);
  };

/** The iterator macros: the name is that of a local macro. */
const withIterator: Handler = (w, form, env) => {
  const inner = new Env(env);
  w.each(form.args[0], spec => {
    const [name, ...rest] = w.objects(spec);
    w.expressions(rest, env);
    w.bind(inner, 'macro', name, form, scopeFrom(spec, form));
  });
  w.body(form.args.slice(1), inner);
};

const skipping =
  (count: number): Handler =>
  (w, form, env) => {
    form.args.slice(0, count).forEach(arg => w.data(arg));
    w.body(form.args.slice(count), env);
  };

const functionForm: Handler = (w, form, env) => {
  const [name] = form.args;
  w.functionName(name, env);
};

const evaluated: Handler = (w, form, env) => w.body(form.args, env);
const quoted: Handler = (w, form) => form.args.forEach(arg => w.data(arg));
const firstIsPlace = placesAt(i => i === 0);
const secondIsPlace = placesAt(i => i === 1);

const declaim: Handler = (w, form, env) => form.args.forEach(arg => w.declaration(arg, env));

export const standardHandlers: Readonly<Record<string, Handler>> = {
  LET: letLike(false),
  'LET*': letLike(true),
  FLET: functions('function', false),
  LABELS: functions('function', true),
  MACROLET: functions('macro', false),
  'SYMBOL-MACROLET': symbolMacros,
  LAMBDA: lambda,
  'NAMED-LAMBDA': namedLambda,
  'DESTRUCTURING-BIND': destructuringBind,
  'MULTIPLE-VALUE-BIND': multipleValueBind,
  BLOCK: block,
  'RETURN-FROM': returnFrom,
  TAGBODY: (w, form, env) => tagBody(w, form.args, env, form),
  GO: go,
  DO: doLoop(false),
  'DO*': doLoop(true),
  DOLIST: iteration(1),
  DOTIMES: iteration(1),
  'DO-SYMBOLS': iteration(1),
  'DO-EXTERNAL-SYMBOLS': iteration(1),
  'DO-ALL-SYMBOLS': iteration(0),
  PROG: prog(false),
  'PROG*': prog(true),
  'HANDLER-CASE': handlerCase,
  'RESTART-CASE': restartCase,
  'HANDLER-BIND': handlerBind(true),
  'RESTART-BIND': handlerBind(false),
  CASE: caseLike('data'),
  CCASE: caseLike('data'),
  ECASE: caseLike('data'),
  TYPECASE: caseLike('types'),
  CTYPECASE: caseLike('types'),
  ETYPECASE: caseLike('types'),
  COND: cond,
  SETQ: assignments,
  SETF: assignments,
  PSETQ: assignments,
  PSETF: assignments,
  INCF: firstIsPlace,
  DECF: firstIsPlace,
  POP: firstIsPlace,
  REMF: firstIsPlace,
  PUSH: secondIsPlace,
  PUSHNEW: secondIsPlace,
  ROTATEF: placesAt(() => true),
  SHIFTF: placesAt((i, count) => i < count - 1),
  'MULTIPLE-VALUE-SETQ': multipleValueSetq,
  THE: typeAt(0),
  'TRULY-THE': typeAt(0),
  'CHECK-TYPE': typeAt(1),
  TYPEP: quotedTypeAt(1),
  SUBTYPEP: quotedTypeAt(0, 1),
  COERCE: quotedTypeAt(1),
  CONCATENATE: quotedTypeAt(0),
  MAP: quotedTypeAt(0),
  MERGE: quotedTypeAt(0),
  'MAKE-SEQUENCE': quotedTypeAt(0),
  'MAKE-ARRAY': quotedTypeAt(),
  'MAKE-STRING': quotedTypeAt(),
  'ADJUST-ARRAY': quotedTypeAt(),
  'UPGRADED-ARRAY-ELEMENT-TYPE': quotedTypeAt(0),
  'WITH-OPEN-FILE': withVariable,
  'WITH-OPEN-STREAM': withVariable,
  'WITH-OUTPUT-TO-STRING': withVariable,
  'WITH-INPUT-FROM-STRING': withVariable,
  'WITH-SLOTS': withSlots(true),
  'WITH-ACCESSORS': withSlots(false),
  'WITH-HASH-TABLE-ITERATOR': withIterator,
  'WITH-PACKAGE-ITERATOR': withIterator,
  'WITH-SIMPLE-RESTART': (w, form, env) => {
    w.each(form.args[0], spec => {
      const [name, ...rest] = w.objects(spec);
      w.data(name);
      w.expressions(rest, env);
    });
    w.body(form.args.slice(1), env);
  },
  'WITH-COMPILATION-UNIT': withExpressions,
  'PRINT-UNREADABLE-OBJECT': withExpressions,
  'PPRINT-LOGICAL-BLOCK': withExpressions,
  ASSERT: (w, form, env) => {
    w.expression(form.args[0], env);
    w.each(form.args[1], list => w.objects(list).forEach(each => w.expression(each, env)));
    w.expressions(form.args.slice(2), env);
  },
  LOCALLY: evaluated,
  PROGN: evaluated,
  'EVAL-WHEN': skipping(1),
  FUNCTION: functionForm,
  QUOTE: quoted,
  'IN-PACKAGE': quoted,
  DEFPACKAGE: quoted,
  'DEFINE-PACKAGE': quoted,
  DEFSYSTEM: quoted,
  DECLARE: declaim,
  DECLAIM: declaim,
};
