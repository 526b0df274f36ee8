/** Taking a transaction back, or doing it again. */
import { randomUUID } from 'node:crypto';
import { displayDefinition, listed, oneLine } from '../approval/display.ts';
import { HotlispError } from '../errors.ts';
import { wireKind } from '../image/connection.ts';
import type { Call, HistoryPlan } from '../operations/operation.ts';
import { digestOfDeed, type Deed } from './deeds.ts';
import type { Approved, Desk } from './desk.ts';
import { transactionsOf } from './past.ts';
import * as report from './report.ts';

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
  const past = transactionsOf(await desk.deps.journal().read(), image.hello.image);
  const candidates = past.filter(({ undone }) => undone === (plan.type === 'redo'));
  const target =
    plan.transaction === undefined ? candidates.at(-1) : candidates.find(({ id }) => id === plan.transaction);
  if (!target) throw noTransaction(plan);
  const attempt = async (force: boolean, warning: string) => {
    const what = listed(target.definitions.map(displayDefinition));
    const verb = plan.type === 'undo' ? 'Roll back' : 'Do again';
    const deed: Deed = {
      operation,
      kind,
      image,
      bound: { transaction: target.id, force },
      message: `#${call.request} ${verb} ${what} in ${oneLine(image.title)}?${warning}`,
      hazardous: force,
      buffers: [],
      transaction: randomUUID(),
      definitions: target.definitions,
      diff: async () => `${verb}: ${what}\n`,
    };
    (await desk.deps.deeds.approve(deed, call)).consume(digestOfDeed(deed));
    try {
      const change = await desk.call(image, plan.type, { transaction: target.id, force }, call.signal);
      await desk.deps.deeds.recordOutcome(deed, call, {
        status: change.status,
        target: target.id,
        remains: change.remains,
      });
      desk.previousSources(image).forget();
      if (change.threads.length > 0) desk.deps.onOldCode(image, verb, change);
      return report.changeResult(change, [], undefined, desk.encoding, started);
    } catch (error) {
      await desk.deps.deeds.recordFailure(deed, call, error);
      throw error;
    }
  };
  try {
    return await attempt(false, '');
  } catch (error) {
    if (wireKind(error) !== 'superseded') throw error;
    return attempt(true, ` Hazard: ${oneLine((error as Error).message)} It would be overwritten.`);
  }
}

function noTransaction({ type, transaction }: HistoryPlan): HotlispError {
  const done = type === 'undo' ? 'rolled back' : 'done again';
  const which =
    transaction === undefined
      ? 'There is no change of this image that can be'
      : `Transaction ${transaction} is not a change of this image that can be`;
  return new HotlispError('invalid-arguments', `${which} ${done}. See hotlisp.history.`, {
    path: 'transaction',
  });
}
