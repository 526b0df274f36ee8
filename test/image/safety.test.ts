/** Looking at a buffer never runs it: not when it is opened, edited, hovered, outlined, folded or asked for code actions. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Editor, lispString } from '../support/lspClient.ts';
import { RpcError } from '../support/jsonRpc.ts';
import { shop } from '../support/shop.ts';

describe('a buffer with code for the reader', () => {
  let editor: Editor;
  let marker: string;
  /** Would leave the marker behind in any image or process that evaluates it. */
  let mark: string;

  beforeEach(async () => {
    editor = await Editor.start({ files: { 'shop.lisp': shop }, load: ['shop.lisp'] });
    marker = path.join(editor.root, 'evaluated');
    mark = `(with-open-file (s ${lispString(marker)} :direction :output :if-exists :supersede) (print 1 s) :cl-user)`;
    // The image is there and connected, so that evaluating would be possible.
    expect(await editor.evaluate('(shop:total 1)')).toEqual(['4']);
  });
  afterEach(() => editor.finish());

  const buffers: [string, (mark: string) => string][] = [
    ['#. in a form', mark => `(in-package #:shop)\n(defun f () #.${mark})\n`],
    [
      '#+ with #. as its condition',
      mark => `(in-package #:shop)\n#+#.${mark} (defun f () 1)\n(defun g () 2)\n`,
    ],
    ['in-package with #. inside', mark => `(in-package (x #.${mark}))\n(defun f () 1)\n`],
    ['in-package with a call', mark => `(in-package ${mark})\n(defun f () 1)\n`],
    [
      'eval-when at top level',
      mark =>
        `(in-package #:shop)\n(eval-when (:compile-toplevel :load-toplevel :execute) ${mark})\n(defun f () 1)\n`,
    ],
    [
      'a macro that acts when expanded',
      mark => `(in-package #:shop)\n(defmacro now () ${mark})\n(now)\n(defun f () (now))\n`,
    ],
    [
      'a reader macro set up by the buffer',
      mark =>
        `(in-package #:shop)\n(set-macro-character #\\! (lambda (s c) s c ${mark}))\n!\n(defun f () 1)\n`,
    ],
  ];

  it.each(buffers)('is not run: %s', async (_what, text) => {
    const document = editor.open('danger.lisp', text(mark));
    const textDocument = { uri: document.uri };
    const lines = document.text.split('\n');
    const everywhere = lines.flatMap((line, number) =>
      [0, Math.floor(line.length / 2), line.length].map(character => ({ line: number, character })),
    );
    const ask = async (method: string, params: object) => {
      try {
        await editor.request(method, params);
      } catch (error) {
        // A feature that the server does not offer is refused; it must not be run either.
        expect(error).toBeInstanceOf(RpcError);
        expect((error as RpcError).code).toBe(-32601);
      }
    };
    await ask('textDocument/documentSymbol', { textDocument });
    await ask('textDocument/foldingRange', { textDocument });
    await ask('textDocument/semanticTokens/full', { textDocument });
    await ask('textDocument/codeLens', { textDocument });
    for (const position of everywhere) {
      await editor.codeActions(document, position);
      await ask('textDocument/hover', { textDocument, position });
      await ask('textDocument/completion', { textDocument, position });
      await ask('textDocument/definition', { textDocument, position });
      await ask('textDocument/documentHighlight', { textDocument, position });
      await ask('textDocument/selectionRange', { textDocument, positions: [position] });
    }
    document.replace('\n(defun', '\n;; edited\n(defun');
    await editor.published.next(
      'diagnostics of the edited buffer',
      each => each.uri === document.uri && each.version === 2,
    );
    document.save();
    // Planning a reload reads the image, and asking for it is denied: still nothing may have run.
    void editor.expectPrompt(/reload/i, 'Deny');
    const from = editor.prompts.all.length;
    const pending = await editor.command<{ request: number }>('reload_file', {
      uri: document.uri,
      background: true,
    });
    const outcome = await editor
      .command('outcome', { request: pending.request, wait: true })
      .catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(RpcError);
    if (editor.prompts.all.length === from) {
      // It did not come to a question, because the package cannot be told without running the buffer.
      expect((outcome as RpcError).kind).toBe('unknown-package');
      editor.forgetExpectedPrompts();
    } else expect((outcome as RpcError).kind).toBe('approval-denied');
    expect(existsSync(marker)).toBe(false);
  });

  it('is run once it was approved, so the marker means something', async () => {
    const document = editor.open('danger.lisp', `(in-package #:shop)\n(defun f () #.${mark})\n`);
    void editor.expectPrompt(/reload f/i, 'Approve');
    expect(await editor.actionOutcome(document, '(defun f', /^Reload f$/)).toMatchObject({
      status: 'applied',
    });
    expect(existsSync(marker)).toBe(true);
  });
});
