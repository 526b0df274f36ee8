/** Semantic tokens: full, of a range, and what changed. */
import type { CancellationToken, SemanticTokens } from 'vscode-languageserver/node';
import { tokenModifiers, tokenTypes, type TokenType } from '../features/formTokens.ts';
import {
  difference,
  legendFor,
  numberSteps,
  stretchesIn,
  TokenPieces,
  type TokenRow,
} from '../features/semanticTokens.ts';
import { formRowOf } from '../source/snapshot.ts';
import type { Snapshot } from '../source/types.ts';
import { inSlices } from '../source/slices.ts';
import type { Numbers } from '../numbers.ts';
import type { Bench, FeatureSet } from './bench.ts';

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
    const functionKinds = new FunctionKinds();
    let nextId = 1;
    let pieces: TokenPieces | undefined;
    documents.onChange(uri => {
      if (!documents.get(uri)) sent.delete(uri);
    });

    /** Undefined where the client declared no tokens. */
    const piecesOf = (): TokenPieces | undefined => {
      const declared = capabilities().textDocument?.semanticTokens;
      return declared && (pieces ??= new TokenPieces(legendFor(declared), encoding()));
    };
    const allOf = async (snapshot: Snapshot, token: CancellationToken): Promise<Sent | undefined> => {
      const tokens = piecesOf();
      if (!tokens) return undefined;
      const kinds = await functionKinds.now(bench, token);
      const row = await inSlices(tokens.all(snapshot, kinds, sent.get(snapshot.uri)?.row));
      const now = { id: String(nextId++), row };
      sent.set(snapshot.uri, now);
      return now;
    };
    const whole = async ({ id, row }: Sent): Promise<SemanticTokens> => ({
      resultId: id,
      data: sendable(await inSlices(numberSteps(row.pieces))),
    });

    semanticTokens.on(
      bench.syntactic(async (snapshot, _, token) => {
        const now = await allOf(snapshot, token);
        return now ? whole(now) : NOTHING;
      }),
    );
    semanticTokens.onDelta(
      bench.syntactic(async (snapshot, { previousResultId }, token) => {
        const before = sent.get(snapshot.uri);
        const now = await allOf(snapshot, token);
        if (!now) return NOTHING;
        return before?.id === previousResultId
          ? {
              resultId: now.id,
              edits: difference(before.row, now.row),
            }
          : whole(now);
      }),
    );
    semanticTokens.onRange(
      bench.syntactic(async (snapshot, { range }, token) => {
        const tokens = piecesOf();
        if (!tokens) return NOTHING;
        const start = snapshot.offsetAt(range.start, encoding());
        const end = snapshot.offsetAt(range.end, encoding());
        const [first, behind] = stretchesIn(snapshot, { start, end });
        const kinds = await functionKinds.now(bench, token);
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

const NOTHING: SemanticTokens = { data: [] };

/** Written as the array that the protocol's types have. */
const sendable = (numbers: Numbers): number[] => numbers as unknown as number[];

/** Macros and generic functions, by name, as far as the index knows them now. */
class FunctionKinds {
  #version = 0;
  #kinds: ReadonlyMap<string, TokenType> = new Map();

  async now(bench: Bench, token: CancellationToken): Promise<ReadonlyMap<string, TokenType>> {
    const answer = await bench.ask('kinds', { version: this.#version }, token).catch(() => undefined);
    if (answer?.names) {
      this.#version = answer.version;
      this.#kinds = new Map(answer.names.map(([name, kind]) => [name, KINDS[kind] ?? 'function']));
    }
    return this.#kinds;
  }
}
