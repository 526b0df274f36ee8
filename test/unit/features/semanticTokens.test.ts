/** Semantic tokens: what an edit changes is what a new answer says, and a range says what the whole does. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { tokenModifiers, tokenTypes, type TokenType } from '../../../server/features/formTokens.ts';
import {
  difference,
  legendFor,
  numberSteps,
  stretchesIn,
  TokenPieces,
  type Legend,
  type TokenRow,
} from '../../../server/features/semanticTokens.ts';
import { formRowOf } from '../../../server/source/stretches.ts';
import { finish } from '../../../server/source/slices.ts';
import type { Source } from '../../../server/source/index.ts';
import type { Snapshot } from '../../../server/source/types.ts';
import { testSource } from '../source/source.ts';

let source: Source;
beforeAll(async () => {
  source = await testSource();
});

const legend = legendFor({ tokenTypes, tokenModifiers });
type Encoding = 'utf-16' | 'utf-8' | 'utf-32';
const piecesFor = (given: Legend = legend, encoding: Encoding = 'utf-16') => new TokenPieces(given, encoding);
const noKinds = new Map<string, TokenType>();
const rowOf = (snapshot: Snapshot, pieces = piecesFor(), kinds = noKinds, last?: TokenRow) =>
  finish(pieces.all(snapshot, kinds, last));
const tokens = (snapshot: Snapshot, pieces?: TokenPieces) =>
  finish(numberSteps(rowOf(snapshot, pieces).pieces)).toJSON();

/** Line, column, length, type, modifiers of each. */
function placed(data: readonly number[]): string[] {
  let line = 0;
  let column = 0;
  const out: string[] = [];
  for (let i = 0; i < data.length; i += 5) {
    column = data[i] === 0 ? column + data[i + 1]! : data[i + 1]!;
    line += data[i]!;
    out.push([line, column, ...data.slice(i + 2, i + 5)].join(' '));
  }
  return out;
}

const sample = readFileSync(path.join(import.meta.dirname, '../../corpus/samples/inventory.lisp'), 'utf8');
const pieces = [
  '(',
  ')',
  '"',
  ';',
  '#|',
  '|#',
  '\n',
  '\r\n',
  ' x',
  "'",
  '`',
  ',',
  '#+sbcl ',
  '#-sbcl ',
  '😀',
  '(let ((x 1)) x)\n',
  '\n(',
];

describe('semantic tokens', () => {
  it('are in order, do not overlap, and lie within their lines, whatever the text', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 30 }), parts => {
        const text = parts.join('');
        const lines = text.split(/\r\n|\r|\n/);
        let end = -1;
        let last = 0;
        for (const each of placed(tokens(source.snapshot('file:///a.lisp', 1, text)))) {
          const [line, column, length] = each.split(' ').map(Number) as [number, number, number];
          if (line !== last) end = 0;
          expect(column).toBeGreaterThanOrEqual(end);
          expect(length).toBeGreaterThan(0);
          end = column + length;
          last = line;
          expect(end).toBeLessThanOrEqual(lines[line]!.length);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('after edits are those of the new text, and the difference leads from the old ones to them', () => {
    const edit = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      remove: fc.nat(40),
      insert: fc.constantFrom(...pieces, ''),
    });
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 6 }), edits => {
        const document = source.open('file:///a.lisp', 1, sample);
        const pieces = piecesFor();
        let before = rowOf(document.snapshot, pieces);
        for (const { at, remove, insert } of edits) {
          const start = Math.floor(at * document.snapshot.text.length);
          document.apply([{ range: { start, end: start + remove }, text: insert }], 2);
          const after = rowOf(document.snapshot, pieces, noKinds, before);
          const numbers = finish(numberSteps(after.pieces)).toJSON();
          const anew = source.snapshot('file:///b.lisp', 1, document.snapshot.text);
          const spans = ({ forms }: Snapshot) => forms.map(({ span }) => span);
          // where a quote is missing, the forms of a text opened anew may be guessed in another way
          if (isDeepStrictEqual(spans(anew), spans(document.snapshot))) expect(numbers).toEqual(tokens(anew));
          const patched = finish(numberSteps(before.pieces)).toJSON();
          for (const each of finish(difference(before, after)))
            patched.splice(each.start, each.deleteCount, ...each.data);
          expect(patched).toEqual(numbers);
          before = after;
        }
      }),
      { numRuns: 60 },
    );
  });

  it('of a range are those of the whole in its lines', () => {
    const snapshot = source.snapshot('file:///a.lisp', 1, sample);
    const all = placed(tokens(snapshot));
    for (const { span } of snapshot.forms) {
      const { start, end } = snapshot.rangeOf(span, 'utf-16');
      const [first, behind] = stretchesIn(snapshot, span);
      const part = finish(
        numberSteps(finish(piecesFor().some(snapshot, noKinds, first, behind)), {
          at: snapshot.positionAt(formRowOf(snapshot)!.starts[first]!, 'utf-16'),
          lines: { first: start.line, last: end.line },
        }),
      );
      const wanted = all.filter(each => {
        const line = Number(each.split(' ')[0]);
        return line >= start.line && line <= end.line;
      });
      expect(wanted.length).toBeGreaterThan(0);
      expect(placed(part.toJSON())).toEqual(wanted);
    }
  });

  it('know of functions of other files as soon as they are said to be macros, and change nothing else', () => {
    const snapshot = source.snapshot('file:///a.lisp', 1, '(f 1)\n(g 2)\n(h 3)\n');
    const pieces = piecesFor();
    const before = rowOf(snapshot, pieces);
    const after = rowOf(snapshot, pieces, new Map([['G', 'macro']]), before);
    expect(after.pieces.map((piece, i) => piece === before.pieces[i])).toEqual([true, false, true]);
    expect(finish(difference(before, after))).toEqual([
      { start: 10, deleteCount: 5, data: [1, 1, 1, tokenTypes.indexOf('macro'), 0] },
    ]);
    expect(finish(difference(after, after))).toEqual([]);
  });

  it('count in the encoding that was negotiated', () => {
    const snapshot = source.snapshot('file:///a.lisp', 1, '(f "é😀" x)');
    expect(placed(tokens(snapshot, piecesFor(legend, 'utf-16')))[2]).toMatch(/^0 9 1 /);
    expect(placed(tokens(snapshot, piecesFor(legend, 'utf-8')))[2]).toMatch(/^0 12 1 /);
    expect(placed(tokens(snapshot, piecesFor(legend, 'utf-32')))[2]).toMatch(/^0 8 1 /);
  });

  it('take the next best of the types that a client declared', () => {
    const data = tokens(
      source.snapshot('file:///a.lisp', 1, '(defmacro m (x) x) ; c'),
      piecesFor(legendFor({ tokenTypes: ['function', 'variable'], tokenModifiers: [] })),
    );
    expect(placed(data)).toEqual(['0 1 8 1 0', '0 10 1 1 0', '0 13 1 0 0', '0 16 1 0 0']);
  });
});
