/** The journal when things go wrong: servers killed at every step of a change, torn lines, disks that refuse. */
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Editor, NEVER } from '../support/lspClient.ts';
import { halt } from '../support/processes.ts';
import { startServedImage } from '../support/servedImage.ts';
import { shop } from '../support/shop.ts';
import type { UserImage } from '../support/userImage.ts';
import { PATIENCE } from '../support/wait.ts';

interface Entry {
  readonly event: string;
  readonly operation: string;
  readonly transaction?: string;
  readonly actor: string;
  readonly definitions?: readonly { name: string }[];
  readonly source?: readonly { after: string }[];
  readonly outcome?: { status: string; message?: string };
}

let root: string;
let image: UserImage;
let address: string;
const editors: Editor[] = [];
const journal = () => path.join(root, 'journal', 'journal.ndjson');

beforeAll(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'hotlisp-journal-'));
  const run = path.join(root, 'run');
  mkdirSync(run, { mode: 0o700 });
  const file = path.join(root, 'shop.lisp');
  writeFileSync(file, shop);
  ({ image, address } = await startServedImage(root, file, run));
});
afterEach(async () => {
  for (const editor of editors.splice(0)) await editor.finish();
  expect(image.isRunning()).toBe(true);
});
afterAll(async () => {
  await image?.stop();
  rmSync(root, { recursive: true, force: true });
});

/** A server on the program, whose journal is the one of all these servers unless `directory` says otherwise. */
async function start(
  approval = 'allow',
  directory = path.join(root, 'journal'),
  env: Record<string, string> = {},
): Promise<Editor> {
  const work = mkdtempSync(path.join(root, 'work-'));
  const editor = await Editor.start({
    root: work,
    env,
    settings: {
      image: { mode: 'attach', address },
      approval: { 'compile-file': approval },
      journal: { directory },
    },
  });
  editors.push(editor);
  return editor;
}

/** Ends the server as an accident does. */
async function kill(editor: Editor): Promise<void> {
  editors.splice(editors.indexOf(editor), 1);
  process.kill(editor.pid, 'SIGKILL');
  await editor.abandon();
}

const compile = (editor: Editor, code: string) =>
  editor.command('code_compile_string', { code, package: 'SHOP' });
const history = async (editor: Editor): Promise<Entry[]> =>
  (await editor.command<{ entries: Entry[] }>('history', { limit: 10_000 })).entries;
const about = (entries: readonly Entry[], name: string) =>
  entries.filter(({ source }) => source?.some(({ after }) => after?.includes(`defun ${name} `)));
const lines = () => readFileSync(journal(), 'utf8').split('\n').filter(Boolean);

/** Resolves once `code` answers true in the image. */
async function until(editor: Editor, code: string): Promise<void> {
  const end = Date.now() + PATIENCE;
  while ((await editor.evaluate(code))[0] === 'NIL') {
    if (Date.now() > end) throw new Error(`waited ${PATIENCE} ms for ${code}`);
  }
}

/** Resolves once the journal has an entry of that kind about the function. */
async function recorded(event: string, name: string): Promise<void> {
  const end = Date.now() + PATIENCE;
  const isThere = () =>
    lines().some(line => line.includes(`"event":"${event}"`) && line.includes(`(defun ${name} `));
  while (!isThere()) {
    if (Date.now() > end) throw new Error(`no ${event} about ${name} was recorded`);
    await new Promise(resolve => setImmediate(resolve));
  }
}

/** Code that defines a function and then waits, while it is loaded, until the gate is opened. */
const gated = (name: string) =>
  `(defun ${name} () 1)
   (progn (sb-thread:signal-semaphore (symbol-value (find-symbol "*ENTERED*" :cl-user)))
          (sb-thread:wait-on-semaphore (symbol-value (find-symbol "*GATE*" :cl-user))))`;
const semaphores = `(progn (defparameter cl-user::*entered* (sb-thread:make-semaphore))
  (defparameter cl-user::*gate* (sb-thread:make-semaphore)) t)`;
const entered = '(and (sb-thread:wait-on-semaphore cl-user::*entered* :timeout 0.1) t)';
const defined = (name: string) =>
  `(and (fboundp (find-symbol ${JSON.stringify(name.toUpperCase())} :shop)) t)`;

