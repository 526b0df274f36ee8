/** The forms of journalled changes that an image lacks: those whose text comes after the one that it runs. */
import path from 'node:path';
import { oneLine } from '../display.ts';
import type { JournalSource } from '../approval/journal.ts';
import { HotlispError } from '../errors.ts';
import type { Image } from '../image/image.ts';
import type { Assessment } from '../image/protocol.ts';
import { plannedForm, surroundingsOf } from '../operations/forms.ts';
import type { PlannedForm } from '../operations/operation.ts';
import { assessmentsOf, loadedDate } from './loaded.ts';
import type { Desk } from './desk.ts';
import type { PastTransaction } from './past.ts';
import { formKey, sameForm } from './previous.ts';

export interface JudgedForm {
  readonly change: PastTransaction;
  readonly form: PlannedForm;
}

export interface JudgedForms {
  /** In journal order. */
  readonly forms: readonly JudgedForm[];
  /** Changes of which nothing is left, or that cannot be done again. */
  readonly skipped: readonly { readonly change: PastTransaction; readonly reason: string }[];
}

/** The reason of what the image has already: of interest to those alone who asked for that change. */
export const HAS = 'The image has it already, or what came after it.';

export interface Timeline {
  /** The changes to judge and, in their place, those that the image has. */
  readonly changes: readonly PastTransaction[];
  readonly isPresent: (change: PastTransaction) => boolean;
  /** Changes that were rolled back: the journal knows their texts, and that they are no longer meant. */
  readonly undone: readonly PastTransaction[];
  /** Whether something that is no matter of forms, and may define anything, is done again before. */
  readonly comesAfterDeed: (change: PastTransaction) => boolean;
  /** Whether a person named the changes: then they go over a text that the journal does not know. */
  readonly asked: boolean;
}

interface Told extends JudgedForm {
  /** Digest of the text that it replaced, where that is known. */
  readonly before: string | undefined;
}

/** @throws HotlispError when the image is lost */
export async function judgeForms(
  desk: Desk,
  image: Image,
  timeline: Timeline,
  signal: AbortSignal,
): Promise<JudgedForms> {
  const skipped = new Map<PastTransaction, string>();
  const skip = (change: PastTransaction, reason: string) => {
    if (!timeline.isPresent(change)) skipped.set(change, reason);
  };
  let told: Told[] = [];
  for (const change of timeline.changes.filter(each => !each.deed))
    try {
      if (change.source.length === 0) skip(change, 'The journal does not say what it consisted of.');
      told.push(...(await Promise.all(change.source.map(each => tellForm(desk, change, each)))));
    } catch (error) {
      if (!(error instanceof HotlispError)) throw error;
      skip(change, error.message);
    }
  const unjudged = new Set<PlannedForm>();
  let assessments: readonly Assessment[] = [];
  for (;;) {
    const asked = told.map(({ form }) => form).filter(form => !unjudged.has(form));
    try {
      const forms = asked.map(({ wire }) => wire);
      const answer = await image.call('check', { forms, threads: false }, { signal });
      const places = new Map(told.map(({ form }, index) => [form, index]));
      assessments = answer.assessments.map(each => ({ ...each, form: places.get(asked[each.form]!)! }));
      break;
    } catch (error) {
      const index = error instanceof HotlispError ? error.details['form'] : undefined;
      const wrong = typeof index === 'number' && told.find(({ form }) => form === asked[index]);
      if (!wrong) throw error;
      if (timeline.comesAfterDeed(wrong.change)) unjudged.add(wrong.form);
      else {
        skip(wrong.change, (error as HotlispError).message);
        told = told.filter(({ change }) => change !== wrong.change);
      }
    }
  }
  const running: Running[] = await Promise.all(
    told.map(({ form }, index) =>
      unjudged.has(form) ? Promise.resolve({ digests: [] }) : runningText(desk, form, assessments, index),
    ),
  );
  const undone = new Set<string>();
  for (const change of timeline.undone)
    for (const source of change.source) {
      const form = await tellForm(desk, change, source).catch(() => undefined);
      if (form) undone.add(`${formKey(form.form)} ${form.form.wire.digest}`);
    }
  const texts = new Map<string, { digest: string; before: string | undefined; at: number }[]>();
  for (const [at, { form, before }] of told.entries()) {
    const key = formKey(form);
    const text = { digest: form.wire.digest, before, at };
    texts.set(key, [...(texts.get(key) ?? []), text]);
  }
  const lacking = told.filter((each, index) => {
    if (timeline.isPresent(each.change)) return false;
    const now = running[index]!;
    const same = texts.get(formKey(each.form))!;
    const lastOf = (digest: string) => same.filter(other => other.digest === digest).at(-1)?.at;
    // The text that the first of them replaced is known; another one has been written by somebody since.
    const first = same[0]!.before;
    const isForeign = (digest: string) =>
      lastOf(digest) === undefined && digest !== first && !undone.has(`${formKey(each.form)} ${digest}`);
    if (now.from === 'file' && first !== undefined && !timeline.asked && now.digests.some(isForeign)) {
      skip(each.change, anotherText(each));
      return false;
    }
    if (!timeline.asked && isRemovedLater(timeline, each.change, assessmentsOf(assessments, index)))
      return false;
    return now.digests.length === 0 || now.digests.some(digest => (lastOf(digest) ?? -1) < index);
  });
  const left = new Set(lacking.map(({ change }) => change));
  for (const change of new Set(told.map(each => each.change)))
    if (!left.has(change) && !skipped.has(change)) skip(change, HAS);
  return {
    forms: lacking,
    skipped: [...skipped]
      .map(([change, reason]) => ({ change, reason }))
      .filter(({ change }) => !left.has(change)),
  };
}

