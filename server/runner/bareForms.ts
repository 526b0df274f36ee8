/**
 * Which forms that define nothing by name have been run, file by file. An image keeps no trace of them: what is not known here, nor from the
 * text that the image loaded, is told of.
 */
import { isScratch } from '../documents.ts';
import type { JournalSource } from '../approval/journal.ts';
import type { PlannedForm } from '../operations/operation.ts';
import type { Snapshot } from '../source/types.ts';
import { formsOf, keyOf } from './loaded.ts';

interface OfFile {
  /** Keys of forms that operations have run, and no other in their place since. */
  run: Set<string>;
  /** Keys of the forms that have stood in the file whenever one was run; undefined: none was. */
  standing?: ReadonlySet<string>;
  /** The text that was run from last. */
  snapshot?: Snapshot;
}

const formKey = ({ wire }: PlannedForm) => keyOf(wire.digest, wire.package);

const fileOf = ({ wire, snapshot }: PlannedForm) => wire.file ?? snapshot.uri;

const both = (some: Iterable<string>, others: ReadonlySet<string>) =>
  new Set([...some].filter(each => others.has(each)));

export class BareForms {
  readonly #files = new Map<string, OfFile>();

  /** These forms have been run: those that their text does not have beside them were run before, if ever. */
  async ran(forms: readonly PlannedForm[]): Promise<void> {
    for (const form of forms) {
      const { wire, snapshot } = form;
      const isString = isScratch(snapshot.uri);
      if (wire.definitions.length > 0 || (isString && wire.file === undefined)) continue;
      const file = this.#files.get(fileOf(form)) ?? { run: new Set() };
      this.#files.set(fileOf(form), file);
      if (!isString && file.snapshot !== snapshot) {
        const present = await formsOf(snapshot);
        file.run = both(file.run, present);
        file.standing = both(file.standing ?? present, present);
        file.snapshot = snapshot;
      }
      file.run.add(formKey(form));
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
      if (digest !== undefined) known!.run.delete(keyOf(digest, home));
    }
  }

  /** Whether an operation has run the form, and no other in its place since. */
  hasRun(form: PlannedForm): boolean {
    return this.#files.get(fileOf(form))?.run.has(formKey(form)) ?? false;
  }

  /** Whether an operation may have run another form in its place since the image loaded the file. */
  mayBeReplaced(form: PlannedForm): boolean {
    return this.#files.get(fileOf(form))?.standing?.has(formKey(form)) === false;
  }
}
