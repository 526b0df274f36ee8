/**
 * What buffer, index and image know of names, each asked at once and none waited for longer than it may take. The buffer and the names of the
 * standard answer always; the index knows its files as it last read them; an image adds what it runs.
 */
import type { CancellationToken } from 'vscode-languageserver/node';
import type { Candidate, Nearness } from '../features/completion/candidates.ts';
import { frequent } from '../features/completion/words.ts';
import { ownDefinitions } from '../features/own.ts';
import { standardNames } from '../features/standard.ts';
import type { DefinitionName, Result } from '../image/protocol.ts';
import type { Snapshot } from '../source/index.ts';
import { fit } from '../workspace/fuzzy.ts';
import type { Answer, DefinitionHit, NameAt, NameQuery, Params, QueryName } from '../workspace/types.ts';
import { budget, type Bench } from './bench.ts';

const standardPackages: ReadonlySet<string> = new Set(['CL', 'COMMON-LISP']);
/** The package that code is read in where nothing says another one. */
export const initialPackage = 'COMMON-LISP-USER';

export type About = Result<'about'>;

export class Knowledge {
  constructor(private readonly bench: Bench) {}

  /** Symbols that fit, of all that know some. */
  async names(
    snapshot: Snapshot,
    query: NameQuery,
    token: CancellationToken,
  ): Promise<{ candidates: Candidate[]; more: boolean }> {
    const { uri } = snapshot;
    const { what, pattern, prefix, internal, limit } = query;
    const inEffect = query.package ?? initialPackage;
    const [image, index] = await Promise.all([
      // where nothing is typed, all of a package is no help
      pattern === '' && what === 'symbols' && prefix === undefined
        ? undefined
        : this.bench.image(
            uri,
            'complete',
            { what, pattern, package: inEffect, internal, limit, ...(prefix !== undefined && { prefix }) },
            { token },
          ),
      this.ask('complete', query, token),
    ]);
    const searched = canonical(prefix ?? inEffect);
    const nearness = (home: string): Nearness =>
      prefix !== undefined || home === searched ? 'package' : 'used';
    const candidates: Candidate[] = [];
    // the buffer does not say what its package exports
    const exported =
      prefix !== undefined && !internal && index
        ? new Set([...(image?.names ?? []), ...index.names].map(({ name }) => name))
        : undefined;
    if (what === 'symbols' || what === 'functions' || what === 'classes')
      candidates.push(
        ...(await ownCandidates(snapshot, query)).filter(({ name }) => exported?.has(name) ?? true),
        ...standardCandidates(query),
      );
    if (what === 'packages') candidates.push(...usualPackages);
    else if (what === 'systems') candidates.push(...usualSystems);
    else if (/^(?:symbols|functions)$/.test(what) && prefix === undefined && pattern !== '')
      candidates.push(...usualPackages.filter(({ name }) => name.toLowerCase().startsWith(pattern)));
    const letter = what === 'packages' ? 'p' : what === 'systems' ? 'q' : what === 'keywords' ? ':' : '';
    for (const { name, package: home, is } of image?.names ?? [])
      candidates.push({
        name,
        is: letter || is,
        nearness: is === 'p' ? 'known' : nearness(home),
        package: packageText(home, letter),
      });
    for (const { name, package: home, is, lambdaList, summary } of index?.names ?? [])
      candidates.push({
        name,
        is: letter || is,
        nearness: is === 'p' ? 'known' : nearness(home),
        package: packageText(home, letter),
        ...(lambdaList !== undefined && { lambdaList }),
        ...(summary !== undefined && { summary }),
      });
    return { candidates, more: pattern === '' || image?.more === true || index?.more !== false };
  }

