/** Taking back at once what a deed has done to the image. */
import type { Image } from '../image/image.ts';

/**
 * Undoes the deed's transactions, the last one first, whatever was done since. Answers what could not be put back.
 * @throws HotlispError when the image is lost
 */
export async function takeBack({
  image,
  transaction,
  parts,
}: {
  readonly image: Image;
  readonly transaction?: string | undefined;
  readonly parts?: readonly string[] | undefined;
}): Promise<readonly string[]> {
  const remains: string[] = [];
  for (const part of [...(parts ?? (transaction === undefined ? [] : [transaction]))].reverse())
    remains.push(...(await image.call('undo', { transaction: part, force: true })).remains);
  return remains;
}
