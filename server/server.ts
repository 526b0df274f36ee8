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
import { Documents, isScratch } from './documents.ts';
import { oneLine, shownText } from './display.ts';
import { LspEditor, pauseFor } from './editor.ts';
import { HotlispError, type ErrorKind } from './errors.ts';
import { diffAt } from './drift/diff.ts';
import { syntaxDiagnostics } from './features/diagnostics.ts';
import { driftDiagnostics } from './features/drift.ts';
import { hazardDiagnostics } from './features/hazard.ts';
import { noteDiagnostics } from './features/noteDiagnostics.ts';
import type { ImageManager, ImageManagerEvents } from './image/image.ts';
import { Images } from './images.ts';
import { signalOf } from './language/bench.ts';
import { suitedCapabilities } from './language/suited.ts';
import { LanguageFeatures } from './languageFeatures.ts';
import { Notes } from './notes.ts';
import { Pages } from './pages.ts';
import { followOldCode } from './runner/oldCode.ts';
import { OldThreads } from './oldThreads.ts';
import { catalogue, commandOf } from './operations/catalogue.ts';
import { Tracing } from './runner/tracing.ts';
import { Runner } from './runner/runner.ts';
import { defaultSettings, parseSettings, type SettingProblem, type Settings } from './settings.ts';
import type { Source } from './source/index.ts';
import type { PositionEncoding, Snapshot } from './source/types.ts';
import { extensions } from './workspace/files.ts';
import { WorkspaceSettings } from './workspaceSettings.ts';
import type { IndexFiles } from './workspace/client.ts';

export interface ServerOptions {
  readonly version: string;
  readonly source: Source;
  readonly createImageManager: (events: ImageManagerEvents) => ImageManager;
  readonly indexFiles: IndexFiles;
}

