/** Bytes that are no frames: lying lengths, odd headers, deep or broken JSON, bad UTF-8, an input that ends anywhere. */
import { frame } from '../support/jsonRpc.ts';
import type { Bout, Fuzzer } from './fuzzer.ts';
import type { Random } from './random.ts';
import { RawServer } from './rawServer.ts';

const request = (id: number | string, method = 'workspace/executeCommand'): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params: { command: 'hotlisp.image_status' } });
const framed = (body: Buffer | string, length: number | string): Buffer =>
  Buffer.concat([Buffer.from(`Content-Length: ${length}\r\n\r\n`), Buffer.from(body)]);

/** Whole frames with contents that are nothing: what follows them must be answered. */
const contents: readonly ((random: Random) => Buffer)[] = [
  () => Buffer.from('{'),
  () => Buffer.from(''),
  () => Buffer.from('nonsense'),
  () => Buffer.from('"text"'),
  () => Buffer.from('[]'),
  () => Buffer.from('null'),
  () => Buffer.from('{"jsonrpc":"2.0"}'),
  () => Buffer.from('{"__proto__":{"method":"x"},"id":1}'),
  () => Buffer.from('['.repeat(200_000)),
  () => Buffer.from('['.repeat(100_000) + ']'.repeat(100_000)),
  () =>
    Buffer.from(
      `{"jsonrpc":"2.0","id":5,"method":"workspace/symbol","params":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}`,
    ),
  () => Buffer.from(`{"jsonrpc":"2.0","id":${'9'.repeat(400)},"method":"no/such"}`),
  () => Buffer.from(`{"jsonrpc":"2.0","id":6,"method":${JSON.stringify('m'.repeat(1_000_000))}}`),
  () => Buffer.from([0xff, 0xfe, 0x80, 0x00, 0xc3]),
  random => random.bytes(random.below(3000)),
  random => Buffer.concat([Buffer.from('{"jsonrpc":"2.0","method":"'), random.bytes(50), Buffer.from('"}')]),
];

/** After these nobody can say where the next message begins: the server may end, but not spin, hang or say what is no frame. */
const breaks: readonly ((random: Random) => Buffer)[] = [
  random =>
    framed(request(1), random.of([1, 10, 70, 500, 100_000, 1e12, -5, 'many', '', '1e3', '0x20', '12, 13'])),
  random => random.bytes(1 + random.below(5000)),
  () => Buffer.from('Content-Length\r\n\r\n'),
  () => Buffer.from('\r\n\r\n\r\n\r\n'),
  () => Buffer.from(`X-Other: 1\r\n\r\n${request(1)}`),
  () => Buffer.from(`Content-Length: 2\r\nContent-Length: 4000\r\n\r\n{}`),
  () => Buffer.from(`Content-Length: 2\r\nContent-Type: application/x; charset=nonsense\r\n\r\n{}`),
  () => Buffer.from(`content-length:2\r\n\r\n{}`),
  () => Buffer.from('A: b\r\n'.repeat(50_000)),
  () => Buffer.from('x'.repeat(2_000_000)),
  () => frame(request(1)).subarray(0, 30),
];

class FramingBout implements Bout {
  async try(random: Random): Promise<void> {
    const server = new RawServer();
    let broken = false;
    try {
      if (random.chance(0.9)) {
        server.initialize();
        await server.until('the reply to initialize', () => server.replies.has('"initialize"'));
        for (let n = 1 + random.below(6); n > 0; n--) {
          const body = random.of(contents)(random);
          server.write(framed(body, body.length));
        }
        server.write(frame(request('canary')));
        if (!(await server.until('the reply after nonsense', () => server.replies.has('"canary"'))))
          throw new Error(`the server ended: ${server.stderr}`);
      }
      broken = random.chance(0.7);
      if (broken) {
        server.write(random.of(breaks)(random));
        if (random.chance(0.5)) server.write(frame(request('after')));
      }
    } finally {
      const code = await server.end();
      if (server.violations.length > 0) throw new Error(`the server sent ${server.violations[0]}`);
      if (code !== 1 && code !== 0) throw new Error(`the server ended with ${code}: ${server.stderr}`);
      if (/at .*\.js:\d+/.test(server.stderr)) throw new Error(`the server met an error: ${server.stderr}`);
    }
  }

  async close(): Promise<void> {}
}

export const framing: Fuzzer = {
  name: 'framing',
  about: 'bytes that are no frames, on a server of their own each',
  short: 12,
  begin: async () => new FramingBout(),
};
