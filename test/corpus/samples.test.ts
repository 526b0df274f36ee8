/** What `npm run corpus` does with Debian's packages, in small: over files written for this project. */
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Source } from '../../server/source/index.ts';
import { testSource } from '../unit/source/source.ts';
import { compare } from './compare.ts';
import { mutate } from './mutations.ts';
import { judge, type Judged } from './reader.ts';
import { type } from './typing.ts';

const files = ['inventory.lisp', 'reader.lisp', 'samples.asd'].map(name =>
  path.join(import.meta.dirname, 'samples', name),
);
let source: Source;
const judged: Judged[] = [];
beforeAll(async () => {
  source = await testSource();
  for await (const each of judge(files)) judged.push(each);
});

describe('the forms of the samples', () => {
  it("are those that SBCL's reader finds, and the tree has no ERROR", () => {
    expect(judged).toHaveLength(files.length);
    for (const each of judged) {
      const { forms, exact, extra, errors, treeDiffers, problems, first, syntax } = compare(source, each);
      expect({
        file: path.basename(each.file),
        syntax,
        exact,
        extra,
        errors,
        treeDiffers,
        problems,
        first,
      }).toEqual({
        file: path.basename(each.file),
        syntax: 'standard',
        exact: forms,
        extra: 0,
        errors: 0,
        treeDiffers: 0,
        problems: 0,
        first: null,
      });
      expect(forms).toBeGreaterThan(1);
    }
  });

  it.each([
    ['of an ordinary file that was open and sound', ['inventory.lisp', 'samples.asd'], 'edited', 1, 0.98],
    ['of an odd file that was open and sound', ['reader.lisp'], 'edited', 0.95, 0.93],
    ['of an ordinary file that is opened so', ['inventory.lisp', 'samples.asd'], 'fresh', 0.95, 0.95],
  ] as const)(
    'stay what they are when one delimiter %s is deleted or inserted, and the problem is told',
    (_, names, way, exact, known) => {
      const seed = 20;
      const originals = judged.filter(({ file }) => names.some(name => file.endsWith(name)));
      const { tallies, failures } = mutate(source, originals, { count: 60, seed });
      const why = `seed ${seed}: ${failures
        .filter(failure => failure.way === way)
        .map(({ kind, file, at }) => `${kind} ${path.basename(file)} ${at}`)
        .join(', ')}`;
      const sum = { cases: 0, valid: 0, others: 0, othersOfBroken: 0, told: 0, wrong: 0, fixes: 0 };
      for (const [key, tally] of tallies)
        if (key.endsWith(way))
          for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += tally[name];
      const broken = sum.cases - sum.valid;
      expect(broken).toBeGreaterThan(200);
      if (way === 'edited') expect(sum.others / sum.cases, why).toBeGreaterThanOrEqual(exact);
      expect(sum.othersOfBroken / broken, why).toBeGreaterThanOrEqual(exact);
      expect(sum.told / broken, why).toBeGreaterThanOrEqual(known);
      expect(sum.fixes / broken, why).toBeGreaterThan(0.8);
      expect(sum.wrong, why).toBe(0);
    },
  );

  it('stay what they are at each key while another form is typed', () => {
    const originals = judged.filter(({ file }) => !file.endsWith('reader.lisp'));
    const { tallies, failures } = type(source, originals, { count: 12, seed: 20 });
    expect(failures).toEqual([]);
    for (const { keys } of tallies.values()) expect(keys).toBeGreaterThan(200);
  });
});
