/** Threads of the image: what each does, without disturbing it, and stopping one with a person's leave. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Editor } from '../support/lspClient.ts';

const program = `(defpackage #:mill (:use #:common-lisp))
(in-package #:mill)

(defvar *log* (list))
(defvar *gate* (sb-thread:make-semaphore))
(defvar *turns* 0)
(defvar *early* 0)

;; A comment before the form.
(defun wait-inside (name)
  (sb-thread:wait-on-semaphore *gate*)
  name)

(defun waiting () (list (wait-inside "x")))

(defun turning () (loop (incf *turns*)))

(defun guarded ()
  (loop
    (restart-case (unwind-protect (sb-thread:wait-on-semaphore *gate*)
                    (push :cleaned-up *log*))
      (abort () :report "Wait for the next job." (push :next-job *log*)))))

(defun deaf ()
  (sb-sys:without-interrupts
    (loop until (eq *turns* :stop) do (sleep 0.01))))

(defun absorbed ()
  (sb-sys:without-interrupts
    (loop until (eq *turns* :stop))))

(defun foreign ()
  (loop
    (unless (zerop (sb-alien:alien-funcall (sb-alien:extern-alien "usleep" (function sb-alien:int sb-alien:unsigned)) 200000))
      (incf *early*))))

(defun start (name)
  (sb-thread:make-thread (symbol-function (find-symbol (string-upcase name) :mill)) :name name))
`;

interface Listed {
  readonly id: number;
  readonly name: string;
  readonly state: string;
  readonly main: boolean;
  readonly agent?: boolean;
}
interface Backtrace {
  readonly thread: { id: number; name: string };
  readonly state: string;
  readonly how: string;
  readonly frames: readonly { number: number; text: string; file?: string; uri?: string; line?: number }[];
}

let editor: Editor;
beforeEach(async () => {
  editor = await Editor.start({ files: { 'mill.lisp': program }, load: ['mill.lisp'] });
});
afterEach(() => editor.finish());

const threads = async () => (await editor.command<{ threads: Listed[] }>('thread_list', {})).threads;
/** Starts a thread and answers its number once it is where it shall be. */
const start = async (name: string, state: string): Promise<number> => {
  await editor.evaluate(`(progn (mill::start "${name}") t)`);
  const found = await expect
    .poll(async () => (await threads()).find(each => each.name === name && each.state === state)?.id, {
      timeout: 10_000,
    })
    .toBeTypeOf('number')
    .then(threads);
  return found.find(each => each.name === name)!.id;
};
const backtrace = (thread: number) => editor.command<Backtrace>('thread_backtrace', { thread });

describe('the backtrace of a thread', () => {
  it('that is blocked is read from outside: its calls, innermost first, with file and line', async () => {
    const id = await start('waiting', 'blocked');
    const { thread, state, how, frames } = await backtrace(id);
    expect({ thread, state, how }).toEqual({
      thread: { id, name: 'waiting' },
      state: 'blocked',
      how: 'seen',
    });
    const inside = frames.findIndex(each => /WAIT-INSIDE/.test(each.text));
    const outside = frames.findIndex(each => /MILL::WAITING/.test(each.text));
    expect(inside).toBeGreaterThanOrEqual(0);
    expect(outside).toBeGreaterThan(inside);
    expect(frames[inside]).toMatchObject({
      file: `${editor.root}/mill.lisp`,
      uri: `${editor.rootUri}/mill.lisp`,
      line: 10,
    });
  });

  it('that is in a foreign call does not make the call return early', async () => {
    const id = await start('foreign', 'blocked');
    for (let n = 0; n < 20; n++) {
      const { how, frames } = await backtrace(id);
      if (how === 'seen') expect(frames.map(each => each.text).join(' ')).toMatch(/FOREIGN/);
    }
    expect(await editor.evaluate('mill::*early*')).toEqual(['0']);
  });

  it('that computes tells it itself, and goes on', async () => {
    const id = await start('turning', 'running');
    const { how, frames } = await backtrace(id);
    expect(how).toBe('asked');
    // SBCL 2.2.9 adds in an assembly routine, which hides its caller from a look at the wrong moment.
    expect(frames[0]!.text).toMatch(/MILL::TURNING/);
    for (let n = 0; n < 20; n++) {
      expect((await backtrace(id)).frames[0]!.text).toMatch(/MILL::TURNING/);
      const { threads: listed } = await editor.command<{ threads: { id: number; runs?: string }[] }>(
        'thread_list',
        { symbol: 'mill::turning' },
      );
      expect(listed.find(each => each.id === id)).toMatchObject({ runs: 'yes' });
    }
    const [before] = await editor.evaluate('mill::*turns*');
    await expect
      .poll(async () => Number((await editor.evaluate('mill::*turns*'))[0]), { timeout: 10_000 })
      .toBeGreaterThan(Number(before));
  });

  it('is asked for without an approval, and is an error for a thread that is not there', async () => {
    const error = await editor.failure('thread_backtrace', { thread: 4711 });
    expect(error.kind).toBe('invalid-arguments');
    expect(error.message).toContain('4711');
    expect(editor.prompts.all).toEqual([]);
  });
});

