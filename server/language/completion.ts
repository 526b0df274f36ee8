/** Completion: what the place wants, from everyone who knows, in one bounded list. */
import type { CancellationToken, CompletionParams } from 'vscode-languageserver/node';
import { itemsOf, mostItems, ranked, type Candidate } from '../features/completion/candidates.ts';
import { wantedAt, type Wanted } from '../features/completion/expected.ts';
import { snippetsFor } from '../features/completion/snippets.ts';
import { localsNear } from '../features/locals.ts';
import { placeAt, type Place } from '../features/place.ts';
import { readTyped, spell, type Typed } from '../features/spelling.ts';
import { keywordsOf } from '../features/lambdaList.ts';
import type { Snapshot } from '../source/index.ts';
import type { NameQuery } from '../workspace/types.ts';
import type { Bench } from './bench.ts';
import type { Knowledge } from './knowledge.ts';
import { callAt } from './call.ts';
import { slotsOf } from './indirect.ts';

/** What an item carries to be resolved. */
export interface ItemData {
  readonly uri: string;
  /** As it is written in `package`. */
  readonly name: string;
  readonly package: string | null;
}

interface Offered {
  readonly candidates: Candidate[];
  readonly more: boolean;
}

const NOTHING: Offered = { candidates: [], more: false };
const EMPTY = { isIncomplete: false, items: [] };

