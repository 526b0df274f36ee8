/**
 * Keeps the index true: reads the workspace's files and the open buffers, follows their changes, answers queries. It works in
 * a thread of its own (worker.ts), one file after the other, so that a query never waits for more than one of them.
 */
import { createHash } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PositionEncoding, Snapshot, Source, SourceDocument } from '../source/index.ts';
import { loadCache, saveCache, type CachedFile, type FileStamp } from './cache.ts';
import { isLispFile, isWithin, lispFiles, maxFileSize } from './files.ts';
import { WorkspaceIndex, type Meaning } from './index.ts';
import { readKey, targetAt, visitForm } from './mentions.ts';
import { treeOf } from './nodes.ts';
import { summarize } from './summarize.ts';
import type { Answer, DefinitionHit, FileLocation, FileSummary, Params, QueryName } from './types.ts';

export interface IndexerOptions {
  readonly source: Source;
  readonly encoding: PositionEncoding;
  /** Identifies the program and the grammar: what others wrote is not used. */
  readonly stamp: string;
  readonly log: (message: string) => void;
  /** Of the files that have to be read; `done` equal to `total` is the end. */
  readonly progress: (done: number, total: number) => void;
}

export interface Workspace {
  /** Absolute paths. */
  readonly folders: readonly string[];
  /** The editor tells when a file changes. */
  readonly watched: boolean;
  /** The file that keeps the index from one session to the next; in a folder that is there. */
  readonly cacheFile?: string;
}

/** Milliseconds for which a look at the folders holds: shorter where the editor does not watch them. */
const scanHolds = { watched: 60_000, unwatched: 5_000 };
/** Milliseconds within which two writes of a file may have the same time. */
const clockGrain = 1000;
/** Milliseconds from the last reading to writing the cache. */
const saveAfter = 2000;
/** A workspace that was read in less (bytes) is read anew each time. */
const worthCaching = 256 * 1024;
/** Milliseconds that a query waits for files that are still being read. */
const patience = { definition: 10_000, symbols: 20_000, references: 20_000, state: 60_000 };
const maxReferences = 10_000;
/** Milliseconds between two words of progress. */
const tellEvery = 100;

interface Buffer_ {
  document: SourceDocument;
  dirty: boolean;
}

