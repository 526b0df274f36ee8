/** Bytes and messages at the agent's socket: it answers what is a request, refuses the rest, and goes on. */
import { operations } from '../../server/image/protocol.ts';
import { placeIn, Program } from '../faults/program.ts';
import { Surroundings } from '../support/images.ts';
import { within } from '../support/wait.ts';
import type { Bout, Fuzzer } from './fuzzer.ts';
import { anything, mutated, type Random } from './random.ts';
import { fitting, jsonSchema } from './schema.ts';

/** What runs code, or waits for it, has no limit; everything else has to be answered. */
const names = Object.entries(operations)
  .filter(([name, { writes }]) => !writes && name !== 'restart')
  .map(([name]) => name as keyof typeof operations);
const words = () => [
  'SHOP',
  'total',
  'shop::total',
  'defun',
  '',
  '/tmp',
  '#.(exit)',
  '(defun total () 1)',
  ':',
  '::',
  '|',
  '\u0000',
  '😀',
  'COMMON-LISP-USER',
  'no-such',
];

class AgentBout implements Bout {
  readonly #surroundings = new Surroundings();
  #program!: Program;
  readonly #place = placeIn(this.#surroundings, 'socket');

  async begin(): Promise<this> {
    this.#program = await Program.start(this.#place);
    return this;
  }

  async try(random: Random): Promise<void> {
    const socket = this.#program.reach();
    socket.on('error', () => undefined);
    const lines: string[] = [];
    let rest = '';
    const owed = new Set<number>();
    let settled = () => {};
    const all = new Promise<void>(resolve => (settled = resolve));
    const look = () => {
      const ids = lines.map(line => (JSON.parse(line) as { id?: unknown }).id);
      if ([...owed].every(id => ids.includes(id))) settled();
    };
    socket.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\n');
      rest = parts.pop()!;
      lines.push(...parts);
      look();
    });
    try {
      for (let n = 1 + random.below(6); n > 0; n--) socket.write(this.#line(random, owed));
      owed.add(999_999); // sent last
      socket.write('{"id":999999,"op":"threads","args":{}}\n');
      await within(
        `a reply to each of ${[...owed].join(', ')}; there are ${lines.join('\n').slice(0, 500)}`,
        all,
        20_000,
      );
    } finally {
      socket.destroy();
    }
    const [sum] = await this.#program.lisp('(+ 1 1)');
    if (sum !== '2') throw new Error(`the image answers ${sum}`);
  }

  async close(): Promise<void> {
    try {
      if (!this.#program.isAlive) throw new Error('the image has ended');
    } finally {
      await this.#program.kill();
      this.#surroundings.remove();
    }
  }

  #line(random: Random, owed: Set<number>): Buffer {
    if (random.chance(0.25)) return Buffer.concat([random.bytes(random.below(400)), Buffer.from('\n')]);
    if (random.chance(0.15)) return Buffer.from(`${JSON.stringify(anything(random))}\n`);
    const op = random.of(names);
    const id = 1 + random.below(1_000_000 - 2);
    const fit = fitting(random, jsonSchema(operations[op].args), words);
    const args = random.chance(0.5) ? mutated(random, fit) : fit;
    const message = { id, op: random.chance(0.05) ? random.of(['apply', 'none', 7]) : op, args };
    const line = JSON.stringify(message);
    // What is nested too deeply is refused unread, and so is its id.
    if (!/(?:[[{](?:"[^"]*":)?){100}/.test(line)) owed.add(id);
    return Buffer.from(`${line}\n`);
  }
}

export const agent: Fuzzer = {
  name: 'agent',
  about: 'bytes and spoiled messages at the agent’s socket',
  short: 60,
  begin: () => new AgentBout().begin(),
};
