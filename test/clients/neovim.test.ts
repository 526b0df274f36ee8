/** The main job from a real Neovim, with the file that its users copy and no plug-in; its prompts come through vim.ui.select. */
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HttpLoad } from '../support/httpLoad.ts';
import { nodeProgram, repository, serverProgram } from '../support/lspClient.ts';
import { survivors } from '../support/processes.ts';
import { Happenings, within } from '../support/wait.ts';
import { startWebApp, type WebApp } from '../support/webApp.ts';
import { find } from './unpack.mjs';

interface Step {
  readonly step: string;
  readonly [key: string]: unknown;
}

describe('a real Neovim', () => {
  let app: WebApp;
  let home: string;

  beforeAll(async () => {
    app = await startWebApp();
    home = mkdtempSync(path.join(tmpdir(), 'hotlisp-nvim-'));
  });
  afterAll(async () => {
    await app?.stop();
    if (home) rmSync(home, { recursive: true, force: true });
  });

  /** Neovim with the configuration that clients/neovim/README.md describes, and `hotlisp` on its PATH. */
  function startNeovim(program: string) {
    const config = path.join(home, 'config/nvim');
    mkdirSync(path.join(config, 'lsp'), { recursive: true });
    cpSync(path.join(repository, 'clients/neovim/hotlisp.lua'), path.join(config, 'lsp/hotlisp.lua'));
    writeFileSync(
      path.join(config, 'init.lua'),
      `vim.lsp.enable('hotlisp')
       vim.lsp.config('hotlisp', { settings = { hotlisp = { image = { mode = 'attach', address = '${app.address}' } } } })\n`,
    );
    const bin = path.join(home, 'bin');
    mkdirSync(bin);
    writeFileSync(path.join(bin, 'hotlisp'), `#!/bin/sh\nexec '${nodeProgram}' '${serverProgram}' "$@"\n`, {
      mode: 0o755,
    });
    const folder = (name: string) => {
      const made = path.join(home, name);
      mkdirSync(made, { recursive: true, mode: 0o700 });
      return made;
    };
    const child = spawn(
      program,
      ['--headless', '-n', app.file, '-S', path.join(repository, 'test/clients/neovim.lua')],
      {
        cwd: app.root,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          ...process.env,
          PATH: `${bin}:${process.env['PATH']}`,
          HOTLISP_TEST_FOLDER: home,
          XDG_CONFIG_HOME: path.join(home, 'config'),
          XDG_DATA_HOME: folder('data'),
          XDG_STATE_HOME: folder('state'),
          XDG_RUNTIME_DIR: folder('run'),
        },
      },
    );
    const steps = new Happenings<Step>();
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    readline.createInterface({ input: child.stdout }).on('line', line => {
      if (line.startsWith('{')) steps.add(JSON.parse(line) as Step);
    });
    const exited = new Promise<number | null>(resolve => child.on('exit', resolve));
    const step = async (name: string): Promise<Step> => {
      const found = await steps.next(
        `Neovim's step ${name} (stderr: ${stderr.slice(-2000)})`,
        each => each.step === name || each.step === 'failed',
        0,
        60_000,
      );
      if (found.step === 'failed') throw new Error(`Neovim: ${JSON.stringify(found)} ${stderr}`);
      return found;
    };
    return { child, step, exited, goOn: (name: string) => writeFileSync(path.join(home, name), '') };
  }

  it('changes a handler under load: Deny keeps the old one, Approve swaps it, a mistake is shown where it is', async () => {
    const neovim = find('neovim');
    if (!neovim)
      throw new Error(
        'Neovim 0.12 is missing: node test/clients/unpack.mjs neovim says why it cannot be had',
      );
    const before = await HttpLoad.get(app.url);
    const after = before.replace('old', 'new');
    const load = new HttpLoad(app.url, { keepAlive: 2, single: 1 });
    const more = async () => {
      const from = load.answers.all.length;
      await load.answers.next('ten more answers', () => load.answers.all.length >= from + 10, from);
    };
    const { child, step, exited, goOn } = startNeovim(neovim.program);
    try {
      expect(await step('attached')).toMatchObject({ root: app.root });
      const denied = await step('denied');
      const [prompt] = denied['prompts'] as { kind: string; prompt: string; titles: string[] }[];
      expect(prompt).toMatchObject({
        kind: 'lsp_message',
        titles: ['Deny', 'Approve', 'Approve for Session', 'Show Diff'],
      });
      expect(prompt!.prompt).toMatch(/reload hello/i);
      await more();
      expect(await HttpLoad.get(app.url)).toBe(before);
      goOn('after-deny');
      await step('dismissed');
      await step('approved');
      const done = performance.now();
      await more();
      expect(new Set(load.answers.all.filter(each => each.sent > done).map(each => each.body))).toEqual(
        new Set([after]),
      );
      goOn('after-approve');
      const refused = await step('refused');
      expect(refused['text']).toBe('(a 1 2)) a)');
      expect(await within('Neovim to end', exited)).toBe(0);
      await more();
      expect(await HttpLoad.get(app.url)).toBe(after);
    } finally {
      await load.stop();
      child.kill('SIGKILL');
      await survivors([child.pid!]);
    }
    expect(load.failures).toEqual([]);
    expect(new Set(load.answers.all.map(each => each.body))).toEqual(new Set([before, after]));
    expect(app.image.isRunning()).toBe(true);
  });
});
