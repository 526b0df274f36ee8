/** What the text of a form mentions: symbols and packages, each with its place; and what its DEFPACKAGEs say. */
import type { Snapshot, Span, SyntaxNode } from '../source/index.ts';
import { designatorOf, objectsOf, operatorOf, symbolOf, textOf, treeOf } from './nodes.ts';
import type { PackageForm } from './types.ts';

/**
 * A mention as one string, so that it can be interned: "NAME" of a symbol without prefix, "PACKAGE\tNAME" of one with a prefix
 * (a keyword's is empty), "PACKAGE\n" of a package itself.
 */
export type MentionKey = string;

export type Mention =
  | { readonly type: 'symbol'; readonly package: string | undefined; readonly name: string }
  | { readonly type: 'package'; readonly name: string };

const symbolKey = (name: string, packageName?: string): MentionKey =>
  packageName === undefined ? name : `${packageName}\t${name}`;
const packageKey = (name: string): MentionKey => `${name}\n`;

export function readKey(key: MentionKey): Mention {
  if (key.endsWith('\n')) return { type: 'package', name: key.slice(0, -1) };
  const at = key.indexOf('\t');
  return at < 0
    ? { type: 'symbol', package: undefined, name: key }
    : { type: 'symbol', package: key.slice(0, at), name: key.slice(at + 1) };
}

export interface Visitor {
  mention(key: MentionKey, span: Span): void;
  package?(form: PackageForm): void;
  /** Any list with an operator, outermost first. */
  list?(operator: string, node: SyntaxNode): void;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] };

const PACKAGE_FORMS: ReadonlySet<string> = new Set(['DEFPACKAGE', 'DEFINE-PACKAGE']);
const NAMING_PACKAGES: ReadonlySet<string> = new Set([
  'USE',
  'MIX',
  'REEXPORT',
  'USE-REEXPORT',
  'MIX-REEXPORT',
  'RECYCLE',
  'INHERIT-FROM',
]);

/**
 * Visits a form and everything in it, or what touches an offset; conditions of reader conditionals and what stands in strings mention
 * nothing.
 */
export function visitForm(snapshot: Snapshot, form: SyntaxNode, visitor: Visitor, offset?: number): void {
  const waiting = [form];
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    switch (node.type) {
      case 'sym_lit':
      case 'package_lit':
      case 'kwd_lit':
        visitSymbol(snapshot, node, visitor);
        continue;
      case 'list_lit': {
        const operator = operatorOf(snapshot, node);
        if (operator !== undefined) {
          visitor.list?.(operator, node);
          if (PACKAGE_FORMS.has(operator)) {
            visitPackage(snapshot, node, visitor);
            continue;
          }
          if (operator === 'IN-PACKAGE' || operator === 'USE-PACKAGE')
            for (const name of objectsOf(node).slice(1)) visitPackageName(snapshot, name, visitor);
        }
        break;
      }
    }
    const inside = objectsOf(node);
    for (let i = inside.length - 1; i >= 0; i--) {
      const { start, end } = inside[i]!.span;
      if (offset === undefined || (start <= offset && offset <= end)) waiting.push(inside[i]!);
    }
  }
}

function visitSymbol(snapshot: Snapshot, node: SyntaxNode, visitor: Visitor): void {
  const { span } = node;
  const symbol = symbolOf(snapshot, node)!;
  if (symbol.package === undefined) visitor.mention(symbolKey(symbol.name), span);
  else {
    visitor.mention(symbolKey(symbol.name, symbol.package), span);
    if (symbol.package !== '') visitor.mention(packageKey(symbol.package), prefixSpan(snapshot, span));
  }
}

/** The package's name before the colons of a token. */
function prefixSpan({ text }: Snapshot, { start, end }: Span): Span {
  let inBars = false;
  for (let i = start; i < end; i++) {
    const c = text[i];
    if (c === '\\') i++;
    else if (c === '|') inBars = !inBars;
    else if (c === ':' && !inBars) return { start, end: i };
  }
  return { start, end };
}

function visitPackageName(snapshot: Snapshot, node: SyntaxNode | undefined, visitor: Visitor): void {
  const name = designatorOf(snapshot, node);
  if (name !== undefined) visitor.mention(packageKey(name), node!.span);
}

