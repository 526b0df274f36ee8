/**
 * Reader and writer for the s-expressions of Swank's and Slynk's wire. Only data: no reader macro that evaluates or
 * interns exists here, so a peer cannot make this side do anything by what it sends.
 *
 * A list is an array; NIL and () are the empty array. Symbols are folded to upper case as the standard readtable does.
 */

/** A symbol; `package` is undefined for one without prefix, "KEYWORD" for keywords. Names are in their true case. */
export class LispSymbol {
  constructor(
    readonly name: string,
    readonly package_?: string,
  ) {}
}

export class LispCharacter {
  /** @param character exactly one Unicode code point */
  constructor(readonly character: string) {}
}

/** A list whose last tail is an atom other than NIL: (a b . c). */
export class DottedList {
  constructor(
    readonly items: readonly LispData[],
    readonly tail: LispData,
  ) {}
}

export type LispData =
  string | number | bigint | LispSymbol | LispCharacter | DottedList | readonly LispData[];

export class LispSyntaxError extends Error {
  override readonly name = 'LispSyntaxError';
}

/** Lists nested deeper than this are refused: the wire's own messages nest a handful of levels. */
export const MAX_DEPTH = 500;

export const keyword = (name: string): LispSymbol => new LispSymbol(name.toUpperCase(), 'KEYWORD');
export const symbol = (name: string, package_?: string): LispSymbol => new LispSymbol(name, package_);
export const T = new LispSymbol('T');

export function isKeyword(data: LispData | undefined, name: string): boolean {
  return data instanceof LispSymbol && data.package_ === 'KEYWORD' && data.name === name;
}

const CHARACTER_NAMES: Readonly<Record<string, string>> = {
  SPACE: ' ',
  NEWLINE: '\n',
  LINEFEED: '\n',
  TAB: '\t',
  RETURN: '\r',
  PAGE: '\f',
  BACKSPACE: '\b',
  RUBOUT: '\x7f',
  NUL: '\0',
  NULL: '\0',
};
const NAMES_OF_CHARACTERS = new Map([
  [' ', 'Space'],
  ['\n', 'Newline'],
  ['\t', 'Tab'],
  ['\r', 'Return'],
  ['\f', 'Page'],
  ['\b', 'Backspace'],
  ['\x7f', 'Rubout'],
  ['\0', 'Nul'],
]);

/** A name that reads back as itself without |bars|, and is not taken for a number. */
const PLAIN_NAME = /^[A-Z*!$%&<=>?@_~^/][A-Z0-9*!$%&<=>?@_~^/.+-]*$/;
const INTEGER = /^[+-]?\d+\.?$/;
const FLOAT = /^[+-]?(?:\d*\.\d+(?:[ESFDL][+-]?\d+)?|\d+(?:\.\d*)?[ESFDL][+-]?\d+)$/i;

/** Prints `data` on one line such that the Lisp reader (and Slynk's simpler one, for what it knows) reads it back. */
export function writeLisp(data: LispData): string {
  if (typeof data === 'string') return `"${data.replace(/[\\"]/g, '\\$&')}"`;
  if (typeof data === 'bigint') return data.toString();
  if (typeof data === 'number') return writeNumber(data);
  if (data instanceof LispSymbol) {
    if (data.package_ === 'KEYWORD') return ':' + writeName(data.name);
    return data.package_ === undefined
      ? writeName(data.name)
      : `${writeName(data.package_)}::${writeName(data.name)}`;
  }
  if (data instanceof LispCharacter)
    return '#\\' + (NAMES_OF_CHARACTERS.get(data.character) ?? data.character);
  if (data instanceof DottedList) return `(${data.items.map(writeLisp).join(' ')} . ${writeLisp(data.tail)})`;
  return data.length === 0 ? 'nil' : `(${data.map(writeLisp).join(' ')})`;
}

function writeNumber(value: number): string {
  // What was read of a float that is too large for one.
  if (Math.abs(value) === Infinity) return value > 0 ? '1e999' : '-1e999';
  if (!Number.isFinite(value)) throw new LispSyntaxError(`${value} has no Lisp syntax`);
  if (Number.isInteger(value) && !Object.is(value, -0) && Math.abs(value) < 1e21) return value.toString();
  const text = Object.is(value, -0) ? '-0.0' : value.toString();
  return text.includes('e') ? text.replace('e', 'd').replace('d+', 'd') : text + 'd0';
}

