/** The definitions of a buffer itself, as it stands at this moment. */
import { readSymbol, type Snapshot, type SourceDefinition, type TopLevelForm } from '../source/index.ts';

export interface OwnDefinition {
  readonly definition: SourceDefinition;
  readonly form: TopLevelForm;
}

/** What the buffer defines under a name, whatever its package prefix; methods of a DEFGENERIC and slots are left out. */
export function* ownDefinitions(snapshot: Snapshot): Generator<OwnDefinition> {
  for (const form of snapshot.forms) {
    if (!form.active) continue;
    for (const definition of form.definitions)
      if (definition.kind !== 'declaration') yield { definition, form };
  }
}

/** The symbol that a definition names: of "(setf foo)" FOO; undefined for strings and lists. */
export function symbolDefined({ name }: Pick<SourceDefinition, 'name'>) {
  const token = /^\(\s*\S+\s+([^\s()]+)\s*\)$/.exec(name)?.[1] ?? name;
  return /^[("]/.test(token) ? undefined : readSymbol(token);
}
