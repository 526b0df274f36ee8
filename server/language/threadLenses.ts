/** Lenses at definitions whose old code threads still run after a reload. Which threads these are is asked when one is resolved. */
import { listed, oneLine, plural } from '../display.ts';
import { entriesOf } from '../drift/entries.ts';
import { prefix } from '../features/codeAction.ts';
import type { Thread } from '../image/protocol.ts';
import type { OldThreads } from '../oldThreads.ts';
import { spelling } from '../operations/names.ts';
import type { Snapshot, SourceDefinition, TopLevelForm } from '../source/types.ts';
import type { LensSource } from './lenses.ts';

interface Asked {
  readonly source: 'threads';
  readonly uri: string;
  readonly transaction: string;
  readonly symbol: string;
}

/** A definition of a text whose old code threads still run. */
export interface RunsOld {
  readonly form: TopLevelForm;
  readonly definition: SourceDefinition;
  /** The last change that left threads behind. */
  readonly transaction: string;
  /** The name with its package. */
  readonly symbol: string;
}

export async function runningOld(snapshot: Snapshot, oldThreads: OldThreads): Promise<readonly RunsOld[]> {
  const left = oldThreads.all;
  if (left.length === 0) return [];
  const transactions = new Map<string, string>();
  for (const { transaction, definitions } of left)
    for (const { kind, name, package: home } of definitions) {
      const key = keyed(kind, home, name);
      if (!transactions.has(key)) transactions.set(key, transaction);
    }
  const entries = await entriesOf(snapshot);
  return entries.flatMap(({ form, definition, asked }) => {
    const transaction = transactions.get(keyed(asked.definition.kind, asked.package, spelling(definition)));
    if (transaction === undefined) return [];
    const symbol = /^[^|(]*:/.test(definition.name)
      ? definition.name
      : `${prefix(asked.package)}::${definition.name}`;
    return [{ form, definition, transaction, symbol }];
  });
}

export const threads: LensSource = {
  name: 'threads',
  async lenses(snapshot, { parts: { encoding } }, { oldThreads }) {
    const all = await runningOld(snapshot, oldThreads);
    return all.map(({ definition, transaction, symbol }) => {
      const data: Asked = { source: 'threads', uri: snapshot.uri, transaction, symbol };
      return { range: snapshot.rangeOf(definition.nameSpan, encoding()), data };
    });
  },
  async resolve(lens, bench, _context, token) {
    const { uri, transaction, symbol } = lens.data as Asked;
    const answer = await bench.image(uri, 'threads', { transaction }, { token, within: 1000 });
    return {
      ...lens,
      command: {
        title: titleOf(answer?.threads),
        command: 'hotlisp.thread_list',
        arguments: [{ symbol, background: true }],
      },
    };
  },
};

/** @param threads undefined where the image has not told */
function titleOf(threads: readonly Pick<Thread, 'name' | 'runs'>[] | undefined): string {
  if (!threads) return 'Threads in the old code';
  const inside = threads.filter(({ runs }) => runs === 'yes');
  const unknown = threads.filter(({ runs }) => runs === 'unknown').length;
  const doubt = unknown > 0 ? `; unknown of ${unknown}` : '';
  if (inside.length === 0)
    return `No thread ${unknown > 0 ? 'is known to run' : 'runs'} the old code${doubt}`;
  const names = listed(
    inside.map(({ name }) => oneLine(name, 40)),
    4,
  );
  return `${plural(inside.length, 'thread')} in the old code: ${names}${doubt}`;
}

/** Texts know a package by the name that they use; of the nicknames one is everybody's. */
const keyed = (kind: string, home: string, name: string) =>
  `${kind} ${home.toUpperCase().replace(/^CL-USER$/, 'COMMON-LISP-USER')} ${spelling({ name })}`;
