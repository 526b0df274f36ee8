/** Drift: how the text of definitions differs from what the image runs, shown as hints, lenses and actions, on a real SBCL over stdio. */
import { utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  Editor,
  lispString,
  usualCapabilities,
  type EditorOptions,
  type TextDocument,
} from '../support/lspClient.ts';
import type { CodeAction, Diagnostic, Position } from '../support/lspTypes.ts';
import { shop } from '../support/shop.ts';
import { SwankClient } from '../support/swankClient.ts';
import { startUserImage, swankServer, type UserImage } from '../support/userImage.ts';

interface Lens {
  range: { start: { line: number; character: number } };
  command?: { title: string; command: string; arguments: [Record<string, unknown>] };
}

let editor: Editor;
let program: UserImage | undefined;
afterEach(async () => {
  try {
    await editor?.finish();
  } finally {
    await program?.stop();
    program = undefined;
  }
});

const isDrift = ({ code }: Diagnostic) => String(code).startsWith('drift-');
const driftsOf = (list: readonly Diagnostic[]) =>
  list.filter(isDrift).map(({ code, message }) => `${code}: ${message}`);

/** The hints about drift, once they are those. */
async function hints(document: TextDocument, ...expected: readonly RegExp[]): Promise<readonly Diagnostic[]> {
  const published = await editor.diagnostics(
    document,
    list => {
      const found = driftsOf(list);
      return found.length === expected.length && expected.every((each, index) => each.test(found[index]!));
    },
    expected.length === 0 ? 'no drift' : expected.join(' '),
  );
  return published.filter(isDrift);
}

/** What is told of the document's drift besides one that is made on purpose: all that happened before was looked at by then. */
async function besides(document: TextDocument, name: string): Promise<string[]> {
  await editor.evaluate(`(defun shop::${name} () 1)`);
  const marker = new RegExp(`^drift-unpersisted: The image runs the function .*${name}`, 'i');
  const published = await editor.diagnostics(
    document,
    list => driftsOf(list).some(each => marker.test(each)),
    `the drift of ${name}`,
  );
  return driftsOf(published).filter(each => !marker.test(each));
}

const lensesOf = async (document: TextDocument): Promise<Lens[]> =>
  ((await editor.request('textDocument/codeLens', { textDocument: { uri: document.uri } })) as Lens[]).filter(
    ({ command }) => command !== undefined,
  );

async function lens(document: TextDocument, title: RegExp): Promise<NonNullable<Lens['command']>> {
  const all = await lensesOf(document);
  const found = all.find(({ command }) => title.test(command!.title));
  if (!found)
    throw new Error(`no lens ${title}: there are ${all.map(({ command }) => command!.title).join(', ')}`);
  expect(found.command!.arguments[0]).toMatchObject({ background: true });
  return found.command!;
}

/** Runs a lens as an editor does, and waits for its outcome. */
async function runLens(document: TextDocument, title: RegExp) {
  const { command, arguments: args } = await lens(document, title);
  return editor.outcome(await editor.request('workspace/executeCommand', { command, arguments: args }));
}

async function action(document: TextDocument, place: string, title: RegExp): Promise<CodeAction> {
  const all = await editor.codeActions(document, place);
  const found = all.find(each => title.test(each.title));
  if (!found) throw new Error(`no action ${title}: there are ${all.map(each => each.title).join(', ')}`);
  return found;
}

/** A program that the image loaded when it was started, from a file written long before, and that file in a buffer. */
async function start(options: EditorOptions = {}, text = shop): Promise<TextDocument> {
  const { root } = (editor = await Editor.start({
    files: { 'shop.lisp': text },
    load: ['shop.lisp'],
    ...options,
  }));
  const file = path.join(root, 'shop.lisp');
  // SBCL dates a file by the second: not the one in which it is saved now.
  utimesSync(file, 1e9, 1e9);
  const document = editor.openFile(file);
  await editor.command('image_connect');
  return document;
}

/** Applies the edit that a code action carries. */
function applyEdit(document: TextDocument, { edit }: CodeAction): void {
  const edits = edit!.changes?.[document.uri] ?? edit!.documentChanges?.[0]!.edits;
  document.apply(edits!);
}

