/**
 * A text as a row of blocks. A new block starts at every `(`, `#+`, `#-` or `#.` in column 0 outside strings and comments, so that one
 * form with a missing bracket leaves the others alone, and a keystroke reads again only the block it falls into.
 * Which blocks there are depends on the text alone, never on how it came about.
 */
import type { Chunk } from './chunk.ts';
import { FormReader, type Fault, type FormSpan, type Mending } from './formReader.ts';
import { Lexer } from './lexer.ts';
import { finish } from './slices.ts';
import type { Span } from './types.ts';

/** What a stretch of text holds; offsets from its start. */
export interface Stretch {
  readonly length: number;
  readonly forms: readonly FormSpan[];
  readonly faults: readonly Fault[];
  readonly mending: Mending | undefined;
  /** It may hold an IN-PACKAGE. */
  readonly mentionsPackage: boolean;
  /** Some form of it starts with a reader conditional. */
  readonly guarded: boolean;
}

export interface Block extends Stretch {
  /** Brackets still open at the end. */
  readonly open: number;
  readonly net: number;
  readonly least: number;
  /** A string or other token runs past the end. */
  readonly cut: boolean;
  readonly suspects: readonly Suspect[];
  /** What is known of it as a chunk of its own, or of the chunk that it begins; kept from version to version. */
  kept: { readonly blocks: readonly Block[] | undefined; readonly chunk: Chunk } | undefined;
}

/** A token over several lines with openings in column 0, where perhaps it was not meant to go on; offsets from the block's start. */
export interface Suspect {
  /** The first opening, and the first that looks like a definition. */
  readonly cutAts: readonly number[];
  readonly openings: number;
}

