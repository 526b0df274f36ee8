/** Where a refactoring is asked for: the tree of the top-level form at the selection. Offsets are UTF-16 code units of the whole text. */
import { nodesOf } from '../../source/stretches.ts';
import type { RawNode } from '../../source/parser.ts';
import type { Snapshot, Span, TopLevelForm } from '../../source/types.ts';
import type { Edit } from '../format/format.ts';

export interface Node extends Span {
  readonly type: string;
  readonly children: readonly Node[];
  readonly parent: Node | undefined;
}

/** A change of the text that keeps all that it does not name. */
export interface Refactoring {
  readonly title: string;
  /** A kind of code actions, as LSP names them. */
  readonly kind: string;
  /** Not overlapping, in any order; undefined where it cannot be done after all. Called when the edit is wanted. */
  readonly edits: () => readonly Edit[] | undefined;
  /** What is indented anew besides what the edits bring. */
  readonly moved?: Span;
  /** Operators, as written, that must not be macros. */
  readonly through?: readonly string[];
  /** Operators, as written before or afterwards, that must be those of the language. */
  readonly standard?: readonly string[];
}

export interface Site {
  readonly snapshot: Snapshot;
  readonly text: string;
  readonly form: TopLevelForm;
  readonly root: Node;
  /** The selection; both are the cursor's place where nothing is selected. */
  readonly start: number;
  readonly end: number;
  /** The nodes around the start, the innermost first. */
  readonly path: readonly Node[];
}

/** More is no place for refactorings. */
const longest = 200_000;

/** @returns undefined between forms, and where the form does not parse or is too long */
export function siteAt(snapshot: Snapshot, start: number, end: number): Site | undefined {
  const form = snapshot.formAt(start);
  if (!form || form.broken || end > form.span.end || form.span.end - form.span.start > longest)
    return undefined;
  const { text } = snapshot;
  const nodes = nodesOf(snapshot, form.span);
  if (!nodes) return undefined;
  const root = shifted(nodes.root, nodes.by, undefined);
  const path: Node[] = [];
  let node: Node | undefined = root;
  while (node) {
    path.unshift(node);
    // of two that touch, the one that begins there
    node =
      node.children.find(each => each.start <= start && start < each.end && end <= each.end) ??
      node.children.find(each => each.end === start && end === start);
  }
  return { snapshot, text, form, root, start, end, path };
}

function shifted({ type, start, end, children }: RawNode, by: number, parent: Node | undefined): Node {
  const node = { type, start: start + by, end: end + by, parent, children: [] as Node[] };
  for (const child of children) node.children.push(shifted(child, by, node));
  return node;
}

const isComment = ({ type }: Node): boolean => /comment$|^dis_expr$/.test(type);

/** The objects of a list; undefined where reader conditionals leave it open which they are. */
export function partsOf(node: Node): readonly Node[] | undefined {
  if (node.type !== 'list_lit') return undefined;
  const parts = node.children.filter(child => !isComment(child));
  return parts.some(({ type }) => type === 'include_reader_macro') ? undefined : parts;
}

export const textOf = ({ text }: { readonly text: string }, { start, end }: Span): string =>
  text.slice(start, end);

/** A symbol's name in lower case without its package prefix; undefined for everything else. */
export function nameOf(site: { readonly text: string }, node: Node | undefined): string | undefined {
  if (!node || !/^(?:sym|package|nil)_lit$/.test(node.type)) return undefined;
  return textOf(site, node)
    .toLowerCase()
    .replace(/^[^|:]+::?(?=.)/, '');
}

export const operatorOf = (site: { readonly text: string }, node: Node | undefined): string | undefined =>
  node?.type === 'list_lit'
    ? nameOf(
        site,
        node.children.find(child => !isComment(child)),
      )
    : undefined;

/** Whether the node is data, or part of a template. */
export function isQuoted(site: { readonly text: string }, node: Node | undefined): boolean {
  for (let each = node; each; each = each.parent)
    if (
      /^(?:quoting_lit|syn_quoting_lit|vec_lit|evaling_lit)$/.test(each.type) ||
      operatorOf(site, each) === 'quote'
    )
      return true;
  return false;
}

/** The list that the cursor stands at the operator of, or whose bracket it touches; no selection beyond it. */
export function listAtOperator(site: Site): Node | undefined {
  const { path, start, end } = site;
  const list = path.find(({ type }) => type === 'list_lit');
  if (!list || isQuoted(site, list)) return undefined;
  const head = list.children.find(child => !isComment(child));
  const selectsAll = start === list.start && end === list.end;
  return selectsAll || (head && start >= list.start && end <= head.end) ? list : undefined;
}

export interface Selected extends Span {
  readonly parent: Node | undefined;
  readonly nodes: readonly Node[];
}

/** The objects that the selection covers, white space around them aside: neighbours in one list, whole ones. */
export function selectedIn({ text, root, start, end }: Site): Selected | undefined {
  if (start === end) return undefined;
  const from = start + /^\s*/.exec(text.slice(start, end))![0].length;
  const to = end - /\s*$/.exec(text.slice(start, end))![0].length;
  if (from >= to) return undefined;
  if (root.start === from && root.end === to)
    return { parent: undefined, nodes: [root], start: from, end: to };
  let list: Node = root;
  for (;;) {
    const inner: Node | undefined = list.children.find(
      each => each.start <= from && to <= each.end && !(each.start === from && each.end === to),
    );
    if (!inner) break;
    list = inner;
  }
  const covered = list.children.filter(each => each.start < to && from < each.end);
  const nodes = covered.filter(each => !isComment(each));
  if (nodes.length === 0 || covered[0]!.start !== from || covered.at(-1)!.end !== to) return undefined;
  if (list.type !== 'list_lit' && nodes.length > 1) return undefined;
  return { parent: list, nodes, start: from, end: to };
}

/** An edit that puts text in the place of a span, or before an offset. */
export const replace = ({ start, end }: Span, text: string): Edit => ({ span: { start, end }, text });
export const insert = (at: number, text: string): Edit => ({ span: { start: at, end: at }, text });
