/** What the server under test says of itself: how long its event loop was held, and its memory. */
import { mkdtempSync, rmSync } from 'node:fs';
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
  readonly heapUsed: number;
  readonly external: number;
  readonly arrayBuffers: number;
  readonly holds: readonly number[];
}

/** Serves one server: its `env` has to be the server's. */
export class Probe {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'hotlisp-probe-'));
  readonly #socket = path.join(this.#folder, 'probe.sock');
  readonly env: Record<string, string> = {
    HOTLISP_PROBE: this.#socket,
    NODE_OPTIONS: `--import=${pathToFileURL(path.join(repository, 'test/load/probe.mjs')).href}`,
  };

  /** @param collect whether garbage is collected first, which holds the server up */
  read({ collect = false } = {}): Promise<Reading> {
    const connection = net.connect(this.#socket);
    const reading = new Promise<Reading>((resolve, reject) => {
      connection.on('error', reject);
      connection.on('connect', () => connection.write(collect ? 'collect\n' : 'read\n'));
      readline
        .createInterface({ input: connection })
        .once('line', line => resolve(JSON.parse(line) as Reading));
    });
    return within('the probe', reading, 60_000).finally(() => connection.destroy());
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
