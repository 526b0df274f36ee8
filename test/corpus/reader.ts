/** SBCL's reader as the judge of where forms are. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';

const here = import.meta.dirname.endsWith('corpus') ? import.meta.dirname : path.resolve('test/corpus');
/** Milliseconds without an answer for one file, after which the run is given up. */
const PATIENCE = 60_000;

export interface Judged {
  readonly file: string;
  readonly text: string;
  /** [start, end) in UTF-16 code units, in order. */
  readonly forms: readonly (readonly [number, number])[];
  /** Dispatch macro characters that the standard readtable does not know. */
  readonly unknown: string;
  /** What stopped SBCL's reader before the end. */
  readonly error: string | null;
}

/** The text as an editor would show it: UTF-8 where it is that, else Latin-1. */
export async function decode(file: string): Promise<{ text: string; encoding: 'utf-8' | 'latin-1' }> {
  const bytes = await readFile(file);
  try {
    return {
      text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes),
      encoding: 'utf-8',
    };
  } catch {
    return { text: bytes.toString('latin1'), encoding: 'latin-1' };
  }
}

/** Reads files with SBCL, one after the other. @throws Error when SBCL cannot be started, ends early or does not answer */
export async function* judge(files: readonly string[]): AsyncGenerator<Judged> {
  const sbcl = spawn(
    process.env['SBCL'] ?? 'sbcl',
    [
      '--noinform',
      '--no-sysinit',
      '--no-userinit',
      '--disable-debugger',
      '--load',
      path.join(here, 'boundaries.lisp'),
    ],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  let failed: Error | undefined;
  sbcl.on('error', error => (failed = error));
  const lines = createInterface({ input: sbcl.stdout })[Symbol.asyncIterator]();
  let watch: NodeJS.Timeout | undefined;
  try {
    for (const file of files) {
      const { text, encoding } = await decode(file);
      sbcl.stdin.write(`${encoding} ${file}\n`);
      watch = setTimeout(() => sbcl.kill('SIGKILL'), PATIENCE);
      const line = await lines.next();
      clearTimeout(watch);
      if (failed) throw new Error(`SBCL cannot be started: ${failed.message}`);
      if (line.done) throw new Error(`SBCL ended or was silent for ${PATIENCE / 1000} s at ${file}`);
      const { forms, unknown, error } = JSON.parse(line.value) as Omit<Judged, 'file' | 'text'>;
      const unit = unitsOf(text);
      yield {
        file,
        text,
        unknown,
        error,
        forms: forms.map(([start, end]) => [unit(start), unit(end)] as const),
      };
    }
  } finally {
    clearTimeout(watch);
    sbcl.kill('SIGKILL');
  }
}

/** From code points to UTF-16 code units. */
function unitsOf(text: string): (offset: number) => number {
  if (!/[\ud800-\udbff]/.test(text)) return offset => offset;
  const units = [0];
  for (const character of text) units.push(units.at(-1)! + character.length);
  return offset => units[offset]!;
}
