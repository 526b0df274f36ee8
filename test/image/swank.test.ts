/** Attaching to an image through the Swank that the user's own SLIME uses, which must not notice. */
import { appendFileSync, cpSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HotlispError } from '../../server/errors.ts';
import type { Image } from '../../server/image/image.ts';
import type { Event } from '../../server/image/protocol.ts';
import { readAgentFiles } from '../../server/image/agentFiles.ts';
import { Connection, type Wire } from '../../server/image/connection.ts';
import { openSwankWire } from '../../server/image/swankWire.ts';
import { lispDir, ManagedImage, Surroundings, valuesOf } from '../support/images.ts';
import { lispString } from '../support/lspClient.ts';
import { printSexp } from '../support/sexp.ts';
import { SwankClient } from '../support/swankClient.ts';
import { loadSystem, startUserImage, swankServer, type UserImage } from '../support/userImage.ts';
import { Happenings, PATIENCE, within } from '../support/wait.ts';

/** Slynk is not installable here; this is Swank under Slynk's names, as far as we use any. */
const slynkDouble = `${swankServer}
  (rename-package "SWANK" "SWANK" (cons "SLYNK" (package-nicknames "SWANK")))
  (setf (fdefinition (intern "SLY-DB-BREAK-WITH-DEFAULT-DEBUGGER" "SWANK")) (fdefinition (find-symbol "SLDB-BREAK-WITH-DEFAULT-DEBUGGER" "SWANK")))`;

const openWire = async (port: number, { environment }: Surroundings): Promise<Wire> => {
  const { wire } = await openSwankWire({
    host: '127.0.0.1',
    port,
    files: await readAgentFiles(lispDir),
    environment,
    onLog: () => undefined,
    signal: new AbortController().signal,
  });
  return wire;
};

const failure = (promise: Promise<unknown>): Promise<HotlispError> =>
  promise.then(
    value => expect.fail(`resolved with ${JSON.stringify(value)}`),
    (error: unknown) => error as HotlispError,
  );

