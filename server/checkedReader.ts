/** The client's messages as they come, but for those that are none: these are refused before any handler sees them. */
import {
  ErrorCodes,
  StreamMessageReader,
  StreamMessageWriter,
  type DataCallback,
  type Disposable,
  type Message,
} from 'vscode-languageserver/node';
import { refusalOf, type Refused } from './params.ts';

/** Knows which requests have no reply yet. */
export class CheckedWriter extends StreamMessageWriter {
  /** Their ids as texts: the library takes 7 and "7" for one. */
  readonly #open = new Set<string>();

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
