/** An open buffer: applies edits and makes a snapshot of each version. */
import { rescan, scanBlocks, type Block } from './blocks.ts';
import type { Environment } from './chunk.ts';
import { Lines } from './positions.ts';
import { recover } from './recovery.ts';
import { BufferSnapshot } from './snapshot.ts';
import type { PositionEncoding, Range, Snapshot, Span } from './types.ts';

/** Replaces a range (positions in the encoding given to `apply`) or a span (offsets); without either, the whole text. */
export interface TextChange {
  readonly range?: Range | Span | undefined;
  readonly text: string;
}

export interface SourceDocument {
  readonly uri: string;
  /** The current version. A change of the features makes a new snapshot of the same version. */
  readonly snapshot: Snapshot;
  /** Applies changes in order, each to the text that the one before left, as LSP orders them. */
  apply(changes: readonly TextChange[], version: number, encoding?: PositionEncoding): Snapshot;
  /** Nothing outside the JavaScript heap is held; afterwards the document must not be used. */
  dispose(): void;
}

/** Reads a text once. */
export function snapshotOf(
  environment: Environment,
  uri: string,
  version: number,
  text: string,
): BufferSnapshot {
  return new BufferSnapshot(
    environment,
    uri,
    version,
    Lines.of(text),
    recover(scanBlocks(text).blocks, text),
  );
}

export class OpenDocument implements SourceDocument {
  #lines: Lines;
  /** As the reader reads the text: kept from edit to edit. */
  #blocks: readonly Block[];
  #version: number;
  #latest: { environment: Environment; snapshot: Snapshot } | undefined;

  constructor(
    private readonly environment: () => Environment,
    readonly uri: string,
    version: number,
    text: string,
  ) {
    this.#version = version;
    this.#lines = Lines.of(text);
    this.#blocks = scanBlocks(text).blocks;
  }

  get snapshot(): Snapshot {
    const environment = this.environment();
    if (this.#latest?.environment !== environment) {
      const blocks = recover(this.#blocks, this.#lines.text);
      const snapshot = new BufferSnapshot(environment, this.uri, this.#version, this.#lines, blocks);
      this.#latest = { environment, snapshot };
    }
    return this.#latest.snapshot;
  }

  apply(changes: readonly TextChange[], version: number, encoding: PositionEncoding = 'utf-16'): Snapshot {
    for (const change of changes) this.#replace(change, encoding);
    this.#version = version;
    this.#latest = undefined;
    return this.snapshot;
  }

  dispose(): void {
    this.#latest = undefined;
    this.#blocks = [];
    this.#lines = Lines.of('');
  }

  #replace({ range, text: inserted }: TextChange, encoding: PositionEncoding): void {
    const old = this.#lines.text;
    if (!range) {
      this.#lines = Lines.of(inserted);
      this.#blocks = scanBlocks(inserted).blocks;
      return;
    }
    const offset = (at: number | Range['start']): number =>
      typeof at === 'number' ? Math.min(Math.max(0, at), old.length) : this.#lines.offsetAt(at, encoding);
    const start = offset(range.start);
    const end = Math.max(start, offset(range.end));
    const text = old.slice(0, start) + inserted + old.slice(end);
    this.#lines = this.#lines.edited(text, start, end);
    this.#blocks = rescan(this.#blocks, text, { start, end, inserted: inserted.length });
  }
}
