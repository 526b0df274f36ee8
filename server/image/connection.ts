/** Typed calls over a wire: what goes out is typed by protocol.ts, what comes in is parsed by it, and every call settles exactly once. */
import * as z from 'zod';
import { HotlispError, type ErrorKind } from '../errors.ts';
import type { CallOptions } from './image.ts';
import { Pulse, SILENT_AFTER } from './pulse.ts';
import {
  events,
  operations,
  WireError,
  type Args,
  type Event,
  type Op,
  type Result,
  type WireErrorData,
} from './protocol.ts';

export interface WireListener {
  /** One JSON message of the agent. */
  onMessage(text: string): void;
  /** The request `id` got no answer of the agent, for a reason of the wire's own. */
  onFault(id: number, error: HotlispError): void;
  /** The wire is gone. Called once. */
  onClosed(reason: string): void;
}

/** Carries the agent's messages. */
export interface Wire {
  /** Sent with every message where several clients share the agent's space of request numbers. */
  readonly session?: string | undefined;
  /** Whether the agent answers a short question at once while it works on others; then its silence means that it is gone. */
  readonly concurrent?: boolean | undefined;
  /** Starts delivery. Called once, before the first `send`. */
  listen(listener: WireListener): void;
  /** @throws HotlispError when the message cannot be carried; nothing was sent then */
  send(id: number, text: string): void;
  /** Idempotent; resolves once the wire is closed. */
  close(): Promise<void>;
}

/** How long the agent has to confirm a cancellation. */
const CANCEL_MS = 5_000;
/** When to ask again for the cancellation of a request that the agent did not find. */
const CANCEL_AGAIN_MS = 20;

interface Pending {
  readonly op: Op;
  readonly settle: (outcome: { ok: unknown } | { error: HotlispError }) => void;
  readonly onEvent: ((event: Event) => void) | undefined;
}

const Reply = z.object({
  id: z.number().int(),
  ok: z.record(z.string(), z.unknown()).optional(),
  error: WireError.optional(),
  event: z.string().optional(),
  data: z.unknown().optional(),
});

const KINDS: Record<WireErrorData['kind'], ErrorKind> = {
  'invalid-request': 'invalid-arguments',
  'unknown-package': 'unknown-package',
  'unknown-symbol': 'unknown-symbol',
  'unknown-system': 'unknown-system',
  'unknown-transaction': 'invalid-arguments',
  'fasl-mismatch': 'fasl-mismatch',
  changed: 'stale',
  'read-only': 'read-only',
  'stale-generation': 'internal',
  superseded: 'internal',
  'not-safe': 'internal',
  cancelled: 'cancelled',
  signalled: 'internal',
};

/** The kind of the agent's error reply that `error` came from; undefined for every other error. */
export function wireKind(error: unknown): WireErrorData['kind'] | undefined {
  return error instanceof HotlispError
    ? (error.details['wire'] as WireErrorData['kind'] | undefined)
    : undefined;
}

