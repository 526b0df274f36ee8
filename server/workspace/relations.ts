/** Who calls whom, and which classes inherit from which, as the text of the workspace tells. */
import { readSymbol, type PositionEncoding, type Range, type Snapshot } from '../source/index.ts';
import { symbolsIn, type Occurrence } from '../source/scope.ts';
import type { Meaning, WorkspaceIndex } from './index.ts';
import { definitionsNamed } from './known.ts';
import { mentionsIn } from './occurrences.ts';
import type { Caller, DefinitionHit, IndexedDefinition, NameAt } from './types.ts';

const CLASSES: ReadonlySet<string> = new Set(['class', 'condition', 'structure']);
const maxCallers = 2000;

/** Its operator, or a function that is passed on: `#'f`, `(function f)`. Declarations call nothing. */
export const isCall = (
  snapshot: Snapshot,
  { namespace, access, operator, binding, span }: Occurrence,
): boolean => {
  if (binding || access === 'definition') return false;
  if (operator) return namespace === 'function' || namespace === 'data';
  const before = snapshot.slice(Math.max(0, span.start - 20), span.start);
  return namespace === 'function' && /(?:#'|\(function\s+)$/i.test(before);
};

/** The definitions whose text calls a function, with the places of the calls. */
export async function callersOf(
  at: NameAt,
  index: WorkspaceIndex,
  encoding: PositionEncoding,
  textOf: (uri: string) => Promise<Snapshot | undefined>,
  signal: AbortSignal,
): Promise<Caller[]> {
  const meaning: Meaning = {
    type: 'symbol',
    home: index.packages.home(at.prefix, at.name, at.package),
    name: at.name,
    loose: false,
  };
  const out: Caller[] = [];
  for (const uri of index.filesMentioning(meaning).sort()) {
    signal.throwIfAborted();
    const snapshot = await textOf(uri);
    if (!snapshot) continue;
    const byDefinition = new Map<IndexedDefinition | undefined, Range[]>();
    const definitions = index.definitionsIn(uri).filter(each => !MADE.has(each.operator));
    for (const { form, spans } of mentionsIn(snapshot, meaning, index)) {
      const calls = new Set(
        symbolsIn(form)
          .occurrences.filter(each => isCall(snapshot, each))
          .map(({ span }) => span.start),
      );
      for (const span of spans) {
        if (!calls.has(span.start)) continue;
        const range = snapshot.rangeOf(span, encoding);
        const from = innermost(definitions, range);
        byDefinition.set(from, [...(byDefinition.get(from) ?? []), range]);
      }
    }
    for (const [definition, ranges] of byDefinition)
      out.push({ uri, ...(definition && { definition }), ranges });
    if (out.length >= maxCallers) break;
  }
  return out;
}

/** What belongs to another definition calls nothing by itself. */
const MADE: ReadonlySet<string> = new Set([
  'slot',
  'accessor',
  'reader',
  'writer',
  'constructor',
  'copier',
  'predicate',
]);

/** The smallest definition around a range. */
function innermost(
  definitions: readonly IndexedDefinition[],
  { start }: Range,
): IndexedDefinition | undefined {
  let best: IndexedDefinition | undefined;
  for (const each of definitions) {
    const { range } = each;
    const holds =
      (range.start.line < start.line ||
        (range.start.line === start.line && range.start.character <= start.character)) &&
      (range.end.line > start.line ||
        (range.end.line === start.line && range.end.character > start.character));
    if (holds && (!best || range.start.line >= best.range.start.line)) best = each;
  }
  return best;
}

const isClass = ({ definition }: DefinitionHit): boolean => CLASSES.has(definition.kind);

/** The definitions of what a class inherits from directly. */
export function supertypesOf(index: WorkspaceIndex, at: NameAt): DefinitionHit[] {
  return definitionsNamed(index, at, 50)
    .filter(isClass)
    .flatMap(({ definition }) =>
      (definition.supers ?? []).flatMap(parent => {
        const { package: prefix, name } = readSymbol(parent);
        const named = { name, package: definition.package, ...(prefix !== undefined && { prefix }) };
        return definitionsNamed(index, named, 50).filter(isClass);
      }),
    );
}

/** The definitions of classes that inherit from one directly. */
export function subtypesOf(index: WorkspaceIndex, at: NameAt): DefinitionHit[] {
  const home = index.packages.home(at.prefix, at.name, at.package);
  const out: DefinitionHit[] = [];
  for (const [uri, definitions] of index.files())
    for (const definition of definitions)
      for (const parent of definition.supers ?? []) {
        const { package: prefix, name } = readSymbol(parent);
        if (name === at.name && index.packages.home(prefix, name, definition.package) === home)
          out.push({ uri, definition });
      }
  return out;
}
