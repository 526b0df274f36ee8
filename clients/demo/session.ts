/** The editor's half of the demonstration: the built server over stdio, one open file, and a person who answers prompts. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import readline from 'node:readline/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ErrorReply, JsonRpc, METHOD_NOT_FOUND, isObject } from '../../test/support/jsonRpc.ts';
import type {
  CodeAction,
  OperationResult,
  Position,
  PublishedDiagnostics,
} from '../../test/support/lspTypes.ts';

export interface Prompt {
  readonly message: string;
  readonly actions: readonly { readonly title: string }[];
}

export interface SessionOptions {
  readonly server: string;
  readonly root: string;
  readonly settings: Record<string, unknown>;
  /** Called with every prompt; the title to answer with. */
  answer(prompt: Prompt): Promise<string>;
  /** A document that the server wants shown, such as a diff. */
  show(text: string): void;
}

export class Session {
  readonly diagnostics = new Map<string, PublishedDiagnostics>();
  /** What the server wrote into the editor's log. */
  readonly logs: string[] = [];
  private readonly rpc: JsonRpc;
  private readonly exited: Promise<number | null>;

  private constructor(
    private readonly child: ChildProcess,
    private readonly options: SessionOptions,
  ) {
    this.rpc = new JsonRpc(child.stdout!, child.stdin!, {
      request: (method, params) => this.request(method, params),
      notification: (method, params) => {
        if (method === 'textDocument/publishDiagnostics') {
          const published = params as PublishedDiagnostics;
          this.diagnostics.set(published.uri, published);
        } else if (method === 'window/logMessage') this.logs.push((params as { message: string }).message);
      },
      violation: text => console.error(`the server is against the protocol: ${text}`),
    });
    this.exited = new Promise(resolve => {
      child.on('exit', code => {
        this.rpc.close(new Error('the language server ended'));
        resolve(code);
      });
    });
  }

  static async start(options: SessionOptions): Promise<Session> {
    const child = spawn(process.execPath, [options.server, '--stdio'], {
      cwd: options.root,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const session = new Session(child, options);
    const uri = pathToFileURL(options.root).href;
    await session.rpc.request('initialize', {
      processId: process.pid,
      clientInfo: { name: 'hotlisp demonstration' },
      rootUri: uri,
      workspaceFolders: [{ uri, name: 'program' }],
      capabilities: {
        window: { workDoneProgress: true, showDocument: { support: true }, showMessage: {} },
        textDocument: {
          publishDiagnostics: { versionSupport: true },
          codeAction: { codeActionLiteralSupport: {} },
        },
      },
      initializationOptions: options.settings,
    });
    session.rpc.notify('initialized', {});
    return session;
  }

  open(file: string): Buffer_ {
    const buffer = new Buffer_(this.rpc, pathToFileURL(file).href, readFileSync(file, 'utf8'));
    this.rpc.notify('textDocument/didOpen', {
      textDocument: { uri: buffer.uri, languageId: 'lisp', version: buffer.version, text: buffer.text },
    });
    return buffer;
  }

  command<T = OperationResult>(name: string, argument: Record<string, unknown> = {}): Promise<T> {
    return this.rpc.request('workspace/executeCommand', {
      command: `hotlisp.${name}`,
      arguments: [argument],
    }) as Promise<T>;
  }

  /** Runs the code action of that title at a place, as a person does, and waits for its outcome. */
  async runAction(buffer: Buffer_, place: string, title: string): Promise<OperationResult> {
    const position = buffer.positionOf(place);
    const actions = (await this.rpc.request('textDocument/codeAction', {
      textDocument: { uri: buffer.uri },
      range: { start: position, end: position },
      context: { diagnostics: [] },
    })) as CodeAction[];
    const command = actions.find(action => action.title === title)?.command;
    if (!command)
      throw new Error(`no code action "${title}", only ${actions.map(action => action.title).join(', ')}`);
    const pending = (await this.rpc.request('workspace/executeCommand', {
      command: command.command,
      arguments: command.arguments,
    })) as { request: number };
    return this.command('outcome', { request: pending.request, wait: true });
  }

  /** Ends the server and with it the image that it spawned. */
  async end(): Promise<void> {
    await this.rpc.request('shutdown');
    this.rpc.notify('exit');
    await this.exited;
  }

  /** Ends the server without a word, when the demonstration itself failed. */
  kill(): void {
    this.child.stdin?.end();
    this.child.kill('SIGTERM');
  }

  private request(method: string, params: unknown): unknown {
    switch (method) {
      case 'window/showMessageRequest': {
        return this.options.answer(params as Prompt).then(title => ({ title }));
      }
      case 'window/showDocument': {
        const uri = isObject(params) ? String(params['uri']) : '';
        if (uri.startsWith('file:')) this.options.show(readFileSync(fileURLToPath(uri), 'utf8'));
        return { success: uri.startsWith('file:') };
      }
      case 'window/workDoneProgress/create':
        return null;
      default:
        return new ErrorReply(METHOD_NOT_FOUND, `unknown method ${method}`);
    }
  }
}

class Buffer_ {
  version = 1;

  constructor(
    private readonly rpc: JsonRpc,
    readonly uri: string,
    public text: string,
  ) {}

  positionOf(needle: string): Position {
    const index = this.text.indexOf(needle);
    if (index < 0) throw new Error(`the file does not hold ${needle}`);
    const before = this.text.slice(0, index).split('\n');
    return { line: before.length - 1, character: before.at(-1)!.length };
  }

  /** Types over a piece of the text; nothing is written to the disk. */
  replace(old: string, replacement: string): void {
    const start = this.positionOf(old);
    const lines = old.split('\n');
    const last = lines.at(-1)!.length;
    const end = lines.length === 1 ? start.character + last : last;
    this.text = this.text.replace(old, () => replacement);
    this.version++;
    this.rpc.notify('textDocument/didChange', {
      textDocument: { uri: this.uri, version: this.version },
      contentChanges: [
        { range: { start, end: { line: start.line + lines.length - 1, character: end } }, text: replacement },
      ],
    });
  }
}

/** Asks on the terminal; resolves with the title chosen by its number or its first letters. */
export async function askPerson(titles: readonly string[]): Promise<string> {
  const terminal = readline.createInterface({ input: process.stdin, output: process.stdout });
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  // The end of the input answers nothing, which is a denial.
  const ended = new Promise<string>(resolve => terminal.once('close', () => resolve('Deny')));
  const choices = titles.map((title, index) => `${index + 1} ${title}`).join('   ');
  try {
    for (;;) {
      const answer = (await Promise.race([terminal.question(`         ${choices}: `), ended])).trim();
      const chosen =
        titles[Number(answer) - 1] ??
        titles.find(title => answer !== '' && title.toLowerCase().startsWith(answer.toLowerCase()));
      if (chosen) return chosen;
      console.log(`         Type a number from 1 to ${titles.length}, or a title.`);
    }
  } finally {
    terminal.close();
  }
}
