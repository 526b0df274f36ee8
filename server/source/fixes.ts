/** One edit that mends a stretch with a fault, judged by indentation and tried before it is offered. */
import { readStretch, type Stretch } from './blocks.ts';
import type { Fault } from './formReader.ts';
import { Lexer } from './lexer.ts';
import type { SyntaxFix } from './types.ts';

/** A longer stretch (UTF-16 code units) gets no fix. */
const LONGEST = 50_000;
/** How many edits are tried. */
const MOST_TRIALS = 40;

/** @param text of the stretch @returns a fix whose span counts from the start of the stretch */
export function fixOf(fault: Fault, stretch: Stretch, text: string): SyntaxFix | undefined {
  if (text.length > LONGEST) return undefined;
  let trials = 0;
  for (const fix of candidates(fault, stretch, text)) {
    if (++trials > MOST_TRIALS) return undefined;
    const { span } = fix;
    const mended = text.slice(0, span.start) + fix.text + text.slice(span.end);
    if (readStretch(mended, 0, mended.length).faults.length === 0) return fix;
  }
  return undefined;
}

const insert = (at: number, text: string, title: string): SyntaxFix => ({
  title,
  span: { start: at, end: at },
  text,
});
const remove = (start: number, end: number, title: string): SyntaxFix => ({
  title,
  span: { start, end },
  text: '',
});

function* candidates(fault: Fault, stretch: Stretch, text: string): Generator<SyntaxFix> {
  const { start, end, code } = fault;
  const written = text.slice(start, end);
  switch (code) {
    case 'unmatched-open': {
      const closers = stretch.mending?.closers ?? ')';
      const title = `Insert ${closers}`;
      for (const at of placesToClose(text, closers.length)) yield insert(at, closers, title);
      yield insert(lastTokenEnd(text), closers, title);
      yield remove(start, end, `Delete the unmatched ${written}`);
      break;
    }
    case 'unmatched-close':
      for (const at of earlyClosers(text, start))
        yield remove(at, at + 1, 'Delete the ) that ends the form too early');
      yield remove(start, end, 'Delete the unmatched )');
      break;
    case 'unterminated-string':
      yield* stringFixes(text, start);
      break;
    case 'unterminated-symbol':
      yield remove(
        start + written.search(/[\\|]/),
        start + written.search(/[\\|]/) + 1,
        'Delete the unmatched |',
      );
      for (const bar of text.slice(start).matchAll(/\|/g))
        yield remove(start + bar.index, start + bar.index + 1, 'Delete the unmatched |');
      break;
    case 'unterminated-comment':
      yield remove(start, start + 2, 'Delete the #|');
      yield insert(lineEnd(text, start), '|#', 'Close the comment with |#');
      break;
    case 'missing-object':
      yield remove(start, end, `Delete the ${written} that nothing follows`);
      break;
    case 'illegal-dispatch':
      yield remove(start, start + 1, 'Delete the #');
      break;
  }
}

/** Ends of tokens behind which a line stands further left than the brackets still open, so many of them as are missing. */
function placesToClose(text: string, missing: number): number[] {
  const places: number[] = [];
  const stack: number[] = [];
  const lexer = new Lexer(text);
  let previous = 0;
  while (lexer.next()) {
    const { kind, start, end } = lexer;
    const column = columnOfFirst(text, start);
    if (column !== undefined && kind !== 'comment' && previous > 0) {
      let over = 0;
      while (over < stack.length && stack[stack.length - 1 - over]! >= column) over++;
      if (over >= missing && places.at(-1) !== previous) places.push(previous);
    }
    if (kind === 'comment' || kind === 'block-comment') continue;
    if (kind === 'open') stack.push(columnOf(text, start));
    else if (kind === 'close') stack.pop();
    previous = end;
  }
  return places;
}

function lastTokenEnd(text: string): number {
  const lexer = new Lexer(text);
  let last = 0;
  while (lexer.next()) if (lexer.kind !== 'comment' && lexer.kind !== 'block-comment') last = lexer.end;
  return last;
}

/**
 * Brackets before `stray` behind which the next line stands further right than what they close, as if it were still open; then those
 * that end a form though the next line is indented.
 */
function earlyClosers(text: string, stray: number): number[] {
  const deeper: number[] = [];
  const ended: number[] = [];
  const lexer = new Lexer(text, 0, stray);
  const stack: number[] = [];
  let last: { readonly at: number; readonly column: number } | undefined;
  while (lexer.next()) {
    const { kind, start } = lexer;
    if (kind === 'comment' || kind === 'block-comment') continue;
    const column = columnOfFirst(text, start);
    if (last && column !== undefined && column > last.column) deeper.push(last.at);
    if (last && column !== undefined && column > 0 && stack.length === 0) ended.push(last.at);
    last = undefined;
    if (kind === 'open') stack.push(columnOf(text, start));
    else if (kind === 'close' && stack.length > 0) last = { at: start, column: stack.pop()! };
  }
  return [...deeper, ...ended.reverse()];
}

function* stringFixes(text: string, quote: number): Generator<SyntaxFix> {
  const title = 'Close the string with "';
  const before = text[quote - 1] ?? '\n';
  const after = text[quote + 1] ?? '\n';
  const closes = /[\s)]/.test(after) && !/[\s('`,]/.test(before);
  if (closes) {
    // it looks like the end of a string whose beginning is missing
    const line = text.lastIndexOf('\n', quote) + 1;
    const first = line + text.slice(line, quote).search(/\S/);
    yield insert(first, '"', 'Begin the string with "');
    for (const { index } of [...text.slice(line, quote).matchAll(/(?<=[\s(])[^\s()"]/g)].reverse())
      yield insert(line + index, '"', 'Begin the string with "');
  } else if (/[^\s('`,@]/.test(before)) yield remove(quote, quote + 1, 'Delete the unmatched "');
  for (let from = quote + 1; from <= text.length;) {
    const end = lineEnd(text, from);
    // before the brackets that end the line, and before fewer of them
    const line = text.slice(from, end);
    const brackets = /[\s)]*$/.exec(line)!.index;
    for (let at = from + brackets; at <= end; at++) if (at > quote) yield insert(at, '"', title);
    from = end + 1;
  }
  yield remove(quote, quote + 1, 'Delete the unmatched "');
}

const lineEnd = (text: string, from: number): number => {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
};

const columnOf = (text: string, at: number): number => at - 1 - text.lastIndexOf('\n', at - 1);

/** The column of what stands first in its line. */
function columnOfFirst(text: string, at: number): number | undefined {
  const column = columnOf(text, at);
  return /^[ \t]*$/.test(text.slice(at - column, at)) ? column : undefined;
}
