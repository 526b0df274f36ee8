/** Taking a transaction back, or doing it again. */
import { randomUUID } from 'node:crypto';
import { displayDefinition, listed, oneLine } from '../display.ts';
import type { JournalDefinition, JournalSource } from '../approval/journal.ts';
import { HotlispError } from '../errors.ts';
import { wireKind } from '../image/connection.ts';
import type { Image } from '../image/image.ts';
import { reasonOfLoss } from '../image/loss.ts';
import type { Change, Result } from '../image/protocol.ts';
import type { Call, HistoryPlan } from '../operations/operation.ts';
import { digestOfDeed, type Deed } from './deeds.ts';
import type { Approved, Desk } from './desk.ts';
import { transactionsOf, type PastTransaction } from './past.ts';
import { textsDiff } from './previous.ts';
import { remaining } from './replaySteps.ts';
import * as report from './report.ts';
import type { Place } from './rules.ts';
import { runRules, statusOf, verify, type Verified } from './verify.ts';

/** @throws HotlispError `invalid-arguments` when there is no such transaction in this image */
export async function runHistory(
  desk: Desk,
  { name: operation, approval: kind }: Approved,
  plan: HistoryPlan,
  call: Call,
  started: number,
): Promise<report.OperationResult> {
  const image = await desk.deps.images.connect(undefined, call.signal);
  desk.refuseReadOnly(image);
  const target = await targetOf(desk, image, plan, call.signal);
  const unsure =
    target.state === 'unknown' ? ' Whether it was applied was never recorded; the image knows.' : '';
  const foreign = target.isForeign
    ? ' Another server made it, whose journal has its texts; that of this one does not.'
    : '';
  const attempt = async (force: boolean, warning: string) => {
    const what =
      target.definitions.length > 0
        ? listed(target.definitions.map(each => `${displayDefinition(each)} (${becomes(plan.type, each)})`))
        : target.isForeign
          ? 'a change'
          : `what ${target.operation} did at ${target.time}`;
    const verb = plan.type === 'undo' ? 'Roll back' : 'Do again';
    const source = plan.type === 'undo' ? turnedBack(target.source) : target.source;
    const deed: Deed = {
      operation,
      kind,
      image,
      bound: { transaction: target.id, force },
      message: `#${call.request} ${verb} ${what} in ${oneLine(image.title)}?${warning}${unsure}${foreign}`,
      hazardous: force,
      buffers: [],
      transaction: randomUUID(),
      definitions: target.definitions,
      source,
      diff: async () => `${verb}: ${what}\n\n${textsDiff(source)}`,
    };
    (await desk.deps.deeds.approve(deed, call)).consume(digestOfDeed(deed));
    const { change, verified, status, remains } = await swap(desk, plan.type, target, deed, force, call);
    const previous = desk.previousSources(image);
    previous.forget();
    previous.bare.takenBack(target.source, text => desk.deps.documents.scratch(text).forms[0]?.digest);
    const { failure, verification } = verified;
    const stands = plan.type === 'undo' || failure === undefined;
    // Nothing is known of the rules then, and nothing is left of what was rolled back.
    const lost = failure !== undefined && stands && (await reasonOfLoss(image));
    if (lost)
      throw new HotlispError('image-lost', `The rollback was made, and then the image was lost: ${lost}.`);
    if (stands && change.threads.length > 0) desk.deps.onOldCode(image, verb, change);
    const result = report.changeResult(change, [], undefined, desk.encoding, started);
    return {
      ...result,
      // The image's answer is named after one of its parts.
      transaction: target.id,
      status,
      notes: [
        ...result.notes,
        ...(force ? [report.placelessNote(`Done all the same:${warning}`, 'warning')] : []),
        ...(failure === undefined ? [] : [report.placelessNote(failure, stands ? 'warning' : 'error')]),
      ],
      ...(remains.length > 0 && { remains }),
      ...(verification.length > 0 && { verification }),
      duration_ms: report.since(started),
    };
  };
  try {
    return await attempt(false, '');
  } catch (error) {
    if (wireKind(error) !== 'superseded') throw error;
    return attempt(true, ` Hazard: ${oneLine((error as Error).message)}`);
  }
}

/** What taking a definition's change back, or doing it again, makes of it; what a definer of the program's own defines may have been there where it was called new. */
const becomes = (type: HistoryPlan['type'], { kind, change = 'redefined' }: JournalDefinition) =>
  type === 'redo'
    ? change
    : change === 'new' && kind !== 'other'
      ? 'undefined again'
      : change === 'removed'
        ? 'there again'
        : 'as before';

const turnedBack = (source: readonly JournalSource[]): JournalSource[] =>
  source.map(each => ({ ...each, before: each.after, after: each.before })).reverse();

/** Takes the transaction back or does it again, has that checked, and records what became of it. */
async function swap(
  desk: Desk,
  type: HistoryPlan['type'],
  target: PastTransaction,
  deed: Deed,
  force: boolean,
  call: Call,
) {
  try {
    const change = await swapParts(desk, deed.image, type, target.parts, force, call.signal);
    const verified = await checked(desk, { ...deed, parts: target.parts }, type, target, call);
    const status = type === 'redo' ? statusOf(change.status, verified) : change.status;
    const remains = [...change.remains, ...verified.remains];
    await desk.deps.deeds.recordOutcome(deed, call, {
      status,
      target: target.id,
      ...(verified.failure !== undefined && { message: verified.failure }),
      remains,
    });
    return { change, verified, status, remains };
  } catch (error) {
    await desk.deps.deeds.recordFailure(deed, call, error);
    throw error;
  }
}

/**
 * Runs the rules for what the transaction changed. What was done again and does not hold is taken back; what was rolled back
 * stays so, since the person wanted it gone, and is told what does not hold.
 */
