/** Compiled files: judged before anybody is asked, loaded whole or not at all, and taken back like every other change. */
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Editor, lispString, repository } from '../support/lspClient.ts';
import { shop } from '../support/shop.ts';

const patch = `(in-package #:shop)

(defparameter *rate* 3)

(defun total (amount)
  (list :patched amount))

(defun fresh () 1)
`;

let editor: Editor;
const file = (name: string) => path.join(editor.root, name);

beforeEach(async () => {
  editor = await Editor.start({ files: { 'shop.lisp': shop, 'patch.lisp': patch }, load: ['shop.lisp'] });
  await editor.evaluate(`(load ${lispString(path.join(repository, 'test/support/fingerprint.lisp'))})`);
});
afterEach(() => editor.finish());

const compile = async (name: string) => {
  await editor.evaluate(
    `(let ((*error-output* (make-broadcast-stream)) (*standard-output* (make-broadcast-stream))) (compile-file ${lispString(file(name))}) t)`,
  );
  // Compiling has its own effects in the image; what is looked at is what loading does.
  await editor.evaluate('(fingerprint:remember "SHOP")');
  return file(name.replace(/\.lisp$/, '.fasl'));
};
const changes = () => editor.evaluate('(fingerprint:changes)');
const load = (fasl: string) => editor.command('code_load_fasl', { path: fasl });

/** Gives the file's header another version of SBCL, of the same length. */
const pretendOtherVersion = (fasl: string): { version: string } => {
  const octets = readFileSync(fasl);
  const mark = octets.indexOf(0xff) + 1;
  const implementation = octets.readUInt32LE(mark);
  const length = octets.readUInt32LE(mark + 4 + implementation + 8);
  const start = mark + 4 + implementation + 8 + 4;
  const version = `1.0.${'7'.repeat(length - 4)}`;
  octets.write(version, start, 'latin1');
  writeFileSync(fasl, octets);
  return { version };
};

