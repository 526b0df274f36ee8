/**
 * What is known of a buffer's definitions: what its image runs of them, and of what the file has had before, as the image tells, and the texts
 * that the file is known to have had.
 */
import { promises as fs, realpathSync } from 'node:fs';
import type { Documents } from '../documents.ts';
import type { Image } from '../image/image.ts';
import type { Held, Result, Stray, TextDefinition } from '../image/protocol.ts';
import { spelling } from '../operations/names.ts';
import type { Snapshot } from '../source/types.ts';
import { entriesOf, keyOf, packagesOf, type Entry } from './entries.ts';
import { definesPackage, type Digests, type Disk, type FormText, type Knowledge } from './judge.ts';

/** Milliseconds that an image has for one buffer's question; nobody waits for the answer. */
const patience = 15_000;
/** Milliseconds within which two writes of a file may have the same time. */
const clockGrain = 1000;
/** How many printed or foreign texts keep their digest. */
const textsKept = 500;

export interface LearnerDependencies {
  readonly documents: Documents;
  /** The connected image of a file, without connecting one. */
  readonly imageOf: (uri: string) => Image | undefined;
  /** The files of the workspace that define what is called so. */
  readonly definedIn: (what: Pick<TextDefinition, 'definition' | 'package'>) => Promise<readonly string[]>;
}

/** An image's answer about a buffer, and what it was asked. */
export interface Known {
  readonly image: string;
  /** What was asked, for the stamp to speak of. */
  readonly question: string;
  readonly stamp: string | undefined;
  readonly knowledge: Knowledge;
  /** Time and size of the file that the knowledge is of; undefined where they might not tell that it was written again. */
  readonly fileStamp: string | undefined;
}

export class Learner {
  readonly #digestsBySnapshot = new WeakMap<Snapshot, Promise<Digests>>();
  readonly #forms = new Map<string, FormText | undefined>();

  constructor(private readonly deps: LearnerDependencies) {}

  /**
   * Asks the image about a buffer.
   * @param old what was known of it so far
   * @throws HotlispError as a call of the image does
   */
  async ask(uri: string, snapshot: Snapshot, image: Image, old: Known | undefined): Promise<Known> {
    const { documents } = this.deps;
    await snapshot.ready();
    const entries = await entriesOf(snapshot);
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
      loaded.set(second, await Promise.all(texts.map(text => this.digestsOf(text))));
    }
    return loaded;
  }

  /** The definitions of a text. */
  digestsOf(snapshot: Snapshot): Promise<Digests> {
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
        text === snapshot.text ? digestsOf(entries) : await this.digestsOf(await documents.onDisk(uri));
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
    knowledge: Knowledge | undefined,
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
