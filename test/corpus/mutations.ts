import type { Source } from '../../server/source/index.ts';
import type { Judged } from './reader.ts';
export async function mutationReport(
  _s: Source,
  _g: readonly Judged[],
  _o: { count: number; seed: number; replay: number | undefined },
): Promise<boolean> {
  return false;
}
