/** Documents that the server writes for the person to read: files of their own in a private directory that goes with the server. */
import { promises as fs } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Editor } from './ports.ts';

/** What can be done at a line (0-based) of a page. */
export interface PageAction {
  readonly line: number;
  readonly title: string;
  /** Name of an operation, without `hotlisp.`, and its argument. */
  readonly operation: string;
  readonly args: Readonly<Record<string, unknown>>;
}

export interface Page {
  /** Stands in the file's name: `inspect`, `backtrace`. */
  readonly name: string;
  /** Prose stands in comments, so that an editor which takes the page for Lisp finds nothing wrong in it. */
  readonly lines: readonly string[];
  readonly actions?: readonly PageAction[];
}

/** How many pages are kept; the file of an older one is deleted. */
const kept = 100;
/** Characters of a page that an editor which shows no documents gets as a message. */
const told = 8000;

export class Pages {
  #directory: Promise<string> | undefined;
  #number = 0;
  readonly #pages = new Map<string, { readonly file: string; readonly page: Page }>();

  constructor(private readonly editor: Editor) {}

  /** Writes a page and shows it; as a message where the editor cannot show documents. Answers its URI. */
  async show(page: Page): Promise<string> {
    const directory = await (this.#directory ??= fs.mkdtemp(path.join(os.tmpdir(), 'hotlisp-pages-')));
    const file = path.join(directory, `${page.name}-${++this.#number}.lisp`);
    const text = page.lines.join('\n') + '\n';
    await fs.writeFile(file, text, { mode: 0o600 });
    const uri = pathToFileURL(file).href;
    this.#pages.set(uri, { file, page });
    await this.#forgetOld();
    if (!(await this.editor.show(uri))) this.editor.tell('info', text.slice(0, told));
    return uri;
  }

  /** What can be done at a line of a document, if that is a page. */
  actionsAt(uri: string, line: number): readonly PageAction[] {
    return this.#pages.get(uri)?.page.actions?.filter(each => each.line === line) ?? [];
  }

  async dispose(): Promise<void> {
    this.#pages.clear();
    const directory = await this.#directory?.catch(() => undefined);
    if (directory !== undefined) await fs.rm(directory, { recursive: true, force: true });
  }

  async #forgetOld(): Promise<void> {
    for (const [uri, { file }] of this.#pages) {
      if (this.#pages.size <= kept) return;
      this.#pages.delete(uri);
      await fs.rm(file, { force: true });
    }
  }
}

/** Lines of prose or data as comments. */
export const commented = (text: string): string[] =>
  text.split(/\r\n|\r|\n/).map(line => (line === '' ? ';;' : `;; ${line}`));
