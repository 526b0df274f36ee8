/**
 * Whatever commands are given in whatever order, and however their prompts are answered: the image changes by what was approved, and by
 * nothing else. HOTLISP_PROPERTY_RUNS and HOTLISP_PROPERTY_SEED make it longer and repeat it.
 */
import fc from 'fast-check';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Image } from '../../server/image/image.ts';
import { ManagedImage, Surroundings, valuesOf } from '../support/images.ts';
import { RpcError } from '../support/jsonRpc.ts';
import {
  Editor,
  NEVER,
  lispString,
  repository,
  type PromptAnswer,
  type TextDocument,
} from '../support/lspClient.ts';
import { startServedImage } from '../support/servedImage.ts';
import { shop } from '../support/shop.ts';
import type { UserImage } from '../support/userImage.ts';

const runs = Number(process.env['HOTLISP_PROPERTY_RUNS'] ?? 2);
const seed = Number(process.env['HOTLISP_PROPERTY_SEED'] ?? (runs > 2 ? Date.now() % 2 ** 31 : 2_026));

let surroundings: Surroundings;
let root: string;
let program: UserImage;
let managed: ManagedImage;
/** A way into the image past the server. */
let direct: Image;
let editor: Editor;
let document: TextDocument;
let round = 0;

beforeAll(async () => {
  surroundings = new Surroundings();
  root = mkdtempSync(path.join(tmpdir(), 'hotlisp-property-'));
  const file = path.join(root, 'shop.lisp');
  writeFileSync(file, shop);
  writeFileSync(path.join(root, 'shop.asd'), '(defsystem "shop" :components ((:file "shop")))\n');
  const journal = { directory: path.join(root, 'journal') };
  // Changes of an image that is gone, for replay.
  const work = path.join(root, 'earlier');
  mkdirSync(work);
  const earlier = await Editor.start({
    root: work,
    files: { 'shop.lisp': shop },
    load: ['shop.lisp'],
    settings: { approval: { 'compile-file': 'allow' }, journal },
  });
  for (const name of ['replayed-one', 'replayed-two'])
    await earlier.command('code_compile_string', { code: `(defun ${name} () :earlier)`, package: 'SHOP' });
  await earlier.finish();

  const served = await startServedImage(root, file, surroundings.run);
  program = served.image;
  managed = new ManagedImage(surroundings);
  direct = await managed.connect({ mode: 'attach', address: served.address });
  await valuesOf(direct, `(load ${lispString(path.join(repository, 'test/support/fingerprint.lisp'))})`);
  await valuesOf(direct, `(require :asdf)`);
  await valuesOf(
    direct,
    `(let ((*standard-output* (make-broadcast-stream)) (*error-output* (make-broadcast-stream)))
       (asdf:load-asd ${lispString(path.join(root, 'shop.asd'))})
       (handler-bind ((warning #'muffle-warning)) (asdf:load-system "shop")) t)`,
  );
  editor = await Editor.start({
    root,
    env: { XDG_RUNTIME_DIR: surroundings.run },
    settings: {
      image: { mode: 'attach', address: served.address },
      approval: { eval: 'ask', timeoutSeconds: 0.6 },
      journal,
    },
  });
  document = editor.openFile(file);
});
afterAll(async () => {
  try {
    await editor?.finish();
  } finally {
    await managed?.manager.dispose();
    await program?.stop();
    surroundings.remove();
    rmSync(root, { recursive: true, force: true });
  }
});

const lisp = async (code: string) => (await valuesOf(direct, code))[0]!;
const at = (place: string) => ({ uri: document.uri, position: document.positionOf(place) });

interface Step {
  readonly argument: () => object | Promise<object>;
  /** Bound to the buffer: what is approved after an edit is not what was asked about. */
  readonly ofBuffer?: true;
  /** Never changes anything, whatever is answered. */
  readonly harmless?: true;
  /** The symbols that may change; absent: those of the package. */
  readonly names?: readonly string[];
}

