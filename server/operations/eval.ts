/** Evaluation on request. */
import { z } from 'zod';
import { arguments_, operation } from './operation.ts';

export const replEval = operation({
  name: 'repl_eval',
  title: 'Evaluate',
  documentation:
    'Evaluates every form of the code in the image, in order, and answers the printed values of the last one.',
  approval: 'eval',
  args: z.strictObject({ code: z.string().min(1), package: arguments_.package.optional() }),
  plan: args => ({ type: 'eval', code: args.code, package: args.package }),
});
