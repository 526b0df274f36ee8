import { beforeAll, describe, expect, it } from 'vitest';
import { HotlispError } from '../../../server/errors.ts';
import { lispReadFile } from '../../../server/operations/readFile.ts';
import type { Source } from '../../../server/source/index.ts';
import { testSource } from '../source/source.ts';
import { contextOf, planOf } from './operations.ts';

let source: Source;
beforeAll(async () => {
  source = await testSource();
});

interface Read {
  content: string;
  mode: string;
  total_lines: number;
  truncated: boolean;
  next_offset: number | null;
  forms: { type: string | null; name: string | null; line: number; end_line: number; expanded: boolean }[];
  problems: { line: number; code: string }[];
}

const read = async (text: string, args: Record<string, unknown> = {}) =>
  (await planOf(lispReadFile, 'answer', { path: 'a.lisp', ...args }, contextOf(source, text))).value as Read;

describe('the collapsed view', () => {
  const rows: [what: string, text: string, shown: string][] = [
    ['a function as its signature', '(defun f (a &key\n  (b 1))\n  (+ a b))', '(defun f (a &key (b 1)) …)'],
    ['a form of one line in full', '(defvar *x* 1) (g)', '(defvar *x* 1)\n(g)'],
    ['in-package in full', '(in-package\n  #:shop)', '(in-package\n  #:shop)'],
    [
      'a method with its qualifier',
      '(defmethod area :around ((c circle))\n  1)',
      '(defmethod area :around ((c circle)) …)',
    ],
    ['a setf function', '(defun (setf f)\n    (v)\n  v)', '(defun (setf f) (v) …)'],
    ['a class', '(defclass c (d)\n  ((slot)))', '(defclass c …)'],
    [
      'what defines nothing by its first line',
      '(loop for x in y ; all\n  do (z x))',
      '(loop for x in y ; all …)',
    ],
    ['a string of several lines', '"one\ntwo"', '"one …'],
    ['the reader conditional', '#+(or sbcl\n  unix)\n(defun f ()\n  1)', '#+(or sbcl unix) (defun f () …)'],
    [
      'definitions inside another form, each in its line',
      '(eval-when (:compile-toplevel)\n  (defun f (x)\n    x)\n  (defvar *y* 1))',
      '(eval-when (:compile-toplevel) …\n  (defun f (x) …)\n  (defvar *y* …))',
    ],
    ['a test', '(test (adds :suite s)\n  (is (= 1 1)))', '(test adds …)'],
    ['nothing of an empty file', '', ''],
    ['CR LF', '(defun f (a\r\n  b)\r\n  1)\r\n', '(defun f (a b) …)'],
  ];
  it.each(rows)('shows %s', async (_what, text, shown) => {
    expect((await read(text)).content).toBe(shown);
  });

  it('says of each form what it is and where, in lines from 1', async () => {
    const { forms, total_lines, mode } = await read('(defun f ()\n  1)\n\n#-sbcl (defun g ())\n(h)\n');
    expect([mode, total_lines]).toEqual(['collapsed', 6]);
    expect(forms).toEqual([
      {
        type: 'defun',
        name: 'f',
        line: 1,
        end_line: 2,
        package: null,
        active: true,
        broken: false,
        expanded: false,
      },
      {
        type: 'defun',
        name: 'g',
        line: 4,
        end_line: 4,
        package: null,
        active: false,
        broken: false,
        expanded: true,
      },
      {
        type: 'h',
        name: null,
        line: 5,
        end_line: 5,
        package: null,
        active: true,
        broken: false,
        expanded: true,
      },
    ]);
  });

  it('names what does not parse, and shows the rest', async () => {
    const { forms, problems } = await read('(defun f (\n\n(defun g ()\n  1)\n');
    expect(forms.map(({ name }) => name)).toEqual(['f', 'g']);
    expect(problems).toEqual([expect.objectContaining({ line: 1 })]);
  });
});

describe('patterns', () => {
  const text = '(defun total (x)\n  (tax x))\n\n(defun tax (x)\n  (* 2 x))\n\n(defun subtotal (x)\n  x)\n';
  const expanded = async (args: Record<string, unknown>) =>
    (await read(text, args)).forms.filter(form => form.expanded).map(({ name }) => name);

  it('show in full what they match, in names or in the text, whatever the case', async () => {
    expect(await expanded({})).toEqual([]);
    expect(await expanded({ name_pattern: '^TOTAL$' })).toEqual(['total']);
    expect(await expanded({ name_pattern: 'total' })).toEqual(['total', 'subtotal']);
    expect(await expanded({ content_pattern: '\\(tax' })).toEqual(['total']);
    expect(await expanded({ name_pattern: '^sub', content_pattern: '\\* 2' })).toEqual(['tax', 'subtotal']);
    expect((await read(text, { name_pattern: '^tax$' })).content).toBe(
      '(defun total (x) …)\n(defun tax (x)\n  (* 2 x))\n(defun subtotal (x) …)',
    );
  });

  it.each([
    ['name_pattern', '('],
    ['content_pattern', '('],
    ['content_pattern', 'x'.repeat(100_000)],
  ])('%s that does not parse, or is too long, is refused by name', async (key, pattern) => {
    const refused = read(text, { [key]: pattern });
    await expect(refused).rejects.toThrow(HotlispError);
    await expect(refused).rejects.toMatchObject({ kind: 'invalid-arguments', details: { path: key } });
  });

  it('that would run for ever are stopped', async () => {
    const long = `(f "${'a'.repeat(60)}!")`;
    await expect(read(long, { content_pattern: '(a+)+$' })).rejects.toThrow(/content_pattern takes longer/);
  });
});

describe('lines', () => {
  const text = 'one\r\ntwo\nthree\rfour';

  it('are given as they are, from an offset and up to a limit', async () => {
    const full = { collapsed: false };
    expect(await read(text, full)).toMatchObject({
      mode: 'full',
      content: text,
      truncated: false,
      next_offset: null,
      total_lines: 4,
    });
    expect(await read(text, { ...full, offset: 1, limit: 2 })).toMatchObject({
      content: 'two\nthree\r',
      truncated: true,
      next_offset: 3,
    });
    expect(await read(text, { ...full, offset: 3 })).toMatchObject({ content: 'four', truncated: false });
    expect(await read(text, { ...full, offset: 99 })).toMatchObject({ content: '', truncated: false });
  });

  it('of the collapsed view are counted alike', async () => {
    const forms = Array.from({ length: 5 }, (_, n) => `(f${n})`).join('\n\n');
    expect(await read(forms, { offset: 1, limit: 2 })).toMatchObject({
      content: '(f1)\n(f2)\n',
      truncated: true,
      next_offset: 3,
    });
  });
});
