/** Keeps what the index knows of the files on disk true: finds them, reads what changed, keeps the cache. */
import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Snapshot, Source } from '../source/index.ts';
import { disk } from './disk.ts';
import { loadCache, saveCache, type CachedFile, type FileStamp } from './cache.ts';
import { isLispFile, isWithin, lispFiles, maxFileSize } from './files.ts';
import type { WorkspaceIndex } from './index.ts';
import type { FileSummary } from './types.ts';

export interface Workspace {
  /** Absolute paths. */
  readonly folders: readonly string[];
  /** The editor tells when a file changes. */
  readonly watched: boolean;
  /** The file that keeps the index from one session to the next; in a folder that is there. */
  readonly cacheFile?: string;
}

export interface FileReadingOptions {
  readonly source: Source;
  readonly index: WorkspaceIndex;
  /** Identifies the program and the grammar: what others wrote is not used. */
  readonly stamp: string;
  readonly log: (message: string) => void;
  /** Of the files that have to be read; `done` equal to `total` is the end. */
  readonly progress: (done: number, total: number) => void;
  /** Open buffers are none of its business. */
  readonly isOpen: (uri: string) => boolean;
  /** Reads the buffers that changed: called between two files. */
  readonly readBuffers: () => void;
  /** Puts a snapshot's summary into the index. */
  readonly summarize: (uri: string, snapshot: Snapshot) => FileSummary;
}

/** Milliseconds for which a look at the folders holds: shorter where the editor does not watch them. */
const scanHolds = { watched: 60_000, unwatched: 5_000 };
/** Milliseconds within which two writes of a file may have the same time. */
const clockGrain = 1000;
/** Milliseconds from the last reading to writing the cache. */
const saveAfter = 2000;
/** A workspace that was read in less (bytes) is read anew each time. */
const worthCaching = 256 * 1024;
/** Milliseconds between two words of progress. */
const tellEvery = 100;

