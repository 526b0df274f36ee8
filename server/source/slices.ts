/** Long computations that let others run in between. */

/** Milliseconds of work between two turns of the event loop. */
const SLICE = 5;

/** @param step does a little and answers whether all is done */
export async function inSlices(step: () => boolean): Promise<void> {
  for (;;) {
    const until = performance.now() + SLICE;
    do if (step()) return;
    while (performance.now() < until);
    await new Promise(resume => setImmediate(resume));
  }
}

/** Runs a sliced computation to its end. */
export function finish<T>(slices: Generator<void, T, void>): T {
  for (;;) {
    const step = slices.next();
    if (step.done) return step.value;
  }
}
