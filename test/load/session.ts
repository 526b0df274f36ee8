/** An editor with the whole program open and a probe in its server; what it types and asks, as a person's editor would, and whether the answers hold. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  Editor,
  repository,
  sbclCommand,
  type EditorOptions,
  type TextDocument,
} from '../support/lspClient.ts';
import { RpcError } from '../support/jsonRpc.ts';
import { Probe } from './probe.ts';
import { FUNCTIONS, constant, fileName, fileText, functionName, loadFiles, packages } from './program.ts';

/** Random numbers from 0 to 1 that are the same each time. */
export function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Something that an editor asks: the parameters for a place in a function, and whether an answer is one. */
interface Question {
  readonly method: string;
  readonly params: (document: TextDocument, functionAt: string) => object;
  readonly holds: (answer: string) => boolean;
}

const at =
  (needle: string): Question['params'] =>
  (document, name) => {
    const offset = document.text.indexOf(`(defun ${name} `);
    const inside = document.text.indexOf(needle, offset);
    return { position: document.positionAt(inside + needle.length) };
  };

const whole: Question['params'] = () => ({});

export const questions: Readonly<Record<string, Question>> = {
  completion: {
    method: 'textDocument/completion',
    params: at('(dol'),
    holds: text => text.includes('"dolist"'),
  },
  hover: { method: 'textDocument/hover', params: at('(plu'), holds: text => /plusp/i.test(text) },
  signatureHelp: {
    method: 'textDocument/signatureHelp',
    params: at('(round (* item'),
    holds: text => text.includes('signatures'),
  },
  definition: {
    method: 'textDocument/definition',
    params: at('*factor'),
    holds: text => text.includes('part-'),
  },
  references: {
    method: 'textDocument/references',
    params: (document, name) => ({ ...at('*factor')(document, name), context: { includeDeclaration: true } }),
    holds: text => text.includes('part-'),
  },
  documentHighlight: {
    method: 'textDocument/documentHighlight',
    params: at('(let ((su'),
    holds: text => text.includes('range'),
  },
  documentSymbol: {
    method: 'textDocument/documentSymbol',
    params: whole,
    holds: text => text.includes('step-'),
  },
  semanticTokens: {
    method: 'textDocument/semanticTokens/full',
    params: whole,
    holds: text => text.includes('"data":[0'),
  },
  foldingRange: {
    method: 'textDocument/foldingRange',
    params: whole,
    holds: text => text.includes('startLine'),
  },
  codeLens: { method: 'textDocument/codeLens', params: whole, holds: text => text.includes('range') },
  inlayHint: {
    method: 'textDocument/inlayHint',
    params: document => ({
      range: { start: { line: 0, character: 0 }, end: document.positionAt(document.text.length) },
    }),
    holds: text => text.startsWith('[') || text === 'null',
  },
  formatting: {
    method: 'textDocument/formatting',
    params: () => ({ options: { tabSize: 8, insertSpaces: true } }),
    holds: text => text === '[]' || text === 'null',
  },
  codeAction: {
    method: 'textDocument/codeAction',
    params: (document, name) => {
      const { position } = at('(let ((su')(document, name) as { position: object };
      return { range: { start: position, end: position }, context: { diagnostics: [] } };
    },
    holds: text => text.includes('reload'),
  },
};

/** What a real editor declares, but that it asks for its settings: these come with initialize. */
function declared(): Record<string, unknown> {
  const file = path.join(repository, 'test/support/initialize/nvim-0.12.json');
  const { capabilities } = JSON.parse(readFileSync(file, 'utf8')) as {
    capabilities: { workspace: Record<string, unknown> };
  };
  return { ...capabilities, workspace: { ...capabilities.workspace, configuration: false } };
}

export class Session {
  readonly documents: TextDocument[] = [];
  /** What the buffer says that each function adds, and what the image was last told, by name. */
  readonly typed = new Map<string, number>();
  readonly installed = new Map<string, number>();
  readonly #random: () => number;

  private constructor(
    readonly editor: Editor,
    readonly probe: Probe,
    readonly files: number,
    seed: number,
  ) {
    this.#random = numbers(seed);
  }

  /** Starts a server and an image that has loaded so many files, and opens them all. */
  static async start(files: number, seed: number, options: EditorOptions = {}): Promise<Session> {
    const root = mkdtempSync(path.join(tmpdir(), 'hotlisp-load-'));
    writeFileSync(path.join(root, 'packages.lisp'), packages);
    const names = Array.from({ length: files }, (_, file) => fileName(file));
    for (const [file, name] of names.entries()) writeFileSync(path.join(root, name), fileText(file));
    const probe = new Probe();
    try {
      const editor = await Editor.start({
        root,
        capabilities: declared(),
        ...options,
        env: { ...probe.env, ...options.env },
        settings: {
          image: {
            mode: 'spawn',
            command: sbclCommand,
            init: [loadFiles(['packages.lisp', ...names].map(name => path.join(root, name)))],
          },
          approval: { 'modify-running-code': 'allow', 'compile-file': 'allow', eval: 'allow' },
          debugger: 'abort',
          evalTimeoutSeconds: 600,
          ...options.settings,
        },
      });
      const session = new Session(editor, probe, files, seed);
      await editor.command('repl_eval', { code: 't' }, 300_000);
      for (const name of names) session.documents.push(editor.openFile(path.join(root, name)));
      await editor.request('workspace/symbol', { query: functionName(files - 1, 0) }, 120_000);
      return session;
    } catch (error) {
      probe.remove();
      throw error;
    }
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #somewhere(): { file: number; n: number; name: string } {
    const [file, n] = [this.below(this.files), this.below(FUNCTIONS)];
    return { file, n, name: functionName(file, n) };
  }

