/** Calls that show something of the image and run code of the user's on the way: printing does. */
import { oneLine } from '../display.ts';
import { HotlispError } from '../errors.ts';
import type { Image } from '../image/image.ts';
import type { Call, ToolPlan } from '../operations/operation.ts';
import { digestOfDeed, type Deed } from './deeds.ts';
import type { Approved, Desk } from './desk.ts';
import { since } from './report.ts';

/** What `code` stands for, to be approved and recorded. */
export function toolDeed(
  image: Image,
  { name: operation, approval: kind }: Approved,
  code: string,
  bound: unknown,
  call: Call,
): Deed {
  return {
    operation,
    kind,
    image,
    bound,
    message: `#${call.request} Evaluate ${oneLine(code, 300)} in ${oneLine(image.title)}?`,
    hazardous: false,
    buffers: [],
    source: [{ before: null, after: code, file: null, package: 'COMMON-LISP-USER' }],
    diff: async () => code,
  };
}

/** @throws HotlispError `timeout`, `cancelled`, `read-only`, and what the image refuses */
export async function runTool(
  desk: Desk,
  approved: Approved,
  plan: ToolPlan,
  call: Call,
  started: number,
): Promise<unknown> {
  const { op, args, code } = plan;
  const image = await desk.deps.images.connect(undefined, call.signal);
  desk.refuseReadOnly(image);
  const deed = toolDeed(image, approved, code, { op, args }, call);
  (await desk.deps.deeds.approve(deed, call)).consume(digestOfDeed(deed));
  const seconds = desk.deps.settings().evalTimeoutSeconds;
  const limit = AbortSignal.timeout(seconds * 1000);
  try {
    const answer = await desk.call(image, op, args, AbortSignal.any([call.signal, limit]));
    await desk.deps.deeds.recordOutcome(deed, call, { status: 'applied' });
    return { ...plan.report(answer), duration_ms: since(started) };
  } catch (error) {
    await desk.deps.deeds.recordFailure(deed, call, error);
    if (limit.aborted && !call.signal.aborted)
      throw new HotlispError(
        'timeout',
        `The image did not finish ${op} within ${seconds} s (hotlisp.evalTimeoutSeconds); it was told to give up.`,
      );
    throw error;
  }
}
