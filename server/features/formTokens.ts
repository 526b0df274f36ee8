/** Semantic tokens of one form, counted from its own start, so that they stay true while the form moves. */
import type { ChunkForm } from '../source/chunk.ts';
import type { RawNode } from '../source/parser.ts';
import { Skipping } from '../source/reader.ts';
import { nameSpanOf } from '../source/renaming.ts';
import { analysisSteps, type Occurrence } from '../source/scope.ts';
import type { PositionEncoding } from '../source/types.ts';
import { standardMacros } from '../workspace/standardMacros.ts';
import { standardSymbols } from '../workspace/standardSymbols.ts';

/** In the order of the protocol's own list; a client that did not declare one gets the next best, or nothing. */
export const tokenTypes = [
  'namespace',
  'type',
  'class',
  'struct',
  'parameter',
  'variable',
  'property',
  'function',
  'method',
  'macro',
  'keyword',
  'comment',
  'string',
  'number',
  'operator',
] as const;
export type TokenType = (typeof tokenTypes)[number];

export const tokenModifiers = ['definition', 'readonly', 'static', 'modification', 'defaultLibrary'] as const;
export type TokenModifier = (typeof tokenModifiers)[number];

const types = Object.fromEntries(tokenTypes.map((type, i) => [type, i])) as Record<TokenType, number>;
const modifiers = Object.fromEntries(tokenModifiers.map((modifier, i) => [modifier, 1 << i])) as Record<
  TokenModifier,
  number
>;

export interface FormTokens {
  /** Five numbers each, as the protocol has them; the first token's place counts from the form's start. */
  readonly data: readonly number[];
  /** Functions of whose kind the form says nothing: the index of the token's type in `data`, and the name. */
  readonly open: readonly { readonly at: number; readonly name: string }[];
}

/** Offsets are those of the form's chunk. */
class TokenWriter {
  readonly data: number[] = [];
  readonly open: { at: number; name: string }[] = [];
  private line = 0;
  private column = 0;
  /** The line's number and a place in it with its column, at the offset reached. */
  private currentLine = 0;
  private counted: number;
  private countedColumn = 0;
  private at: number;

  constructor(
    private readonly text: string,
    start: number,
    /** What stands from here on is the next one's. */
    private readonly end: number,
    private readonly encoding: PositionEncoding,
  ) {
    this.counted = start;
    this.at = start;
  }

  /** A token that may go over several lines: it becomes one in each. */
  add(start: number, end: number, type: TokenType, modifierBits = 0): void {
    const to = Math.min(end, this.end);
    let from = start;
    for (let i = start; i < to; i++) {
      const c = this.text.charCodeAt(i);
      if (c !== 10 && c !== 13) continue;
      this.addInLine(from, i, type, modifierBits);
      from = i + 1;
    }
    this.addInLine(from, to, type, modifierBits);
  }

  addInLine(start: number, end: number, type: TokenType, modifierBits: number): void {
    if (end <= start) return;
    this.advance(start);
    // counted from the token before, so that a long line costs no more than a short one
    const column = this.countedColumn + this.width(this.counted, start);
    this.counted = start;
    this.countedColumn = column;
    const deltaLine = this.currentLine - this.line;
    const first = this.data.length === 0;
    this.data.push(
      deltaLine,
      deltaLine === 0 && !first ? column - this.column : column,
      this.width(start, end),
      types[type],
      modifierBits,
    );
    this.line = this.currentLine;
    this.column = column;
  }

  /** The token added last is a function of some kind. */
  leaveOpen(name: string): void {
    this.open.push({ at: this.data.length - 2, name });
  }

  private advance(to: number): void {
    const { text } = this;
    for (let i = this.at; i < to; i++) {
      const c = text.charCodeAt(i);
      if (c === 10 || (c === 13 && text.charCodeAt(i + 1) !== 10)) {
        this.currentLine++;
        this.counted = i + 1;
        this.countedColumn = 0;
      }
    }
    this.at = to;
  }

