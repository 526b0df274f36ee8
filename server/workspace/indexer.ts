/**
 * Keeps the index true, from the open buffers and from the workspace's files, and answers queries. It works in a thread of its
 * own (worker.ts), one file after the other, so that a query never waits for more than one of them.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Position, PositionEncoding, Snapshot, Source, SourceDocument, Span } from '../source/index.ts';
import { disk } from './disk.ts';
import { differenceOf } from './difference.ts';
import { FileReading, type Workspace } from './fileReading.ts';
import { WorkspaceIndex } from './index.ts';
import { definitionsNamed, namesThatFit, packageNamed, slotsOf } from './known.ts';
import { targetAt, type Target } from './mentions.ts';
import { namingIn } from './naming.ts';
import { occurrencesIn } from './occurrences.ts';
import { callersOf, subtypesOf, supertypesOf } from './relations.ts';
import { planRename } from './rename.ts';
import { summarize, type Summary } from './summarize.ts';
import type { Answer, DefinitionHit, FileLocation, Params, QueryName, RenamePlan } from './types.ts';

export interface IndexerOptions {
  readonly source: Source;
  readonly encoding: PositionEncoding;
  /** Identifies the program and the grammar: what others wrote is not used. */
  readonly stamp: string;
  readonly log: (message: string) => void;
  /** Of the files that have to be read; `done` equal to `total` is the end. */
  readonly progress: (done: number, total: number) => void;
}

/** Milliseconds that a query waits for files that are still being read. */
const patience = { definition: 10_000, symbols: 20_000, references: 20_000, state: 60_000 };
const maxReferences = 10_000;

interface OpenBuffer {
  readonly document: SourceDocument;
  /** The index does not hold its present text. */
  dirty: boolean;
  /** Of the text that the index holds. */
  summary?: Summary;
}

export class Indexer {
  readonly #index = new WorkspaceIndex();
  readonly #buffers = new Map<string, OpenBuffer>();
  readonly #files: FileReading;
  #read = 0;

