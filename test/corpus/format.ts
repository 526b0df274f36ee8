/**
 * `npm run corpus:format`: the formatter over Debian's Common Lisp packages. Of every file that reads without a problem: the tree is the same
 * before and after, and formatting twice does what formatting once does. Of every package: how many of the lines whose indentation
 * the formatter decides (neither blank nor inside a string or block comment) stay in the column that their author gave them.
 *
 * What a macro's lambda list tells comes from the package's own files and, where all definitions of that name agree, from the other
 * packages: what an image with the dependencies in it would tell. A package is called well kept when no line of its code is indented with a
 * tab (such files depend on the width of a tab) and it is written by people (not "Auto-generated"). The formatter was tuned while looking at the
 * packages up to `m`; the others show whether it generalises. Figures go to build/corpus-format.json; exit 1 when a target is missed.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createSource } from '../../server/source/index.ts';
import type { Specs } from '../../server/features/format/rules.ts';
import type { Spec } from '../../server/features/format/spec.ts';
import { judgeFormat, macrosOf, type FormatJudgement } from './formatting.ts';
import { packages } from './packages.ts';
import { decode } from './reader.ts';

const target = 0.95;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      package: { type: 'string', multiple: true },
      show: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log('npm run corpus:format [-- [--package NAME ...] [--show LINES]]');
    return 0;
  }
  const source = await createSource({
    runtimeWasm: 'node_modules/web-tree-sitter/web-tree-sitter.wasm',
    grammarWasm: 'grammar-wasm/tree-sitter-commonlisp.wasm',
  });
  const every = await packages(line => console.log(line));
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
  const rows: (Omit<FormatJudgement, 'moved'> & { package: string; wellKept: boolean; files: number })[] = [];
  let show = Number(values.show ?? 0);
  for (const { name, files } of chosen) {
    const row = { package: name, files: 0, lines: 0, same: 0, treeDiffers: 0, unstable: 0, wellKept: true };
    const macros: Specs = new Map([...shared, ...own.get(name)!]);
    for (const file of files) {
      const { text } = await decode(file);
      const snapshot = source.snapshot(`file://${file}`, 0, text);
      if (snapshot.problems.length > 0) continue;
      const judged = judgeFormat(source, snapshot, macros);
      row.files++;
      if (/Auto-generated\. Do not edit/.test(text) || judged.tabs) row.wellKept = false;
      row.lines += judged.lines;
      row.same += judged.same;
      row.treeDiffers += judged.treeDiffers;
      row.unstable += judged.unstable;
      for (const { line, from, to, text: moved } of judged.moved) {
        if (show-- <= 0) break;
        console.log(`${path.basename(file)}:${line + 1}: ${from} -> ${to} ${moved}`);
      }
    }
    if (row.files > 0) rows.push({ ...row, tabs: false });
  }
  const percent = (part: number, whole: number) =>
    whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`;
  console.log('package                              files    lines     stay  tree  twice  well kept');
  for (const row of rows)
    console.log(
      `${row.package.padEnd(36)} ${String(row.files).padStart(5)} ${String(row.lines).padStart(8)} ${percent(row.same, row.lines).padStart(8)} ${String(row.treeDiffers).padStart(5)} ${String(row.unstable).padStart(6)}  ${row.wellKept ? 'yes' : 'no'}`,
    );
  const sum = (of: typeof rows) =>
    of.reduce(
      (all, row) => ({
        lines: all.lines + row.lines,
        same: all.same + row.same,
        reached: all.reached + (row.same >= target * row.lines ? 1 : 0),
      }),
      { lines: 0, same: 0, reached: 0 },
    );
  const wellKept = rows.filter(row => row.wellKept);
  const sets: [string, typeof rows][] = [
    ['all packages', rows],
    ['well kept', wellKept],
    ['well kept, a to m', wellKept.filter(row => /^cl-[a-m0-9]/i.test(row.package))],
    ['well kept, n to z', wellKept.filter(row => !/^cl-[a-m0-9]/i.test(row.package))],
  ];
  for (const [title, of] of sets) {
    const { lines, same, reached } = sum(of);
    console.log(
      `${title.padEnd(20)} ${of.length} packages, ${lines} lines, ${percent(same, lines)} stay; ${reached} packages reach 95 %`,
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
