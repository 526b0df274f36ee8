/** What a keyword among the arguments of a call is for: a `&key` parameter, or a slot. */
import type { CancellationToken } from 'vscode-languageserver/node';
import { placeAt, type ListPlace } from '../features/place.ts';
import { readSymbol, type Snapshot, type Span, type SymbolName } from '../source/index.ts';
import { symbolAt, symbolsIn, type Occurrence } from '../source/scope.ts';
import type { DefinitionHit } from '../workspace/types.ts';
import type { Bench } from './bench.ts';
import { CALLING, MAKING } from './indirect.ts';

export interface KeywordPlace {
  readonly uri: string;
  readonly snapshot: Snapshot;
  readonly span: Span;
  /** All of the parameter's definition, or of the slot. */
  readonly whole: Span;
}

const most = 200;

/** The parameters or slots that a keyword at a place gives a value to; none where it is no argument of what the workspace defines. */
export async function keywordPlaces(
  bench: Bench,
  snapshot: Snapshot,
  offset: number,
  token: CancellationToken,
): Promise<KeywordPlace[]> {
  const { lists, package: inEffect } = placeAt(snapshot, offset);
  const [list] = lists;
  const at = list?.objects.findIndex(
    ({ type, span }) => type === 'kwd_lit' && span.start <= offset && offset <= span.end,
  );
  if (!list || list.quoted || at === undefined || at < 1) return [];
  const key = readSymbol(snapshot.slice(list.objects[at]!.span.start, list.objects[at]!.span.end)).name;
  const called = calledBy(snapshot, list);
  if (!called) return [];
  const name = { ...named(called.symbol), package: inEffect };
  if (called.makes) {
    const slots = await bench.ask('slots', { ...name, limit: most }, token);
    const wanted = slots.filter(({ definition }) => initargsIn(definition.slot ?? '').includes(key));
    return placesOfSlots(bench, wanted);
  }
  const local = symbolAt(snapshot, called.start)?.binding;
  if (local) {
    const span = local.lambdaList && parameterIn(snapshot, local.lambdaList, key);
    return span ? [{ uri: snapshot.uri, snapshot, span, whole: span }] : [];
  }
  const hits = await bench.ask('named', { ...name, limit: most }, token);
  const out: KeywordPlace[] = [];
  for (const hit of hits) {
    const { operator, container, package: home } = hit.definition;
    if (operator === 'constructor' && container !== undefined) {
      const slots = await bench.ask(
        'slots',
        { ...named(readSymbol(container)), package: home, limit: most },
        token,
      );
      const wanted = slots.filter(({ definition }) => readSymbol(definition.name).name === key);
      out.push(...(await placesOfSlots(bench, wanted)));
    } else out.push(...(await parametersOf(bench, hit, key)));
  }
  return out;
}

const named = ({ name, package: prefix }: SymbolName) => ({ name, ...(prefix !== undefined && { prefix }) });

interface Called {
  readonly symbol: SymbolName;
  readonly start: number;
  /** It is a class: the call makes one of it. */
  readonly makes: boolean;
}

/** The operator of a call, or what its first argument says that is called or made. */
function calledBy(snapshot: Snapshot, { operator, objects }: ListPlace): Called | undefined {
  if (!operator) return undefined;
  const makes = MAKING.has(operator.name);
  if (!makes && !CALLING.has(operator.name))
    return { symbol: operator, start: objects[0]!.span.start, makes };
  const { start, end } = objects[1]!.span;
  const [, prefix, name] = /^(#'|')([^\s()'"`,;#]+)$/.exec(snapshot.slice(start, end)) ?? [];
  return name === undefined ? undefined : { symbol: readSymbol(name), start: start + prefix!.length, makes };
}

/** The names of the keywords behind :initarg in a slot as it is written. */
const initargsIn = (slot: string): string[] =>
  [...slot.matchAll(/:initarg\s+(:[^\s()]+)/gi)].map(match => readSymbol(match[1]!).name);

async function placesOfSlots(bench: Bench, hits: readonly DefinitionHit[]): Promise<KeywordPlace[]> {
  const places = await Promise.all(hits.map(hit => spansOf(bench, hit)));
  return places.flatMap(each => (each ? [{ ...each, span: each.name }] : []));
}

async function spansOf(bench: Bench, { uri, definition: { nameRange, range } }: DefinitionHit) {
  const { documents, encoding } = bench.parts;
  const snapshot = await documents.snapshot(uri).catch(() => undefined);
  if (!snapshot) return undefined;
  await snapshot.ready();
  const span = (of: typeof range): Span => ({
    start: snapshot.offsetAt(of.start, encoding()),
    end: snapshot.offsetAt(of.end, encoding()),
  });
  return { uri, snapshot, name: span(nameRange), whole: span(range) };
}

async function parametersOf(bench: Bench, hit: DefinitionHit, key: string): Promise<KeywordPlace[]> {
  const place = await spansOf(bench, hit);
  if (!place) return [];
  const { uri, snapshot, name, whole } = place;
  const span = parameterIn(snapshot, { start: name.end, end: whole.end }, key);
  return span ? [{ uri, snapshot, span, whole }] : [];
}

/** The first `&key` parameter of that keyword in a stretch. */
function parameterIn(snapshot: Snapshot, { start, end }: Span, key: string): Span | undefined {
  const form = snapshot.formAt(start);
  return (
    form &&
    symbolsIn(form).occurrences.find(
      each => each.span.start >= start && each.span.end <= end && keywordOf(snapshot, each) === key,
    )?.span
  );
}

/** The keyword that gives a parameter its value, where that is bound here: its own name, or FOR of `((:for variable) default)`. */
function keywordOf(snapshot: Snapshot, { span, access, binding, symbol }: Occurrence): string | undefined {
  if (access !== 'definition' || binding?.parameter !== '&KEY') return undefined;
  if (binding.doubles) return symbol.name;
  const [, written] = /\(\s*(\S+)\s+$/.exec(snapshot.slice(Math.max(0, span.start - 200), span.start)) ?? [];
  return written === undefined ? undefined : readSymbol(written).name;
}
