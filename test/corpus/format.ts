/**
 * `npm run corpus:format`: the formatter over Debian's Common Lisp packages. Of every file that reads without a problem: the tree is the same
 * before and after, and formatting twice does what formatting once does. Of every package: how many of the lines whose indentation
 * the formatter decides (neither blank nor inside a string or block comment) stay in the column that their author gave them.
 *
 * What a macro's lambda list tells comes from the package's own files and, where all definitions of that name agree, from the other
 * packages: what an image with the dependencies in it would tell.
 *
 * Beside it stands what SLIME's own indentation does, run in a real Emacs and told the same of macros: how many lines it would leave where they
 * are, each as the lines above it stand (`slime`), and how many of those the formatter would move (`unlike`): where it is not SLIME. A package is
 * called well kept when SLIME itself would leave 95 % of its lines, and it is written by people (not "Auto-generated"); whoever indents
 * otherwise wants another indentation than SLIME's, and that is no matter of care. Files with a form of over 2,000 lines are no question for
 * SLIME: it takes minutes over each. The formatter was tuned while looking at the packages up to `m`; the others show whether it generalises.
 * A run takes minutes (an Emacs on each processor; each package is told when it is done). Figures go to build/corpus-format.json; exit 1 when a target is missed.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createSource, type Snapshot } from '../../server/source/index.ts';
import type { Specs } from '../../server/features/format/rules.ts';
import type { Spec } from '../../server/features/format/spec.ts';
import { judgeFormat, macrosOf } from './formatting.ts';
import { filesOfPackage, packages, type Package } from './packages.ts';
import { decode } from './reader.ts';
import { Slime } from './slime.ts';

const target = 0.95;

interface Row {
  readonly package: string;
  files: number;
  lines: number;
  /** Lines that stay; that SLIME was asked about; that it would leave; that it would leave and the formatter would not. */
  same: number;
  asked: number;
  slime: number;
  unlike: number;
  treeDiffers: number;
  unstable: number;
  wellKept: boolean;
}

