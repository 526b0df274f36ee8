/**
 * The wire over Swank and Slynk: each message of ours is the string argument of one :emacs-rex, and its reply the value.
 * Nothing else is used of either server but what keeps the user's own session undisturbed, and CL: symbols before the
 * image is known to have the agent, because a symbol whose package is missing is a reader error that has no reply.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { HotlispError } from '../errors.ts';
import type { AgentFiles } from './agentFiles.ts';
import type { Wire, WireListener } from './connection.ts';
import { unlessAborted, withDeadline } from './deadline.ts';
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
import type { Environment } from './runDirectory.ts';

export type Server = 'swank' | 'slynk';

export interface SwankOptions {
  readonly host: string;
  readonly port: number;
  /** Which of the two it is, where the user said so; it is found out by asking else. */
  readonly server?: Server;
  readonly files: AgentFiles;
  readonly environment: Environment;
  readonly onLog: (line: string) => void;
  readonly signal: AbortSignal;
}

const CONNECT_MS = 10_000;
const ANSWER_MS = 10_000;
/** Compiling the agent on a slow host. */
const LOAD_MS = 120_000;
/** A thread that comes back to the debugger this often is not to be got out of it. */
const MAX_ABORTS = 20;

const SECRET_FILES: Record<Server, string> = { swank: '.slime-secret', slynk: '.sly-secret' };

/**
 * Connects, and sees to it that the image has this server's agent.
 * @throws HotlispError `no-image` that says what to do
 */
export async function openSwankWire(options: SwankOptions): Promise<{ wire: Wire; server: Server }> {
  const secret = await findSecret(options);
  try {
    return await attach(options, secret);
  } catch (error) {
    // A server that asks for no secret takes it for a broken message, and closes; one that got a wrong secret does not.
    if (secret === undefined || !(error instanceof ClosedEarly)) throw error;
    return attach(options, undefined).catch((second: unknown) => {
      throw second instanceof Unreachable ? error : second;
    });
  }
}

async function attach(
  options: SwankOptions,
  secret: string | undefined,
): Promise<{ wire: Wire; server: Server }> {
  const client = new SwankClient(await connect(options), options.onLog);
  // The agent of one image answers many servers; their requests are told apart by this.
  const session = randomBytes(9).toString('base64url');
  try {
    if (secret !== undefined) client.sendRaw(secret);
    const server = await unlessAborted(
      prepare(client, session, options),
      options.signal,
      'Attaching to the image',
    );
    return { wire: new SwankWire(client, session), server };
  } catch (error) {
    await client.close();
    throw error;
  }
}

/** The first line of the secret file that SLIME, else SLY, would use; undefined where there is none. */
async function findSecret({ server, environment }: SwankOptions): Promise<string | undefined> {
  const home = environment['HOME'] ?? os.homedir();
  for (const candidate of server ? [server] : (['swank', 'slynk'] as const)) {
    try {
      const text = await readFile(path.join(home, SECRET_FILES[candidate]), 'utf8');
      return text.split('\n', 1)[0]!;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        throw new HotlispError(
          'no-image',
          `The secret in ~/${SECRET_FILES[candidate]} cannot be read: ${(error as Error).message}.`,
        );
    }
  }
  return undefined;
}

async function connect({ host, port, signal }: SwankOptions): Promise<net.Socket> {
  const socket = net.connect({ host, port });
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 15_000);
  const connected = new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  try {
    await unlessAborted(
      withDeadline(connected, CONNECT_MS, () => new Error(`no connection within ${CONNECT_MS / 1000} s`)),
      signal,
      'Connecting to the image',
    );
    return socket;
  } catch (error) {
    connected.catch(() => undefined);
    socket.destroy();
    if (error instanceof HotlispError) throw error;
    throw new Unreachable(
      'no-image',
      `No Swank or Slynk answers at ${host}:${port}: ${(error as Error).message}. Start one in the image with (swank:create-server :port ${port} :dont-close t), or correct image.address.`,
    );
  }
}

/** For people: a string as it is, everything else as Lisp prints it. */
const show = (data: LispData | undefined): string =>
  typeof data === 'string' ? data : data === undefined ? '' : writeLisp(data);

const cl = (name: string) => symbol(name, 'CL');
const call = (name: string, ...args: LispData[]): LispData => [cl(name), ...args];
const boot = (name: string, ...args: LispData[]): LispData => [symbol(name, 'HOTLISP-BOOT'), ...args];
const valueWhereThere = (package_: string, name: string): LispData =>
  call(
    'AND',
    call('FIND-PACKAGE', package_),
    call('FIND-SYMBOL', name, package_),
    call('SYMBOL-VALUE', call('FIND-SYMBOL', name, package_)),
  );

