/** The diagnostics of each document: problems of its text, notes of the compiler, hazards and drift, told as one list. */
import type { PublishDiagnosticsParams } from 'vscode-languageserver/node';
import { isScratch, type Documents } from './documents.ts';
import type { Drifts } from './drift/drifts.ts';
import type { Hazards } from './drift/hazards.ts';
import { syntaxDiagnostics } from './features/diagnostics.ts';
import { driftDiagnostics } from './features/drift.ts';
import { hazardDiagnostics } from './features/hazard.ts';
import { noteDiagnostics } from './features/noteDiagnostics.ts';
import type { Note } from './image/protocol.ts';
import { Notes } from './notes.ts';
import type { PlannedForm } from './operations/operation.ts';
import type { PositionEncoding, Snapshot } from './source/types.ts';

/** Milliseconds after an edit until diagnostics are published: a burst of keystrokes publishes once. */
const after = 60;

export interface DiagnosticsDependencies {
  readonly publish: (diagnostics: PublishDiagnosticsParams) => void;
  readonly documents: Documents;
  readonly drifts: () => Drifts;
  readonly hazards: () => Hazards;
  readonly encoding: () => PositionEncoding;
}

export class Diagnostics {
  readonly #notes = new Notes();
  /** The files that are not open and have diagnostics. */
  readonly #toldUnopened = new Set<string>();
  readonly #soon = new Map<string, NodeJS.Timeout>();
  #closed = false;

  constructor(private readonly deps: DiagnosticsDependencies) {}

  /** Shows the image's notes on these forms in place of those of their last reload. */
  showNotes(forms: readonly PlannedForm[], notes: readonly Note[]): void {
    const changed = this.#notes.record(forms, notes);
    for (const [uri, text] of textsOf(forms))
      if (changed.includes(uri) || this.#toldUnopened.has(uri)) this.publish(uri, text);
  }

  /** Shows what is wrong with the texts that these stand in. */
  showBroken(broken: readonly { readonly snapshot: Snapshot }[]): void {
    for (const [uri, text] of textsOf(broken)) this.publish(uri, text);
  }

  /** A document was closed: what was noted about it is known no more. */
  forget(uri: string): void {
    this.#notes.forget(uri);
  }

  publishSoon(uri: string): void {
    clearTimeout(this.#soon.get(uri));
    this.#soon.set(
      uri,
      setTimeout(() => {
        this.#soon.delete(uri);
        void this.#publishRead(uri);
      }, after),
    );
  }

  /** A large text is read in slices first. */
  async #publishRead(uri: string): Promise<void> {
    await this.deps.documents.get(uri)?.ready('forms');
    await this.deps.drifts().prepare(uri);
    if (this.#closed || this.#soon.has(uri)) return;
    this.publish(uri);
    await this.deps.hazards().look(uri);
  }

  /** @param onDisk the text of a document that is not open, where an operation has just read it: of that there are problems and notes alone */
  publish(uri: string, onDisk?: Snapshot): void {
    const { documents, publish, encoding, drifts, hazards } = this.deps;
    const snapshot = documents.get(uri);
    const text = snapshot ?? onDisk;
    const units = encoding();
    const read = text
      ? [...syntaxDiagnostics(text, units), ...noteDiagnostics(text, this.#notes.of(text), units)]
      : [];
    const diagnostics = snapshot
      ? [
          ...read,
          ...hazardDiagnostics(snapshot, hazards().of(snapshot), units),
          ...driftDiagnostics(snapshot, drifts().of(snapshot), units),
        ]
      : read;
    if (snapshot || read.length === 0) this.#toldUnopened.delete(uri);
    else this.#toldUnopened.add(uri);
    publish({ uri, ...(snapshot && { version: snapshot.version }), diagnostics });
  }

  dispose(): void {
    this.#closed = true;
    for (const timer of this.#soon.values()) clearTimeout(timer);
  }
}

/** The documents that forms stand in, by URI. */
const textsOf = (forms: readonly { readonly snapshot: Snapshot }[]): ReadonlyMap<string, Snapshot> =>
  new Map(forms.flatMap(({ snapshot }) => (isScratch(snapshot.uri) ? [] : [[snapshot.uri, snapshot]])));
