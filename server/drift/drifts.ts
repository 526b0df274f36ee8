/**
 * Keeps, for every open buffer, how its text differs from what its image runs. An image is asked once for all definitions of a buffer: when the
 * buffer is opened or saved, and when the image's code may have changed. Typing compares with what is known already; it asks nothing.
 */
import type { Image } from '../image/image.ts';
import type { TextDefinition } from '../image/protocol.ts';
import type { Snapshot, TopLevelForm } from '../source/types.ts';
import { entriesOf, hiddenKeys, keyOf, type Entry } from './entries.ts';
import { judge, unlikeForms, type Drift, type Knowledge } from './judge.ts';
import { Learner, type Known, type LearnerDependencies } from './learning.ts';
import { Turns } from './turns.ts';

/** Milliseconds after something happened until buffers other than the one concerned are looked at. */
const refreshAfter = 150;
/** How often an answer is asked for again because the image's code may have changed since the question. */
const asksAgain = 3;
export interface DriftsDependencies extends LearnerDependencies {
  /** Whether an image is being changed: it is asked about all buffers afterwards. */
  readonly isChanging: () => boolean;
  /** What is said of a buffer has changed. */
  readonly changed: (uri: string) => void;
  /** An image was asked about a buffer. */
  readonly refreshed: (uri: string) => void;
}

interface Judged {
  readonly snapshot: Snapshot;
  readonly known: Known | undefined;
  readonly drifts: readonly Drift[];
  readonly unlike: readonly TopLevelForm[];
}

const none: readonly Drift[] = [];

export class Drifts {
  readonly #known = new Map<string, Known>();
  readonly #judged = new Map<string, Judged>();
  /** What was moved out of a buffer: the key of each to where it is now. */
  readonly #moved = new Map<string, ReadonlyMap<string, string>>();
  /** Refreshes under way, and those to be done again. */
  readonly #running = new Map<string, Promise<void>>();
  readonly #again = new Set<string>();
  readonly #turns = new Turns(uri => this.refresh(uri));
  /** The buffer that was opened or changed last. */
  #latest: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Grows whenever an image's code may have changed: an answer to a question of before is outdated. */
  #age = 0;
  #closed = false;

  readonly #learner: Learner;

  constructor(private readonly deps: DriftsDependencies) {
    this.#learner = new Learner(deps);
  }

  /** What is known of the buffer at this version; at another one, nothing. */
  of(snapshot: Snapshot): readonly Drift[] {
    const judged = this.#judged.get(snapshot.uri);
    return judged?.snapshot === snapshot ? judged.drifts : none;
  }

  /** Forms of the buffer at this version that are not known to be what the image runs. */
  unlike(snapshot: Snapshot): readonly TopLevelForm[] {
    const judged = this.#judged.get(snapshot.uri);
    return judged?.snapshot === snapshot ? judged.unlike : [];
  }

  /** Of the image's code when it was asked about the buffer last; another one once any of it may have changed. */
  stamp(uri: string): string | undefined {
    return this.#known.get(uri)?.stamp;
  }

