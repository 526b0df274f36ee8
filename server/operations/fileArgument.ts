/** Documents named by an argument. */
import { HotlispError } from '../errors.ts';
import type { Snapshot } from '../source/types.ts';
import type { PlanContext } from './operation.ts';

/**
 * The open buffer or the file of that path or URI, read without holding up others.
 * @param key the argument's name
 * @throws HotlispError `stale` when the buffer is not at `version`, `invalid-arguments` with `path` = `key` when there is neither
 */
export async function documentAt(
  context: PlanContext,
  key: string,
  file: string,
  version?: number,
): Promise<Snapshot> {
  try {
    const snapshot = await context.snapshot(context.uriOf(file), version);
    await snapshot.ready();
    return snapshot;
  } catch (error) {
    if (error instanceof HotlispError && error.kind === 'invalid-arguments')
      throw new HotlispError('invalid-arguments', `${key}: ${error.message}`, { path: key });
    throw error;
  }
}
