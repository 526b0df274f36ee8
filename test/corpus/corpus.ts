/**
 * `npm run corpus`: the forms that Hotlisp finds in Debian's Common Lisp packages beside those that SBCL's reader finds.
 * `npm run corpus -- --mutate N --seed S`: what remains right when one delimiter is deleted or inserted.
 * `npm run corpus -- --type N --seed S`: what remains right while a form is typed, key by key.
 * Figures go to build/corpus.json (build/mutations.json); exit 1 when a target is missed.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createSource, type Source } from '../../server/source/index.ts';
import { compare, syntaxOf, type Compared, type Syntax } from './compare.ts';
import { mutationReport } from './mutations.ts';
import { packages, type Package } from './packages.ts';
import { judge, type Judged } from './reader.ts';
import { typingReport } from './typing.ts';

const HELP = `npm run corpus [-- [--package NAME ...] [--mutate N [--replay INDEX] | --type N] [--seed S]]`;

/** Packages are looked at while the reader is made; those behind `m` only show whether it generalises. */
const setOf = (name: string): 'tuning' | 'check' => (/^cl-[a-m0-9]/i.test(name) ? 'tuning' : 'check');

interface Tally {
  files: number;
  forms: number;
  exact: number;
  extra: number;
  errors: number;
  treeDiffers: number;
}
const nothing = (): Tally => ({ files: 0, forms: 0, exact: 0, extra: 0, errors: 0, treeDiffers: 0 });
const add = (tally: Tally, file: Compared): void => {
  tally.files++;
  tally.forms += file.forms;
  tally.exact += file.exact;
  tally.extra += file.extra;
  tally.errors += file.errors;
  tally.treeDiffers += file.treeDiffers;
};
const percent = (part: number, whole: number): string =>
  whole === 0 ? '-' : `${((100 * part) / whole).toFixed(3)} %`;

async function* judgedFiles(all: readonly Package[]): AsyncGenerator<Judged & { package: string }> {
  const owner = new Map(all.flatMap(({ name, files }) => files.map(file => [file, name] as const)));
  let done = 0;
  const progress = setInterval(() => console.log(`  ${done} of ${owner.size} files`), 10_000);
  try {
    for await (const judged of judge([...owner.keys()])) {
      done++;
      yield { ...judged, package: owner.get(judged.file)! };
    }
  } finally {
    clearInterval(progress);
  }
}

async function compareAll(source: Source, all: readonly Package[]): Promise<boolean> {
  const files: (Compared & { package: string })[] = [];
  for await (const judged of judgedFiles(all))
    files.push({ ...compare(source, judged), package: judged.package });
  const tallies = new Map<string, Tally>();
  const perPackage = new Map<string, Tally>();
  const total = nothing();
  const into = <K>(map: Map<K, Tally>, key: K, file: Compared): void => {
    if (!map.has(key)) map.set(key, nothing());
    add(map.get(key)!, file);
  };
  for (const file of files) {
    into(tallies, `${setOf(file.package)} ${file.syntax}`, file);
    into(tallies, `both ${file.syntax}`, file);
    into(perPackage, file.package, file);
    add(total, file);
  }
  for (const file of files)
    if (
      file.exact < file.forms ||
      file.extra > 0 ||
      (file.syntax === 'standard' && file.errors + file.treeDiffers > 0)
    )
      console.log(
        `${file.syntax.padEnd(8)} ${path.relative(process.cwd(), file.file)}\n         ${file.exact} of ${file.forms} forms exact, ${file.extra} more, ${file.errors} ERROR nodes, tree differs ${file.treeDiffers}${file.why ? ` (${file.why})` : ''}\n         ${file.first ?? ''}`,
      );
  console.log('\nset     syntax    files   forms    exact        extra  ERROR  tree differs');
  for (const set of ['tuning', 'check', 'both'])
    for (const syntax of ['standard', 'switched', 'foreign'] satisfies Syntax[]) {
      const t = tallies.get(`${set} ${syntax}`) ?? nothing();
      console.log(
        [
          set.padEnd(7),
          syntax.padEnd(9),
          String(t.files).padEnd(7),
          String(t.forms).padEnd(8),
          percent(t.exact, t.forms).padEnd(12),
          String(t.extra).padEnd(6),
          String(t.errors).padEnd(6),
          t.treeDiffers,
        ].join(' '),
      );
    }
  console.log(
    `\nall files: ${total.exact} of ${total.forms} forms exact (${percent(total.exact, total.forms)})`,
  );
  const standard = tallies.get('both standard') ?? nothing();
  const targets = {
    'every form exact in standard syntax': standard.exact === standard.forms && standard.extra === 0,
    'no ERROR node in standard syntax': standard.errors === 0,
    'the tree has the same forms in standard syntax': standard.treeDiffers === 0,
    '99.9 % of the forms exact in all files': total.exact >= 0.999 * total.forms,
  };
  for (const [target, met] of Object.entries(targets)) console.log(`${met ? 'met   ' : 'MISSED'}  ${target}`);
  await mkdir('build', { recursive: true });
  await writeFile(
    'build/corpus.json',
    JSON.stringify(
      { targets, total, sets: Object.fromEntries(tallies), packages: Object.fromEntries(perPackage), files },
      null,
      1,
    ),
  );
  return Object.values(targets).every(Boolean);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      package: { type: 'string', multiple: true },
      mutate: { type: 'string' },
      type: { type: 'string' },
      seed: { type: 'string' },
      replay: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const number = (name: 'mutate' | 'type' | 'seed' | 'replay'): number | undefined => {
    const value = values[name];
    if (value === undefined) return undefined;
    if (!/^\d+$/.test(value)) throw new Error(`--${name} ${value}: a number is wanted`);
    return Number(value);
  };
  const mutations = number('mutate');
  const typed = number('type');
  const source = await createSource({
    runtimeWasm: 'node_modules/web-tree-sitter/web-tree-sitter.wasm',
    grammarWasm: 'grammar-wasm/tree-sitter-commonlisp.wasm',
  });
  const every = await packages(line => console.log(line));
  const chosen = values.package ? every.filter(({ name }) => values.package!.includes(name)) : every;
  if (chosen.length === 0)
    throw new Error(`no package of the corpus is called ${values.package?.join(', ')}`);
  console.log(`${chosen.length} packages, ${chosen.reduce((sum, { files }) => sum + files.length, 0)} files`);
  if (mutations === undefined && typed === undefined) return (await compareAll(source, chosen)) ? 0 : 1;
  const good: Judged[] = [];
  for await (const judged of judgedFiles(chosen))
    if (syntaxOf(judged).syntax === 'standard' && judged.forms.length > 1) good.push(judged);
  const seed = number('seed') ?? Math.floor(Math.random() * 2 ** 31);
  if (mutations === undefined) return typingReport(source, good, { count: typed!, seed }) ? 0 : 1;
  return (await mutationReport(source, good, { count: mutations, seed, replay: number('replay') })) ? 0 : 1;
}

main().then(
  code => (process.exitCode = code),
  (error: unknown) => {
    console.error(`corpus: ${(error as Error).message}`);
    process.exitCode = 2;
  },
);
