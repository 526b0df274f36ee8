/** Where something is defined, as far as the text of the workspace tells. */
import type { DefinitionHit, FileLocation } from '../workspace/types.ts';

/** The places of the names, each once, in the order of the hits. */
export function definitionLocations(hits: readonly DefinitionHit[]): FileLocation[] {
  const seen = new Set<string>();
  return hits.flatMap(({ uri, definition: { nameRange } }) => {
    const place = `${uri} ${nameRange.start.line}:${nameRange.start.character}`;
    if (seen.has(place)) return [];
    seen.add(place);
    return [{ uri, range: nameRange }];
  });
}
