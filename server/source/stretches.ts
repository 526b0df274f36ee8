/** Snapshots by stretches of their texts, which edits leave alone or replace as a whole; and what is known of their trees besides. */
import { Form } from './form.ts';
import { readNodes } from './nodes.ts';
import type { RawNode } from './parser.ts';
import { BufferSnapshot, type FormRow } from './snapshot.ts';
import type { Snapshot, Span, TopLevelForm } from './types.ts';

export type { FormRow };

export const formRowOf = (snapshot: Snapshot): FormRow | undefined =>
  snapshot instanceof BufferSnapshot ? snapshot.formRow : undefined;

/** How many stretches two versions share at their beginnings, and how many at their ends. */
export function sharedStretches(
  before: readonly object[],
  after: readonly object[],
): [first: number, last: number] {
  const most = Math.min(before.length, after.length);
  let first = 0;
  while (first < most && before[first] === after[first]) first++;
  let last = 0;
  while (last < most - first && before[before.length - 1 - last] === after[after.length - 1 - last]) last++;
  return [first, last];
}

/** The replacement that makes the one text of the other, found without comparing texts; undefined where that takes time. */
export function changeBetween(
  before: Snapshot,
  after: Snapshot,
): { readonly range: Span; readonly text: string } | undefined {
  if (!(before instanceof BufferSnapshot && after instanceof BufferSnapshot)) return undefined;
  if (!before.isRead || !after.isRead) return undefined;
  const { keys: old, starts: from } = before.formRow;
  const { keys, starts } = after.formRow;
  const [first, last] = sharedStretches(old, keys);
  return {
    range: { start: from[first]!, end: from[old.length - last]! },
    text: after.slice(starts[first]!, starts[keys.length - last]!),
  };
}

/**
 * The nodes of a stretch of text, and by how much their offsets differ from those in the snapshot: those of a sound form are known.
 * Undefined where there are none.
 */
export function nodesOf(
  snapshot: Snapshot,
  { start, end }: Span,
): { readonly root: RawNode; readonly by: number } | undefined {
  const form = snapshot.formAt(start);
  if (form && !form.broken && form.span.start === start && form.span.end === end) {
    const contents = contentsOf(form);
    if (contents) return contents.form.root && { root: contents.form.root, by: contents.base };
  }
  const [root] = readNodes(snapshot.slice(start, end)).children;
  return root && { root, by: start };
}

/** Reads the text of a form, so that its contents are there at once. Yields now and then. */
export function* readingOf(form: TopLevelForm): Generator<void, void, void> {
  if (form instanceof Form) yield* form.reading();
}

/** The tree of a form of a snapshot, as its chunk has it; undefined for forms that are of no snapshot. */
export const contentsOf = (form: TopLevelForm): Form['contents'] | undefined =>
  form instanceof Form ? form.contents : undefined;
