/**
 * Where a quote (or `|`, or `|#`) is missing, what follows is read inside out: code as strings and strings as code. This cuts such a
 * string where the next form seems to begin, if what follows then makes more sense. A function of the text alone.
 */
import {
  groupBlocks,
  grouping,
  readCut,
  scanBlocks,
  scanning,
  startsOf,
  type Block,
  type Group,
} from './blocks.ts';
import type { Row } from './row.ts';
import { lastUpTo } from './search.ts';
import { finish } from './slices.ts';

/** How much text behind a place is looked at to tell whether to cut there (UTF-16 code units). */
const VIEW = 6000;
/** How often one reading weighs a place, and how often it cuts. */
const MOST_TRIALS = 100;
const MOST_CUTS = 12;

/** @param strict the blocks of the text as the reader reads it @param text where the first of them starts at 0 */
export const recover = (strict: readonly Block[], text: string): readonly Block[] =>
  strict.some(({ suspects }) => suspects.length > 0) ? finish(recovering(strict, text)) : strict;

/** As `recover`; yields now and then. */
export function* recovering(strict: readonly Block[], text: string): Generator<void, readonly Block[], void> {
  // A text without fault is taken at its word.
  if (!strict.some(({ suspects }) => suspects.length > 0) || costOf(strict) === 0) return strict;
  yield;
  let row = strict;
  let start = 0;
  let trials = 0;
  let cuts = 0;
  for (let i = 0; i < row.length; start += row[i]!.length, i++) {
    if (row[i]!.suspects.length === 0 || !doubtful(row, i)) continue;
    const at = placeToCut(row[i]!, text, start);
    yield;
    if (++trials > MOST_TRIALS) break;
    if (at === undefined) continue;
    const rest = row.slice(i);
    const known = startsOf(rest);
    let met = rest.length;
    const base = start;
    const again = yield* scanning(text, at, offset => {
      if (offset <= at) return false;
      const block = lastUpTo(known, offset - base);
      if (block >= rest.length || known[block] !== offset - base) return false;
      met = block;
      return true;
    });
    row = [...row.slice(0, i), readCut(text, start, at), ...again.blocks, ...rest.slice(met)];
    if (++cuts === MOST_CUTS) break;
  }
  return row;
}

/** Whether something else is wrong near the suspects of a block: a docstring with an example in column 0 alone is none of our business. */
function doubtful(row: readonly Block[], i: number): boolean {
  const { suspects, faults } = row[i]!;
  if (suspects.length > 1 || faults.length > 0) return true;
  for (let n = i + 1, seen = 0; n < row.length && seen < VIEW; seen += row[n]!.length, n++)
    if (row[n]!.suspects.length > 0 || row[n]!.faults.length > 0) return true;
  return false;
}

/** The best place to cut the block that starts at `start`, if cutting it makes more sense than not. */
function placeToCut(block: Block, text: string, start: number): number | undefined {
  let best: number | undefined;
  for (const { cutAts } of block.suspects) {
    let least = Infinity;
    for (const cutAt of cutAts) {
      const at = start + cutAt;
      const end = viewEnd(text, at);
      const view = text.slice(start, end);
      if (least === Infinity) least = badness(scanBlocks(view).blocks, view);
      const head = readCut(text, start, at);
      if (head.faults.length === 0) continue;
      const cut = badness([head, ...scanBlocks(text.slice(at, end)).blocks], view);
      if (cut < least) {
        least = cut;
        best = at;
      }
    }
    if (best !== undefined) return best;
  }
  return undefined;
}

/** Behind the view, before an opening in column 0. */
function viewEnd(text: string, from: number): number {
  const opening = /[\n\r]\(/g;
  opening.lastIndex = from + VIEW;
  const found = opening.exec(text);
  return found ? found.index + 1 : text.length;
}

/** Faults, openings in column 0 that stand in strings, and words outside of any list, as prose is when it is read as code. */
function badness(blocks: readonly Block[], text: string): number {
  let sum = costOf(blocks);
  let start = 0;
  for (const { suspects, forms, length } of blocks) {
    for (const { openings } of suspects) sum += openings;
    for (const form of forms) if (WORD.test(text.charAt(start + form.start))) sum++;
    start += length;
  }
  return sum;
}

const WORD = /[^\s()#'`",;|]/;

/** How many faults a row of blocks has. */
function costOf(blocks: readonly Block[]): number {
  let faults = 0;
  for (const group of groupBlocks(blocks)) faults += faultsOf(blocks, group);
  return faults;
}

/** As costOf, for a row. */
export function faultsIn(row: Row): number {
  const endOf = grouping(row.blocks, row.lastClosing);
  if (row.open.some(i => endOf(i) > i + 1)) return costOf(row.blocks);
  return row.faulty.reduce((sum, i) => sum + row.blocks[i]!.faults.length, 0);
}

/** A group of several blocks was found to close; single brackets missing within it show as its end remaining open. */
function faultsOf(blocks: readonly Block[], { first, end }: Group): number {
  if (end === first + 1) return blocks[first]!.faults.length;
  let open = 0;
  let others = 0;
  for (let i = first; i < end; i++) {
    for (const { code } of blocks[i]!.faults) if (!code.startsWith('unmatched')) others++;
    others += Math.max(0, -(open + blocks[i]!.least));
    open = Math.max(0, open + blocks[i]!.least) + blocks[i]!.net - blocks[i]!.least;
  }
  return others + (open > 0 ? 1 : 0);
}
