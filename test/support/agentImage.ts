/** An image with the agent alone, without the server, and connections to its socket: programs that speak the wire contract by themselves. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { operations, WireError, type Args, type Op, type Result } from '../../server/image/protocol.ts';

export const sbcl = process.env['HOTLISP_TEST_SBCL'] ?? 'sbcl';
export const flags = ['--noinform', '--no-sysinit', '--no-userinit', '--disable-debugger'];
export const lispDirectory = path.resolve(import.meta.dirname, '../../lisp');

export let scratch = '';
export let fasl = '';

/** Compiles the agent once, as one text, the way it reaches an image; it may have no warnings. */
export function compileAgent(): void {
  scratch = realpathSync(mkdtempSync(path.join(tmpdir(), 'hotlisp-agent-')));
  const names = readFileSync(path.join(lispDirectory, 'files.txt'), 'utf8').split('\n').filter(Boolean);
  const source = path.join(scratch, 'agent.lisp');
  fasl = path.join(scratch, 'agent.fasl');
  writeFileSync(
    source,
    names.map(name => readFileSync(path.join(lispDirectory, `${name}.lisp`), 'utf8')).join('\n'),
  );
  const compiled = spawnSync(
    sbcl,
    [
      ...flags,
      '--eval',
      `(sb-ext:exit :code (if (nth-value 2 (compile-file "${source}" :output-file "${fasl}")) 9 0))`,
    ],
    { encoding: 'utf8', timeout: 100_000 },
  );
  expect(compiled.error).toBeUndefined();
  // Full warnings fail the third value of compile-file; style warnings are counted in its summary.
  expect({ status: compiled.status, warnings: /caught .*/.exec(compiled.stdout + compiled.stderr) }).toEqual({
    status: 0,
    warnings: null,
  });
}

export const removeAgent = (): void => rmSync(scratch, { recursive: true, force: true });

export interface Reply {
  id: number | null;
  ok?: unknown;
  error?: { kind: string; message: string; form?: number; condition?: { type: string } };
}
export interface OutputEvent {
  id: number;
  event: string;
  data: { stream: string; text: string };
}

/** One connection, with what came in order. */
export class Client {
  readonly events: OutputEvent[] = [];
  readonly replies: Reply[] = [];
  private readonly waiting = new Set<() => void>();
  private buffer = '';
  private lastId = 0;
  private ended = false;

  private constructor(readonly socket: Socket) {
    socket.setEncoding('utf8');
    socket.on('data', (data: string) => {
      this.buffer += data;
      const lines = this.buffer.split('\n');
      this.buffer = lines.pop() ?? '';
      for (const line of lines) {
        const message = JSON.parse(line) as Reply | OutputEvent;
        if ('event' in message) this.events.push(message);
        else this.replies.push(message);
      }
      this.wake();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.ended = true;
      this.wake();
    });
  }

  static async open(file: string): Promise<Client> {
    const socket = createConnection(file);
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return new Client(socket);
  }

  private wake(): void {
    for (const look of [...this.waiting]) look();
  }

  /** Resolves with what `find` finds, now or after a later message; rejects after 20 s or at the connection's end. */
  until<T>(find: () => T | undefined, what: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.waiting.delete(look);
      };
      const look = (): void => {
        const found = find();
        if (found !== undefined) {
          finish();
          resolve(found);
        } else if (this.ended) {
          finish();
          reject(new Error(`the connection ended before ${what}`));
        }
      };
      const timer = setTimeout(() => {
        finish();
        reject(new Error(`no ${what} within 20 s`));
      }, 20_000);
      this.waiting.add(look);
      look();
    });
  }

  raw(line: string | Buffer): void {
    this.socket.write(line);
    this.socket.write('\n');
  }

  start(op: string, args: unknown): number {
    const id = ++this.lastId;
    this.raw(JSON.stringify({ id, op, args }));
    return id;
  }

  async reply(id: number | null): Promise<Reply> {
    const found = await this.until(() => this.replies.find(reply => reply.id === id), `reply ${id}`);
    this.replies.splice(this.replies.indexOf(found), 1);
    return found;
  }

  /** The result, checked against the contract. */
  async call<O extends Op>(op: O, args: Args<O>): Promise<Result<O>> {
    const reply = await this.reply(this.start(op, args));
    if (reply.error) throw new Error(`${reply.error.kind}: ${reply.error.message}`);
    return operations[op].result.parse(reply.ok) as Result<O>;
  }

  async refusal(
    op: string,
    args: unknown,
  ): Promise<{ kind: string; message: string; form?: number | undefined }> {
    const reply = await this.reply(this.start(op, args));
    return WireError.parse(reply.error);
  }

  eval(code: string, options: { package?: string; outputLimit?: number } = {}): Promise<Result<'eval'>> {
    return this.call('eval', { code, outputLimit: 100_000, ...options });
  }

  /** Starts evaluating and resolves with the request's id once the code has got to (go), or, where it has none, to its start. */
  async begin(code: string): Promise<number> {
    const signal = '(progn (write-string "go") (finish-output))';
    const id = this.start('eval', {
      code: code.includes('(go)') ? code.replace('(go)', signal) : `${signal} ${code}`,
      outputLimit: 1000,
    });
    await this.until(
      () => this.events.find(event => event.id === id && event.data.text.includes('go')),
      'start of the evaluation',
    );
    return id;
  }

  async cancel(id: number): Promise<Reply> {
    expect(await this.call('cancel', { request: id })).toEqual({ found: true });
    return this.reply(id);
  }

  textOf(id: number): string {
    return this.events
      .filter(event => event.id === id)
      .map(event => event.data.text)
      .join('');
  }
}

/** An image that serves; ends with its standard input. */
export class Image {
  readonly clients: Client[] = [];
  private constructor(
    readonly child: ChildProcess,
    readonly socketFile: string,
  ) {}

  static async start(serve = '(hotlisp:serve)', environment: NodeJS.ProcessEnv = {}): Promise<Image> {
    const child = spawn(
      sbcl,
      [
        ...flags,
        '--load',
        fasl,
        '--eval',
        `(progn (format t "socket ~a~%" ${serve}) (finish-output) (hotlisp:live-with-parent))`,
      ],
      { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...environment } },
    );
    let output = '';
    const file = await new Promise<string>((resolve, reject) => {
      const take = (data: Buffer): void => {
        output += data.toString();
        const match = /^socket (.*)$/m.exec(output);
        if (match?.[1]) resolve(match[1]);
      };
      child.stdout.on('data', take);
      child.stderr.on('data', take);
      child.once('exit', code => reject(new Error(`sbcl ended with ${code}:\n${output}`)));
    });
    return new Image(child, file);
  }

  async connect(): Promise<Client> {
    const client = await Client.open(this.socketFile);
    this.clients.push(client);
    return client;
  }

  exited(): Promise<number | null> {
    if (this.child.exitCode !== null) return Promise.resolve(this.child.exitCode);
    return new Promise(resolve => this.child.once('exit', code => resolve(code)));
  }

  async end(): Promise<void> {
    for (const client of this.clients) client.socket.destroy();
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGKILL');
      await this.exited();
    }
    rmSync(this.socketFile, { force: true });
  }
}
