/** The agent's sources as one text, and the digest that names it. */
import { createHash, randomBytes } from 'node:crypto';
import { lstat, readdir, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { makePrivateDirectory, type Environment } from './runDirectory.ts';

export interface AgentFiles {
  /** Absolute path of boot.lisp. */
  readonly bootFile: string;
  /** The text of boot.lisp. */
  readonly boot: string;
  /** The files of files.txt, in order, a form feed between each two: boot.lisp compiles them one by one. */
  readonly source: string;
  /** sha256 of boot and source, hex. */
  readonly digest: string;
}

/** Reads `lispDir`. @throws Error when a file is missing: the installation is broken */
export async function readAgentFiles(lispDir: string): Promise<AgentFiles> {
  const read = (name: string) => readFile(path.join(lispDir, name), 'utf8');
  const names = (await read('files.txt')).split('\n').map(line => line.trim());
  const parts = await Promise.all(names.filter(name => name !== '').map(name => read(`${name}.lisp`)));
  const source = parts.join('\f');
  const boot = await read('boot.lisp');
  const digest = createHash('sha256').update(boot).update('\0').update(source).digest('hex');
  return { bootFile: path.resolve(lispDir, 'boot.lisp'), boot, source, digest };
}

/** Where the agent's source and compiled forms are kept; boot.lisp computes the same. */
export function cacheDirectory(environment: Environment): string {
  const cache = environment['XDG_CACHE_HOME'];
  const home = environment['HOME'] ?? os.homedir();
  return path.join(cache && path.isAbsolute(cache) ? cache : path.join(home, '.cache'), 'hotlisp');
}

/**
 * Puts the agent's source into the cache, named by its digest, so that what an image compiles under that digest is that text
 * whatever happens to the files meanwhile.
 * @returns its path
 * @throws HotlispError `no-image` when the cache is not this user's alone; Error when it cannot be written
 */
export async function storeAgentSource(files: AgentFiles, environment: Environment): Promise<string> {
  const directory = cacheDirectory(environment);
  await makePrivateDirectory(directory);
  const file = path.join(directory, `agent-${files.digest.slice(0, 32)}.lisp`);
  const stats = await lstat(file).catch(() => undefined);
  if (stats?.isFile() && (await readFile(file, 'utf8').catch(() => undefined)) === files.source) return file;
  const temporary = `${file}.${process.pid}-${randomBytes(4).toString('hex')}`;
  await writeFile(temporary, files.source, { mode: 0o600 });
  await rename(temporary, file);
  return file;
}

/** Removes what images have compiled of the agent. @returns whether there was anything */
export async function forgetCompiledAgents(files: AgentFiles, environment: Environment): Promise<boolean> {
  const directory = cacheDirectory(environment);
  const names = await readdir(directory).catch(() => []);
  const compiled = names.filter(
    name => name.startsWith(`agent-${files.digest.slice(0, 32)}-`) && name.endsWith('.fasl'),
  );
  const removed = compiled.map(async name =>
    unlink(path.join(directory, name)).then(
      () => true,
      () => false,
    ),
  );
  return (await Promise.all(removed)).includes(true);
}
