import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Limit } from '../../../server/runner/limit.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it('ends after its time, not counting that of the pauses, which may overlap', () => {
  const limit = new Limit(1000);
  vi.advanceTimersByTime(600);
  limit.pause();
  limit.pause();
  vi.advanceTimersByTime(60_000);
  limit.resume();
  vi.advanceTimersByTime(60_000);
  limit.resume();
  vi.advanceTimersByTime(399);
  expect(limit.signal.aborted).toBe(false);
  vi.advanceTimersByTime(2);
  expect(limit.signal.aborted).toBe(true);
});

it('limits nothing once it was ended, also when a pause ends later', () => {
  const limit = new Limit(1000);
  limit.pause();
  limit.end();
  limit.resume();
  vi.advanceTimersByTime(60_000);
  expect(limit.signal.aborted).toBe(false);
});
