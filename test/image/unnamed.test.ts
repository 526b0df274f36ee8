/** Functions without a name, made by forms outside of definitions, whose code relies on what a structure's slots take. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Editor } from '../support/lspClient.ts';
import type { OperationResult } from '../support/lspTypes.ts';

let editor: Editor;
beforeAll(async () => {
  editor = await Editor.start();
});
afterAll(() => editor?.finish());

const load = async (name: string, text: string) => {
  const document = editor.open(name, `(in-package :cl-user)\n${text}\n`);
  void editor.expectPrompt(/./, 'Approve');
  const result = await editor.command<OperationResult>('reload_file', { uri: document.uri });
  expect(result.status).toBe('applied');
  return { document, result };
};

it('a structure’s slot takes more again only where no function without a name was compiled for less, or knowing which', async () => {
  const { document } = await load('loose.lisp', '(defstruct loose (n 0 :type integer) (s nil))');
  const narrow = async () => {
    document.replace('integer', 'fixnum');
    void editor.expectPrompt(/slot-narrowed|would be FIXNUM/, 'Approve');
    const { transaction } = await editor.command<OperationResult>('reload_file', { uri: document.uri });
    return transaction;
  };

  // What evaluated it once is gone, and what is called by its name is told of by that.
  let transaction = await narrow();
  await load(
    'unrelated.lisp',
    '(defvar *other* nil)\n(setf *other* (lambda (x) (list x)))\n(print (loose-n (make-loose :n 1)))',
  );
  expect(await editor.evaluate('(loose-n (make-loose :n 2))')).toEqual(['2']);
  void editor.expectPrompt(/LOOSE/, 'Approve');
  expect(await editor.command('rollback', { transaction })).toMatchObject({ status: 'applied' });

  document.replace('fixnum', 'integer');
  document.replace('(s nil)', '(s nil) ');
  transaction = await narrow();
  const { document: reader } = await load(
    'reader.lisp',
    '(defvar *reader* nil)\n(setf *reader* (lambda (x) (loose-n x)))',
  );
  void editor.expectPrompt(/LOOSE/, 'Approve');
  void editor.expectPrompt(
    /Hazard: .*a function of \(X\) in \S*reader\.lisp was compiled for structures whose slots would take more/,
    'Deny',
  );
  expect(await editor.failure('rollback', { transaction })).toMatchObject({ kind: 'approval-denied' });

  // Compiled again, it is for what the slot takes then.
  void editor.expectPrompt(/LOOSE/, 'Approve');
  void editor.expectPrompt(/reader\.lisp/, 'Approve');
  const { status, remains } = await editor.command<OperationResult>('rollback', { transaction });
  expect([status, remains]).toEqual([
    'partial',
    [
      expect.stringMatching(
        /^a function of \(X\) in \S*reader\.lisp: compiled for structures whose slots took less, to be compiled again before it is used\.$/,
      ),
    ],
  ]);
  void editor.expectPrompt(/./, 'Approve');
  await editor.command('reload_file', { uri: reader.uri });
  expect(await editor.evaluate('(= (expt 2 80) (funcall *reader* (make-loose :n (expt 2 80))))')).toEqual([
    'T',
  ]);
});

it('a slot that takes less is told of with the functions without a name that may go on to store more', async () => {
  const hazards = async () => {
    const plan = await editor.command<OperationResult>('plan', {
      operation: 'reload_file',
      uri: tight.document.uri,
    });
    return plan.definitions.map(({ hazard }) => hazard).filter(Boolean);
  };
  const tight = await load('tight.lisp', '(defstruct tight (n 0 :type integer) (s nil))');
  tight.document.replace('integer', 'fixnum');
  // What SBCL made of this is called by its name, or gone.
  await load(
    'named.lisp',
    '(defun store (x y) (mapc (lambda (z) (setf (tight-n z) y)) x))\n(defmethod tells ((x tight)) (lambda (y) (list (tight-n x) y)))',
  );
  expect(await editor.evaluate('(progn (sb-ext:gc) (tight-n (make-tight :n 3)))')).toEqual(['3']);
  expect(JSON.stringify(await hazards())).toMatch(/^\[.*slot-narrowed(?!.*without a name)/);

  await load('store.lisp', '(defvar *store* nil)\n(setf *store* (lambda (x y) (setf (tight-n x) y)))');
  await editor.evaluate('(sb-ext:gc)');
  expect(JSON.stringify(await hazards())).toMatch(
    /slot-narrowed.*A function without a name that was compiled for what it takes now may go on to store that until the form that makes it is loaded again: a function of \(X Y\) in \S*store\.lisp\./,
  );
});
