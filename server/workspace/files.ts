/** The workspace's Lisp files, found within bounds. */
import type { Dirent } from 'node:fs';
import path from 'node:path';
import { disk } from './disk.ts';

export const extensions: readonly string[] = ['lisp', 'asd', 'cl', 'lsp'];
/** Bytes of the largest file that is read. */
export const maxFileSize = 2_000_000;
/** How many files at most, and how many folders are looked into. */
const maxFiles = 20_000;
const maxFolders = 20_000;

const IGNORED: ReadonlySet<string> = new Set(['node_modules']);

export const isLispFile = (name: string) => extensions.includes(path.extname(name).slice(1).toLowerCase());

/** Whether a scan of the folders may find the file: inside one of them, and in nothing hidden or ignored. */
export function isWithin(folders: readonly string[], file: string): boolean {
  return folders.some(folder => {
    const relative = path.relative(folder, file);
    if (relative === '' || relative.startsWith('..') || path.isAbsolute(relative)) return false;
    return relative.split(path.sep).every(part => !isIgnored(part));
  });
}

const isIgnored = (name: string) => name.startsWith('.') || IGNORED.has(name);

/**
 * Walks the folders, breadth first. Links are followed where they lead out of the folders, each place once; a link to a
 * folder that holds one of `folders` is not.
 * @param log told what is left out, and why
 */
export async function* lispFiles(
  folders: readonly string[],
  log: (message: string) => void,
  limits: { readonly files: number; readonly folders: number } = { files: maxFiles, folders: maxFolders },
): AsyncGenerator<string> {
  const roots = await Promise.all(folders.map(folder => disk.realpath(folder).catch(() => folder)));
  const visited = new Set<string>();
  const waiting = [...folders];
  let found = 0;
  for (let folder = waiting.shift(); folder !== undefined; folder = waiting.shift()) {
    let entries: Dirent[];
    try {
      const real = await disk.realpath(folder);
      if (visited.has(real)) continue;
      visited.add(real);
      if (visited.size > limits.folders) {
        log(`The index looks into ${limits.folders} folders at most; ${folder} and others are left out.`);
        return;
      }
      entries = await disk.entries(folder);
    } catch (error) {
      log(`The index leaves out ${folder}: ${(error as Error).message}`);
      continue;
    }
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (isIgnored(entry.name)) continue;
      const place = path.join(folder, entry.name);
      const kind = await kindOf(entry, place, roots, visited);
      if (kind === 'folder') waiting.push(place);
      else if (kind === 'file' && isLispFile(entry.name)) {
        if (++found > limits.files) {
          log(`The index holds ${limits.files} files at most; ${place} and others are left out.`);
          return;
        }
        yield place;
      }
    }
  }
}

async function kindOf(
  entry: Dirent,
  place: string,
  roots: readonly string[],
  visited: Set<string>,
): Promise<'file' | 'folder' | undefined> {
  if (entry.isDirectory()) return 'folder';
  if (entry.isFile()) return 'file';
  if (!entry.isSymbolicLink()) return undefined;
  try {
    const real = await disk.realpath(place);
    const stat = await disk.stat(real);
    const inside = (inner: string, outer: string) => inner === outer || inner.startsWith(outer + path.sep);
    // What lies in a folder of the workspace is found there, under its own name.
    if (isWithin(roots, real) || roots.includes(real)) return undefined;
    if (stat.isDirectory()) return roots.some(root => inside(root, real)) ? undefined : 'folder';
    if (!stat.isFile() || visited.has(real)) return undefined;
    visited.add(real);
    return 'file';
  } catch {
    return undefined; // a link to nothing, such as an editor's lock
  }
}
