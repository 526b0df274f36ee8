/** Short forms of `npm run load` and `npm run soak`: that answers hold, nothing is lost and what is kept is bounded; not how fast. */
import { describe, expect, it } from 'vitest';
import { measureLatencies } from './latency.ts';
import { manyThreads, muchOutput, operationsInARow, serversOnOneImage } from './several.ts';
import { grown, growths, soak } from './soak.ts';

describe('under load', () => {
  it('every request is answered once and truly while many files are edited, and buffers and image are what was typed', async () => {
    const phases = await measureLatencies({ files: 20, seconds: 2, editsPerSecond: 50, inFlight: 20 });
    expect(phases.map(({ name }) => name)).toEqual(['idle', 'under load', 'and a busy image']);
    for (const { times } of phases)
      expect([...times.values()].reduce((sum, { length }) => sum + length, 0)).toBeGreaterThan(0);
  }, 180_000);

  it('operations in a row leave the image as each says', async () => {
    expect(await operationsInARow(60)).toHaveLength(60);
  }, 120_000);

  it('eight servers change one image, each change applied once and journalled once', async () => {
    expect(await serversOnOneImage(8, 3)).toBe(48);
  }, 180_000);

  it('threads by the hundred are listed, and those in old code are found', async () => {
    expect((await manyThreads(200)).inside).toBe(20);
  }, 120_000);

  it('output of 10 MB is cut in the answer and whole in a document', async () => {
    const { shown, kept } = await muchOutput(10_000_000);
    expect(shown).toBeLessThan(101_000);
    expect(kept).toBeGreaterThanOrEqual(10_000_000);
  }, 120_000);

  it('output beyond what is kept is bounded', async () => {
    const { shown, kept } = await muchOutput(20_000_000);
    expect(shown).toBeLessThan(101_000);
    expect(kept).toBeLessThanOrEqual(12_000_001);
  }, 120_000);

  it('a short soak leaves server and image with the memory they had', async () => {
    const done = await soak({
      files: 10,
      warmUp: 600,
      seconds: 10,
      edits: 300,
      samples: 6,
      editsPerSecond: 0,
    });
    expect(done.edits).toBeGreaterThanOrEqual(300);
    expect(grown(growths(done).filter(({ what }) => /live/.test(what)))).toEqual([]);
  }, 300_000);
});
