/** What the index keeps of a text after an edit is what it keeps of the text when that is read anew. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changeBetween } from '../../../server/source/stretches.ts';
import { WorkspaceIndex } from '../../../server/workspace/index.ts';
import { definitionsNamed } from '../../../server/workspace/known.ts';
import { summarize, type Summary } from '../../../server/workspace/summarize.ts';
import { testSource } from '../source/source.ts';

const source = await testSource();
const content = ({ definitions, packages, forms, conditional }: Summary) => ({
  definitions,
  packages,
  forms,
  conditional,
});

const pieces = [
  '(in-package #:shop)\n',
  '(defpackage #:shop (:use #:cl) (:export #:total))\n',
  '(defun total (items)\n  "Their number."\n  (length items))\n',
  '(defclass item (thing) ((price :accessor price :initarg :price)))\n',
  '#+nowhere\n',
  '#-nowhere (defvar *x* 1)\n',
  '#+(or nowhere) #+sbcl ',
  '; a line 𝒹\n',
  '#| a block\n(defun no () 1) |#\n',
  '\n',
  ' ',
  '(',
  ')',
  '"',
];

const text = fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map(each => each.join(''));
const edits = fc.array(
  fc.record({
    at: fc.nat(),
    length: fc.nat({ max: 40 }),
    text: fc.array(fc.constantFrom(...pieces), { maxLength: 3 }),
  }),
  { minLength: 1, maxLength: 8 },
);

describe('after any edits', () => {
  it('the summary is the one of the whole text, and so is the text that the changes between versions make', () => {
    fc.assert(
      fc.property(text, edits, (first, all) => {
        const document = source.open('file:///edited.lisp', 0, first);
        let summary = summarize(document.snapshot, 'utf-16');
        let told = first;
        all.forEach(({ at, length, text: parts }, n) => {
          const before = document.snapshot;
          void before.forms;
          const start = at % (before.length + 1);
          const end = Math.min(before.length, start + length);
          document.apply([{ range: { start, end }, text: parts.join('') }], n + 1);
          const { snapshot } = document;
          void snapshot.forms;
          const change = changeBetween(before, snapshot)!;
          told = told.slice(0, change.range.start) + change.text + told.slice(change.range.end);
          expect(told).toBe(snapshot.text);
          summary = summarize(snapshot, 'utf-16', summary);
          expect(content(summary)).toEqual(content(summarize(snapshot, 'utf-16')));
        });
        document.dispose();
      }),
      { numRuns: 300 },
    );
  });

  it('the index answers as one that reads the text for the first time', () => {
    const uri = 'file:///edited.lisp';
    const names = ['TOTAL', 'ITEM', 'PRICE', '*X*', 'SHOP'];
    /** All that depends on what is kept from version to version. */
    const answers = (index: WorkspaceIndex, asked: readonly string[]): unknown[] => [
      ...asked.map(name => [
        definitionsNamed(index, { name, package: 'SHOP' }, 100),
        index.filesMentioning({ type: 'symbol', home: 'SHOP', name, loose: true }),
        index.defines('SHOP', name),
      ]),
      index.macros('SHOP', ['total', 'with-it']),
      [...index.keywords].sort(),
      index.summary(uri),
    ];
    const more = fc.constantFrom('(defmacro total (a) a)\n', '(defgeneric price (x))\n', ...pieces);
    const several = fc.array(more, { maxLength: 4 }).map(each => each.join(''));
    const step = fc.record({
      at: fc.nat(),
      length: fc.nat({ max: 40 }),
      text: several,
      ask: fc.subarray(names),
    });
    fc.assert(
      fc.property(text, fc.array(step, { minLength: 1, maxLength: 8 }), (first, all) => {
        const document = source.open(uri, 0, first);
        const index = new WorkspaceIndex();
        let summary: Summary | undefined;
        all.forEach(({ at, length, text: added, ask }, n) => {
          const start = at % (document.snapshot.length + 1);
          const end = Math.min(document.snapshot.length, start + length);
          const snapshot = document.apply([{ range: { start, end }, text: added }], n + 1);
          summary = summarize(snapshot, 'utf-16', summary);
          index.set(uri, summary, true);
          const fresh = new WorkspaceIndex();
          fresh.set(uri, summarize(snapshot, 'utf-16'));
          expect(answers(index, ask)).toEqual(answers(fresh, ask));
        });
        document.dispose();
      }),
      { numRuns: 200 },
    );
  });
});
