import { describe, it } from 'vitest';
import { eachWithApplication, mainJob, startEmacs } from './eglot.ts';
import { find } from './unpack.mjs';

describe('a real Emacs with the eglot that is built in', () => {
  eachWithApplication();

  it('does the main job: deny, approve, notes in place, roll back, late and missing answers, a killed server', async () => {
    const emacs = find('emacs');
    if (!emacs)
      throw new Error(
        'Emacs 29 or newer is missing: node test/clients/unpack.mjs emacs says why it cannot be had',
      );
    await mainJob(startEmacs(emacs.program, ['-Q']), true);
  }, 180_000);
});
