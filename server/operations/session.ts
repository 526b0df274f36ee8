/** Operations about the server's own affairs: approvals, outcomes, plans, the connection to the image. */
import * as z from 'zod';
import { approvalKinds } from '../approval/approver.ts';
import { HotlispError } from '../errors.ts';
import { imageTold, planPage } from './listings.ts';
import { arguments_, operation } from './operation.ts';

const none = z.strictObject({});

export const requestApproval = operation({
  name: 'request_approval',
  title: 'Request approval',
  documentation: 'Asks the person for an approval and answers {approved, decision, reason}.',
  args: z.strictObject({
    operation: z.enum(approvalKinds),
    details: z
      .union([z.string(), z.record(z.string(), z.unknown())])
      .optional()
      .describe('what the person is told besides: a text, or any object'),
  }),
  serve: ({ operation: kind, details }, session, call) => session.requestApproval(kind, details, call),
});

export const plan = operation({
  name: 'plan',
  title: 'Plan',
  documentation:
    'Says what an operation would do with the given arguments, and changes nothing: the definitions with their classes and hazards, dependents, notes and threads that its result would have, and in `setters` what functions that it calls set, which a rollback would leave as it is.',
  args: z.looseObject({
    operation: z.string().min(1).describe('name of the command, with or without `hotlisp.`'),
    arguments: z
      .record(z.string(), z.unknown())
      .optional()
      .describe(
        'its arguments, where they do not stand beside `operation`: some commands have one of that name',
      ),
  }),
  serve: ({ operation: name, arguments: nested, ...beside }, session, call) => {
    const [stray] = nested ? Object.keys(beside) : [];
    if (stray !== undefined)
      throw new HotlispError(
        'invalid-arguments',
        `hotlisp.plan: ${JSON.stringify(stray)} stands beside arguments; give it in there.`,
        { path: stray },
      );
    return session.planOf(name, nested ?? beside, call);
  },
  page: planPage,
});

export const outcome = operation({
  name: 'outcome',
  title: 'Outcome',
  documentation:
    'The outcome of a background request: its result or its error, as the request itself would have had it; with `wait`, once it is there.',
  args: z.strictObject({ request: arguments_.request, wait: z.boolean().default(false) }),
  serve: ({ request, wait }, session, call) => session.outcome(request, wait, call),
});

const answering = (name: 'approve' | 'reject', title: string) =>
  operation({
    name,
    title,
    documentation: `${title}: a person's answer where the editor cannot show the prompt.`,
    args: z.strictObject({ request: arguments_.request }),
    serve: async ({ request }, session) => {
      session.answer(request, name);
      return { request, answer: name };
    },
  });

export const approve = answering('approve', 'Approve');
export const reject = answering('reject', 'Reject');

export const imageStatus = operation({
  name: 'image_status',
  title: 'Image status',
  documentation: 'Which image is connected, or why none is.',
  args: none,
  serve: async (_, session) => session.imageStatus(),
  told: imageTold,
});

export const imageConnect = operation({
  name: 'image_connect',
  title: 'Connect to the image',
  documentation: 'Connects to the image that the settings name, starting one where they say so.',
  args: none,
  serve: (_, session, call) => session.connectImage(call),
  told: imageTold,
});

export const imageDisconnect = operation({
  name: 'image_disconnect',
  title: 'Disconnect from the image',
  documentation: 'Ends the connection: an attached image goes on, a spawned one is ended.',
  args: none,
  serve: (_, session) => session.disconnectImage(),
  told: imageTold,
});

export const imageRestart = operation({
  name: 'image_restart',
  title: 'Restart the image',
  documentation: 'Ends a spawned image and starts a new one; reconnects to an attached one.',
  args: none,
  serve: (_, session, call) => session.restartImage(call),
  told: imageTold,
});
