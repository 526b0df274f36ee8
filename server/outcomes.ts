/** The numbered requests of this server and what became of them. */
import { HotlispError } from './errors.ts';

type Settled = { readonly value: unknown } | { readonly error: unknown };

/** How many settled outcomes are kept for `hotlisp.outcome`. */
const kept = 500;

export class Outcomes {
  #next = 1;
  readonly #running = new Map<number, Promise<unknown>>();
  readonly #settled = new Map<number, Settled>();

  /** Runs `work` under a new request number. */
  start(work: (request: number) => Promise<unknown>): { request: number; outcome: Promise<unknown> } {
    const request = this.#next++;
    const outcome = work(request);
    this.#running.set(request, outcome);
    const settle = (settled: Settled) => {
      this.#running.delete(request);
      this.#settled.set(request, settled);
      if (this.#settled.size > kept) this.#settled.delete(this.#settled.keys().next().value!);
    };
    outcome.then(
      value => settle({ value }),
      (error: unknown) => settle({ error }),
    );
    return { request, outcome };
  }

  isRunning(request: number): boolean {
    return this.#running.has(request);
  }

  /**
   * What the request answered, or `pending`; it rejects as the request did.
   * @throws HotlispError `invalid-arguments` for a number that was never given, or whose outcome is no longer kept
   */
  async get(request: number, wait: boolean): Promise<unknown> {
    const running = this.#running.get(request);
    if (running) return wait ? running : { status: 'pending', request };
    const settled = this.#settled.get(request);
    if (!settled)
      throw new HotlispError(
        'invalid-arguments',
        `There is no request ${request}; the outcomes of the last ${kept} are kept.`,
        { path: 'request' },
      );
    if ('error' in settled) throw settled.error;
    return settled.value;
  }
}
