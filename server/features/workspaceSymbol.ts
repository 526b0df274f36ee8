/** Definitions of the workspace by name. */
import { shownName } from '../display.ts';
import type { Range } from '../source/types.ts';
import type { DefinitionHit } from '../workspace/types.ts';
import { symbolKind, type SymbolKind } from './documentSymbol.ts';

/** How many are answered at most: more than a person reads, few enough to be shown at every keystroke. */
export const workspaceSymbolLimit = 256;

/** LSP's SymbolInformation. */
export interface FoundSymbol {
  readonly name: string;
  readonly kind: SymbolKind;
  /** The package; absent where there is none in effect. */
  readonly containerName?: string;
  readonly location: { readonly uri: string; readonly range: Range };
}

export const workspaceSymbols = (hits: readonly DefinitionHit[]): FoundSymbol[] =>
  hits.map(({ uri, definition }) => ({
    name: shownName(
      [
        definition.name,
        ...(definition.qualifiers ?? []),
        ...(definition.specializers ? [`(${definition.specializers.join(' ')})`] : []),
      ].join(' '),
    ),
    kind: symbolKind(definition),
    ...(definition.package !== null && { containerName: shownName(definition.package) }),
    location: { uri, range: definition.range },
  }));
