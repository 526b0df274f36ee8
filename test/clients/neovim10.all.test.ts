/** The main job from the oldest Neovim that is supported, with the lines that the README has for it. */
import { describe, it } from 'vitest';
import { eachWithApplication, mainJob } from './mainJob.ts';
import { startNeovim } from './neovim.ts';
import { readmeLines } from './readme.ts';
import { find } from './unpack.mjs';

describe('a real Neovim 0.10', () => {
  const surroundings = eachWithApplication();

  it('does the main job, as the newest does', async () => {
    const neovim = find('neovim10');
    if (!neovim)
      throw new Error(
        'Neovim 0.10 is missing: node test/clients/unpack.mjs neovim10 says why it cannot be had',
      );
    const editor = startNeovim(neovim.program, surroundings(), readmeLines('neovim', 'dofile'));
    await mainJob(surroundings(), editor, { documents: true, progress: true, columns: true });
  }, 180_000);
});
