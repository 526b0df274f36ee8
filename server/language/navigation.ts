/** Where names are defined and used. */
import type { CancellationToken } from 'vscode-languageserver/node';
import { definitionLocations } from '../features/definition.ts';
import { workspaceSymbolLimit, workspaceSymbols } from '../features/workspaceSymbol.ts';
import { symbolAt, type Binding } from '../source/scope.ts';
import type { Position, Snapshot } from '../source/types.ts';
import type { Bench, FeatureSet } from './bench.ts';
import { isSpecial } from './names.ts';

export const navigation: FeatureSet = {
  capabilities: {
    workspaceSymbolProvider: true,
    definitionProvider: true,
    referencesProvider: true,
  },
  listen(bench) {
    const { connection, answer, encoding } = bench.parts;
    connection.onWorkspaceSymbol(({ query }, token) =>
      answer(async () =>
        workspaceSymbols(await bench.ask('symbols', { query, limit: workspaceSymbolLimit }, token)),
      ),
    );
    connection.onDefinition(({ textDocument: { uri }, position }, token) =>
      answer(async () => {
        const local = await localAt(bench, uri, position, token);
        if (local) return [{ uri, range: local.snapshot.rangeOf(local.binding.span, encoding()) }];
        return definitionLocations(await bench.ask('definition', { uri, position }, token));
      }),
    );
    connection.onReferences(({ textDocument: { uri }, position, context }, token) =>
      answer(async () => {
        const { includeDeclaration } = context;
        const local = await localAt(bench, uri, position, token);
        if (local)
          return local.binding.occurrences
            .filter(({ access }) => includeDeclaration || access !== 'definition')
            .map(({ span }) => ({ uri, range: local.snapshot.rangeOf(span, encoding()) }));
        return [...(await bench.ask('references', { uri, position, includeDeclaration }, token))];
      }),
    );
  },
};

/** What stands at a place, if it is local to its form. */
async function localAt(
  bench: Bench,
  uri: string,
  position: Position,
  token: CancellationToken,
): Promise<{ snapshot: Snapshot; binding: Binding } | undefined> {
  const snapshot = bench.parts.documents.get(uri);
  if (!snapshot) return undefined;
  await snapshot.ready();
  const offset = snapshot.offsetAt(position, bench.parts.encoding());
  const binding = symbolAt(snapshot, offset)?.binding;
  if (!binding || (await isSpecial(bench, snapshot, offset, token))) return undefined;
  return { snapshot, binding };
}