export class Indexer {
  readonly #index = new WorkspaceIndex();
  readonly #buffers = new Map<string, Buffer_>();
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
  #scanned = 0;
  #features = '';
  #done = 0;
  #toldAt = 0;
  #read = 0;
  #unsaved = false;
  #stopped = false;
  #saving: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(private readonly options: IndexerOptions) {
    this.#features = featuresDigest(options.source.features);
  }

  /** Takes the folders and begins to read them. */
  configure(workspace: Workspace): void {
    const moved = workspace.cacheFile !== this.#workspace.cacheFile;
    this.#workspace = workspace;
    this.#stopped = false;
    if (moved) this.#cache = undefined;
    for (const uri of this.#index.uris) if (!this.#belongs(uri)) this.#forget(uri);
    void this.#scan();
  }

  setFeatures(features: readonly string[]): void {
    this.options.source.setFeatures(features);
    const digest = featuresDigest(this.options.source.features);
    if (digest === this.#features) return;
    this.#features = digest;
    for (const uri of this.#index.uris) {
      if (!this.#index.isConditional(uri)) continue;
      const buffer = this.#buffers.get(uri);
      if (buffer) buffer.dirty = true;
      else this.#waiting.add(uri);
    }
    this.#work();
  }

  /** The text of an open buffer, whole; undefined once it is closed, or too large. Open buffers win over files. */
  setBuffer(uri: string, text: string | undefined): void {
    const buffer = this.#buffers.get(uri);
    if (text === undefined) {
      buffer?.document.dispose();
      this.#buffers.delete(uri);
      this.#stamps.delete(uri);
      if (this.#belongs(uri)) this.#waiting.add(uri);
      else this.#index.delete(uri);
    } else if (buffer) {
      const change = differenceOf(buffer.document.snapshot.text, text);
      if (change) {
        buffer.document.apply([change], buffer.document.snapshot.version + 1);
        buffer.dirty = true;
      }
    } else this.#buffers.set(uri, { document: this.options.source.open(uri, 0, text), dirty: true });
    this.#work();
  }

  /** Files, or folders, that were made, changed or removed. */
  filesChanged(uris: readonly string[]): void {
    for (const uri of uris) {
      if (this.#belongs(uri)) this.#waiting.add(uri);
      // a folder that went away or came back under another name
      for (const known of this.#index.uris) if (known.startsWith(`${uri}/`)) this.#waiting.add(known);
    }
    this.#work();
  }

  /** Reads no more of the files that wait, until the folders change. */
  stop(): void {
    this.#stopped = true;
    this.#waiting.clear();
    this.#unread.clear();
  }

  /** Answers a query. @throws Error when aborted */
  async query<Q extends QueryName>(name: Q, params: Params<Q>, signal: AbortSignal): Promise<Answer<Q>> {
    const answers: { [N in QueryName]: (given: Params<N>) => Promise<Answer<N>> } = {
      symbols: async ({ query, limit }) => {
        await this.#settled(patience.symbols, signal);
        return this.#index.symbols(query, limit);
      },
      definition: given => this.#definition(given, signal),
      references: given => this.#references(given, signal),
      state: async () => {
        await this.#settled(patience.state, signal);
        return { ...this.#index.counts, read: this.#read };
      },
    };
    await this.#refresh();
    return answers[name](params);
  }

  /** Writes what is not written yet. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#saving);
    await this.#save();
  }

  // ------------------------------------------------------------------ queries

  async #definition(
    { uri, position }: Params<'definition'>,
    signal: AbortSignal,
  ): Promise<readonly DefinitionHit[]> {
    const look = () => {
      const snapshot = this.#buffers.get(uri)?.document.snapshot;
      const target = snapshot && targetAt(snapshot, snapshot.offsetAt(position, this.options.encoding));
      return target ? this.#index.definitions(target, uri) : undefined;
    };
    this.#readBuffers();
    const found = look();
    // Nothing under the cursor, or found; else a file that is still to be read may have it.
    if (found?.length !== 0) return found ?? [];
    await this.#settled(patience.definition, signal);
    return look() ?? [];
  }

  async #references(
    { uri, position, includeDeclaration }: Params<'references'>,
    signal: AbortSignal,
  ): Promise<readonly FileLocation[]> {
    await this.#settled(patience.references, signal);
    const snapshot = this.#buffers.get(uri)?.document.snapshot;
    const target = snapshot && targetAt(snapshot, snapshot.offsetAt(position, this.options.encoding));
    if (!target) return [];
    const meaning = this.#index.meaning(target);
    const declared = new Map<string, Set<string>>();
    if (!includeDeclaration)
      for (const { uri: file, definition } of this.#index.definitions(target, uri)) {
        const places = declared.get(file) ?? new Set();
        places.add(placeOf(definition.nameRange));
        declared.set(file, places);
      }
    const out: FileLocation[] = [];
    for (const file of this.#index.filesMentioning(meaning).sort()) {
      signal.throwIfAborted();
      const text = await this.#textOf(file);
      if (text === undefined) continue;
      for (const range of this.#occurrences(text, meaning))
        if (!isDeclared(declared.get(file), range)) out.push({ uri: file, range });
      if (out.length >= maxReferences) {
        this.options.log(
          `There are more than ${maxReferences} references to ${meaning.name}; the others are left out.`,
        );
        return out.slice(0, maxReferences);
      }
      await nextTurn();
    }
    return out;
  }

  async #textOf(uri: string): Promise<Snapshot | undefined> {
    const open = this.#buffers.get(uri)?.document.snapshot;
    if (open) return open;
    try {
      return this.options.source.snapshot(uri, 0, await fs.readFile(fileURLToPath(uri), 'utf8'));
    } catch {
      return undefined; // removed since
    }
  }

  #occurrences(snapshot: Snapshot, meaning: Meaning): FileLocation['range'][] {
    const out: FileLocation['range'][] = [];
    const wanted = meaning.name.toUpperCase();
    for (const form of snapshot.forms) {
      const text = snapshot.text.slice(form.span.start, form.span.end);
      // Escapes may spell a name in another way.
      if (!text.includes('\\') && !text.toUpperCase().includes(wanted) && meaning.type === 'symbol') continue;
      const node = treeOf(snapshot, form);
      if (!node) continue;
      const seen = new Set<number>();
      visitForm(snapshot, node, {
        mention: (key, span) => {
          if (seen.has(span.start) || !this.#index.means(readKey(key), form.package ?? null, meaning)) return;
          seen.add(span.start);
          out.push(snapshot.rangeOf(span, this.options.encoding));
        },
      });
    }
    return out;
  }

  // ------------------------------------------------------------------ reading

  #belongs(uri: string): boolean {
    if (this.#buffers.has(uri)) return true;
    if (!uri.startsWith('file:')) return false;
    const file = fileURLToPath(uri);
    return isLispFile(file) && isWithin(this.#workspace.folders, file);
  }

  #forget(uri: string): void {
    this.#index.delete(uri);
    if (this.#stamps.delete(uri)) this.#changed();
  }

  #summarize(uri: string, snapshot: Snapshot): FileSummary {
    this.#read++;
    const summary = summarize(snapshot, this.options.encoding);
    this.#index.set(uri, summary);
    return summary;
  }

  #readBuffers(): void {
    for (const [uri, buffer] of this.#buffers) {
      if (!buffer.dirty) continue;
      buffer.dirty = false;
      this.#summarize(uri, buffer.document.snapshot);
    }
  }

  /** Looks at the folders again where nobody would have told of a change. */
  async #refresh(): Promise<void> {
    const { watched, folders } = this.#workspace;
    const holds = watched ? scanHolds.watched : scanHolds.unwatched;
    if (folders.length > 0 && !this.#stopped && !this.#scanning && Date.now() - this.#scanned > holds)
      void this.#scan();
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
        this.#waiting.add(uri);
      }
      for (const uri of gone) if (!this.#buffers.has(uri)) this.#forget(uri);
    };
    const mine = (this.#scanning ?? Promise.resolve())
      .then(scan)
      .catch((error: unknown) => this.#say(`The folders cannot be looked at: ${(error as Error).message}`))
      .then(() => {
        this.#scanned = Date.now();
        if (this.#scanning === mine) this.#scanning = undefined;
        this.#work();
      });
    return (this.#scanning = mine);
  }

  /** Logs, each message once. */
  #say(message: string): void {
    if (this.#said.has(message)) return;
    this.#said.add(message);
    this.options.log(message);
  }

  #work(): void {
    if (this.#working || this.#closed) return;
    this.#working = true;
    void this.#readAll().finally(() => {
      this.#working = false;
      if (this.#waiting.size > 0) return this.#work();
      if (!this.#scanning) this.#cache?.clear();
      for (const settle of this.#idle) settle();
    });
  }

  /** First looks at every file that waits, then reads those that have to be; open buffers come before either. */
  async #readAll(): Promise<void> {
    let sorted = false;
    while (!this.#closed) {
      await nextTurn();
      this.#readBuffers();
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
        this.#forget(uri);
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
    const stat = await this.#stat(uri);
    if (this.#buffers.has(uri)) return;
    if (!stat) return this.#forget(uri);
    const known = this.#stamps.get(uri) ?? this.#cache?.get(uri)?.stamp;
    const same = known?.mtimeMs === stat.mtimeMs && known.size === stat.size && this.#holds(known);
    if (same) this.#keep(uri);
    else this.#unread.set(uri, stat.size);
  }

  /** Reads a file, and parses it unless its content is what it was. @throws Error when it cannot be read */
  async #readFile(uri: string): Promise<void> {
    const stat = await this.#stat(uri);
    if (!stat) return this.#forget(uri);
    const text = await fs.readFile(fileURLToPath(uri), 'utf8');
    if (this.#buffers.has(uri) || !this.#belongs(uri)) return; // opened or left meanwhile
    const { mtimeMs, size } = stat;
    const hash = createHash('sha256').update(text).digest('base64');
    const known = this.#stamps.get(uri) ?? this.#cache?.get(uri)?.stamp;
    let features = known?.features ?? '';
    if (known?.hash === hash && this.#holds(known)) this.#keep(uri);
    else {
      const { conditional } = this.#summarize(uri, this.options.source.snapshot(uri, 0, text));
      features = conditional ? this.#features : '';
    }
    // A file written within the clock's grain may be written again unseen: such a one is read again.
    this.#stamps.set(uri, { mtimeMs: Date.now() - mtimeMs > clockGrain ? mtimeMs : 0, size, hash, features });
    this.#changed();
  }

  async #stat(uri: string): Promise<{ mtimeMs: number; size: number } | undefined> {
    try {
      const stat = await fs.stat(fileURLToPath(uri));
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
    this.#index.set(uri, cached.summary);
    this.#stamps.set(uri, cached.stamp);
    this.#cache?.delete(uri);
  }

  /** Settled once no file or buffer waits to be read, or after so many milliseconds. @throws Error when aborted */
  async #settled(milliseconds: number, signal: AbortSignal): Promise<void> {
    const end = Date.now() + milliseconds;
    while (this.#busy && Date.now() < end) {
      signal.throwIfAborted();
      let settle = () => {};
      const idle = new Promise<void>(resolve => {
        settle = resolve;
        this.#idle.add(settle);
        setTimeout(settle, Math.min(250, end - Date.now())).unref();
      });
      await idle;
      this.#idle.delete(settle);
    }
    this.#readBuffers();
  }

  get #busy(): boolean {
    return this.#working || this.#scanning !== undefined;
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
    const stamps = [...this.#stamps].filter(([uri]) => !this.#buffers.has(uri));
    const size = stamps.reduce((sum, [, stamp]) => sum + stamp.size, 0);
    this.#unsaved = false;
    if (size < worthCaching) return;
    const entries = stamps.flatMap(([uri, stamp]): [string, CachedFile][] => {
      const summary = this.#index.summary(uri);
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

const placeOf = ({ start }: FileLocation['range']) => `${start.line}:${start.character}`;

function isDeclared(places: ReadonlySet<string> | undefined, range: FileLocation['range']): boolean {
  return places?.has(placeOf(range)) === true;
}

/** The one replacement that makes `after` of `before`; undefined where they are the same. */
export function differenceOf(before: string, after: string) {
  if (before === after) return undefined;
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before.charCodeAt(start) === after.charCodeAt(start)) start++;
  let same = 0;
  while (
    same < shorter - start &&
    before.charCodeAt(before.length - same - 1) === after.charCodeAt(after.length - same - 1)
  )
    same++;
  return { range: { start, end: before.length - same }, text: after.slice(start, after.length - same) };
}
