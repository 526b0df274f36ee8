/** What the files of a workspace's folders say of the settings, and the telling of what is wrong with any. */
import { statSync } from 'node:fs';
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
  /** Of the files that the settings were made stricter by last. */
  #stamp = '';

  constructor(private readonly editor: Editor) {}

  /** `settings`, as strict as the folders' files make them. Tells the user what is ignored, once for each time that it appears. */
  async tightened(
    settings: Settings,
    folders: readonly string[],
    problems: readonly SettingProblem[],
  ): Promise<Settings> {
    this.#stamp = stampOf(folders);
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

  /** Whether any of the files has changed since, as far as its time and size tell. Does not wait: commands keep their order. */
  isOutdated(folders: readonly string[]): boolean {
    return stampOf(folders) !== this.#stamp;
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

function stampOf(folders: readonly string[]): string {
  const stamps = folders.map(folder => {
    try {
      const { mtimeMs, ctimeMs, size, ino } = statSync(path.join(folder, workspaceFile));
      return [mtimeMs, ctimeMs, size, ino].join(' ');
    } catch {
      return '';
    }
  });
  return stamps.join('\n');
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
