/** A SLIME that shows nothing: calls of Swank or Slynk over a socket, and an answer to all that an image might wait for. */
import type net from 'node:net';
import { HotlispError } from '../errors.ts';
import {
  framePacket,
  isKeyword,
  keyword,
  LispSymbol,
  LispSyntaxError,
  PacketReader,
  readLisp,
  symbol,
  T,
  writeLisp,
  type LispData,
} from './lispData.ts';

export type Server = 'swank' | 'slynk';

/** A thread that comes back to the debugger this often is not to be got out of it. */
const MAX_ABORTS = 20;

/** Nobody answered. */
export class Unreachable extends HotlispError {}
/** The peer closed the connection before it said anything. */
export class ClosedEarly extends Unreachable {}

/** For people: a string as it is, everything else as Lisp prints it. */
export const show = (data: LispData | undefined): string =>
  typeof data === 'string' ? data : data === undefined ? '' : writeLisp(data);

interface PendingRex {
  readonly resolve: (value: LispData) => void;
  readonly reject: (error: HotlispError) => void;
  /** What the debugger said about it, once it was there. */
  debugged?: string;
}

/** Speaks the protocol of a SLIME that shows nothing: calls, and an answer to all that an image might wait for. */
export class SwankClient {
  /** Known once asked; what is sent before uses no name of either. */
  server: Server = 'swank';
  onEvent: (text: string) => void = () => undefined;
  onClosed: (reason: string) => void = () => undefined;
  closedBecause: string | undefined;
  readonly #socket: net.Socket;
  readonly #onLog: (line: string) => void;
  readonly #pending = new Map<number, PendingRex>();
  readonly #aborts = new Map<number, number>();
  readonly #closed: Promise<void>;
  #next = 1;
  #heard = false;
  #reason: string | undefined;

