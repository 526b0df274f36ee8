/** Semantic tokens of a buffer: those of its stretches, forms and comments between, kept as long as a stretch stays. */
import { Numbers } from '../numbers.ts';
import { Lexer } from '../source/lexer.ts';
import { lastUpTo } from '../source/search.ts';
import { formRowOf, sharedStretches, type FormRow } from '../source/stretches.ts';
import type { Position, PositionEncoding, Snapshot, Span } from '../source/types.ts';
import { tokenModifiers, tokensOf, tokenTypes, type TokenType } from './formTokens.ts';

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
export const legendFor = (declared: Partial<Legend> | undefined): Legend => ({
  tokenTypes: tokenTypes.filter(type => declared?.tokenTypes?.includes(type) ?? true),
  tokenModifiers: tokenModifiers.filter(modifier => declared?.tokenModifiers?.includes(modifier) ?? true),
});

/** How functions that only other forms, files or the image know are told apart, by name. */
export type KindsOfFunctions = ReadonlyMap<string, TokenType>;

/** Tokens of a stretch of the text, counted from its own start: true for as long as the stretch stays, wherever it moves. */
export interface Piece {
  /** Five numbers each, in the client's legend. */
  readonly data: Int32Array;
  /** Where the last token starts: lines behind the stretch's start, and the column, from the stretch's start where that is 0. */
  readonly lastLine: number;
  readonly lastColumn: number;
  /** Where the stretch ends, counted in the same way. */
  readonly endLine: number;
  readonly endColumn: number;
}

interface Kept {
  readonly environment: object;
  /** Of each of its forms, whether the reader took it: 1 or 0. */
  readonly active: Uint8Array;
  readonly open: readonly (readonly [name: string, kind: TokenType | undefined])[];
  readonly piece: Piece;
  /** Those that `open` was last compared with. */
  kinds: KindsOfFunctions;
}

/** The tokens of a version of a text, by its stretches. */
export interface TokenRow {
  readonly pieces: readonly Piece[];
  /** How many numbers there are before each piece, and in all. */
  readonly counts: Int32Array;
  /** What they were made of. */
  readonly keys: readonly object[];
  readonly before: Int32Array;
  readonly environment: object;
  readonly kinds: KindsOfFunctions;
  readonly active: Uint8Array;
}

/** So many known pieces are gathered without others getting a turn. */
const FEW = 256;
/** So many numbers of one piece are written without others getting a turn. */
const LONG = 50_000;

const NO_TOKENS: TokenRow = {
  pieces: [],
  counts: new Int32Array(1),
  keys: [],
  before: new Int32Array(1),
  environment: {},
  kinds: new Map(),
  active: new Uint8Array(0),
};

/** How many stretches at the beginning and at the end have the tokens that they had in a version before, without a look at each. */
function unchanged(
  last: TokenRow,
  { keys, before, environment, kinds, active }: Omit<TokenRow, 'pieces' | 'counts'>,
): [head: number, tail: number] {
  if (environment !== last.environment || kinds !== last.kinds) return [0, 0];
  const [head, tail] = sharedStretches(last.keys, keys);
  const sameHead =
    Buffer.compare(active.subarray(0, before[head]), last.active.subarray(0, before[head])) === 0;
  const sameTail =
    Buffer.compare(
      active.subarray(before[keys.length - tail]),
      last.active.subarray(last.before[last.keys.length - tail]),
    ) === 0;
  return [sameHead ? head : 0, sameTail ? tail : 0];
}

/** The pieces of buffers, for one client. */
export class TokenPieces {
  readonly #legend: LegendMap;
  /** By stretch. */
  readonly #kept = new WeakMap<object, Kept>();

  constructor(
    legend: Legend,
    private readonly encoding: PositionEncoding,
  ) {
    this.#legend = new LegendMap(legend);
  }

  /** Those of a whole text; what an edit left alone is taken from a version before. Yields after each that was not known. */
  *all(
    snapshot: Snapshot,
    kinds: KindsOfFunctions,
    last: TokenRow = NO_TOKENS,
  ): Generator<void, TokenRow, void> {
    const row = formRowOf(snapshot);
    if (!row) return NO_TOKENS;
    const { keys, before, environment } = row;
    const active = row.active();
    const [head, tail] = unchanged(last, { keys, before, environment, kinds, active });
    const middle = yield* this.#stretches(snapshot, row, kinds, head, keys.length - tail);
    const oldTail = last.pieces.length - tail;
    const pieces = last.pieces.slice(0, head).concat(middle, last.pieces.slice(oldTail));
    const counts = new Int32Array(pieces.length + 1);
    counts.set(last.counts.subarray(0, head + 1));
    for (let i = 0; i < middle.length; i++) counts[head + i + 1] = counts[head + i]! + middle[i]!.data.length;
    const moved = counts[pieces.length - tail]! - last.counts[oldTail]!;
    for (let i = 1; i <= tail; i++) counts[pieces.length - tail + i] = last.counts[oldTail + i]! + moved;
    return { pieces, counts, keys, before, environment, kinds, active };
  }

