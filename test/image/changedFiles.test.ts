/** What counts as changed in files: saved, edited and loaded meanwhile, with several forms of one name, or none. */
import { utimesSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Editor, lispString } from '../support/lspClient.ts';
import type { OperationResult } from '../support/lspTypes.ts';
import { shop } from '../support/shop.ts';

describe('a file that was saved before it is reloaded', () => {
  it('shows the change against what the image loaded', async () => {
    const editor = await Editor.start({ files: { 'shop.lisp': shop }, load: ['shop.lisp'] });
    try {
      const file = `${editor.root}/shop.lisp`;
      // Written long ago: not within the second in which it is saved now.
      utimesSync(file, 1e9, 1e9);
      const document = editor.openFile(file);
      await editor.command('image_connect');
      document.replace('(twice (tax amount))', '(list :saved amount)');
      document.save();
      void editor.expectPrompt(/reload total/i, 'Show Diff');
      void editor.expectPrompt(/reload total/i, 'Approve');
      await editor.actionOutcome(document, '(defun total', /^Reload total$/);
      const { text } = await editor.shown.next('the diff', () => true);
      expect(text).toMatch(/^-.*\(twice \(tax amount\)\)/m);
      expect(text).toMatch(/^\+.*\(list :saved amount\)/m);
    } finally {
      await editor.finish();
    }
  });
});

describe('a file that was saved many times since it was loaded', () => {
  it('has changed where it differs from what the image loaded, and nowhere else', async () => {
    const editor = await Editor.start({ files: { 'shop.lisp': shop }, load: ['shop.lisp'] });
    try {
      utimesSync(`${editor.root}/shop.lisp`, 1e9, 1e9);
      const document = editor.openFile(`${editor.root}/shop.lisp`);
      const changed = async () => {
        const argument = { operation: 'reload_changed', uri: document.uri };
        return (await editor.command<OperationResult>('plan', argument)).definitions.map(({ name }) => name);
      };
      expect(await changed()).toEqual([]);
      for (let n = 0; n < 30; n++) {
        document.set(shop.replace('(twice (tax amount))', `(list ${n} amount)`));
        document.save();
      }
      expect(await changed()).toEqual(['TOTAL']);
    } finally {
      await editor.finish();
    }
  });
});

describe('a file that is not open', () => {
  const text = (body: string) =>
    `(in-package #:cl-user)\n(declaim (inline small))\n(defun small (x) x)\n(defclass thing () (a))\n(defun f () ${body})\n`;

  it('has the notes of the compiler and what cannot be read published, until the next reload', async () => {
    const editor = await Editor.start({
      files: { 'closed.lisp': text('(car nobody)') },
      settings: { approval: { 'modify-running-code': 'allow' } },
    });
    try {
      const { notes } = await editor.command<OperationResult>('reload_file', { path: 'closed.lisp' });
      expect(notes).toMatchObject([{ severity: 'warning' }]);
      const { uri, range } = notes[0]!;
      const published = (count: number) =>
        editor.published.next(
          `${count} diagnostics of it`,
          each => each.uri === uri && each.diagnostics.length === count,
        );
      expect(await published(1)).toMatchObject({ diagnostics: [{ range, severity: 2 }] });
      writeFileSync(`${editor.root}/closed.lisp`, text('1'));
      await editor.command('reload_file', { path: 'closed.lisp' });
      await published(0);
      writeFileSync(`${editor.root}/closed.lisp`, text('(car'));
      const broken = await editor.command<OperationResult>('reload_file', { path: 'closed.lisp' });
      expect(broken).toMatchObject({ status: 'failed', notes: [{ severity: 'error', uri }] });
      const unread = await editor.published.next(
        'what cannot be read',
        each => each.uri === uri && each.diagnostics[0]?.severity === 1,
      );
      expect(unread).toMatchObject({ diagnostics: [{ range: broken.notes[0]!.range }] });
      writeFileSync(`${editor.root}/closed.lisp`, text('1'));
      const cleared = editor.published.all.length;
      await editor.command('reload_file', { path: 'closed.lisp' });
      await editor.published.next('none', each => each.uri === uri && each.diagnostics.length === 0, cleared);
    } finally {
      await editor.finish();
    }
  });

  it('has nothing changed once it is reloaded, declamations and classes that were taken back included', async () => {
    const editor = await Editor.start({
      files: { 'closed.lisp': text('1') },
      settings: { approval: { 'modify-running-code': 'allow' } },
    });
    try {
      const file = `${editor.root}/closed.lisp`;
      const uri = pathToFileURL(file).href;
      await editor.command('reload_file', { uri });
      const changed = () => editor.command('reload_changed', { uri });
      const none = { status: 'unchanged', definitions: [] };
      expect(await changed()).toMatchObject(none);
      await editor.evaluate("(defvar *thing* (make-instance 'thing))");
      writeFileSync(file, text('1').replace('(a)', '(a b)'));
      expect(await changed()).toMatchObject({
        status: 'applied',
        definitions: [{ name: 'THING', class: 'migration' }],
      });
      expect(await editor.command('rollback')).toMatchObject({ status: 'applied' });
      writeFileSync(file, text('1'));
      expect(await changed()).toMatchObject(none);
    } finally {
      await editor.finish();
    }
  });
});

