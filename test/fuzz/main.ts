/** `npm run fuzz`: random inputs at every door. Prints seeds; a failing input is made again by its seed and number. Exit 1 when one fails. */
import { parseArgs } from 'node:util';
import { fuzz, type Failure } from './fuzzer.ts';
import { record, table } from '../support/reliability.ts';
import { fuzzers } from './fuzzers.ts';

const help = `npm run fuzz [-- OPTION ...]
  --only NAME     only the fuzzers whose name contains NAME: ${fuzzers.map(({ name }) => name).join(', ')}
  --seed N        a number; by default another one each time
  --index N       only that input of the seed
  --minutes N     how long each fuzzer runs (default 2)
  --inputs N      how many inputs each fuzzer tries, instead of a time
  --record        write the figures into docs/reliability.md
  --help          print this
A failing input belongs into test/fuzz/seeds.json: "npm test" tries those each time.
`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_007) },
    index: { type: 'string' },
    minutes: { type: 'string', default: '2' },
    inputs: { type: 'string' },
    record: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<number> {
  const seed = Number(values.seed);
  console.log(`seed ${seed}`);
  const failures: Failure[] = [];
  const figures: (string | number)[][] = [];
  for (const fuzzer of fuzzers.filter(({ name }) => name.includes(values.only))) {
    const started = performance.now();
    const index = values.index === undefined ? undefined : Number(values.index);
    const bounds =
      index !== undefined
        ? { from: index, to: index + 1 }
        : values.inputs !== undefined
          ? { to: Number(values.inputs) }
          : { until: Date.now() + Number(values.minutes) * 60_000 };
    const tally = await fuzz(fuzzer, seed, bounds);
    failures.push(...tally.failures);
    figures.push([`${fuzzer.name}: ${fuzzer.about}`, tally.inputs, tally.failures.length]);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`${fuzzer.name}: ${tally.inputs} inputs in ${seconds} s, ${tally.failures.length} failed`);
    for (const failure of tally.failures)
      console.log(
        `  FAILED  --only ${failure.fuzzer} --seed ${failure.seed}${failure.index === undefined ? '' : ` --index ${failure.index}`}: ${index === undefined ? failure.problem.slice(0, 300) : failure.problem}`,
      );
  }
  if (values.record) record('fuzz', `Seed ${seed}.\n\n${table(['door', 'inputs', 'failed'], figures)}`);
  return failures.length > 0 ? 1 : 0;
}

if (values.help) process.stdout.write(help);
else process.exitCode = await main();
