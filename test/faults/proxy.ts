/**
 * Stands between a server and the agent's socket, knows every call that passes, and can do at a chosen one what a bad day
 * does: hold it, garble it, cut it off, or let it through a byte at a time.
 */
import { chmodSync, rmSync } from 'node:fs';
import net from 'node:net';
import type { Op } from '../../server/image/protocol.ts';
import { LineReader } from '../../server/image/socketWire.ts';

/** `asked`: the server has sent the call, the agent has not got it. `answered`: the agent has replied, the server has not got it. */
export type Phase = 'asked' | 'answered';

export interface Passing {
  readonly phase: Phase;
  readonly op: string;
  /** Position among the calls since `watch`, from 0. */
  readonly index: number;
  readonly id: number;
  readonly line: string;
}

/** What becomes of the message: passed on, kept back, or these bytes in its place. */
export type Verdict = 'pass' | 'hold' | { readonly bytes: string };

/** What operations ask for. Everything else belongs to the connection, or to language features, which ask when they like. */
const counted: ReadonlySet<string> = new Set<Op>([
  'check',
  'dependents',
  'apply',
  'undo',
  'redo',
  'source',
  'eval',
  'threads',
  'fasl',
  'load-fasl',
  'system',
  'load-system',
  'files',
  'backtrace',
  'interrupt',
  'terminate',
  'macroexpand',
  'removal',
  'remove',
  'instances',
  'inspect',
  'trace',
]);

/** An operation asks for the threads besides; a look for the hazards of an edit does not. */
const isLook = (op: string, args: { threads?: boolean } | undefined) => op === 'check' && !args?.threads;

interface Lane {
  readonly client: net.Socket;
  readonly agent: net.Socket;
}

export class AgentProxy {
  readonly #server: net.Server;
  readonly #lanes = new Set<Lane>();
  #at: ((passing: Passing) => Verdict | Promise<Verdict>) | undefined;
  #count = 0;
  #ops: string[] = [];
  #dripping = false;
  #splitting = false;

  private constructor(
    readonly front: string,
    private readonly back: string,
  ) {
    this.#server = net.createServer(client => this.#serve(client));
  }

  /** Listens at `front`, in a directory that must be this user's alone. */
  static async start(front: string, back: string): Promise<AgentProxy> {
    const proxy = new AgentProxy(front, back);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(front, resolve);
    });
    chmodSync(front, 0o600);
    return proxy;
  }

  /** Forgets what has passed, and asks `at` about each call and reply from now on. */
  watch(at?: (passing: Passing) => Verdict | Promise<Verdict>): void {
    this.#at = at;
    this.#count = 0;
    this.#ops = [];
    this.#dripping = false;
    this.#splitting = false;
  }

  /** The operations that were called since `watch`. */
  get ops(): readonly string[] {
    return this.#ops;
  }

  /** From now on every byte travels by itself, in both directions, until the next `watch`. */
  drip(): void {
    this.#dripping = true;
  }

  /** From now on every character of several bytes travels in two parts, until the next `watch`. */
  splitCharacters(): void {
    this.#splitting = true;
  }

  /** Ends all connections without a word. */
  cut(): void {
    for (const { client, agent } of this.#lanes) {
      client.destroy();
      agent.destroy();
    }
  }

  async close(): Promise<void> {
    const closed = new Promise(resolve => this.#server.close(resolve));
    this.cut();
    await closed;
    rmSync(this.front, { force: true });
  }

  #serve(client: net.Socket): void {
    const agent = net.connect(this.back);
    const lane = { client, agent };
    this.#lanes.add(lane);
    const calls = new Map<number, { op: string; index: number }>();
    const end = () => {
      this.#lanes.delete(lane);
      client.destroy();
      agent.destroy();
    };
    for (const socket of [client, agent]) {
      socket.setNoDelay(true);
      socket.on('error', end).on('close', end);
    }
    this.#relay(client, agent, line => {
      const { id, op, args } = JSON.parse(line) as { id: number; op: string; args?: { threads?: boolean } };
      if (!counted.has(op) || isLook(op, args)) return 'pass';
      const index = this.#count++;
      this.#ops.push(op);
      calls.set(id, { op, index });
      return this.#at?.({ phase: 'asked', op, index, id, line }) ?? 'pass';
    });
    this.#relay(agent, client, line => {
      const { id, event } = JSON.parse(line) as { id: number; event?: string };
      const call = event === undefined ? calls.get(id) : undefined;
      return call ? (this.#at?.({ phase: 'answered', ...call, id, line }) ?? 'pass') : 'pass';
    });
  }

  #relay(from: net.Socket, to: net.Socket, judge: (line: string) => Verdict | Promise<Verdict>): void {
    const lines = new LineReader(1 << 26);
    let written = Promise.resolve();
    from.on('data', chunk => {
      for (const line of lines.push(chunk)) {
        const verdict = judge(line);
        // What comes after a message that is thought about waits for it.
        written = written.then(async () => {
          const word = await verdict;
          if (word !== 'hold') await this.#write(to, Buffer.from(word === 'pass' ? `${line}\n` : word.bytes));
        });
      }
    });
  }

  async #write(to: net.Socket, bytes: Buffer): Promise<void> {
    const put = (part: Buffer) => new Promise<void>(done => to.write(part, () => done()));
    if (this.#splitting) {
      let from = 0;
      for (const [at, byte] of bytes.entries())
        if (byte >= 0xc0 && !to.destroyed) {
          await put(bytes.subarray(from, at + 1));
          await new Promise(resolve => setTimeout(resolve, 1));
          from = at + 1;
        }
      return put(bytes.subarray(from));
    }
    if (!this.#dripping) return put(bytes);
    // Each waits for the one before it: what is written at once would travel together.
    for (const byte of bytes) if (!to.destroyed) await put(Buffer.of(byte));
  }
}
