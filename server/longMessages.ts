/**
 * JSON of messages so long that reading or writing them at once would hold the event loop: done bit by bit, with turns for others
 * in between. Short messages, nearly all of them, take the usual way.
 */
import { randomUUID } from 'node:crypto';
import { OwnJson } from './ownJson.ts';
import { inSlices } from './source/slices.ts';

/** Bytes of a message, or of a string inside one, from which on it is long. */
const LONG = 1 << 17;
/** Bytes of a string that are decoded at once. */
const PIECE = 1 << 16;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const U = 0x75;

/** Parses a message. @throws SyntaxError as JSON.parse does */
export async function decode(bytes: Uint8Array): Promise<unknown> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < LONG) return JSON.parse(buffer.toString()) as unknown;
  const long = await inSlices(longStrings(buffer));
  if (long.length === 0) return JSON.parse(buffer.toString()) as unknown;
  // Without its long strings the message is short: each is decoded apart and put where a name that nobody else has stands for it.
  const texts = new Map<string, string>();
  const short: string[] = [];
  let at = 0;
  for (const { start, end } of long) {
    const name = randomUUID();
    texts.set(name, await inSlices(stringIn(buffer, start, end)));
    short.push(buffer.toString('utf8', at, start), name);
    at = end;
  }
  short.push(buffer.toString('utf8', at));
  return JSON.parse(short.join(''), (_key, value: unknown) =>
    typeof value === 'string' ? (texts.get(value) ?? value) : value,
  ) as unknown;
}

interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** What stands between the quotes of each long string of a JSON text. */
function* longStrings(json: Buffer): Generator<void, Stretch[], void> {
  const found: Stretch[] = [];
  let open = json.indexOf(QUOTE);
  for (let quotes = 1, at = open; at >= 0; quotes++) {
    at = json.indexOf(QUOTE, at + 1);
    if (quotes % 2000 === 0) yield;
    if (at < 0 || backslashesBefore(json, open, at) % 2 === 1) continue;
    if (at - open > LONG) found.push({ start: open + 1, end: at });
    open = at = json.indexOf(QUOTE, at + 1);
  }
  return found;
}

function backslashesBefore(json: Buffer, from: number, at: number): number {
  let count = 0;
  while (at - 1 - count > from && json[at - 1 - count] === BACKSLASH) count++;
  return count;
}

/** The string that a JSON text has between two quotes. */
function* stringIn(json: Buffer, start: number, end: number): Generator<void, string, void> {
  const pieces: string[] = [];
  for (let at = start, until = at; at < end; at = until) {
    until = at + PIECE < end ? seamBefore(json, at, at + PIECE) : end;
    pieces.push(JSON.parse(`"${json.toString('utf8', at, until)}"`) as string);
    yield;
  }
  return pieces.join('');
}

/** The last place up to `at` that stands neither inside a character nor inside an escape. */
function seamBefore(json: Buffer, from: number, at: number): number {
  let seam = at;
  while ((json[seam]! & 0xc0) === 0x80) seam--;
  // the longest escape, \u and four digits, may begin so far before
  for (let back = seam - 1; back >= seam - 5 && back >= from; back--) {
    if (json[back] !== BACKSLASH) continue;
    const begins = backslashesBefore(json, from - 1, back) % 2 === 0;
    return begins && back + (json[back + 1] === U ? 6 : 2) > seam ? back : seam;
  }
  return seam;
}

/** What may be written at once: so many values, a string counting as more the longer it is. */
const MUCH = 2000;
/** Characters of a string that count as one value. */
const WORD = 32;

/** A message as JSON in UTF-8, in one piece or in several. */
export async function encode(message: unknown): Promise<readonly Buffer[]> {
  return weightOf(message, MUCH) <= MUCH
    ? [Buffer.from(JSON.stringify(message))]
    : inSlices(encoding(message));
}

function* encoding(message: unknown): Generator<void, Buffer[], void> {
  const written: Buffer[] = [];
  let pieces: string[] = [];
  let length = 0;
  const flush = (): void => {
    if (pieces.length > 0) written.push(Buffer.from(pieces.join('')));
    pieces = [];
    length = 0;
  };
  for (const piece of piecesOf(message)) {
    if (typeof piece !== 'string') {
      flush();
      written.push(piece);
      continue;
    }
    pieces.push(piece);
    length += piece.length;
    if (length > PIECE) flush();
    yield;
  }
  flush();
  return written;
}

/** About how much writing a value takes; where that is more than `most`, something above it. */
function weightOf(value: unknown, most: number): number {
  if (typeof value === 'string') return 1 + value.length / WORD;
  if (typeof value !== 'object' || value === null) return 1;
  if (value instanceof OwnJson) return value.weight;
  let weight = 1;
  for (const member of Array.isArray(value) ? (value as unknown[]) : Object.values(value)) {
    weight += weightOf(member, most - weight);
    if (weight > most) break;
  }
  return weight;
}

/** The JSON of a value, which JSON.stringify would write as a whole. */
function* piecesOf(value: unknown): Generator<string | Buffer, void, void> {
  if (weightOf(value, MUCH) <= MUCH) yield JSON.stringify(value);
  else if (typeof value === 'string') yield* piecesOfString(value);
  else if (Array.isArray(value)) yield* piecesOfArray(value);
  else if (value instanceof OwnJson) yield* value.pieces();
  else {
    let before = '{';
    for (const [key, member] of Object.entries(value as object)) {
      if (member === undefined) continue;
      yield `${before}${JSON.stringify(key)}:`;
      yield* piecesOf(member);
      before = ',';
    }
    yield '}';
  }
}

function* piecesOfArray(array: readonly unknown[]): Generator<string | Buffer, void, void> {
  let before = '[';
  for (let from = 0, to = 0; from < array.length; from = to) {
    yield before;
    before = ',';
    let weight = 0;
    while (to < array.length && weight <= MUCH) weight += weightOf(array[to++], MUCH - weight);
    if (to - from > 1 && weight > MUCH) to--;
    if (to - from > 1) yield JSON.stringify(array.slice(from, to)).slice(1, -1);
    else yield* piecesOf(array[from]);
  }
  yield ']';
}

function* piecesOfString(text: string): Generator<string, void, void> {
  yield '"';
  for (let from = 0, to = 0; from < text.length; from = to) {
    to = Math.min(text.length, from + PIECE);
    // halves of a pair would be escaped, each for itself
    if (to < text.length && (text.charCodeAt(to) & 0xfc00) === 0xdc00) to++;
    yield JSON.stringify(text.slice(from, to)).slice(1, -1);
  }
  yield '"';
}
