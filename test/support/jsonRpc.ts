/**
 * JSON-RPC with LSP's framing over two streams, small and our own: what a test sees is exactly what travelled, and
 * malformed bytes can be sent too.
 */
import type { Readable, Writable } from 'node:stream';

export interface RpcErrorBody {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

export interface Message {
  readonly jsonrpc: '2.0';
  readonly id?: number | string | null;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: RpcErrorBody;
}

/** An error reply. `kind` is Hotlisp's own `data.kind`, where there is one. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly kind: string | undefined;
  constructor(
    readonly method: string,
    readonly code: number,
    message: string,
    readonly data: unknown,
  ) {
    super(message);
    this.kind = isObject(data) && typeof data['kind'] === 'string' ? data['kind'] : undefined;
  }
}

/** Return this from a request handler to reply with an error. */
export class ErrorReply {
  constructor(
    readonly code: number,
    readonly message: string,
  ) {}
}

/** Return this from a request handler to never reply. */
export const NO_REPLY = Symbol('no reply');

export const METHOD_NOT_FOUND = -32601;

export interface Handlers {
  /** A request of the server; what it returns (or the promise of it) is the reply. */
  request(method: string, params: unknown): unknown;
  notification(method: string, params: unknown): void;
  /** Every message in the order in which it travelled, for logs and transcripts. */
  traffic?(direction: 'sent' | 'received', message: Message): void;
  /** Something that is against the protocol: bad framing, a reply that nobody asked for, a second reply. */
  violation(text: string): void;
}

interface Pending {
  readonly method: string;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export class JsonRpc {
  private readonly pending = new Map<number, Pending>();
  private nextId = 1;
  private buffer: Buffer = Buffer.alloc(0);
  private ended: Error | undefined;

  constructor(
    input: Readable,
    private readonly output: Writable,
    private readonly handlers: Handlers,
  ) {
    input.on('data', (chunk: Buffer) => this.receive(chunk));
    // A server that ends while it is being written to is reported by close(), not by a broken pipe.
    output.on('error', () => {});
  }

  /** @returns the reply's result; rejects with RpcError, or with the cause given to close() */
  request(method: string, params?: unknown): Promise<unknown> {
    return this.start(method, params).reply;
  }

  /** Like request, with the id, for $/cancelRequest. */
  start(method: string, params?: unknown): { id: number; reply: Promise<unknown> } {
    const id = this.nextId++;
    const reply = new Promise<unknown>((resolve, reject) => {
      if (this.ended) return reject(this.ended);
      this.pending.set(id, { method, resolve, reject });
      this.send({ jsonrpc: '2.0', id, method, ...(params === undefined ? {} : { params }) });
    });
    return { id, reply };
  }

  notify(method: string, params?: unknown): void {
    this.send({ jsonrpc: '2.0', method, ...(params === undefined ? {} : { params }) });
  }

  send(message: Message): void {
    this.handlers.traffic?.('sent', message);
    this.sendRaw(frame(JSON.stringify(message)));
  }

  sendRaw(bytes: Buffer | string): void {
    this.output.write(bytes);
  }

  /** Settles every request that has no reply yet. */
  close(cause: Error): void {
    this.ended ??= cause;
    for (const waiting of this.pending.values()) waiting.reject(cause);
    this.pending.clear();
  }

  private receive(chunk: Buffer): void {
    this.buffer = Buffer.concat([this.buffer, chunk]);
    for (;;) {
      const end = this.buffer.indexOf('\r\n\r\n');
      if (end < 0) return;
      const header = this.buffer.toString('ascii', 0, end);
      const length = /^content-length: *(\d+)$/im.exec(header)?.[1];
      if (length === undefined) {
        this.handlers.violation(`no Content-Length in ${JSON.stringify(header)}`);
        this.buffer = Buffer.alloc(0);
        return;
      }
      const start = end + 4;
      const stop = start + Number(length);
      if (this.buffer.length < stop) return;
      const text = this.buffer.toString('utf8', start, stop);
      this.buffer = this.buffer.subarray(stop);
      let message: Message;
      try {
        message = JSON.parse(text) as Message;
      } catch {
        this.handlers.violation(`not JSON: ${text.slice(0, 200)}`);
        continue;
      }
      this.dispatch(message);
    }
  }

  private dispatch(message: Message): void {
    this.handlers.traffic?.('received', message);
    if (message.method === undefined) this.settle(message);
    else if (message.id === undefined || message.id === null)
      this.handlers.notification(message.method, message.params);
    else void this.answer(message.id, message.method, message.params);
  }

  private settle(message: Message): void {
    const waiting = typeof message.id === 'number' ? this.pending.get(message.id) : undefined;
    if (!waiting) {
      // A reply to id null is how a server reports a message that it could not read.
      if (message.id !== null)
        this.handlers.violation(`a reply that nobody waits for: ${JSON.stringify(message)}`);
      return;
    }
    this.pending.delete(message.id as number);
    if ('result' in message === 'error' in message) {
      this.handlers.violation(`a reply needs either a result or an error: ${JSON.stringify(message)}`);
    }
    const { error } = message;
    if (error) waiting.reject(new RpcError(waiting.method, error.code, error.message, error.data));
    else waiting.resolve(message.result);
  }

  private async answer(id: number | string, method: string, params: unknown): Promise<void> {
    let result: unknown;
    try {
      result = await this.handlers.request(method, params);
    } catch (error) {
      result = new ErrorReply(-32603, String(error));
    }
    if (result === NO_REPLY) return;
    if (result instanceof ErrorReply) {
      this.send({ jsonrpc: '2.0', id, error: { code: result.code, message: result.message } });
    } else this.send({ jsonrpc: '2.0', id, result: result ?? null });
  }
}

export function frame(text: string): Buffer {
  const body = Buffer.from(text, 'utf8');
  return Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`, 'ascii'), body]);
}
