/** The tree of a text made from its tokens: the same nodes as tree-sitter's for text without faults, as a test holds. */
import { Lexer } from './lexer.ts';
import { MAX_DEPTH, MAX_LENGTH, type RawNode } from './parser.ts';
import { finish } from './slices.ts';

const NO_CHILDREN: readonly RawNode[] = [];

const NUMBER =
  /^(?:[+-]?[0-9]+\.?|[+-]?[0-9]+\/[0-9]+|[+-]?[0-9]*\.[0-9]+(?:[eEsSfFdDlL][+-]?[0-9]+)?|[+-]?[0-9]+(?:\.[0-9]*)?[eEsSfFdDlL][+-]?[0-9]+)$/;

/** By the mark without its digits, in lower case. */
const PREFIXES: Readonly<Record<string, string>> = {
  "'": 'quoting_lit',
  '`': 'syn_quoting_lit',
  ',': 'unquoting_lit',
  ',@': 'unquote_splicing_lit',
  ',.': 'unquote_splicing_lit',
  "#'": 'var_quoting_lit',
  '#.': 'evaling_lit',
  '#c': 'complex_num_lit',
  '#p': 'path_lit',
  '#s': 'struct_lit',
  '#;': 'dis_expr',
  '#a': 'vec_lit',
  '#=': 'self_referential_reader_macro',
  '#+': 'include_reader_macro',
  '#-': 'include_reader_macro',
};

interface Open {
  readonly type: string;
  readonly start: number;
  readonly children: RawNode[];
  /** How many objects it still wants; 0: it ends with a bracket. */
  wants: number;
  /** The node that holds the list alone, as `#(` does. */
  readonly around: string | undefined;
  /** Where the bracket of the list stands. */
  readonly bracket: number;
}

/** So many tokens are read without others getting a turn. */
const MANY = 4096;

/** @returns a "source" node; without children for a text too long for a tree */
export const readNodes = (text: string): RawNode => finish(nodeSteps(text));

/** Like readNodes. Yields now and then. */
export function* nodeSteps(text: string): Generator<void, RawNode, void> {
  const top: RawNode[] = [];
  const root: RawNode = { type: 'source', start: 0, end: text.length, children: top };
  if (text.length > MAX_LENGTH) return root;
  const stack: Open[] = [];
  let into = top;
  let depth = 0;
  const lexer = new Lexer(text);
  /** Adds a node whose depth below the root is that of the open ones plus one. */
  const add = (node: RawNode): void => {
    if (depth < MAX_DEPTH) into.push(node);
  };
  const push = (open: Open): void => {
    stack.push(open);
    depth += open.around === undefined ? 1 : 2;
    into = open.children;
  };
  const pop = (end: number): void => {
    const { type, start, children, around, bracket } = stack.pop()!;
    depth -= around === undefined ? 1 : 2;
    into = stack.at(-1)?.children ?? top;
    const nested = depth + 1 < MAX_DEPTH ? children : NO_CHILDREN;
    if (around === undefined) add({ type, start, end, children: nested });
    else
      add({
        type: around,
        start,
        end,
        children:
          nested === NO_CHILDREN
            ? NO_CHILDREN
            : [{ type, start: bracket, end, children: depth + 2 < MAX_DEPTH ? children : NO_CHILDREN }],
      });
  };
  /** An object is complete: so are the prefixes before it that want no other. */
  const complete = (end: number): void => {
    for (let open = stack.at(-1); open && open.wants > 0; open = stack.at(-1)) {
      if (--open.wants > 0) return;
      pop(end);
    }
  };
  for (let count = 1; lexer.next(); count++) {
    if (count % MANY === 0) yield;
    const { kind, start, end } = lexer;
    switch (kind) {
      case 'open': {
        const around = end - start === 1 ? undefined : vector(text, start, end) ? 'vec_lit' : 'dispatch_lit';
        push({ type: 'list_lit', start, children: [], wants: 0, around, bracket: end - 1 });
        break;
      }
      case 'close':
        while (stack.length > 0 && stack.at(-1)!.wants > 0) pop(start);
        if (stack.length === 0) break;
        pop(end);
        complete(end);
        break;
      case 'prefix':
      case 'guard':
        push({
          type: prefixType(text.slice(start, end)),
          start,
          children: [],
          wants: kind === 'guard' ? 2 : 1,
          around: undefined,
          bracket: start,
        });
        break;
      case 'comment':
        add({ type: 'comment', start, end, children: NO_CHILDREN });
        break;
      case 'block-comment':
        add({ type: 'block_comment', start, end, children: NO_CHILDREN });
        break;
      case 'illegal':
        break;
      case 'string':
        add(stringNode(text, start, end, depth));
        complete(end);
        break;
      case 'character':
        add({ type: 'char_lit', start, end, children: NO_CHILDREN });
        complete(end);
        break;
      case 'token':
        add({ type: tokenType(text.slice(start, end)), start, end, children: NO_CHILDREN });
        complete(end);
        break;
    }
  }
  while (stack.length > 0) pop(text.length);
  return root;
}

