/**
 * `npm run bench:drift`: what looking for drift costs after one file of a large workspace was saved, beside looking through all of it. Both
 * are measured at the editor, from its message to the hint that the look ends with; the ratio is to be that of one file to all.
 */
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Editor, lispString, repository, sbclCommand, type TextDocument } from '../support/lspClient.ts';

const FILES = Number(process.env['HOTLISP_BENCH_FILES'] ?? 500);
const DEFINITIONS = 10;
const ROUNDS = 25;
/** One file may cost as much as so many of all: a save reads its file, and an editor is answered in turns. */
const TARGET = 10;
/** Milliseconds of patience of the server before it looks at all buffers. */
const LOOK_AFTER = 150;

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

const text = (file: number) =>
  [
    ...(file === FILES - 1 ? ['(defpackage #:drifting (:use #:common-lisp))'] : []),
    '(in-package #:drifting)',
    ...Array.from(
      { length: DEFINITIONS },
      (_, n) => `(defun f-${file}-${n} (a b)\n  "Number ${n}."\n  (list 0 a (+ b ${n})))`,
    ),
    '',
  ].join('\n\n');

async function main(): Promise<number> {
  const root = mkdtempSync(path.join(tmpdir(), 'hotlisp-bench-'));
  try {
    const files = Array.from({ length: FILES }, (_, n) => path.join(root, `file-${n}.lisp`));
    files.forEach((file, n) => {
      writeFileSync(file, text(n));
      utimesSync(file, 1e9, 1e9);
    });
    const editor = await Editor.start({
      root,
      settings: { approval: { eval: 'allow' }, evalTimeoutSeconds: 600 },
    });
    try {
      await editor.evaluate('(make-package "DRIFTING" :use (list "COMMON-LISP"))');
      const list = files.map(lispString).join(' ');
      await editor.command('repl_eval', { code: `(dolist (file '(${list})) (load file))` }, 600_000);
      const documents = files.map(file => editor.openFile(file));
      const last = documents.at(-1)!;
      const whole: number[] = [];
      for (let round = 0; round < 3; round++) {
        await editor.evaluate(`(defun drifting::mark-${round} () ${round})`);
        const begun = performance.now();
        await hint(editor, last, new RegExp(`mark-${round}`, 'i'));
        whole.push(performance.now() - begun - LOOK_AFTER);
      }
      const one: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const document = documents[Math.floor((round * FILES) / ROUNDS)]!;
        document.replace('(list 0 a', '(list 1 a');
        await hint(editor, document, /^drift-changed/);
        const begun = performance.now();
        document.save();
        await hint(editor, document, /^drift-newer/);
        one.push(performance.now() - begun);
      }
      return report(median(one), median(whole));
    } finally {
      await editor.finish();
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

async function hint(editor: Editor, document: TextDocument, matches: RegExp): Promise<void> {
  await editor.published.next(
    `${matches} of ${document.uri}`,
    ({ uri, diagnostics }) =>
      uri === document.uri &&
      diagnostics.some(({ code, message }) => matches.test(`${String(code)}: ${message}`)),
    0,
    120_000,
  );
}

function report(one: number, whole: number): number {
  const ratio = (one / whole) * FILES;
  console.log(`drift of ${FILES} files with ${DEFINITIONS} definitions each (${sbclCommand})`);
  console.log(`  all files, after a change of the image   ${whole.toFixed(1)} ms`);
  console.log(`  one file, after it was saved             ${one.toFixed(2)} ms`);
  console.log(
    `  ratio 1/${(whole / one).toFixed(0)}, that is ${ratio.toFixed(1)} x its share (at most ${TARGET}): ${ratio <= TARGET ? 'ok' : 'MISSED'}`,
  );
  const output = path.join(repository, 'build/bench-drift.json');
  mkdirSync(path.dirname(output), { recursive: true });
  writeFileSync(
    output,
    `${JSON.stringify({ files: FILES, milliseconds: { one, whole }, ratio }, null, 2)}\n`,
  );
  return ratio <= TARGET ? 0 : 1;
}

process.exitCode = await main();
