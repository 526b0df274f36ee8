/** What cannot be reloaded: a clear error at the right place, and the image exactly as it was. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Editor, lispString, type TextDocument } from '../support/lspClient.ts';
import type { OperationResult } from '../support/lspTypes.ts';
import { fingerprintDifferences, shop, takeFingerprint } from '../support/shop.ts';

describe('a reload that fails', () => {
  let editor: Editor;
  let document: TextDocument;
  const form = '(defun total';

  beforeEach(async () => {
    editor = await Editor.start({
      files: { 'shop.lisp': shop },
      load: ['shop.lisp'],
      settings: { approval: { 'modify-running-code': 'allow' } },
    });
    document = editor.openFile(`${editor.root}/shop.lisp`);
    await takeFingerprint(editor);
  });
  afterEach(async () => {
    try {
      expect(await fingerprintDifferences(editor)).toBe('NIL');
      expect(await editor.evaluate('(shop:total 10)')).toEqual(['40']);
    } finally {
      await editor.finish();
    }
  });

  /** The failed result has an error that starts exactly there, and the same is published as a diagnostic. */
  async function failsAt(result: OperationResult, place: string, message: RegExp): Promise<void> {
    const start = document.positionOf(place);
    expect(result.status).toBe('failed');
    const note = result.notes.find(each => message.test(each.message));
    expect(note).toMatchObject({ severity: 'error', uri: document.uri, range: { start } });
    const list = await editor.diagnostics(
      document,
      each => each.some(one => message.test(one.message)),
      `one like ${message}`,
    );
    expect(list.find(one => message.test(one.message))).toMatchObject({ severity: 1, range: { start } });
  }

  it('does not compile: the note stands at the faulty subform', async () => {
    document.replace('(twice (tax amount))', '(let ((a 1 2)) (twice (tax a)))');
    await failsAt(await editor.actionOutcome(document, form, /^Reload total$/), '(a 1 2)', /malformed/);
  });

  it('does not read: an unbalanced parenthesis is shown where it is, and the image is not asked', async () => {
    document.replace('(twice (tax amount)))', '(twice (tax amount)');
    const result = await editor.actionOutcome(document, form, /^Reload total$/);
    expect(result).toMatchObject({ status: 'failed' });
    const list = await editor.diagnostics(document, each => each.length > 0, 'a syntax error');
    expect(list[0]!.severity).toBe(1);
    expect(list[0]!.range.start.line).toBeGreaterThanOrEqual(document.positionOf(form).line);
  });

  it('does not read in the image: an unknown package prefix', async () => {
    document.replace('(twice (tax amount))', '(no-such-package:frob amount)');
    await failsAt(
      await editor.actionOutcome(document, form, /^Reload total$/),
      'no-such-package:frob',
      /no-such-package/i,
    );
  });

  it('does not read in the image: a symbol that is not external', async () => {
    document.replace('(twice (tax amount))', '(sb-ext:no-such-symbol amount)');
    await failsAt(
      await editor.actionOutcome(document, form, /^Reload total$/),
      'sb-ext:no-such',
      /no-such-symbol/i,
    );
  });

  it('stands in a package that the image does not have: an error, never CL-USER', async () => {
    document.replace('(in-package #:shop)', '(in-package #:warehouse)');
    const error = await editor.actionFailure(document, form, /^Reload total$/);
    expect(error.kind).toBe('unknown-package');
    expect(error.message).toMatch(/WAREHOUSE/);
    expect(await editor.evaluate('(list (find-package :warehouse) (find-symbol "TOTAL" :cl-user))')).toEqual([
      '(NIL NIL)',
    ]);
  });

  it('signals while it is loaded: what came before it in the same change is put back', async () => {
    document.set(
      shop
        .replace('(* amount *rate*)', '(+ amount *rate*)')
        .replace('(twice (tax amount))', '(list :new (twice (tax amount)))')
        .replace('(defclass basket', '(error "no basket today")\n\n(defclass basket'),
    );
    const result = await editor.actionOutcome(document, form, /^Reload file$/);
    expect(result.status).toBe('failed');
    expect(JSON.stringify(result)).toMatch(/no basket today/);
    await failsAt(result, '(error "no basket today")', /no basket today/);
  });

  it.each([
    ['gives up', '(abort)', /gave up, by ABORT/],
    ['throws to nobody', "(throw 'nobody 1)", /NOBODY/],
    ['ends its thread', '(sb-thread:abort-thread)', /ended the thread/],
    ['throws to the top of its thread', "(throw 'sb-impl::toplevel-catcher nil)", /ended the thread/],
    ['asks for input', '(read-line)', /end of file/],
    ['enters the debugger', '(break "here")', /here/],
    ['exhausts the stack', '(labels ((deep (x) (1+ (deep x)))) (deep 1))', /stack exhausted/],
  ])('%s while it is loaded: what came before it is put back', async (_what, code, message) => {
    document.set(shop.replace('(twice (tax amount))', '0').replace('(defclass', `${code}\n\n(defclass`));
    await failsAt(await editor.actionOutcome(document, form, /^Reload file$/), code, message);
  });

  it('compiles in part: a broken form at the end leaves the good ones before it uninstalled', async () => {
    document.set(
      shop
        .replace('`(* 2 ,form)', '`(* 3 ,form)')
        .replace('(* amount *rate*)', '(+ amount *rate*)')
        .replace('(item-price thing)', '(let ((a 1 2)) a)'),
    );
    await failsAt(await editor.actionOutcome(document, form, /^Reload file$/), '(a 1 2)', /malformed/);
  });

  it('changes a constant: refused or reported, not changed', async () => {
    document.set(shop.replace('(defconstant +limit+ 100)', '(defconstant +limit+ (error "no limit"))'));
    const result = await editor.actionOutcome(document, '(defconstant', /^Reload \+limit\+$/);
    expect(result.status).toBe('failed');
    expect(JSON.stringify(result.notes)).toMatch(/no limit/);
  });

  it('loops for ever while it is compiled: cancelled by the caller', async () => {
    document.replace('(twice (tax amount))', '(macrolet ((spin () (loop))) (spin))');
    expect(await cancelled(editor, document, form)).toMatchObject({ kind: 'cancelled', code: -32800 });
  });

  it('loops for ever while it is loaded: cancelled by the caller', async () => {
    document.set(`${shop}\n(defun total (amount) (list :new amount))\n(loop)\n`);
    expect(await cancelled(editor, document, '(loop)')).toMatchObject({ kind: 'cancelled', code: -32800 });
  });
});

