/** How an image with the agent serves: read-only, saved, forked, ended; its socket and the directory that holds it. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { operations } from '../../server/image/protocol.ts';
import { compileAgent, fasl, flags, Image, removeAgent, sbcl, scratch } from '../support/agentImage.ts';

beforeAll(compileAgent);
afterAll(removeAgent);

const images: Image[] = [];
async function image(serve?: string, environment?: NodeJS.ProcessEnv): Promise<Image> {
  const started = await Image.start(serve, environment);
  images.push(started);
  return started;
}

describe('an image of its own for each', () => {
  afterEach(async () => {
    for (const started of images.splice(0)) await started.end();
  });

  test('a read-only image refuses whatever may change it, and answers the rest', async () => {
    const client = await (await image('(hotlisp:serve :read-only t)')).connect();
    expect((await client.call('hello', { digest: '', client: '', roots: [] })).readOnly).toBe(true);
    const writes = {
      eval: { code: '(setf (get :ran :it) t)', outputLimit: 10 },
      apply: { transaction: 't', generation: 0, forms: [] },
      undo: { transaction: 't', force: false },
      redo: { transaction: 't', force: false },
      'load-fasl': { transaction: 't', path: '/x.fasl', digest: '' },
      'load-system': { transaction: 't', system: 'x', force: 'none', sources: [] },
      interrupt: { thread: 1, name: 'x' },
      terminate: { thread: 1, name: 'x' },
      restart: { request: 1, question: 1, restart: 0 },
      locals: { request: 1, question: 1, frame: 0 },
      inspect: { symbol: 'CAR' },
      describe: { symbol: 'CAR', what: 'describe', outputLimit: 100 },
      trace: { function: 'F' },
      remove: { transaction: 't', definitions: [], package: 'CL-USER' },
    };
    expect(Object.keys(writes).sort()).toEqual(
      Object.entries(operations)
        .filter(([, { writes }]) => writes)
        .map(([op]) => op)
        .sort(),
    );
    for (const [op, args] of Object.entries(writes))
      expect(await client.refusal(op, args)).toMatchObject({
        kind: 'read-only',
        message: expect.stringContaining(op) as string,
      });
    // Expanding runs macros of the program, which may do anything.
    expect(
      (await client.refusal('macroexpand', { text: '(when 1)', package: 'CL-USER', all: false })).kind,
    ).toBe('read-only');
    expect((await client.call('source', { symbol: 'car' })).locations.length).toBeGreaterThan(0);
    expect((await client.call('threads', {})).threads.length).toBeGreaterThan(0);
    expect((await client.call('check', { forms: [], threads: false })).assessments).toEqual([]);
  });

  test('a spawned image ends when its standard input does, and its socket with it', async () => {
    const started = await image();
    const client = await started.connect();
    await client.begin('(sb-sys:without-interrupts (go) (loop))');
    started.child.stdin!.end();
    expect(await started.exited()).toBe(0);
    expect(existsSync(started.socketFile)).toBe(false);
  });

  test('EXIT in an evaluation ends the image, which is all the answer, and removes the socket', async () => {
    const started = await image();
    const client = await started.connect();
    const id = client.start('eval', { code: '(sb-ext:exit :code 3)', outputLimit: 10 });
    await expect(client.reply(id)).rejects.toThrow('the connection ended');
    expect(await started.exited()).toBe(3);
    expect(existsSync(started.socketFile)).toBe(false);
  });

  test('a request that waits for the image’s lock can be cancelled', async () => {
    const started = await image();
    const holder = await started.connect();
    const client = await started.connect();
    const held = await holder.begin('(hotlisp::with-image-lock () (go) (loop))');
    const id = client.start('apply', { transaction: 't', generation: 0, forms: [] });
    expect(await client.cancel(id)).toMatchObject({ error: { kind: 'cancelled' } });
    await holder.cancel(held);
    expect(await client.call('apply', { transaction: 't2', generation: 0, forms: [] })).toHaveProperty(
      'status',
    );
  });

  test('a sealed request is no longer cancelled', async () => {
    const client = await (await image()).connect();
    const id = await client.begin(
      '(hotlisp::seal-request) (finish-output) (princ "sealed") (finish-output) (sleep 0.3) :done',
    );
    await client.until(() => (client.textOf(id).includes('sealed') ? true : undefined), 'the sealed request');
    expect(await client.call('cancel', { request: id })).toEqual({ found: true });
    expect((await client.reply(id)).ok).toMatchObject({ values: [':DONE'] });
  });

  test('after STOP-SERVING the image can be saved, and the saved one serves as another image', async () => {
    const core = path.join(scratch, 'saved.core');
    const program = `(progn (hotlisp:serve)
      (let ((old (hotlisp::image-identity)))
        (defparameter cl-user::*old* old))
      (hotlisp:stop-serving)
      (sb-ext:save-lisp-and-die "${core}" :executable t))`;
    const saved = spawnSync(sbcl, [...flags, '--load', fasl, '--eval', program], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect(saved.stderr + saved.stdout).not.toMatch(/Cannot save/);
    const again = spawnSync(
      core,
      [
        ...flags,
        '--eval',
        '(progn (format t "~a ~a~%" (hotlisp:serve) (string/= cl-user::*old* (hotlisp::image-identity))) (sb-ext:exit))',
      ],
      { encoding: 'utf8', timeout: 60_000 },
    );
    expect(again.stdout).toMatch(/\.sock \d+\n$/);
  });

  test('an image that is saved while it serves stops serving by itself', () => {
    const core = path.join(scratch, 'saved2.core');
    const saved = spawnSync(
      sbcl,
      [...flags, '--load', fasl, '--eval', `(progn (hotlisp:serve) (sb-ext:save-lisp-and-die "${core}"))`],
      { encoding: 'utf8', timeout: 60_000 },
    );
    expect({ status: saved.status, saved: existsSync(core) }).toEqual({ status: 0, saved: true });
  });

  describe('the run directory', () => {
    const attempt = (runtime: string, form = '(format t "socket ~a~%" (hotlisp:serve))') =>
      spawnSync(
        sbcl,
        [
          ...flags,
          '--load',
          fasl,
          '--eval',
          `(handler-case ${form} (error (e) (format t "refused ~a~%" e)))`,
          '--eval',
          '(sb-ext:exit)',
        ],
        { encoding: 'utf8', timeout: 60_000, env: { ...process.env, XDG_RUNTIME_DIR: runtime } },
      ).stdout;
    const runtime = (name: string) => {
      const directory = path.join(scratch, name);
      mkdirSync(directory, { recursive: true });
      return directory;
    };

    test('is made private, whatever the umask', () => {
      const directory = runtime('run [1]*');
      const previous = process.umask(0);
      try {
        expect(attempt(directory, '(format t "mode ~o~%" (hotlisp::file-status (hotlisp:serve)))')).toMatch(
          /^mode 140600$/m,
        );
      } finally {
        process.umask(previous);
      }
      expect(lstatSync(path.join(directory, 'hotlisp')).mode & 0o777).toBe(0o700);
    });

    test('is refused when others can reach it, with what to do', () => {
      const directory = runtime('open');
      mkdirSync(path.join(directory, 'hotlisp'));
      chmodSync(path.join(directory, 'hotlisp'), 0o755);
      expect(attempt(directory)).toMatch(new RegExp(`refused .*${directory}/hotlisp.*mode 755.*chmod 700`));
    });

    test('is refused when it is a symbolic link or a file', () => {
      const directory = runtime('link');
      symlinkSync(scratch, path.join(directory, 'hotlisp'));
      expect(attempt(directory)).toMatch(/refused .*is a symbolic link/);
      const other = runtime('file');
      writeFileSync(path.join(other, 'hotlisp'), '');
      expect(attempt(other)).toMatch(/refused .*is not a directory/);
    });

    test('a socket path that is too long is refused by name', () => {
      expect(attempt(runtime('x'.repeat(120)))).toMatch(/refused .*too long/);
    });

    test('sockets of images that are gone are removed, others stay', async () => {
      const directory = runtime('stale');
      const living = await image('(hotlisp:serve)', { XDG_RUNTIME_DIR: directory });
      const dead = path.join(directory, 'hotlisp', '4194300-00000000.sock');
      writeFileSync(dead, '');
      expect(attempt(directory)).toMatch(/^socket/m);
      expect(existsSync(dead)).toBe(false);
      expect(existsSync(living.socketFile)).toBe(true);
    });
  });
});
