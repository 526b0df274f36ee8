/** The client's messages as they come, but for those that are none: these are refused before any handler sees them. */
import { Writable } from 'node:stream';
import {
  ErrorCodes,
  StreamMessageReader,
  StreamMessageWriter,
  type DataCallback,
  type Disposable,
  type Message,
} from 'vscode-languageserver/node';
import { refusalOf, type Refused } from './params.ts';

/**
 * Takes the pieces that the library writes of each message, and writes what came together at once: each write wakes the client.
 */
class Gathered extends Writable {
  #chunks: Buffer[] = [];

  constructor(private readonly output: NodeJS.WritableStream) {
    super();
    process.once('exit', () => this.#flush());
  }

  override _write(chunk: Buffer, _encoding: string, taken: () => void): void {
    if (this.#chunks.push(chunk) === 1) setImmediate(() => this.#flush());
    taken();
  }

  #flush(): void {
    const chunks = this.#chunks;
    this.#chunks = [];
    if (chunks.length === 0) return;
    this.output.write(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
  }
}

/** Knows which requests have no reply yet. */
export class CheckedWriter extends StreamMessageWriter {
  /** Their ids as texts: the library takes 7 and "7" for one. */
  readonly #open = new Set<string>();

  constructor(output: NodeJS.WritableStream) {
    super(new Gathered(output));
  }

  /** False when a request of that id waits for its reply already. */
  begin(id: string | number): boolean {
    if (this.#open.has(String(id))) return false;
    this.#open.add(String(id));
    return true;
  }

  override write(message: Message): Promise<void> {
    const { id, method } = message as { id?: string | number | null; method?: string };
    if (method === undefined) this.#open.delete(String(id));
    return super.write(message);
  }

  /** Refuses a message; what waits under its id goes on waiting. */
  refuse({ id, isRequest, code, message, path }: Refused): void {
    const answer = isRequest
      ? { id, error: { code: ErrorCodes[code], message, data: { kind: 'invalid-arguments', path } } }
      : { method: 'window/logMessage', params: { type: 2, message: `Ignored: ${message}` } };
    super.write({ jsonrpc: '2.0', ...answer }).catch(() => undefined);
  }
}

export class CheckedReader extends StreamMessageReader {
  constructor(
    input: NodeJS.ReadableStream,
    private readonly writer: CheckedWriter,
  ) {
    super(input);
  }

  override listen(callback: DataCallback): Disposable {
    return super.listen(message => {
      const refused = refusalOf(message);
      if (refused) return this.writer.refuse(refused);
      const { id, method } = message as { id?: string | number; method?: string };
      if (method !== undefined && id !== undefined && !this.writer.begin(id))
        return this.writer.refuse({
          id,
          isRequest: true,
          code: 'InvalidRequest',
          message: `A request of id ${id} waits for its reply already.`,
          path: 'id',
        });
      callback(message);
    });
  }
}
