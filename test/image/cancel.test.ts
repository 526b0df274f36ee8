/** Giving up an operation at any of its steps: one reply that says so, the image as it was, and a journal that knows. */
import { utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asdfEnvironment, loadSystem, writeFiles } from '../support/asdfSystem.ts';
import { giveUp, hold, isAt, journalled as entriesOf, type How, type Step } from '../support/givingUp.ts';
import type { RpcError } from '../support/jsonRpc.ts';
import { Editor, lispString, type TextDocument } from '../support/lspClient.ts';
import type { OperationResult } from '../support/lspTypes.ts';
import { pause, within } from '../support/wait.ts';
import { fingerprintDifferences, shop, takeFingerprint } from '../support/shop.ts';
import { Surroundings } from '../support/images.ts';

const files = {
  'shop.asd': '(defsystem "shop" :serial t :components ((:file "shop") (:file "till")))\n',
  'shop.lisp': shop,
  'till.lisp': '(in-package #:shop)\n\n(defun till ()\n  (twice 1))\n',
  'hold.lisp': hold,
};

const compiling = '(macrolet ((stop () (hold:here :compile) 1)) (stop))';
const loading = '(hold:here :load)';

const surroundings = new Surroundings();
const root = surroundings.make('root');
let editor: Editor;
let document: TextDocument;

/** The files as they were, of the time at which the image loaded them. */
function putFiles(): void {
  writeFiles(root, files);
  for (const name of Object.keys(files)) utimesSync(path.join(root, name), 1e9, 1e9);
}

beforeAll(async () => {
  putFiles();
  editor = await Editor.start({
    root,
    load: ['hold.lisp'],
    env: asdfEnvironment(root),
    settings: { verify: [{ when: { package: 'SHOP' }, form: '(hold:verify)', timeoutSeconds: 60 }] },
  });
  await loadSystem(editor, 'shop');
  document = editor.openFile(path.join(root, 'shop.lisp'));
});
afterAll(async () => {
  await editor.finish();
  surroundings.remove();
});

interface Row {
  readonly name: string;
  readonly steps: readonly Step[];
  /** Makes what stops at that step, and answers the operation's argument. */
  arrange(step: Step): Promise<Record<string, unknown>> | Record<string, unknown>;
}

/** The form that is reloaded, with something in it that stops at the step. */
function edit(step: Step): void {
  const stops: Partial<Record<Step, string>> = { compile: compiling, load: `(load-time-value ${loading})` };
  document.set(shop.replace('(tax amount))', `(+ ${stops[step] ?? 1} (tax amount)))`));
}
const placed = () => ({ uri: document.uri, position: document.positionOf('(defun total') });

const rows: readonly Row[] = [
  {
    name: 'reload_form',
    steps: ['prompt', 'compile', 'load', 'verify'],
    arrange: step => (edit(step), placed()),
  },
  {
    name: 'reload_changed',
    steps: ['prompt', 'compile', 'load', 'verify'],
    arrange: step => (edit(step), { uri: document.uri }),
  },
  {
    name: 'reload_file',
    steps: ['prompt', 'compile', 'load', 'verify'],
    arrange: step => (edit(step), { uri: document.uri }),
  },
  {
    name: 'code_reload_package',
    steps: ['prompt', 'compile', 'load', 'verify'],
    arrange: step => (edit(step), { package: 'shop' }),
  },
  {
    name: 'code_compile_string',
    steps: ['prompt', 'compile', 'load', 'verify'],
    arrange: step => ({
      code: `(defun tax (amount) (- amount ${step === 'compile' ? compiling : 1})) (defun total (amount) amount) ${step === 'load' ? loading : ''}`,
      package: 'SHOP',
    }),
  },
  {
    name: 'code_replace_function',
    steps: ['prompt', 'compile', 'load', 'verify'],
    arrange: step => ({
      function: 'shop:total',
      new_code: `(defun total (amount) (list amount ${step === 'compile' ? compiling : `(load-time-value ${step === 'load' ? loading : 1})`}))`,
    }),
  },
  {
    name: 'code_load_fasl',
    steps: ['prompt', 'load', 'verify'],
    arrange: async step => {
      const source = path.join(root, 'patch.lisp');
      writeFileSync(
        source,
        `(in-package #:shop)\n(defun total (amount) (list amount))\n(defmethod area ((thing item)) 1)\n${step === 'load' ? loading : ''}\n`,
      );
      await editor.evaluate(
        `(let ((*standard-output* (make-broadcast-stream)) (*error-output* (make-broadcast-stream))) (compile-file ${lispString(source)}) t)`,
      );
      return { path: path.join(root, 'patch.fasl') };
    },
  },
  {
    name: 'code_reload_system',
    steps: ['prompt', 'compile', 'load', 'verify'],
    arrange: step => {
      // Its second file stops, once the first is loaded.
      const stop = step === 'compile' ? compiling : step === 'load' ? `(load-time-value ${loading})` : '2';
      writeFileSync(path.join(root, 'till.lisp'), files['till.lisp'].replace('(twice 1)', stop));
      return { system: 'shop', force: true };
    },
  },
  {
    name: 'remove_definition',
    steps: ['prompt', 'verify'],
    arrange: () => ({ symbol: 'shop:total', form_type: 'function' }),
  },
  {
    name: 'recompile_dependents',
    steps: ['prompt', 'verify'],
    arrange: () => (document.set(shop), { symbol: 'shop::twice' }),
  },
];

