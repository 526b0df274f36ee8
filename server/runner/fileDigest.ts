/** Files by what is in them. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { refuseUnlessRegularFile } from '../regularFile.ts';

/** Hexadecimal SHA-256 of the file's bytes; undefined where it cannot be read. */
export function digestOfFile(file: string): string | undefined {
  try {
    refuseUnlessRegularFile(file);
    return createHash('sha256').update(readFileSync(file)).digest('hex');
  } catch {
    return undefined;
  }
}
