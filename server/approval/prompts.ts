/**
 * One prompt at a time, whoever asks: approvals and the debugger's questions wait in the same queue. An open question of the debugger
 * makes way for an approval, and is asked again afterwards: to mend what an error was about is to change code.
 */

/** Why a question was taken back: it is to be asked again. */
export const madeWay = new Error('the question made way for another one');

export class Prompts {
  /** True once the editor answered that it cannot ask (it has no window/showMessageRequest). */
  editorCannotAsk = false;
  #queue: Promise<void> = Promise.resolve();
  /** How many `inTurn` wait or ask. */
  #waiting = 0;
  #makeWay: (() => void) | undefined;

  /** Runs `ask` once the prompts before it are over; leaves the queue with the signal's reason when that aborts. */
  async inTurn<T>(signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
    this.#waiting++;
    this.#makeWay?.();
    try {
      return await this.#join(signal, ask);
    } finally {
      this.#waiting--;
    }
  }

  /** Like inTurn, but `ask`'s signal is aborted with `madeWay` as soon as an `inTurn` waits. */
  async makingWay<T>(signal: AbortSignal, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#join(signal, async () => {
      if (this.#waiting > 0) throw madeWay;
      const way = new AbortController();
      this.#makeWay = () => way.abort(madeWay);
      try {
        return await ask(AbortSignal.any([signal, way.signal]));
      } finally {
        this.#makeWay = undefined;
      }
    });
  }

  async #join<T>(signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
    const before = this.#queue;
    let done!: () => void;
    this.#queue = new Promise(resolve => (done = resolve));
    try {
      await Promise.race([before, aborted(signal)]);
      signal.throwIfAborted();
      return await ask();
    } finally {
      void before.then(done);
    }
  }
}

/** Rejects when the signal aborts; never resolves. */
export function aborted(signal: AbortSignal): Promise<never> {
  const promise = new Promise<never>((_, reject) => {
    const fail = () =>
      reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
  promise.catch(() => undefined);
  return promise;
}
