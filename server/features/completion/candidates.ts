/** From what is known to what is offered: one candidate for each name, in the order in which they are likely to be meant. */
import { shownName } from '../../display.ts';
import type { PositionEncoding, Snapshot, Span } from '../../source/index.ts';
import { fit } from '../../workspace/fuzzy.ts';
import { isBarred, spell, type Typed } from '../spelling.ts';
import { frequent } from './words.ts';

/** Where a candidate was found, the nearest first. */
export type Nearness = 'argument' | 'word' | 'local' | 'buffer' | 'package' | 'used' | 'known';

export interface Candidate {
  /** In the case that the reader interns; of an argument or a word its text. */
  readonly name: string;
  /** The text to be inserted, where that is not the spelled name behind what is typed before it. */
  readonly text?: string;
  /** See KnownName.is of the wire contract; besides "o" slot, "p" package, "q" system, ":" keyword, "a" keyword of the call, "w" word, "l" local, "n" snippet. */
  readonly is: string;
  /** Of a symbol its home package; of anything else what to say about it. */
  readonly package?: string;
  readonly nearness: Nearness;
  readonly lambdaList?: string;
  readonly summary?: string;
  /** With "n": the text in the snippet syntax of LSP. */
  readonly snippet?: string;
}

/** More than anybody reads; few enough to be sent at every keystroke. */
export const mostItems = 200;

const CompletionItemKind = {
  Text: 1,
  Method: 2,
  Function: 3,
  Field: 5,
  Variable: 6,
  Class: 7,
  Module: 9,
  Property: 10,
  Keyword: 14,
  Snippet: 15,
  EnumMember: 20,
  Constant: 21,
  Struct: 22,
  Event: 23,
  Operator: 24,
  TypeParameter: 25,
} as const;

const KINDS: readonly (readonly [letter: string, kind: number, word: string])[] = [
  ['n', CompletionItemKind.Snippet, 'snippet'],
  ['a', CompletionItemKind.Property, 'argument'],
  ['w', CompletionItemKind.Keyword, ''],
  ['l', CompletionItemKind.Variable, 'local'],
  ['s', CompletionItemKind.Keyword, 'special operator'],
  ['m', CompletionItemKind.Operator, 'macro'],
  ['g', CompletionItemKind.Method, 'generic function'],
  ['f', CompletionItemKind.Function, 'function'],
  ['k', CompletionItemKind.Constant, 'constant'],
  ['v', CompletionItemKind.Variable, 'variable'],
  ['y', CompletionItemKind.Variable, 'symbol macro'],
  ['c', CompletionItemKind.Class, 'class'],
  ['t', CompletionItemKind.Struct, 'structure'],
  ['r', CompletionItemKind.Event, 'condition'],
  ['d', CompletionItemKind.TypeParameter, 'type'],
  ['o', CompletionItemKind.Field, 'slot'],
  ['p', CompletionItemKind.Module, 'package'],
  ['q', CompletionItemKind.Module, 'system'],
  [':', CompletionItemKind.EnumMember, 'keyword'],
];

/** How far the way in which a name fits counts: beginnings alike, then abbreviations. By the rank of fit(). */
const FIT = [0, 1, 1, 1, 2, 4, 3, 5, 6];
const NEARNESS: Readonly<Record<Nearness, number>> = {
  argument: 0,
  word: 1,
  local: 1,
  buffer: 2,
  package: 3,
  used: 4,
  known: 5,
};

export interface Ranking {
  readonly typed: Typed;
  /** What of the same fit comes first. */
  readonly prefer?: 'operators' | 'classes' | undefined;
}

const PREFERRED = { operators: /[smgfpn]/, classes: /[crtdp]/ } as const;