/** Every command, with arguments that make it do something. Each round has other texts. */
const steps: Record<string, Step> = {
  reload_form: { argument: () => at('(defun total'), ofBuffer: true, names: ['TOTAL'] },
  'reload_form of a macro': {
    argument: () => at('(defmacro twice'),
    ofBuffer: true,
    names: ['TWICE', 'TOTAL'],
  },
  'reload_form of a class': {
    argument: () => at('(defclass basket'),
    ofBuffer: true,
    names: ['BASKET', 'BASKET-ITEMS', 'ITEMS'],
  },
  'reload_form of a structure': {
    argument: () => at('(defstruct item'),
    ofBuffer: true,
    names: ['ITEM', 'MAKE-ITEM', 'COPY-ITEM', 'ITEM-P', 'ITEM-NAME', 'ITEM-PRICE', 'AREA'],
  },
  'reload_form of a constant': {
    argument: () => at('(defconstant +limit+'),
    ofBuffer: true,
    names: ['+LIMIT+'],
  },
  'reload_form in the background': {
    argument: () => ({ ...at('(defun total'), background: true }),
    ofBuffer: true,
    names: ['TOTAL'],
  },
  reload_changed: { argument: () => ({ uri: document.uri }), ofBuffer: true },
  reload_file: { argument: () => ({ uri: document.uri }), ofBuffer: true },
  code_compile_string: {
    argument: () => ({ code: `(defun compiled () ${round})`, package: 'SHOP' }),
    names: ['COMPILED'],
  },
  code_replace_function: {
    argument: () => ({
      function: 'shop::tax',
      new_code: `(defun tax (amount) (+ ${round} (* amount *rate*)))`,
    }),
    names: ['TAX', 'TOTAL'],
  },
  code_reload_package: { argument: () => ({ package: 'shop' }), ofBuffer: true },
  code_reload_system: { argument: () => ({ system: 'shop', force: true }) },
  'code_reload_system with all': { argument: () => ({ system: 'shop', force: 'all' }) },
  code_load_fasl: { argument: compiledFile, names: ['FROM-FASL'] },
  remove_definition: { argument: () => ({ symbol: 'shop::area', form_type: 'defgeneric' }), names: ['AREA'] },
  recompile_dependents: { argument: () => ({ symbol: 'shop::twice' }), names: ['TOTAL'] },
  rollback: { argument: () => ({}) },
  'rollback of an earlier one': { argument: earlier },
  redo: { argument: () => ({}) },
  'redo of an earlier one': { argument: earlier },
  replay: { argument: () => ({}), names: ['REPLAYED-ONE', 'REPLAYED-TWO'] },
  repl_eval: { argument: () => ({ code: `(setf shop::*rate* ${round + 2})` }), names: ['*RATE*'] },
  eval_buffer: { argument: () => ({ uri: document.uri }) },
  inspect: { argument: () => ({ code: `(setf shop::*rate* ${-round})` }), names: ['*RATE*'] },
  trace: { argument: () => ({ function: 'shop:total' }), names: [] },
  thread_interrupt: { argument: worker, names: [] },
  thread_terminate: { argument: worker, names: [] },
  request_approval: { argument: () => ({ operation: 'modify-running-code' }), harmless: true },
  approve: { argument: () => ({ request: round }), harmless: true },
  reject: { argument: () => ({ request: round }), harmless: true },
  'plan of reload_file': {
    argument: () => ({ operation: 'reload_file', uri: document.uri }),
    harmless: true,
  },
  'plan of replay': { argument: () => ({ operation: 'replay' }), harmless: true },
  'plan of code_reload_system': {
    argument: () => ({ operation: 'code_reload_system', system: 'shop', force: true }),
    harmless: true,
  },
  history: { argument: () => ({}), harmless: true },
  source_location: { argument: () => ({ symbol: 'shop:total' }), harmless: true },
  macroexpand: { argument: () => at('(twice ('), harmless: true },
  package_files: { argument: () => ({ package: 'shop' }), harmless: true },
  system_status: { argument: () => ({ system: 'shop' }), harmless: true },
  thread_list: { argument: () => ({ symbol: 'shop:total' }), harmless: true },
  thread_backtrace: { argument: worker, harmless: true },
  lisp_read_file: { argument: () => ({ path: 'shop.lisp' }), harmless: true },
  image_status: { argument: () => ({}), harmless: true },
  image_connect: { argument: () => ({}), harmless: true },
  image_disconnect: { argument: () => ({}), harmless: true },
  image_restart: { argument: () => ({}), harmless: true },
  outcome: { argument: () => ({ request: round }), harmless: true },
  untrace: { argument: () => ({}), harmless: true },
  lisp_edit_form: {
    argument: () => ({
      operation: 'replace',
      file_path: 'shop.lisp',
      form_type: 'defun',
      form_name: 'tax',
      content: `(defun tax (amount) ${round})`,
    }),
    harmless: true,
  },
  show_diff: { argument: () => at('(defun total'), harmless: true },
  count_instances: { argument: () => at('(defclass basket'), harmless: true },
  expand_in_place: { argument: () => at('(twice ('), harmless: true },
  describe: { argument: () => ({ symbol: 'shop:total' }), harmless: true },
  disassemble: { argument: () => ({ symbol: 'shop:total' }), harmless: true },
  apropos: { argument: () => ({ pattern: 'total' }), harmless: true },
  who_calls: { argument: () => ({ symbol: 'shop::tax' }), harmless: true },
};
const commandOf = (step: string) => step.split(' ')[0]!;

/** The thread that may be stopped: there is always one. */
async function worker(): Promise<object> {
  await lisp(`(unless (find "worker" (sb-thread:list-all-threads) :key #'sb-thread:thread-name :test #'equal)
    (sb-thread:make-thread (lambda () (loop (sb-thread:wait-on-semaphore (sb-thread:make-semaphore) :timeout 60))) :name "worker"))`);
  const { threads } = await direct.call('threads', {});
  return { thread: threads.find(({ name }) => name === 'worker')!.id };
}

