/** From blocks to chunks: a block, or several over which one form goes on. */
import { grouping, type Stretch } from './blocks.ts';
import { chunkOf, type Chunk } from './chunk.ts';
import { isTelling, type Row } from './row.ts';
import type { Text } from './text.ts';

/** The chunks of a version. */
export interface Chunks {
  readonly count: number;
  readonly at: (i: number) => Chunk;
  /** What a chunk is of, without making the chunk. */
  readonly stretch: (i: number) => Stretch;
  /** Indices of the chunks with a say in how forms behind them are read. */
  readonly telling: readonly number[];
  /** An object for each chunk, the same one as long as it is the same chunk; to tell without making the chunks what an edit left alone. */
  readonly keys: readonly object[];
  /** Where each chunk starts, and where the last one ends. */
  readonly starts: Int32Array;
  /** How many forms there are before each chunk, and in all. */
  readonly before: Int32Array;
  /** Indices of the chunks with faults. */
  readonly faulty: readonly number[];
}

export function layOut(row: Row, text: Text): Chunks {
  const { blocks, starts } = row;
  const endOf = grouping(blocks, row.lastClosing);
  // as a rule each block is a chunk of its own
  if (row.open.every(i => endOf(i) === i + 1))
    return {
      count: blocks.length,
      at: i => chunkOf(blocks, i, i + 1, text, starts[i]!),
      stretch: i => blocks[i]!,
      telling: row.telling,
      keys: blocks,
      starts,
      before: row.forms,
      faulty: row.faulty,
    };
  const chunks: Chunk[] = [];
  const chunkStarts: number[] = [];
  const before = [0];
  const faulty: number[] = [];
  const telling: number[] = [];
  for (let i = 0, end; i < blocks.length; i = end) {
    end = endOf(i);
    const chunk = chunkOf(blocks, i, end, text, starts[i]!);
    if (chunk.stretch.faults.length > 0) faulty.push(chunks.length);
    if (isTelling(chunk.stretch)) telling.push(chunks.length);
    chunkStarts.push(starts[i]!);
    before.push(before.at(-1)! + chunk.stretch.forms.length);
    chunks.push(chunk);
  }
  chunkStarts.push(starts[blocks.length]!);
  return {
    count: chunks.length,
    at: i => chunks[i]!,
    stretch: i => chunks[i]!.stretch,
    telling,
    keys: chunks,
    starts: Int32Array.from(chunkStarts),
    before: Int32Array.from(before),
    faulty,
  };
}