  /** Types another number into a function somewhere. */
  edit(place = this.#somewhere()): typeof place {
    const { file, n, name } = place;
    const old = this.typed.get(name) ?? 0;
    const value = this.below(1_000_000);
    this.typed.set(name, value);
    this.documents[file]!.replace(constant(file, n, old), constant(file, n, value));
    return place;
  }

  /** Asks that question somewhere. @throws Error when the answer is none */
  async ask(kind: string): Promise<void> {
    const { method, params, holds } = questions[kind]!;
    const { file, name } = this.#somewhere();
    const document = this.documents[file]!;
    const answer = JSON.stringify(
      await this.editor.request(
        method,
        { textDocument: { uri: document.uri }, ...params(document, name) },
        120_000,
      ),
    );
    if (!holds(answer)) throw new Error(`${method} in ${name} answered ${answer.slice(0, 400)}`);
  }

  /** Types into a function and reloads it. Answers the transaction; undefined when the buffer moved on meanwhile. */
  async reload(): Promise<string | undefined> {
    const place = this.edit();
    const document = this.documents[place.file]!;
    const value = this.typed.get(place.name)!;
    try {
      const result = await this.editor.command(
        'reload_form',
        {
          uri: document.uri,
          version: document.version,
          position: document.positionOf(`(defun ${place.name} `),
        },
        120_000,
      );
      if (result.status !== 'applied' && result.status !== 'unchanged')
        throw new Error(`reloading ${place.name}: ${JSON.stringify(result)}`);
      this.installed.set(place.name, value);
      return result.transaction;
    } catch (error) {
      if (error instanceof RpcError && error.kind === 'stale') return undefined;
      throw error;
    }
  }

  /** Compares what every function of the image answers with what was installed. @throws Error naming the first that differs */
  async checkImage(): Promise<void> {
    // File by file: a value that is printed is cut where it is long.
    for (let file = 0; file < this.files; file++) {
      const code = `(with-output-to-string (s)
        (dotimes (n ${FUNCTIONS})
          (format s "~d " (funcall (intern (format nil "STEP-~d-~d" ${file} n) :load-test) '() 1))))`;
      const result = await this.editor.command('repl_eval', { code }, 120_000);
      const answers = result.values![0]!.replaceAll('"', '').trim().split(/\s+/).map(Number);
      if (answers.length !== FUNCTIONS) throw new Error(`${answers.length} functions of ${file} answered`);
      let sum = 0;
      for (const [n, answer] of answers.entries()) {
        sum += this.installed.get(functionName(file, n)) ?? 0;
        if (answer !== sum) throw new Error(`${functionName(file, n)} answers ${answer}, not ${sum}`);
      }
    }
  }

  /** Compares each buffer's outline, which was brought about by edits, with that of the same text opened anew. @throws Error naming the first that differs */
  async checkBuffers(documents = this.documents): Promise<void> {
    for (const document of documents) {
      const outline = (uri: string) =>
        this.editor.request('textDocument/documentSymbol', { textDocument: { uri } }, 60_000);
      const edited = JSON.stringify(await outline(document.uri));
      const fresh = this.editor.openUntitled(`fresh-${path.basename(document.file!)}`, document.text);
      const opened = JSON.stringify(await outline(fresh.uri));
      fresh.close();
      if (edited !== opened) throw new Error(`the outline of ${document.uri} differs from that of its text`);
    }
  }

  /** Fresh memory for the client's own records, which would grow for as long as it runs. */
  forget(): void {
    const { editor } = this;
    editor.traffic.length = 0;
    for (const happenings of [
      editor.messages,
      editor.logs,
      editor.published,
      editor.progress,
      editor.shown,
      editor.prompts,
      editor.edits,
    ])
      happenings.all.length = 0;
  }

  async finish(): Promise<void> {
    try {
      await this.editor.finish();
    } finally {
      this.probe.remove();
      rmSync(this.editor.root, { recursive: true, force: true, maxRetries: 3 });
    }
  }

  /** Ends the session however it stands. */
  async abandon(): Promise<void> {
    await this.editor.abandon();
    this.probe.remove();
    rmSync(this.editor.root, { recursive: true, force: true, maxRetries: 3 });
  }
}
