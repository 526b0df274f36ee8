/** Forms that define nothing by name, also where a macro makes definitions of them: a reload of the changed forms leaves them out, and never hides that they have changed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemWorkspace } from '../support/asdfSystem.ts';
import { Editor, type TextDocument } from '../support/lspClient.ts';
import type { OperationResult } from '../support/lspTypes.ts';

/** Names of forms, to the text around the value that is edited. */
const wrapped: Readonly<Record<string, (value: number) => string>> = {
  macrolet: value => `(macrolet ((m (n v) \`(defun ,n () ,v))) (m foo ${value}))`,
  'several levels': value =>
    `(eval-when (:load-toplevel :execute) (progn (let ((v ${value})) (macrolet ((m (n) \`(defun ,n () v))) (m foo)))))`,
  'symbol-macrolet': value =>
    `(symbol-macrolet ((v ${value})) (locally (macrolet ((m (n) \`(defun ,n () v))) (m foo))))`,
  'flet and labels': value =>
    `(flet ((a () ${value})) (labels ((b () (a))) (macrolet ((m (n) \`(defun ,n () (b)))) (m foo))))`,
  'a bare form': value => `(setf (symbol-function 'foo) (constantly ${value}))`,
};

const allow = { approval: { 'modify-running-code': 'allow' } };

const told = (document: TextDocument, ...texts: string[]) => ({
  left_out: texts.map(text => ({ uri: document.uri, range: { start: document.positionOf(text) } })),
  notes: texts.map(() => ({
    severity: 'note',
    message: expect.stringMatching(
      /defines nothing by name.*left out.*Reload it by itself, or the file/,
    ) as string,
  })),
});

class Changes {
  constructor(
    private readonly editor: Editor,
    private readonly document: TextDocument,
  ) {}

  reload(command = 'reload_changed', further: object = {}): Promise<OperationResult> {
    return this.editor.command(command, { uri: this.document.uri, ...further });
  }

  reloadForm(text: string): Promise<OperationResult> {
    return this.reload('reload_form', { position: this.document.positionOf(text) });
  }

  async expectNone(): Promise<void> {
    const result = await this.reload();
    expect(result).toMatchObject({ status: 'unchanged', definitions: [], notes: [] });
    expect(result).not.toHaveProperty('left_out');
  }

  async expectLeftOut(...texts: string[]): Promise<void> {
    const said = told(this.document, ...texts);
    const before = await this.editor.evaluate('(foo)');
    expect(await this.reload()).toMatchObject({ status: 'unchanged', ...said });
    expect(await this.reload('plan', { operation: 'reload_changed' })).toMatchObject(said);
    expect(await this.editor.evaluate('(foo)')).toEqual(before);
  }
}

describe('a changed form without a name', () => {
  it.each(Object.entries(wrapped))(
    'is told of until what stands there has been run (%s)',
    async (_, form) => {
      const editor = await Editor.start({ files: { 'bare.lisp': `${form(1)}\n` }, settings: allow });
      try {
        const document = editor.openFile(`${editor.root}/bare.lisp`);
        const changes = new Changes(editor, document);
        await changes.reload('reload_file');
        await changes.expectNone();
        document.replace(form(1), form(2));
        await changes.expectLeftOut(form(2));
        expect(await changes.reloadForm(form(2))).toMatchObject({ status: 'applied' });
        expect(await editor.evaluate('(foo)')).toEqual(['2']);
        await changes.expectNone();
        document.replace(form(2), form(1));
        await changes.expectLeftOut(form(1));
        await changes.reload('reload_file');
        await changes.expectNone();
        await editor.command('rollback');
        await changes.expectLeftOut(form(1));
      } finally {
        await editor.finish();
      }
    },
  );

  it('is told of after a load of its system, which was of the text of before', async () => {
    const form = wrapped['macrolet']!;
    const root = mkdtempSync(path.join(tmpdir(), 'hotlisp-test-'));
    const files = {
      'bare.asd': '(defsystem "bare" :components ((:file "alone") (:file "beside")))\n',
      'alone.lisp': `${form(1)}\n`,
      'beside.lisp': `(defun beside () 1)\n${form(1)}\n`,
    };
    const editor = await Editor.start({ ...systemWorkspace(root, files), settings: allow });
    try {
      await editor.command('code_reload_system', { system: 'bare' });
      for (const name of ['alone', 'beside']) {
        const document = editor.openFile(path.join(root, `${name}.lisp`));
        const changes = new Changes(editor, document);
        await changes.expectNone();
        document.replace(form(1), form(2));
        await changes.expectLeftOut(form(2));
        await changes.reloadForm(form(2));
        await changes.expectNone();
        await editor.command('code_reload_system', { system: 'bare', force: true });
        expect(await editor.evaluate('(foo)')).toEqual(['1']);
        await changes.expectLeftOut(form(2));
        document.replace(form(2), form(1));
        await changes.expectNone();
      }
    } finally {
      await editor.finish();
      rmSync(root, { recursive: true, force: true });
    }
  });
});

describe('forms without a name', () => {
  it('that switch the syntax are run once with the definitions behind them, and not told of then', async () => {
    const text =
      '(defvar *n* 0)\n(defun enable-foo-syntax () (incf *n*))\n(enable-foo-syntax)\n(defun foo () 1)\n';
    const editor = await Editor.start({ files: { 'bare.lisp': text }, settings: allow });
    try {
      await editor.evaluate('(progn (defvar *n* 0) (defun enable-foo-syntax () (incf *n*)))');
      const document = editor.openFile(`${editor.root}/bare.lisp`);
      expect(await new Changes(editor, document).reload()).toMatchObject({ status: 'applied', notes: [] });
      expect(await editor.evaluate('*n*')).toEqual(['1']);
      await new Changes(editor, document).reload('reload_file');
      expect(await editor.evaluate('*n*')).toEqual(['2']);
    } finally {
      await editor.finish();
    }
  });

  it('that were never run are told of when the definitions beside them are loaded, also by the message for the person', async () => {
    const bare = "(setf (get 'foo 'bare) 1)";
    const editor = await Editor.start({
      files: { 'bare.lisp': `(defun foo () 1)\n${bare}\n` },
      settings: allow,
    });
    try {
      const document = editor.openFile(`${editor.root}/bare.lisp`);
      const changed = () => editor.actionOutcome(document, '(defun foo', /^Reload changed forms$/);
      expect(await changed()).toMatchObject({ status: 'applied', ...told(document, bare) });
      const said = /left out, since it defines nothing by name: 1 form \(line 2\)/i;
      await editor.messages.next('that it is left out', ({ message }) => said.test(message));
      expect(await editor.evaluate("(get 'foo 'bare)")).toEqual(['NIL']);
      expect(await changed()).toMatchObject({ status: 'unchanged', ...told(document, bare) });
      await editor.messages.next('that no definition differs', ({ message }) =>
        /no definition differs\. Left out.*line 2/.test(message),
      );
    } finally {
      await editor.finish();
    }
  });
});
