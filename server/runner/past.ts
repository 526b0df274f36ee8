/** What was done to images, as the journal tells: what can be taken back, done again, replayed. */
import type { JournalEntry } from '../approval/journal.ts';

export interface PastTransaction {
  readonly id: string;
  /** Identity of the image it was made in. */
  readonly image: string;
  readonly operation: string;
  readonly time: string;
  readonly definitions: NonNullable<JournalEntry['definitions']>;
  readonly source: NonNullable<JournalEntry['source']>;
  readonly deed: JournalEntry['deed'];
  /** The transactions that it did again, when it is a replay. */
  readonly replayed: JournalEntry['replayed'];
  /** The image's own transactions that it consists of, in order. */
  readonly parts: readonly string[];
  /** `unknown`: it was approved, and how it ended was never recorded. */
  readonly state: 'applied' | 'undone' | 'unknown';
}

/** Every transaction of the journal that changed an image, or may have, in the order in which they ended. */
export function transactionsOf(entries: readonly JournalEntry[]): PastTransaction[] {
  const byId = new Map<string, PastTransaction>();
  const set = (entry: JournalEntry, id: string, state: PastTransaction['state']) => {
    byId.delete(id); // what ends later stands later
    byId.set(id, pastOf(entry, id, state));
  };
  for (const entry of entries) {
    const { outcome, transaction, operation } = entry;
    if (transaction === undefined) continue;
    if (entry.event === 'decision') {
      if (operation === 'rollback' || operation === 'redo') continue;
      if (isGranted(entry)) set(entry, transaction, 'unknown');
      else byId.delete(transaction);
    } else if (outcome?.target !== undefined) {
      const target = byId.get(outcome.target);
      if (target && stands(operation, outcome)) {
        byId.delete(target.id); // what was rolled back last is done again first
        byId.set(target.id, { ...target, state: operation === 'rollback' ? 'undone' : 'applied' });
      }
    } else if (outcome?.status === 'applied') set(entry, transaction, 'applied');
    else if (outcome?.status !== 'unknown') byId.delete(transaction);
  }
  return [...byId.values()];
}

/** Whether what was rolled back or done again stayed so: what was done again, and says why not, did not hold and was taken back. */
const stands = (operation: string, { status, message }: NonNullable<JournalEntry['outcome']>) =>
  ['applied', 'partial'].includes(status) && !(operation === 'redo' && message !== undefined);

function pastOf(entry: JournalEntry, id: string, state: PastTransaction['state']): PastTransaction {
  const { image, operation, time, definitions = [], source = [], deed, replayed, outcome } = entry;
  const parts = outcome?.parts ?? [id];
  return { id, image: image.id, operation, time, definitions, source, deed, replayed, parts, state };
}

const isGranted = ({ decision = '' }: JournalEntry) => /^(approved|allowed)/.test(decision);

/**
 * Entries for `hotlisp.history`, the newest first, at most `limit`; with `symbol` only those that name it. A decision to
 * go ahead that no outcome follows, and that nobody works on, says so: its outcome is `unknown`.
 * @param isUnderWay whether the server that decided is still at it
 */
export function historyOf(
  entries: readonly JournalEntry[],
  limit: number,
  symbol: string | undefined,
  isUnderWay: (entry: JournalEntry) => boolean,
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
  const open = new Set<JournalEntry>();
  const decisions = new Map<string, JournalEntry>();
  const keyOf = ({ actor, request, transaction }: JournalEntry) => `${actor} ${request} ${transaction ?? ''}`;
  for (const entry of entries) {
    const key = keyOf(entry);
    // A request may be decided on again, when the image changed meanwhile: its outcome is that of all its decisions.
    const decision = decisions.get(key);
    if (decision) open.delete(decision);
    decisions.delete(key);
    if (entry.event === 'decision' && isGranted(entry) && entry.operation !== 'request_approval') {
      decisions.set(key, entry);
      open.add(entry);
    }
  }
  const told = (entry: JournalEntry): JournalEntry =>
    open.has(entry) && !isUnderWay(entry) ? { ...entry, outcome: unknownOutcome } : entry;
  return entries
    .filter(entry => bare === undefined || names(entry))
    .slice(-limit)
    .reverse()
    .map(told);
}

const unknownOutcome = {
  status: 'unknown',
  message:
    'Nothing was recorded after this decision: the server ended before it could be. Whether the image was changed is not known.',
} as const;
