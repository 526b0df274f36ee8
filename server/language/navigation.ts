/** Symbols of the workspace, and where names are used. */
import { workspaceSymbolLimit, workspaceSymbols } from '../features/workspaceSymbol.ts';
import type { FeatureSet } from './bench.ts';
import { localAt } from './locals.ts';

export const navigation: FeatureSet = {
  capabilities: {
    workspaceSymbolProvider: true,
    referencesProvider: true,
  },
  listen(bench) {
    const { connection, answer, encoding } = bench.parts;
    connection.onWorkspaceSymbol(({ query }, token) =>
      answer(async () =>
        workspaceSymbols(await bench.ask('symbols', { query, limit: workspaceSymbolLimit }, token)),
      ),
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
