/** A server that is sent any bytes, and every frame that it answers with. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { frame, isObject } from '../support/jsonRpc.ts';
import { nodeProgram, serverProgram } from '../support/lspClient.ts';
import { descendants, survivors } from '../support/processes.ts';
import { within } from '../support/wait.ts';

export class RawServer {
  readonly root = mkdtempSync(path.join(tmpdir(), 'hotlisp-fuzz-'));
  readonly #child: ChildProcess;
  readonly #exited: Promise<number | null>;
  #input = Buffer.alloc(0);
  #stderr = '';
  readonly #waiting = new Set<() => void>();
  /** Replies by the JSON text of their id. */
  readonly replies = new Map<string, Record<string, unknown>[]>();
  /** What was not a frame of JSON. */
  readonly violations: string[] = [];
  ended = false;

  constructor() {
    this.#child = spawn(nodeProgram, [serverProgram, '--stdio'], {
      cwd: this.root,
      env: {
        ...process.env,
        XDG_RUNTIME_DIR: this.root,
        XDG_STATE_HOME: this.root,
      },
      stdio: 'pipe',
    });
    this.#child.stdin!.on('error', () => undefined);
    this.#child.stdout!.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#child
      .stderr!.setEncoding('utf8')
      .on('data', (text: string) => (this.#stderr = (this.#stderr + text).slice(-4000)));
    this.#exited = new Promise(resolve => {
      this.#child.once('exit', code => {
        this.ended = true;
        this.#wake();
        resolve(code);
      });
    });
  }

  get stderr(): string {
    return this.#stderr;
  }

  send(value: unknown): void {
    this.write(frame(JSON.stringify(value)));
  }

  write(bytes: Buffer | string): void {
    this.#child.stdin!.write(bytes);
  }

  initialize(id: number | string = 'initialize', more: object = {}): void {
    this.send({
      jsonrpc: '2.0',
      id,
      method: 'initialize',
      params: {
        processId: null,
        rootUri: `file://${this.root}`,
        capabilities: {},
        // No image: what reaches for one is told so at once.
        initializationOptions: { image: { mode: 'off' } },
        ...more,
      },
    });
  }

  /** Waits for a condition on replies; false when the server ended, throws when nothing comes. */
  async until(what: string, holds: () => boolean, milliseconds = 15_000): Promise<boolean> {
    let wake = () => {};
    const met = new Promise<boolean>(resolve => {
      wake = () => {
        if (holds()) resolve(true);
        else if (this.ended) resolve(false);
      };
      this.#waiting.add(wake);
      wake();
    });
    try {
      return await within(what, met, milliseconds);
    } finally {
      this.#waiting.delete(wake);
    }
  }

  /** Resident memory in MB. */
  get pid(): number {
    return this.#child.pid!;
  }

  /** Closes the input; the server has to end, with all that it started. */
  async end(): Promise<number | null> {
    const children = descendants(this.pid);
    try {
      this.#child.stdin!.end();
      const code = await within('the server to end when its input does', this.#exited, 20_000);
      const left = await survivors(children);
      if (left.length > 0) throw new Error(`the server left ${left.length} processes behind`);
      return code;
    } finally {
      if (!this.ended) this.#child.kill('SIGKILL');
      rmSync(this.root, { recursive: true, force: true });
    }
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  #receive(chunk: Buffer): void {
    this.#input = Buffer.concat([this.#input, chunk]);
    for (;;) {
      const end = this.#input.indexOf('\r\n\r\n');
      if (end < 0) break;
      const length = /^Content-Length: (\d+)$/im.exec(this.#input.toString('ascii', 0, end))?.[1];
      if (length === undefined) {
        this.violations.push(`no frame: ${this.#input.toString('utf8', 0, 200)}`);
        break;
      }
      const stop = end + 4 + Number(length);
      if (this.#input.length < stop) break;
      const text = this.#input.toString('utf8', end + 4, stop);
      this.#input = this.#input.subarray(stop);
      const message: unknown = JSON.parse(text);
      if (!isObject(message) || message['jsonrpc'] !== '2.0') this.violations.push(text.slice(0, 300));
      else if (message['method'] === undefined) {
        const key = JSON.stringify(message['id']);
        this.replies.set(key, [...(this.replies.get(key) ?? []), message]);
      } else if (message['id'] !== undefined) {
        // A request of the server's: nobody is there who could.
        this.send({ jsonrpc: '2.0', id: message['id'], error: { code: -32601, message: 'no' } });
      }
    }
    this.#wake();
  }
}
