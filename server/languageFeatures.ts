/** The language features: their themes, and the index of the workspace that they share. */
import path from 'node:path';
import type { ServerCapabilities } from 'vscode-languageserver/node';
import { digestOf } from './approval/digest.ts';
import { Drifts } from './drift/drifts.ts';
import { Hazards } from './drift/hazards.ts';
import { cacheDirectory } from './image/agentFiles.ts';
import { makePrivateDirectory } from './image/runDirectory.ts';
import { actions, type ActionContext } from './language/actions.ts';
import { assist } from './language/assist.ts';
import { EvaluatedValues } from './language/evaluatedValues.ts';
import { hints } from './language/hints.ts';
import { links, type LinkContext } from './language/links.ts';
import { Bench, type BenchParts, type FeatureSet } from './language/bench.ts';
import { definedIn, lenses } from './language/lenses.ts';
import { refreshing } from './language/refreshing.ts';
import { definitions } from './language/definitions.ts';
import { hierarchies } from './language/hierarchies.ts';
import { names } from './language/names.ts';
import { formatting } from './language/formatting.ts';
import { navigation } from './language/navigation.ts';
import { structure } from './language/structure.ts';
import { tokens } from './language/tokens.ts';
import type { Progress } from './ports.ts';
import { readSymbol } from './source/symbols.ts';
import { IndexClient, type IndexFiles } from './workspace/client.ts';
import { extensions } from './workspace/files.ts';
import type { DefinitionHit } from './workspace/types.ts';

/** Milliseconds that a command waits for the workspace to be read. */
const readWithin = 10_000;

export interface LanguageFeaturesDependencies extends BenchParts, Omit<ActionContext, 'drifts'>, LinkContext {
  readonly indexFiles: IndexFiles;
  /** Whether an operation is changing an image, so that what nobody waits for gives way. */
  readonly isChanging: () => boolean;
  /** Publishes the diagnostics of a buffer again. */
  readonly republish: (uri: string) => void;
}

const themes = (context: ActionContext & LinkContext, values: EvaluatedValues): readonly FeatureSet[] => [
  structure,
  navigation,
  definitions,
  names,
  hierarchies,
  formatting,
  assist,
  tokens,
  actions(context),
  hints(values, context.drifts),
  lenses(context),
  links(context),
];

export class LanguageFeatures {
  readonly capabilities: ServerCapabilities;
  /** What evaluated code answered, where it stands. */
  readonly values: EvaluatedValues;
  /** How the open buffers differ from what their images run. */
  readonly drifts: Drifts;
  /** What is hazardous about reloading what drifts. */
  readonly hazards: Hazards;
  /** What code lenses show has changed. */
  readonly lensesChanged: () => void;
  readonly #index: IndexClient;
  #progress: Progress | undefined;
  #watched = false;
  #folders: readonly string[] = [];
  /** Settled once the index has the folders; never rejects. */
  #configured: Promise<void> = Promise.resolve();

  constructor(private readonly deps: LanguageFeaturesDependencies) {
    const { connection, documents, editor, isChanging } = deps;
    const hintsChanged = refreshing(deps, 'inlayHint');
    this.values = new EvaluatedValues(documents, hintsChanged);
    const index = (this.#index = new IndexClient({
      ...deps.indexFiles,
      encoding: deps.encoding,
      isOpen: uri => documents.get(uri) !== undefined,
      bufferOf: uri => documents.get(uri),
      log: message => editor.log('info', message),
      progress: (done, total) => this.#progressed(done, total),
    }));
    documents.onChange(uri => index.bufferChanged(uri));
    const bench = new Bench(deps, () => this.#configured.then(() => index));
    this.lensesChanged = refreshing(deps, 'codeLens');
    this.drifts = new Drifts({
      documents,
      imageOf: uri => bench.imageOf(uri),
      definedIn: what => definedIn(bench, what),
      isChanging,
      changed: uri => {
        deps.republish(uri);
        this.lensesChanged();
        hintsChanged();
      },
      refreshed: uri => void this.hazards.look(uri),
    });
    this.hazards = new Hazards({
      documents,
      imageOf: uri => bench.imageOf(uri),
      drifts: this.drifts,
      isChanging,
      changed: deps.republish,
    });
    documents.onChange(uri => this.drifts.touched(uri));
    const sets = themes({ ...deps, drifts: this.drifts }, this.values);
    this.capabilities = Object.assign(
      {},
      ...sets.map(({ capabilities }) => capabilities),
    ) as ServerCapabilities;
    for (const set of sets) set.listen(bench);
    const filesChanged = (uris: readonly string[]): void => {
      index.filesChanged(uris);
      for (const uri of uris) if (documents.get(uri)) void this.drifts.refresh(uri);
    };
    connection.onDidChangeWatchedFiles(({ changes }) => filesChanged(changes.map(({ uri }) => uri)));
    // what a person does with files and folders in the editor: of a folder that was moved no watcher tells its files
    connection.workspace.onDidCreateFiles(({ files }) => filesChanged(files.map(({ uri }) => uri)));
    connection.workspace.onDidDeleteFiles(({ files }) => filesChanged(files.map(({ uri }) => uri)));
    connection.workspace.onDidRenameFiles(({ files }) =>
      filesChanged(files.flatMap(({ oldUri, newUri }) => [oldUri, newUri])),
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

  /** The image's features are those of the source now. */
  featuresChanged(): void {
    this.#index.setFeatures(this.deps.source.features);
  }

  /** Definitions of a symbol, written as in code, in the texts of the workspace, once they are read; none where that takes too long. */
  async definitionsOf(symbol: string, packageName?: string): Promise<readonly DefinitionHit[]> {
    const { package: prefix, name } = readSymbol(symbol);
    const at = { name, ...(prefix !== undefined && { prefix }), package: packageName?.toUpperCase() ?? null };
    try {
      await this.#configured;
      const signal = AbortSignal.timeout(readWithin);
      await this.#index.query('state', {}, signal);
      const hits = await this.#index.query('named', { ...at, limit: 200 }, signal);
      return hits.filter(({ definition: { operator } }) => operator !== 'slot');
    } catch {
      return [];
    }
  }

  /** The package at which a symbol, written as in code, is at home, as the texts say once they are read; undefined where that takes too long. */
  async homeOf(symbol: string, packageName: string): Promise<string | undefined> {
    try {
      await this.#configured;
      const signal = AbortSignal.timeout(readWithin);
      await this.#index.query('state', {}, signal);
      return (await this.#index.query('naming', { name: symbol, package: packageName }, signal)).home;
    } catch {
      return undefined;
    }
  }

  /** An image was connected, lost or let go: lenses count its callers, or those of the index. */
  imageChanged(): void {
    this.drifts.refreshAll();
    this.lensesChanged();
  }

  dispose(): Promise<void> {
    this.drifts.dispose();
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
}
