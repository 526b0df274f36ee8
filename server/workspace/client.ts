/** The index as the server uses it: questions to a thread of its own, which is started by the first need and again after a crash. */
import { Worker } from 'node:worker_threads';
import { HotlispError } from '../errors.ts';
import { changeBetween } from '../source/stretches.ts';
import type { PositionEncoding, Snapshot } from '../source/types.ts';
import type { Workspace } from './fileReading.ts';
import type { FromWorker, ToWorker, WorkerData } from './messages.ts';
import { maxFileSize } from './files.ts';
import type { Answer, Params, QueryName } from './types.ts';

export interface IndexFiles {
  /** The program of the thread: worker.ts as it was built. */
  readonly program: string;
  readonly runtimeWasm: string;
  readonly grammarWasm: string;
  readonly version: string;
}

/** A version of a buffer. */
type Buffer = Pick<Snapshot, 'text' | 'length'>;

export interface IndexClientOptions extends IndexFiles {
  /** As it was negotiated by the time of the first need. */
  readonly encoding: () => PositionEncoding;
  /** Whether a buffer is open, told without putting its text together. */
  readonly isOpen: (uri: string) => boolean;
  /** The open buffer, undefined where it is not open. */
  readonly bufferOf: (uri: string) => Buffer | undefined;
  readonly log: (message: string) => void;
  /** Of the files that have to be read; `done` equal to `total` is the end. */
  readonly progress: (done: number, total: number) => void;
}

