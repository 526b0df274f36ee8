/**
 * `npm run bench:drift`: what looking for drift costs after one file of a large workspace was saved, beside the same in a small one. Both
 * are measured at the editor, from its message to the hint that the look ends with: what one file costs is not to grow with the workspace.
 */
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Editor, lispString, repository, sbclCommand, type TextDocument } from '../support/lspClient.ts';

const FILES = Number(process.env['HOTLISP_BENCH_FILES'] ?? 500);
const DEFINITIONS = 10;
/** Each round saves another file, so that the small workspace has as many. */
const ROUNDS = 25;
/** So many times what it takes in the small workspace: an image and an index of twenty times the size are asked. */
const TARGET = 2;

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

const text = (file: number) =>
  [
    '(in-package #:drifting)',
    ...Array.from(
      { length: DEFINITIONS },
      (_, n) => `(defun f-${file}-${n} (a b)\n  "Number ${n}."\n  (list 0 a (+ b ${n})))`,
    ),
    '',
  ].join('\n\n');

/** Milliseconds from a save to what is said of it, where so many files are open; the middle one of several. */
async function afterSave(count: number): Promise<number> {
  const root = mkdtempSync(path.join(tmpdir(), 'hotlisp-bench-'));
  try {
    const files = Array.from({ length: count }, (_, n) => path.join(root, `file-${n}.lisp`));
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
      const times: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const document = documents[Math.floor((round * count) / ROUNDS)]!;
        document.replace('(list 0 a', '(list 1 a');
        await hint(editor, document, /^drift-changed/);
        const begun = performance.now();
        document.save();
        await hint(editor, document, /^drift-newer/);
        times.push(performance.now() - begun);
      }
      return median(times);
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

async function main(): Promise<number> {
  const few = await afterSave(ROUNDS);
  const many = await afterSave(FILES);
  const ratio = many / few;
  console.log(`drift after one save, ${DEFINITIONS} definitions in each file (${sbclCommand})`);
  console.log(`  ${ROUNDS} files open     ${few.toFixed(1)} ms`);
  console.log(`  ${FILES} files open   ${many.toFixed(1)} ms`);
  console.log(`  ratio ${ratio.toFixed(2)} (at most ${TARGET}): ${ratio <= TARGET ? 'ok' : 'MISSED'}`);
  const output = path.join(repository, 'build/bench-drift.json');
  mkdirSync(path.dirname(output), { recursive: true });
  writeFileSync(
    output,
    `${JSON.stringify({ files: [ROUNDS, FILES], milliseconds: [few, many], ratio }, null, 2)}\n`,
  );
  return ratio <= TARGET ? 0 : 1;
}

process.exitCode = await main();
