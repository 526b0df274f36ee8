/** Waiting with an end: every wait of the tests says what it waits for when it gives up. */

/** Long enough for a loaded machine; a test that needs it fails with what it waited for, not with vitest's own time-out. */
export const PATIENCE = 30_000;

/** @throws Error naming `what` when `promise` has not settled in time */
export async function within<T>(what: string, promise: Promise<T>, milliseconds = PATIENCE): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${milliseconds} ms for ${what}`)), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Something that happens repeatedly, and can be awaited: everything that happened is kept. */
export class Happenings<T> {
  readonly all: T[] = [];
  private readonly waiting = new Set<() => void>();

  add(item: T): void {
    this.all.push(item);
    for (const look of [...this.waiting]) look();
  }

  /** The first item from number `from` on that fits, now or later. */
  async next(what: string, fits: (item: T) => boolean, from = 0, milliseconds = PATIENCE): Promise<T> {
    let look = () => {};
    const found = new Promise<T>(resolve => {
      look = () => {
        const item = this.all.slice(from).find(fits);
        if (item !== undefined) resolve(item);
      };
      this.waiting.add(look);
      look();
    });
    try {
      return await within(what, found, milliseconds);
    } catch (error) {
      throw new Error(
        `${(error as Error).message}; there were ${JSON.stringify(this.all.slice(from)).slice(0, 3000)}`,
      );
    } finally {
      this.waiting.delete(look);
    }
  }
}

export const pause = (milliseconds: number) =>
  new Promise<void>(resolve => setTimeout(resolve, milliseconds));