  /** Those of the stretches from `first` up to `end` (exclusive). */
  *some(
    snapshot: Snapshot,
    kinds: KindsOfFunctions,
    first: number,
    end: number,
  ): Generator<void, readonly Piece[], void> {
    const row = formRowOf(snapshot);
    return row ? yield* this.#stretches(snapshot, row, kinds, first, Math.min(end, row.keys.length)) : [];
  }

  *#stretches(
    snapshot: Snapshot,
    row: FormRow,
    kinds: KindsOfFunctions,
    first: number,
    end: number,
  ): Generator<void, Piece[], void> {
    const active = row.active();
    const pieces: Piece[] = [];
    for (let i = first; i < end; i++) {
      const known = this.#known(row, active, i, kinds);
      pieces.push(known ?? (yield* this.#find(snapshot, row, active, i, kinds)));
      if (!known || i % FEW === 0) yield;
    }
    return pieces;
  }

  #known(row: FormRow, actives: Uint8Array, i: number, kinds: KindsOfFunctions): Piece | undefined {
    const known = this.#kept.get(row.keys[i]!);
    if (known?.environment !== row.environment) return undefined;
    const { active, open } = known;
    const before = row.before[i]!;
    for (let n = 0; n < active.length; n++) if (active[n] !== actives[before + n]) return undefined;
    if (known.kinds !== kinds) {
      if (open.some(([name, kind]) => kinds.get(name) !== kind)) return undefined;
      known.kinds = kinds;
    }
    return known.piece;
  }

  *#find(
    snapshot: Snapshot,
    row: FormRow,
    actives: Uint8Array,
    i: number,
    kinds: KindsOfFunctions,
  ): Generator<void, Piece, void> {
    const active = actives.slice(row.before[i], row.before[i + 1]);
    const open: [string, TokenType | undefined][] = [];
    const piece = yield* this.#read(snapshot, row, i, active, name => {
      const kind = kinds.get(name);
      open.push([name, kind]);
      return kind;
    });
    this.#kept.set(row.keys[i]!, { environment: row.environment, active, open, piece, kinds });
    return piece;
  }

  *#read(
    snapshot: Snapshot,
    row: FormRow,
    i: number,
    active: Uint8Array,
    kindOf: (name: string) => TokenType | undefined,
  ): Generator<void, Piece, void> {
    const { encoding } = this;
    const map = this.#legend;
    const start = row.starts[i]!;
    const end = row.starts[i + 1]!;
    const origin = snapshot.positionAt(start, encoding);
    const out: number[] = [];
    const from = (offset: number): Position => {
      const { line, character } = snapshot.positionAt(offset, encoding);
      const down = line - origin.line;
      return { line: down, character: down === 0 ? character - origin.character : character };
    };
    let line = 0;
    let column = 0;
    const place = (atLine: number, atColumn: number): void => {
      out.push(atLine - line, atLine === line ? atColumn - column : atColumn);
      line = atLine;
      column = atColumn;
    };
    const comments = (behind: number, before: number): void => {
      const type = map.typeOf('comment');
      if (before <= behind || type < 0) return;
      for (const span of commentsIn(snapshot, behind, before)) {
        const at = from(span.start);
        place(at.line, at.character);
        out.push(from(span.end).character - at.character, type, 0);
      }
    };
    let behind = start;
    for (const [n, form] of row.read(i).entries()) {
      comments(behind, start + form.span.start);
      behind = start + form.span.end;
      const { data, open } = yield* tokensOf(form, active[n] === 1, encoding);
      if (data.length === 0) continue;
      const kinds = new Map(open.map(({ at, name }) => [at, kindOf(name)]));
      let { line: tokenLine, character: tokenColumn } = from(start + form.span.start);
      for (let at = 0; at < data.length; at += 5) {
        if (at % LONG === LONG - 5) yield;
        const down = data[at]!;
        tokenLine += down;
        tokenColumn = down === 0 ? tokenColumn + data[at + 1]! : data[at + 1]!;
        const better = kinds.get(at + 3);
        const type = better === undefined ? map.types[data[at + 3]!]! : map.typeOf(better);
        if (type < 0) continue;
        place(tokenLine, tokenColumn);
        out.push(data[at + 2]!, type, map.modifiersOf(data[at + 4]!));
      }
    }
    comments(behind, end);
    const { line: endLine, character: endColumn } = from(end);
    return { data: Int32Array.from(out), lastLine: line, lastColumn: column, endLine, endColumn };
  }
}

