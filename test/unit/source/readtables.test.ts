import { beforeAll, describe, expect, it } from 'vitest';
import type { Source } from '../../../server/source/index.ts';
import { readtableAt, syntaxForms } from '../../../server/source/readtables.ts';
import { testSource } from './source.ts';

let source: Source;
beforeAll(async () => {
  source = await testSource();
});
const read = (text: string) => source.snapshot('test:', 0, text);

describe('the readtable that a text names', () => {
  it.each([
    ['(in-readtable :a) (b)', ':a'],
    ['(named-readtables:in-readtable my::table)\n(b)', 'my::table'],
    ['(in-readtable :a) (in-readtable :b) (c)', ':b'],
    ['(in-readtable :a) (in-readtable) (c)', 'nil'],
    ['#-sbcl (in-readtable :a) (b)', undefined],
    ['(in-readtable :a) #-sbcl (in-readtable :b) (c)', ':a'],
    ['(eval-when (:execute) (foo) (IN-READTABLE :a)) (b)', ':a'],
    ['(defun in-readtable (x) (in-readtable x)) (b)', undefined],
    ['; (in-readtable :a)\n"(in-readtable :b)" (c)', undefined],
    ['(b) (in-readtable :a)', undefined],
  ])('of the last form of %j is %j', (text, name) => {
    const snapshot = read(text);
    expect(readtableAt(snapshot, snapshot.forms.at(-1)!.span.start)).toBe(name);
  });
});

describe('forms that switch the syntax', () => {
  it.each([
    ['(enable-interpol-syntax)'],
    ['(cl-interpol:enable-interpol-syntax :modify-*readtable* t)'],
    ['(clsql:file-enable-sql-reader-syntax)'],
    ['(syntax:use-syntax :annot)'],
    ['(local-time:enable-read-macros)'],
    ['(eval-when (:compile-toplevel :load-toplevel) (enable-curly-syntax))'],
    ['(setf *readtable* (copy-readtable nil))'],
    ['(eval-when (:execute) (setq cl:*readtable* *mine*))'],
    ['(eval-when (:execute) (defun enable-l () 1) (setf *readtable* (copy-readtable)) (enable-l))'],
    ['(progn (setf *readtable* *mine*) (defun f () 1))'],
  ])('%s is one', text => {
    const snapshot = read(`${text}\n(b)`);
    expect(syntaxForms(snapshot, text.length)).toHaveLength(1);
    expect(syntaxForms(snapshot, 0)).toEqual([]);
  });

  it.each([
    ['(defun enable-interpol-syntax ())'],
    ['(use-package :reader)'],
    ['(enable-logging)'],
    ['(print *readtable*)'],
    ['(eval-when (:execute) (defun a () (setf *readtable* 1)) (foo) (defun b () (enable-curly-syntax)))'],
    ['#-sbcl (enable-interpol-syntax)'],
    ['(let ((*readtable* (copy-readtable))) (foo))'],
  ])('%s is none', text => {
    expect(syntaxForms(read(`${text}\n(b)`), text.length)).toEqual([]);
  });

  it('are told of a text of one long token', () => {
    const text = `(${'use-'.repeat(500_000)})`;
    expect(syntaxForms(read(text), text.length)).toEqual([]);
  });
});
