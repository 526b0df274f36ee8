/** `npm run fuzz`: random inputs at every door. Prints seeds; a failing input is made again by its seed and number. Exit 1 when one fails. */
import { optionsOf } from '../support/options.ts';
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

const values = optionsOf(help, {
  only: '',
  seed: Date.now() % 1_000_000_007,
  index: '',
  minutes: 2,
  inputs: '',
  record: false,
});

async function main(): Promise<number> {
  const { seed } = values;
  console.log(`seed ${seed}`);
  const failures: Failure[] = [];
  const figures: (string | number)[][] = [];
  for (const fuzzer of fuzzers.filter(({ name }) => name.includes(values.only))) {
    const started = performance.now();
    const index = values.index === '' ? undefined : Number(values.index);
    const bounds =
      index !== undefined
        ? { from: index, to: index + 1 }
        : values.inputs !== ''
          ? { to: Number(values.inputs) }
          : { until: Date.now() + values.minutes * 60_000 };
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

process.exitCode = await main();
