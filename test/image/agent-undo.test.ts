/** What the agent promises about going back: an operation that fails changes nothing, one that is undone leaves nothing. */
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wireKind } from '../../server/image/connection.ts';
import { changes, program } from '../support/agentChanges.ts';
import { defun, failure, formsOf, pointedAt, RawAgent, type Piece } from '../support/rawAgent.ts';
import { within } from '../support/wait.ts';

let agent: RawAgent;
beforeAll(async () => {
  agent = new RawAgent();
  await agent.start();
});
afterAll(() => agent.stop());

const lisp = (code: string) => agent.lisp(code);

describe('an operation that fails', () => {
  beforeAll(() => agent.program(program));

  const bad: Record<string, { piece: Piece; step: string; notes: [string, string][] }> = {
    'when a form does not compile': {
      piece: defun('f', '(x) (list x (let ((1 2)) 3))'),
      step: 'compile',
      notes: [['error', '(1 2)']],
    },
    'when a macro signals while it expands': {
      piece: {
        text: '(defun f (x) (list x (macrolet ((bad () (error "no"))) (bad))))',
        definitions: ['function:f'],
      },
      step: 'compile',
      notes: [['error', '(bad)']],
    },
    'when a form is not complete': {
      piece: { text: '(defun f (x) (list x', definitions: ['function:f'] },
      step: 'read',
      notes: [['error', '(defun f (x) (list x']],
    },
    'when a form has a parenthesis too many': {
      piece: { text: '(defun f (x) (list x)))', definitions: ['function:f'] },
      step: 'read',
      notes: [['error', ')']],
    },
    'when a form names a package that does not exist': {
      piece: defun('f', '(x) (list "λ" x nowhere:name)'),
      step: 'read',
      notes: [['error', 'nowhere:name']],
    },
    'when a form names what a package does not export': {
      piece: defun('f', '(x) (list x cl:no-such-name)'),
      step: 'read',
      notes: [['error', 'cl:no-such-name']],
    },
    'when a form has syntax that cannot be read': {
      piece: defun('f', '(x) (list x #<thing>)'),
      step: 'read',
      notes: [['error', '#<']],
    },
    'when a form signals while it is loaded': {
      piece: { text: '(error "on purpose")', evaluates: true },
      step: 'load',
      notes: [['error', '(error "on purpose")']],
    },
    'when a definition signals while it is loaded': {
      piece: {
        text: '(defmethod g ((x no-such-class)) x)',
        definitions: [{ kind: 'method', name: 'g', specializers: ['no-such-class'] }],
      },
      step: 'load',
      notes: [['error', '(defmethod g ((x no-such-class)) x)']],
    },
    'when a constant has no value': {
      piece: {
        text: '(defconstant +c+ (error "on purpose"))',
        definitions: ['constant:+c+'],
        evaluates: true,
      },
      step: 'compile',
      notes: [['error', '(defconstant +c+ (error "on purpose"))']],
    },
    'when a structure would get other slots': {
      piece: { text: '(defstruct st a b c)', definitions: ['structure:st'] },
      step: 'load',
      notes: [['error', '(defstruct st a b c)']],
    },
    'when the stack is exhausted': {
      piece: { text: '(labels ((deep () (1+ (deep)))) (deep))', evaluates: true },
      step: 'load',
      notes: [['error', '(labels ((deep () (1+ (deep)))) (deep))']],
    },
    'when code gives up by itself': {
      piece: { text: "(invoke-restart 'abort)", evaluates: true },
      step: 'load',
      notes: [['error', "(invoke-restart 'abort)"]],
    },
  };

  for (const [when, { piece, step, notes }] of Object.entries(bad))
    it(`${when} changes nothing, and says where`, async () => {
      await agent.remember();
      const forms = formsOf(agent.file, [
        defun('f', '(x) (list :good x)'),
        defun('fresh', '() some-fresh-symbol'),
        piece,
      ]);
      const change = await agent.apply(forms);
      expect(change).toMatchObject({ status: 'failed', step, definitions: [], threads: [], remains: [] });
      expect(
        change.notes
          .filter(({ severity }) => severity === 'error')
          .map(note => [note.severity, pointedAt(forms[note.form]!, note), note.form]),
      ).toEqual(notes.map(note => [...note, 2]));
      expect(await agent.changes()).toBe('NIL');
      expect(await agent.generation()).toBe(change.generation);
    });

  for (const [what, pieces] of Object.entries(changes))
    it(`has put ${what} back`, async () => {
      await agent.remember();
      const change = await agent.change(...pieces, { text: '(error "on purpose")', evaluates: true });
      expect(change).toMatchObject({ status: 'failed', step: 'load', remains: [] });
      expect(change.notes.map(({ message }) => message)).toContain('on purpose');
      expect(await agent.changes()).toBe('NIL');
    });

  it('has put everything back at once, and the program works as before', async () => {
    await agent.remember();
    const change = await agent.change(
      ...Object.values(changes)
        .flat()
        .filter(piece => !/a macro in place|x :ew|fmakunbound|\(defmacro f|\(defun m/.test(piece.text)),
      { text: '(error "on purpose")', evaluates: true },
    );
    expect(change).toMatchObject({ status: 'failed', remains: [] });
    expect(change.notes.map(({ message }) => message)).toContain('on purpose');
    expect(await agent.changes()).toBe('NIL');
    expect(
      await lisp(
        '(list (app:f 1) (setf (app:f 1) 2) app::*v* (app:g 3) (app::c-a app::*instance*) (app::c-b app::*instance*) app::sm (app::st-b (app::make-st :b 4)))',
      ),
    ).toEqual(['((1) (2 1) 1 (:INT 3) 1 2 3 4)']);
  });

  it('because it was cancelled while a form ran for ever changes nothing', async () => {
    await agent.remember();
    await lisp('(defvar cl-user::*entered* (sb-thread:make-semaphore))');
    const controller = new AbortController();
    const running = failure(
      agent.apply(
        formsOf(agent.file, [
          defun('f', '(x) :looping'),
          { text: '(progn (sb-thread:signal-semaphore cl-user::*entered*) (loop))', evaluates: true },
        ]),
        { signal: controller.signal },
      ),
    );
    expect(await lisp('(and (sb-thread:wait-on-semaphore cl-user::*entered* :timeout 20) t)')).toEqual(['T']);
    controller.abort();
    expect((await within('the cancellation', running)).kind).toBe('cancelled');
    expect(await agent.changes()).toBe('NIL');
    expect(await agent.change(defun('fresh-again', '() 1'))).toMatchObject({ status: 'applied' });
  });

  it('has put back the slots of instances, also of those that were used meanwhile', async () => {
    await agent.remember();
    const change = await agent.change(
      {
        text: '(defclass c () ((a :initarg :a :accessor c-a :initform 2)))',
        definitions: ['class:c'],
      },
      { text: "(slot-exists-p (progn (c-a *instance*) *instance*) 'b)", evaluates: true },
      { text: "(setf (c-a *instance*) (slot-exists-p *instance* 'b))", evaluates: true },
      { text: '(error "on purpose")', evaluates: true },
    );
    expect(change).toMatchObject({ status: 'failed', remains: [] });
    expect(await agent.changes()).toBe('NIL');
    expect(await lisp('(list (app::c-a app::*instance*) (app::c-b app::*instance*))')).toEqual(['(NIL 2)']);
    await lisp('(setf (app::c-a app::*instance*) 1)');
  });

  it('later says what it cannot put back: slots that instances lost while the change was in force', async () => {
    const { transaction, status } = await agent.change({
      text: '(defclass c () ((a :initarg :a :accessor c-a :initform 2)))',
      definitions: ['class:c'],
    });
    expect(status).toBe('applied');
    const undone = await agent.image.call('undo', { transaction, force: false });
    expect(undone.status).toBe('partial');
    expect(undone.remains.join()).toMatch(/Instances of .*C .*B/);
    expect(await lisp('(app::c-a app::*instance*)')).toEqual(['1']);
  });

  it('because compiling it would never end can be cancelled, and changes nothing', async () => {
    await agent.remember();
    await lisp('(defvar cl-user::*expanding* (sb-thread:make-semaphore))');
    const controller = new AbortController();
    const endless =
      '(macrolet ((endless () (sb-thread:signal-semaphore cl-user::*expanding*) (loop))) (endless))';
    const running = failure(
      agent.apply(formsOf(agent.file, [defun('f', '(x) :looping'), defun('endless', `() ${endless}`)]), {
        signal: controller.signal,
      }),
    );
    expect(await lisp('(and (sb-thread:wait-on-semaphore cl-user::*expanding* :timeout 20) t)')).toEqual([
      'T',
    ]);
    controller.abort();
    expect((await within('the cancellation', running)).kind).toBe('cancelled');
    expect(await agent.changes()).toBe('NIL');
  });

  it('because its package does not exist is refused by name before anything is compiled', async () => {
    const forms = formsOf(agent.file, [
      defun('f', '(x) x'),
      { ...defun('f', '(x) x'), package: 'NO-SUCH-PACKAGE' },
    ]);
    for (const refused of [
      failure(agent.apply(forms)),
      failure(agent.image.call('check', { forms, threads: false })),
    ]) {
      const error = await refused;
      expect(error.kind).toBe('unknown-package');
      expect(error.message).toContain('NO-SUCH-PACKAGE');
      expect(error.details).toMatchObject({ form: 1 });
    }
  });

  it('leaves no file behind and prints nothing to the image’s own output', async () => {
    const left = readdirSync('/dev/shm').filter(name => name.startsWith(`hotlisp-${agent.image.hello.pid}-`));
    expect(left).toEqual([]);
    expect(agent.output().filter(line => /warning|note|redefin|caught|error/i.test(line))).toEqual([]);
  });
});

describe('undo and redo', () => {
  beforeAll(() => agent.program(program));

  for (const [what, pieces] of Object.entries(changes).filter(([name]) => name !== 'what code takes away'))
    it(`take ${what} back and bring them again`, async () => {
      await agent.remember();
      const change = await agent.change(...pieces);
      expect(change).toMatchObject({ status: 'applied' });
      const before = await agent.changes();
      expect(before).not.toBe('NIL');
      expect(await agent.image.call('undo', { transaction: change.transaction, force: false })).toMatchObject(
        { status: 'applied', remains: [] },
      );
      const left = await agent.changes();
      // Symbols that were read stay: code that nobody undoes may hold them.
      expect(
        left.replace(
          /\(APP::?\S+ :NEW (\(:\w+ NIL NIL NIL NIL NIL NIL NIL\)|\(\(:\w+ NIL NIL NIL NIL NIL NIL NIL\)\))\)\s*/g,
          '',
        ),
      ).toMatch(/^(NIL|\(\s*\))$/);
      expect(await agent.image.call('redo', { transaction: change.transaction, force: false })).toMatchObject(
        { status: 'applied', remains: [] },
      );
      await agent.image.call('undo', { transaction: change.transaction, force: false });
    });

  it('leave what was proclaimed of a name before it had a function', async () => {
    await lisp("(proclaim '(ftype (function (integer) integer) app::proclaimed))");
    const { transaction } = await agent.change(defun('proclaimed', '(x) x'));
    await agent.image.call('undo', { transaction, force: false });
    expect(
      await lisp("(list (fboundp 'app::proclaimed) (sb-int:info :function :where-from 'app::proclaimed))"),
    ).toEqual(['(NIL :DECLARED)']);
  });

  it('restore the very objects', async () => {
    await agent.change(defun('swapped', '() 1'));
    await lisp('(defvar cl-user::*one* (fdefinition (quote app::swapped)))');
    const { transaction } = await agent.change(defun('swapped', '() 2'));
    await lisp('(defvar cl-user::*two* (fdefinition (quote app::swapped)))');
    const undone = await agent.image.call('undo', { transaction, force: false });
    expect(undone.definitions).toEqual([
      { kind: 'function', name: 'SWAPPED', package: 'APP', change: 'redefined' },
    ]);
    expect(await lisp('(eq cl-user::*one* (fdefinition (quote app::swapped)))')).toEqual(['T']);
    await agent.image.call('redo', { transaction, force: false });
    expect(await lisp('(eq cl-user::*two* (fdefinition (quote app::swapped)))')).toEqual(['T']);
  });

  it('make a name undefined again that was new', async () => {
    const { transaction } = await agent.change(defun('only-here', '() 1'));
    const undone = await agent.image.call('undo', { transaction, force: false });
    expect(undone.definitions).toEqual([
      { kind: 'function', name: 'ONLY-HERE', package: 'APP', change: 'removed' },
    ]);
    expect(await lisp('(fboundp (quote app::only-here))')).toEqual(['NIL']);
    expect((await failure(agent.image.call('undo', { transaction, force: false }))).message).toMatch(
      /undone already/,
    );
    await agent.image.call('redo', { transaction, force: false });
    expect(await lisp('(app::only-here)')).toEqual(['1']);
  });

  it('do not overwrite what was defined since, unless forced', async () => {
    await agent.change(defun('contested', '() 0'));
    const { transaction } = await agent.change(defun('contested', '() 1'));
    await agent.program('(defun contested () :mine)');
    const error = await failure(agent.image.call('undo', { transaction, force: false }));
    expect(wireKind(error)).toBe('superseded');
    expect(error.message).toContain('CONTESTED');
    expect(await lisp('(app::contested)')).toEqual([':MINE']);
    await agent.image.call('undo', { transaction, force: true });
    expect(await lisp('(app::contested)')).toEqual(['0']);
  });

  it('know only transactions of this image', async () => {
    expect(wireKind(await failure(agent.image.call('undo', { transaction: 'never', force: false })))).toBe(
      'unknown-transaction',
    );
  });

  it('are refused, like applying, to a plan made for another state of the image', async () => {
    const generation = await agent.generation();
    await agent.change(defun('moved-on', '() 1'));
    const forms = formsOf(agent.file, [defun('moved-on', '() 2')]);
    const error = await failure(agent.image.call('apply', { transaction: 'stale', generation, forms }));
    expect(wireKind(error)).toBe('stale-generation');
    expect(await lisp('(app::moved-on)')).toEqual(['1']);
  });
});
