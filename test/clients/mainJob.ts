/**
 * What is done in every editor that runs a script inside itself, and what must have come of it: the script (main-job.lua,
 * main-job.el) reports its steps in this order, and the application is asked after each.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect } from 'vitest';
import { HttpLoad } from '../support/httpLoad.ts';
import { startWebApp, writeEmojiPage, writeSystem, type WebApp } from '../support/webApp.ts';
import { EditorHome } from './home.ts';
import type { ScriptedEditor } from './steps.ts';

interface Shown {
  readonly prompt: string;
  readonly titles: readonly string[];
}

export interface Surroundings {
  readonly app: WebApp;
  readonly home: EditorHome;
  /** For the script. */
  readonly environment: Record<string, string>;
  /** Ended after the test. */
  readonly editors: { stop(): Promise<void> }[];
}

/**
 * Makes each test of a file have a web application of its own, and ends what it started.
 * @param options as for `startWebApp`
 */
export function eachWithApplication(options: Parameters<typeof startWebApp>[0] = {}): () => Surroundings {
  let now: Surroundings | undefined;
  beforeEach(async () => {
    const app = await startWebApp(options);
    const home = new EditorHome();
    writeSystem(app, home.path('gate'));
    const environment = {
      HOTLISP_TEST_ADDRESS: app.address,
      HOTLISP_TEST_FILE: app.file,
      HOTLISP_TEST_CRLF: writeEmojiPage(app),
    };
    now = { app, home, environment, editors: [] };
  });
  afterEach(async () => {
    for (const editor of now?.editors ?? []) await editor.stop();
    now?.home.remove();
    await now?.app.stop();
    now = undefined;
  });
  return () => now!;
}

export interface Abilities {
  /** It shows documents; else the diff comes as a message. */
  readonly documents: boolean;
  readonly progress: boolean;
  /** It counts columns as the protocol does, also behind characters outside of the BMP. */
  readonly columns: boolean;
}

export async function mainJob({ app, home }: Surroundings, editor: ScriptedEditor, can: Abilities) {
  const page = () => HttpLoad.get(app.url);
  const before = await page();
  const attached = await editor.step('attached');
  expect(String(attached['root']).replace(/\/$/, '')).toBe(app.root);

  expect((await editor.step('unbalanced'))['message']).toMatch(/never closed/);
  await editor.step('balanced');

  const denied = await editor.step('denied');
  const [prompt] = denied['prompts'] as Shown[];
  expect(prompt!.titles).toEqual(['Deny', 'Approve', 'Approve for Session', 'Show Diff']);
  expect(prompt!.prompt).toMatch(/reload hello/i);
  expect(await page()).toBe(before);
  editor.goOn('after-deny');

  const approved = await editor.step('approved');
  expect(approved['prompts']).toHaveLength(2);
  expect(approved['diff']).toContain(can.documents ? '+  (format nil "new ~A ~A"' : 'new ~A ~A');
  expect(approved['message']).toMatch(/function WEB-APP::HELLO in \d+ ms/);
  const after = before.replace('old', 'new');
  expect(await page()).toBe(after);
  editor.goOn('after-approve');

  expect((await editor.step('refused'))['text']).toBe('(a 1 2)) a)');

  expect((await editor.step('rolled-back'))['prompts']).toHaveLength(1);
  expect(await page()).toBe(before);
  editor.goOn('after-rollback');

  // Answered after 15 seconds.
  await editor.step('late', 120_000);
  expect(await page()).toBe(after.replace('ä', '😀ä'));
  editor.goOn('after-late');

  expect((await editor.step('crlf'))['coding']).toMatch(/dos$/);
  const paged = await page();
  expect(paged).toContain('😀😀 <p>😀ä</p>');
  editor.goOn('after-crlf');
  const text = '(b 1 2)) b) (format nil "😀😀 <p>~A</p>" title))';
  expect((await editor.step('crlf-refused'))['text']).toBe(can.columns ? text : text.slice(1));

  // Never answered: denied after the time that the settings say.
  const unanswered = await editor.step('unanswered');
  expect(unanswered['prompts']).toHaveLength(1);
  expect(unanswered['message']).toMatch(/within 2 s/);
  expect(await page()).toBe(paged);
  editor.goOn('after-unanswered');

  process.kill((await editor.step('killing'))['pid'] as number, 'SIGKILL');
  await editor.step('restarted');
  expect(await page()).toBe(paged.replace('new', 'never'));
  editor.goOn('after-restart');

  // The system waits in the compilation of its second file.
  const compiling = await editor.step('compiling');
  if (can.progress) expect(compiling['progress']).toMatch(/reload system/i);
  expect(existsSync(home.path('gate'))).toBe(false);
  writeFileSync(home.path('gate'), '');
  expect((await editor.step('system'))['message']).toMatch(/in \d+ ms/);
  expect(await HttpLoad.get(app.url.replace('hello', 'extra'))).toBe('extra');
  const saved = readFileSync(app.file, 'utf8');
  expect(saved).toContain('"never ~A ~A"');
  const reloaded = before.replace('old', 'never').replace('ä', '😀ä');
  expect(await page()).toBe(reloaded);
  editor.goOn('after-system');

  // The image is killed and started again from the files: told once, found again.
  await editor.step('connected');
  await app.restart();
  expect(await page()).toBe(reloaded);
  editor.goOn('image-restarted');
  const reconnected = await editor.step('reconnected');
  expect(reconnected['lost']).toBe(1);
  expect(await page()).toBe(reloaded.replace('never', 'again'));
  editor.goOn('after-reconnect');
  expect(await editor.ended()).toBe(0);
  expect(app.image.isRunning()).toBe(true);
}