/** Those that fit, the best first, one for each name. */
export function ranked(candidates: Iterable<Candidate>, { typed, prefer }: Ranking): Candidate[] {
  const byName = new Map<string, { candidate: Candidate; order: number[] }>();
  for (const candidate of candidates) {
    const rank = fit(typed.pattern, candidate.name.toLowerCase());
    if (rank === undefined) continue;
    const { is, nearness, name, text } = candidate;
    // a symbol that names nothing and is what is typed: nobody is helped by it
    if (is === '' && rank === 0 && name.toLowerCase() === typed.pattern) continue;
    const order = [
      nearness === 'argument' ? 0 : 1,
      FIT[rank]!,
      is === '' ? 1 : 0,
      // a local variable is no operator, and an operator is rarely meant as an argument
      prefer && !PREFERRED[prefer].test(is) ? 1 : 0,
      is === 'n' ? 1 : 0,
      NEARNESS[nearness],
      frequent.has(name.toLowerCase()) ? 0 : 1,
      name.length,
    ];
    const isKeyword = is === ':' || text?.startsWith(':') === true;
    const key =
      is === 'n' ? `${name}\n` : is === 'p' ? `${name}:` : isKeyword ? `:${name.toUpperCase()}` : name;
    const known = byName.get(key);
    if (!known) byName.set(key, { candidate, order });
    else byName.set(key, better(known, { candidate, order }));
  }
  return [...byName.values()]
    .sort((a, b) => compare(a.order, b.order) || (a.candidate.name < b.candidate.name ? -1 : 1))
    .map(({ candidate }) => candidate);
}

type Ordered = { readonly candidate: Candidate; readonly order: number[] };

/** The nearer of two of one name, with what only the other one knows. */
function better(a: Ordered, b: Ordered): Ordered {
  const [first, second] = compare(a.order, b.order) <= 0 ? [a, b] : [b, a];
  const { candidate: one } = first;
  const { candidate: other } = second;
  if (one.nearness === 'local' || one.nearness === 'argument' || one.nearness === 'word') return first;
  return {
    order: first.order,
    candidate: {
      ...other,
      ...one,
      is: one.is + [...other.is].filter(letter => !one.is.includes(letter)).join(''),
    },
  };
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}

export interface ItemOptions {
  readonly snapshot: Snapshot;
  readonly encoding: PositionEncoding;
  readonly typed: Typed;
  /** What is replaced, and how far it is typed. */
  readonly token: Span;
  readonly offset: number;
  /** What the client declared. */
  readonly insertReplace: boolean;
  readonly labelDetails: boolean;
  /** What resolving an item needs. */
  readonly data: (candidate: Candidate) => unknown;
}

/** LSP's CompletionItems, in order. */
export function itemsOf(candidates: readonly Candidate[], options: ItemOptions): object[] {
  const { snapshot, encoding, typed, token, offset, insertReplace, labelDetails, data } = options;
  const typedEnd = endOfTyped(snapshot, token, offset);
  const typedRange = snapshot.rangeOf({ start: token.start, end: typedEnd }, encoding);
  const wholeRange = snapshot.rangeOf(token, encoding);
  const places =
    insertReplace && token.end > typedEnd
      ? { insert: typedRange, replace: wholeRange }
      : { range: typedRange };
  return candidates.map((candidate, i) => {
    const { is, lambdaList, package: packageName, snippet } = candidate;
    const text = candidate.text ?? typed.before + spell(candidate.name, typed.upper);
    const label = shownName(is === 'n' ? candidate.name : text);
    const [, kind, word] = KINDS.find(([letter]) => is.includes(letter)) ?? ['', CompletionItemKind.Text, ''];
    const about = shownName([word, packageName].filter(Boolean).join(' '));
    return {
      label,
      kind,
      ...(labelDetails && (lambdaList !== undefined || about)
        ? {
            labelDetails: {
              ...(lambdaList !== undefined && is !== 'n' && { detail: ` ${shownName(lambdaList)}` }),
              ...(about && { description: about }),
            },
          }
        : about && { detail: about }),
      sortText: String(i).padStart(4, '0'),
      ...(snippet !== undefined && { insertTextFormat: 2 }),
      textEdit: { ...places, newText: snippet ?? text },
      data: data(candidate),
    };
  });
}

/** Where what is typed of a token ends: between bars, behind the closing one, which would be left over. */
function endOfTyped(snapshot: Snapshot, token: Span, offset: number): number {
  if (!isBarred(snapshot.slice(token.start, offset))) return offset;
  const rest = snapshot.slice(offset, token.end);
  if (rest.startsWith('|')) return offset + 1;
  // in a form that does not read, the bar that was typed last may have taken another one for its own
  const whole = snapshot.formAt(offset)?.broken === false && rest.endsWith('|') && !/[\r\n]/.test(rest);
  return whole ? token.end : offset;
}