  private width(start: number, end: number): number {
    if (this.encoding === 'utf-16') return end - start;
    const part = this.text.slice(start, end);
    if (this.encoding === 'utf-8') return Buffer.byteLength(part);
    let count = 0;
    for (let i = 0; i < part.length; count++) i += part.codePointAt(i)! > 0xffff ? 2 : 1;
    return count;
  }
}

/** So many nodes or symbols are looked at without others getting a turn. */
const AT_ONCE = 2048;

/**
 * Yields often.
 * @param active whether the form is read; else all of it is a comment
 */
export function* tokensOf(
  form: ChunkForm,
  active: boolean,
  encoding: PositionEncoding,
): Generator<void, FormTokens, void> {
  const text = form.reader.source;
  const { start, end } = form.span;
  const writer = new TokenWriter(text, start, end, encoding);
  if (!active || !form.object) {
    if (!active) writer.add(start, end, 'comment');
  } else {
    const { occurrences } = yield* analysisSteps(form);
    const symbols = new Map<number, Occurrence>();
    for (const [i, occurrence] of occurrences.entries()) {
      const known = symbols.get(occurrence.span.start);
      if (!known || (!known.binding && occurrence.binding)) symbols.set(occurrence.span.start, occurrence);
      if (i % AT_ONCE === AT_ONCE - 1) yield;
    }
    yield* new TreeTokens(form, writer, symbols).write(form.object);
  }
  return { data: writer.data, open: writer.open };
}

/** How many of the objects of a call come before its format string. */
const FORMATTING: Readonly<Record<string, number>> = {
  FORMAT: 2,
  FORMATTER: 1,
  ERROR: 1,
  WARN: 1,
  CERROR: 1,
  BREAK: 1,
  SIGNAL: 1,
  'Y-OR-N-P': 1,
  'YES-OR-NO-P': 1,
  'SIMPLE-STYLE-WARN': 1,
};

