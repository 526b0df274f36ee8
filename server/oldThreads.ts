/** Which definitions the last changes left threads in the old code of: until the last one has left it. */
import type { Change, Definition } from './image/protocol.ts';

export interface OldCode {
  readonly transaction: string;
  readonly definitions: readonly Definition[];
}

export class OldThreads {
  readonly #left = new Map<string, OldCode>();

  /** @param changed called when there is more or less to tell */
  constructor(private readonly changed: () => void) {}

  /** @param drained settles once nobody looks any more */
  record(
    { transaction, definitions }: Pick<Change, 'transaction' | 'definitions'>,
    drained: Promise<unknown>,
  ): void {
    this.#left.set(transaction, { transaction, definitions });
    this.changed();
    void drained.finally(() => {
      this.#left.delete(transaction);
      this.changed();
    });
  }

  /** The last first. */
  get all(): readonly OldCode[] {
    return [...this.#left.values()].reverse();
  }
}
