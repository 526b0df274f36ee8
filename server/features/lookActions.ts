/** Code actions that look at what the image has: at the symbol or form at the cursor, and in documents that the server wrote. */
import { initialPackage } from '../operations/forms.ts';
import { innermostForm } from '../operations/macroexpand.ts';
import type { PageAction } from '../operations/page.ts';
import { testIn } from '../operations/runTest.ts';
import type { Position, Snapshot } from '../source/types.ts';
import { symbolAt as occurrenceAt } from '../source/scope.ts';
import { action, prefix, type Action } from './codeAction.ts';
import { standardName } from './standard.ts';

export interface LookRequest {
  readonly snapshot: Snapshot;
  /** UTF-16. */
  readonly offset: number;
  readonly position: Position;
  /** Names of functions that are traced, with their packages. */
  readonly traced: readonly string[];
}

export function lookActions({ snapshot, offset, position, traced }: LookRequest): Action[] {
  const form = snapshot.formAt(offset);
  const ends = traced.length > 0 ? [trace('Untrace all functions', 'untrace', {})] : [];
  if (!form?.active || form.packageUnknown) return ends;
  const home = snapshot.packageAt(offset);
  const inPackage = home === undefined ? {} : { package: home };
  const symbol = symbolAt(snapshot, offset);
  const test = testIn(form);
  const inner = form.broken ? undefined : innermostForm(snapshot, offset);
  const tests = test
    ? [
        action('hotlisp.test', `Run test ${test.name}`, 'hotlisp.run_test', {
          uri: snapshot.uri,
          version: snapshot.version,
          position,
          background: true,
        }),
      ]
    : [];
  const use = occurrenceAt(snapshot, offset);
  if (symbol === undefined || use?.binding) return [...tests, ...ends];
  const named = { symbol, ...inPackage };
  const bare = symbol.replace(/^.*:/, '');
  const qualified = symbol.includes(':') ? symbol : `${prefix(home ?? initialPackage)}::${symbol}`;
  const standard = standardName(symbol) !== undefined;
  // What the language defines is not traced or changed; and a variable, or a type, runs nothing.
  const runs = !standard && use?.namespace !== 'variable' && use?.namespace !== 'type';
  const isTraced = traced.find(each => each.replace(/^.*:/, '') === bare.toUpperCase());
  return [
    ...tests,
    look(`Describe ${symbol}`, 'describe', named),
    look(`Inspect ${symbol}`, 'inspect', named),
    ...(inner
      ? [
          look('Evaluate and inspect form', 'inspect', {
            code: snapshot.slice(inner.span.start, inner.span.end),
            ...inPackage,
          }),
        ]
      : []),
    look(`Apropos ${bare}`, 'apropos', { pattern: bare }),
    look(`Locate ${symbol}`, 'source_location', named),
    ...(standard
      ? []
      : [
          look(`Who calls ${symbol}`, 'who_calls', named),
          look(`History of ${symbol}`, 'history', { symbol: qualified }),
        ]),
    ...(runs
      ? [
          look(`Disassemble ${symbol}`, 'disassemble', named),
          look(`Threads inside ${symbol}`, 'thread_list', { symbol: qualified }),
          isTraced === undefined
            ? trace(`Trace ${symbol}`, 'trace', { function: symbol, ...inPackage })
            : trace(`Untrace ${symbol}`, 'untrace', { function: isTraced }),
        ]
      : []),
    ...ends,
  ];
}

/** What can be done at a line of one of the server's own documents. */
export const pageActions = (actions: readonly PageAction[]): Action[] =>
  actions.map(({ title, operation, args }) => look(title, operation, args));

const look = (title: string, operation: string, args: Readonly<Record<string, unknown>>) =>
  action('hotlisp.look', title, `hotlisp.${operation}`, { ...args, background: true });

const trace = (title: string, operation: string, args: Readonly<Record<string, unknown>>) =>
  action('hotlisp.trace', title, `hotlisp.${operation}`, { ...args, background: true });

/** The symbol at an offset, or that ends there, as written; undefined where there is none. */
function symbolAt(snapshot: Snapshot, offset: number): string | undefined {
  const node = snapshot.nodesAt(offset).at(-1);
  if (!node || (node.type !== 'sym_lit' && node.type !== 'package_lit')) return undefined;
  return snapshot.slice(node.span.start, node.span.end);
}
