/**
 * `npm run bench`: what a reload costs beside what SLIME's users have, and what the server costs beside a bare Node.
 * Everything is measured in one run, interleaved, so that a busy machine slows all of it alike; medians and their ratios count.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import {
  Editor,
  lispString,
  repository,
  sbclCommand,
  serverProgram,
  type TextDocument,
} from '../support/lspClient.ts';
import { JsonRpc } from '../support/jsonRpc.ts';
import { formAt } from '../support/rawAgent.ts';
import { isSymbol } from '../support/sexp.ts';
import { SwankClient } from '../support/swankClient.ts';
import { startUserImage, swankServer } from '../support/userImage.ts';

const ROUNDS = Number(process.env['HOTLISP_BENCH_ROUNDS'] ?? 200);
const WARM_UP = 30;
const STARTS = 15;

/** The defun that is reloaded; every round has another number in it, so that each time there is something to do. */
const defun = (name: string, round: number) => `(defun ${name} (items rate)
  "What the ITEMS cost at RATE."
  (let ((sum ${round}))
    (dolist (item items (* sum rate))
      (when (plusp item)
        (incf sum (round item 2))))))`;

/** A file of ordinary size around it. */
const fileText = (name: string, round: number) =>
  [
    '(defpackage #:bench (:use #:common-lisp))\n(in-package #:bench)\n',
    ...Array.from({ length: 20 }, (_, n) => `(defun helper-${n} (a b)\n  (list ${n} (+ a b)))\n`),
    defun(name, round),
    ...Array.from({ length: 20 }, (_, n) => `(defun later-${n} (a b)\n  (list ${n} (- a b)))\n`),
  ].join('\n');

/** TCP_NODELAY on the listening socket is inherited by what it accepts, so no client waits for a delayed acknowledgement. */
const swankWithoutDelay = swankServer.replace(
  '(format t "PORT swank',
  `(sb-int:encapsulate (find-symbol "CREATE-SOCKET" "SWANK/BACKEND") 'no-delay
     (lambda (create &rest arguments)
       (let ((socket (apply create arguments)))
         (setf (sb-bsd-sockets:sockopt-tcp-nodelay socket) t)
         socket)))
   (format t "PORT swank`,
);

const bareCompile = `(defpackage #:bench-clock (:use #:common-lisp))
(in-package #:bench-clock)
(defun now () (multiple-value-bind (s ns) (sb-unix::clock-gettime 1) (+ (* s 1000000) (floor ns 1000))))
(defun compile-once (text)
  (let* ((lambda (let ((*package* (find-package "BENCH"))) (read-from-string text)))
         (begun (now))
         (function (compile nil lambda)))
    (setf (fdefinition (intern "BARE" "BENCH")) function)
    (prog1 (- (now) begun)
      (assert (plusp (funcall function (list 1) 1))))))
(defun install-once (text)
  (setf (fdefinition 'installed) (compile nil (read-from-string text)))
  (funcall 'installed nil 1))
(in-package #:cl-user)`;

/** Answers each line, a lambda expression, once it is compiled and installed: over a Unix socket, with nothing around it. */
const floorImage = (socket: string) => `(require :sb-bsd-sockets)
(defpackage #:floor (:use #:common-lisp))
(let ((server (make-instance 'sb-bsd-sockets:local-socket :type :stream)))
  (sb-bsd-sockets:socket-bind server ${lispString(socket)})
  (sb-bsd-sockets:socket-listen server 1)
  (sb-thread:make-thread
   (lambda ()
     (let ((stream (sb-bsd-sockets:socket-make-stream (sb-bsd-sockets:socket-accept server)
                                                      :input t :output t :external-format :utf-8 :buffering :full))
           (*package* (find-package "FLOOR")))
       (loop for line = (read-line stream nil)
             while line
             do (setf (fdefinition (intern "INSTALLED")) (compile nil (read-from-string line)))
                (format stream "~D~%" (funcall (intern "INSTALLED") nil 1))
                (finish-output stream))))))`;