function visitPackage(snapshot: Snapshot, node: SyntaxNode, visitor: Visitor): void {
  const [, nameNode, ...clauses] = objectsOf(node);
  const name = designatorOf(snapshot, nameNode);
  if (name === undefined) return;
  visitPackageName(snapshot, nameNode, visitor);
  const form: Mutable<PackageForm> = {
    name,
    nicknames: [],
    uses: [],
    reexports: [],
    exports: [],
    shadows: [],
    imports: [],
    localNicknames: [],
  };
  const names = (nodes: readonly SyntaxNode[], packageName: string): string[] =>
    nodes.flatMap(each => {
      const symbol = designatorOf(snapshot, each);
      if (symbol === undefined) return [];
      visitor.mention(symbolKey(symbol, packageName), each.span);
      return [symbol];
    });
  for (const clause of clauses) {
    if (clause.type !== 'list_lit') continue;
    const [key, ...rest] = objectsOf(clause);
    const option = symbolOf(snapshot, key)?.name ?? '';
    if (NAMING_PACKAGES.has(option)) {
      const packages = rest.flatMap(each => designatorOf(snapshot, each) ?? []);
      for (const each of rest) visitPackageName(snapshot, each, visitor);
      if (option !== 'REEXPORT') form.uses.push(...packages);
      if (option.endsWith('REEXPORT')) form.reexports.push(...packages);
    } else if (option === 'EXPORT') form.exports.push(...names(rest, name));
    else if (option === 'SHADOW' || option === 'INTERN') form.shadows.push(...names(rest, name));
    else if (option === 'IMPORT-FROM' || option === 'SHADOWING-IMPORT-FROM') {
      const from = designatorOf(snapshot, rest[0]);
      visitPackageName(snapshot, rest[0], visitor);
      if (from !== undefined)
        for (const symbol of names(rest.slice(1), from)) form.imports.push([symbol, from]);
    } else if (option === 'NICKNAMES') {
      for (const each of rest) visitPackageName(snapshot, each, visitor);
      form.nicknames.push(...rest.flatMap(each => designatorOf(snapshot, each) ?? []));
    } else if (option === 'LOCAL-NICKNAMES')
      for (const pair of rest) {
        const [nickname, actual] = objectsOf(pair);
        visitPackageName(snapshot, actual, visitor);
        const local = designatorOf(snapshot, nickname);
        const of = designatorOf(snapshot, actual);
        if (local !== undefined && of !== undefined) form.localNicknames.push([local, of]);
      }
  }
  visitor.package?.(form);
}

/** What is meant at an offset of a text, and how it stands there. */
export interface Target {
  readonly mention: Mention;
  /** The package in effect; null: none, or only evaluation could tell. */
  readonly package: string | null;
  /** It stands where an operator or a function's name does. */
  readonly called: boolean;
  /** A bare designator: what it names, a package or a system, only its reader knows. */
  readonly designator: boolean;
}

/** The name that the offset touches; undefined in comments, strings and between names. */
export function targetAt(snapshot: Snapshot, offset: number): Target | undefined {
  const form = snapshot.formAt(offset);
  const node = form && treeOf(snapshot, form);
  if (!node) return undefined;
  let best: { key: MentionKey; span: Span } | undefined;
  const touches = ({ start, end }: Span) => start <= offset && offset <= end;
  const visitor: Visitor = {
    mention(key, span) {
      // Of a name with a prefix both are mentioned at its beginning: the shorter one, the package, is meant there.
      const shorter = !best || span.end - span.start <= best.span.end - best.span.start;
      if (touches(span) && (!best || (span.start >= best.span.start && shorter))) best = { key, span };
    },
  };
  visitForm(snapshot, node, visitor, offset);
  if (!best) {
    const bare = designatorAt(snapshot, node, offset);
    if (!bare) return undefined;
    return {
      mention: { type: 'package', name: bare },
      package: form.package ?? null,
      called: false,
      designator: true,
    };
  }
  return {
    mention: readKey(best.key),
    package: form.package ?? null,
    called: /(?:\(|#')\s*$/.test(snapshot.slice(Math.max(0, best.span.start - 80), best.span.start)),
    designator: false,
  };
}

/** A `#:name` or "name" outside of DEFPACKAGE may name a package or a system. */
function designatorAt(snapshot: Snapshot, root: SyntaxNode, offset: number): string | undefined {
  let node: SyntaxNode | undefined = root;
  while (node && node.children.length > 0)
    node = node.children.find(({ span }) => span.start <= offset && offset <= span.end);
  if (node?.type !== 'uninterned_lit' && node?.type !== 'str_lit') return undefined;
  return textOf(snapshot, node).length > 100 ? undefined : designatorOf(snapshot, node);
}
