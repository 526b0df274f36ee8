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

/** What `work` makes of each item, one after the other; others run in between. */
export async function inTurns<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => R | Promise<R>,
): Promise<R[]> {
  const made: R[] = [];
  let until = performance.now() + SLICE;
  for (const [index, item] of items.entries()) {
    made.push(await work(item, index));
    if (performance.now() < until) continue;
    await new Promise(resume => setImmediate(resume));
    until = performance.now() + SLICE;
  }
  return made;
}

/** Works to the end at once. */
export function finish<R>(work: Generator<void, R>): R {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}
