/** Where the functions of a backtrace are defined, for people. */
import type { Documents } from '../documents.ts';
import type * as z from 'zod';
import type { Frame } from '../image/protocol.ts';
import { formAtByte } from '../operations/locate.ts';

/** `path:line` of each frame's top-level form, the line 1-based; the path alone where no line is known; undefined without a file. */
export function placesOf(
  frames: readonly z.infer<typeof Frame>[],
  documents: Documents,
): Promise<(string | undefined)[]> {
  return Promise.all(
    frames.map(async ({ file, byteOffset }) => {
      if (file === undefined || byteOffset === undefined) return file;
      const snapshot = await documents.snapshot(documents.uriOf(file)).catch(() => undefined);
      const form = snapshot && formAtByte(snapshot, byteOffset);
      return form ? `${file}:${snapshot.positionAt(form.span.start, 'utf-16').line + 1}` : file;
    }),
  );
}
