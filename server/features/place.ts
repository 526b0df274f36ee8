/** What stands at a place of a buffer, for features that help while code is being written: nothing has to be complete or to balance. */
import type { Snapshot, Span, SymbolName, SyntaxNode } from '../source/index.ts';
import { Lexer } from '../source/lexer.ts';
import { objectsOf, symbolOf, textOf, treeOf } from '../workspace/nodes.ts';

/** A list around a place. */
export interface ListPlace {
  readonly node: SyntaxNode;
  /** What is in it, also behind the place. */
  readonly objects: readonly SyntaxNode[];
  /** How many objects end before the place, without the one that it is in or touches. */
  readonly index: number;
  /** It is data: something around it is quoted. */
  readonly quoted: boolean;
  /** The symbol that it begins with, unless the place is in that. */
  readonly operator: SymbolName | undefined;
}

export interface Place {
  readonly snapshot: Snapshot;
  readonly offset: number;
  /** The package in effect; null: none is known. */
  readonly package: string | null;
  /** "feature": in the condition of `#+` or `#-`. */
  readonly inside: 'code' | 'string' | 'comment' | 'character' | 'feature';
  /** What is being written: a token, or the contents of a string up to the place. Empty where nothing is. */
  readonly token: Span;
  /** The token as far as the place. */
  readonly typed: string;
  /** Types of the prefix nodes that take the token, the innermost first: "quoting_lit", "var_quoting_lit" … */
  readonly marks: readonly string[];
  /** The lists around, the innermost first. */
  readonly lists: readonly ListPlace[];
  /** The top-level form's own tree; undefined between forms and where the form is too long for one. */
  readonly root: SyntaxNode | undefined;
}

const PREFIXES: ReadonlySet<string> = new Set([
  'quoting_lit',
  'syn_quoting_lit',
  'unquoting_lit',
  'unquote_splicing_lit',
  'var_quoting_lit',
  'evaling_lit',
  'dispatch_lit',
  'vec_lit',
  'struct_lit',
  'path_lit',
  'complex_num_lit',
  'self_referential_reader_macro',
  'include_reader_macro',
  'dis_expr',
]);
const TOKENS: ReadonlySet<string> = new Set([
  'sym_lit',
  'package_lit',
  'kwd_lit',
  'uninterned_lit',
  'nil_lit',
  'num_lit',
]);

const SOURCE = { type: 'source' };

/** @param offset UTF-16 offset in the snapshot's text */
export function placeAt(snapshot: Snapshot, offset: number): Place {
  const root = rootAt(snapshot, offset);
  const path: SyntaxNode[] = [];
  // the tree's root is met as if it were the child of a node that ends with it
  for (
    let node = root && childAt(snapshot, { ...SOURCE, span: root.span, children: [root] }, offset);
    node;
  ) {
    path.push(node);
    node = childAt(snapshot, node, offset);
  }
  if (path.length === 0 && inComment(snapshot, offset)) return outside(snapshot, offset, 'comment');
  const leaf = path.at(-1);
  const common = { snapshot, offset, package: snapshot.packageAt(offset) ?? null, root };
  const inside = kindOf(snapshot, leaf, path, offset);
  const token =
    leaf && inside === 'string'
      ? { start: leaf.span.start + 1, end: leaf.span.end - (closed(snapshot, leaf) ? 1 : 0) }
      : leaf && (inside === 'character' || TOKENS.has(leaf.type)) && leaf.span.start < offset
        ? leaf.span
        : { start: offset, end: offset };
  const outer = path.filter(node => node !== leaf || (node.type !== 'comment' && !TOKENS.has(node.type)));
  return {
    ...common,
    inside,
    token,
    typed: snapshot.slice(token.start, offset),
    marks: marksOf(outer),
    lists:
      inside === 'comment'
        ? []
        : listsOf(snapshot, outer, inside === 'string' ? token.start - 1 : token.start),
  };
}

const outside = (snapshot: Snapshot, offset: number, inside: Place['inside']): Place => ({
  snapshot,
  offset,
  package: snapshot.packageAt(offset) ?? null,
  inside,
  token: { start: offset, end: offset },
  typed: '',
  marks: [],
  lists: [],
  root: undefined,
});

/** Whether a comment between two top-level forms holds the offset. */
function inComment(snapshot: Snapshot, offset: number): boolean {
  const from = snapshot.lastFormBefore(offset)?.span.end ?? 0;
  const lexer = new Lexer(snapshot.slice(from, offset));
  let inside = false;
  // one that goes on behind the offset ends with the stretch
  while (lexer.next())
    inside =
      lexer.end === offset - from &&
      (lexer.kind === 'comment' || (lexer.kind === 'block-comment' && lexer.unterminated));
  return inside;
}

