/** The reader tree of a snapshot, made as far as somebody looks at it. */
import type { RawNode } from './parser.ts';
import type { Span, SyntaxNode } from './types.ts';

export class TreeRoot implements SyntaxNode {
  readonly type = 'source';
  readonly span: Span;
  #children: readonly SyntaxNode[] | undefined;

  constructor(
    length: number,
    private readonly make: () => readonly SyntaxNode[],
  ) {
    this.span = { start: 0, end: length };
  }

  get children(): readonly SyntaxNode[] {
    return (this.#children ??= this.make());
  }
}

const NO_CHILDREN: readonly SyntaxNode[] = [];

export class TreeNode implements SyntaxNode {
  #children: readonly SyntaxNode[] | undefined;

  constructor(
    private readonly raw: RawNode,
    private readonly start: number,
  ) {}

  get type(): string {
    return this.raw.type;
  }

  get span(): Span {
    return { start: this.raw.start + this.start, end: this.raw.end + this.start };
  }

  get children(): readonly SyntaxNode[] {
    if (this.raw.children.length === 0) return NO_CHILDREN;
    return (this.#children ??= this.raw.children.map(child => new TreeNode(child, this.start)));
  }
}
