/** Programs that call (hotlisp:serve), and servers that attach to them. */
import { chmodSync, lstatSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HotlispError } from '../../server/errors.ts';
import { lispDir, ManagedImage, Surroundings, valuesOf } from '../support/images.ts';
import { lispString } from '../support/lspClient.ts';
import { startUserImage, type UserImage } from '../support/userImage.ts';

let surroundings: Surroundings;
let managed: ManagedImage;
const programs: UserImage[] = [];
beforeEach(() => {
  surroundings = new Surroundings();
  managed = new ManagedImage(surroundings);
});
afterEach(async () => {
  await managed.manager.dispose();
  for (const program of programs.splice(0)) await program.stop();
  surroundings.remove();
});

/** A program of the user's in `folder` that serves itself; and where. */
async function serve(folder: string, argument = ''): Promise<{ program: UserImage; socket: string }> {
  const program = await startUserImage(
    `(let ((*standard-output* (make-broadcast-stream)) (*error-output* (make-broadcast-stream)))
       (asdf:load-asd ${lispString(path.join(lispDir, 'hotlisp.asd'))})
       (handler-bind ((warning #'muffle-warning)) (asdf:load-system "hotlisp")))
     (format t "SOCKET ~a~%" (funcall (intern "SERVE" "HOTLISP") ${argument}))`,
    { cwd: folder, env: surroundings.environment },
  );
  programs.push(program);
  return { program, socket: /^SOCKET (.*)$/m.exec(program.output())![1]! };
}

const failure = (promise: Promise<unknown>): Promise<HotlispError> =>
  promise.then(
    value => expect.fail(`resolved with ${JSON.stringify(value)}`),
    (error: unknown) => error as HotlispError,
  );

describe('a program that serves itself', () => {
  it('is attached to by its socket, goes on when the server leaves, and is the same when it comes back', async () => {
    const { program, socket } = await serve(surroundings.make('app'));
    const settings = { mode: 'attach', address: `unix:${socket}` } as const;
    const image = await managed.connect(settings);
    expect([image.kind, image.hello.pid]).toEqual(['socket', program.pid]);
    expect(image.title).toContain(`unix:${socket}`);
    await valuesOf(image, '(defvar cl-user::*kept* 7)');
    await managed.manager.disconnect();
    expect(program.isRunning()).toBe(true);
    const again = await managed.manager.connect();
    expect(again.hello.image).toBe(image.hello.image);
    expect(await valuesOf(again, 'cl-user::*kept*')).toEqual(['7']);
  });

  it('has nothing of the server running in it once that has left', async () => {
    const { socket } = await serve(surroundings.make('app'));
    const settings = { mode: 'attach', address: `unix:${socket}` } as const;
    const image = await managed.connect(settings);
    const running = failure(
      image.call('eval', { code: '(defvar cl-user::*n* 0) (loop (incf cl-user::*n*))', outputLimit: 10 }),
    );
    while (
      (await valuesOf(image, "(and (boundp 'cl-user::*n*) (plusp (symbol-value 'cl-user::*n*)))"))[0] !== 'T'
    );
    await managed.manager.disconnect();
    expect((await running).kind).toBe('cancelled');
    const again = await managed.manager.connect();
    const code = '(let ((before cl-user::*n*)) (sleep 0.05) (= before cl-user::*n*))';
    expect(await valuesOf(again, code)).toEqual(['T']);
  });

  it('serves several servers at a time, each with its own requests', async () => {
    const { socket } = await serve(surroundings.make('app'));
    const settings = { mode: 'attach', address: `unix:${socket}` } as const;
    const other = new ManagedImage(surroundings);
    try {
      const [mine, theirs] = [await managed.connect(settings), await other.connect(settings)];
      const controller = new AbortController();
      const running = failure(
        mine.call('eval', { code: '(loop)', outputLimit: 10 }, { signal: controller.signal }),
      );
      expect(await valuesOf(theirs, '2')).toEqual(['2']);
      controller.abort();
      expect((await running).kind).toBe('cancelled');
      await other.manager.disconnect();
      expect(await valuesOf(mine, '3')).toEqual(['3']);
    } finally {
      await other.manager.dispose();
    }
  });

  it('read-only refuses to be changed, whatever the server wants', async () => {
    const { socket } = await serve(surroundings.make('app'), ':read-only t');
    const image = await managed.connect({ mode: 'attach', address: `unix:${socket}` });
    expect(image.hello.readOnly).toBe(true);
    expect((await failure(image.call('eval', { code: '1', outputLimit: 10 }))).kind).toBe('read-only');
    await expect(image.call('threads', {})).resolves.toBeDefined();
  });

  it('that is killed is told as lost; it is not replaced by another image behind the user’s back', async () => {
    const { program, socket } = await serve(surroundings.make('app'));
    const image = await managed.connect({ mode: 'attach', address: `unix:${socket}` });
    const running = failure(image.call('eval', { code: '(loop)', outputLimit: 10 }));
    await program.stop();
    expect((await running).kind).toBe('image-lost');
    await managed.states.next('the loss', ({ state }) => state === 'lost');
    expect(await failure(managed.manager.connect())).toMatchObject({
      kind: 'no-image',
      message: expect.stringContaining(socket) as string,
    });
  });

  it('is not spoken to where others may enter the directory of its socket', async () => {
    const { socket } = await serve(surroundings.make('app'));
    chmodSync(path.dirname(socket), 0o711);
    await managed.configure({ mode: 'attach', address: `unix:${socket}` });
    expect(await failure(managed.manager.connect())).toMatchObject({
      kind: 'no-image',
      message: expect.stringContaining('0711') as string,
    });
    chmodSync(path.dirname(socket), 0o700);
  });
});

