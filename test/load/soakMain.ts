/** `npm run soak`: whether server and image keep their memory over a long day. Exit 1 when one of them grew. */
import { optionsOf } from '../support/options.ts';
import { record, table } from '../support/reliability.ts';
import { mib, most, ms } from './figures.ts';
import { growths, grown, inWords, longHolds, soak, type Soak } from './soak.ts';

const help = `npm run soak [-- OPTION ...]
  --minutes N   how long, after a warm-up (default 10; an hour: 60); it goes on until the edits are made, too
  --edits N     at least so many edits (default 10000)
  --files N     open files (default 60)
  --record      write the figures into docs/reliability.md
  --help        print this
`;

const values = optionsOf(help, { minutes: 10, edits: 10000, files: 60, record: false });

async function main(): Promise<number> {
  const { minutes, edits } = values;
  console.log('Warming up: what is kept for later is filled first.');
  const done = await soak(
    {
      files: values.files,
      warmUp: 4000,
      seconds: minutes * 60,
      edits,
      samples: 40,
      editsPerSecond: edits / (minutes * 60),
    },
    sample => console.log(inWords(sample)),
  );
  const all = growths(done);
  const bad = grown(all);
  for (const { what, growth, perHour, allowed } of all)
    console.log(
      `${what}: ${growth > allowed ? 'GREW' : 'flat'}: ${mib(growth)} MiB in ${done.minutes.toFixed(0)} minutes, ${mib(perHour)} MiB an hour (at most ${mib(allowed)} counts as none)`,
    );
  console.log(
    `${done.edits} edits; ${[...done.counts].map(([what, count]) => `${what} ${count}`).join(', ')}; event loop held for more than a frame ${longHolds(done.holds)} times, ${ms(most(done.holds))} ms at most`,
  );
  if (values.record) record('soak', page(done));
  return bad.length > 0 ? 1 : 0;
}

function page(done: Soak): string {
  const total = [...done.counts.values()].reduce((sum, count) => sum + count, 0);
  const some = [
    'reload',
    'rollback and redo',
    'evaluation with output',
    'failed evaluation',
    'failed compilation',
    'save',
    'close and open',
  ]
    .map(what => `${what} ${done.counts.get(what) ?? 0}`)
    .join(', ');
  return `One server and one image with ${values.files} open files for ${done.minutes.toFixed(0)} minutes: ${done.edits} edits and, between them, ${total} requests and commands (of
each kind of request of the load test; ${some}). Before, as much was done as fills what is kept for later. Every answer was looked at; at the end every
function of the image and every buffer was compared with what was typed. Memory after a collection of garbage, ${done.samples.length} samples; the slope is that of a line through them. What V8 keeps
free in its heaps for what comes rises and falls, and is not counted: ${mib(done.samples[0]!.serverFree)} MiB at first, ${mib(done.samples.at(-1)!.serverFree)} at last, ${mib(most(done.samples.map(each => each.serverFree)))} at most.

${table(
  ['memory in MiB', 'first', 'last', 'slope an hour', 'per 10,000 edits', 'verdict'],
  growths(done).map(({ what, first, last, growth, perHour, allowed }) => [
    what,
    mib(first),
    mib(last),
    mib(perHour),
    mib((growth / done.edits) * 10_000),
    growth > allowed ? 'grew' : 'flat',
  ]),
)}

Threads of the image at the beginning and at the end: ${done.samples[0]!.imageThreads} and ${done.samples.at(-1)!.imageThreads}. The server's event loop was held for more than a frame of 16 ms
${longHolds(done.holds)} times, for ${ms(most(done.holds))} ms at most.`;
}

process.exitCode = await main();
