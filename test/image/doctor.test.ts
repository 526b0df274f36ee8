/** `hotlisp doctor`: what a person is told before they trust an editor with it, on a real SBCL. */
import { spawn } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { childSbcls, Surroundings } from '../support/images.ts';
import { Editor, nodeProgram, sbclCommand, serverProgram } from '../support/lspClient.ts';
import { startServedImage } from '../support/servedImage.ts';
import { within } from '../support/wait.ts';

let surroundings: Surroundings;
beforeEach(() => void (surroundings = new Surroundings()));
afterEach(() => {
  expect(childSbcls()).toEqual([]);
  surroundings.remove();
});

/** What it prints, and how it ends. */
async function doctor(
  command: string,
  env: Record<string, string> = {},
): Promise<{ status: number | null; text: string }> {
  const child = spawn(nodeProgram, [serverProgram, 'doctor', ...command.split(' ').filter(Boolean)], {
    cwd: surroundings.folder,
    env: { ...surroundings.environment, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part: string) => (text += part));
  const status = await within(
    'doctor to end',
    new Promise<number | null>(resolve => child.once('close', resolve)),
    100_000,
  );
  return { status, text };
}

/** A command that starts an SBCL without what the variables of a frame are read with. */
function crippled(): string {
  const file = path.join(surroundings.folder, 'hide.lisp');
  writeFileSync(
    file,
    `(sb-ext:without-package-locks (fmakunbound (find-symbol "DEBUG-VAR-VALIDITY" "SB-DI")))`,
  );
  return `${sbclCommand} --load ${file}`;
}

it('starts the image that would be used, says what the agent can do in it, and ends it', async () => {
  const { status, text } = await doctor(sbclCommand);
  expect(text).toMatch(/^ok +Node \d/m);
  expect(text).toMatch(/^ok +image to spawn: .* \(SBCL \d\S+\): all \d+ capabilities$/m);
  expect([status, text]).toEqual([0, expect.stringContaining('Ready.')]);
});

it('says which capability is off in an SBCL that lacks what it needs, and why; the rest works there', async () => {
  const command = crippled();
  // The agent is compiled for that SBCL alone: the user's cache must not get it.
  const cache = { XDG_CACHE_HOME: surroundings.make('cache') };
  const { status, text } = await doctor(command, cache);
  expect(text).toMatch(/^note +off in this image: locals: no SB-DI::DEBUG-VAR-VALIDITY$/m);
  expect(text).toMatch(/\(SBCL \S+\): \d+ of \d+ capabilities$/m);
  expect([status, text]).toEqual([0, expect.stringContaining('Ready.')]);
  const editor = await Editor.start({
    env: cache,
    settings: { image: { command }, approval: { 'modify-running-code': 'allow' } },
  });
  try {
    const document = editor.open('a.lisp', '(in-package :cl-user)\n(defun told (x) (list x))\n');
    expect(await editor.command('reload_file', { uri: document.uri })).toMatchObject({ status: 'applied' });
    expect(await editor.evaluate('(told 1)')).toEqual(['(1)']);
  } finally {
    await editor.finish();
  }
});

it('tells of the programs that serve themselves, and of directories that are not used', async () => {
  const source = path.join(surroundings.folder, 'program.lisp');
  writeFileSync(source, '(in-package :cl-user)\n');
  const { image } = await startServedImage(surroundings.folder, source, surroundings.run);
  try {
    const { text } = await doctor(sbclCommand);
    expect(text).toMatch(
      new RegExp(
        `^ok +serving program of this folder: sbcl \\S+ \\(pid ${image.pid}, unix:.*\\): all \\d+ capabilities$`,
        'm',
      ),
    );
    expect(text).toMatch(/^ok +image used while image.mode is "auto": the program of this folder/m);
    // Who can attach needs no SBCL that can be started.
    const other = await doctor('/no/such/sbcl');
    expect(other.text).toMatch(/^note +image to spawn: .*was not found/m);
    expect([other.status, other.text]).toEqual([0, expect.stringContaining('Ready.')]);
    chmodSync(path.join(surroundings.run, 'hotlisp'), 0o755);
    const open = await doctor(sbclCommand);
    expect(open.text).toMatch(/^note +not used: .*hotlisp is open to other users \(mode 0755\)/m);
  } finally {
    await image.stop();
  }
});

it('exits 1 with the reason where the image cannot be started', async () => {
  const file = path.join(surroundings.folder, 'broken.lisp');
  writeFileSync(file, '(error "the start-up file is broken")');
  const { status, text } = await doctor(`${sbclCommand} --load ${file}`);
  expect(text).toMatch(/^MISSING .*the start-up file is broken/ms);
  expect([status, text]).toEqual([1, expect.stringContaining('Not usable yet')]);
});

it('says of an SBCL that is too old how old it is, and of none where to get one', async () => {
  const old = path.join(surroundings.folder, 'sbcl');
  writeFileSync(old, '#!/bin/sh\necho "SBCL 1.4.5.debian"\n', { mode: 0o755 });
  const { status, text } = await doctor(old);
  expect(text).toMatch(
    /^MISSING image to spawn: .* \(SBCL 1\.4\.5\.debian\)[^]*-> SBCL 2\.2\.9 or newer is needed/m,
  );
  expect(status).toBe(1);
  const none = await doctor('', { PATH: surroundings.make('empty') });
  expect(none.text).toMatch(/^MISSING .*"sbcl" was not found\. Install SBCL/m);
  expect(none.text).toMatch(/^note +image used .*: none, as none can be started/m);
  expect(none.status).toBe(1);
});

it('says what stands in the way of a socket: a run directory that cannot be made', async () => {
  const file = path.join(surroundings.folder, 'file');
  writeFileSync(file, '');
  const { status, text } = await doctor(sbclCommand, { XDG_RUNTIME_DIR: file });
  expect(text).toMatch(/^MISSING .*file\/hotlisp does not exist.*set XDG_RUNTIME_DIR/m);
  expect(status).toBe(1);
});

it('tries the image of an address, which needs no SBCL here', async () => {
  const source = path.join(surroundings.folder, 'program.lisp');
  writeFileSync(source, '(in-package :cl-user)\n');
  const { image, address } = await startServedImage(surroundings.folder, source, surroundings.run);
  try {
    const { status, text } = await doctor(address, { PATH: surroundings.make('empty') });
    expect(text).toMatch(new RegExp(`^ok +image to attach to: sbcl .*\\(pid ${image.pid}, unix:`, 'm'));
    expect([status, text]).toEqual([0, expect.stringContaining('Ready.')]);
  } finally {
    await image.stop();
  }
  // It was killed, and its socket is left.
  const stale = await doctor(sbclCommand);
  expect(stale.text).toMatch(/^note +not used: .*\n +-> remove it when its program has ended: rm .*\.sock$/m);
  expect(stale.text).toMatch(/^ok +image used .*: a new one/m);
  expect(stale.status).toBe(0);
  const gone = await doctor(address);
  expect(gone.text).toMatch(/^MISSING image to attach to: [^]*-> \(hotlisp:serve\) in the program/m);
  expect(gone.status).toBe(1);
  const listener = net.createServer();
  const port = await new Promise<number>(resolve =>
    listener.listen(0, '127.0.0.1', () => resolve((listener.address() as net.AddressInfo).port)),
  );
  await new Promise<void>(resolve => listener.close(() => resolve()));
  const swank = await doctor(`127.0.0.1:${port}`);
  expect(swank.text).toMatch(/^MISSING .*No Swank or Slynk answers at .*create-server/m);
  expect(swank.status).toBe(1);
});

it('tells what the settings file of the folder makes stricter, and what is wrong in it', async () => {
  const file = path.join(surroundings.folder, '.hotlisp.json');
  writeFileSync(file, '{"approval": {"eval": "deny"}, "image": {"command": "evil"}}');
  const { text } = await doctor(sbclCommand);
  expect(text).toMatch(/^ok +.*\.hotlisp\.json makes stricter: approval\.eval "deny"$/m);
  expect(text).toMatch(
    /^note +setting ignored: .*image\.command is not a setting that a workspace file may make$/m,
  );
  writeFileSync(file, '{');
  expect((await doctor(sbclCommand)).text).toMatch(/^note +settings ignored: .*\.hotlisp\.json: /m);
});

it('exits 1 where the journal cannot be written, since nothing is changed without it', async () => {
  const file = path.join(surroundings.folder, 'file');
  writeFileSync(file, '');
  const { status, text } = await doctor(sbclCommand, { XDG_STATE_HOME: file });
  expect(text).toMatch(/^MISSING the journal .* cannot be written .*\n +-> .*journal\.directory/m);
  expect(status).toBe(1);
});

it('takes no option for the command of an image', async () => {
  for (const asked of ['--help', '-h']) {
    const { status, text } = await doctor(asked);
    expect([status, text]).toEqual([0, expect.stringMatching(/^USAGE$[^]*^ {2}hotlisp doctor \[COMMAND/m)]);
  }
  const { status, text } = await doctor('--verbose');
  expect([status, text]).toEqual([2, expect.stringMatching(/^hotlisp: unknown argument --verbose$/m)]);
});
