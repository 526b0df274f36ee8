/** An image whose program has loaded and serves an agent of its own, when a server attaches through Swank. */
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HotlispError } from '../../server/errors.ts';
import { lispDir, ManagedImage, Surroundings, valuesOf } from '../support/images.ts';
import { lispString } from '../support/lspClient.ts';
import { printSexp } from '../support/sexp.ts';
import { SwankClient } from '../support/swankClient.ts';
import { startUserImage, swankServer, type UserImage } from '../support/userImage.ts';

const withAgent = `${swankServer}
  (asdf:load-asd ${lispString(path.join(lispDir, 'hotlisp.asd'))})
  (let ((*standard-output* (make-broadcast-stream)) (*error-output* (make-broadcast-stream)))
    (asdf:load-system "hotlisp"))`;
/** As another version of the agent would be: another contract, and structures that the present one would not take. */
const otherVersion = `(setf (getf (symbol-value (find-symbol "*CONTRACT*" "HOTLISP")) :digest) "of another version")`;
const serve = `(format t "SOCKET ~a~%" (funcall (find-symbol "SERVE" "HOTLISP")))`;

let surroundings: Surroundings;
let program: UserImage;
let managed: ManagedImage;
let bySocket: ManagedImage;

beforeEach(() => {
  surroundings = new Surroundings();
  managed = new ManagedImage(surroundings);
  bySocket = new ManagedImage(surroundings);
});
afterEach(async () => {
  await managed.manager.dispose();
  await bySocket.manager.dispose();
  await program.stop();
  surroundings.remove();
});

const start = async (...forms: string[]): Promise<void> => {
  program = await startUserImage([withAgent, ...forms].join('\n'), { env: surroundings.environment });
};
const attach = () => managed.connect({ mode: 'attach', address: `127.0.0.1:${program.ports['swank']}` });
const socket = () => /^SOCKET (.*)$/m.exec(program.output())![1]!;
const ask = async (form: string): Promise<string> => {
  const slime = await SwankClient.connect(program.ports['swank']!);
  try {
    return printSexp(await slime.rex(form));
  } finally {
    slime.close();
  }
};
const redefined = '(cl:eq hotlisp::*handlers* cl-user::*before*)';
const remember = '(defparameter cl-user::*before* (symbol-value (find-symbol "*HANDLERS*" "HOTLISP")))';

describe('an agent that the program has loaded itself', () => {
  it('is used as it is while it serves, where it speaks this server’s contract; both ways in go on working', async () => {
    await start(serve, '(defparameter cl-user::*receive* (fdefinition (find-symbol "RECEIVE" "HOTLISP")))');
    const first = await bySocket.connect({ mode: 'attach', address: `unix:${socket()}` });
    expect(await valuesOf(first, '(defvar cl-user::*shared* 7)')).toEqual(['*SHARED*']);
    const image = await attach();
    expect(await valuesOf(image, 'cl-user::*shared*')).toEqual(['7']);
    expect(await valuesOf(first, '(list 1 2)')).toEqual(['(1 2)']);
    expect(await ask('(cl:eq cl-user::*receive* (cl:fdefinition (cl:quote hotlisp:receive)))')).toBe('t');
    const again = await bySocket.manager.restart();
    expect(await valuesOf(again, 'cl-user::*shared*')).toEqual(['7']);
  });

  it('that serves and is of another version is left alone, and attaching says what to do', async () => {
    await start(serve, otherVersion, remember);
    const error = (await attach().catch((thrown: unknown) => thrown)) as HotlispError;
    expect(error.kind).toBe('no-image');
    expect(error.message).toContain(`it serves at unix:${socket()}`);
    expect(error.message).toContain('(hotlisp:stop-serving)');
    expect(await ask(redefined)).toBe('t');
    // Once it serves nobody, it can be replaced.
    expect(await ask('(hotlisp:stop-serving)')).toBe('t');
    expect(await valuesOf(await attach(), '(+ 1 1)')).toEqual(['2']);
  });

  it('that is replaced leaves the image what it was; what it did cannot be taken back, and why is said', async () => {
    await start();
    const first = await attach();
    const text = '(defun cl-user::kept () 1)';
    const form = {
      text,
      package: 'COMMON-LISP-USER',
      byteOffset: 0,
      line: 0,
      column: 0,
      index: 0,
      digest: 'd',
    };
    const whole = { ...form, definitions: [{ kind: 'function' as const, name: 'kept' }], evaluates: false };
    const { generation } = await first.call('check', { forms: [whole], threads: false });
    await first.call('apply', { transaction: 'before', generation, forms: [whole] });
    await managed.manager.disconnect();
    await ask('(cl:setf hotlisp::*agent-digest* "of another version")');
    const second = await attach();
    expect(second.hello.image).toBe(first.hello.image);
    await expect(second.call('undo', { transaction: 'before', force: false })).rejects.toThrow(
      /before the agent of this one was replaced by that of another version.*hotlisp\.history/,
    );
  });

  it('that nobody uses is replaced, though its structures were others', async () => {
    await start(
      otherVersion,
      `(let ((*package* (find-package "HOTLISP")))
         (funcall (find-symbol "SESSION-NAMED" "HOTLISP") "old")
         (handler-bind ((error #'continue) (warning #'muffle-warning))
           (eval (read-from-string "(defstruct (request (:copier nil) (:predicate nil)) id odd)"))))`,
      '(defparameter cl-user::*serve* (find-symbol "SERVE" "HOTLISP"))',
    );
    const image = await attach();
    expect(await valuesOf(image, '(+ 1 1)')).toEqual(['2']);
    // What the program was compiled with is this server's agent now.
    const path = (await valuesOf(image, '(funcall cl-user::*serve*)'))[0]!;
    const served = await bySocket.connect({ mode: 'attach', address: `unix:${path.slice(1, -1)}` });
    expect(await valuesOf(served, '(+ 2 2)')).toEqual(['4']);
  });
});
