/** Definitions by the symbols that they name. */
import { readSymbol } from '../source/index.ts';
import type { IndexedDefinition } from './types.ts';

/** By kind of definition; see KnownName.is of the wire contract. */
const LETTERS: Readonly<Partial<Record<IndexedDefinition['kind'], string>>> = {
  function: 'f',
  macro: 'm',
  'generic-function': 'g',
  method: 'g',
  variable: 'v',
  constant: 'k',
  class: 'c',
  condition: 'r',
  structure: 't',
  type: 'd',
  'symbol-macro': 'y',
};

export const letterOf = ({ kind, operator }: Pick<IndexedDefinition, 'kind' | 'operator'>): string =>
  operator === 'slot' ? 'o' : (LETTERS[kind] ?? '');

/** A definition that names a symbol, with what every question about it wants. */
export interface Named {
  readonly definition: IndexedDefinition;
  readonly prefix: string | undefined;
  /** As the reader interns it, and in lower case. */
  readonly name: string;
  readonly lower: string;
  readonly is: string;
}

/** Of each definition, found once; null: it names by a string, a designator or a list. */
const named = new WeakMap<IndexedDefinition, Named | null>();

export function namedBy(definition: IndexedDefinition): Named | null {
  let found = named.get(definition);
  if (found === undefined) named.set(definition, (found = readNamed(definition)));
  return found;
}

function readNamed(definition: IndexedDefinition): Named | null {
  if (definition.kind === 'package' || definition.kind === 'system') return null;
  const symbol = symbolNamed(definition);
  if (!symbol) return null;
  const { name, package: prefix } = symbol;
  return { definition, prefix, name, lower: name.toLowerCase(), is: letterOf(definition) };
}

/** The token that a definition's name is or holds: "foo" of "(setf foo)". */
const nameToken = (name: string) => /^\(\s*\S+\s+([^\s()]+)\s*\)$/.exec(name)?.[1] ?? name;

/** The symbol that a definition names; undefined where it names by a string or a list. */
export function symbolNamed({ name }: Pick<IndexedDefinition, 'name'>) {
  const token = nameToken(name);
  return /^[("]/.test(token) ? undefined : readSymbol(token);
}

type Names = ReadonlyMap<string, readonly Named[]>;
/** Of each version of a file that was asked about: false after the first question, for which they are not worth finding. */
const byName = new WeakMap<readonly IndexedDefinition[], Names | false>();

/** The definitions of a file that name a symbol called so, as the reader interns it. */
export function definitionsCalled(definitions: readonly IndexedDefinition[], name: string): readonly Named[] {
  const known = byName.get(definitions);
  if (known) return known.get(name) ?? NONE;
  if (known === false) {
    const names = namesIn(definitions);
    byName.set(definitions, names);
    return names.get(name) ?? NONE;
  }
  byName.set(definitions, false);
  const out: Named[] = [];
  for (const definition of definitions) {
    const each = namedBy(definition);
    if (each?.name === name) out.push(each);
  }
  return out;
}

function namesIn(definitions: readonly IndexedDefinition[]): Names {
  const found = new Map<string, Named[]>();
  for (const definition of definitions) {
    const each = namedBy(definition);
    if (!each) continue;
    const same = found.get(each.name);
    if (same) same.push(each);
    else found.set(each.name, [each]);
  }
  return found;
}

const NONE: readonly Named[] = [];