const reaches = (step: Step) => isAt(editor, step);
const journalled = (operation: string) => entriesOf(editor, operation);
const givenUp = (name: string, argument: Record<string, unknown>, step: Step, how: How) =>
  giveUp(editor, name, argument, how, step);

/** What was given up says so and changed nothing; the journal knows how far it had come. */
async function changesNothing(row: Row, step: Step, how: How): Promise<void> {
  const argument = await row.arrange(step);
  await takeFingerprint(editor);
  const before = (await journalled(row.name)).length;
  await editor.evaluate(`(setf hold:*verify* ${step === 'verify' ? 't' : 'nil'})`);
  try {
    const came = await givenUp(row.name, argument, step, how);
    const entries = (await journalled(row.name)).slice(before);
    if (step === 'verify') {
      expect(came).toMatchObject({ status: 'rolled-back' });
      expect((came as OperationResult).notes.at(-1)!.message).toBe(
        'Verification failed: (hold:verify) was cancelled.',
      );
      expect(entries.map(({ decision, outcome }) => decision ?? outcome?.status)).toEqual([
        'approved',
        'rolled-back',
      ]);
    } else if (step === 'prompt') {
      expect(came).toMatchObject({
        kind: 'cancelled',
        code: -32800,
      });
      expect(entries).toMatchObject([{ decision: 'denied', reason: (came as RpcError).message }]);
    } else {
      const message = 'The request was cancelled. Nothing has changed.';
      expect(came).toMatchObject({ kind: 'cancelled', code: -32800, message });
      expect(entries).toMatchObject([{ decision: 'approved' }, { outcome: { status: 'failed', message } }]);
    }
    expect(await fingerprintDifferences(editor)).toBe('NIL');
  } finally {
    await editor.evaluate('(setf hold:*verify* nil)');
    editor.forgetExpectedPrompts();
    putFiles();
  }
}

describe.each(rows)('$name', row => {
  it.each(row.steps)('changes nothing when its request is given up at: %s', step =>
    changesNothing(row, step, 'request'),
  );
});

describe.each(rows.filter(({ name }) => ['reload_form', 'code_reload_system'].includes(name)))(
  '$name in the background',
  row => {
    it.each(row.steps)('changes nothing when its progress is given up at: %s', step =>
      changesNothing(row, step, 'progress'),
    );
  },
);

describe('taking back', () => {
  const replacement = '(defun total (amount) (list :new amount))';
  let transaction: string;
  beforeAll(async () => {
    void editor.expectPrompt(/total/i, 'Approve');
    const change = { code: replacement, package: 'SHOP' };
    transaction = (await editor.command<OperationResult>('code_compile_string', change)).transaction!;
  });
  const total = () => editor.evaluate('(shop:total 1)');

  describe.each([['rollback', '((:NEW 1))']])('%s', (name, before) => {
    const row: Row = { name, steps: ['prompt'], arrange: () => ({ transaction }) };

    it('changes nothing when its request is given up at the prompt', async () => {
      expect(`(${(await total()).join('')})`).toBe(before);
      await changesNothing(row, 'prompt', 'request');
      expect(`(${(await total()).join('')})`).toBe(before);
    });

    it('changes nothing when it is given up while it waits for another operation', async () => {
      void editor.expectPrompt(/./, 'Approve');
      const from = editor.progress.all.length;
      const { request } = await editor.command<{ request: number }>('code_compile_string', {
        code: loading,
        package: 'SHOP',
        background: true,
      });
      await reaches('load');
      const seen = editor.expectPrompt(new RegExp('total', 'i'), 'Approve');
      const { id, reply } = editor.rpc.start('workspace/executeCommand', {
        command: `hotlisp.${name}`,
        arguments: [{ transaction }],
      });
      const settled = reply.catch((error: unknown) => error);
      await seen;
      await pause(200);
      editor.rpc.notify('$/cancelRequest', { id });
      expect(await settled).toMatchObject({ kind: 'cancelled', code: -32800 });
      expect((await journalled(name)).at(-1)).toMatchObject({ outcome: { status: 'failed' } });
      const isBegin = ({ value }: { value: { kind: string } }) => value.kind === 'begin';
      const { token } = await editor.progress.next('a progress', isBegin, from);
      editor.rpc.notify('window/workDoneProgress/cancel', { token });
      await expect(editor.command('outcome', { request, wait: true })).rejects.toMatchObject({
        kind: 'cancelled',
      });
      expect(`(${(await total()).join('')})`).toBe(before);
    });
  });
});

