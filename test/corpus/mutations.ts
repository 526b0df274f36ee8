/** One delimiter deleted or inserted: are the other forms still exact, and does a diagnostic inside the form say what is missing? */
import { mkdir, writeFile } from 'node:fs/promises';
import { readStretch } from '../../server/source/blocks.ts';
import type { Snapshot, Source } from '../../server/source/index.ts';

/** A file whose forms are known. */
export interface Original {
  readonly file: string;
  readonly text: string;
  /** [start, end) of each top-level form, in UTF-16 code units. */
  readonly forms: readonly (readonly [number, number])[];
}

const KINDS = [
  'delete (',
  'delete )',
  'delete "',
  'delete |',
  'insert (',
  'insert )',
  'insert "',
  'insert |',
] as const;
export type Kind = (typeof KINDS)[number];

/** By delimiter: the codes of the problems that name it. A prefix before a bracket that is gone wants an object. */
const NAMED: Readonly<Record<string, RegExp>> = {
  '(': /^unmatched|^missing-object$/,
  ')': /^unmatched|^missing-object$/,
  '"': /^unterminated-string$/,
  // without one of its bars a block comment is no comment
  '|': /^unterminated-(?:symbol|comment)$|^unmatched|^illegal-dispatch$/,
};

export interface Mutation {
  readonly file: string;
  readonly kind: Kind;
  /** Offset of the character deleted, or where one is inserted. */
  readonly at: number;
  /** The form that is mutated: its place among the forms of the file. */
  readonly form: number;
}

export interface Outcome {
  /** Every other form of the file has its exact boundaries. */
  readonly others: boolean;
  /** Some diagnostic lies inside the mutated form and names what the mutation put out of balance. */
  readonly told: boolean;
  /** As the text stands, SBCL would read it to its end without an error: there is nothing to tell. */
  readonly valid: boolean;
  /** The fix that is offered, if any, makes the text read. */
  readonly fix: 'none' | 'mends' | 'restores' | 'wrong';
}

