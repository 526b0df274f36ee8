/**
 * The program under test: an SBCL with the agent and a small system in it, which a test may kill, stop and start again. It serves at
 * the agent's own socket, or is one of the user's with a Swank, which gets the agent from us.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import readline from 'node:readline';
import { readAgentFiles, storeAgentSource } from '../../server/image/agentFiles.ts';
import { imageArguments, parseCommand } from '../../server/image/command.ts';
import type { Image } from '../../server/image/image.ts';
import { openSocket, openSwank } from '../../server/image/open.ts';
import { lispDir, valuesOf, type Surroundings } from '../support/images.ts';
import { lispString, repository, sbclCommand } from '../support/lspClient.ts';
import { survivors } from '../support/processes.ts';
import { shop } from '../support/shop.ts';
import { swankServer } from '../support/userImage.ts';
import { within } from '../support/wait.ts';
import type { WireName } from './wires.ts';

/** Where the program's files are, and how it is reached. */
export interface Place {
  readonly surroundings: Surroundings;
  readonly wire: WireName;
  /** The workspace. */
  readonly root: string;
  readonly file: string;
  /** Where the agent listens, unless it is reached through Swank. */
  readonly socket: string;
}

/** What the file holds: also characters of two, three and four bytes. */
export const text = shop.replace('What is to be paid.', 'What is to be paid, naïve, in € or 💶.');

export function placeIn(surroundings: Surroundings, wire: WireName): Place {
  const root = surroundings.make('shop');
  const file = path.join(root, 'shop.lisp');
  writeFileSync(file, text);
  writeFileSync(
    path.join(root, 'shop.asd'),
    '(defsystem "shop" :version "1.0" :components ((:file "shop")))\n',
  );
  return { surroundings, wire, root, file, socket: path.join(surroundings.make('back'), 'agent.sock') };
}

/** The words that start a program with a Swank; the end of its standard input ends it. */
const withSwank = [
  '--eval',
  '(require :asdf)',
  '--eval',
  `(progn ${swankServer}
     (format t "hotlisp-ready fault~%") (finish-output)
     (loop while (read-line *standard-input* nil))
     (sb-ext:exit :abort t))`,
];

const quietly = (form: string) =>
  `(let ((*standard-output* (make-broadcast-stream)) (*error-output* (make-broadcast-stream)))
     (handler-bind ((warning #'muffle-warning)) ${form}) t)`;

export class Program {
  #killed = false;
  #faulty = false;
  #worn = false;
  /** Our own way into the image, past the server. */
  direct!: Image;

  #port = 0;

  private constructor(
    private readonly child: ChildProcess,
    private readonly place: Place,
  ) {}

