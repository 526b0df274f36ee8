/** The short form of `npm run fuzz`: inputs of a fixed seed, and all those that ever found something. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { repository } from '../support/lspClient.ts';
import { fuzz } from './fuzzer.ts';
import { fuzzers } from './fuzzers.ts';

interface Kept {
  readonly fuzzer: string;
  readonly seed: number;
  readonly index: number;
  readonly found: string;
}
const kept = JSON.parse(readFileSync(path.join(repository, 'test/fuzz/seeds.json'), 'utf8')) as Kept[];

describe.each(fuzzers)('$name: $about', fuzzer => {
  it('are all answered as they deserve', async () => {
    const { inputs, failures } = await fuzz(fuzzer, 20, { to: fuzzer.short });
    expect(failures).toEqual([]);
    expect(inputs).toBe(fuzzer.short);
  }, 120_000);

  for (const { seed, index, found } of kept.filter(each => each.fuzzer === fuzzer.name))
    it(`found once: ${found}`, async () => {
      expect((await fuzz(fuzzer, seed, { from: index, to: index + 1 })).failures).toEqual([]);
    }, 120_000);
});

it('every kept seed has its fuzzer', () => {
  const names = fuzzers.map(({ name }) => name);
  expect(kept.filter(({ fuzzer }) => !names.includes(fuzzer))).toEqual([]);
});