/** A block that never meets a column-0 bracket ends between two forms once it is this long (UTF-16 code units). */
const LONG = 8192;
const DEFINING = /^(?:#[+-]\S+\s+)?\((?:[\w.+-]+::?)?(?:def|in-package|eval-when|declaim)/i;

const shift = (span: FormSpan, by: number): FormSpan =>
  by === 0
    ? span
    : { start: span.start - by, end: span.end - by, guarded: span.guarded, broken: span.broken };

function stretchOf(reader: FormReader, text: string, start: number, end: number): Stretch {
  reader.finish();
  const { mending, faults } = reader;
  const forms = reader.forms.map(form => shift(form, start));
  const moved = <T extends Span>(x: T): T => ({ ...x, start: x.start - start, end: x.end - start });
  return {
    length: end - start,
    forms,
    faults:
      faults.length === 0 ? faults : faults.map(fault => ({ ...moved(fault), form: fault.form - start })),
    mending: mending && { closers: mending.closers, blanks: mending.blanks.map(moved) },
    mentionsPackage: reader.mentionsPackage,
    guarded: forms.some(form => form.guarded),
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
  const { length, forms, faults, mending, mentionsPackage, guarded } = stretchOf(reader, text, start, end);
  return {
    length,
    forms,
    faults,
    mending,
    mentionsPackage,
    guarded,
    open,
    net,
    least,
    cut,
    suspects: suspects ?? NO_SUSPECTS,
    kept: undefined,
  };
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
  if (lexer.end - lexer.start < 3) return undefined;
  const written = text.slice(lexer.start, lexer.end);
  let first: number | undefined;
  let defining: number | undefined;
  let openings = 0;
  for (const { index } of written.matchAll(/[\n\r](?=\(|#[-+.])/g)) {
    openings++;
    first ??= index + 1;
    if (defining === undefined && DEFINING.test(written.slice(index + 1, index + 200))) defining = index + 1;
  }
  if (first === undefined) return undefined;
  const shift = lexer.start - blockStart;
  const cutAts = defining === undefined || defining === first ? [first] : [first, defining];
  return { cutAts: cutAts.map(at => at + shift), openings };
}

/** Whether a line starts at i. */
export const startsLine = (text: string, i: number): boolean => {
  if (i === 0) return true;
  const c = text.charCodeAt(i - 1);
  return c === 10 || c === 13;
};

export interface Scan {
  readonly blocks: Block[];
  /** Where the scan met a known start; undefined when it went to the end of the text. */
  readonly metAt: number | undefined;
}

/** Reads blocks token by token. */
export class Scanner {
  readonly blocks: Block[] = [];
  metAt: number | undefined;
  readonly lexer: Lexer;
  private start: number;
  private reader = new FormReader();
  private suspects: Suspect[] | undefined;
  private unterminated = false;

  /** @param from the start of a block @param known whether a block that is known starts at an offset; the scan ends there */
  constructor(
    private readonly text: string,
    from: number,
    private readonly known?: (start: number) => boolean,
  ) {
    this.start = from;
    this.lexer = new Lexer(text, from);
  }

  /** Reads one token; false at the end of the text and where a known block starts. */
  step(): boolean {
    const { lexer, text, reader } = this;
    if (!lexer.next()) {
      if (this.start < text.length || this.blocks.length === 0)
        this.blocks.push(blockOf(reader, this.suspects, text, this.start, text.length, this.unterminated));
      return false;
    }
    const { start: at } = lexer;
    if (at > this.start && lexer.end - at <= 2 && begins(lexer)) {
      const far = at - this.start > LONG / 4 && reader.idle && reader.forms.length > 0;
      if (
        startsLine(text, at)
          ? !(reader.prefixed && this.belongs(at))
          : far && (at - this.start > LONG || this.known?.(at))
      ) {
        this.blocks.push(blockOf(reader, this.suspects, text, this.start, at, false));
        if (this.known?.(at)) {
          this.metAt = at;
          return false;
        }
        this.start = at;
        this.reader = new FormReader();
        this.suspects = undefined;
      }
    }
    this.unterminated = lexer.unterminated;
    const found = suspect(lexer, this.start);
    if (found) (this.suspects ??= []).push(found);
    this.reader.feed(lexer);
    return true;
  }

  /**
   * Whether what begins a line at `at`, behind a prefix, goes with it. Where a list is open, what closes it tells; else a definition is what a
   * reader conditional guards, and never a feature expression or a quoted datum.
   */
  private belongs(at: number): boolean {
    const { reader, text } = this;
    if (reader.depth > 0) return false;
    return reader.guards || !DEFINING.test(text.slice(at, at + 200));
  }

  /** The blocks with the last one ended at `end`, in the middle of the token that was just read. */
  cutAt(end: number): Block[] {
    return [...this.blocks, readCut(this.text, this.start, end)];
  }
}

/** Whether a token begins a form where it stands in column 0: `(`, `#+`, `#-`, `#.`. */
function begins({ kind, text, start }: Lexer): boolean {
  return kind === 'open' || kind === 'guard' || (kind === 'prefix' && text.startsWith('#.', start));
}

/** How many tokens are read between two chances to pause. */
const PAUSE = 2048;

/**
 * Reads blocks from `from`, which must be the start of a block, up to the end or to the first block start that `known` knows.
 * Yields now and then, so that long texts can be read in slices.
 */
export function* scanning(
  text: string,
  from = 0,
  known?: (start: number) => boolean,
): Generator<void, Scan, void> {
  const scanner = new Scanner(text, from, known);
  for (let tokens = 1; scanner.step(); tokens++) if (tokens % PAUSE === 0) yield;
  return scanner;
}

export const scanBlocks = (text: string, from = 0, known?: (start: number) => boolean): Scan =>
  finish(scanning(text, from, known));

/** Where each of a row of stretches starts, and at the end where the last one ends. */
export function startsOf(row: readonly { readonly length: number }[]): Int32Array {
  const starts = new Int32Array(row.length + 1);
  for (let i = 0; i < row.length; i++) starts[i + 1] = starts[i]! + row[i]!.length;
  return starts;
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
  const endOf = grouping(blocks);
  for (let first = 0; first < blocks.length; first = groups.at(-1)!.end)
    groups.push({ first, end: endOf(first) });
  return groups;
}

/**
 * Tells where the group that begins with a block ends (exclusive).
 * @param lastClosing no block behind this one closes brackets of blocks before it
 */
export function grouping(
  blocks: readonly Block[],
  lastClosing = blocks.length - 1,
): (first: number) => number {
  let sums: Sums | undefined;
  return first => {
    const block = blocks[first]!;
    let end = first + 1;
    if (block.open === 0 || block.cut || first >= lastClosing) return end;
    sums ??= sumBrackets(blocks);
    let open = block.open;
    // whether any later block closes this one is known without looking at each
    while (open > 0 && end < blocks.length && sums.lowest[end]! <= sums.before[end]! - open) {
      while (open + blocks[end]!.least > 0) open += blocks[end++]!.net;
      const closing = blocks[end++]!;
      open = closing.cut ? 0 : closing.open;
    }
    return end;
  };
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
