/**
 * A scripted editor over the built server: it speaks LSP over stdio as an editor does, and answers every prompt as the
 * test said beforehand. A prompt that nobody expected, or an expected one that never comes, fails the test.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  ErrorReply,
  JsonRpc,
  METHOD_NOT_FOUND,
  NO_REPLY,
  RpcError,
  isObject,
  type Message,
} from './jsonRpc.ts';
import { Declared } from './declared.ts';
import { commandLine, descendants, killAll, survivors } from './processes.ts';
import { Happenings, within } from './wait.ts';
import type * as Lsp from './lspTypes.ts';

export const repository = findRepository();
/** The built server; HOTLISP_TEST_SERVER tests another one, such as an installed package's. */
export const serverProgram = process.env['HOTLISP_TEST_SERVER'] ?? path.join(repository, 'dist/hotlisp.js');
/** What runs the server; HOTLISP_TEST_NODE is another Node than the one that runs the tests. */
export const nodeProgram = process.env['HOTLISP_TEST_NODE'] ?? process.execPath;
export const sbclCommand = process.env['HOTLISP_TEST_SBCL'] ?? 'sbcl';

/** The folder with package.json above this file, wherever it was bundled to. */
function findRepository(): string {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(folder, 'package.json'))) folder = path.dirname(folder);
  return folder;
}

/** What an editor answers to window/showMessageRequest: a title, a dismissal (null), any value, an error, or nothing ever. */
export type PromptAnswer =
  | string
  | null
  | { readonly reply: unknown }
  | { readonly error: { readonly code: number; readonly message: string } }
  | typeof NEVER;

/** The answer of a person who went away: no reply to the prompt, ever. */
export const NEVER = Symbol('never answered');

export interface Prompt {
  readonly type: number;
  readonly message: string;
  readonly actions: readonly { readonly title: string }[];
}

interface ExpectedPrompt {
  readonly matches: RegExp;
  readonly answer: PromptAnswer | ((prompt: Prompt) => PromptAnswer | Promise<PromptAnswer>);
  seen(prompt: Prompt): void;
}

export interface EditorOptions {
  /** Client capabilities; merged over none, so a test names all that it relies on. */
  readonly capabilities?: Record<string, unknown>;
  /** The rest of the initialize parameters, over the usual ones. */
  readonly initialize?: Record<string, unknown>;
  /** Hotlisp's settings, as initializationOptions. The image's command is the SBCL under test unless given. */
  readonly settings?: Record<string, unknown>;
  /** The workspace's folder; a fresh temporary one by default, removed at the end. */
  readonly root?: string;
  /** Files written into the root before the server starts, by relative name. */
  readonly files?: Readonly<Record<string, string>>;
  /** Files of the root that a spawned image loads when it starts. */
  readonly load?: readonly string[];
  readonly env?: Record<string, string>;
  /** Start the process without the initialize handshake. */
  readonly raw?: boolean;
  /** The server's program instead of the built one of this repository. */
  readonly program?: string;
}

/** Text of a Lisp string literal. */
export const lispString = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&')}"`;

/** What most editors of today declare. */
export const usualCapabilities: Record<string, unknown> = {
  general: { positionEncodings: ['utf-16'] },
  window: {
    workDoneProgress: true,
    showMessage: { messageActionItem: { additionalPropertiesSupport: true } },
    showDocument: { support: true },
  },
  workspace: { applyEdit: true, workspaceFolders: true },
  textDocument: {
    publishDiagnostics: { versionSupport: true },
    codeAction: {
      codeActionLiteralSupport: { codeActionKind: { valueSet: ['', 'quickfix', 'refactor', 'source'] } },
      isPreferredSupport: true,
      dataSupport: true,
      resolveSupport: { properties: ['edit', 'command'] },
    },
    documentSymbol: { hierarchicalDocumentSymbolSupport: true },
  },
};

export class Editor {
  readonly rpc: JsonRpc;
  readonly messages = new Happenings<{ type: number; message: string }>();
  readonly logs = new Happenings<{ type: number; message: string }>();
  readonly published = new Happenings<Lsp.PublishedDiagnostics>();
  readonly progress = new Happenings<{ token: number | string; value: Lsp.ProgressValue }>();
  readonly shown = new Happenings<{ uri: string; text: string | undefined }>();
  readonly prompts = new Happenings<Prompt>();
  readonly registered = new Happenings<Lsp.Registration>();
  /** Methods by which the server had this editor ask again for what it shows. */
  readonly refreshes = new Happenings<string>();
  /** The edits that the server asked for. */
  readonly edits = new Happenings<Lsp.WorkspaceEdit>();
  /** Ids of the server's own requests that it took back. */
  readonly withdrawn = new Happenings<number | string>();
  readonly traffic: { direction: 'sent' | 'received'; message: Message }[] = [];
  readonly documents = new Map<string, TextDocument>();
  /** Methods of the server's requests that this editor never answers. */
  readonly silentTo = new Set<string>();
  /** Methods of the server's requests that this editor answers with what is no answer. */
  readonly nonsenseTo = new Set<string>();
  capabilities: Lsp.ServerCapabilities = {};
  serverInfo: { name?: string; version?: string } = {};
  stderr = '';

