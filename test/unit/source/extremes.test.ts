import { beforeAll, describe, expect, it } from 'vitest';
import type { Snapshot, Source } from '../../../server/source/index.ts';
import { testSource } from './source.ts';

let source: Source;
beforeAll(async () => {
  source = await testSource();
});

const MEGABYTE = 1 << 20;
const times = (text: string, length: number): string => text.repeat(Math.ceil(length / text.length));

/** Asks everything of the last form, types into it and mends it again. */
async function use(text: string): Promise<Snapshot> {
  const document = source.open('test:', 1, text);
  await document.snapshot.ready();
  const { snapshot } = document;
  const last = snapshot.forms.at(-1)!;
  void [
    last.definitions,
    last.operator,
    last.evaluates,
    last.broken,
    last.package,
    snapshot.root.children.length,
  ];
  const end = snapshot.positionAt(text.length, 'utf-8');
  expect(snapshot.offsetAt(end, 'utf-8')).toBe(text.length);
  const at = last.span.end - 1;
  const typed = document.apply([{ range: { start: at, end: at }, text: ' "' }], 2);
  expect(typed.problems.length).toBeGreaterThan(0);
  void typed.problems[0]!.fix;
  const mended = document.apply([{ range: { start: at, end: at + 2 }, text: '' }], 3);
  expect(mended.text).toBe(text);
  const spans = ({ forms }: Snapshot) => forms.map(({ span }) => `${span.start}-${span.end}`).join();
  expect(spans(mended) === spans(snapshot)).toBe(true);
  return snapshot;
}

describe('a text out of the ordinary', () => {
  it('of 10 MB has all its forms', async () => {
    const text = times('(defun f (x)\n  "doc"\n  (list x "a" #\\( |b|))\n\n', 10 * MEGABYTE);
    const snapshot = await use(text);
    expect(snapshot.forms).toHaveLength(text.length / 46);
    expect(snapshot.problems).toEqual([]);
    expect(snapshot.forms.at(-1)!.definitions[0]!.name).toBe('f');
  });

  it('in one line of 1 MB has all its forms', async () => {
    const text = times('(a "b" c) ', MEGABYTE);
    const snapshot = await use(text);
    expect(snapshot.forms).toHaveLength(text.length / 10);
    expect(snapshot.problems).toEqual([]);
    expect(snapshot.root.children).toHaveLength(text.length / 10);
  });

  it('in one form of 4 MB is one form, which is too large to be looked into', async () => {
    const text = `(defparameter *data* '(${times('\n  (1 "two" three)', 4 * MEGABYTE)}))`;
    const snapshot = await use(text);
    expect(snapshot.forms).toHaveLength(1);
    expect(snapshot.problems).toEqual([]);
    expect(snapshot.forms[0]!.definitions).toEqual([]);
    expect(snapshot.forms[0]!.evaluates).toBe(true);
  });

  it('of 10,000 brackets one in another is one form', async () => {
    const snapshot = await use(`${'('.repeat(10_000)}${')'.repeat(10_000)}`);
    expect(snapshot.forms).toHaveLength(1);
    expect(snapshot.problems).toEqual([]);
  });

  it.each([
    ['a string that never ends', `(a)\n"${times('text ', MEGABYTE)}`],
    ['a comment that never ends', `(a)\n#|${times('text\n(b)\n', MEGABYTE)}`],
    ['quotes and openings in turn', times('"\n(def ', MEGABYTE / 4)],
    ['bars and openings in turn', times('|\n(x ', MEGABYTE / 4)],
    ['unmatched brackets', times('\n(a (b', MEGABYTE / 4)],
    ['closing brackets', times(')\n', MEGABYTE / 4)],
    ['conditionals without end', times('#+a ', MEGABYTE / 4)],
    ['lone surrogates and NULs', times('\ud800\0 ', MEGABYTE / 4)],
    ['carriage returns', times('(a)\r', MEGABYTE / 4)],
  ])('of %s is answered', async (_, text) => {
    const document = source.open('test:', 1, text);
    await document.snapshot.ready();
    const { forms, problems } = document.snapshot;
    expect(forms.length + problems.length).toBeGreaterThan(0);
    void problems.at(0)?.fix;
    document.apply([{ range: { start: 2, end: 2 }, text: '"' }], 2);
    const snapshot = document.apply([{ range: { start: 2, end: 3 }, text: '' }], 3);
    expect(snapshot.text).toBe(text);
    expect(snapshot.forms.length + snapshot.problems.length).toBeGreaterThan(0);
  });
});
