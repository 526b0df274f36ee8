/** Lambda lists as text: their parameters, those inside destructuring ones too, and which of them an argument belongs to. */
import { readSymbol, type Span } from '../source/index.ts';
import { readNodes } from '../source/nodes.ts';
import type { RawNode } from '../source/parser.ts';

export type ParameterKind = 'required' | 'optional' | 'rest' | 'key' | 'aux' | 'hidden';

export interface Parameter {
  readonly kind: ParameterKind;
  /** As written: "x" of `(x 1)`; the whole list of a destructuring parameter. */
  readonly name: string;
  /** Offsets in the text of the lambda list, of all that is said about the parameter. */
  readonly span: Span;
  /** Of a `&key` parameter: its keyword in lower case, with its colon. */
  readonly keyword?: string;
  /** What a destructuring parameter of a macro is made of. */
  readonly nested?: LambdaList;
}

export interface LambdaList {
  readonly parameters: readonly Parameter[];
  /** It has `&key`. */
  readonly keys: boolean;
  readonly allowsOtherKeys: boolean;
}

const NONE: LambdaList = { parameters: [], keys: false, allowsOtherKeys: false };
/** More are looked at by nobody. */
const MOST = 200;

/**
 * Parses "(a &optional (b 1) &key c)"; what is no lambda list has no parameters.
 * @param destructuring lists in it take an argument apart, as in macros; else they specialize a method's parameter
 */
export function parseLambdaList(text: string, destructuring = true): LambdaList {
  const [root] = readNodes(text).children;
  return root?.type === 'list_lit' ? parametersOf(text, root, destructuring ? 8 : 0) : NONE;
}

function parametersOf(text: string, list: RawNode, depth: number): LambdaList {
  const parameters: Parameter[] = [];
  let mode: ParameterKind = 'required';
  let keys = false;
  let allowsOtherKeys = false;
  /** The next one is bound to something that is no argument. */
  let skip = false;
  const written = (node: RawNode) => text.slice(node.start, node.end);
  for (const node of list.children.slice(0, MOST)) {
    if (node.type === 'comment' || node.type === 'block_comment') continue;
    const span = { start: node.start, end: node.end };
    const token =
      node.type === 'sym_lit' || node.type === 'package_lit' ? readSymbol(written(node)).name : '';
    if (token.startsWith('&')) {
      skip = false;
      switch (token) {
        case '&OPTIONAL':
          mode = 'optional';
          break;
        case '&REST':
        case '&BODY':
          mode = 'rest';
          break;
        case '&KEY':
          mode = 'key';
          keys = true;
          break;
        case '&AUX':
          mode = 'aux';
          break;
        case '&ALLOW-OTHER-KEYS':
          allowsOtherKeys = true;
          break;
        default:
          skip = true; // &whole, &environment
      }
      continue;
    }
    // a dotted rest
    if (token === '.') {
      mode = 'rest';
      continue;
    }
    if (skip) {
      skip = false;
      continue;
    }
    const inner = node.type === 'list_lit' ? node.children : [];
    const [first] = inner;
    if (mode === 'key') {
      // (name default), ((:keyword name) default)
      const named = first?.type === 'list_lit' ? first.children[1] : (first ?? node);
      const keyword = first?.type === 'list_lit' ? first.children[0] : named;
      parameters.push({
        kind: mode,
        name: named ? written(named) : written(node),
        span,
        keyword: `:${keyword ? written(keyword).replace(/^:/, '').toLowerCase() : ''}`,
      });
    } else if (mode === 'required' || mode === 'rest') {
      const nested = node.type === 'list_lit' && depth > 0 ? parametersOf(text, node, depth - 1) : undefined;
      parameters.push({ kind: mode, name: written(node), span, ...(nested && { nested }) });
    } else {
      const pattern =
        first?.type === 'list_lit' && depth > 0 ? parametersOf(text, first, depth - 1) : undefined;
      parameters.push({
        kind: mode,
        name: written(first ?? node),
        span,
        ...(pattern && mode === 'optional' && { nested: pattern }),
      });
    }
  }
  return { parameters, keys, allowsOtherKeys };
}

/** An argument in a call, as far as it matters for where it belongs. */
export interface Argument {
  /** In lower case, with its colon, where it is a keyword. */
  readonly keyword?: string | undefined;
}

/**
 * Which parameter the argument number `index` (0-based) of a call belongs to; undefined where none takes it.
 * @param all the arguments that are there; the one asked about may be missing
 */
export function parameterOf(
  { parameters, keys }: LambdaList,
  all: readonly Argument[],
  index: number,
): Parameter | undefined {
  const positional = parameters.filter(({ kind }) => kind === 'required' || kind === 'optional');
  if (index < positional.length) return positional[index];
  const rest = parameters.find(({ kind }) => kind === 'rest');
  if (!keys) return rest;
  const from = positional.length;
  const own = all[index]?.keyword;
  // the value of a keyword, or a keyword that is still to come
  const keyword = (index - from) % 2 === 0 ? own : all[index - 1]?.keyword;
  const found = parameters.find(each => each.keyword !== undefined && each.keyword === keyword);
  if (found) return found;
  if (keyword !== undefined)
    return (
      // it may be written to its end yet
      ((index - from) % 2 === 0
        ? parameters.find(each => each.keyword?.startsWith(keyword) === true)
        : undefined) ?? rest
    );
  // nothing is written yet: the first keyword that is not given
  const given = new Set(all.slice(from, index).map(each => each.keyword));
  return parameters.find(each => each.keyword !== undefined && !given.has(each.keyword)) ?? rest;
}

/** The keywords that a call may have, with their colons, in lower case. */
export const keywordsOf = ({ parameters }: LambdaList): string[] =>
  parameters.flatMap(({ keyword }) => keyword ?? []);