describe.each([
  ['swank', swankServer],
  ['slynk', slynkDouble],
] as const)('an image with %s', (kind, startUp) => {
  let surroundings: Surroundings;
  let program: UserImage;
  let address: string;
  let managed: ManagedImage;
  /** The user's own editor, connected before us. */
  let slime: SwankClient;

  // An image of its own for each: what one test leaves behind is not another one's fault.
  beforeEach(async () => {
    surroundings = new Surroundings();
    program = await startUserImage(startUp, { env: surroundings.environment });
    address = `127.0.0.1:${program.ports['swank']}`;
    managed = new ManagedImage(surroundings);
    slime = await SwankClient.connect(program.ports['swank']!);
    await ask('(swank:connection-info)');
  });
  afterEach(async () => {
    await managed?.manager.dispose();
    slime?.close();
    await program?.stop();
    surroundings.remove();
  });

  const attach = (): Promise<Image> => managed.connect({ mode: 'attach', address });
  const ask = async (form: string): Promise<string> => printSexp(await slime.rex(form)).toUpperCase();
  const threads = async (): Promise<string> =>
    ask(
      '(cl:format nil "~{~a~^ ~}" (cl:sort (cl:remove "worker" (cl:mapcar (cl:function sb-thread:thread-name) (sb-thread:list-all-threads)) :test (cl:function cl:equal)) (cl:function cl:string<)))',
    );
  /** One of them asks. */
  const workers = (): Promise<string> =>
    ask(
      '(cl:count "worker" (sb-thread:list-all-threads) :key (cl:function sb-thread:thread-name) :test (cl:function cl:equal))',
    );
  /** Asks the image until it answers so: what Swank does after a connection ended, it does in its own time. */
  const until = async (form: () => Promise<string>, answer: string): Promise<void> => {
    const end = Date.now() + PATIENCE;
    let last = await form();
    while (last !== answer && Date.now() < end) last = await form();
    expect(last).toBe(answer);
  };

  it('gets the agent over the connection, says who it is, and evaluates', async () => {
    const image = await attach();
    expect([image.kind, image.hello.pid]).toEqual([kind, program.pid]);
    expect(image.title).toBe(`${kind} ${address} (pid ${program.pid})`);
    expect(await valuesOf(image, '(list 1 "é😀\\"\\\\" #\\a)')).toEqual(['(1 "é😀\\"\\\\" #\\a)']);
  });

  it('is the same image, with what was defined, when the server comes back', async () => {
    const first = await attach();
    await valuesOf(first, '(defvar cl-user::*kept* 8)');
    const second = await managed.manager.restart();
    expect(second.hello.image).toBe(first.hello.image);
    expect(await valuesOf(second, 'cl-user::*kept*')).toEqual(['8']);
  });

  it('sends output as it is printed, however much', async () => {
    const image = await attach();
    const output = new Happenings<Event>();
    const code = '(progn (dotimes (i 500) (format t "line ~d~%" i) (finish-output)) (finish-output) :done)';
    const result = await image.call(
      'eval',
      { code, outputLimit: 100_000 },
      { onEvent: event => output.add(event) },
    );
    expect(result.values).toEqual([':DONE']);
    const text = output.all.map(event => (event.event === 'output' ? event.data.text : '')).join('');
    expect(text).toContain('line 0\n');
    expect(text).toContain('line 499\n');
  });

  it('carries messages of megabytes both ways, and says so when one is too large', async () => {
    const image = await attach();
    const long = 'ü'.repeat(2_000_000);
    expect((await valuesOf(image, `(length "${long}")`))[0]).toBe('2000000');
    expect(
      await failure(image.call('eval', { code: `"${'x'.repeat(17_000_000)}"`, outputLimit: 10 })),
    ).toMatchObject({ kind: 'invalid-arguments' });
    expect(await valuesOf(image, '1')).toEqual(['1']);
  });

  it('unwinds an endless loop when it is told to', async () => {
    const image = await attach();
    const controller = new AbortController();
    const started = new Happenings<Event>();
    const loop = failure(
      image.call(
        'eval',
        { code: '(progn (format t "looping~%") (finish-output) (loop))', outputLimit: 100 },
        { signal: controller.signal, onEvent: event => started.add(event) },
      ),
    );
    await started.next('the loop', () => true);
    controller.abort();
    expect((await loop).kind).toBe('cancelled');
    expect(await valuesOf(image, '2')).toEqual(['2']);
  });

  it('answers an error of evaluated code as data, without a debugger', async () => {
    const image = await attach();
    const result = await image.call('eval', { code: '(error "on purpose")', outputLimit: 100 });
    expect([result.status, result.condition?.text]).toEqual(['signalled', 'on purpose']);
    await expect.poll(threads, { timeout: 10_000 }).not.toContain('HOTLISP');
  });

  it('runs many requests at a time', async () => {
    const image = await attach();
    const numbers = Array.from({ length: 30 }, (_, n) => n);
    expect(await Promise.all(numbers.map(n => valuesOf(image, `(* ${n} ${n})`)))).toEqual(
      numbers.map(n => [String(n * n)]),
    );
    await managed.manager.disconnect();
    await until(() => ask('(cl:length swank::*connections*)'), '1');
  });

  it('keeps the user’s editor as the connection where the user’s own threads report', async () => {
    const isDefault = '(cl:eq swank::*emacs-connection* (swank::default-connection))';
    await attach();
    expect(await ask(isDefault)).toBe('T');
    await managed.manager.restart();
    expect(await ask(isDefault)).toBe('T');
    expect(await ask('(cl:length swank::*connections*)')).toBe('1');
    await managed.manager.disconnect();
    expect(await ask(isDefault)).toBe('T');
  });

  it('has the package, the streams and the readtable that the user had', async () => {
    const state =
      '(cl:list (cl:package-name cl:*package*) cl:*print-readably* cl:*read-eval* (cl:eq cl:*readtable* sb-impl::*standard-readtable*) (cl:type-of cl:*standard-output*) cl:*features*)';
    const before = await ask(state);
    await attach();
    expect(await ask(state)).toBe(before);
    await managed.manager.disconnect();
    expect(await ask(state)).toBe(before);
  });

  it('has no thread of ours once we have left, not even when a loop ran', async () => {
    const before = await threads();
    const image = await attach();
    const loop = failure(image.call('eval', { code: '(loop)', outputLimit: 10 }));
    await image.call('threads', {});
    await managed.manager.disconnect();
    expect((await loop).kind).toBe('cancelled');
    await until(threads, before);
    await until(() => ask('(cl:length swank::*connections*)'), '1');
    expect(await ask('(cl:+ 1 1)')).toBe('2');
    expect(program.isRunning()).toBe(true);
  });

  it('that is ended is told as lost', async () => {
    const other = await startUserImage(startUp, { env: surroundings.environment });
    const image = await managed.connect({ mode: 'attach', address: `127.0.0.1:${other.ports['swank']}` });
    const loop = failure(image.call('eval', { code: '(loop)', outputLimit: 10 }));
    await other.stop();
    expect((await loop).kind).toBe('image-lost');
    await managed.states.next('the loss', ({ state }) => state === 'lost');
    expect(await failure(managed.manager.connect())).toMatchObject({
      kind: 'no-image',
      message: expect.stringContaining('swank:create-server') as string,
    });
  });

  it('takes this server’s agent in place of an older one, also one whose constants and structures were others', async () => {
    const older = surroundings.make('older');
    cpSync(lispDir, older, { recursive: true });
    appendFileSync(path.join(older, 'files.txt'), 'more\n');
    const versions = [
      '(defstruct thing a b) (defconstant +thing+ 1)',
      '(defstruct thing (a 0 :type fixnum)) (defconstant +thing+ 2)',
    ];
    for (const version of versions) {
      writeFileSync(path.join(older, 'more.lisp'), `(in-package :hotlisp) ${version}`);
      const other = new ManagedImage(surroundings, {}, older);
      try {
        const image = await other.connect({ mode: 'attach', address });
        expect(await valuesOf(image, 'hotlisp::+thing+')).toEqual([String(versions.indexOf(version) + 1)]);
      } finally {
        await other.manager.dispose();
      }
    }
    const image = await attach();
    expect(await valuesOf(image, '1')).toEqual(['1']);
    expect(await ask('(cl:symbol-value (cl:find-symbol "*AGENT-DIGEST*" "HOTLISP"))')).toBe(
      JSON.stringify((await readAgentFiles(lispDir)).digest).toUpperCase(),
    );
  });

  it('lets nothing of a server run on that was killed', async () => {
    const before = await threads();
    // What a kill leaves: a connection that ends without a word, here in the middle of a loop.
    const wire = await openWire(program.ports['swank']!, surroundings);
    expect(wire.concurrent).toBe(true);
    const connection = new Connection(wire);
    await connection.call('hello', { digest: '', client: 'tests', roots: [] });
    const started = new Happenings<Event>();
    const running = failure(
      connection.call(
        'eval',
        { code: '(progn (format t "looping~%") (finish-output) (loop))', outputLimit: 100 },
        { onEvent: event => started.add(event) },
      ),
    );
    await started.next('the loop', () => true);
    await until(workers, '2');
    await wire.close();
    expect((await running).kind).toBe('image-lost');
    await until(workers, '1');
    await until(threads, before);
    expect(await ask('(cl:count-if (cl:function cl:functionp) swank::*connection-closed-hook*)')).toBe('0');
  });

  it('shows its user no debugger when a server is killed while much is printed, however often', async () => {
    const before = await threads();
    // The system resets the connection of a process that was killed with something unread.
    let upstream: net.Socket | undefined;
    const proxy = net.createServer(client => {
      upstream = net.connect(program.ports['swank']!, '127.0.0.1');
      upstream.on('error', () => client.destroy()).on('close', () => client.destroy());
      client.on('error', () => undefined);
      client.pipe(upstream).pipe(client);
    });
    await new Promise<void>(listening => proxy.listen(0, '127.0.0.1', listening));
    try {
      for (let round = 0; round < 20; round++) {
        const wire = await openWire((proxy.address() as net.AddressInfo).port, surroundings);
        const connection = new Connection(wire);
        await connection.call('hello', { digest: '', client: 'tests', roots: [] });
        const printed = new Happenings<Event>();
        const running = failure(
          connection.call(
            'eval',
            { code: '(loop (format t "~a~%" (make-string 1000)) (finish-output))', outputLimit: 1_000_000 },
            { onEvent: event => printed.add(event) },
          ),
        );
        await printed.next('the twentieth line', () => printed.all.length >= 20);
        upstream!.resetAndDestroy();
        expect((await running).kind).toBe('image-lost');
        await wire.close();
        await until(
          () => ask('(cl:count-if (cl:function cl:functionp) swank::*connection-closed-hook*)'),
          '0',
        );
      }
    } finally {
      proxy.close();
    }
    await until(threads, before);
    expect(slime.debugged).toEqual([]);
  });

  it('keeps no thread that waits for a sign of a server that left', async () => {
    await attach();
    // Swank asks for one after a hundred messages of a thread, which the reply may be the last of.
    slime.answersPings = false;
    for (let lines = 95; lines <= 100; lines++) {
      const code = `(dotimes (i ${lines}) (format t "~d~%" i) (finish-output))`;
      const message = JSON.stringify({ id: lines, op: 'eval', args: { code, outputLimit: 1000 } });
      await slime.rex(`(hotlisp-boot:call ${lispString(message)})`);
    }
    await until(workers, '1');
  });
});

