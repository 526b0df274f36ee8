/** Calls whose arguments are meant for somebody else: of FUNCALL and APPLY for the function, of MAKE-INSTANCE and its like for the class. */
import type { CancellationToken } from 'vscode-languageserver/node';
import type { ListPlace, Place } from '../features/place.ts';
import { readSymbol, type Snapshot } from '../source/index.ts';
import type { Bench } from './bench.ts';
import type { Knowledge } from './knowledge.ts';
import { operatorsOf, type Operator } from './operators.ts';

export interface Indirect {
  readonly name: string;
  readonly operators: readonly Operator[];
  /** How many objects of the list come before its arguments. */
  readonly from: number;
}

export const CALLING: ReadonlySet<string> = new Set(['FUNCALL', 'APPLY', 'MULTIPLE-VALUE-CALL']);
export const MAKING: ReadonlySet<string> = new Set([
  'MAKE-INSTANCE',
  'MAKE-CONDITION',
  'ERROR',
  'SIGNAL',
  'WARN',
]);

/** Undefined where the first argument does not say who is meant, and for that argument itself. */
export async function indirectOperator(
  bench: Bench,
  knowledge: Knowledge,
  place: Place,
  list: ListPlace,
  token: CancellationToken,
): Promise<Indirect | undefined> {
  const operator = list.operator?.name ?? '';
  const [, first] = list.objects;
  if (!first || list.index < 2 || list.quoted || !(CALLING.has(operator) || MAKING.has(operator)))
    return undefined;
  const written = place.snapshot.slice(first.span.start, first.span.end);
  const [, name] = /^(?:#'|')([^\s()'"`,;#]+)$/.exec(written) ?? [];
  if (name === undefined || name.startsWith(':')) return undefined;
  if (CALLING.has(operator)) {
    const operators = await operatorsOf(bench, knowledge, { place, name }, token);
    return operators.length > 0 ? { name, operators, from: 2 } : undefined;
  }
  const { initargs } = await slotsOf(knowledge, place.snapshot, name, place.package, token);
  if (initargs.size === 0) return undefined;
  const keys = [...initargs.keys()].map(each => each.slice(1).toLowerCase());
  const called = place.snapshot.slice(list.objects[0]!.span.start, list.objects[0]!.span.end);
  return {
    name: called,
    operators: [{ label: `class ${name.toLowerCase()}`, lambdaList: `(${written} &key ${keys.join(' ')})` }],
    from: 1,
  };
}

/** The slots of a class by the name that the reader interns, and its initargs with the slots they are for. */
export async function slotsOf(
  knowledge: Knowledge,
  { uri }: Snapshot,
  of: string,
  inEffect: string | null,
  token: CancellationToken,
): Promise<{ slots: ReadonlySet<string>; initargs: ReadonlyMap<string, string> }> {
  const { package: prefix, name } = readSymbol(of);
  const at = { name, package: inEffect, ...(prefix !== undefined && { prefix }) };
  const [about, hits] = await Promise.all([
    knowledge.about(uri, of, inEffect, token),
    knowledge.ask('slots', { ...at, limit: most }, token),
  ]);
  const slots = new Set<string>();
  const initargs = new Map<string, string>();
  const add = (slot: string, keys: readonly string[]) => {
    slots.add(slot.toUpperCase());
    for (const key of keys) if (key.startsWith(':') && !initargs.has(key)) initargs.set(key, slot);
  };
  for (const { definition } of hits ?? [])
    add(readSymbol(definition.name).name, initargsIn(definition.slot ?? ''));
  for (const fact of about?.facts ?? [])
    for (const { name: slot, initargs: keys } of fact.slots ?? []) add(slot, keys);
  return { slots, initargs };
}

const most = 200;

/** The keywords behind :initarg in a slot as it is written. */
const initargsIn = (slot: string): string[] =>
  [...slot.matchAll(/:initarg\s+(:[^\s()]+)/gi)].map(match => match[1]!.toLowerCase());
