/** Several servers on one image: what one plans is never applied blindly over what another has done meanwhile. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Editor } from '../support/lspClient.ts';
import { startServedImage } from '../support/servedImage.ts';
import { shop } from '../support/shop.ts';
import type { UserImage } from '../support/userImage.ts';

let root: string;
let image: UserImage;
let address: string;
const editors: Editor[] = [];

beforeAll(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'hotlisp-servers-'));
  const run = path.join(root, 'run');
  mkdirSync(run, { mode: 0o700 });
  const file = path.join(root, 'shop.lisp');
  writeFileSync(file, shop);
  ({ image, address } = await startServedImage(root, file, run));
});
afterEach(async () => {
  for (const editor of editors.splice(0)) await editor.finish();
});
afterAll(async () => {
  await image?.stop();
  rmSync(root, { recursive: true, force: true });
});

async function start(approval: 'ask' | 'allow', journal = 'journal'): Promise<Editor> {
  const editor = await Editor.start({
    root: mkdtempSync(path.join(root, 'work-')),
    settings: {
      image: { mode: 'attach', address },
      approval: { 'compile-file': approval, 'modify-running-code': approval },
      journal: { directory: path.join(root, journal) },
    },
  });
  editors.push(editor);
  return editor;
}

const compile = (editor: Editor, code: string) =>
  editor.command('code_compile_string', { code, package: 'SHOP' });

describe('a plan made before another server changed the image', () => {
  it('is made again, and asked about again when it would do something else now', async () => {
    const [one, two] = [await start('ask'), await start('allow')];
    let answer = (_title: string) => {};
    const first = one.expectPrompt(
      /compile fresh/i,
      () => new Promise<string>(resolve => (answer = resolve)),
    );
    const waiting = compile(one, '(defun fresh () :one)');
    expect((await first).message).toMatch(/defines function SHOP::FRESH \(new\)/);
    expect(await compile(two, '(defun fresh (required) (list :two required))')).toMatchObject({
      status: 'applied',
    });
    const second = one.expectPrompt(/compile fresh/i, 'Deny');
    answer('Approve');
    await expect(waiting).rejects.toMatchObject({ kind: 'approval-denied' });
    expect((await second).message).toMatch(/redefines function SHOP::FRESH/);
    expect(await two.evaluate('(shop::fresh 1)')).toEqual(['(:TWO 1)']);
  });

  it('is asked about again when it would replace what the other one has installed meanwhile', async () => {
    const [one, two] = [await start('ask'), await start('allow')];
    expect(await compile(two, '(defun shared () :first)')).toMatchObject({ status: 'applied' });
    let answer = (_title: string) => {};
    const first = one.expectPrompt(
      /compile shared/i,
      () => new Promise<string>(resolve => (answer = resolve)),
    );
    const waiting = compile(one, '(defun shared () :one)');
    await first;
    expect(await compile(two, '(defun shared () :two)')).toMatchObject({ status: 'applied' });
    const second = one.expectPrompt(/compile shared.*The image has changed since you were asked/i, 'Approve');
    answer('Approve');
    await second;
    expect(await waiting).toMatchObject({ status: 'applied' });
    expect(await two.evaluate('(shop::shared)')).toEqual([':ONE']);
  });

  it('finds the users that the other one has made meanwhile', async () => {
    const [one, two] = [await start('ask'), await start('allow')];
    let answer = (_title: string) => {};
    const first = one.expectPrompt(
      /compile twice/i,
      () => new Promise<string>(resolve => (answer = resolve)),
    );
    const waiting = compile(one, '(defmacro twice (form) `(* 20 ,form))');
    await first;
    await two.evaluate(
      '(progn (defun shop::late-user (x) (shop::twice x)) (compile (quote shop::late-user)) t)',
    );
    await compile(two, '(defun unrelated () 1)');
    answer('Approve');
    // It does what was approved, and nothing else, so that is not asked about twice; but it was looked at again.
    const result = await waiting;
    expect(result.status).toBe('applied');
    expect(one.prompts.all).toHaveLength(1);
    expect(JSON.stringify(result)).toMatch(/LATE-USER/);
  });
});

describe('a change that a server with another journal made', () => {
  it('is rolled back and done again by its number, and says whose it is; the other server knows that it is gone', async () => {
    const [one, two] = [await start('allow', 'journal-one'), await start('ask', 'journal-two')];
    await compile(one, '(defun foreign () :before)');
    const { transaction } = await compile(one, '(defun foreign () :after)');
    expect(await two.failure('rollback', {})).toMatchObject({ kind: 'invalid-arguments' });
    expect(await two.command('plan', { operation: 'rollback', transaction })).toMatchObject({
      transaction,
      definitions: [{ name: 'FOREIGN', package: 'SHOP' }],
    });
    const asked = two.expectPrompt(/Roll back function SHOP::FOREIGN \(as before\)/, 'Approve');
    expect(await two.command('rollback', { transaction })).toMatchObject({ status: 'applied' });
    expect((await asked).message).toMatch(/Another server made it, whose journal has its texts/);
    expect(await one.evaluate('(shop::foreign)')).toEqual([':BEFORE']);
    expect(await two.failure('rollback', { transaction })).toMatchObject({
      message: expect.stringContaining('It was rolled back already.') as string,
    });
    void two.expectPrompt(/Do again function SHOP::FOREIGN/, 'Approve');
    expect(await two.command('redo', { transaction })).toMatchObject({ status: 'applied' });
    expect(await one.evaluate('(shop::foreign)')).toEqual([':AFTER']);
    void two.expectPrompt(/Roll back/, 'Approve');
    await two.command('rollback', { transaction });
    // Without a number the other one takes back what is still in force: the change before.
    expect(await one.command('rollback', {})).toMatchObject({ status: 'applied' });
    expect(await one.evaluate("(fboundp 'shop::foreign)")).toEqual(['NIL']);
  });

  it('is an error where neither the image nor the journal has it: which journal was looked at', async () => {
    const two = await start('allow', 'journal-two');
    expect(await two.failure('rollback', { transaction: 'no-such-change' })).toMatchObject({
      kind: 'invalid-arguments',
      message: expect.stringContaining(
        `Neither its agent nor the journal ${path.join(root, 'journal-two', 'journal.ndjson')} knows it.`,
      ) as string,
    });
  });
});

describe('many changes of several servers at the same time', () => {
  it('are all applied, each once, and all in the one journal', async () => {
    const servers = [await start('allow'), await start('allow'), await start('allow')];
    const rounds = 12;
    const results = await Promise.all(
      servers.flatMap((server, n) =>
        Array.from({ length: rounds }, (_, round) =>
          compile(server, `(defun own-${n}-${round} () (list ${n} ${round}))`),
        ),
      ),
    );
    expect(results.map(({ status }) => status)).toEqual(results.map(() => 'applied'));
    expect(new Set(results.map(({ transaction }) => transaction)).size).toBe(results.length);
    // A function that all of them define is what one of them said.
    await Promise.all(servers.map((server, n) => compile(server, `(defun shared-one () (list :from ${n}))`)));
    const [shared] = await servers[0]!.evaluate('(shop::shared-one)');
    expect(shared).toMatch(/^\(:FROM [012]\)$/);
    for (const [n] of servers.entries())
      expect(await servers[0]!.evaluate(`(shop::own-${n}-${rounds - 1})`)).toEqual([`(${n} ${rounds - 1})`]);
    const entries = readFileSync(path.join(root, 'journal', 'journal.ndjson'), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line) as { event: string; transaction?: string; outcome?: { status: string } });
    for (const { transaction } of results)
      expect(
        entries
          .filter(entry => entry.transaction === transaction)
          .map(({ event, outcome }) => outcome?.status ?? event),
      ).toEqual(['decision', 'applied']);
  });
});