const newTax = '(* amount *rate* 3)';
const replacement = '(defun tax (amount)\n  ;; as it was typed\n  (* amount *rate* 3))';
const bound = async (name: string) => (await editor.evaluate(`(and (fboundp '${name}) t)`))[0];

describe('a text that differs from what the image runs', () => {
  it('is a hint at its name while it is edited, and goes when it is reloaded', async () => {
    const document = await start();
    document.replace('(* amount *rate*)', newTax);
    const [hint] = await hints(document, /^drift-changed: .* tax /);
    expect(hint).toMatchObject({
      severity: 4,
      source: 'hotlisp',
      range: { start: document.positionOf('¦tax (amount)') },
    });
    void editor.expectPrompt(/reload tax/i, 'Approve');
    expect((await runLens(document, /^Changed, not loaded: Reload$/)).status).toBe('applied');
    expect(await editor.evaluate('(shop::tax 10)')).toEqual(['60']);
    await hints(document);
  });

  it('goes when the edit is taken back, and does not mind white space and comments', async () => {
    const document = await start();
    document.replace('(* amount *rate*)', newTax);
    await hints(document, /^drift-changed: .* tax /);
    document.replace(newTax, '(* amount ; the same\n     *rate*)');
    await hints(document);
  });

  it('is told of every kind of definition, and of one that the image does not have', async () => {
    const document = await start();
    document.replace('*rate* 2', '*rate* 3');
    document.replace('+limit+ 100', '+limit+ 200');
    document.replace('(* 2 ,form)', '(* 3 ,form)');
    document.replace('(price 0)', '(price 0) weight');
    document.replace('(item-price thing)', '(list thing)');
    document.replace("'() :accessor", "'(1) :accessor");
    document.replace('(setf *rate* value)', '(setf *rate* (list value))');
    document.replace('(defgeneric area', '(defun brand-new ())\n\n(defgeneric area');
    document.save();
    await hints(
      document,
      /: \*rate\* /,
      /: \+limit\+ /,
      /: twice /,
      /: item /,
      /^drift-newer: The image does not have brand-new/,
      /: area \(item\) /,
      /: basket /,
      /: \(setf rate\) /,
    );
  });

  it('is none where the image has the definition of another file that defines the same name', async () => {
    editor = await Editor.start({
      files: { 'shop.lisp': shop, 'also.lisp': '(in-package :shop)\n(defun tax (amount) (list amount))\n' },
      load: ['shop.lisp', 'also.lisp'],
      settings: { approval: { 'modify-running-code': 'allow' } },
    });
    const document = editor.openFile(path.join(editor.root, 'shop.lisp'));
    expect(await editor.command('reload_file', { path: 'also.lisp' })).toMatchObject({ status: 'applied' });
    expect(await besides(document, 'strange')).toEqual([]);
  });

  it('is newer on disk once it was saved and not reloaded', async () => {
    const document = await start();
    document.replace('(* amount *rate*)', newTax);
    document.save();
    await hints(document, /^drift-newer: tax was changed on disk/);
    void editor.expectPrompt(/reload tax/i, 'Approve');
    expect((await runLens(document, /^Newer on disk than in the image: Reload$/)).status).toBe('applied');
    await hints(document);
  });

  it('is told of the file as a whole where nobody knows what it said when the image loaded it', async () => {
    editor = await Editor.start({ files: { 'shop.lisp': shop }, load: ['shop.lisp'] });
    const file = path.join(editor.root, 'shop.lisp');
    utimesSync(file, 1e9, 1e9);
    await editor.command('image_connect');
    writeFileSync(file, shop.replace('(* amount *rate*)', newTax));
    const document = editor.openFile(file);
    await hints(document, /^drift-newer: The file was written after the image loaded it/);
    void editor.expectPrompt(/reload shop.lisp/i, 'Approve');
    expect((await runLens(document, /^Newer on disk .*: Reload file$/)).status).toBe('applied');
    await hints(document);
  });

  it('is mended by the first action at its place, a quick fix that is offered once', async () => {
    const document = await start();
    document.replace('(* amount *rate*)', newTax);
    await hints(document, /^drift-changed/);
    const all = await editor.codeActions(document, newTax);
    expect(all[0]).toMatchObject({ title: 'Reload tax', kind: 'quickfix', isPreferred: true });
    expect(all.filter(({ title }) => title === 'Reload tax')).toHaveLength(1);
    const fixes = await editor.codeActions(document, newTax, ['quickfix']);
    expect(fixes.map(({ title }) => title)).toEqual(['Reload tax']);
    const reloads = await editor.codeActions(document, newTax, ['hotlisp.reload']);
    expect(reloads.map(({ title }) => title)).toContain('Reload tax');
  });

  it('shows the difference, as a document', async () => {
    const document = await start();
    document.replace('(* amount *rate*)', newTax);
    await hints(document, /^drift-changed/);
    await runLens(document, /^Show diff$/);
    const { text } = await editor.shown.next('the diff', () => true);
    expect(text).toMatch(/^-.*\(\* amount \*rate\*\)\)$/m);
    expect(text).toMatch(/^\+.*\(\* amount \*rate\* 3\)\)$/m);
    const { command } = await action(document, newTax, /^Show diff: tax$/);
    expect(command).toMatchObject({
      command: 'hotlisp.show_diff',
      arguments: [{ definition: 'tax', background: true }],
    });
  });
});

