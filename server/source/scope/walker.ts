/** Walks over code as the evaluator would, and notes what each symbol stands for. Nothing is expanded or evaluated. */
import type { RawNode } from '../parser.ts';
import { descend, Skipping, type Reader } from '../reader.ts';
import type { SymbolName } from '../symbols.ts';
import type { Span } from '../types.ts';
import { Env, spaceOf, type Access, type Analysis, type BindingKind, type Namespace } from './model.ts';
import type { Binding, Occurrence, OpenBinding, Space } from './model.ts';

/** A list with an operator. */
export interface Form {
  readonly node: RawNode;
  /** The operator's name, lower-cased. */
  readonly operator: string;
  /** The objects behind the operator. */
  readonly args: readonly RawNode[];
}

export type Handler = (walker: Walker, form: Form, env: Env) => void;

export interface Handlers {
  /** By the operator's name in upper case; undefined: nothing is known of it. */
  find(name: string): Handler | undefined;
  /** For operators that nothing is known of. */
  unknown: Handler;
}

type BindingDetails = Pick<Binding, 'parameter' | 'lambdaList' | 'doubles' | 'guessed' | 'named'>;

const COMMENTS: ReadonlySet<string> = new Set(['comment', 'block_comment', 'dis_expr', 'ERROR']);
/** Expressions in expressions. */
const DEEPEST = 300;
/** So many nodes are walked in one step; what comes behind them is left for later ones. */
const STEP = 2000;
const NO_NODES: readonly RawNode[] = [];

/** Dynamic variables and constants by their look; what binds the former binds no local variable. */
const GLOBAL_LOOK = /^(?:\*.+\*|\+.+\+)$/;

export class Walker implements Analysis {
  readonly occurrences: Occurrence[] = [];
  readonly bindings: OpenBinding[] = [];
  #depth = 0;
  /** How many nodes are left for this step, and what it leaves for later ones. */
  #left: number;
  #later: (() => void)[] = [];
  readonly #symbols = new Map<string, SymbolName>();
  /** By an object that is read: those at its place that another image would read. */
  readonly #alternates = new Map<RawNode, RawNode[]>();

  constructor(
    private readonly reader: Reader,
    private readonly handlers: Handlers,
    private readonly step = STEP,
  ) {
    this.#left = step;
  }

  /** Yields after each step. */
  *analyse(form: RawNode): Generator<void, Analysis, void> {
    this.expression(form, new Env());
    const waiting: (() => void)[] = [];
    for (;;) {
      // in the order of the text
      for (let i = this.#later.length - 1; i >= 0; i--) waiting.push(this.#later[i]!);
      this.#later = [];
      const next = waiting.pop();
      if (!next) break;
      if (this.#left <= 0) {
        yield;
        this.#left = this.step;
      }
      next();
    }
    yield;
    this.occurrences.sort((a, b) => a.span.start - b.span.start);
    for (const { occurrences } of this.bindings)
      if (occurrences.length > 2)
        occurrences.sort((a, b) => rank(a) - rank(b) || a.span.start - b.span.start);
    this.bindings.sort((a, b) => a.span.start - b.span.start);
    return this;
  }

  text(node: RawNode): string {
    return this.reader.text(node);
  }

  /** The symbol that a node is; NIL counts as one, keywords and `#:a` do not. */
  symbol(node: RawNode | undefined): SymbolName | undefined {
    if (node === undefined) return undefined;
    if (node.type !== 'sym_lit' && node.type !== 'package_lit' && node.type !== 'nil_lit') return undefined;
    const text = this.reader.text(node);
    let symbol = this.#symbols.get(text);
    if (symbol === undefined) this.#symbols.set(text, (symbol = this.reader.symbol(node)!));
    return symbol;
  }

  /** The name of a keyword or a symbol, whatever its package. */
  word(node: RawNode | undefined): string | undefined {
    return this.symbol(node)?.name ?? (node?.type === 'kwd_lit' ? this.reader.symbol(node)?.name : undefined);
  }

  /** The objects of a list that an image with these features reads; `each` reaches the others. */
  objects(node: RawNode | undefined): readonly RawNode[] {
    if (node?.type !== 'list_lit') return NO_NODES;
    const { children } = node;
    let plain = true;
    for (let i = 0; i < children.length; i++) {
      const { type } = children[i]!;
      if (type === 'include_reader_macro') return this.#conditionalObjects(children);
      if (plain && COMMENTS.has(type)) plain = false;
    }
    return plain ? children : children.filter(child => !COMMENTS.has(child.type));
  }

  #conditionalObjects(children: readonly RawNode[]): readonly RawNode[] {
    const read: RawNode[] = [];
    const waiting: RawNode[] = [];
    const skipping = new Skipping();
    let guardedLast = false;
    for (const child of children) {
      if (COMMENTS.has(child.type)) continue;
      const { object, guards } = this.reader.unwrap(child);
      if (!skipping.pass(guards.map(guard => this.reader.holds(guard) === true))) {
        if (!object) continue;
        const last = read.at(-1);
        if (guardedLast && last) this.#addAlternates(last, [object]);
        else waiting.push(object);
        continue;
      }
      if (!object) continue;
      this.#addAlternates(object, waiting.splice(0));
      read.push(object);
      guardedLast = guards.length > 0;
    }
    return [...read, ...waiting];
  }

