/**
 * The blocks of a text after an edit: only what the edit touches is read again. Where a string, symbol or comment then seems to run on
 * over forms that were good before, the version before is evidence: the form with the edit ends where it did.
 */
import { grouping, readCut, scanBlocks, Scanner, startsLine, type Block, type Group } from './blocks.ts';
import type { Fault } from './formReader.ts';
import { Lexer } from './lexer.ts';
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
  const spliced = (from: number, again: Again): Row => row.splice(from, again.blocks, again.met);
  const { cut, strict, swallowed } = read(reading, row.starts[first]!, true);
  const over = cut && formOver(row, first);
  let best = over ? cutForm(reading, over) : undefined;
  best ??= cut ? spliced(first, cut) : spliced(first, strict!);
  // One edit that makes a sound text another sound text, but with forms inside a string: it is not meant so.
  const doubted = cut !== undefined && swallowed && lastCut(row) < 0;
  const quotes = QUOTES.test(edit.removed) || QUOTES.test(edit.inserted);
  const settled = row.doubted && swallowed && !quotes;
  if (cut && strict && !doubted && !settled) best = better(spliced(first, strict), best);
  // what closes a token that ran on makes the text sound because it is meant to
  const opens = doubted && !row.faulty.some(i => row.blocks[i]!.faults.some(runsOn));
  if (row.faulty.length > 0 && !opens && (quotes || !row.doubted)) {
    // what the evidence says may by now be wrong
    const above = lastCut(best);
    if (above >= 0 && text.length <= LITTLE) best = better(Row.of(scanBlocks(text.toString()).blocks), best);
    else if (quotes && above >= 0) {
      const from = lastCut(row, first - 1);
      if (from >= 0) best = better(spliced(from, read(reading, row.starts[from]!, false).strict!), best);
    }
  }
  best = apart(reading, first, best);
  return lastCut(best) < 0 ? best : best.doubting(doubted || row.doubted);
}

/** The blocks of the form that goes on over several of them, this one included. */
function formOver(row: Row, block: number): Group | undefined {
  const endOf = grouping(row.blocks, row.lastClosing);
  for (const first of row.open) {
    if (first > block) break;
    const end = endOf(first);
    if (end > block && end > first + 1) return { first, end };
  }
  return undefined;
}

/** A form over several blocks ends where it did. */
function cutForm({ row, text, edit }: Reading, { first, end }: Group): Row | undefined {
  const from = row.starts[first]!;
  const to = row.starts[end]! + edit.inserted.length - (edit.end - edit.start);
  if (row.starts[end]! < edit.end) return undefined;
  const form = readCut(text.slice(from, to), 0, to - from);
  return form.faults.length > 0 ? row.splice(first, [form], end) : undefined;
}

/** Whether what follows the text is a token of its own, or would be if a token of the text ended where it should. */
function endsApart(text: string): boolean {
  const lexer = new Lexer(text);
  let apart = true;
  while (lexer.next()) {
    const { kind, end } = lexer;
    apart =
      lexer.unterminated ||
      kind === 'close' ||
      (kind === 'comment' ? text.includes('\n', end) : end < text.length);
  }
  return apart;
}

/** Where several forms share a block and one of them broke, the others end and start where they did. */
function apart(reading: Reading, first: number, best: Row): Row {
  const { row, text, edit } = reading;
  const from = row.starts[first]!;
  const { forms, faults } = row.blocks[first]!;
  if (faults.length > 0 || best.faulty.length === 0) return best;
  const next = forms.find(({ start }) => start + from >= edit.end);
  if (!next) return best;
  const at = from + next.start + edit.inserted.length - (edit.end - edit.start);
  const before = text.slice(from, at);
  // read from here on, a byte order mark would be none of the text
  if (!endsApart(before) || text.slice(at, at + 1) === '\ufeff') return best;
  const head = readCut(before, 0, before.length);
  if (head.faults.length === 0) return best;
  const { strict } = read(reading, at, false);
  const parted = row.splice(first, [head, ...strict!.blocks], strict!.met);
  return faultsIn(parted) <= faultsIn(best) ? parted : best;
}

/** The text is taken at its word where that explains more. */
const better = (strict: Row, cut: Row): Row => (faultsIn(strict) < faultsIn(cut) ? strict : cut);

/** The index of the last cut block up to `from`; -1 where there is none. A cut block has a fault. */
const lastCut = (row: Row, from = row.blocks.length): number =>
  row.faulty.findLast(i => i <= from && row.blocks[i]!.cut) ?? -1;

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
  /** By the text alone, a string or symbol goes on over the starts of forms. */
  readonly swallowed: boolean;
}

/** @param from where a block or a form starts */
function read(reading: Reading, from: number, evidence: boolean): Readings {
  const { text, edit } = reading;
  for (let size = WINDOW; ; size *= 4) {
    const end = Math.min(text.length, Math.max(from, edit.start + edit.inserted.length) + size);
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
  let swallowed = false;
  while (!insideOut && scanner.step()) {
    if (next && lexer.end > next.at) {
      if (!cut && lexer.start < next.at && lexer.kind !== 'comment') cut = withFault(scanner.cutAt(next.at));
      if (cut && lexer.kind !== 'block-comment') {
        if (lastUpTo(starts, before(lexer.end) - 1) > lastUpTo(starts, before(lexer.start))) {
          swallowed = true;
          overruns++;
        }
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
    swallowed,
  };
}

/** A cut without a fault (behind a backslash, say) is no evidence. */
const withFault = (blocks: readonly Block[]): readonly Block[] | undefined =>
  blocks.at(-1)!.faults.length > 0 ? blocks : undefined;

const longestOverrun = ({ kind }: Lexer): number => (kind === 'string' ? LONGEST_STRING : LONGEST_SYMBOL);

const runsOn = ({ code }: Fault): boolean => code.startsWith('unterminated');

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
    block < old.length && at() < window.length && !old[block]!.cut && !old[block]!.faults.some(runsOn);
  return good ? { block, at: at() } : undefined;
}
