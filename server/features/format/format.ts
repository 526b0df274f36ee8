/** Formatting: white space at the start and at the end of lines, and at the end of the text; nothing else is touched. */
import { finish } from '../../source/slices.ts';
import type { Snapshot, Span, TopLevelForm } from '../../source/types.ts';
import type { SpecOf } from './place.ts';
import { Walker } from './indent.ts';

export interface FormatOptions {
  readonly specOf: SpecOf;
  /** Removes white space at the end of lines. */
  readonly trimTrailingWhitespace: boolean;
  readonly insertFinalNewline: boolean;
  readonly trimFinalNewlines: boolean;
}

/** Replaces a stretch of white space. */
export interface Edit {
  readonly span: Span;
  readonly text: string;
}

/**
 * The edits that format the lines of a stretch, in the order of the text. Lines before it count as they stand. A form that does not
 * parse is left alone; where there is one, no other form is moved as a whole, for where forms begin decides what is read as broken.
 * Yields now and then.
 */
export function* formatSteps(
  snapshot: Snapshot,
  range: Span,
  options: FormatOptions,
): Generator<void, Edit[], void> {
  const { text } = snapshot;
  const first = lineStartOf(text, range.start);
  const last = range.end > range.start && text[range.end - 1] === '\n' ? range.end - 1 : range.end;
  const edits: Edit[] = [];
  const replace = (start: number, end: number, wanted: string): void => {
    if (text.slice(start, end) !== wanted) edits.push({ span: { start, end }, text: wanted });
  };
  const inRange = (offset: number): boolean => offset >= first && offset <= last;
  const sound = snapshot.problems.length === 0;
  const walk = function* (
    { start, end }: Span,
    wanted: (lineStart: number) => boolean,
  ): Generator<void, number, void> {
    const walker = new Walker({
      text,
      start,
      end,
      specOf: options.specOf,
      wanted,
      moved: (lineStart, from, column) => replace(lineStart, from, ' '.repeat(column)),
      blank: (from, to) => {
        if (options.trimTrailingWhitespace && inRange(from)) replace(from, to, '');
      },
    });
    yield* walker.steps();
    return walker.lastEnd;
  };
  const sorted = () => edits.sort((a, b) => a.span.start - b.span.start);
  if (sound) {
    const lastEnd = yield* walk(around(snapshot, { start: first, end: last }), inRange);
    sorted();
    if (range.start === 0 && range.end >= text.length) endText(text, lastEnd, options, edits);
  } else
    for (const { span, broken } of snapshot.forms)
      if (!broken && span.start <= last && first <= span.end)
        yield* walk(span, lineStart => inRange(lineStart) && lineStart > span.start);
  return sorted();
}

/** From where the first form of a stretch begins to where its last one ends. */
export function around(snapshot: Snapshot, { start, end }: Span): Span {
  const { text } = snapshot;
  const from = snapshot.formAt(start)?.span.start ?? start;
  const to = snapshot.formAt(end)?.span.end ?? end;
  const line = lineStartOf(text, Math.min(from, start));
  // several forms may share a line
  return {
    start: snapshot.formAt(line) ? Math.min(line, from) : line,
    end: lineEndOf(text, Math.max(to, end)),
  };
}

/** The column of the line at an offset, from what stands before it; undefined inside strings and block comments. */
export function columnAt(snapshot: Snapshot, offset: number, specOf: SpecOf): LineColumn | undefined {
  const { text } = snapshot;
  const lineStart = lineStartOf(text, offset);
  const lineEnd = lineEndOf(text, offset);
  const start = startAround(snapshot.forms, lineStart);
  let found: LineColumn | undefined;
  const walker = new Walker({
    text,
    start: start ?? lineStart,
    end: lineEnd,
    specOf,
    wanted: at => at === lineStart,
    moved: (_, from, column) => (found = { start: lineStart, end: from, column }),
    blank: () => undefined,
  });
  finish(walker.steps());
  if (walker.unfinished) return undefined;
  const from = lineStart + /^[ \t]*/.exec(text.slice(lineStart, lineEnd))![0].length;
  if (found || !/^\r?$/.test(text.slice(from, lineEnd))) return found;
  return { start: lineStart, end: from, column: walker.columnAtEnd() };
}

/** Where a line's white space stands, and how much it should be. */
export interface LineColumn {
  readonly start: number;
  readonly end: number;
  readonly column: number;
}

/** Where the form begins that holds an offset, or, as it does not parse, may hold it. */
export function startAround(forms: readonly TopLevelForm[], offset: number): number | undefined {
  let low = 0;
  let high = forms.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (forms[middle]!.span.start < offset) low = middle + 1;
    else high = middle;
  }
  const form = forms[low - 1];
  return form && (form.broken || form.span.end > offset) ? form.span.start : undefined;
}

/** The end of the text. @param from where white space begins behind the last token */
function endText(text: string, from: number, options: FormatOptions, edits: Edit[]): void {
  const tail = text.slice(from);
  const newline = /\r?\n/.exec(text)?.[0] ?? '\n';
  if (from === 0 || /[^ \t\r\n]/.test(tail)) return;
  let wanted = options.trimTrailingWhitespace ? tail.replace(/[ \t]+(?=\r?\n|$)/g, '') : tail;
  if (options.trimFinalNewlines) wanted = /\r?\n/.exec(wanted)?.[0] ?? wanted;
  if (options.insertFinalNewline && !wanted.endsWith('\n')) wanted += newline;
  // one edit for all that stands behind the last token
  while (edits.length > 0 && edits.at(-1)!.span.start >= from) edits.pop();
  if (wanted !== tail) edits.push({ span: { start: from, end: text.length }, text: wanted });
}

export const lineStartOf = (text: string, offset: number): number =>
  offset === 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1;

export const lineEndOf = (text: string, offset: number): number => {
  const end = text.indexOf('\n', offset);
  return end < 0 ? text.length : end;
};
