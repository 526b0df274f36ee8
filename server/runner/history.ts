/** Taking a transaction back, or doing it again. */
import { randomUUID } from 'node:crypto';
import { displayDefinition, listed, oneLine } from '../display.ts';
import type { JournalDefinition, JournalSource } from '../approval/journal.ts';
import { HotlispError } from '../errors.ts';
import { wireKind } from '../image/connection.ts';
import type { Image } from '../image/image.ts';
import { reasonOfLoss } from '../image/loss.ts';
import type { Change } from '../image/protocol.ts';
import type { Call, HistoryPlan } from '../operations/operation.ts';
import { digestOfDeed, type Deed } from './deeds.ts';
import type { Approved, Desk } from './desk.ts';
import { transactionsOf, type PastTransaction } from './past.ts';
import { textsDiff } from './previous.ts';
import * as report from './report.ts';
import { runRules, statusOf, verify, type Place, type Verified } from './verify.ts';

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
  const target = await targetOf(desk, image, plan);
  const unsure =
    target.state === 'unknown' ? ' Whether it was applied was never recorded; the image knows.' : '';
  const attempt = async (force: boolean, warning: string) => {
    const what =
      target.definitions.length > 0
        ? listed(target.definitions.map(each => `${displayDefinition(each)} (${becomes(plan.type, each)})`))
        : `what ${target.operation} did at ${target.time}`;
    const verb = plan.type === 'undo' ? 'Roll back' : 'Do again';
    const source = plan.type === 'undo' ? turnedBack(target.source) : target.source;
    const deed: Deed = {
      operation,
      kind,
      image,
      bound: { transaction: target.id, force },
      message: `#${call.request} ${verb} ${what} in ${oneLine(image.title)}?${warning}${unsure}`,
      hazardous: force,
      buffers: [],
      transaction: randomUUID(),
      definitions: target.definitions,
      source,
      diff: async () => `${verb}: ${what}\n\n${textsDiff(source)}`,
    };
    (await desk.deps.deeds.approve(deed, call)).consume(digestOfDeed(deed));
    const { change, verified, status, remains } = await swap(desk, plan.type, target, deed, force, call);
    desk.previousSources(image).forget();
    const { failure, verification } = verified;
    const stands = plan.type === 'undo' || failure === undefined;
    // Nothing is known of the rules then, and nothing is left of what was rolled back.
    const lost = failure !== undefined && stands && (await reasonOfLoss(image));
    if (lost)
      throw new HotlispError('image-lost', `The rollback was made, and then the image was lost: ${lost}.`);
    if (stands && change.threads.length > 0) desk.deps.onOldCode(image, verb, change);
    const severity = stands ? ('warning' as const) : ('error' as const);
    return {
      ...report.changeResult(change, [], undefined, desk.encoding, started),
      status,
      ...(failure !== undefined && { notes: [{ severity, message: failure, uri: null, range: null }] }),
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

/** What taking a definition's change back, or doing it again, makes of it. */
const becomes = (type: HistoryPlan['type'], { change = 'redefined' }: JournalDefinition) =>
  type === 'redo'
    ? change
    : change === 'new'
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
  const changed = places.map(wire => ({ wire }));
  if (type === 'redo') return verify(desk, deed, changed, call);
  const { failure, verification } = await runRules(desk, deed.image, changed, call.signal);
  return { failure: failure && `${failure} The rollback stands.`, remains: [], verification };
}

/** Which transaction would be taken back or done again. @throws HotlispError like runHistory */
export async function describeHistory(
  desk: Desk,
  plan: HistoryPlan,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const image = await desk.deps.images.connect(undefined, signal);
  const { id, operation, time, definitions } = await targetOf(desk, image, plan);
  return { transaction: id, of: operation, time, definitions };
}

async function targetOf(desk: Desk, image: Image, plan: HistoryPlan): Promise<PastTransaction> {
  const past = transactionsOf(await desk.deps.journal().read());
  const here = past.filter(each => each.image === image.hello.image);
  const wanted = plan.type === 'redo' ? 'undone' : 'applied';
  // What ended unrecorded may have been applied: the image knows, and is asked when it is meant by name.
  const target =
    plan.transaction === undefined
      ? here.filter(each => each.state === wanted).at(-1)
      : here.find(({ id, state }) => id === plan.transaction && (state === wanted || state === 'unknown'));
  if (!target)
    throw noTransaction(
      plan,
      past.find(({ id }) => id === plan.transaction),
    );
  return target;
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
    const back = type === 'undo' ? 'redo' : 'undo';
    for (const transaction of done.reverse()) await desk.call(image, back, { transaction, force: true });
    throw error;
  }
  return {
    ...changes.at(-1)!,
    status: changes.some(({ status }) => status === 'partial') ? 'partial' : changes.at(-1)!.status,
    definitions: changes.flatMap(({ definitions }) => definitions),
    threads: changes.flatMap(({ threads }) => threads),
    remains: changes.flatMap(({ remains }) => remains),
  };
}

function noTransaction({ type, transaction }: HistoryPlan, known?: PastTransaction): HotlispError {
  const done = type === 'undo' ? 'rolled back' : 'done again';
  const which =
    transaction === undefined
      ? 'There is no change of this image that can be'
      : `Transaction ${transaction} is not a change of this image that can be`;
  const why =
    known === undefined || transaction === undefined
      ? ''
      : known.state === (type === 'undo' ? 'undone' : 'applied')
        ? type === 'undo'
          ? ' It was rolled back already.'
          : ' It is in force.'
        : type === 'redo'
          ? ' It was made in another image: hotlisp.replay brings it to this one.'
          : ' It was made in another image.';
  return new HotlispError('invalid-arguments', `${which} ${done}.${why} See hotlisp.history.`, {
    path: 'transaction',
  });
}
