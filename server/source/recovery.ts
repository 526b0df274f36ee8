/**
 * Where a quote (or `|`, or `|#`) is missing, what follows is read inside out: code as strings and strings as code. This cuts such a
 * string where the next form seems to begin, if the text as a whole then makes more sense. A function of the text alone.
 */
import { groupBlocks, readCut, scanOnto, startsOf, type Block, type Group } from './blocks.ts';

/** How many cuts are made, and how many places are tried for each. */
const MAX_CUTS = 6;
const MAX_TRIALS = 3;

/** @param strict the blocks of the text as the reader reads it */
export function recover(strict: readonly Block[], text: string): readonly Block[] {
  let best = strict;
  if (!best.some(block => block.suspects.length > 0)) return best;
  let cost = costOf(best);
  for (let cuts = 0; cuts < MAX_CUTS && cost.faults > cuts; cuts++) {
    const trials = placesToCut(best).map(place => cutBlocks(best, text, place));
    const costs = trials.map(costOf);
    const least = costs.reduce((at, trial, i) => (trial.total < costs[at]!.total ? i : at), 0);
    if (!costs[least] || costs[least].total >= cost.total) return best;
    best = trials[least]!;
    cost = costs[least];
  }
  return best;
}

interface Place {
  readonly block: number;
  readonly cutAt: number;
}

function placesToCut(blocks: readonly Block[]): Place[] {
  const defining: Place[] = [];
  const others: Place[] = [];
  blocks.forEach((block, i) => {
    if (defining.length >= MAX_TRIALS || block.suspects.length === 0) return;
    for (const { cutAt, defining: likely } of block.suspects)
      (likely ? defining : others).push({ block: i, cutAt });
  });
  return [...defining, ...others].slice(0, MAX_TRIALS);
}

function cutBlocks(blocks: readonly Block[], text: string, { block, cutAt }: Place): readonly Block[] {
  const starts = startsOf(blocks);
  const start = starts[block]!;
  const cut = start + cutAt;
  return [
    ...blocks.slice(0, block),
    readCut(text, start, cut),
    ...scanOnto(blocks, starts, text, cut, cut, 0),
  ];
}

interface Cost {
  readonly faults: number;
  /** Faults and strings that look as if they ran on. */
  readonly total: number;
}

function costOf(blocks: readonly Block[]): Cost {
  let faults = 0;
  for (const group of groupBlocks(blocks)) faults += faultsOf(blocks, group);
  return { faults, total: blocks.reduce((sum, block) => sum + block.suspects.length, faults) };
}

/** A group of several blocks was found to close; single brackets missing within it show as its end remaining open. */
function faultsOf(blocks: readonly Block[], { first, end }: Group): number {
  if (end === first + 1) return blocks[first]!.faults.length;
  let open = 0;
  let strays = 0;
  for (let i = first; i < end; i++) {
    strays += Math.max(0, -(open + blocks[i]!.least));
    open = Math.max(0, open + blocks[i]!.least) + blocks[i]!.net - blocks[i]!.least;
  }
  return strays + (open > 0 ? 1 : 0);
}
