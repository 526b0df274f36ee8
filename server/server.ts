/** The LSP door: lifecycle, capabilities, dispatch, and the one mapping of our errors to LSP errors. */
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  DidChangeConfigurationNotification,
  ErrorCodes,
  LSPErrorCodes,
  ResponseError,
  TextDocumentSyncKind,
  type Connection,
  type InitializeParams,
  type InitializeResult,
} from 'vscode-languageserver/node';
import { Approver } from './approval/approver.ts';
import { Prompts } from './approval/prompts.ts';
import { Journal, defaultJournalDirectory } from './approval/journal.ts';
import { shutDown } from './checkedReader.ts';
import { Commands } from './commands.ts';
import { Debugger } from './runner/debugger.ts';
import { Deeds } from './runner/deeds.ts';
import { Diagnostics } from './diagnostics.ts';
import { Documents } from './documents.ts';
import { oneLine, shownText } from './display.ts';
import { LspEditor, pauseFor } from './editor.ts';
import { HotlispError, type ErrorKind } from './errors.ts';
import { diffAt } from './drift/diff.ts';
import type { ImageManager, ImageManagerEvents } from './image/image.ts';
import { Images } from './images.ts';
import { signalOf } from './language/bench.ts';
import { suitedCapabilities } from './language/suited.ts';
import { LanguageFeatures } from './languageFeatures.ts';
import { Pages } from './pages.ts';
import { followOldCode } from './runner/oldCode.ts';
import { OldThreads } from './oldThreads.ts';
import { catalogue, commandOf } from './operations/catalogue.ts';
import { Tracing } from './runner/tracing.ts';
import { Runner } from './runner/runner.ts';
import type { Settings } from './settings.ts';
import { SettingsInForce } from './settingsInForce.ts';
import type { Source } from './source/index.ts';
import type { PositionEncoding } from './source/types.ts';
import { extensions } from './workspace/files.ts';
import type { IndexFiles } from './workspace/client.ts';

export interface ServerOptions {
  readonly version: string;
  readonly source: Source;
  readonly createImageManager: (events: ImageManagerEvents) => ImageManager;
  readonly indexFiles: IndexFiles;
}

/** Milliseconds that a client has to answer workspace/configuration; after that the initial settings hold. */
const configurationWithin = 5000;

/** Milliseconds that operations have to be given up when the server ends. */
const givingUpWithin = 8000;

/** What is done in the editor with Lisp files, and with folders that may hold some. */
const filters = [
  { scheme: 'file', pattern: { glob: `**/*.{${extensions.join(',')}}`, matches: 'file' as const } },
  { scheme: 'file', pattern: { glob: '**', matches: 'folder' as const } },
];
const fileOperations = { didCreate: { filters }, didRename: { filters }, didDelete: { filters } };

type State = 'starting' | 'running' | 'shut-down';

export class Server {
  readonly #editor: LspEditor;
  readonly #documents: Documents;
  readonly #images: Images;
  readonly #approver: Approver;
  readonly #deeds: Deeds;
  readonly #pages: Pages;
  readonly #tracing: Tracing;
  readonly #runner: Runner;
  readonly #commands: Commands;
  readonly #features: LanguageFeatures;
  readonly #diagnostics: Diagnostics;
  readonly #settings: SettingsInForce;
  #state: State = 'starting';
  #client = 'unknown client';
  #encoding: PositionEncoding = 'utf-16';
  #folders: string[] = [];
  #journal: Journal | undefined;