  private readonly expected: ExpectedPrompt[] = [];
  private readonly problems: string[] = [];
  private readonly exited: Promise<number | null>;
  private finished = false;

  private constructor(
    private readonly child: ChildProcess,
    private readonly options: EditorOptions,
    readonly root: string,
    private readonly temporary: readonly string[],
  ) {
    const declared = new Declared(problem => this.problems.push(problem));
    this.rpc = new JsonRpc(child.stdout!, child.stdin!, {
      request: (method, params) => this.answer(method, params),
      notification: (method, params) => this.notice(method, params),
      traffic: (direction, message) => {
        this.traffic.push({ direction, message });
        declared.traffic(direction, message);
      },
      violation: text => this.problems.push(`against the protocol: ${text}`),
    });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.exited = new Promise(resolve => {
      child.on('exit', code => {
        this.rpc.close(
          new Error(`the server ended (exit code ${code}); its stderr: ${this.stderr || 'empty'}`),
        );
        resolve(code);
      });
      child.on('error', error => {
        this.rpc.close(error);
        resolve(null);
      });
    });
  }

  /** Starts the built server and, unless `raw`, initializes it. */
  static async start(options: EditorOptions = {}): Promise<Editor> {
    const program = options.program ?? serverProgram;
    if (!existsSync(program)) throw new Error(`${program} is not built: npm run build`);
    const root = options.root ?? mkdtempSync(path.join(tmpdir(), 'hotlisp-test-'));
    for (const [name, text] of Object.entries(options.files ?? {})) {
      mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
      writeFileSync(path.join(root, name), text);
    }
    const state = path.join(root, '.test-state');
    for (const folder of ['run', 'state'])
      mkdirSync(path.join(state, folder), { recursive: true, mode: 0o700 });
    const child = spawn(nodeProgram, [program, '--stdio'], {
      cwd: root,
      stdio: 'pipe',
      // Neither sockets nor journals of a test mix with the user's own; the cache of compiled agents is shared.
      env: {
        ...process.env,
        XDG_RUNTIME_DIR: path.join(state, 'run'),
        XDG_STATE_HOME: path.join(state, 'state'),
        ...options.env,
      },
    });
    const editor = new Editor(child, options, root, options.root === undefined ? [root, state] : [state]);
    if (!options.raw) await editor.initialize();
    return editor;
  }

  get pid(): number {
    return this.child.pid!;
  }

  get rootUri(): string {
    return pathToFileURL(this.root).href;
  }

  #configured: Record<string, unknown> | undefined;

  /** Other settings from now on, which the server is told of. */
  configure(settings: Record<string, unknown>): void {
    this.#configured = settings;
    this.rpc.notify('workspace/didChangeConfiguration', { settings: { hotlisp: this.settings } });
  }

  get settings(): Record<string, unknown> {
    const { image, ...others } = this.#configured ?? this.options.settings ?? {};
    const init = (this.options.load ?? []).map(name => `(load ${lispString(path.join(this.root, name))})`);
    return {
      image: { mode: 'spawn', command: sbclCommand, init, ...(image as object | undefined) },
      ...others,
    };
  }

  async initialize(): Promise<Record<string, unknown>> {
    const result = (await this.request('initialize', {
      processId: process.pid,
      clientInfo: { name: 'scripted editor' },
      rootUri: this.rootUri,
      workspaceFolders: [{ uri: this.rootUri, name: path.basename(this.root) }],
      capabilities: this.options.capabilities ?? usualCapabilities,
      initializationOptions: this.settings,
      ...this.options.initialize,
    })) as { capabilities: Lsp.ServerCapabilities; serverInfo?: { name?: string; version?: string } };
    this.capabilities = result.capabilities;
    this.serverInfo = result.serverInfo ?? {};
    this.rpc.notify('initialized', {});
    return result;
  }

  request(method: string, params?: unknown, milliseconds?: number): Promise<unknown> {
    return within(`the reply to ${method}`, this.rpc.request(method, params), milliseconds);
  }