export class FileReading {
  readonly #stamps = new Map<string, FileStamp>();
  /** Files to look at, by URI. */
  readonly #waiting = new Set<string>();
  /** Those of them that have to be read, with their sizes. */
  #unread = new Map<string, number>();
  readonly #said = new Set<string>();
  readonly #idle = new Set<() => void>();
  #workspace: Workspace = { folders: [], watched: false };
  #cache: Map<string, CachedFile> | undefined;
  #working = false;
  #scanning: Promise<void> | undefined;
  #scanned = -Infinity;
  #features: string;
  #done = 0;
  #toldAt = 0;
  #unsaved = false;
  #stopped = false;
  #saving: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(private readonly options: FileReadingOptions) {
    this.#features = featuresDigest(options.source.features);
  }

  /** Takes the folders and begins to read them. */
  configure(workspace: Workspace): void {
    const moved = workspace.cacheFile !== this.#workspace.cacheFile;
    this.#workspace = workspace;
    this.#stopped = false;
    if (moved) this.#cache = undefined;
    for (const uri of this.options.index.uris) if (!this.#belongs(uri)) this.#forget(uri);
    void this.#scan();
  }

  /** The source has other features: answers whether they are others than before. */
  featuresChanged(): boolean {
    const digest = featuresDigest(this.options.source.features);
    if (digest === this.#features) return false;
    this.#features = digest;
    const { index, isOpen } = this.options;
    for (const uri of index.uris) if (index.isConditional(uri) && !isOpen(uri)) this.#waiting.add(uri);
    this.work();
    return true;
  }

  /** A buffer was closed: its file counts again, where it is one of the workspace. */
  closed(uri: string): void {
    this.#stamps.delete(uri);
    if (this.#belongs(uri) && existsSync(fileURLToPath(uri))) this.#waiting.add(uri);
    else this.options.index.delete(uri);
    this.work();
  }

  /** Files, or folders, that were made, changed or removed. */
  changed(uris: readonly string[]): void {
    for (const uri of uris) {
      if (this.#belongs(uri)) this.#waiting.add(uri);
      else if (this.#mayHoldFiles(uri)) void this.#scan();
      // a folder that went away or came back under another name
      for (const known of this.options.index.uris) if (known.startsWith(`${uri}/`)) this.#waiting.add(known);
    }
    this.work();
  }

  /** Reads no more of the files that wait, until the folders change. */
  stop(): void {
    this.#stopped = true;
    this.#waiting.clear();
    this.#unread.clear();
  }

  /** Looks at the folders again where nobody would have told of a change. */
  refresh(): void {
    const { watched, folders } = this.#workspace;
    const holds = watched ? scanHolds.watched : scanHolds.unwatched;
    if (folders.length > 0 && !this.#stopped && !this.#scanning && performance.now() - this.#scanned > holds)
      void this.#scan();
  }

  /** Settled once no file or buffer waits to be read, or after so many milliseconds. @throws Error when aborted */
  async settled(milliseconds: number, signal: AbortSignal): Promise<void> {
    const end = performance.now() + milliseconds;
    while (this.busy && performance.now() < end) {
      signal.throwIfAborted();
      let settle = () => {};
      const idle = new Promise<void>(resolve => {
        settle = resolve;
        this.#idle.add(settle);
        setTimeout(settle, Math.min(250, end - performance.now())).unref();
      });
      await idle;
      this.#idle.delete(settle);
    }
    this.options.readBuffers();
  }

  /** Whether a file or buffer waits to be read. */
  get busy(): boolean {
    return this.#working || this.#scanning !== undefined;
  }

  /** Writes what is not written yet. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#saving);
    await this.#save();
  }

  #belongs(uri: string): boolean {
    if (this.options.isOpen(uri)) return true;
    const file = fileOf(uri);
    return file !== undefined && isLispFile(file) && isWithin(this.#workspace.folders, file);
  }

  /** Whether it is a folder in which files of the workspace may be. */
  #mayHoldFiles(uri: string): boolean {
    const folder = fileOf(uri);
    if (folder === undefined || isLispFile(folder) || !isWithin(this.#workspace.folders, folder))
      return false;
    try {
      return statSync(folder).isDirectory();
    } catch {
      return false;
    }
  }

  #forget(uri: string): void {
    this.options.index.delete(uri);
    if (this.#stamps.delete(uri)) this.#changed();
  }

  #scan(): Promise<void> {
    const scan = async () => {
      const { folders, cacheFile } = this.#workspace;
      const log = (message: string) => this.#say(message);
      this.#cache ??=
        cacheFile === undefined ? new Map() : await loadCache(cacheFile, this.options.stamp, log);
      const gone = new Set(this.#stamps.keys());
      for await (const file of lispFiles(folders, log)) {
        const uri = pathToFileURL(file).href;
        gone.delete(uri);
        if (this.#stopped) return;
        this.#waiting.add(uri);
      }
      for (const uri of gone) if (!this.options.isOpen(uri)) this.#forget(uri);
    };
    const mine = (this.#scanning ?? Promise.resolve())
      .then(scan)
      .catch((error: unknown) => this.#say(`The folders cannot be looked at: ${(error as Error).message}`))
      .then(() => {
        this.#scanned = performance.now();
        if (this.#scanning === mine) this.#scanning = undefined;
        this.work();
      });
    return (this.#scanning = mine);
  }

  /** Logs, each message once. */
  #say(message: string): void {
    if (this.#said.has(message)) return;
    this.#said.add(message);
    this.options.log(message);
  }

  /** Begins to read what waits, unless it is at it. */
  work(): void {
    if (this.#working || this.#closed) return;
    this.#working = true;
    void this.#readAll().finally(() => {
      this.#working = false;
      if (this.#waiting.size > 0) return this.work();
      if (!this.#scanning) this.#cache?.clear();
      for (const settle of this.#idle) settle();
    });
  }

  /** First looks at every file that waits, then reads those that have to be; open buffers come before either. */
  async #readAll(): Promise<void> {
    let sorted = false;
    while (!this.#closed) {
      await nextTurn();
      this.options.readBuffers();
      const look = this.#waiting.values().next();
      if (look.done && !sorted) this.#sortUnread();
      sorted = look.done === true;
      const read = look.done ? this.#unread.keys().next() : look;
      if (read.done) break;
      const uri = read.value;
      try {
        if (!look.done) {
          this.#waiting.delete(uri);
          await this.#look(uri);
        } else {
          this.#unread.delete(uri);
          await this.#readFile(uri);
          this.#progressed(++this.#done);
        }
      } catch (error) {
        this.#say(`The index leaves out ${uri}: ${(error as Error).message}`);
        if (!this.options.isOpen(uri)) this.#forget(uri);
      }
    }
    if (this.#done > 0) this.options.progress(this.#done, this.#done);
    this.#done = 0;
    this.#toldAt = 0;
  }

  #progressed(done: number): void {
    const now = performance.now();
    if (this.#toldAt > 0 && now - this.#toldAt < tellEvery) return;
    this.#toldAt = now;
    this.options.progress(done, done + this.#unread.size);
  }

  /** The small ones first: more of them are known sooner, and none waits for a large one. */
  #sortUnread(): void {
    this.#unread = new Map([...this.#unread].sort(([, a], [, b]) => a - b));
  }

  /** Whether the file has to be read: not when it is gone, open, or as it was. @throws Error when it cannot be looked at or is too large */
  async #look(uri: string): Promise<void> {
    if (this.options.isOpen(uri)) return;
    const stat = await this.#stat(uri);
    if (this.options.isOpen(uri)) return; // opened meanwhile
    if (!stat) return this.#forget(uri);
    const known = this.#stamps.get(uri) ?? this.#cache?.get(uri)?.stamp;
    const same = known?.mtimeMs === stat.mtimeMs && known.size === stat.size && this.#holds(known);
    if (same) this.#keep(uri);
    else this.#unread.set(uri, stat.size);
  }

  /** Reads a file, and parses it unless its content is what it was. @throws Error when it cannot be read */
  async #readFile(uri: string): Promise<void> {
    if (this.options.isOpen(uri)) return;
    const stat = await this.#stat(uri);
    if (!stat) return this.#forget(uri);
    const text = await disk.readFile(fileURLToPath(uri));
    if (this.options.isOpen(uri) || !this.#belongs(uri)) return; // opened or left meanwhile
    const { mtimeMs, size } = stat;
    const hash = createHash('sha256').update(text).digest('base64');
    const known = this.#stamps.get(uri) ?? this.#cache?.get(uri)?.stamp;
    let features = known?.features ?? '';
    if (known?.hash === hash && this.#holds(known)) this.#keep(uri);
    else {
      const { conditional } = this.options.summarize(uri, this.options.source.snapshot(uri, 0, text));
      features = conditional ? this.#features : '';
    }
    // A file written within the clock's grain may be written again unseen: such a one is read again.
    this.#stamps.set(uri, { mtimeMs: Date.now() - mtimeMs > clockGrain ? mtimeMs : 0, size, hash, features });
    this.#changed();
  }

  async #stat(uri: string): Promise<{ mtimeMs: number; size: number } | undefined> {
    try {
      const stat = await disk.stat(fileURLToPath(uri));
      if (!stat.isFile()) return undefined;
      if (stat.size > maxFileSize) throw new Error(`it has ${stat.size} bytes, more than ${maxFileSize}`);
      return stat;
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
      throw error;
    }
  }

  #holds(stamp: FileStamp): boolean {
    return stamp.features === '' || stamp.features === this.#features;
  }

  /** Takes from the cache what is not in the index yet. */
  #keep(uri: string): void {
    const cached = this.#cache?.get(uri);
    if (!cached || this.#stamps.has(uri)) return;
    this.options.index.set(uri, cached.summary);
    this.#stamps.set(uri, cached.stamp);
    this.#cache?.delete(uri);
  }

  // -------------------------------------------------------------------- cache

  #changed(): void {
    this.#unsaved = true;
    clearTimeout(this.#saving);
    if (!this.#closed) this.#saving = setTimeout(() => void this.#save(), saveAfter).unref();
  }

  async #save(): Promise<void> {
    const { cacheFile } = this.#workspace;
    if (!this.#unsaved || cacheFile === undefined) return;
    const stamps = [...this.#stamps].filter(([uri]) => !this.options.isOpen(uri));
    const size = stamps.reduce((sum, [, stamp]) => sum + stamp.size, 0);
    this.#unsaved = false;
    if (size < worthCaching) return;
    const entries = stamps.flatMap(([uri, stamp]): [string, CachedFile][] => {
      const summary = this.options.index.summary(uri);
      return summary ? [[uri, { stamp, summary }]] : [];
    });
    try {
      await saveCache(cacheFile, this.options.stamp, entries);
    } catch (error) {
      this.options.log(`The index is not kept: ${(error as Error).message}`);
    }
  }
}

const featuresDigest = (features: readonly string[]) =>
  createHash('sha256')
    .update([...features].sort().join(' '))
    .digest('base64')
    .slice(0, 16);

/** The file that a client's URI names; undefined for another scheme, another host, or what is no URI. */
function fileOf(uri: string): string | undefined {
  if (!uri.startsWith('file:')) return undefined;
  try {
    return fileURLToPath(uri);
  } catch {
    return undefined;
  }
}
