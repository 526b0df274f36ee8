/** Debian's Common Lisp packages, downloaded and unpacked into a cache of this program's own; nothing is installed. */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** More packages than Debian has of this kind: what goes beyond is a mistake. */
const MOST = 400;
/** How many packages one apt-get fetches. */
const BATCH = 20;
const MINUTE = 60_000;

export interface Package {
  readonly name: string;
  /** Absolute paths of its .lisp and .asd files, sorted. */
  readonly files: readonly string[];
}

export const cache = path.join(
  process.env['XDG_CACHE_HOME'] || path.join(homedir(), '.cache'),
  'hotlisp-corpus',
);

const debs = path.join(cache, 'debs');
const unpacked = path.join(cache, 'unpacked');

/**
 * Fetches what the cache lacks; uses the host's own apt configuration and sources.
 * @throws Error with one line for people where there is no apt, or apt knows none of the packages
 */
export async function packages(report: (line: string) => void): Promise<Package[]> {
  for (const program of ['apt-get', 'apt-cache', 'dpkg-deb'])
    if (spawnSync(program, ['--version']).error)
      throw new Error(
        `The corpus comes from Debian's packages, and there is no ${program} here: run this on Debian or Ubuntu.`,
      );
  await Promise.all([debs, unpacked].map(directory => mkdir(directory, { recursive: true })));
  const { names, options } = await known(report);
  await unpack(names, options, report);
  const found: Package[] = [];
  for (const name of names) {
    const files = await filesOf(name, /\.(?:lisp|asd)$/);
    if (files.length > 0) found.push({ name, files });
  }
  return found;
}

/**
 * The files of another package, whose names end so; the cache has it, or it is fetched.
 * @throws Error where apt has no such package
 */
export async function filesOfPackage(
  name: string,
  ending: RegExp,
  report: (line: string) => void,
): Promise<string[]> {
  const { options } = await known(report);
  await unpack([name], options, report);
  return filesOf(name, ending);
}

async function unpack(
  names: readonly string[],
  options: readonly string[],
  report: (line: string) => void,
): Promise<void> {
  const missing = names.filter(name => !existsSync(path.join(unpacked, name)));
  for (let at = 0; at < missing.length; at += BATCH) {
    report(`fetching packages ${at + 1} to ${Math.min(missing.length, at + BATCH)} of ${missing.length}`);
    await fetch(missing.slice(at, at + BATCH), debs, options);
    for (const deb of await readdir(debs)) {
      const name = deb.slice(0, deb.indexOf('_'));
      const partial = path.join(cache, 'partial');
      await rm(partial, { recursive: true, force: true });
      await run('dpkg-deb', ['-x', path.join(debs, deb), partial], { timeout: MINUTE });
      await rm(path.join(unpacked, name), { recursive: true, force: true });
      await rename(partial, path.join(unpacked, name));
      await rm(path.join(debs, deb));
    }
  }
}

/** Absolute paths, sorted; none where the package is not there. */
async function filesOf(name: string, ending: RegExp): Promise<string[]> {
  const directory = path.join(unpacked, name);
  if (!existsSync(directory)) return [];
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter(entry => entry.isFile() && ending.test(entry.name))
    .map(entry => path.join(entry.parentPath, entry.name))
    .sort();
}

/** The names of the packages, and the apt options under which apt knows them: the host's state, else a private one that is updated first. */
async function known(report: (line: string) => void): Promise<{ names: string[]; options: string[] }> {
  const own = [
    ['Dir::State', path.join(cache, 'state')],
    ['Dir::Cache', path.join(cache, 'apt')],
    ['APT::Sandbox::User', ''],
  ].flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  for (const options of [[], own]) {
    if (options.length > 0) {
      report('apt knows no packages yet: updating a private copy of its lists');
      for (const directory of ['state/lists/partial', 'apt/archives/partial'])
        await mkdir(path.join(cache, directory), { recursive: true });
      await run('apt-get', ['-qq', ...options, 'update'], { timeout: 5 * MINUTE });
    }
    const { stdout } = await run('apt-cache', [...options, 'pkgnames', 'cl-'], { timeout: MINUTE });
    const all = stdout
      .split('\n')
      .filter(name => name !== '')
      .sort();
    if (all.length > MOST)
      throw new Error(`apt names ${all.length} packages cl-*, more than the ${MOST} that are expected.`);
    // a name may be known that no source offers
    const { stdout: shown } = await run('apt-cache', [...options, 'show', '--no-all-versions', ...all], {
      timeout: MINUTE,
      maxBuffer: 1 << 26,
    }).catch((error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }));
    const names = [...new Set([...shown.matchAll(/^Package: (cl-\S+)$/gm)].map(match => match[1]!))].sort();
    if (names.length > 0) return { names, options };
  }
  throw new Error("apt knows no package cl-*: its sources seem to be none of Debian's.");
}

async function fetch(names: readonly string[], directory: string, options: readonly string[]): Promise<void> {
  const user = process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : [];
  await run('apt-get', ['-qq', ...options, ...user, 'download', ...names], {
    cwd: directory,
    timeout: 5 * MINUTE,
  });
}
