/** The main job from a real Helix in a terminal, with the lines of languages.toml that its users copy. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpLoad } from '../support/httpLoad.ts';
import { commandLine, descendants } from '../support/processes.ts';
import { startWebApp, type WebApp } from '../support/webApp.ts';
import { EditorHome } from './home.ts';
import { Helix } from './helix.ts';
import { find } from './unpack.mjs';

describe('a real Helix', () => {
  let app: WebApp;
  let home: EditorHome;
  let helix: Helix;

  beforeEach(async () => {
    app = await startWebApp();
    home = new EditorHome();
  });
  afterEach(async () => {
    await helix?.stop();
    home?.remove();
    await app?.stop();
  });

  function start(): Helix {
    const tool = find('helix');
    if (!tool)
      throw new Error('Helix is missing: node test/clients/unpack.mjs helix says why it cannot be had');
    return (helix = new Helix(tool.program, home, app));
  }

  const page = () => HttpLoad.get(app.url);

  it('does the main job: diagnostics, deny, approve, notes in place, roll back, a late answer, a killed server', async () => {
    start();
    const before = await page();
    await helix.shows(/NOR\s+web-app\.lisp/);
    await helix.attached();

    // Diagnostics of the syntax appear and go. Helix shows those of the cursor's line.
    await helix.replace('visits\\*\\)', 'visits*');
    await helix.shows(/never closed/);
    await helix.replace('incf \\*visits\\*', 'incf *visits*)');
    await helix.showsNo(/never closed/);

    await helix.replace('old ~A', 'denied ~A');
    expect(await helix.reload('hello')).toMatch(/#1 Reload hello in swank/);
    await helix.answer('Deny');
    await helix.shows(/denied\. Nothing was changed/);
    expect(await page()).toBe(before);

    await helix.replace('denied ~A', 'new ~A');
    await helix.reload('hello');
    await helix.answer('Approve');
    await helix.shows(/Reload form: function WEB-APP::HELLO/);
    const after = before.replace('old', 'new');
    expect(await page()).toBe(after);

    // A note of the compiler stands at the faulty binding.
    await helix.replace('\\(incf \\*visits\\*\\)', '(let ((a 1 2)) a)');
    await helix.reload('hello');
    await helix.answer('Approve');
    await helix.shows(/failed, nothing was changed/);
    // The first one says that the image runs another text.
    helix.keys('g', 'g', ']', 'd', ']', 'd');
    await helix.shows(/LET binding spec[^]*16:15$/m);
    expect(await page()).toBe(after);
    await helix.replace('\\(let \\(\\(a 1 2\\)\\) a\\)', '(incf *visits*)');

    // The key that clients/helix/config.toml suggests.
    helix.type(' lu');
    await helix.shows(/Roll back function WEB-APP::HELLO[^]*Show Diff/);
    await helix.answer('Approve');
    await helix.shows(/Roll back: /);
    expect(await page()).toBe(before);

    // Longer than the 20 seconds that Helix waits for a reply: the command was answered at once.
    await helix.reload('hello');
    await new Promise(resolve => setTimeout(resolve, 21_000));
    await helix.answer('Approve');
    await helix.shows(/Reload form: function WEB-APP::HELLO/);
    expect(await page()).toBe(after);

    // Escape answers nothing that approves.
    await helix.replace('new ~A', 'left ~A');
    await helix.reload('hello');
    helix.keys('Escape');
    await helix.shows(/not approved|denied|dismissed/);
    expect(await page()).toBe(after);

    const [server] = descendants(helix.pid).filter(pid => commandLine(pid).includes('hotlisp.js'));
    process.kill(server!, 'SIGKILL');
    await helix.shows(/exited|crash|closed/i);
    helix.type(':lsp-restart');
    helix.keys('Enter');
    await helix.attached();
    await helix.reload('hello');
    await helix.answer('Approve');
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
    await helix.attached();
    helix.type(`:open ${file}`);
    helix.keys('Enter');
    await helix.shows(/NOR\s+page\.lisp/);
    await helix.replace('😀 <p>', '😀😀 <p>');
    await helix.reload('page', false);
    await helix.answer('Approve');
    await helix.shows(/Reload form: function WEB-APP::PAGE/);
    const now = await page();
    expect(now).toContain('😀😀 <p>ä</p>');
    await helix.replace('\\(format nil', '(let ((b 1 2)) b) ', 'i');
    await helix.reload('page');
    await helix.answer('Approve');
    await helix.shows(/failed, nothing was changed/);
    helix.keys('g', 'g', ']', 'd', ']', 'd');
    // (b 1 2) is selected. Helix counts columns in graphemes, from 1.
    await helix.shows(/LET binding spec[^]*5:26$/m);
    helix.type(':write');
    helix.keys('Enter');
    await helix.shows(/written/);
    expect(readFileSync(file, 'utf8')).toMatch(/^\(in-package #:web-app\)\r\n\r\n.*\r\n/);
    expect(await page()).toBe(now);
  }, 60_000);
});
