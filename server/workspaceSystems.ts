/** Definitions of systems (.asd files) in the workspace, found by their names; nothing of them is read. */
import { promises as fs, readdirSync, type Dirent } from 'node:fs';
import path from 'node:path';

/** How deep below a workspace folder a system's definition is looked for. */
const depth = 3;

/** The file NAME.asd below the folders; that of the part before a slash for a secondary system. */
export async function definitionOfSystem(
  roots: readonly string[],
  name: string,
): Promise<string | undefined> {
  const wanted = `${name.split('/')[0]}.asd`;
  let level = [...roots];
  for (let below = 0; below <= depth; below++) {
    const next: string[] = [];
    for (const folder of level)
      for (const entry of await fs.readdir(folder, { withFileTypes: true }).catch((): Dirent[] => [])) {
        if (entry.isFile() && entry.name === wanted) return path.join(folder, wanted);
        if (entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules')
          next.push(path.join(folder, entry.name));
      }
    level = next;
  }
  return undefined;
}

/** The names of the systems that the nearest folder at or above `file`, but not above its workspace folder, defines. */
export function systemsAbove(roots: readonly string[], file: string): string[] {
  const root = roots.find(each => file.startsWith(each + path.sep));
  if (root === undefined) return [];
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const names = entriesOf(folder)
      .filter(entry => entry.isFile() && entry.name.endsWith('.asd'))
      .map(({ name }) => name.slice(0, -'.asd'.length));
    if (names.length > 0 || folder === root || folder === path.dirname(folder)) return names.sort();
  }
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
