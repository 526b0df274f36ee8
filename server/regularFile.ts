/** Reading files whose names others chose: a pipe would be waited for, a device has no end. */
import { statSync, type Stats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';

/** Bytes of the largest file that is read as a text. */
const maxTextBytes = 64 * 1024 * 1024;

/** @throws Error when it is no regular file, or too large */
export function refuseUnlessRegular(stats: Stats, maxBytes = maxTextBytes): void {
  if (stats.isDirectory()) throw new Error('EISDIR: it is a directory');
  if (!stats.isFile()) throw new Error('it is not a regular file');
  if (stats.size > maxBytes)
    throw new Error(`it has ${stats.size} bytes, more than the ${maxBytes} that are read`);
}

/** The text of a regular file. @throws Error as stat and reading do, and `refuseUnlessRegular` */
export async function readTextFile(file: string, maxBytes = maxTextBytes): Promise<string> {
  refuseUnlessRegular(await stat(file), maxBytes);
  return readFile(file, 'utf8');
}

/** For callers that may wait. @throws as `readTextFile` */
export const refuseUnlessRegularFile = (file: string): void => refuseUnlessRegular(statSync(file));

/** Whether it is here, and neither a file nor a folder; what is on another host, or can be no file's name, is not known. */
export function isSpecialFile(file: string): boolean {
  try {
    const stats = statSync(file);
    return !stats.isFile() && !stats.isDirectory();
  } catch {
    return false;
  }
}
