import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HotlispError } from '../../../server/errors.ts';
import { Connection, wireKind, type Wire, type WireListener } from '../../../server/image/connection.ts';

const containing = (text: string) => expect.stringContaining(text) as string;

interface Sent {
  id: number;
  op: string;
  args: Record<string, unknown>;
  session?: string;
}

/** An agent that says what the test makes it say. */
class ScriptedWire implements Wire {
  readonly sent: Sent[] = [];
  listener!: WireListener;
  closed = 0;
  constructor(readonly session?: string) {}
  listen(listener: WireListener): void {
    this.listener = listener;
  }
  send(_id: number, text: string): void {
    this.sent.push(JSON.parse(text) as Sent);
  }
  async close(): Promise<void> {
    this.closed++;
  }
  say(message: unknown): void {
    this.listener.onMessage(JSON.stringify(message));
  }
}

let wire: ScriptedWire;
let connection: Connection;
const traced: string[] = [];
beforeEach(() => {
  traced.length = 0;
  wire = new ScriptedWire();
  connection = new Connection(wire, line => traced.push(line));
});
afterEach(() => void vi.useRealTimers());

const failure = (promise: Promise<unknown>): Promise<HotlispError> =>
  promise.then(
    value => expect.fail(`resolved with ${JSON.stringify(value)}`),
    (error: unknown) => {
      expect(error).toBeInstanceOf(HotlispError);
      return error as HotlispError;
    },
  );

describe('a call', () => {
  it('resolves with its own reply, also when replies come out of order', async () => {
    const first = connection.call('threads', {});
    const second = connection.call('cancel', { request: 99 });
    wire.say({ id: wire.sent[1]!.id, ok: { found: false } });
    wire.say({ id: wire.sent[0]!.id, ok: { threads: [] } });
    await expect(second).resolves.toEqual({ found: false });
    await expect(first).resolves.toEqual({ threads: [] });
  });

  it('carries the session of a wire that has one, and none else', () => {
    void connection.call('threads', {});
    expect(wire.sent[0]).toEqual({ id: 1, op: 'threads', args: {} });
    const shared = new ScriptedWire('s');
    void new Connection(shared).call('threads', {});
    expect(shared.sent[0]!.session).toBe('s');
  });

  it.each([
    ['unknown-package', 'unknown-package'],
    ['unknown-symbol', 'unknown-symbol'],
    ['read-only', 'read-only'],
    ['cancelled', 'cancelled'],
    ['invalid-request', 'invalid-arguments'],
    ['unknown-transaction', 'invalid-arguments'],
    ['stale-generation', 'internal'],
    ['superseded', 'internal'],
    ['signalled', 'internal'],
  ])('that the agent refuses as %s rejects as %s and keeps the agent’s own word', async (kind, expected) => {
    const refused = failure(connection.call('threads', {}));
    wire.say({ id: 1, error: { kind, message: 'because', form: 3 } });
    const error = await refused;
    expect([error.kind, error.message, error.details['form']]).toEqual([expected, 'because', 3]);
    expect(wireKind(error)).toBe(kind);
  });

  it('with a malformed reply rejects alone, saying where', async () => {
    const bad = failure(connection.call('threads', {}));
    const good = connection.call('threads', {});
    wire.say({ id: 1, ok: { threads: [{ id: 'x' }] } });
    wire.say({ id: 2, ok: { threads: [] } });
    expect(await bad).toMatchObject({ kind: 'internal', message: containing('threads.0.id') });
    await expect(good).resolves.toEqual({ threads: [] });
  });

  it.each([[{ id: 1 }], [{ id: 1, error: { kind: 'nonsense', message: '' } }], [{ id: 1, ok: 5 }]])(
    'rejects on %j, which is no reply',
    async message => {
      const bad = failure(connection.call('threads', {}));
      wire.say(message);
      expect((await bad).kind).toBe('internal');
    },
  );

  it('is not disturbed by text that is no message, nor by replies to nobody', async () => {
    const call = connection.call('threads', {});
    wire.listener.onMessage('{');
    wire.listener.onMessage('null');
    wire.say({ id: 77, ok: {} });
    wire.say({ id: 1, ok: { threads: [] } });
    await expect(call).resolves.toEqual({ threads: [] });
    expect(traced).toHaveLength(2);
  });

  it('hears its events in order until its reply, and no malformed one', async () => {
    const heard: string[] = [];
    const onEvent = (event: { event: string; data: unknown }) => void heard.push(JSON.stringify(event));
    const call = connection.call('eval', { code: '1', outputLimit: 1 }, { onEvent });
    wire.say({ id: 1, event: 'output', data: { stream: 'stdout', text: 'a' } });
    wire.say({ id: 1, event: 'output', data: { stream: 'elsewhere', text: 'b' } });
    wire.say({ id: 1, event: 'progress', data: { message: 'c' } });
    wire.say({ id: 1, error: { kind: 'signalled', message: 'm' } });
    wire.say({ id: 1, event: 'progress', data: { message: 'late' } });
    await failure(call);
    expect(heard).toEqual([
      '{"event":"output","data":{"stream":"stdout","text":"a"}}',
      '{"event":"progress","data":{"message":"c"}}',
    ]);
  });
});

