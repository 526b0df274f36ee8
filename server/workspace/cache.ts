/** The index on disk: one JSON file per workspace, of use only to the very program, grammar and encoding that wrote it. */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { disk } from './disk.ts';
import type { FileSummary, FormUses } from './types.ts';

/** What a file was like when it was read. */
export interface FileStamp {
  readonly mtimeMs: number;
  readonly size: number;
  /** Of its content. */
  readonly hash: string;
  /** Digest of the features it was read with; "" where it holds no reader conditional. */
  readonly features: string;
}

export interface CachedFile {
  readonly stamp: FileStamp;
  readonly summary: FileSummary;
}

interface Stored {
  readonly stamp: string;
  /** Keys that forms use; a form's `uses` are indices into it. */
  readonly symbols: readonly string[];
  readonly files: readonly {
    readonly uri: string;
    readonly stamp: FileStamp;
    readonly summary: Omit<FileSummary, 'forms'> & {
      readonly forms: readonly (Omit<FormUses, 'uses'> & { readonly uses: readonly number[] })[];
    };
  }[];
}

/** Days after which the index of a workspace that nobody opens is removed. */
const keptDays = 60;

/** @returns nothing where there is no cache, it is another program's, or it does not read */
export async function loadCache(
  file: string,
  stamp: string,
  log: (message: string) => void,
): Promise<Map<string, CachedFile>> {
  try {
    const stored = JSON.parse(await disk.readFile(file)) as Stored;
    if (stored.stamp !== stamp) return new Map();
    const entries = stored.files.map(({ uri, stamp: own, summary }): [string, CachedFile] => {
      const forms = summary.forms.map(form => ({
        ...form,
        uses: form.uses.map(id => {
          const key = stored.symbols[id];
          if (key === undefined) throw new Error(`symbol ${id} of ${uri} is missing`);
          return key;
        }),
      }));
      return [uri, { stamp: own, summary: { ...summary, forms } }];
    });
    return new Map(entries);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      log(`The cached index ${file} is not used: ${(error as Error).message}`);
    return new Map();
  }
}

/** Writes all of it under another name first, so that no reader ever sees a part. @throws Error when it cannot be written */
export async function saveCache(
  file: string,
  stamp: string,
  entries: Iterable<readonly [uri: string, entry: CachedFile]>,
): Promise<void> {
  const ids = new Map<string, number>();
  const idOf = (key: string) => {
    let id = ids.get(key);
    if (id === undefined) ids.set(key, (id = ids.size));
    return id;
  };
  const files = [...entries].map(([uri, { stamp: own, summary }]) => ({
    uri,
    stamp: own,
    summary: { ...summary, forms: summary.forms.map(form => ({ ...form, uses: form.uses.map(idOf) })) },
  }));
  const stored: Stored = { stamp, symbols: [...ids.keys()], files };
  const temporary = `${file}.${process.pid}-${randomBytes(4).toString('hex')}`;
  try {
    await disk.writeFile(temporary, JSON.stringify(stored), 0o600);
    await disk.rename(temporary, file);
  } catch (error) {
    await disk.remove(temporary);
    throw error;
  }
  await removeForgotten(path.dirname(file));
}

async function removeForgotten(directory: string): Promise<void> {
  const oldest = Date.now() - keptDays * 86_400_000;
  for (const { name } of await disk.entries(directory)) {
    if (!/^index-[0-9a-f]+\.json/.test(name)) continue;
    const file = path.join(directory, name);
    const stat = await disk.stat(file).catch(() => undefined);
    if (stat && stat.mtimeMs < oldest) await disk.remove(file);
  }
}
