/** A time limit that stands still while a person is waited for. */

export class Limit {
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #since = 0;
  #pauses = 0;

  /** @param left milliseconds */
  constructor(private left: number) {
    this.#start();
  }

  /** Aborted once the time is over. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  pause(): void {
    if (this.#pauses++ > 0) return;
    this.left -= performance.now() - this.#since;
    clearTimeout(this.#timer);
  }

  resume(): void {
    if (--this.#pauses === 0) this.#start();
  }

  /** Nothing is limited any more. */
  end(): void {
    this.#pauses = Number.POSITIVE_INFINITY;
    clearTimeout(this.#timer);
  }

  #start(): void {
    this.#since = performance.now();
    this.#timer = setTimeout(() => this.#controller.abort(), Math.max(this.left, 0));
  }
}
