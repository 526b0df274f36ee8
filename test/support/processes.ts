/** Looking at processes and ending those that a test started. */
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { PATIENCE, pause } from './wait.ts';

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch {
    return false;
  }
}

/** An ended process that nobody has waited for still answers signals. */
function isZombie(pid: number): boolean {
  try {
    return /^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Stops a process, and resolves once none of its threads goes on. */
export async function halt(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  if (process.platform !== 'linux') return;
  const running = () =>
    readdirSync(`/proc/${pid}/task`).some(
      task => !/^State:\s*[TtZX]/m.test(readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8')),
    );
  for (const end = Date.now() + PATIENCE; running() && Date.now() < end;) await pause(2);
}

/** Process ids of all descendants of `root`. */
export function descendants(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const [pid, parent] of parents()) children.set(parent, [...(children.get(parent) ?? []), pid]);
  const found: number[] = [];
  const visit = (pid: number) => {
    for (const child of children.get(pid) ?? []) {
      found.push(child);
      visit(child);
    }
  };
  visit(root);
  return found;
}

function parents(): [number, number][] {
  if (process.platform !== 'linux') {
    const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
    return stdout
      .trim()
      .split('\n')
      .map(line => line.trim().split(/\s+/).map(Number) as [number, number]);
  }
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(name => {
      try {
        const status = readFileSync(`/proc/${name}/status`, 'utf8');
        return [[Number(name), Number(/^PPid:\s*(\d+)/m.exec(status)?.[1])] as [number, number]];
      } catch {
        return []; // It ended meanwhile.
      }
    });
}

/** The name and arguments of a process, for a message; "?" when it is gone. */
export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() || '?';
  } catch {
    return '?';
  }
}

/** Resolves with the pids that are still alive after `milliseconds`, at once when none is. */
export async function survivors(pids: readonly number[], milliseconds = 5000): Promise<number[]> {
  const end = Date.now() + milliseconds;
  for (;;) {
    const alive = pids.filter(isAlive);
    if (alive.length === 0 || Date.now() > end) return alive;
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}

/** Ends processes that a test started, by id; those that are gone already are passed over. */
export function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Gone already.
    }
  }
}
