/** Many whole numbers, which are written as a JSON array while they come: neither kept as numbers nor as strings. */
import { OwnJson } from './ownJson.ts';

/** Bytes of a block; none is moved while more come. */
const BLOCK = 1 << 16;
/** Bytes of the longest number, with a comma. */
const LONGEST = 12;

const [ZERO, COMMA, MINUS] = [0x30, 0x2c, 0x2d];

export class Numbers extends OwnJson {
  readonly #full: Buffer[] = [];
  #block = Buffer.alloc(0);
  /** How many bytes the last block has. */
  #used = 0;
  #length = 0;

  /** @param value between -2^31 and 2^31 */
  add(value: number): void {
    if (this.#used + LONGEST > this.#block.length) this.#begin();
    const block = this.#block;
    if (this.#length++ > 0) block[this.#used++] = COMMA;
    if (value < 0) block[this.#used++] = MINUS;
    let rest = Math.abs(value);
    let end = this.#used + 1;
    for (let more = rest; more >= 10; more = Math.trunc(more / 10)) end++;
    this.#used = end;
    do {
      block[--end] = ZERO + (rest % 10);
      rest = Math.trunc(rest / 10);
    } while (rest > 0);
  }

  #begin(): void {
    if (this.#used > 0) this.#full.push(this.#block.subarray(0, this.#used));
    this.#block = Buffer.allocUnsafeSlow(BLOCK);
    this.#used = 0;
  }

  get length(): number {
    return this.#length;
  }

  get weight(): number {
    return this.#length;
  }

  *pieces(): Generator<string | Buffer, void, void> {
    yield '[';
    yield* this.#full;
    yield this.#block.subarray(0, this.#used);
    yield ']';
  }

  override toJSON(): number[] {
    return super.toJSON() as number[];
  }
}