/** What no server between an editor and an image can go below: see floor.mjs, whose first argument `address` is. */
function startFloor(
  address: string,
  journal: string,
  closing: (() => unknown)[],
): (lambda: string) => Promise<string> {
  const program = path.join(repository, 'test/bench/floor.mjs');
  const child = spawn(process.execPath, [program, address, journal], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  closing.push(() => child.kill());
  const lines = readline.createInterface({ input: child.stdout });
  return lambda =>
    new Promise(resolve => {
      lines.once('line', resolve);
      child.stdin.write(lambda.replaceAll('\n', ' ') + '\n');
    });
}

const rotated = <T>(all: readonly T[], by: number): T[] => [
  ...all.slice(by % all.length),
  ...all.slice(0, by % all.length),
];
const ms = (from: number) => performance.now() - from;
const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b);
const quantile = (values: readonly number[], q: number) =>
  sorted(values)[Math.min(values.length - 1, Math.floor(values.length * q))]!;
const median = (values: readonly number[]) => quantile(values, 0.5);

/** An editor with the bench's file open, approvals given by policy, and one reload as a timed call. */
class Reloader {
  readonly times: number[] = [];
  private round = 0;

  private constructor(
    readonly editor: Editor,
    private readonly document: TextDocument,
    private readonly name: string,
  ) {}

  static async start(name: string, root: string, image: Record<string, unknown>): Promise<Reloader> {
    const file = path.join(root, `${name}.lisp`);
    writeFileSync(file, fileText(name, 0));
    const editor = await Editor.start({
      root,
      settings: { image, approval: { 'modify-running-code': 'allow', eval: 'allow' } },
    });
    await editor.evaluate('(unless (find-package "BENCH") (make-package "BENCH" :use (list "COMMON-LISP")))');
    return new Reloader(editor, editor.openFile(file), name);
  }

  /** One reload of a changed form, from executeCommand to its reply, in milliseconds. */
  async reload(): Promise<number> {
    const { document, editor } = this;
    document.replace(`(sum ${this.round})`, `(sum ${++this.round})`);
    // The edit was made before the command, and has been taken in by then.
    await editor.request('textDocument/documentSymbol', { textDocument: { uri: document.uri } });
    const argument = {
      uri: document.uri,
      version: document.version,
      position: document.positionOf(`(defun ${this.name} `),
    };
    const begun = performance.now();
    const result = await editor.command('reload_form', argument);
    const taken = ms(begun);
    if (result.status !== 'applied')
      throw new Error(`the reload was ${result.status}: ${JSON.stringify(result)}`);
    return taken;
  }

  async installed(): Promise<boolean> {
    const [sum] = await this.editor.evaluate(`(bench::${this.name} nil 1)`);
    return sum === String(this.round);
  }
}

