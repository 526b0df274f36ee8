/** What an image holds that changes may leave behind. */
import type { Editor } from './lspClient.ts';
import type { OperationResult } from './lspTypes.ts';
import { programs } from './underLoad.ts';

/** Encapsulated functions, threads, symbols and packages there are, and bytes in use once garbage is collected. */
export interface Held {
  readonly encapsulated: number;
  readonly threads: number;
  readonly symbols: number;
  readonly packages: number;
  readonly bytes: number;
}

export async function held(editor: Editor): Promise<Held> {
  const [printed] = await editor.evaluate(`(progn
    ;; What a rollback needs is kept on purpose, for a number of transactions that has an end: let go of it to see the rest.
    (clrhash hotlisp::*transactions*) (setf hotlisp::*transaction-order* '())
    (loop repeat 2 do (sb-ext:gc :full t))
    (let ((encapsulated 0) (symbols 0))
      (do-all-symbols (symbol)
        (incf symbols)
        (dolist (name (list symbol (list 'setf symbol)))
          (when (and (fboundp name) (sb-int:encapsulated-p name 'hotlisp)) (incf encapsulated))))
      (list encapsulated
            ;; A thread of a request that was answered may still be on its way out.
            (loop repeat 20 minimize (length (remove-if #'sb-thread::thread-ephemeral-p (sb-thread:list-all-threads))) do (sleep 0.05))
            symbols
            (length (list-all-packages)) (sb-kernel:dynamic-usage))))`);
  const [encapsulated, threads, symbols, packages, bytes] = printed!
    .replace(/[()]/g, '')
    .split(' ')
    .map(Number) as [number, number, number, number, number];
  return { encapsulated, threads, symbols, packages, bytes };
}

/** Reloads another version of a program and takes it back, `pairs` times; yields what the image holds after each `every` of them. */
export async function* reloadAndTakeBack(
  editor: Editor,
  name: string,
  pairs: number,
  every: number,
): AsyncGenerator<Held> {
  const { text, setup } = programs[name]!;
  const head = '(in-package :cl-user)\n';
  const document = editor.open('growing.lisp', head + text(0));
  const reload = () => editor.command<OperationResult>('reload_file', { uri: document.uri });
  const applied = ({ status, remains, notes }: OperationResult) => {
    if (status !== 'applied') throw new Error(`${status}: ${JSON.stringify(remains ?? notes)}`);
  };
  applied(await reload());
  if (setup) await editor.evaluate(setup);
  for (let pair = 1; pair <= pairs; pair++) {
    document.set(head + text(1 + (pair % 7)));
    applied(await reload());
    applied(await editor.command('rollback'));
    if (pair % every === 0) yield await held(editor);
  }
}
