/** Hearing of an image's loss for a while: a promise that lives as long as the image would keep every listener as long. */
import type { Image } from './image.ts';

const listeners = new WeakMap<Image, Set<(reason: string) => void>>();

/** Calls `listener` with the reason once the image is lost, or at once if it is; answers how to stop that. */
export function onLost(image: Image, listener: (reason: string) => void): () => void {
  let own = listeners.get(image);
  if (!own) {
    const all = (own = new Set());
    listeners.set(image, all);
    void image.lost.then(reason => {
      listeners.delete(image);
      for (const each of all) each(reason);
    });
  }
  const all = own;
  all.add(listener);
  return () => all.delete(listener);
}

/** Why the image is lost; undefined while it is not. */
export const reasonOfLoss = (image: Image): Promise<string | undefined> =>
  Promise.race([image.lost, Promise.resolve(undefined)]);
