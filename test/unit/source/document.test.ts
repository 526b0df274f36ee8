import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Snapshot, Source, SyntaxNode } from '../../../server/source/index.ts';
import { OpenDocument } from '../../../server/source/document.ts';
import { readNodes } from '../../../server/source/nodes.ts';
import { createParser, type TreeParser } from '../../../server/source/parser.ts';
import { testSource, wasm } from './source.ts';

let source: Source;
let parser: TreeParser;
beforeAll(async () => {
  source = await testSource();
  parser = await createParser(wasm);
});

const fragment = fc.constantFrom(
  '(',
  ')',
  '\n(',
  '\n',
  ' ',
  '"',
  '|',
  '\\',
  ';',
  '#|',
  '|#',
  '#',
  "'",
  ',',
  '`',
  '#+',
  '#-',
  '#\\',
  ':',
  'a',
  '1',
  '\r',
  '𝔸',
  '(defun f (x) x)',
  '\n(defun g ()\n  "doc"\n  1)\n',
  '\n(in-package :p)\n',
  '\n#+sbcl\n(h)',
  '"s"',
  '; c\n',
  '#| c |#',
  '#+no ',
  "'a",
);
const text = fc.array(fragment, { maxLength: 40 }).map(parts => parts.join(''));

/** Everything that can be asked of a snapshot. */
const facts = (snapshot: Snapshot) => ({
  text: snapshot.text,
  problems: snapshot.problems,
  root: plain(snapshot.root),
  forms: snapshot.forms.map(form => ({
    span: form.span,
    bodyStart: form.bodyStart,
    index: form.index,
    package: form.package,
    packageUnknown: form.packageUnknown,
    operator: form.operator,
    definitions: form.definitions,
    active: form.active,
    guardUnknown: form.guardUnknown,
    broken: form.broken,
    evaluates: form.evaluates,
    digest: form.digest,
  })),
});
interface Plain {
  type: string;
  start: number;
  end: number;
  children: Plain[];
}
const plain = ({ type, span, children }: SyntaxNode): Plain => ({
  type,
  start: span.start,
  end: span.end,
  children: children.map(plain),
});

function expectOrder({ forms, text: content }: Snapshot): void {
  let at = 0;
  for (const { span, bodyStart } of forms) {
    expect(span.start).toBeGreaterThanOrEqual(at);
    expect(bodyStart).toBeGreaterThanOrEqual(span.start);
    expect(span.end).toBeGreaterThan(span.start);
    at = span.end;
  }
  expect(at).toBeLessThanOrEqual(content.length);
}

