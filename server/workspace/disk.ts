/**
 * Files as the index's own thread reads them: at once, since it may wait. Not by Node's promises: a thread that is ended while
 * one of those begins takes the whole process with it (Node 20: "Assertion failed: (req_wrap_async) != nullptr").
 * The functions answer promises all the same, so that a folder is a place where other messages get their turn.
 */
import * as sync from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';

export const disk = {
  realpath: async (file: string): Promise<string> => sync.realpathSync(file),
  stat: async (file: string): Promise<sync.Stats> => sync.statSync(file),
  /** A pipe would be waited for, and a device has no end. @throws Error for all but regular files */
  async readFile(file: string): Promise<string> {
    if (!sync.statSync(file).isFile()) throw new Error(`${file} is not a regular file`);
    return sync.readFileSync(file, 'utf8');
  },
  writeFile: async (file: string, text: string, mode: number): Promise<void> =>
    sync.writeFileSync(file, text, { mode }),
  rename: async (from: string, to: string): Promise<void> => sync.renameSync(from, to),
  remove: async (file: string): Promise<void> => sync.rmSync(file, { force: true }),
  async entries(folder: string): Promise<sync.Dirent[]> {
    await nextTurn();
    return sync.readdirSync(folder, { withFileTypes: true });
  },
};