  /** A list may be looked at more than once. */
  #addAlternates(node: RawNode, others: readonly RawNode[]): void {
    if (others.length > 0)
      this.#alternates.set(node, [...new Set([...(this.#alternates.get(node) ?? NO_NODES), ...others])]);
  }

  /** Visits an object, and those that another image would read in its place. */
  each(node: RawNode | undefined, visit: (node: RawNode) => void): void {
    if (!node) return;
    visit(node);
    if (this.#alternates.size === 0) return;
    for (const other of this.#alternates.get(node) ?? NO_NODES) visit(other);
  }

  // Noting

  note(
    node: RawNode,
    namespace: Namespace,
    access: Access = 'read',
    binding?: OpenBinding,
    operator = false,
  ): void {
    const symbol = this.symbol(node);
    if (!symbol) return;
    const span: Span = { start: node.start, end: node.end };
    const occurrence: Occurrence = { span, symbol, namespace, access, binding, operator };
    this.occurrences.push(occurrence);
    binding?.occurrences.push(occurrence);
  }

  /** A use of whatever the name means in that space. */
  use(node: RawNode, space: Space, env: Env, access: Access = 'read', operator = false): void {
    const symbol = this.symbol(node);
    if (!symbol) return;
    if (space === 'v' && isConstant(symbol)) return;
    this.note(node, NAMESPACES[space], access, env.find(space, keyOf(symbol)), operator);
  }

  /** Binds what a symbol names from here on; what is not a symbol, or NIL, binds nothing. */
  bind(
    env: Env,
    kind: BindingKind,
    node: RawNode | undefined,
    { operator }: Pick<Form, 'operator'>,
    scope: Span,
    details: BindingDetails = {},
  ): OpenBinding | undefined {
    const symbol = this.symbol(node);
    if (!node || !symbol || (isConstant(symbol) && spaceOf[kind] !== 'b')) return undefined;
    const space = spaceOf[kind];
    if (space === 'v' && GLOBAL_LOOK.test(symbol.name)) {
      this.note(node, 'variable', 'write');
      return undefined;
    }
    const key = keyOf(symbol);
    let binding = env.own(space, key);
    if (!binding) {
      const span: Span = { start: node.start, end: node.end };
      binding = { name: symbol.name, kind, operator, span, scope, occurrences: [], ...details };
      env.set(space, key, binding);
      this.bindings.push(binding);
    }
    this.note(node, NAMESPACES[space], 'definition', binding);
    return binding;
  }

  // Walking

  expression(node: RawNode | undefined, env: Env): void {
    this.each(node, each => this.#expression(each, env));
  }

  expressions(nodes: readonly RawNode[], env: Env): void {
    for (const node of nodes) this.expression(node, env);
  }

  #expression(node: RawNode, env: Env): void {
    if (this.#isLater(node)) {
      const [then, depth] = [env.frozen(), this.#depth];
      this.#later.push(() => {
        this.#depth = depth;
        this.#expression(node, then);
      });
      return;
    }
    if (this.#depth > DEEPEST) return this.#flat(node, env);
    this.#depth++;
    this.#walk(node, env);
    this.#depth--;
  }

  /** Counts a node; whether it is left for a later step. */
  #isLater({ children }: RawNode): boolean {
    if (this.#left <= 0 && children.length > 0) return true;
    this.#left--;
    return false;
  }

  /** Code nested too deep for a stack: what it binds is left out. */
  #flat(root: RawNode, env: Env): void {
    for (const node of descend(root))
      if (node.type === 'list_lit') {
        const [head] = this.objects(node);
        if (head && this.symbol(head)) this.use(head, 'f', env, 'read', true);
        for (const child of node.children) if (child !== head) this.use(child, 'v', env);
      }
  }

  #walk(node: RawNode, env: Env): void {
    switch (node.type) {
      case 'sym_lit':
      case 'package_lit':
        return this.use(node, 'v', env);
      case 'list_lit':
        return this.#form(node, env);
      case 'quoting_lit':
      case 'vec_lit':
      case 'struct_lit':
        return this.data(node);
      case 'syn_quoting_lit':
        return this.template(node, env, 0);
      case 'var_quoting_lit':
        return node.children.forEach(child => this.functionName(child, env));
      case 'evaling_lit':
        return this.expressions(inside(node), new Env());
      case 'include_reader_macro':
        return this.expression(this.reader.unwrap(node).object, env);
      default:
        if (node.children.length > 0) this.expressions(inside(node), env);
    }
  }

  #form(node: RawNode, env: Env): void {
    const [head, ...args] = this.objects(node);
    const symbol = this.symbol(head);
    if (!head) return;
    if (!symbol || isConstant(symbol)) {
      this.expression(head, env);
      return this.expressions(args, env);
    }
    const form: Form = { node, operator: symbol.name.toLowerCase(), args };
    const local = env.find('f', keyOf(symbol));
    this.each(head, each => this.use(each, 'f', env, 'read', true));
    if (local?.kind === 'function') return this.expressions(args, env);
    const handler = local ? undefined : this.handlers.find(symbol.name);
    (handler ?? this.handlers.unknown)(this, form, env);
  }

  /** What stands behind `#'`, or where a function's name is wanted. */
  functionName(node: RawNode | undefined, env: Env, access: Access = 'read'): void {
    this.each(node, each => {
      if (this.symbol(each)) return this.use(each, 'f', env, access);
      const [head, name] = this.objects(each);
      if (this.symbol(head)?.name === 'SETF' && this.symbol(name)) {
        this.note(head!, 'function', 'read', undefined, true);
        // a local (setf f) has a name of its own
        return this.note(name!, 'function', access === 'definition' ? 'definition' : 'write');
      }
      this.expression(each, env);
    });
  }

  /** Forms with declarations before them. */
  body(nodes: readonly RawNode[], env: Env): void {
    for (const node of nodes)
      this.each(node, each => {
        const [head, ...specifiers] = this.objects(each);
        if (this.symbol(head)?.name !== 'DECLARE') return this.#expression(each, env);
        this.note(head!, 'function', 'read', undefined, true);
        for (const specifier of specifiers) this.declaration(specifier, env);
      });
  }

  /** One declaration specifier. */
  declaration(specifier: RawNode, env: Env): void {
    this.each(specifier, each => {
      const [head, ...rest] = this.objects(each);
      if (!head) return;
      const name = this.symbol(head)?.name ?? '';
      if (this.symbol(head)) this.note(head, KNOWN_DECLARATIONS.has(name) ? 'declaration' : 'type');
      else this.type(head, env);
      if (name === 'OPTIMIZE' || name === 'DECLARATION' || name === 'VALUES') return;
      let names = rest;
      if (name === 'TYPE' || name === 'FTYPE') {
        this.type(rest[0], env);
        names = rest.slice(1);
      }
      const space: Space =
        name === 'FTYPE' || name === 'INLINE' || name === 'NOTINLINE' || name === 'MAYBE-INLINE' ? 'f' : 'v';
      for (const each of names)
        if (each.type === 'var_quoting_lit' || each.type === 'list_lit')
          this.functionName(each.type === 'list_lit' ? this.#functionIn(each) : each.children[0], env);
        else {
          this.use(each, space, env);
          const binding = name === 'SPECIAL' ? env.find('v', keyOf(this.symbol(each) ?? NOBODY)) : undefined;
          if (binding) binding.special = true;
        }
    });
  }

  /** `(function f)`, or `(setf f)`. */
  #functionIn(list: RawNode): RawNode {
    const [head, name] = this.objects(list);
    return this.symbol(head)?.name === 'FUNCTION' && name ? name : list;
  }

  /** A type specifier. */
  type(node: RawNode | undefined, env: Env): void {
    this.each(node, each => {
      if (each.type === 'list_lit') {
        const [head, ...args] = this.objects(each);
        if (!head) return;
        const name = this.symbol(head)?.name;
        this.type(head, env);
        if (name === 'EQL' || name === 'MEMBER') for (const arg of args) this.data(arg);
        else if (name === 'SATISFIES') for (const arg of args) this.use(arg, 'f', new Env());
        else for (const arg of args) this.type(arg, env);
      } else if (this.symbol(each)) {
        const name = this.symbol(each)!.name;
        if (name.startsWith('&')) this.note(each, 'lambda-keyword');
        else if (name !== '*' && name !== 'NIL') this.note(each, 'type');
      } else if (each.type === 'syn_quoting_lit') this.template(each, env, 0);
    });
  }

  /** What is not evaluated. */
  data(node: RawNode | undefined): void {
    this.each(node, each => this.#data(each));
  }

  #data(node: RawNode): void {
    if (this.#isLater(node)) return void this.#later.push(() => this.#data(node));
    if (this.symbol(node)) return node.type === 'nil_lit' ? undefined : this.note(node, 'data');
    if (node.type === 'include_reader_macro') return this.data(this.reader.unwrap(node).object);
    if (node.type === 'evaling_lit') return this.expressions(inside(node), new Env());
    for (const child of node.children) if (!COMMENTS.has(child.type)) this.data(child);
  }

  /** Inside of a backquote: data but for what is unquoted. @param level how many backquotes are open around the node */
  template(node: RawNode | undefined, env: Env, level: number, operator = false): void {
    if (!node || COMMENTS.has(node.type)) return;
    if (this.#isLater(node)) {
      const then = env.frozen();
      this.#later.push(() => this.template(node, then, level, operator));
      return;
    }
    switch (node.type) {
      case 'sym_lit':
      case 'package_lit':
        return this.note(node, 'data', 'read', undefined, operator);
      case 'unquoting_lit':
      case 'unquote_splicing_lit':
        if (level <= 1) return this.expressions(inside(node), env);
        return node.children.forEach(child => this.template(child, env, level - 1));
      case 'syn_quoting_lit':
        return node.children.forEach(child => this.template(child, env, level + 1));
      case 'include_reader_macro':
        return this.template(this.reader.unwrap(node).object, env, level, operator);
      case 'evaling_lit':
        return this.expressions(inside(node), new Env());
      default: {
        const list = node.type === 'list_lit';
        const [first] = node.children;
        for (const child of node.children) this.template(child, env, level, list && child === first);
      }
    }
  }
}

const rank = ({ access }: Occurrence): number => (access === 'definition' ? 0 : 1);

export const inside = (node: RawNode): readonly RawNode[] =>
  node.children.filter(child => !COMMENTS.has(child.type));

const NAMESPACES: Readonly<Record<Space, Namespace>> = { v: 'variable', f: 'function', b: 'block', t: 'tag' };

/** A name in another package than that of the text is another one. */
export const keyOf = ({ package: prefix, name }: SymbolName): string =>
  prefix === undefined ? name : `${prefix}:${name}`;

const NOBODY: SymbolName = { package: '#', name: '' };

const isConstant = ({ name }: SymbolName): boolean => name === 'NIL' || name === 'T';

const KNOWN_DECLARATIONS: ReadonlySet<string> = new Set([
  'DYNAMIC-EXTENT',
  'FTYPE',
  'IGNORABLE',
  'IGNORE',
  'INLINE',
  'MAYBE-INLINE',
  'NOTINLINE',
  'OPTIMIZE',
  'SPECIAL',
  'TYPE',
  'DECLARATION',
  'MUFFLE-CONDITIONS',
  'TRULY-DYNAMIC-EXTENT',
  'GLOBAL',
  'ALWAYS-BOUND',
  'VALUES',
]);
