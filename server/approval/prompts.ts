/** One prompt at a time, whoever asks: approvals and the debugger's questions wait in the same queue. */

export class Prompts {
  /** True once the editor answered that it cannot ask (it has no window/showMessageRequest). */
  editorCannotAsk = false;
  #queue: Promise<void> = Promise.resolve();

  /** Runs `ask` once the prompts before it are over; leaves the queue with the signal's reason when that aborts. */
  async inTurn<T>(signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
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
