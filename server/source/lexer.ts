/**
 * Tokens as SBCL's reader sees them with the standard readtable. The grammar in grammar-wasm/ states the same facts for
 * tree-sitter; a test holds the two together. Offsets are UTF-16 code units.
 */

export type TokenKind =
  /** `(`, `#(`, `#2(` or the `(` that an unknown dispatch macro takes along. */
  | 'open'
  | 'close'
  /** A mark that takes one object: quote, backquote, comma, `#'`, `#.`, `#1=` … */
  | 'prefix'
  /** `#+` or `#-`: takes a condition and a target. */
  | 'guard'
  /** Symbol, number, bit vector, or what an unknown dispatch macro takes along: case does not count outside escapes. */
  | 'token'
  /** A string, or a dispatch macro that ends in one. */
  | 'string'
  | 'character'
  | 'comment'
  | 'block-comment'
  /** `#` before white space, a closing bracket or the end. */
  | 'illegal';

// UTF-16 code units
const TAB = 9;
const NEWLINE = 10;
const PAGE = 12;
const RETURN = 13;
const SPACE = 32;
const EXCLAMATION = 33;
const DOUBLE_QUOTE = 34;
const SHARP = 35;
const QUOTE = 39;
const OPEN = 40;
const CLOSE = 41;
const ASTERISK = 42;
const PLUS = 43;
const COMMA = 44;
const MINUS = 45;
const DOT = 46;
const SLASH = 47;
const ZERO = 48;
const NINE = 57;
const COLON = 58;
const SEMICOLON = 59;
const EQUALS = 61;
const AT = 64;
const BACKSLASH = 92;
const BACKQUOTE = 96;
const BAR = 124;

// classes of characters; 0: a constituent
const WHITE = 1;
const TERMINATING = 2;
const classes = new Uint8Array(128);
for (const c of [TAB, NEWLINE, PAGE, RETURN, SPACE]) classes[c] = WHITE;
for (const c of [DOUBLE_QUOTE, QUOTE, OPEN, CLOSE, COMMA, SEMICOLON, BACKQUOTE]) classes[c] = TERMINATING;
const classOf = (c: number): number => (c < 128 ? classes[c]! : 0);

const isWhite = (c: number): boolean => classOf(c) === WHITE;

/** Walks over a stretch of text; after `next()` answered true, `kind`, `start`, `end` describe the token. */
export class Lexer {
  kind: TokenKind = 'token';
  start = 0;
  end: number;
  /** True when the text ended inside the token: a string, a block comment, `|…` or a `\` with nothing behind it. */
  unterminated = false;
  /** The token holds `|…|`. */
  barred = false;
  readonly text: string;
  readonly limit: number;

  constructor(text: string, start = 0, limit = text.length) {
    this.text = text;
    // a byte order mark is not Lisp text
    this.end = start === 0 && text.charCodeAt(0) === 0xfeff ? 1 : start;
    this.limit = limit;
  }

  next(): boolean {
    const { text, limit } = this;
    let i = this.end;
    while (i < limit && isWhite(text.charCodeAt(i))) i++;
    this.start = i;
    this.unterminated = false;
    this.barred = false;
    if (i >= limit) {
      this.end = limit;
      return false;
    }
    switch (text.charCodeAt(i)) {
      case OPEN:
        return this.found('open', i + 1);
      case CLOSE:
        return this.found('close', i + 1);
      case QUOTE:
      case BACKQUOTE:
        return this.found('prefix', i + 1);
      case COMMA: {
        const c = this.at(i + 1);
        return this.found('prefix', c === AT || c === DOT ? i + 2 : i + 1);
      }
      case DOUBLE_QUOTE:
        return this.found('string', this.stringEnd(i));
      case SEMICOLON:
        return this.found('comment', this.lineEnd(i));
      case SHARP:
        return this.dispatch(i);
      default:
        return this.found('token', this.tokenEnd(i));
    }
  }

  private found(kind: TokenKind, end: number): true {
    this.kind = kind;
    this.end = end;
    return true;
  }

  /** The code unit at i, -1 past the limit. */
  private at(i: number): number {
    return i < this.limit ? this.text.charCodeAt(i) : -1;
  }

  /** Past the character at i, which may take two code units. */
  private past(i: number): number {
    return Math.min(this.limit, i + (this.text.codePointAt(i)! > 0xffff ? 2 : 1));
  }