describe.each(['thread_interrupt', 'thread_terminate'])('%s', name => {
  /** A thread that runs `code`; its identifier. */
  const started = async (code: string) => {
    const [id] = await editor.evaluate(
      `(progn (sb-thread:make-thread (lambda () ${code}) :name "stopped") (sleep 0.1) 1)`,
    );
    expect(id).toBe('1');
    const { threads } = await editor.command<{ threads: { id: number; name: string }[] }>('thread_list');
    return threads.filter(each => each.name === 'stopped').at(-1)!.id;
  };
  const lives = async () =>
    await editor.evaluate(
      '(and (find "stopped" (sb-thread:list-all-threads) :key (function sb-thread:thread-name) :test (function equal)) t)',
    );

  it('leaves the thread alone when its request is given up at the prompt', async () => {
    const thread = await started('(hold:here :load)');
    await changesNothing({ name, steps: ['prompt'], arrange: () => ({ thread }) }, 'prompt', 'request');
    expect(await lives()).toEqual(['T']);
    await editor.evaluate(
      '(mapc (function sb-thread:terminate-thread) (remove "stopped" (sb-thread:list-all-threads) :key (function sb-thread:thread-name) :test-not (function equal)))',
    );
  });

  it('says what became of a thread that does not answer, when its request is given up meanwhile', async () => {
    await editor.evaluate('(setf hold:*verify* nil)');
    const thread = await started('(sb-sys:without-interrupts (loop until hold:*verify* do (sleep 0.01)))');
    const seen = editor.expectPrompt(/thread/i, 'Approve');
    const { id, reply } = editor.rpc.start('workspace/executeCommand', {
      command: `hotlisp.${name}`,
      arguments: [{ thread }],
    });
    const settled = reply.catch((error: unknown) => error);
    await seen;
    await pause(300);
    editor.rpc.notify('$/cancelRequest', { id });
    const came = await settled;
    const entry = (await journalled(name)).at(-1)!;
    expect(entry).toMatchObject({ outcome: { status: 'failed' } });
    await editor.evaluate('(progn (setf hold:*verify* t) (sleep 0.5))');
    const ended = name === 'thread_terminate';
    expect(came).toMatchObject(
      ended ? { status: 'failed', ended: false } : { kind: 'cancelled', code: -32800 },
    );
    expect(await lives()).toEqual(['NIL']);
    await editor.evaluate('(setf hold:*verify* nil)');
  });
});

