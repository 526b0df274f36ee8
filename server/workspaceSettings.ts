/** What the files of a workspace's folders say of the settings, and the telling of what is wrong with any. */
import path from 'node:path';
import { oneLine } from './display.ts';
import type { Editor } from './ports.ts';
import { readTextFile } from './regularFile.ts';
import { tighten, workspaceFile, type SettingProblem, type Settings } from './settings.ts';

/** Of a folder's file. */
const maxBytes = 1024 * 1024;

/** Problems that are told one by one; a file may have any number of keys. */
const mostTold = 10;

export class WorkspaceSettings {
  #told: ReadonlySet<string> = new Set();

  constructor(private readonly editor: Editor) {}

  /** `settings`, as strict as the folders' files make them. Tells the user what is ignored, once for each time that it appears. */
  async tightened(
    settings: Settings,
    folders: readonly string[],
    problems: readonly SettingProblem[],
  ): Promise<Settings> {
    let used = settings;
    const messages = problems.map(({ message }) => message);
    for (const folder of folders) {
      const file = path.join(folder, workspaceFile);
      const stricter = tighten(used, await read(file, messages), file);
      used = stricter.settings;
      messages.push(...stricter.problems.map(({ message }) => message));
    }
    this.#tell(messages);
    return used;
  }

  #tell(messages: readonly string[]): void {
    const fresh = messages.filter(message => !this.#told.has(message));
    this.#told = new Set(messages);
    for (const message of fresh.slice(0, mostTold))
      this.editor.tell('warning', `Hotlisp setting ignored: ${oneLine(message, 400)}`);
    if (fresh.length > mostTold)
      this.editor.tell('warning', `Hotlisp settings ignored: ${fresh.length - mostTold} more.`);
  }
}

async function read(file: string, messages: string[]): Promise<unknown> {
  try {
    return JSON.parse((await readTextFile(file, maxBytes)).replace(/^\uFEFF/, ''));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      messages.push(`${file}: ${(error as Error).message}`);
    return {};
  }
}
