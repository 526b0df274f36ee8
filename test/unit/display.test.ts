import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { displayDefinition, listed, masked, oneLine, shownText } from '../../server/display.ts';
import { digestOf } from '../../server/approval/digest.ts';

describe('text of buffers and images in prompts', () => {
  it('is one line in which nothing is hidden or turned around', () => {
    expect(oneLine('a\u202eb\u0007c\u200bd\ne')).toBe('a\\u{202e}b\\u{7}c\\u{200b}d e');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        expect(oneLine(text)).not.toMatch(
          /[\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}\u2028\u2029]/u,
        );
        expect(Array.from(oneLine(text, 20)).length).toBeLessThanOrEqual(20);
      }),
    );
  });

  it('is no link, which in a message can run a command', () => {
    expect(oneLine('[Approve](command:x)')).toBe('[Approve] (command:x)');
    expect(shownText('see [here](command:x)')).toBe('see [here] (command:x)');
  });

  it('of several lines keeps its line ends, tabs and joined characters, and nothing else that is hidden', () => {
    expect(shownText('a\r\n\tb\u200d👩\ufe0f\u001b[31m\u202e\u3164')).toBe(
      'a\n\tb\u200d👩\ufe0f\\u{1b}[31m\\u{202e}\\u{3164}',
    );
  });

  it('keeps its length where parts of it are pointed at', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        expect(masked(text).length).toBe(text.length);
        expect(masked(text)).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
      }),
    );
  });

  it('lists what fits and counts the rest', () => {
    expect(listed([])).toBe('');
    expect(listed(['a', 'b', 'c'])).toBe('a, b and c');
    expect(listed(['a', 'b', 'c', 'd'], 3)).toBe('a, b and 2 more');
  });

  it('names definitions with their package', () => {
    expect(displayDefinition({ kind: 'function', name: 'F', package: 'APP' })).toBe('function APP::F');
    expect(displayDefinition({ kind: 'function', name: '(SETF F)', package: 'APP' })).toBe(
      'function (SETF F) of APP',
    );
  });
});

describe('the digest of a change', () => {
  it('does not depend on the order of keys, and on everything else', () => {
    expect(digestOf({ a: 1, b: [2, { c: null }] })).toBe(digestOf({ b: [2, { c: null }], a: 1 }));
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        expect(digestOf(a) === digestOf(b)).toBe(canonicalJson(a) === canonicalJson(b));
      }),
    );
  });
});

function canonicalJson(value: unknown): string {
  const text = JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([x], [y]) => (x < y ? -1 : 1)))
      : member,
  );
  return text;
}
