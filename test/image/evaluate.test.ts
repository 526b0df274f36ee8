/** Evaluating from a buffer: form, selection, buffer; the values as message and as inlay hints; history; output while it runs. */
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { Editor, usualCapabilities, type TextDocument } from '../support/lspClient.ts';
import type { CodeAction, Position, Range } from '../support/lspTypes.ts';

let editor: Editor;
afterEach(() => editor.finish());

interface Hint {
  position: Position;
  label: string;
  tooltip?: string;
}
const hints = async (document: TextDocument, from = 0, to = 1000): Promise<Hint[]> =>
  (await editor.request('textDocument/inlayHint', {
    textDocument: { uri: document.uri },
    range: { start: { line: from, character: 0 }, end: { line: to, character: 0 } },
  })) as Hint[];
const shown = async (document: TextDocument) =>
  (await hints(document)).map(({ position, label }) => `${position.line}:${position.character} ${label}`);

describe('a form evaluated where it stands', () => {
  it('has its values told in one line, and shown behind it until it is edited, wherever it moves', async () => {
    editor = await Editor.start();
    const document = editor.open(
      'a.lisp',
      '(in-package :cl-user)\n\n(values 1 "two\nlines" :three)\n\n(list 7)\n',
    );
    await editor.actionOutcome(document, '(values', /^Evaluate form$/);
    const told = await editor.messages.next('the values', each => each.message.startsWith('=>'));
    expect(told.message).toBe('=> 1, "two lines", :THREE');
    await editor.actionOutcome(document, '(list', /^Evaluate form$/);
    expect(await shown(document)).toEqual(['3:14 => 1, "two lines", :THREE', '5:8 => (7)']);
    expect(await hints(document, 4, 6)).toHaveLength(1);

    document.replace('(in-package :cl-user)\n', '(in-package :cl-user)\n;;; 🎉\n');
    expect(await shown(document)).toEqual(['4:14 => 1, "two lines", :THREE', '6:8 => (7)']);
    document.replace(':three', ':four');
    expect(await shown(document)).toEqual(['6:8 => (7)']);
    document.replace('(list 7)\n', '(list 7)\n(f)\n');
    expect(await shown(document)).toEqual(['6:8 => (7)']);
    document.close();
    expect(
      await editor.request('textDocument/inlayHint', {
        textDocument: { uri: document.uri },
        range: { start: { line: 0, character: 0 }, end: { line: 9, character: 0 } },
      }),
    ).toBeNull();
  });

  it('that is evaluated again shows its new value; one that fails shows none', async () => {
    editor = await Editor.start({ settings: { debugger: 'abort' } });
    const document = editor.open('a.lisp', '(defvar *n* 0)\n(if (> (incf *n*) 2) (error "no") *n*)\n');
    await editor.evaluate('(defvar *n* 0)');
    for (const expected of [['1:38 => 1'], ['1:38 => 2']]) {
      await editor.actionOutcome(document, '(if', /^Evaluate form$/);
      expect(await shown(document)).toEqual(expected);
    }
    await editor.actionFailure(document, '(if', /^Evaluate form$/);
    expect(await shown(document)).toEqual([]);
  });

  it('with a long or circular value shows a bounded one', async () => {
    editor = await Editor.start();
    const document = editor.open(
      'a.lisp',
      '(let ((x (list 1 2))) (setf (cddr x) x))\n(loop for i below 100000 collect i)\n(make-string 100000 :initial-element #\\a)\n(values)\n',
    );
    for (const form of ['(let', '(loop', '(make-string', '(values'])
      await editor.actionOutcome(document, form, /^Evaluate form$/);
    const [circular, long, string, none] = await hints(document);
    expect(circular!.label).toMatch(/#1=\(1 2 \. #1#\)/);
    for (const hint of [long!, string!]) {
      expect(Array.from(hint.label).length).toBeLessThanOrEqual(90);
      expect(hint.tooltip!.length).toBeLessThanOrEqual(4000);
    }
    expect(none!.label).toBe('=> no values');
  });

  it('says of a value that is too long to be answered whole, in whichever form, that it is truncated', async () => {
    editor = await Editor.start();
    const evaluate = (code: string) =>
      editor.command<{ truncated: boolean; values: string[] }>('repl_eval', { code });
    expect((await evaluate('(make-string 9998)')).truncated).toBe(false);
    for (const code of [
      '(make-string 9999)',
      '(vector (make-string 20000))',
      '(values 1 (make-string 20000)) 2',
    ])
      expect((await evaluate(code)).truncated).toBe(true);
  });

  it('has its place in the negotiated encoding, with CRLF', async () => {
    editor = await Editor.start({
      capabilities: { ...usualCapabilities, general: { positionEncodings: ['utf-8'] } },
    });
    const document = editor.open('a.lisp', ';; a\r\n(list "é🎉")\r\n');
    await editor.actionOutcome(document, '(list', /^Evaluate form$/);
    // ( l i s t blank " é(2) 🎉(4) " )
    expect(await shown(document)).toEqual(['1:15 => ("é🎉")']);
  });

  it('has the editor ask again, if it said that it can be told to', async () => {
    editor = await Editor.start({
      capabilities: {
        ...usualCapabilities,
        workspace: {
          ...(usualCapabilities['workspace'] as object),
          inlayHint: { refreshSupport: true },
        },
      },
    });
    const document = editor.open('a.lisp', '(list 7)\n');
    await editor.actionOutcome(document, '(list', /^Evaluate form$/);
    const asked = () =>
      editor.refreshes.all.filter(method => method === 'workspace/inlayHint/refresh').length;
    await editor.request('textDocument/inlayHint', {
      textDocument: { uri: document.uri },
      range: { start: { line: 0, character: 0 }, end: { line: 9, character: 0 } },
    });
    expect(asked()).toBe(1);
  });
});

describe('a selection', () => {
  it('is evaluated with every form in it, and shows the values of the last', async () => {
    editor = await Editor.start();
    const document = editor.open('a.lisp', '(list\n  (list 1)\n  (list 2) )\n');
    const actions = (await editor.request('textDocument/codeAction', {
      textDocument: { uri: document.uri },
      range: { start: { line: 1, character: 0 }, end: { line: 2, character: 11 } },
      context: { diagnostics: [] },
    })) as CodeAction[];
    const { command } = actions.find(({ title }) => title === 'Evaluate selection')!;
    const { command: name, arguments: args } = command!;
    const result = await editor.outcome(
      await editor.request('workspace/executeCommand', { command: name, arguments: args }),
    );
    expect(result.values).toEqual(['(2)']);
    expect(await shown(document)).toEqual(['2:10 => (2)']);
  });
});

describe('a buffer', () => {
  const text = `(defpackage :sums (:use :cl))
(in-package :sums)
(defun twice (x) (* 2 x))
#+no-such-feature (error "hidden")
(twice 4)
(list '*here* (twice 5))
`;

  it('is evaluated form by form in the packages it names; forms that define nothing show their values', async () => {
    editor = await Editor.start();
    const document = editor.open('sums.lisp', text);
    const result = await editor.actionOutcome(document, '(twice 4', /^Evaluate buffer$/);
    expect(result).toMatchObject({ status: 'applied', values: ['(*HERE* 10)'] });
    expect(await shown(document)).toEqual(['4:9 => 8', '5:24 => (*HERE* 10)']);
    expect(await editor.evaluate('(sums::twice 1)')).toEqual(['2']);
  });

  it('has what it defines found in its file, at its place, by the editor, by other clients of the image and in backtraces', async () => {
    editor = await Editor.start({ settings: { debugger: 'abort' } });
    const document = editor.open(
      'placed.lisp',
      `;;; 🎉 é
(defpackage :placed (:use :cl))
(in-package :placed)
#+no-such-feature (error "hidden")
(defvar *kept* 1)
(defclass thing () ((size :accessor size)))
(defmethod size ((thing cons))
  (car (cdr thing)))
(defun unsafe (x)
  (list (the fixnum (car x))))
`,
    );
    await editor.actionOutcome(document, '(defvar', /^Evaluate buffer$/);
    await seen(document, { '*kept*': [4], thing: [5], size: [5, 6], unsafe: [8] });
    // One form alone, with what is not saved above it.
    document.replace('(defvar *kept* 1)', '(defvar *kept* 1)\n(defvar *more* 2)');
    const notes = (await editor.actionOutcome(document, '(defun unsafe', /^Evaluate form$/)).notes;
    expect(notes).toMatchObject([{ uri: document.uri, range: { start: { line: 9, character: 0 } } }]);
    await seen(document, { '*kept*': [4], thing: [6], size: [6, 7], unsafe: [9] });
  });

  async function seen(document: TextDocument, lines: Record<string, readonly number[]>) {
    const file = fileURLToPath(document.uri);
    for (const [name, expected] of Object.entries(lines)) {
      const found = await editor.command<{ file: string; range: Range }[]>('source_location', {
        symbol: `placed::${name}`,
      });
      const own = found.filter(each => each.file === file).map(({ range }) => range.start.line);
      expect([name, ...new Set(own.sort())]).toEqual([name, ...expected]);
    }
    const [pathname, start] = await editor.evaluate(`
      (let ((source (sb-introspect:find-definition-source #'placed::unsafe)))
        (values (namestring (sb-introspect:definition-source-pathname source))
                (sb-introspect:definition-source-character-offset source)))`);
    expect(pathname).toContain(JSON.stringify(file));
    expect([pathname, start]).toEqual([
      pathname,
      String(Buffer.byteLength(document.text.slice(0, document.text.indexOf('(defun unsafe')))),
    ]);
    const failure = await editor.failure('repl_eval', { code: '(placed::unsafe 1)' });
    const { condition } = failure.data as {
      condition: { backtrace: { text: string; file?: string }[] };
    };
    const frames = condition.backtrace;
    expect(frames.find(({ text: call }) => call.includes('UNSAFE'))).toMatchObject({ file });
    const { files } = await editor.command<{ files: { file: string }[] }>('package_files', {
      package: 'placed',
    });
    expect(files.map(each => each.file)).toEqual([file]);
  }

  it('is not evaluated when it has changed since', async () => {
    editor = await Editor.start();
    const document = editor.open('sums.lisp', text);
    const stale = await editor.failure('eval_buffer', { uri: document.uri, version: 7 });
    expect(stale.kind).toBe('stale');
  });

  it('is refused where the image is read-only or evaluation is denied', async () => {
    editor = await Editor.start({ settings: { image: { readOnly: true } } });
    const document = editor.open('sums.lisp', text);
    expect(await editor.failure('eval_buffer', { uri: document.uri })).toMatchObject({ kind: 'read-only' });
    await editor.finish();
    editor = await Editor.start({ settings: { approval: { eval: 'deny' } } });
    const other = editor.open('sums.lisp', text);
    expect(await editor.failure('eval_buffer', { uri: other.uri })).toMatchObject({
      kind: 'approval-denied',
    });
  });
});

describe('evaluations of a session', () => {
  it('share the history of values and forms', async () => {
    editor = await Editor.start();
    for (const code of ['(values 1 10)', '2', '3']) await editor.evaluate(code);
    expect(await editor.evaluate('(list * ** *** / // ///)')).toEqual(['(3 2 1 (3) (2) (1 10))']);
    expect(await editor.evaluate('(list (first +) ++ +++)')).toEqual(['(LIST 3 2)']);
    expect(await editor.evaluate('(length *)', 'COMMON-LISP-USER')).toEqual(['3']);
    // An error leaves it as it was.
    void editor.expectPrompt(/no/, null);
    await editor.failure('repl_eval', { code: '(error "no")' });
    expect(await editor.evaluate('*')).toEqual(['3']);
  });

  it('have all of their output in the log, also when it comes fast and in small pieces', async () => {
    editor = await Editor.start();
    const result = await editor.command('repl_eval', {
      code: '(dotimes (i 60000) (write-char (code-char (+ 97 (mod i 26)))))',
    });
    expect(result.output).toHaveLength(60_000);
    expect(editor.logs.all.map(({ message }) => message).join('')).toContain(result.output);
  });

  it('have their output in the log while they run', async () => {
    editor = await Editor.start();
    const code = `(progn (defvar *go* (sb-thread:make-semaphore)) (format t "first line~%") (format *error-output* "second~%") (sb-thread:wait-on-semaphore *go* :timeout 50))`;
    const running = editor.command('repl_eval', { code });
    await editor.logs.next('the first line', each => each.message === 'first line' && each.type === 3);
    await editor.logs.next('the second line', each => each.message === 'second' && each.type === 2);
    await editor.evaluate('(sb-thread:signal-semaphore *go*)');
    expect((await running).output).toBe('first line\nsecond\n');
  });
});

describe('an evaluation that does not come to its end', () => {
  it('says what the code has done: read-time code that signals, a thread that was left', async () => {
    editor = await Editor.start({ settings: { debugger: 'abort' } });
    const read = await editor.command('repl_eval', { code: '(list 1) (list #.(car 7))' });
    expect(read).toMatchObject({ status: 'failed', values: [] });
    expect(read.notes).toMatchObject([
      {
        severity: 'error',
        message: expect.stringMatching(
          /^Code that runs while it is read signalled COMMON-LISP:TYPE-ERROR: The value\s+7/,
        ) as string,
      },
    ]);
    expect(await editor.failure('repl_eval', { code: '(sb-thread:abort-thread)' })).toMatchObject({
      kind: 'debugger-aborted',
      message: expect.stringMatching(/ended the thread in which it ran, by EXIT, ABORT-THREAD/) as string,
    });
    expect(await editor.evaluate('(+ 1 1)')).toEqual(['2']);
  });
});
