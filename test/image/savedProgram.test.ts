/** A program that was built into an executable (SAVE-LISP-AND-DIE), which does not find the contribs of its SBCL, and serves itself. */
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, it } from 'vitest';
import { Surroundings } from '../support/images.ts';
import { Editor, lispString, sbclCommand, serverProgram, type TextDocument } from '../support/lspClient.ts';
import type { OperationResult } from '../support/lspTypes.ts';
import { fingerprintDifferences, takeFingerprint } from '../support/shop.ts';
import { socketOf, startUserImage, type UserImage } from '../support/userImage.ts';

const plain = `(defpackage #:saved (:use #:common-lisp))
(in-package #:saved)

(defmacro twice (x) \`(list ,x ,x))

(defun tax (n) (* n 2))

(defun total (n) (+ 1 (tax n)))

(defun pair (x) (twice (tax x)))
`;

/** Compiled as one block: these call each other directly. */
const block = `(in-package #:saved)

(defun leaf (n) (+ n 1))

(defgeneric size (thing))

(defmethod size ((thing integer)) (leaf thing))

(defmacro grown (n) (leaf n))

(defun (setf place) (value) (leaf value))

(defun twofold (n) (let ((x (leaf n))) (list x x)))

(let ((count 0))
  (defun next () (leaf (incf count))))

(defun alone () :alone)
`;

/** Compiled where no file is any more: the workspace has a copy, as of a program that was built on another host. */
const far = `(in-package #:saved)

(defun (setf shelf) (value) (twice value))

(defmethod size ((thing string)) (twice (length thing)))

(defun far (x) (twice x))
`;

const build = (root: string, elsewhere: string, executable: string) => `(require :asdf)
(asdf:load-asd ${lispString(path.join(path.dirname(serverProgram), 'lisp/hotlisp.asd'))})
(asdf:load-system "hotlisp")
(load (compile-file ${lispString(path.join(root, 'plain.lisp'))}))
(load (compile-file ${lispString(path.join(root, 'block.lisp'))} :block-compile t :entry-points nil))
(load (compile-file ${lispString(path.join(elsewhere, 'far.lisp'))}))
(defun cl-user::main ()
  (format t "SOCKET ~A~%READY~%" (funcall (intern "SERVE" "HOTLISP")))
  (finish-output)
  (loop while (read-line *standard-input* nil))
  (sb-ext:exit :abort t))
(sb-ext:save-lisp-and-die ${lispString(executable)} :executable t :toplevel #'cl-user::main :save-runtime-options t)`;