const vector = (text: string, start: number, end: number): boolean => /^#\d*\($/.test(text.slice(start, end));

const prefixType = (mark: string): string =>
  PREFIXES[mark] ?? PREFIXES[mark.replace(/\d+/, '').toLowerCase()] ?? 'dispatch_lit';

/** `"…"`, `#"…"#`, or what a dispatch macro takes along. */
function stringNode(text: string, start: number, end: number, depth: number): RawNode {
  if (text[start] === '"') return { type: 'str_lit', start, end, children: NO_CHILDREN };
  const quote = stringStart(text, start);
  const children =
    /^#\d*$/.test(text.slice(start, quote)) || depth + 1 >= MAX_DEPTH
      ? NO_CHILDREN
      : [{ type: 'str_lit', start: quote, end, children: NO_CHILDREN }];
  return { type: 'dispatch_lit', start, end, children };
}

/** Past the escapes of what stands before the string. */
function stringStart(text: string, start: number): number {
  let i = start + 1;
  // the character that names the macro may be any
  while (text.charCodeAt(i) >= 48 && text.charCodeAt(i) <= 57) i++;
  for (let barred = false; ; i++) {
    const c = text[i];
    if (c === '\\') i++;
    else if (c === '|') barred = !barred;
    else if (c === '"' && !barred) return i;
  }
}

function tokenType(token: string): string {
  const first = token.charCodeAt(0);
  if (first === 0x23) return dispatchType(token);
  if (first === 0x3a) return 'kwd_lit';
  // only what starts like a number can be one
  if (first <= 0x39 && first >= 0x2b && NUMBER.test(token)) return 'num_lit';
  if (token.length === 3 && /^nil$/i.test(token)) return 'nil_lit';
  return hasPrefix(token) ? 'package_lit' : 'sym_lit';
}

/** Whether a colon stands outside escapes. */
function hasPrefix(token: string): boolean {
  if (!token.includes(':')) return false;
  for (let i = 0, barred = false; i < token.length; i++) {
    const c = token.charCodeAt(i);
    if (c === 0x5c) i++;
    else if (c === 0x7c) barred = !barred;
    else if (c === 0x3a && !barred) return true;
  }
  return false;
}

function dispatchType(token: string): string {
  const digits = /^#(\d*)/.exec(token)![1]!.length;
  switch (token[1 + digits]?.toLowerCase()) {
    case ':':
      return 'uninterned_lit';
    case '*':
      return 'vec_lit';
    case '#':
      return digits > 0 ? 'self_referential_reader_macro' : 'dispatch_lit';
    case 'b':
    case 'o':
    case 'x':
      return digits === 0 ? 'num_lit' : 'dispatch_lit';
    case 'r':
      return digits > 0 ? 'num_lit' : 'dispatch_lit';
    default:
      return 'dispatch_lit';
  }
}
