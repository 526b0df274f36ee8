/** Every operation that has to do with an image, with what has to be there before it, and a call of it that succeeds. */
import path from 'node:path';
import { METHOD_NOT_FOUND } from '../support/jsonRpc.ts';
import { lispString, type Editor, type TextDocument } from '../support/lspClient.ts';
import type { OperationResult } from '../support/lspTypes.ts';
import type { Program } from './program.ts';

export interface Stage {
  readonly editor: Editor;
  readonly document: TextDocument;
  readonly program: Program;
  readonly root: string;
}

export interface OperationCase {
  readonly name: string;
  /** Whether it asks for an approval. */
  readonly asks?: boolean;
  /** Whether it is about an editor that has no prompts, in which a command answers what is asked by a message. */
  readonly withoutPrompts?: boolean;
  /** The command that is sent and waited for, where it is not the one of the name. */
  readonly command?: string;
  /** What the journal calls it, where that is not its name. */
  readonly journalled?: string;
  /** Whether connecting to the image is what it is about. */
  readonly connects?: boolean;
  /** Whether it goes on after its reply. */
  readonly lasts?: boolean;
  /** What else it may come to where it does not work. */
  readonly leadsTo?: readonly string[];
  /** Whether only the most important faults are tried with it. */
  readonly short?: boolean;
  /** Whether it is tried with an image that is reached through Swank, too. */
  readonly overSwank?: boolean;
  /** Makes what the operation needs in editor and image; answers its argument. */
  arrange(stage: Stage): Promise<Record<string, unknown>>;
  /** Answers by a command what it asked by a message. */
  answer?(stage: Stage, argument: Record<string, unknown>): Promise<unknown>;
  /** Ends what goes on after the reply, or waits for its end. */
  finish?(stage: Stage, argument: Record<string, unknown>): Promise<unknown>;
}

const form = '(defun total';
const at = ({ document }: Stage, place = form) => ({
  uri: document.uri,
  version: document.version,
  position: document.positionOf(place),
});
const edited = (stage: Stage): void =>
  stage.document.set(
    stage.document.text
      .replace('(twice (tax', '(twice (1+ (tax')
      .replace('(tax amount)))', '(tax amount))))'),
  );

async function connected({ editor }: Stage): Promise<Record<string, unknown>> {
  await editor.command('image_connect');
  return {};
}

/** A reload that is approved; the identity of its transaction. */
async function reloaded(stage: Stage): Promise<string> {
  edited(stage);
  void stage.editor.expectPrompt(/reload total/i, 'Approve');
  const { transaction } = await stage.editor.command<OperationResult>('reload_form', at(stage));
  return transaction!;
}

/** A reload that asks by a message, in an editor that has no prompts; the number of its request. */
async function askedByMessage(stage: Stage): Promise<number> {
  const { editor } = stage;
  edited(stage);
  void editor.expectPrompt(/./, { error: { code: METHOD_NOT_FOUND, message: 'unknown method' } });
  const { request } = await editor.command<{ request: number }>('reload_form', {
    ...at(stage),
    background: true,
  });
  await editor.messages.next('the question as a message', ({ message }) =>
    message.includes(`Approve reload #${request}`),
  );
  // It asks in the prompt once at most.
  editor.forgetExpectedPrompts();
  return request;
}

/** The number of a new thread of the program that waits for ever. */
async function sleeper({ program }: Stage): Promise<number> {
  await program.lisp(
    '(progn (sb-thread:make-thread (lambda () (sb-thread:wait-on-semaphore (sb-thread:make-semaphore))) :name "sleeper") t)',
  );
  const { threads } = await program.direct.call('threads', {});
  return Math.max(...threads.filter(({ name }) => name === 'sleeper').map(({ id }) => id));
}