async function checked(
  desk: Desk,
  deed: Deed,
  type: HistoryPlan['type'],
  { definitions, source, deed: done }: PastTransaction,
  call: Call,
): Promise<Verified> {
  const places: Place[] = [
    ...source.map(({ package: home, file }) => ({ package: home, file: file ?? undefined })),
    ...definitions.map(each => ({ package: each.package })),
    ...(done?.type === 'system'
      ? [{ system: done.system }, ...done.sources.map(({ file }) => ({ file, system: done.system }))]
      : []),
  ];
  if (type === 'redo') return verify(desk, deed, places, call);
  const { failure, verification } = await runRules(desk, deed.image, places, call.signal);
  return { failure: failure && `${failure} The rollback stands.`, remains: [], verification };
}

/** Which transaction would be taken back or done again. @throws HotlispError like runHistory */
export async function describeHistory(
  desk: Desk,
  plan: HistoryPlan,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const image = await desk.deps.images.connect(undefined, signal);
  const { id, operation, time, definitions, isForeign } = await targetOf(desk, image, plan, signal);
  return { transaction: id, ...(!isForeign && { of: operation, time }), definitions };
}

type PartInImage = Result<'past'>['parts'][number];

/** A change, and whether it was another server's, of which this one's journal knows nothing. */
type Target = PastTransaction & { readonly isForeign?: boolean };

async function targetOf(desk: Desk, image: Image, plan: HistoryPlan, signal: AbortSignal): Promise<Target> {
  const { path: journal } = desk.deps.journal();
  const past = transactionsOf(await desk.deps.journal().read());
  const here = past.filter(each => each.image === image.hello.image);
  const wanted = plan.type === 'redo' ? 'undone' : 'applied';
  const isMeant = ({ undone }: PartInImage) => undone === (wanted === 'undone');
  // What consists of parts is one change, whichever of them is named.
  const transaction = plan.transaction?.replace(/\/\d+$/, '');
  if (transaction === undefined) {
    for (const each of here.filter(({ state }) => state === wanted).reverse()) {
      const parts = await partsIn(image, each.id, signal);
      // A server with another journal may have done it already.
      if (parts.length === 0 || parts.some(isMeant)) return each;
    }
    throw noTransaction(plan, '');
  }
  // What ended unrecorded may have been applied: the image knows, and is asked when it is meant by name.
  const named = here.find(({ id, state }) => id === transaction && (state === wanted || state === 'unknown'));
  if (named) return named;
  const known = past.find(({ id }) => id === transaction);
  if (known) throw noTransaction(plan, whyNot(plan, known));
  const parts = await partsIn(image, transaction, signal);
  if (parts.length === 0) throw noTransaction(plan, `Neither its agent nor the journal ${journal} knows it.`);
  const meant = parts.filter(isMeant);
  if (meant.length === 0) throw noTransaction(plan, stateSaid(plan.type));
  return {
    id: transaction,
    image: image.hello.image,
    operation: '',
    time: '',
    definitions: meant.flatMap(({ definitions }) => definitions),
    source: [],
    deed: undefined,
    replayed: undefined,
    parts: meant.map(each => each.transaction),
    state: wanted,
    isForeign: true,
  };
}

/** What the image knows of a change that is in no journal of ours: nothing, or the transactions that it consists of. */
async function partsIn(image: Image, transaction: string, signal: AbortSignal): Promise<PartInImage[]> {
  try {
    return (await image.call('past', { transaction }, { signal })).parts;
  } catch (error) {
    if (wireKind(error) !== 'unknown-transaction') throw error;
    return [];
  }
}

/** Takes the image's transactions back, the last one first, or does them again in order: all of them, or none. */
async function swapParts(
  desk: Desk,
  image: Image,
  type: HistoryPlan['type'],
  parts: readonly string[],
  force: boolean,
  signal: AbortSignal,
): Promise<Change> {
  const changes: Change[] = [];
  const done: string[] = [];
  try {
    for (const transaction of type === 'undo' ? [...parts].reverse() : parts) {
      changes.push(await desk.call(image, type, { transaction, force }, signal));
      done.push(transaction);
    }
  } catch (error) {
    if (error instanceof HotlispError && error.kind === 'image-lost') throw error;
    const back = type === 'undo' ? 'redo' : 'undo';
    const remains: string[] = [];
    for (const transaction of done.reverse())
      remains.push(...(await desk.call(image, back, { transaction, force: true })).remains);
    throw remaining(error, remains);
  }
  return {
    ...changes.at(-1)!,
    status: changes.some(({ status }) => status === 'partial') ? 'partial' : changes.at(-1)!.status,
    definitions: changes.flatMap(({ definitions }) => definitions),
    threads: changes.flatMap(({ threads }) => threads),
    remains: changes.flatMap(({ remains }) => remains),
  };
}

function noTransaction({ type, transaction }: HistoryPlan, why: string): HotlispError {
  const done = type === 'undo' ? 'rolled back' : 'done again';
  const which =
    transaction === undefined
      ? 'There is no change of this image that can be'
      : `Transaction ${oneLine(transaction)} is not a change of this image that can be`;
  const message = [`${which} ${done}.`, why, 'See hotlisp.history.'].filter(Boolean).join(' ');
  return new HotlispError('invalid-arguments', message, { path: 'transaction' });
}

function whyNot({ type }: HistoryPlan, { state }: PastTransaction): string {
  if (state === (type === 'undo' ? 'undone' : 'applied')) return stateSaid(type);
  return type === 'redo'
    ? 'It was made in another image: hotlisp.replay brings it to this one.'
    : 'It was made in another image.';
}

const stateSaid = (type: HistoryPlan['type']) =>
  type === 'undo' ? 'It was rolled back already.' : 'It is in force.';