/** Whether the image has removed since what the change defined. */
function isRemovedLater(
  { changes, isPresent }: Timeline,
  change: PastTransaction,
  assessments: readonly Assessment[],
): boolean {
  const removed = changes
    .slice(changes.indexOf(change) + 1)
    .filter(later => later.deed?.type === 'removal' && isPresent(later))
    .flatMap(later => later.definitions);
  return (
    assessments.length > 0 &&
    assessments.every(({ definition: { kind, name, package: home } }) =>
      removed.some(each => each.kind === kind && each.name === name && each.package === home),
    )
  );
}

const anotherText = ({ form: { wire } }: Told) =>
  `${path.basename(wire.file ?? '')} says another text of ${oneLine(wire.definitions.map(({ name }) => name).join(', '))} than the journal knows. Name the transaction to go over it.`;

/** The form as the journal has it, at the place where its file has it now. @throws HotlispError when it cannot be read any more */
async function tellForm(desk: Desk, change: PastTransaction, source: JournalSource): Promise<Told> {
  const { documents } = desk.deps;
  const code = documents.scratch(source.after ?? '');
  const [form, ...others] = code.forms;
  if (!form || others.length > 0 || form.broken)
    throw new HotlispError('internal', 'The journal does not hold it as one form that can be read.');
  if (!form.active) throw new HotlispError('internal', 'A reader conditional hides it from this image.');
  const file = source.file ?? undefined;
  const place = {
    ...(source.place ?? nowhere),
    package: source.package,
    surroundings: surroundingsOf(source),
  };
  const told = plannedForm(code, form, file, place);
  const before = source.before === null ? undefined : documents.scratch(source.before).forms[0]?.digest;
  const snapshot =
    file === undefined ? undefined : await documents.snapshot(documents.uriOf(file)).catch(() => undefined);
  const same = snapshot && sameForm(told, snapshot);
  if (!snapshot || !same || same.package !== source.package) return { change, form: told, before };
  const there = plannedForm(snapshot, same, file);
  if (same.digest === form.digest) return { change, form: there, before };
  const { byteOffset, line, column, index } = there.wire;
  return { change, form: { ...told, wire: { ...told.wire, byteOffset, line, column, index } }, before };
}

const nowhere = { byteOffset: 0, line: 0, column: 0, index: 0 };

interface Running {
  /** Of the text that the image runs; several where it may be any of them, none where nobody knows or there is no definition. */
  readonly digests: readonly string[];
  readonly from?: 'operation' | 'file';
}

/** The text that the image runs for the form's definitions, as far as it is known. */
async function runningText(
  desk: Desk,
  form: PlannedForm,
  assessments: readonly Assessment[],
  index: number,
): Promise<Running> {
  const { wire } = form;
  const own = assessmentsOf(assessments, index);
  const [installed] = own.map(each => each.installed);
  if (installed !== undefined) return { digests: [installed], from: 'operation' };
  if (wire.file === undefined || own.some(({ file }) => file !== wire.file)) return { digests: [] };
  const date = loadedDate(assessments, wire.file);
  if (date === undefined) return { digests: [] };
  const { documents } = desk.deps;
  const texts = await documents.textsAt(documents.uriOf(wire.file), date);
  const found = texts.map(text =>
    own.length > 0
      ? sameForm(form, text)?.digest
      : text.forms.find(({ digest }) => digest === wire.digest)?.digest,
  );
  return { digests: found.filter(each => each !== undefined), from: 'file' };
}
