/**
 * Something to be done with many buffers that nobody waits for, one after the other. It takes at most half of the time, so that what a person asks
 * for comes in between.
 */

/** Milliseconds between two buffers at most. */
const longestPause = 100;

export class Turns {
  readonly #waiting = new Set<string>();
  #taking = false;
  #closed = false;

  /** @param work never rejects */
  constructor(private readonly work: (uri: string) => Promise<void>) {}

  /** Has them done, each once, after those that wait already; one that waits keeps its turn. */
  add(uris: Iterable<string>): void {
    for (const uri of uris) this.#waiting.add(uri);
    if (!this.#taking) void this.#take();
  }

  close(): void {
    this.#closed = true;
  }

  async #take(): Promise<void> {
    this.#taking = true;
    // One that is added meanwhile comes at the end.
    for (const uri of this.#waiting) {
      if (this.#closed) break;
      this.#waiting.delete(uri);
      const begun = performance.now();
      await this.work(uri);
      const pause = Math.min(performance.now() - begun, longestPause);
      await new Promise(resolve => setTimeout(resolve, pause).unref());
    }
    this.#taking = false;
  }
}
