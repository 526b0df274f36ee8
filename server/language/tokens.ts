/** Semantic tokens: full, of a range, and what changed. */
import type { CancellationToken } from 'vscode-languageserver/node';
import { tokenModifiers, tokenTypes, type TokenType } from '../features/formTokens.ts';
import { difference, legendFor, tokenSteps } from '../features/semanticTokens.ts';
import type { Snapshot, Span } from '../source/types.ts';
import { inSlices } from '../source/slices.ts';
import type { Bench, FeatureSet } from './bench.ts';

interface Sent {
  readonly id: string;
  readonly data: readonly number[];
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
    documents.onChange(uri => {
      if (!documents.get(uri)) sent.delete(uri);
    });

    const tokensOf = async (snapshot: Snapshot, token: CancellationToken, range?: Span) => {
      const declared = capabilities().textDocument?.semanticTokens;
      if (!declared) return [];
      const kinds = await functionKinds.now(bench, token);
      return inSlices(tokenSteps(snapshot, encoding(), legendFor(declared), name => kinds.get(name), range));
    };
    const remember = (uri: string, data: readonly number[]): string => {
      const id = String(nextId++);
      sent.set(uri, { id, data });
      return id;
    };

    semanticTokens.on(
      bench.syntactic(async (snapshot, _, token) => {
        const data = await tokensOf(snapshot, token);
        return { resultId: remember(snapshot.uri, data), data };
      }),
    );
    semanticTokens.onDelta(
      bench.syntactic(async (snapshot, { previousResultId }, token) => {
        const data = await tokensOf(snapshot, token);
        const before = sent.get(snapshot.uri);
        const resultId = remember(snapshot.uri, data);
        return before?.id === previousResultId
          ? { resultId, edits: difference(before.data, data) }
          : { resultId, data };
      }),
    );
    semanticTokens.onRange(
      bench.syntactic(async (snapshot, { range }, token) => {
        const start = snapshot.offsetAt(range.start, encoding());
        const end = snapshot.offsetAt(range.end, encoding());
        return { data: await tokensOf(snapshot, token, { start, end }) };
      }),
    );
  },
};

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
