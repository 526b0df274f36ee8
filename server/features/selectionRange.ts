/** Ranges that grow around a position: atom, list, prefixed list …, up to the top-level form. */
import type { Position, PositionEncoding, Range, Snapshot, Span, SyntaxNode } from '../source/types.ts';

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
    const spans: Span[] = [];
    let node: SyntaxNode | undefined = touching(snapshot.root.children, offset);
    while (node) {
      const outer = spans.at(-1);
      const { span, type } = node;
      if (!outer || outer.start !== span.start || outer.end !== span.end) spans.push(span);
      const inside = contents(snapshot.text, type, span);
      if (inside && inside.start <= offset && offset <= inside.end && inside.start < inside.end)
        spans.push(inside);
      node = touching(node.children, offset);
    }
    if (spans.length === 0) spans.push({ start: offset, end: offset });
    let chain: SelectionRange | undefined;
    for (const span of spans) {
      const range = snapshot.rangeOf(span, encoding);
      chain = chain ? { range, parent: chain } : { range };
    }
    return chain!;
  });
}

/** The node that holds the offset or ends at it; of two that meet there, the one that starts. */
function touching(nodes: readonly SyntaxNode[], offset: number): SyntaxNode | undefined {
  let low = 0;
  let high = nodes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (nodes[middle]!.span.start <= offset) low = middle + 1;
    else high = middle;
  }
  const node = nodes[low - 1];
  return node && offset <= node.span.end ? node : undefined;
}

/** What stands between the quotes of a string or the brackets of a list. */
function contents(text: string, type: string, { start, end }: Span): Span | undefined {
  if (type === 'str_lit' && end - start >= 2 && text[end - 1] === '"')
    return { start: start + 1, end: end - 1 };
  if (type === 'list_lit' && end - start >= 2 && text[end - 1] === ')' && text[start] === '(')
    return { start: start + 1, end: end - 1 };
  return undefined;
}
