/** What a structure or class made and no longer makes stays in the image: that is told before and after, and can be removed. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Editor, type TextDocument } from '../support/lspClient.ts';
import type { OperationResult } from '../support/lspTypes.ts';

const text = `(in-package :cl-user)
(defstruct point x (y 0 :read-only t))
(defgeneric told (thing))
(defclass thing () ((told :reader told :initform 1) (kept :accessor kept) (lost :accessor lost)))
`;

let editor: Editor;
let document: TextDocument;

beforeEach(async () => {
  editor = await Editor.start({ files: { 'left.lisp': text }, load: ['left.lisp'] });
  document = editor.openFile(`${editor.root}/left.lisp`);
});
afterEach(() => editor.finish());

async function reload(place: string, prompt: RegExp) {
  void editor.expectPrompt(prompt, 'Approve');
  const position = document.positionOf(place);
  const result = await editor.command<OperationResult>('reload_form', { uri: document.uri, position });
  expect(result).toMatchObject({ status: 'applied' });
  return result as OperationResult & { definitions: { leaves?: readonly string[] }[] };
}
function save() {
  writeFileSync(fileURLToPath(document.uri), document.text);
  expect(readFileSync(fileURLToPath(document.uri), 'utf8')).toBe(document.text);
  editor.rpc.notify('textDocument/didSave', { textDocument: { uri: document.uri } });
}
const alive = async () => {
  const [names] = await editor.evaluate(
    "(remove-if-not #'fboundp '(make-point build point-x point-y p-x p-y (setf point-x) copy-point point-p lost (setf lost) told))",
  );
  return names;
};
/** The names that hints call deleted and alive, once there are as many. */
async function hinted(count: number): Promise<string[]> {
  const namesIn = (list: readonly { code?: unknown; message: string }[]) =>
    list
      .filter(({ code }) => code === 'drift-deleted')
      .map(({ message }) => /function (.*?) is not/.exec(message)![1]!);
  const list = await editor.diagnostics(document, each => namesIn(each).length === count, `${count} hints`);
  return namesIn(list).sort();
}

it('functions of a structure: in the question, the result and the drift, and gone once removed', async () => {
  document.replace(
    '(defstruct point',
    '(defstruct (point (:conc-name p-) (:constructor build) (:copier nil))',
  );
  const { definitions, transaction } = await reload(
    '(defstruct (point',
    /structure COMMON-LISP-USER::POINT \(dependents; leaves POINT-X, POINT-Y, MAKE-POINT and COPY-POINT behind\)/,
  );
  expect(definitions[0]!.leaves).toEqual(['POINT-X', 'POINT-Y', 'MAKE-POINT', 'COPY-POINT']);
  save();
  expect(await hinted(5)).toEqual(['(setf POINT-X)', 'COPY-POINT', 'MAKE-POINT', 'POINT-X', 'POINT-Y']);
  void editor.expectPrompt(/Remove function COMMON-LISP-USER::MAKE-POINT/, 'Approve');
  expect(await editor.actionOutcome(document, '(in-package', /Remove from image: MAKE-POINT/)).toMatchObject({
    status: 'applied',
  });
  expect(await hinted(4)).toEqual(['(setf POINT-X)', 'COPY-POINT', 'POINT-X', 'POINT-Y']);
  expect(await alive()).toBe(
    '(BUILD POINT-X POINT-Y P-X P-Y (SETF POINT-X) COPY-POINT POINT-P LOST (SETF LOST) TOLD)',
  );
  void editor.expectPrompt(/Roll back/, 'Approve');
  await editor.command('rollback', {});
  void editor.expectPrompt(/Roll back/, 'Approve');
  expect(await editor.command('rollback', { transaction })).toMatchObject({ status: 'applied' });
  expect(await alive()).toBe(
    '(MAKE-POINT POINT-X POINT-Y (SETF POINT-X) COPY-POINT POINT-P LOST (SETF LOST) TOLD)',
  );
});

it('nothing of a structure that makes what it made', async () => {
  document.replace('(defstruct point x', '(defstruct (point (:constructor make-point (&key x))) (x 3)');
  const { definitions } = await reload('(defstruct (point', /POINT \(dependents\)/);
  expect(definitions[0]!.leaves).toBeUndefined();
});

it('generic functions that a class alone had made, until they have methods again', async () => {
  document.replace('(told :reader told :initform 1)', '(told :initform 1)');
  document.replace('(lost :accessor lost)', '(lost)');
  const { definitions } = await reload('(defclass thing', /THING \(migration.*leaves LOST behind\)/);
  expect(definitions[0]!.leaves).toEqual(['LOST']);
  save();
  expect(await hinted(2)).toEqual(['(setf LOST)', 'LOST']);
  document.replace('(lost)', '(lost :accessor lost)');
  const again = await reload('(defclass thing', /THING \(migration\)/);
  expect(again.definitions[0]!.leaves).toBeUndefined();
  save();
  expect(await hinted(0)).toEqual([]);
});
