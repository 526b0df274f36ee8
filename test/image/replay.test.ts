/** hotlisp.replay: what the journal holds and a new image lacks is brought there, in order, as one approved change. */
import { mkdirSync, mkdtempSync, rmSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Editor, lispString, type EditorOptions, type TextDocument } from '../support/lspClient.ts';
import type { OperationResult } from '../support/lspTypes.ts';
import { systemWorkspace } from '../support/asdfSystem.ts';
import { fingerprintDifferences, shop, takeFingerprint } from '../support/shop.ts';

interface Replayed extends OperationResult {
  readonly replayed: readonly { transaction: string; operation: string }[];
  readonly skipped: readonly { transaction: string; reason: string }[];
}

let editor: Editor;
let document: TextDocument;

async function start(options: EditorOptions = {}): Promise<void> {
  editor = await Editor.start({
    files: { 'shop.lisp': shop },
    load: ['shop.lisp'],
    settings: { approval: { 'modify-running-code': 'allow', 'compile-file': 'allow' } },
    ...options,
  });
  // What is saved later is saved in another second, by which the image tells texts of a file apart.
  utimesSync(path.join(editor.root, 'shop.lisp'), 1e9, 1e9);
  document = editor.openFile(path.join(editor.root, 'shop.lisp'));
}

afterEach(() => editor.finish());

async function reload(place: string): Promise<string> {
  const result = await editor.command('reload_form', {
    uri: document.uri,
    position: document.positionOf(place),
  });
  expect(result).toMatchObject({ status: 'applied' });
  return result.transaction!;
}

async function compile(code: string, packageName = 'SHOP'): Promise<string> {
  const result = await editor.command('code_compile_string', { code, package: packageName });
  expect(result).toMatchObject({ status: 'applied' });
  return result.transaction!;
}

const replay = (argument: object = {}) => editor.command<Replayed>('replay', argument);
const restart = () => editor.command('image_restart');
const ids = (list: readonly { transaction: string }[]) => list.map(({ transaction }) => transaction);

