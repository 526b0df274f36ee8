/** Follows the threads that a change left in the code it replaced, until the last one has left it. */
import { listed, oneLine, plural } from '../display.ts';
import type { Image } from '../image/image.ts';
import { onLost } from '../image/loss.ts';
import type { ThreadInside } from '../image/protocol.ts';
import type { Editor } from '../ports.ts';
import { capitalised, isInside } from './report.ts';

/** Milliseconds between two looks, and for how long it is looked: where of nobody it is known that they are inside, not so long. */
const interval = 250;
const patience = 30 * 60_000;
const patienceInDoubt = 60_000;

/**
 * Shows a progress while threads run old code and logs when each leaves, those `found` right after the change included, and those of which it
 * cannot be told; never rejects.
 */
export async function followOldCode(
  editor: Editor,
  image: Image,
  transaction: string,
  title: string,
  found: readonly ThreadInside[],
): Promise<void> {
  const started = performance.now();
  const progress = editor.progress(`${capitalised(title)}: threads in the old code`);
  let left = found;
  let lost = false;
  const unlisten = onLost(image, () => (lost = true));
  const isPatient = () =>
    performance.now() - started < (left.some(isInside) ? patience : patienceInDoubt) &&
    !lost &&
    !progress.signal.aborted;
  try {
    while (isPatient()) {
      const { threads } = await image.call('threads', { transaction });
      const now: ThreadInside[] = [];
      for (const { id, name, runs } of threads)
        // What a thread does that nobody suspected, and that does not tell, is no sign of old code.
        if (runs === 'yes' || (runs === 'unknown' && left.some(each => each.id === id)))
          now.push({ id, name, runs });
      for (const gone of left.filter(({ id }) => !now.some(each => each.id === id)))
        editor.log('info', `Thread ${oneLine(gone.name)} ${wayOut(gone, performance.now() - started)}`);
      left = now;
      if (left.length === 0) {
        progress.end('No thread runs old code.');
        return;
      }
      progress.report(threadsSaid(left));
      await new Promise(resolve => setTimeout(resolve, interval));
    }
    progress.end(left.length > 0 ? `Still in the old code: ${threadsSaid(left)}` : undefined);
  } catch (error) {
    progress.end((error as Error).message);
  } finally {
    unlisten();
  }
}

const wayOut = (thread: ThreadInside, milliseconds: number) =>
  isInside(thread)
    ? `left the old code after ${Math.round(milliseconds)} ms.`
    : `is not in the old code: that could be told after ${Math.round(milliseconds)} ms.`;

/** `2 threads: a and b; unknown of 1 thread: c`. */
function threadsSaid(threads: readonly ThreadInside[]): string {
  const said = (before: string, some: readonly ThreadInside[]) =>
    some.length > 0
      ? [`${before}${plural(some.length, 'thread')}: ${listed(some.map(({ name }) => oneLine(name, 40)))}`]
      : [];
  return [
    ...said('', threads.filter(isInside)),
    ...said(
      'unknown of ',
      threads.filter(each => !isInside(each)),
    ),
  ].join('; ');
}
