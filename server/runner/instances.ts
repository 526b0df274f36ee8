/** How many instances a change would have to bring along. */
import type { Image } from '../image/image.ts';
import type { Assessed } from './assess.ts';

/** Seconds for one class, and how many classes are counted: each is a walk through all of the image's memory. */
const seconds = 2;
const most = 3;

export interface CountedClass {
  readonly class: string;
  readonly instances: number;
  /** False: there may be more. */
  readonly complete: boolean;
}

/** Of the classes whose instances the change makes migrate. What the image cannot count is left out. */
export async function countedInstances(
  image: Image,
  { assessments }: Assessed,
  caller: AbortSignal,
): Promise<CountedClass[]> {
  const counted: CountedClass[] = [];
  const classes = assessments.filter(each => each.class === 'migration').slice(0, most);
  for (const { definition } of classes) {
    const { kind, name, package: home } = definition;
    const args = {
      definition: { kind: kind === 'condition' ? ('condition' as const) : ('class' as const), name },
      package: home,
      seconds,
    };
    try {
      const signal = AbortSignal.any([caller, AbortSignal.timeout(seconds * 5000)]);
      const { class: counts, count, whole } = await image.call('instances', args, { signal });
      counted.push({ class: counts, instances: count, complete: whole });
    } catch (error) {
      if (caller.aborted) throw error;
      // An image that cannot count them can still be changed.
    }
  }
  return counted;
}
