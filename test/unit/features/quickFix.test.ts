import { beforeAll, describe, expect, it } from 'vitest';
import { quickFixes } from '../../../server/features/quickFix.ts';
import type { Snapshot, Source, SyntaxProblem } from '../../../server/source/index.ts';
import { testSource } from '../source/source.ts';

let source: Source;
beforeAll(async () => {
  source = await testSource();
});

/** A snapshot with given problems, whatever its text says. */
const withProblems = (text: string, problems: readonly SyntaxProblem[]): Snapshot => {
  const snapshot = source.snapshot('file:///a.lisp', 3, text);
  return Object.create(snapshot, {
    problems: { value: problems },
    rangeOf: { value: snapshot.rangeOf.bind(snapshot) },
    uri: { value: snapshot.uri },
    version: { value: 3 },
  }) as Snapshot;
};

const text = '(a (b)\n\n(c))\n';
const open: SyntaxProblem = {
  span: { start: 0, end: 1 },
  message: 'This ( is never closed.',
  code: 'unmatched-open',
  fix: { title: 'Insert ) here', span: { start: 6, end: 6 }, text: ')' },
};
const close: SyntaxProblem = {
  span: { start: 11, end: 12 },
  message: 'This ) closes nothing.',
  code: 'unmatched-close',
  fix: { title: 'Delete )', span: { start: 11, end: 12 }, text: '' },
};
const hopeless: SyntaxProblem = { span: { start: 0, end: 1 }, message: 'No.', code: 'illegal-dispatch' };

const fixes = (problems: readonly SyntaxProblem[], start: number, end = start, documentChanges = false) =>
  quickFixes({ snapshot: withProblems(text, problems), start, end, encoding: 'utf-16', documentChanges });

describe('a quick fix', () => {
  it('carries its diagnostic and one edit, as changes or for the version', () => {
    const edits = [
      { range: { start: { line: 0, character: 6 }, end: { line: 0, character: 6 } }, newText: ')' },
    ];
    const [fix] = fixes([open], 0);
    expect(fix).toEqual({
      title: 'Insert ) here',
      kind: 'quickfix',
      isPreferred: true,
      diagnostics: [
        {
          range: { start: { line: 0, character: 0 }, end: { line: 0, character: 1 } },
          severity: 1,
          code: 'unmatched-open',
          source: 'hotlisp',
          message: 'This ( is never closed.',
        },
      ],
      edit: { changes: { 'file:///a.lisp': edits } },
    });
    expect(fixes([open], 0, 0, true)[0]!.edit).toEqual({
      documentChanges: [{ textDocument: { uri: 'file:///a.lisp', version: 3 }, edits }],
    });
  });

  it('is offered where the problem or its mending stands, and nowhere else', () => {
    const titles = (start: number, end = start) =>
      fixes([open, close, hopeless], start, end).map(({ title }) => title);
    expect(titles(0)).toEqual(['Insert ) here']);
    expect(titles(6)).toEqual(['Insert ) here']);
    expect(titles(3)).toEqual([]);
    expect(titles(12)).toEqual(['Delete )']);
    expect(titles(0, text.length)).toEqual(['Insert ) here', 'Delete )']);
  });

  it('is none where no single edit helps', () => {
    expect(fixes([hopeless], 0)).toEqual([]);
  });
});

describe('what the parser offers', () => {
  const mend = (broken: string): string => {
    const snapshot = source.snapshot('file:///a.lisp', 1, broken);
    const { length } = broken;
    const [fix] = quickFixes({ snapshot, start: 0, end: length, encoding: 'utf-16', documentChanges: false });
    if (!fix || !('changes' in fix.edit)) throw new Error(`no fix for ${JSON.stringify(snapshot.problems)}`);
    const { range, newText } = fix.edit.changes['file:///a.lisp']![0]!;
    const [start, end] = [range.start, range.end].map(each => snapshot.offsetAt(each, 'utf-16'));
    return broken.slice(0, start) + newText + broken.slice(end);
  };

  it.each([
    '(defun f ()\n  (g)\n\n(defun h ())\n',
    '(defun f ()\n  (g)))\n\n(defun h ())\n',
    '(defun f ()\n  "open)\n\n(defun h ())\n',
  ])('mends %j into a text without problems', broken => {
    const { problems, forms } = source.snapshot('test:', 0, mend(broken));
    expect(problems).toEqual([]);
    expect(forms.length).toBeGreaterThan(1);
  });
});
