/** The definitions of a buffer itself, as it stands at this moment, by name. */
import { readSymbol, type Snapshot, type SourceDefinition, type TopLevelForm } from '../source/index.ts';
import type { ChunkForm } from '../source/chunk.ts';
import { inSlices } from '../source/slices.ts';
import { formRowOf, sharedStretches, type FormRow } from '../source/stretches.ts';
import { letterOf } from '../workspace/named.ts';

/** A name that a form defines: what does not change when the form moves. */
interface DefinedName {
  /** In the case that the reader interns. */
  readonly name: string;
  readonly prefix: string | undefined;
  /** See letterOf. */
  readonly is: string;
  /** Which form of its stretch, and which of the form's definitions it is. */
  readonly form: number;
  readonly number: number;
}

export interface OwnDefinition {
  readonly defined: DefinedName;
  readonly form: TopLevelForm;
  readonly definition: SourceDefinition;
}

interface KnownNames {
  readonly keys: readonly object[];
  readonly environment: object;
  /** For each of the keys. */
  readonly names: readonly (readonly DefinedName[])[];
}

/** By URI, of the buffers that were asked about last: an edit costs the names of what it changed. */
const known = new Map<string, KnownNames>();
const mostBuffers = 8;
/** So many stretches are looked at without others getting a turn. */
const FEW = 256;

/** Yields now and then. */
function* naming(uri: string, row: FormRow): Generator<void, readonly (readonly DefinedName[])[], void> {
  const { keys, environment } = row;
  const before = known.get(uri);
  if (before?.keys === keys && before.environment === environment) return before.names;
  const names: (readonly DefinedName[])[] = new Array<readonly DefinedName[]>(keys.length);
  let start = 0;
  let behind = 0;
  if (before?.environment === environment) {
    [start, behind] = sharedStretches(before.keys, keys);
    const from = before.keys.length - keys.length;
    for (let i = 0; i < start; i++) names[i] = before.names[i]!;
    for (let i = keys.length - behind; i < keys.length; i++) names[i] = before.names[i + from]!;
  }
  for (let i = start; i < keys.length - behind; i++) {
    names[i] = row.read(i).flatMap(definedNames);
    if (i % FEW === 0) yield;
  }
  known.delete(uri);
  known.set(uri, { keys, environment, names });
  if (known.size > mostBuffers) known.delete(known.keys().next().value!);
  return names;
}

const definedNames = ({ definitions }: ChunkForm, form: number): DefinedName[] =>
  definitions.flatMap((definition, number): DefinedName[] => {
    const { kind } = definition;
    if (kind === 'declaration' || kind === 'package' || kind === 'system') return [];
    const symbol = symbolDefined(definition);
    return symbol
      ? [{ name: symbol.name, prefix: symbol.package, is: letterOf(definition), form, number }]
      : [];
  });

/**
 * What the buffer defines in a package under a name that is wanted; slots and the methods of a DEFGENERIC are left out.
 * Others get turns in between.
 * @param packageName as it is named in the buffer
 * @param initial the package of forms before any IN-PACKAGE
 */
export async function ownDefinitions(
  snapshot: Snapshot,
  packageName: string,
  initial: string,
  wanted: (name: string) => boolean,
): Promise<OwnDefinition[]> {
  await snapshot.ready();
  return inSlices(finding(snapshot, packageName, initial, wanted));
}

function* finding(
  snapshot: Snapshot,
  packageName: string,
  initial: string,
  wanted: (name: string) => boolean,
): Generator<void, OwnDefinition[], void> {
  const row = formRowOf(snapshot);
  if (!row) return [];
  const found: OwnDefinition[] = [];
  const names = yield* naming(snapshot.uri, row);
  for (let i = 0; i < names.length; i++) {
    for (const defined of names[i]!) {
      if (!wanted(defined.name)) continue;
      const form = row.form(i, defined.form);
      if (!form.active || (defined.prefix ?? form.package ?? initial) !== packageName) continue;
      found.push({ defined, form, definition: form.definitions[defined.number]! });
    }
    if (i % FEW === 0) yield;
  }
  return found;
}

/** The symbol that a definition names: of "(setf foo)" FOO; undefined for strings and lists. */
function symbolDefined({ name }: Pick<SourceDefinition, 'name'>) {
  const token = /^\(\s*\S+\s+([^\s()]+)\s*\)$/.exec(name)?.[1] ?? name;
  return /^[("]/.test(token) ? undefined : readSymbol(token);
}