  /** Writes a file into the workspace and opens it. `name` is relative to the root. */
  open(name: string, text: string, languageId = 'lisp'): TextDocument {
    const file = path.join(this.root, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    return this.openFile(file, languageId);
  }

  /** Opens a file that is there. */
  openFile(file: string, languageId = 'lisp'): TextDocument {
    // Editors keep a byte order mark out of the buffer.
    const text = readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
    return this.opened(new TextDocument(this, file, text), languageId);
  }

  /** Opens a buffer that has no file. */
  openUntitled(name: string, text: string, languageId = 'lisp'): TextDocument {
    const document = new TextDocument(this, undefined, text, `untitled:${name}`);
    return this.opened(document, languageId);
  }

  private opened(document: TextDocument, languageId: string): TextDocument {
    this.documents.set(document.uri, document);
    const { uri, version, text } = document;
    this.rpc.notify('textDocument/didOpen', { textDocument: { uri, languageId, version, text } });
    return document;
  }

  /** Says that the next prompt must match and how it is answered. The promise settles with the prompt when it came. */
  expectPrompt(matches: RegExp, answer: ExpectedPrompt['answer']): Promise<Prompt> {
    return new Promise(seen => this.expected.push({ matches, answer, seen }));
  }

  /** For a test that knows of two ways and has seen the one without a prompt. */
  forgetExpectedPrompts(): void {
    this.expected.length = 0;
  }

  /** workspace/executeCommand of `hotlisp.<name>`. */
  command<T = Lsp.OperationResult>(name: string, argument?: unknown, milliseconds?: number): Promise<T> {
    const args = argument === undefined ? {} : { arguments: [argument] };
    return this.request(
      'workspace/executeCommand',
      { command: `hotlisp.${name}`, ...args },
      milliseconds,
    ) as Promise<T>;
  }

  /** Like command, for one that must fail: the error. */
  async failure(name: string, argument?: unknown): Promise<RpcError> {
    try {
      const result = await this.command<unknown>(name, argument);
      throw new Error(`hotlisp.${name} succeeded with ${JSON.stringify(result)}`);
    } catch (error) {
      if (error instanceof RpcError) return error;
      throw error;
    }
  }

  /** Evaluates in the image and answers the printed values of the last form. */
  async evaluate(code: string, packageName?: string): Promise<string[]> {
    const result = await this.command<Lsp.OperationResult>('repl_eval', {
      code,
      ...(packageName === undefined ? {} : { package: packageName }),
    });
    if (result.status !== 'applied' || !result.values) throw new Error(`${code}: ${JSON.stringify(result)}`);
    return result.values;
  }

  async codeActions(
    document: TextDocument,
    place: string | Lsp.Position,
    only?: readonly string[],
  ): Promise<Lsp.CodeAction[]> {
    const position = typeof place === 'string' ? document.positionOf(place) : place;
    const actions = (await this.request('textDocument/codeAction', {
      textDocument: { uri: document.uri },
      range: { start: position, end: position },
      context: { diagnostics: [], ...(only && { only }) },
    })) as Lsp.CodeAction[] | null;
    return actions ?? [];
  }

  /** Chooses the code action of that title at a place and runs its command, as an editor does. */
  async runAction(document: TextDocument, place: string, title: RegExp): Promise<unknown> {
    const actions = await this.codeActions(document, place);
    const action = actions.find(each => title.test(each.title));
    if (!action)
      throw new Error(
        `no code action ${title} at ${place}: there are ${actions.map(a => a.title).join(', ')}`,
      );
    const command = typeof action.command === 'string' ? (action as unknown as Lsp.Command) : action.command;
    if (!command) throw new Error(`the code action ${action.title} has no command`);
    return this.request('workspace/executeCommand', {
      command: command.command,
      arguments: command.arguments,
    });
  }

  /** Runs a code action, checks that it was answered at once, and waits for its outcome. */
  async actionOutcome(document: TextDocument, place: string, title: RegExp): Promise<Lsp.OperationResult> {
    return this.outcome(await this.runAction(document, place, title));
  }

  /** Runs a code action whose outcome must be an error: that error. */
  async actionFailure(document: TextDocument, place: string, title: RegExp): Promise<RpcError> {
    const pending = await this.runAction(document, place, title);
    return this.failure('outcome', { request: requestOf(pending), wait: true });
  }

  /** The outcome of a background request, from the reply that it was answered with. */
  outcome(pending: unknown): Promise<Lsp.OperationResult> {
    return this.command('outcome', { request: requestOf(pending), wait: true });
  }

  /** The diagnostics of the document at its present version, once they were published and fit. */
  async diagnostics(
    document: TextDocument,
    fits: (list: readonly Lsp.Diagnostic[]) => boolean,
    what: string,
  ) {
    const published = await this.published.next(
      `diagnostics of ${path.basename(document.uri)}: ${what}`,
      each =>
        each.uri === document.uri &&
        (each.version ?? document.version) === document.version &&
        fits(each.diagnostics),
    );
    return published.diagnostics;
  }

  /** Process ids of everything that the server started. */
  children(): number[] {
    return descendants(this.pid);
  }

  /** shutdown and exit; fails when a prompt was unexpected or missing, the server did not end well, or it left a process behind. */
  async finish(): Promise<void> {
    if (this.finished) return;
    this.finished = true;
    const children = this.children();
    try {
      const reply = await this.request('shutdown');
      if (reply !== null) this.problems.push(`shutdown answered ${JSON.stringify(reply)} instead of null`);
      this.rpc.notify('exit');
      const code = await within('the server to end after exit', this.exited);
      if (code !== 0)
        this.problems.push(`the server ended with exit code ${code}; its stderr: ${this.stderr}`);
      for (const pid of await survivors(children)) {
        this.problems.push(`the server left process ${pid} behind: ${commandLine(pid)}`);
      }
    } finally {
      this.kill(children);
    }
    for (const { matches } of this.expected) this.problems.push(`no prompt came that matches ${matches}`);
    if (this.problems.length > 0) throw new Error(this.problems.join('\n'));
  }

  /** Closes the server's input, as an editor that crashed does. */
  hangUp(): void {
    this.finished = true;
    this.child.stdin!.end();
  }

  /** Ends the server at once and cleans up; for tests that break it on purpose. */
  async abandon(): Promise<void> {
    this.finished = true;
    this.kill(this.children());
    await this.exited;
  }

  /** Resolves with the exit code once the server has ended. */
  ended(): Promise<number | null> {
    return within('the server to end', this.exited);
  }

  private kill(children: readonly number[]): void {
    if (this.child.exitCode === null) this.child.kill('SIGKILL');
    killAll(children);
    for (const folder of this.temporary) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }

  private async answer(method: string, params: unknown): Promise<unknown> {
    if (this.silentTo.has(method)) return NO_REPLY;
    if (this.nonsenseTo.has(method)) return { nonsense: [1, null, 'é'] };
    switch (method) {
      case 'window/showMessageRequest':
        return this.answerPrompt(params as Prompt);
      case 'window/showDocument': {
        const { uri } = params as { uri: string };
        const text = uri.startsWith('file:') ? readFileSync(fileURLToPath(uri), 'utf8') : undefined;
        this.shown.add({ uri, text });
        return { success: true };
      }
      case 'client/registerCapability':
        for (const each of (params as { registrations: readonly Lsp.Registration[] }).registrations)
          this.registered.add(each);
        return null;
      case 'window/workDoneProgress/create':
      case 'client/unregisterCapability':
        return null;
      case 'workspace/configuration':
        return (params as { items: unknown[] }).items.map(() => this.settings);
      case 'workspace/applyEdit':
        return { applied: this.applyEdit(params as { edit: Lsp.WorkspaceEdit }) };
      default:
        // Whether it was declared is looked after by Declared.
        if (method.endsWith('/refresh')) {
          this.refreshes.add(method);
          return null;
        }
        this.problems.push(`the server asks for ${method}, which no client knows`);
        return new ErrorReply(METHOD_NOT_FOUND, `unknown method ${method}`);
    }
  }

  private async answerPrompt(prompt: Prompt): Promise<unknown> {
    this.prompts.add(prompt);
    const expected = this.expected.shift();
    if (!expected) {
      this.problems.push(`unexpected prompt: ${prompt.message}`);
      return null;
    }
    if (!expected.matches.test(prompt.message)) {
      this.problems.push(
        `a prompt that matches ${expected.matches} was expected, this came: ${prompt.message}`,
      );
      return null;
    }
    expected.seen(prompt);
    const answer = typeof expected.answer === 'function' ? await expected.answer(prompt) : expected.answer;
    if (answer === null) return null;
    if (answer === NEVER) return NO_REPLY;
    if (typeof answer === 'string') return { title: answer };
    return 'error' in answer ? new ErrorReply(answer.error.code, answer.error.message) : answer.reply;
  }

  /** Makes an edit as editors do: in the buffer; a file that is not open is opened for it. One for another version is refused. */
  private applyEdit({ edit }: { edit: Lsp.WorkspaceEdit }): boolean {
    this.edits.add(edit);
    const changes =
      edit.documentChanges?.map(({ textDocument, edits }) => ({ ...textDocument, edits })) ??
      Object.entries(edit.changes ?? {}).map(([uri, edits]) => ({ uri, version: null, edits }));
    for (const { uri, version, edits } of changes) {
      const open = this.documents.get(uri);
      if (version !== null && version !== open?.version) return false;
      (open ?? this.openFile(fileURLToPath(uri))).apply(edits);
    }
    return true;
  }

  private notice(method: string, params: unknown): void {
    switch (method) {
      case 'window/showMessage':
        return this.messages.add(params as { type: number; message: string });
      case 'window/logMessage':
        return this.logs.add(params as { type: number; message: string });
      case 'textDocument/publishDiagnostics': {
        const { uri } = params as Lsp.PublishedDiagnostics;
        if (!/^(?:file|untitled):/.test(uri) && !this.documents.has(uri))
          this.problems.push(`diagnostics of ${uri}, which is no document of this editor`);
        return this.published.add(params as Lsp.PublishedDiagnostics);
      }
      case '$/progress':
        return this.progress.add(params as { token: number | string; value: Lsp.ProgressValue });
      case '$/cancelRequest':
        return this.withdrawn.add((params as { id: number | string }).id);
      default: // whether this client takes it is looked after by Declared
    }
  }
}

/** The number of a background request, from the reply that it was answered with at once. */
function requestOf(pending: unknown): number {
  if (!isObject(pending) || pending['status'] !== 'pending' || typeof pending['request'] !== 'number') {
    throw new Error(`not the answer to a background request: ${JSON.stringify(pending)}`);
  }
  return pending['request'];
}

/** A buffer of the scripted editor. Positions count UTF-16 code units, 0-based, whatever was negotiated. */
export class TextDocument {
  readonly uri: string;
  version = 1;

