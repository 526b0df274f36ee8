/** What ends a question before it is answered: the caller, the image, an edit. */
import { HotlispError } from '../errors.ts';
import type { Documents } from '../documents.ts';
import type { Image } from '../image/image.ts';
import { onLost } from '../image/loss.ts';

export interface Guard {
  /** Aborted with a HotlispError: `cancelled`, `image-lost` or `stale`. */
  readonly signal: AbortSignal;
  dispose(): void;
}

export function guard(
  caller: AbortSignal,
  image: Image | undefined,
  documents: Documents,
  buffers: readonly { readonly uri: string; readonly version: number }[] = [],
): Guard {
  const controller = new AbortController();
  const onCaller = () => controller.abort(caller.reason);
  const check = (uri: string) => {
    const expected = buffers.find(buffer => buffer.uri === uri);
    if (expected && documents.get(uri)?.version !== expected.version)
      controller.abort(
        new HotlispError(
          'stale',
          'The buffer was changed while the approval was asked for, so it is denied. Run the command again.',
          { decision: 'denied' },
        ),
      );
  };
  if (caller.aborted) onCaller();
  caller.addEventListener('abort', onCaller);
  const stop = documents.onChange(check);
  for (const { uri } of buffers) check(uri);
  const unlisten =
    image &&
    onLost(image, reason =>
      controller.abort(
        new HotlispError('image-lost', `The image was lost (${reason}). Nothing was changed.`, {
          decision: 'denied',
        }),
      ),
    );
  return {
    signal: controller.signal,
    dispose() {
      caller.removeEventListener('abort', onCaller);
      stop();
      unlisten?.();
    },
  };
}