export class Connection {
  /** Called with what the image's *FEATURES* are from now on, before the reply that comes after their change. */
  onFeatures: ((features: readonly string[]) => void) | undefined;
  /** Settles with the reason once the connection is gone; never rejects. */
  readonly lost: Promise<string>;
  readonly #wire: Wire;
  readonly #trace: (line: string) => void;
  readonly #pending = new Map<number, Pending>();
  #next = 1;
  #lostBecause: string | undefined;
  #settleLost!: (reason: string) => void;
  #closing: Promise<void> | undefined;
  #whenIdle: (() => void) | undefined;
  readonly #pulse = new Pulse(
    () => void this.#send('cancel', { request: 0 }, {}).catch(() => undefined),
    () => {
      this.destroy(
        `it has not answered for ${SILENT_AFTER} s: its process is stopped, or all of it is held up`,
      );
      void this.close('the image does not answer', 0);
    },
  );

  constructor(wire: Wire, trace: (line: string) => void = () => undefined) {
    this.#wire = wire;
    this.#trace = trace;
    this.lost = new Promise(resolve => (this.#settleLost = resolve));
    wire.listen({
      onMessage: text => this.#receive(text),
      onFault: (id, error) => this.#settle(id, { error }),
      onClosed: reason => this.destroy(reason),
    });
  }

  /** See Image.call. */
  call<O extends Op>(op: O, args: Args<O>, options: CallOptions = {}): Promise<Result<O>> {
    if (this.#closing) return Promise.reject(unsentError(op, 'the connection is being closed'));
    return this.#send(op, args, options);
  }

  #send<O extends Op>(op: O, args: Args<O>, { signal, onEvent }: CallOptions): Promise<Result<O>> {
    if (this.#lostBecause !== undefined) return Promise.reject(unsentError(op, this.#lostBecause));
    if (signal?.aborted)
      return Promise.reject(new HotlispError('cancelled', `${op} was cancelled before it was sent.`, unsent));
    const id = this.#next++;
    return new Promise<Result<O>>((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const onAbort = () => {
        timer = setTimeout(() => {
          const error = new HotlispError(
            'timeout',
            `${op} was cancelled, but the image did not confirm it within ${CANCEL_MS / 1000} s: it may still be running there.`,
          );
          this.#settle(id, { error });
        }, CANCEL_MS);
        this.#cancel(id);
      };
      const settle: Pending['settle'] = outcome => {
        signal?.removeEventListener('abort', onAbort);
        clearTimeout(timer);
        if ('error' in outcome) reject(outcome.error);
        else resolve(outcome.ok as Result<O>);
      };
      this.#pending.set(id, { op, settle, onEvent });
      if (this.#wire.concurrent && op !== 'cancel') this.#pulse.watch();
      signal?.addEventListener('abort', onAbort, { once: true });
      const session = this.#wire.session;
      try {
        this.#wire.send(id, JSON.stringify({ id, op, args, ...(session === undefined ? {} : { session }) }));
      } catch (error) {
        this.#settle(id, { error: asHotlispError(error, op) });
      }
    });
  }

  /** Settles every call with `image-lost`, now and from now on. Idempotent. */
  destroy(cause: string): void {
    if (this.#lostBecause !== undefined) return;
    this.#lostBecause = cause;
    this.#pulse.rest();
    for (const [id, { op }] of [...this.#pending]) this.#settle(id, { error: lostError(op, cause) });
    this.#settleLost(cause);
  }

  /**
   * Ends the connection. What still runs in the image is cancelled first, and has `drainMs` to end: an image that goes on
   * without us must not keep a thread of ours.
   */
  close(reason: string, drainMs: number): Promise<void> {
    return (this.#closing ??= this.#close(reason, drainMs));
  }

  async #close(reason: string, drainMs: number): Promise<void> {
    if (this.#lostBecause === undefined && this.#pending.size > 0 && drainMs > 0) {
      for (const id of [...this.#pending.keys()]) this.#cancel(id);
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, drainMs);
        this.#whenIdle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const closed = this.#wire.close();
    this.destroy(reason);
    await closed;
  }

  #cancel(id: number): void {
    this.#send('cancel', { request: id }, {}).then(
      ({ found }) => {
        // Over Swank each message has its own thread, and this one may have overtaken the request; or the reply is on its way.
        if (!found) setTimeout(() => this.#pending.has(id) && this.#cancel(id), CANCEL_AGAIN_MS);
      },
      (error: unknown) => this.#trace(`cancelling ${id}: ${String(error)}`),
    );
  }

  #settle(id: number, outcome: { ok: unknown } | { error: HotlispError }): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    pending.settle(outcome);
    if (![...this.#pending.values()].some(({ op }) => op !== 'cancel')) this.#pulse.rest();
    if (this.#pending.size === 0 || this.#lostBecause !== undefined) this.#whenIdle?.();
  }

  #receive(text: string): void {
    this.#pulse.heard();
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      this.#trace(`not JSON: ${text.slice(0, 200)}`);
      return;
    }
    const reply = Reply.safeParse(json);
    if (!reply.success) {
      const id: unknown = (json as { id?: unknown } | null)?.id;
      if (typeof id === 'number') this.#malformed(id, reply.error);
      else this.#trace(`not a message of the agent: ${text.slice(0, 200)}`);
      return;
    }
    const { id, ok, error, event, data } = reply.data;
    if (event === 'features') {
      const parsed = events.features.safeParse(data);
      if (parsed.success) this.onFeatures?.(parsed.data.features);
      else this.#trace(`malformed event ${event}: ${z.prettifyError(parsed.error)}`);
      return;
    }
    const pending = this.#pending.get(id);
    // A reply to a call that timed out, or an event that overtook its own reply.
    if (!pending) return;
    if (event !== undefined) {
      if (!pending.onEvent || !(event in events)) return;
      const parsed = events[event as keyof typeof events].safeParse(data);
      if (!parsed.success) return this.#trace(`malformed event ${event}: ${z.prettifyError(parsed.error)}`);
      try {
        pending.onEvent({ event, data: parsed.data } as Event);
      } catch (failure) {
        this.#trace(`a listener of ${event} failed: ${String(failure)}`);
      }
    } else if (error) {
      this.#settle(id, { error: fromWire(error, pending.op) });
    } else if (ok) {
      const result = operations[pending.op].result.safeParse(ok);
      if (result.success) this.#settle(id, { ok: result.data });
      else this.#malformed(id, result.error);
    } else {
      this.#settle(id, {
        error: new HotlispError(
          'internal',
          `The image's reply to ${pending.op} holds neither "ok" nor "error".`,
        ),
      });
    }
  }

  #malformed(id: number, error: z.ZodError): void {
    const op = this.#pending.get(id)?.op;
    const issue = error.issues[0];
    const where = issue?.path.map(String).join('.') || 'the message';
    this.#settle(id, {
      error: new HotlispError(
        'internal',
        `The image's reply to ${op} is malformed at ${where}: ${issue?.message}.${op && operations[op].writes ? ` How far ${op} got is unknown.` : ''} Restart the image so that its agent fits this server.`,
      ),
    });
  }
}

function fromWire(error: WireErrorData, op: Op): HotlispError {
  const { kind, message, condition, form } = error;
  return new HotlispError(KINDS[kind], message || `The image refused ${op}: ${kind}.`, {
    wire: kind,
    ...(condition === undefined ? {} : { condition }),
    ...(form === undefined ? {} : { form }),
  });
}

/** In the details of an error: the call never left the server, so the image did nothing of it. */
const unsent = { sent: false };

/** Whether `error` came of a call that the image was never asked. */
export const wasNotSent = (error: unknown): boolean =>
  error instanceof HotlispError && error.details['sent'] === false;

function unsentError(op: Op, reason: string): HotlispError {
  return new HotlispError(
    'image-lost',
    `The image was lost before ${op} was sent: ${reason}. The next operation connects again.`,
    { reason, ...unsent },
  );
}

function lostError(op: Op, reason: string): HotlispError {
  return new HotlispError(
    'image-lost',
    `The image was lost during ${op}: ${reason}. How far ${op} got is unknown; the next operation connects again.`,
    { reason },
  );
}

function asHotlispError(error: unknown, op: Op): HotlispError {
  return error instanceof HotlispError
    ? new HotlispError(error.kind, error.message, { ...error.details, ...unsent })
    : new HotlispError('internal', `${op} could not be sent: ${String(error)}`, unsent);
}
