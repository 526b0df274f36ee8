/** Which images that serve themselves belong to this workspace. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Image } from './image.ts';
import { openSocket, type OpenOptions } from './open.ts';
import { isAlive, pidOfSocket, problemOfDirectory, runDirectories } from './runDirectory.ts';

const HELLO_MS = 2_000;

export interface Found {
  readonly path: string;
  readonly image: Image;
}

/** Connects to every serving image of this user, and keeps those whose program works from one of the workspace's folders. Never rejects. */
export async function discover(options: OpenOptions): Promise<Found[]> {
  const paths = (await Promise.all(runDirectories(options.environment).map(socketsIn))).flat();
  const found = await Promise.all(paths.map(socket => greetCandidate(socket, options)));
  return found.filter(candidate => candidate !== undefined);
}

async function socketsIn(directory: string): Promise<string[]> {
  if (await problemOfDirectory(directory)) return [];
  const names = await readdir(directory).catch(() => []);
  return names
    .filter(name => {
      const pid = pidOfSocket(name);
      return pid !== undefined && isAlive(pid);
    })
    .map(name => path.join(directory, name));
}

async function greetCandidate(socket: string, options: OpenOptions): Promise<Found | undefined> {
  try {
    const image = await openSocket(socket, options, HELLO_MS);
    if (image.hello.belongs) return { path: socket, image };
    await image.close();
  } catch (error) {
    options.onLog(`Not considered: ${(error as Error).message}`);
  }
  return undefined;
}