  constructor(
    private readonly connection: Connection,
    private readonly options: ServerOptions,
  ) {
    const editor = (this.#editor = new LspEditor(connection));
    this.#settings = new SettingsInForce({
      editor,
      folders: () => this.#folders,
      pull: () => (editor.capabilities.workspace?.configuration ? this.#pullSettings() : undefined),
      use: used => this.#useSettings(used),
    });
    const settings = () => this.#settings.current;
    const journal = () => this.#currentJournal();
    const actor = () => `${this.#client}, hotlisp ${process.pid}`;
    const documents = (this.#documents = new Documents(options.source, () => this.#folders));
    const images = (this.#images = new Images({
      editor,
      createManager: options.createImageManager,
      onFeatures: features => {
        if (!options.source.setFeatures(features)) return;
        documents.featuresChanged();
        this.#features.featuresChanged();
        this.#features.drifts.refreshAll();
      },
      onChanged: () => {
        if (this.#state !== 'shut-down') this.#features.imageChanged();
      },
    }));
    const prompts = new Prompts();
    const pages = (this.#pages = new Pages(editor));
    const approver = (this.#approver = new Approver(editor, settings, prompts));
    const deeds = (this.#deeds = new Deeds({
      editor,
      documents,
      approver,
      journal,
      actor,
    }));
    const tracing = (this.#tracing = new Tracing(editor));
    const debugging = new Debugger({
      editor,
      prompts,
      pages,
      documents,
      settings,
      declaresPrompts: () => editor.capabilities.window?.showMessage !== undefined,
    });
    const diagnostics = (this.#diagnostics = new Diagnostics({
      publish: each => editor.publish(each),
      documents,
      drifts: () => this.#features.drifts,
      hazards: () => this.#features.hazards,
      encoding: () => this.#encoding,
    }));
    const oldThreads = new OldThreads(() => this.#features.lensesChanged());
    const runner = (this.#runner = new Runner({
      editor,
      settings,
      documents,
      images,
      deeds,
      debugger: debugging,
      tracing,
      pages,
      journal,
      encoding: () => this.#encoding,
      roots: () => this.#folders,
      written: (symbol, packageName) => this.#features.definitionsOf(symbol, packageName),
      homeOf: (symbol, packageName) => this.#features.homeOf(symbol, packageName),
      showNotes: (forms, notes) => diagnostics.showNotes(forms, notes),
      showBroken: broken => diagnostics.showBroken(broken),
      showValues: (places, results) => this.#features.values.record(places, results),
      onDone: () => this.#features.drifts.refreshAll(),
      onOldCode: (image, title, change) => {
        const { transaction, threads } = change;
        oldThreads.record(change, followOldCode(editor, image, transaction, title, threads));
      },
    }));
    this.#commands = new Commands({
      editor,
      runner,
      deeds,
      approver,
      images,
      journal,
      settings,
      actor,
      diffAt: request => diffAt(this.#features.drifts, documents, request, this.#encoding),
      pages,
      debugger: debugging,
      tracing,
    });
    this.#features = new LanguageFeatures({
      connection,
      editor,
      documents,
      images,
      settings,
      source: options.source,
      capabilities: () => editor.capabilities,
      folders: () => this.#folders,
      answerable: () => approver.answerable,
      pagePlace: (uri, line) => pages.placeAt(uri, line),
      pageActions: (uri, line) => pages.actionsAt(uri, line),
      pageLinks: uri => this.#commands.linksOf(uri),
      follow: (action, signal) => this.#commands.follow(action, signal),
      traced: () => tracing.names,
      indexFiles: options.indexFiles,
      encoding: () => this.#encoding,
      answer: work => this.#answer(work),
      isChanging: () => runner.isChanging,
      republish: uri => diagnostics.publish(uri),
      oldThreads,
    });
    documents.onChange(uri => diagnostics.publishSoon(uri));
    this.#listen();
  }

  #listen(): void {
    const { connection } = this;
    connection.onInitialize(params => this.#initialize(params));
    connection.onInitialized(() => this.#initialized());
    connection.onShutdown(() => this.dispose());

    connection.onDidOpenTextDocument(
      ({ textDocument: { uri, version, text } }) => void this.#documents.open(uri, version, text),
    );
    connection.onDidChangeTextDocument(({ textDocument: { uri, version }, contentChanges }) => {
      this.#documents.change(uri, version, contentChanges, this.#encoding);
    });
    connection.onDidCloseTextDocument(({ textDocument: { uri } }) => {
      this.#documents.close(uri);
      this.#diagnostics.forget(uri);
    });
    connection.onDidSaveTextDocument(({ textDocument: { uri } }) => {
      this.#documents.saved(uri);
      void this.#features.drifts.refresh(uri);
      if (this.#settings.current['reload.onSave'] === 'changed')
        void this.#execute(
          'hotlisp.reload_changed',
          [{ uri, background: true }],
          new AbortController().signal,
        );
    });
    connection.onDidChangeConfiguration(({ settings }) => this.#settings.configure(settings));

    connection.onExecuteCommand((params, token, workDone) =>
      this.#answer(async () => {
        workDone.begin('Hotlisp', undefined, params.command, true);
        try {
          return await this.#execute(
            params.command,
            params.arguments as unknown[] | undefined,
            signalOf(token),
          );
        } finally {
          workDone.done();
        }
      }),
    );
  }

  /** Performs a command under the settings as they are by now. */
  async #execute(command: string, args: unknown[] | undefined, signal: AbortSignal): Promise<unknown> {
    await this.#settings.settled();
    return this.#commands.execute(command, args, signal);
  }

  // ---------------------------------------------------------------- lifecycle

  #initialize(params: InitializeParams): InitializeResult {
    if (this.#state !== 'starting')
      throw new ResponseError(ErrorCodes.InvalidRequest, 'initialize may be sent once only.');
    this.#state = 'running';
    this.#editor.capabilities = params.capabilities;
    this.#editor.pause = pauseFor(params.clientInfo);
    this.#client = [params.clientInfo?.name ?? 'unknown client', params.clientInfo?.version]
      .filter(Boolean)
      .join(' ');
    this.#encoding = chooseEncoding(params.capabilities.general?.positionEncodings);
    const folders = params.workspaceFolders?.map(({ uri }) => uri) ?? rootOf(params);
    this.#folders = this.#pathsOf(folders);
    this.#settings.begin(params.initializationOptions);
    return {
      serverInfo: { name: 'hotlisp', version: this.options.version },
      capabilities: {
        positionEncoding: this.#encoding,
        textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental, save: true },
        ...suitedCapabilities(this.#features.capabilities, params.capabilities),
        executeCommandProvider: { commands: catalogue.map(commandOf), workDoneProgress: true },
        workspace: {
          workspaceFolders: { supported: true, changeNotifications: true },
          ...(params.capabilities.workspace?.fileOperations && { fileOperations }),
        },
      },
    };
  }

  /** The folders among `uris` that are on this computer; a URI that is none of a file is told. */
  #pathsOf(uris: readonly string[]): string[] {
    return uris
      .filter(uri => uri.startsWith('file:'))
      .flatMap(uri => {
        try {
          const folder = fileURLToPath(uri).replace(/(.)\/$/, '$1');
          if (folder.includes('\0')) throw new Error('no path holds the character NUL');
          return folder;
        } catch (error) {
          const why = `${oneLine(uri)} is not the URI of a folder here: ${(error as Error).message}`;
          this.#editor.tell('warning', `A folder of the workspace is left out. ${why}`);
          return [];
        }
      });
  }

  /** Waits for nothing, so that what the client sends next finds the folders taken. */
  #initialized(): void {
    const { workspace } = this.#editor.capabilities;
    if (workspace?.didChangeConfiguration?.dynamicRegistration)
      this.connection.client
        .register(DidChangeConfigurationNotification.type, { section: 'hotlisp' })
        .catch(() => undefined);
    if (workspace?.workspaceFolders)
      this.connection.workspace.onDidChangeWorkspaceFolders(({ added, removed }) => {
        const gone = this.#pathsOf(removed.map(({ uri }) => uri));
        this.#folders = [
          ...this.#folders.filter(folder => !gone.includes(folder)),
          ...this.#pathsOf(added.map(({ uri }) => uri)),
        ];
        this.#settings.foldersChanged();
        void this.#features.setFolders(this.#folders);
      });
    void this.#features.initialized(this.#folders);
    this.#settings.configure();
  }

  /** The client's section of settings; null where it has none or does not answer in time. */
  async #pullSettings(): Promise<unknown> {
    const late = new Promise<null>(resolve => setTimeout(resolve, configurationWithin, null).unref());
    return Promise.race([
      this.connection.workspace.getConfiguration('hotlisp').catch(() => null) as Promise<unknown>,
      late,
    ]);
  }

  async #useSettings(settings: Settings): Promise<void> {
    if (this.#journal && path.dirname(this.#journal.path) !== this.#journalDirectory())
      await this.#closeJournal();
    await this.#images.configure(settings, this.#folders);
  }

  #journalDirectory(): string {
    return this.#settings.current['journal.directory'] ?? defaultJournalDirectory(this.#folders[0]);
  }

  #currentJournal(): Journal {
    return (this.#journal ??= new Journal(this.#journalDirectory(), message =>
      this.#editor.tell('warning', message),
    ));
  }

  async #closeJournal(): Promise<void> {
    const journal = this.#journal;
    this.#journal = undefined;
    await journal?.close();
  }

  /** Ends everything that the server started; for `shutdown`, and for an editor that went away without it. Idempotent. */
  async dispose(): Promise<void> {
    this.#state = 'shut-down';
    this.#diagnostics.dispose();
    await this.#commands.dispose(givingUpWithin);
    await this.#tracing.end();
    await Promise.all([this.#images.dispose(), this.#features.dispose()]);
    await Promise.all([this.#deeds.dispose(), this.#pages.dispose()]);
    await this.#closeJournal();
  }

  // ------------------------------------------------------------------ replies

  async #answer<R>(work: () => Promise<R>): Promise<R> {
    if (this.#state === 'shut-down') throw new ResponseError(ErrorCodes[shutDown.code], shutDown.message);
    try {
      return await work();
    } catch (error) {
      throw responseError(error);
    }
  }
}

const codes: Partial<Record<ErrorKind, number>> = {
  'invalid-arguments': ErrorCodes.InvalidParams,
  stale: LSPErrorCodes.ContentModified,
  cancelled: LSPErrorCodes.RequestCancelled,
  internal: ErrorCodes.InternalError,
};

/** The one folder of a client that knows none of several; rootPath is of those before rootUri. */
const rootOf = ({ rootUri, rootPath }: InitializeParams): string[] =>
  rootUri ? [rootUri] : rootPath ? [pathToFileURL(rootPath).href] : [];

function responseError(error: unknown): ResponseError<unknown> {
  if (error instanceof ResponseError) return error as ResponseError<unknown>;
  if (error instanceof HotlispError)
    return new ResponseError(codes[error.kind] ?? LSPErrorCodes.RequestFailed, shownText(error.message), {
      // The image refuses arguments as a whole.
      ...(error.kind === 'invalid-arguments' && { path: '' }),
      ...error.details,
      kind: error.kind,
    });
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return new ResponseError(
    ErrorCodes.InternalError,
    `Hotlisp met an error of its own: ${shownText(message)}`,
    {
      kind: 'internal',
      stack,
    },
  );
}

/** UTF-16 is what every client has and what text is held in; another one only for a client that does not offer it. */
function chooseEncoding(offered: readonly string[] | undefined): PositionEncoding {
  if (!offered || offered.length === 0 || offered.includes('utf-16')) return 'utf-16';
  return offered.find(each => each === 'utf-8' || each === 'utf-32') ?? 'utf-16';
}