const workers = () =>
  lisp(`(count "worker" (sb-thread:list-all-threads) :key #'sb-thread:thread-name :test #'equal)`);

async function compiledFile(): Promise<object> {
  const source = path.join(root, 'patch.lisp');
  writeFileSync(source, `(in-package #:shop)\n(defun from-fasl () ${round})\n`);
  await lisp(`(let ((*standard-output* (make-broadcast-stream)) (*error-output* (make-broadcast-stream)))
    (compile-file ${lispString(source)}) t)`);
  return { path: path.join(root, 'patch.fasl') };
}

/** An earlier change, whatever came of it since, another one each time; one that nobody made where there is none. */
async function earlier(): Promise<object> {
  const { entries } = await editor.command<{
    entries: { transaction?: string; outcome?: { status: string } }[];
  }>('history', { limit: 200 });
  const applied = entries.filter(({ transaction, outcome }) => transaction && outcome?.status === 'applied');
  return { transaction: applied[round % applied.length]?.transaction ?? 'none' };
}

/** An edit of several definitions, another one each time. */
function edit(): void {
  round++;
  document.set(
    shop
      .replace('(twice (tax amount))', `(list ${round} (twice (tax amount)))`)
      .replace('`(* 2 ,form)', `\`(* ${round} ,form)`)
      .replace('(price 0)', `(price ${round})`)
      .replace('+limit+ 100', `+limit+ ${round % 3}`)
      .replace(":initform '()", `:initform '(${round})`),
  );
}

const answers: Record<
  string,
  (step: Step) => { answer: PromptAnswer | (() => PromptAnswer); approves: boolean }
> = {
  Approve: () => ({ answer: 'Approve', approves: true }),
  Deny: () => ({ answer: 'Deny', approves: false }),
  null: () => ({ answer: null, approves: false }),
  'an unknown title': () => ({ answer: 'Yes, of course', approves: false }),
  'an error': () => ({ answer: { error: { code: -32603, message: 'no' } }, approves: false }),
  nothing: () => ({ answer: NEVER, approves: false }),
  'Approve, after an edit': step => ({
    answer: () => {
      edit();
      return 'Approve';
    },
    approves: !step.ofBuffer,
  }),
};

/** The commands that an approval let change the image, and those that ended otherwise for want of one. */
const seen = { changed: new Set<string>(), refused: new Set<string>() };

async function check(name: string, answerName: string): Promise<void> {
  const step = steps[name]!;
  edit();
  const argument = await step.argument();
  const told = answers[answerName]!(step);
  await lisp('(fingerprint:remember "SHOP")');
  const before = await workers();
  const asked = editor.prompts.all.length;
  // A change of something that somebody else changed is asked about twice.
  for (let n = 0; n < 3; n++) void editor.expectPrompt(/./, told.answer);
  let outcome: unknown;
  try {
    outcome = await editor.command<unknown>(commandOf(name), argument);
    if ('background' in argument) outcome = await editor.outcome(outcome);
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    outcome = error.message;
  }
  editor.forgetExpectedPrompts();
  const changes = await lisp('(mapcar (function first) (fingerprint:changes))');
  const where = `${name} answered with ${answerName}: ${JSON.stringify(outcome)?.slice(0, 400)}`;
  const approved = told.approves && editor.prompts.all.length > asked && !step.harmless;
  if (approved && changes !== 'NIL') seen.changed.add(name);
  if (!approved && editor.prompts.all.length > asked) seen.refused.add(name);
  if (!approved) expect([changes, await workers(), where]).toEqual(['NIL', before, where]);
  else if (step.names) {
    const changed = changes === 'NIL' ? [] : changes.replace(/^\(|\)$/g, '').split(' ');
    const bare = changed.map(symbol => symbol.replace(/^.*:/, ''));
    expect([bare.filter(symbol => !step.names!.includes(symbol)), where]).toEqual([[], where]);
  }
}

describe('any sequence of commands, answered in any way', () => {
  it(
    `changes the image only by what was approved (${runs} runs, seed ${seed})`,
    { timeout: 60_000 + runs * 60_000 },
    async () => {
      const names = Object.keys(steps);
      const sequence = fc
        .shuffledSubarray(names, { minLength: names.length })
        .chain(order =>
          fc.tuple(
            ...order.map(name => fc.tuple(fc.constant(name), fc.constantFrom(...Object.keys(answers)))),
          ),
        );
      const tried = new Set<string>();
      await fc.assert(
        fc.asyncProperty(sequence, async all => {
          for (const [name, answer] of all) {
            await check(name, answer);
            tried.add(name);
          }
        }),
        { numRuns: runs, seed, endOnFailure: true },
      );
      expect([...tried].sort()).toEqual(names.sort());
      // It means something: there were changes to allow, and changes to refuse.
      expect(seen.changed.size).toBeGreaterThan(2);
      expect(seen.refused.size).toBeGreaterThan(5);
      if (process.env['HOTLISP_PROPERTY_RUNS']) console.log(seen);
    },
  );
});