/** Asks what is there, gets our connection out of the user's way, and loads the agent unless the image has it. */
async function prepare(client: SwankClient, session: string, options: SwankOptions): Promise<Server> {
  const { host, port, files, onLog } = options;
  const where = `${host}:${port}`;
  const probe = call(
    'LIST',
    call('LISP-IMPLEMENTATION-TYPE'),
    call('LISP-IMPLEMENTATION-VERSION'),
    valueWhereThere('HOTLISP-BOOT', '*DIGEST*'),
    call('IF', valueWhereThere('SLYNK', '*EMACS-CONNECTION*'), keyword('SLYNK'), keyword('SWANK')),
  );
  const known = await withDeadline(client.rex(probe), ANSWER_MS, () => {
    const secrets = Object.values(SECRET_FILES).map(file => `~/${file}`);
    return new Unreachable(
      'no-image',
      `${where} accepts connections but does not answer. If it asks for a secret, ${secrets.join(' or ')} must hold the same here as on its host; ` +
        `where both files exist, say which it is: image.address "slynk:${where}" or "swank:${where}". If it is no Swank or Slynk, correct image.address.`,
    );
  });
  const [type, version, bootDigest, server] = Array.isArray(known) ? (known as LispData[]) : [];
  if (type !== 'SBCL')
    throw new HotlispError(
      'no-image',
      `The image at ${where} is ${show(type)} ${show(version)}; Hotlisp works with SBCL.`,
    );
  client.server = isKeyword(server, 'SLYNK') ? 'slynk' : 'swank';
  const ask = (form: LispData, what: string) =>
    withDeadline(
      client.rex(form),
      LOAD_MS,
      () =>
        new HotlispError(
          'no-image',
          `The image at ${where} did not finish ${what} within ${LOAD_MS / 1000} s.`,
        ),
    );
  try {
    if (bootDigest !== files.digest) await ask(loadBoot(files), 'loading what loads the agent');
    await ask(boot('ATTACH', session), 'letting us in');
    let answer = await ask(boot('OFFER-AGENT', files.digest), 'loading the agent');
    if (isAnswer(answer, 'SOURCE-NEEDED'))
      answer = await ask(boot('OFFER-AGENT', files.digest, files.source), 'compiling the agent');
    if (isAnswer(answer, 'FAILED')) throw new HotlispError('internal', show(answer[1]));
    if (!isAnswer(answer, 'LOADED'))
      throw new HotlispError('internal', `unexpected answer ${writeLisp(answer)}`);
    for (const warning of answer.slice(2)) onLog(`Compiling the agent: ${show(warning)}`);
  } catch (error) {
    if (error instanceof ClosedEarly || !(error instanceof HotlispError)) throw error;
    if (error.kind === 'no-image') throw error;
    throw new HotlispError(
      'no-image',
      `The agent cannot be loaded into the image at ${where} (SBCL ${show(version)}): ${error.message} Restart that image if it holds another version of the agent.`,
    );
  }
  return client.server;
}

const isAnswer = (data: LispData, name: string): data is readonly LispData[] =>
  Array.isArray(data) && isKeyword((data as LispData[])[0], name);

/** Loads boot.lisp's text such that nothing the user has set matters to it, nor it to them. */
function loadBoot(files: AgentFiles): LispData {
  const evaluator = call('FIND-SYMBOL', '*EVALUATOR-MODE*', 'SB-EXT');
  return call(
    'PROGN',
    call(
      'WITH-STANDARD-IO-SYNTAX',
      call(
        'PROGV',
        call('LIST', call('QUOTE', cl('*PRINT-READABLY*')), evaluator),
        call(
          'LIST',
          [],
          call('IF', call('FIND-PACKAGE', 'SB-EVAL'), keyword('INTERPRET'), keyword('COMPILE')),
        ),
        call(
          'HANDLER-BIND',
          [[cl('WARNING'), call('FUNCTION', cl('MUFFLE-WARNING'))]],
          call('LOAD', call('MAKE-STRING-INPUT-STREAM', files.boot)),
        ),
      ),
    ),
    call('SET', call('FIND-SYMBOL', '*DIGEST*', 'HOTLISP-BOOT'), files.digest),
  );
}

/** Nobody answered. */
class Unreachable extends HotlispError {}
/** The peer closed the connection before it said anything. */
class ClosedEarly extends Unreachable {}

interface PendingRex {
  readonly resolve: (value: LispData) => void;
  readonly reject: (error: HotlispError) => void;
  /** What the debugger said about it, once it was there. */
  debugged?: string;
}

/** Speaks the protocol of a SLIME that shows nothing: calls, and an answer to all that an image might wait for. */
class SwankClient {
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

class SwankWire implements Wire {
  readonly #client: SwankClient;
  #listener: WireListener | undefined;

  constructor(
    client: SwankClient,
    readonly session: string,
  ) {
    this.#client = client;
  }

  listen(listener: WireListener): void {
    this.#listener = listener;
    this.#client.onEvent = text => listener.onMessage(text);
    this.#client.onClosed = reason => listener.onClosed(reason);
    if (this.#client.closedBecause !== undefined) listener.onClosed(this.#client.closedBecause);
  }

  send(id: number, text: string): void {
    this.#client.rex(boot('CALL', text)).then(
      value => {
        if (typeof value === 'string') this.#listener?.onMessage(value);
        else
          this.#listener?.onFault(
            id,
            isAnswer(value, 'TOO-LARGE')
              ? new HotlispError(
                  'internal',
                  `The answer has ${show(value[1])} characters, more than fit a connection by Swank or Slynk; use a Unix-domain socket, (hotlisp:serve).`,
                )
              : new HotlispError(
                  'internal',
                  `The image answered ${writeLisp(value).slice(0, 200)}, which is no reply of the agent.`,
                ),
          );
      },
      (error: unknown) =>
        this.#listener?.onFault(
          id,
          error instanceof HotlispError ? error : new HotlispError('internal', String(error)),
        ),
    );
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}