/** Milliseconds after an edit until the index is told, unless it is asked something before. */
const tellAfter = 300;
/** Milliseconds that the thread has to write its cache at the end. */
const closeWithin = 2000;
const maxCrashes = 3;
/** Queries that are answered from what the thread knows already: they tell it of buffers that are new to it, but of no edit that it would have to read first. */
const unhurried: ReadonlySet<QueryName> = new Set(['complete', 'named', 'package', 'slots', 'kinds']);

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class IndexClient {
  readonly #pending = new Map<number, Pending>();
  /** Open buffers, and which of them the thread has not been told about. */
  readonly #open = new Set<string>();
  readonly #untold = new Set<string>();
  /** Open buffers that are too long. */
  readonly #leftOut = new Set<string>();
  /** Open buffers of which it knows some version, and which. */
  readonly #told = new Map<string, Buffer>();
  #telling: NodeJS.Timeout | undefined;
  #worker: Worker | undefined;
  #workspace: Workspace | undefined;
  #features: readonly string[] | undefined;
  #nextId = 1;
  #crashes = 0;
  #closed = false;

  constructor(private readonly options: IndexClientOptions) {}

  /** Takes the folders, and begins to read them in the background. */
  configure(workspace: Workspace): void {
    this.#workspace = workspace;
    if (this.#worker) this.#post({ type: 'configure', workspace });
    else if (workspace.folders.length > 0) this.#start();
  }

  /** Takes the features of an image; before, those that SBCL has by itself hold. */
  setFeatures(features: readonly string[]): void {
    this.#features = features;
    this.#post({ type: 'features', features });
  }

  /** A buffer was opened, changed or closed. */
  bufferChanged(uri: string): void {
    if (this.options.isOpen(uri)) this.#open.add(uri);
    else this.#open.delete(uri);
    this.#untold.add(uri);
    clearTimeout(this.#telling);
    this.#telling = setTimeout(() => this.#tell(), tellAfter).unref();
  }

  filesChanged(uris: readonly string[]): void {
    this.#post({ type: 'files', uris });
  }

  /** Reads no more of the files that wait; what is known is kept. */
  stopReading(): void {
    this.#post({ type: 'stop' });
  }

  /** @throws HotlispError `cancelled` when aborted, `internal` when the thread failed */
  async query<Q extends QueryName>(name: Q, params: Params<Q>, signal: AbortSignal): Promise<Answer<Q>> {
    if (signal.aborted) throw cancelled();
    const worker = this.#worker ?? this.#start();
    if (!worker) throw new HotlispError('internal', 'The index of the workspace is not running any more.');
    this.#tell(unhurried.has(name));
    const id = this.#nextId++;
    const cancel = () => {
      this.#post({ type: 'cancel', id });
      this.#settle(id, pending => pending.reject(cancelled()));
    };
    signal.addEventListener('abort', cancel, { once: true });
    try {
      return await new Promise<Answer<Q>>((resolve, reject) => {
        this.#pending.set(id, { resolve: value => resolve(value as Answer<Q>), reject });
        this.#post({ type: 'query', id, name, params });
      });
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  /** Lets the thread write its cache, and ends it. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#telling);
    const worker = this.#worker;
    if (!worker) return;
    const late = new Promise<void>(resolve => setTimeout(resolve, closeWithin).unref());
    const closed = new Promise<void>(resolve => {
      worker.on('message', ({ type }: FromWorker) => {
        if (type === 'closed') resolve();
      });
      worker.once('exit', () => resolve());
    });
    this.#post({ type: 'close' });
    await Promise.race([closed, late]);
    this.#worker = undefined;
    this.#fail('The server was shut down.');
    await worker.terminate();
  }

  #start(): Worker | undefined {
    if (this.#closed || this.#crashes >= maxCrashes) return undefined;
    const { program, runtimeWasm, grammarWasm, version, encoding, log } = this.options;
    const workerData: WorkerData = { runtimeWasm, grammarWasm, version, encoding: encoding() };
    // What is written to its streams must not get into ours, which speak LSP.
    const worker = new Worker(program, { workerData, stdout: true, stderr: true });
    this.#worker = worker;
    worker.on('message', (message: FromWorker) => this.#receive(message));
    worker.stderr.setEncoding('utf8').on('data', (text: string) => log(`The index says: ${text.trimEnd()}`));
    worker.on('error', error => this.#crashed(worker, error));
    worker.on('exit', code => this.#crashed(worker, new Error(`its thread ended (exit code ${code})`)));
    if (this.#features) this.#post({ type: 'features', features: this.#features });
    if (this.#workspace) this.#post({ type: 'configure', workspace: this.#workspace });
    for (const uri of this.#open) this.#untold.add(uri);
    this.#told.clear();
    this.#tell();
    return worker;
  }

  #crashed(worker: Worker, error: Error): void {
    if (this.#worker !== worker || this.#closed) return;
    this.#worker = undefined;
    this.#crashes++;
    this.options.log(`The index of the workspace failed: ${error.message}`);
    this.options.progress(0, 0);
    this.#fail(`The index of the workspace failed: ${error.message}`);
  }

  #fail(message: string): void {
    for (const id of [...this.#pending.keys()])
      this.#settle(id, pending => pending.reject(new HotlispError('internal', message)));
  }

  #tell(onlyNew = false): void {
    if (!onlyNew) clearTimeout(this.#telling);
    if (!this.#worker) return;
    for (const uri of this.#untold) {
      const buffer = this.options.bufferOf(uri);
      const known = this.#told.get(uri);
      if (onlyNew && buffer && known) continue;
      this.#untold.delete(uri);
      if (!buffer || buffer.length > maxFileSize) {
        if (!buffer) this.#leftOut.delete(uri);
        else if (!this.#leftOut.has(uri)) {
          this.#leftOut.add(uri);
          this.options.log(
            `The index leaves out ${uri}: the buffer has ${buffer.length} characters, more than ${maxFileSize}`,
          );
        }
        this.#told.delete(uri);
        this.#post({ type: 'buffer', uri, text: undefined });
        continue;
      }
      this.#told.set(uri, buffer);
      const change = known && changeBetween(known as Snapshot, buffer as Snapshot);
      if (change) this.#post({ type: 'edit', uri, ...change.range, text: change.text });
      else this.#post({ type: 'buffer', uri, text: buffer.text });
    }
  }

  #post(message: ToWorker): void {
    this.#worker?.postMessage(message);
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case 'answer':
        return this.#settle(message.id, pending => pending.resolve(message.value));
      case 'failure':
        return this.#settle(message.id, pending =>
          pending.reject(
            new HotlispError('internal', `The index of the workspace failed: ${message.message}`),
          ),
        );
      case 'progress':
        return this.options.progress(message.done, message.total);
      case 'log':
        return this.options.log(message.message);
      case 'ready':
      case 'closed':
        return;
    }
  }

  #settle(id: number, how: (pending: Pending) => void): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (pending) how(pending);
  }
}

const cancelled = () => new HotlispError('cancelled', 'The request was cancelled.');
