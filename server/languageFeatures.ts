/** The language features that need the text alone: requests of the editor, answered from snapshots and from the index. */
import path from 'node:path';
import type {
  CancellationToken,
  ClientCapabilities,
  Connection,
  ServerCapabilities,
} from 'vscode-languageserver/node';
import { digestOf } from './approval/digest.ts';
import type { Documents } from './documents.ts';
import { definitionLocations } from './features/definition.ts';
import { documentSymbolSteps, flatSymbols } from './features/documentSymbol.ts';
import { foldingSteps } from './features/foldingRange.ts';
import { selectionRanges } from './features/selectionRange.ts';
import { workspaceSymbolLimit, workspaceSymbols } from './features/workspaceSymbol.ts';
import { cacheDirectory } from './image/agentFiles.ts';
import { makePrivateDirectory } from './image/runDirectory.ts';
import type { Editor, Progress } from './ports.ts';
import type { PositionEncoding, Snapshot, Source } from './source/index.ts';
import { IndexClient, type IndexFiles } from './workspace/client.ts';
import { extensions } from './workspace/files.ts';
import type { Answer, Params, QueryName } from './workspace/types.ts';

export interface LanguageFeaturesDependencies {
  readonly connection: Connection;
  readonly editor: Editor;
  readonly capabilities: () => ClientCapabilities;
  readonly documents: Documents;
  readonly source: Source;
  readonly indexFiles: IndexFiles;
  readonly encoding: () => PositionEncoding;
  /** Runs the work of a request, and maps its errors. */
  readonly answer: <R>(work: () => Promise<R>) => Promise<R>;
}

export const languageCapabilities: ServerCapabilities = {
  documentSymbolProvider: true,
  foldingRangeProvider: true,
  selectionRangeProvider: true,
  workspaceSymbolProvider: true,
  definitionProvider: true,
  referencesProvider: true,
};

/** Milliseconds of work between two turns of the event loop. */
const slice = 6;

export class LanguageFeatures {
  readonly #index: IndexClient;
  #progress: Progress | undefined;
  #watched = false;
  #folders: readonly string[] = [];
  /** Settled once the index has the folders; never rejects. */
  #configured: Promise<void> = Promise.resolve();

