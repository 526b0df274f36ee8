/** Which transactions of an image can be taken back or done again, as the journal tells. */
import type { JournalEntry } from '../approval/journal.ts';

export interface PastTransaction {
  readonly id: string;
  readonly operation: string;
  readonly definitions: NonNullable<JournalEntry['definitions']>;
  undone: boolean;
}

/** Changes that were applied to the image, in order, with whether they were taken back since. */
export function transactionsOf(entries: readonly JournalEntry[], image: string): PastTransaction[] {
  const byId = new Map<string, PastTransaction>();
  for (const { event, image: where, outcome, transaction, operation, definitions = [] } of entries) {
    if (
      event !== 'outcome' ||
      where.id !== image ||
      outcome?.status !== 'applied' ||
      transaction === undefined
    )
      continue;
    const target = outcome.target === undefined ? undefined : byId.get(outcome.target);
    if (target) target.undone = operation === 'rollback';
    else if (outcome.target === undefined && definitions.length > 0)
      byId.set(transaction, { id: transaction, operation, definitions, undone: false });
  }
  return [...byId.values()];
}

/** Entries for `hotlisp.history`, the newest first, at most `limit`; with `symbol` only those that name it. */
export function historyOf(
  entries: readonly JournalEntry[],
  limit: number,
  symbol: string | undefined,
): JournalEntry[] {
  const bare = symbol?.replace(/^.*:/, '').toUpperCase();
  const names = (entry: JournalEntry) =>
    entry.definitions?.some(
      ({ name }) =>
        bare === undefined ||
        name
          .toUpperCase()
          .split(/[\s()]+/)
          .includes(bare),
    );
  return entries
    .filter(entry => bare === undefined || names(entry))
    .slice(-limit)
    .reverse();
}
