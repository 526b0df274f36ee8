/** What a symbol refers to: a table of forms with all occurrences of one thing marked, asked from each of them. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { freeIn, localsAt, symbolAt, symbolsIn } from '../../../server/source/scope.ts';
import type { Source } from '../../../server/source/index.ts';
import type { Span } from '../../../server/source/types.ts';
import { testSource } from './source.ts';

let source: Source;
beforeAll(async () => {
  source = await testSource();
});

interface Marked {
  readonly text: string;
  readonly defined: readonly Span[];
  readonly used: readonly Span[];
}

/** Takes the marks out. */
function readMarks(row: string): Marked {
  let text = '';
  const defined: Span[] = [];
  const used: Span[] = [];
  let start = 0;
  for (const c of row)
    if (c === '«' || c === '‹') start = text.length;
    else if (c === '»') defined.push({ start, end: text.length });
    else if (c === '›') used.push({ start, end: text.length });
    else text += c;
  return { text, defined, used };
}

const shown = (text: string, spans: readonly Span[]) =>
  [...spans].sort((a, b) => a.start - b.start).map(({ start, end }) => `${start}:${text.slice(start, end)}`);

const sections = readFileSync(path.join(import.meta.dirname, 'scope.txt'), 'utf8')
  .split(/^## /m)
  .slice(1)
  .map(section => section.split('\n').filter(line => line !== '' && !line.startsWith('# ')));

for (const [title, ...rows] of sections)
  describe(`the scope of names: ${title}`, () => {
    it.each(rows)('%s', row => {
      const { text, defined, used } = readMarks(row);
      const snapshot = source.snapshot('file:///a.lisp', 1, text);
      for (const { start, end } of [...defined, ...used])
        for (const offset of [start, end]) {
          const binding = symbolAt(snapshot, offset)?.binding;
          if (defined.length === 0) expect(binding).toBeUndefined();
          else {
            expect(binding && shown(text, [binding.span])).toEqual(shown(text, defined));
            expect(
              shown(
                text,
                binding!.occurrences.map(({ span }) => span),
              ),
            ).toEqual(shown(text, [...defined, ...used]));
          }
        }
    });
  });

describe('what is in scope', () => {
  it.each<[string, string[]]>([
    ['(defun f (a &optional b) (let ((c 1)) ^))', ['c', 'b', 'a']],
    ['(let ((x 1)) (let ((x 2) (y 3)) ^))', ['y', 'x']],
    ['(let ((x ^)) x)', []],
    ['(let* ((x 1) (y ^)) x)', ['x']],
    ['(flet ((f (a) ^)) 1)', ['a']],
    ['(labels ((f (a) ^)) 1)', ['a', 'f']],
    ['(flet ((f (a) a)) ^)', ['f']],
    ['(loop for x in l for y = ^ do (print x))', ['y', 'x']],
    ['(loop for x in l do ^)', ['x']],
    ['(dolist (x l) ^)', ['x']],
    ['(handler-case (f) (error (e) ^))', ['e']],
    ['(with-open-file (s p) ^)', ['s']],
    ['(with-thing (v 1) v ^)', ['v']],
    ['(defun f (a) (let ((b 1)) (list ^', ['b', 'a']],
    ['(let ((x 1)) x)^', []],
    ['(let ((x 1)) x) (list ^)', []],
    ['(block b ^)', ['b']],
  ])('%s', (row, names) => {
    const offset = row.indexOf('^');
    const snapshot = source.snapshot('file:///a.lisp', 1, row.replace('^', ''));
    expect(localsAt(snapshot, offset).map(({ name }) => name.toLowerCase())).toEqual(names);
  });
});

describe('what code shares with the code around it', () => {
  it.each<[string, string, string]>([
    ['(defun f (a b) ‹(+ a 1)› b)', 'a', ''],
    ['(defun f (a b) ‹(setf a (g b))›)', 'a!,b', ''],
    ['(let ((a 1)) ‹(let ((b a)) b)›)', 'a', ''],
    ['(flet ((g () 1)) ‹(g)›)', 'g', ''],
    ['(defun f (a) (loop ‹for x in a› collect x))', 'a', 'x'],
    ['(defun f (a) ‹(list *b* (f 1) (quote a))›)', '', ''],
  ])('%s', (row, used, escaping) => {
    const { text, used: marks } = readMarks(row);
    const snapshot = source.snapshot('file:///a.lisp', 1, text);
    const free = freeIn(snapshot, marks[0]!);
    const name = (each: { name: string }) => each.name.toLowerCase();
    expect(free.used.map(each => name(each.binding) + (each.written ? '!' : '')).join()).toBe(used);
    expect(free.escaping.map(name).join()).toBe(escaping);
  });
});

describe('the analysis of a form', () => {
  it('is kept while the form stays as it is, wherever it moves', () => {
    const document = source.open('file:///a.lisp', 1, '(defun a (x) x)\n\n(defun b (y) y)\n');
    const before = symbolsIn(document.snapshot.forms[1]!).bindings[0]!;
    document.apply([{ range: { start: 0, end: 0 }, text: '(defun new ())\n' }], 2);
    const after = symbolsIn(document.snapshot.forms[2]!).bindings[0]!;
    expect(after.span.start).toBe(before.span.start + 15);
    expect(after.occurrences.map(({ span }) => document.snapshot.text.slice(span.start, span.end))).toEqual([
      'y',
      'y',
    ]);
  });

  it('survives nesting and length', () => {
    const deep = `(defun f (x) ${'(list '.repeat(5000)}x${')'.repeat(5000)})`;
    const long = `(defun f (x) ${'(list x) '.repeat(20_000)})`;
    expect(symbolsIn(source.snapshot('file:///a.lisp', 1, deep).forms[0]!).bindings).toHaveLength(1);
    expect(
      symbolsIn(source.snapshot('file:///a.lisp', 1, long).forms[0]!).bindings[0]!.occurrences,
    ).toHaveLength(20_001);
  });
});
