/** The program under test: an SBCL with the agent and a small system in it, which a test may kill, stop and start again. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { readAgentFiles, storeAgentSource } from '../../server/image/agentFiles.ts';
import { imageArguments, parseCommand } from '../../server/image/command.ts';
import type { Image } from '../../server/image/image.ts';
import { openSocket } from '../../server/image/open.ts';
import { lispDir, valuesOf, type Surroundings } from '../support/images.ts';
import { lispString, repository, sbclCommand } from '../support/lspClient.ts';
import { survivors } from '../support/processes.ts';
import { shop } from '../support/shop.ts';
import { within } from '../support/wait.ts';

/** Where the program's files are, and its sockets: the agent's own, and the one that a server is told of. */
export interface Place {
  readonly surroundings: Surroundings;
  /** The workspace. */
  readonly root: string;
  readonly file: string;
  /** Where the agent listens. */
  readonly back: string;
}

export function placeIn(surroundings: Surroundings): Place {
  const root = surroundings.make('shop');
  const file = path.join(root, 'shop.lisp');
  writeFileSync(file, shop);
  writeFileSync(
    path.join(root, 'shop.asd'),
    '(defsystem "shop" :version "1.0" :components ((:file "shop")))\n',
  );
  return { surroundings, root, file, back: path.join(surroundings.make('back'), 'agent.sock') };
}

const quietly = (form: string) =>
  `(let ((*standard-output* (make-broadcast-stream)) (*error-output* (make-broadcast-stream)))
     (handler-bind ((warning #'muffle-warning)) ${form}) t)`;

export class Program {
  #killed = false;
  /** Our own way into the image, past the server. */
  direct!: Image;

  private constructor(
    private readonly child: ChildProcess,
    private readonly place: Place,
  ) {}

  static async start(place: Place): Promise<Program> {
    rmSync(place.back, { force: true });
    const files = await readAgentFiles(lispDir);
    const { environment } = place.surroundings;
    const words = parseCommand(sbclCommand);
    const args = imageArguments(words, {
      bootFile: files.bootFile,
      digest: files.digest,
      sourceFile: await storeAgentSource(files, environment),
      socket: place.back,
      token: 'fault',
    });
    const child = spawn(words[0]!, args, {
      cwd: place.root,
      env: {
        ...environment,
        ASDF_OUTPUT_TRANSLATIONS: `(:output-translations (t (${lispString(path.join(place.surroundings.folder, 'fasl') + '/')} :implementation)) :ignore-inherited-configuration)`,
        CL_SOURCE_REGISTRY: '(:source-registry :ignore-inherited-configuration)',
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    child.stdin.on('error', () => undefined);
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-5000)));
    const program = new Program(child, place);
    try {
      await within(
        'the program to serve',
        new Promise<void>((resolve, reject) => {
          readline
            .createInterface({ input: child.stdout })
            .on('line', line => line === 'hotlisp-ready fault' && resolve());
          child.once('exit', code => reject(new Error(`the program ended (${code}): ${output}`)));
          child.once('error', reject);
        }),
      );
      program.direct = await openSocket(place.back, {
        lispDir,
        clientName: 'fault bench',
        roots: [],
        environment,
        onLog: () => undefined,
        traceLevel: () => 'off',
        signal: new AbortController().signal,
      });
      await program.lisp(`(load ${lispString(path.join(repository, 'test/support/fingerprint.lisp'))})`);
      await program.lisp('(require :asdf)');
      await program.lisp(
        `(progn (asdf:load-asd ${lispString(path.join(place.root, 'shop.asd'))}) ${quietly('(asdf:load-system "shop")')})`,
      );
    } catch (error) {
      await program.kill();
      throw error;
    }
    return program;
  }

  get pid(): number {
    return this.child.pid!;
  }

  get isAlive(): boolean {
    return !this.#killed && this.child.exitCode === null && this.child.signalCode === null;
  }

  lisp(code: string): Promise<string[]> {
    return within(`the program's answer to ${code.slice(0, 80)}`, valuesOf(this.direct, code), 60_000);
  }

  /** Makes the program what its files say again, and remembers that for `changes`. */
  async baseline(): Promise<void> {
    await this.lisp(`(progn ${quietly('(asdf:load-system "shop" :force t)')} (fingerprint:remember "SHOP"))`);
  }

  /** Whether anything in the program's package differs from its baseline. */
  async isChanged(): Promise<boolean> {
    return (await this.lisp('(null (fingerprint:changes))'))[0] !== 'T';
  }

  /** How many threads work for requests, but for ours and those that wait for the next one. */
  async busyThreads(): Promise<number> {
    const [count] = await this.lisp(
      '(- (length hotlisp::**workers**) (length hotlisp::**idle-workers**) (if hotlisp::**late-sender** 1 0))',
    );
    return Number(count) - 1;
  }

  /** Ends it at once; that its process is gone is known a moment later. */
  shoot(): void {
    this.#killed = true;
    process.kill(this.pid, 'SIGKILL');
  }

  /** Stops it, and returns once all of its threads stand still. */
  stop(): void {
    process.kill(this.pid, 'SIGSTOP');
    const end = Date.now() + 5000;
    const stands = (task: string) => {
      try {
        return /^State:\s*[TtZX]/m.test(readFileSync(`/proc/${this.pid}/task/${task}/status`, 'utf8'));
      } catch {
        return true; // the thread has ended
      }
    };
    while (!readdirSync(`/proc/${this.pid}/task`).every(stands) && Date.now() < end);
  }

  resume(): void {
    if (this.isAlive) process.kill(this.pid, 'SIGCONT');
  }

  async kill(): Promise<void> {
    if (this.isAlive) this.child.kill('SIGKILL');
    await survivors([this.pid]);
    await this.direct?.close();
  }
}
