/** Verification: forms that must hold and test suites that must pass after a change, which is taken back when they do not. */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { Editor, type TextDocument } from '../support/lspClient.ts';
import type { OperationResult } from '../support/lspTypes.ts';
import { fingerprintDifferences, shop, takeFingerprint } from '../support/shop.ts';
import { fiveam, parachute, rove } from '../support/testLibraries.ts';

interface Verified extends OperationResult {
  readonly verification: readonly {
    rule: string;
    status: string;
    values: readonly string[];
    output: string;
    duration_ms: number;
    reason?: string;
  }[];
}

let editor: Editor;
let document: TextDocument;

async function start(tests: string, ...verify: object[]): Promise<void> {
  editor = await Editor.start({
    files: { 'shop.lisp': shop, 'tests.lisp': tests },
    load: ['shop.lisp', 'tests.lisp'],
    settings: { verify, approval: { 'modify-running-code': 'allow', 'compile-file': 'allow' } },
  });
  document = editor.openFile(path.join(editor.root, 'shop.lisp'));
  await takeFingerprint(editor);
}

afterEach(() => editor.finish());

const reload = () =>
  editor.command<Verified>('reload_form', {
    uri: document.uri,
    position: document.positionOf('(defun total'),
  });
const when = { package: 'SHOP' };

/** The change was applied, found wanting, and taken back without a trace; the reason. */
async function isRolledBack(result: Verified, rule: string): Promise<string> {
  expect(result.status).toBe('rolled-back');
  const last = result.verification.at(-1)!;
  expect(last).toMatchObject({ rule, status: 'failed' });
  const note = result.notes.find(({ message }) => message.startsWith('Verification failed: '));
  expect(note).toMatchObject({ severity: 'error' });
  expect(note!.message).toContain(last.reason);
  expect(await fingerprintDifferences(editor)).toBe('NIL');
  expect(await editor.evaluate('(shop:total 10)')).toEqual(['40']);
  return note!.message;
}

