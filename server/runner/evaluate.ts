/** Evaluating code on request. */
import { oneLine } from '../display.ts';
import { HotlispError } from '../errors.ts';
import type { Image } from '../image/image.ts';
import type { Call, EvalPlan } from '../operations/operation.ts';
import { digestOfDeed, type Deed } from './deeds.ts';
import type { Stop } from './debugger.ts';
import { outputLimit, type Approved, type Desk } from './desk.ts';
import { Limit } from './limit.ts';
import * as report from './report.ts';

/** @throws HotlispError `debugger-aborted` with the condition, `timeout`, `cancelled` */
export async function runEvaluation(
  desk: Desk,
  { name: operation, approval: kind }: Approved,
  plan: EvalPlan,
  call: Call,
  started: number,
): Promise<report.OperationResult> {
  const image = await desk.deps.images.connect(undefined, call.signal);
  desk.refuseReadOnly(image);
  const { code, package: packageName, readtable, syntax = [], home } = plan;
  const first = syntax.length > 0 ? ` ${report.runsFirst(syntax.map(({ text }) => text))}` : '';
  const deed: Deed = {
    operation,
    kind,
    image,
    bound: { code, package: packageName, readtable, syntax },
    message: `#${call.request} Evaluate ${oneLine(plan.title ?? code, 300)} in ${packageName ? `package ${oneLine(packageName)} of ` : ''}${oneLine(image.title)}?${first}`,
    hazardous: false,
    buffers: [],
    source: [...syntax, { text: code, package: packageName ?? 'COMMON-LISP-USER' }].map(each => ({
      before: null,
      after: each.text,
      file: null,
      package: each.package,
    })),
    diff: async () => code,
  };
  (await desk.deps.deeds.approve(deed, call)).consume(digestOfDeed(deed));
  const seconds = desk.deps.settings().evalTimeoutSeconds;
  const limit = new Limit(seconds * 1000);
  const patience = desk.deps.debugger.imagePatience(call);
  let abandoned: string | undefined;
  const onStop = (stop: Stop) =>
    void desk.deps.debugger.settle(image, stop, code, call, limit, why => (abandoned = why));
  try {
    const args = {
      code,
      outputLimit: keptOutput(image),
      ...(plan.inspects && { keep: true }),
      ...(packageName !== undefined && { package: packageName }),
      ...(readtable !== undefined && { readtable }),
      ...(syntax.length > 0 && { syntax }),
      ...(home?.inFile && { place: home.inFile }),
      ...(patience !== undefined && { patience }),
    };
    const signal = AbortSignal.any([call.signal, limit.signal]);
    const answer = await desk.call(image, 'eval', args, signal, undefined, onStop);
    await desk.deps.deeds.recordOutcome(deed, call, {
      status: answer.status === 'evaluated' ? 'applied' : 'failed',
    });
    const { snapshot, start } = home ?? { snapshot: desk.deps.documents.scratch(code), start: 0 };
    const notes = report.codeNotes(
      snapshot,
      { start, end: start + code.length },
      answer.notes,
      desk.encoding,
    );
    if (plan.places) desk.deps.showValues(plan.places, answer.status === 'evaluated' ? answer.results : []);
    if (answer.status === 'signalled') {
      const { condition, output, results, restarts } = answer;
      const what = condition
        ? `${condition.type}: ${condition.text}`
        : 'The code abandoned its own evaluation, through the ABORT restart.';
      throw new HotlispError('debugger-aborted', what, {
        condition: condition ?? null,
        ...(abandoned !== undefined && { reason: abandoned }),
        restarts,
        ...(await spooled(desk, output, answer.truncated)),
        ...(answer.cut && { truncated: true }),
        results,
      });
    }
    return {
      ...report.emptyResult,
      status: answer.status === 'evaluated' ? 'applied' : 'failed',
      values: answer.values,
      results: answer.results,
      notes,
      ...(await spooled(desk, answer.output, answer.truncated)),
      ...(answer.cut && { truncated: true }),
      package: answer.package,
      ...(answer.inspected && { inspected: answer.inspected }),
      ...(answer.restarts.length > 0 && { restarts: answer.restarts }),
      duration_ms: report.since(started),
    };
  } catch (error) {
    // Ours, recorded above; one that the wire itself met holds no condition.
    if (error instanceof HotlispError && error.kind === 'debugger-aborted' && 'condition' in error.details)
      throw error;
    await desk.deps.deeds.recordFailure(deed, call, error);
    if (limit.signal.aborted && !call.signal.aborted)
      throw new HotlispError(
        'timeout',
        `The evaluation did not finish within ${seconds} s (hotlisp.evalTimeoutSeconds) and was cancelled.`,
      );
    throw error;
  } finally {
    limit.end();
  }
}

/** Characters of output that are kept; with all that has to be escaped, so many fit a message of Swank's or Slynk's. */
const keptOutput = ({ kind }: Image): number =>
  kind === 'swank' || kind === 'slynk' ? 3_000_000 : 12_000_000;

/** Output as it is answered; what is too long for that stands in a file as a whole, as far as it was kept, and as the disk has room. */
async function spooled(
  desk: Desk,
  output: string,
  truncated: boolean,
): Promise<{ output: string; truncated: boolean; output_uri?: string }> {
  if (output.length <= outputLimit) return { output, truncated };
  const page = { name: 'output', extension: 'txt', lines: [output] } as const;
  const { where, ...uri } = await desk.deps.pages.write(page).then(
    output_uri => ({ where: `is in ${output_uri}`, output_uri }),
    (error: Error) => ({ where: `could not be written to a file: ${error.message}` }),
  );
  const said = `\n[${output.length - outputLimit} more characters${truncated ? ', and what was beyond the limit,' : ''} are not shown here; ${truncated ? 'as much as was kept' : 'the whole'} ${where}]\n`;
  return { output: output.slice(0, outputLimit) + said, truncated: true, ...uri };
}
