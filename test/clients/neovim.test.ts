/** The main job from a real Neovim, with the file that its users copy and no plug-in; its prompts come through vim.ui.select. */
import { describe, it } from 'vitest';
import { eachWithApplication, mainJob } from './mainJob.ts';
import { startNeovim } from './neovim.ts';
import { readmeLines } from './readme.ts';
import { find } from './unpack.mjs';

describe('a real Neovim', () => {
  const surroundings = eachWithApplication();

  it('does the main job: deny, approve, notes in place, roll back, late and missing answers, a system, a killed server, a killed image', async () => {
    const neovim = find('neovim');
    if (!neovim)
      throw new Error(
        'Neovim 0.12 is missing: node test/clients/unpack.mjs neovim says why it cannot be had',
      );
    const editor = startNeovim(
      neovim.program,
      surroundings(),
      readmeLines('neovim', "vim.lsp.enable('hotlisp')"),
    );
    await mainJob(surroundings(), editor, { documents: true, progress: true, columns: true });
  }, 180_000);
});
