/** The other places of what stands at a place, in one buffer. */
import { globalMentions, symbolAt, type Occurrence } from '../source/scope.ts';
import {
  readSymbol,
  type PositionEncoding,
  type Range,
  type Snapshot,
  type TopLevelForm,
} from '../source/index.ts';
import { standardSymbols } from '../workspace/standardSymbols.ts';
import { treeOf } from '../workspace/nodes.ts';
import type { SyntaxNode } from '../source/types.ts';
import { literally } from '../source/pattern.ts';

/** LSP's kinds: text, read, write. */
const TEXT = 1;
const READ = 2;
const WRITE = 3;

export interface Highlight {
  readonly range: Range;
  readonly kind: 1 | 2 | 3;
}

/** @returns highlights in order of position; nothing for strings, comments and numbers. Yields between forms. */
export function* highlightSteps(
  snapshot: Snapshot,
  offset: number,
  encoding: PositionEncoding,
): Generator<void, Highlight[]> {
  const occurrence = symbolAt(snapshot, offset);
  const highlight = (each: Occurrence): Highlight => ({
    range: snapshot.rangeOf(each.span, encoding),
    kind: kindOf(each),
  });
  if (occurrence?.binding)
    return [...occurrence.binding.occurrences].sort((a, b) => a.span.start - b.span.start).map(highlight);
  const form = snapshot.formAt(offset);
  if (!form) return [];
  if (!occurrence) return yield* keywords(snapshot, form, offset, encoding);
  const { name } = occurrence.symbol;
  const home = homeOf(occurrence, form);
  const out: Highlight[] = [];
  for (const each of formsWith(snapshot, name)) {
    for (const other of globalMentions(each, name))
      if (homeOf(other, each) === home) out.push(highlight(other));
    yield;
  }
  return out;
}

function kindOf({ access, namespace }: Occurrence): Highlight['kind'] {
  if (access !== 'read') return WRITE;
  return namespace === 'data' || namespace === 'clause' || namespace === 'declaration' ? TEXT : READ;
}

/** The package that a symbol is written to be in. */
function homeOf({ symbol }: Occurrence, form: TopLevelForm): string {
  const { package: prefix, name } = symbol;
  const written = prefix ?? form.package ?? '';
  if (standardSymbols.has(name) && (prefix === undefined || prefix === 'CL')) return 'COMMON-LISP';
  return written === 'CL' ? 'COMMON-LISP' : written;
}

/** The forms whose text holds the name, in any case. */
function* formsWith(snapshot: Snapshot, name: string): Generator<TopLevelForm> {
  const wanted = new RegExp(literally(name), 'giu');
  let end = -1;
  for (const { index } of snapshot.text.matchAll(wanted)) {
    if (index < end) continue;
    const form = snapshot.formAt(index);
    if (!form) continue;
    ({ end } = form.span);
    yield form;
  }
}

/** The leaf of a form's tree that touches an offset. */
export function leafAt(snapshot: Snapshot, form: TopLevelForm, offset: number): SyntaxNode | undefined {
  let node = treeOf(snapshot, form);
  const touches = ({ span }: SyntaxNode) => span.start <= offset && offset <= span.end;
  while (node && node.children.length > 0) node = node.children.findLast(touches);
  return node && touches(node) ? node : undefined;
}

function* keywords(
  snapshot: Snapshot,
  form: TopLevelForm,
  offset: number,
  encoding: PositionEncoding,
): Generator<void, Highlight[]> {
  const leaf = leafAt(snapshot, form, offset);
  if (leaf?.type !== 'kwd_lit') return [];
  const nameOf = ({ span }: SyntaxNode) => readSymbol(snapshot.text.slice(span.start, span.end)).name;
  const name = nameOf(leaf);
  const out: Highlight[] = [];
  for (const each of formsWith(snapshot, name)) {
    const waiting = [treeOf(snapshot, each)];
    for (let node = waiting.pop(); node; node = waiting.pop()) {
      if (node.type === 'kwd_lit' && nameOf(node) === name)
        out.push({ range: snapshot.rangeOf(node.span, encoding), kind: TEXT });
      for (let i = node.children.length - 1; i >= 0; i--) waiting.push(node.children[i]);
    }
    yield;
  }
  return out;
}
