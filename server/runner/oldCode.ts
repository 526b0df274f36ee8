/** Follows the threads that a change left in the code it replaced, until the last one has left it. */
import { listed, oneLine, plural } from '../display.ts';
import type { Image } from '../image/image.ts';
import { onLost } from '../image/loss.ts';
import type { Change } from '../image/protocol.ts';
import type { Editor } from '../ports.ts';
import { capitalised } from './report.ts';

type ThreadReference = Change['threads'][number];

/** Milliseconds between two looks, and for how long it is looked. */
const interval = 250;
const patience = 30 * 60_000;

/** Shows a progress while threads run old code and logs when each leaves, those `found` right after the change included; never rejects. */
export async function followOldCode(
  editor: Editor,
  image: Image,
  transaction: string,
  title: string,
  found: readonly ThreadReference[],
): Promise<void> {
  const started = performance.now();
  const progress = editor.progress(`${capitalised(title)}: threads in the old code`);
  let inside = found;
  let lost = false;
  const unlisten = onLost(image, () => (lost = true));
  try {
    while (!lost && !progress.signal.aborted && performance.now() - started < patience) {
      const { threads } = await image.call('threads', { transaction });
      const now = threads.filter(({ runs }) => runs === 'yes');
      for (const left of inside.filter(({ id }) => !now.some(each => each.id === id)))
        editor.log(
          'info',
          `Thread ${oneLine(left.name)} left the old code after ${Math.round(performance.now() - started)} ms.`,
        );
      inside = now;
      const unknown = threads.filter(({ runs }) => runs === 'unknown').length;
      if (inside.length === 0) {
        progress.end(
          unknown > 0
            ? `No thread is known to run old code; of ${plural(unknown, 'thread')} it cannot be told.`
            : 'No thread runs old code.',
        );
        return;
      }
      progress.report(
        `${plural(inside.length, 'thread')}: ${listed(inside.map(({ name }) => oneLine(name, 40)))}`,
      );
      await new Promise(resolve => setTimeout(resolve, interval));
    }
    progress.end(inside.length > 0 ? `${plural(inside.length, 'thread')} still in the old code.` : undefined);
  } catch (error) {
    progress.end((error as Error).message);
  } finally {
    unlisten();
  }
}
