/** Ranges that grow around a position: atom, list, prefixed list …, up to the top-level form. */
import { readNodes } from '../source/nodes.ts';
import type { RawNode } from '../source/parser.ts';
import type { Position, PositionEncoding, Range, Snapshot, Span } from '../source/types.ts';

export interface SelectionRange {
  readonly range: Range;
  readonly parent?: SelectionRange;
}

/** One chain per position, innermost first; the outermost is the top-level form, or the comment between forms, or nothing but the position itself. */
export function selectionRanges(
  snapshot: Snapshot,
  positions: readonly Position[],
  encoding: PositionEncoding,
): SelectionRange[] {
  return positions.map(position => {
    const offset = snapshot.offsetAt(position, encoding);
    const spans = spansAt(snapshot, offset);
    if (spans.length === 0) spans.push({ start: offset, end: offset });
    let chain: SelectionRange | undefined;
    for (const span of spans) {
      const range = snapshot.rangeOf(span, encoding);
      // Two spans may have one range: no position is between CR and LF.
      if (chain && samePlace(chain.range, range)) continue;
      chain = chain ? { range, parent: chain } : { range };
    }
    return chain!;
  });
}

const samePlace = (a: Range, b: Range) =>
  a.start.line === b.start.line &&
  a.start.character === b.start.character &&
  a.end.line === b.end.line &&
  a.end.character === b.end.character;

/** What holds the offset, outermost first, each within the one before and smaller. */
function spansAt(snapshot: Snapshot, offset: number): Span[] {
  // Of this stretch alone a tree is made: the form, or what stands between two.
  const { start, end } = snapshot.formAt(offset)?.span ?? gapAt(snapshot, offset);
  const text = snapshot.slice(start, end);
  const spans: Span[] = [];
  const add = (from: number, to: number): void => {
    const outer = spans.at(-1);
    const span = { start: from + start, end: to + start };
    if (!outer || outer.start !== span.start || outer.end !== span.end) spans.push(span);
  };
  let node = touching(readNodes(text).children, offset - start);
  while (node) {
    add(node.start, node.end);
    const inside = contents(text, node);
    if (inside && inside.start + start <= offset && offset <= inside.end + start)
      add(inside.start, inside.end);
    node = touching(node.children, offset - start);
  }
  return spans;
}

/** From the end of the form before an offset to the start of the next one. */
function gapAt(snapshot: Snapshot, offset: number): Span {
  const { forms } = snapshot;
  let low = 0;
  let high = forms.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (forms[middle]!.span.start <= offset) low = middle + 1;
    else high = middle;
  }
  return {
    start: forms[low - 1]?.span.end ?? 0,
    end: forms[low]?.span.start ?? snapshot.length,
  };
}

/** The node that holds the offset or ends at it; of two that meet there, the one that starts. */
function touching(nodes: readonly RawNode[], offset: number): RawNode | undefined {
  let low = 0;
  let high = nodes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (nodes[middle]!.start <= offset) low = middle + 1;
    else high = middle;
  }
  const node = nodes[low - 1];
  return node && offset <= node.end ? node : undefined;
}

/** What stands between the quotes of a string or the brackets of a list; undefined where there is nothing. */
function contents(text: string, { type, start, end, children }: RawNode): Span | undefined {
  const [open, close] = type === 'str_lit' ? ['"', '"'] : type === 'list_lit' ? ['(', ')'] : [];
  if (open === undefined || end - start <= 2 || text[start] !== open || text[end - 1] !== close)
    return undefined;
  // The last bracket of a list that is never closed is that of another.
  if (children.at(-1)?.end === end) return undefined;
  return { start: start + 1, end: end - 1 };
}
