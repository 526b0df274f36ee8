/** `hotlisp doctor`: what a person is told before they trust an editor with it, on a real SBCL. */
import { spawn } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
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
  const child = spawn(nodeProgram, [serverProgram, 'doctor', ...command.split(' ')], {
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
        `^ok +serving program: sbcl \\S+ \\(pid ${image.pid}, unix:.*\\): all \\d+ capabilities$`,
        'm',
      ),
    );
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
