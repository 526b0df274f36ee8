/**
 * Keeps, for every open buffer, how its text differs from what its image runs. An image is asked once for all definitions of a buffer: when the
 * buffer is opened or saved, and when the image's code may have changed. Typing compares with what is known already; it asks nothing.
 */
import { promises as fs, realpathSync } from 'node:fs';
import type { Documents } from '../documents.ts';
import type { Image } from '../image/image.ts';
import type { Held, Result, Stray, TextDefinition } from '../image/protocol.ts';
import { spelling } from '../operations/names.ts';
import type { Snapshot, TopLevelForm } from '../source/types.ts';
import { entriesOf, hiddenKeys, keyOf, packagesOf, type Entry } from './entries.ts';
import {
  definesPackage,
  judge,
  unlikeForms,
  type Digests,
  type Disk,
  type Drift,
  type FormText,
  type Knowledge,
} from './judge.ts';
import { Turns } from './turns.ts';

/** Milliseconds that an image has for one buffer's question; nobody waits for the answer. */
const patience = 15_000;
/** Milliseconds after something happened until buffers other than the one concerned are looked at. */
const refreshAfter = 150;
/** Milliseconds within which two writes of a file may have the same time. */
const clockGrain = 1000;
/** How often an answer is asked for again because the image's code may have changed since the question. */
const asksAgain = 3;
/** How many printed or foreign texts keep their digest. */
const textsKept = 500;

export interface DriftsDependencies {
  readonly documents: Documents;
  /** The connected image of a file, without connecting one. */
  readonly imageOf: (uri: string) => Image | undefined;
  /** The files of the workspace that define what is called so. */
  readonly definedIn: (what: Pick<TextDefinition, 'definition' | 'package'>) => Promise<readonly string[]>;
  /** Whether an image is being changed: it is asked about all buffers afterwards. */
  readonly isChanging: () => boolean;
  /** What is said of a buffer has changed. */
  readonly changed: (uri: string) => void;
  /** An image was asked about a buffer. */
  readonly refreshed: (uri: string) => void;
}

interface Known {
  readonly image: string;
  /** What was asked, for the stamp to speak of. */
  readonly question: string;
  readonly stamp: string | undefined;
  readonly knowledge: Knowledge;
  /** Time and size of the file that the knowledge is of; undefined where they might not tell that it was written again. */
  readonly fileStamp: string | undefined;
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
  readonly #forms = new Map<string, FormText | undefined>();
  readonly #turns = new Turns(uri => this.refresh(uri));
  /** The buffer that was opened or changed last. */
  #latest: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Grows whenever an image's code may have changed: an answer to a question of before is outdated. */
  #age = 0;
  #closed = false;