  constructor(
    private readonly editor: Editor,
    /** Undefined for a buffer without one. */
    readonly file: string | undefined,
    public text: string,
    uri?: string,
  ) {
    this.uri = uri ?? pathToFileURL(file!).href;
  }

  /** The position of the first occurrence of `needle`, or of `|` in it (which is not part of the text then). */
  positionOf(needle: string): Lsp.Position {
    const mark = needle.indexOf('¦');
    const plain = needle.replace('¦', '');
    const index = this.text.indexOf(plain);
    if (index < 0) throw new Error(`${JSON.stringify(plain)} does not stand in ${this.uri}`);
    return this.positionAt(index + Math.max(mark, 0));
  }

  positionAt(offset: number): Lsp.Position {
    const before = this.text.slice(0, offset).split(/\r\n|\r|\n/);
    return { line: before.length - 1, character: before.at(-1)!.length };
  }

  /** Replaces the first occurrence of `old` by an incremental change. */
  replace(old: string, replacement: string): void {
    const start = this.text.indexOf(old);
    if (start < 0) throw new Error(`${JSON.stringify(old)} does not stand in ${this.uri}`);
    const range = { start: this.positionAt(start), end: this.positionAt(start + old.length) };
    this.text = this.text.slice(0, start) + replacement + this.text.slice(start + old.length);
    this.change([{ range, text: replacement }]);
  }