  static async start(place: Place): Promise<Program> {
    rmSync(place.socket, { force: true });
    const files = await readAgentFiles(lispDir);
    const { environment, folder } = place.surroundings;
    // A heap that a fault can fill, and that is large enough for the agent to be compiled in: beside Swank that takes more.
    const heap = place.wire === 'swank' ? '900MB' : '450MB';
    const words = parseCommand(`${sbclCommand} --dynamic-space-size ${heap}`);
    const args =
      place.wire === 'swank'
        ? [...words.slice(1), '--noinform', '--no-userinit', '--disable-debugger', ...withSwank]
        : imageArguments(words, {
            bootFile: files.bootFile,
            digest: files.digest,
            sourceFile: await storeAgentSource(files, environment),
            socket: place.socket,
            token: 'fault',
          });
    const fasls = `(${lispString(`${place.root}/`)} (${lispString(path.join(folder, 'fasl') + '/')} :implementation))`;
    const child = spawn(words[0]!, args, {
      cwd: place.root,
      env: {
        ...environment,
        ASDF_OUTPUT_TRANSLATIONS: `(:output-translations ${fasls} :inherit-configuration)`,
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
          readline.createInterface({ input: child.stdout }).on('line', line => {
            const [, port] = /^PORT swank (\d+)$/.exec(line) ?? [];
            if (port !== undefined) program.#port = Number(port);
            if (line === 'hotlisp-ready fault') resolve();
          });
          child.once('exit', code => reject(new Error(`the program ended (${code}): ${output}`)));
          child.once('error', reject);
        }),
        120_000,
      );
      const options = {
        lispDir,
        clientName: 'fault bench',
        roots: [],
        environment,
        onLog: () => undefined,
        traceLevel: () => 'off' as const,
        signal: new AbortController().signal,
      };
      program.direct =
        place.wire === 'swank'
          ? await openSwank({ type: 'tcp', host: '127.0.0.1', port: program.#port }, options)
          : await openSocket(place.socket, options);
      await program.lisp(`(load ${lispString(path.join(repository, 'test/support/fingerprint.lisp'))})`);
      await program.lisp('(require :asdf)');
      await program.lisp(
        `(progn (asdf:load-asd ${lispString(path.join(place.root, 'shop.asd'))}) ${quietly('(asdf:load-system "shop")')})`,
      );
    } catch (error) {
      await program.kill();
      throw new Error(`${(error as Error).message} The program said: ${output}`, { cause: error });
    }
    return program;
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** A connection to where it can be reached. */
  reach(): net.Socket {
    return this.place.wire === 'swank'
      ? net.connect(this.#port, '127.0.0.1')
      : net.connect(this.place.socket);
  }

  get isAlive(): boolean {
    return !this.#killed && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Whether a collection of garbage may end it at any time: SBCL needs room for one, and its heap was full. */
  get isWorn(): boolean {
    return this.#worn;
  }

  lisp(code: string): Promise<string[]> {
    return within(`the program's answer to ${code.slice(0, 80)}`, valuesOf(this.direct, code), 60_000);
  }

  /** Makes it what a program is that was started again: another one, to those who connect from now on, and as its files say. */
  async becomeAnother(): Promise<void> {
    await this.lisp('(setf hotlisp::**identity** nil)');
    await this.baseline();
  }

  /** Makes the program what its files say again, and remembers that for `changes`. */
  async baseline(): Promise<void> {
    await this.lisp(`(progn ${quietly('(asdf:load-system "shop" :force t)')} (fingerprint:remember "SHOP"))`);
  }

  /** Whether anything in the program's package differs from its baseline. */
  async isChanged(): Promise<boolean> {
    return (await this.lisp('(null (fingerprint:changes))'))[0] !== 'T';
  }

  /**
   * How many requests are under way, by threads of the agent's or of Swank's, but for ours. A thread that Swank made for a request which
   * its connection did not live to hand over waits in Swank for ever: nothing of ours goes on in it.
   */
  async busyThreads(): Promise<number> {
    const [count] = await this.lisp(
      `(+ (- (length hotlisp::**workers**) (length hotlisp::**idle-workers**) (if hotlisp::**late-sender** 1 0))
          (sb-thread:with-mutex (hotlisp::**sessions-lock**)
            (loop for session being the hash-values of hotlisp::**sessions**
                  sum (length (hotlisp::session-running session)))))`,
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

  /** Returns once a thread holds all of the heap but a little, or the program has not survived that. */
  async fillHeap(): Promise<void> {
    this.#worn = true;
    await this.#beginFault(
      `(let ((kept '()))
         (handler-case (loop (push (make-array 1000000 :element-type '(unsigned-byte 8)) kept))
           (storage-condition () (loop repeat 4 do (pop kept))))
         (sb-thread:signal-semaphore ready)
         (sb-thread:wait-on-semaphore over)
         kept)`,
    );
  }

  /** Lets what the agent does for the next call of `op` exhaust its thread's stack before anything of it is done. */
  async exhaustStack(op: string): Promise<void> {
    await this.lisp(
      `(let* ((handlers hotlisp::*handlers*) (op :${op}) (handler (gethash op handlers)))
         (setf (gethash op handlers)
               (lambda (arguments)
                 (declare (ignore arguments))
                 (setf (gethash op handlers) handler)
                 (labels ((deeper (n) (1+ (deeper (1+ n))))) (deeper 0))))
         t)`,
    );
  }

  /** Returns once a thread of the program runs where nothing can interrupt it. */
  async engageThread(): Promise<void> {
    await this.#beginFault(
      `(sb-sys:without-interrupts
         (sb-thread:signal-semaphore ready)
         (loop until (sb-thread:try-semaphore over)))`,
    );
  }

  async #beginFault(code: string): Promise<void> {
    const begun = this.lisp(
      `(let ((ready (sb-thread:make-semaphore)) (over (sb-thread:make-semaphore)))
         (defparameter cl-user::*fault-over* over)
         (sb-thread:make-thread (lambda () ${code}) :name "fault")
         (sb-thread:wait-on-semaphore ready :timeout 20))`,
    );
    await begun.catch(() => undefined);
    this.#faulty = true;
  }

  /** Ends what was done to it. What did not survive it is no longer alive then. */
  async recover(): Promise<void> {
    if (!this.isAlive) return;
    process.kill(this.pid, 'SIGCONT');
    if (!this.#faulty) return;
    this.#faulty = false;
    const recovered = this.lisp(
      '(progn (sb-thread:signal-semaphore cl-user::*fault-over*) (loop while (find "fault" (sb-thread:list-all-threads) :key (function sb-thread:thread-name) :test (function equal)) do (sleep 1/100)) (sb-ext:gc :full t))',
    );
    await recovered.catch(() => this.kill());
  }

  async kill(): Promise<void> {
    if (this.isAlive) this.child.kill('SIGKILL');
    this.#killed = true;
    await survivors([this.pid]);
    await this.direct?.close();
  }
}