describe('hotlisp.replay', () => {
  it('brings a new image up to the journal in order, after one prompt that names what is replayed', async () => {
    await start({ settings: {} });
    document.replace('(twice (tax amount))', '(list :new (twice (tax amount)))');
    void editor.expectPrompt(/reload total/i, 'Approve for Session');
    const first = await reload('(defun total');
    document.replace('`(* 2 ,form)', '`(* 3 ,form)');
    const second = await reload('(defmacro twice');
    void editor.expectPrompt(/compile discount/i, 'Approve');
    const third = await compile('(defun discount (x) (list :discount (twice x)))');
    expect(await editor.evaluate('(list (shop:total 10) (shop::discount 1))')).toEqual([
      '((:NEW 60) (:DISCOUNT 3))',
    ]);
    await restart();
    expect(await editor.evaluate('(list (shop:total 10) (fboundp (quote shop::discount)))')).toEqual([
      '(40 NIL)',
    ]);
    const prompt = editor.expectPrompt(/replay 3 journalled changes/i, 'Approve');
    const result = await replay();
    expect(result).toMatchObject({ status: 'applied', skipped: [] });
    expect(ids(result.replayed)).toEqual([first, second, third]);
    const { message } = await prompt;
    for (const name of [/SHOP::TOTAL/, /SHOP::TWICE/, /SHOP::DISCOUNT/]) expect(message).toMatch(name);
    expect(await editor.evaluate('(list (shop:total 10) (shop::discount 1))')).toEqual([
      '((:NEW 60) (:DISCOUNT 3))',
    ]);
    // There is nothing left to do, and nobody is asked.
    expect(await replay()).toMatchObject({ status: 'unchanged', replayed: [] });
  });

  it('changes nothing when it is denied, and as a plan', async () => {
    await start({ settings: {} });
    document.replace('(twice (tax amount))', '0');
    void editor.expectPrompt(/reload total/i, 'Approve');
    const transaction = await reload('(defun total');
    await restart();
    await takeFingerprint(editor);
    const plan = await editor.command<{ changes: { transaction: string }[] }>('plan', {
      operation: 'replay',
    });
    expect(plan).toMatchObject({ plan: 'replay', policy: 'ask', skipped: [] });
    expect(ids(plan.changes)).toEqual([transaction]);
    void editor.expectPrompt(/replay 1 journalled change/i, 'Deny');
    expect(await editor.failure('replay', {})).toMatchObject({ kind: 'approval-denied' });
    expect(await fingerprintDifferences(editor)).toBe('NIL');
  });

  it('leaves out what was rolled back, what the image has, and what it has in a later text', async () => {
    await start();
    const kept = await compile('(defun kept () :kept)');
    const dropped = await compile('(defun dropped () :dropped)');
    await editor.command('rollback', {});
    document.replace('(twice (tax amount))', '1');
    const saved = await reload('(defun total');
    document.save();
    await restart();
    const result = await replay();
    expect(ids(result.replayed)).toEqual([kept]);
    expect(
      await editor.evaluate('(list (shop::kept) (fboundp (quote shop::dropped)) (shop:total 1))'),
    ).toEqual(['(:KEPT NIL 1)']);
    const named = await replay({ transactions: [kept, dropped, saved] });
    expect(named).toMatchObject({ status: 'unchanged', replayed: [] });
    expect(named.skipped.map(({ transaction, reason }) => [transaction, reason])).toEqual([
      [kept, expect.stringMatching(/has it/)],
      [dropped, expect.stringMatching(/rolled back/)],
      [saved, expect.stringMatching(/has it/)],
    ]);
    expect(await editor.failure('replay', { transactions: ['no-such'] })).toMatchObject({
      kind: 'invalid-arguments',
      data: { path: 'transactions.0' },
    });
  });

  it('takes back again what was saved and rolled back, and leaves removed what was removed', async () => {
    await start();
    document.replace('(twice (tax amount))', ':meant');
    const meant = await reload('(defun total');
    const [before] = await editor.evaluate('(fboundp (quote shop::extra))');
    document.replace('(defun total', '(defun extra () 1)\n\n(defun total');
    await reload('(defun extra');
    const removed = await editor.command('remove_definition', { symbol: 'shop::extra', form_type: 'defun' });
    document.replace(':meant', ':tried');
    await reload('(defun total');
    document.save();
    await editor.command('rollback', {});
    await restart();
    expect([before, ...(await editor.evaluate('(list (shop:total 1) (shop::extra))'))]).toEqual([
      'NIL',
      '(:TRIED 1)',
    ]);
    const result = await replay();
    expect(result).toMatchObject({ status: 'applied', skipped: [] });
    expect(ids(result.replayed)).toEqual([meant, removed.transaction]);
    expect(await editor.evaluate('(list (shop:total 1) (fboundp (quote shop::extra)))')).toEqual([
      '(:MEANT NIL)',
    ]);
    expect(await replay()).toMatchObject({ status: 'unchanged', replayed: [], skipped: [] });
  });

  it('does not go over a text that was saved since and that the journal does not know, unless it is named', async () => {
    await start();
    document.replace('(twice (tax amount))', ':journalled');
    const transaction = await reload('(defun total');
    document.replace(':journalled', ':later');
    document.save();
    await restart();
    const result = await replay();
    expect(result).toMatchObject({ status: 'unchanged', replayed: [] });
    expect(result.skipped).toEqual([
      expect.objectContaining({
        transaction,
        reason: expect.stringMatching(/shop\.lisp says another text of total/i) as string,
      }),
    ]);
    expect(await editor.evaluate('(shop:total 1)')).toEqual([':LATER']);
    expect(await replay({ transactions: [transaction] })).toMatchObject({ status: 'applied' });
    expect(await editor.evaluate('(shop:total 1)')).toEqual([':JOURNALLED']);
  });

  it('does one by one what cannot be compiled as a whole: a macro that needs an earlier function', async () => {
    await start();
    await compile('(defun expand-half (form) (list (quote /) form 2))');
    await compile('(defmacro half (form) (expand-half form))');
    await compile('(defun third-change (x) (half x))');
    await restart();
    expect(await replay()).toMatchObject({ status: 'applied' });
    expect(await editor.evaluate('(shop::third-change 8)')).toEqual(['4']);
    // It is one change all the same.
    expect(await editor.command('rollback', {})).toMatchObject({ status: 'applied' });
    expect(
      await editor.evaluate(
        '(mapcar (function fboundp) (list (quote shop::half) (quote shop::expand-half)))',
      ),
    ).toEqual(['(NIL NIL)']);
    expect(await editor.command('redo', {})).toMatchObject({ status: 'applied' });
    expect(await editor.evaluate('(shop::third-change 8)')).toEqual(['4']);
    expect(await replay()).toMatchObject({ status: 'unchanged' });
    await editor.command('rollback', {});
    expect(await replay()).toMatchObject({ status: 'applied' });
    expect(await editor.evaluate('(shop::third-change 8)')).toEqual(['4']);
  });

  it('that fails midway leaves the image as it was, and says at which change', async () => {
    await start();
    await compile('(defun good () 1)');
    await editor.evaluate('(defvar shop::*gate* t)');
    const bad = await compile('(assert (boundp (quote shop::*gate*)))\n(defun bad () 2)');
    await restart();
    await takeFingerprint(editor);
    const result = await replay();
    expect(result).toMatchObject({ status: 'failed' });
    expect(JSON.stringify(result.notes)).toContain(bad);
    expect(await fingerprintDifferences(editor)).toBe('NIL');
  });

  it('removes again what was removed, and names a compiled file that is gone', async () => {
    await start();
    const fasl = path.join(editor.root, 'extra.fasl');
    editor.open('extra.lisp', '(in-package #:shop)\n(defun extra () :extra)\n');
    await editor.evaluate(`(compile-file ${lispString(path.join(editor.root, 'extra.lisp'))})`);
    const loaded = await editor.command('code_load_fasl', { path: fasl });
    const removed = await editor.command('remove_definition', { symbol: 'shop::tax', form_type: 'defun' });
    const after = await compile('(defun extra-user () (extra))');
    await restart();
    const whole = await replay();
    expect(ids(whole.replayed)).toEqual([loaded.transaction, removed.transaction, after]);
    expect(whole).toMatchObject({ status: 'applied' });
    expect(await editor.evaluate('(list (shop::extra-user) (fboundp (quote shop::tax)))')).toEqual([
      '(:EXTRA NIL)',
    ]);
    await restart();
    unlinkSync(fasl);
    const part = await replay();
    expect(ids(part.replayed)).toEqual([removed.transaction, after]);
    expect(part.skipped).toEqual([
      expect.objectContaining({
        transaction: loaded.transaction,
        reason: expect.stringContaining('extra.fasl') as string,
      }),
    ]);
  });

  it('is rolled back and done again as a whole, by the number that either answers, or that of a part', async () => {
    await start();
    await compile('(defun one () 1)');
    await editor.command('remove_definition', { symbol: 'shop::tax', form_type: 'defun' });
    await compile('(defun two () 2)');
    await restart();
    const { transaction } = await replay();
    const there = () =>
      editor.evaluate("(mapcar (lambda (f) (and (fboundp f) t)) '(shop::one shop::tax shop::two))");
    for (const named of [transaction, `${transaction}/1`]) {
      expect(await editor.command('rollback', {})).toMatchObject({ status: 'applied', transaction });
      expect(await there()).toEqual(['(NIL T NIL)']);
      expect(await editor.command('redo', { transaction: named })).toMatchObject({ transaction });
      expect(await there()).toEqual(['(T NIL T)']);
    }
  });

  it('stops before a hazard that only shows once something is loaded, and takes all of it back', async () => {
    await start();
    const source = editor.open('constants.lisp', '(in-package #:shop)\n(defconstant +size+ 1)\n');
    await editor.evaluate(`(compile-file ${lispString(source.file!)})`);
    const loaded = await editor.command('code_load_fasl', { path: path.join(editor.root, 'constants.fasl') });
    const changed = await compile('(defconstant +size+ 2)');
    await restart();
    const error = await editor.failure('replay', {});
    expect(error).toMatchObject({ kind: 'approval-denied' });
    expect(error.message).toMatch(/taken back.*\+SIZE\+/s);
    expect(await editor.evaluate("(boundp 'shop::+size+)")).toEqual(['NIL']);
    const { entries } = await editor.command<{
      entries: { operation: string; outcome?: { status: string } }[];
    }>('history', {});
    expect(entries.find(({ operation }) => operation === 'replay')!.outcome).toMatchObject({
      status: 'failed',
    });
    // One after the other each is judged by itself.
    for (const transaction of [loaded.transaction, changed])
      expect(await replay({ transactions: [transaction] })).toMatchObject({ status: 'applied' });
    expect(await editor.evaluate('shop::+size+')).toEqual(['2']);
  });

  it('names the package that the image lacks', async () => {
    await start({
      load: [],
      settings: { approval: { 'modify-running-code': 'allow', 'compile-file': 'allow' } },
    });
    await editor.evaluate(`(load ${lispString(path.join(editor.root, 'shop.lisp'))})`);
    const transaction = await compile('(defun lonely () 1)');
    await restart();
    const result = await replay();
    expect(result).toMatchObject({ status: 'unchanged' });
    expect(result.skipped).toEqual([
      expect.objectContaining({ transaction, reason: expect.stringContaining('SHOP') as string }),
    ]);
  });

  it('loads again a system that was loaded, before what needs its package', async () => {
    const root = mkdtempSync(path.join(tmpdir(), 'hotlisp-replay-'));
    const settings = { approval: { 'modify-running-code': 'allow', 'compile-file': 'allow' } };
    editor = await Editor.start({ ...systemWorkspace(root), settings });
    try {
      const loaded = await editor.command('code_reload_system', { system: 'ledger' });
      const patch = await compile(
        '(defun balance () (doubled :patched))'.replace(':patched', '21'),
        'LEDGER',
      );
      await restart();
      const result = await replay();
      expect(ids(result.replayed)).toEqual([loaded.transaction, patch]);
      expect(result).toMatchObject({ status: 'applied', skipped: [] });
      expect(await editor.evaluate('(funcall (intern "REPORT" "LEDGER"))')).toEqual(['"Balance: 42"']);
      expect(await replay()).toMatchObject({ status: 'unchanged' });
      await restart();
      writeFileSync(path.join(root, 'report.lisp'), '(in-package #:ledger)\n(defun report () :other)\n');
      const changed = await editor.command<Replayed>('plan', { operation: 'replay' });
      expect(changed.skipped.map(({ reason }) => reason)).toEqual([
        expect.stringMatching(/report\.lisp/),
        expect.stringMatching(/LEDGER/),
      ]);
    } finally {
      await editor.finish();
      rmSync(root, { recursive: true, force: true });
    }
  });

  it('is done by a new server from what an earlier one journalled, with true places', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'hotlisp-replay-'));
    const root = path.join(folder, 'work');
    mkdirSync(root);
    const options = {
      root,
      settings: {
        approval: { 'modify-running-code': 'allow' },
        journal: { directory: path.join(folder, 'journal') },
      },
    };
    try {
      await start(options);
      document.replace('(twice (tax amount))', '(list :kept amount)');
      const transaction = await reload('(defun total');
      await editor.finish();
      await start({ ...options, files: {} });
      const { entries } = await editor.command<{ entries: { transaction: string; event: string }[] }>(
        'history',
      );
      expect(entries.map(each => [each.event, each.transaction])).toContainEqual(['outcome', transaction]);
      expect(await replay()).toMatchObject({ status: 'applied' });
      expect(await editor.evaluate('(shop:total 1)')).toEqual(['(:KEPT 1)']);
      const [place] = (await editor.command<{ line: number; file: string }[]>('source_location', {
        symbol: 'shop:total',
      })) as unknown as { file: string; line: number }[];
      expect(place).toMatchObject({ file: path.join(root, 'shop.lisp') });
      await editor.finish();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
