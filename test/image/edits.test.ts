/**
 * Every way in which the server has an editor change texts, for an editor that takes versions and for one that does not:
 * the edit comes in the shape that was declared, for the version that is open, and does the same in both.
 */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Editor, lispString, usualCapabilities, type TextDocument } from '../support/lspClient.ts';
import type { CodeAction, WorkspaceEdit } from '../support/lspTypes.ts';

const packages = `(defpackage #:store
  (:use #:common-lisp)
  (:export #:total))
`;
const program = `(in-package #:store)

(defclass item ()
  ((price :initform 1)))

(defvar *items* (list (make-instance 'item)))

(defmacro twice (form) \`(* 2 ,form))

(defun price (amount)
  (if (plusp amount) (twice amount) 0))

(defun total (amount) (price amount))

`;

let editor: Editor;
let document: TextDocument;

interface Path {
  readonly name: string;
  /** Makes the server edit: what it sent. */
  readonly edit: () => Promise<WorkspaceEdit | undefined>;
  /** What then stands in main.lisp, or in packages.lisp, which is not open. */
  readonly then: RegExp;
  readonly file?: 'packages.lisp';
}

/** The edit of a code action, which is asked for if it was not sent with it. */
async function ofAction(place: string, title: RegExp, only?: string): Promise<WorkspaceEdit | undefined> {
  const all = await editor.codeActions(document, place, only === undefined ? undefined : [only]);
  const action = all.find(each => title.test(each.title));
  if (!action) throw new Error(`no ${title} at ${place}: ${all.map(each => each.title).join(', ')}`);
  if (action.edit || action.command) return action.edit;
  return ((await editor.request('codeAction/resolve', action)) as CodeAction).edit;
}

/** The edit that the server asks for while it carries out a command. */
async function ofCommand(name: string, argument: object): Promise<WorkspaceEdit | undefined> {
  const before = editor.edits.all.length;
  await editor.command(name, argument);
  expect(editor.edits.all).toHaveLength(before + 1);
  return editor.edits.all.at(-1);
}

const rename = (place: string, newName: string) =>
  editor.request('textDocument/rename', {
    textDocument: { uri: document.uri },
    position: document.positionOf(place),
    newName,
  }) as Promise<WorkspaceEdit>;

const at = (place: string) => ({ uri: document.uri, position: document.positionOf(place) });

const paths: readonly Path[] = [
  {
    name: 'the quick fix of a syntax problem',
    edit: async () => {
      document.replace('(twice amount) 0))', '(twice amount) 0)');
      await editor.diagnostics(document, list => list.some(each => each.severity === 1), 'the open bracket');
      return ofAction('(defun price', /^(Insert|Add|Close)/, 'quickfix');
    },
    then: /\(twice amount\) 0\)\)/,
  },
  {
    name: 'the renaming of a local variable',
    edit: () => rename('(price amou¦nt))', 'cents'),
    then: /\(defun total \(cents\) \(price cents\)\)/,
  },
  {
    name: 'the renaming of a function',
    edit: () => rename('(defun tot¦al', 'sum'),
    then: /\(defun sum \(amount\)/,
  },
  {
    name: 'the renaming of a function, in a file that is not open',
    edit: () => rename('(defun tot¦al', 'sum'),
    then: /\(:export #:sum\)/,
    file: 'packages.lisp',
  },
  {
    name: 'a rewriting',
    edit: () => ofAction('(if¦ (plusp', /cond/i, 'refactor.rewrite'),
    then: /\(cond \(\(plusp amount\)/,
  },
  {
    name: 'an export, in a file that is not open',
    edit: () => ofAction('(defun pri¦ce', /^Export price/),
    then: /#:total\s+#:price|#:price\s+#:total/,
    file: 'packages.lisp',
  },
  {
    name: 'a definition that is missing',
    edit: () => {
      document.replace('(price amount))', '(nowhere amount))');
      return ofAction('(nowh¦ere', /^Define function nowhere/);
    },
    then: /\(defun nowhere \(amount\)/,
  },
  {
    name: 'a pattern on an empty line',
    edit: () => ofAction('(price amount))\n\n¦', /^Insert feature flag/),
    then: /\(defvar \*[^]*\*/,
  },
  {
    name: 'the text that the image runs',
    edit: async () => {
      void editor.expectPrompt(/replace/i, 'Approve');
      await editor.command('code_replace_function', {
        function: 'store::total',
        new_code: '(defun total (amount) (list :hot amount))',
      });
      await editor.diagnostics(
        document,
        list => list.some(each => each.code === 'drift-unpersisted'),
        'the drift',
      );
      return ofAction('(defun tot¦al', /^Write to source file/);
    },
    then: /\(list :hot amount\)/,
  },
  {
    name: 'lisp_edit_form',
    edit: () =>
      ofCommand('lisp_edit_form', {
        operation: 'replace',
        file_path: document.file,
        form_type: 'defun',
        form_name: 'total',
        content: '(defun total (amount) (list amount))',
      }),
    then: /\(list amount\)/,
  },
  {
    name: 'expand_in_place',
    edit: () => ofCommand('expand_in_place', at('(tw¦ice amount)')),
    then: /\(\* 2 amount\)/,
  },
  {
    name: 'insert_update_instance',
    edit: () => {
      document.replace('(price :initform 1)', '(weight :initform 1)');
      return ofCommand('insert_update_instance', at('(defclass it¦em'));
    },
    then: /\(defmethod update-instance-for-redefined-class/,
  },
];

describe.each([
  ['documentChanges', { documentChanges: true }],
  ['changes', {}],
] as const)('an editor that takes %s', (shape, workspaceEdit) => {
  beforeAll(async () => {
    editor = await Editor.start({
      files: { 'packages.lisp': packages, 'main.lisp': program },
      load: ['packages.lisp', 'main.lisp'],
      env: { HOTLISP_BUDGET_MS: '20000' },
      capabilities: { ...usualCapabilities, workspace: { applyEdit: true, workspaceEdit } },
    });
    await editor.command('image_connect');
    await editor.request('workspace/symbol', { query: 'price' });
  });
  afterAll(() => editor.finish());
  beforeEach(async () => {
    const file = path.join(editor.root, 'main.lisp');
    await editor.evaluate(`(load ${lispString(file)})`);
    document = editor.openFile(file);
  });

  it.each(paths)('gets them from $name', async ({ edit, then, file }) => {
    const sent = await edit();
    expect(Object.keys(sent ?? {})).toEqual([shape]);
    const uri = file ? pathToFileURL(path.join(editor.root, file)).href : document.uri;
    const asked = editor.edits.all.includes(sent!);
    // What the server asked for has been made, which was one more version.
    const version = file ? null : document.version - (asked ? 1 : 0);
    for (const each of sent!.documentChanges ?? [])
      if (each.textDocument.uri === uri) expect(each.textDocument.version).toBe(version);
    const edits =
      sent!.changes?.[uri] ?? sent!.documentChanges!.find(each => each.textDocument.uri === uri)!.edits;
    const target = file ? editor.openFile(path.join(editor.root, file)) : document;
    if (!asked) target.apply(edits);
    expect(target.text).toMatch(then);
    for (const each of new Set([target, document])) each.close();
  });
});
