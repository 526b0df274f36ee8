/** The agent alone, over its socket, without the server: what every program that speaks the wire contract can rely on. */
import fc from 'fast-check';
import { existsSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROTOCOL_DIGEST } from '../../server/image/digest.ts';
import { staleFiles } from '../../server/tools/generate.ts';
import {
  type Client,
  compileAgent,
  Image,
  lispDirectory,
  removeAgent,
  scratch,
} from '../support/agentImage.ts';

beforeAll(compileAgent);
afterAll(removeAgent);

describe('one image', () => {
  let served: Image;
  let client: Client;
  beforeAll(async () => {
    served = await Image.start();
    client = await served.connect();
  });
  afterAll(() => served.end());

  test('the socket is the user’s alone: mode 0600 in a directory of mode 0700', () => {
    expect(lstatSync(served.socketFile).mode & 0o777).toBe(0o600);
    expect(lstatSync(path.dirname(served.socketFile)).mode & 0o777).toBe(0o700);
    expect(path.basename(served.socketFile)).toMatch(new RegExp(`^${served.child.pid}-[0-9a-f]{8}\\.sock$`));
  });

  test('hello says which image this is, and the same to every connection', async () => {
    const hello = await client.call('hello', { digest: PROTOCOL_DIGEST, client: 'test', roots: [] });
    expect(hello).toMatchObject({
      digest: PROTOCOL_DIGEST,
      pid: served.child.pid,
      implementation: 'SBCL',
      readOnly: false,
      belongs: false,
      generation: 0,
    });
    expect(hello.features).toContain('SBCL');
    expect(hello.missing).toEqual([]);
    const other = await served.connect();
    expect((await other.call('hello', { digest: '', client: 'other', roots: [] })).image).toBe(hello.image);
  });

  test('an image belongs to the workspace that holds its directory or a file its code came from', async () => {
    const project = path.join(scratch, 'project é');
    mkdirSync(project, { recursive: true });
    writeFileSync(path.join(project, 'code.lisp'), '(defun cl-user::from-project () 1)');
    const belongs = async (root: string) =>
      (await client.call('hello', { digest: '', client: 'test', roots: [root] })).belongs;
    expect(await belongs(process.cwd())).toBe(true);
    expect(await belongs(process.cwd().slice(0, -1))).toBe(false);
    expect(await belongs(project)).toBe(false);
    await client.eval(`(load (compile-file "${project}/code.lisp" :output-file "${scratch}/code.fasl"))`);
    expect(await belongs(project)).toBe(true);
    expect(await belongs(`${project}/`)).toBe(true);
  });

  test('every form’s values are answered, and the REPL’s variables stay with the connection', async () => {
    const result = await client.eval('(+ 1 2) (values 3 "x") (values)');
    expect(result).toMatchObject({
      status: 'evaluated',
      results: [['3'], ['3', '"x"'], []],
      values: [],
      output: '',
      truncated: false,
      package: 'COMMON-LISP-USER',
    });
    expect((await client.eval('(list * ** ***)')).values).toEqual(['(NIL 3 3)']);
    const other = await served.connect();
    expect((await other.eval('(list * ** ***)')).values).toEqual(['(NIL NIL NIL)']);
  });

  test('a form is read after those before it have run', async () => {
    const result = await client.eval(
      '(defpackage :made-here (:use :cl)) (in-package :made-here) (defun f () :x) made-here::f',
    );
    expect(result).toMatchObject({ status: 'signalled', package: 'MADE-HERE' });
    expect((await client.eval("'f", { package: 'MADE-HERE' })).values).toEqual(['F']);
  });

  test('circular, deep and very long values are printed within bounds', async () => {
    const result = await client.eval(
      '(let ((l (list 1))) (setf (cdr l) l)) (make-string 100000 :initial-element #\\a) (loop repeat 1000 collect 1) (let ((x 1)) (dotimes (i 100 x) (setf x (list x))))',
    );
    expect(result.results[0]).toEqual(['#1=(1 . #1#)']);
    for (const [text] of result.results) expect(text!.length).toBeLessThanOrEqual(10_000);
  });

  test('a value whose printing fails is named instead', async () => {
    const result = await client.eval(
      '(defclass bad () ()) (defmethod print-object ((x bad) stream) (error "no")) (make-instance (quote bad))',
    );
    expect(result.values[0]).toMatch(
      /^#<an object of type COMMON-LISP-USER::BAD, printing which signalled SIMPLE-ERROR>$/,
    );
  });

  test('output arrives as events in its order, and once more in the result', async () => {
    const id = client.start('eval', {
      code: '(format t "h\u00e9 \u{1F600}~%") (format *error-output* "err") (princ 3) (write-line "t" *trace-output*)',
      outputLimit: 1000,
    });
    const reply = await client.reply(id);
    expect(reply.ok).toMatchObject({ output: 'h\u00e9 \u{1F600}\nerr3t\n', truncated: false });
    expect(client.textOf(id)).toBe('h\u00e9 \u{1F600}\nerr3t\n');
    expect(client.events.filter(event => event.id === id).map(event => event.data.stream)).toEqual([
      'stdout',
      'stderr',
      'stdout',
    ]);
  });

  test('a line is seen while the code that printed it goes on', async () => {
    const id = client.start('eval', {
      code: '(write-line "one") (write-line "two") (write-string "three") (loop)',
      outputLimit: 1000,
    });
    await client.until(
      () => (client.textOf(id) === 'one\ntwo\nthree' ? true : undefined),
      'the unfinished line',
    );
    await client.cancel(id);
  });

  test('output beyond the limit is dropped, and said to be', async () => {
    const id = client.start('eval', { code: '(loop repeat 100 do (write-line "1234567"))', outputLimit: 20 });
    expect((await client.reply(id)).ok).toMatchObject({
      status: 'evaluated',
      output: '1234567\n1234567\n1234',
      truncated: true,
    });
    expect(client.textOf(id)).toBe('1234567\n1234567\n1234');
  });

  test('any text goes there and back unchanged', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async text => {
        const code = `(write-string "${text.replace(/["\\]/g, '\\$&')}")`;
        expect((await client.eval(code)).output).toBe(text);
      }),
      { numRuns: 150 },
    );
  });

  test('there is nothing to read', async () => {
    const result = await client.eval('(read-line)');
    expect(result).toMatchObject({ status: 'signalled', condition: { type: 'COMMON-LISP:END-OF-FILE' } });
  });

  test('an error is described where it was signalled: type, text, frames, their file and byte offset', async () => {
    const file = path.join(scratch, 'inner é.lisp');
    writeFileSync(
      file,
      ';; \u00e9\n(in-package :cl-user)\n(defun inner (x) (error "no ~a" x))\n(defun outer (x) (list (inner x)))\n',
    );
    await client.eval(`(load (compile-file "${file}" :output-file "${scratch}/inner.fasl"))`);
    const { status, condition } = await client.eval('(outer 7)');
    expect(status).toBe('signalled');
    expect(condition).toMatchObject({ type: 'COMMON-LISP:SIMPLE-ERROR', text: 'no 7' });
    expect(condition!.backtrace.slice(0, 2)).toEqual([
      { number: 0, text: '(INNER 7)', file, byteOffset: 27 },
      { number: 1, text: '(OUTER 7)', file, byteOffset: 63 },
    ]);
    expect(condition!.backtrace.map(frame => frame.text).join('\n')).not.toMatch(/HOTLISP/);
  });

  test.each([
    ['(handler-case (error "x") (error () :handled))', ':HANDLED'],
    ['(ignore-errors (parse-integer "x"))', 'NIL'],
    ['(signal "nobody minds")', 'NIL'],
    ['(handler-bind ((warning #\'muffle-warning)) (warn "quiet") 1)', '1'],
  ])('what the code handles itself is not disturbed: %s', async (code, value) => {
    const result = await client.eval(code);
    expect(result).toMatchObject({ status: 'evaluated', notes: [], output: '' });
    expect(result.values[0]).toBe(value);
  });

  test('warnings do not stop an evaluation and are answered as notes', async () => {
    const result = await client.eval('1 (warn "look ~a" 2) (defun unused-here (x) 1) 5');
    expect(result.values).toEqual(['5']);
    expect(result.notes).toMatchObject([
      {
        severity: 'warning',
        message: 'look 2',
        condition: 'COMMON-LISP:SIMPLE-WARNING',
        form: 0,
        start: 2,
        end: 20,
      },
      { severity: 'style-warning', start: 21, end: 46 },
    ]);
  });

  test.each([
    ['(list 1', 0, 7, 0],
    ['1 2 (list 1', 4, 11, 2],
    ['"\u{1F600}" )', 4, 5, 1],
    ['(no-such-package:x)', 0, 18, 0],
  ])('text that cannot be read is reported with its place: %s', async (code, start, end, ran) => {
    const result = await client.eval(code);
    expect(result.status).toBe('unreadable');
    expect(result.results).toHaveLength(ran);
    expect(result.notes).toMatchObject([{ severity: 'error', form: 0, start, end }]);
    if (ran > 0) expect(result.notes[0]!.message).toContain(`${ran} form`);
  });

  test('an unknown package is an error, never another package', async () => {
    expect(
      await client.refusal('eval', { code: '(print 1)', package: 'NO-SUCH', outputLimit: 10 }),
    ).toMatchObject({
      kind: 'unknown-package',
      message: expect.stringContaining('NO-SUCH') as string,
    });
  });

  test.each([
    ['(abort)', { ok: { status: 'signalled' } }],
    ['(sb-thread:abort-thread)', { ok: { status: 'signalled' } }],
    [
      "(throw 'nowhere 1)",
      { ok: { status: 'signalled', condition: { type: 'SB-INT:SIMPLE-CONTROL-ERROR' } } },
    ],
    [
      '(labels ((f (x) (1+ (f x)))) (f 1))',
      { ok: { status: 'signalled', condition: { type: 'SB-KERNEL::CONTROL-STACK-EXHAUSTED' } } },
    ],
    [
      '(make-array 100000000000)',
      { ok: { status: 'signalled', condition: { type: 'SB-KERNEL::HEAP-EXHAUSTED-ERROR' } } },
    ],
    [
      '(break "here")',
      { ok: { status: 'signalled', condition: { type: 'COMMON-LISP:SIMPLE-CONDITION', text: 'here' } } },
    ],
    [
      '(define-condition mean (error) () (:report (lambda (c s) (error c)))) (error (quote mean))',
      { ok: { status: 'signalled', condition: { type: 'COMMON-LISP-USER::MEAN' } } },
    ],
  ])('there is one reply, whatever the code does, and the next request works: %s', async (code, expected) => {
    expect(await client.reply(client.start('eval', { code, outputLimit: 1000 }))).toMatchObject(expected);
    expect((await client.eval('(+ 40 2)')).values).toEqual(['42']);
    expect(client.replies).toEqual([]);
  });

  test.each([
    '(loop)',
    '(sleep 1000)',
    '(loop (handler-case (loop) (serious-condition () nil)))',
    '(loop (ignore-errors (sleep 100)))',
    '(sb-thread:wait-on-semaphore (sb-thread:make-semaphore))',
    '(loop (princ "x"))',
  ])('a running request can be cancelled, and the next one works: %s', async code => {
    const id = await client.begin(code);
    expect(await client.cancel(id)).toMatchObject({ error: { kind: 'cancelled' } });
    expect((await client.eval('(+ 1 1)')).values).toEqual(['2']);
  });

  test('cancelling runs the cleanup forms', async () => {
    const id = await client.begin('(unwind-protect (progn (go) (loop)) (defparameter cl-user::*cleaned* t))');
    await client.cancel(id);
    expect((await client.eval('cl-user::*cleaned*')).values).toEqual(['T']);
  });

  test('a request that has just been sent can be cancelled at once', async () => {
    for (let round = 0; round < 50; round++) {
      const id = client.start('eval', { code: '(loop)', outputLimit: 10 });
      expect(await client.cancel(id)).toMatchObject({ error: { kind: 'cancelled' } });
    }
  });

  test('cancelling requests as they end leaves one reply for each and the connection alive', async () => {
    for (let round = 0; round < 200; round++) {
      const id = client.start('eval', { code: '(dotimes (i 1000) (random 10))', outputLimit: 10 });
      const cancel = client.start('cancel', { request: id });
      const reply = await client.reply(id);
      expect(reply.error?.kind ?? 'ok').toMatch(/^(ok|cancelled)$/);
      expect((await client.reply(cancel)).ok).toHaveProperty('found');
    }
    expect((await client.eval('1')).values).toEqual(['1']);
    expect(client.replies).toEqual([]);
  });

  test('cancelling what is done, or never was, finds nothing', async () => {
    expect(await client.call('cancel', { request: 123_456_789 })).toEqual({ found: false });
  });

  test.each([
    ['{', null],
    ['[]', null],
    ['nonsense', null],
    ['{"id":"x"}', null],
    ['{"id":-1,"op":"hello"}', null],
    ['{"id":70000}', 70000],
    ['{"id":70001,"op":"no-such"}', 70001],
    ['{"id":70002,"op":"source","args":{}}', 70002],
    ['{"id":70003,"op":"source","args":{"symbol":"x","surprise":1}}', 70003],
    ['{"id":70004,"op":"eval","args":{"code":1,"outputLimit":1}}', 70004],
    ['{"id":70005,"op":"eval","args":{"code":"1","outputLimit":1.5}}', 70005],
    ['{"id":70006,"op":"hello","arguments":{}}', 70006],
    ['['.repeat(100_000), null],
    [Buffer.from([0xff, 0xfe, 0xc0]), null],
  ])('garbage is refused and the connection survives: %s', async (line, id) => {
    client.raw(line);
    expect((await client.reply(id)).error).toMatchObject({ kind: 'invalid-request' });
    expect((await client.eval('1')).values).toEqual(['1']);
  });

  test('a refusal names the key and what is wrong with it', async () => {
    expect(
      (await client.refusal('apply', { transaction: 't', generation: 0, forms: [{ text: 3 }] })).message,
    ).toMatch(/^args\.forms\[0\]\.text: a string expected/);
    expect((await client.refusal('undo', { transaction: 't', force: 'yes' })).message).toMatch(
      /^args\.force: true or false expected/,
    );
  });

  test('two connections work at once; one that loops or does not read holds up nobody', async () => {
    const other = await served.connect();
    const id = await other.begin('(loop)');
    const deaf = await served.connect();
    deaf.socket.pause();
    deaf.start('eval', { code: '(loop (write-line (make-string 1000)))', outputLimit: 1_000_000_000 });
    for (let round = 0; round < 20; round++) expect((await client.eval('(+ 1 1)')).values).toEqual(['2']);
    expect(await other.cancel(id)).toMatchObject({ error: { kind: 'cancelled' } });
    deaf.socket.destroy();
  });

  test('what a client that is gone has left running is cancelled', async () => {
    await client.eval('(defparameter cl-user::*left* (sb-thread:make-semaphore))');
    const other = await served.connect();
    await other.begin('(unwind-protect (progn (go) (loop)) (sb-thread:signal-semaphore cl-user::*left*))');
    other.socket.destroy();
    expect(
      (await client.eval('(and (sb-thread:wait-on-semaphore cl-user::*left* :timeout 20) t)')).values,
    ).toEqual(['T']);
  });

  test('a message of several megabytes is taken', async () => {
    const text = 'x\u00e9'.repeat(1_500_000);
    expect((await client.eval(`(length "${text}")`)).values).toEqual(['3000000']);
  });

  test('source answers every definition with its file, the number of its form and, for functions, the byte offset', async () => {
    const file = path.join(scratch, 'source.lisp');
    const text = [
      ';; \u00e9\u{1F600}',
      '(defpackage :sources (:use :cl))',
      '(in-package :sources)',
      '(defun thing (x) x)',
      '(defun (setf thing) (new x) (list new x))',
      '(defclass thing () ())',
      '(defgeneric area (x))',
      '(defmethod area ((x thing)) 1)',
      '(defmethod area :around ((x (eql 3))) (call-next-method))',
      '(defparameter *it* 1)',
      '(defmacro with-it (&body body) `(progn ,@body))',
      '',
    ].join('\n');
    writeFileSync(file, text);
    await client.eval(`(load (compile-file "${file}" :output-file "${scratch}/source.fasl"))`);
    // SBCL records where it began to read: the end of the form before. And that, and the file's date, for functions and macros alone.
    const offset = (line: string) => Buffer.byteLength(text.slice(0, text.indexOf(line))) - 1;
    const locations = async (symbol: string) =>
      (await client.call('source', { symbol, package: 'SOURCES' })).locations;
    const place = { package: 'SOURCES', file };
    const read = { ...place, fileWriteDate: expect.any(Number) as number };
    expect(await locations('thing')).toEqual([
      { kind: 'function', name: 'THING', ...read, byteOffset: offset('(defun thing'), form: 2 },
      { kind: 'class', name: 'THING', ...place, form: 4 },
      { kind: 'function', name: '(SETF THING)', ...read, byteOffset: offset('(defun (setf'), form: 3 },
    ]);
    const area = await locations('sources::area');
    expect(area.sort((a, b) => a.form! - b.form!)).toEqual([
      { kind: 'generic-function', name: 'AREA', ...place, form: 5 },
      { kind: 'method', name: 'AREA (THING)', ...place, form: 6 },
      { kind: 'method', name: 'AREA :AROUND ((EQL 3))', ...place, form: 7 },
    ]);
    expect(await locations('*IT*')).toEqual([{ kind: 'variable', name: '*IT*', ...place, form: 8 }]);
    expect(await locations('with-it')).toEqual([
      { kind: 'macro', name: 'WITH-IT', ...read, byteOffset: offset('(defmacro'), form: 9 },
    ]);
  });

  test('source neither interns nor evaluates what it is asked about', async () => {
    expect(await client.refusal('source', { symbol: 'cl-user::never-seen-before' })).toMatchObject({
      kind: 'unknown-symbol',
      message: expect.stringContaining('NEVER-SEEN-BEFORE in package COMMON-LISP-USER') as string,
    });
    expect((await client.eval('(find-symbol "NEVER-SEEN-BEFORE" :cl-user)')).values[0]).toBe('NIL');
    for (const symbol of ['#.(defparameter cl-user::*ran* t)', '(foo)', '', '"x"'])
      expect((await client.refusal('source', { symbol })).kind).toBe('unknown-symbol');
    expect((await client.refusal('source', { symbol: 'no-such-package:x' })).kind).toBe('unknown-package');
    expect((await client.eval('(find-symbol "*RAN*" :cl-user)')).values[0]).toBe('NIL');
    expect(await client.refusal('source', { symbol: 'car', package: 'NO-SUCH' })).toMatchObject({
      kind: 'unknown-package',
    });
  });

  test('what SBCL defines itself is answered without a file that is not there', async () => {
    const { locations } = await client.call('source', { symbol: 'car' });
    expect(locations.map(location => location.kind)).toContain('function');
    for (const { file } of locations) if (file !== undefined) expect(existsSync(file)).toBe(true);
  });

  test('threads keep their ids and tell the main one', async () => {
    const first = (await client.call('threads', {})).threads;
    const second = (await client.call('threads', {})).threads;
    expect(first.filter(thread => thread.main)).toHaveLength(1);
    expect(first.every(thread => thread.runs === undefined)).toBe(true);
    const main = first.find(thread => thread.main)!;
    expect(second).toContainEqual(main);
    expect(new Set(second.map(thread => thread.id)).size).toBe(second.length);
  });

  test('who is inside a function is told, blocked or computing, and who only was is not', async () => {
    await client.eval(`
      (defvar cl-user::*stop* nil)
      (defun cl-user::leaf () (format nil "~a ~a" (list 1 2 3) (make-array 3)))
      (defun cl-user::middle () (list (cl-user::leaf) 1))
      (defun cl-user::waiting () (sb-thread:wait-on-semaphore (sb-thread:make-semaphore)) 1)
      (defun cl-user::outer () (cl-user::middle) (list (cl-user::waiting)))
      (defun cl-user::computing () (loop until cl-user::*stop*))
      (defgeneric cl-user::slow (x))
      (defmethod cl-user::slow ((x integer)) (list (cl-user::waiting)))
      (defvar cl-user::*returns* 0)
      (defun cl-user::in-foreign-code ()
        (loop (sb-alien:alien-funcall (sb-alien:extern-alien "usleep" (function sb-alien:int sb-alien:unsigned-int)) 900000000)
              (incf cl-user::*returns*)))
      (defparameter cl-user::*threads*
        (list (sb-thread:make-thread 'cl-user::outer :name "blocked")
              (sb-thread:make-thread 'cl-user::computing :name "computing")
              (sb-thread:make-thread (lambda () (cl-user::slow 1) 1) :name "method")
              (sb-thread:make-thread 'cl-user::in-foreign-code :name "foreign")))`);
    const names = ['blocked', 'computing', 'method', 'foreign'];
    const inside = async (symbol: string) =>
      Object.fromEntries(
        (await client.call('threads', { symbol })).threads
          .filter(({ name }) => names.includes(name))
          .map(({ name, runs }) => [name, runs]),
      );
    const all = { blocked: 'no', computing: 'no', method: 'no', foreign: 'no' };
    await expect
      .poll(() => inside('cl-user::waiting'), { timeout: 20_000 })
      .toEqual({ ...all, blocked: 'yes', method: 'yes' });
    expect(await inside('cl-user::outer')).toEqual({ ...all, blocked: 'yes' });
    expect(await inside('cl-user::computing')).toEqual({ ...all, computing: 'yes' });
    expect(await inside('cl-user::slow')).toEqual({ ...all, method: 'yes' });
    expect(await inside('cl-user::middle')).toEqual(all);
    expect(await inside('cl-user::leaf')).toEqual(all);
    await expect
      .poll(() => inside('cl-user::in-foreign-code'), { timeout: 20_000 })
      .toEqual({ ...all, foreign: 'yes' });
    // Asking must not make the foreign call return early. Only the garbage collector may, so this needs a while without one.
    const state = async () =>
      (await client.eval('(setf cl-user::*now* (list cl-user::*returns* sb-ext:*gc-run-time*))')).values[0]!;
    await client.eval('(defvar cl-user::*now* nil)');
    await expect
      .poll(
        async () => {
          const before = (await state()).split(' ');
          await inside('cl-user::computing');
          const after = (await state()).split(' ');
          return before[1] === after[1] ? [before[0], after[0]] : 'the garbage collector ran';
        },
        { timeout: 20_000 },
      )
      .toSatisfy((seen: unknown) => Array.isArray(seen) && seen[0] === seen[1]);
    await client.eval(
      "(setf cl-user::*stop* t) (mapc #'sb-thread:terminate-thread (remove \"computing\" cl-user::*threads* :key #'sb-thread:thread-name :test #'string=))",
    );
  });

  test('threads refuses what it does not know', async () => {
    expect((await client.refusal('threads', { symbol: 'cl-user::nobody-named-this' })).kind).toBe(
      'unknown-symbol',
    );
    expect((await client.refusal('threads', { transaction: 'none' })).kind).toBe('unknown-transaction');
  });

  test('serving twice gives the socket there is', async () => {
    expect((await client.eval('(hotlisp:serve)')).values).toEqual([JSON.stringify(served.socketFile)]);
  });

  test('the same requests can come through another server’s thread', async () => {
    const message = (request: object) => JSON.stringify(JSON.stringify(request));
    const result = await client.eval(`
      (defparameter cl-user::*events* '())
      (hotlisp:receive ${message({ session: 's', id: 1, op: 'eval', args: { code: '(princ "x\u00e9") (list 1 2)', outputLimit: 10 } })}
                       (lambda (event) (push event cl-user::*events*)))
      (first cl-user::*events*)
      (hotlisp:receive ${message({ session: 's', id: 1, op: 'eval', args: { code: '(list *) (error "x")', outputLimit: 10 } })} #'identity)
      (hotlisp:receive "{" #'identity)
      (hotlisp:receive ${message({ session: 's', id: 2, op: 'hello', args: { digest: '', client: '', roots: [] } })} (lambda (event) (error "bad sender ~a" event)))`);
    expect(result.status).toBe('evaluated');
    const [, reply, event, failed, garbage, hello] = result.results.map(
      ([text]) =>
        JSON.parse(
          JSON.parse(text!.startsWith('"') ? text!.replaceAll('\n', '\\n') : '"0"') as string,
        ) as Record<string, unknown>,
    );
    expect(reply).toMatchObject({ id: 1, ok: { values: ['(1 2)'] } });
    expect(event).toMatchObject({ id: 1, event: 'output', data: { text: 'x\u00e9' } });
    expect(failed).toMatchObject({ id: 1, ok: { status: 'signalled', results: [['((1 2))']] } });
    expect(garbage).toMatchObject({ id: null, error: { kind: 'invalid-request' } });
    expect(hello).toMatchObject({ id: 2, ok: { pid: served.child.pid } });
  });

  test('a request in another server’s thread is cancelled by a second one of the same session', async () => {
    const message = (request: object) => JSON.stringify(JSON.stringify(request));
    const result = await client.eval(`
      (let* ((begun (sb-thread:make-semaphore))
             (thread (sb-thread:make-thread
                       (lambda ()
                         (hotlisp:receive ${message({ session: 'c', id: 7, op: 'eval', args: { code: '(princ 1) (finish-output) (loop)', outputLimit: 10 } })}
                                          (lambda (event) (declare (ignore event)) (sb-thread:signal-semaphore begun)))))))
        (sb-thread:wait-on-semaphore begun :timeout 20)
        (list (search "false" (hotlisp:receive ${message({ session: 'other', id: 8, op: 'cancel', args: { request: 7 } })} #'identity))
              (search "true" (hotlisp:receive ${message({ session: 'c', id: 9, op: 'cancel', args: { request: 7 } })} #'identity))
              (search "cancelled" (sb-thread:join-thread thread :timeout 20))))`);
    expect(result.values[0]).toMatch(/^\(\d+ \d+ \d+\)$/);
  });
});

test('the generated files are those of the wire contract', () => {
  expect(staleFiles()).toEqual([]);
});

test('internals of SBCL are named in compat.lisp alone', () => {
  const names = readFileSync(path.join(lispDirectory, 'files.txt'), 'utf8')
    .split('\n')
    .filter(name => name !== '' && name !== 'compat');
  for (const name of names) {
    const code = readFileSync(path.join(lispDirectory, `${name}.lisp`), 'utf8')
      .replace(/"(?:[^"\\]|\\[^])*"/g, '""')
      .replace(/;.*$/gm, '')
      .replace(/#\\:/g, '');
    expect({
      name,
      found: code.match(/[\w%*+-]+::[^\s()]*|\bsb-(?:impl|c|kernel|di|sys|unix|vm|pcl|int|fasl)\b:?\S*/gi),
    }).toEqual({ name, found: null });
  }
});
