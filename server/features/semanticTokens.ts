/** Semantic tokens of a buffer: those of its forms, kept as long as a form stays, and of the comments between. */
import type { ChunkForm } from '../source/chunk.ts';
import { Lexer } from '../source/lexer.ts';
import { contentsOf } from '../source/snapshot.ts';
import type { PositionEncoding, Snapshot, Span, TopLevelForm } from '../source/types.ts';
import { tokenModifiers, tokensOf, tokenTypes, type FormTokens, type TokenType } from './formTokens.ts';

/** What a client declared, and the numbers of its legend. */
export interface Legend {
  readonly tokenTypes: readonly string[];
  readonly tokenModifiers: readonly string[];
}

/** What a client that lacks a type takes instead. */
const NEXT_BEST: Partial<Record<TokenType, TokenType>> = {
  method: 'function',
  macro: 'function',
  parameter: 'variable',
  property: 'variable',
  struct: 'class',
  class: 'type',
  operator: 'string',
};

/** The legend for a client: of our types and modifiers those that it declared. */
export const legendFor = (declared: Legend): Legend => ({
  tokenTypes: tokenTypes.filter(type => declared.tokenTypes.includes(type)),
  tokenModifiers: tokenModifiers.filter(modifier => declared.tokenModifiers.includes(modifier)),
});

/** How functions that only other forms, files or the image know are told apart. */
export type KindOfFunction = (name: string) => TokenType | undefined;

interface Kept {
  readonly active: boolean;
  readonly encoding: PositionEncoding;
  readonly tokens: FormTokens;
}

const kept = new WeakMap<ChunkForm, Kept>();

function tokensOfForm(form: TopLevelForm, encoding: PositionEncoding): FormTokens | undefined {
  const contents = contentsOf(form);
  if (!contents) return undefined;
  const { active } = form;
  const known = kept.get(contents.form);
  if (known?.active === active && known.encoding === encoding) return known.tokens;
  const tokens = tokensOf(contents.form, active, encoding);
  kept.set(contents.form, { active, encoding, tokens });
  return tokens;
}

/** @param range only what overlaps it @returns the protocol's numbers. Yields after each form. */
export function* tokenSteps(
  snapshot: Snapshot,
  encoding: PositionEncoding,
  legend: Legend,
  kindOf: KindOfFunction,
  range: Span = { start: 0, end: snapshot.length },
): Generator<void, number[], void> {
  const map = new LegendMap(legend);
  const out: number[] = [];
  let line = 0;
  let column = 0;
  const place = (atLine: number, atColumn: number): void => {
    out.push(atLine - line, atLine === line ? atColumn - column : atColumn);
    line = atLine;
    column = atColumn;
  };
  const comments = (start: number, end: number): void => {
    if (end <= start) return;
    const type = map.typeOf('comment');
    if (type < 0) return;
    for (const span of commentsIn(snapshot, start, end)) {
      const { start: from, end: to } = snapshot.rangeOf(span, encoding);
      place(from.line, from.character);
      out.push(to.character - from.character, type, 0);
    }
  };
  let behind = lineStart(snapshot, range.start);
  for (const form of formsIn(snapshot, range)) {
    const { start, end } = form.span;
    comments(behind, start);
    behind = end;
    const tokens = tokensOfForm(form, encoding);
    const { data } = tokens ?? NO_TOKENS;
    if (tokens && data.length > 0) {
      const at = snapshot.positionAt(start, encoding);
      const kinds = new Map(tokens.open.map(({ at: index, name }) => [index, kindOf(name)]));
      let tokenLine = at.line;
      let tokenColumn = at.character;
      for (let i = 0; i < data.length; i += 5) {
        const down = data[i]!;
        tokenLine += down;
        tokenColumn = down === 0 ? tokenColumn + data[i + 1]! : data[i + 1]!;
        const better = kinds.get(i + 3);
        const type = better === undefined ? map.types[data[i + 3]!]! : map.typeOf(better);
        if (type < 0) continue;
        place(tokenLine, tokenColumn);
        out.push(data[i + 2]!, type, map.modifiersOf(data[i + 4]!));
      }
    }
    yield;
  }
  comments(behind, Math.max(behind, range.end));
  return out;
}

const NO_TOKENS = { data: new Int32Array(0) };

const lineStart = (snapshot: Snapshot, offset: number): number =>
  snapshot.offsetAt({ line: snapshot.positionAt(offset, 'utf-16').line, character: 0 }, 'utf-16');

function formsIn(snapshot: Snapshot, { start, end }: Span): readonly TopLevelForm[] {
  const { forms } = snapshot;
  let low = 0;
  let high = forms.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (forms[middle]!.span.end < start) low = middle + 1;
    else high = middle;
  }
  let last = low;
  while (last < forms.length && forms[last]!.span.start < end) last++;
  return low === 0 && last === forms.length ? forms : forms.slice(low, last);
}

/** Line by line. */
function* commentsIn(snapshot: Snapshot, start: number, end: number): Generator<Span> {
  const text = snapshot.slice(start, end);
  // nearly all gaps are white space
  if (!/[;#]/.test(text)) return;
  const lexer = new Lexer(text);
  while (lexer.next()) {
    if (lexer.kind !== 'comment' && lexer.kind !== 'block-comment') continue;
    let from = start + lexer.start;
    for (const part of text.slice(lexer.start, lexer.end).split(/(\r\n|\r|\n)/)) {
      if (!/^[\r\n]*$/.test(part)) yield { start: from, end: from + part.length };
      from += part.length;
    }
  }
}

/** Our numbers of types and modifiers, and those of a client's legend. */
class LegendMap {
  /** By our number; -1: the client knows none. */
  readonly types: readonly number[];
  readonly #modifiers: readonly number[];

  constructor(legend: Legend) {
    this.types = tokenTypes.map(type => {
      for (let each: TokenType | undefined = type; each; each = NEXT_BEST[each]) {
        const at = legend.tokenTypes.indexOf(each);
        if (at >= 0) return at;
      }
      return -1;
    });
    this.#modifiers = Array.from({ length: 1 << tokenModifiers.length }, (_, bits) =>
      tokenModifiers.reduce((sum, modifier, i) => {
        const at = (bits & (1 << i)) === 0 ? -1 : legend.tokenModifiers.indexOf(modifier);
        return at < 0 ? sum : sum | (1 << at);
      }, 0),
    );
  }

  typeOf(type: TokenType): number {
    return this.types[tokenTypes.indexOf(type)]!;
  }

  modifiersOf(bits: number): number {
    return this.#modifiers[bits]!;
  }
}

export interface TokenEdit {
  readonly start: number;
  readonly deleteCount: number;
  readonly data: number[];
}

/** What changes one list of numbers into another: at most one edit, of whole tokens. */
export function difference(before: readonly number[], after: readonly number[]): TokenEdit[] {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start++;
  if (start === before.length && start === after.length) return [];
  start -= start % 5;
  let end = 0;
  while (end < shorter - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  end -= end % 5;
  return [{ start, deleteCount: before.length - end - start, data: after.slice(start, after.length - end) }];
}
