import { beforeAll, describe, expect, it } from 'vitest';
import type { Source } from '../../../server/source/index.ts';
import { testSource } from './source.ts';

let source: Source;
beforeAll(async () => {
  source = await testSource();
});

const read = (text: string) => source.snapshot('test:', 0, text);

/** A buffer in which the form in the middle is `middle`. */
const around = (middle: string) =>
  `(in-package :app)\n\n(defun before () "(" 1)\n\n${middle}\n\n(defun after (x)\n  "doc ( "\n  x)\n\n(defvar *last* #\\")\n`;

describe('a broken form', () => {
  it.each([
    ['(defun f (x)\n  (let ((y 1))\n    (+ x y))', 'unmatched-open', '('],
    ['(defun f (x\n  (let ((y 1))\n    (+ x y)))', 'unmatched-open', '('],
    ['(defun f (x)\n  (+ x 1)))', 'unmatched-close', ')'],
    ['(defun f (x))\n  (+ x 1))', 'unmatched-close', ')'],
    ['(defun f (x)\n  "doc\n  (+ x 1))', 'unterminated-string', '"'],
    ['(defun f (x)\n  doc"\n  (+ x 1))', 'unterminated-string', '"'],
    ['(defun f (x)\n  (list "a" "b))', 'unterminated-string', '"'],
    ['(defun f (x)\n  (list |a b))', 'unterminated-symbol', '|'],
    ['(defun f (x)\n  #| why\n  (+ x 1))', 'unterminated-comment', '#'],
    ["(defun f (x)\n  (list '))", 'missing-object', "'"],
    ['(defun f (x) ,)', 'missing-object', ','],
    ['(defun f (x) #+sbcl)', 'missing-object', '#+'],
    ['(defun f (x) # x)', 'illegal-dispatch', '#'],
    ['(defun f (', 'unmatched-open', '('],
  ])('leaves the others exact and is told of: %j', (middle, code, marked) => {
    const text = around(middle);
    const { forms, problems } = read(text);
    const others = around('').matchAll(/^\((?:.|\n(?!\n))+\)$/gm);
    const found = forms.map(({ span, broken }) => [text.slice(span.start, span.end), broken]);
    for (const [other] of others) expect(found).toContainEqual([other, false]);
    expect(problems.map(problem => problem.code)).toEqual([code]);
    const [{ span }] = problems as [(typeof problems)[0]];
    expect(text.slice(span.start, span.end)).toBe(marked);
    expect(span.start).toBeGreaterThanOrEqual(text.indexOf(middle));
    expect(span.end).toBeLessThanOrEqual(text.indexOf(middle) + middle.length);
    const broken = forms.filter(form => form.broken);
    expect(broken.length).toBeGreaterThan(0);
    for (const form of broken) expect(form.package).toBe('APP');
  });

  it.each([
    "(defun f ()\n  '",
    '(defmacro m ()\n  `',
    "(list #'",
    '(list #+',
    '#+',
    "'",
    '(a #.',
    '(a #+(or b c)',
  ])('that ends in a prefix does not take the next definition along: %j', middle => {
    const text = `(in-package :app)\n\n${middle}\n\n(cl:defun after (x)\n  x)\n`;
    const { forms, problems } = read(text);
    const after = forms.at(-1)!;
    expect(text.slice(after.span.start, after.span.end)).toBe('(cl:defun after (x)\n  x)');
    expect(after.broken).toBe(false);
    expect(problems).toHaveLength(1);
  });

  it('is still known for what it defines', () => {
    const { forms } = read(around('(defmethod area ((s square) (n (eql 3))\n  "doc\n  (* n'));
    expect(forms.flatMap(form => form.definitions).map(({ name }) => name)).toEqual([
      'before',
      'area',
      'after',
      '*last*',
    ]);
  });

  it('names the bracket that is open innermost, and the line where its form starts', () => {
    const text = '\n(defun f ()\n  (let ((x 1))\n    (foo x)\n';
    const { problems } = read(text);
    expect(problems).toHaveLength(1);
    expect(problems[0]!.span.start).toBe(text.indexOf('(let'));
    expect(problems[0]!.message).toBe(
      'This ( is never closed (in the form that starts in line 2). It seems that )) is missing at the end of line 4.',
    );
  });

  it.each([
    ['(defun f (x\n  (let ((y 1))\n    (+ x y)))', 'It seems that ) is missing at the end of line 1.'],
    ['(defun f (x)\n  (when x\n    (g x)\n  (h x))', 'It seems that ) is missing at the end of line 3.'],
    ['(defun f (x))\n  (+ x 1))', 'It seems that there is a ) too many in line 1.'],
    ['(defun f (x)\n  "doc\n  (+ x 1))', 'It seems that " is missing at the end of line 2.'],
    ['(defun f (x)\n  (list "a" "b))', 'It seems that " is missing in line 2 before )).'],
    ['(defun f (x)\n  (+ x 1)))', 'is complete before it.'],
  ])('tells where what is missing likely belongs: %j', (text, told) => {
    const [problem] = read(text).problems;
    expect(problem!.message.endsWith(told), problem!.message).toBe(true);
  });

  it('with something behind its end marks what stands before it too, because it cannot be told what belongs to it', () => {
    const { forms } = read('(defun f (x))\n  (+ x 1))\n\n(g)');
    expect(forms.map(form => form.broken)).toEqual([true, true, false]);
  });

  it('does not take a docstring with brackets in column 0 for the end of the form before it', () => {
    const text = '(defun a ()\n  "Usage:\n(defun x ())\n"\n  1)\n(defun b ()\n(defun c ())\n';
    const snapshot = read(text);
    expect(snapshot.forms[0]!.broken).toBe(false);
    expect(snapshot.problems.map(problem => problem.span.start)).toEqual([text.indexOf('(defun b')]);
    expect(snapshot.forms.map(form => form.definitions[0]?.name)).toEqual(['a', 'b', 'c']);
  });

  it('of brackets without end is a problem, not a crash', () => {
    const deep = '('.repeat(10_000);
    expect(read(deep).problems.map(problem => problem.code)).toEqual(['unmatched-open']);
    const balanced = read(deep + ')'.repeat(10_000));
    expect(balanced.problems).toEqual([]);
    expect(balanced.forms).toHaveLength(1);
    expect(balanced.forms[0]!.definitions).toEqual([]);
    expect(balanced.forms[0]!.evaluates).toBe(true);
    expect(balanced.root.children).toHaveLength(1);
    expect(read("'".repeat(10_000) + 'a').forms[0]!.operator).toBeUndefined();
    expect(read('#+a '.repeat(10_000) + 'a').forms[0]!.active).toBe(false);
    expect(read('\n('.repeat(10_000)).forms).toHaveLength(10_000);
  });
});

describe('a form that is being typed', () => {
  it('leaves those behind it alone though its half-open string makes the rest a sound text by chance', () => {
    // read inside out, the `;` and the quote behind it hide each other
    const rest = '(defun g ()\n  "a; b"\n  c)\n\n(defun h ()\n  "c"\n  (list))\n';
    const text = `(defun f ()\n  \n\n${rest}`;
    const typed = '"Doc of ';
    const document = source.open('test:', 1, text);
    expect(document.snapshot.forms).toHaveLength(3);
    const at = text.indexOf('\n\n(defun g');
    for (let n = 0; n < typed.length; n++) {
      const { forms } = document.apply([{ range: { start: at + n, end: at + n }, text: typed[n]! }], n + 2);
      const now = document.snapshot.text;
      expect(forms.slice(-2).map(({ span }) => now.slice(span.start, span.end))).toEqual(
        rest.trimEnd().split('\n\n'),
      );
    }
  });
});
