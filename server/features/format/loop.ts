/** LOOP: clauses line up below the first one, or, as SLIME does it, what depends on a clause stands 2 deeper. */
import { bareName, type Choice, type Element, type Frame, type Token } from './frame.ts';

const bodied = /^(?:do|doing|initially|finally)$/;
const conditional = /^(?:when|unless|if)$/;
const prefix = /^(?:and|else)$/;
/** Keywords that go on with a clause. */
const within =
  /^(?:(?:up|down)?from|(?:up|down)?to|below|above|by|in|into|on|=|then|across|being|each|the|of|using|(?:present-|external-)?symbols?|hash-(?:keys?|values?)|fixnum|float|t|nil|of-type)$/;
const clause =
  /^(?:named|with|for|as|repeat|while|until|always|never|thereis|initially|finally|do|doing|return|(?:collect|append|nconc|count|sum)|(?:collect|append|nconc|count|summ|maximiz|minimiz)ing|maximize|minimize|when|unless|if|and|else|end)$/;

/** A loop keyword may be any symbol of the name, a keyword too. */
const nameOf = ({ kind, text }: { kind: string; text: string }): string =>
  kind === 'symbol' ? bareName(text) : kind === 'keyword' ? text.slice(1) : '';

export function loopColumn(frame: Frame, token: Token, normal: number): Choice {
  const { open, elements, line } = frame;
  const first = elements[1];
  const split = first === undefined || first.line !== line;
  if (!first) return { column: open + 2, also: [open + 3, open + 6, open + 1] };
  if (first.kind !== 'symbol' && first.kind !== 'keyword')
    // a simple loop: forms alone
    return split
      ? { column: open + 2, also: [open + 3, first.column, normal] }
      : { column: first.column, also: [open + 2, normal] };
  const base = first.column;
  const around = context(elements);
  const also = new Set([normal, base, base + 2, open + 2, open + 3, ...around.columns]);
  const name = nameOf(token);
  if (token.kind === 'close') return { column: base, also: [open, open + 1] };
  if (name !== '' && (clause.test(name) || within.test(name))) {
    also.delete(normal);
    for (const column of around.clauses) also.add(column);
    if (within.test(name) && !clause.test(name)) return { column: around.inner, also: [...also] };
    if (prefix.test(name) || name === 'end') return { column: around.joining(name, base), also: [...also] };
    return { column: around.next ?? base, also: [...also] };
  }
  return { column: around.body, also: [...also, base + 3] };
}

interface Context {
  /** Of a form that goes on with the body of a clause. */
  readonly body: number;
  /** Of a keyword within the clause before. */
  readonly inner: number;
  /** Of a clause that depends on the conditional before; undefined where none does. */
  readonly next: number | undefined;
  /** Of `and`, `else` and `end`. */
  readonly joining: (name: string, base: number) => number;
  /** Other places of forms. */
  readonly columns: readonly number[];
  /** Other places of clauses. */
  readonly clauses: readonly number[];
}

/** What the elements before a line say about it. */
function context(elements: readonly Element[]): Context {
  const last = elements.at(-1)!;
  // the first element in the line of the last one, behind the operator
  let at = elements.length - 1;
  while (at > 1 && !elements[at]!.first && elements[at - 1]!.line === elements[at]!.line) at--;
  const line = at;
  while (at < elements.length - 1 && prefix.test(nameOf(elements[at]!))) at++;
  const start = elements[at]!;
  const name = nameOf(start);
  const columns: number[] = [];
  const clauses: number[] = [];
  let body: number;
  let next: number | undefined;
  const keyword = lastKeyword(elements);
  if (bodied.test(nameOf(last))) {
    body = last.first ? last.column + 3 : elements[line]!.column + 2;
    columns.push(last.column + 2, last.column, elements[line]!.column + 3);
  } else if (start.kind === 'list' || clause.test(name) === false) {
    body = start.column;
  } else if (bodied.test(name)) {
    body = elements[at + 1]!.column;
  } else {
    body = last.column;
    if (conditional.test(name) || prefix.test(name)) next = start.column + 2;
    if (last !== start) columns.push(elements[at + 1]!.column, start.column + 2);
  }
  if (keyword >= 0) {
    const after = elements[keyword + 1];
    columns.push(elements[keyword]!.column + 2, elements[keyword]!.column + 3);
    if (after) columns.push(after.column);
    if (bodied.test(nameOf(elements[keyword]!)) && after && start.kind === 'list') body = after.column;
  }
  if (start !== last || prefix.test(nameOf(elements[line]!)))
    if (prefix.test(nameOf(elements[line]!))) next ??= undefined;
  for (const each of elements.slice(1))
    if (clause.test(nameOf(each)) && (each.first || each === elements[1]))
      clauses.push(each.column, each.column + 2);
  return {
    body,
    inner: start.column + 2,
    next,
    joining: (word, base) => joined(elements, word, body) ?? base,
    columns,
    clauses,
  };
}

/** The last clause keyword: an element that is one by its name, as far as that tells. */
function lastKeyword(elements: readonly Element[]): number {
  for (let i = elements.length - 1; i > 0; i--) if (clause.test(nameOf(elements[i]!))) return i;
  return -1;
}

/** `and` stands below the clause that it joins, `else` and `end` below their conditional. */
function joined(elements: readonly Element[], word: string, body: number): number | undefined {
  let depth = 0;
  for (let i = elements.length - 1; i > 0; i--) {
    const element = elements[i]!;
    const name = nameOf(element);
    if (!clause.test(name)) continue;
    if (word === 'and') {
      if (!element.first && i > 1) {
        // behind `else` or `and`
        const before = nameOf(elements[i - 1]!);
        if (before === 'else' && elements[i - 1]!.first) return element.column;
        continue;
      }
      if (element.column > body && element.kind !== 'symbol') continue;
      if (name === 'else') continue;
      return element.column;
    }
    if (name === 'end') depth++;
    else if (conditional.test(name)) {
      if (depth === 0) return element.column;
      depth--;
    }
  }
  return undefined;
}
