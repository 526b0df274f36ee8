/**
 * A text as a row of blocks. A new block starts at every `(` or `#+`/`#-` in column 0 outside strings and comments, so that one
 * form with a missing bracket leaves the others alone, and a keystroke reads again only the block it falls into.
 * Which blocks there are depends on the text alone, never on how it came about.
 */
import { FormReader, type Fault, type FormSpan, type Mending } from './formReader.ts';
import { Lexer } from './lexer.ts';

/** What a stretch of text holds; offsets from its start. */
export interface Stretch {
  readonly length: number;
  readonly forms: readonly FormSpan[];
  readonly faults: readonly Fault[];
  readonly mending: Mending | undefined;
  /** It may hold an IN-PACKAGE. */
  readonly mentionsPackage: boolean;
}

export interface Block extends Stretch {
  /** Brackets still open at the end. */
  readonly open: number;
  readonly net: number;
  readonly least: number;
  /** A string or other token runs past the end. */
  readonly cut: boolean;
  readonly suspects: readonly Suspect[];
}

/** A token over several lines with an opening in column 0, where perhaps it was not meant to go on; offset from the block's start. */
export interface Suspect {
  readonly cutAt: number;
  /** What opens there looks like a definition. */
  readonly defining: boolean;
}

/** A block that never meets a column-0 bracket ends between two forms once it is this long (UTF-16 code units). */
const LONG = 8192;
const MENTIONS_PACKAGE = /in-package/i;
const DEFINING = /^(?:#[+-]\S+\s+)?\((?:def|in-package|eval-when|declaim)/i;

function stretchOf(reader: FormReader, text: string, start: number, end: number): Stretch {
  reader.finish();
  const shift = <T extends { start: number; end: number }>(x: T): T => ({
    ...x,
    start: x.start - start,
    end: x.end - start,
  });
  const { mending } = reader;
  return {
    length: end - start,
    forms: reader.forms.map(shift),
    faults: reader.faults.map(fault => ({ ...shift(fault), form: fault.form - start })),
    mending: mending && { closers: mending.closers, blanks: mending.blanks.map(shift) },
    mentionsPackage: MENTIONS_PACKAGE.test(text.slice(start, end)),
  };
}

const NO_SUSPECTS: readonly Suspect[] = [];

function blockOf(
  reader: FormReader,
  suspects: Suspect[] | undefined,
  text: string,
  start: number,
  end: number,
  cut: boolean,
): Block {
  const { net, least, depth: open } = reader;
  return { ...stretchOf(reader, text, start, end), open, net, least, cut, suspects: suspects ?? NO_SUSPECTS };
}

/** Reads a stretch as a whole, whatever stands in column 0. */
export function readStretch(text: string, start: number, end: number): Stretch {
  const reader = new FormReader();
  const lexer = new Lexer(text, start, end);
  while (lexer.next()) reader.feed(lexer);
  return stretchOf(reader, text, start, end);
}

/** A block that is ended at `end`, in the middle of a token. */
export function readCut(text: string, start: number, end: number): Block {
  const reader = new FormReader();
  const lexer = new Lexer(text, start, end);
  while (lexer.next()) reader.feed(lexer);
  return blockOf(reader, undefined, text, start, end, true);
}

function suspect(lexer: Lexer, blockStart: number): Suspect | undefined {
  const { kind, text } = lexer;
  if (kind !== 'string' && !lexer.barred && !(kind === 'block-comment' && lexer.unterminated))
    return undefined;
  const written = text.slice(lexer.start, lexer.end);
  const lineEnd = written.search(/[\n\r](?:\(|#[+-])/);
  if (lineEnd < 0) return undefined;
  return {
    cutAt: lexer.start + lineEnd + 1 - blockStart,
    defining: DEFINING.test(written.slice(lineEnd + 1)),
  };
}

const startsLine = (text: string, i: number): boolean => {
  if (i === 0) return true;
  const c = text.charCodeAt(i - 1);
  return c === 10 || c === 13;
};

export interface Scan {
  readonly blocks: Block[];
  /** Where the scan met `known`; undefined when it went to the end of the text. */
  readonly metAt: number | undefined;
}

/** Reads blocks from `from`, which must be the start of a block, up to the end or to the first block start that `known` knows. */
export function scanBlocks(text: string, from = 0, known?: (start: number) => boolean): Scan {
  const blocks: Block[] = [];
  let start = from;
  let reader = new FormReader();
  let suspects: Suspect[] | undefined;
  let unterminated = false;
  const lexer = new Lexer(text, from);
  while (lexer.next()) {
    const { kind, start: at } = lexer;
    if (at > start && lexer.end - at <= 2 && (kind === 'open' || kind === 'guard') && !reader.prefixed) {
      if (startsLine(text, at) || (reader.idle && reader.forms.length > 0 && at - start > LONG)) {
        blocks.push(blockOf(reader, suspects, text, start, at, false));
        if (known?.(at)) return { blocks, metAt: at };
        start = at;
        reader = new FormReader();
        suspects = undefined;
      }
    }
    unterminated = lexer.unterminated;
    const found = suspect(lexer, start);
    if (found) (suspects ??= []).push(found);
    reader.feed(lexer);
  }
  if (start < text.length || blocks.length === 0)
    blocks.push(blockOf(reader, suspects, text, start, text.length, unterminated));
  return { blocks, metAt: undefined };
}

/** The blocks of a text after `text[start, end)` of its predecessor was replaced by `inserted` characters; untouched blocks are kept. */
export function rescan(
  old: readonly Block[],
  text: string,
  edit: { readonly start: number; readonly end: number; readonly inserted: number },
): readonly Block[] {
  const delta = edit.inserted - (edit.end - edit.start);
  const starts = startsOf(old);
  // What is typed at a block's start may belong to the one before, and what opens a block takes up to two characters.
  const first = Math.max(0, Math.min(old.length - 1, blockAt(starts, edit.start - 2)));
  const scan = scanOnto(old, starts, text, starts[first]!, edit.end, delta);
  return [...old.slice(0, first), ...scan];
}

/**
 * Reads blocks from `from` on, until one starts where a block of `old` started (moved by `delta`, and not before `after`,
 * both as offsets of old's text); from there on they are the same.
 */
export function scanOnto(
  old: readonly Block[],
  starts: Int32Array,
  text: string,
  from: number,
  after: number,
  delta: number,
): Block[] {
  let met = -1;
  const { blocks, metAt } = scanBlocks(text, from, at => {
    if (at - delta < after) return false;
    met = blockAt(starts, at - delta);
    return met < old.length && starts[met] === at - delta;
  });
  return metAt === undefined ? blocks : [...blocks, ...old.slice(met)];
}

/** Where each of a row of stretches starts, and at the end where the last one ends. */
export function startsOf(row: readonly { readonly length: number }[]): Int32Array {
  const starts = new Int32Array(row.length + 1);
  for (let i = 0; i < row.length; i++) starts[i + 1] = starts[i]! + row[i]!.length;
  return starts;
}

/** The index of the stretch that holds the offset: the number of stretches for an offset behind them, -1 for one before. */
export function blockAt(starts: Int32Array, offset: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[middle]! <= offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** A row of blocks that belong together: one, or several where a form goes on over brackets in column 0. */
export interface Group {
  readonly first: number;
  /** Exclusive. */
  readonly end: number;
}

/** Groups blocks: a block with open brackets takes along the blocks up to where they are closed, if they are closed at all. */
export function groupBlocks(blocks: readonly Block[]): Group[] {
  const groups: Group[] = [];
  let sums: Sums | undefined;
  for (let i = 0; i < blocks.length;) {
    const block = blocks[i]!;
    let end = i + 1;
    if (block.open > 0 && !block.cut) {
      sums ??= sumBrackets(blocks);
      let open = block.open;
      // whether any later block closes this one is known without looking at each
      while (open > 0 && end < blocks.length && sums.lowest[end]! <= sums.before[end]! - open) {
        while (open + blocks[end]!.least > 0) open += blocks[end++]!.net;
        const closing = blocks[end++]!;
        open = closing.cut ? 0 : closing.open;
      }
    }
    groups.push({ first: i, end });
    i = end;
  }
  return groups;
}

interface Sums {
  /** Brackets opened less brackets closed before each block. */
  readonly before: Int32Array;
  /** The least that this sum reaches in the block or behind it. */
  readonly lowest: Int32Array;
}

function sumBrackets(blocks: readonly Block[]): Sums {
  const before = new Int32Array(blocks.length + 1);
  for (let i = 0; i < blocks.length; i++) before[i + 1] = before[i]! + blocks[i]!.net;
  const lowest = new Int32Array(blocks.length + 1).fill(0x7fffffff);
  for (let i = blocks.length - 1; i >= 0; i--)
    lowest[i] = Math.min(lowest[i + 1]!, before[i]! + blocks[i]!.least);
  return { before, lowest };
}