export const operationCases: readonly OperationCase[] = [
  {
    name: 'reload_form',
    overSwank: true,
    asks: true,
    arrange: async stage => {
      edited(stage);
      return at(stage);
    },
  },
  {
    name: 'reload_changed',
    asks: true,
    arrange: async stage => {
      edited(stage);
      return { uri: stage.document.uri };
    },
  },
  {
    name: 'reload_file',
    asks: true,
    arrange: async stage => {
      edited(stage);
      return { uri: stage.document.uri };
    },
  },
  {
    name: 'code_compile_string',
    asks: true,
    arrange: async ({ document }) => ({
      code: '(defun discount (amount) (- amount *rate*))',
      filename: document.file!,
    }),
  },
  {
    name: 'code_replace_function',
    asks: true,
    arrange: async () => ({ function: 'shop:total', new_code: '(defun total (amount) (list :new amount))' }),
  },
  {
    name: 'code_reload_package',
    asks: true,
    arrange: async stage => {
      edited(stage);
      return { package: 'shop' };
    },
  },
  { name: 'code_reload_system', asks: true, arrange: async () => ({ system: 'shop', force: true }) },
  {
    name: 'code_load_fasl',
    asks: true,
    arrange: async ({ program, root }) => {
      const fasl = path.join(root, 'patch.fasl');
      // What it defines differs each time, so that loading it is a change.
      await program.lisp(
        `(let ((*package* (find-package "SHOP")) (source ${lispString(path.join(root, 'patch.lisp'))}))
           (with-open-file (out source :direction :output :if-exists :supersede)
             (format out "(in-package :shop) (defun total (amount) (list ~d amount))" (random 1000000)))
           (let ((*standard-output* (make-broadcast-stream)) (*error-output* (make-broadcast-stream))) (compile-file source))
           t)`,
      );
      return { path: fasl };
    },
  },
  {
    name: 'remove_definition',
    asks: true,
    arrange: async () => ({ symbol: 'shop:total', form_type: 'function' }),
  },
  {
    name: 'recompile_dependents',
    asks: true,
    arrange: async () => ({ symbol: 'shop::twice' }),
  },
  {
    name: 'rollback',
    overSwank: true,
    asks: true,
    // it stands where the rules cannot be run afterwards, and says so
    leadsTo: ['applied'],
    arrange: async stage => ({ transaction: await reloaded(stage) }),
  },
  {
    name: 'redo',
    asks: true,
    arrange: async stage => {
      const transaction = await reloaded(stage);
      void stage.editor.expectPrompt(/roll back/i, 'Approve');
      await stage.editor.command('rollback', { transaction });
      return { transaction };
    },
  },
  { name: 'inspect', arrange: async () => ({ code: '(list \'shop:total "é")' }) },
  {
    name: 'trace',
    lasts: true,
    arrange: async () => ({ function: 'shop:total' }),
    finish: ({ editor }) => editor.command('untrace', {}),
  },
  {
    name: 'count_instances',
    arrange: async ({ document }) => ({
      uri: document.uri,
      position: document.positionOf('(defclass basket'),
    }),
  },
  {
    name: 'run_test',
    arrange: async ({ document, program }) => {
      await program.lisp(
        `(unless (find-package "FIVEAM")
           (make-package "FIVEAM" :use '("COMMON-LISP"))
           (let ((*package* (find-package "FIVEAM")))
             (eval (read-from-string "(progn (export '(test run!)) (defmacro test (name &body body) \`(setf (get ',name 'test) (lambda () ,@body))) (defun run! (name) (funcall (get name 'test))))"))))`,
      );
      const test = '(fiveam:test sums (= 40 (total 10)))';
      await program.lisp(
        `(let ((*package* (find-package "SHOP"))) (eval (read-from-string ${lispString(test)})) t)`,
      );
      document.set(`${document.text}\n${test}\n`);
      return { uri: document.uri, position: document.positionOf(test) };
    },
  },
  { name: 'repl_eval', overSwank: true, arrange: async () => ({ code: '(shop:total 10)' }) },
  { name: 'thread_interrupt', asks: true, arrange: async stage => ({ thread: await sleeper(stage) }) },
  {
    name: 'thread_terminate',
    overSwank: true,
    asks: true,
    arrange: async stage => ({ thread: await sleeper(stage) }),
  },
  { name: 'thread_list', overSwank: true, arrange: async () => ({ symbol: 'shop:total' }) },
  { name: 'thread_backtrace', arrange: async stage => ({ thread: await sleeper(stage) }) },
  { name: 'source_location', arrange: async () => ({ symbol: 'shop:total' }) },
  { name: 'package_files', arrange: async () => ({ package: 'shop' }) },
  { name: 'system_status', arrange: async () => ({ system: 'shop' }) },
  {
    name: 'macroexpand',
    arrange: async stage => ({ uri: stage.document.uri, position: stage.document.positionOf('(twice (') }),
  },
  {
    name: 'plan',
    overSwank: true,
    arrange: async stage => ({ operation: 'reload_form', ...at(stage) }),
  },
  {
    name: 'replay',
    asks: true,
    arrange: async stage => {
      const transaction = await reloaded(stage);
      await stage.program.becomeAnother();
      await stage.editor.command('image_restart');
      return { transactions: [transaction] };
    },
  },
  {
    name: 'approve',
    asks: true,
    withoutPrompts: true,
    command: 'outcome',
    journalled: 'reload_form',
    short: true,
    arrange: async stage => ({ request: await askedByMessage(stage), wait: true }),
    answer: ({ editor }, { request }) => editor.command('approve', { request }),
    // Who gives up waiting for the outcome has not given up the reload.
    finish: ({ editor }, argument) => editor.command('outcome', argument),
  },
  {
    name: 'reject',
    withoutPrompts: true,
    // A question that was taken back already.
    leadsTo: ['invalid-arguments'],
    journalled: 'reload_form',
    short: true,
    arrange: async stage => ({ request: await askedByMessage(stage) }),
    finish: async ({ editor }, { request }) => {
      const { kind } = await editor.failure('outcome', { request, wait: true });
      if (kind !== 'approval-denied') throw new Error(`what was rejected came to ${kind}`);
    },
  },
  {
    name: 'image_connect',
    connects: true,
    leadsTo: ['no-image'],
    short: true,
    overSwank: true,
    arrange: async ({ editor }) => {
      await editor.command('image_disconnect');
      return {};
    },
  },
  { name: 'image_restart', connects: true, leadsTo: ['no-image'], short: true, arrange: connected },
  { name: 'image_disconnect', short: true, arrange: connected },
  { name: 'image_status', short: true, arrange: connected },
];
