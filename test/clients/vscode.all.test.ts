/** The main job from VS Code's real workbench, with the extension that its users build and install. */
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpLoad } from '../support/httpLoad.ts';
import { repository } from '../support/lspClient.ts';
import { startWebApp, type WebApp } from '../support/webApp.ts';
import { provideCodeServer } from './codeServer.mjs';
import { EditorHome } from './home.ts';
import { Workbench } from './workbench.ts';

/** Where the pictures of a failed test go, and those of every step when the variable names a folder. */
const pictures = process.env['HOTLISP_TEST_PICTURES'];

describe("a real VS Code's workbench", () => {
  let app: WebApp;
  let home: EditorHome;
  let code: Workbench | undefined;

  beforeEach(async () => {
    provideCodeServer(line => console.log(line));
    app = await startWebApp();
    home = new EditorHome();
  }, 600_000);
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail')
      await code?.screenshot(path.join(repository, 'build/vscode-failed.png')).catch(() => undefined);
    await code?.close();
    code = undefined;
    home?.remove();
    await app?.stop();
  });

  const page = () => HttpLoad.get(app.url);
  const picture = async (name: string) => {
    if (pictures) await code!.screenshot(path.join(pictures, `vscode-${name}.png`));
  };

  it('does the main job: squiggles, code actions, Deny and Approve as buttons, a note in place, roll back', async () => {
    code = await Workbench.open(home, app.root, app.file, {
      'hotlisp.image.mode': 'attach',
      'hotlisp.image.address': app.address,
    });
    const before = await page();
    await code.shows('.view-lines', /defpackage/);

    // (incf *visits*) without its last parenthesis, and with it again.
    await code.goTo(16, 18);
    // The server is there once the path above the text names the form.
    await code.shows('.monaco-breadcrumbs', /hello/);
    await code.press('Backspace');
    await code.shows('.squiggly-error');
    await picture('squiggle');
    await code.press('Control+z');
    await code.showsNo('.squiggly-error');

    await code.typeOver(17, 16, 3, 'new');
    const titles = await code.codeAction('Reload hello');
    expect(titles.join()).toMatch(/Reload hello.*Reload changed forms.*Reload file.*Evaluate form/s);
    expect(await code.buttons(/#1 Reload hello/)).toEqual([
      'Deny',
      'Approve',
      'Approve for Session',
      'Show Diff',
    ]);
    expect((await code.notifications()).join()).not.toMatch(/ignored/);
    await picture('approval');
    await code.answer(/#1 Reload hello/, 'Deny');
    await code.shows('.notification-list-item', /denied/);
    expect(await page()).toBe(before);
    await code.clearNotifications();

    // The diff opens in a tab, and the question is asked again. It is answered after 15 seconds, when VS Code has hidden it, pending, behind its bell.
    await code.codeAction('Reload hello');
    await code.answer(/#2 Reload hello/, 'Show Diff');
    await code.shows('.view-line', /^-.+format.nil."old/);
    await code.shows('.view-line', /^[+].+format.nil."new/);
    await picture('diff');
    await code.buttons(/#2 Reload hello/);
    const late = new Promise(resolve => setTimeout(resolve, 15_000));
    await code.page.mouse.move(600, 400); // what the mouse is over is not hidden
    await code.showsNo('.notifications-toasts .notification-list-item');
    await late;
    expect(await page()).toBe(before);
    await code.command('Notifications: Show Notifications');
    await code.answer(/#2 Reload hello/, 'Approve');
    await code.shows('.notification-list-item', /Reload form: function WEB-APP::HELLO/);
    const after = before.replace('old', 'new');
    expect(await page()).toBe(after);
    await code.clearNotifications();
    await code.showTab('web-app.lisp');

    // (incf *visits*) becomes (let ((a 1 2)) a).
    await code.goTo(16, 3);
    await code.press('Shift+End', 'Delete');
    // Typed parentheses are closed by the editor, and the typed closing ones taken for its own.
    await code.page.keyboard.type('(let ((a 1 2)) a)');
    await code.codeAction('Reload hello');
    await code.answer(/#3 Reload hello/, 'Approve');
    await code.shows('.notification-list-item', /failed, nothing was changed/);
    await code.shows('.squiggly-error');
    await code.command('Problems: Focus on Problems View');
    await code.shows('.markers-panel', /LET binding spec[^]*\[Ln 16, Col 9\]/);
    await picture('problem');
    expect(await page()).toBe(after);
    await code.clearNotifications();

    await code.command('Hotlisp: Roll Back the Last Change');
    await code.answer(/Roll back function WEB-APP::HELLO/, 'Approve');
    await code.shows('.notification-list-item', /Roll back: /);
    expect(await page()).toBe(before);
    expect(app.image.isRunning()).toBe(true);
  }, 300_000);
});
