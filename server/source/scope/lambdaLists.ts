/** Lambda lists of every kind, and what else takes a list of variables apart. */
import type { RawNode } from '../parser.ts';
import type { Span } from '../types.ts';
import type { BindingKind, Env } from './model.ts';
import type { Form, Walker } from './walker.ts';

/** "macro": patterns in place of variables. "method": `(variable specializer)`. */
export type Style = 'ordinary' | 'macro' | 'method';

/** Where a binding that begins at a node is visible: behind it, up to the end of the form. */
export const scopeFrom = (node: RawNode, form: Form): Span => ({ start: node.end, end: form.node.end });

/** Binds the parameters in `env`, each from its own place on: what comes first is not seen by the defaults before it. */
export function lambdaList(
  w: Walker,
  node: RawNode | undefined,
  env: Env,
  form: Form,
  style: Style = 'ordinary',
  kind: BindingKind = 'parameter',
): void {
  w.each(node, list => {
    let section = 'REQUIRED';
    const items = w.objects(list);
    const bind = (each: RawNode | undefined, doubles?: boolean, bare = false) => {
      if (!each) return;
      if (each.type === 'list_lit' && style === 'macro') return lambdaList(w, each, env, form, style, kind);
      w.bind(env, kind, each, form, scopeFrom(each, form), {
        parameter: section,
        ...(doubles && { doubles: { as: 'keyword', bare } as const }),
      });
    };
    for (const item of items)
      w.each(item, each => {
        const name = w.symbol(each)?.name;
        if (name === '.') {
          section = '&REST';
          return;
        }
        if (name?.startsWith('&')) {
          section = name;
          return w.note(each, 'lambda-keyword');
        }
        switch (section) {
          case 'REQUIRED': {
            if (style !== 'method' || each.type !== 'list_lit') return bind(each);
            const [variable, specializer] = w.objects(each);
            bind(variable);
            return w.type(specializer, env);
          }
          case '&OPTIONAL':
          case '&AUX':
          case '&KEY': {
            if (each.type !== 'list_lit') return bind(each, section === '&KEY', true);
            const [variable, initial, supplied] = w.objects(each);
            w.expression(initial, env);
            if (section === '&KEY' && variable?.type === 'list_lit') bind(w.objects(variable)[1]);
            else bind(variable, section === '&KEY');
            return w.bind(env, kind, supplied, form, scopeFrom(each, form), { parameter: 'SUPPLIED-P' });
          }
          default:
            return bind(each);
        }
      });
  });
}

/** Binds every symbol of a tree but NIL: LOOP's destructuring, MULTIPLE-VALUE-BIND. */
export function pattern(
  w: Walker,
  node: RawNode | undefined,
  env: Env,
  form: Form,
  scope: Span,
  details: { guessed?: boolean } = {},
): void {
  w.each(node, each => {
    if (each.type === 'list_lit')
      for (const part of w.objects(each)) pattern(w, part, env, form, scope, details);
    else {
      const name = w.symbol(each)?.name;
      if (name === undefined || name === '.') return;
      if (name.startsWith('&')) w.note(each, 'lambda-keyword');
      else w.bind(env, 'variable', each, form, scope, details);
    }
  });
}
