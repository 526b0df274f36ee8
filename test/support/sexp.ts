/** A reader for what Swank sends: lists, strings, integers and symbols (kept as text, in the case they came in). Evaluates nothing. */

export interface LispSymbol {
  readonly symbol: string;
}
export type Sexp = Sexp[] | string | number | LispSymbol;

export const symbol = (name: string): LispSymbol => ({ symbol: name });
export const isSymbol = (value: Sexp | undefined, name: string): boolean =>
  typeof value === 'object' && 'symbol' in value && value.symbol.toUpperCase() === name.toUpperCase();

/** @throws Error at the offset where the text is not an s-expression */
export function readSexp(text: string): Sexp {
  let at = 0;
  const fail = (what: string): never => {
    throw new Error(`${what} at ${at} of ${text.slice(0, 200)}`);
  };
  const blanks = () => {
    while (/\s/.test(text[at] ?? '')) at++;
  };
  const read = (): Sexp => {
    blanks();
    const first = text[at] ?? fail('end');
    if (first === '(') {
      at++;
      const items: Sexp[] = [];
      for (blanks(); text[at] !== ')'; blanks()) items.push(read());
      at++;
      return items;
    }
    if (first === ')') fail('a closing parenthesis');
    if (first === '"') {
      let value = '';
      for (at++; text[at] !== '"'; at++) {
        if (text[at] === '\\') at++;
        value += text[at] ?? fail('an unfinished string');
      }
      at++;
      return value;
    }
    if (first === "'") {
      at++;
      return [symbol('quote'), read()];
    }
    const token = /^[^\s()"']+/.exec(text.slice(at))?.[0] ?? fail('no token');
    at += token.length;
    return /^-?\d+$/.test(token) ? Number(token) : symbol(token);
  };
  return read();
}

export function printSexp(value: Sexp): string {
  if (Array.isArray(value)) return `(${value.map(printSexp).join(' ')})`;
  if (typeof value === 'string') return `"${value.replace(/[\\"]/g, '\\$&')}"`;
  return typeof value === 'number' ? String(value) : value.symbol;
}