describe('of several definitions of one name in a file', () => {
  it('the last is what the image is to run: the others do not differ from it', async () => {
    const editor = await Editor.start({
      files: { 'twice.lisp': '(defun again () :first)\n(defun other () 1)\n(defun again () :last)\n' },
      settings: { approval: { 'modify-running-code': 'allow' } },
    });
    try {
      const document = editor.openFile(`${editor.root}/twice.lisp`);
      const { uri } = document;
      const changed = async () => {
        const { definitions } = await editor.command<OperationResult>('reload_changed', { uri });
        return [definitions.map(({ name }) => name), await editor.evaluate('(again)')];
      };
      await editor.command('reload_file', { uri });
      expect(await changed()).toEqual([[], [':LAST']]);
      document.replace(':first', ':once');
      document.replace('() 1', '() 2');
      expect(await changed()).toEqual([['OTHER'], [':LAST']]);
      await editor.command('reload_form', { uri, position: document.positionOf(':once') });
      expect(await editor.evaluate('(again)')).toEqual([':ONCE']);
      await editor.diagnostics(
        document,
        list => list.some(({ range }) => range.start.line === 2),
        'drift of the last',
      );
      expect(await changed()).toEqual([['AGAIN'], [':LAST']]);
    } finally {
      await editor.finish();
    }
  });
});

