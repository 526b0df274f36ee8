/** From the edits of a refactoring to one edit of the buffer whose new lines are indented. */
import { finish } from '../../source/slices.ts';
import { Walker } from '../format/indent.ts';
import { lineEndOf, lineStartOf, type Edit } from '../format/format.ts';
import type { SpecOf } from '../format/place.ts';
import type { Span } from '../../source/types.ts';

const inOrder = (a: Edit, b: Edit): number => a.span.start - b.span.start || a.span.end - b.span.end;

/** @throws Error where edits overlap */
export function applied(text: string, edits: readonly Edit[]): string {
  let out = '';
  let at = 0;
  for (const { span, text: wanted } of [...edits].sort(inOrder)) {
    if (span.start < at) throw new Error(`edits overlap at ${span.start}`);
    out += text.slice(at, span.start) + wanted;
    at = span.end;
  }
  return out + text.slice(at);
}

/**
 * One edit that does what the edits do, with the lines that they bring and those of `moved` indented. `around` begins and ends between
 * top-level forms. Line ends are those of the text.
 */
export function indented(
  text: string,
  around: Span,
  given: readonly Edit[],
  moved: Span | undefined,
  specOf: SpecOf,
): Edit | undefined {
  if (given.length === 0) return undefined;
  const newline = /\r?\n/.exec(text)?.[0] ?? '\n';
  const edits = [...given]
    .map(edit => ({ ...edit, text: newline === '\n' ? edit.text : edit.text.replace(/\r?\n/g, newline) }))
    .sort(inOrder);
  const from = lineStartOf(text, Math.min(around.start, edits[0]!.span.start));
  const to = lineEndOf(text, Math.max(around.end, edits.at(-1)!.span.end));
  const after = applied(
    text.slice(from, to),
    edits.map(({ span, text: wanted }) => ({
      span: { start: span.start - from, end: span.end - from },
      text: wanted,
    })),
  );
  const touched: Span[] = [];
  let grown = -from;
  for (const { span, text: wanted } of edits) {
    const start = span.start + grown;
    touched.push({ start, end: start + wanted.length });
    grown += wanted.length - (span.end - span.start);
  }
  if (moved) {
    const growth = (until: (span: Span) => boolean): number =>
      edits.reduce(
        (sum, { span, text: wanted }) => (until(span) ? sum + wanted.length - (span.end - span.start) : sum),
        -from,
      );
    touched.push({
      start: moved.start + growth(({ end }) => end < moved.start),
      end: moved.end + growth(({ end }) => end <= moved.end),
    });
  }
  const lines: Edit[] = [];
  const walker = new Walker({
    text: after,
    start: 0,
    end: after.length,
    specOf,
    strict: true,
    // the line in which a change begins stays where it is
    wanted: lineStart => touched.some(({ start, end }) => start < lineStart && lineStart <= end),
    moved: (lineStart, offset, column) => {
      const indentation = ' '.repeat(column);
      if (after.slice(lineStart, offset) !== indentation)
        lines.push(replaced(lineStart, offset, indentation));
    },
    blank: (start, end) => {
      if (touched.some(each => each.start <= start && end <= each.end)) lines.push(replaced(start, end, ''));
    },
  });
  finish(walker.steps());
  return difference(text, from, to, applied(after, lines));
}

const replaced = (start: number, end: number, text: string): Edit => ({ span: { start, end }, text });

/** The smallest edit that makes `wanted` of a stretch; it parts no surrogate pair and no line end. */
function difference(text: string, from: number, to: number, wanted: string): Edit | undefined {
  const old = text.slice(from, to);
  if (old === wanted) return undefined;
  const most = Math.min(old.length, wanted.length);
  let head = 0;
  while (head < most && old.charCodeAt(head) === wanted.charCodeAt(head)) head++;
  while (head > 0 && /[\ud800-\udbff\r]/.test(old[head - 1]!)) head--;
  let tail = 0;
  while (
    tail < most - head &&
    old.charCodeAt(old.length - 1 - tail) === wanted.charCodeAt(wanted.length - 1 - tail)
  )
    tail++;
  while (tail > 0 && /[\udc00-\udfff\n]/.test(old[old.length - tail]!)) tail--;
  return {
    span: { start: from + head, end: to - tail },
    text: wanted.slice(head, wanted.length - tail),
  };
}
