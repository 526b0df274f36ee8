/** An error of evaluated code: the editor is asked which restart to take, and whatever happens then, every evaluation ends. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Editor, NEVER, usualCapabilities, type Prompt } from '../support/lspClient.ts';
import type { RpcError } from '../support/jsonRpc.ts';
import { startUserImage, swankServer, type UserImage } from '../support/userImage.ts';

let editor: Editor;
afterEach(() => editor.finish());

const titles = (prompt: Prompt) => prompt.actions.map(({ title }) => title);
const evaluate = (code: string) => editor.command('repl_eval', { code });
const failure = (code: string) => editor.failure('repl_eval', { code });
interface Data {
  condition: { type: string; text: string; backtrace: { text: string }[] } | null;
  reason?: string;
  restarts: string[];
}
const dataOf = (error: RpcError) => error.data as Data;

/** Neither a thread of the image waits for an answer, nor is the next evaluation harmed. */
async function nothingIsStuck(): Promise<void> {
  expect(await editor.evaluate('(+ 20 22)')).toEqual(['42']);
  expect(await waiting()).toBe('(0)');
}

/** How many threads of the image wait for a restart to be chosen, as a list of one. */
async function waiting(): Promise<string | undefined> {
  const [inside] = await editor.evaluate(
    `(loop for package in (list (find-package "HOTLISP"))
           for code = (symbol-function (find-symbol "AWAIT-ANSWER" package))
           collect (count :yes (funcall (find-symbol "THREADS-RUNNING" package) (list code)) :key #'cdr))`,
  );
  return inside;
}

