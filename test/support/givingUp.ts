/** Giving up operations midway, as a person does: by cancelling the request, or its progress. */
import { readFileSync } from 'node:fs';
import type { RpcError } from './jsonRpc.ts';
import { NEVER, type Editor } from './lspClient.ts';
import type { OperationResult } from './lspTypes.ts';
import { pause } from './wait.ts';

/** Code that stops where it is told to, for as long as it is let. */
export const hold = `(defpackage #:hold (:use #:common-lisp) (:export #:here #:at #:verify #:*verify*))
(in-package #:hold)
(defvar *at* nil)
(defvar *verify* nil)
(defun at () *at*)
(defun here (step) (setf *at* step) (unwind-protect (sleep 100) (setf *at* nil)))
(defun verify () (when *verify* (here :verify)) t)
`;

/** Where an operation is given up. */
export type Step = 'prompt' | 'compile' | 'load' | 'verify';
export type How = 'request' | 'progress';

/** Resolves once the code that stops is at the step. */
export async function isAt(editor: Editor, step: Step): Promise<void> {
  for (const end = Date.now() + 20_000; ; await pause(20)) {
    const [at] = await editor.evaluate('(hold:at)');
    if (at === `:${step.toUpperCase()}`) return;
    if (Date.now() > end) throw new Error(`${step} was not reached, but ${at}`);
  }
}

export interface Entry {
  readonly event: string;
  readonly operation: string;
  readonly decision?: string;
  readonly reason?: string;
  readonly outcome?: { readonly status: string; readonly message?: string };
}

/** What the journal says of the operation, in order. */
export async function journalled(editor: Editor, operation: string): Promise<Entry[]> {
  const { journal } = await editor.command<{ journal: string }>('history', { limit: 1 });
  return readFileSync(journal, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Entry)
    .filter(entry => entry.operation === operation);
}

/**
 * Runs the operation and gives it up, by the request or by its progress, at the step or once `reached` resolves; what it came to.
 * Its prompt is approved, but at the step `prompt`.
 */
export async function giveUp(
  editor: Editor,
  name: string,
  argument: Record<string, unknown>,
  how: How,
  step: Step | (() => Promise<void>),
  afterwards: () => void = () => undefined,
): Promise<RpcError | OperationResult> {
  const seen = editor.expectPrompt(/./, step === 'prompt' ? NEVER : 'Approve');
  const there = () => (step === 'prompt' ? seen : typeof step === 'string' ? isAt(editor, step) : step());
  if (how === 'request') {
    const { id, reply } = editor.rpc.start('workspace/executeCommand', {
      command: `hotlisp.${name}`,
      arguments: [argument],
    });
    const settled = reply.catch((error: unknown) => error);
    await Promise.race([there(), settled.then(early => Promise.reject(new Error(JSON.stringify(early))))]);
    editor.rpc.notify('$/cancelRequest', { id });
    afterwards();
    return (await settled) as RpcError | OperationResult;
  }
  const from = editor.progress.all.length;
  const pending = await editor.command<{ request: number }>(name, { ...argument, background: true });
  await there();
  const { token } = await editor.progress.next('a progress', ({ value }) => value.kind === 'begin', from);
  editor.rpc.notify('window/workDoneProgress/cancel', { token });
  afterwards();
  return editor
    .command<OperationResult>('outcome', { request: pending.request, wait: true })
    .catch((error: unknown) => error as RpcError);
}