describe('what the image runs and no file has', () => {
  const replace = async () => {
    void editor.expectPrompt(/replace shop::tax|replace tax/i, 'Approve');
    const result = await editor.command('code_replace_function', {
      function: 'shop::tax',
      new_code: replacement,
    });
    expect(result.status).toBe('applied');
  };

  it('is told at the text that it took the place of, and written there as it was typed', async () => {
    const document = await start();
    await replace();
    await hints(document, /^drift-unpersisted: The image runs a text of tax that no file has/);
    const write = await action(document, '(defun tax', /^Write to source file: tax$/);
    expect(write.edit).toHaveProperty('changes');
    expect(write.diagnostics).toHaveLength(1);
    applyEdit(document, write);
    expect(document.text).toBe(shop.replace('(defun tax (amount)\n  (* amount *rate*))', replacement));
    await hints(document);
  });

  it('is written by the lens through the editor, for the version that it was seen at', async () => {
    const document = await start({
      capabilities: {
        ...usualCapabilities,
        workspace: { applyEdit: true, workspaceEdit: { documentChanges: true } },
      },
    });
    await replace();
    await hints(document, /^drift-unpersisted/);
    const { edit } = await action(document, '(defun tax', /^Write to source file: tax$/);
    expect(edit?.documentChanges).toMatchObject([
      { textDocument: { uri: document.uri, version: document.version } },
    ]);
    expect((await runLens(document, /no file has: Write to source file$/)).status).toBe('applied');
    expect(document.text).toContain(replacement);
    await hints(document);
  });

  it('is told at the package where no text is about it, added at the end, or removed', async () => {
    const document = await start();
    void editor.expectPrompt(/compile extra/i, 'Approve');
    await editor.command('code_compile_string', { code: '(defun extra () :e)', package: 'SHOP' });
    await editor.evaluate('(defun other () :o)', 'SHOP');
    const found = await hints(
      document,
      /function extra of SHOP, which no file has/,
      /function OTHER of SHOP, which no file has/,
    );
    for (const { range } of found) expect(range.start.line).toBe(0);
    const { command } = await action(document, '(defpackage', /^Remove from image: OTHER$/);
    void editor.expectPrompt(/remove .*OTHER/i, 'Approve');
    await editor.outcome(
      await editor.request('workspace/executeCommand', {
        command: command!.command,
        arguments: command!.arguments,
      }),
    );
    expect(await bound('shop::other')).toBe('NIL');
    await hints(document, /function extra of SHOP/);
    applyEdit(document, await action(document, '(defpackage', /^Write to source file: extra$/));
    expect(document.text).toBe(shop.replace(/\n$/, '\n\n(defun extra () :e)\n'));
    await hints(document);
  });

  it('is told of what was evaluated, unless it is the text of the file', async () => {
    const document = await start();
    await editor.actionOutcome(document, '(defun tax', /^Evaluate form$/);
    expect(await besides(document, 'mark')).toEqual([]);
    await editor.evaluate(`(defun tax (amount) ${newTax})`, 'SHOP');
    await hints(
      document,
      /^drift-unpersisted: .*::MARK,/i,
      /^drift-unpersisted: The image runs a text of tax /,
    );
  });

  it('is told of a method combination that was evaluated', async () => {
    const document = await start();
    await editor.evaluate('(define-method-combination tally :operator +)', 'SHOP');
    await hints(document, /^drift-unpersisted: The image runs the method-combination tally of /i);
  });

  it('is told where the file calls its package by a nickname', async () => {
    const document = await start({}, '(in-package :cl-user)\n\n(defun known () 1)\n');
    await editor.evaluate('(defun unknown () 2)');
    await hints(document, /^drift-unpersisted: The image runs the function UNKNOWN of /);
    applyEdit(document, await action(document, '(in-package', /^Write to source file: UNKNOWN$/));
    expect(document.text).toBe('(in-package :cl-user)\n\n(defun known () 1)\n\n(defun unknown () 2)\n');
    await hints(document);
  });

  it('is not told of a method combination that the text has', async () => {
    const document = await start();
    document.replace('(defgeneric area', '(define-method-combination tally :operator +)\n\n(defgeneric area');
    void editor.expectPrompt(/reload tally/i, 'Approve');
    expect(await editor.actionOutcome(document, 'tally', /^Reload tally$/)).toMatchObject({
      status: 'applied',
    });
    expect(await besides(document, 'mark')).toEqual([]);
  });

  it('leaves what another file defines to that file', async () => {
    const document = await start({
      files: { 'shop.lisp': shop, 'more.lisp': '(in-package #:shop)\n\n(defun elsewhere () 1)\n' },
    });
    const more = editor.openFile(path.join(editor.root, 'more.lisp'));
    await editor.evaluate('(defun elsewhere () 2)', 'SHOP');
    await hints(more, /^drift-unpersisted: The image runs a text of elsewhere /);
    expect(await besides(document, 'mark')).toEqual([]);
  });
});