describe('a program that serves at a path of its own', () => {
  /** A path in a private directory, and what another program is told that serves there. */
  const place = () => {
    const directory = surroundings.make('own');
    chmodSync(directory, 0o700);
    const socket = path.join(directory, 'app.sock');
    const attempt = `:path ${lispString(socket)}`;
    return { directory, socket, attempt };
  };
  const refused = async (attempt: string): Promise<string> =>
    (
      await serve(surroundings.make('app'), attempt).then(
        ({ socket }) => expect.fail(`serves at ${socket}`),
        (error: unknown) => error as Error,
      )
    ).message;

  it('takes the place of one that was killed, in a directory of its own alone', async () => {
    const { directory, socket, attempt } = place();
    const { program } = await serve(surroundings.make('app'), attempt);
    await program.stop();
    expect(lstatSync(socket).isSocket()).toBe(true);
    chmodSync(directory, 0o755);
    expect(await refused(attempt)).toContain(`Run: chmod 700 ${directory}`);
    chmodSync(directory, 0o700);
    const { program: next } = await serve(surroundings.make('app'), attempt);
    const image = await managed.connect({ mode: 'attach', address: `unix:${socket}` });
    expect(image.hello.pid).toBe(next.pid);
  });

  it('leaves the socket to one that lives, and names it, stopped or not', async () => {
    const { socket, attempt } = place();
    const { program } = await serve(surroundings.make('app'), attempt);
    const told = `process ${program.pid} is serving there`;
    expect(await refused(attempt)).toContain(told);
    process.kill(program.pid, 'SIGSTOP');
    expect(await refused(attempt)).toContain(told);
    process.kill(program.pid, 'SIGCONT');
    const image = await managed.connect({ mode: 'attach', address: `unix:${socket}` });
    expect(image.hello.pid).toBe(program.pid);
  });

  it('touches nothing there that is no socket', async () => {
    const { directory, socket, attempt } = place();
    const left = path.join(directory, 'left.sock');
    const { program } = await serve(surroundings.make('app'), `:path ${lispString(left)}`);
    await program.stop();
    symlinkSync(left, socket);
    expect(await refused(attempt)).toContain(`${socket}: it is a symbolic link`);
    expect([lstatSync(socket).isSymbolicLink(), lstatSync(left).isSocket()]).toEqual([true, true]);
    writeFileSync(`${directory}/text`, 'kept');
    const text = `:path ${lispString(`${directory}/text`)}`;
    expect(await refused(text)).toContain(`${directory}/text: it is there and is no socket`);
    expect(readFileSync(`${directory}/text`, 'utf8')).toBe('kept');
  });

  it('is one of several that start where a killed one was', async () => {
    const { socket, attempt } = place();
    const { program } = await serve(surroundings.make('app'), attempt);
    await program.stop();
    const started = await Promise.allSettled([1, 2, 3].map(() => serve(surroundings.make('app'), attempt)));
    const served = started.flatMap(each => (each.status === 'fulfilled' ? [each.value.program.pid] : []));
    expect(served).toHaveLength(1);
    const image = await managed.connect({ mode: 'attach', address: `unix:${socket}` });
    expect([image.hello.pid]).toEqual(served);
  });
});

describe('the mode auto', () => {
  it('finds the one program that works from the workspace, and spawns for a workspace that has none', async () => {
    const app = surroundings.make('app');
    const { program } = await serve(surroundings.make('app/src'));
    const image = await managed.connect({ mode: 'auto' }, [surroundings.make('elsewhere'), app]);
    expect([image.kind, image.hello.pid]).toEqual(['socket', program.pid]);
    const other = new ManagedImage(surroundings);
    try {
      expect((await other.connect({ mode: 'auto' }, [surroundings.make('ap')])).kind).toBe('spawned');
    } finally {
      await other.manager.dispose();
    }
    expect(program.isRunning()).toBe(true);
  });

  it('with several spawns, and says where they are and how to choose one', async () => {
    const app = surroundings.make('app');
    const sockets = [await serve(app), await serve(app)].map(({ socket }) => socket);
    expect((await managed.connect({ mode: 'auto' }, [app])).kind).toBe('spawned');
    const line = managed.log.all.find(text => text.includes('Several'))!;
    for (const socket of sockets) expect(line).toContain(`unix:${socket}`);
    expect(line).toContain('image.address');
    expect(programs.every(program => program.isRunning())).toBe(true);
  });

  it('with an address attaches to that, and to nothing else', async () => {
    const app = surroundings.make('app');
    const [one, two] = [await serve(app), await serve(app)];
    const settings = { mode: 'auto', address: `unix:${two.socket}` } as const;
    expect((await managed.connect(settings, [app])).hello.pid).toBe(two.program.pid);
    await two.program.stop();
    await managed.states.next('the loss', ({ state }) => state === 'lost');
    expect(await failure(managed.manager.connect())).toMatchObject({ kind: 'no-image' });
    expect(one.program.isRunning()).toBe(true);
  });

  it('passes over what programs that ended have left', async () => {
    const app = surroundings.make('app');
    const { program } = await serve(app);
    await program.stop();
    expect((await managed.connect({ mode: 'auto' }, [app])).kind).toBe('spawned');
  });
});