describe('code that deletes a package', () => {
  const lost = 'The package VICTIM was deleted, and SBCL cannot bring it back: load what defines it again.';
  let editor: Editor;
  beforeEach(async () => {
    editor = await Editor.start({
      settings: { approval: { 'compile-file': 'allow', 'modify-running-code': 'allow' } },
    });
    await editor.evaluate('(progn (defpackage :victim (:use :cl)) (intern "F" :victim) 1)');
  });
  afterEach(() => editor.finish());
  const compile = (code: string) =>
    editor.command<OperationResult & { remains?: string[] }>('code_compile_string', {
      code,
      package: 'COMMON-LISP-USER',
    });

  it('and then fails is not said to have changed nothing: what is lost is named', async () => {
    const result = await compile('(defun kept () 1) (delete-package :victim) (error "no")');
    expect(result).toMatchObject({ status: 'partial', remains: [lost] });
    expect(await editor.evaluate("(list (find-package :victim) (fboundp 'kept))")).toEqual(['(NIL NIL)']);
  });

  it('cannot be taken back whole, which the rollback says', async () => {
    expect(await compile('(defun kept () 1) (delete-package :victim)')).toMatchObject({ status: 'applied' });
    expect(await editor.command('rollback', {})).toMatchObject({ status: 'partial', remains: [lost] });
    expect(await editor.evaluate("(fboundp 'kept)")).toEqual(['NIL']);
  });

  it('from a compiled file is held to the same', async () => {
    const file = path.join(editor.root, 'deleting');
    writeFileSync(`${file}.lisp`, '(delete-package :victim) (error "no")\n');
    await editor.evaluate(
      `(let ((*standard-output* (make-broadcast-stream))) (compile-file ${lispString(`${file}.lisp`)}) 1)`,
    );
    expect(await editor.command('code_load_fasl', { path: `${file}.fasl` })).toMatchObject({
      status: 'partial',
      remains: [lost],
    });
  });

  it('in which it was read itself names it once', async () => {
    const result = await compile(
      '(in-package :victim) (defun f () 1) (cl:delete-package :victim) (cl:error "no")',
    );
    expect(result).toMatchObject({ status: 'partial', remains: [lost] });
  });
});

/** Reloads the form, cancels once the image works on it, and answers the error of the call. */
async function cancelled(editor: Editor, document: TextDocument, place: string): Promise<unknown> {
  const { id, reply } = editor.rpc.start('workspace/executeCommand', {
    command: 'hotlisp.reload_form',
    arguments: [{ uri: document.uri, version: document.version, position: document.positionOf(place) }],
  });
  const settled = reply.then(
    result => ({ kind: 'no error', result }),
    (error: unknown) => error,
  );
  // The image answers other requests while one of its threads loops, so its threads can be looked at.
  await loops(editor);
  editor.rpc.notify('$/cancelRequest', { id });
  return settled;
}

/** Resolves once a thread of the agent, besides the one that answers, has been running for three looks in a row. */
async function loops(editor: Editor): Promise<void> {
  let seen = 0;
  for (let look = 0; look < 200 && seen < 3; look++) {
    const { threads } = await editor.command<{ threads: { name: string; state: string }[] }>('thread_list');
    const running = threads.filter(({ name, state }) => name === 'hotlisp request' && state === 'running');
    seen = running.length > 1 ? seen + 1 : 0;
    await new Promise(resolve => setTimeout(resolve, 25));
  }
  if (seen < 3) throw new Error('no thread of the agent goes on running');
}
