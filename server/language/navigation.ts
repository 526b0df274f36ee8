/** Symbols of the workspace, and where names are used. */
import { workspaceSymbolLimit, workspaceSymbols } from '../features/workspaceSymbol.ts';
import type { FeatureSet } from './bench.ts';
import { references } from './references.ts';

export const navigation: FeatureSet = {
  capabilities: {
    workspaceSymbolProvider: true,
    referencesProvider: true,
  },
  listen(bench) {
    const { connection, answer } = bench.parts;
    connection.onWorkspaceSymbol(({ query }, token) =>
      answer(async () =>
        workspaceSymbols(await bench.ask('symbols', { query, limit: workspaceSymbolLimit }, token)),
      ),
    );
    connection.onReferences((params, token) => answer(() => references(bench, params, token)));
  },
};