export async function complete(
  bench: Bench,
  knowledge: Knowledge,
  { textDocument: { uri }, position, context }: CompletionParams,
  token: CancellationToken,
): Promise<{ isIncomplete: boolean; items: object[] } | null> {
  const { documents, encoding, capabilities } = bench.parts;
  const snapshot = documents.get(uri);
  if (!snapshot) return null;
  const offset = await bench.offsetIn(snapshot, position, 'forms');
  const place = placeAt(snapshot, offset);
  const wanted = wantedAt(place);
  const typed = readTyped(place.typed);
  // a character that only may begin something asks for nothing yet
  if (context?.triggerKind === 2 && place.typed === '' && !wanted.some(isNarrow)) return EMPTY;
  if (wanted.length === 0 || isNumber(place.typed)) return EMPTY;
  const { completionItem } = capabilities().textDocument?.completion ?? {};
  const offered = await Promise.all(
    wanted.map(each => candidatesFor(each, { bench, knowledge, place, typed, token })),
  );
  const first = wanted.find(({ type }) => type === 'symbols');
  const prefer = wanted.some(({ type }) => type === 'classes')
    ? 'classes'
    : first?.type === 'symbols'
      ? first.prefer
      : undefined;
  const list = ranked(
    [
      ...offered.flatMap(({ candidates }) => candidates),
      ...(completionItem?.snippetSupport === true && prefer === 'operators' ? snippetsFor(place, typed) : []),
    ],
    { typed, prefer },
  );
  return {
    isIncomplete: list.length > mostItems || offered.some(({ more }) => more),
    items: itemsOf(list.slice(0, mostItems), {
      snapshot,
      encoding: encoding(),
      typed,
      token: place.token,
      offset,
      insertReplace: completionItem?.insertReplaceSupport === true,
      labelDetails: completionItem?.labelDetailsSupport === true,
      data: ({ name, is }): ItemData | undefined =>
        /[waqn:l]/.test(is) && !is.includes('m')
          ? undefined
          : {
              uri,
              name:
                is === 'p'
                  ? `${spell(name, false)}:`
                  : typed.before.replace(/^(?:#:|:)$/, '') + spell(name, false),
              package: place.package,
            },
    }),
  };
}

/** What is offered also where nothing is typed yet. */
const isNarrow = ({ type }: Wanted): boolean =>
  !['symbols', 'functions', 'classes', 'any-keyword', 'arguments', 'words'].includes(type);

const isNumber = (typed: string): boolean => /^[+-]?[0-9][0-9./]*$/.test(typed) && !/^1[+-]?$/.test(typed);

interface Request {
  readonly bench: Bench;
  readonly knowledge: Knowledge;
  readonly place: Place;
  readonly typed: Typed;
  readonly token: CancellationToken;
}

async function candidatesFor(wanted: Wanted, request: Request): Promise<Offered> {
  const { bench, place, typed } = request;
  switch (wanted.type) {
    case 'symbols':
    case 'functions':
    case 'classes':
      if (typed.kind === 'keyword' || typed.kind === 'uninterned') return NOTHING;
      return symbols(request, wanted.type);
    case 'packages':
    case 'systems':
      return designators(request, wanted.type);
    case 'exports':
      return exportsOf(request, wanted.of, wanted.internal);
    case 'arguments':
      return callArguments(request);
    case 'initargs':
    case 'slots':
      return slots(request, wanted.type, wanted.of);
    case 'words':
      return words(wanted.words, 'w', '');
    case 'keywords':
      return typed.kind === 'keyword' || typed.pattern === '' ? words(wanted.words, 'w', ':') : NOTHING;
    case 'any-keyword':
      return typed.kind === 'keyword' ? anyKeyword(request) : NOTHING;
    case 'features':
      return words(
        bench.parts.source.features.map(name => name.toLowerCase()),
        'w',
        place.typed.startsWith(':') ? ':' : '',
      );
  }
}

const words = (texts: readonly string[], is: string, before: string): Offered => ({
  candidates: texts.map(text => ({ name: text, text: before + text, is, nearness: 'word' })),
  more: false,
});

const query = ({ place, typed }: Request, what: NameQuery['what']): NameQuery => ({
  what,
  pattern: typed.pattern,
  package: place.package,
  ...(typed.prefix !== undefined && { prefix: typed.prefix }),
  internal: typed.internal,
  limit: mostItems + 1,
});

const named = ({ knowledge, place, token }: Request, asked: NameQuery): Promise<Offered> =>
  knowledge.names(place.snapshot, asked, token);

/** But for the one that is being written: a file's keywords may hold it already. */
async function anyKeyword(request: Request): Promise<Offered> {
  const { candidates, more } = await named(request, query(request, 'keywords'));
  const { pattern } = request.typed;
  return { candidates: candidates.filter(({ name }) => name.toLowerCase() !== pattern), more };
}

async function symbols(request: Request, what: 'symbols' | 'functions' | 'classes'): Promise<Offered> {
  const { typed } = request;
  const known = await named(request, query(request, what));
  const locals = typed.kind === 'plain' && what !== 'classes' ? localCandidates(request, what) : [];
  // a name may go on as a prefix
  const others = known.candidates.map(each =>
    each.is === 'p' ? { ...each, text: `${spell(each.name, typed.upper)}:` } : each,
  );
  return { candidates: [...locals, ...others], more: known.more };
}

/** What is bound around the place; not what is being bound there. */
function localCandidates({ bench, place }: Request, what: 'symbols' | 'functions'): Candidate[] {
  const { snapshot, offset, token } = place;
  const reread = (text: string): Snapshot => bench.parts.source.snapshot(snapshot.uri, 0, text);
  const out: Candidate[] = [];
  for (const { binding, lambdaList } of localsNear(snapshot, offset, reread)) {
    const { kind, name, span } = binding;
    const callable = kind === 'function' || kind === 'macro';
    if (kind === 'block' || kind === 'tag' || (what === 'functions' && !callable)) continue;
    if (span.start <= token.start && offset <= span.end && binding.occurrences.length <= 1) continue;
    out.push({
      name,
      is: callable ? (kind === 'macro' ? 'm' : 'f') : 'l',
      package: binding.operator,
      nearness: 'local',
      ...(lambdaList !== undefined && { lambdaList: lambdaList.replace(/\s+/g, ' ') }),
    });
  }
  return out;
}

/** Names of packages or systems, as the person begins to write them. */
async function designators(request: Request, what: 'packages' | 'systems'): Promise<Offered> {
  const { place, typed } = request;
  const { prefix: _, ...rest } = query(request, what);
  const inString = place.inside === 'string';
  const pattern = inString ? place.typed.toLowerCase() : typed.pattern;
  const { candidates, more } = await named(request, { ...rest, pattern });
  const spelled = (name: string): string => {
    if (inString) return name;
    const lower = name.toLowerCase();
    const text = what === 'systems' && /[/.]/.test(lower) ? `"${lower}"` : spell(name, typed.upper);
    if (what === 'systems')
      return typed.kind === 'plain' && typed.pattern === '' ? `"${lower}"` : typed.before + systemText(lower);
    return (typed.kind === 'plain' && typed.pattern === '' ? '#:' : typed.before) + text;
  };
  return { candidates: candidates.map(each => ({ ...each, text: spelled(each.name) })), more };
}

const systemText = (name: string): string => (/^[a-z0-9.+/-]+$/.test(name) ? name : spell(name, false));

/** What a package exports, or holds, as designators. */
async function exportsOf(request: Request, of: string, internal: boolean): Promise<Offered> {
  const { place, typed } = request;
  const inString = place.inside === 'string';
  const asked: NameQuery = {
    what: 'symbols',
    pattern: inString ? place.typed.toLowerCase() : typed.pattern,
    package: place.package,
    prefix: of,
    internal,
    limit: mostItems + 1,
  };
  const { candidates, more } = await named(request, asked);
  const before = typed.kind === 'plain' && typed.pattern === '' ? '#:' : typed.before;
  return {
    candidates: candidates
      .filter(({ nearness, is }) => nearness === 'package' || nearness === 'buffer' || is !== '')
      .map(each => ({ ...each, text: inString ? each.name : before + spell(each.name, typed.upper) })),
    more,
  };
}

/** Keywords that the call around takes and that are not given yet. */
async function callArguments(request: Request): Promise<Offered> {
  const { place, typed, bench, knowledge, token } = request;
  if (typed.kind !== 'keyword' && typed.pattern !== '') return NOTHING;
  const call = await callAt(bench, knowledge, place, token);
  if (!call) return NOTHING;
  const { snapshot } = place;
  const given = new Set(
    call.list.objects
      .filter(({ span }) => span.end < place.token.start || span.start > place.offset)
      .map(({ span }) => snapshot.slice(span.start, span.end).toLowerCase()),
  );
  const out = new Map<string, Candidate>();
  for (const { label, expected } of call.operators) {
    if (!expected) continue;
    const { parameters } = expected;
    const positional = parameters.filter(({ kind }) => kind === 'required' || kind === 'optional').length;
    if (call.index < positional) continue;
    for (const keyword of keywordsOf(expected))
      if (!given.has(keyword) && !out.has(keyword))
        out.set(keyword, {
          name: keyword.slice(1),
          text: spelledKeyword(keyword, typed),
          is: 'a',
          package: label,
          nearness: 'argument',
        });
  }
  return { candidates: [...out.values()], more: false };
}

const spelledKeyword = (keyword: string, { upper }: Typed): string =>
  upper ? keyword.toUpperCase() : keyword;

/** Slots of a class, or what MAKE-INSTANCE takes for them. */
async function slots(request: Request, what: 'slots' | 'initargs', of: string | undefined): Promise<Offered> {
  const { knowledge, place, typed, token } = request;
  if (what === 'initargs' && typed.kind !== 'keyword' && typed.pattern !== '') return NOTHING;
  if (of === undefined) return NOTHING;
  const { slots: own, initargs } = await slotsOf(knowledge, place.snapshot, of, place.package, token);
  const found = what === 'slots' ? [...own].map((slot): [string, string] => [slot, slot]) : [...initargs];
  return {
    candidates: found.map(([text, slot]) =>
      what === 'slots'
        ? { name: text, is: 'o', package: of, nearness: 'argument' }
        : {
            name: text.slice(1),
            text: spelledKeyword(text, typed),
            is: 'a',
            package: `${of} ${slot.toLowerCase()}`,
            nearness: 'argument',
          },
    ),
    more: false,
  };
}
