/** Lenses with the number of a definition's callers: from the image's records, else from the index of the workspace. Found out when one is resolved. */
import type { CancellationToken, CodeLens, Command } from 'vscode-languageserver/node';
import { plural } from '../display.ts';
import { entriesOf, type Entry } from '../drift/entries.ts';
import type { PlacedName } from '../image/protocol.ts';
import { inSlices } from '../source/slices.ts';
import type { Position, PositionEncoding, Snapshot } from '../source/types.ts';
import type { Bench } from './bench.ts';
import type { LensSource } from './lenses.ts';
import { refreshing } from './refreshing.ts';

/** Milliseconds for which lenses are gathered into one question. */
const gatheredFor = 8;

interface Asked extends PlacedName {
  readonly source: 'callers';
  readonly uri: string;
  readonly position: Position;
}

interface Waiting {
  readonly asked: Asked;
  readonly resolve: (count: number | undefined) => void;
}

/** Asks an image about many definitions at once: an editor resolves its lenses one by one. */
class ImageCounts {
  #waiting: Waiting[] = [];
  readonly #refresh: () => void;

  constructor(private readonly bench: Bench) {
    this.#refresh = refreshing(bench.parts, 'codeLens');
  }

  /** Undefined where no image can tell. */
  count(asked: Asked): Promise<number | undefined> {
    return new Promise(resolve => {
      this.#waiting.push({ asked, resolve });
      if (this.#waiting.length === 1) setTimeout(() => void this.#ask(), gatheredFor);
    });
  }

  async #ask(): Promise<void> {
    const all = this.#waiting;
    this.#waiting = [];
    for (const uri of new Set(all.map(({ asked }) => asked.uri))) {
      const waiting = all.filter(({ asked }) => asked.uri === uri);
      const definitions = waiting.map(({ asked: { definition, package: home } }) => ({
        definition,
        package: home,
      }));
      // The first of these questions may take an image long; the next ones do not.
      const late = this.#refresh;
      const answer = await this.bench.image(uri, 'callers', { definitions }, { late });
      waiting.forEach(({ resolve }, index) => {
        const count = answer?.counts[index] ?? -1;
        resolve(count < 0 ? undefined : count);
      });
    }
  }
}

const counts = new WeakMap<Bench, ImageCounts>();
/** The index answers for one lens after the other, so that other questions get in between. */
let indexed: Promise<unknown> = Promise.resolve();

export const callers: LensSource = {
  name: 'callers',
  async lenses(snapshot, { parts: { encoding } }) {
    return inSlices(lensSteps(snapshot, await entriesOf(snapshot), encoding()));
  },
  async resolve(lens, bench, _context, token) {
    const asked = lens.data as Asked;
    let counter = counts.get(bench);
    if (!counter) counts.set(bench, (counter = new ImageCounts(bench)));
    const count = await counter.count(asked);
    if (token.isCancellationRequested) return lens;
    const title =
      count === undefined
        ? plural(await references(asked, bench, token), 'reference')
        : plural(count, 'caller');
    return { ...lens, command: showing(title, asked, count !== undefined) };
  },
};

function* lensSteps(
  snapshot: Snapshot,
  entries: readonly Entry[],
  encoding: PositionEncoding,
): Generator<void, object[], void> {
  const lenses: { range: CodeLens['range']; data: Asked }[] = [];
  for (const { definition, asked } of entries) {
    if (!called.has(definition.kind)) continue;
    const range = snapshot.rangeOf(definition.nameSpan, encoding);
    const { definition: name, package: home } = asked;
    const { uri } = snapshot;
    lenses.push({
      range,
      data: { source: 'callers', uri, definition: name, package: home, position: range.start },
    });
    yield;
  }
  return lenses;
}

const called: ReadonlySet<string> = new Set(['function', 'macro', 'generic-function']);

/** The command that shows them; a lens without one where nobody can. */
function showing(title: string, { definition, package: home }: Asked, isKnown: boolean): Command {
  if (!isKnown || definition.name.startsWith('(')) return { title, command: '' };
  return {
    title,
    command: 'hotlisp.who_calls',
    arguments: [{ symbol: definition.name, package: home, background: true }],
  };
}

function references({ uri, position }: Asked, bench: Bench, token: CancellationToken): Promise<number> {
  const count = indexed.then(async () => {
    if (token.isCancellationRequested) return 0;
    return (await bench.ask('references', { uri, position, includeDeclaration: false }, token)).length;
  });
  indexed = count.catch(() => undefined);
  return count;
}
