/** VS Code with an extension that knows nothing of Hotlisp, and the settings that the README has for such a one. */
import { build } from 'esbuild';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { HttpLoad } from '../support/httpLoad.ts';
import { repository } from '../support/lspClient.ts';
import { provideCodeServer } from './codeServer.mjs';
import type { EditorHome } from './home.ts';
import { eachWithApplication } from './mainJob.ts';
import { readmeLines } from './readme.ts';
import { Workbench } from './workbench.ts';

/** Puts an extension of that kind into a home, unpacked, with the language that another one would bring. */
async function installGeneric(home: EditorHome): Promise<void> {
  const { outputFiles } = await build({
    entryPoints: [path.join(repository, 'test/clients/genericClient.mjs')],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    external: ['vscode'],
    nodePaths: [provideCodeServer().modules],
    logLevel: 'warning',
  });
  home.write('extensions/test.generic-1.0.0/extension.js', outputFiles[0]!.text);
  home.write(
    'extensions/test.generic-1.0.0/package.json',
    JSON.stringify({
      name: 'generic',
      publisher: 'test',
      version: '1.0.0',
      engines: { vscode: '^1.91.0' },
      main: './extension.js',
      activationEvents: ['onStartupFinished'],
      contributes: { languages: [{ id: 'commonlisp', extensions: ['.lisp'] }] },
    }),
  );
}

describe('VS Code with a generic client', () => {
  const surroundings = eachWithApplication();
  let code: Workbench | undefined;

  beforeAll(() => void provideCodeServer(line => console.log(line)), 600_000);
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail')
      await code?.screenshot(path.join(repository, 'build/vscode-generic-failed.png')).catch(() => undefined);
    await code?.close();
    code = undefined;
  });

  it("does the main job with the README's settings", async () => {
    const { app, home } = surroundings();
    const page = () => HttpLoad.get(app.url);
    const before = await page();
    const lines = readmeLines('vscode', 'glspc.server.command').replace('127.0.0.1:4005', app.address);
    const settings = JSON.parse(`{${lines}}`) as Record<string, unknown>;
    code = await Workbench.open(
      home,
      app.root,
      app.file,
      {
        ...settings,
        // VS Code takes the PATH of the person's login shell, which knows nothing of this home directory.
        'glspc.server.command': home.path(`bin/${String(settings['glspc.server.command'])}`),
        'files.autoSave': 'off',
      },
      { install: installGeneric },
    );
    await code.shows('.codelens-decoration', /caller/);
    await code.typeOver(17, 16, 3, 'new');
    await code.codeAction('Reload hello');
    expect(await code.buttons(/#1 Reload hello/)).toEqual([
      'Deny',
      'Approve',
      'Approve for Session',
      'Show Diff',
    ]);
    await code.answer(/#1 Reload hello/, 'Approve');
    await code.shows('.notification-list-item', /Reload form: function WEB-APP::HELLO/);
    expect(await page()).toBe(before.replace('old', 'new'));
    await code.clearNotifications();

    await code.goTo(16, 3);
    await code.press('Shift+End', 'Delete');
    await code.page.keyboard.insertText('(let ((a 1 2)) a)');
    await code.codeAction('Reload hello');
    await code.answer(/#2 Reload hello/, 'Approve');
    await code.shows('.notification-list-item', /failed, nothing was changed/);
    await code.shows('.squiggly-error');
    expect(await page()).toBe(before.replace('old', 'new'));

    // What is inspected leads on from page to page.
    await code.clearNotifications();
    await code.goTo(14, 9);
    await code.codeAction('Inspect hello');
    await code.shows('.tab.active', /^inspect-1/);
    await code.shows('.view-line', /function\s=\s#<FUNCTION/);
    await code.shows('.detected-link', 'function');
    await code.goTo(8, 12);
    await code.command('Open Link');
    await code.shows('.tab.active', /^inspect-2/);
    await code.shows('.view-line', /name\s=\s.*HELLO/);
  }, 240_000);
});
