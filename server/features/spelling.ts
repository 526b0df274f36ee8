/** Names as people write them: in the case that they type, with bars only where the reader wants them. */
import { readSymbol } from '../source/index.ts';

const NUMBER_LIKE = /^[+-]?[0-9./]+(?:[EFDSL][+-]?[0-9]+)?$/i;

/** Whether a person who typed that wants upper case: letters, and no lower one. */
const isUpperCase = (typed: string): boolean => /\p{Lu}/u.test(typed) && !/\p{Ll}/u.test(typed);

/**
 * The text that reads as a symbol of that name.
 * @param name as the symbol has it
 */
export function spell(name: string, upper: boolean): string {
  if (name === '') return '||';
  const lower = name.toLowerCase();
  const { package: prefix, name: read } = readSymbol(lower);
  const plain =
    prefix === undefined &&
    read === name &&
    !/[\s()"';`,|\\:]|^#/.test(name) &&
    !/^\.+$/.test(name) &&
    (!NUMBER_LIKE.test(name) || !/[0-9]/.test(name));
  if (plain) return upper ? name : lower;
  return `|${name.replace(/[|\\]/g, '\\$&')}|`;
}

/** What is typed of a name: `alexandria:fl`, `:te`, `#:ab`, `fl`. */
export interface Typed {
  /** What stands before the name, colons included: "alexandria:", ":", "#:"; "" where nothing does. */
  readonly before: string;
  readonly kind: 'plain' | 'qualified' | 'keyword' | 'uninterned';
  /** With "qualified": the prefix in the case that FIND-PACKAGE wants. */
  readonly prefix?: string;
  /** Two colons. */
  readonly internal: boolean;
  /** The name itself, escapes taken out, in lower case. */
  readonly pattern: string;
  readonly upper: boolean;
}

/** @param text of a token, as far as it is typed */
export function readTyped(text: string): Typed {
  const upper = isUpperCase(text);
  const uninterned = /^#\d*:/.exec(text);
  if (uninterned) {
    const rest = text.slice(uninterned[0].length);
    return { before: uninterned[0], kind: 'uninterned', internal: false, pattern: bare(rest), upper };
  }
  const colon = colonAt(text);
  if (colon < 0) return { before: '', kind: 'plain', internal: false, pattern: bare(text), upper };
  const colons = /^:+/.exec(text.slice(colon))![0].length;
  const before = text.slice(0, colon + colons);
  const rest = text.slice(colon + colons);
  if (colon === 0)
    return { before, kind: 'keyword', internal: false, pattern: bare(rest), upper: isUpperCase(rest) };
  return {
    before,
    kind: 'qualified',
    prefix: readSymbol(text.slice(0, colon)).name,
    internal: colons > 1,
    pattern: bare(rest),
    upper: rest === '' ? upper : isUpperCase(rest),
  };
}

const bare = (text: string): string => readSymbol(text.replaceAll(':', '')).name.toLowerCase();

/** The first colon outside escapes; -1 where there is none. */
const colonAt = (text: string): number => readBars(text).colon;

/** Whether what follows the text stands between bars. */
export const isBarred = (text: string): boolean => readBars(text).barred;

function readBars(text: string): { readonly colon: number; readonly barred: boolean } {
  let colon = -1;
  let barred = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '\\') i++;
    else if (c === '|') barred = !barred;
    else if (c === ':' && !barred && colon < 0) colon = i;
  }
  return { colon, barred };
}
