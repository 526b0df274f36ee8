/** What can be folded: lists and strings over several lines, runs of comments, block comments. */
import type { Snapshot, PositionEncoding, Span, SyntaxNode } from '../source/types.ts';

export interface FoldingRange {
  /** 0-based. */
  readonly startLine: number;
  readonly endLine: number;
  readonly kind?: 'comment' | 'region';
}

const FOLDED: ReadonlySet<string> = new Set(['list_lit', 'include_reader_macro', 'str_lit']);

/**
 * One range per line at most, the outermost; the last line of a form is folded with it, since its closing brackets stand there.
 * @param limit how many ranges at most; inner ones are left out first
 */
export function foldingRanges(
  snapshot: Snapshot,
  _encoding: PositionEncoding,
  limit = Number.POSITIVE_INFINITY,
): FoldingRange[] {
  const steps = foldingSteps(snapshot, limit);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** The same bit by bit, so that others can run in between. */
export function* foldingSteps(snapshot: Snapshot, limit: number): Generator<void, FoldingRange[]> {
  const line = (offset: number): number => snapshot.positionAt(offset, 'utf-16').line;
  const ranges = new Map<number, FoldingRange & { depth: number }>();
  let depth = 0;
  const add = (span: Span, kind?: FoldingRange['kind']): void => {
    const startLine = line(span.start);
    const endLine = line(span.end);
    if (endLine > startLine && !ranges.has(startLine))
      ranges.set(startLine, { startLine, endLine, ...(kind && { kind }), depth });
  };
  const { root } = snapshot;
  addCommentRuns(snapshot, root.children, add);
  for (const form of root.children) {
    yield;
    const waiting = [{ node: form, at: 1 }];
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const { node, at } = next;
      const { children } = node;
      depth = at;
      if (node.type === 'block_comment') add(node.span, 'comment');
      else if (node.type === 'include_reader_macro') add(node.span, 'region');
      else if (FOLDED.has(node.type)) add(node.span);
      depth = at + 1;
      addCommentRuns(snapshot, children, add);
      for (let i = children.length - 1; i >= 0; i--) waiting.push({ node: children[i]!, at: at + 1 });
    }
  }
  return [...ranges.values()]
    .sort((a, b) => a.depth - b.depth)
    .slice(0, limit)
    .sort((a, b) => a.startLine - b.startLine)
    .map(({ depth: _depth, ...range }) => range);
}

/** Line comments that stand below each other, each alone on its line, with no empty line between. */
function addCommentRuns(
  snapshot: Snapshot,
  nodes: readonly SyntaxNode[],
  add: (span: Span, kind: 'comment') => void,
): void {
  let run: { start: number; end: number } | undefined;
  const { text } = snapshot;
  const flush = (): void => {
    if (run) add(run, 'comment');
    run = undefined;
  };
  for (const { type, span } of nodes) {
    if (type !== 'comment' || !aloneOnLine(text, span.start)) {
      flush();
      continue;
    }
    if (run && /^(?:\r\n|\n|\r)[^\S\r\n]*$/.test(text.slice(run.end, span.start))) run.end = span.end;
    else {
      flush();
      run = { start: span.start, end: span.end };
    }
  }
  flush();
}

function aloneOnLine(text: string, start: number): boolean {
  let i = start;
  while (i > 0 && (text[i - 1] === ' ' || text[i - 1] === '\t')) i--;
  return i === 0 || text[i - 1] === '\n' || text[i - 1] === '\r';
}
