/** What may answer at the port that is said to be a Swank: connecting ends, with an error that says why. */
import net from 'node:net';
import { HotlispError } from '../../server/errors.ts';
import { readAgentFiles, type AgentFiles } from '../../server/image/agentFiles.ts';
import { openSwankWire } from '../../server/image/swankWire.ts';
import { lispDir, Surroundings } from '../support/images.ts';
import { within } from '../support/wait.ts';
import type { Bout, Fuzzer } from './fuzzer.ts';
import type { Random } from './random.ts';

const framed = (text: string) => Buffer.from(Buffer.byteLength(text).toString(16).padStart(6, '0') + text);
const values = [
  '("SBCL" "2.2.9" "HOTLISP-BOOT" nil)',
  '("SBCL" "2.2.9" nil :swank)',
  '("Clozure" "1.12" nil :swank)',
  'nil',
  't',
  '1',
  '"text"',
  '(:loaded "x")',
  ':source-needed',
  '(:failed "no")',
  '(((((((((a)))))))))',
  '(a . b)',
  '#.(exit)',
  '|x y|',
  '"\\"',
  "'q",
  '1.5e400',
  '99999999999999999999999',
  '("\u0000")',
  '('.repeat(500) + ')'.repeat(500),
];
const events = [
  '(:indentation-update (a b))',
  '(:ping 1 2)',
  '(:debug 1 1 ("m" "t" nil) (("ABORT" "x")) nil (1))',
  '(:debug-activate 1 1 nil)',
  '(:write-string "x")',
  '(:write-string "{\\"id\\":1}" :hotlisp)',
  '(:read-string 1 2)',
  '(:y-or-n-p 1 2 "?")',
  '(:reader-error "packet 1)" "why")',
  '(:invalid-rpc 1 "why")',
  '(:new-features ("A"))',
  '(:eval 1 2 "(f)")',
  '()',
  'x',
  '(:return)',
  '(:return (:abort "no") 1)',
];

class SwankBout implements Bout {
  readonly #surroundings = new Surroundings();
  constructor(private readonly files: AgentFiles) {}

  async try(random: Random): Promise<void> {
    const server = net.createServer(socket => this.#answer(socket, random));
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const opening = openSwankWire({
      host: '127.0.0.1',
      port: (server.address() as net.AddressInfo).port,
      files: this.files,
      environment: this.#surroundings.environment,
      onLog: () => undefined,
      signal: new AbortController().signal,
    });
    try {
      const { wire } = await within('connecting to end', opening, 8000);
      wire.listen({ onMessage: () => undefined, onFault: () => undefined, onClosed: () => undefined });
      wire.send(1, '{"id":1,"op":"hello"}');
      await within('the wire to close', wire.close(), 8000);
    } catch (error) {
      if (!(error instanceof HotlispError)) throw error;
    } finally {
      await new Promise(resolve => server.close(resolve));
    }
  }

  async close(): Promise<void> {
    this.#surroundings.remove();
  }

  /** Answers as it likes, and hangs up soon. */
  #answer(socket: net.Socket, random: Random): void {
    socket.on('error', () => undefined);
    let packets = 0;
    const timer = setTimeout(() => socket.destroy(), 150);
    socket.on('close', () => clearTimeout(timer));
    socket.on('data', chunk => {
      packets++;
      const id = /(\d+)\)$/.exec(chunk.toString())?.[1] ?? '1';
      for (let n = random.below(3); n > 0; n--) {
        const bytes = random.chance(0.2)
          ? random.of([
              random.bytes(random.below(200)),
              Buffer.from('ffffff'),
              Buffer.from('-00001x'),
              Buffer.from('00000g()'),
              framed('((('),
            ])
          : framed(random.of(events));
        socket.write(bytes);
      }
      if (random.chance(0.8)) {
        const reply = framed(`(:return (:ok ${random.of(values)}) ${id})`);
        const cut = random.chance(0.3) ? random.below(reply.length) : reply.length;
        socket.write(reply.subarray(0, cut));
        if (cut < reply.length && random.chance(0.7)) setTimeout(() => socket.write(reply.subarray(cut)), 2);
      }
      if (packets > 4 || random.chance(0.2)) socket.end();
    });
  }
}

export const swank: Fuzzer = {
  name: 'swank',
  about: 'what may answer at a port that is said to be a Swank',
  short: 40,
  begin: async () => new SwankBout(await readAgentFiles(lispDir)),
};