describe('a form', () => {
  const form = '(progn (princ "checking ") (= 40 (shop:total 10)))';

  it('that holds is in the report, with its value, its output and its time', async () => {
    await start('', { when, form });
    document.replace('(twice (tax amount))', '(* 4 amount)');
    const result = await reload();
    expect(result).toMatchObject({
      status: 'applied',
      verification: [{ rule: form, status: 'passed', values: ['T'], output: 'checking ' }],
    });
    expect(result.verification[0]!.duration_ms).toBeGreaterThan(0);
  });

  it('that is false, signals or does not end takes the change back, and says which', async () => {
    const forms: [string, RegExp, number?][] = [
      ['(= 40 (shop:total 10))', /answered NIL/],
      ['(error "no ~a today" :total)', /signalled .*SIMPLE-ERROR: no TOTAL today/],
      ['(loop)', /did not finish within 0\.5 s/, 0.5],
      ['(shop:total', /cannot be read: The text ends inside this form\.$/],
      ['(abort)', /has no value: The evaluation was abandoned/],
    ];
    for (const [code, reason, timeoutSeconds] of forms) {
      const rule = { when, form: code, ...(timeoutSeconds !== undefined && { timeoutSeconds }) };
      await start('', { when, form: 't' }, rule);
      document.replace('(twice (tax amount))', '0');
      const result = await reload();
      expect(await isRolledBack(result, code)).toMatch(reason);
      expect(result.verification.map(({ status }) => status)).toEqual(['passed', 'failed']);
      if (forms.at(-1)![0] !== code) await editor.finish();
    }
  });

  it('of another package, file or system is not run', async () => {
    await start(
      '',
      { when: { package: 'other' }, form: 'nil' },
      { when: { file: 'other.lisp' }, form: 'nil' },
      { when: { system: 'other' }, form: 'nil' },
      { when: { package: 'shop', file: 'shop.lisp' }, form: ':run' },
    );
    document.replace('(twice (tax amount))', '0');
    expect(await reload()).toMatchObject({ status: 'applied', verification: [{ rule: ':run' }] });
  });

  it('names package, file and system as they are written elsewhere', async () => {
    await start(
      '',
      { when: { package: ':shop' }, form: '1' },
      { when: { file: './shop.lisp' }, form: '2' },
      { when: { file: pathToFileURL('/elsewhere/shop.lisp').href }, form: '3' },
    );
    document.replace('(twice (tax amount))', '0');
    expect(await reload()).toMatchObject({ verification: [{ rule: '1' }, { rule: '2' }] });
  });

  it('names a package by any of its names, also where the text has another', async () => {
    await start(
      '',
      { when: { package: 'market' }, form: ':run' },
      { when: { package: 'mall' }, form: 'nil' },
    );
    await editor.evaluate('(progn (rename-package :shop :shop (quote (:market))) t)');
    document.replace('(twice (tax amount))', '0');
    expect(await reload()).toMatchObject({ status: 'applied', verification: [{ rule: ':run' }] });
  });

  it('names files by patterns, as editors do', async () => {
    await start(
      '',
      { when: { file: '*.lisp' }, form: '1' },
      { when: { file: '/**/s[gh]op.lisp' }, form: '2' },
      { when: { file: '{shop,stall}.{lisp,cl}' }, form: '3' },
      { when: { file: 'src/*.lisp' }, form: 'nil' },
      { when: { file: '/*.lisp' }, form: 'nil' },
    );
    document.replace('(twice (tax amount))', '0');
    expect(await reload()).toMatchObject({
      status: 'applied',
      verification: [{ rule: '1' }, { rule: '2' }, { rule: '3' }],
    });
  });

  it('of a package is run for what is defined in it, wherever that is read', async () => {
    await start('', { when, form: 'nil' });
    const code = '(defun shop:total (amount) (* 3 amount))';
    await isRolledBack(await editor.command<Verified>('code_compile_string', { code }), 'nil');
  });

  it('of a file is run for what is removed from it', async () => {
    await start('', { when: { file: 'shop.lisp' }, form: 'nil' });
    const place = { uri: document.uri, position: document.positionOf('(defun total') };
    await isRolledBack(await editor.command<Verified>('remove_definition', place), 'nil');
  });
});

describe('taking back and doing again', () => {
  const changed = '(defun total (amount) (* 4 amount))';
  const change = () => editor.command<Verified>('code_compile_string', { code: changed, package: 'SHOP' });

  it('runs the rules of what it changes: they are in the report', async () => {
    await start('', { when, form: '(shop:total 10)' }, { when: { package: 'other' }, form: 'nil' });
    await change();
    const verification = [{ rule: '(shop:total 10)', status: 'passed', values: ['40'] }];
    expect(await editor.command('rollback', {})).toMatchObject({ status: 'applied', verification });
    expect(await editor.command('redo', {})).toMatchObject({ status: 'applied', verification });
  });

  it('a redo that does not hold is taken back, and can be done again once it holds', async () => {
    await start('(defvar cl-user::*well* t)', { when, form: 'cl-user::*well*' });
    const { transaction } = await change();
    await editor.command('rollback', {});
    await editor.evaluate('(setf cl-user::*well* nil)');
    await isRolledBack(await editor.command<Verified>('redo', {}), 'cl-user::*well*');
    await editor.evaluate('(setf cl-user::*well* t)');
    expect(await editor.command('redo', {})).toMatchObject({ status: 'applied', transaction });
    expect(await editor.evaluate('(let ((shop::*rate* 3)) (shop:total 10))')).toEqual(['40']);
  });

  it('a rollback that does not hold stands, and says so', async () => {
    await start('(defvar cl-user::*well* t)', { when, form: 'cl-user::*well*' });
    const { transaction } = await change();
    await editor.evaluate('(setf cl-user::*well* nil)');
    const result = await editor.command<Verified>('rollback', {});
    const message = 'Verification failed: cl-user::*well* answered NIL. The rollback stands.';
    expect(result).toMatchObject({
      status: 'applied',
      verification: [{ status: 'failed' }],
      notes: [{ severity: 'warning', message }],
    });
    expect(await fingerprintDifferences(editor)).toBe('NIL');
    const { entries } = await editor.command<{ entries: { operation: string }[] }>('history', { limit: 10 });
    expect(entries.find(({ operation }) => operation === 'rollback')).toMatchObject({
      outcome: { status: 'applied', target: transaction, message },
    });
    await editor.evaluate('(setf cl-user::*well* t)');
    expect(await editor.command('redo', { transaction })).toMatchObject({ status: 'applied' });
  });

  it('a rollback whose rule loses the image fails as image-lost, and is in the journal', async () => {
    const ending = '(or cl-user::*well* (sb-ext:exit :abort t))';
    await start('(defvar cl-user::*well* t)', { when, form: ending });
    const { transaction } = await change();
    await editor.evaluate('(setf cl-user::*well* nil)');
    expect(await editor.failure('rollback', {})).toMatchObject({
      kind: 'image-lost',
      message: expect.stringMatching(/^The rollback was made, and then the image was lost: /) as string,
    });
    const { entries } = await editor.command<{ entries: { operation: string }[] }>('history', { limit: 10 });
    expect(entries.find(({ operation }) => operation === 'rollback')).toMatchObject({
      outcome: { status: 'applied', target: transaction },
    });
  });
});