async function benchReload(): Promise<Record<string, number[]>> {
  const root = mkdtempSync(path.join(tmpdir(), 'hotlisp-bench-'));
  const closing: (() => unknown)[] = [];
  // Each way has an image of its own: none finds the compiler warmed up by another.
  const swankImage = async () => {
    const image = await startUserImage(`${swankWithoutDelay}\n${bareCompile}`, { cwd: root });
    closing.push(() => image.stop());
    return Number(image.ports['swank']);
  };
  try {
    const port = await swankImage();
    const attached = await Reloader.start('over-swank', root, {
      mode: 'attach',
      address: `127.0.0.1:${port}`,
    });
    closing.push(() => attached.editor.finish());
    const spawned = await Reloader.start('over-socket', root, { mode: 'spawn', command: sbclCommand });
    closing.push(() => spawned.editor.finish());
    const connect = async (to: number) => {
      const client = await SwankClient.connect(to);
      closing.push(() => client.close());
      await client.rex(
        '(cl:or (cl:find-package "BENCH") (cl:make-package "BENCH" :use (cl:list "COMMON-LISP")))',
        'COMMON-LISP-USER',
      );
      return client;
    };
    const [swank, bareImage, agent] = [
      await connect(await swankImage()),
      await connect(await swankImage()),
      await connect(port),
    ];
    const file = path.join(root, 'slime.lisp');
    writeFileSync(file, fileText('slime', 0));
    const offset = fileText('slime', 0).indexOf('(defun slime ');
    let round = 0;
    const slime = async () => {
      const text = defun('slime', ++round);
      const begun = performance.now();
      const answer = await swank.rex(
        `(swank:compile-string-for-emacs ${lispString(text)} "slime.lisp" '((:position ${offset + 1}) (:line 80 1)) ${lispString(file)} nil)`,
        'BENCH',
      );
      const taken = ms(begun);
      if (!(Array.isArray(answer) && isSymbol(answer[2], 't')))
        throw new Error(`Swank did not compile: ${JSON.stringify(answer)}`);
      return taken;
    };
    // The image's half of a reload as this process asks for it, as it asks Swank: with no server, no journal and no editor.
    const half = async () => {
      const file = path.join(root, 'half.lisp');
      const whole = fileText('half', ++round);
      const at = whole.indexOf('(defun half ');
      const piece = {
        text: defun('half', round),
        definitions: ['function:half'] as const,
        package: 'BENCH',
      };
      const args = {
        transaction: `half-${round}`,
        forms: [formAt(whole, at, 22, file, piece)],
        onlySafe: true,
      };
      const request = JSON.stringify({ id: round, op: 'apply', args, session: 'bench' });
      const begun = performance.now();
      const answer = await agent.rex(`(hotlisp-boot:call ${lispString(request)})`, 'BENCH');
      const taken = ms(begun);
      if (!JSON.stringify(answer).includes('applied'))
        throw new Error(`the agent answered ${JSON.stringify(answer)}`);
      return taken;
    };
    const bare = async () => {
      const lambda = lispString(defun('bare', ++round).replace('(defun bare', '(lambda'));
      return Number(await bareImage.rex(`(bench-clock::compile-once ${lambda})`, 'BENCH')) / 1000;
    };
    const floorSocket = path.join(root, 'floor.socket');
    const floorOwner = await startUserImage(floorImage(floorSocket), { cwd: root });
    closing.push(() => floorOwner.stop());
    const floorThrough = (address: string) => {
      const install = startFloor(
        address,
        path.join(root, `floor-${path.basename(address)}.journal`),
        closing,
      );
      return async () => {
        const lambda = defun('floor', ++round).replace('(defun floor', '(lambda');
        const begun = performance.now();
        const answer = await install(lambda);
        const taken = ms(begun);
        if (answer !== String(round)) throw new Error(`the floor answered ${answer}`);
        return taken;
      };
    };
    const floor = floorThrough(floorSocket);
    const floorOverSwank = floorThrough(String(await swankImage()));
    const ways = Object.entries({
      attached: () => attached.reload(),
      slime,
      half,
      floorOverSwank,
      spawned: () => spawned.reload(),
      floor,
      bare,
    });
    const times: Record<string, number[]> = Object.fromEntries(ways.map(([key]) => [key, []]));
    for (let n = -WARM_UP; n < ROUNDS; n++) {
      // In another order each round: none always comes after the same other one.
      for (const [key, way] of rotated(ways, n + WARM_UP)) {
        const taken = await way();
        if (n >= 0) times[key]!.push(taken);
      }
    }
    if (!(await attached.installed()) || !(await spawned.installed()))
      throw new Error('the last reload is not what the image runs');
    return times;
  } finally {
    for (const close of closing.reverse()) await close();
    rmSync(root, { recursive: true, force: true });
  }
}

/** From starting the process to the reply of initialize, and the memory it then has; with `open`, after a file was opened and outlined. */
async function startServer(): Promise<{ started: number; memory: number; memoryWithFile: number }> {
  const begun = performance.now();
  const child = spawn(process.execPath, [serverProgram, '--stdio'], { stdio: ['pipe', 'pipe', 'ignore'] });
  const rpc = new JsonRpc(child.stdout, child.stdin, {
    request: () => null,
    notification: () => {},
    violation: text => {
      throw new Error(text);
    },
  });
  await rpc.request('initialize', {
    processId: process.pid,
    rootUri: null,
    capabilities: {},
    initializationOptions: { image: { mode: 'off' } },
  });
  const started = ms(begun);
  const memory = residentMegabytes(child.pid!);
  rpc.notify('initialized', {});
  const uri = 'file:///bench.lisp';
  rpc.notify('textDocument/didOpen', {
    textDocument: { uri, languageId: 'lisp', version: 1, text: fileText('f', 1) },
  });
  await rpc.request('textDocument/documentSymbol', { textDocument: { uri } });
  const memoryWithFile = residentMegabytes(child.pid!);
  const exited = new Promise(resolve => child.on('exit', resolve));
  await rpc.request('shutdown');
  rpc.notify('exit');
  await exited;
  return { started, memory, memoryWithFile };
}