/** The tree of the form that the offset is in, or that is still being written before it. */
function rootAt(snapshot: Snapshot, offset: number): SyntaxNode | undefined {
  const touched = snapshot.formAt(offset);
  // a form that starts here is not the one that is being written
  const form = touched && (touched.span.start < offset || !touched.broken) ? touched : undefined;
  if (form && form.span.start < offset) return treeOf(snapshot, { span: extended(form.span, offset) });
  const before = snapshot.lastFormBefore(offset);
  if (!before) return undefined;
  if (before.span.end >= offset) return treeOf(snapshot, before);
  if (!before.broken) return undefined;
  const tree = treeOf(snapshot, { span: extended(before.span, offset) });
  return tree && isOpen(snapshot, tree) ? tree : undefined;
}

const extended = ({ start, end }: Span, offset: number): Span => ({ start, end: Math.max(end, offset) });

/** Whether the node goes on where its text ends. */
function isOpen(snapshot: Snapshot, node: SyntaxNode): boolean {
  if (node.type === 'list_lit') return !closed(snapshot, node);
  if (node.type === 'str_lit' || node.type === 'block_comment') return !closed(snapshot, node);
  if (!PREFIXES.has(node.type)) return false;
  const last = node.children.at(-1);
  return last === undefined || isOpen(snapshot, last);
}

function closed(snapshot: Snapshot, { type, span: { start, end }, children }: SyntaxNode): boolean {
  if (type === 'list_lit')
    return snapshot.slice(end - 1, end) === ')' && (children.at(-1)?.span.end ?? start + 1) < end;
  if (type === 'block_comment') return snapshot.slice(end - 2, end) === '|#' && end - start >= 4;
  if (end - start < 2 || snapshot.slice(end - 1, end) !== '"') return false;
  let escapes = 0;
  while (snapshot.slice(end - 2 - escapes, end - 1 - escapes) === '\\') escapes++;
  return escapes % 2 === 0;
}

/** The child that the offset is in; of two that touch it the one that ends there, for that is what is being written. */
function childAt(snapshot: Snapshot, node: SyntaxNode, offset: number): SyntaxNode | undefined {
  if (node.children.length === 0) return undefined;
  const { children } = node;
  let low = 0;
  let high = children.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (children[middle]!.span.start < offset) low = middle + 1;
    else high = middle;
  }
  const child = children[low - 1];
  if (!child) return undefined;
  const { start, end } = child.span;
  if (offset < end) return child;
  if (offset > end) return isOpen(snapshot, child) && end === node.span.end ? child : undefined;
  if (child.type === 'comment') return child;
  if (TOKENS.has(child.type) || child.type === 'char_lit') return child;
  if (child.type === 'list_lit' || child.type === 'str_lit' || child.type === 'block_comment')
    return isOpen(snapshot, child) ? child : undefined;
  // a prefix and what it takes end together
  return PREFIXES.has(child.type) && start < end ? child : undefined;
}

function kindOf(
  snapshot: Snapshot,
  leaf: SyntaxNode | undefined,
  path: readonly SyntaxNode[],
  offset: number,
): Place['inside'] {
  if (
    leaf?.type === 'comment' ||
    leaf?.type === 'block_comment' ||
    path.some(({ type }) => type === 'dis_expr')
  )
    return 'comment';
  if (leaf?.type === 'str_lit') return 'string';
  if (
    leaf?.type === 'char_lit' ||
    (leaf && snapshot.slice(leaf.span.start, leaf.span.start + 2) === '#\\' && leaf.span.end === offset)
  )
    return 'character';
  const guarded = path.some(
    ({ type, children }) =>
      type === 'include_reader_macro' && (children.length === 0 || offset <= children[0]!.span.end),
  );
  return guarded ? 'feature' : 'code';
}

function marksOf(path: readonly SyntaxNode[]): string[] {
  const marks: string[] = [];
  for (const { type } of [...path].reverse()) {
    if (type === 'list_lit') break;
    if (PREFIXES.has(type)) marks.push(type);
  }
  return marks;
}

function listsOf(snapshot: Snapshot, path: readonly SyntaxNode[], start: number): ListPlace[] {
  const lists: ListPlace[] = [];
  let quoted = false;
  for (const node of path) {
    if (node.type === 'quoting_lit') quoted = true;
    else if (node.type === 'unquoting_lit' || node.type === 'unquote_splicing_lit') quoted = false;
    if (node.type !== 'list_lit') continue;
    const objects = objectsOf(node);
    const inner = path[path.indexOf(node) + 1];
    const from = inner && inner.span.start < start ? inner.span.start : start;
    const index = objects.filter(({ span }) => span.end <= from && span.start < from).length;
    const operator = index > 0 ? symbolOf(snapshot, objects[0]) : undefined;
    lists.unshift({ node, objects, index, quoted, operator });
  }
  return lists;
}

/** The text of an object. */
export const textAt = (snapshot: Snapshot, node: SyntaxNode | undefined): string | undefined =>
  node && textOf(snapshot, node);
