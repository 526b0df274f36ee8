/** The shape of a buffer: outline, folding, selection. Answered from its snapshot alone. */
import type { DocumentSymbol } from 'vscode-languageserver/node';
import { flatSymbols, outlineSteps, type Outline } from '../features/documentSymbol.ts';
import { foldingSteps } from '../features/foldingRange.ts';
import { selectionRanges } from '../features/selectionRange.ts';
import { inSlices } from '../source/slices.ts';
import type { FeatureSet } from './bench.ts';

export const structure: FeatureSet = {
  capabilities: {
    documentSymbolProvider: true,
    foldingRangeProvider: true,
    selectionRangeProvider: true,
  },
  listen(bench) {
    const { connection, capabilities, encoding } = bench.parts;
    connection.onDocumentSymbol(
      bench.syntactic(async snapshot => {
        const { documentSymbol } = capabilities().textDocument ?? {};
        const outline = await inSlices(outlineSteps(snapshot, encoding()));
        return documentSymbol?.hierarchicalDocumentSymbolSupport
          ? sendable(outline)
          : flatSymbols(snapshot.uri, await inSlices(outline.symbols()));
      }),
    );
    connection.onFoldingRanges(
      bench.syntactic(snapshot =>
        inSlices(
          foldingSteps(
            snapshot,
            capabilities().textDocument?.foldingRange?.rangeLimit ?? Number.POSITIVE_INFINITY,
          ),
        ),
      ),
    );
    connection.onSelectionRanges(
      bench.syntactic(async (snapshot, { positions }) => selectionRanges(snapshot, positions, encoding())),
    );
  },
};

/** Written as the array that the protocol's types have. */
const sendable = (outline: Outline): DocumentSymbol[] => outline as unknown as DocumentSymbol[];