/** Resident memory in MB; NaN where there is no /proc. */
function residentMegabytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
  } catch {
    return NaN;
  }
}

async function bareNode(): Promise<number> {
  const begun = performance.now();
  const child = spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' });
  await new Promise(resolve => child.on('exit', resolve));
  return ms(begun);
}

/** The memory of a Node that does nothing. */
async function bareNodeMemory(): Promise<number> {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume(); console.log(1)'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  await new Promise(resolve => child.stdout.once('data', resolve));
  const memory = residentMegabytes(child.pid!);
  child.kill();
  await new Promise(resolve => child.on('exit', resolve));
  return memory;
}

async function benchStart() {
  const node: number[] = [];
  const server: Awaited<ReturnType<typeof startServer>>[] = [];
  for (let n = -2; n < STARTS; n++) {
    const taken = { node: await bareNode(), server: await startServer() };
    if (n < 0) continue;
    node.push(taken.node);
    server.push(taken.server);
  }
  return {
    node: median(node),
    initialize: median(server.map(each => each.started)),
    memory: median(server.map(each => each.memory)),
    memoryWithFile: median(server.map(each => each.memoryWithFile)),
    nodeMemory: await bareNodeMemory(),
  };
}

const row = (...cells: string[]) =>
  console.log(cells.map((cell, n) => (n === 0 ? cell.padEnd(50) : cell.padStart(10))).join(''));
const fixed = (value: number) => value.toFixed(2);

const times = await benchReload();
const slime = median(times['slime']!);
const bare = median(times['bare']!);
console.log(
  `\nReload of one small defun, ${ROUNDS} rounds, interleaved (${spawnSync(sbclCommand, ['--version'], { encoding: 'utf8' }).stdout.trim()}, ${cpus().length} cores)\n`,
);
row('', 'median ms', '90 % ms', 'x Swank', 'x compile');
const label: Record<string, string> = {
  attached: 'hotlisp reload_form over Swank',
  half: '  its half in the image alone, asked as Swank is',
  slime: 'swank:compile-string-for-emacs over Swank',
  floorOverSwank: '  COMPILE behind a server that only syncs a line',
  spawned: 'hotlisp reload_form over its Unix socket',
  floor: '  COMPILE behind a server that only syncs a line',
  bare: 'bare COMPILE inside the image',
};
for (const [key, name] of Object.entries(label)) {
  const values = times[key]!;
  row(
    name,
    fixed(median(values)),
    fixed(quantile(values, 0.9)),
    fixed(median(values) / slime),
    fixed(median(values) / bare),
  );
}
const ratio = median(times['attached']!) / slime;
console.log(`\nTarget: at most 1.00 x Swank. ${ratio <= 1 ? 'Met' : 'Missed'}: ${fixed(ratio)}.`);

const start = await benchStart();
console.log(`\nStart, medians of ${STARTS}\n`);
row('', 'ms', 'MB');
row('node -e 0', fixed(start.node), start.nodeMemory.toFixed(0));
row("hotlisp --stdio to initialize's reply", fixed(start.initialize), start.memory.toFixed(0));
row('  the same with one file open and outlined', '', start.memoryWithFile.toFixed(0));

const output = path.join(repository, 'build/bench.json');
mkdirSync(path.dirname(output), { recursive: true });
const summary = Object.fromEntries(
  Object.entries(times).map(([key, values]) => [
    key,
    { median: median(values), p90: quantile(values, 0.9), rounds: values.length },
  ]),
);
writeFileSync(
  output,
  `${JSON.stringify({ reload: { milliseconds: summary, ratioToSwank: ratio }, start }, null, 2)}\n`,
);
console.log(`\nWritten to ${path.relative(process.cwd(), output)}`);
