/** Constants to which a load gives other values: a hazard that is asked about, with the users that are compiled again in the same change. */
import { oneLine } from '../display.ts';
import type { Image } from '../image/image.ts';
import type { ChangedConstant, ConstantName, SystemFile } from '../image/protocol.ts';
import { plannedForm } from '../operations/forms.ts';
import type { Call } from '../operations/operation.ts';
import { dependentsContext } from './assess.ts';
import { findDependents, noDependents, type Dependents } from './dependents.ts';
import type { Desk } from './desk.ts';
import { performForms, type Part } from './replaySteps.ts';

interface Changed extends ConstantName {
  /** For people. */
  readonly message: string;
}

export interface Constants {
  readonly changed: readonly Changed[];
  readonly dependents: Dependents;
}

/**
 * The constants to which the texts of `files`, on the disk, give another value, as far as a text tells; and their users.
 * @param files what a load compiles, as the image told of it
 */
export async function constantsIn(
  desk: Desk,
  image: Image,
  files: readonly SystemFile[],
  signal: AbortSignal,
): Promise<Constants> {
  const { documents } = desk.deps;
  const snapshots = await Promise.all(
    files.map(async ({ file, constants }) => {
      const snapshot = constants && (await documents.onDisk(documents.uriOf(file)).catch(() => undefined));
      if (!snapshot) return undefined;
      await snapshot.ready();
      return snapshot;
    }),
  );
  const forms = snapshots.flatMap((snapshot, index) =>
    (snapshot?.forms ?? [])
      .filter(
        ({ active, broken, packageUnknown, definitions }) =>
          active && !broken && !packageUnknown && definitions.some(({ kind }) => kind === 'constant'),
      )
      .map(form => plannedForm(snapshot!, form, files[index]!.file)),
  );
  const compiled = files.map(({ file }) => file);
  if (forms.length === 0) return withUsers(desk, image, [], compiled, signal);
  const { assessments } = await image.call(
    'check',
    { forms: forms.map(({ wire }) => wire), threads: false },
    { signal },
  );
  const changed = assessments.flatMap(({ definition: { name, package: home }, hazard }) =>
    hazard?.kind === 'constant-changed' ? [{ name, package: home, message: hazard.message }] : [],
  );
  return withUsers(desk, image, changed, compiled, signal);
}

/** The constants that the image found to change while it loaded, as `constantsIn` tells of them. */
export const toldByImage = (constants: readonly ChangedConstant[]): Changed[] =>
  constants.map(({ name, package: home, from, to }) => ({
    name,
    package: home,
    message: `${name} is ${from} now and would become ${to}: code that is not compiled again keeps the old value.`,
  }));

/** @param compiled files that the load compiles: users in those are compiled by it */
export async function withUsers(
  desk: Desk,
  image: Image,
  changed: readonly Changed[],
  compiled: readonly string[],
  signal: AbortSignal,
): Promise<Constants> {
  if (changed.length === 0) return { changed, dependents: noDependents };
  const found = await findDependents(
    dependentsContext(desk, image, desk.deps.settings()['reload.dependents'], signal),
    changed.map(({ name, package: home }) => ({ definition: { kind: 'constant', name }, package: home })),
    [],
    changed.map(({ name, package: home }) => ({
      kind: 'constant',
      name,
      package: home,
      change: 'redefined',
    })),
  );
  return { changed, dependents: { ...found, forms: formsOutside(found, compiled) } };
}

const formsOutside = ({ forms }: Dependents, files: readonly string[]) =>
  forms.filter(({ wire: { file } }) => file === undefined || !files.includes(file));

/** Compiles the users again that no file of `loaded` has; undefined where there are none. */
export async function compileUsers(
  desk: Desk,
  image: Image,
  { dependents }: Constants,
  loaded: readonly string[],
  transaction: string,
  call: Call,
): Promise<Part | undefined> {
  const forms = formsOutside(dependents, loaded);
  return forms.length > 0
    ? performForms(desk, image, forms, () => transaction, undefined, new Set(), call)
    : undefined;
}

/** As a plan tells of them. */
export const reportedConstants = ({ changed }: Constants) =>
  changed.map(({ name, package: home, message }) => ({
    kind: 'constant',
    name,
    package: home,
    change: 'redefined',
    class: 'hazardous',
    hazard: { kind: 'constant-changed', message },
  }));

export const namesOf = ({ changed }: Constants): ConstantName[] =>
  changed.map(({ name, package: home }) => ({ name, package: home }));

export const hazardsOf = ({ changed }: Constants): string[] =>
  changed.map(({ message }) => oneLine(message, 300));
