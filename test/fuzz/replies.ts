/** What an agent of another mind may answer: every call settles, with what fits the contract or with an error. */
import { HotlispError } from '../../server/errors.ts';
import { Connection, type Wire, type WireListener } from '../../server/image/connection.ts';
import { operations, type Args, type Op } from '../../server/image/protocol.ts';
import { within } from '../support/wait.ts';
import type { Bout, Fuzzer } from './fuzzer.ts';
import { anything, mutated, type Random } from './random.ts';
import { fitting, jsonSchema } from './schema.ts';

const names = Object.keys(operations) as Op[];
const words = () => ['', 'FUNCTION', 'new', 'x', '\u0000', '😀'];

class FakeAgent implements Wire {
  listener!: WireListener;
  constructor(private readonly random: Random) {}
  listen(listener: WireListener): void {
    this.listener = listener;
  }
  send(id: number, text: string): void {
    const { op } = JSON.parse(text) as { op: Op };
    const { random } = this;
    const fit = fitting(random, jsonSchema(operations[op].result), words);
    const say = (message: unknown) =>
      this.listener.onMessage(typeof message === 'string' ? message : JSON.stringify(message));
    queueMicrotask(() => {
      for (let n = random.below(4); n > 0; n--)
        say(
          random.of<unknown>([
            'nonsense',
            '',
            anything(random),
            { id, event: 'output', data: anything(random) },
            { id: anything(random), ok: {} },
            { id: id + 1000, error: anything(random) },
          ]),
        );
      const reply = random.chance(0.3)
        ? { id, error: { kind: random.of(['signalled', 'read-only', 'x']), message: anything(random) } }
        : { id, ok: fit };
      say(random.chance(0.6) ? { ...(mutated(random, reply) as object), id } : reply);
      this.listener.onClosed('the end of the bout');
    });
  }
  async close(): Promise<void> {}
}

class ReplyBout implements Bout {
  async try(random: Random): Promise<void> {
    const op = random.of(names);
    const connection = new Connection(new FakeAgent(random));
    const args = fitting(random, jsonSchema(operations[op].args), words) as Args<Op>;
    try {
      const result = await within(
        'the call to settle',
        connection.call(op, args, { onEvent: () => undefined }),
        5000,
      );
      if (!operations[op].result.safeParse(result).success)
        throw new Error(`${op} answered what is none of the contract`);
    } catch (error) {
      if (!(error instanceof HotlispError)) throw error;
    }
  }
  async close(): Promise<void> {}
}

export const replies: Fuzzer = {
  name: 'replies',
  about: 'answers of an agent with parts replaced, among nonsense',
  short: 500,
  begin: async () => new ReplyBout(),
};
