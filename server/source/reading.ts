/** The blocks of one version of a text. A long text is read in slices, or at once by whoever cannot wait. */
import { scanning } from './blocks.ts';
import { rescan, type Edit } from './edit.ts';
import { recovering } from './recovery.ts';
import { Row } from './row.ts';
import { finish, inSlices } from './slices.ts';
import type { Text } from './text.ts';

export class Reading {
  readonly #text: Text;
  #row: Row | undefined;
  #unfinished: Generator<void, Row, void> | undefined;

  constructor(text: Text, row?: Row) {
    this.#text = text;
    this.#row = row;
  }

  /** Whether the blocks are known, so that asking for them takes no time. */
  get isDone(): boolean {
    return this.#row !== undefined;
  }

  get row(): Row {
    if (!this.#row) {
      this.#row = finish(this.#slices());
      this.#unfinished = undefined;
    }
    return this.#row;
  }

  /** Reads on without holding the event loop for long. */
  async read(): Promise<void> {
    await inSlices(this.#reading());
  }

  /** Several may read on at the same time, and somebody who cannot wait may come between. */
  *#reading(): Generator<void, void, void> {
    while (!this.#row) {
      const step = this.#slices().next();
      if (step.done) this.#row = step.value;
      else yield;
    }
    this.#unfinished = undefined;
  }

  /** @param text what the edit leaves */
  edited(text: Text, edit: Edit): Reading {
    // what is not read yet is read when someone asks
    return new Reading(text, this.#row && rescan(this.#row, text, edit));
  }

  #slices(): Generator<void, Row, void> {
    return (this.#unfinished ??= reading(this.#text.toString()));
  }
}

function* reading(text: string): Generator<void, Row, void> {
  const { blocks } = yield* scanning(text);
  yield;
  const recovered = yield* recovering(blocks, text);
  yield;
  return yield* Row.building(recovered);
}
