/** Giving up a rollback, or a redo, at any of its steps: whole before or whole after, one reply, and a journal that tells the truth. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { giveUp, hold, isAt, journalled, type How } from '../support/givingUp.ts';
import { Surroundings } from '../support/images.ts';
import type { RpcError } from '../support/jsonRpc.ts';
import { Editor, lispString } from '../support/lspClient.ts';
import type { OperationResult } from '../support/lspTypes.ts';
import { pause } from '../support/wait.ts';

const surroundings = new Surroundings();
const root = surroundings.make('root');
const [reached, released] = ['reached', 'released'].map(name => path.join(root, name));

/** Whose classes stop in the middle of being redefined, where the image can do nothing else. */
const slow = `(defpackage #:slow (:use #:common-lisp))
(in-package #:slow)
(defvar *stops* nil)
(defun midway ()
  (when *stops*
    (with-open-file (stream ${lispString(reached!)} :direction :output :if-exists :supersede) (print 1 stream))
    (loop until (probe-file ${lispString(released!)}) do (sleep 0.01))))
(defclass slow-class (standard-class) ())
(defmethod sb-mop:validate-superclass ((class slow-class) (super standard-class)) t)
(defmethod reinitialize-instance :before ((class slow-class) &key) (midway))
(defclass thing () ((old :initform :old)) (:metaclass slow-class))
(defgeneric name (thing))
(defmethod name ((thing thing)) :old)
(defun total () :old)
(defvar *thing* (make-instance 'thing))
(defun look () (list (total) (name *thing*) (mapcar #'sb-mop:slot-definition-name (sb-mop:class-slots (find-class 'thing)))))
`;
const change = `(defclass thing () ((old :initform :old) (new :initform :new)) (:metaclass slow-class))
(defmethod name ((thing thing)) :new)
(defun total () :new)`;
const OLD = '(:OLD :OLD (OLD))';
const NEW = '(:NEW :NEW (OLD NEW))';

let editor: Editor;
let transaction: string;

async function start(load: string): Promise<void> {
  editor = await Editor.start({
    root,
    files: { 'hold.lisp': hold, 'slow.lisp': load },
    load: ['hold.lisp', 'slow.lisp'],
    settings: { verify: [{ when: { package: 'SLOW' }, form: '(hold:verify)', timeoutSeconds: 60 }] },
  });
}
const look = async () => (await editor.evaluate('(slow::look)', 'SLOW')).join();
const setting = (name: string, value: boolean) => editor.evaluate(`(setf ${name} ${value ? 't' : 'nil'})`);
const settled = (came: RpcError | OperationResult) => came as unknown as Record<string, unknown>;

async function approved(name: string, argument: object): Promise<OperationResult> {
  void editor.expectPrompt(/./, 'Approve');
  return editor.command<OperationResult>(name, argument);
}

const forgetPlaces = () => [reached!, released!].forEach(file => rmSync(file, { force: true }));
async function isReached(): Promise<void> {
  for (const end = Date.now() + 20_000; !existsSync(reached!); await pause(10))
    if (Date.now() > end) throw new Error('the middle was not reached');
}

afterAll(() => surroundings.remove());