  private stringEnd(open: number): number {
    for (let i = open + 1; i < this.limit; i++) {
      const c = this.text.charCodeAt(i);
      if (c === DOUBLE_QUOTE) return i + 1;
      if (c === BACKSLASH) i++;
    }
    this.unterminated = true;
    return this.limit;
  }

  /** SBCL ends a comment at a newline alone; a carriage return right before it is left out of the comment. */
  private lineEnd(start: number): number {
    let i = this.text.indexOf('\n', start);
    if (i < 0 || i > this.limit) i = this.limit;
    while (i > start && this.text.charCodeAt(i - 1) === RETURN) i--;
    return i;
  }

  /** Block comments nest; pairs do not overlap. */
  private blockCommentEnd(inside: number): number {
    let depth = 1;
    let i = inside;
    while (i < this.limit - 1) {
      const c = this.text.charCodeAt(i);
      if (c === BAR && this.text.charCodeAt(i + 1) === SHARP) {
        i += 2;
        if (--depth === 0) return i;
      } else if (c === SHARP && this.text.charCodeAt(i + 1) === BAR) {
        i += 2;
        depth++;
      } else i++;
    }
    this.unterminated = true;
    return this.limit;
  }

  /** Where the constituents and escapes that start at i end. */
  private tokenEnd(i: number): number {
    while (i < this.limit) {
      const c = this.text.charCodeAt(i);
      if (c === BACKSLASH) {
        if (i + 1 >= this.limit) {
          this.unterminated = true;
          return this.limit;
        }
        i = this.past(i + 1);
      } else if (c === BAR) {
        i = this.barEnd(i);
      } else if (classOf(c) !== 0) break;
      else i++;
    }
    return i;
  }

  private barEnd(open: number): number {
    this.barred = true;
    for (let i = open + 1; i < this.limit; i++) {
      const c = this.text.charCodeAt(i);
      if (c === BAR) return i + 1;
      if (c === BACKSLASH) i++;
    }
    this.unterminated = true;
    return this.limit;
  }

  private dispatch(start: number): true {
    let i = start + 1;
    while (this.at(i) >= ZERO && this.at(i) <= NINE) i++;
    const digits = i > start + 1;
    const c = this.at(i);
    switch (c) {
      case -1:
      case CLOSE:
        return this.found('illegal', i);
      case OPEN:
        return this.found('open', i + 1);
      case BACKSLASH:
        if (i + 1 >= this.limit) {
          this.unterminated = true;
          return this.found('character', this.limit);
        }
        return this.found('character', this.tokenEnd(this.past(i + 1)));
      case DOUBLE_QUOTE: {
        const end = this.stringEnd(i);
        return this.found('string', this.at(end) === SHARP ? end + 1 : end);
      }
      case BAR:
        return this.found('block-comment', this.blockCommentEnd(i + 1));
      case COLON:
      case ASTERISK:
        return this.found('token', this.tokenEnd(i + 1));
      case QUOTE:
      case DOT:
      case BACKQUOTE:
      case COMMA:
      case SEMICOLON:
        return this.found('prefix', i + 1);
      case PLUS:
      case MINUS:
        return this.found('guard', i + 1);
      case EQUALS:
        return this.found(digits ? 'prefix' : 'token', i + 1);
      case SHARP:
        return this.found('token', i + 1);
      default:
        if (isWhite(c)) return this.found('illegal', i);
        if (!digits && c === EXCLAMATION && this.opensScript(i + 1))
          return this.found('comment', this.lineEnd(i));
        return this.letterDispatch(i);
    }
  }

  /** `#!/` or `#! /`: the first line of a script. */
  private opensScript(i: number): boolean {
    while (this.at(i) === SPACE) i++;
    return this.at(i) === SLASH;
  }

  private letterDispatch(i: number): true {
    switch (this.text[i]!.toLowerCase()) {
      case 'a':
      case 'c':
      case 'p':
      case 's':
        return this.found('prefix', i + 1);
      case 'b':
      case 'o':
      case 'x':
      case 'r': {
        // the number of a radix may stand apart: `#x FF`
        const end = this.tokenEnd(i + 1);
        return end > i + 1 ? this.found('token', end) : this.found('prefix', i + 1);
      }
      default: {
        // A dispatch macro that the standard leaves to the user: what stands right behind it belongs to it.
        const after = this.past(i);
        const end = this.tokenEnd(after);
        if (this.unterminated) return this.found('token', end);
        if (this.at(end) === DOUBLE_QUOTE) return this.found('string', this.stringEnd(end));
        if (end === after && this.at(end) === OPEN) return this.found('open', end + 1);
        return this.found('token', end);
      }
    }
  }
}
