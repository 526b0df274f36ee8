/** A terminal program in a tmux of its own: keys go in, the screen comes out. */
import { spawnSync } from 'node:child_process';
import { descendants, killAll, survivors } from '../support/processes.ts';
import { PATIENCE } from '../support/wait.ts';
import type { EditorHome } from './home.ts';

export class Terminal {
  readonly #socket: string;
  readonly pid: number;

  /** @throws Error when tmux is not there */
  constructor(home: EditorHome, command: readonly string[], cwd: string) {
    this.#socket = home.path('tmux');
    this.pid = Number(
      this.#tmux(
        { cwd, env: { ...home.environment, TERM: 'xterm-256color', SHELL: '/bin/sh' } },
        ...['-f', '/dev/null', '-u', 'new-session', '-d', '-x', '200', '-y', '50', '-P', '-F', '#{pid}'],
        ...command,
      ),
    );
  }

  /** Keys by tmux's names ("Enter", "Escape", "Down", "C-x"), or text. */
  keys(...names: string[]): void {
    this.#tmux({}, 'send-keys', ...names);
  }

  /** Text as typed, whatever is in it. */
  type(text: string): void {
    this.#tmux({}, 'send-keys', '-l', text);
  }

  screen(): string {
    return this.#tmux({}, 'capture-pane', '-p');
  }

  /** The screen once it shows `pattern`. @throws Error with what it shows instead */
  async shows(pattern: RegExp, milliseconds = PATIENCE): Promise<string> {
    return this.#until(screen => pattern.test(screen), `${pattern}`, milliseconds);
  }

  async showsNo(pattern: RegExp, milliseconds = PATIENCE): Promise<string> {
    return this.#until(screen => !pattern.test(screen), `no ${pattern}`, milliseconds);
  }

  /** tmux tells of no change of the screen, so it is looked at again and again. */
  async #until(fits: (screen: string) => boolean, what: string, milliseconds: number): Promise<string> {
    const end = Date.now() + milliseconds;
    for (;;) {
      const screen = this.screen();
      if (fits(screen)) return screen;
      if (Date.now() > end)
        throw new Error(`waited ${milliseconds} ms for ${what} on the screen:\n${screen}`);
      await new Promise(resolve => setTimeout(resolve, 50));
    }
  }

  /** Ends the program and everything that it started. */
  async stop(): Promise<void> {
    const all = [this.pid, ...descendants(this.pid)];
    killAll(all);
    await survivors(all);
  }

  #tmux(options: { cwd?: string; env?: Record<string, string> }, ...args: string[]): string {
    const { stdout, stderr, status, error } = spawnSync('tmux', ['-S', this.#socket, ...args], {
      encoding: 'utf8',
      timeout: 10_000,
      ...options,
    });
    if (error) throw new Error(`tmux is missing or does not answer: apt-get install tmux (${error.message})`);
    if (status !== 0) throw new Error(`tmux ${args.join(' ')}: ${stderr || stdout}`);
    return stdout;
  }
}
