/** Drift: how the text of definitions differs from what the image runs, shown as hints, lenses and actions, on a real SBCL over stdio. */
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Editor, type EditorOptions, type TextDocument } from '../support/lspClient.ts';
import type { Diagnostic } from '../support/lspTypes.ts';
import { shop } from '../support/shop.ts';

interface Lens {
  range: { start: { line: number; character: number } };
  command?: { title: string; command: string; arguments: [Record<string, unknown>] };
}

let editor: Editor;
afterEach(() => editor.finish());

const isDrift = ({ code }: Diagnostic) => String(code).startsWith('drift-');
const driftsOf = (list: readonly Diagnostic[]) =>
  list.filter(isDrift).map(({ code, message }) => `${code}: ${message}`);

/** The hints about drift, once they are those. */
async function hints(document: TextDocument, ...expected: readonly RegExp[]): Promise<readonly Diagnostic[]> {
  const published = await editor.diagnostics(
    document,
    list => {
      const found = driftsOf(list);
      return found.length === expected.length && expected.every((each, index) => each.test(found[index]!));
    },
    expected.length === 0 ? 'no drift' : expected.join(' '),
  );
  return published.filter(isDrift);
}

const lensesOf = async (document: TextDocument): Promise<Lens[]> =>
  ((await editor.request('textDocument/codeLens', { textDocument: { uri: document.uri } })) as Lens[]).filter(
    ({ command }) => command !== undefined,
  );

async function lens(document: TextDocument, title: RegExp): Promise<NonNullable<Lens['command']>> {
  const all = await lensesOf(document);
  const found = all.find(({ command }) => title.test(command!.title));
  if (!found)
    throw new Error(`no lens ${title}: there are ${all.map(({ command }) => command!.title).join(', ')}`);
  expect(found.command!.arguments[0]).toMatchObject({ background: true });
  return found.command!;
}

/** Runs a lens as an editor does, and waits for its outcome. */
async function runLens(document: TextDocument, title: RegExp) {
  const { command, arguments: args } = await lens(document, title);
  return editor.outcome(await editor.request('workspace/executeCommand', { command, arguments: args }));
}

/** A program that the image loaded when it was started, and its file in a buffer. */
async function start(options: EditorOptions = {}, text = shop): Promise<TextDocument> {
  editor = await Editor.start({ files: { 'shop.lisp': text }, load: ['shop.lisp'], ...options });
  const document = editor.openFile(path.join(editor.root, 'shop.lisp'));
  await editor.command('image_connect');
  return document;
}

const newTax = '(* amount *rate* 3)';

describe('a text that differs from what the image runs', () => {
  it('is a hint at its name while it is edited, and goes when it is reloaded', async () => {
    const document = await start();
    document.replace('(* amount *rate*)', newTax);
    const [hint] = await hints(document, /^drift-changed: .* tax /);
    expect(hint).toMatchObject({
      severity: 4,
      source: 'hotlisp',
      range: { start: document.positionOf('¦tax (amount)') },
    });
    void editor.expectPrompt(/reload tax/i, 'Approve');
    expect((await runLens(document, /^Changed, not loaded: Reload$/)).status).toBe('applied');
    expect(await editor.evaluate('(shop::tax 10)')).toEqual(['60']);
    await hints(document);
  });
});
