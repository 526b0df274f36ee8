/** Definitions by the symbols that they name. */
import { readSymbol } from '../source/index.ts';
import { sharedStretches } from '../source/stretches.ts';
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

/**
 * Of each definition, found once; null: it names by a string, a designator or a list. Kept in the definition itself, as a search looks at
 * thousands; neither JSON nor a message to another thread takes it along.
 */
const NAMED = Symbol('named');

export function namedBy(definition: IndexedDefinition & { [NAMED]?: Named | null }): Named | null {
  return (definition[NAMED] ??= definition[NAMED] === null ? null : readNamed(definition));
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

/** The definitions of a file by the names of their symbols. An edit changes few of them. */
class Names {
  #listed: readonly IndexedDefinition[] = [];
  readonly #byName = new Map<string, Named[]>();

  /** In the order of `definitions`: those that name a symbol called so. */
  find(definitions: readonly IndexedDefinition[], name: string): readonly Named[] {
    if (definitions !== this.#listed) this.#list(definitions);
    return this.#byName.get(name) ?? NONE;
  }

  /** Lists another version of the file: what both have at their beginnings and ends is left as it is. */
  #list(definitions: readonly IndexedDefinition[]): void {
    const [first, last] = sharedStretches(this.#listed, definitions);
    const touched = new Set<string>();
    for (let i = first; i < this.#listed.length - last; i++) {
      const named = namedBy(this.#listed[i]!);
      const same = named && this.#byName.get(named.name);
      if (!same) continue;
      if (same.length === 1) this.#byName.delete(named.name);
      else same.splice(same.indexOf(named), 1);
    }
    for (let i = first; i < definitions.length - last; i++) {
      const named = namedBy(definitions[i]!);
      if (!named) continue;
      const same = this.#byName.get(named.name);
      if (same) {
        same.push(named);
        touched.add(named.name);
      } else this.#byName.set(named.name, [named]);
    }
    for (const name of touched) this.#byName.get(name)!.sort(byPlace);
    this.#listed = definitions;
  }
}

const byPlace = ({ definition: a }: Named, { definition: b }: Named): number =>
  a.range.start.line - b.range.start.line || a.range.start.character - b.range.start.character;

/** By the definitions of a version of a file: false after the first question, for which listing them is not worth while. */
const listed = new WeakMap<readonly IndexedDefinition[], Names | false>();

/** The definitions of a file that name a symbol called so, as the reader interns it. */
export function definitionsCalled(definitions: readonly IndexedDefinition[], name: string): readonly Named[] {
  const known = listed.get(definitions);
  if (known !== undefined) {
    const names = known || new Names();
    if (!known) listed.set(definitions, names);
    return names.find(definitions, name);
  }
  listed.set(definitions, false);
  const out: Named[] = [];
  for (const definition of definitions) {
    const each = namedBy(definition);
    if (each?.name === name) out.push(each);
  }
  return out;
}

/** Another version of a file takes the place of one, which nobody asks about again. */
export function succeed(
  before: readonly IndexedDefinition[],
  definitions: readonly IndexedDefinition[],
): void {
  const known = listed.get(before);
  if (known !== undefined) listed.set(definitions, known);
}

const NONE: readonly Named[] = [];