describe('the list of threads for a function', () => {
  it('marks those in its code, also in what was replaced since', async () => {
    const id = await start('waiting', 'blocked');
    const inside = async () => {
      const { threads: listed } = await editor.command<{
        threads: { id: number; runs: string; replaced?: boolean }[];
      }>('thread_list', { symbol: 'mill::waiting' });
      return listed
        .filter(each => each.runs === 'yes')
        .map(each => ({ id: each.id, replaced: each.replaced ?? false }));
    };
    expect(await inside()).toEqual([{ id, replaced: false }]);
    const mill = editor.openFile(`${editor.root}/mill.lisp`);
    const [form] = /\(defun waiting [^]*?\n\n/.exec(mill.text)!;
    mill.replace(form, '(defun waiting () (wait-inside :again))\n\n');
    const prompt = editor.expectPrompt(/reload waiting/i, 'Approve');
    const { status } = await editor.command<{ status: string }>('reload_form', {
      uri: mill.uri,
      version: mill.version,
      position: mill.positionOf('(defun waiting'),
    });
    await prompt;
    expect(status).toBe('applied');
    expect(await inside()).toEqual([{ id, replaced: true }]);
  });
});

describe('a thread that does not say what it runs, while its code is replaced', () => {
  it('is told apart from those that do: in the question, the result, the list and the message, until it says', async () => {
    const id = await start('absorbed', 'running');
    const mill = editor.openFile(`${editor.root}/mill.lisp`);
    const [form] = /\(defun absorbed [^]*?\n\n/.exec(mill.text)!;
    mill.replace(form, '(defun absorbed () (list :anew))\n\n');
    const prompt = editor.expectPrompt(/reload absorbed/i, 'Approve');
    const result = await editor.actionOutcome(mill, '(defun absorbed', /^Reload absorbed$/);
    expect((await prompt).message).toMatch(/ Of 1 thread it is unknown whether in that code: absorbed\.$/);
    expect(result).toMatchObject({
      status: 'applied',
      threads: [],
      threads_unknown: [{ id, name: 'absorbed' }],
    });
    await editor.messages.next('the message', ({ message }) =>
      /Of 1 thread it is unknown whether in the old code\.$/.test(message),
    );
    const { threads: listed } = await editor.command<{ threads: { id: number; runs: string }[] }>(
      'thread_list',
      { symbol: 'mill::absorbed' },
    );
    expect(listed.find(each => each.id === id)).toMatchObject({ runs: 'unknown' });
    const { token } = await editor.progress.next('the progress', ({ value }) =>
      /old code/.test(value.title ?? ''),
    );
    await editor.progress.next(
      'what it says',
      each => each.token === token && each.value.message === 'unknown of 1 thread: absorbed',
    );
    await editor.evaluate('(setf mill::*turns* :stop)');
    await editor.progress.next(
      'what it says at last',
      each => each.token === token && each.value.message === 'No thread runs old code.',
    );
    await editor.progress.next('its end', each => each.token === token && each.value.kind === 'end');
    await editor.logs.next('what became of it', ({ message }) =>
      /^Thread absorbed is not in the old code: that could be told after \d+ ms\.$/.test(message),
    );
  });
});

describe('interrupting a thread', () => {
  it('has it abandon what it does: its cleanup forms run and it goes on with its own restart', async () => {
    const id = await start('guarded', 'blocked');
    const prompt = editor.expectPrompt(/interrupt thread \d+ \(guarded\)/i, 'Approve');
    const result = await editor.command<Record<string, unknown>>('thread_interrupt', { thread: id });
    expect(result).toMatchObject({
      status: 'applied',
      thread: { id, name: 'guarded' },
      restart: 'Wait for the next job.',
      ended: false,
    });
    expect((await prompt).message).toMatch(/blocked/);
    await expect
      .poll(() => editor.evaluate('mill::*log*'), { timeout: 10_000 })
      .toEqual(['(:NEXT-JOB :CLEANED-UP)']);
    expect((await threads()).some(each => each.id === id)).toBe(true);
  });

  it('that offers no restart of its own ends it', async () => {
    const id = await start('turning', 'running');
    void editor.expectPrompt(/interrupt thread/i, 'Approve');
    expect(await editor.command('thread_interrupt', { thread: id })).toMatchObject({
      status: 'applied',
      ended: true,
    });
    expect((await threads()).some(each => each.id === id)).toBe(false);
  });

  it('is not done without an approval', async () => {
    const id = await start('guarded', 'blocked');
    void editor.expectPrompt(/interrupt thread/i, 'Deny');
    expect((await editor.failure('thread_interrupt', { thread: id })).kind).toBe('approval-denied');
    expect(await editor.evaluate('mill::*log*')).toEqual(['NIL']);
  });

  it('that does not listen says so, and does nothing to it later either', async () => {
    const id = await start('deaf', 'blocked');
    void editor.expectPrompt(/interrupt thread/i, 'Approve');
    const result = await editor.command('thread_interrupt', { thread: id });
    expect(result.status).toBe('failed');
    expect(result.notes[0]?.message).toMatch(/did not answer/);
  });
});

describe('terminating a thread', () => {
  it('unwinds it: its cleanup forms run, and it is gone', async () => {
    const id = await start('guarded', 'blocked');
    const prompt = editor.expectPrompt(/terminate thread \d+ \(guarded\)/i, 'Approve');
    expect(await editor.command('thread_terminate', { thread: id })).toMatchObject({
      status: 'applied',
      ended: true,
    });
    expect((await prompt).message).toMatch(/cleanup forms run/);
    expect(await editor.evaluate('(first (last mill::*log*))')).toEqual([':CLEANED-UP']);
    expect((await threads()).some(each => each.id === id)).toBe(false);
    const { entries } = await editor.command<{ entries: { operation: string; outcome?: object }[] }>(
      'history',
      {
        limit: 10,
      },
    );
    expect(entries.find(each => each.operation === 'thread_terminate')).toMatchObject({
      outcome: { status: 'applied' },
    });
  });

  it('that has interrupts off says that it ends later', async () => {
    const id = await start('deaf', 'blocked');
    void editor.expectPrompt(/terminate thread/i, 'Approve');
    const result = await editor.command('thread_terminate', { thread: id });
    expect(result).toMatchObject({ status: 'failed', ended: false });
    expect(result.notes[0]?.message).toMatch(/has not yet/);
    await editor.evaluate('(setf mill::*turns* :stop)');
    await expect
      .poll(async () => (await threads()).some(each => each.id === id), { timeout: 10_000 })
      .toBe(false);
  });

  it('that has interrupts off, and is asked again and again, does not end the program when it listens at last', async () => {
    const id = await start('absorbed', 'running');
    const many = Array.from({ length: 12 });
    await Promise.all(many.map(() => editor.command('thread_list', { symbol: 'mill::absorbed' })));
    await Promise.all(many.map(() => backtrace(id)));
    const answers = many.map(() => editor.command('thread_terminate', { thread: id }));
    for (const _ of many) await editor.expectPrompt(/terminate thread/i, 'Approve');
    for (const answer of answers) expect(await answer).toMatchObject({ ended: false });
    expect(await editor.evaluate('(setf mill::*turns* :stop)')).toEqual([':STOP']);
    await expect
      .poll(async () => (await threads()).some(each => each.id === id), { timeout: 10_000 })
      .toBe(false);
    expect(await editor.evaluate('mill::*turns*')).toEqual([':STOP']);
  });

  it('is refused for the agent’s own threads, and for numbers that name none', async () => {
    const own = (await threads()).filter(each => each.agent);
    expect(own.length).toBeGreaterThan(0);
    for (const { id } of own) {
      for (const command of ['thread_terminate', 'thread_interrupt']) {
        const error = await editor.failure(command, { thread: id });
        expect(error.message).toMatch(/one of Hotlisp's own|There is no thread/);
      }
    }
    expect((await editor.failure('thread_terminate', { thread: 4711 })).kind).toBe('invalid-arguments');
    expect(await editor.evaluate('(+ 1 1)')).toEqual(['2']);
  });
});
