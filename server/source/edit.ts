/**
 * The blocks of a text after an edit: only what the edit touches is read again. Where a string, symbol or comment then seems to run on
 * over forms that were good before, the version before is evidence: the form with the edit ends where it did.
 */
import { scanBlocks, Scanner, startsLine, type Block } from './blocks.ts';
import type { Lexer } from './lexer.ts';
import { faultsIn, recover } from './recovery.ts';
import { Row } from './row.ts';
import { lastUpTo } from './search.ts';
import type { Text } from './text.ts';

export interface Edit {
  /** [start, end) of the old text was replaced. */
  readonly start: number;
  readonly end: number;
  readonly removed: string;
  readonly inserted: string;
}

/** UTF-16 code units that are read at first; four times as much whenever that is not enough. */
const WINDOW = 4096;
/** Once this many tokens went over the starts of good forms, or one longer than this did, the text behind the edit is read inside out. */
const MOST_OVERRUNS = 3;
const LONGEST_STRING = 1 << 16;
const LONGEST_SYMBOL = 1 << 12;

/** A text up to this length is read again as a whole wherever evidence was needed. */
const LITTLE = 1 << 14;

const QUOTES = /["|\\#;]/;

/** @param text what the edit leaves */
export function rescan(row: Row, text: Text, edit: Edit): Row {
  const reading = { row, text, edit };
  // What is typed at a block's start may belong to the one before, and what opens a block takes up to two characters.
  const first = Math.max(0, Math.min(row.blocks.length - 1, lastUpTo(row.starts, edit.start - 2)));
  const { cut, strict } = read(reading, first, true);
  const spliced = (from: number, again: Again): Row => row.splice(from, again.blocks, again.met);
  let best = cut ? spliced(first, cut) : spliced(first, strict!);
  if (cut && strict) best = better(spliced(first, strict), best);
  if (text.length <= LITTLE) {
    // what the evidence says may by now be wrong altogether
    if (lastCut(best.blocks, best.blocks.length - 1) >= 0)
      best = better(Row.of(scanBlocks(text.toString()).blocks), best);
  } else if (QUOTES.test(edit.removed) || QUOTES.test(edit.inserted)) {
    // perhaps this ends what a form further up left open
    const above = lastCut(row.blocks, first - 1);
    if (above >= 0) best = better(spliced(above, read(reading, above, false).strict!), best);
  }
  return best;
}

/** The text is taken at its word where that explains more. */
const better = (strict: Row, cut: Row): Row => (faultsIn(strict) < faultsIn(cut) ? strict : cut);

function lastCut(blocks: readonly Block[], from: number): number {
  let i = from;
  while (i >= 0 && !blocks[i]!.cut) i--;
  return i;
}

interface Reading {
  readonly row: Row;
  readonly text: Text;
  readonly edit: Edit;
}

interface Again {
  readonly blocks: readonly Block[];
  /** Index of the first old block that follows them. */
  readonly met: number;
}

/** One of the two at least. */
interface Readings {
  /** With the version before as evidence, where it tells something else than the text alone. */
  readonly cut: Again | undefined;
  /** By the text alone; undefined where that is inside out. */
  readonly strict: Again | undefined;
}

function read(reading: Reading, first: number, evidence: boolean): Readings {
  const { row, text, edit } = reading;
  const from = row.starts[first]!;
  for (let size = WINDOW; ; size *= 4) {
    const end = Math.min(text.length, edit.start + edit.inserted.length + size);
    const readings = readWindow(reading, from, end, evidence);
    if (readings) return readings;
  }
}

/** Undefined when the window [from, end) of the text does not hold enough. */
function readWindow(
  { row: { blocks: old, starts }, text, edit }: Reading,
  from: number,
  end: number,
  evidence: boolean,
): Readings | undefined {
  const delta = edit.inserted.length - (edit.end - edit.start);
  const complete = end === text.length;
  const window = text.slice(from, end);
  /** Of an offset in the window: where it was in the old text. */
  const before = (at: number): number => at + from - delta;
  let met = old.length;
  const scanner = new Scanner(window, 0, at => {
    const block = lastUpTo(starts, before(at));
    if (before(at) < edit.end || block >= old.length || starts[block] !== before(at)) return false;
    met = block;
    return true;
  });
  const next = evidence ? nextGood(old, starts, window, edit, from) : undefined;
  const { lexer } = scanner;
  let cut: readonly Block[] | undefined;
  let overruns = 0;
  let insideOut = false;
  while (!insideOut && scanner.step()) {
    if (next && lexer.end > next.at) {
      if (!cut && lexer.start < next.at) cut = withFault(scanner.cutAt(next.at));
      if (cut && lexer.kind !== 'block-comment') {
        if (lastUpTo(starts, before(lexer.end) - 1) > lastUpTo(starts, before(lexer.start))) overruns++;
        insideOut = overruns === MOST_OVERRUNS || lexer.end - lexer.start > longestOverrun(lexer);
      }
    }
    if (!insideOut && !complete && lexer.end === window.length) {
      // a comment may be as long as one likes, if it ends at all
      insideOut = cut !== undefined && lexer.kind === 'block-comment' && !text.includes('|#', end - 1);
      if (!insideOut) return undefined;
    }
  }
  if (!insideOut && !complete && scanner.metAt === undefined) return undefined;
  return {
    cut: next && cut && { blocks: recover(cut, window.slice(0, next.at)), met: next.block },
    strict: insideOut ? undefined : { blocks: recover(scanner.blocks, window.slice(0, scanner.metAt)), met },
  };
}

/** A cut without a fault (behind a backslash, say) is no evidence. */
const withFault = (blocks: readonly Block[]): readonly Block[] | undefined =>
  blocks.at(-1)!.faults.length > 0 ? blocks : undefined;

const longestOverrun = ({ kind }: Lexer): number => (kind === 'string' ? LONGEST_STRING : LONGEST_SYMBOL);

/** The first block behind the edit, if it was read well and begins where a form may still begin. */
function nextGood(
  old: readonly Block[],
  starts: Int32Array,
  window: string,
  edit: Edit,
  from: number,
): { readonly block: number; readonly at: number } | undefined {
  const delta = edit.inserted.length - (edit.end - edit.start);
  let block = lastUpTo(starts, edit.end - 1) + 1;
  const at = (): number => starts[block]! + delta - from;
  while (block < old.length && at() < window.length && !startsLine(window, at())) block++;
  const good =
    block < old.length && at() < window.length && !old[block]!.cut && old[block]!.suspects.length === 0;
  return good ? { block, at: at() } : undefined;
}