describe('what macros make under names that no text tells', () => {
  const macros = `(in-package :shop)
(defvar *registry* (make-hash-table :test 'equal))
(defmacro defthing (name value)
  (let ((variable (intern (format nil "*~A*" name))) (function (intern (format nil "~A-OF" name))))
    \`(progn
       (defvar ,variable)
       (setf ,variable ,value (get ',variable :made) ,value (gethash ,(string name) *registry*) ,value)
       (defun ,function () "a doc" ,value)
       (deftype ,function () '(eql ,value))
       (setf (documentation ',function 'function) ,(format nil "of ~a" value)))))
(defthing thing 1)
`;
  const notes = '(in-package :shop)\n(defvar *noted* nil)\n(defun note (value) (setf *noted* value))\n';
  const look = `(list *thing* (get '*thing* :made) (gethash "THING" *registry*) (thing-of) (typep 1 'thing-of) (documentation 'thing-of 'function)
    (gethash "FRESH" *registry* :none) (boundp '*fresh*) (symbol-plist '*fresh*) (fboundp 'fresh-of) *noted*)`;
  const seen = () => editor.evaluate(look, 'SHOP');
  const was = ['(1 1 1 1 T "of 1" :NONE NIL NIL NIL NIL)'];
  const startThem = async (change: string, command: string) => {
    editor = await Editor.start({
      files: { 'shop.lisp': shop, 'notes.lisp': notes, 'things.lisp': macros },
      load: ['shop.lisp', 'notes.lisp', 'things.lisp'],
      settings: {
        verify: [{ when, form: '(/= 2 (shop::thing-of))' }],
        approval: { 'modify-running-code': 'allow' },
      },
    });
    document = editor.openFile(path.join(editor.root, 'things.lisp'));
    expect(await seen()).toEqual(was);
    document.replace('(defthing thing 1)', change);
    return editor.command<Verified>(command, { uri: document.uri });
  };

  it('is taken back with a change whose rule fails: values, property lists, tables, functions, types, documentation', async () => {
    const result = await startThem('(defthing thing 2)\n(defthing fresh 3)', 'reload_changed');
    expect(result).toMatchObject({ status: 'rolled-back', verification: [{ status: 'failed' }] });
    expect(await seen()).toEqual(was);
    // The same change stands where the rule holds.
    document.replace('(defthing thing 2)', '(defthing thing 4)');
    expect(await editor.command('reload_changed', { uri: document.uri })).toMatchObject({
      status: 'applied',
    });
    expect((await seen())[0]).toMatch(/^\(4 4 4 4 NIL "of 4" 3 T \(:MADE 3\) #<FUNCTION .*> NIL\)$/);
    expect(await editor.command('rollback', {})).toMatchObject({ status: 'applied' });
    expect(await seen()).toEqual(was);
  });

  it('is taken back also where a function that was called has set something, which is named', async () => {
    const result = await startThem('(defthing thing 2)\n(note 5)', 'reload_file');
    expect(result).toMatchObject({ status: 'partial' });
    expect(JSON.stringify(result.remains)).toMatch(/NOTED/);
    expect(await seen()).toEqual(['(1 1 1 1 T "of 1" :NONE NIL NIL NIL 5)']);
  });
});

const libraries: Record<string, { tests: string; suite: string; other: string; failure: RegExp }> = {
  FiveAM: {
    tests: `${fiveam}
(defpackage #:shop-tests (:use #:common-lisp))
(in-package #:shop-tests)
(fiveam:def-suite all)
(fiveam:in-suite all)
(fiveam:test fine (fiveam:is (= 1 1)))
(fiveam:test pays (fiveam:is (= 40 (shop:total 10)) "the total is ~a" (shop:total 10)))`,
    suite: 'fiveam:shop-tests::all',
    other: 'fiveam:shop-tests::nothing',
    failure: /PAYS in ALL.*the total is 0/,
  },
  'Parachute (a stand-in)': {
    tests: `${parachute}
(defpackage #:shop-tests (:use #:common-lisp))
(in-package #:shop-tests)
(parachute:define-test fine (parachute:true (= 1 1)))
(parachute:define-test pays (parachute:true (= 40 (shop:total 10))))`,
    suite: 'parachute:shop-tests',
    other: 'parachute:shop-tests::nothing',
    failure: /= 40 \(.*TOTAL 10\)/,
  },
  'Rove (a stand-in)': {
    tests: `${rove}
(defpackage #:shop/tests (:use #:common-lisp))
(in-package #:shop/tests)
(rove:deftest fine (rove:ok (= 1 1)))
(rove:deftest pays (rove:ok (= 40 (shop:total 10))))`,
    suite: 'rove:shop/tests',
    other: 'rove:nothing/tests',
    failure: /pays: \(= 40 \(.*TOTAL 10\)\)/,
  },
};

describe.each(Object.entries(libraries))('a suite of %s', (_, { tests, suite, other, failure }) => {
  it('that passes lets the change stand; one that fails takes it back and says what failed', async () => {
    await start(tests, { when, suite });
    document.replace('(twice (tax amount))', '(* 4 amount)');
    expect(await reload()).toMatchObject({
      status: 'applied',
      verification: [{ rule: suite, status: 'passed', values: ['T'] }],
    });
    await editor.command('rollback', {});
    document.replace('(* 4 amount)', '0');
    const message = await isRolledBack(await reload(), suite);
    expect(message).toMatch(failure);
    expect(message).not.toMatch(/u\{1b\}/);
  });

  it('that is not there fails, and interns nothing', async () => {
    await start(tests, { when, suite: other });
    document.replace('(twice (tax amount))', '(* 4 amount)');
    expect(await isRolledBack(await reload(), other)).toMatch(/nothing/i);
    expect(
      await editor.evaluate('(not (and (find-package :shop-tests) (find-symbol "NOTHING" :shop-tests)))'),
    ).toEqual(['T']);
  });
});

describe('a suite', () => {
  it('of a library that the image has not loaded fails by its name', async () => {
    await start('', { when, suite: 'parachute:shop-tests' });
    document.replace('(twice (tax amount))', '0');
    expect(await isRolledBack(await reload(), 'parachute:shop-tests')).toMatch(/parachute is not loaded/);
  });
});