describe('a saved program that serves itself', () => {
  const surroundings = new Surroundings();
  const root = surroundings.make('program');
  const executable = path.join(surroundings.folder, 'program.exe');
  const elsewhere = surroundings.make('elsewhere');
  let image: UserImage;
  let editor: Editor;
  const documents: Record<string, TextDocument> = {};

  beforeAll(() => {
    writeFileSync(path.join(root, 'plain.lisp'), plain);
    writeFileSync(path.join(root, 'block.lisp'), block);
    for (const folder of [root, elsewhere]) writeFileSync(path.join(folder, 'far.lisp'), far);
    const script = path.join(surroundings.folder, 'build.lisp');
    writeFileSync(script, build(root, elsewhere, executable));
    const [program = 'sbcl', ...args] = sbclCommand.split(' ');
    const built = spawnSync(program, [...args, '--no-userinit', '--non-interactive', '--load', script], {
      encoding: 'utf8',
    });
    expect(built.status, built.stdout + built.stderr).toBe(0);
    rmSync(elsewhere, { recursive: true });
  });
  afterAll(() => surroundings.remove());

  beforeEach(async () => {
    image = await startUserImage('', {
      program: executable,
      env: { ...surroundings.environment, SBCL_HOME: '' },
    });
    editor = await Editor.start({ root, settings: { image: { mode: 'attach', address: socketOf(image) } } });
    for (const name of ['plain', 'block']) documents[name] = editor.openFile(path.join(root, `${name}.lisp`));
  });
  afterEach(async () => {
    await editor.finish();
    await image.stop();
  });

  const reload = async (name: string, form: string, from: string, to: string) => {
    documents[name]!.replace(from, to);
    const prompt = editor.expectPrompt(/reload/i, 'Approve');
    const result = await editor.actionOutcome(documents[name]!, form, /^Reload (?!changed|file)/);
    const dependents = (
      result as unknown as { dependents: { name: string; status: string; certainty: string }[] }
    ).dependents.map(({ name: user, status, certainty }) => `${user} ${status} ${certainty}`);
    return { result, dependents, prompt: (await prompt).message };
  };
  const value = async (code: string) => (await editor.evaluate(code, 'SAVED'))[0];
  const rollback = async () => {
    const prompt = editor.expectPrompt(/roll back/i, 'Approve');
    expect(await editor.command<OperationResult>('rollback', {})).toMatchObject({ status: 'applied' });
    await prompt;
  };

  it('is known as well as one that was loaded: nothing to reload, where definitions are, the users of a macro', async () => {
    for (const { uri } of Object.values(documents))
      expect(await editor.command('plan', { operation: 'reload_changed', uri })).toMatchObject({
        definitions: [],
      });
    const status = await editor.command<{ missing: string[] }>('image_status', {});
    expect(status.missing.filter(each => each.startsWith('introspection'))).toEqual([]);
    expect(await editor.command('source_location', { symbol: 'saved::pair' })).toMatchObject([
      { kind: 'function', name: 'PAIR', line: 10, column: 1, stale: false },
    ]);
    const { dependents } = await reload('plain', '(defmacro twice', '`(list ,x ,x)', '`(vector ,x ,x)');
    expect(dependents.filter(each => each.includes('recompiled'))).toEqual(['PAIR recompiled certain']);
    expect(await value('(pair 1)')).toBe('#(2 2)');
    await rollback();
    expect(await value('(pair 1)')).toBe('(2 2)');
  });

  it('shows the text of the workspace for what was compiled from a file of another host, and compiles none of it by itself', async () => {
    const uri = pathToFileURL(path.join(root, 'far.lisp')).href;
    expect(await editor.command('source_location', { symbol: 'saved::far' })).toMatchObject([
      { kind: 'function', name: 'FAR', uri, line: 7, stale: true },
    ]);
    const { result } = await reload('plain', '(defmacro twice', '`(list ,x ,x)', '`(vector ,x ,x)');
    const listed = (result as unknown as { dependents: Record<string, unknown>[] }).dependents.filter(
      each => each['status'] === 'listed',
    );
    expect(listed.map(each => [each['name'], each['uri'], each['certainty']]).sort()).toEqual(
      ['(SETF SHELF)', 'FAR', 'SIZE (STRING)'].map(name => [name, uri, 'certain']),
    );
    expect(listed[0]!['reason']).toContain('may differ');
    expect(await value('(far 1)')).toBe('(1 1)');
  });

  it('runs the new function wherever the old one was called', async () => {
    const { result, prompt } = await reload('plain', '(defun tax', '(* n 2)', '(* n 3)');
    expect(result).toMatchObject({ status: 'applied', definitions: [{ name: 'TAX', class: 'safe' }] });
    expect(prompt).toContain('(safe)');
    expect(await value('(list (total 10) (pair 1))')).toBe('(31 (3 3))');
  });

  it('has what was compiled in one block compiled again with a function of it, and taken back with it', async () => {
    const all =
      '(list (leaf 1) (size 1) (twofold 1) (setf (place) 1) (macroexpand-1 (list (quote grown) 1)))';
    await takeFingerprint(editor, 'SAVED');
    expect(await value(all)).toBe('(2 2 (2 2) 2 2)');
    const { result, dependents, prompt } = await reload('block', '(defun leaf', '(+ n 1)', '(+ n 100)');
    expect(result).toMatchObject({
      status: 'applied',
      definitions: [{ name: 'LEAF', change: 'redefined', class: 'dependents' }],
    });
    expect(dependents.sort()).toEqual([
      '(SETF PLACE) recompiled certain',
      'GROWN recompiled certain',
      'NEXT listed certain',
      'SIZE (INTEGER) recompiled certain',
      'TWOFOLD recompiled certain',
    ]);
    expect(prompt).toContain('It recompiles 4 users');
    expect(await value(all)).toBe('(101 101 (101 101) 101 101)');
    await rollback();
    expect(await value(all)).toBe('(2 2 (2 2) 2 2)');
    expect(await fingerprintDifferences(editor, 'SAVED')).toBe('NIL');
    // Once they are compiled one by one, nobody calls it directly any more.
    await reload('block', '(defun leaf', '(+ n 100)', '(+ n 10)');
    const again = await reload('block', '(defun leaf', '(+ n 10)', '(+ n 20)');
    expect(again.prompt).toContain('(safe)');
    expect(await value('(list (leaf 1) (twofold 1))')).toBe('(21 (21 21))');
  });
});
