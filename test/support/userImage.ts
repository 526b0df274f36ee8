/** An SBCL that a user started by themselves, with a Swank server in it: what Hotlisp attaches to. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { lispString, sbclCommand, serverProgram } from './lspClient.ts';
import { survivors } from './processes.ts';
import { within } from './wait.ts';

export interface UserImage {
  readonly pid: number;
  /** What the start-up form answered, by name: the ports. */
  readonly ports: Readonly<Record<string, number>>;
  /** What it printed so far. */
  output(): string;
  isRunning(): boolean;
  stop(): Promise<void>;
}

/** Debian's own libraries by ASDF, and a clear word when they are not installed. */
export const loadSystem = (name: string, debianPackage: string): string => `
  (unless (asdf:find-system ${lispString(name)} nil)
    (format t "MISSING ${debianPackage}: apt-get install ${debianPackage}~%") (finish-output) (sb-ext:exit :code 3 :abort t))
  (let ((*standard-output* (make-broadcast-stream)) (*error-output* (make-broadcast-stream)))
    (handler-bind ((warning #'muffle-warning)) (asdf:load-system ${lispString(name)})))`;

/** A Swank server on a port (0: a free one), started as people have it in their start-up files. */
export const swankServerAt = (port: number): string => `${loadSystem('swank', 'cl-swank')}
  (format t "PORT swank ~D~%" (funcall (intern "CREATE-SERVER" "SWANK") :port ${port} :dont-close t))`;

export const swankServer = swankServerAt(0);

/** The agent as a program loads it that serves itself; its socket is in the XDG_RUNTIME_DIR that the image is given. */
export const ownServer = `(asdf:load-asd ${lispString(path.join(path.dirname(serverProgram), 'lisp/hotlisp.asd'))})
  (let ((*standard-output* (make-broadcast-stream)) (*error-output* (make-broadcast-stream)))
    (asdf:load-system "hotlisp"))
  (format t "SOCKET ~A~%" (funcall (intern "SERVE" "HOTLISP")))`;

/** The address of an image that ran `ownServer`. */
export const socketOf = (image: UserImage): string => `unix:${/^SOCKET (.*)$/m.exec(image.output())![1]!}`;

/**
 * Starts SBCL, or the executable `program`, which does the same by itself; SBCL runs `startUp` (Lisp text; prints `PORT name number` for each port), and waits until it is ready.
 * @throws Error with what SBCL printed when it ends before
 */
export async function startUserImage(
  startUp: string,
  options: { cwd?: string; env?: Record<string, string>; program?: string } = {},
): Promise<UserImage> {
  const folder = mkdtempSync(path.join(tmpdir(), 'hotlisp-image-'));
  const script = path.join(folder, 'start.lisp');
  // The main thread then waits, as an application's does; the end of our pipe ends it.
  writeFileSync(
    script,
    `(require :asdf)\n${startUp}\n(format t "READY~%")\n(finish-output)\n(loop while (read-line *standard-input* nil))\n(sb-ext:exit :abort t)\n`,
  );
  const [program = 'sbcl', ...args] = options.program ? [options.program] : sbclCommand.split(' ');
  const child = spawn(
    program,
    [...args, '--noinform', '--no-userinit', '--disable-debugger', '--load', script],
    {
      cwd: options.cwd ?? folder,
      // A person's shell has a UTF-8 locale; a test machine may have none.
      env: { ...process.env, LC_ALL: 'C.UTF-8', ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
  const ports: Record<string, number> = {};
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  const exited = new Promise<void>(resolve => {
    child.on('exit', () => resolve());
    child.on('error', error => {
      output += error.message;
      resolve();
    });
  });
  const ready = new Promise<void>((resolve, reject) => {
    readline.createInterface({ input: child.stdout }).on('line', line => {
      output += `${line}\n`;
      const [word, name, number] = line.split(' ');
      if (word === 'PORT') ports[name!] = Number(number);
      if (word === 'READY') resolve();
    });
    void exited.then(() => reject(new Error(`SBCL ended before it was ready:\n${output}`)));
  });
  const stop = async () => {
    child.kill('SIGKILL');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    // Debian's libraries are compiled on their first use: some tens of seconds on a busy machine.
    await within('SBCL to be ready', ready, 110_000);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    pid: child.pid!,
    ports,
    output: () => output,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    stop: async () => {
      await stop();
      await survivors([child.pid!]);
    },
  };
}
