/** What a form's definition said before: for the diff that the person reads and for the journal. */
import { createTwoFilesPatch } from 'diff';
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { TemporaryDirectory } from '../temporaryDirectory.ts';
import { spelling } from '../operations/names.ts';
import type { PlannedForm } from '../operations/operation.ts';
import type { Snapshot, TopLevelForm } from '../source/types.ts';

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

const ranKey = ({ wire }: PlannedForm) => `${wire.digest} ${wire.package}`;

/** How many forms without a file are kept: nothing else knows their text. */
const scratchKept = 1000;

interface Text {
  readonly text: string;
  readonly digest: string;
}

export class PreviousSources {
  readonly #installed = new Map<string, Text>();
  /** Forms without a file, by digest. */
  readonly #scratch = new Map<string, PlannedForm>();

  /** Forms that define nothing by name and have been run, by package and digest. */
  readonly #ran = new Set<string>();

  /** @param onDisk the saved text of a document; undefined where there is none */
  constructor(private readonly onDisk: (uri: string) => Promise<Snapshot | undefined>) {}

  /** The text of these forms is what the image runs now. */
  remember(forms: readonly PlannedForm[]): void {
    for (const form of forms) {
      const { text, digest } = form.wire;
      this.#installed.set(formKey(form), { text, digest });
      if (form.wire.definitions.length === 0) this.#ran.add(ranKey(form));
      if (form.wire.file === undefined) this.#scratch.set(form.wire.digest, form);
      if (this.#scratch.size > scratchKept) this.#scratch.delete(this.#scratch.keys().next().value!);
    }
  }

  /** The form without a file that has this digest and was installed. */
  scratch(digest: string): PlannedForm | undefined {
    return this.#scratch.get(digest);
  }

  /** Whether an operation has run this form, which defines nothing by name. */
  ran(form: PlannedForm): boolean {
    return this.#ran.has(ranKey(form));
  }

  forget(): void {
    this.#installed.clear();
  }

  /**
   * The text last installed for the form's definitions, else what the file said when the image loaded it, else what the saved
   * file says; null where none is known, or none is what the image says that it runs.
   * @param loaded what the file is known to have said when the image loaded it; several where that is not certain
   * @param running the digest of the text that an operation installed, as the image has it
   * @param uri of the file that the image has the definitions from
   */
  async of(
    form: PlannedForm,
    loaded: readonly Snapshot[],
    running: string | undefined,
    uri: string,
  ): Promise<string | null> {
    const isRunning = (found: Text | undefined): found is Text =>
      found !== undefined && (running === undefined || found.digest === running);
    const installed = this.#installed.get(formKey(form));
    if (isRunning(installed)) return installed.text;
    // The same name may have been written with another prefix, in another package.
    const same = running !== undefined && [...this.#installed.values()].find(isRunning);
    if (same) return same.text;
    const [first, ...others] = loaded.map(each => textOf(form, each));
    if (isRunning(first) && others.every(each => each?.text === first.text)) return first.text;
    const saved = await this.onDisk(uri);
    const last = saved && textOf(form, saved);
    return isRunning(last) ? last.text : null;
  }
}

/** The form that has the same definitions in another state of the file. */
export function sameForm({ wire }: PlannedForm, { forms }: Snapshot): TopLevelForm | undefined {
  const wanted = namesOf(wire.definitions);
  return forms.find(({ definitions }) => definitions.length > 0 && namesOf(definitions) === wanted);
}

function textOf(form: PlannedForm, snapshot: Snapshot): Text | undefined {
  const same = sameForm(form, snapshot);
  return same && { text: snapshot.text.slice(same.span.start, same.span.end), digest: same.digest };
}

const namesOf = (definitions: PlannedForm['wire']['definitions'] | TopLevelForm['definitions']) =>
  JSON.stringify(definitions.map(each => [each.kind, spelling(each)]));

/** A unified diff of all forms, a file header each. */
export function diffOf(
  changes: readonly { readonly form: PlannedForm; readonly before: string | null }[],
): string {
  return changes
    .map(({ form: { wire }, before }) => {
      const name = wire.file ?? `code in ${wire.package}`;
      const was = before === null ? 'not known' : 'before';
      return createTwoFilesPatch(name, name, ended(before ?? ''), ended(wire.text), was, 'proposed');
    })
    .join('\n');
}

const ended = (text: string) => (text === '' || text.endsWith('\n') ? text : text + '\n');

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
