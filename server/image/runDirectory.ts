/** Where images listen, and who may be there: directories and sockets that nobody but this user can touch. */
import { lstat, mkdir, readdir, unlink } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { HotlispError } from '../errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const uid = (): number => process.getuid?.() ?? os.userInfo().uid;

/** What `sun_path` holds on macOS, the smaller one, without its final zero. */
const MAX_SOCKET_PATH_BYTES = 103;

/** Every directory in which a serving image of this user may have put its socket, the preferred one first. */
export function runDirectories(environment: Environment): string[] {
  const runtime = environment['XDG_RUNTIME_DIR'];
  const temporary = environment['TMPDIR'];
  const own =
    process.platform === 'darwin' && temporary && path.isAbsolute(temporary)
      ? path.join(temporary, 'hotlisp')
      : `/tmp/hotlisp-${uid()}`;
  return runtime && path.isAbsolute(runtime) ? [path.join(runtime, 'hotlisp'), own] : [own];
}

/** Why `directory` may not be used; undefined when it is a directory (no link) of this user with mode 0700 or stricter. */
export async function problemOfDirectory(directory: string): Promise<string | undefined> {
  const stats = await lstatOrUndefined(directory);
  if (!stats) return `${directory} does not exist`;
  if (stats.isSymbolicLink()) return `${directory} is a symbolic link`;
  if (!stats.isDirectory()) return `${directory} is not a directory`;
  if (stats.uid !== uid()) return `${directory} belongs to another user (uid ${stats.uid})`;
  if ((stats.mode & 0o077) !== 0)
    return `${directory} is open to other users (mode ${(stats.mode & 0o777).toString(8).padStart(4, '0')}); chmod 700 it`;
  return undefined;
}

/** Why nobody should connect to the socket at `socketPath`; undefined when it and its directory are this user's own. */
export async function problemOfSocket(socketPath: string): Promise<string | undefined> {
  const stats = await lstatOrUndefined(socketPath);
  if (!stats) return `${socketPath} does not exist`;
  if (!stats.isSocket()) return `${socketPath} is not a socket`;
  if (stats.uid !== uid()) return `${socketPath} belongs to another user (uid ${stats.uid})`;
  return problemOfDirectory(path.dirname(socketPath));
}

async function lstatOrUndefined(file: string): Promise<Stats | undefined> {
  try {
    return await lstat(file);
  } catch {
    return undefined;
  }
}

/**
 * Makes `directory` (and its parents) private to this user.
 * @throws HotlispError `no-image` when something else is in its place
 */
export async function makePrivateDirectory(directory: string): Promise<void> {
  try {
    await mkdir(path.dirname(directory), { recursive: true, mode: 0o700 });
    await mkdir(directory, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
      throw new HotlispError(
        'no-image',
        `The directory ${directory} cannot be made: ${(error as Error).message}. Set XDG_RUNTIME_DIR to a directory of your own.`,
      );
  }
  const problem = await problemOfDirectory(directory);
  if (problem)
    throw new HotlispError(
      'no-image',
      `An image's socket cannot be kept safe: ${problem}. Mend that, or set XDG_RUNTIME_DIR to a directory of your own.`,
    );
}

/** A directory for the sockets of spawned images, apart from those that auto discovery looks at, and short enough for a socket's address. */
export async function spawnedDirectory(environment: Environment): Promise<string> {
  const fits = (directory: string) =>
    Buffer.byteLength(path.join(directory, 'spawned', 'x'.repeat(28))) <= MAX_SOCKET_PATH_BYTES;
  const run = runDirectories(environment).find(fits) ?? path.join('/tmp', `hotlisp-${uid()}`);
  await makePrivateDirectory(run);
  const directory = path.join(run, 'spawned');
  await makePrivateDirectory(directory);
  await removeDead(directory);
  return directory;
}

/** The process a socket's name speaks of: `<pid>-<random>.sock`. */
export function pidOfSocket(name: string): number | undefined {
  const match = /^(\d{1,10})-[^/]+\.sock$/.exec(name);
  return match ? Number(match[1]) : undefined;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Sockets of servers that were killed before they could clean up. */
async function removeDead(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const pid = pidOfSocket(name);
    if (pid !== undefined && !isAlive(pid)) await unlink(path.join(directory, name)).catch(() => undefined);
  }
}
