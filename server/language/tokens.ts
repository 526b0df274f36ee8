/** Semantic tokens: full, of a range, and what changed. */
import type { SemanticTokens } from 'vscode-languageserver/node';
import { tokenModifiers, tokenTypes, type TokenType } from '../features/formTokens.ts';
import {
  difference,
  legendFor,
  numberSteps,
  stretchesIn,
  TokenPieces,
  type TokenRow,
} from '../features/semanticTokens.ts';
import { formRowOf } from '../source/stretches.ts';
import type { Snapshot } from '../source/types.ts';
import { inSlices } from '../source/slices.ts';
import type { Numbers } from '../numbers.ts';
import { budget, never, type Bench, type FeatureSet } from './bench.ts';
import { soon } from './formatting.ts';
import { refreshing } from './refreshing.ts';

interface Sent {
  readonly id: string;
  readonly row: TokenRow;
}

const KINDS: Readonly<Record<string, TokenType>> = {
  macro: 'macro',
  'generic-function': 'method',
};

export const tokens: FeatureSet = {
  capabilities: {
    semanticTokensProvider: {
      legend: { tokenTypes: [...tokenTypes], tokenModifiers: [...tokenModifiers] },
      range: true,
      full: { delta: true },
    },
  },
  listen(bench) {
    const { connection, encoding, documents, capabilities } = bench.parts;
    const { semanticTokens } = connection.languages;
    /** By URI, what was sent last, for the next delta. */
    const sent = new Map<string, Sent>();
    const functionKinds = new FunctionKinds(bench);
    let nextId = 1;
    let pieces: TokenPieces | undefined;
    documents.onChange(uri => {
      if (!documents.get(uri)) sent.delete(uri);
    });

    const piecesOf = (): TokenPieces =>
      (pieces ??= new TokenPieces(legendFor(capabilities().textDocument?.semanticTokens), encoding()));
    const allOf = async (snapshot: Snapshot): Promise<Sent> => {
      const tokens = piecesOf();
      const kinds = await functionKinds.now();
      const row = await inSlices(tokens.all(snapshot, kinds, sent.get(snapshot.uri)?.row));
      const now = { id: String(nextId++), row };
      sent.set(snapshot.uri, now);
      return now;
    };
    const whole = async ({ id, row }: Sent): Promise<SemanticTokens> => ({
      resultId: id,
      data: sendable(await inSlices(numberSteps(row.pieces))),
    });

    semanticTokens.on(bench.syntactic(async snapshot => whole(await allOf(snapshot))));
    semanticTokens.onDelta(
      bench.syntactic(async (snapshot, { previousResultId }) => {
        const before = sent.get(snapshot.uri);
        const now = await allOf(snapshot);
        return before?.id === previousResultId
          ? {
              resultId: now.id,
              edits: await inSlices(difference(before.row, now.row)),
            }
          : whole(now);
      }),
    );
    semanticTokens.onRange(
      bench.syntactic(async (snapshot, { range }) => {
        const tokens = piecesOf();
        const start = snapshot.offsetAt(range.start, encoding());
        const end = snapshot.offsetAt(range.end, encoding());
        const [first, behind] = stretchesIn(snapshot, { start, end });
        const kinds = await functionKinds.now();
        const part = await inSlices(tokens.some(snapshot, kinds, first, behind));
        const at = snapshot.positionAt(formRowOf(snapshot)?.starts[first] ?? 0, encoding());
        // a range that ends where a line starts has nothing of that line
        const last = range.end.line - (range.end.character === 0 ? 1 : 0);
        const lines = { first: range.start.line, last };
        return { data: (await inSlices(numberSteps(part, { at, lines }))).toJSON() };
      }),
    );
  },
};

/** Written as the array that the protocol's types have. */
const sendable = (numbers: Numbers): number[] => numbers as unknown as number[];

/**
 * Macros and generic functions, by name, as far as the index knows them now. An index that is still reading is not waited for: the editor is
 * told to ask again when it knows more.
 */
class FunctionKinds {
  #version = 0;
  #kinds: ReadonlyMap<string, TokenType> = new Map();
  #asked: Promise<void> | undefined;
  /** Tokens were sent that these are in. */
  #given = false;
  #following = false;
  readonly #refresh: () => void;

  constructor(private readonly bench: Bench) {
    this.#refresh = refreshing(bench.parts, 'semanticTokens');
  }

  async now(): Promise<ReadonlyMap<string, TokenType>> {
    await soon((this.#asked ??= this.#ask()), budget);
    this.#given = true;
    return this.#kinds;
  }

  async #ask(): Promise<void> {
    const answer = await this.bench.ask('kinds', { version: this.#version }, never).catch(() => undefined);
    this.#asked = undefined;
    if (answer?.busy) void this.#follow();
    if (!answer?.names) return;
    this.#version = answer.version;
    this.#kinds = new Map(answer.names.map(([name, kind]) => [name, KINDS[kind] ?? 'function']));
    if (this.#given) this.#refresh();
    this.#given = false;
  }

  /** Asks again once the index has read what waits to be read. */
  async #follow(): Promise<void> {
    if (this.#following) return;
    this.#following = true;
    await this.bench.ask('state', {}, never).catch(() => undefined);
    this.#following = false;
    await (this.#asked ??= this.#ask());
  }
}
