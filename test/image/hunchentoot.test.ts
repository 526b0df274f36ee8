/**
 * The main job: hunchentoot serves HTTP in an SBCL that its user started with a Swank server; one handler is changed from an
 * editor while requests never pause.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Editor, type TextDocument } from '../support/lspClient.ts';
import { HttpLoad } from '../support/httpLoad.ts';
import type { SourceLocation } from '../support/lspTypes.ts';
import { isSymbol, type Sexp } from '../support/sexp.ts';
import { SwankClient } from '../support/swankClient.ts';
import { startWebApp, type WebApp } from '../support/webApp.ts';

describe('a hunchentoot application attached over Swank', () => {
  let app: WebApp;
  let editor: Editor;
  let document: TextDocument;
  let load: HttpLoad;
  const handler = '(defun hello ()';

  beforeAll(async () => {
    app = await startWebApp();
  });
  afterAll(async () => app?.stop());

  beforeEach(async () => {
    editor = await Editor.start({
      root: app.root,
      settings: { image: { mode: 'attach', address: app.address } },
    });
    document = editor.openFile(app.file);
    load = new HttpLoad(app.url, { keepAlive: 2, single: 2 });
    await load.answers.next('a first answer', () => true);
  });
  afterEach(async () => {
    await load.stop();
    await editor.finish();
    expect(app.image.isRunning()).toBe(true);
  });

  it('goes on with the old handler when the change is denied', async () => {
    const before = await HttpLoad.get(app.url);
    document.replace('"old ~A ~A"', '"denied ~A ~A"');
    void editor.expectPrompt(/reload hello/i, 'Deny');
    const error = await editor.actionFailure(document, handler, /^Reload hello$/i);
    expect(error.kind).toBe('approval-denied');
    const from = load.answers.all.length;
    await load.answers.next('ten more answers', () => load.answers.all.length >= from + 10, from);
    expect(load.failures).toEqual([]);
    expect(new Set(load.answers.all.map(answer => answer.body))).toEqual(new Set([before]));
  });

  it('answers with the new handler after an approval, with no request failed or lost', async () => {
    const before = await HttpLoad.get(app.url);
    document.replace('"old ~A ~A"', '"new ~A ~A"');
    const after = before.replace('old', 'new');
    let approved = 0;
    const prompt = editor.expectPrompt(/reload hello/i, async () => {
      // The image was asked already: still the old answers, however long a person takes.
      const from = load.answers.all.length;
      await load.answers.next(
        'answers while the prompt is open',
        () => load.answers.all.length >= from + 10,
        from,
      );
      approved = performance.now();
      return 'Approve';
    });
    const result = await editor.actionOutcome(document, handler, /^Reload hello$/i);
    expect(result).toMatchObject({
      status: 'applied',
      definitions: [{ kind: 'function', name: 'HELLO', package: 'WEB-APP', change: 'redefined' }],
    });
    expect((await prompt).actions.map(action => action.title)).toEqual([
      'Deny',
      'Approve',
      'Approve for Session',
      'Show Diff',
    ]);
    expect((await prompt).message).toMatch(/hello/i);
    const done = performance.now();
    await load.answers.next(
      'ten answers after the change',
      () => load.answers.all.filter(each => each.sent > done).length >= 10,
    );
    expect(load.failures).toEqual([]);
    const { all } = load.answers;
    expect(new Set(all.map(each => each.body))).toEqual(new Set([before, after]));
    expect(new Set(all.filter(each => each.answered < approved).map(each => each.body))).toEqual(
      new Set([before]),
    );
    expect(new Set(all.filter(each => each.sent > done).map(each => each.body))).toEqual(new Set([after]));
    await pointsAtHandler(after);
  });

  /** Right afterwards, both Hotlisp and Swank's own jump know where the new handler stands. */
  async function pointsAtHandler(body: string): Promise<void> {
    expect(await HttpLoad.get(app.url)).toBe(body);
    document.save();
    const start = document.positionOf(handler);
    const locations = await editor.command<SourceLocation[]>('source_location', { symbol: 'web-app::hello' });
    expect(locations).toMatchObject([
      {
        kind: 'function',
        name: 'HELLO',
        file: app.file,
        line: start.line + 1,
        column: start.character + 1,
        stale: false,
      },
    ]);
    expect(locations[0]!.range!.start).toEqual(start);
    expect(await swankLocation(app)).toEqual({
      file: app.file,
      // Swank passes on what SBCL recorded: bytes. The handler stands below a comment with two letters of two bytes.
      position: Buffer.byteLength(document.text.slice(0, document.text.indexOf(handler))) + 1,
    });
  }
});

/** Where Swank's own jump goes for HELLO: `((NAME (:location (:file F) (:position P) HINTS)))`. */
async function swankLocation(app: WebApp): Promise<{ file: unknown; position: unknown }> {
  const swank = await SwankClient.connect(Number(app.image.ports['swank']));
  try {
    const [definition] = (await swank.rex(
      '(swank:find-definitions-for-emacs "hello")',
      'WEB-APP',
    )) as Sexp[][];
    const location = definition?.[1];
    const part = (key: string) =>
      (location as Sexp[] | undefined)?.find(each => Array.isArray(each) && isSymbol(each[0], key));
    return { file: (part(':file') as Sexp[])[1], position: (part(':position') as Sexp[])[1] };
  } finally {
    swank.close();
  }
}
