/** IF, WHEN, UNLESS and COND into each other. Comments and everything else keep their places. */
import type { Edit } from '../format/format.ts';
import {
  insert,
  listAtOperator,
  nameOf,
  operatorOf,
  partsOf,
  replace,
  textOf,
  type Node,
  type Refactoring,
  type Site,
} from './site.ts';

const kind = 'refactor.rewrite';

export function conditionals(site: Site): Refactoring[] {
  const list = listAtOperator(site);
  const parts = list && partsOf(list);
  if (!list || !parts) return [];
  const offer = (title: string, edits: () => readonly Edit[] | undefined): Refactoring => {
    const written = textOf(site, parts[0]!);
    const [prefix] = /^[^:]*::?/.exec(written) ?? [''];
    const becomes = prefix + /\w+$/.exec(title)![0];
    return { title, kind, edits, moved: list, standard: [written, becomes] };
  };
  switch (nameOf(site, parts[0])) {
    case 'if': {
      if (parts.length < 3 || parts.length > 4) return [];
      const out = [offer('Convert if to cond', () => ifToCond(site, list))];
      const [, , then, otherwise] = parts;
      const negated = negatedIn(site, parts[1]!);
      if (!otherwise || nameOf(site, otherwise) === 'nil') {
        out.push(offer('Convert if to when', () => ifToOne(site, parts, 'when', parts[1]!, then!)));
        if (negated)
          out.push(offer('Convert if to unless', () => ifToOne(site, parts, 'unless', negated, then!)));
      } else if (nameOf(site, then) === 'nil')
        out.push(offer('Convert if to unless', () => ifToOne(site, parts, 'unless', parts[1]!, otherwise)));
      return out;
    }
    case 'when':
    case 'unless': {
      if (parts.length < 3) return [];
      const name = nameOf(site, parts[0])!;
      const other = name === 'when' ? 'unless' : 'when';
      const out = [offer(`Convert ${name} to if`, () => oneToIf(site, parts, name === 'unless'))];
      const negated = negatedIn(site, parts[1]!);
      if (negated)
        out.push(
          offer(`Convert ${name} to ${other}`, () => [
            renamed(site, parts[0]!, other),
            replace(parts[1]!, textOf(site, negated)),
          ]),
        );
      return out;
    }
    case 'cond': {
      const clauses = parts.slice(1).map(partsOf);
      if (clauses.length === 0 || !clauses.every(clause => clause && clause.length >= 2)) return [];
      return [
        offer('Convert cond to if', () =>
          condToIf(site, list, parts.slice(1), clauses as (readonly Node[])[]),
        ),
      ];
    }
    default:
      return [];
  }
}

/** What a `(not x)` negates, where no comment would be lost. */
function negatedIn(site: Site, node: Node): Node | undefined {
  const parts = partsOf(node);
  if (!parts || parts.length !== 2 || node.children.length !== 2) return undefined;
  return /^(?:not|null)$/.test(nameOf(site, parts[0]) ?? '') ? parts[1] : undefined;
}

/** Another operator, with the package prefix and in the case of the old one. */
function renamed(site: Site, node: Node, name: string): Edit {
  const written = textOf(site, node);
  const [prefix] = /^[^:]*::?/.exec(written) ?? [''];
  const upper = /^[^a-z]*[A-Z][^a-z]*$/.test(written.slice(prefix.length));
  return replace(node, prefix + (upper ? name.toUpperCase() : name));
}

/** The brackets of a PROGN taken away, those of anything else kept. */
function spliced(site: Site, node: Node): Edit[] {
  const parts = operatorOf(site, node) === 'progn' ? partsOf(node) : undefined;
  const first = parts?.[1];
  if (!first || !/^\(\S+\s+$/.test(site.text.slice(node.start, first.start))) return [];
  return [replace({ start: node.start, end: first.start }, ''), closing(site, node)];
}

/** The last bracket of a list, and white space before it unless a comment ends there. */
function closing({ text }: Site, node: Node): Edit {
  let start = node.end - 1;
  const last = node.children.at(-1);
  if (last && last.type !== 'comment') start = Math.max(last.end, 0);
  return /^\s*\)$/.test(text.slice(start, node.end))
    ? replace({ start, end: node.end }, '')
    : replace({ start: node.end - 1, end: node.end }, '');
}

