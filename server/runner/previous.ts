/** What a form's definition said before: for the diff that the person reads and for the journal. */
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { JournalSource } from '../approval/journal.ts';
import { patchOf } from '../patch.ts';
import { TemporaryDirectory } from '../temporaryDirectory.ts';
import { spelling } from '../operations/names.ts';
import type { PlannedForm } from '../operations/operation.ts';
import type { Snapshot, TopLevelForm } from '../source/types.ts';
import { BareForms } from './bareForms.ts';

/** The same for forms that define the same names in the same package. */
export const formKey = ({ wire }: PlannedForm) =>
  JSON.stringify([
    wire.package,
    wire.definitions.map(({ kind, name, qualifiers, specializers }) => [
      kind,
      name,
      qualifiers,
      specializers,
    ]),
  ]);

/** How many forms without a file are kept: nothing else knows their text. */
const scratchKept = 1000;

interface Text {
  readonly text: string;
  readonly digest: string;
}

/** Where the text of a form may be found; asked only for what is not known by heart. */
export interface FileTexts {
  /** What the file is known to have said when the image loaded it; several where that is not certain. */
  loaded(): Promise<readonly Snapshot[]>;
  /** What is saved; undefined where nothing is. */
  saved(): Promise<Snapshot | undefined>;
}

export class PreviousSources {
  readonly #installed = new Map<string, Text>();
  /** The keys of those by the digest of their text: one text may be installed in several packages. */
  readonly #keys = new Map<string, Set<string>>();
  /** Forms without a file, by digest. */
  readonly #scratch = new Map<string, PlannedForm>();

  readonly bare = new BareForms();

  /** The text of these forms is what the image runs now. */
  async remember(forms: readonly PlannedForm[]): Promise<void> {
    await this.bare.ran(forms);
    for (const form of forms) {
      const { text, digest } = form.wire;
      const key = formKey(form);
      this.#forgetText(key);
      this.#installed.set(key, { text, digest });
      const keys = this.#keys.get(digest);
      if (keys) keys.add(key);
      else this.#keys.set(digest, new Set([key]));
      if (form.wire.file === undefined) this.#scratch.set(form.wire.digest, form);
      if (this.#scratch.size > scratchKept) this.#scratch.delete(this.#scratch.keys().next().value!);
    }
  }

  #forgetText(key: string): void {
    const { digest } = this.#installed.get(key) ?? {};
    const keys = digest === undefined ? undefined : this.#keys.get(digest);
    if (keys?.delete(key) && keys.size === 0) this.#keys.delete(digest!);
  }

  /** The form without a file that has this digest and was installed. */
  scratch(digest: string): PlannedForm | undefined {
    return this.#scratch.get(digest);
  }

  /** Whether the text of this digest is the last that was installed for the form's definitions. */
  isLast(form: PlannedForm, digest: string): boolean {
    return this.#installed.get(formKey(form))?.digest === digest;
  }

  forget(): void {
    this.#installed.clear();
    this.#keys.clear();
  }

  /**
   * The text last installed for the form's definitions, else what the file said when the image loaded it, else what the saved
   * file says; null where none is known, or none is what the image says that it runs.
   * @param running the digest of the text that an operation installed, as the image has it
   * @param file the one that the image has the definitions from
   */
  async of(form: PlannedForm, running: string | undefined, file: FileTexts): Promise<string | null> {
    const isRunning = (found: Text | undefined): found is Text =>
      found !== undefined && (running === undefined || found.digest === running);
    const installed = this.#installed.get(formKey(form));
    if (isRunning(installed)) return installed.text;
    // The same name may have been written with another prefix, in another package.
    const [elsewhere] = (running !== undefined && this.#keys.get(running)) || [];
    if (elsewhere !== undefined) return this.#installed.get(elsewhere)!.text;
    const loaded = await file.loaded();
    for (const each of loaded) await each.ready();
    const [first, ...others] = loaded.map(each => textOf(form, each));
    if (isRunning(first) && others.every(each => each?.text === first.text)) return first.text;
    const saved = await file.saved();
    await saved?.ready();
    const last = saved && textOf(form, saved);
    return isRunning(last) ? last.text : null;
  }
}

/** The form that has the same definitions in another state of the file. */
export function sameForm({ wire }: PlannedForm, snapshot: Snapshot): TopLevelForm | undefined {
  let forms = formsByNames.get(snapshot);
  if (!forms) {
    const first = new Map<string, TopLevelForm>();
    for (const form of snapshot.forms) {
      const names = namesOf(form.definitions);
      if (form.definitions.length > 0 && !first.has(names)) first.set(names, form);
    }
    formsByNames.set(snapshot, (forms = first));
  }
  return forms.get(namesOf(wire.definitions));
}

const formsByNames = new WeakMap<Snapshot, ReadonlyMap<string, TopLevelForm>>();

function textOf(form: PlannedForm, snapshot: Snapshot): Text | undefined {
  const same = sameForm(form, snapshot);
  return same && { text: snapshot.text.slice(same.span.start, same.span.end), digest: same.digest };
}

const namesOf = (definitions: PlannedForm['wire']['definitions'] | TopLevelForm['definitions']) =>
  JSON.stringify(definitions.map(each => [each.kind, spelling(each)]));

/** A unified diff of all forms, a file header each. */
export const diffOf = (
  changes: readonly { readonly form: PlannedForm; readonly before: string | null }[],
): string =>
  textsDiff(
    changes.map(({ form: { wire }, before }) => ({
      file: wire.file ?? null,
      package: wire.package,
      before,
      after: wire.text,
    })),
  );

/** A unified diff of texts, as the journal has them. */
export const textsDiff = (
  changes: readonly Pick<JournalSource, 'file' | 'package' | 'before' | 'after'>[],
): string =>
  changes
    .map(({ file, package: home, before, after }) => {
      const name = file ?? `code in ${home}`;
      const said = (text: string | null, then: string) => (text === null ? 'not known' : then);
      return patchOf(name, before, after, said(before, 'before'), said(after, 'proposed'));
    })
    .join('\n');

/** Diffs as files that an editor can open, in a private directory that goes with the server. */
export class DiffFiles {
  readonly #directory = new TemporaryDirectory('diff');

  /** Writes one text, a diff or (extension ".lisp") code; answers its URI. */
  async write(request: number, text: string, extension: string): Promise<string> {
    const file = path.join(await this.#directory.path(), `request-${request}${extension}`);
    await fs.writeFile(file, text, { mode: 0o600 });
    return pathToFileURL(file).href;
  }

  async dispose(): Promise<void> {
    await this.#directory.dispose();
  }
}