describe('a server that is killed', () => {
  it('while a person is asked has decided nothing, and nothing was done', async () => {
    const victim = await start('ask');
    void victim.expectPrompt(/compile at-the-prompt/i, NEVER);
    void compile(victim, '(defun at-the-prompt () 1)').catch(() => undefined);
    await victim.prompts.next('the prompt', () => true);
    await kill(victim);
    const next = await start();
    expect(about(await history(next), 'at-the-prompt')).toEqual([]);
    expect(await next.evaluate(defined('at-the-prompt'))).toEqual(['NIL']);
  });

  it('once the decision is written, before the image has heard of it, leaves the decision: the outcome is unknown', async () => {
    const victim = await start('ask');
    let answer = (_title: string) => {};
    void victim.expectPrompt(/compile unheard/i, () => new Promise<string>(resolve => (answer = resolve)));
    void compile(victim, '(defun unheard () 1)').catch(() => undefined);
    await victim.prompts.next('the prompt', () => true);
    await halt(image.pid);
    try {
      answer('Approve');
      await recorded('decision', 'unheard');
      await kill(victim);
    } finally {
      process.kill(image.pid, 'SIGCONT');
    }
    const next = await start();
    const told = about(await history(next), 'unheard');
    expect(told).toMatchObject([{ event: 'decision', outcome: { status: 'unknown' } }]);
    expect(told[0]!.definitions).toMatchObject([{ name: 'UNHEARD' }]);
  });

  it('while the image works leaves its decision: the next one tells that the outcome is unknown, and the image has undone it', async () => {
    const other = await start();
    await other.evaluate(semaphores);
    const victim = await start();
    void compile(victim, gated('half-way')).catch(() => undefined);
    await until(other, entered);
    // Another server sees that it is under way.
    const [running] = about(await history(other), 'half-way');
    expect(running).toMatchObject({ event: 'decision' });
    expect(running!.outcome).toBeUndefined();
    await kill(victim);
    await until(other, `(not ${defined('half-way')})`);
    const [told, ...others] = about(await history(other), 'half-way');
    expect(others).toEqual([]);
    expect(told).toMatchObject({ event: 'decision', outcome: { status: 'unknown' } });
    expect(told!.outcome!.message).toMatch(/ended before/);
  });

  it('after the image has done the change, before that is recorded: it is told as unknown, and can be rolled back by name', async () => {
    const other = await start();
    await other.evaluate(semaphores);
    const victim = await start();
    void compile(victim, gated('unrecorded')).catch(() => undefined);
    await until(other, entered);
    await halt(victim.pid);
    await other.evaluate('(sb-thread:signal-semaphore cl-user::*gate*)');
    await until(other, defined('unrecorded'));
    await kill(victim);
    const [told] = about(await history(other), 'unrecorded');
    expect(told).toMatchObject({ event: 'decision', outcome: { status: 'unknown' } });
    void other.expectPrompt(/roll back .*unrecorded/i, 'Approve');
    expect(await other.command('rollback', { transaction: told!.transaction })).toMatchObject({
      status: 'applied',
    });
    expect(await other.evaluate(defined('unrecorded'))).toEqual(['NIL']);
  });

  it('once the outcome is recorded loses nothing, whether the reply was sent or not', async () => {
    const victim = await start();
    void compile(victim, '(defun recorded () 1)').catch(() => undefined);
    await recorded('outcome', 'recorded');
    await kill(victim);
    const next = await start();
    expect(about(await history(next), 'recorded').map(({ event }) => event)).toEqual(['outcome', 'decision']);
    expect(await next.evaluate(defined('recorded'))).toEqual(['T']);
  });

  it('at any moment: what it answered is in the journal, and so is what the image runs', async () => {
    const answered: string[] = [];
    for (let round = 0; round < 4; round++) {
      const victim = await start();
      await victim.evaluate('1');
      const names = Array.from({ length: 6 }, (_, n) => `burst-${round}-${n}`);
      let first = () => {};
      const some = new Promise<void>(resolve => (first = resolve));
      for (const name of names)
        void compile(victim, `(defun ${name} () 1)`).then(
          result => {
            expect(result.status).toBe('applied');
            answered.push(name);
            first();
          },
          () => undefined,
        );
      if (round > 0) await some;
      for (let n = 0; n < round; n++) await new Promise(resolve => setImmediate(resolve));
      await kill(victim);
    }
    for (const line of lines()) expect(() => JSON.parse(line) as unknown).not.toThrow();
    const next = await start();
    const entries = await history(next);
    for (const name of answered)
      expect([name, about(entries, name).map(({ outcome }) => outcome?.status)]).toEqual([
        name,
        ['applied', undefined],
      ]);
    const [printed] = await next.evaluate(
      `(let ((names '())) (do-symbols (s :shop) (when (and (fboundp s) (eql 0 (search "BURST-" (symbol-name s)))) (pushnew (string-downcase s) names :test #'string=))) (format nil "~{~a~^ ~}" names))`,
    );
    const running = JSON.parse(printed!) as string;
    expect(answered.length).toBeGreaterThan(0);
    for (const name of running.split(' ').filter(Boolean))
      expect([name, about(entries, name).length]).toEqual([name, expect.toSatisfy((n: number) => n >= 1)]);
  });
});

