/** What some forms of a text say for all behind them: found once for each snapshot. */
import type { Snapshot, TopLevelForm } from './types.ts';

/**
 * A lookup of what forms say, in order, of those that end at or before an offset.
 * @param mention what the text of a form that says anything must hold: hardly any file does, and its forms need not be looked at then
 */
export function sayings<T>(
  mention: RegExp,
  saidBy: (snapshot: Snapshot, form: TopLevelForm) => readonly T[],
): (snapshot: Snapshot, offset: number) => readonly T[] {
  const known = new WeakMap<Snapshot, readonly { readonly end: number; readonly said: readonly T[] }[]>();
  const find = (snapshot: Snapshot) =>
    mention.test(snapshot.text)
      ? snapshot.forms
          .map(form => ({ end: form.span.end, said: saidBy(snapshot, form) }))
          .filter(({ said }) => said.length > 0)
      : [];
  return (snapshot, offset) => {
    let found = known.get(snapshot);
    if (!found) known.set(snapshot, (found = find(snapshot)));
    return found.filter(({ end }) => end <= offset).flatMap(({ said }) => said);
  };
}
