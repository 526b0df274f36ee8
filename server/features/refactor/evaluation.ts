/** Where in a form code is evaluated, and when: told from the standard's operators and from how others are named. */
import { standardMacros } from '../../workspace/standardMacros.ts';
import { nameOf, operatorOf, partsOf, type Node, type Site } from './site.ts';

/**
 * How a node stands in its list: `argument`: it is evaluated once, before the list's own work; `form`: it is evaluated, but at a time, in a
 * dynamic context, or with bindings that only the list gives it; undefined: it is not evaluated, or nobody knows.
 */
export type Standing = 'argument' | 'form' | undefined;

/** A node that is evaluated, and the form that it is a part of: of `(let ((a (f))) …)` the LET for `(f)`. */
export interface Evaluated {
  readonly standing: 'argument' | 'form';
  readonly form: Node;
}

/** The first argument that is a form of the body, by operator; those before it are arguments where `arguments` says so. */
const bodies: Readonly<Record<string, number>> = {
  progn: 1,
  locally: 1,
  prog1: 1,
  prog2: 1,
  'multiple-value-prog1': 1,
  'ignore-errors': 1,
  'unwind-protect': 1,
  time: 1,
  tagbody: 1,
  'with-standard-io-syntax': 1,
  if: 2,
  and: 2,
  or: 2,
  when: 2,
  unless: 2,
  let: 2,
  'let*': 2,
  prog: 2,
  'prog*': 2,
  flet: 2,
  labels: 2,
  macrolet: 2,
  'symbol-macrolet': 2,
  'handler-bind': 2,
  'restart-bind': 2,
  lambda: 2,
  catch: 2,
  dolist: 2,
  dotimes: 2,
  block: 2,
  'eval-when': 2,
  do: 3,
  'do*': 3,
  defun: 3,
  'multiple-value-bind': 3,
  'destructuring-bind': 3,
  'with-slots': 3,
  'with-accessors': 3,
  progv: 3,
};

/** Arguments before the body that are evaluated first, by operator. */
const firstArguments: Readonly<Record<string, readonly number[]>> = {
  if: [1],
  and: [1],
  or: [1],
  when: [1],
  unless: [1],
  catch: [1],
  'multiple-value-bind': [2],
  'destructuring-bind': [2],
  'with-slots': [2],
  'with-accessors': [2],
  progv: [1, 2],
};

/** Of macros and special operators that are called as functions are; a place is none. */
const likeCalls: Readonly<Record<string, readonly number[]>> = {
  push: [1],
  pushnew: [1],
  incf: [2],
  decf: [2],
  return: [1],
  'return-from': [2],
  the: [2],
  throw: [1, 2],
  'nth-value': [1, 2],
  'multiple-value-list': [1],
  'multiple-value-setq': [2],
  'multiple-value-call': [1, 2, 3, 4, 5],
};

/** They take all values of a form, and a variable holds one. */
const takesAllValues =
  /^(?:multiple-value-(?:bind|list|setq|call|prog1)|nth-value|return|return-from|throw)$/;
const caseLike = /^(?:[ce]|)(?:type|)case$/;
const iteration = /^(?:with|do)-/;

/** Whether more than one value of the node may be looked at. */
export function valuesCount(site: Site, node: Node): boolean {
  const operator = operatorOf(site, node.parent);
  if (operator === undefined) return false;
  return takesAllValues.test(operator) || (operator === 'setf' && isValuesPlace(site, node));
}

const isValuesPlace = (site: Site, node: Node): boolean => {
  const parts = partsOf(node.parent!);
  return operatorOf(site, parts?.[parts.indexOf(node) - 1]) === 'values';
};

export function evaluatedAt(site: Site, node: Node): Evaluated | undefined {
  const list = node.parent;
  const parts = list && partsOf(list);
  if (!list || !parts) return undefined;
  const at = parts.indexOf(node);
  // neither is a declaration, nor a docstring
  if (operatorOf(site, node) === 'declare' || (node.type === 'str_lit' && isDocstring(site, parts, at)))
    return undefined;
  const within = partStanding(site, list, at);
  const standing = within === 'whole' ? inForm(site, parts, at) : within;
  if (!standing) return undefined;
  let form = list;
  if (within !== 'whole')
    form = nameOf(site, partsOf(list.parent!)?.[0]) ? list.parent! : list.parent!.parent!;
  return { standing, form };
}

/** Whether a string is one in a body: what follows is its value then. */
function isDocstring(site: Site, parts: readonly Node[], at: number): boolean {
  if (at === parts.length - 1) return false;
  const operator = nameOf(site, parts[0]) ?? '';
  return (
    /^(?:def|lambda$)/.test(operator) ||
    /^(?:flet|labels|macrolet)$/.test(operatorOf(site, parts[0]!.parent!.parent?.parent) ?? '')
  );
}

/** Whether what stands there is evaluated, as far as the lists around it tell. */
export function isEvaluated(site: Site, node: Node): boolean {
  for (let each = node; each.parent;) {
    const evaluated = evaluatedAt(site, each);
    if (!evaluated) return false;
    if (evaluated.standing === 'form') return true;
    each = evaluated.form;
  }
  return true;
}

