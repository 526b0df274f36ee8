/** Reading the public syntax tree: objects of a list, whatever reader conditionals and comments stand around them. */
import { readString, readSymbol, type Snapshot, type SymbolName, type SyntaxNode } from '../source/index.ts';
import type { RawNode } from '../source/parser.ts';
import { nodesOf } from '../source/stretches.ts';
import type { TopLevelForm } from '../source/types.ts';

const COMMENTS: ReadonlySet<string> = new Set(['comment', 'block_comment', 'dis_expr', 'ERROR']);
const SYMBOLS: ReadonlySet<string> = new Set(['sym_lit', 'package_lit', 'kwd_lit', 'uninterned_lit']);

/** The tree of one form, made from its tokens alone; undefined where it is too long for one. */
export function treeOf(snapshot: Snapshot, { span }: Pick<TopLevelForm, 'span'>): SyntaxNode | undefined {
  const nodes = nodesOf(snapshot, span);
  return nodes && new Shifted(nodes.root, nodes.by);
}

class Shifted implements SyntaxNode {
  #children: readonly SyntaxNode[] | undefined;

  constructor(
    private readonly raw: RawNode,
    private readonly by: number,
  ) {}

  get type(): string {
    return this.raw.type;
  }

  get span() {
    return { start: this.raw.start + this.by, end: this.raw.end + this.by };
  }

  get children(): readonly SyntaxNode[] {
    return (this.#children ??= this.raw.children.map(child => new Shifted(child, this.by)));
  }
}

export const textOf = (snapshot: Snapshot, { span }: SyntaxNode) => snapshot.slice(span.start, span.end);

/** The objects of a node, those behind reader conditionals too, whichever features they ask for. */
export function objectsOf(node: SyntaxNode): SyntaxNode[] {
  const out: SyntaxNode[] = [];
  for (const child of node.children) {
    if (COMMENTS.has(child.type)) continue;
    const object = behindGuards(child);
    if (object) out.push(object);
  }
  return out;
}

/** The target of a reader conditional, of the innermost one of several; undefined where it has none. */
function behindGuards(node: SyntaxNode): SyntaxNode | undefined {
  let object: SyntaxNode | undefined = node;
  while (object?.type === 'include_reader_macro')
    object = object.children.filter(child => !COMMENTS.has(child.type))[1];
  return object;
}

export function symbolOf(snapshot: Snapshot, node: SyntaxNode | undefined): SymbolName | undefined {
  return node && SYMBOLS.has(node.type) ? readSymbol(textOf(snapshot, node)) : undefined;
}

/** The operator's name, whatever its package; undefined where it is a keyword or no symbol. */
export function operatorOf(snapshot: Snapshot, node: SyntaxNode): string | undefined {
  if (node.type !== 'list_lit') return undefined;
  const first = node.children.find(child => !COMMENTS.has(child.type));
  const symbol = symbolOf(snapshot, first);
  return symbol === undefined || symbol.package === '' || symbol.package === '#' ? undefined : symbol.name;
}

/** The name that a string designator stands for. */
export function designatorOf(snapshot: Snapshot, node: SyntaxNode | undefined): string | undefined {
  if (node?.type === 'str_lit') return readString(textOf(snapshot, node));
  return symbolOf(snapshot, node)?.name;
}
