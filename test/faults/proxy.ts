/**
 * Stands between a server and an image, knows every call that passes, and can do at a chosen one what a bad day
 * does: hold it, garble it, cut it off, or let it through a byte at a time.
 */
import { chmodSync, rmSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import type { Op } from '../../server/image/protocol.ts';
import { wireFormats, type Parcel, type WireFormat, type WireName } from './wires.ts';

/** `asked`: the server has sent the call, the agent has not got it. `answered`: the agent has replied, the server has not got it. */
export type Phase = 'asked' | 'answered';

export interface Passing {
  readonly phase: Phase;
  readonly op: string;
  /** Position among the calls since `watch`, from 0. */
  readonly index: number;
  readonly bytes: Buffer;
  /** The number that the agent knows the call by; 0 for a call of what loads the agent. */
  readonly id: number;
  /** The bytes by which the agent says `json` in place of this reply. */
  inPlace(json: string): Buffer;
  readonly wire: WireFormat;
}

/** What becomes of the message: passed on, kept back, or these bytes in its place. */
export type Verdict = 'pass' | 'hold' | { readonly bytes: Buffer };

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

/** What connecting asks for: of the agent, and before that of Swank and of what loads the agent. */
const ofConnecting: ReadonlySet<string> = new Set(['hello', 'list', 'progn', 'attach', 'offer-agent']);

/** An operation asks for the threads besides; a look for the hazards of an edit does not. */
const isLook = (op: string, args: { threads?: boolean } | undefined) => op === 'check' && !args?.threads;

interface Lane {
  readonly client: net.Socket;
  readonly agent: net.Socket;
}

export interface Watching {
  /** Is asked about each call and reply. */
  readonly at?: (passing: Passing) => Verdict | Promise<Verdict>;
  /** Whether what connecting asks for counts, too. */
  readonly connecting?: boolean | undefined;
}

export class AgentProxy {
  readonly #server: net.Server;
  readonly #lanes = new Set<Lane>();
  readonly #format: WireFormat;
  #watching: Watching = {};
  #count = 0;
  #ops: string[] = [];
  #dripping = false;
  #splitting = false;

  private constructor(
    private readonly folder: string,
    private readonly wire: WireName,
    private readonly reach: () => net.Socket,
  ) {
    this.#format = wireFormats[wire];
    this.#server = net.createServer(client => this.#serve(client));
  }

  /**
   * Listens: at a socket in `folder`, which must be this user's alone, or at a port for Swank.
   * @param reach connects to the image that is behind it now
   */
  static async start(folder: string, wire: WireName, reach: () => net.Socket): Promise<AgentProxy> {
    const proxy = new AgentProxy(folder, wire, reach);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      if (wire === 'socket') proxy.#server.listen(proxy.#path, resolve);
      else proxy.#server.listen(0, '127.0.0.1', resolve);
    });
    if (wire === 'socket') chmodSync(proxy.#path, 0o600);
    return proxy;
  }

  /** For the setting image.address. */
  get address(): string {
    const address = this.#server.address();
    return typeof address === 'object' ? `127.0.0.1:${address!.port}` : `unix:${address}`;
  }

  get #path(): string {
    return path.join(this.folder, 'agent.sock');
  }

  /** Forgets what has passed, and watches anew. */
  watch(watching: Watching = {}): void {
    this.#watching = watching;
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
    if (this.wire === 'socket') rmSync(this.#path, { force: true });
  }

  #serve(client: net.Socket): void {
    const agent = this.reach();
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
    const judge = (phase: Phase, call: { op: string; index: number }, parcel: Parcel) =>
      this.#watching.at?.({
        phase,
        ...call,
        id: parcel.agentId ?? 0,
        bytes: parcel.bytes,
        inPlace: json => this.#format.inPlaceOf(parcel, json),
        wire: this.#format,
      }) ?? 'pass';
    this.#relay(client, agent, parcel => {
      if (!parcel.call) return 'pass';
      const { id, op, args } = parcel.call;
      if (!(this.#watching.connecting && ofConnecting.has(op)) && (!counted.has(op) || isLook(op, args)))
        return 'pass';
      const call = { op, index: this.#count++ };
      this.#ops.push(op);
      calls.set(id, call);
      return judge('asked', call, parcel);
    });
    this.#relay(agent, client, parcel => {
      const call = parcel.reply === undefined ? undefined : calls.get(parcel.reply);
      return call ? judge('answered', call, parcel) : 'pass';
    });
  }

  #relay(from: net.Socket, to: net.Socket, judge: (parcel: Parcel) => Verdict | Promise<Verdict>): void {
    const reader = this.#format.reader();
    let written = Promise.resolve();
    from.on('data', chunk => {
      for (const parcel of reader.push(chunk)) {
        const verdict = judge(parcel);
        // What comes after a message that is thought about waits for it.
        written = written.then(async () => {
          const word = await verdict;
          if (word !== 'hold') await this.#write(to, word === 'pass' ? parcel.bytes : word.bytes);
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