describe('an aborted call', () => {
  it('is not sent when it was aborted before', async () => {
    expect((await failure(connection.call('threads', {}, { signal: AbortSignal.abort() }))).kind).toBe(
      'cancelled',
    );
    expect(wire.sent).toEqual([]);
  });

  it('asks the agent, and rejects with cancelled once that confirms it', async () => {
    const controller = new AbortController();
    const call = failure(connection.call('threads', {}, { signal: controller.signal }));
    controller.abort();
    expect(wire.sent[1]).toMatchObject({ op: 'cancel', args: { request: 1 } });
    wire.say({ id: 2, ok: { found: true } });
    wire.say({ id: 1, error: { kind: 'cancelled', message: '' } });
    expect((await call).kind).toBe('cancelled');
  });

  it('asks again when the agent has not met the request yet, which happens where messages overtake each other', async () => {
    vi.useFakeTimers();
    const controller = new AbortController();
    const call = failure(connection.call('threads', {}, { signal: controller.signal }));
    controller.abort();
    wire.say({ id: 2, ok: { found: false } });
    await vi.advanceTimersByTimeAsync(100);
    expect(wire.sent[2]).toMatchObject({ op: 'cancel', args: { request: 1 } });
    wire.say({ id: 1, error: { kind: 'cancelled', message: '' } });
    wire.say({ id: 3, ok: { found: false } });
    await vi.advanceTimersByTimeAsync(100);
    expect(wire.sent).toHaveLength(3);
    expect((await call).kind).toBe('cancelled');
  });

  it('resolves when the work was done before the agent heard of it', async () => {
    const controller = new AbortController();
    const call = connection.call('threads', {}, { signal: controller.signal });
    controller.abort();
    wire.say({ id: 1, ok: { threads: [] } });
    await expect(call).resolves.toEqual({ threads: [] });
  });

  it('rejects with timeout when the agent does not confirm', async () => {
    vi.useFakeTimers();
    const controller = new AbortController();
    const call = failure(connection.call('threads', {}, { signal: controller.signal }));
    controller.abort();
    await vi.advanceTimersByTimeAsync(5_001);
    expect((await call).kind).toBe('timeout');
    wire.say({ id: 1, ok: { threads: [] } });
  });
});

describe('a lost wire', () => {
  it('settles every pending call with its cause, and every later one', async () => {
    const calls = [
      failure(connection.call('threads', {})),
      failure(connection.call('source', { symbol: 'car' })),
    ];
    wire.listener.onClosed('the process ended');
    for (const call of calls)
      expect(await call).toMatchObject({
        kind: 'image-lost',
        message: containing('the process ended'),
      });
    await expect(connection.lost).resolves.toBe('the process ended');
    expect((await failure(connection.call('threads', {}))).kind).toBe('image-lost');
    expect(wire.sent).toHaveLength(2);
  });

  it('tells the first cause only', async () => {
    connection.destroy('first');
    wire.listener.onClosed('second');
    await expect(connection.lost).resolves.toBe('first');
  });

  it('fails the one call that the wire could not carry', async () => {
    const call = failure(connection.call('threads', {}));
    wire.listener.onFault(1, new HotlispError('debugger-aborted', 'x'));
    expect((await call).kind).toBe('debugger-aborted');
    const refused = new ScriptedWire();
    refused.send = () => {
      throw new HotlispError('invalid-arguments', 'too large');
    };
    expect((await failure(new Connection(refused).call('threads', {}))).message).toBe('too large');
  });
});

describe('closing', () => {
  it('cancels what runs, waits for it, and only then closes the wire', async () => {
    const call = failure(connection.call('threads', {}));
    const closing = connection.close('bye', 60_000);
    expect(wire.sent[1]).toMatchObject({ op: 'cancel', args: { request: 1 } });
    expect((await failure(connection.call('threads', {}))).kind).toBe('image-lost');
    expect(wire.closed).toBe(0);
    wire.say({ id: 2, ok: { found: true } });
    wire.say({ id: 1, error: { kind: 'cancelled', message: '' } });
    await closing;
    expect((await call).kind).toBe('cancelled');
    expect(wire.closed).toBe(1);
    await connection.close('again', 0);
    expect(wire.closed).toBe(1);
  });

  it('does not wait for ever for work that cannot be cancelled', async () => {
    vi.useFakeTimers();
    const call = failure(connection.call('threads', {}));
    const closing = connection.close('bye', 5_000);
    await vi.advanceTimersByTimeAsync(5_001);
    await closing;
    expect(await call).toMatchObject({ kind: 'image-lost', message: containing('bye') });
  });

  it('does not wait when the wire is lost meanwhile', async () => {
    const call = failure(connection.call('threads', {}));
    const closing = connection.close('bye', 60_000);
    wire.listener.onClosed('gone');
    await closing;
    expect((await call).message).toContain('gone');
  });
});
