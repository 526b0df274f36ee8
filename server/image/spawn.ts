/** Images that are the server's own children. They end with it, however it ends: their agent watches the pipe on their standard input. */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { stat, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { HotlispError } from '../errors.ts';
import { forgetCompiledAgents, storeAgentSource, type AgentFiles } from './agentFiles.ts';
import { imageArguments, parseCommand } from './command.ts';
import type { Wire, WireListener } from './connection.ts';
import { unlessAborted, withDeadline } from './deadline.ts';
import { spawnedDirectory, type Environment } from './runDirectory.ts';
import { openSocketWire } from './socketWire.ts';

const START_MS = 60_000;
/** What the process has to end by itself, and then after SIGTERM. */
const GRACE_MS = 2_000;
const KEPT_LINES = 20;
const MAX_LINE_CHARACTERS = 4_000;

export interface SpawnOptions {
  readonly command: string;
  readonly files: AgentFiles;
  /** Working directory; the server's own where it does not exist. */
  readonly directory: string | undefined;
  readonly environment: Environment;
  readonly onLog: (line: string) => void;
  readonly signal: AbortSignal;
}

/** The process ended by itself before its agent served. */
class EndedEarly extends HotlispError {}

/**
 * Starts an image and connects to its agent. Closing the wire ends the process.
 * @throws HotlispError `no-image` when it cannot be started or is not ready in time, with its last lines of output
 */
export async function spawnImage(options: SpawnOptions): Promise<{ wire: Wire; pid: number }> {
  try {
    return await startImage(options);
  } catch (error) {
    // A damaged file of compiled code can take SBCL down while it is loaded.
    if (!(error instanceof EndedEarly) || options.signal.aborted) throw error;
    if (!(await forgetCompiledAgents(options.files, options.environment))) throw error;
    options.onLog(`${error.message} It is started again, with the agent compiled anew.`);
    return startImage(options);
  }
}

async function startImage(options: SpawnOptions): Promise<{ wire: Wire; pid: number }> {
  const words = parseCommand(options.command);
  const directory = await spawnedDirectory(options.environment);
  const socket = path.join(directory, `${process.pid}-${randomBytes(6).toString('hex')}.sock`);
  const token = randomBytes(12).toString('hex');
  const sourceFile = await sourceFileFor(options, directory);
  const args = imageArguments(words, {
    bootFile: options.files.bootFile,
    digest: options.files.digest,
    sourceFile,
    socket,
    token,
  });
  const cwd =
    options.directory !== undefined && (await isDirectory(options.directory)) ? options.directory : undefined;
  const child = new ChildImage(words[0]!, args, cwd, options, `hotlisp-ready ${token}`);
  try {
    await withDeadline(unlessAborted(child.ready, options.signal, 'Starting the image'), START_MS, () =>
      child.failure(`was not ready after ${START_MS / 1000} s`),
    );
    const wire = await openSocketWire(socket);
    return { wire: new SpawnedWire(wire, child), pid: child.pid };
  } catch (error) {
    await child.end();
    throw error;
  } finally {
    await unlink(socket).catch(() => undefined);
  }
}

/** In the cache, or beside the socket where there is no cache to be had. */
async function sourceFileFor(
  { files, environment, onLog }: SpawnOptions,
  directory: string,
): Promise<string> {
  try {
    return await storeAgentSource(files, environment);
  } catch (error) {
    onLog(
      `The agent is compiled at each start, because there is no cache for it: ${(error as Error).message}`,
    );
    const file = path.join(directory, `agent-${files.digest.slice(0, 32)}.lisp`);
    await writeFile(file, files.source, { mode: 0o600 });
    return file;
  }
}

const isDirectory = async (file: string): Promise<boolean> =>
  stat(file).then(
    stats => stats.isDirectory(),
    () => false,
  );

class ChildImage {
  /** Resolves when the agent serves; rejects when the process cannot be started or ends before. */
  readonly ready: Promise<void>;
  /** Resolves with how the process ended, once it did; never rejects. */
  readonly ended: Promise<string>;
  readonly #process: ChildProcess;
  readonly #program: string;
  readonly #lines: string[] = [];
  #inBacktrace = false;
  #running = true;
  #ending: Promise<void> | undefined;

  constructor(
    program: string,
    args: readonly string[],
    cwd: string | undefined,
    options: SpawnOptions,
    marker: string,
  ) {
    this.#program = program;
    this.#process = spawn(program, args, {
      ...(cwd === undefined ? {} : { cwd }),
      env: options.environment,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    // Writing is not what the pipe is for, but the child's end of it goes away with the child.
    this.#process.stdin!.on('error', () => undefined);
    this.ended = new Promise(resolve => {
      this.#process.once('error', error => {
        this.#running =
          this.#process.pid !== undefined &&
          this.#process.exitCode === null &&
          this.#process.signalCode === null;
        if (!this.#running) resolve(error.message);
      });
      this.#process.once('exit', (code, signal) => {
        this.#running = false;
        const how = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
        // Its last words may still be in the pipe, which a child of its own may hold open for ever.
        const done = () => resolve(`the image's process (pid ${this.#process.pid}) ${how}`);
        const timer = setTimeout(done, 500);
        this.#process.once('close', () => {
          clearTimeout(timer);
          done();
        });
      });
    });
    this.ready = new Promise((resolve, reject) => {
      eachLine(this.#process.stdout!, line => {
        if (line === marker) resolve();
        else this.#keep(line, options.onLog);
      });
      eachLine(this.#process.stderr!, line => this.#keep(line, options.onLog));
      this.#process.once('error', (error: NodeJS.ErrnoException) => reject(this.#notStarted(error)));
      void this.ended.then(how => {
        const { kind, message, details } = this.failure(`did not get ready: ${how}`);
        reject(new EndedEarly(kind, message, details));
      });
    });
    // Who waits for it hears of it; after that, nobody has to.
    this.ready.catch(() => undefined);
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  /** A `no-image` error with the last lines of output. */
  failure(what: string): HotlispError {
    const output = this.#lines.length > 0 ? ` Its last output:\n${this.#lines.join('\n')}` : '';
    return new HotlispError('no-image', `The image started by "${this.#program}" ${what}.${output}`, {
      output: [...this.#lines],
    });
  }

  #notStarted(error: NodeJS.ErrnoException): HotlispError {
    if (error.code === 'ENOENT')
      return new HotlispError(
        'no-image',
        `The program "${this.#program}" was not found. Install SBCL 2.2.9 or newer (for example "apt install sbcl" or "brew install sbcl"), or set image.command to where it is.`,
      );
    return new HotlispError(
      'no-image',
      `The program "${this.#program}" cannot be started: ${error.message}. Check image.command.`,
    );
  }

  /** All but the backtraces of SBCL: they would push out the error that they are of. */
  #keep(line: string, onLog: (line: string) => void): void {
    onLog(line);
    if (line.startsWith('Backtrace for: ')) this.#inBacktrace = true;
    if (line.startsWith('unhandled condition in --disable-debugger mode')) this.#inBacktrace = false;
    if (this.#inBacktrace) return;
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
  }

  /** Ends the process, gently first; resolves when it is gone. Idempotent. */
  end(): Promise<void> {
    return (this.#ending ??= this.#end());
  }

  async #end(): Promise<void> {
    this.#process.stdin!.end();
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      if (!this.#running || (await this.#endsWithin(GRACE_MS))) break;
      this.#process.kill(signal);
    }
    await this.ended;
    this.#process.stdout!.destroy();
    this.#process.stderr!.destroy();
  }

  async #endsWithin(ms: number): Promise<boolean> {
    return withDeadline(
      this.ended.then(() => true),
      ms,
      () => new Error('late'),
    ).catch(() => false);
  }
}

/** A socket's wire whose loss is explained by the end of the process, and whose closing ends it. */
class SpawnedWire implements Wire {
  readonly concurrent = true;

  constructor(
    private readonly wire: Wire,
    private readonly child: ChildImage,
  ) {}

  listen(listener: WireListener): void {
    this.wire.listen({
      ...listener,
      onClosed: reason => {
        // The socket closes a moment before the process is known to have ended.
        void withDeadline(this.child.ended, 1_000, () => new Error(reason)).then(
          how => listener.onClosed(how),
          () => listener.onClosed(reason),
        );
      },
    });
  }

  send(id: number, text: string): void {
    this.wire.send(id, text);
  }

  async close(): Promise<void> {
    await Promise.all([this.child.end(), this.wire.close()]);
  }
}

/** Calls `onLine` for each line, cut to a bearable length. */
function eachLine(stream: Readable, onLine: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!.slice(-MAX_LINE_CHARACTERS);
    for (const line of lines) onLine(line.slice(0, MAX_LINE_CHARACTERS));
  });
  stream.on('end', () => {
    if (rest !== '') onLine(rest);
  });
}