  constructor(private readonly deps: DriftsDependencies) {}

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
      const known = await this.#ask(uri, snapshot, image);
      if (age !== this.#age && left > 0) continue;
      this.#known.set(uri, known);
      return;
    }
  }

  async #ask(uri: string, snapshot: Snapshot, image: Image): Promise<Known> {
    const { documents } = this.deps;
    await snapshot.ready();
    const entries = await entriesOf(snapshot);
    const old = this.#known.get(uri);
    const known = old?.image === image.hello.image ? old : undefined;
    // What the text had once is asked about further on: it may live on in the image.
    const asked = new Map(entries.map(({ key, asked: each }) => [key, each]));
    for (const [key, each] of known?.knowledge.held ?? []) if (!asked.has(key)) asked.set(key, each.asked);
    const file = documents.fileOf(uri);
    const ask = (stamp: string | undefined) =>
      image.call(
        'drift',
        {
          file,
          definitions: [...asked.values()],
          packages: packagesOf(snapshot),
          ...(stamp !== undefined && { stamp }),
        },
        { signal: AbortSignal.timeout(patience) },
      );
    const question = [...asked.values()].map(each => `${keyOf(each)} ${each.digest}`).join('\n');
    let answer: Result<'drift'> = await ask(known?.question === question ? known.stamp : undefined);
    const { disk, fileStamp } = await this.#disk(uri, snapshot, entries, old);
    if (answer.unchanged && known) {
      const loaded = await this.#loaded(uri, known.knowledge.held, known.knowledge.isOwn);
      return { ...known, fileStamp, knowledge: { ...known.knowledge, disk, loaded } };
    }
    let held = paired(asked, answer.held);
    const isOwn = sameFile(file);
    const loaded = await this.#loaded(uri, held, isOwn);
    const before = new Map(known?.knowledge.before);
    order(
      before,
      entries.map(({ key }) => key),
    );
    // The file may have had more when the image loaded it.
    const lost = await this.#lost(uri, asked, loaded, before);
    if (lost.length > 0) {
      for (const each of lost) asked.set(keyOf(each), each);
      answer = await ask(undefined);
      held = paired(asked, answer.held);
    }
    return {
      image: image.hello.image,
      question: [...asked.values()].map(each => `${keyOf(each)} ${each.digest}`).join('\n'),
      stamp: answer.stamp,
      fileStamp,
      knowledge: {
        held,
        strays: await this.#placeless(uri, snapshot, answer.strays),
        loaded,
        isOwn,
        disk,
        before,
        formIn: (text, what) => this.#formIn(text, what),
      },
    };
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
      if (!other || !(await this.#digestsOf(other)).has(key)) left.add(key);
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
      if (snapshot && (await this.#digestsOf(snapshot)).has(keyOf(what))) return other;
    }
    return undefined;
  }

  /** The texts of the file that the image may have loaded, by their second. */
  async #loaded(
    uri: string,
    held: Knowledge['held'],
    isOwn: Knowledge['isOwn'],
  ): Promise<Knowledge['loaded']> {
    const seconds = new Set<number>();
    for (const { held: each } of held.values())
      if (each.status === 'file' && each.fileWriteDate !== undefined && isOwn(each.file))
        seconds.add(each.fileWriteDate);
    const loaded = new Map<number, readonly Digests[]>();
    for (const second of seconds) {
      const texts = await this.deps.documents.textsAt(uri, second);
      loaded.set(second, await Promise.all(texts.map(text => this.#digestsOf(text))));
    }
    return loaded;
  }

  readonly #digestsBySnapshot = new WeakMap<Snapshot, Promise<Digests>>();

  #digestsOf(snapshot: Snapshot): Promise<Digests> {
    let digests = this.#digestsBySnapshot.get(snapshot);
    if (!digests) {
      digests = entriesOf(snapshot).then(digestsOf);
      this.#digestsBySnapshot.set(snapshot, digests);
    }
    return digests;
  }

  /** The definitions of the loaded texts that were not asked about; notes in what order they stood. */
  async #lost(
    uri: string,
    asked: ReadonlyMap<string, TextDefinition>,
    loaded: Knowledge['loaded'],
    before: Map<string, string | undefined>,
  ): Promise<TextDefinition[]> {
    const lost = new Map<string, TextDefinition>();
    for (const [second, texts] of loaded) {
      if (texts.every(text => [...text.keys()].every(key => asked.has(key)))) continue;
      for (const text of await this.deps.documents.textsAt(uri, second)) {
        const entries = await entriesOf(text);
        const missing = entries.filter(({ key }) => !asked.has(key));
        for (const { key, asked: each } of missing) lost.set(key, each);
        if (missing.length > 0)
          order(
            before,
            entries.map(({ key }) => key),
          );
      }
    }
    return [...lost.values()];
  }

  async #disk(
    uri: string,
    snapshot: Snapshot,
    entries: readonly Entry[],
    old: Known | undefined,
  ): Promise<{ disk: Disk | undefined; fileStamp: string | undefined }> {
    const none = { disk: undefined, fileStamp: undefined };
    if (!uri.startsWith('file:')) return none;
    const { documents } = this.deps;
    const file = documents.fileOf(uri);
    try {
      const { mtimeMs, size, ino } = await fs.stat(file);
      const stamp = [mtimeMs, size, ino].join(' ');
      if (old?.fileStamp === stamp) return { disk: old.knowledge.disk, fileStamp: stamp };
      const fileStamp = Date.now() - mtimeMs > clockGrain ? stamp : undefined;
      const text = (await fs.readFile(file, 'utf8')).replace(/^\uFEFF/, '');
      const digests =
        text === snapshot.text ? digestsOf(entries) : await this.#digestsOf(await documents.onDisk(uri));
      return { disk: { written: mtimeMs, digests }, fileStamp };
    } catch {
      return none;
    }
  }

  /** Strays whose place is this buffer: of those that belong to no file, the ones that no other one has, where their package is told of. */
  async #placeless(uri: string, snapshot: Snapshot, strays: readonly Stray[]): Promise<Stray[]> {
    const kept: Stray[] = [];
    for (const stray of strays) {
      if (stray.held.file === undefined) {
        if ((await this.deps.definedIn({ ...stray, package: stray.home })).some(other => other !== uri))
          continue;
        if (!definesPackage(snapshot, stray.home)) {
          const home = { kind: 'package' as const, name: stray.home };
          if ((await this.deps.definedIn({ definition: home, package: stray.home })).length > 0) continue;
        }
      }
      kept.push(stray);
    }
    return kept;
  }

  /** The form in a text that defines what is asked for. */
  #formIn(text: string, { definition }: Pick<TextDefinition, 'definition'>): FormText | undefined {
    const wanted = spelling(definition);
    const key = `${wanted}\n${text}`;
    if (!this.#forms.has(key)) {
      const scratch = this.deps.documents.scratch(text);
      const form = scratch.forms.find(({ definitions }) =>
        definitions.some(each => spelling(each) === wanted),
      );
      this.#forms.set(
        key,
        form && { digest: form.digest, text: scratch.text.slice(form.span.start, form.span.end) },
      );
      if (this.#forms.size > textsKept) this.#forms.delete(this.#forms.keys().next().value!);
    }
    return this.#forms.get(key);
  }

  /**
   * What the image runs of a definition, to the letter; undefined where that is not known. Asks it.
   * @throws HotlispError as a call of the image does
   */
  async textInImage(
    uri: string,
    what: Pick<TextDefinition, 'definition' | 'package'>,
  ): Promise<string | undefined> {
    const { documents, imageOf } = this.deps;
    const image = imageOf(uri);
    if (!image) return undefined;
    const { held } = await image.call(
      'drift',
      { file: documents.fileOf(uri), definitions: [{ ...what, digest: '' }], packages: [] },
      { signal: AbortSignal.timeout(patience) },
    );
    const [{ text, file, fileWriteDate }] = held as [Held];
    if (text !== undefined) return this.#formIn(text, what)?.text;
    const knowledge = this.#known.get(uri)?.knowledge;
    if (!knowledge?.isOwn(file)) return undefined;
    const seconds = fileWriteDate === undefined ? [...knowledge.loaded.keys()] : [fileWriteDate];
    const key = keyOf(what);
    for (const second of seconds)
      for (const loaded of await documents.textsAt(uri, second)) {
        const entry = (await entriesOf(loaded)).find(each => each.key === key);
        if (entry) return loaded.text.slice(entry.form.span.start, entry.form.span.end);
      }
    return undefined;
  }
}

