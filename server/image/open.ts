/** From settings to a connected image, by each of the ways to reach one. */
import { HotlispError } from '../errors.ts';
import type { Address } from './address.ts';
import { readAgentFiles } from './agentFiles.ts';
import { Connection, type Wire } from './connection.ts';
import { withDeadline } from './deadline.ts';
import { PROTOCOL_DIGEST } from './digest.ts';
import type { CallOptions, Image } from './image.ts';
import type { Args, Op, Result } from './protocol.ts';
import type { Environment } from './runDirectory.ts';
import { openSocketWire } from './socketWire.ts';
import { spawnImage } from './spawn.ts';
import { openSwankWire } from './swankWire.ts';
import { tracedWire, type TraceLevel } from './tracedWire.ts';

export interface OpenOptions {
  readonly lispDir: string;
  /** Names this server to the image. */
  readonly clientName: string;
  /** The workspace's folders; a spawned image works in the first. */
  readonly roots: readonly string[];
  readonly environment: Environment;
  readonly onLog: (line: string) => void;
  /** What of the wire's messages goes to the log. */
  readonly traceLevel: () => TraceLevel;
  readonly signal: AbortSignal;
}

const HELLO_MS = 10_000;
/** All forms of image.init together; loading a large system for the first time takes minutes. */
const INIT_MS = 10 * 60_000;
const INIT_OUTPUT = 64 * 1024;
/** How long requests have to be unwound before an image that goes on is left. */
const DRAIN_MS = 5_000;

class ConnectedImage implements Image {
  readonly lost: Promise<string>;
  features: readonly string[];
  #onFeatures: (() => void) | undefined;

  constructor(
    private readonly connection: Connection,
    readonly hello: Result<'hello'>,
    readonly kind: Image['kind'],
    readonly title: string,
  ) {
    this.lost = connection.lost;
    this.features = hello.features;
    connection.onFeatures = features => {
      this.features = features;
      this.#onFeatures?.();
    };
  }

  onFeatures(listener: () => void): void {
    this.#onFeatures = listener;
  }

  call<O extends Op>(op: O, args: Args<O>, options?: CallOptions): Promise<Result<O>> {
    return this.connection.call(op, args, options);
  }

  close(): Promise<void> {
    return this.connection.close('the server closed the connection', this.kind === 'spawned' ? 0 : DRAIN_MS);
  }
}

/** Greets the agent behind `wire`; closes the wire when that fails. */
async function greet(
  wire: Wire,
  kind: Image['kind'],
  titleOf: (hello: Result<'hello'>) => string,
  options: OpenOptions,
  helloMs = HELLO_MS,
): Promise<ConnectedImage> {
  const connection = new Connection(tracedWire(wire, options.traceLevel, options.onLog), options.onLog);
  try {
    const { clientName: client, roots } = options;
    const hello = await withDeadline(
      connection.call('hello', { digest: PROTOCOL_DIGEST, client, roots: [...roots] }),
      helloMs,
      () => new HotlispError('no-image', `The image's agent does not answer within ${helloMs / 1000} s.`),
    );
    return new ConnectedImage(connection, hello, kind, titleOf(hello));
  } catch (error) {
    await connection.close('the agent did not answer its first call', 0);
    throw error;
  }
}

function checkContract(image: Image, where: string): void {
  const { digest, implementation, version, pid } = image.hello;
  if (digest === PROTOCOL_DIGEST) return;
  const short = (text: string) => text.slice(0, 12);
  throw new HotlispError(
    'no-image',
    `The agent at ${where} (${implementation} ${version}, pid ${pid}) speaks contract ${short(digest)}, this server ${short(PROTOCOL_DIGEST)}. ` +
      'Let the program load the Hotlisp of the same version as this server, then restart it.',
  );
}

/** Starts an image of our own and evaluates the `init` forms in it. @throws HotlispError `no-image` */
export async function openSpawned(
  command: string,
  init: readonly string[],
  options: OpenOptions,
): Promise<Image> {
  const { wire } = await spawnImage({
    command,
    files: await readAgentFiles(options.lispDir),
    directory: options.roots[0],
    environment: options.environment,
    onLog: options.onLog,
    signal: options.signal,
  });
  const image = await greet(wire, 'spawned', hello => `${sbcl(hello)} (pid ${hello.pid}, spawned)`, options);
  try {
    checkContract(image, image.title);
    await evaluateInit(image, init, options);
    return image;
  } catch (error) {
    await image.close();
    throw error;
  }
}

async function evaluateInit(
  image: Image,
  init: readonly string[],
  { onLog, signal }: OpenOptions,
): Promise<void> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(INIT_MS)]);
  for (const [index, code] of init.entries()) {
    const which = `The form ${index + 1} of image.init, ${code.slice(0, 80)},`;
    const result = await image
      .call(
        'eval',
        { code, package: 'COMMON-LISP-USER', outputLimit: INIT_OUTPUT },
        { signal: limit, onEvent: event => event.event === 'output' && onLog(event.data.text.trimEnd()) },
      )
      .catch((error: unknown) => {
        if (signal.aborted || !(error instanceof HotlispError)) throw error;
        throw new HotlispError(
          'no-image',
          `${which} could not be evaluated: ${error.message}`,
          error.details,
        );
      });
    if (result.status === 'evaluated') continue;
    const why = result.condition?.text ?? result.notes[0]?.message ?? result.status;
    throw new HotlispError('no-image', `${which} failed: ${why} Correct it, or take it out of the setting.`, {
      ...(result.condition ? { condition: result.condition } : {}),
    });
  }
}

/** Attaches to the image that serves itself at `socketPath`. @throws HotlispError `no-image` */
export async function openSocket(socketPath: string, options: OpenOptions, helloMs?: number): Promise<Image> {
  const where = `unix:${socketPath}`;
  const image = await greet(
    await openSocketWire(socketPath),
    'socket',
    hello => `${sbcl(hello)} (pid ${hello.pid}, ${where})`,
    options,
    helloMs,
  );
  try {
    checkContract(image, where);
    return image;
  } catch (error) {
    await image.close();
    throw error;
  }
}

/** Attaches by Swank or Slynk, loading the agent where it is not. @throws HotlispError `no-image` */
export async function openSwank(address: Address & { type: 'tcp' }, options: OpenOptions): Promise<Image> {
  const { host, port, server: wanted } = address;
  const { wire, server } = await openSwankWire({
    host,
    port,
    ...(wanted ? { server: wanted } : {}),
    files: await readAgentFiles(options.lispDir),
    environment: options.environment,
    onLog: options.onLog,
    signal: options.signal,
  });
  const image = await greet(wire, server, hello => `${server} ${host}:${port} (pid ${hello.pid})`, options);
  try {
    checkContract(image, `${host}:${port}`);
    return image;
  } catch (error) {
    await image.close();
    throw error;
  }
}

const sbcl = (hello: Result<'hello'>): string => `${hello.implementation.toLowerCase()} ${hello.version}`;
