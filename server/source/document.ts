/** An open buffer: applies edits and makes a snapshot of each version. */
import type { Environment } from './chunk.ts';
import { Lines } from './positions.ts';
import { Reading } from './reading.ts';
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
  /**
   * Applies changes in order, each to the text that the one before left, as LSP orders them. Where a later version has come
   * first, as from Helix 25.01, which sends what is typed fast in any order, these are put before it.
   */
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
  const lines = Lines.of(text);
  return new BufferSnapshot(environment, uri, version, lines, new Reading(lines.content));
}

/** A text and how it was read. */
interface State {
  readonly lines: Lines;
  readonly reading: Reading;
}

/** How many of the last changes are kept, for one that should have come before them. */
const KEPT = 8;
/** Characters of the texts that they were made to, beyond which fewer are kept, one at least. */
const KEPT_CHARACTERS = 4_000_000;

interface Change {
  readonly changes: readonly TextChange[];
  readonly version: number;
  readonly encoding: PositionEncoding;
}

/** A change, and what it was made to. */
interface Made extends Change {
  readonly before: State;
  readonly versionBefore: number;
}

const readAnew = (text: string): State => {
  const lines = Lines.of(text);
  return { lines, reading: new Reading(lines.content) };
};

export class OpenDocument implements SourceDocument {
  #state: State;
  #version: number;
  /** In the order of their versions. */
  readonly #made: Made[] = [];
  #latest: { environment: Environment; snapshot: Snapshot } | undefined;

  constructor(
    private readonly environment: () => Environment,
    readonly uri: string,
    version: number,
    text: string,
  ) {
    this.#version = version;
    this.#state = readAnew(text);
  }

  get snapshot(): Snapshot {
    const environment = this.environment();
    if (this.#latest?.environment !== environment) {
      const { lines, reading } = this.#state;
      const snapshot = new BufferSnapshot(environment, this.uri, this.#version, lines, reading);
      this.#latest = { environment, snapshot };
    }
    return this.#latest.snapshot;
  }

  apply(changes: readonly TextChange[], version: number, encoding: PositionEncoding = 'utf-16'): Snapshot {
    const overtaken = this.#made.findIndex(each => each.versionBefore < version && version < each.version);
    const later = overtaken === -1 ? [] : this.#made.splice(overtaken);
    if (later[0]) {
      this.#state = later[0].before;
      this.#version = later[0].versionBefore;
    }
    for (const each of [{ changes, version, encoding }, ...later]) this.#make(each);
    this.#latest = undefined;
    return this.snapshot;
  }

  #make({ changes, version, encoding }: Change): void {
    this.#made.push({ changes, version, encoding, before: this.#state, versionBefore: this.#version });
    const most = Math.min(KEPT, Math.max(1, KEPT_CHARACTERS / (this.#state.lines.content.length + 1)));
    while (this.#made.length > most) this.#made.shift();
    for (const change of changes) this.#state = replace(this.#state, change, encoding);
    this.#version = version;
  }

  dispose(): void {
    this.#latest = undefined;
    this.#made.length = 0;
    this.#state = readAnew('');
  }
}

function replace({ lines, reading }: State, change: TextChange, encoding: PositionEncoding): State {
  const { range, text: inserted } = change;
  if (!range) return readAnew(inserted);
  const { length } = lines.content;
  const offset = (at: number | Range['start']): number =>
    typeof at === 'number' ? Math.min(Math.max(0, at), length) : lines.offsetAt(at, encoding);
  const start = offset(range.start);
  const end = Math.max(start, offset(range.end));
  const content = lines.content.replace(start, end, inserted);
  return {
    lines: lines.edited(content, start, end),
    reading: reading.edited(content, { start, end, removed: lines.content.slice(start, end), inserted }),
  };
}
