/** The READMEs of the editors, tried from nothing: the packed package, an empty home directory, a terminal, and the keys that they name. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HttpLoad } from '../support/httpLoad.ts';
import { repository } from '../support/lspClient.ts';
import { emacs28 } from './emacs.ts';
import { EditorHome } from './home.ts';
import { eachWithApplication } from './mainJob.ts';
import { readmeLines } from './readme.ts';
import { Terminal } from './terminal.ts';
import { find, type ToolName } from './unpack.mjs';

function run(command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: repository, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stdout + stderr}`);
  return stdout;
}

function program(name: ToolName): string {
  const found = find(name);
  if (!found)
    throw new Error(`${name} is missing: node test/clients/unpack.mjs ${name} says why it cannot be had`);
  return found.program;
}

/** Presses a key until what it shows is there: the server needs a moment, which no editor shows. */
async function asked(editor: Terminal, press: () => void, shown: RegExp, leave: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    press();
    try {
      return void (await editor.shows(shown, 3000));
    } catch (error) {
      if (tries === 10) throw error;
      editor.keys(leave);
    }
  }
}

describe('what the README says, in an empty home directory with the packed package,', () => {
  const surroundings = eachWithApplication();
  let packages: EditorHome;
  let tarball: string;

  beforeAll(() => {
    packages = new EditorHome();
    // The built dist is packed as it is: prepack would build it again under the feet of other tests.
    const [{ filename }] = JSON.parse(
      run('npm', 'pack', '--ignore-scripts', '--json', '--pack-destination', packages.folder),
    ) as [{ filename: string }];
    tarball = packages.path(filename);
  });
  afterAll(() => packages?.remove());

  const page = () => HttpLoad.get(surroundings().app.url);
  /** As the person would write it: the address of the example is theirs. */
  const withAddress = (text: string) => text.replace('127.0.0.1:4005', surroundings().app.address);

  /** Installs the package, puts a file of it into the home directory, and opens the application's file in a terminal. */
  function start(
    copies: Readonly<Record<string, string>>,
    lines: Readonly<Record<string, string>>,
    command: string[],
  ) {
    const { app, home } = surroundings();
    rmSync(home.path('bin'), { recursive: true });
    run(
      'npm',
      'install',
      '--global',
      '--offline',
      '--no-audit',
      '--no-fund',
      '--prefix',
      home.folder,
      tarball,
    );
    for (const [from, to] of Object.entries(copies)) {
      mkdirSync(path.dirname(home.path(to)), { recursive: true });
      cpSync(home.path(`lib/node_modules/hotlisp/clients/${from}`), home.path(to));
    }
    for (const [to, text] of Object.entries(lines)) home.write(to, withAddress(text));
    const terminal = new Terminal(home, [...command, app.file], app.root);
    surroundings().editors.push(terminal);
    return terminal;
  }

  const neovim = (name: ToolName, line: string) => async () => {
    const before = await page();
    const vim = start(
      { 'neovim/hotlisp.lua': 'config/nvim/lsp/hotlisp.lua' },
      { 'config/nvim/init.lua': readmeLines('neovim', line) },
      [program(name), '-n'],
    );
    await vim.shows(/defun hello/);
    vim.type(':17s/old/new/');
    vim.keys('Enter');
    await asked(vim, () => vim.type('gra'), /1: Reload hello/, 'Escape');
    vim.type('1');
    vim.keys('Enter');
    await vim.shows(/Reload hello in swank[^]*1: Deny[^]*2: Approve/);
    vim.type('2');
    vim.keys('Enter');
    await vim.shows(/Reload form: function WEB-APP::HELLO/);
    expect(await page()).toBe(before.replace('old', 'new'));
    vim.keys('Enter', 'Escape');
    vim.type(':HotlispRollback');
    vim.keys('Enter');
    await vim.shows(/Roll back function WEB-APP::HELLO[^]*2: Approve/);
    vim.type('2');
    vim.keys('Enter');
    await vim.shows(/Roll back: /);
    expect(await page()).toBe(before);
  };
  it('works in Neovim', neovim('neovim', "vim.lsp.enable('hotlisp')"), 120_000);
  it('works in Neovim 0.10', neovim('neovim10', 'dofile'), 120_000);

  /** The lines of languages.toml, with those of the image no longer comments, and of config.toml; then Space a. */
  const helix =
    (name: ToolName, approve: (hx: Terminal) => Promise<void>, left = '') =>
    async () => {
      const before = await page();
      const lines = (file: string) => readFileSync(path.join(repository, 'clients/helix', file), 'utf8');
      const hx = start(
        {},
        {
          'config/helix/languages.toml': lines('languages.toml').replaceAll(/^# (?=\[|\w+ = )/gm, ''),
          'config/helix/config.toml': lines('config.toml').replaceAll(left, ''),
        },
        [program(name)],
      );
      await hx.shows(/NOR\s+web-app\.lisp/);
      hx.type('/old');
      hx.keys('Enter', 'c');
      await hx.shows(/ INS /);
      hx.type('new');
      hx.keys('Escape');
      await hx.shows(/ NOR /);
      await asked(hx, () => hx.type(' a'), /Reload hello[^]*Reload file/, 'Escape');
      // the first one is marked
      hx.keys('Enter');
      await approve(hx);
      await hx.shows(/Reload form: function WEB-APP::HELLO/);
      expect(await page()).toBe(before.replace('old', 'new'));
      hx.type(' lu');
      await approve(hx);
      // a command that Helix itself waits for ends without a word
      if (left === '') await hx.shows(/Roll back: /);
      await expect.poll(page, { timeout: 30_000 }).toBe(before);
    };
  it(
    'works in Helix',
    helix('helix', async hx => {
      await hx.shows(/Deny[^]*Approve[^]*Approve for Session/);
      hx.keys('Down', 'Enter');
    }),
    120_000,
  );
  it(
    'works in a Helix that cannot ask',
    helix(
      'helix25',
      async hx => {
        await hx.shows(/#\d+ (?:Reload hello|Roll back)/);
        hx.type(' a');
        await hx.shows(/Approve reload #\d+[^]*Reject reload #\d+/);
        hx.keys('Enter');
      },
      ' {"background":true}',
    ),
    120_000,
  );

  const emacs =
    (command: () => string[], client: string, first: (emacs: Terminal) => Promise<void>) => async () => {
      const before = await page();
      const gnu = start(
        { [`emacs/hotlisp-${client}.el`]: `home/.emacs.d/hotlisp-${client}.el` },
        { 'home/.emacs.d/init.el': readmeLines('emacs', `(load "~/.emacs.d/hotlisp-${client}")`) },
        command(),
      );
      await gnu.shows(/defun hello/);
      await first(gnu);
      // The keys are those of the client's mode.
      await gnu.shows(/\[eglot:|LSP\[hotlisp:/);
      gnu.keys('M-g', 'g');
      gnu.type('17');
      gnu.keys('Enter', 'C-s');
      gnu.type('old');
      gnu.keys('Enter', 'M-BSpace');
      gnu.type('new');
      await gnu.shows(/"new ~A/);
      await asked(gnu, () => gnu.keys('C-c', 'h', 'a'), /Pick an action|Select code action/, 'C-g');
      gnu.type('Reload hello');
      gnu.keys('Enter');
      await gnu.shows(/Reload hello in swank/);
      gnu.keys('C-a', 'C-k');
      gnu.type('Approve');
      gnu.keys('Enter');
      await gnu.shows(/Reload form: function WEB-APP::HELLO/);
      expect(await page()).toBe(before.replace('old', 'new'));
      gnu.keys('C-c', 'h', 'u');
      await gnu.shows(/Roll back function WEB-APP::HELLO/);
      gnu.keys('C-a', 'C-k');
      gnu.type('Approve');
      gnu.keys('Enter');
      await gnu.shows(/Roll back: /);
      expect(await page()).toBe(before);
    };
  it(
    'works in Emacs with eglot',
    emacs(
      () => [program('emacs'), '-nw'],
      'eglot',
      () => Promise.resolve(),
    ),
    120_000,
  );
  it(
    'works in Emacs with lsp-mode',
    emacs(
      () => [emacs28, '-nw'],
      'lsp-mode',
      async gnu => {
        await gnu.shows(/not part of any project|Import project/i);
        gnu.type('i');
      },
    ),
    120_000,
  );
});
