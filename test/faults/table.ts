/** The fault table: every operation, every fault, every step at which it can strike; and what matters most of it over Swank. */
import { FaultBench } from './bench.ts';
import { describeStep, faults, type Fault, type Step } from './faults.ts';
import { operationCases, type OperationCase } from './operations.ts';
import { wireNames, type WireName } from './wires.ts';

export interface Row {
  readonly operation: string;
  readonly fault: string;
  readonly step: string;
  /** What went wrong; absent: it was survived. */
  readonly problem?: string;
}

/** Every step of an operation that makes these calls. */
export function stepsOf(operation: OperationCase, calls: readonly string[]): Step[] {
  const steps = [
    ...calls.flatMap((_, index): Step[] => [
      { at: 'asked', index },
      // What goes on after the operation's reply has no reply of the agent before.
      ...(operation.lasts ? [] : [{ at: 'answered', index } as const]),
    ]),
    ...(operation.asks ? [{ at: 'prompt' } as const] : []),
  ];
  return steps.length > 0 ? steps : [{ at: 'sent' }];
}

const canStrike = ({ strikes, ofWork }: Fault, { at }: Step, { connects }: OperationCase): boolean =>
  ofWork && (connects || at === 'sent') ? false : strikes.includes(at === 'sent' ? 'asked' : at);

export interface TableOptions {
  readonly operations?: (operation: OperationCase) => boolean;
  readonly faults?: (fault: Fault) => boolean;
  readonly wires?: readonly WireName[];
  /** Which of a wire's rows are tried; all when absent. */
  readonly rows?: (position: number, fault: Fault, step: Step) => boolean;
  readonly onRow?: (row: Row) => void;
}

/** Tries the rows that are chosen, those of each wire beside the others: most of their time is spent waiting. */
export async function runTable(options: TableOptions = {}): Promise<Row[]> {
  const rows: Row[] = [];
  const add = (row: Row) => {
    rows.push(row);
    options.onRow?.(row);
  };
  await Promise.all((options.wires ?? wireNames).map(wire => runWire(wire, options, add)));
  return rows;
}

/** A bench that was broken for good is replaced. */
async function runWire(wire: WireName, options: TableOptions, add: (row: Row) => void): Promise<void> {
  const suffix = wire === 'swank' ? ' over Swank' : '';
  let position = 0;
  let bench = new FaultBench(wire);
  const attempt = async (row: Row, work: () => Promise<void>): Promise<void> => {
    let done: Row = row;
    try {
      await work();
    } catch (error) {
      done = { ...row, problem: (error as Error).message };
      await bench.close().catch(() => undefined);
      bench = new FaultBench(wire);
    }
    add(done);
  };
  try {
    for (const operation of operationCases.filter(options.operations ?? (() => true))) {
      if (wire === 'swank' && !operation.overSwank) continue;
      const name = `${operation.name}${suffix}`;
      let calls: readonly string[] = [];
      const clean = { operation: name, fault: 'none', step: 'a clean run' };
      await attempt(clean, async () => void (calls = await bench.callsOf(operation)));
      for (const fault of faults.filter(options.faults ?? (() => true))) {
        if ((wire === 'swank' || operation.short) && !fault.important) continue;
        for (const step of stepsOf(operation, calls).filter(each => canStrike(fault, each, operation))) {
          if (options.rows && !options.rows(position++, fault, step)) continue;
          const row = { operation: name, fault: fault.name, step: describeStep(step, calls) };
          await attempt(row, () => bench.try(operation, fault, step));
        }
      }
    }
  } finally {
    const end = {
      operation: `all${suffix}`,
      fault: 'none',
      step: 'the end: no process left behind, every request answered once',
    };
    try {
      await bench.close();
      add(end);
    } catch (error) {
      add({ ...end, problem: (error as Error).message });
    }
  }
}
