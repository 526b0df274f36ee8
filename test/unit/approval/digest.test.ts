import { describe, expect, it } from 'vitest';
import { digesting, digestOf } from '../../../server/approval/digest.ts';
import { finish } from '../../../server/source/slices.ts';

describe('the digest of what is approved', () => {
  const values: readonly unknown[] = [
    null,
    'text',
    [],
    {},
    [[], {}, null, undefined, 1],
    { b: [], a: {}, none: undefined },
    { forms: [{ text: '(defun f ())', digest: 'x', place: { line: 1, column: 0 } }, 'y'], effects: [] },
    { outer: { inner: { deep: [1, [2, { three: 3 }]] }, first: 'a"b' } },
  ];

  it('is the same worked out at once and in steps', () => {
    for (const value of values) expect(finish(digesting(value))).toBe(digestOf(value));
  });

  it('is another for each other value, and none of the order of keys', () => {
    expect(new Set(values.map(digestOf)).size).toBe(values.length);
    expect(finish(digesting({ a: [1], b: { c: 2, d: 3 } }))).toBe(digestOf({ b: { d: 3, c: 2 }, a: [1] }));
  });
});