/** Which lines' tokens are asked for. */
export interface LineRange {
  readonly first: number;
  readonly last: number;
}

/** Which tokens of pieces that follow each other are asked for. */
export interface Part {
  /** Where the first piece that counts starts. */
  readonly at?: Position;
  /** The first piece that counts, and the first one whose tokens are wanted: they count from those before it. */
  readonly first?: number;
  readonly begin?: number;
  /** Behind the last piece. */
  readonly end?: number;
  readonly lines?: LineRange;
}

/** The protocol's numbers of pieces. Yields after each piece. */
export function* numberSteps(
  pieces: readonly Piece[],
  { at = START, first = 0, begin = first, end = pieces.length, lines = ALL_LINES }: Part = {},
): Generator<void, Numbers, void> {
  const out = new Numbers();
  let { line, character: column } = at;
  let lastLine = 0;
  let lastColumn = 0;
  for (let i = first; i < end; i++) {
    const { data, endLine, endColumn, ...last } = pieces[i]!;
    if (i < begin) {
      if (data.length > 0) {
        lastColumn = last.lastLine === 0 ? column + last.lastColumn : last.lastColumn;
        lastLine = line + last.lastLine;
      }
    } else {
      let tokenLine = line;
      let tokenColumn = column;
      for (let n = 0; n < data.length; n += 5) {
        if (n % LONG === LONG - 5) yield;
        const down = data[n]!;
        tokenLine += down;
        tokenColumn = down === 0 ? tokenColumn + data[n + 1]! : data[n + 1]!;
        if (tokenLine < lines.first || tokenLine > lines.last) continue;
        const by = tokenLine - lastLine;
        out.add(by);
        out.add(by === 0 ? tokenColumn - lastColumn : tokenColumn);
        for (let k = 2; k < 5; k++) out.add(data[n + k]!);
        lastLine = tokenLine;
        lastColumn = tokenColumn;
      }
      yield;
    }
    column = endLine === 0 ? column + endColumn : endColumn;
    line += endLine;
  }
  return out;
}

const START: Position = { line: 0, character: 0 };
const ALL_LINES: LineRange = { first: 0, last: Infinity };

/** The stretches that a span of the text touches: the first one, and the one behind the last. */
export function stretchesIn(snapshot: Snapshot, { start, end }: Span): [first: number, end: number] {
  const starts = formRowOf(snapshot)?.starts ?? new Int32Array(1);
  return [Math.max(0, lastUpTo(starts, start)), lastUpTo(starts, end) + 1];
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

/** What changes the tokens of one version into those of another: at most one edit, of whole tokens. Looks at what is not shared alone. Yields often. */
export function* difference(before: TokenRow, after: TokenRow): Generator<void, TokenEdit[], void> {
  const [first, last] = sharedStretches(before.pieces, after.pieces);
  if (first === before.pieces.length && first === after.pieces.length) return [];
  const old = yield* differing(before, first, last);
  const edit = differenceOfNumbers(old, yield* differing(after, first, last));
  return edit ? [{ ...edit, start: before.counts[first]! + edit.start }] : [];
}

/** The numbers of all pieces but so many, and of the first of those behind that has any: it counts from the last one before it. */
function* differing(
  { pieces, counts }: TokenRow,
  first: number,
  last: number,
): Generator<void, number[], void> {
  let end = pieces.length - last;
  while (end < pieces.length && counts[end + 1] === counts[end]) end++;
  // what comes before counts from places that no answer depends on
  let from = Math.max(0, first - 1);
  while (from > 0 && counts[from + 1] === counts[from]) from--;
  const part = { first: from, begin: first, end: Math.min(end + 1, pieces.length) };
  return (yield* numberSteps(pieces, part)).toJSON();
}

function differenceOfNumbers(before: readonly number[], after: readonly number[]): TokenEdit | undefined {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start++;
  if (start === before.length && start === after.length) return undefined;
  start -= start % 5;
  let end = 0;
  while (end < shorter - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  end -= end % 5;
  return { start, deleteCount: before.length - end - start, data: after.slice(start, after.length - end) };
}