/** Milliseconds after an edit until diagnostics are published: a burst of keystrokes publishes once. */
const diagnosticsAfter = 60;

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
  readonly #notes = new Notes();
  /** The files that are not open and have diagnostics. */
  readonly #toldUnopened = new Set<string>();
  readonly #workspaceSettings: WorkspaceSettings;
  readonly #publishing = new Map<string, NodeJS.Timeout>();
  #state: State = 'starting';
  #client = 'unknown client';
  #encoding: PositionEncoding = 'utf-16';
  #folders: string[] = [];
  #initialSettings: Settings = defaultSettings;
  /** As the user made them, without what files of the workspace make stricter. */
  #userSettings: Settings = defaultSettings;
  #settings: Settings = defaultSettings;
  #journal: Journal | undefined;

  constructor(
    private readonly connection: Connection,
    private readonly options: ServerOptions,
  ) {
    const editor = (this.#editor = new LspEditor(connection));
    this.#workspaceSettings = new WorkspaceSettings(editor);
    const settings = () => this.#settings;
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
      showNotes: (forms, notes) => {
        const changed = this.#notes.record(forms, notes);
        for (const [uri, text] of textsOf(forms))
          if (changed.includes(uri) || this.#toldUnopened.has(uri)) this.#publish(uri, text);
      },
      showBroken: broken => {
        for (const [uri, text] of textsOf(broken)) this.#publish(uri, text);
      },
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
      republish: uri => this.#publish(uri),
      oldThreads,
    });
    documents.onChange(uri => this.#publishSoon(uri));
    this.#listen();
  }

  #listen(): void {
    const { connection } = this;
    connection.onInitialize(params => this.#initialize(params));
    connection.onInitialized(() => {
      this.#ready = this.#initialized();
    });
    connection.onShutdown(() => this.dispose());

    connection.onDidOpenTextDocument(
      ({ textDocument: { uri, version, text } }) => void this.#documents.open(uri, version, text),
    );
    connection.onDidChangeTextDocument(({ textDocument: { uri, version }, contentChanges }) => {
      this.#documents.change(uri, version, contentChanges, this.#encoding);
    });
    connection.onDidCloseTextDocument(({ textDocument: { uri } }) => {
      this.#documents.close(uri);
      this.#notes.forget(uri);
    });
    connection.onDidSaveTextDocument(({ textDocument: { uri } }) => {
      this.#documents.saved(uri);
      void this.#features.drifts.refresh(uri);
      if (this.#settings['reload.onSave'] === 'changed')
        void this.#execute(
          'hotlisp.reload_changed',
          [{ uri, background: true }],
          new AbortController().signal,
        );
    });
    connection.onDidChangeConfiguration(({ settings }) => this.#resettle(() => this.#configure(settings)));

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
    await this.#ready;
    // Not every editor tells of a file that changes, and a policy that was made stricter holds at once.
    if (this.#workspaceSettings.isOutdated(this.#folders)) {
      this.#resettle(() => this.#useSettings(this.#userSettings, []));
      await this.#ready;
    }
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
    const { settings, problems } = parseSettings(params.initializationOptions ?? {});
    this.#initialSettings = settings;
    this.#settings = settings;
    this.#problems = problems;
    this.#ready = this.#useSettings(settings, []);
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

  #problems: SettingProblem[] = [];
  /** Settled once the settings are known; never rejects. */
  #ready: Promise<void> = Promise.resolve();

  /** What comes after it is done under the settings that `settle` makes, and settings come into force in the order they were sent. */
  #resettle(settle: () => Promise<void>): void {
    this.#ready = this.#ready.then(settle).catch((error: Error) => {
      this.#editor.tell('error', `The settings are not in force as a whole: ${error.message}`);
    });
  }

  async #initialized(): Promise<void> {
    const { workspace } = this.#editor.capabilities;
    if (workspace?.didChangeConfiguration?.dynamicRegistration)
      await this.connection.client
        .register(DidChangeConfigurationNotification.type, { section: 'hotlisp' })
        .catch(() => undefined);
    if (workspace?.workspaceFolders)
      this.connection.workspace.onDidChangeWorkspaceFolders(({ added, removed }) => {
        const gone = this.#pathsOf(removed.map(({ uri }) => uri));
        this.#folders = [
          ...this.#folders.filter(folder => !gone.includes(folder)),
          ...this.#pathsOf(added.map(({ uri }) => uri)),
        ];
        this.#resettle(() => this.#useSettings(this.#userSettings, []));
        void this.#features.setFolders(this.#folders);
      });
    void this.#features.initialized(this.#folders);
    await this.#configure(undefined);
  }

  /** Pulls the settings where the client has them, else takes those of the notification (`{hotlisp: {…}}`). */
  async #configure(pushed: unknown): Promise<void> {
    const section = this.#editor.capabilities.workspace?.configuration
      ? await this.#pullSettings()
      : typeof pushed === 'object' && pushed !== null && 'hotlisp' in pushed
        ? pushed.hotlisp
        : null;
    const { settings, problems } = parseSettings(section ?? {}, this.#initialSettings);
    await this.#useSettings(settings, [...this.#problems, ...problems]);
    this.#problems = [];
  }

  /** The client's section of settings; null where it has none or does not answer in time. */
  async #pullSettings(): Promise<unknown> {
    const late = new Promise<null>(resolve => setTimeout(resolve, configurationWithin, null).unref());
    return Promise.race([
      this.connection.workspace.getConfiguration('hotlisp').catch(() => null) as Promise<unknown>,
      late,
    ]);
  }

  async #useSettings(settings: Settings, problems: readonly SettingProblem[]): Promise<void> {
    this.#userSettings = settings;
    const used = await this.#workspaceSettings.tightened(settings, this.#folders, problems);
    this.#settings = used;
    if (this.#journal && path.dirname(this.#journal.path) !== this.#journalDirectory())
      await this.#closeJournal();
    await this.#images.configure(used, this.#folders);
  }

  #journalDirectory(): string {
    return this.#settings['journal.directory'] ?? defaultJournalDirectory(this.#folders[0]);
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
    for (const timer of this.#publishing.values()) clearTimeout(timer);
    await this.#commands.dispose(givingUpWithin);
    await this.#tracing.end();
    await Promise.all([this.#images.dispose(), this.#features.dispose()]);
    await Promise.all([this.#deeds.dispose(), this.#pages.dispose()]);
    await this.#closeJournal();
  }

  // -------------------------------------------------------------- diagnostics

  #publishSoon(uri: string): void {
    clearTimeout(this.#publishing.get(uri));
    this.#publishing.set(
      uri,
      setTimeout(() => {
        this.#publishing.delete(uri);
        // a large text is read in slices meanwhile
        const ready = this.#documents.get(uri)?.ready('forms') ?? Promise.resolve();
        void ready
          .then(() => this.#features.drifts.prepare(uri))
          .then(() => {
            if (this.#state !== 'running' || this.#publishing.has(uri)) return;
            this.#publish(uri);
            void this.#features.hazards.look(uri);
          });
      }, diagnosticsAfter),
    );
  }

  /** @param onDisk the text of a document that is not open, where an operation has just read it: of that there are problems and notes alone */
  #publish(uri: string, onDisk?: Snapshot): void {
    const snapshot = this.#documents.get(uri);
    const text = snapshot ?? onDisk;
    const read = text
      ? [
          ...syntaxDiagnostics(text, this.#encoding),
          ...noteDiagnostics(text, this.#notes.of(text), this.#encoding),
        ]
      : [];
    const diagnostics = snapshot
      ? [
          ...read,
          ...hazardDiagnostics(snapshot, this.#features.hazards.of(snapshot), this.#encoding),
          ...driftDiagnostics(snapshot, this.#features.drifts.of(snapshot), this.#encoding),
        ]
      : read;
    if (snapshot || read.length === 0) this.#toldUnopened.delete(uri);
    else this.#toldUnopened.add(uri);
    this.#editor.publish({
      uri,
      ...(snapshot && { version: snapshot.version }),
      diagnostics,
    });
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

/** The documents that forms stand in, by URI. */
const textsOf = (forms: readonly { readonly snapshot: Snapshot }[]): ReadonlyMap<string, Snapshot> =>
  new Map(forms.flatMap(({ snapshot }) => (isScratch(snapshot.uri) ? [] : [[snapshot.uri, snapshot]])));

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
