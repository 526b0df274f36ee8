/** A Neovim and an Emacs on one image, which serves itself on a Unix-domain socket: each knows of what the other has changed. */
import { describe, expect, it } from 'vitest';
import { HttpLoad } from '../support/httpLoad.ts';
import { startEmacs } from './emacs.ts';
import { eachWithApplication } from './mainJob.ts';
import { startNeovim } from './neovim.ts';
import { readmeLines } from './readme.ts';
import { find } from './unpack.mjs';

interface Shown {
  readonly prompt: string;
}

describe('two real editors', () => {
  const surroundings = eachWithApplication({ serve: true });

  it('share an image: an approval given before the other changed the function is asked again, and each sees the drift', async () => {
    const [vim, gnu] = [find('neovim'), find('emacs')];
    if (!vim || !gnu)
      throw new Error('Neovim or Emacs is missing: node test/clients/unpack.mjs neovim emacs says why');
    const { app } = surroundings();
    const page = () => HttpLoad.get(app.url);
    const before = await page();
    const neovim = startNeovim(
      vim.program,
      surroundings(),
      readmeLines('neovim', "vim.lsp.enable('hotlisp')"),
      'two-editors',
    );
    const emacs = startEmacs(gnu.program, surroundings(), ['-Q'], 'eglot', 'two-editors');
    await neovim.step('attached');
    await emacs.step('attached');
    neovim.goOn('emacs-attached');

    const [first] = (await neovim.step('asking'))['prompts'] as Shown[];
    expect(first!.prompt).toMatch(/Reload page/);
    expect(first!.prompt).not.toMatch(/hazard/i);
    emacs.goOn('neovim-asks');
    await emacs.step('changed');
    const emacsPage = before.replace('<h1>', '<h1>emacs ');
    expect(await page()).toBe(emacsPage);

    // What Neovim approved would do something else now: it is asked again, and nothing has changed until then.
    neovim.goOn('emacs-changed');
    const prompts = (await neovim.step('changed'))['prompts'] as Shown[];
    expect(prompts).toHaveLength(2);
    expect(prompts[1]!.prompt).toMatch(
      /no longer take the arguments that it takes now, \(title &optional \(mark "emacs"\)\): WEB-APP::HELLO calls it/,
    );
    expect(await page()).toBe(before.replace('<h1>', '<h1>vim '));

    emacs.goOn('neovim-changed');
    const drifted = await emacs.step('drifted');
    expect(drifted['message']).toMatch(/page.*the image runs the older text/);
    expect(drifted['text']).toMatch(/^page \(title &optional/);
    await emacs.step('changed-hello');
    expect(await page()).toBe(before.replace('<h1>', '<h1>vim ').replace('old', 'emacs'));

    neovim.goOn('emacs-changed-hello');
    const hello = await neovim.step('drifted');
    expect(hello['message']).toMatch(/text of hello/);
    expect(hello['text']).toBe('hello ()');
    expect(await page()).toBe(before.replace('<h1>', '<h1>vi ').replace('old', 'emacs'));
    neovim.goOn('end');
    expect(await neovim.ended()).toBe(0);
    expect(await emacs.ended()).toBe(0);
    expect(app.image.isRunning()).toBe(true);
  }, 180_000);
});
