/** Who calls whom, and what inherits from what. */
import type {
  CallHierarchyIncomingCall,
  CallHierarchyItem,
  CallHierarchyOutgoingCall,
  CancellationToken,
  Position,
  TypeHierarchyItem,
} from 'vscode-languageserver/node';
import { calleesIn, hierarchyItem, recordedItem, type HierarchyItem } from '../features/callHierarchy.ts';
import { globalMentions, symbolAt } from '../source/scope.ts';
import type { DefinitionKind } from '../source/types.ts';
import { nameOfUri } from '../source/uri.ts';
import type { DefinitionHit, NameAt } from '../workspace/types.ts';
import type { Bench, FeatureSet } from './bench.ts';
import { within } from './places.ts';
import { nameSpanIn, recordedBeyond, type NewPlace } from './recorded.ts';

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

/** What the image has beside the texts. */
const CALLS: ReadonlySet<string> = new Set(['calls', 'expands']);
/** Of how many functions that no text of the workspace defines the image is asked. */
const maxAsked = 40;

export const hierarchies: FeatureSet = {
  capabilities: { callHierarchyProvider: true, typeHierarchyProvider: true },
  listen(bench) {
    const { connection, answer } = bench.parts;
    const prepare =
      (kinds: ReadonlySet<string>) =>
      (
        { textDocument: { uri }, position }: { textDocument: { uri: string }; position: Position },
        token: CancellationToken,
      ) =>
        answer(async () => {
          const items = await itemsAt(bench, uri, position, kinds, token);
          return items.length > 0 ? items : null;
        });
    const { callHierarchy, typeHierarchy } = connection.languages;

    callHierarchy.onPrepare(prepare(CALLABLE));
    callHierarchy.onIncomingCalls(({ item }, token) => answer(() => incoming(bench, item, token)));
    callHierarchy.onOutgoingCalls(({ item }, token) => answer(() => outgoing(bench, item, token)));

    typeHierarchy.onPrepare(prepare(CLASSES));
    const related =
      (which: 'supertypes' | 'subtypes') =>
      ({ item }: { item: TypeHierarchyItem }, token: CancellationToken) =>
        answer(() => relatives(bench, item, which, token));
    typeHierarchy.onSupertypes(related('supertypes'));
    typeHierarchy.onSubtypes(related('subtypes'));
  },
};

/** The definitions of the symbol at a place, of the workspace or else of the image; none where it is local. */
async function itemsAt(
  bench: Bench,
  uri: string,
  position: Position,
  kinds: ReadonlySet<string>,
  token: CancellationToken,
): Promise<HierarchyItem[]> {
  const snapshot = bench.parts.documents.get(uri);
  if (!snapshot) return [];
  const symbol = symbolAt(snapshot, await bench.offsetIn(snapshot, position));
  if (symbol?.binding) return [];
  const hits = await bench.ask('definition', { uri, position }, token);
  const items = once(hits.filter(({ definition }) => kinds.has(definition.kind)));
  if (items.length > 0 || !symbol) return items;
  const written = snapshot.slice(symbol.span.start, symbol.span.end);
  return defined(bench, uri, written, snapshot.packageAt(symbol.span.start), kinds, token);
}

async function incoming(
  bench: Bench,
  item: CallHierarchyItem,
  token: CancellationToken,
): Promise<CallHierarchyIncomingCall[]> {
  const data = dataOf(item);
  const [callers, answered] = await Promise.all([
    bench.ask('callers', data, token),
    bench.image(item.uri, 'users', imageName(data), { token }),
  ]);
  const calls = callers.map(({ uri, definition, ranges }) => ({
    from: definition
      ? hierarchyItem({ uri, definition })
      : { ...fileItem(uri), range: ranges[0]!, selectionRange: ranges[0]! },
    fromRanges: [...ranges],
  }));
  const users = (answered?.users ?? []).filter(({ how, package: home }) => CALLS.has(how) && home !== '');
  const known = callers.flatMap(({ uri, ranges }) => ranges.map(range => ({ uri, range })));
  const { encoding } = bench.parts;
  for (const place of await recordedBeyond(bench.parts, users, known)) {
    const from = itemOf(bench, place);
    const mentions = globalMentions(place.form, data.name)
      .map(({ span }) => place.snapshot.rangeOf(span, encoding()))
      .filter(range => within(range, place.whole));
    // a call that a macro makes stands nowhere in the text
    calls.push({ from, fromRanges: mentions.length > 0 ? mentions : [from.selectionRange] });
  }
  return calls;
}

