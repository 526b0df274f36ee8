/** Carrying out the removal of definitions. */
import { randomUUID } from 'node:crypto';
import { displayDefinition, listed, oneLine } from '../display.ts';
import { HotlispError } from '../errors.ts';
import { wholeName } from '../operations/names.ts';
import type { Call, RemovalPlan } from '../operations/operation.ts';
import { digestOfDeed, type Deed } from './deeds.ts';
import type { Approved, Desk } from './desk.ts';
import * as report from './report.ts';
import { conclude } from './verify.ts';

/** @throws HotlispError `unknown-symbol` when the image has none of the definitions */
export async function runRemoval(
  desk: Desk,
  { name: operation, approval: kind }: Approved,
  plan: RemovalPlan,
  call: Call,
  started: number,
): Promise<report.OperationResult> {
  const image = await desk.deps.images.connect(undefined, call.signal);
  desk.refuseReadOnly(image);
  const wanted = { definitions: [...plan.definitions], package: plan.package };
  const { definitions, callers } = await image.call('removal', wanted, { signal: call.signal });
  if (definitions.length === 0)
    throw new HotlispError(
      'unknown-symbol',
      `The image does not have ${listed(plan.definitions.map(each => `${each.kind} ${oneLine(wholeName(each))}`))}: there is nothing to remove.`,
    );
  const what = listed(definitions.map(displayDefinition));
  const deed: Deed = {
    operation,
    kind,
    image,
    bound: { definitions, callers },
    message: [
      `#${call.request} Remove ${what} from ${oneLine(image.title)}?`,
      callers.length > 0
        ? `Hazard: it is used by ${listed(callers.map(each => oneLine(each, 80)))}, which will fail once they get there.`
        : 'No compiled code is known to use it.',
    ].join(' '),
    hazardous: callers.length > 0,
    buffers: plan.buffers,
    transaction: randomUUID(),
    definitions,
    deed: { type: 'removal', ...wanted },
    source: [{ before: plan.text, after: '', file: null, package: plan.package }],
    diff: async () => `remove ${what}\n\n${plan.text ?? ''}\n`,
  };
  (await desk.deps.deeds.approve(deed, call)).consume(digestOfDeed(deed));
  try {
    const change = await desk.call(
      image,
      'remove',
      { transaction: deed.transaction!, ...wanted },
      call.signal,
    );
    const places = definitions.map(each => ({ package: each.package, file: plan.file }));
    const { status, failure, told } = await conclude(desk, deed, change, places, call);
    if (status === 'applied') {
      desk.previousSources(image).forget();
      if (change.threads.length > 0) desk.deps.onOldCode(image, plan.title, change);
    }
    const said = [failure, change.condition?.text].filter(each => each !== undefined);
    return {
      ...report.emptyResult,
      status,
      transaction: change.transaction,
      definitions: change.definitions,
      callers,
      notes: said.map(message => report.placelessNote(message)),
      ...report.reportedThreads(change.threads),
      output: change.output,
      ...told,
      duration_ms: report.since(started),
    };
  } catch (error) {
    await desk.deps.deeds.recordFailure(deed, call, error);
    throw error;
  }
}
