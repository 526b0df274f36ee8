/** `npm run load`: latencies under load, and many operations, servers, threads and much output, all of it checked in the image. Exit 1 when something is not as it must be. */
import { optionsOf } from '../support/options.ts';
import { record, table } from '../support/reliability.ts';
import { most, ms, percentile, spread } from './figures.ts';
import { measureLatencies } from './latency.ts';
import { manyThreads, muchOutput, operationsInARow, serversOnOneImage } from './several.ts';
import { longHolds } from './soak.ts';

const help = `npm run load [-- OPTION ...]
  --seconds N   of each of the three phases of the latencies (default 30)
  --files N     open files (default 200)
  --record      write the figures into docs/reliability.md
  --help        print this
`;

const values = optionsOf(help, { seconds: 30, files: 200, record: false });

async function main(): Promise<void> {
  const bounds = {
    files: values.files,
    seconds: values.seconds,
    editsPerSecond: 50,
    inFlight: 20,
  };
  const phases = await measureLatencies(bounds);
  const rows = [...phases[0]!.times.keys()].map(kind => [
    kind,
    ...phases.map(({ times }) => spread(times.get(kind)!).join(' / ')),
  ]);
  const latencies = table(['p50 / p95 / p99 / most, in ms', ...phases.map(({ name }) => name)], rows);
  const holds = phases
    .map(each => `${each.name} ${longHolds(each.holds)} times, ${ms(most(each.holds))} ms at most`)
    .join('; ');
  const operations = await operationsInARow(1000);
  const changes = await serversOnOneImage(8, 12);
  const threads = await manyThreads(1000);
  const output = await muchOutput(10_000_000);
  const text = `${bounds.files} open files; one request at a time and no edits (idle), then ${bounds.editsPerSecond} edits a second and ${bounds.inFlight} requests in flight, then two threads of the image
that compute and allocate without an end besides; ${bounds.seconds} s each. The client takes its part of the same processors. Every answer was looked at, and at the end every buffer and every function of the image was what was typed and reloaded.

${latencies}

The server's event loop was held for more than a frame of 16 ms: ${holds}.

- ${operations.length} reloads, rollbacks and redos in a row, the image asked after each: all as they must be, ${ms(percentile(operations, 0.5))} ms in the middle.
- 8 servers on one image: ${changes} changes at the same time, a shared function among them: each applied once and journalled once.
- 1,000 threads in the image, ${threads.inside} of them inside a replaced function: the reload that found them took ${ms(threads.reload)} ms, the list of threads ${ms(threads.list)} ms.
- Output of 10 million characters from one evaluation: ${output.shown} of them in the answer, ${output.kept} bytes in the document that it names, after ${ms(output.milliseconds)} ms.`;
  console.log(text);
  if (values.record) record('load', text);
}

await main();
