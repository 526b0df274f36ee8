/** Showing how the text of a definition differs from what the image runs. */
import * as z from 'zod';
import { arguments_, operation } from './operation.ts';

export const showDiff = operation({
  name: 'show_diff',
  title: 'Show diff',
  documentation:
    'Shows how a definition differs between the image and the buffer, as a document: the one at a position, or the one of that name, which the buffer need not have.',
  args: z
    .strictObject({
      uri: arguments_.uri,
      version: arguments_.version.optional(),
      position: arguments_.position.optional(),
      definition: z.string().min(1).optional().describe('the name, as a drift hint says it'),
    })
    .refine(args => (args.position === undefined) !== (args.definition === undefined), {
      message: 'or definition is to be given, and not both',
      path: ['position'],
    }),
  serve: (args, session, call) => session.showDiff(args, call),
});
