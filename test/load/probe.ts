/** What the server under test says of itself: how long its event loop was held, and its memory. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { pathToFileURL } from 'node:url';
import { repository } from '../support/lspClient.ts';
import { within } from '../support/wait.ts';

/** A frame of an editor's screen, in milliseconds: the longest that the event loop may be held. */
export const FRAME = 16;

/** Bytes; `holds` are the milliseconds, longer than 4 each, for which the loop was held since the last reading. */
export interface Reading {
  readonly rss: number;
  /** Of the main thread. */
  readonly heapUsed: number;
  /** Of the server's other threads together. */
  readonly threadsHeapUsed: number;
  /** What V8 keeps of its heaps, all threads together, for what comes. */
  readonly heapsFree: number;
  readonly external: number;
  readonly arrayBuffers: number;
  readonly holds: readonly number[];
}

interface Heap {
  readonly heapUsed: number;
  readonly heapTotal: number;
}

/** Serves one server: its `env` has to be the server's. */
export class Probe {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'hotlisp-probe-'));
  readonly #socket = path.join(this.#folder, 'probe.sock');
  readonly env: Record<string, string> = {
    HOTLISP_PROBE: this.#socket,
    NODE_OPTIONS: `--import=${pathToFileURL(path.join(repository, 'test/load/probe.mjs')).href}`,
  };

  /** @param collect whether the garbage of all threads is collected first, which holds the server up */
  async read({ collect = false } = {}): Promise<Reading> {
    if (!collect) return this.#ask('read\n');
    const { holds } = await this.#ask('collect\n');
    // V8 gives pages back a moment later, in a thread of its own.
    await new Promise(resolve => setTimeout(resolve, 1000));
    const reading = await this.#ask('read\n');
    return { ...reading, holds: [...holds, ...reading.holds] };
  }

  async #ask(word: string): Promise<Reading> {
    const names = readdirSync(this.#folder).filter(name => name !== path.basename(this.#socket));
    let [threadsHeapUsed, threadsHeapTotal] = [0, 0];
    for (const name of names) {
      const thread = await ask<Heap>(path.join(this.#folder, name), word);
      threadsHeapUsed += thread.heapUsed;
      threadsHeapTotal += thread.heapTotal;
    }
    const main = await ask<Omit<Reading, 'threadsHeapUsed' | 'heapsFree'> & Heap>(this.#socket, word);
    const heapsFree = main.heapTotal + threadsHeapTotal - main.heapUsed - threadsHeapUsed;
    return { ...main, threadsHeapUsed, heapsFree };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function ask<T>(socket: string, word: string): Promise<T> {
  const connection = net.connect(socket);
  const answer = new Promise<T>((resolve, reject) => {
    connection.on('error', reject);
    connection.on('connect', () => connection.write(word));
    readline
      .createInterface({ input: connection })
      .on('error', reject)
      .once('line', line => resolve(JSON.parse(line) as T));
  });
  return within('the probe', answer, 60_000).finally(() => connection.destroy());
}
