/** Lines of a text, and positions in the three encodings. A line ends at CR LF, LF or a lone CR, as LSP says. */
import type { Position, PositionEncoding, Range, Span } from './types.ts';

const NEWLINE = 10;
const RETURN = 13;

/** Starts of the lines in `text[from, to)`, where `from` itself starts a line. */
function scanLines(text: string, from: number, to: number): number[] {
  const starts = [from];
  for (let i = from; i < to; i++) {
    const c = text.charCodeAt(i);
    if (c === NEWLINE || (c === RETURN && text.charCodeAt(i + 1) !== NEWLINE)) starts.push(i + 1);
  }
  return starts;
}

export class Lines {
  private constructor(
    readonly text: string,
    private readonly starts: Int32Array,
  ) {}

  static of(text: string): Lines {
    return new Lines(text, Int32Array.from(scanLines(text, 0, text.length)));
  }

  get count(): number {
    return this.starts.length;
  }

  /** The lines of `text`, which came about by replacing `[start, end)` of this text. */
  edited(text: string, start: number, end: number): Lines {
    const delta = text.length - this.text.length;
    // A CR before the edit and an LF behind it may become one line end, or stop being one.
    const first = this.lineAt(Math.max(0, start - 1));
    const last = this.lineAt(Math.min(this.text.length, end + 1));
    const from = this.starts[first]!;
    const kept = this.starts.length - last - 1;
    const to = kept > 0 ? this.starts[last + 1]! + delta : text.length;
    const middle = scanLines(text, from, to);
    // the line that starts at `to` is the first of those kept
    if (kept > 0 && middle.at(-1) === to) middle.pop();
    const starts = new Int32Array(first + middle.length + kept);
    starts.set(this.starts.subarray(0, first));
    starts.set(middle, first);
    for (let i = 0; i < kept; i++) starts[first + middle.length + i] = this.starts[last + 1 + i]! + delta;
    return new Lines(text, starts);
  }

  /** The 0-based line that holds an offset. */
  lineAt(offset: number): number {
    let low = 0;
    let high = this.starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.starts[middle]! <= offset) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  lineStart(line: number): number {
    return this.starts[line] ?? this.text.length;
  }

  /** Where the line's text ends, its line end left out. */
  lineEnd(line: number): number {
    if (line + 1 >= this.starts.length) return this.text.length;
    let end = this.starts[line + 1]! - 1;
    if (
      this.text.charCodeAt(end) === NEWLINE &&
      end > this.starts[line]! &&
      this.text.charCodeAt(end - 1) === RETURN
    )
      end--;
    return end;
  }

  offsetAt(position: Position, encoding: PositionEncoding): number {
    if (position.line < 0) return 0;
    if (position.line >= this.count) return this.text.length;
    const start = this.lineStart(position.line);
    const end = this.lineEnd(position.line);
    const wanted = Math.max(0, position.character);
    if (encoding === 'utf-16') return this.wholeCharacter(Math.min(end, start + wanted));
    let offset = start;
    for (let units = 0; offset < end;) {
      const code = this.text.codePointAt(offset)!;
      units += encoding === 'utf-32' ? 1 : utf8Length(code);
      if (units > wanted) break;
      offset += code > 0xffff ? 2 : 1;
    }
    return offset;
  }

  positionAt(offset: number, encoding: PositionEncoding): Position {
    const at = Math.min(Math.max(0, offset), this.text.length);
    const line = this.lineAt(at);
    const start = this.lineStart(line);
    const end = this.wholeCharacter(Math.min(at, this.lineEnd(line)));
    if (encoding === 'utf-16') return { line, character: end - start };
    let character = 0;
    for (let i = start; i < end;) {
      const code = this.text.codePointAt(i)!;
      character += encoding === 'utf-32' ? 1 : utf8Length(code);
      i += code > 0xffff ? 2 : 1;
    }
    return { line, character };
  }

  rangeOf(span: Span, encoding: PositionEncoding): Range {
    return { start: this.positionAt(span.start, encoding), end: this.positionAt(span.end, encoding) };
  }

  /** The offset, or the start of the surrogate pair that it splits. */
  private wholeCharacter(offset: number): number {
    const splits = offset > 0 && offset < this.text.length && this.text.codePointAt(offset - 1)! > 0xffff;
    return splits ? offset - 1 : offset;
  }
}

/** A lone surrogate counts as the replacement character that it becomes in UTF-8: 3 bytes. */
function utf8Length(code: number): number {
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}
