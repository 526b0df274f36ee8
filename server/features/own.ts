/** The definitions of a buffer itself, as it stands at this moment, by name. */
import { readSymbol, type Snapshot, type SourceDefinition, type TopLevelForm } from '../source/index.ts';
import type { ChunkForm } from '../source/chunk.ts';
import { formsWith } from '../source/snapshot.ts';
import { letterOf } from '../workspace/known.ts';

/** A name that a form defines: what does not change when the form moves. */
interface DefinedName {
  /** In the case that the reader interns. */
  readonly name: string;
  readonly prefix: string | undefined;
  /** See letterOf. */
  readonly is: string;
  /** Which of the form's definitions it is. */
  readonly number: number;
}

export interface OwnDefinition {
  readonly defined: DefinedName;
  readonly form: TopLevelForm;
  readonly definition: SourceDefinition;
}

/** A form's names are found once, however often the buffer is edited elsewhere. */
const namesOf = new WeakMap<ChunkForm, readonly DefinedName[]>();

function definedNames(form: ChunkForm): readonly DefinedName[] {
  let names = namesOf.get(form);
  if (!names) {
    names = form.definitions.flatMap((definition, number): DefinedName[] => {
      const { kind } = definition;
      if (kind === 'declaration' || kind === 'package' || kind === 'system') return [];
      const symbol = symbolDefined(definition);
      return symbol ? [{ name: symbol.name, prefix: symbol.package, is: letterOf(definition), number }] : [];
    });
    namesOf.set(form, names);
  }
  return names;
}

/**
 * What the buffer defines in a package under a name that is wanted; slots and the methods of a DEFGENERIC are left out.
 * @param packageName as it is named in the buffer
 * @param initial the package of forms before any IN-PACKAGE
 */
export function* ownDefinitions(
  snapshot: Snapshot,
  packageName: string,
  initial: string,
  wanted: (name: string) => boolean,
): Generator<OwnDefinition> {
  let names: readonly DefinedName[] = [];
  const isWanted = (contents: ChunkForm) => (names = definedNames(contents)).some(({ name }) => wanted(name));
  for (const form of formsWith(snapshot, isWanted)) {
    for (const defined of names) {
      if (!wanted(defined.name)) continue;
      if (!form.active || (defined.prefix ?? form.package ?? initial) !== packageName) continue;
      yield { defined, form, definition: form.definitions[defined.number]! };
    }
  }
}

/** The symbol that a definition names: of "(setf foo)" FOO; undefined for strings and lists. */
function symbolDefined({ name }: Pick<SourceDefinition, 'name'>) {
  const token = /^\(\s*\S+\s+([^\s()]+)\s*\)$/.exec(name)?.[1] ?? name;
  return /^[("]/.test(token) ? undefined : readSymbol(token);
}
