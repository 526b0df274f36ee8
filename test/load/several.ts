/** Many of something at the same time or in a row, each checked in the image: operations, servers, threads, output. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Editor } from '../support/lspClient.ts';
import { startServedImage } from '../support/servedImage.ts';
import type { OperationResult } from '../support/lspTypes.ts';

const allowed = { 'compile-file': 'allow', 'modify-running-code': 'allow', eval: 'allow' };

function same(what: string, answer: unknown, expected: unknown): void {
  if (JSON.stringify(answer) !== JSON.stringify(expected))
    throw new Error(`${what}: ${JSON.stringify(answer)} instead of ${JSON.stringify(expected)}`);
}

async function withEditor<T>(run: (editor: Editor) => Promise<T>): Promise<T> {
  const editor = await Editor.start({ settings: { approval: allowed } });
  try {
    const result = await run(editor);
    await editor.finish();
    return result;
  } finally {
    await editor.abandon();
  }
}

/** Reloads, rollbacks and redos in a row; after each the image is asked what it runs. Answers milliseconds of each. */
export const operationsInARow = (count: number): Promise<number[]> =>
  withEditor(async editor => {
    const text = (n: number) => `(defun counted () ${n})\n`;
    const document = editor.open('counted.lisp', text(0));
    const times: number[] = [];
    let [before, runs] = [-1, -1];
    for (let n = 0; n < count; n++) {
      const way = n % 4 === 2 ? 'rollback' : n % 4 === 3 ? 'redo' : 'reload_form';
      if (way === 'reload_form') {
        document.set(text(n + 1));
        [before, runs] = [runs, n + 1];
      } else [before, runs] = [runs, before];
      const place = { uri: document.uri, version: document.version, position: { line: 0, character: 1 } };
      const begun = performance.now();
      const { status } = await editor.command(way, way === 'reload_form' ? place : {});
      times.push(performance.now() - begun);
      same(`${way} ${n}`, status, 'applied');
      same(`the function after ${way} ${n}`, await editor.evaluate('(cl-user::counted)'), [String(runs)]);
    }
    return times;
  });

/** Servers on one image that all change it at the same time, functions of their own and a shared one. Answers how many changes were made. */
export async function serversOnOneImage(servers: number, rounds: number): Promise<number> {
  const root = mkdtempSync(path.join(tmpdir(), 'hotlisp-many-'));
  const editors: Editor[] = [];
  try {
    const run = path.join(root, 'run');
    mkdirSync(run, { mode: 0o700 });
    const file = path.join(root, 'program.lisp');
    writeFileSync(file, '(in-package :cl-user)\n(defun shared () :nobody)\n');
    const { image, address } = await startServedImage(root, file, run);
    try {
      for (let n = 0; n < servers; n++)
        editors.push(
          await Editor.start({
            root: mkdtempSync(path.join(root, 'work-')),
            settings: {
              image: { mode: 'attach', address },
              approval: allowed,
              journal: { directory: path.join(root, 'journal') },
            },
          }),
        );
      const results = await Promise.all(
        editors.map(async (editor, server) => {
          const own: OperationResult[] = [];
          for (let round = 0; round < rounds; round++) {
            const code = `(defun own-${server} () ${round})`;
            own.push(await editor.command('code_compile_string', { code, package: 'CL-USER' }, 120_000));
            const shared = `(defun shared () '(${server} ${round}))`;
            own.push(
              await editor.command('code_compile_string', { code: shared, package: 'CL-USER' }, 120_000),
            );
          }
          return own;
        }),
      );
      const all = results.flat();
      for (const { status } of all) same('a change', status, 'applied');
      same('different transactions', new Set(all.map(({ transaction }) => transaction)).size, all.length);
      for (let n = 0; n < servers; n++)
        same(`own-${n}`, await editors[0]!.evaluate(`(own-${n})`), [String(rounds - 1)]);
      const journalled = readFileSync(path.join(root, 'journal', 'journal.ndjson'), 'utf8');
      for (const { transaction } of all)
        same(`entries of ${transaction}`, journalled.split(`"transaction":"${transaction}"`).length - 1, 2);
      for (const editor of editors) await editor.finish();
      return all.length;
    } finally {
      for (const editor of editors) await editor.abandon();
      await image.stop();
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

export interface Threads {
  readonly reload: number;
  readonly list: number;
  readonly inside: number;
}

/** Threads of which every tenth runs a function that is then replaced. Answers milliseconds, and how many were found in the old code. */
export const manyThreads = (threads: number): Promise<Threads> =>
  withEditor(async editor => {
    const document = editor.open(
      'waits.lisp',
      '(defun waits (gate) (sb-thread:wait-on-semaphore gate) :left)\n',
    );
    await editor.command('reload_file', { uri: document.uri });
    await editor.evaluate(`(progn
      (defvar cl-user::*gate* (sb-thread:make-semaphore))
      (dotimes (n ${threads} t)
        (let ((inside (zerop (mod n 10))))
          (sb-thread:make-thread (lambda () (if inside (cl-user::waits cl-user::*gate*) (sb-thread:wait-on-semaphore cl-user::*gate*)))
                                 :name (format nil "crowd ~d" n))))
      (sleep 1) t)`);
    document.set('(defun waits (gate) (list gate))\n');
    let begun = performance.now();
    const result = await editor.command('reload_file', { uri: document.uri }, 120_000);
    const reload = performance.now() - begun;
    same('the reload', result.status, 'applied');
    begun = performance.now();
    const listed = JSON.stringify(
      await editor.command<unknown>('thread_list', { symbol: 'cl-user::waits' }, 120_000),
    );
    const list = performance.now() - begun;
    same('threads listed', new Set(listed.match(/crowd \d+/g)).size, threads);
    const inside = result.threads.length;
    same('threads in the old code', inside, Math.ceil(threads / 10));
    await editor.evaluate(`(progn (sb-thread:signal-semaphore cl-user::*gate* ${threads}) t)`);
    return { reload, list, inside };
  });

export interface Output {
  readonly milliseconds: number;
  readonly shown: number;
  readonly kept: number;
}

/** So many characters of output of one evaluation, in lines that are numbered. What is answered and what stands in the file are looked at. */
export const muchOutput = (characters: number): Promise<Output> =>
  withEditor(async editor => {
    const lines = Math.ceil(characters / 50);
    const begun = performance.now();
    const result = await editor.command<
      OperationResult & { output: string; truncated: boolean; output_uri?: string }
    >(
      'repl_eval',
      {
        code: `(dotimes (n ${lines} :printed) (format t "~8,'0d${'x'.repeat(41)}~%" n))`,
      },
      240_000,
    );
    const milliseconds = performance.now() - begun;
    same('the values', result.values, [':PRINTED']);
    const { output, output_uri: uri } = result;
    if (uri === undefined) throw new Error('the result names no document');
    same(
      'said to be cut',
      result.truncated && output.includes(uri) && /characters.* not shown here/.test(output),
      true,
    );
    const file = fileURLToPath(uri);
    const kept = statSync(file).size;
    readFileSync(file, 'utf8')
      .split('\n')
      .slice(0, -1)
      .forEach((line, n) => {
        if (line.length === 49) same(`line ${n}`, Number(line.slice(0, 8)), n);
      });
    // The next evaluation is as if nothing had been.
    same('what comes after', await editor.evaluate('(+ 1 1)'), ['2']);
    return { milliseconds, shown: output.length, kept };
  });
