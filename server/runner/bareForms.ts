/**
 * Which forms have been run that define nothing by name, or only what a definer of the program's own does: several of those may share a name. An
 * image keeps no trace of them: what is not known here, nor from the text that the image loaded, is told of.
 */
import { isScratch } from '../documents.ts';
import type { JournalSource } from '../approval/journal.ts';
import type { PlannedForm } from '../operations/operation.ts';
import type { Snapshot } from '../source/types.ts';
import { formsOf, keyOf } from './loaded.ts';

/** Forms of one file that may stand for each other. */
interface Alike {
  /** Keys of forms that operations have run, and no other in their place since. */
  run: Set<string>;
  /** Keys of the forms that have stood in the file whenever one was run; undefined: none was. */
  standing?: ReadonlySet<string>;
  /** The text that was run from last. */
  snapshot?: Snapshot;
}

const formKey = ({ wire }: PlannedForm) => keyOf(wire.digest, wire.package);

const fileOf = ({ wire, snapshot }: PlannedForm) => wire.file ?? snapshot.uri;

const namesOf = ({ wire }: PlannedForm) => wire.definitions.map(({ name }) => name).join(' ');

const isBare = ({ wire }: PlannedForm) => wire.definitions.every(({ kind }) => kind === 'other');

const both = (some: Iterable<string>, others: ReadonlySet<string>) =>
  new Set([...some].filter(each => others.has(each)));

export class BareForms {
  /** By file, then by the names that they define; of most, none. */
  readonly #files = new Map<string, Map<string, Alike>>();

  /** These forms have been run: those that their text does not have beside them were run before, if ever. */
  async ran(forms: readonly PlannedForm[]): Promise<void> {
    // Forms that are run with each other share what stood: it is as large as the file.
    const narrowed = new Map<ReadonlySet<string>, ReadonlySet<string>>();
    for (const form of forms) {
      const { wire, snapshot } = form;
      const isString = isScratch(snapshot.uri);
      if (!isBare(form) || (isString && wire.file === undefined)) continue;
      const file = this.#files.get(fileOf(form)) ?? new Map<string, Alike>();
      this.#files.set(fileOf(form), file);
      const alike = file.get(namesOf(form)) ?? { run: new Set() };
      file.set(namesOf(form), alike);
      if (!isString && alike.snapshot !== snapshot) {
        const present = await formsOf(snapshot);
        alike.run = both(alike.run, present);
        const stood = alike.standing ?? present;
        if (!narrowed.has(stood)) narrowed.set(stood, both(stood, present));
        alike.standing = narrowed.get(stood)!;
        alike.snapshot = snapshot;
      }
      alike.run.add(formKey(form));
    }
  }

  /** The image has loaded these files: what their texts said then is what it has run of them. */
  loaded(files: Iterable<string>): void {
    for (const file of files) this.#files.delete(file);
  }

  /** @param digestOf of a form's text */
  takenBack(sources: readonly JournalSource[], digestOf: (text: string) => string | undefined): void {
    for (const { file, after, package: home } of sources) {
      const known = this.#files.get(file ?? '');
      const digest = known && after !== null ? digestOf(after) : undefined;
      if (digest !== undefined) for (const { run } of known!.values()) run.delete(keyOf(digest, home));
    }
  }

  /** Whether an operation has run the form, and no other in its place since. */
  hasRun(form: PlannedForm): boolean {
    return this.#alike(form)?.run.has(formKey(form)) ?? false;
  }

  /** Whether an operation may have run another form in its place since the image loaded the file. */
  mayBeReplaced(form: PlannedForm): boolean {
    return this.#alike(form)?.standing?.has(formKey(form)) === false;
  }

  #alike(form: PlannedForm): Alike | undefined {
    return this.#files.get(fileOf(form))?.get(namesOf(form));
  }
}
