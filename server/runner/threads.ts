/** Stopping what a thread does, or the thread. */
import { oneLine } from '../display.ts';
import { HotlispError } from '../errors.ts';
import type { Thread } from '../image/protocol.ts';
import type { Call, ThreadPlan } from '../operations/operation.ts';
import { digestOfDeed, type Deed } from './deeds.ts';
import type { Approved, Desk } from './desk.ts';
import * as report from './report.ts';

/** @throws HotlispError `invalid-arguments` for a thread that is not there, or is the agent's own */
export async function runThread(
  desk: Desk,
  { name: operation, approval: kind }: Approved,
  plan: ThreadPlan,
  call: Call,
  started: number,
): Promise<report.OperationResult> {
  const image = await desk.deps.images.connect(undefined, call.signal);
  desk.refuseReadOnly(image);
  const { threads } = await image.call('threads', {}, { signal: call.signal });
  const thread = threads.find(({ id }) => id === plan.thread);
  if (!thread)
    throw new HotlispError(
      'invalid-arguments',
      `There is no thread ${plan.thread}, or not any more. hotlisp.thread_list lists those there are.`,
      { path: 'thread' },
    );
  if (thread.agent)
    throw new HotlispError(
      'invalid-arguments',
      `Thread ${plan.thread} (${oneLine(thread.name)}) is one of Hotlisp's own: stopping it would end the connection.`,
      { path: 'thread' },
    );
  const deed: Deed = {
    operation,
    kind,
    image,
    bound: { action: plan.action, thread: thread.id, name: thread.name },
    message: `#${call.request} ${plan.action === 'interrupt' ? 'Interrupt' : 'Terminate'} ${consequences(plan, thread, oneLine(image.title))}`,
    hazardous: thread.main,
    buffers: [],
    diff: async () => `${plan.action} thread ${thread.id}: ${thread.name}\n`,
  };
  (await desk.deps.deeds.approve(deed, call)).consume(digestOfDeed(deed));
  try {
    const args = { thread: thread.id, name: thread.name };
    const answer = await (plan.action === 'interrupt'
      ? desk.call(image, 'interrupt', args, call.signal)
      : desk.call(image, 'terminate', args, call.signal));
    const restart = 'restart' in answer ? answer.restart : undefined;
    const done = answer.ended || restart !== undefined;
    await desk.deps.deeds.recordOutcome(deed, call, {
      status: done ? 'applied' : 'failed',
      message: `${plan.action} thread ${thread.id} (${thread.name})`,
    });
    return {
      ...report.emptyResult,
      status: done ? 'applied' : 'failed',
      thread: answer.thread,
      ended: answer.ended,
      ...(restart !== undefined && { restart }),
      notes: done ? [] : [report.placelessNote(notDone(plan, thread), 'warning')],
      duration_ms: report.since(started),
    };
  } catch (error) {
    await desk.deps.deeds.recordFailure(deed, call, error);
    throw error;
  }
}

function consequences({ action }: ThreadPlan, thread: Thread, image: string): string {
  return [
    `thread ${thread.id} (${oneLine(thread.name)}) of ${image}?`,
    thread.main ? 'It is the main thread: the program may end with it.' : '',
    action === 'interrupt'
      ? 'It abandons what it is doing, through its innermost ABORT restart; without one of its own it ends.'
      : 'It is unwound to its end, and its cleanup forms run.',
    thread.state === 'blocked'
      ? 'It is blocked in a system or foreign call: a call that can be interrupted ends early, with others it happens once the call returns.'
      : thread.state === 'unknown'
        ? 'Whether it is in a foreign call cannot be told; it would happen once that returns.'
        : '',
  ]
    .filter(Boolean)
    .join(' ');
}

const notDone = ({ action }: ThreadPlan, thread: Thread) =>
  action === 'interrupt'
    ? `Thread ${oneLine(thread.name)} did not answer: it is in a foreign call or has interrupts off. Nothing was done to it.`
    : `Thread ${oneLine(thread.name)} has been told to end and has not yet: it runs its cleanup forms, has interrupts off, or is in a foreign call.`;
