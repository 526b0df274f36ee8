/**
 * The journal: one line of JSON per decision and per change, appended and flushed to the disk before its result is reported.
 * Several servers may append to one file: each entry is a single write with O_APPEND.
 */
import { createHash } from 'node:crypto';
import { constants, existsSync, fstatSync, promises as fs, readSync, statSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { HotlispError } from '../errors.ts';
import type { DefinitionName } from '../image/protocol.ts';

export interface JournalDefinition {
  readonly kind: string;
  readonly name: string;
  readonly package: string;
  readonly change?: string;
}

/** One form: what was there, what was asked for (null where there is nothing, or it is not known), and where that stands. */
export interface JournalSource {
  readonly before: string | null;
  readonly after: string | null;
  readonly file: string | null;
  readonly package: string;
  /** These as in the wire's Form. */
  readonly readtable?: string | undefined;
  readonly policy?: { quality: string; value: number }[] | undefined;
  readonly place?: {
    readonly byteOffset: number;
    readonly line: number;
    readonly column: number;
    readonly index: number;
  };
}

/** Enough to do again what is not a matter of forms. Digests are SHA-256 of a file's bytes, in hexadecimal. */
interface LoadDeed {
  /** The constants that may get another value. */
  readonly constants?: readonly { readonly name: string; readonly package: string }[];
}

export type JournalDeed =
  | (LoadDeed & { readonly type: 'fasl'; readonly path: string; readonly digest: string })
  | (LoadDeed & {
      readonly type: 'system';
      readonly system: string;
      readonly force: 'none' | 'system' | 'all';
      /** The file that defines it. */
      readonly asd?: string;
      readonly sources: readonly { readonly file: string; readonly digest: string }[];
    })
  | {
      readonly type: 'removal';
      /** As in the wire's DefinitionName, to be read in `package`. */
      readonly definitions: readonly DefinitionName[];
      readonly package: string;
    };

export interface JournalEntry {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly event: 'decision' | 'outcome';
  /** "user@host pid client" of the server that acted. */
  readonly actor: string;
  readonly image: { readonly id: string; readonly title: string };
  readonly operation: string;
  readonly request: number;
  readonly transaction?: string;
  readonly definitions?: readonly JournalDefinition[];
  readonly source?: readonly JournalSource[];
  /** What was done, where that is not compiling `source`. */
  readonly deed?: JournalDeed;
  /** The transactions that a replay did again, in order. */
  readonly replayed?: readonly string[];
  readonly decision?: string;
  readonly reason?: string;
  readonly outcome?: {
    readonly status: string;
    readonly message?: string;
    readonly remains?: readonly string[];
    readonly target?: string;
    /** The image's own transactions that this one consists of, in order, where they are several. */
    readonly parts?: readonly string[];
  };
}

interface OpenFile {
  readonly handle: fs.FileHandle;
  readonly device: number;
  readonly inode: number;
}

/** Milliseconds for which a long journal is read until others may go on. */
const slice = 5;

export class Journal {
  #file: Promise<OpenFile> | undefined;
  /** That of `#file`, once it is open. */
  #handle: fs.FileHandle | undefined;
  #flushing: Promise<void> = Promise.resolve();
  #flushQueued: Promise<void> | undefined;
  /** The lines that were told of as no entries. */
  readonly #warned = new Set<string>();
  readonly path: string;

  /** @param directory absolute path; made with mode 0700 when it is not there */
  constructor(
    directory: string,
    private readonly warn: (message: string) => void,
  ) {
    this.path = path.join(directory, 'journal.ndjson');
  }

  /**
   * Resolves once the journal can be appended to, as far as opening it tells.
   * @throws HotlispError as `append`
   */
  async prepare(): Promise<void> {
    try {
      await this.#opened();
    } catch (error) {
      this.#fail(error);
    }
  }

  /**
   * Appends one entry and resolves once it is on the disk, and every entry before it.
   * @throws HotlispError `read-only` naming the file, when it cannot be written; nothing must then be done or reported as done
   */
  async append(entry: JournalEntry): Promise<void> {
    await (
      await this.write(entry)
    ).flushed;
  }

  /**
   * Writes one entry and resolves once the system has it: no end of this process loses it. `flushed` settles once it is on the
   * disk, which may be waited for together with a later entry's.
   * @throws HotlispError as `append`; so does `flushed`, which need not be waited for
   */
  async write(entry: JournalEntry): Promise<{ readonly flushed: Promise<void> }> {
    let handle: fs.FileHandle | undefined;
    try {
      ({ handle } = await this.#opened());
      // What a server that was killed, or whose disk was full, left of its line is kept apart.
      const line = Buffer.from(`${endsInLine(handle.fd) ? '\n' : ''}${JSON.stringify(entry)}\n`);
      // A line into the system's cache takes microseconds; a trip through the thread pool would take longer.
      if (writeSync(handle.fd, line) !== line.length) throw new Error('the disk is full');
      const flushed = this.#flush(handle).catch((error: unknown) => this.#fail(error, handle));
      flushed.catch(() => undefined);
      return { flushed };
    } catch (error) {
      return this.#fail(error, handle);
    }
  }

  /** The file is opened again for the next entry; `handle` is closed once nothing is flushed through it. */
  #letGo(handle: fs.FileHandle): void {
    if (handle === this.#handle) this.#file = this.#handle = undefined;
    void this.#flushing.catch(() => undefined).then(() => handle.close().catch(() => undefined));
  }

  #fail(error: unknown, handle?: fs.FileHandle): never {
    if (handle) this.#letGo(handle);
    throw new HotlispError(
      'read-only',
      `The journal ${this.path} cannot be written (${(error as Error).message}), so nothing is done without it. Mend that or set hotlisp.journal.directory.`,
      { path: this.path },
    );
  }

  /** Entries in the order they were written; a torn or foreign line is skipped with a warning. An absent journal is empty. */
  async read(): Promise<JournalEntry[]> {
    let text: string;
    try {
      if (!(await fs.stat(this.path)).isFile()) throw new Error('it is not a regular file');
      text = await fs.readFile(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw new HotlispError(
        'internal',
        `The journal ${this.path} cannot be read (${(error as Error).message}).`,
        { path: this.path },
      );
    }
    const entries: JournalEntry[] = [];
    let until = performance.now() + slice;
    for (const [index, line] of text.split('\n').entries()) {
      if (line.trim() === '') continue;
      if (performance.now() > until) {
        await turn();
        until = performance.now() + slice;
      }
      const entry = parseEntry(line);
      if (entry) entries.push(entry);
      else if (!this.#warned.has(line)) {
        this.#warned.add(line);
        this.warn(`${this.path}:${index + 1} is not a whole journal entry; skipped.`);
      }
    }
    return entries;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = this.#handle = undefined;
    await this.#flushing.catch(() => undefined);
    await (await file?.catch(() => undefined))?.handle.close();
  }

  /** The file of that name: another one than before, where somebody removed or replaced it. */
  async #opened(): Promise<OpenFile> {
    const before = this.#file;
    if (before) {
      const { handle, device, inode } = await before;
      const now = statSync(this.path, { throwIfNoEntry: false });
      if (now?.ino === inode && now.dev === device) return before;
      if (this.#file === before) this.#letGo(handle);
    }
    const file = (this.#file ??= this.#open());
    file.catch(() => {
      if (this.#file === file) this.#file = undefined;
    });
    return file;
  }

  async #open(): Promise<OpenFile> {
    const directory = path.dirname(this.path);
    await makeDirectory(directory);
    const { O_APPEND, O_CREAT, O_RDWR, O_NOFOLLOW, O_NONBLOCK } = constants;
    const handle = await fs.open(this.path, O_APPEND | O_CREAT | O_RDWR | O_NOFOLLOW | O_NONBLOCK, 0o600);
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) throw new Error('it is not a regular file');
      await handle.chmod(0o600);
      this.#handle = handle;
      return { handle, device: stats.dev, inode: stats.ino };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Entries written while a flush is under way share the next one. */
  #flush(file: fs.FileHandle): Promise<void> {
    this.#flushQueued ??= this.#flushing
      .catch(() => undefined)
      .then(() => {
        this.#flushQueued = undefined;
        return (this.#flushing = file.datasync());
      });
    return this.#flushQueued;
  }
}

/** Whether the last line of the file has no end. */
function endsInLine(fd: number): boolean {
  const { size } = fstatSync(fd);
  const last = Buffer.alloc(1);
  return size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
}

function parseEntry(line: string): JournalEntry | undefined {
  try {
    const entry = JSON.parse(line) as JournalEntry;
    return typeof entry === 'object' &&
      entry !== null &&
      typeof entry.time === 'string' &&
      typeof entry.event === 'string'
      ? entry
      : undefined;
  } catch {
    return undefined;
  }
}

/** Where a workspace's journal is by default: `$XDG_STATE_HOME/hotlisp/<name>-<hash of the root>`. */
export function defaultJournalDirectory(root: string | undefined): string {
  const state = process.env.XDG_STATE_HOME || path.join(os.homedir(), '.local', 'state');
  if (root === undefined) return path.join(state, 'hotlisp', 'no-workspace');
  const hash = createHash('sha256').update(root).digest('hex').slice(0, 12);
  return path.join(state, 'hotlisp', `${path.basename(root) || 'root'}-${hash}`);
}

/** With its parents. Node's own way never ends where a parent that is there takes no directory, as /proc does. */
async function makeDirectory(directory: string): Promise<void> {
  if (existsSync(directory)) return;
  await makeDirectory(path.dirname(directory));
  await fs.mkdir(directory, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}
