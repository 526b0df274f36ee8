/** Documents that the server writes for the person to read: files of their own in a private directory that goes with the server. */
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page, PageAction, Stretch } from './operations/page.ts';
import type { Editor } from './ports.ts';
import { TemporaryDirectory } from './temporaryDirectory.ts';

/** How many pages are kept; the file of an older one is deleted. */
const kept = 100;
/** Characters of a page that an editor which shows no documents gets as a message. */
const told = 8000;

/** A line that says where something is: of a backtrace, or of a list of places. */
const placed = /^(?:;;)?\s{4,}(?:at )?((\/.+?):(\d+))(?: \(|$)/d;

/** What leads on from a line (0-based) of a page: to a place in a file, or to what an action of the page answers. */
export interface PageLink extends Stretch {
  readonly line: number;
  /** The line as the page has it. */
  readonly text: string;
  readonly leads: { readonly target: string } | { readonly action: PageAction };
}

export class Pages {
  readonly #directory = new TemporaryDirectory('pages');
  #number = 0;
  readonly #pages = new Map<string, { readonly file: string; readonly page: Page }>();

  constructor(private readonly editor: Editor) {}

  /** Writes a page and shows it; as a message where the editor cannot show documents. */
  async show(page: Page): Promise<void> {
    const uri = await this.write(page);
    if (!(await this.editor.show(uri))) this.editor.tell('info', textOf(page).slice(0, told));
  }

  /** Writes a page and answers its URI. */
  async write(page: Page): Promise<string> {
    const file = path.join(await this.#directory.path(), `${page.name}-${++this.#number}.${page.extension}`);
    await fs.writeFile(file, textOf(page), { mode: 0o600 });
    const uri = pathToFileURL(file).href;
    this.#pages.set(uri, { file, page });
    await this.#forgetOld();
    return uri;
  }

  /** What can be done at a line of a document; undefined where that is no page. */
  actionsAt(uri: string, line: number): readonly PageAction[] | undefined {
    const page = this.#pages.get(uri)?.page;
    return page && (page.actions?.filter(each => each.line === line) ?? []);
  }

  /** What leads on from a document, from its top; nothing where that is no page. */
  linksOf(uri: string): readonly PageLink[] {
    const { lines = [], actions = [] } = this.#pages.get(uri)?.page ?? {};
    const places = lines.flatMap((text, line): PageLink[] => {
      const found = placed.exec(text);
      if (!found) return [];
      const [start, end] = found.indices![1]!;
      const target = `${pathToFileURL(found[2]!).href}#L${found[3]}`;
      return [{ line, text, start, end, leads: { target } }];
    });
    const others = actions.flatMap((action): PageLink[] =>
      action.link
        ? [{ line: action.line, text: lines[action.line]!, ...action.link, leads: { action } }]
        : [],
    );
    return [...places, ...others].sort((a, b) => a.line - b.line);
  }

  /** The place in a file that a line of a page names, or the one below it: a call, a user and where it is. Lines are 0-based. */
  placeAt(uri: string, line: number): { readonly uri: string; readonly line: number } | undefined {
    const lines = this.#pages.get(uri)?.page.lines ?? [];
    const [, , file, at] = placed.exec(lines[line] ?? '') ?? placed.exec(lines[line + 1] ?? '') ?? [];
    return file === undefined ? undefined : { uri: pathToFileURL(file).href, line: Number(at) - 1 };
  }

  async dispose(): Promise<void> {
    this.#pages.clear();
    await this.#directory.dispose();
  }

  async #forgetOld(): Promise<void> {
    for (const [uri, { file }] of this.#pages) {
      if (this.#pages.size <= kept) return;
      this.#pages.delete(uri);
      await fs.rm(file, { force: true });
    }
  }
}

const textOf = ({ lines }: Page): string => lines.join('\n') + '\n';