  constructor(private readonly deps: LanguageFeaturesDependencies) {
    const { documents, editor } = deps;
    this.#index = new IndexClient({
      ...deps.indexFiles,
      encoding: deps.encoding,
      textOf: uri => documents.get(uri)?.text,
      log: message => editor.log('info', message),
      progress: (done, total) => this.#progressed(done, total),
    });
    documents.onChange(uri => this.#index.bufferChanged(uri));
    this.#listen();
  }

  #listen(): void {
    const { connection, capabilities, encoding, answer } = this.deps;
    connection.onDocumentSymbol(
      this.#syntactic(async snapshot => {
        const outline = await inSlices(documentSymbolSteps(snapshot, encoding()));
        const { documentSymbol } = capabilities().textDocument ?? {};
        return documentSymbol?.hierarchicalDocumentSymbolSupport
          ? outline
          : flatSymbols(snapshot.uri, outline);
      }),
    );
    connection.onFoldingRanges(
      this.#syntactic(snapshot =>
        inSlices(
          foldingSteps(
            snapshot,
            capabilities().textDocument?.foldingRange?.rangeLimit ?? Number.POSITIVE_INFINITY,
          ),
        ),
      ),
    );
    connection.onSelectionRanges(
      this.#syntactic(async (snapshot, { positions }) => selectionRanges(snapshot, positions, encoding())),
    );

    connection.onWorkspaceSymbol(({ query }, token) =>
      answer(async () =>
        workspaceSymbols(await this.#ask('symbols', { query, limit: workspaceSymbolLimit }, token)),
      ),
    );
    connection.onDefinition(({ textDocument: { uri }, position }, token) =>
      answer(async () => definitionLocations(await this.#ask('definition', { uri, position }, token))),
    );
    connection.onReferences(({ textDocument: { uri }, position, context }, token) =>
      answer(async () => {
        const { includeDeclaration } = context;
        return [...(await this.#ask('references', { uri, position, includeDeclaration }, token))];
      }),
    );
    connection.onDidChangeWatchedFiles(({ changes }) =>
      this.#index.filesChanged(changes.map(({ uri }) => uri)),
    );
  }

  /** Begins to read the workspace, and asks the editor to watch its files, where it can. */
  async initialized(folders: readonly string[]): Promise<void> {
    const { connection, capabilities } = this.deps;
    this.#watched = capabilities().workspace?.didChangeWatchedFiles?.dynamicRegistration === true;
    const configured = this.setFolders(folders);
    if (!this.#watched) return configured;
    const watchers = [{ globPattern: `**/*.{${extensions.join(',')}}` }];
    const registration = {
      id: 'hotlisp-files',
      method: 'workspace/didChangeWatchedFiles',
      registerOptions: { watchers },
    };
    try {
      await connection.sendRequest('client/registerCapability', { registrations: [registration] });
    } catch {
      this.#watched = false;
      await this.setFolders(this.#folders);
    }
  }

  /** Takes the workspace's folders; they are read in the background. */
  setFolders(folders: readonly string[]): Promise<void> {
    this.#folders = folders;
    const configure = async () => {
      const cacheFile = folders.length > 0 ? await this.#cacheFile(folders) : undefined;
      this.#index.configure({
        folders,
        watched: this.#watched,
        ...(cacheFile !== undefined && { cacheFile }),
      });
    };
    return (this.#configured = this.#configured.then(configure));
  }

  async #ask<Q extends QueryName>(name: Q, params: Params<Q>, token: CancellationToken): Promise<Answer<Q>> {
    await this.#configured;
    return this.#index.query(name, params, signalOf(token));
  }

  /** The image's features are those of the source now. */
  featuresChanged(): void {
    this.#index.setFeatures(this.deps.source.features);
  }

  dispose(): Promise<void> {
    return this.#index.close();
  }

  async #cacheFile(folders: readonly string[]): Promise<string | undefined> {
    try {
      const directory = cacheDirectory(process.env);
      await makePrivateDirectory(directory);
      return path.join(directory, `index-${digestOf([...folders].sort()).slice(0, 16)}.json`);
    } catch (error) {
      this.deps.editor.log('info', `The index is not kept: ${(error as Error).message}`);
      return undefined;
    }
  }

  #progressed(done: number, total: number): void {
    if (done >= total) {
      this.#progress?.end();
      this.#progress = undefined;
      return;
    }
    if (!this.#progress) {
      this.#progress = this.deps.editor.progress('Indexing');
      this.#progress.signal.addEventListener('abort', () => this.#index.stopReading(), { once: true });
    }
    this.#progress.report(`${done} of ${total} files`, done / total);
  }

  /** A handler that needs the buffer only; null where it is not open. */
  #syntactic<P extends { textDocument: { uri: string } }, R>(
    handler: (snapshot: Snapshot, params: P) => Promise<R>,
  ) {
    return (params: P): Promise<R | null> =>
      this.deps.answer(async () => {
        const snapshot = this.deps.documents.get(params.textDocument.uri);
        if (!snapshot) return null;
        await snapshot.ready();
        return handler(snapshot, params);
      });
  }
}

/** Works to the end, and lets others run in between. */
async function inSlices<R>(work: Generator<void, R>): Promise<R> {
  for (;;) {
    const until = performance.now() + slice;
    do {
      const step = work.next();
      if (step.done) return step.value;
    } while (performance.now() < until);
    await new Promise(resume => setImmediate(resume));
  }
}

export function signalOf(token: CancellationToken): AbortSignal {
  const controller = new AbortController();
  if (token.isCancellationRequested) controller.abort();
  token.onCancellationRequested(() => controller.abort());
  return controller.signal;
}
