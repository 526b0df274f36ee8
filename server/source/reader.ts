/** What the Lisp reader would make of a tree, without evaluating anything. */
import type { RawNode } from './parser.ts';
import { readString, readSymbol, type SymbolName } from './symbols.ts';

const COMMENTS: ReadonlySet<string> = new Set(['comment', 'block_comment', 'dis_expr', 'ERROR']);
const SYMBOLS: ReadonlySet<string> = new Set([
  'sym_lit',
  'package_lit',
  'kwd_lit',
  'uninterned_lit',
  'nil_lit',
]);

const NO_GUARDS: readonly boolean[] = [];

/** A child of a list or of the top level: an object behind any number of reader conditionals. */
export interface Conditional {
  /** Undefined where a reader conditional lacks its target. */
  readonly object: RawNode | undefined;
  readonly guards: readonly { readonly marker: '+' | '-'; readonly condition: RawNode | undefined }[];
}

/**
 * Counts what reader conditionals skip, as SBCL's reader does: `#+no #+no a b` skips a and b, because the second
 * conditional is itself what the first one skips.
 */
export class Skipping {
  private skip = 0;

  /** Whether the next object is skipped, whatever it is. */
  get isOn(): boolean {
    return this.skip > 0;
  }

  /** @param holds what became of each guard, in order (undefined: not known) @returns whether the object behind them is read */
  pass(holds: readonly (boolean | undefined)[]): boolean {
    for (const hold of holds) if (hold !== true) this.skip++;
    if (this.skip === 0) return true;
    this.skip--;
    return false;
  }
}

export class Reader {
  constructor(
    readonly source: string,
    private readonly features: ReadonlySet<string>,
  ) {}

  text(node: RawNode): string {
    return this.source.slice(node.start, node.end);
  }

  unwrap(node: RawNode): Conditional {
    const guards: { marker: '+' | '-'; condition: RawNode | undefined }[] = [];
    let object: RawNode | undefined = node;
    while (object?.type === 'include_reader_macro') {
      const [condition, target]: RawNode[] = object.children.filter(child => !COMMENTS.has(child.type));
      guards.push({ marker: this.source[object.start + 1] === '-' ? '-' : '+', condition });
      object = target;
    }
    return { object, guards };
  }

  /** The objects that an image with these features reads from a node's children. */
  objects(node: RawNode): RawNode[] {
    const out: RawNode[] = [];
    this.#collect(node, out, Infinity);
    return out;
  }

  /** The first of the objects that an image with these features reads from a node's children. */
  first(node: RawNode): RawNode | undefined {
    const out: RawNode[] = [];
    this.#collect(node, out, 1);
    return out[0];
  }

  #collect(node: RawNode, out: RawNode[], most: number): void {
    const skipping = new Skipping();
    for (const child of node.children) {
      if (out.length === most) return;
      if (COMMENTS.has(child.type)) continue;
      if (child.type !== 'include_reader_macro') {
        if (skipping.pass(NO_GUARDS)) out.push(child);
        continue;
      }
      const { object, guards } = this.unwrap(child);
      if (skipping.pass(guards.map(guard => this.holds(guard) === true)) && object) out.push(object);
    }
  }

  /** Undefined when only evaluation could tell. */
  holds(guard: { marker: '+' | '-'; condition: RawNode | undefined }): boolean | undefined {
    const value = guard.condition && this.feature(guard.condition);
    return value === undefined ? undefined : guard.marker === '+' ? value : !value;
  }

  /** The value of a feature expression. */
  private feature(node: RawNode): boolean | undefined {
    const symbol = this.symbol(node);
    // the reader reads the expression in the KEYWORD package
    if (symbol)
      return this.features.has(
        (symbol.package ?? '') === '' || symbol.package === 'KEYWORD'
          ? symbol.name
          : `${symbol.package}::${symbol.name}`,
      );
    if (node.type !== 'list_lit') return undefined;
    const [operator, ...operands] = this.objects(node);
    const values = operands.map(operand => this.feature(operand));
    switch (this.symbol(operator)?.name ?? '') {
      case 'AND':
        return values.includes(false) ? false : values.includes(undefined) ? undefined : true;
      case 'OR':
        return values.includes(true) ? true : values.includes(undefined) ? undefined : false;
      case 'NOT':
        return values.length !== 1 || values[0] === undefined ? undefined : !values[0];
      default:
        return undefined;
    }
  }

  symbol(node: RawNode | undefined): SymbolName | undefined {
    return node && SYMBOLS.has(node.type) ? readSymbol(this.text(node)) : undefined;
  }

  /** The name of the operator of a list, with its package prefix where it has one. */
  operator(node: RawNode | undefined): SymbolName | undefined {
    if (node?.type !== 'list_lit') return undefined;
    const symbol = this.symbol(this.first(node));
    return symbol?.package === '' || symbol?.package === '#' ? undefined : symbol;
  }

  /** The name that a string designator stands for, quoted or not; undefined for anything else. */
  designator(node: RawNode | undefined): string | undefined {
    if (!node) return undefined;
    if (node.type === 'str_lit') return readString(this.text(node));
    if (node.type === 'char_lit') {
      const text = this.text(node).slice(2);
      return [...text].length === 1 ? text : undefined;
    }
    return this.symbol(node)?.name;
  }

  /** Whether the object is the same each time it is evaluated, and evaluating it runs no code. */
  constant(node: RawNode): boolean {
    switch (node.type) {
      case 'num_lit':
      case 'str_lit':
      case 'char_lit':
      case 'kwd_lit':
      case 'nil_lit':
      case 'complex_num_lit':
      case 'path_lit':
      case 'vec_lit':
      case 'quoting_lit':
        return true;
      default:
        return this.symbol(node)?.name === 'T';
    }
  }
}

/** Visits a node and everything in it, outermost first; iterative. */
export function* descend(root: RawNode): Generator<RawNode> {
  const waiting = [root];
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    yield node;
    for (let i = node.children.length - 1; i >= 0; i--) waiting.push(node.children[i]!);
  }
}
