/** References: where the texts of the workspace name it, then what else the image has recorded as its users. */
import type { CancellationToken, Location, ReferenceParams } from 'vscode-languageserver/node';
import type { Result } from '../image/protocol.ts';
import { globalMentions, symbolAt, type Occurrence } from '../source/scope.ts';
import type { Range } from '../source/types.ts';
import { standardSymbols } from '../workspace/standardSymbols.ts';
import type { Bench } from './bench.ts';
import { localAt } from './locals.ts';
import { nameSpanIn, recordedBeyond } from './recorded.ts';

export async function references(
  bench: Bench,
  { textDocument: { uri }, position, context: { includeDeclaration } }: ReferenceParams,
  token: CancellationToken,
): Promise<Location[]> {
  const { encoding } = bench.parts;
  const local = await localAt(bench, uri, position, token);
  if (local)
    return local.binding.occurrences
      .filter(({ access }) => includeDeclaration || access !== 'definition')
      .map(({ span }) => ({ uri, range: local.snapshot.rangeOf(span, encoding()) }));
  const [indexed, { name, users }] = await Promise.all([
    bench.ask('references', { uri, position, includeDeclaration }, token),
    recordedUsers(bench, uri, position, token),
  ]);
  return [...indexed, ...(name === undefined ? [] : await beyond(bench, name, users, indexed))];
}

type Users = Result<'users'>['users'];

/** Who uses the symbol at a place, by the compiler's records; nobody where no image says so in time. */
async function recordedUsers(
  bench: Bench,
  uri: string,
  position: Location['range']['start'],
  token: CancellationToken,
): Promise<{ name?: string; users: Users }> {
  const snapshot = bench.parts.documents.get(uri);
  const symbol = snapshot && symbolAt(snapshot, await bench.offsetIn(snapshot, position));
  if (!symbol || symbol.namespace === 'lambda-keyword' || symbol.namespace === 'clause' || isOfSystem(symbol))
    return { users: [] };
  const inEffect = snapshot.packageAt(symbol.span.start);
  const answer = await bench.image(
    uri,
    'users',
    {
      symbol: snapshot.slice(symbol.span.start, symbol.span.end),
      ...(inEffect !== undefined && { package: inEffect }),
    },
    { token },
  );
  // Those without a package use a name of SBCL's own.
  return { name: symbol.symbol.name, users: (answer?.users ?? []).filter(each => each.package !== '') };
}

/** The users of a name of the standard or of SBCL are SBCL itself, for the most part, and long to find. */
const isOfSystem = ({ symbol: { package: prefix, name } }: Occurrence): boolean =>
  prefix === undefined ? standardSymbols.has(name) : /^(?:CL|COMMON-LISP|SB-.*)$/.test(prefix);

/** The places of users in whose forms no text names it: files outside of the workspace, and what macros expand to. */
async function beyond(
  bench: Bench,
  name: string,
  users: Users,
  indexed: readonly { readonly uri: string; readonly range: Range }[],
): Promise<Location[]> {
  const { encoding } = bench.parts;
  const out: Location[] = [];
  for (const place of await recordedBeyond(bench.parts, users, indexed, ({ form }) => form.span)) {
    const { uri, snapshot, form } = place;
    const named = globalMentions(form, name).map(({ span }) => span);
    for (const span of named.length > 0 ? named : [nameSpanIn(place)])
      out.push({ uri, range: snapshot.rangeOf(span, encoding()) });
  }
  return out;
}
