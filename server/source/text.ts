/** The text of a buffer in pieces, so that an edit copies what it changes and not the whole. Immutable; offsets are UTF-16 code units. */

/** Neighbours that are shorter together become one piece. */
const SMALL = 2048;
/** With more pieces than these a text is made one again. */
const MOST_PIECES = 48;

export class Text {
  #pieces: readonly string[];

  private constructor(
    pieces: readonly string[],
    readonly length: number,
  ) {
    this.#pieces = pieces;
  }

  static of(text: string): Text {
    return new Text([text], text.length);
  }

  /** The text with `[start, end)` replaced. */
  replace(start: number, end: number, inserted: string): Text {
    const pieces: string[] = [];
    this.#collect(0, start, pieces);
    pieces.push(inserted);
    this.#collect(end, this.length, pieces);
    const merged: string[] = [];
    for (const piece of pieces) {
      const last = merged.at(-1);
      if (last !== undefined && last.length + piece.length < SMALL) merged[merged.length - 1] = last + piece;
      else if (piece !== '') merged.push(piece);
    }
    return new Text(
      merged.length > MOST_PIECES ? [merged.join('')] : merged,
      this.length + inserted.length - (end - start),
    );
  }

  slice(start: number, end: number): string {
    const pieces = this.#pieces;
    if (pieces.length === 1) return pieces[0]!.slice(start, end);
    const out: string[] = [];
    this.#collect(start, Math.min(end, this.length), out);
    return out.length === 1 ? out[0]! : out.join('');
  }

  /** As String.prototype.charCodeAt. */
  charCodeAt(offset: number): number {
    let at = offset;
    for (const piece of this.#pieces) {
      if (at < piece.length) return piece.charCodeAt(at);
      at -= piece.length;
    }
    return NaN;
  }

  /** Whether `wanted` occurs at `from` or behind it. */
  includes(wanted: string, from: number): boolean {
    let at = 0;
    for (const [i, piece] of this.#pieces.entries()) {
      const next = at + piece.length;
      if (next > from) {
        if (piece.includes(wanted, from - at)) return true;
        // it may begin in this piece and end in the next
        const seam = Math.max(from, next - wanted.length + 1);
        if (i + 1 < this.#pieces.length && this.slice(seam, next + wanted.length - 1).includes(wanted))
          return true;
      }
      at = next;
    }
    return false;
  }

  toString(): string {
    // kept as the only piece: the others need not stay beside it
    if (this.#pieces.length !== 1) this.#pieces = [this.#pieces.join('')];
    return this.#pieces[0]!;
  }

  #collect(start: number, end: number, into: string[]): void {
    let at = 0;
    for (const piece of this.#pieces) {
      if (at >= end) return;
      const next = at + piece.length;
      if (next > start)
        into.push(
          start <= at && end >= next
            ? piece
            : piece.slice(Math.max(0, start - at), Math.min(piece.length, end - at)),
        );
      at = next;
    }
  }
}
