/** What the journal tells of past changes: which are in force, which were taken back, and which nobody knows the end of. */
import { describe, expect, it } from 'vitest';
import type { JournalEntry } from '../../../server/approval/journal.ts';
import { historyOf, transactionsOf } from '../../../server/runner/past.ts';

let request = 0;
const entry = (given: Partial<JournalEntry>): JournalEntry => ({
  time: new Date(0).toISOString(),
  event: 'outcome',
  actor: 'a client, hotlisp 1',
  image: { id: 'image', title: 'an image' },
  operation: 'reload_form',
  request: 1,
  definitions: [{ kind: 'function', name: 'F', package: 'APP' }],
  ...given,
});
const decided = (transaction: string, given: Partial<JournalEntry> = {}) =>
  entry({ event: 'decision', decision: 'approved', transaction, request: ++request, ...given });
const ended = (transaction: string, status: string, given: Partial<JournalEntry> = {}) =>
  entry({ transaction, outcome: { status, ...given.outcome }, request, ...given });
const states = (...entries: JournalEntry[]) =>
  transactionsOf(entries).map(({ id, state }) => `${id} ${state}`);

describe('past transactions', () => {
  it('are applied, taken back, or of unknown outcome, in the order in which they ended', () => {
    const [one, two] = [decided('one'), decided('two')];
    expect(states(one, two, ended('two', 'applied'), ended('one', 'applied'))).toEqual([
      'two applied',
      'one applied',
    ]);
    expect(states(one, two, ended('two', 'applied'))).toEqual(['one unknown', 'two applied']);
    expect(states(one, ended('one', 'unknown'))).toEqual(['one unknown']);
  });

  it('are no more where they failed, changed nothing or were not allowed', () => {
    for (const status of ['failed', 'rolled-back', 'unchanged', 'partial'])
      expect(states(decided('one'), ended('one', status))).toEqual([]);
    expect(states(decided('one', { decision: 'denied' }))).toEqual([]);
    expect(states(decided('one'), decided('one', { decision: 'timed-out' }))).toEqual([]);
  });

  it('follow rollback and redo, also such as ended in part; an attempt whose end is unknown changes nothing', () => {
    const made = [decided('one'), ended('one', 'applied')];
    const back = (status: string) =>
      entry({ operation: 'rollback', transaction: 'b', outcome: { status, target: 'one' } });
    const again = entry({
      operation: 'redo',
      transaction: 'c',
      outcome: { status: 'applied', target: 'one' },
    });
    expect(states(...made, back('applied'))).toEqual(['one undone']);
    expect(states(...made, back('partial'))).toEqual(['one undone']);
    expect(states(...made, back('failed'))).toEqual(['one applied']);
    expect(states(...made, back('applied'), again)).toEqual(['one applied']);
    expect(states(...made, decided('b', { operation: 'rollback' }))).toEqual(['one applied']);
  });
});

describe('the history', () => {
  const open = (entries: JournalEntry[], isUnderWay = false) =>
    historyOf(entries, 100, undefined, () => isUnderWay).map(({ outcome }) => outcome?.status);

  it('tells of a decision that nothing follows, unless somebody is still at it', () => {
    const lost = decided('one');
    expect(open([lost])).toEqual(['unknown']);
    expect(open([lost], true)).toEqual([undefined]);
    expect(open([lost, ended('one', 'applied')])).toEqual(['applied', undefined]);
  });

  it('expects no outcome of refusals and of approvals that were only asked for', () => {
    expect(open([decided('one', { decision: 'denied' })])).toEqual([undefined]);
    expect(open([decided('one', { operation: 'request_approval' })])).toEqual([undefined]);
  });

  it('has one outcome for a change that was decided on twice', () => {
    const first = decided('one');
    const second = { ...first, decision: 'approved' };
    expect(open([first, second, ended('one', 'applied')])).toEqual(['applied', undefined, undefined]);
  });
});
