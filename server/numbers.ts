/** Many whole numbers, which JSON writes as an array. Kept in blocks, so that none is moved while more are added. */
import { OwnJson } from './ownJson.ts';

const BLOCK = 1 << 13;

export class Numbers extends OwnJson {
  readonly #blocks: Int32Array[] = [];
  /** How many numbers the last block has. */
  #last = BLOCK;

  add(value: number): void {
    if (this.#last === BLOCK) {
      this.#blocks.push(new Int32Array(BLOCK));
      this.#last = 0;
    }
    this.#blocks.at(-1)![this.#last++] = value;
  }

  get length(): number {
    return this.#blocks.length * BLOCK - (BLOCK - this.#last);
  }

  get weight(): number {
    return this.length;
  }

  get #filled(): readonly Int32Array[] {
    return this.#blocks.map((block, i) =>
      i === this.#blocks.length - 1 ? block.subarray(0, this.#last) : block,
    );
  }

  *pieces(): Generator<string, void, void> {
    yield '[';
    for (const [i, block] of this.#filled.entries()) yield (i === 0 ? '' : ',') + block.join(',');
    yield ']';
  }

  override toJSON(): number[] {
    return this.#filled.flatMap(block => Array.from(block));
  }
}