/** mulberry32: the same numbers for the same seed, everywhere. */
export function random(seed: number): (below: number) => number {
  let a = seed >>> 0;
  return below => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** The n-th mutation of a run; undefined where the file drawn has nothing of the kind. */
export function mutationOf(
  originals: readonly Original[],
  next: (below: number) => number,
  kind: Kind,
): Mutation | undefined {
  const { file, text, forms } = originals[next(originals.length)]!;
  const form = next(forms.length);
  const [start, end] = forms[form]!;
  const [what, mark] = [kind.slice(0, 6), kind[7]!];
  if (what === 'insert')
    return end - start < 2 ? undefined : { file, kind, form, at: start + 1 + next(end - start - 1) };
  const places: number[] = [];
  for (let at = text.indexOf(mark, start); at >= 0 && at < end; at = text.indexOf(mark, at + 1))
    places.push(at);
  return places.length === 0 ? undefined : { file, kind, form, at: places[next(places.length)]! };
}

export function mutated(text: string, { kind, at }: Mutation): string {
  return kind.startsWith('insert')
    ? text.slice(0, at) + kind[7]! + text.slice(at)
    : text.slice(0, at) + text.slice(at + 1);
}

export type Way = 'fresh' | 'edited';

/** Reads the mutated text anew, or as an edit of the open original. */
export function readMutated(source: Source, { text }: Original, mutation: Mutation, way: Way): Snapshot {
  if (way === 'fresh') return source.snapshot('mutated:', 1, mutated(text, mutation));
  const document = source.open('mutated:', 1, text);
  void document.snapshot.forms;
  const { at, kind } = mutation;
  const insert = kind.startsWith('insert');
  return document.apply(
    [{ range: { start: at, end: insert ? at : at + 1 }, text: insert ? kind[7]! : '' }],
    2,
  );
}

/** The reader's own view, without any evidence. */
const isValid = (text: string): boolean => readStretch(text, 0, text.length).faults.length === 0;

export function outcomeOf(source: Source, original: Original, mutation: Mutation, way: Way): Outcome {
  const snapshot = readMutated(source, original, mutation, way);
  const delta = mutation.kind.startsWith('insert') ? 1 : -1;
  const ours = new Map(snapshot.forms.map(({ span }) => [span.start, span.end]));
  const others = original.forms.every(([start, end], i) => {
    if (i === mutation.form) return true;
    const by = i > mutation.form ? delta : 0;
    return ours.get(start + by) === end + by;
  });
  const [start, end] = original.forms[mutation.form]!;
  const told = snapshot.problems.some(
    ({ span, code }) =>
      span.start >= start && span.end <= end + delta && NAMED[mutation.kind[7]!]!.test(code),
  );
  const valid = isValid(mutated(original.text, mutation));
  const fixes = snapshot.problems.flatMap(problem => problem.fix ?? []);
  let fix: Outcome['fix'] = 'none';
  for (const { span, text } of fixes.slice(0, 1)) {
    const after = snapshot.text.slice(0, span.start) + text + snapshot.text.slice(span.end);
    fix =
      after === original.text
        ? 'restores'
        : source.snapshot('fixed:', 1, after).problems.length < snapshot.problems.length
          ? 'mends'
          : 'wrong';
  }
  return { others, told, valid, fix };
}

interface Tally {
  cases: number;
  others: number;
  /** Cases whose text SBCL reads to its end without an error, all the same. */
  valid: number;
  /** Among those that it does not read: the others are exact, a diagnostic lies inside the form. */
  othersOfBroken: number;
  told: number;
  fixes: number;
  restores: number;
  wrong: number;
}

export interface Report {
  readonly tallies: ReadonlyMap<string, Tally>;
  readonly failures: readonly (Mutation & { way: Way; index: number; outcome: Outcome })[];
}

/** @param count how many mutations of each kind are tried, each in both ways; only the one with the index `replay`, if that is given */
export function mutate(
  source: Source,
  originals: readonly Original[],
  { count, seed, replay }: { count: number; seed: number; replay?: number | undefined },
): Report {
  const next = random(seed);
  const byFile = new Map(originals.map(original => [original.file, original]));
  const tallies = new Map<string, Tally>();
  const failures: (Mutation & { way: Way; index: number; outcome: Outcome })[] = [];
  for (let index = 0; index < count; index++)
    for (const kind of KINDS) {
      let mutation: Mutation | undefined;
      // deleting a | needs a file that has one: some luck
      for (let tries = 0; !mutation && tries < 2000; tries++) mutation = mutationOf(originals, next, kind);
      if (!mutation || (replay !== undefined && replay !== index)) continue;
      const original = byFile.get(mutation.file)!;
      for (const way of ['fresh', 'edited'] as const) {
        const outcome = outcomeOf(source, original, mutation, way);
        const key = `${kind} ${way}`;
        if (!tallies.has(key))
          tallies.set(key, {
            cases: 0,
            others: 0,
            valid: 0,
            othersOfBroken: 0,
            told: 0,
            fixes: 0,
            restores: 0,
            wrong: 0,
          });
        const tally = tallies.get(key)!;
        tally.cases++;
        if (outcome.others) tally.others++;
        if (outcome.valid) tally.valid++;
        if (!outcome.valid && outcome.others) tally.othersOfBroken++;
        if (!outcome.valid && outcome.told) tally.told++;
        if (outcome.fix !== 'none') tally.fixes++;
        if (outcome.fix === 'restores') tally.restores++;
        if (outcome.fix === 'wrong') tally.wrong++;
        if (
          outcome.fix === 'wrong' ||
          (!outcome.valid && !(outcome.others && outcome.told)) ||
          (way === 'edited' && !outcome.others)
        )
          failures.push({ ...mutation, way, index, outcome });
      }
    }
  return { tallies, failures };
}

const share = (part: number, whole: number): string =>
  whole === 0 ? '-' : `${((100 * part) / whole).toFixed(2)} %`;

export async function mutationReport(
  source: Source,
  originals: readonly Original[],
  options: { count: number; seed: number; replay: number | undefined },
): Promise<boolean> {
  console.log(`${options.count} mutations of each kind over ${originals.length} files, seed ${options.seed}`);
  const { tallies, failures } = mutate(source, originals, options);
  if (options.replay !== undefined)
    for (const failure of failures) {
      const original = originals.find(({ file }) => file === failure.file)!;
      const snapshot = readMutated(source, original, failure, failure.way);
      const line = snapshot.positionAt(failure.at, 'utf-16').line + 1;
      console.log(
        `${failure.kind} ${failure.way} ${failure.file}:${line} ${JSON.stringify(failure.outcome)}`,
      );
      for (const { message, span } of snapshot.problems) console.log(`  ${span.start}: ${message}`);
    }
  console.log(
    '\nmutation           cases   others exact   still valid   broken: others exact   told inside   fixes   restores   wrong',
  );
  const targets: Record<string, boolean> = {};
  for (const [key, t] of [...tallies].sort(([a], [b]) => a.localeCompare(b))) {
    const broken = t.cases - t.valid;
    console.log(
      [
        key.padEnd(18),
        String(t.cases).padEnd(7),
        share(t.others, t.cases).padEnd(14),
        share(t.valid, t.cases).padEnd(13),
        share(t.othersOfBroken, broken).padEnd(22),
        share(t.told, broken).padEnd(13),
        share(t.fixes, broken).padEnd(7),
        share(t.restores, t.fixes).padEnd(10),
        t.wrong,
      ].join(' '),
    );
  }
  // over all kinds, and in all texts, also those that SBCL would read; what is told counts where there is something to tell
  for (const way of ['edited', 'fresh'] satisfies Way[]) {
    const of = [...tallies].filter(([key]) => key.endsWith(way)).map(([, tally]) => tally);
    const sum = (count: (tally: Tally) => number): number => of.reduce((all, tally) => all + count(tally), 0);
    const exact = sum(t => t.others) / sum(t => t.cases);
    const told = sum(t => t.told) / sum(t => t.cases - t.valid);
    console.log(`${way}: others exact ${share(exact, 1)}, told inside by name ${share(told, 1)}`);
    targets[`${way}: others exact in 99.5 % of the cases`] = exact >= 0.995;
    targets[`${way}: told inside the form by name in 95 %`] = told >= 0.95;
  }
  const missed = Object.entries(targets).filter(([, met]) => !met);
  for (const [target, met] of Object.entries(targets)) console.log(`${met ? 'met   ' : 'MISSED'}  ${target}`);
  await mkdir('build', { recursive: true });
  await writeFile(
    'build/mutations.json',
    JSON.stringify(
      { seed: options.seed, count: options.count, targets, tallies: Object.fromEntries(tallies), failures },
      null,
      1,
    ),
  );
  console.log(`failures with their index for --replay: build/mutations.json (--seed ${options.seed})`);
  return missed.length === 0;
}
