/** The shape of a buffer: outline, folding, selection. Answered from its snapshot alone. */
import { documentSymbolSteps, flatSymbols } from '../features/documentSymbol.ts';
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
        const outline = await inSlices(documentSymbolSteps(snapshot, encoding()));
        const { documentSymbol } = capabilities().textDocument ?? {};
        return documentSymbol?.hierarchicalDocumentSymbolSupport
          ? outline
          : flatSymbols(snapshot.uri, outline);
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
