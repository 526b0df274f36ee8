/** The open buffers, and files read from the disk where a buffer is not open. */
import { isUtf8 } from 'node:buffer';
import { existsSync, promises as fs } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { HotlispError } from './errors.ts';
import type { Source, SourceDocument } from './source/index.ts';
import { refuseUnlessRegular } from './regularFile.ts';
import { SavedTexts } from './savedTexts.ts';
import type { PositionEncoding, Range, Snapshot } from './source/types.ts';

export interface ContentChange {
  readonly range?: Range;
  readonly text: string;
}

/** The URI of code that stands in no file. */
const scratchScheme = 'hotlisp-scratch:';

/** Whether a document is code that stands in none. */
export const isScratch = (uri: string) => uri.startsWith(scratchScheme);
/** Milliseconds within which two writes of a file may have the same time. */
const clockGrain = 1000;
/** How many saved files are kept parsed. */
const savedKept = 16;

/** @throws Error with the first place that is no UTF-8 */
function textIn(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString();
  const lines = bytes
    .toString()
    .split('\ufffd', 1)[0]!
    .split(/\r\n|\r|\n/);
  throw new Error(
    `it is not UTF-8: line ${lines.length}, column ${lines.at(-1)!.length + 1}. Convert it, or open it in the editor, whose text counts then`,
  );
}

export class Documents {
  readonly #open = new Map<string, SourceDocument>();
  /** Saved files read of late, by URI, the oldest first. */
  readonly #saved = new Map<string, { readonly stamp: string; readonly snapshot: Snapshot }>();
  readonly #listeners = new Set<(uri: string) => void>();
  readonly #texts: SavedTexts;

  constructor(
    private readonly source: Source,
    private readonly roots: () => readonly string[],
  ) {
    this.#texts = new SavedTexts((uri, text) => source.snapshot(uri, 0, text));
  }

  /** The image's features are others: what was read of files with those before is read again. */
  featuresChanged(): void {
    this.#saved.clear();
    this.#texts.readAgain();
  }

  open(uri: string, version: number, text: string): Snapshot {
    this.#open.get(uri)?.dispose();
    const document = this.source.open(uri, version, text);
    this.#open.set(uri, document);
    this.#texts.note(uri, text);
    this.#changed(uri);
    return document.snapshot;
  }

  /** The editor has written the buffer to its file. */
  saved(uri: string): void {
    const text = this.get(uri)?.text;
    if (text !== undefined) this.#texts.note(uri, text);
  }

  /** @throws HotlispError `invalid-arguments` when the buffer is not open */
  change(
    uri: string,
    version: number,
    changes: readonly ContentChange[],
    encoding: PositionEncoding,
  ): Snapshot {
    const document = this.#open.get(uri);
    if (!document) throw new HotlispError('invalid-arguments', `${uri} was changed but never opened.`);
    document.apply(changes, version, encoding);
    this.#changed(uri);
    return document.snapshot;
  }

  close(uri: string): void {
    this.#open.get(uri)?.dispose();
    this.#open.delete(uri);
    this.#changed(uri);
  }

  get(uri: string): Snapshot | undefined {
    return this.#open.get(uri)?.snapshot;
  }

  get all(): readonly Snapshot[] {
    return [...this.#open.values()].map(({ snapshot }) => snapshot);
  }

  /** Calls `listener` with the URI of every buffer that is opened, changed or closed; answers how to stop. */
  onChange(listener: (uri: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(uri: string): void {
    for (const listener of this.#listeners) listener(uri);
  }

  /**
   * The open buffer, else the file.
   * @throws HotlispError `stale` when the buffer is not at `version`, `invalid-arguments` when there is neither
   */
  async snapshot(uri: string, version?: number): Promise<Snapshot> {
    const open = this.get(uri);
    if (open) {
      if (version !== undefined && open.version !== version)
        throw new HotlispError(
          'stale',
          `The buffer is at version ${open.version}, not ${version} any more. Run the command again.`,
          {
            version: open.version,
          },
        );
      return open;
    }
    if (version !== undefined)
      throw new HotlispError(
        'stale',
        `The document is not open any more, so it is at no version. Run the command again.`,
      );
    return this.onDisk(uri);
  }

  /** The file as it is saved. @throws HotlispError `invalid-arguments` when it cannot be read */
  async onDisk(uri: string): Promise<Snapshot> {
    if (!uri.startsWith('file:'))
      throw new HotlispError('invalid-arguments', `${uri} is not open in the editor.`, { path: 'uri' });
    try {
      const file = fileURLToPath(uri);
      const stats = await fs.stat(file);
      refuseUnlessRegular(stats);
      const { mtimeMs, size, ino } = stats;
      const stamp = [mtimeMs, size, ino].join(' ');
      const known = this.#saved.get(uri);
      if (known?.stamp === stamp) return known.snapshot;
      const snapshot = this.source.snapshot(uri, 0, textIn(await fs.readFile(file)));
      this.#saved.delete(uri);
      // A file written within the clock's grain may be written again unseen: such a one is read again.
      if (Date.now() - mtimeMs > clockGrain) this.#saved.set(uri, { stamp, snapshot });
      if (this.#saved.size > savedKept) this.#saved.delete(this.#saved.keys().next().value!);
      return snapshot;
    } catch (error) {
      throw new HotlispError('invalid-arguments', `${uri} cannot be read (${(error as Error).message}).`, {
        path: 'uri',
      });
    }
  }

  /**
   * What the file is known to have said when it was last written in that second: none where that is not known, several where
   * it was written more than once.
   * @param second since 1970
   */
  textsAt(uri: string, second: number): Promise<readonly Snapshot[]> {
    return this.#texts.at(uri, second);
  }

  /** Seconds since 1970 of the file's last change; undefined where there is no file. */
  async writeDate(uri: string): Promise<number | undefined> {
    if (!uri.startsWith('file:')) return undefined;
    const stat = await fs.stat(fileURLToPath(uri)).catch(() => undefined);
    return stat && Math.floor(stat.mtimeMs / 1000);
  }

  scratch(code: string): Snapshot {
    return this.source.snapshot(scratchScheme, 0, code);
  }

  /** The URI of a path; a relative one is looked for in each folder of the workspace, and else taken to be in the first one. */
  uriOf(file: string): string {
    if (path.isAbsolute(file)) return pathToFileURL(path.resolve(file)).href;
    if (/^[a-z][a-z0-9+.-]+:/i.test(file)) return file;
    const roots = this.roots().length > 0 ? this.roots() : [process.cwd()];
    const places = roots.map(root => path.resolve(root, file));
    const isThere = (place: string) => this.#open.has(pathToFileURL(place).href) || existsSync(place);
    return pathToFileURL(places.find(isThere) ?? places[0]!).href;
  }

  /** The path of a file: URI, else the URI itself. */
  fileOf(uri: string): string {
    if (!uri.startsWith('file:')) return uri;
    try {
      return fileURLToPath(uri);
    } catch (error) {
      throw new HotlispError(
        'invalid-arguments',
        `${uri} is not the URI of a file (${(error as Error).message}).`,
        { path: 'uri' },
      );
    }
  }
}
