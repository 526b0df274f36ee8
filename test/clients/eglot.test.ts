/** The main job from a real Emacs: eglot, the file that its users copy, and nothing else. */
import { describe, it } from 'vitest';
import { startEmacs } from './emacs.ts';
import { eachWithApplication, mainJob } from './mainJob.ts';
import { find } from './unpack.mjs';

describe('a real Emacs with the eglot that is built in', () => {
  const surroundings = eachWithApplication();

  it('does the main job: deny, approve, notes in place, roll back, late and missing answers, a system, a killed server, a killed image', async () => {
    const emacs = find('emacs');
    if (!emacs)
      throw new Error(
        'Emacs 29 or newer is missing: node test/clients/unpack.mjs emacs says why it cannot be had',
      );
    const editor = startEmacs(emacs.program, surroundings(), ['-Q'], 'eglot');
    await mainJob(surroundings(), editor, { documents: true, progress: true, columns: true });
  }, 180_000);
});
