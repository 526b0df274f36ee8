/** Running an operation's plan on a text, without server and image. */
import type { Source } from '../../../server/source/index.ts';
import type { Operation, Plan, PlanContext } from '../../../server/operations/operation.ts';
import { parseArguments } from '../../../server/arguments.ts';

export const contextOf = (source: Source, text: string, open = true): PlanContext => ({
  encoding: 'utf-16',
  snapshot: async uri => source.snapshot(uri, 7, text),
  scratch: code => source.snapshot('scratch:', 0, code),
  isOpen: () => open,
  uriOf: file => `file:///w/${file}`,
  fileOf: uri => uri.replace('file://', ''),
  definitionOfSystem: () => Promise.resolve(undefined),
  ask: async () => {
    throw new Error('no image is asked');
  },
  locate: async () => {
    throw new Error('no image is asked');
  },
  written: async () => [],
  homeOf: async (symbol, packageName) => /^([^:]+):/.exec(symbol)?.[1]?.toUpperCase() ?? packageName,
  loadedDigest: async () => undefined,
});

/** Arguments are parsed as those of a command are. */
export async function planOf<P extends Plan['type']>(
  operation: Operation,
  type: P,
  args: Record<string, unknown>,
  context: PlanContext,
): Promise<Extract<Plan, { type: P }>> {
  if (!('plan' in operation)) throw new Error(`${operation.name} has no plan`);
  const plan = await operation.plan(parseArguments(operation, [args]).args, context);
  if (plan.type !== type) throw new Error(`a plan of type ${plan.type}`);
  return plan as Extract<Plan, { type: P }>;
}