describe('a line that was torn', () => {
  it('is skipped with one warning that names it, and the next entry stands on a line of its own', async () => {
    const before = await start();
    await compile(before, '(defun before-the-tear () 1)');
    editors.splice(0);
    await before.finish();
    appendFileSync(journal(), '{"time":"1970-01-01T00:00:00.000Z","event":"outc');
    const number = lines().length;
    const next = await start();
    await compile(next, '(defun after-the-tear () 1)');
    const entries = await history(next);
    expect(about(entries, 'before-the-tear')).toHaveLength(2);
    expect(about(entries, 'after-the-tear')).toHaveLength(2);
    await history(next);
    const warned = [...next.messages.all, ...next.logs.all].filter(({ message }) =>
      message.includes('is not a whole journal entry'),
    );
    expect(warned).toHaveLength(1);
    expect(warned[0]!.message).toContain(`${journal()}:${number} `);
  });
});

describe('an evaluation whose long output cannot be kept', () => {
  it('answers its values and what fits of the output, says why, and has one outcome', async () => {
    const editor = await start('allow', undefined, { TMPDIR: path.join(root, 'no-such-directory') });
    const code = `(progn (dotimes (i 200000) (write-string "ab")) 'printed)`;
    const { values, output } = await editor.command<{ values: string[]; output: string }>('repl_eval', {
      code,
    });
    expect(values).toEqual(['PRINTED']);
    expect(output).toMatch(
      /^ab.*300000 more characters.*could not be written to a file: ENOENT.*no-such-directory/s,
    );
    const entries = (await history(editor)).filter(({ source }) => source?.some(each => each.after === code));
    expect(entries.map(each => each.outcome?.status)).toEqual(['applied', undefined]);
  });
});