describe('of several forms of a definer of the program that share a name', () => {
  it('those differ from the image that were changed since they were run, and those only', async () => {
    const text = `(defvar *clauses* '())
(defmacro define-clause (name kind value)
  \`(setf (getf (getf *clauses* ,name) ,kind) ,value))
(define-clause :for :in 1)
(define-clause :for :on 2)
(define-clause :for :across 3)
`;
    const editor = await Editor.start({
      files: { 'clauses.lisp': text },
      settings: { approval: { 'modify-running-code': 'allow' } },
    });
    try {
      const document = editor.openFile(`${editor.root}/clauses.lisp`);
      const { uri } = document;
      const changed = async () => {
        const { definitions } = await editor.command<OperationResult>('reload_changed', { uri });
        return [definitions.length, ...(await editor.evaluate('(getf *clauses* :for)'))];
      };
      await editor.command('reload_file', { uri });
      expect(await changed()).toEqual([0, '(:ACROSS 3 :ON 2 :IN 1)']);
      document.replace(':on 2', ':on 20');
      expect(await changed()).toEqual([1, '(:ACROSS 3 :ON 20 :IN 1)']);
      expect(await changed()).toEqual([0, '(:ACROSS 3 :ON 20 :IN 1)']);
      document.replace(':on 20', ':on 2');
      expect(await changed()).toEqual([1, '(:ACROSS 3 :ON 2 :IN 1)']);
      expect((await changed())[0]).toBe(0);
    } finally {
      await editor.finish();
    }
  });

  it('do not where they are as the program loaded them, also once another one was reloaded, again and again', async () => {
    const text = `(defvar *clauses* '())
(defmacro define-clause (name kind value)
  \`(push (list ,kind ,value) (getf *clauses* ,name)))
(define-clause :for :in 1)
(define-clause :for :on 2)
(define-clause :for :across 3)
`;
    const editor = await Editor.start({
      files: { 'clauses.lisp': text },
      settings: { approval: { 'modify-running-code': 'allow' } },
    });
    try {
      const file = `${editor.root}/clauses.lisp`;
      utimesSync(file, 1e9, 1e9);
      await editor.evaluate(`(load (compile-file ${lispString(file)}))`);
      const document = editor.openFile(file);
      const { uri } = document;
      const planned = async () =>
        (await editor.command<OperationResult>('plan', { operation: 'reload_changed', uri })).definitions
          .length;
      const changed = async () => {
        const count = await planned();
        await editor.command('reload_changed', { uri });
        return [count, ...(await editor.evaluate('(first (getf *clauses* :for))'))];
      };
      expect(await planned()).toBe(0);
      document.replace(':on 2', ':on 20');
      expect(await changed()).toEqual([1, '(:ON 20)']);
      expect(await planned()).toBe(0);
      document.replace(':on 20', ':on 200');
      expect(await changed()).toEqual([1, '(:ON 200)']);
      document.replace(':in 1', ':in 10');
      expect(await changed()).toEqual([1, '(:IN 10)']);
      // What the file says, which the image has loaded and another form was run in the place of since.
      document.replace(':on 200', ':on 2');
      expect(await changed()).toEqual([1, '(:ON 2)']);
      expect(await planned()).toBe(0);
    } finally {
      await editor.finish();
    }
  });
});

describe('a changed form that defines nothing by name', () => {
  const code = `${shop}\n(defvar *table* (make-hash-table))\n(setf (gethash :a *table*) 1)\n(setf (gethash :b *table*) 1)\n`;
  const leftOut = /defines nothing by name.*left out/;

  it('is named by a reload of the changed forms, which leaves it out, until it has been run', async () => {
    const editor = await Editor.start({ files: { 'shop.lisp': code } });
    try {
      const file = `${editor.root}/shop.lisp`;
      utimesSync(file, 1e9, 1e9);
      await editor.evaluate(`(load (compile-file ${lispString(file)}))`);
      const document = editor.openFile(file);
      const changed = async (name: string, argument: object = {}) =>
        (await editor.command<OperationResult>(name, { ...argument, uri: document.uri })).notes;
      const plan = () => changed('plan', { operation: 'reload_changed' });
      expect(await plan()).toEqual([]);
      document.replace('(gethash :b *table*) 1', '(gethash :b *table*) 2');
      const start = document.positionOf('(setf (gethash :b');
      const named = [
        {
          severity: 'note',
          message: expect.stringMatching(leftOut) as string,
          uri: document.uri,
          range: { start },
        },
      ];
      expect(await plan()).toMatchObject(named);
      expect(await changed('reload_changed')).toMatchObject(named);
      document.replace('(twice (tax amount))', '(list amount)');
      void editor.expectPrompt(/reload changed/i, 'Approve');
      expect(await changed('reload_changed')).toMatchObject(named);
      const look = () => editor.evaluate('(list (gethash :b shop::*table*) (shop:total 1))');
      expect(await look()).toEqual(['(1 (1))']);
      void editor.expectPrompt(/setf form/i, 'Approve');
      await editor.command('reload_form', { uri: document.uri, position: start });
      expect(await look()).toEqual(['(2 (1))']);
      expect(await plan()).toEqual([]);
    } finally {
      await editor.finish();
    }
  });
});