describe('a document', () => {
  it('is what was typed, in whatever order the last changes come', () => {
    fc.assert(
      fc.property(
        text,
        fc.array(fc.tuple(fc.nat(), fc.nat(12), text), { minLength: 2, maxLength: 7 }),
        fc.infiniteStream(fc.nat()),
        (first, edits, shuffle) => {
          const document = source.open('test:', 0, first);
          let expected = first;
          const changes = edits.map(([at, length, inserted], n) => {
            const start = at % (expected.length + 1);
            const end = Math.min(expected.length, start + length);
            expected = expected.slice(0, start) + inserted + expected.slice(end);
            return { version: n + 1, change: { range: { start, end }, text: inserted } };
          });
          while (changes.length > 0) {
            const next = changes.splice(Number(shuffle.next().value) % changes.length, 1)[0]!;
            document.apply([next.change], next.version);
          }
          expect(document.snapshot.text).toBe(expected);
          expect(document.snapshot.version).toBe(edits.length);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('takes versions that begin anew as they come', () => {
    const document = source.open('test:', 5, 'a');
    document.apply([{ range: { start: 1, end: 1 }, text: 'b' }], 6);
    document.apply([{ range: { start: 2, end: 2 }, text: 'c' }], 1);
    document.apply([{ range: { start: 3, end: 3 }, text: 'd' }], 2);
    expect(document.snapshot.text).toBe('abcd');
  });

  it('after any edits is what the same text read anew is, wherever nothing is wrong', () => {
    let compared = 0;
    fc.assert(
      fc.property(
        text,
        fc.array(fc.tuple(fc.nat(), fc.nat(12), text), { minLength: 1, maxLength: 6 }),
        (first, edits) => {
          const document = source.open('test:', 0, first);
          let expected = first;
          edits.forEach(([at, length, inserted], version) => {
            const start = at % (expected.length + 1);
            const end = Math.min(expected.length, start + length);
            expected = expected.slice(0, start) + inserted + expected.slice(end);
            const snapshot = document.apply([{ range: { start, end }, text: inserted }], version);
            const fresh = source.snapshot('test:', version, expected);
            expect(snapshot.text).toBe(expected);
            expectOrder(snapshot);
            // or it says that something is wrong: the version before may tell what the text alone does not
            if (fresh.problems.length > 0 || snapshot.problems.length > 0) return;
            compared++;
            expect(facts(snapshot)).toEqual(facts(fresh));
          });
        },
      ),
      { numRuns: 1000 },
    );
    expect(compared).toBeGreaterThan(100);
  });

  it('has forms in order, apart from each other and inside the text', () => {
    fc.assert(
      fc.property(text, content => {
        expectOrder(source.snapshot('test:', 0, content));
      }),
      { numRuns: 600 },
    );
  });

  it('has the forms that tree-sitter finds in the whole text, wherever nothing is wrong', () => {
    const comments = ['comment', 'block_comment'];
    let compared = 0;
    fc.assert(
      fc.property(text, content => {
        const { forms, problems } = source.snapshot('test:', 0, content);
        if (problems.length > 0) return;
        compared++;
        const tree = parser.parse(content).children.filter(({ type }) => !comments.includes(type));
        expect(forms.map(({ span }) => span)).toEqual(tree.map(({ start, end }) => ({ start, end })));
        expect(tree.some(({ type }) => type === 'ERROR')).toBe(false);
        // what definitions are read from
        expect(readNodes(content)).toEqual(parser.parse(content));
      }),
      { numRuns: 1500 },
    );
    expect(compared).toBeGreaterThan(100);
  });

  it('keeps its earlier snapshots as they were', () => {
    const document = source.open('test:', 1, '(in-package :a)\n(defun f ())\n(defun g ())');
    const before = document.snapshot;
    document.apply([{ range: { start: 0, end: 16 }, text: '\n\n' }], 2);
    expect(before.version).toBe(1);
    expect(before.forms.map(form => form.package)).toEqual([undefined, 'A', 'A']);
    expect(before.forms[2]!.definitions[0]!.nameSpan).toEqual({ start: 36, end: 37 });
    expect(document.snapshot.version).toBe(2);
    expect(document.snapshot.forms.map(form => form.package)).toEqual([undefined, undefined]);
    expect(document.snapshot.forms[1]!.definitions[0]!.nameSpan).toEqual({ start: 22, end: 23 });
  });

  it.each(['utf-16', 'utf-8', 'utf-32'] as const)(
    'takes the changes of an editor in %s, each on top of the one before',
    encoding => {
      const document = source.open('test:', 1, '"𝔸é" (a)\r\n(b)');
      const character = { 'utf-16': 6, 'utf-8': 9, 'utf-32': 5 }[encoding];
      const at = { line: 0, character };
      document.apply(
        [
          { range: { start: at, end: { line: 0, character: character + 3 } }, text: '(xy)' },
          { range: { start: { line: 1, character: 1 }, end: { line: 1, character: 2 } }, text: 'c' },
        ],
        2,
        encoding,
      );
      expect(document.snapshot.text).toBe('"𝔸é" (xy)\r\n(c)');
      document.apply([{ text: 'new' }], 3, encoding);
      expect(document.snapshot.forms.map(form => form.span)).toEqual([{ start: 0, end: 3 }]);
    },
  );

  it('parses again only the form that was typed into', () => {
    const parsed: string[] = [];
    const counting: TreeParser = { parse: content => (parsed.push(content), parser.parse(content)) };
    const environment = { parser: counting, features: new Set<string>() };
    const content = Array.from({ length: 50 }, (_, i) => `(defun f${i} ()\n  ${i})\n`).join('');
    const document = new OpenDocument(() => environment, 'test:', 1, content);
    const names = (snapshot: Snapshot) => snapshot.forms.map(form => form.definitions[0]?.name);
    expect(names(document.snapshot)).toHaveLength(50);
    expect(parsed).toEqual([]);
    expect(document.snapshot.root.children).toHaveLength(50);
    expect(parsed).toHaveLength(50);
    const start = content.indexOf('(defun f20') + 7;
    const broken = document.apply([{ range: { start, end: start }, text: '(' }], 2);
    expect(broken.root.children).toHaveLength(50);
    expect(names(broken)[20]).toBeUndefined();
    const mended = document.apply([{ range: { start, end: start + 1 }, text: 'x' }], 3);
    expect(mended.root.children).toHaveLength(50);
    expect(names(mended)[20]).toBe('xf20');
    expect(parsed.slice(50).map(text => text.slice(0, 11))).toEqual(['(defun (f20', '(defun xf20']);
  });
});