function ifToCond(site: Site, list: Node): Edit[] | undefined {
  const edits: Edit[] = [];
  let current = list;
  for (let first = true; ; first = false) {
    const [operator, test, then, otherwise] = partsOf(current)!;
    if (first) edits.push(renamed(site, operator!, 'cond'));
    else {
      edits.push(replace({ start: current.start, end: test!.start }, ''), closing(site, current));
    }
    edits.push(insert(test!.start, '('), ...spliced(site, then!), insert(then!.end, ')'));
    if (!otherwise) return edits;
    const nested = operatorOf(site, otherwise) === 'if' ? partsOf(otherwise) : undefined;
    const plain =
      nested &&
      (nested.length === 3 || nested.length === 4) &&
      /^\(\S+\s+$/.test(site.text.slice(otherwise.start, nested[1]!.start)) &&
      otherwise.children.at(-1)!.type !== 'comment';
    if (!plain) {
      edits.push(insert(otherwise.start, '(t '), ...spliced(site, otherwise), insert(otherwise.end, ')'));
      return edits;
    }
    current = otherwise;
  }
}

/** To WHEN or UNLESS; the branch that does nothing goes. */
function ifToOne(
  site: Site,
  parts: readonly Node[],
  name: string,
  test: Node,
  body: Node,
): Edit[] | undefined {
  const edits = [renamed(site, parts[0]!, name), ...spliced(site, body)];
  if (test !== parts[1]) edits.push(replace(parts[1]!, textOf(site, test)));
  const dropped = parts.slice(2).find(part => part !== body);
  if (dropped) {
    const before = parts[parts.indexOf(dropped) - 1]!;
    const gap = site.text.slice(before.end, dropped.start);
    edits.push(replace({ start: /^\s*$/.test(gap) ? before.end : dropped.start, end: dropped.end }, ''));
  }
  return edits;
}

function oneToIf(site: Site, parts: readonly Node[], negate: boolean): Edit[] {
  const [operator, test, ...body] = parts;
  const edits = [renamed(site, operator!, 'if')];
  if (negate) edits.push(insert(test!.start, '(not '), insert(test!.end, ')'));
  if (body.length > 1) edits.push(insert(body[0]!.start, '(progn\n'), insert(body.at(-1)!.end, ')'));
  return edits;
}

/** How much white space stands there, line ends too. */
const blanksAt = ({ text }: Site, offset: number): number =>
  /^\s*/.exec(text.slice(offset, offset + 1000))![0].length;

function condToIf(
  site: Site,
  list: Node,
  clauses: readonly Node[],
  contents: readonly (readonly Node[])[],
): Edit[] | undefined {
  const edits: Edit[] = [renamed(site, partsOf(list)![0]!, 'if')];
  let nested = 0;
  for (const [i, clause] of clauses.entries()) {
    const [test, ...body] = contents[i]!;
    const last = nameOf(site, test) === 't';
    if (last && i < clauses.length - 1) return undefined;
    const many = body.length > 1;
    if (last && i > 0) {
      // a comment between stays: the test alone goes
      edits.push(replace({ start: clause.start, end: test!.end + blanksAt(site, test!.end) }, ''));
      if (many) edits.push(insert(body[0]!.start, '(progn\n'));
    } else {
      if (i > 0) nested++;
      edits.push(replace({ start: clause.start, end: test!.start }, i > 0 ? '(if ' : ''));
      if (many) edits.push(insert(body[0]!.start, '(progn\n'));
    }
    if (many) edits.push(insert(body.at(-1)!.end, ')'));
    edits.push(closing(site, clause));
  }
  if (nested > 0) edits.push(insert(list.end - 1, ')'.repeat(nested)));
  return edits;
}