describe('what was deleted from its file', () => {
  it('is told while it is alive in the image, and can be removed there', async () => {
    const document = await start();
    document.replace(/\(defmethod area[^]*?thing\)\)\n/.exec(shop)![0], '');
    await hints(document, /^drift-deleted: The method area \(item\) is not in this file any more/);
    document.save();
    void editor.expectPrompt(/remove .*area/i, 'Approve');
    expect(
      (await runLens(document, /^Deleted here, alive in the image: area \(item\): Remove from image$/))
        .status,
    ).toBe('applied');
    expect(await editor.evaluate("(length (sb-mop:generic-function-methods #'shop::area))")).toEqual(['0']);
    await hints(document);
  });

  it('is told of what an operation installed, and again after a restart of the editor', async () => {
    const document = await start();
    document.replace('(defgeneric area', '(defun temporary () 1)\n\n(defgeneric area');
    void editor.expectPrompt(/reload temporary/i, 'Approve');
    await editor.actionOutcome(document, '(defun temporary', /^Reload temporary$/);
    document.replace('(defun temporary () 1)\n\n', '');
    await hints(document, /^drift-deleted: The function temporary /);
    document.close();
    const again = editor.openFile(document.file!);
    await hints(again, /^drift-deleted: The function temporary /);
    const { command } = await action(again, '(defpackage', /^Remove from image: temporary$/);
    expect(command).toMatchObject({ command: 'hotlisp.remove_definition', arguments: [{ package: 'SHOP' }] });
  });

  it.each([
    ['short', '(define-method-combination tally :operator +)'],
    [
      'long',
      '(define-method-combination tally () ((all ())) `(list ,@(mapcar (lambda (each) `(call-method ,each)) all)))',
    ],
    [
      'long, which wants options,',
      '(define-method-combination tally (first) ((all ())) `(list ,first ,@(mapcar (lambda (each) `(call-method ,each)) all)))',
    ],
  ])('is told of a method combination of the %s form, which can be removed', async (_, form) => {
    const document = await start({ files: { 'shop.lisp': `${shop}\n${form}\n` } });
    document.replace(form, '');
    document.save();
    await hints(document, /^drift-deleted: The method-combination tally is not in this file any more/);
    void editor.expectPrompt(/remove method-combination .*tally/i, 'Approve');
    expect(
      (await runLens(document, /^Deleted here, alive in the image: tally: Remove from image$/)).status,
    ).toBe('applied');
    await hints(document);
    document.replace('(defgeneric area', `${form}\n\n(defgeneric area`);
    await hints(document, /^drift-changed: The image does not have tally/);
    void editor.expectPrompt(/reload tally/i, 'Approve');
    await editor.actionOutcome(document, 'tally', /^Reload tally$/);
    await hints(document);
  });

  it.each([
    ['a string', {}],
    ['a string for the file', { filename: 'shop.lisp' }],
  ])('is told of what came from %s, and was written to the file before', async (_, more) => {
    const document = await start();
    void editor.expectPrompt(/compile/i, 'Approve');
    await editor.command('code_compile_string', { code: replacement, package: 'SHOP', ...more });
    await hints(document, /^drift-unpersisted: The image runs a text of tax /);
    applyEdit(document, await action(document, '(defun tax', /^Write to source file: tax$/));
    document.save();
    await hints(document);
    document.replace(replacement, '');
    document.save();
    await hints(document, /^drift-deleted: The function tax is not in this file any more/);
  });

  it('is no more told once another file has it, which is told of there when it says something else', async () => {
    const document = await start();
    document.replace('(defgeneric area', '(defun temporary () 1)\n\n(defgeneric area');
    document.save();
    void editor.expectPrompt(/reload temporary/i, 'Approve');
    await editor.actionOutcome(document, '(defun temporary', /^Reload temporary$/);
    const more = editor.open('more.lisp', '(in-package #:shop)\n');
    document.replace('(defun temporary () 1)\n\n', '');
    document.save();
    await hints(document, /^drift-deleted: The function temporary /);
    more.set('(in-package #:shop)\n\n(defun temporary () 1)\n');
    more.save();
    await hints(document);
    expect(await besides(document, 'mark')).toEqual([]);
    more.replace('() 1', '() 2');
    await hints(more, /^drift-changed: The image runs another text of temporary /);
    const prompt = editor.expectPrompt(/reload temporary/i, 'Approve');
    await editor.actionOutcome(more, '(defun temporary', /^Reload temporary$/);
    expect((await prompt).message).toMatch(/\(safe, so far that of shop\.lisp\)/);
    await hints(more);
  });

  it('is not told while the text cannot be read, nor of what stands behind a reader conditional', async () => {
    const document = await start();
    document.replace('(defgeneric area', '(broken (\n(defgeneric area');
    document.replace('(defun (setf rate)', '#+nil\n(defun (setf rate)');
    await editor.diagnostics(
      document,
      list => list.some(({ source }) => source === 'hotlisp'),
      'a syntax problem',
    );
    expect((await lensesOf(document)).map(({ command }) => command!.title)).toEqual([]);
  });
});