  /** Replaces the whole text. */
  set(text: string): void {
    this.text = text;
    this.change([{ text }]);
  }

  /** Writes the buffer to its file and says so. */
  save(): void {
    writeFileSync(this.file!, this.text);
    this.editor.rpc.notify('textDocument/didSave', { textDocument: { uri: this.uri } });
  }

  close(): void {
    this.editor.documents.delete(this.uri);
    this.editor.rpc.notify('textDocument/didClose', { textDocument: { uri: this.uri } });
  }

  /** Applies edits as the server sent them (back to front, so that positions hold). */
  apply(edits: readonly Lsp.TextEdit[]): void {
    const offset = ({ line, character }: Lsp.Position) => {
      const starts = [
        0,
        ...[...this.text.matchAll(/\r\n|\r|\n/g)].map(match => match.index + match[0].length),
      ];
      return (starts[line] ?? this.text.length) + character;
    };
    for (const { range, newText } of [...edits].sort(
      (a, b) => offset(b.range.start) - offset(a.range.start),
    )) {
      this.text = this.text.slice(0, offset(range.start)) + newText + this.text.slice(offset(range.end));
    }
    this.change([{ text: this.text }]);
  }

  change(contentChanges: unknown[]): void {
    this.version++;
    this.editor.rpc.notify('textDocument/didChange', {
      textDocument: { uri: this.uri, version: this.version },
      contentChanges,
    });
  }
}
