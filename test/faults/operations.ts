/** Every operation that calls an image, with what has to be there before it, and a call of it that succeeds. */
import path from 'node:path';
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
  readonly asks: boolean;
  /** Makes what the operation needs in editor and image; answers its argument. */
  arrange(stage: Stage): Promise<Record<string, unknown>>;
  /** Ends what goes on in the image after the reply. */
  finish?(stage: Stage): Promise<unknown>;
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

/** A reload that is approved; the identity of its transaction. */
async function reloaded(stage: Stage): Promise<string> {
  edited(stage);
  void stage.editor.expectPrompt(/reload total/i, 'Approve');
  const { transaction } = await stage.editor.command<OperationResult>('reload_form', at(stage));
  return transaction!;
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
  { name: 'rollback', asks: true, arrange: async stage => ({ transaction: await reloaded(stage) }) },
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
  { name: 'inspect', asks: false, arrange: async () => ({ code: '(list \'shop:total "é")' }) },
  {
    name: 'trace',
    asks: false,
    arrange: async () => ({ function: 'shop:total' }),
    finish: ({ editor }) => editor.command('untrace', {}),
  },
  {
    name: 'count_instances',
    asks: false,
    arrange: async ({ document }) => ({
      uri: document.uri,
      position: document.positionOf('(defclass basket'),
    }),
  },
  {
    name: 'run_test',
    asks: false,
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
  { name: 'repl_eval', asks: false, arrange: async () => ({ code: '(shop:total 10)' }) },
  { name: 'thread_interrupt', asks: true, arrange: async stage => ({ thread: await sleeper(stage) }) },
  { name: 'thread_terminate', asks: true, arrange: async stage => ({ thread: await sleeper(stage) }) },
  { name: 'thread_list', asks: false, arrange: async () => ({ symbol: 'shop:total' }) },
  { name: 'thread_backtrace', asks: false, arrange: async stage => ({ thread: await sleeper(stage) }) },
  { name: 'source_location', asks: false, arrange: async () => ({ symbol: 'shop:total' }) },
  { name: 'package_files', asks: false, arrange: async () => ({ package: 'shop' }) },
  { name: 'system_status', asks: false, arrange: async () => ({ system: 'shop' }) },
  {
    name: 'macroexpand',
    asks: false,
    arrange: async stage => ({ uri: stage.document.uri, position: stage.document.positionOf('(twice (') }),
  },
  {
    name: 'plan',
    asks: false,
    arrange: async stage => ({ operation: 'reload_form', ...at(stage) }),
  },
];
