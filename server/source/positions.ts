/** Lines of a text, and positions in the three encodings. A line ends at CR LF, LF or a lone CR, as LSP says. */
import { finish } from './slices.ts';
import { lastUpTo } from './search.ts';
import { Text } from './text.ts';
import type { Position, PositionEncoding, Range, Span } from './types.ts';

const NEWLINE = 10;
const RETURN = 13;

/** How much of a text is looked at as one string. */
const WINDOW = 1 << 16;

/** Starts of the lines in `text[from, to)`, where `from` itself starts a line. Yields after each window. */
function* scanningLines(text: Text, from: number, to: number): Generator<void, number[], void> {
  const starts = [from];
  for (let base = from; base < to; base += WINDOW) {
    const window = text.slice(base, Math.min(to, base + WINDOW) + 1);
    const end = Math.min(WINDOW, to - base);
    if (window.includes('\r'))
      for (let i = 0; i < end; i++) {
        const c = window.charCodeAt(i);
        if (c <= RETURN && (c === NEWLINE || (c === RETURN && window.charCodeAt(i + 1) !== NEWLINE)))
          starts.push(base + i + 1);
      }
    else
      for (let i = window.indexOf('\n'); i >= 0 && i < end; i = window.indexOf('\n', i + 1))
        starts.push(base + i + 1);
    yield;
  }
  return starts;
}

/** Lines of a page, about; the starts of a page's lines count from its own, so that an edit leaves the other pages alone. */
const PAGE = 128;

interface Table {
  readonly pages: readonly Int32Array[];
  /** Where each page starts, and where the last one ends. */
  readonly starts: Int32Array;
  /** How many lines there are before each page, and in all. */
  readonly before: Int32Array;
}

const NO_LINES: Table = { pages: [], starts: new Int32Array(1), before: new Int32Array(1) };

/** The lines that start at `starts`, by pages. Yields now and then. */
function* paging(starts: readonly number[]): Generator<void, Int32Array[], void> {
  const pages: Int32Array[] = [];
  for (let at = 0; at < starts.length; at += PAGE) {
    const page = new Int32Array(Math.min(PAGE, starts.length - at));
    for (let i = 0; i < page.length; i++) page[i] = starts[at + i]! - starts[at]!;
    pages.push(page);
    if (pages.length % PAGE === 0) yield;
  }
  return pages;
}

export class Lines {
  #table: Table | undefined;
  #unfinished: Generator<void, Table, void> | undefined;
  /** The position that was last counted: the next one in a long line is counted from there. */
  #counted = { encoding: 'utf-16' as PositionEncoding, start: 0, end: 0, character: 0 };

  private constructor(
    readonly content: Text,
    table?: Table,
  ) {
    this.#table = table;
  }

  /** Looks for line ends when they are first asked for, or in `reading`. */
  static of(text: string | Text): Lines {
    return new Lines(typeof text === 'string' ? Text.of(text) : text);
  }

  /** Finds the lines in slices: the end of each is a yield. */
  *reading(): Generator<void, void, void> {
    while (!this.#table) {
      const step = this.#slices().next();
      if (step.done) this.#table = step.value;
      else yield;
    }
    this.#unfinished = undefined;
  }

