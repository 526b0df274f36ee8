/** Whether an image that owes an answer is still there: it is asked for a sign of life, and lost when it gives none. */

const TICK_MS = 1_000;
/** Ticks of silence after which a sign of life is asked for, and again after as many. */
const ASK_AFTER = 5;
/** Ticks of silence after which nobody is there: a collection of a large heap may hold everything up for some seconds. */
export const SILENT_AFTER = 60;

export class Pulse {
  #timer: NodeJS.Timeout | undefined;
  #silent = 0;

  /**
   * @param ask sends what the image answers at once, whatever else it does
   * @param lost called when it has said nothing for SILENT_AFTER seconds in which this process ran: a computer that slept does not count
   */
  constructor(
    private readonly ask: () => void,
    private readonly lost: () => void,
  ) {}

  /** Something is owed. Idempotent. */
  watch(): void {
    if (this.#timer) return;
    this.#silent = 0;
    this.#timer = setInterval(() => {
      this.#silent++;
      if (this.#silent >= SILENT_AFTER) {
        this.rest();
        this.lost();
      } else if (this.#silent % ASK_AFTER === 0) this.ask();
    }, TICK_MS);
    this.#timer.unref();
  }

  heard(): void {
    this.#silent = 0;
  }

  /** Nothing is owed any more. */
  rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