/** A list of thousands of lines. */
const isTable = (snapshot: Snapshot): boolean =>
  snapshot.forms.some(({ span }) => snapshot.slice(span.start, span.end).split('\n').length > 2000);

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      package: { type: 'string', multiple: true },
      show: { type: 'string' },
      unlike: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log('npm run corpus:format [-- [--package NAME ...] [--show LINES [--unlike]]]');
    return 0;
  }
  const source = await createSource({
    runtimeWasm: 'node_modules/web-tree-sitter/web-tree-sitter.wasm',
    grammarWasm: 'grammar-wasm/tree-sitter-commonlisp.wasm',
  });
  const log = (line: string) => console.log(line);
  const every = await packages(log);
  const own = new Map<string, Map<string, Spec>>();
  const everywhere = new Map<string, { spec: Spec; text: string } | undefined>();
  for (const { name, files } of every) {
    const macros = new Map<string, Spec>();
    own.set(name, macros);
    for (const file of files) {
      const { text } = await decode(file);
      if (!/\(\s*(?:[\w-]+:)?defmacro/i.test(text)) continue;
      for (const [operator, spec] of macrosOf(source.snapshot(`file://${file}`, 0, text))) {
        macros.set(operator, spec);
        const written = JSON.stringify(spec);
        if (!everywhere.has(operator)) everywhere.set(operator, { spec, text: written });
        else if (everywhere.get(operator)?.text !== written) everywhere.set(operator, undefined);
      }
    }
  }
  const shared = new Map(
    [...everywhere].flatMap(([name, known]) => (known ? [[name, known.spec] as const] : [])),
  );
  const chosen = values.package ? every.filter(({ name }) => values.package!.includes(name)) : every;
  const slimeDirectory = path.dirname((await filesOfPackage('slime', /^slime\.el$/, log))[0]!);
  let show = Number(values.show ?? 0);
  const judge = async ({ name, files }: Package, slime: Slime): Promise<Row> => {
    const row: Row = {
      package: name,
      files: 0,
      lines: 0,
      same: 0,
      asked: 0,
      slime: 0,
      unlike: 0,
      treeDiffers: 0,
      unstable: 0,
      wellKept: false,
    };
    let generated = false;
    const macros: Specs = new Map([...shared, ...own.get(name)!]);
    for (const file of files) {
      const { text } = await decode(file);
      const snapshot = source.snapshot(`file://${file}`, 0, text);
      if (snapshot.problems.length > 0) continue;
      const judged = judgeFormat(
        source,
        snapshot,
        macros,
        isTable(snapshot) ? undefined : await slime.columnsOf(file, macros),
      );
      row.files++;
      generated ||= /Auto-generated\. Do not edit/.test(text);
      row.lines += judged.lines;
      row.same += judged.same;
      row.treeDiffers += judged.treeDiffers;
      row.unstable += judged.unstable;
      row.asked += judged.asked;
      row.slime += judged.slime;
      row.unlike += judged.unlike.length;
      for (const { line, from, to, text: moved } of values.unlike ? judged.unlike : judged.moved) {
        if (show-- <= 0) break;
        console.log(`${name}/${path.basename(file)}:${line + 1}: ${from} -> ${to} ${moved}`);
      }
    }
    row.wellKept = !generated && row.asked > 0 && row.slime >= target * row.asked;
    return row;
  };
  const found = new Map<string, Row>();
  const left = [...chosen];
  const began = performance.now();
  // an Emacs for each processor: most of the time is theirs
  const work = async () => {
    await using slime = new Slime(slimeDirectory);
    for (let each = left.shift(); each; each = left.shift()) {
      found.set(each.name, await judge(each, slime));
      const seconds = Math.round((performance.now() - began) / 1000);
      console.error(`${seconds} s: ${found.size} of ${chosen.length} packages, ${each.name}`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), chosen.length) }, work));
  const rows = chosen.flatMap(({ name }) => found.get(name) ?? []).filter(({ files }) => files > 0);
  const percent = (part: number, whole: number) =>
    whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`;
  console.log(
    'package                              files    lines     stay    slime unlike  tree  twice  well kept',
  );
  for (const row of rows)
    console.log(
      [
        row.package.padEnd(36),
        String(row.files).padStart(5),
        String(row.lines).padStart(8),
        percent(row.same, row.lines).padStart(8),
        percent(row.slime, row.asked).padStart(8),
        String(row.unlike).padStart(6),
        String(row.treeDiffers).padStart(5),
        String(row.unstable).padStart(6),
        row.wellKept ? ' yes' : ' no',
      ].join(' '),
    );
  const sum = (of: typeof rows) =>
    of.reduce(
      (all, row) => ({
        lines: all.lines + row.lines,
        same: all.same + row.same,
        asked: all.asked + row.asked,
        slime: all.slime + row.slime,
        unlike: all.unlike + row.unlike,
        reached: all.reached + (row.same >= target * row.lines ? 1 : 0),
      }),
      { lines: 0, same: 0, asked: 0, slime: 0, unlike: 0, reached: 0 },
    );
  const wellKept = rows.filter(row => row.wellKept);
  const sets: [string, typeof rows][] = [
    ['all packages', rows],
    ['well kept', wellKept],
    ['well kept, a to m', wellKept.filter(row => /^cl-[a-m0-9]/i.test(row.package))],
    ['well kept, n to z', wellKept.filter(row => !/^cl-[a-m0-9]/i.test(row.package))],
  ];
  for (const [title, of] of sets) {
    const { lines, same, asked, slime: left, unlike, reached } = sum(of);
    console.log(
      `${title.padEnd(20)} ${of.length} packages, ${lines} lines, ${percent(same, lines)} stay; ${reached} packages reach 95 %; SLIME leaves ${percent(left, asked)}, and we would move ${percent(unlike, left)} of those`,
    );
  }
  const kept = sum(wellKept);
  const targets = {
    'the tree is the same before and after': rows.every(row => row.treeDiffers === 0),
    'formatting twice is formatting once': rows.every(row => row.unstable === 0),
    '95 % of the lines of well-kept packages stay': kept.same >= target * kept.lines,
  };
  for (const [title, met] of Object.entries(targets)) console.log(`${met ? 'met   ' : 'MISSED'}  ${title}`);
  await mkdir('build', { recursive: true });
  await writeFile('build/corpus-format.json', JSON.stringify({ targets, rows }, null, 1));
  return Object.values(targets).every(Boolean) ? 0 : 1;
}

main().then(
  code => (process.exitCode = code),
  (error: unknown) => {
    console.error(`corpus:format: ${(error as Error).message}`);
    process.exitCode = 2;
  },
);
