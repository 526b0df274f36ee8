/** The short form of `npm run test:faults`: rows from all over the table. */
import { expect, it } from 'vitest';
import { runTable, type Row } from './table.ts';

const shown = ({ operation, fault, step, problem }: Row) => `${operation}: ${fault} ${step}: ${problem}`;
const failed = (rows: readonly Row[]) => rows.filter(row => row.problem !== undefined).map(shown);

it('survives a fault at any step of any operation: one reply, a true journal, nothing left running, and the next operation works', async () => {
  const rows = await runTable({
    faults: ({ seconds }) => seconds === undefined,
    rows: position => position % 17 === 0,
  });
  expect(failed(rows)).toEqual([]);
  expect(rows.length).toBeGreaterThan(50);
}, 300_000);

it('ends a request of an image that stands still, once the person gives up, and goes on with it when it runs again', async () => {
  const rows = await runTable({
    operations: ({ name }) => name === 'reload_form' || name === 'repl_eval',
    faults: ({ name }) => name.startsWith('the image is stopped'),
    rows: (_, __, step) => !('index' in step) || step.index === 0,
  });
  expect(failed(rows)).toEqual([]);
}, 120_000);
