/** More of a day with Helix: the diff, a question that nobody answers, a system, an image that was killed, two editors on one image. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpLoad } from '../support/httpLoad.ts';
import { startWebApp, writeSystem, type WebApp } from '../support/webApp.ts';
import { Helix } from './helix.ts';
import { EditorHome } from './home.ts';
import { find } from './unpack.mjs';

describe('a real Helix', () => {
  let app: WebApp;
  let gate: string;
  let homes: EditorHome[];
  let editors: Helix[];

  beforeEach(async () => {
    [homes, editors] = [[], []];
    app = await startWebApp();
    gate = path.join(app.root, 'gate');
    writeSystem(app, gate);
    // Helix takes the repository for the workspace, and has none elsewhere.
    mkdirSync(path.join(app.root, '.git'));
  });
  afterEach(async () => {
    for (const each of editors) await each.stop();
    for (const each of homes) each.remove();
    await app?.stop();
  });

  async function start(settings = ''): Promise<Helix> {
    const tool = find('helix');
    if (!tool)
      throw new Error('Helix is missing: node test/clients/unpack.mjs helix says why it cannot be had');
    const home = new EditorHome();
    homes.push(home);
    const helix = new Helix(tool.program, home, app, settings);
    editors.push(helix);
    await helix.shows(/NOR.*web-app\.lisp/);
    await helix.attached();
    return helix;
  }

  const page = () => HttpLoad.get(app.url);
  const done = /Reload form: function WEB-APP::HELLO/;

  it('shows the diff and asks again, denies what nobody answers, reloads a system with progress, finds a restarted image', async () => {
    const helix = await start('[language-server.hotlisp.config.approval]\ntimeoutSeconds = 8\n');
    const before = await page();
    const after = before.replace('old', 'new');
    await helix.replace('old ~A', 'new ~A');
    await helix.reload('hello');
    helix.keys('Down', 'Down', 'Down', 'Enter');
    await helix.shows(/^.*[+] {2}\(format nil "new[^]*Deny\s[^]*Show Diff/m);
    expect(await page()).toBe(before);
    await helix.shows(/Nobody answered approval #1 within 8 s/);
    expect(await page()).toBe(before);
    // The question stays on the screen; Helix takes none back.
    helix.keys('Escape');
    await helix.showsNo(/Approve for Session/);
    helix.type(`:open ${app.file}`);
    helix.keys('Enter');
    await helix.shows(/NOR.*web-app\.lisp/);
    await helix.reload('hello');
    await helix.answer('Approve');
    await helix.shows(done);
    expect(await page()).toBe(after);

    // The system waits in the compilation of its second file until its progress was seen.
    helix.type(':write');
    helix.keys('Enter');
    await helix.shows(/written/);
    helix.type(':lsp-workspace-command hotlisp.code_reload_system {"system":"web-app","background":true}');
    helix.keys('Enter');
    await helix.shows(/Reload system web-app[^]*Show Diff/);
    await helix.answer('Approve');
    await helix.shows(/Reload system[^]*compiling extra\.lisp/);
    writeFileSync(gate, '');
    await helix.shows(/Reload system: .* in \d+ ms/);
    expect(await HttpLoad.get(app.url.replace('hello', 'extra'))).toBe('extra');

    await app.restart();
    await helix.shows(/The image is gone/);
    expect(await page()).toBe(after);
    await helix.replace('new ~A', 'again ~A');
    await helix.reload('hello', false);
    await helix.answer('Approve');
    await helix.shows(done);
    expect(await page()).toBe(before.replace('old', 'again'));
  }, 150_000);

  it('follows the links of an inspected object from part to part', async () => {
    const helix = await start();
    helix.type(
      ':lsp-workspace-command hotlisp.inspect {"code":"(list (list :inner \'(:innermost)))","background":true}',
    );
    helix.keys('Enter');
    await helix.shows(/0 > \[0\] = \(:INNER \(:INNERMOST\)\)/);
    helix.select('\\[0\\]');
    helix.type('gf');
    await helix.shows(/1 > \[1\] = \(:INNERMOST\)/);
    helix.select('\\[1\\]');
    helix.type('gf');
    await helix.shows(/0 > \[0\] = :INNERMOST/);
  }, 60_000);

  it('shares its image with another one: each change is there for both, the last one counts', async () => {
    const one = await start();
    const other = await start();
    const before = await page();
    await one.replace('old ~A', 'one ~A');
    await one.reload('hello');
    await one.answer('Approve');
    await one.shows(done);
    expect(await page()).toBe(before.replace('old', 'one'));
    await other.replace('old ~A', 'other ~A');
    await other.reload('hello');
    await other.answer('Approve');
    await other.shows(done);
    expect(await page()).toBe(before.replace('old', 'other'));
    await one.replace('one ~A', 'once more ~A');
    await one.reload('hello');
    await one.answer('Approve');
    await one.shows(done);
    expect(await page()).toBe(before.replace('old', 'once more'));
  }, 90_000);
});