describe('a Swank that serves one request after the other', () => {
  it('is worked with, and its silence while it works is not taken for its end', async () => {
    const surroundings = new Surroundings();
    const program = await startUserImage(
      `${loadSystem('swank', 'cl-swank')}
       (format t "PORT swank ~D~%" (funcall (intern "CREATE-SERVER" "SWANK") :port 0 :dont-close t :style :fd-handler))`,
      { env: surroundings.environment },
    );
    const managed = new ManagedImage(surroundings);
    try {
      const port = program.ports['swank']!;
      const image = await managed.connect({ mode: 'attach', address: `127.0.0.1:${port}` });
      expect(await valuesOf(image, '(+ 1 2)')).toEqual(['3']);
      await managed.manager.disconnect();
      const wire = await openWire(port, surroundings);
      expect(wire.concurrent).toBe(false);
      await wire.close();
    } finally {
      await managed.manager.dispose();
      await program.stop();
      surroundings.remove();
    }
  });
});

describe('the debugger of a Swank image', () => {
  it('is left when a request of ours falls into it, and the call says why', async () => {
    const surroundings = new Surroundings();
    // An agent that does not keep conditions to itself: what if one slips through.
    const program = await startUserImage(swankServer, { env: surroundings.environment });
    const managed = new ManagedImage(surroundings);
    try {
      const image = await managed.connect({ mode: 'attach', address: `127.0.0.1:${program.ports['swank']}` });
      const slime = await SwankClient.connect(program.ports['swank']!);
      await slime.rex(`(cl:let ((receive (cl:symbol-function (cl:find-symbol "RECEIVE" "HOTLISP"))))
        (cl:setf (cl:symbol-function (cl:find-symbol "RECEIVE" "HOTLISP"))
          (cl:lambda (text send) (cl:when (cl:search "fall" text) (cl:restart-case (cl:error "it fell") (cl:continue () 1))) (cl:funcall receive text send))))`);
      const error = await failure(
        within('the failure', image.call('eval', { code: ':fall', outputLimit: 10 })),
      );
      expect(error).toMatchObject({
        kind: 'debugger-aborted',
        message: expect.stringContaining('it fell') as string,
      });
      expect(await valuesOf(image, '1')).toEqual(['1']);
      await managed.manager.disconnect();
      const workers = async () =>
        printSexp(
          await slime.rex(
            '(cl:count "worker" (sb-thread:list-all-threads) :key (cl:function sb-thread:thread-name) :test (cl:function cl:equal))',
          ),
        );
      await expect.poll(workers, { timeout: 10_000 }).toBe('1');
      slime.close();
    } finally {
      await managed.manager.dispose();
      await program.stop();
      surroundings.remove();
    }
  });
});

