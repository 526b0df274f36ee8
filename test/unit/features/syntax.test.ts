import { beforeAll, describe, expect, it } from 'vitest';
import { syntaxDiagnostics } from '../../../server/features/diagnostics.ts';
import { documentSymbols, type OutlineSymbol } from '../../../server/features/documentSymbol.ts';
import { foldingRanges } from '../../../server/features/foldingRange.ts';
import { selectionRanges, type SelectionRange } from '../../../server/features/selectionRange.ts';
import type { Range, Source } from '../../../server/source/index.ts';
import { testSource } from '../source/source.ts';

let source: Source;
beforeAll(async () => {
  source = await testSource();
});
const read = (text: string) => source.snapshot('test:', 0, text);

const textIn = (text: string, range: Range) => {
  const snapshot = read(text);
  return text.slice(snapshot.offsetAt(range.start, 'utf-16'), snapshot.offsetAt(range.end, 'utf-16'));
};

describe('diagnostics', () => {
  it('are the problems of the text, as errors of hotlisp', () => {
    expect(syntaxDiagnostics(read('"😀" (a\n'), 'utf-16')).toEqual([
      {
        range: { start: { line: 0, character: 5 }, end: { line: 0, character: 6 } },
        severity: 1,
        code: 'unmatched-open',
        source: 'hotlisp',
        message: 'This ( is never closed (in the form that starts in this line).',
      },
    ]);
  });

  it('are none where the text reads, whatever dispatch macros it uses', () => {
    expect(syntaxDiagnostics(read('(a #?"x ( " #~y #.z #\\( |(|) ; ('), 'utf-16')).toEqual([]);
  });
});

describe('the outline', () => {
  const outline = (text: string) => {
    const line = ({ name, detail, kind, range, selectionRange, children }: OutlineSymbol): unknown => [
      name,
      detail,
      kind,
      textIn(text, range).slice(0, 12),
      textIn(text, selectionRange),
      ...(children.length > 0 ? [children.map(line)] : []),
    ];
    return documentSymbols(read(text), 'utf-16').map(line);
  };

  it('nests slots and methods, and selects the name', () => {
    const text = `"😀" (defclass shape () ((area :initform 0) name))
(defgeneric draw (shape) (:method ((s shape)) 1))
#+sbcl (defmethod draw :around ((s square)) 2)`;
    expect(outline(text)).toEqual([
      [
        'shape',
        'defclass',
        5,
        '(defclass sh',
        'shape',
        [
          ['area', '', 8, '(area :initf', 'area'],
          ['name', '', 8, 'name', 'name'],
        ],
      ],
      [
        'draw',
        'defgeneric (shape)',
        11,
        '(defgeneric ',
        'draw',
        [['draw', 'defmethod (shape)', 6, '(:method ((s', ':method']],
      ],
      ['draw', 'defmethod :around (square)', 6, '(defmethod d', 'draw'],
    ]);
  });

  it('leaves out what reader conditionals hide, and declarations', () => {
    expect(
      outline('#-sbcl (defun a ()) #+sbcl (defun b ()) (declaim (inline b)) (progn #+ccl (defun c ()))'),
    ).toEqual([['b', 'defun ()', 12, '(defun b ())', 'b']]);
  });

  it('has every name in one line, and no empty one', () => {
    const names = documentSymbols(
      read('(defun (setf\n  foo) (v))\n(deftest "" ())\n(defun |a\nb| ())'),
      'utf-16',
    );
    expect(names.map(({ name }) => name)).toEqual(['(setf foo)', '""', '|a b|']);
  });

  it('goes on past a form that is being typed', () => {
    expect(outline('(defun a ()\n\n(defun b (x)\n  x)\n').map(symbol => (symbol as unknown[])[0])).toEqual([
      'a',
      'b',
    ]);
  });

  it('counts in the encoding asked for', () => {
    const [symbol] = documentSymbols(read('"😀é" (defun f ())'), 'utf-8');
    expect(symbol!.range.start).toEqual({ line: 0, character: 9 });
    expect(documentSymbols(read('"😀é" (defun f ())'), 'utf-32')[0]!.range.start).toEqual({
      line: 0,
      character: 5,
    });
  });
});

describe('folding', () => {
  it('covers forms, inner lists, runs of comments, block comments and guarded regions of several lines', () => {
    const text = [
      ';; one', // 0
      ';; two', // 1
      '', // 2
      ';; alone', // 3
      '(defun f (x)', // 4
      '  (let ((y 1))', // 5
      '    ;; a', // 6
      '    ;; b', // 7
      '    (+ x', // 8
      '       y)))', // 9
      '#| a', // 10
      '   b |#', // 11
      '#+sbcl', // 12
      '(g)', // 13
      '(h)', // 14
    ].join('\n');
    expect(foldingRanges(read(text), 'utf-16')).toEqual([
      { startLine: 0, endLine: 1, kind: 'comment' },
      { startLine: 4, endLine: 9 },
      { startLine: 5, endLine: 9 },
      { startLine: 6, endLine: 7, kind: 'comment' },
      { startLine: 8, endLine: 9 },
      { startLine: 10, endLine: 11, kind: 'comment' },
      { startLine: 12, endLine: 13, kind: 'region' },
    ]);
  });

  it('is nothing where nothing spans lines, and survives CR LF', () => {
    expect(foldingRanges(read('(a)\r\n(b) ; c\r\n'), 'utf-16')).toEqual([]);
    expect(foldingRanges(read('; a\r\n; b\r\n(c\r\n d)\r\n'), 'utf-16')).toEqual([
      { startLine: 0, endLine: 1, kind: 'comment' },
      { startLine: 2, endLine: 3 },
    ]);
  });

  it('survives 10,000 nested lists', () => {
    expect(foldingRanges(read('(\n'.repeat(10_000) + ')'.repeat(10_000)), 'utf-16').length).toBeGreaterThan(
      500,
    );
  });
});

describe('selection', () => {
  const chain = (text: string, offset: number) => {
    const snapshot = read(text);
    const out: string[] = [];
    let at: SelectionRange | undefined = selectionRanges(
      snapshot,
      [snapshot.positionAt(offset, 'utf-16')],
      'utf-16',
    )[0];
    for (; at; at = at.parent) out.push(textIn(text, at.range));
    return out;
  };

  it.each([
    ["(f (g 'x) y)", 7, ['x', "'x", "g 'x", "(g 'x)", "f (g 'x) y", "(f (g 'x) y)"]],
    ['(a)(b)', 3, ['(b)']],
    ['(a b)', 4, ['b', 'a b', '(a b)']],
    ['#+sbcl (a)', 8, ['a', '(a)', '#+sbcl (a)']],
    ['(f "a b")', 5, ['a b', '"a b"', 'f "a b"', '(f "a b")']],
    ['(f #(1 2))', 6, ['1', '1 2', '(1 2)', '#(1 2)', 'f #(1 2)', '(f #(1 2))']],
    ['(a)  ; c\n(b)', 6, ['; c']],
    ['(a)   (b)', 4, ['']],
    ['', 0, ['']],
  ])('in %j at %i grows to the top-level form', (text, offset, expected) => {
    expect(chain(text, offset)).toEqual(expected);
  });

  it('answers every position, in order', () => {
    const positions = [
      { line: 1, character: 1 },
      { line: 0, character: 1 },
    ];
    const ranges = selectionRanges(read('(a)\n(b)'), positions, 'utf-16');
    expect(ranges.map(({ range }) => range.start)).toEqual([
      { line: 1, character: 1 },
      { line: 0, character: 1 },
    ]);
  });
});
