/** The definitions of a text as an image is asked about them. */
import type { TextDefinition } from '../image/protocol.ts';
import { initialPackage, isInPackage, wireDefinition } from '../operations/forms.ts';
import { spelling } from '../operations/names.ts';
import { inSlices } from '../source/slices.ts';
import type { Snapshot, SourceDefinition, TopLevelForm } from '../source/types.ts';

/** One definition of one form. */
export interface Entry {
  /** The same for every spelling of kind, package and name. */
  readonly key: string;
  readonly asked: TextDefinition;
  readonly form: TopLevelForm;
  readonly definition: SourceDefinition;
}

/** Kinds of which an image keeps nothing that could be compared. */
const unheard: ReadonlySet<SourceDefinition['kind']> = new Set(['other', 'test', 'system', 'declaration']);

export const keyOf = ({ definition, package: home }: Pick<TextDefinition, 'definition' | 'package'>) =>
  `${definition.kind} ${home.toUpperCase()} ${spelling(definition)}`;

/** Every definition that is read, in order, in steps of one form. */
function* entrySteps(snapshot: Snapshot): Generator<void, Entry[]> {
  const entries: Entry[] = [];
  for (const form of snapshot.forms) {
    if (form.active && !form.broken && !form.packageUnknown && !isInPackage(form))
      for (const definition of form.definitions) {
        if (unheard.has(definition.kind) || definition.compileOnly) continue;
        const asked = {
          definition: wireDefinition(definition),
          package: form.package ?? initialPackage,
          digest: form.digest,
        };
        entries.push({ key: keyOf(asked), asked, form, definition });
      }
    yield;
  }
  return entries;
}

const known = new WeakMap<Snapshot, Promise<readonly Entry[]>>();

/** What `entrySteps` comes to, found out once for each snapshot. */
export function entriesOf(snapshot: Snapshot): Promise<readonly Entry[]> {
  let entries = known.get(snapshot);
  if (!entries) {
    entries = inSlices(entrySteps(snapshot));
    known.set(snapshot, entries);
    entries.catch(() => known.delete(snapshot));
  }
  return entries;
}

/** Keys of definitions that reader conditionals keep from being read; they are no less in the file. */
export const hiddenKeys = (snapshot: Snapshot): ReadonlySet<string> =>
  new Set(
    snapshot.forms
      .filter(form => !form.active)
      .flatMap(form =>
        form.definitions.map(definition =>
          keyOf({ definition: wireDefinition(definition), package: form.package ?? initialPackage }),
        ),
      ),
  );

/** The packages that the forms of a text are in. */
export const packagesOf = (snapshot: Snapshot): string[] => [
  ...new Set(
    snapshot.forms.flatMap(({ active, package: home }) => (active && home !== undefined ? [home] : [])),
  ),
];
