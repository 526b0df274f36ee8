import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { syntaxDiagnostics } from '../../../server/features/diagnostics.ts';
import type { OutlineSymbol } from '../../../server/features/documentSymbol.ts';
import { foldingSteps } from '../../../server/features/foldingRange.ts';
import { selectionRanges, type SelectionRange } from '../../../server/features/selectionRange.ts';
import type { Range, Source } from '../../../server/source/index.ts';
import { finish } from '../../../server/source/slices.ts';
import { testSource } from '../source/source.ts';
import { outlineOf } from './outlineOf.ts';

let source: Source;
beforeAll(async () => {
  source = await testSource();
});
const read = (text: string) => source.snapshot('test:', 0, text);
const folds = (text: string, limit = Infinity) => finish(foldingSteps(read(text), limit));

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
        message:
          'This ( is never closed (in the form that starts in this line). It seems that ) is missing at the end of line 1.',
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
    return outlineOf(read(text)).map(line);
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
    const names = outlineOf(read('(defun (setf\n  foo) (v))\n(deftest "" ())\n(defun |a\nb| ())'));
    expect(names.map(({ name }) => name)).toEqual(['(setf foo)', '""', '|a b|']);
  });

  it('goes on past a form that is being typed', () => {
    expect(outline('(defun a ()\n\n(defun b (x)\n  x)\n').map(symbol => (symbol as unknown[])[0])).toEqual([
      'a',
      'b',
    ]);
  });

  it('counts in the encoding asked for', () => {
    const [symbol] = outlineOf(read('"😀é" (defun f ())'), 'utf-8');
    expect(symbol!.range.start).toEqual({ line: 0, character: 9 });
    expect(outlineOf(read('"😀é" (defun f ())'), 'utf-32')[0]!.range.start).toEqual({
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
    expect(folds(text)).toEqual([
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
    expect(folds('(a)\r\n(b) ; c\r\n')).toEqual([]);
    expect(folds('; a\r\n; b\r\n(c\r\n d)\r\n')).toEqual([
      { startLine: 0, endLine: 1, kind: 'comment' },
      { startLine: 2, endLine: 3 },
    ]);
  });

  it.each<[what: string, text: string, expected: [number, number, string?][]]>([
    [
      'a docstring of several lines',
      '(defun f ()\n  "one\ntwo"\n  1)',
      [
        [0, 3],
        [1, 2],
      ],
    ],
    ['what is quoted', "'(a\n  b)", [[0, 1]]],
    [
      'a vector and a backquote',
      '`#(a\n ,(b\n c))',
      [
        [0, 2],
        [1, 2],
      ],
    ],
    ['the outermost of several in a line', '(let ((a (b\n c)))\n d)', [[0, 2]]],
    ['nested block comments as one', '#| a\n#| b\n|#\n|#', [[0, 3, 'comment']]],
    ['a comment behind code not with those below', '(a) ; x\n; y\n; z', [[1, 2, 'comment']]],
    ['no run of comments over an empty line', '; a\n\n; b', []],
    [
      'comments inside a form',
      '(a\n ; b\n ; c\n d)',
      [
        [0, 3],
        [1, 2, 'comment'],
      ],
    ],
    [
      'a guarded form with its condition',
      '#+(or sbcl\n ccl)\n(a\n b)',
      [
        [0, 3, 'region'],
        [2, 3],
      ],
    ],
    [
      'a guarded form inside another',
      '(a\n #-sbcl\n (b\n  c)\n d)',
      [
        [0, 4],
        [1, 3, 'region'],
        [2, 3],
      ],
    ],
    ['two conditionals before one form', '#+a #+b\n(c)\n(d)', [[0, 1, 'region']]],
    ['brackets in strings, characters and comments not', '(a "(\n" #\\( ; (\n b)\n(c)', [[0, 2]]],
    [
      'a form that is being typed, alone',
      '(a\n (b\n\n(defun c ()\n  d)\n',
      [
        [0, 1],
        [3, 4],
      ],
    ],
    ['a stray bracket not', 'a)\n(b\n c)', [[1, 2]]],
    ['a long symbol over lines not', '|a\nb| (c\n d)', [[1, 2]]],
    ['lone CR', '(a\r b)\r', [[0, 1]]],
  ])('folds %s', (_what, text, expected) => {
    const found = folds(text).map(({ startLine, endLine, kind }) =>
      kind ? [startLine, endLine, kind] : [startLine, endLine],
    );
    expect(found).toEqual(expected);
  });

  it('gives no more than the editor asks for, the outer ones', () => {
    const text = '(a\n (b\n  (c\n   d)))\n(e\n f)';
    expect(folds(text, 3).map(({ startLine }) => startLine)).toEqual([0, 1, 4]);
    expect(folds(text, 2).map(({ startLine }) => startLine)).toEqual([0, 4]);
  });

  it('survives 10,000 nested lists', () => {
    expect(folds('(\n'.repeat(10_000) + ')'.repeat(10_000)).length).toBeGreaterThan(500);
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
    ['(a ; b\n c)', 5, ['; b', 'a ; b\n c', '(a ; b\n c)']],
    ['#| a |# (b)', 3, ['#| a |#']],
    ['(a #| b |# c)', 6, ['#| b |#', 'a #| b |# c', '(a #| b |# c)']],
    ['`(a ,@b)', 6, ['b', ',@b', 'a ,@b', '(a ,@b)', '`(a ,@b)']],
    ["(f #'g)", 5, ['g', "#'g", "f #'g", "(f #'g)"]],
    ['(a #\\( b)', 5, ['#\\(', 'a #\\( b', '(a #\\( b)']],
    ['(a p:q)', 4, ['p:q', 'a p:q', '(a p:q)']],
    ['(a |b c| d)', 5, ['|b c|', 'a |b c| d', '(a |b c| d)']],
    ['(a #-x (b) c)', 8, ['b', '(b)', '#-x (b)', 'a #-x (b) c', '(a #-x (b) c)']],
    ['()', 1, ['()']],
    ['(a (b\n\n(defun c ())', 17, ['()', 'defun c ()', '(defun c ())']],
    ['(a\r\n b)\r\n', 6, ['b', 'a\r\n b', '(a\r\n b)']],
  ])('in %j at %i grows to the top-level form', (text, offset, expected) => {
    expect(chain(text, offset)).toEqual(expected);
  });

  it('grows strictly, in any text and at any place, up to the form', () => {
    const pieces = fc.constantFrom(
      '(',
      ')',
      'a ',
      '"s" ',
      '#+x ',
      "'",
      '; c\n',
      '#| b |#',
      '😀',
      '\r\n',
      '#(',
      '"',
      '\\',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 25 }), fc.nat(60), (all, at) => {
        const snapshot = read(all.join(''));
        const offset = snapshot.offsetAt(snapshot.positionAt(at, 'utf-16'), 'utf-16');
        const [first] = selectionRanges(snapshot, [snapshot.positionAt(offset, 'utf-16')], 'utf-16');
        let inner: { start: number; end: number } | undefined;
        let outermost: Range | undefined;
        for (let range = first; range; range = range.parent) {
          const start = snapshot.offsetAt(range.range.start, 'utf-16');
          const end = snapshot.offsetAt(range.range.end, 'utf-16');
          expect(start <= offset && offset <= end).toBe(true);
          if (inner)
            expect(start <= inner.start && inner.end <= end && end - start > inner.end - inner.start).toBe(
              true,
            );
          inner = { start, end };
          outermost = range.range;
        }
        const form = snapshot.formAt(offset);
        if (form) expect(outermost).toEqual(snapshot.rangeOf(form.span, 'utf-16'));
      }),
      { numRuns: 500 },
    );
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
