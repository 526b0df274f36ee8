/** Tokens as names. */

export interface SymbolName {
  /** The package prefix in the case that FIND-PACKAGE wants; "" for a keyword; undefined where there is none. */
  readonly package: string | undefined;
  /** The symbol's name in the case that the reader interns. */
  readonly name: string;
}

const ASCII = /^[\0-\x7f]*$/;
/** In a token, what makes it more than its name. */
const SPECIAL = /[\\|:#]/;

/** Upper case as the reader makes it: character by character, never one into two. */
export function upcase(text: string): string {
  if (ASCII.test(text)) return text.toUpperCase();
  let out = '';
  for (const c of text) {
    const up = c.toUpperCase();
    out += up.length === c.length && up.toLowerCase() === c ? up : c;
  }
  return out;
}

/** Reads a token with its escapes; `#:` counts as a package prefix of its own, "#". */
export function readSymbol(token: string): SymbolName {
  if (!SPECIAL.test(token)) return { package: undefined, name: upcase(token) };
  let name = '';
  let prefix: string | undefined;
  let i = 0;
  const uninterned = /^#\d*:/.exec(token);
  if (uninterned) {
    prefix = '#';
    i = uninterned[0].length;
  }
  while (i < token.length) {
    const c = token[i]!;
    if (c === '\\') {
      const escaped = String.fromCodePoint(token.codePointAt(i + 1) ?? 0x5c);
      name += escaped;
      i += 1 + escaped.length;
    } else if (c === '|') {
      for (i++; i < token.length && token[i] !== '|'; i++) {
        if (token[i] === '\\') i++;
        name += token[i] ?? '';
      }
      i++;
    } else if (c === ':' && prefix === undefined) {
      prefix = name;
      name = '';
      while (token[i] === ':') i++;
    } else {
      const end = plainEnd(token, i);
      name += upcase(token.slice(i, end));
      i = end;
    }
  }
  return { package: prefix, name };
}

function plainEnd(token: string, from: number): number {
  let i = from + 1;
  while (i < token.length && token[i] !== '\\' && token[i] !== '|' && token[i] !== ':') i++;
  return i;
}

/** The contents of a string as written with its quotes. */
export function readString(literal: string): string {
  return literal
    .slice(1, literal.endsWith('"') && literal.length > 1 ? -1 : undefined)
    .replace(/\\([\s\S])/g, '$1');
}
