/** The fault table: every operation, every fault, every step at which it can strike. */
import { FaultBench } from './bench.ts';
import { describeStep, faults, type Fault, type Step } from './faults.ts';
import { operationCases, type OperationCase } from './operations.ts';

export interface Row {
  readonly operation: string;
  readonly fault: string;
  readonly step: string;
  /** What went wrong; absent: it was survived. */
  readonly problem?: string;
}

/** Every step of an operation that makes these calls. */
export function stepsOf(operation: OperationCase, calls: readonly string[]): Step[] {
  return [
    ...calls.flatMap((_, index): Step[] => [
      { at: 'asked', index },
      // What goes on after the operation's reply has no reply of the agent before.
      ...(operation.finish ? [] : [{ at: 'answered', index } as const]),
    ]),
    ...(operation.asks ? [{ at: 'prompt' } as const] : []),
  ];
}

export interface TableOptions {
  readonly operations?: (operation: OperationCase) => boolean;
  readonly faults?: (fault: Fault) => boolean;
  /** Which of the rows are tried; all when absent. */
  readonly rows?: (position: number, fault: Fault, step: Step) => boolean;
  readonly onRow?: (row: Row) => void;
}

/** Tries the rows that are chosen. A bench that was broken for good is replaced. */
export async function runTable(options: TableOptions = {}): Promise<Row[]> {
  const rows: Row[] = [];
  let bench = new FaultBench();
  let position = 0;
  const attempt = async (row: Row, work: () => Promise<void>): Promise<void> => {
    let done: Row = row;
    try {
      await work();
    } catch (error) {
      done = { ...row, problem: (error as Error).message };
      await bench.close().catch(() => undefined);
      bench = new FaultBench();
    }
    rows.push(done);
    options.onRow?.(done);
  };
  try {
    for (const operation of operationCases.filter(options.operations ?? (() => true))) {
      let calls: readonly string[] = [];
      const clean = { operation: operation.name, fault: 'none', step: 'a clean run' };
      await attempt(clean, async () => void (calls = await bench.callsOf(operation)));
      for (const fault of faults.filter(options.faults ?? (() => true)))
        for (const step of stepsOf(operation, calls).filter(each => fault.strikes.includes(each.at))) {
          if (options.rows && !options.rows(position++, fault, step)) continue;
          const row = { operation: operation.name, fault: fault.name, step: describeStep(step, calls) };
          await attempt(row, () => bench.try(operation, fault, step));
        }
    }
  } finally {
    const end = {
      operation: 'all',
      fault: 'none',
      step: 'the end: no process left behind, every request answered once',
    };
    try {
      await bench.close();
      rows.push(end);
    } catch (error) {
      rows.push({ ...end, problem: (error as Error).message });
    }
    options.onRow?.(rows.at(-1)!);
  }
  return rows;
}