describe('no drift is told', () => {
  it('of a file that the image did not load, and no image is started for it', async () => {
    editor = await Editor.start({ files: { 'shop.lisp': shop } });
    const document = editor.openFile(path.join(editor.root, 'shop.lisp'));
    document.replace('(* amount *rate*)', newTax);
    document.save();
    expect(await lensesOf(document)).toEqual([]);
    expect(await editor.command('image_status')).toMatchObject({ state: 'idle' });
    await editor.command('image_connect');
    await editor.evaluate('(make-package "SHOP")');
    expect(await besides(document, 'mark')).toEqual([]);
  });

  it.each([
    ['line feeds', shop],
    ['carriage returns and line feeds', shop.replace(/\n/g, '\r\n')],
    ['characters beyond the basic plane', shop.replace('"What is to be paid."', '"What is 😀 to be paid."')],
  ])('of what was loaded, saved, closed, opened, and reloaded, in a file with %s', async (_, text) => {
    const document = await start({}, text);
    document.save();
    expect(await besides(document, 'mark-1')).toEqual([]);
    document.close();
    const again = editor.openFile(document.file!);
    expect(await besides(again, 'mark-2').then(list => list.filter(each => !/mark/i.test(each)))).toEqual([]);
    void editor.expectPrompt(/reload shop.lisp/i, 'Approve');
    expect((await editor.command('reload_file', { uri: again.uri })).status).toBe('applied');
    expect(await besides(again, 'mark-3').then(list => list.filter(each => !/mark/i.test(each)))).toEqual([]);
  });

  it('once the image is gone', async () => {
    const document = await start();
    document.replace('(* amount *rate*)', newTax);
    await hints(document, /^drift-changed/);
    await editor.command('image_disconnect');
    await hints(document);
  });
});

