/** The wire of spawned and serving images: NDJSON over a Unix-domain socket. */
import net from 'node:net';
import { HotlispError } from '../errors.ts';
import type { Wire, WireListener } from './connection.ts';
import { problemOfSocket } from './runDirectory.ts';

/** A longer line of the agent is a fault of the wire. Bytes. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;
const CONNECT_MS = 5_000;

/**
 * Connects to the agent that listens at `socketPath`.
 * @throws HotlispError `no-image` when nothing listens there, or when the socket or its directory is not this user's alone
 */
export async function openSocketWire(socketPath: string): Promise<Wire> {
  const problem = await problemOfSocket(socketPath);
  if (problem) throw new HotlispError('no-image', `Not connecting to unix:${socketPath}: ${problem}.`);
  const socket = net.connect({ path: socketPath });
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string) => {
      socket.destroy();
      reject(
        new HotlispError(
          'no-image',
          `Nothing answers at unix:${socketPath}: ${why}. Is the program that called (hotlisp:serve) still running?`,
        ),
      );
    };
    const timer = setTimeout(() => fail(`no connection within ${CONNECT_MS / 1000} s`), CONNECT_MS);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      resolve();
    });
    socket.once('error', error => {
      clearTimeout(timer);
      fail(error.message);
    });
  });
  return new SocketWire(socket);
}

class SocketWire implements Wire {
  readonly concurrent = true;
  readonly #socket: net.Socket;
  #listener: WireListener | undefined;
  #reason: string | undefined;
  readonly #closed: Promise<void>;

  constructor(socket: net.Socket) {
    this.#socket = socket;
    this.#closed = new Promise(resolve =>
      socket.once('close', () => {
        this.#reason ??= 'the image closed the connection';
        this.#listener?.onClosed(this.#reason);
        resolve();
      }),
    );
    socket.on('error', error => (this.#reason ??= error.message));
    const lines = new LineReader(MAX_LINE_BYTES);
    socket.on('data', chunk => {
      try {
        for (const line of lines.push(chunk)) if (line !== '') this.#listener?.onMessage(line);
      } catch (error) {
        this.#reason ??= (error as Error).message;
        socket.destroy();
      }
    });
  }

  listen(listener: WireListener): void {
    this.#listener = listener;
    if (this.#socket.closed) listener.onClosed(this.#reason ?? 'the image closed the connection');
  }

  send(_id: number, text: string): void {
    this.#socket.write(text + '\n');
  }

  async close(): Promise<void> {
    this.#reason ??= 'the connection was closed';
    this.#socket.end();
    // An image that is stopped would never close its end.
    const timer = setTimeout(() => this.#socket.destroy(), 1_000);
    await this.#closed;
    clearTimeout(timer);
  }
}

/** Cuts a stream of bytes into lines of UTF-8 text. */
export class LineReader {
  #chunks: Buffer[] = [];
  #length = 0;

  constructor(private readonly maxBytes: number) {}

  /** @throws Error when a line is longer than the bound */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let from = 0;
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
      this.#keep(chunk.subarray(from, at));
      lines.push(Buffer.concat(this.#chunks).toString('utf8'));
      this.#chunks = [];
      this.#length = 0;
      from = at + 1;
    }
    this.#keep(chunk.subarray(from));
    return lines;
  }

  #keep(part: Buffer): void {
    if (part.length === 0) return;
    this.#length += part.length;
    if (this.#length > this.maxBytes)
      throw new Error(`the image sent a line of more than ${this.maxBytes} bytes`);
    this.#chunks.push(part);
  }
}
