/** Rollback and redo over many changes, and after others have changed things in between. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JournalEntry } from '../../server/approval/journal.ts';
import { wireKind } from '../../server/image/connection.ts';
import { changesOfEveryKind, everyKind, everySymbol } from '../support/everyKind.ts';
import { Editor } from '../support/lspClient.ts';
import { RawAgent, defun, type Piece } from '../support/rawAgent.ts';
import { shop } from '../support/shop.ts';
import { SwankClient } from '../support/swankClient.ts';
import { startUserImage, swankServer, type UserImage } from '../support/userImage.ts';

const failure = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    value => expect.fail(`resolved with ${JSON.stringify(value)}`),
    (error: unknown) => error as Error,
  );

describe('many changes', () => {
  const agent = new RawAgent();
  beforeAll(async () => {
    await agent.start();
    await agent.program(everyKind);
    await agent.lisp(everySymbol);
    await agent.lisp('(defvar cl-user::*states* (make-hash-table))');
  });
  afterAll(() => agent.stop());

  const keep = (number: number) =>
    agent.lisp(`(progn (setf (gethash ${number} cl-user::*states*) (fingerprint:fingerprint "APP")) t)`);
  const isAt = (number: number) =>
    agent.lisp(
      `(let ((was (gethash ${number} cl-user::*states*)) (now (fingerprint:fingerprint "APP")))
         (or (equal was now) (loop for a in was for b in now unless (equal a b) collect (list a b))))`,
    );

  it('of every kind are taken back one by one, each to the very state before it, and done again to the very state after it', async () => {
    const transactions: string[] = [];
    await keep(0);
    for (const round of [1, 2])
      for (const piece of Object.values(changesOfEveryKind(round))) {
        const change = await agent.change(piece);
        expect([piece.text, change.status]).toEqual([piece.text, 'applied']);
        transactions.push(change.transaction);
        await keep(transactions.length);
      }
    for (let again = 0; again < 2; again++) {
      for (let left = transactions.length; left > 0; left--) {
        const transaction = transactions[left - 1]!;
        expect(await agent.image.call('undo', { transaction, force: false })).toMatchObject({ remains: [] });
        expect([left, await isAt(left - 1)]).toEqual([left, ['T']]);
      }
      for (const [index, transaction] of transactions.entries()) {
        expect(await agent.image.call('redo', { transaction, force: false })).toMatchObject({ remains: [] });
        expect([index, await isAt(index + 1)]).toEqual([index, ['T']]);
      }
    }
    // Not in any order: what a later change stands on is not pulled away.
    const error = await failure(agent.image.call('undo', { transaction: transactions[0]!, force: false }));
    expect(wireKind(error)).toBe('superseded');
    expect(await isAt(transactions.length)).toEqual(['T']);
  });

  it('leave alone what somebody else has added besides: methods of the same generic function, other slots of the database', async () => {
    const method = await agent.change(changesOfEveryKind(50)['new method']!);
    await agent.program('(defmethod g ((x symbol)) (list :theirs x))');
    for (const op of ['undo', 'redo', 'undo'] as const) {
      expect(await agent.image.call(op, { transaction: method.transaction, force: false })).toMatchObject({
        status: 'applied',
        remains: [],
      });
      expect(await agent.lisp("(app:g 'a)")).toEqual(['(:THEIRS A)']);
    }
    await agent.lisp("(remove-method #'app:g (find-method #'app:g '() '(symbol)))");
    const type = await agent.change(changesOfEveryKind(51)['type']!);
    await agent.lisp('(setf (documentation \'app::ty \'type) "theirs")');
    await agent.image.call('undo', { transaction: type.transaction, force: false });
    expect(await agent.lisp("(documentation 'app::ty 'type)")).toEqual(['"theirs"']);
  });

  const classes: Record<string, { piece: Piece; make: string; use: string }> = {
    structure: {
      piece: { text: '(defstruct back (slot 1))', definitions: ['structure:back'] },
      make: '(app::make-back)',
      use: '(back-slot x)',
    },
    class: {
      piece: {
        text: '(defclass kept () ((slot :initform 1 :reader kept-slot)))',
        definitions: ['class:kept'],
      },
      make: "(make-instance 'app::kept)",
      use: "(and (typep x 'kept) (kept-slot x))",
    },
    condition: {
      piece: {
        text: '(define-condition fault (error) ((slot :initform 1 :reader fault-slot)))',
        definitions: ['condition:fault'],
      },
      make: "(make-condition 'app::fault)",
      use: '(handler-case (error x) (fault (c) (fault-slot c)))',
    },
  };
  it.each(Object.entries(classes))(
    'bring a %s back as what it was, for the code compiled before and for that compiled afterwards',
    async (kind, { piece, make, use }) => {
      const user = (when: string) => defun(`${when}-${kind}`, `(x) ${use}`);
      const { transaction } = await agent.change(piece);
      expect(await agent.change(user('before'))).toMatchObject({ status: 'applied', notes: [] });
      for (const op of ['undo', 'redo', 'undo', 'redo'] as const)
        await agent.image.call(op, { transaction, force: false });
      expect(await agent.change(user('after'))).toMatchObject({ status: 'applied', notes: [] });
      expect(await agent.lisp(`(list (app::before-${kind} ${make}) (app::after-${kind} ${make}))`)).toEqual([
        '(1 1)',
      ]);
      expect(await agent.change(piece)).toMatchObject({ status: 'applied', notes: [] });
      expect(await agent.lisp(`(list (app::before-${kind} ${make}) (app::after-${kind} ${make}))`)).toEqual([
        '(1 1)',
      ]);
    },
  );

  const kinds = Object.keys(changesOfEveryKind(0)).filter(kind => kind !== 'package');
  it.each(kinds)('do not overwrite a %s that somebody else has defined since', async kind => {
    const change = await agent.change(changesOfEveryKind(100)[kind]!);
    expect([change.status, change.notes, change.condition?.text]).toEqual(['applied', [], undefined]);
    const { transaction } = change;
    const theirs = changesOfEveryKind(200)[kind]!.text;
    await agent.program(`(handler-bind ((sb-ext:defconstant-uneql #'continue)) ${theirs})`);
    await agent.remember();
    const error = await failure(agent.image.call('undo', { transaction, force: false }));
    expect([kind, wireKind(error)]).toEqual([kind, 'superseded']);
    expect(await agent.changes()).toBe('NIL');
    await agent.image.call('undo', { transaction, force: true });
    await agent.program(
      `(handler-bind ((sb-ext:defconstant-uneql #'continue)) ${changesOfEveryKind(300)[kind]!.text})`,
    );
    await agent.remember();
    const redo = await failure(agent.image.call('redo', { transaction, force: false }));
    expect([kind, wireKind(redo)]).toEqual([kind, 'superseded']);
    expect(await agent.changes()).toBe('NIL');
  });

  const changesAnew: typeof changesOfEveryKind = mark => ({
    ...changesOfEveryKind(mark),
    'new class': {
      text: `(defclass new-c () ((a :initform ${mark} :accessor new-c-a)))`,
      definitions: ['class:new-c'],
    },
    'new condition': {
      text: `(define-condition new-trouble (error) ((a :initform ${mark} :reader new-trouble-a)))`,
      definitions: ['condition:new-trouble'],
    },
  });
  it.each(Object.keys(changesAnew(0)))(
    'that are done again over a %s of somebody else’s give that back when they are taken back',
    async kind => {
      await agent.lisp("(unexport 'app::m :app)");
      const { transaction } = await agent.change(changesAnew(400)[kind]!);
      const swap = (op: 'undo' | 'redo') => agent.image.call(op, { transaction, force: true });
      await swap('undo');
      const theirs = kind === 'package' ? "(export 'app::theirs :app)" : changesAnew(500)[kind]!.text;
      await agent.program(`(handler-bind ((sb-ext:defconstant-uneql #'continue)) ${theirs})`);
      await agent.remember();
      await swap('redo');
      expect(await agent.changes()).not.toBe('NIL');
      await swap('undo');
      expect([kind, await agent.changes()]).toEqual([kind, 'NIL']);
    },
  );
});

describe('the last change', () => {
  let editor: Editor;
  beforeEach(async () => {
    editor = await Editor.start({
      files: { 'shop.lisp': shop },
      load: ['shop.lisp'],
      settings: { approval: { 'compile-file': 'allow' } },
    });
  });
  afterEach(() => editor.finish());

  const compile = async (code: string) =>
    (await editor.command('code_compile_string', { code, package: 'SHOP' })).transaction!;
  const swap = (operation: 'rollback' | 'redo') => {
    void editor.expectPrompt(/#/, 'Approve');
    return editor.command(operation, {});
  };

  it('is taken back first and done again last, whether it has a name or not', async () => {
    const total = () => editor.evaluate('(list (shop:total 1) shop::*rate*)');
    const changes = [
      await compile('(defun total (amount) (list 1 amount))'),
      await compile('(defun total (amount) (list 2 amount))'),
      await compile('(setf *rate* 7)'),
    ];
    for (const value of ['((2 1) 2)', '((1 1) 2)', '(4 2)']) {
      await swap('rollback');
      expect(await total()).toEqual([value]);
    }
    for (const [index, value] of ['((1 1) 2)', '((2 1) 2)', '((2 1) 7)'].entries()) {
      expect((await swap('redo')).transaction).toBe(changes[index]);
      expect(await total()).toEqual([value]);
    }
    expect((await swap('rollback')).transaction).toBe(changes[2]);
  });

  it('is shown with the text that goes and the one that comes back, and journalled with both', async () => {
    const [first, second] = [
      '(defun total (amount) (list 1 amount))',
      '(defun total (amount) (list 2 amount))',
    ];
    await compile(first);
    await compile(second);
    for (const [operation, verb, gone, back] of [
      ['rollback', 'Roll back', second, first],
      ['redo', 'Do again', first, second],
    ] as const) {
      void editor.expectPrompt(/total/i, 'Show Diff');
      void editor.expectPrompt(/total/i, 'Approve');
      await editor.command(operation, {});
      const { text } = await editor.shown.next('the diff', each => each.text?.startsWith(verb) === true);
      expect(text).toContain(`-${gone}`);
      expect(text).toContain(`+${back}`);
      const { entries } = await editor.command<{ entries: JournalEntry[] }>('history', { limit: 1 });
      expect(entries[0]).toMatchObject({ operation, source: [{ before: gone, after: back }] });
    }
  });
});

describe('an image that SLIME changes, too', () => {
  let image: UserImage;
  let editor: Editor;
  let slime: SwankClient;
  beforeEach(async () => {
    image = await startUserImage(swankServer);
    editor = await Editor.start({
      files: { 'shop.lisp': shop },
      settings: { image: { mode: 'attach', address: `127.0.0.1:${image.ports['swank']}` } },
    });
    await editor.evaluate(`(load "${editor.root}/shop.lisp")`);
    slime = await SwankClient.connect(Number(image.ports['swank']));
  });
  afterEach(async () => {
    slime.close();
    await editor.finish();
    await image.stop();
  });

  it('is not rolled back over what SLIME compiled, unless the person says so after being told', async () => {
    const compile = async (code: string) => {
      void editor.expectPrompt(/compile/i, 'Approve');
      return (await editor.command('code_compile_string', { code, package: 'SHOP' })).transaction!;
    };
    const total = () => editor.evaluate('(shop:total 1)');
    await compile('(defun total (amount) (list :first amount))');
    const second = await compile('(defun total (amount) (list :second amount))');
    const other = await compile('(defun other () :other)');
    await slime.rex(
      `(swank:compile-string-for-emacs "(cl:defun shop:total (amount) (cl:list :slime amount))" "x" '((:position 1) (:line 1 1)) nil nil)`,
      'SHOP',
    );
    expect(await total()).toEqual(['(:SLIME 1)']);
    // The last one concerns another function, and goes.
    void editor.expectPrompt(/roll back .*OTHER/i, 'Approve');
    expect(await editor.command('rollback', {})).toMatchObject({ status: 'applied' });
    // The one before was compiled over: asked twice, the second time with the hazard.
    void editor.expectPrompt(/roll back .*TOTAL/i, 'Approve');
    const hazard = editor.expectPrompt(/roll back .*TOTAL.*hazard/i, 'Deny');
    expect(await editor.failure('rollback', {})).toMatchObject({ kind: 'approval-denied' });
    expect((await hazard).message).toMatch(/somebody has changed .*TOTAL.* overwritten/i);
    expect(await total()).toEqual(['(:SLIME 1)']);
    void editor.expectPrompt(/roll back .*TOTAL/i, 'Approve');
    void editor.expectPrompt(/hazard/i, 'Approve');
    expect(await editor.command('rollback', { transaction: second })).toMatchObject({
      status: 'applied',
      notes: [{ severity: 'warning', message: expect.stringMatching(/changed .*TOTAL/i) as string }],
    });
    expect(await total()).toEqual(['(:FIRST 1)']);
    void editor.expectPrompt(/do again .*OTHER/i, 'Approve');
    expect(await editor.command('redo', { transaction: other })).toMatchObject({ status: 'applied' });
    expect(await editor.evaluate('(shop::other)')).toEqual([':OTHER']);
  });
});
