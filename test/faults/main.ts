/** `npm run test:faults`: every fault at every step of every operation, and what came of it. Exit 1 when one was not survived. */
import { optionsOf } from '../support/options.ts';
import { record, table } from '../support/reliability.ts';
import { operationCases, type OperationCase } from './operations.ts';
import { runTable } from './table.ts';
import { wireNames } from './wires.ts';

const help = `npm run test:faults [-- OPTION ...]
  --operation NAME  only operations whose name contains NAME
  --fault TEXT      only faults whose name contains TEXT
  --wire NAME       only images that are reached so: socket, swank
  --every N         only every N-th row of the table
  --minutes N       stop after that time (default 60)
  --record          write the figures into docs/reliability.md
  --help            print this
`;

const values = optionsOf(help, { operation: '', fault: '', wire: '', every: 1, minutes: 60, record: false });
const started = Date.now();
const end = started + values.minutes * 60_000;
let left = 0;
const rows = await runTable({
  operations: ({ name }) => name.includes(values.operation),
  faults: ({ name }) => name.includes(values.fault),
  wires: wireNames.filter(name => name.includes(values.wire)),
  rows: position => {
    if (position % values.every !== 0) return false;
    if (Date.now() > end) left++;
    return Date.now() <= end;
  },
  onRow: ({ operation, fault, step, problem }) =>
    console.log(
      `${problem === undefined ? 'ok    ' : 'FAILED'}  ${operation}: ${fault} ${step}${problem === undefined ? '' : `\n        ${problem}`}`,
    ),
});
const failed = rows.filter(row => row.problem !== undefined).length;
console.log(
  `${rows.length} rows, ${failed} failed${left > 0 ? `, ${left} left out: the time was up` : ''} (${Math.round((Date.now() - started) / 1000)} s)`,
);
if (values.record) {
  const names = [...new Set(rows.map(({ fault }) => fault).filter(fault => fault !== 'none'))];
  const figures = names.map(name => {
    const made = rows.filter(({ fault }) => fault === name);
    return [name, made.length, made.filter(({ problem }) => problem === undefined).length];
  });
  const tried = new Set(rows.map(({ operation }) => operation));
  const count = (isIt: (operation: OperationCase) => boolean) => operationCases.filter(isIt).length;
  const whole = count(({ name, short }) => !short && tried.has(name));
  const short = count(({ name, short }) => short === true && tried.has(name));
  const overSwank = count(({ name }) => tried.has(`${name} over Swank`));
  const steps = values.every === 1 ? 'every step' : `one in ${values.every} steps`;
  const rest = left > 0 ? ` ${left} rows were left out, because the time was up.` : '';
  record(
    'faults',
    `Each fault at ${steps} of ${whole} operations; those of the image and its connection, and the end of the server, at as many of ${short} that connect or answer a question, and of ${overSwank} over Swank.${rest}\n\n${table(['fault', 'tried', 'survived'], figures)}`,
  );
}
process.exitCode = failed > 0 ? 1 : 0;