describe('a journal that cannot be written', () => {
  /** The image is as before, and nobody was asked. */
  async function refuses(directory: string): Promise<void> {
    const editor = await start('allow', directory);
    const error = await editor.failure('code_compile_string', {
      code: '(defun unjournalled () 1)',
      package: 'SHOP',
    });
    expect(error.kind).toBe('read-only');
    expect(error.message).toContain(directory);
    expect(error.message).toMatch(
      /cannot be written .*so nothing is done without it.*hotlisp\.journal\.directory/,
    );
    expect(await editor.failure('repl_eval', { code: '(setf shop::*rate* 99)' })).toMatchObject({
      message: error.message,
    });
    const whole = await start();
    expect(await whole.evaluate(`(list ${defined('unjournalled')} shop::*rate*)`)).toEqual(['(NIL 2)']);
  }

  it('because its directory is not to be had refuses every change, and asks nobody', async () => {
    const file = path.join(root, 'a-file');
    writeFileSync(file, '');
    await refuses(path.join(file, 'journal'));
    const asking = await start('ask', path.join(file, 'journal'));
    const error = await asking.failure('code_compile_string', { code: '1' });
    expect(error.message).toMatch(/cannot be written/);
    expect(asking.prompts.all).toEqual([]);
  });

  it('because no directory can be made where it should be refuses every change', async () => {
    await refuses('/proc/no-such-directory/journal');
  });

  it('because it is no regular file refuses every change', async () => {
    const directory = mkdtempSync(path.join(root, 'pipe-'));
    expect(spawnSync('mkfifo', [path.join(directory, 'journal.ndjson')]).status).toBe(0);
    await refuses(directory);
    // A link would have it written wherever that leads.
    const linked = mkdtempSync(path.join(root, 'link-'));
    const elsewhere = path.join(root, 'elsewhere');
    writeFileSync(elsewhere, '');
    symlinkSync(elsewhere, path.join(linked, 'journal.ndjson'));
    await refuses(linked);
    expect(readFileSync(elsewhere, 'utf8')).toBe('');
  });

  it.runIf(process.platform === 'linux')(
    'because its disk is full takes back what it could not record, and goes on once there is room',
    async () => {
      const directory = mkdtempSync(path.join(root, 'full-'));
      const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=700', 'tmpfs', directory]);
      const editor = await start('allow', directory);
      // Who may mount nothing has the size of the server's files limited instead.
      const limit = (size: string) =>
        expect(spawnSync('prlimit', ['--pid', String(editor.pid), `--fsize=${size}:`]).status).toBe(0);
      const filler = path.join(directory, 'filler');
      try {
        expect(await compile(editor, '(defun before-full () 1)')).toMatchObject({ status: 'applied' });
        if (mounted.status === 0) {
          for (const size of [4096, 1])
            for (;;)
              try {
                appendFileSync(filler, Buffer.alloc(size));
              } catch {
                break;
              }
        } else limit(String(readFileSync(path.join(directory, 'journal.ndjson')).length + 700));
        // Whatever still fits into the last page, sooner or later an entry does not.
        const names = Array.from({ length: 12 }, (_, n) => `while-full-${n}`);
        const failed: string[] = [];
        for (const name of names)
          await compile(editor, `(defun ${name} () 1)`).catch((error: Error) => {
            expect(error).toMatchObject({ kind: 'read-only' });
            expect(error.message).toMatch(/cannot be written .*hotlisp\.journal\.directory/);
            failed.push(name);
          });
        expect(failed.length).toBeGreaterThan(0);
        const whole = await start();
        for (const name of failed)
          expect([name, ...(await whole.evaluate(defined(name)))]).toEqual([name, 'NIL']);
        rmSync(filler, { force: true });
        if (mounted.status !== 0) limit('unlimited');
        expect(await compile(editor, '(defun after-full () 1)')).toMatchObject({ status: 'applied' });
        const entries = await history(editor);
        for (const name of ['before-full', 'after-full']) expect(about(entries, name)).toHaveLength(2);
      } finally {
        editors.splice(editors.indexOf(editor), 1);
        await editor.finish();
        if (mounted.status === 0) spawnSync('umount', [directory]);
      }
    },
  );

  it('because its directory was removed while the server runs is begun anew', async () => {
    const directory = mkdtempSync(path.join(root, 'gone-'));
    const editor = await start('allow', directory);
    await compile(editor, '(defun before-removal () 1)');
    rmSync(directory, { recursive: true });
    await compile(editor, '(defun after-removal () 1)');
    expect(about(await history(editor), 'after-removal')).toHaveLength(2);
  });
});

describe('the text that a change replaced', () => {
  it('is known where the same text stood under two names, one of which has another by now', async () => {
    const editor = await start();
    const inPackage = (code: string, home: string) =>
      editor.command('code_compile_string', { code, package: home });
    await editor.evaluate(`(dolist (name '("SAME-A" "SAME-B") t) (make-package name :use '(:cl)))`);
    await inPackage('(defun same () 1)', 'SAME-A');
    await inPackage('(defun same () 1)', 'SAME-B');
    await inPackage('(defun same () 2)', 'SAME-A');
    await inPackage('(defun same-b::same () 3)', 'SHOP');
    const [last] = (
      await editor.command<{ entries: { source: readonly { before: string | null }[] }[] }>('history', {
        limit: 1,
      })
    ).entries;
    expect(last!.source).toMatchObject([{ before: '(defun same () 1)' }]);
  });
});
