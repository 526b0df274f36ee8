/** Whole conversations, word for word: what an editor and its user see of the main job. */
import { afterEach, beforeEach, describe, it } from 'vitest';
import { METHOD_NOT_FOUND } from '../support/jsonRpc.ts';
import { Editor, type TextDocument } from '../support/lspClient.ts';
import { shop } from '../support/shop.ts';
import { expectTranscript, transcriptOf } from '../support/transcript.ts';

describe('conversations', () => {
  let editor: Editor;
  let document: TextDocument;
  const form = '(defun total';
  const reload = /^Reload total$/;
  /** Messages until the file is open: initialize, its reply, initialized, didOpen. */
  const greeting = 4;

  beforeEach(async () => {
    editor = await Editor.start({ files: { 'shop.lisp': shop }, load: ['shop.lisp'] });
    document = editor.openFile(`${editor.root}/shop.lisp`);
  });
  afterEach(() => editor.finish());

  it('a greeting', () => {
    expectTranscript('initialize', transcriptOf(editor).slice(0, greeting));
  });

  it('a reload that is approved', async () => {
    document.replace('(twice (tax amount))', '(1+ (twice (tax amount)))');
    void editor.expectPrompt(/reload total/i, 'Approve');
    await editor.actionOutcome(document, form, reload);
    await editor.messages.next('the message', () => true);
    expectTranscript('reload-approved', transcriptOf(editor).slice(greeting));
  });

  it('a reload that is denied', async () => {
    document.replace('(twice (tax amount))', '0');
    void editor.expectPrompt(/reload total/i, 'Deny');
    await editor.actionFailure(document, form, reload);
    await editor.messages.next('the message', () => true);
    expectTranscript('reload-denied', transcriptOf(editor).slice(greeting));
  });

  it('a reload that does not compile', async () => {
    document.replace('(twice (tax amount))', '(let ((a 1 2)) a)');
    void editor.expectPrompt(/reload total/i, 'Approve');
    await editor.actionOutcome(document, form, reload);
    await editor.messages.next('the message', () => true);
    expectTranscript('reload-refused', transcriptOf(editor).slice(greeting));
  });

  it('an approval by code action, where the editor cannot ask', async () => {
    document.replace('(twice (tax amount))', '1');
    void editor.expectPrompt(/reload total/i, {
      error: { code: METHOD_NOT_FOUND, message: 'unknown method' },
    });
    const pending = await editor.runAction(document, form, reload);
    await editor.messages.next('the question', () => true);
    await editor.runAction(document, form, /^Approve reload #/);
    await editor.outcome(pending);
    await editor.messages.next('the message', () => true, 1);
    expectTranscript('reload-approved-by-action', transcriptOf(editor).slice(greeting));
  });
});