describe('loading a compiled file', () => {
  it('is asked for with the file’s name, installs it, and answers what it defined', async () => {
    const fasl = await compile('patch.lisp');
    const prompt = editor.expectPrompt(/load the compiled file/i, 'Approve');
    const result = await load('patch.fasl');
    expect((await prompt).message).toContain(fasl);
    expect(result.status).toBe('applied');
    expect(result.definitions.map(each => `${each.kind} ${each.name} ${each.change}`).sort()).toEqual([
      'function FRESH new',
      'function TOTAL redefined',
      'variable *RATE* redefined',
    ]);
    expect(await editor.evaluate('(list (shop:total 1) shop::*rate*)')).toEqual(['((:PATCHED 1) 3)']);
  });

  it('is a change like the others: a rollback restores what was there, values too', async () => {
    const fasl = await compile('patch.lisp');
    void editor.expectPrompt(/load the compiled file/i, 'Approve');
    await load(fasl);
    expect(await changes()).not.toEqual(['NIL']);
    void editor.expectPrompt(/roll back/i, 'Approve');
    expect((await editor.command('rollback')).status).toBe('applied');
    expect(await changes()).toEqual(['NIL']);
  });

  it('of another SBCL is refused before anybody is asked: both versions and the source are named', async () => {
    const fasl = await compile('patch.lisp');
    const { version } = pretendOtherVersion(fasl);
    const error = await editor.failure('code_load_fasl', { path: fasl });
    expect(error.kind).toBe('fasl-mismatch');
    const [own] = await editor.evaluate('(lisp-implementation-version)');
    expect(error.message).toContain(version);
    expect(error.message).toContain(JSON.parse(own!) as string);
    expect(error.message).toContain('hotlisp.reload_file');
    expect(error.data).toMatchObject({ kind: 'fasl-mismatch', source: file('patch.lisp'), version });
    expect(await changes()).toEqual(['NIL']);
    // What the error offers works.
    void editor.expectPrompt(/reload patch\.lisp/i, 'Approve');
    expect((await editor.command('reload_file', { path: file('patch.lisp') })).status).toBe('applied');
    expect(await editor.evaluate('(shop:total 1)')).toEqual(['(:PATCHED 1)']);
  });

  it('loads nothing of a truncated file, wherever it was cut', async () => {
    const fasl = await compile('patch.lisp');
    const whole = readFileSync(fasl);
    for (const size of [whole.length - 1, Math.floor(whole.length * 0.7), 60, 0]) {
      writeFileSync(fasl, whole);
      truncateSync(fasl, size);
      const answer: unknown = await editor
        .command('code_load_fasl', { path: fasl })
        .catch((error: unknown) => error);
      expect(answer, `${size} bytes`).toMatchObject({ kind: 'fasl-mismatch' });
      expect(await changes()).toEqual(['NIL']);
    }
  });

  it('loads nothing of what is no compiled file, or not there', async () => {
    for (const [name, kind] of [
      ['shop.lisp', 'fasl-mismatch'],
      ['no-such.fasl', 'invalid-arguments'],
    ] as const) {
      const error = await editor.failure('code_load_fasl', { path: name });
      expect(error.kind).toBe(kind);
      expect(error.message).toContain(name);
    }
  });

  it('leaves nothing of a file that signals midway', async () => {
    writeFileSync(
      file('bad.lisp'),
      `${patch}\n(defclass new-thing () ((a :initform 1)))\n(defmethod print-object ((it new-thing) s) (princ "new" s))\n(defmethod area ((it new-thing)) 0)\n(error "no further")\n(defun total (x) x)\n`,
    );
    const fasl = await compile('bad.lisp');
    const before = await editor.evaluate("(length (sb-mop:generic-function-methods #'print-object))");
    void editor.expectPrompt(/load the compiled file/i, 'Approve');
    const result = await load(fasl);
    expect(result).toMatchObject({ status: 'failed', step: 'load', definitions: [] });
    expect(result.notes.map(each => each.message).join()).toContain('no further');
    expect(await changes()).toEqual(['NIL']);
    expect(await editor.evaluate("(length (sb-mop:generic-function-methods #'print-object))")).toEqual(
      before,
    );
  });

  it('names what it cannot put back: a value that the file set', async () => {
    writeFileSync(
      file('sets.lisp'),
      '(in-package #:shop)\n(defun total (x) x)\n(setf *rate* 99)\n(error "no further")\n',
    );
    const fasl = await compile('sets.lisp');
    void editor.expectPrompt(/load the compiled file/i, 'Approve');
    const result = await load(fasl);
    expect(result.status).toBe('partial');
    expect(result.remains!.join()).toContain('SHOP::*RATE*');
    expect(await editor.evaluate('(shop:total 10)')).not.toEqual(['10']);
  });

  it('loads the very bytes that were approved: a file that changed meanwhile is stale', async () => {
    const fasl = await compile('patch.lisp');
    const other = await compile('shop.lisp');
    void editor.expectPrompt(/load the compiled file/i, () => {
      writeFileSync(fasl, readFileSync(other));
      return 'Approve';
    });
    const error = await editor.failure('code_load_fasl', { path: fasl });
    expect(error.kind).toBe('stale');
    expect(await changes()).toEqual(['NIL']);
  });

  it('is not done when it is denied', async () => {
    const fasl = await compile('patch.lisp');
    void editor.expectPrompt(/load the compiled file/i, 'Deny');
    expect((await editor.failure('code_load_fasl', { path: fasl })).kind).toBe('approval-denied');
    expect(await changes()).toEqual(['NIL']);
  });

  it('is described by a plan, without asking', async () => {
    const fasl = await compile('patch.lisp');
    expect(await editor.command('plan', { operation: 'code_load_fasl', path: fasl })).toMatchObject({
      plan: 'fasl',
      approval: 'modify-running-code',
      file: fasl,
      complete: true,
      source: file('patch.lisp'),
    });
    expect(await changes()).toEqual(['NIL']);
  });
});
