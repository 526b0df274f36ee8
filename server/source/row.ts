/** A text as a row of blocks, with what is asked of all of them kept in flat arrays: an edit copies those and looks at few blocks. Immutable. */
import type { Block, Stretch } from './blocks.ts';
import { finish } from './slices.ts';

/** So many blocks are looked at without others getting a turn. */
const PAUSE = 4096;

export class Row {
  private constructor(
    readonly blocks: readonly Block[],
    /** Where each block starts, and where the last one ends. */
    readonly starts: Int32Array,
    /** How many forms there are before each block, and in all. */
    readonly forms: Int32Array,
    /** Indices of the blocks with faults. */
    readonly faulty: readonly number[],
    /** Indices of the blocks with brackets open at their end, which may go on in the next blocks. */
    readonly open: readonly number[],
    /** Indices of the blocks with a say in how forms behind them are read: reader conditionals, IN-PACKAGE. */
    readonly telling: readonly number[],
    /** Indices of the blocks that close more brackets than they open. */
    private readonly closing: readonly number[],
    /** A block of it was cut although the text alone has no fault. */
    readonly doubted = false,
  ) {}

  /** A row from nothing; yields now and then. */
  static *building(blocks: readonly Block[]): Generator<void, Row, void> {
    const starts = new Int32Array(blocks.length + 1);
    const forms = new Int32Array(blocks.length + 1);
    const faulty: number[] = [];
    const open: number[] = [];
    const telling: number[] = [];
    const closing: number[] = [];
    for (const [i, block] of blocks.entries()) {
      starts[i + 1] = starts[i]! + block.length;
      forms[i + 1] = forms[i]! + block.forms.length;
      if (isFaulty(block)) faulty.push(i);
      if (isOpen(block)) open.push(i);
      if (isTelling(block)) telling.push(i);
      if (isClosing(block)) closing.push(i);
      if (i % PAUSE === PAUSE - 1) yield;
    }
    return new Row(blocks, starts, forms, faulty, open, telling, closing);
  }

  static of(blocks: readonly Block[]): Row {
    return finish(Row.building(blocks));
  }

  /** The last block that closes brackets of blocks before it; -1 where none does. */
  get lastClosing(): number {
    return this.closing.at(-1) ?? -1;
  }

  doubting(doubted: boolean): Row {
    const { blocks, starts, forms, faulty, open, telling, closing } = this;
    return new Row(blocks, starts, forms, faulty, open, telling, closing, doubted);
  }

  /** The row with the blocks from `first` up to `end` (exclusive) replaced. */
  splice(first: number, added: readonly Block[], end: number): Row {
    const more = added.length - (end - first);
    const count = this.blocks.length + more;
    let blocks: Block[];
    if (more === 0) {
      blocks = this.blocks.slice();
      for (let i = 0; i < added.length; i++) blocks[first + i] = added[i]!;
    } else blocks = this.blocks.slice(0, first).concat(added, this.blocks.slice(end));
    const starts = moved(this.starts, first, end, count, added, block => block.length);
    const forms = moved(this.forms, first, end, count, added, block => block.forms.length);
    const indices = (before: readonly number[], wanted: (block: Block) => boolean): number[] => {
      const out = before.length === 0 ? [] : before.filter(i => i < first);
      for (let i = 0; i < added.length; i++) if (wanted(added[i]!)) out.push(first + i);
      for (const i of before) if (i >= end) out.push(i + more);
      return out;
    };
    return new Row(
      blocks,
      starts,
      forms,
      indices(this.faulty, isFaulty),
      indices(this.open, isOpen),
      indices(this.telling, isTelling),
      indices(this.closing, isClosing),
    );
  }
}

const isFaulty = ({ faults }: Block): boolean => faults.length > 0;
const isOpen = ({ open, cut }: Block): boolean => open > 0 && !cut;
const isClosing = ({ least }: Block): boolean => least < 0;
export const isTelling = ({ guarded, mentionsPackage }: Stretch): boolean => guarded || mentionsPackage;

/** Running sums over a row after an edit of it. */
function moved(
  old: Int32Array,
  first: number,
  end: number,
  count: number,
  added: readonly Block[],
  size: (block: Block) => number,
): Int32Array {
  // one block for another of the same size changes no sum
  if (added.length === 1 && end === first + 1 && size(added[0]!) === old[end]! - old[first]!) return old;
  const sums = new Int32Array(count + 1);
  sums.set(old.subarray(0, first + 1));
  for (let i = 0; i < added.length; i++) sums[first + i + 1] = sums[first + i]! + size(added[i]!);
  const at = first + added.length;
  const delta = sums[at]! - old[end]!;
  sums.set(old.subarray(end), at);
  if (delta !== 0) for (let i = at; i <= count; i++) sums[i]! += delta;
  return sums;
}
