/** Inlay hints: what each source has to say inside a range. A hint is shown after the text, and is no part of it. */
import type { InlayHint } from 'vscode-languageserver/node';
import { oneLine } from '../display.ts';
import type { Drifts } from '../drift/drifts.ts';
import { driftHints } from '../features/drift.ts';
import type { Range, Snapshot } from '../source/types.ts';
import type { Bench, FeatureSet } from './bench.ts';
import type { EvaluatedValues } from './evaluatedValues.ts';

export interface HintPlace {
  readonly snapshot: Snapshot;
  readonly range: Range;
  /** UTF-16 offsets of the range. */
  readonly start: number;
  readonly end: number;
}

/** Offers hints inside a range; never rejects for want of an image or an index. */
export type HintSource = (
  place: HintPlace,
  bench: Bench,
) => readonly InlayHint[] | Promise<readonly InlayHint[]>;

/** Code points of a hint, and of what it tells when it is pointed at. */
const shownLimit = 80;
const toldLimit = 4000;

const values =
  (evaluated: EvaluatedValues): HintSource =>
  ({ snapshot, start, end }, { parts }) =>
    evaluated
      .at(snapshot.uri)
      .filter(({ offset }) => start <= offset && offset <= end)
      .map(({ offset, values: list }) => ({
        position: snapshot.positionAt(offset, parts.encoding()),
        label: list.length > 0 ? `=> ${oneLine(list.join(', '), shownLimit)}` : '=> no values',
        tooltip: oneLine(list.join(', '), toldLimit),
        paddingLeft: true,
      }));

const drift =
  (drifts: Drifts): HintSource =>
  async ({ snapshot, start, end }, { parts }) => {
    await drifts.prepare(snapshot.uri);
    return driftHints(snapshot, drifts.of(snapshot), { start, end }, parts.encoding());
  };

export const hints = (evaluated: EvaluatedValues, drifts: Drifts): FeatureSet => {
  /** In the order in which hints at one place are shown. */
  const sources: readonly HintSource[] = [values(evaluated), drift(drifts)];
  return {
    capabilities: { inlayHintProvider: true },
    listen(bench) {
      const { connection, encoding } = bench.parts;
      connection.languages.inlayHint.on(
        bench.syntactic(async (snapshot, { range }: { textDocument: { uri: string }; range: Range }) => {
          const place: HintPlace = {
            snapshot,
            range,
            start: snapshot.offsetAt(range.start, encoding()),
            end: snapshot.offsetAt(range.end, encoding()),
          };
          const all = await Promise.all(sources.map(async source => source(place, bench)));
          return all.flat();
        }),
      );
    },
  };
};