describe('what else takes time', () => {
  it('a replay: what it had done by then is taken back', async () => {
    const source = path.join(root, 'patch.lisp');
    writeFileSync(
      source,
      `(in-package #:shop)\n(when hold:*verify* (hold:here :load))\n(defun tax (amount) (list amount))\n`,
    );
    await editor.evaluate(
      `(let ((*standard-output* (make-broadcast-stream)) (*error-output* (make-broadcast-stream))) (compile-file ${lispString(source)}) t)`,
    );
    void editor.expectPrompt(/total/i, 'Approve');
    await editor.command('code_compile_string', {
      code: '(defun total (amount) (list :new amount))',
      package: 'SHOP',
    });
    void editor.expectPrompt(/patch/, 'Approve');
    await editor.command('code_load_fasl', { path: path.join(root, 'patch.fasl') });
    await editor.command('image_restart');
    await loadSystem(editor, 'shop');
    await takeFingerprint(editor);
    await editor.evaluate('(setf hold:*verify* t)');
    const came = await givenUp('replay', {}, 'load', 'request');
    expect(came).toMatchObject({
      kind: 'cancelled',
      message: 'The request was cancelled. Nothing has changed.',
    });
    expect((await journalled('replay')).at(-1)).toMatchObject({ outcome: { status: 'failed' } });
    expect(await fingerprintDifferences(editor)).toBe('NIL');
    await editor.evaluate('(setf hold:*verify* nil)');
    void editor.expectPrompt(/replay/i, 'Approve');
    expect(await editor.command('replay')).toMatchObject({ status: 'applied' });
    expect(await editor.evaluate('(list (shop:total 1) (shop::tax 2))')).toEqual(['((:NEW 1) (2))']);
  });

  it('a change that cannot be taken back whole says what remains, not that nothing has changed', async () => {
    await editor.evaluate('(progn (make-package "VICTIM") t)');
    const code = '(delete-package "VICTIM") (hold:here :load)';
    const came = await givenUp('code_compile_string', { code, package: 'SHOP' }, 'load', 'request');
    const remains = [
      'The package VICTIM was deleted, and SBCL cannot bring it back: load what defines it again.',
    ];
    expect(came).toMatchObject({ status: 'partial', step: 'load', remains });
    expect((came as OperationResult).notes).toMatchObject([{ message: 'The operation was cancelled.' }]);
    expect((await journalled('code_compile_string')).at(-1)).toMatchObject({
      outcome: { status: 'partial', remains },
    });
  });

  it('waiting for an outcome: what is waited for goes on', async () => {
    const { request } = await editor.command<{ request: number }>('repl_eval', {
      code: '(hold:here :load)',
      background: true,
    });
    await reaches('load');
    const { id, reply } = editor.rpc.start('workspace/executeCommand', {
      command: 'hotlisp.outcome',
      arguments: [{ request, wait: true }],
    });
    editor.rpc.notify('$/cancelRequest', { id });
    await expect(reply).rejects.toMatchObject({ kind: 'cancelled', code: -32800 });
    expect(await editor.command('outcome', { request })).toMatchObject({ status: 'pending' });
    expect(await editor.evaluate('(hold:at)')).toEqual([':LOAD']);
    const { token } = await editor.progress.next(
      'the progress',
      ({ value }) => value.kind === 'begin' && /eval/i.test(value.title ?? ''),
    );
    editor.rpc.notify('window/workDoneProgress/cancel', { token });
    expect(await editor.failure('outcome', { request, wait: true })).toMatchObject({ kind: 'cancelled' });
  });

  it('following the threads in old code: nothing more is told of them, and they go on', async () => {
    await editor.evaluate(
      '(progn (defun shop:total (amount) (if (eq amount :wait) (list (hold:here :load)) amount)) (sb-thread:make-thread (lambda () (shop:total :wait)) :name "drains") t)',
    );
    await reaches('load');
    const from = editor.progress.all.length;
    void editor.expectPrompt(/total/i, 'Approve');
    const code = '(defun total (amount) (list amount))';
    expect(await editor.command('code_compile_string', { code, package: 'SHOP' })).toMatchObject({
      status: 'applied',
      threads: [{ name: 'drains' }],
    });
    const { token } = await editor.progress.next(
      'the progress',
      ({ value }) => /old code/.test(value.title ?? ''),
      from,
    );
    editor.rpc.notify('window/workDoneProgress/cancel', { token });
    await editor.progress.next('its end', each => each.token === token && each.value.kind === 'end', from);
    expect(await editor.evaluate('(list (hold:at) (shop:total 1))')).toEqual(['(:LOAD (1))']);
  });
});

it('nobody waits for an image that takes long to start once they gave up', async () => {
  const slow = await Editor.start({ settings: { image: { init: ['(sleep 100)'] } } });
  const requests: [string, object][] = [
    ['source_location', { symbol: 'car' }],
    ['code_replace_function', { function: 'car', new_code: '(defun car (x) x)' }],
    ['code_compile_string', { code: '1' }],
    ['code_reload_system', { system: 'shop' }],
    ['code_load_fasl', { path: '/no/such.fasl' }],
    ['thread_list', {}],
    ['repl_eval', { code: '1' }],
    ['rollback', {}],
    ['replay', {}],
    ['plan', { operation: 'code_reload_system', system: 'shop' }],
    ['plan', { operation: 'code_compile_string', code: '(defun f ())' }],
    ['image_connect', {}],
    ['image_restart', {}],
  ];
  try {
    for (const [name, argument] of requests) {
      const { id, reply } = slow.rpc.start('workspace/executeCommand', {
        command: `hotlisp.${name}`,
        arguments: [argument],
      });
      await slow.command('image_status'); // is answered meanwhile
      slow.rpc.notify('$/cancelRequest', { id });
      const came = await within(
        `the reply to ${name}`,
        reply.catch((error: unknown) => error),
      );
      expect(came, name).toMatchObject({ kind: 'cancelled', code: -32800 });
    }
  } finally {
    await slow.finish();
  }
});