async function outgoing(
  bench: Bench,
  item: CallHierarchyItem,
  token: CancellationToken,
): Promise<CallHierarchyOutgoingCall[]> {
  const { documents, encoding } = bench.parts;
  const snapshot = await documents.snapshot(item.uri);
  await snapshot.ready();
  const callees = calleesIn(snapshot, item.range, encoding()).slice(0, maxCallees);
  let asked = 0;
  const calls = await Promise.all(
    callees.map(async ({ name, ranges }) => {
      const hits = await bench.ask('named', { ...name, limit: 50 }, token);
      let [to] = once(hits.filter(({ definition }) => CALLABLE.has(definition.kind)).sort(genericFirst));
      if (!to && asked++ < maxAsked) {
        const { symbol, package: inEffect } = imageName(name);
        [to] = await defined(bench, item.uri, symbol, inEffect, CALLABLE, token);
      }
      return to ? [{ to, fromRanges: ranges }] : [];
    }),
  );
  return calls.flat();
}

async function relatives(
  bench: Bench,
  item: TypeHierarchyItem,
  which: 'supertypes' | 'subtypes',
  token: CancellationToken,
): Promise<HierarchyItem[]> {
  const data = dataOf(item);
  const [hits, answered] = await Promise.all([
    bench.ask('relatives', { ...data, which }, token),
    bench.image(item.uri, 'relatives', imageName(data), { token }),
  ]);
  const items = once(hits);
  const known = items.map(({ uri, selectionRange }) => ({ uri, range: selectionRange }));
  const places = await recordedBeyond(bench.parts, answered?.[which] ?? [], known);
  return [...items, ...places.map(place => itemOf(bench, place))];
}

/** What the image has of a name, where there is a file of it. */
async function defined(
  bench: Bench,
  uri: string,
  symbol: string,
  inEffect: string | undefined,
  kinds: ReadonlySet<string>,
  token: CancellationToken,
): Promise<HierarchyItem[]> {
  const answered = await bench.image(
    uri,
    'source',
    { symbol, ...(inEffect !== undefined && { package: inEffect }) },
    { token },
  );
  const locations = (answered?.locations ?? []).filter(({ kind }) => kinds.has(kind));
  return (await recordedBeyond(bench.parts, locations, [])).map(place => itemOf(bench, place));
}

function itemOf(bench: Bench, place: NewPlace): HierarchyItem {
  const { uri, snapshot, whole, location, definition } = place;
  const kind = location.kind as DefinitionKind;
  return recordedItem(location.name, location.package, definition ?? { kind, operator: kind }, {
    uri,
    range: whole,
    selectionRange: snapshot.rangeOf(nameSpanIn(place), bench.parts.encoding()),
  });
}

/** A name as the image is asked for it. */
const imageName = ({ name, package: inEffect, prefix }: NameAt) => ({
  symbol: prefix === undefined ? barred(name) : `${barred(prefix)}::${barred(name)}`,
  ...(inEffect !== null && { package: inEffect }),
});

const barred = (name: string): string => `|${name.replace(/[\\|]/g, '\\$&')}|`;

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
  name: nameOfUri(uri),
  kind: 1 as const,
  uri,
  data: { name: '', package: null },
});