function inForm(site: Site, parts: readonly Node[], at: number): Standing {
  if (at === 0) return undefined;
  const operator = nameOf(site, parts[0]);
  // ((lambda (x) …) 1)
  if (operator === undefined) return operatorOf(site, parts[0]) === 'lambda' ? 'argument' : undefined;
  const first = operator === 'defmethod' ? lambdaListAt(parts) + 1 : bodies[operator];
  if (first !== undefined && at >= first) return 'form';
  if (firstArguments[operator]?.includes(at)) return 'argument';
  if (first !== undefined) return undefined;
  if (/^p?set[fq]$/.test(operator)) return at % 2 === 0 ? 'argument' : undefined;
  if (caseLike.test(operator)) return at === 1 ? 'argument' : undefined;
  if (/^(?:handler|restart)-case$/.test(operator)) return at === 1 ? 'form' : undefined;
  if (operator === 'loop') return inLoop(site, parts, at);
  if (likeCalls[operator]) return likeCalls[operator].includes(at) ? 'argument' : undefined;
  if (iteration.test(operator)) return at >= 2 ? 'form' : undefined;
  if (operator.startsWith('without-')) return 'form';
  if (operator.startsWith('def') && !operator.startsWith('default')) return at >= 3 ? 'form' : undefined;
  return standardMacros.has(operator.toUpperCase()) ? undefined : 'argument';
}

const lambdaListAt = (parts: readonly Node[]): number =>
  parts.findIndex(({ type }, i) => i > 1 && /^(?:list|nil)_lit$/.test(type));

/** For a list that is a part of a form: bindings, a clause, a lambda list; `whole`: it is a form. */
function partStanding(site: Site, list: Node, at: number): Standing | 'whole' {
  const form = list.parent;
  if (!form) return 'whole';
  if (form.type !== 'list_lit')
    return /^(?:var_quoting_lit|include_reader_macro)$/.test(form.type) ? 'whole' : undefined;
  const parts = partsOf(form);
  if (!parts) return undefined;
  const listAt = parts.indexOf(list);
  const operator = nameOf(site, parts[0]) ?? '';
  if (operator === 'cond') return at > 0 || listAt > 1 ? 'form' : 'argument';
  if (caseLike.test(operator) && listAt > 1) return at > 0 ? 'form' : undefined;
  if (/^(?:handler|restart)-case$/.test(operator) && listAt > 1) return at > 1 ? 'form' : undefined;
  if (/^do(?:list|times)$/.test(operator) && listAt === 1)
    return at === 0 ? undefined : at === 1 ? 'argument' : 'form';
  if (/^with-(?:open-file|open-stream|(?:in|out)put-(?:from|to)-string)$/.test(operator) && listAt === 1)
    return at > 0 ? 'argument' : undefined;
  // lambda lists, lists of bindings, end clauses, and what may be one of these
  if (
    listAt > 0 &&
    (listAt < (bodies[operator] ?? (iteration.test(operator) ? 2 : 0)) ||
      (operator === 'defmethod' && listAt <= lambdaListAt(parts)) ||
      (/^def/.test(operator) && bodies[operator] === undefined && operator !== 'defmethod' && listAt < 3)) &&
    !firstArguments[operator]?.includes(listAt)
  )
    return undefined;
  return inBindings(site, form, at);
}

/** For an element of a list in `bindings`, where that is a list of bindings. */
function inBindings(site: Site, bindings: Node, at: number): Standing | 'whole' {
  const form = bindings.parent;
  const parts = form && partsOf(form);
  const bindingsAt = parts ? parts.indexOf(bindings) : -1;
  if (bindingsAt < 1) return 'whole';
  const operator = nameOf(site, parts![0]) ?? '';
  if (bindingsAt === 1) {
    if (/^let\*?$/.test(operator)) return at === 1 ? 'argument' : undefined;
    if (/^(?:flet|labels)$/.test(operator)) return at > 1 ? 'form' : undefined;
    if (/^(?:handler|restart)-bind$/.test(operator)) return at === 1 ? 'form' : undefined;
  }
  const first = bodies[operator] ?? (operator === 'defmethod' ? lambdaListAt(parts!) + 1 : undefined);
  // a default in a lambda list, a step of DO
  if (first !== undefined && bindingsAt < first && !firstArguments[operator]?.includes(bindingsAt))
    return undefined;
  return 'whole';
}

const loopForms =
  /^(?:do|doing|initially|finally|collect|append|nconc|count|sum|maximize|minimize|(?:collect|append|nconc|count|summ|maximiz|minimiz)ing|when|unless|if|while|until|always|never|thereis|return|repeat|in|on|across|=|then|(?:up|down)?from|(?:up|down)?to|below|above|by)$/;

/** A form of LOOP: behind a keyword that takes one, or further down in a body. */
function inLoop(site: Site, parts: readonly Node[], at: number): Standing {
  if (parts.slice(1).every(({ type }) => type === 'list_lit')) return 'form';
  let from = at - 1;
  while (from > 0 && parts[from]!.type === 'list_lit') from--;
  const text = site.text.slice(parts[from]!.start, parts[from]!.end).toLowerCase();
  const keyword = text.replace(/^(?:[^:]*:)+/, '');
  if (from === 0 || !loopForms.test(keyword)) return undefined;
  if (from < at - 1 && !/^(?:do|doing|initially|finally)$/.test(keyword)) return undefined;
  return parts[at]!.type === 'list_lit' ? 'form' : undefined;
}
