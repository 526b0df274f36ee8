/** What the image loaded from a file, as far as the texts that the file had are known. */
import type { Documents } from '../documents.ts';
import { initialPackage } from '../operations/forms.ts';
import { findForm } from '../operations/locate.ts';
import type { PlannedForm } from '../operations/operation.ts';
import type { Assessment } from '../image/protocol.ts';
import { inTurns } from '../source/slices.ts';
import type { Snapshot } from '../source/types.ts';

type Texts = Pick<Documents, 'textsAt'>;

/** The same texts, each looked for once. */
const remembering = (documents: Texts): Texts => ({
  textsAt: once((uri, second) => documents.textsAt(uri, second)),
});

/** The same function, called once for equal arguments. */
export function once<A extends readonly (string | number | undefined)[], R>(
  find: (...args: A) => R,
): (...args: A) => R {
  const found = new Map<string, R>();
  return (...args) => {
    const key = args.join(' ');
    if (!found.has(key)) found.set(key, find(...args));
    return found.get(key)!;
  };
}

/** The same for forms of one text that are read in one package. */
export const keyOf = (digest: string, packageName: string | undefined) =>
  `${digest} ${packageName ?? initialPackage}`;

const known = new WeakMap<Snapshot, Promise<ReadonlySet<string>>>();

/** What is read of a text: a key for each form. */
export function formsOf(text: Snapshot): Promise<ReadonlySet<string>> {
  let forms = known.get(text);
  if (!forms) {
    forms = readForms(text);
    known.set(text, forms);
  }
  return forms;
}

async function readForms(text: Snapshot): Promise<ReadonlySet<string>> {
  await text.ready();
  const active = text.forms.filter(each => each.active);
  return new Set(await inTurns(active, each => keyOf(each.digest, each.package)));
}

export interface LoadedForm {
  readonly uri: string;
  readonly digest: string;
  readonly package: string;
}

/**
 * True when every text that the file is known to have had when the image loaded it holds the form. In doubt false.
 * @param second the Unix time of the file's contents that the image loaded
 */
export async function wasLoaded(
  documents: Texts,
  second: number | undefined,
  { uri, digest, package: packageName }: LoadedForm,
): Promise<boolean> {
  if (second === undefined) return false;
  const texts = await documents.textsAt(uri, second);
  for (const text of texts) if (!(await formsOf(text)).has(keyOf(digest, packageName))) return false;
  return texts.length > 0;
}

/**
 * The form that the image loaded for a definition; undefined where it cannot be told.
 * @param second the Unix time of the file's contents that the image loaded
 */
export async function loadedForm(
  documents: Documents,
  uri: string,
  second: number | undefined,
  location: Parameters<typeof findForm>[1],
): Promise<Omit<LoadedForm, 'uri'> | undefined> {
  if (second === undefined) return undefined;
  const [first, ...others] = (await documents.textsAt(uri, second)).map(
    text => findForm(text, location).form,
  );
  if (!first || others.some(each => each?.digest !== first.digest)) return undefined;
  return { digest: first.digest, package: first.package ?? initialPackage };
}

/**
 * Whether the image runs the form's text: it was installed from it, or loaded from a file that said the same then.
 * In doubt it does not.
 * @param assessments of everything checked with it
 */
export async function runsThisText(
  { definition, installed, file }: Assessment,
  { wire, snapshot }: PlannedForm,
  assessments: readonly Assessment[],
  documents: Texts,
): Promise<boolean> {
  if (definition.change === 'unchanged') return true;
  // Of a declamation, or of what a macro of the user's defines, an image keeps no trace: then the file that has the form speaks for it.
  if (definition.change === 'new' && file === undefined) return false;
  if (installed !== undefined) return installed === wire.digest;
  if (file !== wire.file) return false;
  return wasLoaded(documents, loadedDate(assessments, wire.file), {
    uri: snapshot.uri,
    digest: wire.digest,
    package: wire.package,
  });
}

/**
 * The assessments of `forms`, with those unchanged whose text the image runs: it cannot tell so itself of what it loaded from
 * files; nor the package of a name whose package the change makes first.
 */
export function compared(
  assessments: readonly Assessment[],
  forms: readonly PlannedForm[],
  documents: Documents,
): Promise<readonly Assessment[]> {
  const texts = remembering(documents);
  return inTurns(assessments, async (told): Promise<Assessment> => {
    const home = told.definition.package || forms[told.form]!.wire.package;
    const each = { ...told, definition: { ...told.definition, package: home } };
    const { class: effect, definition, hazard } = each;
    const isAsked = effect !== 'unchanged' && hazard === undefined;
    if (!isAsked || !(await runsThisText(each, forms[each.form]!, assessments, texts))) return each;
    return { ...each, definition: { ...definition, change: 'unchanged' }, class: 'unchanged' };
  });
}

const grouped = new WeakMap<readonly Assessment[], ReadonlyMap<number, readonly Assessment[]>>();

/** What is said of the form number `index`: in the order of its definitions. */
export function assessmentsOf(assessments: readonly Assessment[], index: number): readonly Assessment[] {
  let byForm = grouped.get(assessments);
  if (!byForm) {
    const groups = new Map<number, Assessment[]>();
    for (const each of assessments) {
      const group = groups.get(each.form);
      if (group) group.push(each);
      else groups.set(each.form, [each]);
    }
    grouped.set(assessments, (byForm = groups));
  }
  return byForm.get(index) ?? [];
}

const dated = new WeakMap<readonly Assessment[], ReadonlyMap<string | undefined, number>>();

/** When the file that the image loaded was written; SBCL records it for functions only, so one speaks for all of the file. */
export function loadedDate(assessments: readonly Assessment[], file: string | undefined): number | undefined {
  let dates = dated.get(assessments);
  if (!dates) {
    const earliest = new Map<string | undefined, number>();
    for (const { file: of, fileWriteDate: date } of assessments)
      if (date !== undefined) earliest.set(of, Math.min(date, earliest.get(of) ?? date));
    dated.set(assessments, (dates = earliest));
  }
  return dates.get(file);
}
