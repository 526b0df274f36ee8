/** References: where the texts of the workspace name it, then what else the image has recorded as its users. */
import type { CancellationToken, Location, ReferenceParams } from 'vscode-languageserver/node';
import type { Result } from '../image/protocol.ts';
import { globalMentions, symbolAt, type Occurrence } from '../source/scope.ts';
import type { Range } from '../source/types.ts';
import { standardSymbols } from '../workspace/standardSymbols.ts';
import type { Bench } from './bench.ts';
import { localAt } from './locals.ts';
import { realFile, within } from './places.ts';
import { recorded } from './recorded.ts';

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
  const symbol = snapshot && symbolAt(snapshot, snapshot.offsetAt(position, bench.parts.encoding()));
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
  const { documents, encoding } = bench.parts;
  const known = indexed.map(({ uri, range }) => ({ file: realFile(uri), range }));
  const out: Location[] = [];
  for (const user of users) {
    const place = await recorded(documents, user);
    if (!place) continue;
    const { uri, snapshot, form, definition } = place;
    const file = realFile(uri);
    const whole = snapshot.rangeOf(form.span, encoding());
    if (known.some(each => each.file === file && within(each.range, whole))) continue;
    const named = globalMentions(form, name).map(({ span }) => span);
    const spans = named.length > 0 ? named : [definition?.nameSpan ?? { ...form.span, end: form.span.start }];
    for (const span of spans) {
      const range = snapshot.rangeOf(span, encoding());
      known.push({ file, range });
      out.push({ uri, range });
    }
  }
  return out.sort(
    (a, b) =>
      (a.uri < b.uri ? -1 : a.uri > b.uri ? 1 : 0) ||
      a.range.start.line - b.range.start.line ||
      a.range.start.character - b.range.start.character,
  );
}
