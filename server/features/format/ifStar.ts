/** Franz's IF*: `then`, `else`, `elseif` and `thenret` end in one column, forms stand behind their word. */
import { bareName, type Choice, type Element, type Frame, type Token } from './frame.ts';

/** Columns from the bracket to the end of a word. */
const wordsEnd = 7;

const isWord = ({ kind, text }: Pick<Element, 'text'> & { readonly kind: string }): boolean =>
  kind === 'symbol' && /^(?:then|else|elseif|thenret)$/.test(bareName(text));

export function ifStarColumn({ open, elements }: Frame, token: Token, normal: number): Choice {
  if (isWord(token)) return { column: open + wordsEnd - token.text.length, also: [normal] };
  const at = elements.findLastIndex(isWord);
  const word = elements[at];
  // the test
  if (!word) return { column: normal, also: [] };
  const next = elements[at + 1];
  return {
    column: next?.line === word.line ? next.column : word.column + word.text.length + 1,
    also: [normal, open + 2],
  };
}
