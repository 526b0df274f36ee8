/** The client's messages as they come, but for those that are none: these are refused before any handler sees them. */
import {
  ErrorCodes,
  StreamMessageReader,
  StreamMessageWriter,
  type DataCallback,
  type Disposable,
  type Message,
} from 'vscode-languageserver/node';
import { oneLine } from './display.ts';
import { decode, encode } from './longMessages.ts';
import { refusalOf, type Refused } from './params.ts';
import { Spellings } from './spellings.ts';

/** Bytes of a piece that is written by itself: copying it together with others would take longer. */
const LARGE = 1 << 14;

const notInitialized = {
  code: 'ServerNotInitialized',
  message: 'The server is not initialized yet.',
} as const;
export const shutDown = { code: 'InvalidRequest', message: 'The server was shut down.' } as const;

/** Writes what came together at once: each write wakes the client. */
class Gathering {
  #pieces: Buffer[] = [];

  constructor(private readonly output: NodeJS.WritableStream) {
    process.once('exit', () => this.#flush());
  }

  put(...pieces: readonly Buffer[]): void {
    if (this.#pieces.length === 0) setImmediate(() => this.#flush());
    this.#pieces.push(...pieces);
  }

  #flush(): void {
    let small: Buffer[] = [];
    const write = (): void => {
      if (small.length > 0) this.output.write(small.length === 1 ? small[0]! : Buffer.concat(small));
      small = [];
    };
    for (const piece of this.#pieces.splice(0))
      if (piece.length < LARGE) small.push(piece);
      else {
        write();
        this.output.write(piece);
      }
    write();
  }
}

/** Knows which requests have no reply yet, the client's and our own. */
export class CheckedWriter extends StreamMessageWriter {
  /** The client's, their ids as texts: the library takes 7 and "7" for one. */
  readonly #open = new Set<string>();
  readonly #asked = new Set<unknown>();

  /** Settled once what came before is written. */
  #written: Promise<unknown> = Promise.resolve();
  readonly #gathering: Gathering;
  readonly spellings = new Spellings();

  constructor(output: NodeJS.WritableStream) {
    super(output);
    this.#gathering = new Gathering(output);
  }

  /** False when a request of that id waits for its reply already. */
  begin(id: string | number): boolean {
    if (this.#open.has(String(id))) return false;
    this.#open.add(String(id));
    return true;
  }

  /** False for a reply to nothing that we asked, or a second one: of those that come at once, the library takes the last. */
  settle(id: unknown): boolean {
    return this.#asked.delete(id);
  }

  override write(message: Message): Promise<void> {
    const { id, method } = message as { id?: string | number | null; method?: string };
    if (method === undefined) this.#open.delete(String(id));
    else if (id !== undefined) this.#asked.add(id);
    const sent = this.#written.then(() => this.#send(message));
    this.#written = sent.catch(() => undefined);
    return sent;
  }

  async #send(message: Message): Promise<void> {
    try {
      const pieces = await encode(this.spellings.write(message));
      const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
      this.#gathering.put(Buffer.from(`Content-Length: ${length}\r\n\r\n`), ...pieces);
    } catch (error) {
      this.fireError(error, message);
      throw error;
    }
  }

  /** Refuses a message; what waits under its id goes on waiting. */
  refuse({ id, isRequest, code, message, path }: Refused): void {
    const answer = isRequest
      ? { id, error: { code: ErrorCodes[code], message, data: { kind: 'invalid-arguments', path } } }
      : { method: 'window/logMessage', params: { type: 2, message: `Ignored: ${message}` } };
    this.write({ jsonrpc: '2.0', ...answer }).catch(() => undefined);
  }
}

export class CheckedReader extends StreamMessageReader {
  /** The last message of the session's course: before the first and after the last one no request is looked at. */
  #course: 'initialize' | 'shutdown' | undefined;

  constructor(
    input: NodeJS.ReadableStream,
    private readonly writer: CheckedWriter,
  ) {
    super(input, {
      contentTypeDecoder: { name: 'application/json', decode: bytes => this.#decode(bytes) },
    });
  }

  /** Whoever sent what is no JSON waits for a reply, perhaps: it goes to nobody in particular. */
  async #decode(bytes: Uint8Array): Promise<Message> {
    try {
      return (await decode(bytes)) as Message;
    } catch (error) {
      const message = `A message is JSON in UTF-8; this one is not: ${oneLine((error as Error).message)}`;
      this.writer.refuse({ id: null, isRequest: true, code: 'ParseError', message, path: '' });
      throw error;
    }
  }

  override listen(callback: DataCallback): Disposable {
    return super.listen(message => {
      const refused = refusalOf(message);
      const untimely = this.#untimely(message);
      if (refused) return this.writer.refuse({ ...refused, ...untimely });
      const { id, method } = message as { id?: string | number; method?: string };
      if (untimely && id !== undefined)
        return this.writer.refuse({ id, isRequest: true, ...untimely, path: 'method' });
      if (method === undefined && !this.writer.settle(id))
        return this.writer.refuse({
          id: null,
          isRequest: false,
          code: 'InvalidRequest',
          message: `a reply of id ${id}, which no request waits for, or which came after the first one.`,
          path: 'id',
        });
      if (method === 'initialize' || method === 'shutdown') this.#course = method;
      if (method !== undefined && id !== undefined && !this.writer.begin(id))
        return this.writer.refuse({
          id,
          isRequest: true,
          code: 'InvalidRequest',
          message: `A request of id ${id} waits for its reply already.`,
          path: 'id',
        });
      callback(this.writer.spellings.read(message));
    });
  }

  /** What is wrong with a request before its parameters are: it comes too early or too late. */
  #untimely(message: unknown): Pick<Refused, 'code' | 'message'> | undefined {
    const { method } = message as { method?: unknown };
    if (typeof method !== 'string' || method === 'initialize' || this.#course === 'initialize')
      return undefined;
    return this.#course === undefined ? notInitialized : shutDown;
  }
}