function writeName(name: string): string {
  return PLAIN_NAME.test(name) && name !== 'NIL' ? name.toLowerCase() : `|${name.replace(/[\\|]/g, '\\$&')}|`;
}

/**
 * Reads the one datum that `text` holds.
 * @throws LispSyntaxError at anything else: an incomplete datum, text after it, `#.` and every other dispatch macro but `#\` and `#'`
 */
export function readLisp(text: string): LispData {
  const reader = new Reader(text);
  const data = reader.datum(0);
  reader.end();
  return data;
}

const WHITE = new Set([' ', '\n', '\t', '\r', '\f']);
const TERMINATING = new Set([...WHITE, '(', ')', '"', "'", ';', '`', ',']);

class Reader {
  #at = 0;

  constructor(private readonly text: string) {}

  datum(depth: number): LispData {
    if (depth > MAX_DEPTH) throw this.#error(`nested deeper than ${MAX_DEPTH} levels`);
    this.#skipWhite();
    const character = this.text[this.#at];
    switch (character) {
      case undefined:
        throw this.#error('the text ends inside a datum');
      case '(':
        this.#at++;
        return this.#list(depth);
      case '"':
        this.#at++;
        return this.#string();
      case "'":
        this.#at++;
        return [symbol('QUOTE'), this.datum(depth + 1)];
      case '#':
        return this.#dispatch(depth);
      case ')':
      case ';':
      case '`':
      case ',':
        throw this.#error(`unexpected ${character}`);
      default:
        return this.#token();
    }
  }

  end(): void {
    this.#skipWhite();
    if (this.#at < this.text.length) throw this.#error('text after the datum');
  }

  #list(depth: number): LispData {
    const items: LispData[] = [];
    for (;;) {
      this.#skipWhite();
      const character = this.text[this.#at];
      if (character === ')') {
        this.#at++;
        return items;
      }
      if (character === '.' && this.#endsToken(this.#at + 1)) {
        if (items.length === 0) throw this.#error('nothing before the dot');
        this.#at++;
        const tail = this.datum(depth + 1);
        this.#skipWhite();
        if (this.text[this.#at] !== ')') throw this.#error('more than one datum after the dot');
        this.#at++;
        if (tail instanceof DottedList) return new DottedList([...items, ...tail.items], tail.tail);
        return Array.isArray(tail)
          ? [...items, ...(tail as readonly LispData[])]
          : new DottedList(items, tail);
      }
      items.push(this.datum(depth + 1));
    }
  }

  #string(): string {
    let result = '';
    let from = this.#at;
    for (;;) {
      const character = this.text[this.#at];
      if (character === undefined) throw this.#error('the text ends inside a string');
      if (character === '"') {
        result += this.text.slice(from, this.#at++);
        return result;
      }
      if (character === '\\') {
        result += this.text.slice(from, this.#at);
        from = ++this.#at;
        if (from >= this.text.length) throw this.#error('the text ends inside a string');
      }
      this.#at++;
    }
  }

  #dispatch(depth: number): LispData {
    const next = this.text[this.#at + 1];
    if (next === "'") {
      this.#at += 2;
      return [symbol('FUNCTION'), this.datum(depth + 1)];
    }
    if (next !== '\\') throw this.#error(`#${next ?? ''} is not data`);
    const start = this.#at + 2;
    const point = this.text.codePointAt(start);
    if (point === undefined) throw this.#error('the text ends inside a character');
    const first = String.fromCodePoint(point);
    this.#at = start + first.length;
    while (!this.#endsToken(this.#at)) this.#at++;
    const name = this.text.slice(start, this.#at);
    if (name === first) return new LispCharacter(first);
    const named = CHARACTER_NAMES[name.toUpperCase()];
    if (named !== undefined) return new LispCharacter(named);
    const code = /^[uU]\+?([0-9A-Fa-f]{1,6})$/.exec(name);
    if (!code) throw this.#error(`unknown character name ${name}`);
    const value = parseInt(code[1]!, 16);
    if (value > 0x10ffff) throw this.#error(`no character has the code ${name}`);
    return new LispCharacter(String.fromCodePoint(value));
  }

  #token(): LispData {
    const start = this.#at;
    const parts: string[] = [];
    let name = '';
    let colons = 0;
    let escaped = false;
    while (!this.#endsToken(this.#at)) {
      const character = this.text[this.#at++]!;
      if (character === '\\') {
        const next = this.text[this.#at++];
        if (next === undefined) throw this.#error('the text ends after a backslash');
        name += next;
        escaped = true;
      } else if (character === '|') {
        escaped = true;
        for (;;) {
          let inside = this.text[this.#at++];
          if (inside === '|') break;
          if (inside === '\\') inside = this.text[this.#at++];
          if (inside === undefined) throw this.#error('the text ends inside |…|');
          name += inside;
        }
      } else if (character === ':') {
        colons++;
        if (parts.length === 0) {
          parts.push(name);
          name = '';
        } else if (colons > 2 || name !== '') throw this.#error('too many colons in a symbol');
      } else {
        name += character.toUpperCase();
      }
    }
    const token = this.text.slice(start, this.#at);
    if (parts.length > 0) {
      if (name === '' && !escaped) throw this.#error(`no name after the colon in ${token}`);
      return symbol(name, parts[0] === '' ? 'KEYWORD' : parts[0]!);
    }
    if (!escaped) {
      if (INTEGER.test(token)) {
        const value = Number(token.replace(/^\+/, '').replace(/\.$/, ''));
        return Number.isSafeInteger(value) ? value + 0 : BigInt(token.replace(/^\+/, '').replace(/\.$/, ''));
      }
      if (FLOAT.test(token)) return Number(token.replace(/[ESFDL]/i, 'e'));
      if (/^\.+$/.test(token)) throw this.#error('a lone dot');
      if (name === 'NIL') return [];
    } else if (name === 'NIL') return [];
    return symbol(name);
  }

  #endsToken(at: number): boolean {
    const character = this.text[at];
    return character === undefined || TERMINATING.has(character);
  }

  #skipWhite(): void {
    while (WHITE.has(this.text[this.#at]!)) this.#at++;
  }

  #error(what: string): LispSyntaxError {
    const around = this.text.slice(Math.max(0, this.#at - 20), this.#at + 20);
    return new LispSyntaxError(`${what} (near character ${this.#at}: …${around}…)`);
  }
}

/** What the header's six hex digits can say. */
const MAX_PACKET_BYTES = 0xffffff;

/** A packet of the wire: six hex digits counting the UTF-8 bytes, then the text. */
export function framePacket(text: string): Buffer {
  const body = Buffer.from(text, 'utf8');
  if (body.length > MAX_PACKET_BYTES)
    throw new LispSyntaxError(`a message of ${body.length} bytes does not fit the wire`);
  return Buffer.concat([Buffer.from(body.length.toString(16).padStart(6, '0'), 'latin1'), body]);
}

/** Cuts a stream of bytes into the texts of its packets. */
export class PacketReader {
  #chunks: Buffer[] = [];
  #length = 0;

  /** @throws LispSyntaxError when a header is not six hex digits */
  push(chunk: Buffer): string[] {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    const texts: string[] = [];
    while (this.#length >= 6) {
      // A large packet comes in many chunks: join them only once it is all there.
      if (this.#chunks[0]!.length < 6) this.#join();
      const header = this.#chunks[0]!.toString('latin1', 0, 6);
      if (!/^[0-9a-fA-F]{6}$/.test(header))
        throw new LispSyntaxError(`not a packet header: ${JSON.stringify(header)}`);
      const size = parseInt(header, 16);
      if (this.#length < 6 + size) break;
      const all = this.#join();
      texts.push(all.toString('utf8', 6, 6 + size));
      const rest = all.subarray(6 + size);
      this.#chunks = rest.length > 0 ? [rest] : [];
      this.#length = rest.length;
    }
    return texts;
  }

  #join(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]!;
  }
}