  private get table(): Table {
    if (!this.#table) finish(this.reading());
    return this.#table!;
  }

  #slices(): Generator<void, Table, void> {
    return (this.#unfinished ??= firstTable(this.content));
  }

  get text(): string {
    return this.content.toString();
  }

  get count(): number {
    return this.table.before[this.table.pages.length]!;
  }

  /** The lines of `content`, which came about by replacing `[start, end)` of this text. */
  edited(content: Text, start: number, end: number): Lines {
    const { pages, starts, before } = this.table;
    const delta = content.length - this.content.length;
    // A CR before the edit and an LF behind it may become one line end, or stop being one.
    const first = this.lineAt(Math.max(0, start - 1));
    const last = this.lineAt(Math.min(this.content.length, end + 1));
    const from = this.lineStart(first);
    const to = last + 1 < this.count ? this.lineStart(last + 1) + delta : content.length;
    const middle = finish(scanningLines(content, from, to));
    // the line that starts at `to` is the first of those behind
    if (last + 1 < this.count && middle.at(-1) === to) middle.pop();
    const firstPage = lastUpTo(before, first);
    const lastPage = lastUpTo(before, last);
    const all: number[] = [];
    const keep = (page: number, from: number, to: number, by: number): void => {
      const lines = pages[page]!;
      for (let i = from; i < to; i++) all.push(lines[i]! + by);
    };
    keep(firstPage, 0, first - before[firstPage]!, starts[firstPage]!);
    for (const at of middle) all.push(at);
    keep(lastPage, last + 1 - before[lastPage]!, pages[lastPage]!.length, starts[lastPage]! + delta);
    const own = finish(paging(all));
    return new Lines(content, splice(this.table, firstPage, all, own, lastPage + 1, content.length));
  }

  /** The 0-based line that holds an offset, and where it starts. */
  private at(offset: number): { line: number; start: number } {
    const { pages, starts, before } = this.table;
    const page = Math.min(pages.length - 1, Math.max(0, lastUpTo(starts, offset)));
    const n = Math.max(0, lastUpTo(pages[page]!, offset - starts[page]!));
    return { line: before[page]! + n, start: starts[page]! + pages[page]![n]! };
  }

  /** The 0-based line that holds an offset. */
  lineAt(offset: number): number {
    return this.at(offset).line;
  }

  lineStart(line: number): number {
    if (line >= this.count) return this.content.length;
    const { pages, starts, before } = this.table;
    const page = lastUpTo(before, line);
    return starts[page]! + pages[page]![line - before[page]!]!;
  }

  /** Where the line's text ends, its line end left out. */
  lineEnd(line: number): number {
    if (line + 1 >= this.count) return this.content.length;
    let end = this.lineStart(line + 1) - 1;
    if (
      end > this.lineStart(line) &&
      this.content.charCodeAt(end) === NEWLINE &&
      this.content.charCodeAt(end - 1) === RETURN
    )
      end--;
    return end;
  }

  offsetAt(position: Position, encoding: PositionEncoding): number {
    if (position.line < 0) return 0;
    if (position.line >= this.count) return this.content.length;
    const start = this.lineStart(position.line);
    const end = this.lineEnd(position.line);
    const wanted = Math.max(0, position.character);
    if (encoding === 'utf-16') return this.wholeCharacter(Math.min(end, start + wanted));
    const line = this.content.slice(start, end);
    let offset = 0;
    for (let units = 0; offset < line.length;) {
      const code = line.codePointAt(offset)!;
      units += encoding === 'utf-32' ? 1 : utf8Length(code);
      if (units > wanted) break;
      offset += code > 0xffff ? 2 : 1;
    }
    return start + offset;
  }

  positionAt(offset: number, encoding: PositionEncoding): Position {
    const at = Math.min(Math.max(0, offset), this.content.length);
    const { line, start } = this.at(at);
    const end = this.outsideLineEnd(this.wholeCharacter(at), start);
    if (encoding === 'utf-16') return { line, character: end - start };
    const last = this.#counted;
    const goesOn = last.encoding === encoding && last.start === start && last.end <= end;
    const before = this.content.slice(goesOn ? last.end : start, end);
    let character = goesOn ? last.character : 0;
    for (let i = 0; i < before.length;) {
      const code = before.codePointAt(i)!;
      character += encoding === 'utf-32' ? 1 : utf8Length(code);
      i += code > 0xffff ? 2 : 1;
    }
    this.#counted = { encoding, start, end, character };
    return { line, character };
  }

  rangeOf(span: Span, encoding: PositionEncoding): Range {
    return { start: this.positionAt(span.start, encoding), end: this.positionAt(span.end, encoding) };
  }

  /** The offset, or the start of the CR LF that it splits, in the line that starts at `start`. */
  private outsideLineEnd(offset: number, start: number): number {
    const splits =
      offset > start &&
      this.content.charCodeAt(offset) === NEWLINE &&
      this.content.charCodeAt(offset - 1) === RETURN;
    return splits ? offset - 1 : offset;
  }

  /** The offset, or the start of the surrogate pair that it splits. */
  private wholeCharacter(offset: number): number {
    if (offset <= 0 || offset >= this.content.length) return offset;
    const splits =
      (this.content.charCodeAt(offset) & 0xfc00) === 0xdc00 &&
      (this.content.charCodeAt(offset - 1) & 0xfc00) === 0xd800;
    return splits ? offset - 1 : offset;
  }
}

/** The table with the pages from `first` up to `end` (exclusive) replaced by those of the lines that start at `added`, in a text of `length`. */
function splice(
  old: Table,
  first: number,
  added: readonly number[],
  own: readonly Int32Array[],
  end: number,
  length: number,
): Table {
  const pages = old.pages.slice(0, first).concat(own, old.pages.slice(end));
  const at = first + own.length;
  const starts = new Int32Array(pages.length + 1);
  const before = new Int32Array(pages.length + 1);
  starts.set(old.starts.subarray(0, first));
  before.set(old.before.subarray(0, first + 1));
  for (let i = 0; i < own.length; i++) {
    starts[first + i] = added[i * PAGE]!;
    before[first + i + 1] = before[first + i]! + own[i]!.length;
  }
  const delta = length - old.starts[old.pages.length]!;
  const lines = before[at]! - old.before[end]!;
  for (let i = at; i < pages.length; i++) {
    starts[i] = old.starts[i - at + end]! + delta;
    before[i + 1] = old.before[i - at + end + 1]! + lines;
  }
  starts[pages.length] = length;
  return { pages, starts, before };
}

function* firstTable(content: Text): Generator<void, Table, void> {
  const starts = yield* scanningLines(content, 0, content.length);
  return splice(NO_LINES, 0, starts, yield* paging(starts), 0, content.length);
}

/** A lone surrogate counts as the replacement character that it becomes in UTF-8: 3 bytes. */
function utf8Length(code: number): number {
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}
