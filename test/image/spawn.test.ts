import { build } from 'esbuild';
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HotlispError } from '../../server/errors.ts';
import { readAgentFiles } from '../../server/image/agentFiles.ts';
import { childSbcls, lispDir, ManagedImage, Surroundings, valuesOf } from '../support/images.ts';
import { lispString, repository, sbclCommand } from '../support/lspClient.ts';
import { isAlive, survivors } from '../support/processes.ts';
import { startUserImage, swankServer } from '../support/userImage.ts';
import { within } from '../support/wait.ts';

let surroundings: Surroundings;
let managed: ManagedImage;
beforeEach(() => {
  surroundings = new Surroundings();
  managed = new ManagedImage(surroundings);
});
afterEach(async () => {
  await managed.manager.dispose();
  surroundings.remove();
});

const failure = (promise: Promise<unknown>): Promise<HotlispError> =>
  promise.then(
    value => expect.fail(`resolved with ${JSON.stringify(value)}`),
    (error: unknown) => {
      expect(error).toBeInstanceOf(HotlispError);
      return error as HotlispError;
    },
  );

describe('a spawned image', () => {
  it('says who it is, evaluates, and is gone once it is closed', async () => {
    const image = await managed.connect();
    const { pid, implementation, version } = image.hello;
    expect(image.kind).toBe('spawned');
    expect(image.title).toBe(`sbcl ${version} (pid ${pid}, spawned)`);
    expect(implementation).toBe('SBCL');
    expect(isAlive(pid)).toBe(true);
    expect(await valuesOf(image, '(+ 1 1)')).toEqual(['2']);
    expect(surroundings.spawnedSockets()).toEqual([]);
    await managed.manager.disconnect();
    expect(await survivors([pid], 0)).toEqual([]);
    expect(managed.stateNames()).toEqual(['connecting', 'connected', 'idle']);
  });

  it('is one for all who ask at the same time, and those who ask later', async () => {
    await managed.configure();
    const images = await Promise.all([
      managed.manager.connect(),
      managed.manager.connect(),
      managed.manager.connect(),
    ]);
    images.push(await managed.manager.connect());
    expect(new Set(images).size).toBe(1);
    expect(childSbcls()).toEqual([images[0].hello.pid]);
  });

  it('works in the workspace’s folder, with the user’s own start-up file, whatever their names', async () => {
    const root = surroundings.make('wörk [space] "*" \\ ü');
    writeFileSync(path.join(surroundings.home, '.sbclrc'), '(defvar cl-user::*mine* 42)');
    // Its cache is in a place that would break the Lisp reader or SBCL's pathnames if it were not quoted.
    const cache = surroundings.make('c "a" [b] *é');
    for (const locale of ['C', 'C.UTF-8']) {
      const own = new ManagedImage(surroundings, { XDG_CACHE_HOME: cache, LC_ALL: locale });
      try {
        const image = await own.connect({}, [root]);
        expect(await valuesOf(image, 'cl-user::*mine*')).toEqual(['42']);
        expect(image.hello.directory.replace(/\/$/, '')).toBe(root);
      } finally {
        await own.manager.dispose();
      }
    }
  });

  it('tells what it prints, line by line', async () => {
    await managed.connect({
      init: ['(progn (format sb-sys:*stdout* "from stdout~%") (finish-output sb-sys:*stdout*))'],
    });
    await managed.log.next('its output', line => line === 'from stdout');
  });

  it('evaluates image.init in order, and tells what that prints', async () => {
    const image = await managed.connect({
      init: ['(defvar cl-user::*a* 1)', '(progn (incf cl-user::*a*) (format t "loading~%"))'],
    });
    expect(await valuesOf(image, 'cl-user::*a*')).toEqual(['2']);
    expect(managed.log.all).toContain('loading');
  });

  it('that is killed fails what runs in it, is told once, and is replaced at the next need', async () => {
    const image = await managed.connect();
    const running = failure(image.call('eval', { code: '(loop)', outputLimit: 100 }));
    process.kill(image.hello.pid, 'SIGKILL');
    const error = await running;
    expect(error.kind).toBe('image-lost');
    expect(error.message).toContain('SIGKILL');
    expect((await failure(image.call('threads', {}))).kind).toBe('image-lost');
    await managed.states.next('the loss', ({ state }) => state === 'lost');
    expect(managed.manager.current).toBeUndefined();
    const next = await managed.manager.connect();
    expect(next.hello.pid).not.toBe(image.hello.pid);
    expect(next.hello.image).not.toBe(image.hello.image);
    expect(managed.stateNames()).toEqual(['connecting', 'connected', 'lost', 'connecting', 'connected']);
  });

  it('that breaks down inside SBCL ends instead of waiting in the low-level debugger', async () => {
    const image = await managed.connect({ command: `env ${sbclCommand}` });
    const code =
      '(sb-alien:alien-funcall (sb-alien:extern-alien "lose" (function sb-alien:void sb-alien:c-string)) "a test")';
    expect(
      (await failure(within('the end of the image', image.call('eval', { code, outputLimit: 100 })))).kind,
    ).toBe('image-lost');
    expect(await survivors([image.hello.pid])).toEqual([]);
  });

  it('goes on when threads of the program exhaust their stacks, one after the other, and nobody handles it', async () => {
    const image = await managed.connect();
    // Each is a thread of its own for requests: none waits for the next one.
    await valuesOf(image, '(setf hotlisp::*idle-seconds* 1/100)');
    for (let time = 0; time < 4; time++) {
      const code = '(labels ((f (n) (1+ (f n)))) (f 0))';
      const { status } = await image.call('eval', { code, outputLimit: 1000 });
      expect(status).toBe('signalled');
    }
    await valuesOf(
      image,
      '(sb-thread:join-thread (sb-thread:make-thread (lambda () (labels ((f (n) (1+ (f n)))) (f 0))) :name "deep") :default nil)',
    );
    await managed.log.next('the report', line => line.includes('EXHAUSTED') && line.includes('deep'));
    expect(await valuesOf(image, '1')).toEqual(['1']);
  });

  it('goes on when a thread of the program signals an error that nobody handles', async () => {
    const image = await managed.connect();
    const code =
      '(nth-value 1 (sb-thread:join-thread (sb-thread:make-thread (lambda () (error "unhandled here")) :name "worker") :default nil))';
    await valuesOf(image, code);
    await managed.log.next('the report', line => line.includes('unhandled here') && line.includes('worker'));
    expect(await valuesOf(image, '1')).toEqual(['1']);
  });

  it('starts again when it is asked to', async () => {
    const first = await managed.connect();
    const second = await managed.manager.restart();
    expect(second.hello.pid).not.toBe(first.hello.pid);
    expect(await survivors([first.hello.pid], 0)).toEqual([]);
    expect(await first.lost).toContain('closed');
  });

  it('ends with the server, also when that is killed', async () => {
    const outfile = path.join(repository, 'build', `hold-image-${process.pid}.mjs`);
    await build({
      stdin: {
        contents: `
          import { createImageManager } from './server/image/manager.ts';
          const events = { onState() {}, onLog() {} };
          const manager = createImageManager({ lispDir: ${JSON.stringify(lispDir)}, clientName: 'tests', events });
          await manager.configure({ mode: 'spawn', command: ${JSON.stringify(sbclCommand)}, init: [] }, []);
          console.log((await manager.connect()).hello.pid);`,
        resolveDir: repository,
        loader: 'ts',
      },
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      logLevel: 'warning',
    });
    const server = spawn(process.execPath, [outfile], {
      env: surroundings.environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const line = await within(
        'the image',
        new Promise<string>(resolve =>
          readline.createInterface({ input: server.stdout }).once('line', resolve),
        ),
      );
      const pid = Number(line);
      expect(isAlive(pid)).toBe(true);
      server.kill('SIGKILL');
      expect(await survivors([pid])).toEqual([]);
    } finally {
      server.kill('SIGKILL');
      rmSync(outfile, { force: true });
    }
  });
});

function ofAnotherVersion(file: string): void {
  const bytes = readFileSync(file, 'latin1');
  const [, version] = /using SBCL version (\S+)/.exec(bytes)!;
  const head = bytes.slice(0, 1000).replaceAll(version!, version!.replace(/\d/g, '9'));
  writeFileSync(file, head + bytes.slice(1000), 'latin1');
}

/** As what the loader runs of damaged code may do. */
function endingSbcl(file: string): void {
  const source = `${file}.lisp`;
  writeFileSync(source, '(sb-ext:exit :code 1 :abort t)');
  const name = (path: string) => `(sb-ext:parse-native-namestring ${lispString(path)})`;
  const form = `(compile-file ${name(source)} :output-file ${name(file)})`;
  const [program, ...words] = sbclCommand.split(' ');
  const { status } = spawnSync(program!, [...words, '--non-interactive', '--no-userinit', '--eval', form]);
  expect(status).toBe(0);
  rmSync(source);
}

describe('the cache of compiled agents', () => {
  const compiled = (cache: string): string[] => {
    const folder = path.join(cache, 'hotlisp');
    return readdirSync(folder)
      .filter(name => name.endsWith('.fasl'))
      .map(name => path.join(folder, name));
  };
  const start = async (cache: string): Promise<string[]> => {
    const own = new ManagedImage(surroundings, { XDG_CACHE_HOME: cache });
    try {
      expect(await valuesOf(await own.connect(), '1')).toEqual(['1']);
      return own.log.all;
    } finally {
      await own.manager.dispose();
    }
  };

  let good: Surroundings | undefined;
  afterAll(() => good?.remove());
  /** A cache that is whole, filled once. */
  async function goodCache(): Promise<string> {
    if (!good) {
      good = new Surroundings();
      await start(good.make('cache'));
    }
    return path.join(good.folder, 'cache');
  }

  it('holds one file for an agent and an SBCL, which is private and used again', async () => {
    const cache = surroundings.make('cache');
    expect((await start(cache)).filter(line => line.startsWith('Compiling the agent'))).toEqual([]);
    const [file, ...others] = compiled(cache);
    expect(others).toEqual([]);
    const { ino } = statSync(file!);
    expect(statSync(path.dirname(file!)).mode & 0o777).toBe(0o700);
    await start(cache);
    expect(statSync(file!).ino).toBe(ino);
    expect(readdirSync(path.dirname(file!)).filter(name => name.startsWith('tmp'))).toEqual([]);
  });

  it('is rid, when one is compiled, of what those left that were killed while they compiled, a day later', async () => {
    const cache = surroundings.make('cache');
    const folder = path.join(cache, 'hotlisp');
    mkdirSync(folder, { mode: 0o700 });
    const age = (name: string, hours: number) => {
      const file = path.join(folder, name);
      writeFileSync(file, 'half');
      const time = Date.now() / 1000 - hours * 3600;
      utimesSync(file, time, time);
    };
    age('tmp-4711-OLD.fasl', 25);
    age('tmp-4711-OLD.part.lisp', 25);
    age('tmp-4711-NEW.fasl', 1);
    age('agent-of-last-week.fasl', 24 * 7);
    age('agent-of-last-quarter.fasl', 24 * 90);
    await start(cache);
    expect(
      readdirSync(folder)
        .filter(name => /^tmp|-of-/.test(name))
        .toSorted(),
    ).toEqual(['agent-of-last-week.fasl', 'tmp-4711-NEW.fasl']);
  });

  it.each([
    ['cut short', (file: string) => truncateSync(file, 100_000)],
    ['empty', (file: string) => truncateSync(file, 0)],
    ['something else', (file: string) => writeFileSync(file, 'no compiled Lisp')],
    ['of another SBCL', ofAnotherVersion],
    ['damaged such that loading it ends SBCL', endingSbcl],
    [
      'a link',
      (file: string) => {
        renameSync(file, `${file}.real`);
        symlinkSync(`${file}.real`, file);
      },
    ],
  ])(
    'is mended when its file is %s',
    async (_how, damage) => {
      const cache = surroundings.make('cache');
      cpSync(await goodCache(), cache, { recursive: true });
      const [file] = compiled(cache);
      const { size } = statSync(file!);
      damage(file!);
      await start(cache);
      expect(Math.abs(lstatSync(file!).size - size)).toBeLessThan(2000);
      // The agent is compiled anew, which takes a busy computer long.
    },
    240_000,
  );

  it('is used by the user’s program over Swank, and when it is damaged such that loading it would end that, mended', async () => {
    const cache = surroundings.make('cache');
    cpSync(await goodCache(), cache, { recursive: true });
    const [file] = compiled(cache);
    const attach = async (): Promise<void> => {
      const program = await startUserImage(
        `${swankServer} (require :sb-posix) (funcall (intern "SETENV" "SB-POSIX") "XDG_CACHE_HOME" ${lispString(cache)} 1)`,
        { env: surroundings.environment },
      );
      const own = new ManagedImage(surroundings);
      try {
        const address = `127.0.0.1:${program.ports['swank']}`;
        expect(await valuesOf(await own.connect({ mode: 'attach', address }), '1')).toEqual(['1']);
        expect(program.isRunning()).toBe(true);
      } finally {
        await own.manager.dispose();
        await program.stop();
      }
    };
    const { ino, size } = statSync(file!);
    await attach();
    expect(statSync(file!).ino).toBe(ino);
    endingSbcl(file!);
    const { ino: damaged } = statSync(file!);
    await attach();
    expect(statSync(file!).ino).not.toBe(damaged);
    expect(Math.abs(statSync(file!).size - size)).toBeLessThan(2000);
  }, 240_000);

  /** What the image of a program with so large a heap answers to a first server's offer. */
  const offered = (heap: string, source: string): string => {
    const [program, ...words] = sbclCommand.split(' ');
    const boot = path.join(lispDir, 'boot.lisp');
    const offer = `(hotlisp-boot:offer-agent ${lispString('0'.repeat(64))} "contract" "session" ${source})`;
    const forms = ['--load', boot, '--eval', `(format t "answer ~s~%" ${offer})`];
    return spawnSync(
      program!,
      ['--dynamic-space-size', heap, ...words, '--non-interactive', '--no-userinit', ...forms],
      { encoding: 'utf8', env: { ...process.env, XDG_CACHE_HOME: surroundings.make('cache') } },
    ).stdout;
  };

  it('is not filled by a program of the user’s whose heap that would exhaust, which is said with what to do', () => {
    expect(offered('120MB', '"(defpackage :hotlisp)"')).toMatch(
      /answer \(:FAILED\s+"Its heap has \d+ MB left, .* --dynamic-space-size/,
    );
    expect(readdirSync(path.join(surroundings.folder, 'cache', 'hotlisp'))).toEqual([]);
  });

  it('is filled by a program of the user’s whose heap has 200 MB', async () => {
    const text = path.join(surroundings.folder, 'agent.lisp');
    writeFileSync(text, (await readAgentFiles(lispDir)).source);
    expect(offered('200MB', `(hotlisp-boot::text-of ${lispString(text)})`)).toMatch(
      /answer \(:LOADED :COMPILED\)/,
    );
    expect(compiled(path.join(surroundings.folder, 'cache'))).toHaveLength(1);
  }, 240_000);

  it('is not used where others may write, which is said', async () => {
    const cache = surroundings.make('cache');
    mkdirSync(path.join(cache, 'hotlisp'));
    chmodSync(path.join(cache, 'hotlisp'), 0o777);
    expect((await start(cache)).join('\n')).toMatch(/no cache for it: .*0777/);
    expect(readdirSync(path.join(cache, 'hotlisp'))).toEqual([]);
  });

  it('may be filled by several servers at the same time', async () => {
    const cache = surroundings.make('cache');
    await Promise.all([start(cache), start(cache)]);
    expect(compiled(cache)).toHaveLength(1);
  });
});

describe('an image that cannot be had', () => {
  it('because SBCL is not installed is told with what to do', async () => {
    await managed.configure({ command: '/nowhere/sbcl --core x' });
    expect(await failure(managed.manager.connect())).toMatchObject({
      kind: 'no-image',
      message: expect.stringMatching(/\/nowhere\/sbcl.*not found.*Install SBCL/) as string,
    });
    expect(managed.stateNames()).toEqual(['connecting', 'idle']);
    await managed.configure();
    await expect(managed.manager.connect()).resolves.toMatchObject({ kind: 'spawned' });
  });

  it('because the command is no SBCL is told with what that printed', async () => {
    await managed.configure({ command: 'echo hello' });
    expect(await failure(managed.manager.connect())).toMatchObject({
      kind: 'no-image',
      message: expect.stringMatching(/exit code 0.*hello/s) as string,
    });
  });

  it('because the start-up file is broken is told with the error, and leaves no process', async () => {
    writeFileSync(path.join(surroundings.home, '.sbclrc'), '(error "my broken start-up file")');
    await managed.configure();
    const error = await failure(managed.manager.connect());
    expect(error).toMatchObject({
      kind: 'no-image',
      message: expect.stringContaining('my broken start-up file') as string,
    });
    expect(childSbcls()).toEqual([]);
  });

  it('because SBCL ends with an error deep inside is told with that error, not with the end of its backtrace', async () => {
    const deep =
      '(labels ((deep (n) (if (zerop n) (error "no room in the attic") (1+ (deep (1- n)))))) (deep 60))';
    writeFileSync(path.join(surroundings.home, '.sbclrc'), deep);
    await managed.configure();
    const { message } = await failure(managed.manager.connect());
    expect(message).toContain('no room in the attic');
    expect(message).not.toMatch(/^\d+: /m);
  });

  it.each([
    ['(error "no such database")', /form 1 of image\.init.*no such database/s],
    ['(car', /form 1 of image\.init/s],
  ])('because of image.init %s is told by its number, and leaves no process', async (form, why) => {
    await managed.configure({ init: [form] });
    const error = await failure(managed.manager.connect());
    expect([error.kind, error.message]).toEqual(['no-image', expect.stringMatching(why)]);
    expect(childSbcls()).toEqual([]);
  });

  it('because the mode is off is told by the setting’s name', async () => {
    await managed.configure({ mode: 'off' });
    expect(managed.manager.state).toBe('off');
    expect(await failure(managed.manager.connect())).toMatchObject({
      kind: 'no-image',
      message: expect.stringContaining('image.mode') as string,
    });
  });

  it('because there is nowhere safe for its socket is told', async () => {
    mkdirSync(path.join(surroundings.run, 'hotlisp'), { mode: 0o755 });
    await managed.configure();
    expect(await failure(managed.manager.connect())).toMatchObject({
      kind: 'no-image',
      message: expect.stringContaining('0755') as string,
    });
  });
});

describe('the manager', () => {
  it('lets one who waits give up, and the others have the image', async () => {
    await managed.configure();
    const controller = new AbortController();
    const impatient = failure(managed.manager.connect({ signal: controller.signal }));
    const patient = managed.manager.connect();
    controller.abort();
    expect((await impatient).kind).toBe('cancelled');
    await expect(patient).resolves.toMatchObject({ kind: 'spawned' });
  });

  it('keeps the image when the settings are the same, and ends it when they are not', async () => {
    const first = await managed.connect({}, ['/tmp']);
    await managed.configure({}, ['/tmp', '/']);
    expect(managed.manager.current).toBe(first);
    await managed.configure({ init: ['1'] });
    expect(managed.manager.current).toBeUndefined();
    expect(await survivors([first.hello.pid], 0)).toEqual([]);
  });

  it('gives those who wait the image of the new settings when they change meanwhile', async () => {
    await managed.configure({ init: ['(loop)'] });
    const waiting = managed.manager.connect();
    await managed.configure({ init: ['(defvar cl-user::*new* t)'] });
    expect(await valuesOf(await waiting, 'cl-user::*new*')).toEqual(['T']);
    expect(childSbcls()).toHaveLength(1);
  });

  it('leaves no process when it ends while connecting', async () => {
    await managed.configure({ init: ['(loop)'] });
    const waiting = failure(managed.manager.connect());
    while (childSbcls().length === 0) await new Promise(resolve => setImmediate(resolve));
    await managed.manager.dispose();
    expect((await waiting).kind).toBe('cancelled');
    expect(childSbcls()).toEqual([]);
    expect((await failure(managed.manager.connect())).kind).toBe('no-image');
  });
});
