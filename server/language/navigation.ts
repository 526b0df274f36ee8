/** Where names are defined and used. */
import { definitionLocations } from '../features/definition.ts';
import { workspaceSymbolLimit, workspaceSymbols } from '../features/workspaceSymbol.ts';
import type { FeatureSet } from './bench.ts';

export const navigation: FeatureSet = {
  capabilities: {
    workspaceSymbolProvider: true,
    definitionProvider: true,
    referencesProvider: true,
  },
  listen(bench) {
    const { connection, answer } = bench.parts;
    connection.onWorkspaceSymbol(({ query }, token) =>
      answer(async () =>
        workspaceSymbols(await bench.ask('symbols', { query, limit: workspaceSymbolLimit }, token)),
      ),
    );
    connection.onDefinition(({ textDocument: { uri }, position }, token) =>
      answer(async () => definitionLocations(await bench.ask('definition', { uri, position }, token))),
    );
    connection.onReferences(({ textDocument: { uri }, position, context }, token) =>
      answer(async () => {
        const { includeDeclaration } = context;
        return [...(await bench.ask('references', { uri, position, includeDeclaration }, token))];
      }),
    );
  },
};
