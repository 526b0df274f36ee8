/** What the index keeps of a text after an edit is what it keeps of the text when that is read anew. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changeBetween } from '../../../server/source/snapshot.ts';
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
});