describe('a Swank that asks for a secret', () => {
  const secret = 'a "secret" é';

  it('lets in who has it', async () => {
    const surroundings = new Surroundings();
    writeFileSync(path.join(surroundings.home, '.slime-secret'), `${secret}\n`);
    const program = await startUserImage(swankServer, { env: surroundings.environment });
    const managed = new ManagedImage(surroundings);
    try {
      const image = await managed.connect({ mode: 'attach', address: `127.0.0.1:${program.ports['swank']}` });
      expect(await valuesOf(image, '1')).toEqual(['1']);
    } finally {
      await managed.manager.dispose();
      await program.stop();
      surroundings.remove();
    }
  });

  it('does not let in who has another, which is told', async () => {
    const theirs = new Surroundings();
    const ours = new Surroundings();
    writeFileSync(path.join(theirs.home, '.slime-secret'), `${secret}\n`);
    writeFileSync(path.join(ours.home, '.slime-secret'), 'another\n');
    const program = await startUserImage(swankServer, { env: theirs.environment });
    const managed = new ManagedImage(ours);
    try {
      await managed.configure({ mode: 'attach', address: `127.0.0.1:${program.ports['swank']}` });
      expect(await failure(managed.manager.connect())).toMatchObject({
        kind: 'no-image',
        message: expect.stringContaining('.slime-secret') as string,
      });
    } finally {
      await managed.manager.dispose();
      await program.stop();
      theirs.remove();
      ours.remove();
    }
  });

  it('that one has for another server is no hindrance where none is asked for', async () => {
    const theirs = new Surroundings();
    const ours = new Surroundings();
    writeFileSync(path.join(ours.home, '.sly-secret'), 'mine\n');
    const program = await startUserImage(swankServer, { env: theirs.environment });
    const managed = new ManagedImage(ours);
    try {
      const image = await managed.connect({ mode: 'attach', address: `127.0.0.1:${program.ports['swank']}` });
      expect(await valuesOf(image, '1')).toEqual(['1']);
    } finally {
      await managed.manager.dispose();
      await program.stop();
      theirs.remove();
      ours.remove();
    }
  });
});