  /** Compares the buffer with what is known of the image; asks nobody. */
  async prepare(uri: string): Promise<void> {
    const snapshot = this.deps.documents.get(uri);
    if (!snapshot) return this.forget(uri);
    const known = this.#known.get(uri);
    const last = this.#judged.get(uri);
    if (last?.snapshot === snapshot && last.known === known) return;
    const judged = known ? await this.#judge(snapshot, known) : { drifts: none, unlike: [] };
    if (this.deps.documents.get(uri) === snapshot && this.#known.get(uri) === known)
      this.#judged.set(uri, { snapshot, known, ...judged });
  }

  /** Asks the image about the buffer; never rejects. */
  refresh(uri: string): Promise<void> {
    const running = this.#running.get(uri);
    if (running) {
      this.#again.add(uri);
      return running;
    }
    const refresh = this.#refreshUntilDone(uri).finally(() => this.#running.delete(uri));
    this.#running.set(uri, refresh);
    return refresh;
  }

  /** Asks about all open buffers, soon, one after the other, beginning with the one that was changed last. */
  refreshAll(): void {
    this.#age++;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const { documents } = this.deps;
      const isOpen = this.#latest !== undefined && documents.get(this.#latest) !== undefined;
      this.#turns.add([...(isOpen ? [this.#latest!] : []), ...documents.all.map(({ uri }) => uri)]);
    }, refreshAfter).unref();
  }

  /** A buffer was opened, changed or closed. */
  touched(uri: string): void {
    this.#latest = uri;
    if (!this.deps.documents.get(uri)) this.forget(uri);
    else if (!this.#known.has(uri) && this.deps.imageOf(uri)) void this.refresh(uri);
  }

  forget(uri: string): void {
    this.#known.delete(uri);
    this.#judged.delete(uri);
    this.#moved.delete(uri);
  }

  dispose(): void {
    this.#closed = true;
    this.#turns.close();
    clearTimeout(this.#timer);
  }

  async #refreshUntilDone(uri: string): Promise<void> {
    do {
      this.#again.delete(uri);
      try {
        await this.#refreshOnce(uri);
      } catch {
        // The image or the file went away meanwhile; what is known stays until the next question.
      }
    } while (this.#again.has(uri) && !this.#closed);
  }

  async #refreshOnce(uri: string): Promise<void> {
    const { documents, imageOf, changed, refreshed } = this.deps;
    const snapshot = documents.get(uri);
    if (!snapshot || this.#closed || this.deps.isChanging()) return;
    const image = imageOf(uri);
    if (image) await this.#learn(uri, snapshot, image);
    else this.#known.delete(uri);
    if (this.#closed) return;
    // What was told meanwhile, after an edit too, came from what was known before.
    const now = documents.get(uri);
    const before = now && said(this.of(now));
    await this.prepare(uri);
    // An edit since brings its own.
    if (now && documents.get(uri) === now && said(this.of(now)) !== before) changed(uri);
    if (documents.get(uri) === snapshot) refreshed(uri);
    await this.#lookAgain(uri);
  }

  /** What is missing in other buffers may stand in this one now. */
  async #lookAgain(uri: string): Promise<void> {
    for (const [other, { snapshot, known, drifts }] of [...this.#judged]) {
      if (other === uri || !known || !drifts.some(({ state }) => state === 'deleted')) continue;
      const judged = { snapshot, known, ...(await this.#judge(snapshot, known)) };
      if (this.#judged.get(other)?.known !== known || this.deps.documents.get(other) !== snapshot) continue;
      this.#judged.set(other, judged);
      if (said(judged.drifts) !== said(drifts)) this.deps.changed(other);
    }
  }

  /** Keeps the image's answer, one that is younger than the last change of its code unless that changes all the time. */
  async #learn(uri: string, snapshot: Snapshot, image: Image): Promise<void> {
    for (let left = asksAgain; !this.#closed; left--) {
      const age = this.#age;
      const known = await this.#learner.ask(uri, snapshot, image, this.#known.get(uri));
      if (age !== this.#age && left > 0) continue;
      this.#known.set(uri, known);
      return;
    }
  }

  async #judge(snapshot: Snapshot, known: Known): Promise<Pick<Judged, 'drifts' | 'unlike'>> {
    await snapshot.ready();
    const entries = await entriesOf(snapshot);
    const knowledge = { ...known.knowledge, left: await this.#left(entries, known.knowledge) };
    const judged = judge(snapshot, entries, hiddenKeys(snapshot), knowledge);
    const drifts = await this.#withoutMoved(snapshot.uri, judged);
    return { drifts, unlike: unlikeForms(entries, drifts, knowledge) };
  }

  /** What the image has from another file that does not define it any more: it was moved here. */
  async #left(entries: readonly Entry[], { held, isOwn }: Knowledge): Promise<ReadonlySet<string>> {
    const { documents } = this.deps;
    const left = new Set<string>();
    for (const { key } of entries) {
      const has = held.get(key)?.held;
      if (has?.status !== 'installed' || has.file === undefined || isOwn(has.file)) continue;
      const other = await documents.snapshot(documents.uriOf(has.file)).catch(() => undefined);
      if (!other || !(await this.#learner.digestsOf(other)).has(key)) left.add(key);
    }
    return left;
  }

  /** The drifts but for what another file defines: it was moved there, and is that file's concern. */
  async #withoutMoved(uri: string, drifts: readonly Drift[]): Promise<readonly Drift[]> {
    const kept: Drift[] = [];
    const moved = new Map<string, string>();
    for (const drift of drifts) {
      const other = drift.state === 'deleted' ? await this.#elsewhere(uri, drift.what!) : undefined;
      if (other === undefined) kept.push(drift);
      else moved.set(keyOf(drift.what!), other);
    }
    const before = this.#moved.get(uri);
    this.#moved.set(uri, moved);
    const others = [...moved].filter(([key, other]) => before?.get(key) !== other).map(([, other]) => other);
    for (const other of new Set(others)) if (this.deps.documents.get(other)) void this.refresh(other);
    return kept;
  }

  /** Another file that defines just that. */
  async #elsewhere(uri: string, what: NonNullable<Drift['what']>): Promise<string | undefined> {
    for (const other of new Set(await this.deps.definedIn(what))) {
      if (other === uri) continue;
      const snapshot = await this.deps.documents.snapshot(other).catch(() => undefined);
      if (snapshot && (await this.#learner.digestsOf(snapshot)).has(keyOf(what))) return other;
    }
    return undefined;
  }

  /**
   * What the image runs of a definition, to the letter; undefined where that is not known. Asks it.
   * @throws HotlispError as a call of the image does
   */
  textInImage(
    uri: string,
    what: Pick<TextDefinition, 'definition' | 'package'>,
  ): Promise<string | undefined> {
    return this.#learner.textInImage(uri, what, this.#known.get(uri)?.knowledge);
  }
}

/** What is told of drifts, to see whether it changed. */
const said = (drifts: readonly Drift[]) =>
  drifts
    .map(({ state, name, missing, text, anchor }) => JSON.stringify([state, name, missing, text, anchor]))
    .join('\n');