describe.each(['rollback', 'redo'])('%s', name => {
  const [before, after] = name === 'rollback' ? [NEW, OLD] : [OLD, NEW];

  beforeAll(async () => {
    await start(slow);
    const result = await approved('code_compile_string', { code: change, package: 'SLOW' });
    expect(result).toMatchObject({ status: 'applied' });
    transaction = result.transaction!;
    if (name === 'redo') await approved('rollback', {});
  });
  afterAll(() => editor.finish());
  beforeEach(forgetPlaces);

  /** What the journal got since. */
  async function since(count: number): Promise<(string | undefined)[]> {
    const entries = (await journalled(editor, name)).slice(count);
    return entries.map(({ decision, outcome }) => decision ?? outcome?.status);
  }
  const count = async () => (await journalled(editor, name)).length;
  /** It can still be done, and is undone again, so that the next test finds what this one did. */
  async function canStillBeDone(): Promise<void> {
    expect(await look()).toBe(before);
    expect(await approved(name, { transaction })).toMatchObject({ status: 'applied' });
    expect(await look()).toBe(after);
    await isDoneAndUndone();
  }
  async function isDoneAndUndone(): Promise<void> {
    expect(await look()).toBe(after);
    const other = name === 'rollback' ? 'redo' : 'rollback';
    expect(await approved(other, { transaction })).toMatchObject({ status: 'applied' });
    expect(await look()).toBe(before);
  }

  it.each<How>(['request', 'progress'])(
    'that is given up at its prompt, by its %s, does nothing',
    async how => {
      const had = await count();
      const came = await giveUp(editor, name, { transaction }, how, 'prompt');
      expect(came).toMatchObject({ kind: 'cancelled', code: -32800 });
      expect(await since(had)).toEqual(['denied']);
      await canStillBeDone();
    },
  );

  it('that is given up while it waits for another operation does nothing', async () => {
    void editor.expectPrompt(/./, 'Approve');
    const begun = editor.progress.all.length;
    const other = await editor.command('code_compile_string', {
      code: '(hold:here :load)',
      package: 'SLOW',
      background: true,
    });
    await isAt(editor, 'load');
    const had = await count();
    const from = editor.prompts.all.length;
    const came = await giveUp(editor, name, { transaction }, 'request', async () => {
      await editor.prompts.next('its prompt', () => true, from);
      await pause(300);
    });
    expect(came).toMatchObject({ kind: 'cancelled', code: -32800 });
    expect(settled(came)['message']).toMatch(/Nothing has changed/);
    expect(await since(had)).toEqual(['approved', 'failed']);
    const isBegin = ({ value }: { value: { kind: string } }) => value.kind === 'begin';
    const { token } = await editor.progress.next('the progress', isBegin, begun);
    editor.rpc.notify('window/workDoneProgress/cancel', { token });
    await editor.outcome(other).catch(() => undefined);
    await canStillBeDone();
  });

  it.each<How>(['request', 'progress'])(
    name === 'redo'
      ? 'that is given up in the middle of it, by its %s, is taken back, since nobody verified it'
      : 'that is given up in the middle of it, by its %s, is done whole and says so',
    async how => {
      await setting('slow::*stops*', true);
      const had = await count();
      const came = await giveUp(editor, name, { transaction }, how, isReached, () =>
        // The image learns of it before it can go on.
        setTimeout(() => writeFileSync(released!, ''), 500),
      );
      const status = name === 'redo' ? 'rolled-back' : 'applied';
      expect(came).toMatchObject({ status });
      await setting('slow::*stops*', false);
      expect(await since(had)).toEqual(['approved', status]);
      if (name === 'redo') await canStillBeDone();
      else await isDoneAndUndone();
    },
  );

  it.each<How>(['request', 'progress'])(
    name === 'redo'
      ? 'that is given up while it is verified, by its %s, is taken back'
      : 'that is given up while it is verified, by its %s, stands, and says that it was not',
    async how => {
      await setting('hold:*verify*', true);
      const had = await count();
      const came = await giveUp(editor, name, { transaction }, how, 'verify');
      await setting('hold:*verify*', false);
      const status = name === 'redo' ? 'rolled-back' : 'applied';
      expect(came).toMatchObject({ status, verification: [{ status: 'failed', reason: 'was cancelled' }] });
      expect((came as OperationResult).notes.map(({ message }) => message)).toEqual([
        `Verification failed: (hold:verify) was cancelled.${name === 'redo' ? '' : ' The rollback stands.'}`,
      ]);
      expect(await since(had)).toEqual(['approved', status]);
      if (name === 'redo') await canStillBeDone();
      else await isDoneAndUndone();
    },
  );

  it('whose old code is no longer followed is done all the same', async () => {
    await editor.evaluate('(setf slow::*stops* nil hold::*at* nil)');
    await approved('code_compile_string', {
      code: '(defun waits (how) (if how (list (hold:here :load)) :first))',
      package: 'SLOW',
    });
    const second = await approved('code_compile_string', {
      code: '(defun waits (how) (if how (list 1 (hold:here :load)) :second))',
      package: 'SLOW',
    });
    if (name === 'redo') await approved('rollback', { transaction: second.transaction });
    await editor.evaluate('(progn (sb-thread:make-thread (lambda () (slow::waits t)) :name "drains") t)');
    await isAt(editor, 'load');
    const from = editor.progress.all.length;
    expect(await approved(name, { transaction: second.transaction })).toMatchObject({
      status: 'applied',
      threads: [{ name: 'drains' }],
    });
    const isOld = ({ value }: { value: { title?: string } }) => /old code/.test(value.title ?? '');
    const { token } = await editor.progress.next('the progress', isOld, from);
    editor.rpc.notify('window/workDoneProgress/cancel', { token });
    await editor.progress.next('its end', each => each.token === token && each.value.kind === 'end', from);
    expect(await editor.evaluate('(list (hold:at) (slow::waits nil))')).toEqual([
      name === 'redo' ? '(:LOAD :SECOND)' : '(:LOAD :FIRST)',
    ]);
  });
});

describe('of a replay, which has several parts', () => {
  beforeAll(async () => {
    forgetPlaces();
    await start(slow);
    const patch = path.join(root, 'patch.lisp');
    writeFileSync(patch, '(in-package #:slow)\n(defun total () :fasl)\n');
    await editor.evaluate(
      `(let ((*standard-output* (make-broadcast-stream)) (*error-output* (make-broadcast-stream))) (compile-file ${lispString(patch)}) t)`,
    );
    await approved('code_load_fasl', { path: path.join(root, 'patch.fasl') });
    await approved('code_compile_string', {
      code: change.split('\n').slice(0, 2).join('\n'),
      package: 'SLOW',
    });
    await editor.command('image_restart');
    const result = await approved('replay', {});
    expect(result).toMatchObject({ status: 'applied' });
    transaction = result.transaction!;
  });
  afterAll(() => editor.finish());

  it('a rollback that is given up between two of them brings the first one back, and says that nothing has changed', async () => {
    const before = await look();
    expect(before).toBe('(:FASL :NEW (OLD NEW))');
    await setting('slow::*stops*', true);
    const came = await giveUp(editor, 'rollback', { transaction }, 'request', isReached, () =>
      setTimeout(() => writeFileSync(released!, ''), 500),
    );
    expect(came).toMatchObject({ kind: 'cancelled', code: -32800 });
    expect(await look()).toBe(before);
    expect((await journalled(editor, 'rollback')).at(-1)).toMatchObject({ outcome: { status: 'failed' } });
    expect(await approved('rollback', { transaction })).toMatchObject({ status: 'applied' });
    expect(await look()).toBe(OLD);
  });
});
