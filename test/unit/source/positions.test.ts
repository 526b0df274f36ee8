import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Lines } from '../../../server/source/positions.ts';
import { Text } from '../../../server/source/text.ts';
import type { PositionEncoding } from '../../../server/source/types.ts';

const ENCODINGS: readonly PositionEncoding[] = ['utf-16', 'utf-8', 'utf-32'];
const pieces = fc.constantFrom('a', 'é', '語', '𝔸', '😀', '\n', '\r\n', '\r', '(', ' ', '\ud800');
const texts = fc.array(pieces, { maxLength: 30 }).map(parts => parts.join(''));

/** Offsets that are a place between two characters and not inside a line end. */
function* places(text: string): Generator<number> {
  for (let i = 0; i <= text.length; i++) {
    if (i > 0 && text.codePointAt(i - 1)! > 0xffff) continue;
    if (text[i - 1] === '\r' && text[i] === '\n') continue;
    yield i;
  }
}

describe('positions', () => {
  it.each([
    // text, encoding, line, character, offset
    ['a𝔸b', 'utf-16', 0, 3, 3],
    ['a𝔸b', 'utf-8', 0, 5, 3],
    ['a𝔸b', 'utf-32', 0, 2, 3],
    ['é\r\nü', 'utf-8', 1, 2, 4],
    ['a\rb', 'utf-16', 1, 0, 2],
    ['\n\n', 'utf-16', 2, 0, 2],
  ] as const)(
    'of %j in %s: line %i, character %i is offset %i',
    (text, encoding, line, character, offset) => {
      const lines = Lines.of(text);
      expect(lines.offsetAt({ line, character }, encoding)).toBe(offset);
      expect(lines.positionAt(offset, encoding)).toEqual({ line, character });
    },
  );

  it.each([
    ['past the end of a line is the end of that line, before its CR LF', 'ab\r\nc', 0, 9, 2],
    ['past the end of the text is the end of the text', 'ab\nc', 7, 0, 4],
    ['inside a surrogate pair is the start of the pair', 'a𝔸b', 0, 2, 1],
    ['before the start is the start', 'ab', -1, -5, 0],
  ] as const)('a position %s', (_, text, line, character, offset) => {
    expect(Lines.of(text).offsetAt({ line, character }, 'utf-16')).toBe(offset);
  });

  it('inside a character of several bytes is the start of it', () => {
    expect(Lines.of('a語b').offsetAt({ line: 0, character: 2 }, 'utf-8')).toBe(1);
  });

  it.each(ENCODINGS)('come back the same in %s', encoding => {
    fc.assert(
      fc.property(texts, text => {
        const lines = Lines.of(text);
        for (const offset of places(text))
          expect(lines.offsetAt(lines.positionAt(offset, encoding), encoding)).toBe(offset);
      }),
    );
  });

  it('are the same after an edit as in the edited text read anew', () => {
    fc.assert(
      fc.property(texts, texts, fc.nat(), fc.nat(), (text, inserted, a, b) => {
        const [start, end] = [a % (text.length + 1), b % (text.length + 1)].sort((x, y) => x - y) as [
          number,
          number,
        ];
        const edited = text.slice(0, start) + inserted + text.slice(end);
        const lines = Lines.of(text).edited(Text.of(text).replace(start, end, inserted), start, end);
        const fresh = Lines.of(edited);
        expect(lines.count).toBe(fresh.count);
        for (let line = 0; line < fresh.count; line++) {
          expect(lines.lineStart(line)).toBe(fresh.lineStart(line));
          expect(lines.lineEnd(line)).toBe(fresh.lineEnd(line));
        }
      }),
      { numRuns: 500 },
    );
  });
});
