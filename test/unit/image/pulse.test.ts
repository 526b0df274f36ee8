import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Connection, type Wire, type WireListener } from '../../../server/image/connection.ts';

/** Answers nothing unless told; `concurrent` as the agent's socket is. */
class QuietWire implements Wire {
  readonly sent: { id: number; op: string }[] = [];
  listener!: WireListener;
  closed = 0;
  constructor(readonly concurrent: boolean) {}
  listen(listener: WireListener): void {
    this.listener = listener;
  }
  send(_: number, text: string): void {
    this.sent.push(JSON.parse(text) as { id: number; op: string });
  }
  async close(): Promise<void> {
    this.closed++;
  }
  answerPings(): void {
    for (const { id, op } of this.sent.splice(0))
      if (op === 'cancel') this.listener.onMessage(`{"id":${id},"ok":{"found":false}}`);
  }
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const outcome = (promise: Promise<unknown>) =>
  promise.then(
    value => value,
    (error: unknown) => error,
  );

it('an image that owes an answer and says nothing for a minute is lost, and its wire closed', async () => {
  const wire = new QuietWire(true);
  const call = outcome(new Connection(wire).call('threads', {}));
  await vi.advanceTimersByTimeAsync(61_000);
  expect(await call).toMatchObject({
    kind: 'image-lost',
    message: expect.stringContaining('60 s') as string,
  });
  expect(wire.closed).toBe(1);
});

it('one that gives a sign of life may work on an answer for as long as it likes', async () => {
  const wire = new QuietWire(true);
  const connection = new Connection(wire);
  let settled = false;
  void outcome(connection.call('threads', {})).then(() => (settled = true));
  for (let second = 0; second < 600; second++) {
    await vi.advanceTimersByTimeAsync(1_000);
    wire.answerPings();
  }
  expect(settled).toBe(false);
});

it('one that owes nothing is left in peace, and so is a wire that carries one thing at a time', async () => {
  const idle = new QuietWire(true);
  const connection = new Connection(idle);
  const call = connection.call('threads', {});
  idle.listener.onMessage(`{"id":${idle.sent[0]!.id},"ok":{"threads":[]}}`);
  await call;
  const serial = new QuietWire(false);
  let settled = false;
  void outcome(new Connection(serial).call('threads', {})).then(() => (settled = true));
  await vi.advanceTimersByTimeAsync(200_000);
  expect([idle.sent.length, serial.sent.length, settled]).toEqual([1, 1, false]);
});
