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
import { PROTOCOL_DIGEST } from './digest.ts';
import { isKeyword, keyword, LispSymbol, symbol, writeLisp, type LispData } from './lispData.ts';
import type { Environment } from './runDirectory.ts';
import { ClosedEarly, show, SwankClient, Unreachable, type Server } from './swankClient.ts';

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
    const concurrent = await unlessAborted(
      prepare(client, session, options),
      options.signal,
      'Attaching to the image',
    );
    return { wire: new SwankWire(client, session, concurrent), server: client.server };
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

/**
 * Asks what is there, gets our connection out of the user's way, and loads the agent unless the image has it. Answers whether
 * each request has a thread of its own.
 */
async function prepare(client: SwankClient, session: string, options: SwankOptions): Promise<boolean> {
  let concurrent = false;
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
    const attached = await ask(boot('ATTACH', session), 'letting us in');
    concurrent = attached instanceof LispSymbol;
    if (!concurrent && !(Array.isArray(attached) && attached.length === 0))
      throw new HotlispError('internal', `unexpected answer ${writeLisp(attached)}`);
    let answer = await ask(boot('OFFER-AGENT', files.digest, PROTOCOL_DIGEST, session), 'loading the agent');
    if (isAnswer(answer, 'SOURCE-NEEDED'))
      answer = await ask(
        boot('OFFER-AGENT', files.digest, PROTOCOL_DIGEST, session, files.source),
        'compiling the agent',
      );
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
  return concurrent;
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

class SwankWire implements Wire {
  readonly #client: SwankClient;
  #listener: WireListener | undefined;

  constructor(
    client: SwankClient,
    readonly session: string,
    readonly concurrent: boolean,
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
