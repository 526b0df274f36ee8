/**
 * Language features as tables: the *.txt files beside this one, each run against the built server over stdio, without an image. Those in
 * test/language/image are run with a real SBCL (test/image/language.test.ts). Another table needs a file; another feature, an entry in
 * test/support/tables/features.ts, which says how it is asked and how its answer reads as lines.
 *
 *     # Before the first case: comments, options, and files that are in the workspace when the server starts.
 *     capabilities: {"textDocument": {"hover": {"contentFormat": ["plaintext"]}}}     merged over the usual ones
 *     settings: {"debugger": "abort"}
 *     image: true                                                                     connect one (test/language/image only)
 *     load: shop.lisp                                                                 files that the image loads when it starts
 *     +++ shop.lisp
 *     (in-package #:cl-user)
 *     === What the user can rely on [crlf]
 *     the buffer, with ¦ where the cursor is; ① to ⑨ are further places. [crlf]: its lines end so.
 *     +++ other.lisp
 *     another open buffer of this case
 *     --- definition
 *     the expected lines of the answer, in order; none: the answer is empty
 *     --- references @①
 *     …
 *     some line
 *     …
 *     ! a line that is not in the answer
 *
 * A line `…` stands for any number of lines, and lines with `! ` alone say nothing of the others. Empty lines at the end of a part do not count.
 * What stands behind a feature's name is its argument. Places are UTF-16, 0-based.
 */
import { describe, expect, it } from 'vitest';
import { mismatch, parseTable } from '../support/tables/parse.ts';
import { runTables } from '../support/tables/run.ts';

describe('a table', () => {
  it('holds an answer to its lines, their order, and what must not be there', () => {
    expect(mismatch(['a', 'b'], ['a', 'b'])).toBeUndefined();
    expect(mismatch(['a', '…', 'c'], ['a', 'b', 'b', 'c'])).toBeUndefined();
    expect(mismatch(['! x'], ['a'])).toBeUndefined();
    expect(mismatch([], [])).toBeUndefined();
    expect(mismatch([], ['a'])).toBeDefined();
    expect(mismatch(['b', 'a'], ['a', 'b'])).toBeDefined();
    expect(mismatch(['a'], ['a', 'b'])).toBeDefined();
    expect(mismatch(['…', 'a', '! b'], ['b', 'a'])).toBeDefined();
  });

  it('knows the places of its marks, which are no part of the text', () => {
    const { cases } = parseTable(
      '=== x [crlf]\n①(a\n b¦)\n--- definition @①\n--- hover some words\nline\n\n',
    );
    expect(cases[0]!.buffer.text).toBe('(a\r\n b)');
    expect([...cases[0]!.buffer.marks]).toEqual([
      ['①', 0],
      ['¦', 6],
    ]);
    expect(cases[0]!.expectations).toMatchObject([
      { feature: 'definition', argument: '', mark: '①', lines: [] },
      { feature: 'hover', argument: 'some words', mark: '¦', lines: ['line'] },
    ]);
  });

  it('may not be without an expectation, nor hold anything unknown', () => {
    expect(() => parseTable('=== x\n(a)\n')).toThrow('expects nothing');
    expect(() => parseTable('what is this')).toThrow('line 1');
  });
});

runTables('test/language');
