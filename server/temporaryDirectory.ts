/** Directories for files that go with this process. A server that was killed leaves its own to the next one. */
import { promises as fs } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { isAlive, problemOfDirectory } from './image/runDirectory.ts';

export class TemporaryDirectory {
  #path: Promise<string> | undefined;

  /** @param purpose a word of its name */
  constructor(private readonly purpose: string) {}

  /** Its absolute path; made when it is first asked for, with mode 0700. */
  path(): Promise<string> {
    return (this.#path ??= this.#make().catch((error: unknown) => {
      this.#path = undefined;
      throw error;
    }));
  }

  /** Removes it and all that is in it. */
  async dispose(): Promise<void> {
    const made = await this.#path?.catch(() => undefined);
    if (made !== undefined) await fs.rm(made, { recursive: true, force: true });
  }

  async #make(): Promise<string> {
    const root = os.tmpdir();
    const made = await fs.mkdtemp(path.join(root, `hotlisp-${this.purpose}-${process.pid}-`));
    await removeAbandoned(root);
    return made;
  }
}

/** Those of processes that are gone, where they are this user's alone: anybody may make directories of such names. */
async function removeAbandoned(root: string): Promise<void> {
  for (const name of await fs.readdir(root).catch(() => [])) {
    const pid = Number(/^hotlisp-[a-z]+-(\d{1,10})-\w{6}$/.exec(name)?.[1] ?? process.pid);
    if (pid === process.pid || isAlive(pid)) continue;
    const directory = path.join(root, name);
    if ((await problemOfDirectory(directory)) === undefined)
      await fs.rm(directory, { recursive: true, force: true }).catch(() => undefined);
  }
}
