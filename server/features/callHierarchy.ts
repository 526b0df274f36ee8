/** Items of the call and type hierarchies. Pure. */
import { shownName } from '../display.ts';
import { readSymbol } from '../source/index.ts';
import type { PositionEncoding, Range, Snapshot, SourceDefinition } from '../source/types.ts';
import { symbolsIn } from '../source/scope.ts';
import { standardMacros } from '../workspace/standardMacros.ts';
import { symbolNamed } from '../workspace/named.ts';
import { isCall } from '../workspace/relations.ts';
import type { DefinitionHit, NameAt } from '../workspace/types.ts';
import { symbolKind, type SymbolKind } from './documentSymbol.ts';

/** LSP's CallHierarchyItem and TypeHierarchyItem. */
export interface HierarchyItem {
  readonly name: string;
  readonly kind: SymbolKind;
  readonly detail?: string;
  readonly uri: string;
  readonly range: Range;
  readonly selectionRange: Range;
  /** The symbol it is about. */
  readonly data: NameAt;
}

export function hierarchyItem({ uri, definition }: DefinitionHit): HierarchyItem {
  const symbol = symbolNamed(definition);
  const qualified = [definition.name, ...(definition.qualifiers ?? [])].join(' ');
  const detail = definition.package ?? undefined;
  return {
    name: shownName(
      definition.specializers ? `${qualified} (${definition.specializers.join(' ')})` : qualified,
    ),
    kind: symbolKind(definition),
    ...(detail !== undefined && { detail: shownName(detail) }),
    uri,
    range: definition.range,
    selectionRange: definition.nameRange,
    data: {
      name: symbol?.name ?? definition.name,
      package: definition.package,
      ...(symbol?.package !== undefined && { prefix: symbol.package }),
    },
  };
}

/** An item for what an image recorded: its definition where the form names it. @param name as an item shows it */
export function recordedItem(
  name: string,
  home: string,
  definition: Pick<SourceDefinition, 'kind' | 'operator'>,
  place: Pick<HierarchyItem, 'uri' | 'range' | 'selectionRange'>,
): HierarchyItem {
  return {
    name: shownName(name.toLowerCase()),
    kind: symbolKind(definition),
    detail: shownName(home),
    ...place,
    data: { ...readName(name), prefix: home },
  };
}

/** The symbol of a name as the image prints it: AREA :AROUND (CIRCLE), (SETF AREA). */
const readName = (name: string): NameAt => ({
  name: readSymbol(/^\(SETF (\S+)\)/.exec(name)?.[1] ?? /^\S*/.exec(name)![0]).name,
  package: null,
});

export interface Callee {
  readonly name: NameAt;
  readonly ranges: Range[];
}

/** The functions and macros that the code of a range calls, standard macros aside, in order of the first call. */
export function calleesIn(snapshot: Snapshot, range: Range, encoding: PositionEncoding): Callee[] {
  const start = snapshot.offsetAt(range.start, encoding);
  const end = snapshot.offsetAt(range.end, encoding);
  const form = snapshot.formAt(start);
  if (!form) return [];
  const found = new Map<string, Callee>();
  for (const each of symbolsIn(form).occurrences) {
    if (each.span.start < start || each.span.end > end || !isCall(snapshot, each)) continue;
    if (standardMacros.has(each.symbol.name)) continue;
    const { package: prefix, name } = each.symbol;
    const key = `${prefix ?? ''}:${name}`;
    let callee = found.get(key);
    if (!callee) {
      const at = { name, package: form.package ?? null, ...(prefix !== undefined && { prefix }) };
      found.set(key, (callee = { name: at, ranges: [] }));
    }
    callee.ranges.push(snapshot.rangeOf(each.span, encoding));
  }
  return [...found.values()];
}
