/** An editor that runs a script inside itself and reports each step of it as one line of JSON on standard output. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import readline from 'node:readline';
import { descendants, killAll, survivors } from '../support/processes.ts';
import { Happenings, within } from '../support/wait.ts';
import type { EditorHome } from './home.ts';

export interface Step {
  readonly step: string;
  readonly [key: string]: unknown;
}

/** The script finds the folder in HOTLISP_TEST_FOLDER, and waits for files that `goOn` writes there. */
export class ScriptedEditor {
  readonly #steps = new Happenings<Step>();
  readonly #child;
  readonly #exited: Promise<number | null>;
  #stderr = '';

  constructor(
    private readonly name: string,
    private readonly home: EditorHome,
    program: string,
    args: readonly string[],
    options: { readonly cwd: string; readonly env?: Record<string, string> },
  ) {
    const child = (this.#child = spawn(program, args, {
      cwd: options.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...home.environment, HOTLISP_TEST_FOLDER: home.folder, ...options.env },
    }));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    readline.createInterface({ input: child.stdout }).on('line', line => {
      if (line.startsWith('{')) this.#steps.add(JSON.parse(line) as Step);
    });
    this.#exited = new Promise(resolve => {
      child.on('exit', code => {
        this.#steps.add({ step: 'failed', why: `${name} ended with exit code ${code}` });
        resolve(code);
      });
      child.on('error', error => {
        this.#steps.add({ step: 'failed', why: error.message });
        resolve(null);
      });
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** The step of that name, once it was reported. @throws Error when the script failed instead */
  async step(name: string, milliseconds = 90_000): Promise<Step> {
    const found = await this.#steps.next(
      `${this.name}'s step ${name} (stderr: ${this.#stderr.slice(-2000)})`,
      each => each.step === name || each.step === 'failed',
      0,
      milliseconds,
    );
    if (found.step !== name)
      throw new Error(`${this.name}: ${JSON.stringify(found)} ${this.#stderr.slice(-4000)}`);
    return found;
  }

  /** Lets the script go on past the place where it waits for `name`. */
  goOn(name: string): void {
    writeFileSync(this.home.path(name), '');
  }

  /** The exit code of the editor, which must end by itself. */
  ended(): Promise<number | null> {
    return within(`${this.name} to end`, this.#exited);
  }

  /** Ends the editor and everything that it started. */
  async stop(): Promise<void> {
    const all = [this.pid, ...descendants(this.pid)];
    killAll(all);
    await survivors(all);
  }
}
