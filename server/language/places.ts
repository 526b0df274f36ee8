/** Places in files, compared. */
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Range } from '../source/types.ts';

export const within = (inner: Range, outer: Range): boolean =>
  (inner.start.line > outer.start.line ||
    (inner.start.line === outer.start.line && inner.start.character >= outer.start.character)) &&
  (inner.end.line < outer.end.line ||
    (inner.end.line === outer.end.line && inner.end.character <= outer.end.character));

/** The true name of a file, by which images name it; the URI of what is no file. */
export function realFile(uri: string): string {
  try {
    return realpathSync.native(fileURLToPath(uri));
  } catch {
    return uri;
  }
}