  constructor(private readonly options: IndexerOptions) {
    this.#files = new FileReading({
      ...options,
      index: this.#index,
      isOpen: uri => this.#buffers.has(uri),
      readBuffers: () => this.#readBuffers(),
      summarize: (uri, snapshot) => this.#summarize(uri, snapshot),
    });
  }

  /** Takes the folders and begins to read them. */
  configure(workspace: Workspace): void {
    this.#files.configure(workspace);
  }

  setFeatures(features: readonly string[]): void {
    this.options.source.setFeatures(features);
    if (!this.#files.featuresChanged()) return;
    for (const [uri, buffer] of this.#buffers) if (this.#index.isConditional(uri)) buffer.dirty = true;
  }

  /** The text of an open buffer, whole; undefined once it is closed, or too large. Open buffers win over files. */
  setBuffer(uri: string, text: string | undefined): void {
    const buffer = this.#buffers.get(uri);
    if (text === undefined) {
      buffer?.document.dispose();
      this.#buffers.delete(uri);
      return this.#files.closed(uri);
    }
    if (!buffer) this.#buffers.set(uri, { document: this.options.source.open(uri, 0, text), dirty: true });
    else {
      const { document } = buffer;
      const change = differenceOf(document.snapshot.text, text);
      if (change) this.editBuffer(uri, change.range, change.text);
      return;
    }
    this.#files.work();
  }

  /** An edit of an open buffer; UTF-16 offsets. */
  editBuffer(uri: string, { start, end }: Span, text: string): void {
    const buffer = this.#buffers.get(uri);
    if (!buffer) return;
    const { document } = buffer;
    document.apply([{ range: { start, end }, text }], document.snapshot.version + 1);
    buffer.dirty = true;
    this.#files.work();
  }

  /** Files, or folders, that were made, changed or removed. */
  filesChanged(uris: readonly string[]): void {
    this.#files.changed(uris);
  }

  /** Reads no more of the files that wait, until the folders change. */
  stop(): void {
    this.#files.stop();
  }

  /** Writes what is not written yet. */
  close(): Promise<void> {
    return this.#files.close();
  }

  /** Answers a query. @throws Error when aborted */
  query<Q extends QueryName>(name: Q, params: Params<Q>, signal: AbortSignal): Promise<Answer<Q>> {
    const answers: { [N in QueryName]: (given: Params<N>) => Promise<Answer<N>> } = {
      symbols: async ({ query, limit }) => {
        await this.#files.settled(patience.symbols, signal);
        return this.#index.symbols(query, limit);
      },
      definition: given => this.#definition(given, signal),
      complete: async given => {
        this.#readNewBuffers();
        const { names, more } = namesThatFit(this.#index, given);
        return { names, more: more || this.#files.busy };
      },
      named: async ({ limit, ...at }) => {
        this.#readNewBuffers();
        return definitionsNamed(this.#index, at, limit);
      },
      package: async given => {
        this.#readNewBuffers();
        return packageNamed(this.#index, given.name, given.package);
      },
      slots: async ({ limit, ...at }) => {
        this.#readNewBuffers();
        return slotsOf(this.#index, at, limit);
      },
      references: given => this.#references(given, signal),
      rename: given => this.#rename(given, signal),
      naming: async ({ package: inEffect, name }) => {
        this.#readBuffers();
        return namingIn(this.#index, inEffect, name);
      },
      callers: async given => {
        await this.#files.settled(patience.references, signal);
        const { encoding } = this.options;
        return callersOf(given, this.#index, encoding, uri => this.#textOf(uri), signal);
      },
      relatives: async ({ which, ...given }) => {
        await this.#files.settled(patience.definition, signal);
        return (which === 'subtypes' ? subtypesOf : supertypesOf)(this.#index, given);
      },
      macros: async ({ package: inEffect, names }) => {
        this.#readBuffers();
        return this.#index.macros(inEffect, names);
      },
      kinds: async ({ version }) => {
        this.#readNewBuffers();
        return { ...this.#index.kinds(version), busy: this.#files.busy };
      },
      state: async () => {
        await this.#files.settled(patience.state, signal);
        return { ...this.#index.counts, read: this.#read };
      },
    };
    this.#files.refresh();
    return answers[name](params);
  }

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
    await this.#files.settled(patience.definition, signal);
    return look() ?? [];
  }

  async #references(
    { uri, position, includeDeclaration }: Params<'references'>,
    signal: AbortSignal,
  ): Promise<readonly FileLocation[]> {
    await this.#files.settled(patience.references, signal);
    const target = this.#targetAt(uri, position);
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
      for (const range of occurrencesIn(text, meaning, this.#index, this.options.encoding))
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

  async #rename({ uri, position, newName }: Params<'rename'>, signal: AbortSignal): Promise<RenamePlan> {
    await this.#files.settled(patience.references, signal);
    const target = this.#targetAt(uri, position);
    if (!target) return { refused: 'No name stands there.', nothing: true };
    const { source, encoding } = this.options;
    return planRename(target, uri, newName, {
      index: this.#index,
      source,
      encoding,
      textOf: file => this.#textOf(file),
      signal,
    });
  }

  #targetAt(uri: string, position: Position): Target | undefined {
    const snapshot = this.#buffers.get(uri)?.document.snapshot;
    return snapshot && targetAt(snapshot, snapshot.offsetAt(position, this.options.encoding));
  }

  async #textOf(uri: string): Promise<Snapshot | undefined> {
    const open = this.#buffers.get(uri)?.document.snapshot;
    if (open) return open;
    try {
      return this.options.source.snapshot(uri, 0, await disk.readFile(fileURLToPath(uri)));
    } catch {
      return undefined; // removed since
    }
  }

  #summarize(uri: string, snapshot: Snapshot, buffer?: OpenBuffer): Summary {
    this.#read++;
    const summary = summarize(snapshot, this.options.encoding, buffer?.summary);
    this.#index.set(uri, summary, buffer !== undefined);
    return summary;
  }

  /** Buffers of which nothing was read yet. */
  #readNewBuffers(): void {
    for (const uri of this.#buffers.keys()) if (!this.#index.has(uri)) this.#readBuffers(uri);
  }

  /** @param only the buffer that is read if it has changed; undefined: all */
  #readBuffers(only?: string): void {
    for (const [uri, buffer] of this.#buffers) {
      if (!buffer.dirty || (only !== undefined && uri !== only)) continue;
      buffer.dirty = false;
      buffer.summary = this.#summarize(uri, buffer.document.snapshot, buffer);
    }
  }
}

const placeOf = ({ start }: FileLocation['range']) => `${start.line}:${start.character}`;

function isDeclared(places: ReadonlySet<string> | undefined, range: FileLocation['range']): boolean {
  return places?.has(placeOf(range)) === true;
}