const DIRECTIVE =
  /~(?:(?:[+-]?\d+|'[\s\S]|[vV#])?,)*(?:[+-]?\d+|'[\s\S]|[vV#])?[:@]*(?:\/[^/"]*\/|[a-zA-Z%&|~<>[\](){}^;?*_$]|\r?\n)/g;

/** A node, and whether it is code, code where a string is one of directives, or left out. */
type Part = readonly [node: RawNode, as: 'code' | 'format' | 'comment'];

class TreeTokens {
  private readonly text: string;
  /** What is still to be written, the next one last. */
  private readonly waiting: Part[] = [];

  constructor(
    private readonly form: ChunkForm,
    private readonly writer: TokenWriter,
    private readonly symbols: ReadonlyMap<number, Occurrence>,
  ) {
    this.text = form.reader.source;
  }

  *write(root: RawNode): Generator<void, void, void> {
    this.waiting.push([root, 'code']);
    for (let count = 1, next = this.waiting.pop(); next; next = this.waiting.pop(), count++) {
      const [node, as] = next;
      if (as === 'comment') this.writer.add(node.start, node.end, 'comment');
      else this.visit(node, as === 'format');
      if (count % AT_ONCE === 0) yield;
    }
  }

  private visit(node: RawNode, format: boolean): void {
    switch (node.type) {
      case 'sym_lit':
      case 'package_lit':
        return this.symbol(node);
      case 'kwd_lit':
        return this.writer.add(node.start, node.end, 'keyword');
      case 'str_lit':
        return format ? this.formatString(node) : this.writer.add(node.start, node.end, 'string');
      case 'char_lit':
        return this.writer.add(node.start, node.end, 'string');
      case 'num_lit':
      case 'complex_num_lit':
        return this.writer.add(node.start, node.end, 'number');
      case 'comment':
      case 'block_comment':
      case 'dis_expr':
        return this.writer.add(node.start, node.end, 'comment');
      case 'include_reader_macro':
        return void this.waiting.push(this.conditional(node, new Skipping()));
      default:
        return this.children(node);
    }
  }

  private children(node: RawNode): void {
    const { children } = node;
    if (children.length === 0) return;
    const head = node.type === 'list_lit' ? this.form.reader.operator(node)?.name : undefined;
    const formatAt = head !== undefined && Object.hasOwn(FORMATTING, head) ? FORMATTING[head]! : -1;
    const skipping = new Skipping();
    const parts: Part[] = [];
    let object = 0;
    for (const child of children) {
      if (child.type === 'include_reader_macro') {
        parts.push(this.conditional(child, skipping));
        object++;
        continue;
      }
      const isComment =
        child.type === 'comment' || child.type === 'block_comment' || child.type === 'dis_expr';
      if (!isComment && !skipping.pass([])) {
        parts.push([child, 'comment']);
        continue;
      }
      const isFormat = formatAt >= 0 && object >= formatAt && object <= formatAt + 1;
      parts.push([child, isFormat ? 'format' : 'code']);
      if (!isComment) object++;
    }
    for (let i = parts.length - 1; i >= 0; i--) this.waiting.push(parts[i]!);
  }

  /** What a reader conditional leaves out is a comment for this image. */
  private conditional(node: RawNode, skipping: Skipping): Part {
    const { object, guards } = this.form.reader.unwrap(node);
    const read = skipping.pass(guards.map(guard => this.form.reader.holds(guard) === true));
    return read && object ? [object, 'code'] : [node, 'comment'];
  }

  private formatString({ start, end }: RawNode): void {
    let at = start;
    for (const { index, 0: directive } of this.text.slice(start, end).matchAll(DIRECTIVE)) {
      this.writer.add(at, start + index, 'string');
      at = start + index + directive.length;
      this.writer.add(start + index, at, 'operator');
    }
    this.writer.add(at, end, 'string');
  }

  private symbol(node: RawNode): void {
    const occurrence = this.symbols.get(node.start);
    if (!occurrence) return;
    const { start, end } = node.type === 'package_lit' ? nameSpanOf(this.text, node) : node;
    if (start > node.start) {
      let prefixEnd = start;
      while (this.text[prefixEnd - 1] === ':') prefixEnd--;
      this.writer.add(node.start, prefixEnd, 'namespace');
    }
    const [type, bits, open] = kindOf(occurrence);
    if (!type) return;
    this.writer.add(start, end, type, bits);
    if (open) this.writer.leaveOpen(occurrence.symbol.name);
  }
}

type Kind = readonly [type: TokenType | undefined, modifierBits: number, open?: boolean];
const NONE: Kind = [undefined, 0];
const KEYWORD: Kind = ['keyword', 0];

function kindOf({ symbol, namespace, access, binding, operator }: Occurrence): Kind {
  const bits =
    access === 'definition' ? modifiers.definition : access === 'write' ? modifiers.modification : 0;
  if (binding)
    switch (binding.kind) {
      case 'parameter':
        return ['parameter', bits];
      case 'variable':
      case 'symbol-macro':
        return ['variable', bits];
      case 'function':
        return ['function', bits];
      case 'macro':
        return ['macro', bits];
      case 'block':
      case 'tag':
        return NONE;
    }
  const standard = isStandard(symbol.package) && standardSymbols.has(symbol.name);
  const all = bits | (standard ? modifiers.defaultLibrary : 0);
  switch (namespace) {
    case 'function':
      return callable(symbol.name, standard, all);
    case 'variable': {
      const constant = /^\+.+\+$/.test(symbol.name) || symbol.name === 'T';
      const special = /^\*.+\*$/.test(symbol.name);
      return ['variable', all | (constant ? modifiers.readonly : special ? modifiers.static : 0)];
    }
    case 'type':
      return [access === 'definition' ? 'class' : 'type', all];
    case 'slot':
      return ['property', bits];
    case 'lambda-keyword':
    case 'clause':
    case 'declaration':
      return KEYWORD;
    // of templates, operators show
    case 'data':
      return operator ? callable(symbol.name, standard, all) : NONE;
    case 'block':
    case 'tag':
      return NONE;
  }
}

const callable = (name: string, standard: boolean, bits: number): Kind =>
  standard ? [standardMacros.has(name) ? 'macro' : 'function', bits] : ['function', bits, true];

const isStandard = (prefix: string | undefined): boolean =>
  prefix === undefined || prefix === 'CL' || prefix === 'COMMON-LISP';
