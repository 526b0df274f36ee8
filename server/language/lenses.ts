/** Code lenses: what each source has to show, one after the other. What costs anything is found out when a lens is resolved. */
import type { CancellationToken, CodeLens } from 'vscode-languageserver/node';
import { driftLenses } from '../features/drift.ts';
import { testLenses } from '../features/testLens.ts';
import type { TextDefinition } from '../image/protocol.ts';
import { bareName } from '../operations/names.ts';
import { inSlices } from '../source/slices.ts';
import type { Snapshot } from '../source/types.ts';
import type { ActionContext } from './actions.ts';
import { never, type Bench, type FeatureSet } from './bench.ts';
import { callers } from './callerLenses.ts';
import { threads } from './threadLenses.ts';

/** Shows lenses of a buffer; those without a command carry `data` with the name of their source. */
export interface LensSource {
  readonly name: string;
  lenses(
    snapshot: Snapshot,
    bench: Bench,
    context: ActionContext,
  ): readonly object[] | Promise<readonly object[]>;
  /** The lens with its command; as it was where there is nothing to show any more. */
  resolve?(lens: CodeLens, bench: Bench, context: ActionContext, token: CancellationToken): Promise<CodeLens>;
}

const drift: LensSource = {
  name: 'drift',
  lenses: (snapshot, { parts: { documents, encoding } }, { drifts }) =>
    driftLenses(snapshot, drifts.of(snapshot), documents.fileOf(snapshot.uri), encoding()),
};

const tests: LensSource = {
  name: 'tests',
  lenses: (snapshot, { parts: { encoding } }) => inSlices(testLenses(snapshot, encoding())),
};

/**
 * In the order in which lenses of one line are shown. The one that is always there comes first: what VS Code is told late of the
 * lenses of a text before, it gives to those that have their places now, so that an unchanged definition could be shown as changed.
 * Editors without lenses need a code action for each (test/image/lensTwins.test.ts).
 */
export const sources: readonly LensSource[] = [callers, drift, tests, threads];

const sourceOf = ({ data }: CodeLens): LensSource | undefined =>
  sources.find(({ name }) => (data as { source?: unknown } | undefined)?.source === name);

export const lenses = (context: ActionContext): FeatureSet => ({
  capabilities: { codeLensProvider: { resolveProvider: true } },
  listen(bench) {
    const { connection, answer } = bench.parts;
    connection.onCodeLens(
      bench.syntactic(async snapshot => {
        await context.drifts.prepare(snapshot.uri);
        const shown = await Promise.all(sources.map(async source => source.lenses(snapshot, bench, context)));
        return shown.flat() as CodeLens[];
      }),
    );
    connection.onCodeLensResolve((lens, token) =>
      answer(async () => (await sourceOf(lens)?.resolve?.(lens, bench, context, token)) ?? lens),
    );
  },
});

/** The files of the workspace that define what is called so, as the index has them; none where it does not answer. */
export async function definedIn(
  bench: Bench,
  { definition, package: home }: Pick<TextDefinition, 'definition' | 'package'>,
): Promise<readonly string[]> {
  const isPackage = definition.kind === 'package';
  const bare = (name: string) => (isPackage ? name.replace(/^#?:|^"|"$/g, '').toUpperCase() : bareName(name));
  const wanted = bare(definition.name);
  const query = definition.name.replace(/^.*:|[()|]/g, '').replace(/^setf\s+/i, '');
  try {
    const hits = await bench.ask('symbols', { query, limit: 200 }, never);
    return hits
      .filter(({ definition: { kind, name, package: own } }) =>
        isPackage
          ? kind === 'package' && bare(name) === wanted
          : bare(name) === wanted && (own ?? '').toUpperCase() === home.toUpperCase(),
      )
      .map(({ uri }) => uri);
  } catch {
    return [];
  }
}
