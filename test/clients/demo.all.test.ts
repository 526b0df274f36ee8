/** The guided demonstration of `npm start`, as somebody runs it: what it prints is true of a program that was under load all the while. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { repository } from '../support/lspClient.ts';
import { descendants, isAlive, killAll, survivors } from '../support/processes.ts';
import { within } from '../support/wait.ts';
import { EditorHome } from './home.ts';
import { Terminal } from './terminal.ts';

const demonstration = ['server/tools/run.mjs', 'clients/demo/demo.ts'];

/** What `pattern` captures in a text. @throws Error with the text where it does not match */
function found(text: string, pattern: RegExp): string[] {
  const match = pattern.exec(text);
  if (!match) throw new Error(`${pattern} is not in:\n${text}`);
  return match.slice(1);
}
const numbers = (text: string, pattern: RegExp) => found(text, pattern).map(Number);

describe('the demonstration', () => {
  const cleanup: (() => Promise<unknown> | void)[] = [];
  afterEach(async () => {
    for (const each of cleanup.splice(0).reverse()) await each();
  });

  it('changes, refuses and takes back while no request is lost, and leaves no process behind', async () => {
    const child = spawn(process.execPath, demonstration, {
      cwd: repository,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    cleanup.push(async () => {
      const all = [child.pid!, ...descendants(child.pid!)];
      killAll(all);
      await survivors(all);
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (more: string) => (text += more));
    const [code] = (await within('the demonstration', once(child, 'exit'), 240_000)) as [number | null];
    expect([code, code === 0 ? '' : text]).toEqual([0, '']);

    // Nobody is there to ask, and it says so; the diff comes before the approval.
    expect(text).toMatch(/--- jobs\.lisp[^]*\n *-.*\(\/ sum paths\)[^]*\n *\+.*exp -0\.05d0[^]*-> Approve/);

    // The prices are those that the old and the new code compute.
    const [old] = numbers(text, /requests so far\. "price [\d ]+" is answered "price ([\d.]+)"/);
    const [changed] = numbers(text, /Swapped\. First new answer, "price ([\d.]+)"/);
    expect(changed! / old!).toBeCloseTo(Math.exp(-0.05), 3);

    // Threads that were inside the old code are named, finish with its answer, and are told to have left it.
    const [long] = numbers(text, /the long job was answered "price ([\d.]+)" by the old code/);
    expect(Math.abs(long! / old! - 1)).toBeLessThan(0.02);
    const [names] = found(text, /Still inside the old OPTION-PRICE: (.*)\. /);
    for (const name of names!.match(/worker \d/g)!)
      expect(text).toMatch(new RegExp(`Thread ${name} left the old code after \\d+ ms`));

    // The mistake is refused at its place, and the program goes on with the code it had.
    expect(text).toMatch(
      /Refused, nothing was installed\. jobs\.lisp:\d+:\d+: error:\n *The LET binding spec/,
    );
    expect(numbers(text, /The program goes on: "price [\d ]+" is answered "price ([\d.]+)"/)).toEqual([
      changed,
    ]);
    expect(numbers(text, /is answered "price ([\d.]+)" again/)).toEqual([old]);

    const [before, during, after, all] = numbers(
      text,
      /before the change (\d+), during it (\d+), after it (\d+); all together (\d+)/,
    );
    for (const count of [before!, during!, after!]) expect(count).toBeGreaterThan(0);
    expect(before! + during! + after!).toBeLessThanOrEqual(all!);
    expect(text).toMatch(/Lost: 0\. Failed: 0\. Connections broken: 0\. Restarts: 0\./);

    const [image] = numbers(text, /\(pid (\d+), spawned\)/);
    await survivors([image!]);
    expect(isAlive(image!)).toBe(false);
  }, 270_000);

  it('asks where there is a terminal, and a denial changes nothing', async () => {
    const home = new EditorHome();
    cleanup.push(() => home.remove());
    const command = `"${process.execPath}" ${demonstration.join(' ')}; echo "exit code $?"; read end`;
    const terminal = new Terminal(home, ['sh', '-c', command], repository);
    cleanup.push(() => terminal.stop());
    const screen = await terminal.shows(/1 Deny {3}2 Approve .*4 Show Diff:/, 120_000);
    expect(screen).toMatch(/Reload option-price/);
    terminal.type('1');
    terminal.keys('Enter');
    await terminal.shows(/Denied, so nothing was changed: "price [\d ]+" is still answered "price [\d.]+"/);
    await terminal.shows(/exit code 0/);
  }, 180_000);
});
