/**
 * Walks over a stretch of text once and says of each line where it goes. Only white space at the start of lines is ever moved; what
 * stands inside strings and block comments stays as it is. Offsets are UTF-16 code units of the text.
 */
import { Lexer } from '../../source/lexer.ts';
import { cellsOf, widthOf } from './cells.ts';
import { Frame, type Choice, type Element, type ElementKind, type Role, type Token } from './frame.ts';
import { noteLocalMacro } from './localMacros.ts';
import { layoutOf, place, roleOf, type SpecOf } from './place.ts';

export interface Walk {
  readonly text: string;
  /** Where a top-level form starts, or white space before it. */
  readonly start: number;
  readonly end: number;
  readonly specOf: SpecOf;
  /** Lines go where the formatter would put them first, whatever column they have. */
  readonly strict?: boolean;
  /** Whether the line that starts there is to be moved; others count with the columns that they have. */
  readonly wanted: (lineStart: number) => boolean;
  /** Takes the column of a line that is wanted; `from` is the offset of its first character that is not white space. */
  readonly moved: (lineStart: number, from: number, column: number) => void;
  /** Takes white space at the end of a line, outside strings and block comments. */
  readonly blank: (from: number, to: number) => void;
}

/** A comment that stands alone in its line, until the line behind it is known. */
interface Waiting {
  readonly lineStart: number;
  readonly from: number;
  readonly semicolons: number;
  /** The column that it has. */
  readonly column: number;
  /** It goes on with a comment behind code, in whose column it stood. */
  readonly trailing: number | undefined;
}

/** Tokens between two yields. */
const tokensOfStep = 500;

export class Walker {
  readonly #walk: Walk;
  readonly #frames: Frame[];
  #waiting: Waiting[] = [];
  #line = 0;
  /** Where the line starts, and by how many columns it was moved. */
  #lineStart: number;
  #shift = 0;
  /** The offset up to which the cells of the line, as it will stand, were counted, and how many there are. */
  #countedTo: number;
  #cells = 0;
  /** The text ends inside a string or a block comment. */
  unfinished = false;
  /** Where the last token ends, a comment without the white space behind it. */
  lastEnd = 0;
  /** A comment behind code in the line before: the column that it had, and the one that it has now. */
  #trailing: { readonly line: number; readonly was: number; readonly is: number } | undefined;

  constructor(walk: Walk) {
    this.#walk = walk;
    this.#frames = [new Frame(undefined, -1, 0, 0, 'form', walk.start)];
    this.#lineStart = walk.text.lastIndexOf('\n', walk.start - 1) + 1;
    this.#countedTo = this.#lineStart;
  }

  /** Yields now and then, so that others can run in between. */
  *steps(): Generator<void, void, void> {
    const { text, start, end } = this.#walk;
    const lexer = new Lexer(text, start, end);
    let before = start;
    let first = start === this.#lineStart;
    for (let tokens = 1; lexer.next(); tokens++) {
      if (tokens % tokensOfStep === 0) yield;
      this.#trim(before, lexer.start);
      if (this.#pass(before, lexer.start)) first = true;
      this.#take(lexer, first);
      before = lexer.kind === 'comment' ? this.#commentEnd(lexer) : lexer.end;
      this.#pass(lexer.start, before);
      first = false;
      this.unfinished = lexer.unterminated;
    }
    this.lastEnd = before;
    this.#trim(before, end);
    this.#pass(before, end);
    this.#flush(undefined);
  }

  /** The column of the line at the end, which is blank. */
  columnAtEnd(): number {
    return this.#choose({ kind: 'blank', text: '', guarded: false }).column;
  }

  /** White space at the end of the lines of a gap between tokens. */
  #trim(from: number, to: number): void {
    const { text, blank, end } = this.#walk;
    let start = from;
    for (let i = from; i < to; i++) {
      const c = text.charCodeAt(i);
      if (c === 32 || c === 9) continue;
      if ((c === 10 || (c === 13 && text.charCodeAt(i + 1) === 10)) && start < i) blank(start, i);
      start = i + 1;
    }
    if (to === end && to === text.length && start < to) blank(start, to);
  }

