/** The main job from a real Helix in a terminal, with the lines of languages.toml that its users copy. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpLoad } from '../support/httpLoad.ts';
import { repository } from '../support/lspClient.ts';
import { commandLine, descendants } from '../support/processes.ts';
import { startWebApp, type WebApp } from '../support/webApp.ts';
import { EditorHome } from './home.ts';
import { Terminal } from './terminal.ts';
import { find } from './unpack.mjs';

describe('a real Helix', () => {
  let app: WebApp;
  let home: EditorHome;
  let helix: Terminal;

  beforeEach(async () => {
    app = await startWebApp();
    home = new EditorHome();
  });
  afterEach(async () => {
    await helix?.stop();
    home?.remove();
    await app?.stop();
  });

  function start(): Terminal {
    const tool = find('helix');
    if (!tool)
      throw new Error('Helix is missing: node test/clients/unpack.mjs helix says why it cannot be had');
    const lines = readFileSync(path.join(repository, 'clients/helix/languages.toml'), 'utf8');
    home.write(
      'config/helix/languages.toml',
      `${lines}\n[language-server.hotlisp.config.image]\nmode = "attach"\naddress = "${app.address}"\n`,
    );
    home.write(
      'config/helix/config.toml',
      readFileSync(path.join(repository, 'clients/helix/config.toml'), 'utf8'),
    );
    return (helix = new Terminal(home, [tool.program, app.file], app.root));
  }

  const page = () => HttpLoad.get(app.url);

  /** Selects the first match of a regular expression from the top. */
  function select(regexp: string): void {
    helix.keys('g', 'g');
    helix.type(`/${regexp}`);
    helix.keys('Enter');
  }

  /** Helix does not show that the server is there: asks for code actions until it is. */
  async function attached(): Promise<void> {
    for (let tries = 0; tries < 60; tries++) {
      helix.type(' a');
      const screen = await helix.shows(/No configured language server|No code actions|Reload file/);
      if (screen.includes('Reload file')) break;
      await new Promise(resolve => setTimeout(resolve, 300));
    }
    helix.keys('Escape');
    await helix.showsNo(/Reload file/);
  }

  /** Types `text` in the place of the first match, or (key i) before it. Helix closes parentheses that are typed, and takes the typed ones for its own. */
  async function replace(regexp: string, text: string, key: 'c' | 'i' = 'c'): Promise<void> {
    select(regexp);
    helix.keys(key);
    await helix.shows(/ INS /);
    helix.type(text);
    helix.keys('Escape');
    // A key that follows Escape at once would be read as one with Alt.
    await helix.shows(/ NOR /);
  }

  /** Puts the cursor on the definition, and chooses the first code action there, which must be its reload. */
  async function reload(name: string): Promise<string> {
    select(`defun ${name}`);
    helix.type(' a');
    await helix.shows(new RegExp(`Reload ${name}[^]*Reload changed forms[^]*Reload file`));
    helix.keys('Enter');
    return helix.shows(/Deny\s[^]*Approve\s[^]*Approve for Session\s[^]*Show Diff/);
  }

  async function answer(choice: 'Deny' | 'Approve'): Promise<void> {
    if (choice === 'Approve') helix.keys('Down');
    helix.keys('Enter');
    await helix.showsNo(/Approve for Session/);
  }

  it('does the main job: diagnostics, deny, approve, notes in place, roll back, a late answer, a killed server', async () => {
    start();
    const before = await page();
    await helix.shows(/NOR\s+web-app\.lisp/);
    await attached();

    // Diagnostics of the syntax appear and go. Helix shows those of the cursor's line.
    await replace('visits\\*\\)', 'visits*');
    await helix.shows(/never closed/);
    await replace('incf \\*visits\\*', 'incf *visits*)');
    await helix.showsNo(/never closed/);

    await replace('old ~A', 'denied ~A');
    expect(await reload('hello')).toMatch(/#1 Reload hello in swank/);
    await answer('Deny');
    await helix.shows(/denied\. Nothing was changed/);
    expect(await page()).toBe(before);

    await replace('denied ~A', 'new ~A');
    await reload('hello');
    await answer('Approve');
    await helix.shows(/Reload form: function WEB-APP::HELLO/);
    const after = before.replace('old', 'new');
    expect(await page()).toBe(after);

    // A note of the compiler stands at the faulty binding.
    await replace('\\(incf \\*visits\\*\\)', '(let ((a 1 2)) a)');
    await reload('hello');
    await answer('Approve');
    await helix.shows(/failed, nothing was changed/);
    helix.keys('g', 'g', ']', 'd');
    await helix.shows(/LET binding spec[^]*16:15$/m);
    expect(await page()).toBe(after);
    await replace('\\(let \\(\\(a 1 2\\)\\) a\\)', '(incf *visits*)');

    // The key that clients/helix/config.toml suggests.
    helix.type(' lu');
    await helix.shows(/Roll back function WEB-APP::HELLO[^]*Show Diff/);
    await answer('Approve');
    await helix.shows(/Roll back: /);
    expect(await page()).toBe(before);

    // Longer than the 20 seconds that Helix waits for a reply: the command was answered at once.
    await reload('hello');
    await new Promise(resolve => setTimeout(resolve, 21_000));
    await answer('Approve');
    await helix.shows(/Reload form: function WEB-APP::HELLO/);
    expect(await page()).toBe(after);

    // Escape answers nothing that approves.
    await replace('new ~A', 'left ~A');
    await reload('hello');
    helix.keys('Escape');
    await helix.shows(/not approved|denied|dismissed/);
    expect(await page()).toBe(after);

    const [server] = descendants(helix.pid).filter(pid => commandLine(pid).includes('hotlisp.js'));
    process.kill(server!, 'SIGKILL');
    await helix.shows(/exited|crash|closed/i);
    helix.type(':lsp-restart');
    helix.keys('Enter');
    await attached();
    await reload('hello');
    await answer('Approve');
    await helix.shows(/Reload form: function WEB-APP::HELLO/);
    expect(await page()).toBe(after.replace('new', 'left'));
  }, 120_000);

  it('edits a file with emoji and CRLF: what was typed is what runs, and the note stands behind the emoji', async () => {
    const file = path.join(app.root, 'page.lisp');
    writeFileSync(
      file,
      '(in-package #:web-app)\r\n\r\n(defun page (title)\r\n  "😀 é"\r\n  (list "😀") (format nil "😀 <p>~A</p>" title))\r\n',
    );
    start();
    await helix.shows(/NOR\s+web-app\.lisp/);
    await attached();
    helix.type(`:open ${file}`);
    helix.keys('Enter');
    await helix.shows(/NOR\s+page\.lisp/);
    await replace('😀 <p>', '😀😀 <p>');
    await reload('page');
    await answer('Approve');
    await helix.shows(/Reload form: function WEB-APP::PAGE/);
    const now = await page();
    expect(now).toContain('😀😀 <p>ä</p>');
    await replace('\\(format nil', '(let ((b 1 2)) b) ', 'i');
    await reload('page');
    await answer('Approve');
    await helix.shows(/failed, nothing was changed/);
    helix.keys('g', 'g', ']', 'd');
    // (b 1 2) is selected. Helix counts columns in graphemes, from 1.
    await helix.shows(/LET binding spec[^]*5:26$/m);
    helix.type(':write');
    helix.keys('Enter');
    await helix.shows(/written/);
    expect(readFileSync(file, 'utf8')).toMatch(/^\(in-package #:web-app\)\r\n\r\n.*\r\n/);
    expect(await page()).toBe(now);
  }, 60_000);
});
