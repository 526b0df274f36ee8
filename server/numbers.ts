/** Many whole numbers, which JSON writes as an array. Kept in blocks, so that none is moved while more are added. */

const BLOCK = 1 << 13;

export class Numbers {
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

  /** The numbers in pieces of which each is written at once. */
  get blocks(): readonly Int32Array[] {
    return this.#blocks.map((block, i) =>
      i === this.#blocks.length - 1 ? block.subarray(0, this.#last) : block,
    );
  }

  toJSON(): number[] {
    return this.blocks.flatMap(block => Array.from(block));
  }
}