describe('lenses', () => {
  it('are asked for again where the client has said that it can', async () => {
    const document = await start({
      capabilities: {
        ...usualCapabilities,
        workspace: { applyEdit: true, codeLens: { refreshSupport: true } },
      },
    });
    const before = editor.refreshes.all.length;
    void editor.expectPrompt(/replace/i, 'Approve');
    await editor.command('code_replace_function', { function: 'shop::tax', new_code: replacement });
    await hints(document, /^drift-unpersisted/);
    await editor.refreshes.next('a refresh', method => method === 'workspace/codeLens/refresh', before);
  });
});

describe('inlay hints', () => {
  const told = async (document: TextDocument, last = 10_000) =>
    ((await editor.request('textDocument/inlayHint', {
      textDocument: { uri: document.uri },
      range: { start: { line: 0, character: 0 }, end: { line: last, character: 0 } },
    })) as { position: Position; label: string; tooltip: string }[]) ?? [];

  it('say what has drifted behind the first line of the definition, and are asked for again when that changes', async () => {
    const document = await start({
      capabilities: {
        ...usualCapabilities,
        workspace: { applyEdit: true, inlayHint: { refreshSupport: true } },
      },
    });
    const refreshes = () =>
      editor.refreshes.all.filter(method => method === 'workspace/inlayHint/refresh').length;
    expect(await told(document)).toEqual([]);
    document.replace('(defun tax (amount)', ';; 𝒹\n(defun tax (amount) ');
    document.replace('(* amount *rate*)', newTax);
    await hints(document, /^drift-changed: .* tax /);
    const [hint, ...others] = await told(document);
    expect(others).toEqual([]);
    expect(hint).toMatchObject({
      label: 'changed, not loaded',
      position: document.positionOf('(defun tax (amount)¦'),
    });
    expect(hint!.tooltip).toMatch(/^The image runs another text of tax /);
    expect(await told(document, hint!.position.line - 1)).toEqual([]);
    const before = refreshes();
    void editor.expectPrompt(/reload tax/i, 'Approve');
    await runLens(document, /^Changed, not loaded: Reload$/);
    await hints(document);
    while (refreshes() === before) await editor.evaluate('(sleep 0.05)');
    expect(await told(document)).toEqual([]);
  });
});

describe('another client of the image', () => {
  it('patches a function, a method and a class: each is told, and can be written to its file', async () => {
    program = await startUserImage(swankServer);
    editor = await Editor.start({
      files: { 'shop.lisp': shop },
      settings: { image: { mode: 'attach', address: `127.0.0.1:${program.ports['swank']}` } },
    });
    const file = path.join(editor.root, 'shop.lisp');
    utimesSync(file, 1e9, 1e9);
    const document = editor.openFile(file);
    await editor.evaluate(`(load ${lispString(file)})`);
    const slime = await SwankClient.connect(program.ports['swank']!);
    try {
      const patch = (text: string) =>
        slime.rex(
          `(swank:compile-string-for-emacs ${lispString(text)} "shop.lisp" '((:position 1) (:line 1 1)) ${lispString(file)} nil)`,
          'SHOP',
        );
      await patch(replacement);
      await patch('(defmethod area ((thing item)) 7)');
      await patch("(defclass basket ()\n  ((items :initform '() :accessor basket-items) owner))");
      await patch('(defun total (amount)\n  "What is to be paid."\n  (twice (tax amount)))');
      document.save();
      await hints(
        document,
        /^drift-unpersisted: The image runs a text of tax /,
        /^drift-unpersisted: The image runs a text of area \(item\) /,
        /^drift-unpersisted: The image runs a text of basket /,
      );
      applyEdit(document, await action(document, '(defun tax', /^Write to source file: tax$/));
      expect(document.text).toContain(replacement);
      await hints(document, /area/, /basket/);
      document.replace(replacement, '');
      await hints(document, /^drift-deleted: The function tax /, /area/, /basket/);
    } finally {
      slime.close();
    }
  });
});
