/** Loading a compiled file. */
import * as z from 'zod';
import { operation } from './operation.ts';

export const codeLoadFasl = operation({
  name: 'code_load_fasl',
  title: 'Load compiled file',
  documentation:
    'Loads a compiled file, all or nothing. Its header is judged first: a file of another SBCL, a truncated one and one that SBCL did not make are the error fasl-mismatch, which says what to compile instead.',
  approval: 'modify-running-code',
  args: z.strictObject({
    path: z.string().min(1).describe('of the compiled file; relative ones from the workspace folder'),
  }),
  plan: ({ path }, context) => ({ type: 'fasl', path: context.fileOf(context.uriOf(path)) }),
});