  /** Asks the index; undefined where it takes too long or fails. */
  async ask<Q extends QueryName>(
    name: Q,
    params: Params<Q>,
    token: CancellationToken,
  ): Promise<Answer<Q> | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>(resolve => {
      timer = setTimeout(() => resolve(undefined), budget);
    });
    try {
      return await Promise.race([this.bench.ask(name, params, token).catch(() => undefined), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** What the image knows of a name as it is written in a package. */
  about(
    uri: string,
    name: string,
    packageName: string | null,
    token: CancellationToken,
    definition?: DefinitionName,
  ): Promise<About | undefined> {
    return this.bench.image(
      uri,
      'about',
      { name, package: packageName ?? initialPackage, ...(definition && { definition }) },
      { token },
    );
  }

  /** The definitions of a symbol in the buffer as it stands, then those in other files of the workspace. */
  async definitions(snapshot: Snapshot, at: NameAt, token: CancellationToken): Promise<DefinitionHit[]> {
    const hits = (await this.ask('named', { ...at, limit: 50 }, token)) ?? [];
    return hits.filter(({ uri, definition }) => uri !== snapshot.uri || isDerived(definition.operator));
  }
}

const canonical = (name: string): string =>
  name === 'CL-USER' ? initialPackage : name === 'CL' ? 'COMMON-LISP' : name;

/** Packages of every SBCL, and of ASDF. */
const usualPackages: readonly Candidate[] =
  'common-lisp common-lisp-user cl cl-user keyword asdf uiop sb-alien sb-bsd-sockets sb-concurrency sb-ext sb-gray sb-introspect sb-mop sb-posix sb-sys sb-thread'
    .split(' ')
    .map(name => ({ name: name.toUpperCase(), is: 'p', nearness: 'known' }));

/** Brought along by another definition, and not to be found in a buffer's own list. */
const isDerived = (operator: string): boolean =>
  /^(?:slot|accessor|reader|writer|constructor|copier|predicate)$/.test(operator);

/** What comes with every SBCL. */
const usualSystems: readonly Candidate[] =
  'asdf uiop sb-aclrepl sb-bsd-sockets sb-cltl2 sb-concurrency sb-cover sb-grovel sb-introspect sb-md5 sb-posix sb-queue sb-rotate-byte sb-rt sb-simple-streams sb-sprof'
    .split(' ')
    .map(name => ({ name, is: 'q', nearness: 'known' }));

const packageText = (home: string, letter: string): string =>
  letter === ':' || letter === 'q' ? '' : home.toLowerCase();

/** What the buffer itself defines in the package that is searched. */
async function ownCandidates(
  snapshot: Snapshot,
  { package: inEffect, prefix, what, pattern }: NameQuery,
): Promise<Candidate[]> {
  const searched = prefix ?? inEffect ?? initialPackage;
  const wanted = (name: string) => fit(pattern, name.toLowerCase()) !== undefined;
  const own = await ownDefinitions(snapshot, searched, initialPackage, wanted);
  return own.flatMap(({ defined: { name, is }, definition: { lambdaList } }): Candidate[] => {
    if (what === 'classes' ? !/[crtd]/.test(is) : what === 'functions' && !/[mgf]/.test(is)) return [];
    return [
      {
        name,
        is,
        nearness: 'buffer',
        package: searched.toLowerCase(),
        ...(lambdaList !== undefined && { lambdaList: lambdaList.replace(/\s+/g, ' ').slice(0, 200) }),
      },
    ];
  });
}

/** Names of the standard: in most packages, and with the standard's prefix. */
function* standardCandidates({ prefix, pattern, what }: NameQuery): Generator<Candidate> {
  if (prefix !== undefined && !standardPackages.has(prefix)) return;
  for (const { name, is, lambdaList } of standardNames.values()) {
    if (pattern === '' && prefix === undefined && what === 'symbols' && !frequent.has(name)) continue;
    if (fit(pattern, name) === undefined) continue;
    if (what === 'classes' ? !/[crtd]/.test(is) : what === 'functions' && !/[smgf]/.test(is)) continue;
    yield {
      name: name.toUpperCase(),
      is,
      nearness: 'used',
      package: 'common-lisp',
      ...(lambdaList !== undefined && { lambdaList }),
    };
  }
}
