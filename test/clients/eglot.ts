/** The main job from a real Emacs: eglot, the file that its users copy, and nothing else. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import { HttpLoad } from '../support/httpLoad.ts';
import { repository } from '../support/lspClient.ts';
import { startWebApp, type WebApp } from '../support/webApp.ts';
import { EditorHome } from './home.ts';
import { ScriptedEditor } from './steps.ts';

interface Shown {
  readonly prompt: string;
  readonly titles: readonly string[];
}

const titles = ['Deny', 'Approve', 'Approve for Session', 'Show Diff'];

let app: WebApp;
let home: EditorHome;
let emacs: ScriptedEditor | undefined;

/** Makes each test of a file have a web application of its own, and ends what it started. */
export function eachWithApplication() {
  beforeEach(async () => {
    app = await startWebApp();
    home = new EditorHome();
  });
  afterEach(async () => {
    await emacs?.stop();
    emacs = undefined;
    home?.remove();
    await app?.stop();
  });
}

/** Starts a batch Emacs that runs test/clients/eglot.el. */
export function startEmacs(program: string, args: readonly string[]): ScriptedEditor {
  const crlf = path.join(app.root, 'page.lisp');
  writeFileSync(
    crlf,
    '(in-package #:web-app)\r\n\r\n(defun page (title)\r\n  "😀 é"\r\n  (list "😀") (format nil "😀 <p>~A</p>" title))\r\n',
  );
  emacs = new ScriptedEditor(
    'Emacs',
    home,
    program,
    ['--batch', ...args, '-l', path.join(repository, 'test/clients/eglot.el')],
    {
      cwd: app.root,
      env: {
        HOTLISP_CLIENTS: path.join(repository, 'clients'),
        HOTLISP_TEST_ADDRESS: app.address,
        HOTLISP_TEST_FILE: app.file,
        HOTLISP_TEST_CRLF: crlf,
      },
    },
  );
  return emacs;
}

/** Every step of test/clients/eglot.el, in order, with what the application answers after it. */
export async function mainJob(editor: ScriptedEditor, showsDocuments: boolean) {
  const before = await HttpLoad.get(app.url);
  expect(await editor.step('attached')).toMatchObject({ root: `${app.root}/` });

  expect((await editor.step('unbalanced'))['message']).toMatch(/never closed/);
  await editor.step('balanced');

  const denied = await editor.step('denied');
  const [prompt] = denied['prompts'] as Shown[];
  expect(prompt!.titles).toEqual(titles);
  expect(prompt!.prompt).toMatch(/reload hello/i);
  expect(await HttpLoad.get(app.url)).toBe(before);
  editor.goOn('after-deny');

  const approved = await editor.step('approved');
  expect(approved['prompts']).toHaveLength(2);
  expect(approved['diff']).toContain(showsDocuments ? '+  (format nil "new ~A ~A"' : 'new ~A ~A');
  const after = before.replace('old', 'new');
  expect(await HttpLoad.get(app.url)).toBe(after);
  editor.goOn('after-approve');

  expect((await editor.step('refused'))['text']).toBe('(a 1 2)) a)');

  expect((await editor.step('rolled-back'))['prompts']).toHaveLength(1);
  expect(await HttpLoad.get(app.url)).toBe(before);
  editor.goOn('after-rollback');

  await editor.step('late', 90_000);
  expect(await HttpLoad.get(app.url)).toBe(after.replace('ä', '😀ä'));
  editor.goOn('after-late');

  expect((await editor.step('crlf'))['coding']).toMatch(/dos$/);
  const paged = await HttpLoad.get(app.url);
  expect(paged).toContain('😀😀 <p>😀ä</p>');
  editor.goOn('after-crlf');
  expect((await editor.step('crlf-refused'))['text']).toBe(
    '(b 1 2)) b) (format nil "😀😀 <p>~A</p>" title))',
  );

  expect((await editor.step('unanswered'))['prompts']).toHaveLength(1);
  expect(await HttpLoad.get(app.url)).toBe(paged);
  editor.goOn('after-unanswered');

  process.kill((await editor.step('killing'))['pid'] as number, 'SIGKILL');
  await editor.step('restarted');
  expect(await HttpLoad.get(app.url)).toBe(paged.replace('new', 'never'));
  editor.goOn('after-restart');
  expect(await editor.ended()).toBe(0);
  expect(app.image.isRunning()).toBe(true);
}