  constructor(socket: net.Socket, onLog: (line: string) => void) {
    this.#socket = socket;
    this.#onLog = onLog;
    const packets = new PacketReader();
    socket.on('data', chunk => {
      try {
        for (const text of packets.push(chunk)) this.#receive(text);
      } catch (error) {
        this.#reason ??= `the peer does not speak the protocol of Swank: ${(error as Error).message}`;
        socket.destroy();
      }
    });
    socket.on('error', error => (this.#reason ??= error.message));
    this.#closed = new Promise(resolve =>
      socket.once('close', () => {
        this.#lose(this.#reason ?? 'the image closed the connection');
        resolve();
      }),
    );
  }

  /** Sends a packet that is no s-expression. */
  sendRaw(text: string): void {
    this.#socket.write(framePacket(text));
  }

  /**
   * Evaluates `form` in a thread of its own, or in the thread given.
   * @throws HotlispError `image-lost`, `debugger-aborted`, `internal`, or `invalid-arguments` for a form that is too large
   */
  rex(form: LispData, thread: LispData = T): Promise<LispData> {
    if (this.closedBecause !== undefined)
      return Promise.reject(new HotlispError('image-lost', `The image was lost: ${this.closedBecause}.`));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      try {
        this.#send([keyword('EMACS-REX'), form, 'COMMON-LISP-USER', thread, id]);
      } catch (error) {
        if (!(error instanceof LispSyntaxError)) throw error;
        reject(
          new HotlispError(
            'invalid-arguments',
            `Too large for a connection by Swank or Slynk: ${error.message}.`,
          ),
        );
        return;
      }
      this.#pending.set(id, { resolve, reject });
    });
  }

  async close(): Promise<void> {
    this.#reason ??= 'the connection was closed';
    this.#socket.end();
    const timer = setTimeout(() => this.#socket.destroy(), 1_000);
    await this.#closed;
    clearTimeout(timer);
  }

  #send(message: LispData): void {
    this.#socket.write(framePacket(writeLisp(message)));
  }

  #lose(reason: string): void {
    this.closedBecause = reason;
    const error = this.#heard
      ? new HotlispError('image-lost', `The image was lost: ${reason}.`)
      : new ClosedEarly(
          'no-image',
          `The connection was closed before the image said anything: ${reason}. Is it a Swank or Slynk, and does it want the secret of ~/.slime-secret or ~/.sly-secret?`,
        );
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.onClosed(reason);
  }

  #receive(text: string): void {
    this.#heard = true;
    // Tens of kilobytes after connecting, and of no use here.
    if (/^\(:indentation-update[ )]/i.test(text)) return;
    let message: LispData;
    try {
      message = readLisp(text);
    } catch (error) {
      this.#onLog(`An unreadable message of the image was ignored: ${(error as Error).message}`);
      return;
    }
    if (Array.isArray(message)) this.#dispatch(message as LispData[]);
  }

  #dispatch(message: readonly LispData[]): void {
    const [head, ...rest] = message;
    if (!(head instanceof LispSymbol)) return;
    switch (head.name) {
      case 'RETURN':
        return this.#returned(rest[0], rest[1]);
      case 'WRITE-STRING':
        if (isKeyword(rest[1], 'HOTLISP') && typeof rest[0] === 'string') this.onEvent(rest[0]);
        return;
      case 'PING':
        return this.#send([keyword('EMACS-PONG'), rest[0] ?? [], rest[1] ?? []]);
      case 'DEBUG':
        return this.#debugged(rest);
      case 'READER-ERROR':
        return this.#unread(rest[0], rest[1]);
      case 'INVALID-RPC':
        return this.#settle(rest[0], pending =>
          pending.reject(new HotlispError('internal', `The image refused the call: ${show(rest[1])}.`)),
        );
      case 'READ-STRING':
        return this.#send([keyword('EMACS-RETURN-STRING'), rest[0] ?? [], rest[1] ?? [], '\n']);
      case 'Y-OR-N-P':
      case 'READ-FROM-MINIBUFFER':
        return this.#send([keyword('EMACS-RETURN'), rest[0] ?? [], rest[1] ?? [], []]);
      case 'EVAL':
      case 'ED-RPC':
        return this.#send([keyword('EMACS-RETURN'), rest[0] ?? [], rest[1] ?? [], [keyword('ABORT')]]);
      case 'DEBUG-CONDITION':
        return this.#onLog(`The image's debugger: ${show(rest[1])}`);
      default:
        // What an editor would show: new packages, inspectors, messages, channels of Slynk.
        return;
    }
  }

  #returned(value: LispData | undefined, id: LispData | undefined): void {
    const [how, what] = Array.isArray(value) ? (value as LispData[]) : [];
    this.#settle(id, pending => {
      if (isKeyword(how, 'OK')) pending.resolve(what ?? []);
      else
        pending.reject(
          new HotlispError(
            'debugger-aborted',
            pending.debugged !== undefined
              ? `The image entered the debugger, which was left by its abort restart: ${pending.debugged}`
              : `The image aborted the request: ${typeof what === 'string' ? what : 'no reason given'}.`,
          ),
        );
    });
  }

  /** The request that the image could not read is known by its number, the last thing in the packet it echoes. */
  #unread(packet: LispData | undefined, why: LispData | undefined): void {
    const id = typeof packet === 'string' ? /(\d+)\)\s*$/.exec(packet)?.[1] : undefined;
    this.#onLog(`The image could not read a message: ${show(why)}`);
    if (id !== undefined)
      this.#settle(Number(id), pending =>
        pending.reject(new HotlispError('internal', `The image could not read the call: ${show(why)}.`)),
      );
  }

  /** (thread level (message type extras) ((name description)*) frames continuations) */
  #debugged([thread, level, condition, restarts, , continuations]: readonly LispData[]): void {
    const [message, type] = Array.isArray(condition) ? (condition as LispData[]) : [];
    const text = [message, type]
      .map(part => (typeof part === 'string' ? part.trim() : ''))
      .join(' ')
      .trim();
    const ours = (Array.isArray(continuations) ? (continuations as LispData[]) : [])
      .map(id => (typeof id === 'number' ? this.#pending.get(id) : undefined))
      .filter(pending => pending !== undefined);
    const key = typeof thread === 'number' ? thread : -1;
    const count = (this.#aborts.get(key) ?? 0) + 1;
    this.#aborts.set(key, count);
    for (const pending of ours) pending.debugged ??= text;
    if (count > MAX_ABORTS) {
      this.#onLog(`Thread ${key} of the image does not leave the debugger: ${text}`);
      for (const pending of ours)
        pending.reject(
          new HotlispError(
            'debugger-aborted',
            `The image entered the debugger and does not leave it: ${text}`,
          ),
        );
      return;
    }
    this.#onLog(`The image entered the debugger in thread ${key}: ${text}`);
    // A thread of the user's that came here, because nobody else is connected, goes where it would have gone without us.
    const form =
      ours.length > 0
        ? this.#abortForm(level, restarts)
        : [
            symbol(
              this.server === 'slynk'
                ? 'SLY-DB-BREAK-WITH-DEFAULT-DEBUGGER'
                : 'SLDB-BREAK-WITH-DEFAULT-DEBUGGER',
              this.server.toUpperCase(),
            ),
            [],
          ];
    this.rex(form, thread ?? T).catch((error: unknown) => {
      // Leaving the debugger unwinds this request too: that is how it succeeds.
      if (!(error instanceof HotlispError) || error.kind !== 'debugger-aborted')
        this.#onLog(`Leaving the debugger: ${String(error)}`);
    });
  }

  #abortForm(level: LispData | undefined, restarts: LispData | undefined): LispData {
    const own = this.server.toUpperCase();
    const names = (Array.isArray(restarts) ? (restarts as LispData[]) : []).map(restart =>
      Array.isArray(restart) ? show((restart as LispData[])[0]).toUpperCase() : '',
    );
    // The starred one is the server's own way back to its top level; inner ones only lead to an outer level of the debugger.
    const starred = names.indexOf('*ABORT');
    const index = starred !== -1 ? starred : names.lastIndexOf('ABORT');
    return index === -1 || typeof level !== 'number'
      ? [symbol('THROW-TO-TOPLEVEL', own)]
      : [symbol('INVOKE-NTH-RESTART-FOR-EMACS', own), level, index];
  }

  #settle(id: LispData | undefined, how: (pending: PendingRex) => void): void {
    const pending = typeof id === 'number' ? this.#pending.get(id) : undefined;
    if (!pending) return;
    this.#pending.delete(id as number);
    how(pending);
  }
}
