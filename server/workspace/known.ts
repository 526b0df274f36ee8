/** What of the workspace has a name that fits, or that is given: for help while code is written. */
import { readSymbol } from '../source/index.ts';
import { fit } from './fuzzy.ts';
import type { WorkspaceIndex } from './index.ts';
import { definitionsCalled, namedBy } from './named.ts';
import type { DefinitionHit, IndexedName, NameAt, NameQuery } from './types.ts';

const CLASSES = /[crtd]/;
const OPERATORS = /[smgf]/;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Names that fit, the best first. */
export function namesThatFit(
  index: WorkspaceIndex,
  query: NameQuery,
): { names: readonly IndexedName[]; more: boolean } {
  const pattern = query.pattern.toLowerCase();
  const found = new Map<string, { rank: number; name: Mutable<IndexedName> }>();
  const add = (rank: number, name: IndexedName) => {
    const key = `${name.package}\t${name.name}`;
    const known = found.get(key)?.name;
    if (!known) found.set(key, { rank, name: { ...name } });
    else {
      for (const letter of name.is) if (!known.is.includes(letter)) known.is += letter;
      if (name.lambdaList !== undefined) known.lambdaList ??= name.lambdaList;
      if (name.summary !== undefined) known.summary ??= name.summary;
    }
  };
  const plain = (name: string, packageName: string) => {
    const rank = fit(pattern, name.toLowerCase());
    if (rank !== undefined) add(rank, { name, package: packageName, is: '', external: true });
  };
  switch (query.what) {
    case 'packages':
      for (const [name, actual] of index.packages.names(query.package)) plain(name, actual);
      break;
    case 'keywords':
      for (const name of index.keywords) plain(name, 'KEYWORD');
      break;
    case 'systems':
      for (const [, definitions] of index.files())
        for (const { kind, name } of definitions)
          if (kind === 'system')
            plain(name.startsWith('"') ? name.slice(1, -1) : readSymbol(name).name.toLowerCase(), '');
      break;
    default:
      symbolsThatFit(index, query, pattern, add);
      if (query.prefix === undefined && query.what !== 'classes' && pattern !== '')
        for (const [name, actual] of index.packages.names(query.package))
          if (name.toLowerCase().startsWith(pattern))
            add(2, { name, package: actual, is: 'p', external: true });
  }
  const sorted = [...found.values()].sort(
    (a, b) =>
      a.rank - b.rank ||
      Number(a.name.is === 'o') - Number(b.name.is === 'o') ||
      a.name.name.length - b.name.name.length ||
      (a.name.name < b.name.name ? -1 : 1),
  );
  return { names: sorted.slice(0, query.limit).map(({ name }) => name), more: sorted.length > query.limit };
}

function symbolsThatFit(
  index: WorkspaceIndex,
  { what, package: inEffect, prefix, internal }: NameQuery,
  pattern: string,
  add: (rank: number, name: IndexedName) => void,
): void {
  const { packages } = index;
  const searched = packages.canonical(prefix ?? inEffect ?? 'COMMON-LISP-USER', inEffect);
  for (const [, definitions] of index.files())
    for (const definition of definitions) {
      const named = namedBy(definition);
      if (!named || isNowhere(named.prefix)) continue;
      const { prefix: own, name, lower, is } = named;
      if (what === 'classes' ? !CLASSES.test(is) : what === 'functions' && !OPERATORS.test(is)) continue;
      const rank = fit(pattern, lower);
      if (rank === undefined) continue;
      const { lambdaList, summary } = definition;
      const home = packages.home(own, name, definition.package);
      const external = packages.isExternal(searched, name);
      if (prefix !== undefined && !internal && !external) continue;
      if (packages.home(prefix, name, inEffect) !== home) continue;
      add(rank, {
        name,
        package: home,
        is,
        external,
        ...(lambdaList !== undefined && { lambdaList }),
        ...(summary !== undefined && { summary }),
      });
    }
}

/** What has a keyword's name, or an uninterned one, is found by no package. */
const isNowhere = (prefix: string | undefined) => prefix === '' || prefix === '#';

/** The definitions of a symbol, in no order that means anything. */
export function definitionsNamed(index: WorkspaceIndex, at: NameAt, limit: number): DefinitionHit[] {
  const home = index.packages.home(at.prefix, at.name, at.package);
  const out: DefinitionHit[] = [];
  for (const [uri, definitions] of index.files())
    for (const { definition, prefix, name } of definitionsCalled(definitions, at.name)) {
      if (isNowhere(prefix)) continue;
      if (index.packages.home(prefix, name, definition.package) !== home) continue;
      out.push({ uri, definition });
      if (out.length === limit) return out;
    }
  return out;
}

const CLASS_KINDS: ReadonlySet<string> = new Set(['class', 'condition', 'structure']);

/** The slots of a class and of what it inherits from, its own first. */
export function slotsOf(index: WorkspaceIndex, at: NameAt, limit: number): DefinitionHit[] {
  const out: DefinitionHit[] = [];
  const seen = new Set<string>();
  const waiting: NameAt[] = [at];
  for (let next = waiting.shift(); next && out.length < limit; next = waiting.shift()) {
    const key = `${index.packages.home(next.prefix, next.name, next.package)}\t${next.name}`;
    if (seen.has(key)) continue;
    seen.add(key);
    for (const { uri, definition } of definitionsNamed(index, next, 50)) {
      if (!CLASS_KINDS.has(definition.kind)) continue;
      const { name, package: inEffect } = definition;
      for (const each of index.definitionsIn(uri))
        if (each.operator === 'slot' && each.container === name && each.package === inEffect)
          out.push({ uri, definition: each });
      for (const parent of definition.supers ?? []) {
        const { package: prefix, name: parentName } = readSymbol(parent);
        waiting.push({ name: parentName, package: inEffect, ...(prefix !== undefined && { prefix }) });
      }
    }
  }
  return out.slice(0, limit);
}

/** The package that a name means in another one, and its definitions. */
export function packageNamed(
  index: WorkspaceIndex,
  name: string,
  inEffect: string | null,
): { name: string; definitions: DefinitionHit[] } {
  const actual = index.packages.canonical(name, inEffect);
  const definitions: DefinitionHit[] = [];
  for (const [uri, all] of index.files())
    for (const definition of all) {
      if (definition.kind !== 'package') continue;
      const written = definition.name;
      const named = written.startsWith('"') ? written.slice(1, -1) : readSymbol(written).name;
      if (named === actual && definitions.length < 20) definitions.push({ uri, definition });
    }
  return { name: actual, definitions };
}