  /** Without the white space behind it. */
  #commentEnd({ start, end }: Lexer): number {
    let i = end;
    while (i > start && isSpace(this.#walk.text.charCodeAt(i - 1))) i--;
    return i;
  }

  /** Goes on to an offset. @returns whether a line began */
  #pass(from: number, to: number): boolean {
    const { text } = this.#walk;
    let began = false;
    for (let i = text.indexOf('\n', from); i >= 0 && i < to; i = text.indexOf('\n', i + 1)) {
      this.#line++;
      this.#lineStart = this.#countedTo = i + 1;
      this.#shift = this.#cells = 0;
      began = true;
    }
    return began;
  }

  /** The column that an offset of the line had. */
  #was(offset: number): number {
    return cellsOf(this.#walk.text, this.#lineStart, offset, 0);
  }

  /** The column that it has. */
  #column(offset: number): number {
    this.#cells = cellsOf(this.#walk.text, this.#countedTo, offset, this.#cells);
    this.#countedTo = offset;
    return this.#cells;
  }

  get #frame(): Frame {
    return this.#frames[this.#frames.length - 1]!;
  }

  #take(lexer: Lexer, first: boolean): void {
    const { start, end, kind } = lexer;
    const { text } = this.#walk;
    if (kind === 'comment') {
      if (first) this.#comment(start);
      else {
        this.#trailing = { line: this.#line, was: this.#was(start), is: this.#column(start) };
        this.#frame.commented = this.#frame.last?.line === this.#line;
      }
      return;
    }
    // left as it is, and with it what stands behind it in the line
    if (kind === 'block-comment') return void (first && this.#flush(undefined));
    const frame = this.#frame;
    const token = tokenOf(text, lexer);
    if (first) this.#startLine(start, token);
    if (kind === 'illegal') return;
    if (kind === 'close') {
      if (this.#frames.length > 1) {
        this.#frames.pop();
        this.#complete();
        noteLocalMacro(text, frame, end);
      }
      return;
    }
    const starts = frame.wants === 0;
    if (starts) this.#begin(frame, token, first, start, end);
    else if (token.kind === 'list') frame.last!.kind = 'list';
    switch (kind) {
      case 'guard':
        frame.wants++;
        return;
      case 'prefix':
        return;
      case 'open': {
        const role = this.#role(frame, start, end, starts);
        this.#frames.push(new Frame(frame, this.#column(end - 1), this.#line, this.#shift, role, end));
        return;
      }
      default:
        this.#complete();
    }
  }

  #begin(frame: Frame, token: Token, first: boolean, start: number, end: number): void {
    const { guarded } = token;
    const column = this.#column(start);
    const element: Element = {
      column,
      line: this.#line,
      first,
      text: token.text,
      kind: token.kind as ElementKind,
      guarded,
      end: column + widthOf(this.#walk.text, start, end),
      position: frame.nextPosition(guarded),
    };
    frame.elements.push(element);
    frame.commented = false;
    if (first) frame.lastFirst = element;
    frame.wants = 1;
  }

  /** An object is complete. */
  #complete(): void {
    const frame = this.#frame;
    if (frame.wants > 0) frame.wants--;
  }

  #role(frame: Frame, start: number, end: number, starts: boolean): Role {
    const { text } = this.#walk;
    // `#(`, `#2(`, and what stands behind a quote
    if (end - start > 1) return 'quoted';
    if (!starts) {
      const last = frame.last!;
      // the condition of #+ or #-
      if (last.guarded && frame.wants > 1) return 'form';
      let i = start - 1;
      while (i > 0 && /\s/.test(text[i]!)) i--;
      const c = text[i];
      if (c === "'") return text[i - 1] === '#' ? 'form' : 'quoted';
      if (c === ',' || ((c === '@' || c === '.') && text[i - 1] === ',')) return 'form';
    }
    if (frame.role === 'form' && frame.parent === undefined) return 'form';
    const layout = layoutOf(frame, this.#walk.specOf);
    // this list is the last element by now
    const last = frame.elements.pop()!;
    const role = roleOf(frame, layout, last.guarded);
    frame.elements.push(last);
    return role;
  }

  #startLine(start: number, token: Token): void {
    const frame = this.#frame;
    // behind a mark or a reader conditional whose object follows in a line of its own
    const choice: Choice =
      frame.wants > 0 && frame.last && token.kind !== 'close'
        ? { column: frame.last.column, also: [frame.last.column + 2] }
        : this.#choose(token);
    const was = this.#was(start);
    this.#move(start, was, choice, frame.shift);
    this.#flush(token.kind === 'close' ? choice.column : was + this.#shift);
  }

  #choose(token: Token): Choice {
    const frame = this.#frame;
    if (!frame.parent) return { column: 0, also: [] };
    return place(frame, token, this.#walk.specOf);
  }

  /** Moves the line whose first character stands at `from`. */
  #move(from: number, was: number, { column, also }: Choice, shift: number): void {
    const { wanted, moved, text, strict } = this.#walk;
    const lineStart = this.#lineStart;
    if (!wanted(lineStart) || !isBlank(text, lineStart, from)) return;
    const to = !strict && also.includes(was + shift) ? was + shift : column;
    this.#shift = to - was;
    this.#countedTo = from;
    this.#cells = to;
    moved(lineStart, from, to);
  }

  #comment(start: number): void {
    const { text } = this.#walk;
    let semicolons = 0;
    while (text[start + semicolons] === ';') semicolons++;
    const was = this.#was(start);
    const last = this.#waiting.at(-1);
    let trailing: number | undefined;
    if (last?.trailing !== undefined && last.column === was) trailing = last.trailing;
    else if (this.#trailing?.line === this.#line - 1 && this.#trailing.was === was && was > 0)
      trailing = this.#trailing.is;
    this.#waiting.push({ lineStart: this.#lineStart, from: start, semicolons, column: was, trailing });
  }

  /** Comments go with the code behind them. @param next where that goes; undefined: there is none */
  #flush(next: number | undefined): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    const { wanted, moved, text, strict } = this.#walk;
    const frame = this.#frame;
    const { shift } = frame;
    const code = this.#choose({ kind: 'comment', text: '', guarded: false });
    const column = next ?? code.column;
    const also = strict ? [column] : [column, code.column, ...code.also];
    for (const { lineStart, from, semicolons, column: was, trailing } of waiting) {
      if (!wanted(lineStart) || !isBlank(text, lineStart, from)) continue;
      let to: number;
      if (trailing !== undefined) to = trailing;
      else if (semicolons >= 3) to = also.includes(was + shift) ? was + shift : 0;
      else if (was === 0) to = semicolons === 1 ? 0 : column;
      else to = also.includes(was + shift) ? was + shift : column;
      moved(lineStart, from, to);
    }
  }
}

const isSpace = (c: number): boolean => c === 32 || c === 9;

const isBlank = (text: string, from: number, to: number): boolean => {
  for (let i = from; i < to; i++) if (!isSpace(text.charCodeAt(i))) return false;
  return true;
};

const numeric = /^[+-]?(?:\d|\.\d)[\d./]*(?:[esfdl][+-]?\d+)?$/i;

function tokenOf(text: string, { kind, start, end }: Lexer): Token {
  switch (kind) {
    case 'open':
      return { kind: end - start === 1 ? 'list' : 'other', text: '', guarded: false };
    case 'close':
      return { kind: 'close', text: '', guarded: false };
    case 'guard':
      return { kind: 'other', text: '', guarded: true };
    case 'token': {
      const written = text.slice(start, Math.min(end, start + 200)).toLowerCase();
      if (written.startsWith(':')) return { kind: 'keyword', text: written, guarded: false };
      if (written.startsWith('#:')) return { kind: 'symbol', text: written.slice(2), guarded: false };
      if (written.startsWith('#') || numeric.test(written))
        return { kind: 'other', text: '', guarded: false };
      return { kind: 'symbol', text: written, guarded: false };
    }
    default:
      return { kind: 'other', text: '', guarded: false };
  }
}
