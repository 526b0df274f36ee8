/** What a fuzzer is, and the loop that runs one. */
import { Random } from './random.ts';

export interface Bout {
  /** Tries one input, and checks what has to hold for every input. @throws Error that says what did not */
  try(random: Random): Promise<void> | void;
  /** What every input together must have left in order. */
  close(): Promise<void>;
}

export interface Fuzzer {
  readonly name: string;
  readonly about: string;
  /** Inputs tried by the short form, and in a minute of the long one, about. */
  readonly short: number;
  begin(): Promise<Bout>;
}

export interface Failure {
  readonly fuzzer: string;
  readonly seed: number;
  /** Number of the input; absent: what was left at the end. */
  readonly index?: number;
  readonly problem: string;
}

export interface Tally {
  readonly inputs: number;
  readonly failures: readonly Failure[];
}

/** Milliseconds after which an input is named. */
const slow = 5000;

/** Tries the inputs `from` to `to` (or until `until`, a time) of a seed. A bout that failed is begun anew. */
export async function fuzz(
  fuzzer: Fuzzer,
  seed: number,
  { from = 0, to = Infinity, until = Infinity }: { from?: number; to?: number; until?: number },
): Promise<Tally> {
  const failures: Failure[] = [];
  let bout: Bout | undefined;
  let index = from;
  const end = async (which?: number) => {
    const ending = bout;
    bout = undefined;
    await ending?.close().catch((error: unknown) => {
      failures.push({
        fuzzer: fuzzer.name,
        seed,
        ...(which !== undefined && { index: which }),
        problem: String(error),
      });
    });
  };
  for (; index < to && Date.now() < until && failures.length < 20; index++) {
    bout ??= await fuzzer.begin();
    try {
      const begun = Date.now();
      await bout.try(new Random(seed, index));
      if (Date.now() - begun > slow) console.log(`  ${fuzzer.name} ${index} took ${Date.now() - begun} ms`);
    } catch (error) {
      failures.push({ fuzzer: fuzzer.name, seed, index, problem: (error as Error).message });
      const known = failures.length;
      await end(index);
      failures.length = known; // what a failed input leaves behind is its own fault
    }
  }
  await end();
  return { inputs: index - from, failures };
}