describe('an error of evaluated code', () => {
  it('is asked about: its type, text and form, the restarts numbered with the safe one first, and the backtrace', async () => {
    editor = await Editor.start();
    const asked = editor.expectPrompt(/SIMPLE-ERROR.*no such luck.*\(cerror/, '1: CONTINUE');
    const result = await evaluate('(list 1) (progn (cerror "Go on." "no such luck") :went-on)');
    const prompt = await asked;
    expect(prompt.type).toBe(2);
    expect(titles(prompt)).toEqual(['0: ABORT', '1: CONTINUE', 'Show backtrace']);
    expect(prompt.message).toMatch(/1 CONTINUE: Go on\./);
    expect(prompt.message).not.toMatch(/\(list 1\)/);
    expect(result).toMatchObject({ status: 'applied', values: [':WENT-ON'], restarts: ['CONTINUE'] });
  });

  it.each([
    ['the safe restart', '0: ABORT'],
    ['a dismissal', null],
    ['another title', { reply: { title: '17: NONSENSE' } }],
    ['an empty object', { reply: {} }],
    ['an error', { error: { code: -32603, message: 'busy' } }],
  ] as const)('ends with the evaluation after %s', async (_, answer) => {
    editor = await Editor.start();
    void editor.expectPrompt(/no such luck/, answer);
    const error = await failure('(cerror "Go on." "no such luck")');
    expect(error.kind).toBe('debugger-aborted');
    expect(dataOf(error)).toMatchObject({
      condition: { type: 'COMMON-LISP:SIMPLE-ERROR', text: 'no such luck' },
      restarts: [],
    });
    expect(dataOf(error).condition!.backtrace.length).toBeGreaterThan(0);
    expect(dataOf(error).reason === undefined).toBe(answer === '0: ABORT');
    await nothingIsStuck();
  });

  it('ends the evaluation when nobody answers in time, and the question is withdrawn', async () => {
    editor = await Editor.start({ settings: { approval: { timeoutSeconds: 0.4 } } });
    void editor.expectPrompt(/no such luck/, NEVER);
    const error = await failure('(error "no such luck")');
    expect(error.kind).toBe('debugger-aborted');
    expect(dataOf(error).reason).toMatch(/0\.4 s/);
    await editor.withdrawn.next('the question taken back', () => true);
    await nothingIsStuck();
  });

  it('is asked about no longer than an evaluation may take', async () => {
    editor = await Editor.start({ settings: { evalTimeoutSeconds: 0.4 } });
    void editor.expectPrompt(/no such luck/, NEVER);
    expect(await failure('(error "no such luck")')).toMatchObject({ kind: 'debugger-aborted' });
  });

  it('is not asked about where the setting says abort', async () => {
    editor = await Editor.start({ settings: { debugger: 'abort' } });
    expect(dataOf(await failure('(error "no such luck")'))).toMatchObject({
      condition: { text: 'no such luck' },
    });
  });

  it('is not asked about in an editor that does not say that it shows questions, unless it is a gesture', async () => {
    const { window, ...others } = usualCapabilities as Record<string, Record<string, unknown>>;
    const { showMessage, ...rest } = window!;
    expect(showMessage).toBeDefined();
    editor = await Editor.start({ capabilities: { ...others, window: rest } });
    expect(await failure('(error "no such luck")')).toMatchObject({ kind: 'debugger-aborted' });
    void editor.expectPrompt(/no such luck/, '1: CONTINUE');
    const pending = await editor.command('repl_eval', {
      code: '(progn (cerror "Go on." "no such luck") 7)',
      background: true,
    });
    expect((await editor.outcome(pending)).values).toEqual(['7']);
  });

  it('ends the evaluation at once in an editor that cannot ask, from then on without trying', async () => {
    editor = await Editor.start();
    void editor.expectPrompt(/first/, { error: { code: -32601, message: 'unknown method' } });
    expect(await failure('(error "first")')).toMatchObject({ kind: 'debugger-aborted' });
    expect(await failure('(error "second")')).toMatchObject({ kind: 'debugger-aborted' });
    expect(editor.prompts.all).toHaveLength(1);
  });

  it('can be mended while it is asked about, and its call tried again', async () => {
    editor = await Editor.start({ settings: { approval: { eval: 'allow' } } });
    const asked = editor.expectPrompt(/UNDEFINED-FUNCTION/, async () => {
      await editor.evaluate('(defun not-there-yet (x) (* x 2))');
      return '1: CONTINUE';
    });
    expect((await evaluate('(not-there-yet 21)')).values).toEqual(['42']);
    const prompt = await asked;
    expect(titles(prompt)).toEqual(['0: ABORT', '1: CONTINUE', '4: RETURN-NOTHING', 'Show backtrace']);
    // They would ask for a value.
    expect(titles(prompt).join()).not.toMatch(/USE-VALUE|RETURN-VALUE/);
    expect(prompt.message).toMatch(/Not offered.*USE-VALUE/);
  });

  it('makes way for the approval of what mends it, and is asked about again', async () => {
    const text = '(defun half (x) (values (not-yet x)))\n(defun not-yet (x) (error "no ~a yet" x))\n';
    editor = await Editor.start({ files: { 'a.lisp': text }, load: ['a.lisp'] });
    const document = editor.openFile(path.join(editor.root, 'a.lisp'));
    const first = editor.expectPrompt(/no 42 yet/, NEVER);
    const evaluated = evaluate('(loop (with-simple-restart (continue "Try again.") (return (half 42))))');
    await first;
    document.replace('(error "no ~a yet" x)', '(/ x 2)');
    void editor.expectPrompt(/reload not-yet/i, 'Approve');
    const reloaded = editor.actionOutcome(document, '(defun not-yet', /^Reload not-yet$/);
    void editor.expectPrompt(/no 42 yet/, async () => {
      await reloaded;
      return '1: CONTINUE';
    });
    const result = await reloaded;
    expect(result).toMatchObject({ status: 'applied' });
    expect((await evaluated).values).toEqual(['21']);
    expect(editor.withdrawn.all).toHaveLength(1);
  });

  it('of a gesture is told in one line, in which nothing is hidden', async () => {
    editor = await Editor.start();
    const document = editor.open('a.lisp', '(error "first line~%second~c" (code-char 8238))\n');
    void editor.expectPrompt(/first line second/, null);
    await editor.actionFailure(document, '(error', /^Evaluate form$/);
    const told = await editor.messages.next('the error', each => each.type === 1);
    expect(told.message).toBe('Evaluate: COMMON-LISP:SIMPLE-ERROR: first line second\\u{202e}');
  });

  it('has the variables of its frames told by command while it is asked about', async () => {
    editor = await Editor.start();
    let request = 0;
    void editor.expectPrompt(/no such luck/, async ({ message }) => {
      request = Number(/#(\d+)/.exec(message)![1]);
      const answer = await editor.command<{
        frame: string;
        known: boolean;
        locals: { name: string; value: string }[];
      }>('frame_locals', { request, frame: 0 });
      expect(answer).toMatchObject({ known: true, frame: expect.stringMatching(/LUCKLESS 42/) as string });
      expect(answer.locals.map(({ value }) => value)).toContain('42');
      const none = await editor.failure('frame_locals', { request, frame: 999 });
      expect(none.message).toMatch(/no frame 999/);
      return '0: ABORT';
    });
    await editor.evaluate(
      '(defun luckless (price) (declare (optimize debug)) (error "no such luck: ~a" price))',
    );
    await failure('(list (luckless 42))');
    expect((await editor.failure('frame_locals', { request, frame: 0 })).message).toMatch(/does not wait/);
  });

  it('shows the backtrace with places and variables, and asks again', async () => {
    editor = await Editor.start({
      files: {
        'deep.lisp':
          '(declaim (optimize (debug 3)))\n\n(defun deep (price)\n  (let ((doubled (* 2 price)))\n    (error "too much: ~a" doubled)))\n',
      },
      load: ['deep.lisp'],
    });
    void editor.expectPrompt(/too much: 8/, 'Show backtrace');
    void editor.expectPrompt(/too much: 8/, '0: ABORT');
    const error = await failure('(list (deep 4))');
    expect(dataOf(error).reason).toBeUndefined();
    const { text, uri } = editor.shown.all[0]!;
    expect(uri).toMatch(/backtrace/);
    expect(text).toMatch(/SIMPLE-ERROR: too much: 8/);
    expect(text).toMatch(/0: \(DEEP 4\)\n.*deep\.lisp:3\n/);
    expect(text).toMatch(/PRICE = 4/);
    expect(text).toMatch(/DOUBLED = 8/);
    expect(text).not.toMatch(/CALL-EVALUATED|DEBUG-OR-GIVE-UP/);
    const page = editor.openFile(fileURLToPath(uri));
    for (const line of ['(DEEP 4)', 'deep.lisp:3'])
      expect(
        await editor.request('textDocument/definition', {
          textDocument: { uri },
          position: page.positionOf(line),
        }),
      ).toMatchObject([
        { uri: expect.stringMatching(/deep\.lisp$/) as string, range: { start: { line: 2, character: 0 } } },
      ]);
    const links = await editor.request('textDocument/documentLink', { textDocument: { uri } });
    expect(links).toMatchObject([{ target: expect.stringMatching(/^file:.*\/deep\.lisp#L3$/) as string }]);
  });

  it('within a restart is asked about in turn, to a limited depth', async () => {
    editor = await Editor.start();
    const code = `(block nil
      (restart-bind ((well (lambda () (return :well)) :report-function (lambda (s) (write-string "Well." s)))
                     (try (lambda () (restart-case (error "second") (well () nil)))
                          :report-function (lambda (s) (write-string "Try." s))))
        (error "first")))`;
    const choose = (name: string) => (prompt: Prompt) =>
      titles(prompt).find(each => each.endsWith(`: ${name}`)) ?? 'More restarts';
    void editor.expectPrompt(/first/, choose('TRY'));
    void editor.expectPrompt(/second.*level 2/, '1: WELL');
    void editor.expectPrompt(/first/, choose('WELL'));
    const result = await evaluate(code);
    expect(result.values).toEqual([':WELL']);
    expect(result).toMatchObject({ restarts: ['TRY', 'WELL', 'WELL'] });

    for (let depth = 1; depth <= 5; depth++) void editor.expectPrompt(/again/, '1: TRY');
    const error = await failure(
      `(labels ((again () (restart-bind ((try #'again)) (error "again"))))
         (again))`,
    );
    expect(error.kind).toBe('debugger-aborted');
    await nothingIsStuck();
  });

  it('with many restarts offers a few at a time, the safe one always first', async () => {
    editor = await Editor.start();
    const asked = [
      'More restarts',
      'More restarts',
      'More restarts',
      'More restarts',
      'More restarts',
      'More restarts',
      '5: FIVE',
    ].map(answer => editor.expectPrompt(/choose/, answer));
    const clauses = ['ONE', 'TWO', 'THREE', 'FOUR', 'FIVE', 'A-RESTART-WITH-A-VERY-LONG-NAME'];
    const code = `(restart-case (error "choose") ${clauses.map(name => `(${name} () :${name})`).join(' ')})`;
    expect((await evaluate(code)).values).toEqual([':FIVE']);
    expect((await Promise.all(asked)).map(titles)).toEqual([
      ['0: ABORT', '1: ONE', 'Show backtrace', 'More restarts'],
      ['0: ABORT', '2: TWO', '3: THREE', 'More restarts'],
      ['0: ABORT', '4: FOUR', '5: FIVE', 'More restarts'],
      ['0: ABORT', '6: A-RESTART-WITH-A-VER…', 'More restarts'],
      ['0: ABORT', '1: ONE', 'Show backtrace', 'More restarts'],
      ['0: ABORT', '2: TWO', '3: THREE', 'More restarts'],
      ['0: ABORT', '4: FOUR', '5: FIVE', 'More restarts'],
    ]);
  });

  it('that comes again after the restart is asked about again, and the answer names the last one', async () => {
    editor = await Editor.start();
    void editor.expectPrompt(/first/, '1: CONTINUE');
    void editor.expectPrompt(/second/, null);
    const error = await failure('(progn (cerror "On." "first") (error "second"))');
    expect(dataOf(error)).toMatchObject({ condition: { text: 'second' }, restarts: ['CONTINUE'] });
  });

  it('whose report fails, loops in its own way or hides control characters is still asked about', async () => {
    editor = await Editor.start();
    await editor.evaluate(`
      (define-condition silent (error) () (:report (lambda (c s) (declare (ignore c s)) (error "no report"))))
      (define-condition odd (error) () (:report (lambda (c s) (declare (ignore c)) (format s "a~cb~cc" (code-char 10) (code-char 8238)))))`);
    void editor.expectPrompt(/SILENT.*printing which signalled/, '0: ABORT');
    expect((await failure("(error 'silent)")).kind).toBe('debugger-aborted');
    const asked = editor.expectPrompt(/ODD/, '0: ABORT');
    await failure("(error 'odd)");
    expect((await asked).message).toMatch(/a b\\u\{202e\}c/);
    await nothingIsStuck();
  });

  it('may be a BREAK, an assertion, or one of the compiler’s', async () => {
    editor = await Editor.start();
    void editor.expectPrompt(/SIMPLE-CONDITION: look here/, '1: CONTINUE');
    expect((await evaluate('(progn (break "look here") 5)')).values).toEqual(['5']);
    void editor.expectPrompt(/assertion \(= 1 2\) failed/i, '0: ABORT');
    expect((await failure('(assert (= 1 2))')).kind).toBe('debugger-aborted');
    void editor.expectPrompt(/in the macro/, null);
    expect((await failure('(macrolet ((m () (error "in the macro"))) (m))')).kind).toBe('debugger-aborted');
    await nothingIsStuck();
  });

  it('of a thread of the program is not the evaluation’s to ask about', async () => {
    editor = await Editor.start();
    const values = await editor.evaluate(
      `(nth-value 1 (sb-thread:join-thread
         (sb-thread:make-thread (lambda () (handler-case (error "elsewhere") (error () (sb-thread:abort-thread)))))
         :default :gone))`,
    );
    expect(values).toEqual([':ABORT']);
  });

  it('of an exhausted stack ends the evaluation without a question', async () => {
    editor = await Editor.start();
    const error = await failure('(labels ((f (x) (1+ (f x)))) (f 1))');
    expect(dataOf(error).condition!.type).toMatch(/EXHAUSTED/);
    await nothingIsStuck();
  });

  it('of the ABORT restart is no error of the server', async () => {
    editor = await Editor.start();
    const error = await failure('(abort)');
    expect(error.kind).toBe('debugger-aborted');
    expect(error.message).toMatch(/ABORT/);
  });
});

describe('while a question is open', () => {
  it('cancelling the evaluation withdraws it', async () => {
    editor = await Editor.start();
    const asked = editor.expectPrompt(/no such luck/, NEVER);
    const { id, reply } = editor.rpc.start('workspace/executeCommand', {
      command: 'hotlisp.repl_eval',
      arguments: [{ code: '(error "no such luck")' }],
    });
    const settled = reply.catch((error: unknown) => error);
    await asked;
    editor.rpc.notify('$/cancelRequest', { id });
    expect(await settled).toMatchObject({ kind: 'cancelled' });
    await editor.withdrawn.next('the question taken back', () => true);
    await nothingIsStuck();
  });

  it('the editor can end the session: nothing is left of it', async () => {
    editor = await Editor.start();
    const asked = editor.expectPrompt(/no such luck/, NEVER);
    const failed = failure('(error "no such luck")');
    await asked;
    // finish() checks that no process is left behind.
    await editor.finish();
    expect((await failed).kind).toMatch(/debugger-aborted|cancelled|image-lost/);
  });

  it('an image that dies ends it', async () => {
    editor = await Editor.start();
    const { pid } = await editor.command<{ pid: number }>('image_connect');
    const asked = editor.expectPrompt(/no such luck/, NEVER);
    const failed = failure('(error "no such luck")');
    await asked;
    process.kill(pid, 'SIGKILL');
    expect((await failed).kind).toBe('image-lost');
    expect(await editor.evaluate('1')).toEqual(['1']);
  });

  it('others wait: twenty evaluations with errors get one reply each, with one question at a time', async () => {
    editor = await Editor.start();
    let open = 0;
    let most = 0;
    for (let n = 0; n < 20; n++)
      void editor.expectPrompt(/error number/, async ({ message }) => {
        most = Math.max(most, ++open);
        await new Promise(resolve => setTimeout(resolve, 5));
        open--;
        return /number \d*[02468]\b/.test(message) ? '1: CONTINUE' : null;
      });
    const all = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => evaluate(`(progn (cerror "On." "error number ${n}") ${n})`)),
    );
    expect(all.map(each => (each.status === 'fulfilled' ? each.value.values : 'failed'))).toEqual(
      Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? [String(n)] : 'failed')),
    );
    expect(most).toBe(1);
    await nothingIsStuck();
  });
});

describe('in an image that is reached through Swank', () => {
  let image: UserImage;
  beforeAll(async () => {
    image = await startUserImage(swankServer);
  });
  afterAll(() => image?.stop());
  const attach = (settings: Record<string, unknown> = {}) =>
    Editor.start({
      settings: { image: { mode: 'attach', address: `127.0.0.1:${image.ports['swank']}` }, ...settings },
    });

  it('restarts are offered and taken, and an abandoned evaluation ends', async () => {
    editor = await attach();
    void editor.expectPrompt(/no such luck/, '1: CONTINUE');
    expect((await evaluate('(progn (cerror "Go on." "no such luck") :went-on)')).values).toEqual([
      ':WENT-ON',
    ]);
    void editor.expectPrompt(/no such luck/, null);
    expect((await failure('(error "no such luck")')).kind).toBe('debugger-aborted');
    await nothingIsStuck();
  });

  it('a server that is killed while a question is open leaves no thread that waits for ever', async () => {
    editor = await attach({ approval: { timeoutSeconds: 1 } });
    const asked = editor.expectPrompt(/no such luck/, NEVER);
    void evaluate('(error "no such luck")').catch(() => undefined);
    await asked;
    process.kill(editor.pid, 'SIGKILL');
    await editor.ended();
    await editor.abandon();
    editor = await attach();
    await expect.poll(waiting, { timeout: 30_000, interval: 200 }).toBe('(0)');
  });
});
