/**
 * How the arguments of an operator are indented, in the words that Emacs' `common-lisp-indent-function` property uses: a number of
 * distinguished arguments before a body, or a list with one element for each argument.
 */

/** Of one argument. */
export type Argument =
  /** As in a function call. */
  | 'normal'
  /** A lambda list: 4 beyond the bracket of the form; inside, its keywords and parameters line up. */
  | 'lambda'
  /** 2 beyond the bracket of the form. */
  | 'body'
  /** Columns beyond the bracket of the form. */
  | number
  | Whole;

/** A list: where it stands as a whole, and what stands in it. */
export interface Whole {
  /** Columns beyond the bracket of the list that holds it; undefined: as in a function call. */
  readonly whole: number | undefined;
  readonly inside: Arguments;
  /** It is what a lambda list destructures. */
  readonly guessed?: boolean;
}

export interface Arguments {
  readonly each: readonly Argument[];
  /** Of all that follow. */
  readonly rest: Argument;
}

/** Those that no list of arguments describes. */
export type Special = 'defmethod' | 'defsetf' | 'do' | 'if' | 'if*' | 'lambda' | 'loop' | 'prog' | 'tagbody';

export type Spec = number | Special | Arguments;

/** How many arguments a specification may name, and how deep it may nest. */
const mostArguments = 50;
const mostLevels = 8;

/**
 * Reads `1`, `"1"`, `"(4 &lambda &body)"`, or `"as let"`.
 * @param named what another operator's name stands for
 * @throws Error that says what is wrong with it
 */
export function readSpec(given: number | string, named: (operator: string) => Spec | undefined): Spec {
  if (typeof given === 'number' || /^\s*\d+\s*$/.test(given)) return distinguished(Number(given));
  const other = /^\s*\(?\s*as\s+([^\s()]+)\s*\)?\s*$/i.exec(given)?.[1];
  if (other !== undefined) {
    const spec = named(other.toLowerCase());
    if (spec === undefined) throw new Error(`${other} is no operator whose indentation is known`);
    return spec;
  }
  const tokens = given.match(/[()]|[^\s()]+/g) ?? [];
  let at = 0;
  const list = (level: number): (string | object)[] => {
    if (level > mostLevels) throw new Error(`it is nested more than ${mostLevels} deep`);
    const out: (string | object)[] = [];
    while (at < tokens.length && tokens[at] !== ')') {
      const token = tokens[at++]!;
      out.push(token === '(' ? list(level + 1) : token.toLowerCase());
    }
    if (tokens[at++] !== ')') throw new Error('a ) is missing');
    if (out.length > mostArguments) throw new Error(`it names more than ${mostArguments} arguments`);
    return out;
  };
  if (tokens[at++] !== '(')
    throw new Error(
      'it must be a number, a list such as (4 &lambda &body), or "as" and the name of an operator',
    );
  const items = list(1);
  if (at !== tokens.length) throw new Error('something stands behind its last )');
  return argumentsOf(items as Item[]);
}

function distinguished(count: number): number {
  if (count > mostArguments) throw new Error(`it names more than ${mostArguments} arguments`);
  return count;
}

type Item = string | readonly Item[];

function argumentsOf(items: readonly Item[]): Arguments {
  const each: Argument[] = [];
  for (const [i, item] of items.entries()) {
    if (item === '&body') {
      if (i + 1 < items.length) throw new Error('nothing may follow &body');
      return { each, rest: 'body' };
    }
    if (item === '&rest') {
      if (i + 2 !== items.length) throw new Error('one element must follow &rest');
      return { each, rest: argumentOf(items[i + 1]!) };
    }
    each.push(argumentOf(item));
  }
  return { each, rest: each.at(-1) ?? 'normal' };
}

function argumentOf(item: Item): Argument {
  if (typeof item !== 'string') {
    const [first, whole, ...inside] = item;
    if (first !== '&whole') return { whole: undefined, inside: argumentsOf(item) };
    const column = argumentOf(whole ?? 'nil');
    if (typeof column !== 'number' && column !== 'normal')
      throw new Error('a number or nil must follow &whole');
    return { whole: column === 'normal' ? undefined : column, inside: argumentsOf(inside) };
  }
  if (item === 'nil') return 'normal';
  if (item === '&lambda') return 'lambda';
  if (/^\d{1,2}$/.test(item)) return Number(item);
  throw new Error(`${item} is not known: it must be a number, nil, &lambda, &body, &rest or a list`);
}

/**
 * What the lambda list of a macro tells: arguments before `&body` are distinguished, lists among them are destructured.
 * @returns undefined where it has no `&body`: then it is indented as a function call
 */
export function specOfLambdaList(text: string): Arguments | undefined {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"?|\|[^|]*\|?|[()]|[^\s()"|]+/g) ?? [];
  let at = 0;
  if (tokens[at++] !== '(') return undefined;
  const read = (level: number): Arguments & { readonly bodied: boolean } => {
    const each: Argument[] = [];
    let rest: Argument = 'normal';
    let bodied = false;
    let section = '';
    while (at < tokens.length && tokens[at] !== ')') {
      const token = tokens[at++]!.toLowerCase();
      if (token === '&whole' || token === '&environment') {
        skip();
        continue;
      }
      if (token.startsWith('&')) {
        section = token;
        if (token === '&body') [rest, bodied] = ['body', true];
        else if (token !== '&optional') rest = level > 0 ? 1 : 'normal';
        continue;
      }
      const counts = section === '' || section === '&optional';
      if (token !== '(') {
        if (counts) each.push(level > 0 ? 1 : 4);
      } else if (section === '' && level < mostLevels) {
        const { each: inner, rest: last } = read(level + 1);
        const inside = { each: inner, rest: last === 'body' ? 1 : last };
        each.push({ whole: level > 0 ? 1 : 4, inside, guessed: true });
      } else {
        at--;
        skip();
        if (counts) each.push(level > 0 ? 1 : 4);
      }
    }
    at++;
    if (level > 0 && rest === 'normal') rest = 1;
    return { each: each.slice(0, mostArguments), rest, bodied };
  };
  /** Past one object. */
  const skip = (): void => {
    let depth = 0;
    do {
      const token = tokens[at++];
      if (token === '(') depth++;
      else if (token === ')') depth--;
    } while (depth > 0 && at < tokens.length);
  };
  const { each, rest, bodied } = read(0);
  return bodied ? { each, rest } : undefined;
}
