/** Who calls whom, and what inherits from what. */
import type {
  CallHierarchyItem,
  CancellationToken,
  Position,
  TypeHierarchyItem,
} from 'vscode-languageserver/node';
import { calleesIn, hierarchyItem, type HierarchyItem } from '../features/callHierarchy.ts';
import { symbolAt } from '../source/scope.ts';
import type { DefinitionHit, NameAt } from '../workspace/types.ts';
import type { Bench, FeatureSet } from './bench.ts';

const CALLABLE: ReadonlySet<string> = new Set([
  'function',
  'macro',
  'generic-function',
  'method',
  'compiler-macro',
  'setf-expander',
  'test',
]);
const CLASSES: ReadonlySet<string> = new Set(['class', 'condition', 'structure']);
/** How many of the functions called are looked for. */
const maxCallees = 500;

export const hierarchies: FeatureSet = {
  capabilities: { callHierarchyProvider: true, typeHierarchyProvider: true },
  listen(bench) {
    const { connection, answer, documents, encoding } = bench.parts;
    const prepare =
      (kinds: ReadonlySet<string>) =>
      (
        { textDocument: { uri }, position }: { textDocument: { uri: string }; position: Position },
        token: CancellationToken,
      ) =>
        answer(async () => {
          const hits = await named(bench, uri, position, token);
          const items = once(hits.filter(({ definition }) => kinds.has(definition.kind)));
          return items.length > 0 ? items : null;
        });
    const { callHierarchy, typeHierarchy } = connection.languages;

    callHierarchy.onPrepare(prepare(CALLABLE));
    callHierarchy.onIncomingCalls(({ item }, token) =>
      answer(async () => {
        const callers = await bench.ask('callers', dataOf(item), token);
        return callers.map(({ uri, definition, ranges }) => ({
          from: definition
            ? hierarchyItem({ uri, definition })
            : { ...fileItem(uri), range: ranges[0]!, selectionRange: ranges[0]! },
          fromRanges: [...ranges],
        }));
      }),
    );
    callHierarchy.onOutgoingCalls(({ item }, token) =>
      answer(async () => {
        const snapshot = await documents.snapshot(item.uri);
        await snapshot.ready();
        const callees = calleesIn(snapshot, item.range, encoding()).slice(0, maxCallees);
        const calls = await Promise.all(
          callees.map(async ({ name, ranges }) => {
            const hits = await bench.ask('named', { ...name, limit: 50 }, token);
            const [to] = once(
              hits.filter(({ definition }) => CALLABLE.has(definition.kind)).sort(genericFirst),
            );
            return to ? [{ to, fromRanges: ranges }] : [];
          }),
        );
        return calls.flat();
      }),
    );

    typeHierarchy.onPrepare(prepare(CLASSES));
    const relatives =
      (which: 'supertypes' | 'subtypes') =>
      ({ item }: { item: TypeHierarchyItem }, token: CancellationToken) =>
        answer(async () => once(await bench.ask('relatives', { ...dataOf(item), which }, token)));
    typeHierarchy.onSupertypes(relatives('supertypes'));
    typeHierarchy.onSubtypes(relatives('subtypes'));
  },
};

/** The definitions of the symbol at a place; none where it is local. */
async function named(
  bench: Bench,
  uri: string,
  position: Position,
  token: CancellationToken,
): Promise<readonly DefinitionHit[]> {
  const snapshot = bench.parts.documents.get(uri);
  if (!snapshot) return [];
  await snapshot.ready();
  if (symbolAt(snapshot, snapshot.offsetAt(position, bench.parts.encoding()))?.binding) return [];
  return bench.ask('definition', { uri, position }, token);
}

/** One item for each place. */
function once(hits: readonly DefinitionHit[]): HierarchyItem[] {
  const seen = new Set<string>();
  return hits.map(hierarchyItem).filter(({ uri, selectionRange: { start } }) => {
    const place = `${uri} ${start.line}:${start.character}`;
    return !seen.has(place) && seen.add(place);
  });
}

const order = ({ definition }: DefinitionHit): number => (definition.kind === 'method' ? 1 : 0);
const genericFirst = (a: DefinitionHit, b: DefinitionHit): number => order(a) - order(b);

/** What an item of ours carries; of another one its name must do. */
function dataOf({ data, name }: CallHierarchyItem | TypeHierarchyItem): NameAt {
  const given = data as NameAt | undefined;
  return given && typeof given.name === 'string' ? given : { name: name.toUpperCase(), package: null };
}

/** Calls outside of definitions belong to their file. */
const fileItem = (uri: string) => ({
  name: decodeURIComponent(uri.slice(uri.lastIndexOf('/') + 1)),
  kind: 1 as const,
  uri,
  data: { name: '', package: null },
});
