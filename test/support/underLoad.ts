/** Programs whose definitions change while threads use them, one version after the other. */
import type { Editor } from './lspClient.ts';
import type { OperationResult } from './lspTypes.ts';
import { classes } from './programs/classes.ts';
import { dispatch } from './programs/dispatch.ts';
import { names } from './programs/names.ts';
import type { Program } from './programs/program.ts';

export const programs: Readonly<Record<string, Program>> = { ...classes, ...dispatch, ...names };

/** Threads that run `body`; stop answers what went wrong in them, printed. */
async function callers(editor: Editor, body: string, count: number): Promise<{ stop(): Promise<string> }> {
  await editor.evaluate(`(progn (defparameter *problems* '()) (defparameter *stop* nil)
    (defparameter *body* (compile nil '(lambda () ${body})))
    (defparameter *threads* (loop repeat ${count} collect (sb-thread:make-thread (lambda ()
      (loop until *stop*
            do (handler-case (loop repeat 20 do (funcall *body*)) (error (condition) (problem condition)))
               (sb-thread:thread-yield))))))
    t)`);
  return {
    stop: async () =>
      (
        await editor.evaluate(
          "(progn (setf *stop* t) (mapc #'sb-thread:join-thread *threads*) (remove-duplicates *problems* :test #'equal))",
        )
      )[0]!,
  };
}

/**
 * Reloads the versions of a program, some with a failure first and some taken back and done again, while threads use it.
 * Returns what was not as it should be.
 */
export async function reloadUnderLoad(
  editor: Editor,
  name: string,
  rounds: number,
  count = 4,
): Promise<string[]> {
  const { text, setup, body, look, value } = programs[name]!;
  const wrong: string[] = [];
  const expected = (what: string, { status, remains, notes }: Partial<OperationResult>, wanted: string) => {
    // What instances lost that were used while a slot was gone is the one thing that SBCL cannot bring back.
    const told = status === 'partial' && /have lost the values/.test(JSON.stringify(remains));
    if (status !== wanted && !(told && wanted === 'applied'))
      wrong.push(`${what}: ${status} ${JSON.stringify(remains ?? notes)}`);
  };
  const seen = async (what: string, version: number) => {
    const [printed] = await editor.evaluate(typeof look === 'string' ? look : look(version));
    if (printed !== value(version)) wrong.push(`${what}: ${printed}, not ${value(version)}`);
  };
  const head = '(in-package :cl-user)\n';
  const document = editor.open(`${name.replace(/\W+/g, '-')}.lisp`, head + text(0));
  const reload = () => editor.command<OperationResult>('reload_file', { uri: document.uri });
  await editor.evaluate(
    '(defun problem (&rest what) (sb-ext:atomic-push (princ-to-string what) (symbol-value (quote *problems*))))',
  );
  expected('at first', await reload(), 'applied');
  if (setup) await editor.evaluate(setup);
  const threads = await callers(editor, body, count);
  try {
    for (let version = 1; version <= rounds && wrong.length === 0; version++) {
      if (version % 3 === 0) {
        document.set(`${head}${text(version)}\n(error "on purpose")`);
        expected(`a failure of ${version}`, await reload(), 'failed');
        await seen(`after a failure of ${version}`, version - 1);
      }
      document.set(head + text(version));
      expected(`version ${version}`, await reload(), 'applied');
      await seen(`version ${version}`, version);
      if (version % 4 !== 0) continue;
      expected(`${version} taken back`, await editor.command<OperationResult>('rollback'), 'applied');
      await seen(`${version} taken back`, version - 1);
      expected(`${version} done again`, await editor.command<OperationResult>('redo'), 'applied');
      await seen(`${version} done again`, version);
    }
  } finally {
    const problems = await threads.stop();
    if (problems !== 'NIL') wrong.push(problems.slice(0, 1000));
  }
  return wrong;
}