function digestsOf(entries: readonly Entry[]): Digests {
  const digests = new Map<string, string[]>();
  for (const { key, form } of entries) digests.set(key, [...(digests.get(key) ?? []), form.digest]);
  return digests;
}

const paired = (asked: ReadonlyMap<string, TextDefinition>, held: readonly Held[]): Knowledge['held'] =>
  new Map([...asked].map(([key, each], index) => [key, { asked: each, held: held[index]! }]));

function order(before: Map<string, string | undefined>, keys: readonly string[]): void {
  keys.forEach((key, index) => before.set(key, keys[index - 1]));
}

/** Whether a file that an image names is `own`, by whatever path. */
function sameFile(own: string): (file: string | undefined) => boolean {
  const real = (file: string) => {
    try {
      return realpathSync(file);
    } catch {
      return file;
    }
  };
  const seen = new Map<string, boolean>([[own, true]]);
  return file => {
    if (file === undefined) return false;
    let same = seen.get(file);
    if (same === undefined) seen.set(file, (same = real(file) === real(own)));
    return same;
  };
}

/** What is told of drifts, to see whether it changed. */
const said = (drifts: readonly Drift[]) =>
  drifts
    .map(({ state, name, missing, text, anchor }) => JSON.stringify([state, name, missing, text, anchor]))
    .join('\n');
