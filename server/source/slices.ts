/** Long computations that let others run in between: generators that yield after each bit of work. */

/** Milliseconds of work between two turns of the event loop. */
const SLICE = 5;

/** Works to the end, and lets others run in between. */
export async function inSlices<R>(work: Generator<void, R>): Promise<R> {
  for (;;) {
    const until = performance.now() + SLICE;
    do {
      const step = work.next();
      if (step.done) return step.value;
    } while (performance.now() < until);
    await new Promise(resume => setImmediate(resume));
  }
}

/** Works to the end at once. */
export function finish<R>(work: Generator<void, R>): R {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}
