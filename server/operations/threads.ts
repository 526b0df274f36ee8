/** One thread of the image: what it does, and stopping that. */
import * as z from 'zod';
import { formAtByte } from './locate.ts';
import { operation, query, type PlanContext } from './operation.ts';

const thread = z.number().int().positive().describe('number of a thread, as hotlisp.thread_list answers it');
const args = z.strictObject({ thread });

export const threadBacktrace = operation({
  name: 'thread_backtrace',
  title: 'Thread backtrace',
  documentation:
    'What a thread does, the innermost call first. A blocked thread is looked at from outside and not disturbed, without the arguments of its calls; one that computes is interrupted for a moment to tell.',
  args,
  plan: given =>
    query({
      type: 'query',
      op: 'backtrace',
      args: { thread: given.thread },
      blames: 'thread',
      report: async ({ thread: which, state, how, frames }, context) => ({
        thread: which,
        state,
        how,
        frames: await Promise.all(
          frames.map(async ({ number, text, file, byteOffset }) => ({
            number,
            text,
            ...(file !== undefined && { file, ...(await placeOf(file, byteOffset, context)) }),
          })),
        ),
      }),
    }),
});

/** Where the top-level form of a frame starts; the line is 1-based. */
async function placeOf(file: string, byte: number | undefined, context: PlanContext): Promise<object> {
  const uri = context.uriOf(file);
  const snapshot = byte === undefined ? undefined : await context.snapshot(uri).catch(() => undefined);
  const form = snapshot && formAtByte(snapshot, byte!);
  return form ? { uri, line: snapshot.positionAt(form.span.start, context.encoding).line + 1 } : { uri };
}

const stopping = (action: 'interrupt' | 'terminate', title: string, documentation: string) =>
  operation({
    name: `thread_${action}`,
    title,
    documentation,
    approval: 'terminate-thread',
    args,
    plan: given => ({ type: 'thread', action, thread: given.thread }),
  });

export const threadInterrupt = stopping(
  'interrupt',
  'Interrupt thread',
  'Has a thread abandon what it is doing, through its innermost ABORT restart; a thread that offers none of its own ends.',
);

export const threadTerminate = stopping(
  'terminate',
  'Terminate thread',
  'Unwinds a thread to its end; its cleanup forms run.',
);
