/** More of a day with VS Code: a file with CRLF and emoji, a question that nobody answers, a killed server, a system, a killed image. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { HttpLoad } from '../support/httpLoad.ts';
import { repository } from '../support/lspClient.ts';
import { survivors } from '../support/processes.ts';
import { provideCodeServer } from './codeServer.mjs';
import { eachWithApplication } from './mainJob.ts';
import { Workbench } from './workbench.ts';

describe("a real VS Code's workbench", () => {
  const surroundings = eachWithApplication();
  let code: Workbench | undefined;

  beforeAll(() => void provideCodeServer(line => console.log(line)), 600_000);
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail')
      await code?.screenshot(path.join(repository, 'build/vscode-more-failed.png')).catch(() => undefined);
    await code?.close();
    code = undefined;
  });

  it('edits CRLF and emoji, denies what nobody answers, starts a killed server again, reloads a system with progress, finds a restarted image', async () => {
    const { app, home } = surroundings();
    const page = () => HttpLoad.get(app.url);
    const settings = {
      'hotlisp.image.mode': 'attach',
      'hotlisp.image.address': app.address,
      'files.autoSave': 'off',
      'editor.parameterHints.enabled': false,
    };
    const before = await page();
    code = await Workbench.open(home, app.root, app.file, settings);
    await code.shows('.codelens-decoration', /caller/);

    // What was typed is what runs, and the note stands behind the emoji, (b 1 2) at the 21st UTF-16 unit.
    await code.openFile('page.lisp');
    await code.shows('.statusbar-item', /^CRLF$/);
    await code.goTo(5, 28);
    await code.page.keyboard.insertText('😀');
    await code.codeAction('Reload page');
    await code.answer(/Reload page/, 'Approve');
    await code.shows('.notification-list-item', /Reload form: function WEB-APP::PAGE/);
    const paged = await page();
    expect(paged).toContain('😀😀 <p>ä</p>');
    await code.goTo(5, 15);
    await code.page.keyboard.insertText('(let ((b 1 2)) b) ');
    await code.codeAction('Reload page');
    await code.answer(/Reload page/, 'Approve');
    await code.shows('.notification-list-item', /failed, nothing was changed/);
    await code.command('Problems: Focus on Problems View');
    await code.shows('.markers-panel', /LET binding spec[^]*\[Ln 5, Col 21\]/);
    expect(await page()).toBe(paged);
    await code.clearNotifications();
    await code.command('View: Toggle Problems');
    await code.showTab('page.lisp');
    await code.goTo(5, 15);
    for (let n = 0; n < 18; n++) await code.press('Delete');
    await code.press('Control+s');
    await code.showsNo('.tab.dirty');
    expect(readFileSync(path.join(app.root, 'page.lisp'), 'utf8')).toMatch(
      /^\(in-package #:web-app\)\r\n\r\n[^]*\r\n {2}\(list "😀"\) \(format nil "😀😀 <p>.*\r\n$/,
    );

    // A shorter patience, told to the running server; VS Code takes no question back, and its late answer does nothing.
    code.configure({ ...settings, 'hotlisp.approval.timeoutSeconds': 4 });
    await code.showTab('web-app.lisp');
    await code.typeOver(17, 16, 3, 'never');
    await code.codeAction('Reload hello');
    await code.shows('.notification-list-item', /Nobody answered approval #3 within 4 s/);
    await code.answer(/#3 Reload hello/, 'Approve');
    expect(await page()).toBe(paged);
    code.configure(settings);
    await code.clearNotifications();

    // A killed server is started again by VS Code. Its diagnostics come and go as before.
    const [server] = code.languageServers();
    process.kill(server!, 'SIGKILL');
    expect(await survivors([server!])).toEqual([]);
    await code.goTo(16, 18);
    await code.press('Backspace');
    await code.shows('.squiggly-error');
    await code.press('Control+z');
    await code.showsNo('.squiggly-error');
    expect(code.languageServers()).toHaveLength(1);
    await code.codeAction('Reload hello');
    await code.answer(/#1 Reload hello/, 'Approve');
    await code.shows('.notification-list-item', /Reload form: function WEB-APP::HELLO/);
    expect(await page()).toBe(paged.replace('old', 'never'));
    await code.clearNotifications();

    // The system waits in the compilation of its second file.
    await code.press('Control+s');
    await code.showsNo('.tab.dirty');
    await code.codeAction('Reload system web-app');
    await code.answer(/Reload system web-app/, 'Approve');
    await code.shows('.statusbar-item', /Reload system.*compiling extra\.lisp/);
    expect(existsSync(home.path('gate'))).toBe(false);
    writeFileSync(home.path('gate'), '');
    await code.shows('.notification-list-item', /Reload system: .* in \d+ ms/);
    await code.showsNo('.statusbar-item :text("Reload system")');
    expect(await HttpLoad.get(app.url.replace('hello', 'extra'))).toBe('extra');
    const reloaded = before.replace('old', 'never');
    expect(await page()).toBe(reloaded);
    await code.clearNotifications();

    // The image is killed and started again from the files: told once, found again.
    await app.restart();
    await code.shows('.notification-list-item', /The image is gone/);
    expect((await code.notifications()).filter(each => /The image is gone/.test(each))).toHaveLength(1);
    expect(await page()).toBe(reloaded);
    await code.clearNotifications();
    await code.typeOver(17, 16, 5, 'again');
    await code.codeAction('Reload hello');
    await code.answer(/Reload hello/, 'Approve');
    await code.shows('.notification-list-item', /Reload form: function WEB-APP::HELLO/);
    expect(await page()).toBe(reloaded.replace('never', 'again'));
    expect(app.image.isRunning()).toBe(true);
  }, 300_000);

  it('shares its image with another window: each change is there for both, and each sees the drift', async () => {
    const { app, home } = surroundings();
    const page = () => HttpLoad.get(app.url);
    const before = await page();
    const one = (code = await Workbench.open(home, app.root, app.file, {
      'hotlisp.image.mode': 'attach',
      'hotlisp.image.address': app.address,
      'files.autoSave': 'off',
    }));
    await one.shows('.codelens-decoration', /caller/);
    const other = await one.otherWindow();
    await other.shows('.codelens-decoration', /caller/);
    expect(one.languageServers()).toHaveLength(2);

    // Asked in one window, changed in the other, approved in the first: it would replace another definition now, and asks again.
    await one.typeOver(17, 16, 3, 'one');
    await one.codeAction('Reload hello');
    await one.buttons(/#1 Reload hello/);
    await other.typeOver(17, 16, 3, 'other');
    await other.codeAction('Reload hello');
    await other.answer(/#1 Reload hello/, 'Approve');
    await other.shows('.notification-list-item', /Reload form: function WEB-APP::HELLO/);
    expect(await page()).toBe(before.replace('old', 'other'));
    await one.answer(/#1 Reload hello/, 'Approve');
    await one.answer(/#1 Reload hello.*The image has changed since you were asked/, 'Approve');
    await one.shows('.notification-list-item', /Reload form: function WEB-APP::HELLO/);
    expect(await page()).toBe(before.replace('old', 'one'));

    await other.goTo(17, 16);
    await other.press('Control+s');
    await other.shows('.codelens-decoration', /Newer on disk than in the image|Changed, not loaded/);
  }, 180_000);
});
