import { outlineSteps, type OutlineSymbol } from '../../../server/features/documentSymbol.ts';
import type { PositionEncoding, Snapshot } from '../../../server/source/index.ts';
import { finish } from '../../../server/source/slices.ts';

/** The outline of a snapshot as a client reads it. */
export function outlineOf(snapshot: Snapshot, encoding: PositionEncoding = 'utf-16'): OutlineSymbol[] {
  const outline = finish(outlineSteps(snapshot, encoding));
  return JSON.parse([...outline.pieces()].join('')) as OutlineSymbol[];
}
