/** Where SLIME's indentation puts the lines of files: the real one, in a real Emacs, told of macros as a connected image would tell it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Argument, Arguments, Spec } from '../../server/features/format/spec.ts';
import type { Specs } from '../../server/features/format/rules.ts';

/** The columns of the lines of a file, both 0-based; lines inside strings and comments of one semicolon are missing. */
export type Columns = ReadonlyMap<number, number>;

export class Slime {
  readonly #emacs;
  readonly #answers;
  #sent: Specs | undefined;

  /** @param directory that has slime.el in it */
  constructor(directory: string) {
    this.#emacs = spawn('emacs', ['--batch', '-Q', '-l', 'test/corpus/slime.el', directory], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#emacs.stdin.on('error', () => undefined);
    this.#answers = createInterface({ input: this.#emacs.stdout })[Symbol.asyncIterator]();
  }

  /** @throws Error where Emacs has ended */
  async columnsOf(file: string, macros: Specs): Promise<Columns> {
    const told =
      this.#sent === macros
        ? {}
        : Object.fromEntries([...macros].map(([name, spec]) => [name, written(spec)]));
    this.#sent = macros;
    this.#emacs.stdin.write(`${JSON.stringify({ file, macros: told })}\n`);
    const { value, done } = (await this.#answers.next()) as IteratorResult<string, undefined>;
    if (done) throw new Error(`Emacs ended at ${file}`);
    return new Map((JSON.parse(value) as { columns: [number, number][] }).columns);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#emacs.exitCode !== null || this.#emacs.signalCode !== null) return;
    const ended = once(this.#emacs, 'exit');
    this.#emacs.kill();
    await ended;
  }
}

/** As `common-lisp-indent-function` wants it. */
function written(spec: Spec): string {
  if (typeof spec === 'number') return String(spec);
  return typeof spec === 'object' ? `(${list(spec)})` : 'nil';
}

const list = ({ each, rest }: Arguments): string =>
  [...each.map(argument), rest === 'body' ? '&body' : `&rest ${argument(rest)}`].join(' ');

function argument(given: Argument): string {
  if (typeof given === 'number') return String(given);
  if (typeof given === 'object') return `(&whole ${given.whole ?? 'nil'} ${list(given.inside)})`;
  return given === 'normal' ? 'nil' : `&${given}`;
}
