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
import { documentSymbols, flatSymbols } from './features/documentSymbol.ts';
import { foldingSteps } from './features/foldingRange.ts';
import { selectionRanges } from './features/selectionRange.ts';
import { workspaceSymbolLimit, workspaceSymbols } from './features/workspaceSymbol.ts';
import { cacheDirectory } from './image/agentFiles.ts';
import { makePrivateDirectory } from './image/runDirectory.ts';
import type { Editor, Progress } from './ports.ts';
import type { PositionEncoding, Snapshot, Source } from './source/index.ts';
import { IndexClient, type IndexFiles } from './workspace/client.ts';
import { extensions } from './workspace/files.ts';

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

  constructor(private readonly deps: LanguageFeaturesDependencies) {
    const { documents, editor } = deps;
    this.#index = new IndexClient({
      ...deps.indexFiles,
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
        const outline = documentSymbols(snapshot, encoding());
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
        workspaceSymbols(
          await this.#index.query('symbols', { query, limit: workspaceSymbolLimit }, signalOf(token)),
        ),
      ),
    );
    connection.onDefinition(({ textDocument: { uri }, position }, token) =>
      answer(async () =>
        definitionLocations(await this.#index.query('definition', { uri, position }, signalOf(token))),
      ),
    );
    connection.onReferences(({ textDocument: { uri }, position, context }, token) =>
      answer(async () => [
        ...(await this.#index.query(
          'references',
          { uri, position, includeDeclaration: context.includeDeclaration },
          signalOf(token),
        )),
      ]),
    );
    connection.onDidChangeWatchedFiles(({ changes }) =>
      this.#index.filesChanged(changes.map(({ uri }) => uri)),
    );
  }

  /** Asks the editor to watch the workspace's files, where it can. */
  async initialized(folders: readonly string[]): Promise<void> {
    const { connection, capabilities } = this.deps;
    if (capabilities().workspace?.didChangeWatchedFiles?.dynamicRegistration) {
      const watchers = [{ globPattern: `**/*.{${extensions.join(',')}}` }];
      this.#watched = await connection
        .sendRequest('client/registerCapability', {
          registrations: [
            {
              id: 'hotlisp-files',
              method: 'workspace/didChangeWatchedFiles',
              registerOptions: { watchers },
            },
          ],
        })
        .then(
          () => true,
          () => false,
        );
    }
    await this.setFolders(folders);
  }

  /** Takes the workspace's folders; they are read in the background. */
  async setFolders(folders: readonly string[]): Promise<void> {
    const cacheFile = folders.length > 0 ? await this.#cacheFile(folders) : undefined;
    this.#index.configure(
      { folders, watched: this.#watched, ...(cacheFile !== undefined && { cacheFile }) },
      this.deps.encoding(),
      this.deps.source.features,
    );
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
        await inSlices(readForms(snapshot));
        return handler(snapshot, params);
      });
  }
}

/** Has every form read what it is; afterwards definitions and tree are there. */
function* readForms(snapshot: Snapshot): Generator<void, void> {
  for (const form of snapshot.forms) {
    void form.definitions;
    yield;
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
