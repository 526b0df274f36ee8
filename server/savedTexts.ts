/**
 * What files said when they were written, second by second: an image dates the code of a file by the second in which the
 * file was written, so that this tells which text it loaded, also once the file was saved again.
 */
import { readTextFile } from './regularFile.ts';
import { promises as fs } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Snapshot } from './source/types.ts';

/** How many UTF-16 units are kept in all, and how many texts of one file. */
const kept = 50_000_000;
const keptOfOne = 8;
/** Milliseconds within which two writes of a file may have the same time. */
const clockGrain = 1000;

interface SavedText {
  readonly second: number;
  readonly text: string;
  snapshot?: Snapshot;
}

export class SavedTexts {
  /** By URI, the oldest first; the file that was written to the longest ago comes first. */
  readonly #texts = new Map<string, SavedText[]>();
  #size = 0;
  /** The last look at each file, which may be under way. */
  readonly #looks = new Map<string, Promise<void>>();
  /** The last one that has not begun: whoever asks meanwhile is told of what it will see. */
  readonly #waiting = new Map<string, Promise<void>>();
  readonly #stamps = new Map<string, string>();

  constructor(private readonly parse: (uri: string, text: string) => Snapshot) {}

  /**
   * Remembers what the file says now.
   * @param text what somebody took the file to say a moment ago, who may have been overtaken by a write
   */
  note(uri: string, text: string): void {
    void this.#look(uri, text);
  }

  /** Forgets what the texts were read as, not the texts. */
  readAgain(): void {
    for (const texts of this.#texts.values()) for (const each of texts) delete each.snapshot;
  }

  /** The texts that the file is known to have had when it was last written in that second since 1970, what it says now included. */
  async at(uri: string, second: number): Promise<readonly Snapshot[]> {
    await this.#look(uri);
    return (this.#texts.get(uri) ?? [])
      .filter(each => each.second === second)
      .map(each => (each.snapshot ??= this.parse(uri, each.text)));
  }

  /** Never rejects: a file that cannot be read says nothing. */
  #look(uri: string, claimed?: string): Promise<void> {
    if (!uri.startsWith('file:')) return Promise.resolve();
    const waiting = claimed === undefined ? this.#waiting.get(uri) : undefined;
    if (waiting) return waiting;
    const look: Promise<void> = (this.#looks.get(uri) ?? Promise.resolve())
      .then(() => {
        if (this.#waiting.get(uri) === look) this.#waiting.delete(uri);
        return this.#read(uri, claimed);
      })
      .catch(() => undefined);
    this.#looks.set(uri, look);
    this.#waiting.set(uri, look);
    void look.then(() => {
      if (this.#looks.get(uri) === look) this.#looks.delete(uri);
    });
    return look;
  }

  async #read(uri: string, claimed: string | undefined): Promise<void> {
    const file = fileURLToPath(uri);
    const { mtimeMs, size } = await fs.stat(file);
    const second = Math.floor(mtimeMs / 1000);
    if (claimed !== undefined) this.#add(uri, second, claimed);
    const stamp = `${mtimeMs} ${size}`;
    // A file written within the clock's grain may be written again unseen.
    if (this.#stamps.get(uri) === stamp && Date.now() - mtimeMs > clockGrain) return;
    const text = await readTextFile(file);
    if ((await fs.stat(file)).mtimeMs !== mtimeMs) return;
    this.#stamps.set(uri, stamp);
    this.#add(uri, second, text);
  }

  #add(uri: string, second: number, text: string): void {
    const own = this.#texts.get(uri) ?? [];
    if (own.some(each => each.second === second && each.text === text)) return;
    own.push({ second, text });
    this.#size += text.length;
    if (own.length > keptOfOne) {
      // What an image has loaded was asked for, and read: that goes last.
      const unread = own.findIndex(each => each.snapshot === undefined && each !== own.at(-1));
      this.#size -= own.splice(Math.max(0, unread), 1)[0]!.text.length;
    }
    this.#texts.delete(uri);
    this.#texts.set(uri, own);
    for (const [other, texts] of this.#texts) {
      if (this.#size <= kept || other === uri) break;
      this.#texts.delete(other);
      // What the file says now is read again when it is asked for.
      this.#stamps.delete(other);
      for (const each of texts) this.#size -= each.text.length;
    }
  }
}
