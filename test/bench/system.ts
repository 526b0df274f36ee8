/**
 * What code_reload_system with force costs beside asdf:load-system :force t, for a system of 100 files in one image: both in turn, each
 * as often first, so that a busy machine slows both alike. Prints milliseconds and their ratio; exit 1 when that is above the target.
 * HOTLISP_BENCH_FILES and HOTLISP_BENCH_ROUNDS change the size.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadSystem, systemWorkspace } from '../support/asdfSystem.ts';
import { Editor, sbclCommand } from '../support/lspClient.ts';

const FILES = Number(process.env['HOTLISP_BENCH_FILES'] ?? 100);
const ROUNDS = Number(process.env['HOTLISP_BENCH_ROUNDS'] ?? 9);
const TARGET = 1.1;

/** One file of ordinary content: functions, a macro, a class with a method, a variable, a structure. */
const source = (n: number) => `(in-package #:heavy)

(defvar *state-${n}* (list ${n}))

(defmacro with-part-${n} ((name) &body body)
  \`(let ((,name (list ,@(list ${n})))) ,@body))

(defstruct part-${n} (size ${n}) content)

(defclass shape-${n} () ((side :initarg :side :accessor side-${n})))
(defmethod area-of ((shape shape-${n})) (* (side-${n} shape) (side-${n} shape)))

${Array.from(
  { length: 12 },
  (_, k) => `(defun step-${n}-${k} (items rate)
  "What the ITEMS cost at RATE."
  (with-part-${n} (extra)
    (let ((sum ${k}))
      (dolist (item items (* sum rate (length extra)))
        (when (plusp item) (incf sum (round item 2)))))))
`,
).join('\n')}`;

const files: Record<string, string> = {
  'heavy.asd': `(defsystem "heavy" :serial t :components ((:file "package") ${Array.from({ length: FILES - 1 }, (_, n) => `(:file "file-${n}")`).join(' ')}))\n`,
  'package.lisp':
    '(defpackage #:heavy (:use #:common-lisp))\n(in-package #:heavy)\n(defgeneric area-of (shape))\n',
};
for (let n = 0; n < FILES - 1; n++) files[`file-${n}.lisp`] = source(n);

/** The mean of the faster half: what else a machine does makes a measurement longer, never shorter. */
function undisturbed(values: readonly number[]): number {
  const faster = [...values].sort((a, b) => a - b).slice(0, Math.ceil(values.length / 2));
  return faster.reduce((sum, value) => sum + value, 0) / faster.length;
}

const bare = `(let ((*standard-output* (make-broadcast-stream)) (*error-output* (make-broadcast-stream)))
  (handler-bind ((warning #'muffle-warning)) (asdf:load-system "heavy" :force t)) t)`;

async function main(): Promise<number> {
  const root = mkdtempSync(path.join(tmpdir(), 'hotlisp-bench-'));
  try {
    const editor = await Editor.start({
      ...systemWorkspace(root, files),
      settings: {
        image: { mode: 'spawn', command: sbclCommand },
        approval: { 'modify-running-code': 'allow', eval: 'allow' },
        evalTimeoutSeconds: 600,
      },
    });
    try {
      await loadSystem(editor, 'heavy');
      const times: Record<'asdf' | 'hotlisp', number[]> = { asdf: [], hotlisp: [] };
      const timed = async (who: keyof typeof times, work: () => Promise<unknown>) => {
        await editor.evaluate('(sb-ext:gc :full t)');
        const begun = performance.now();
        await work();
        times[who].push(performance.now() - begun);
      };
      const work: Record<keyof typeof times, () => Promise<unknown>> = {
        asdf: () => editor.evaluate(bare),
        hotlisp: async () => {
          const result = await editor.command(
            'code_reload_system',
            { system: 'heavy', force: true },
            300_000,
          );
          if (result.status !== 'applied' || result.files?.length !== FILES)
            throw new Error(`the reload was ${result.status}: ${JSON.stringify(result).slice(0, 2000)}`);
        },
      };
      for (let round = 0; round < ROUNDS; round++)
        for (const who of round % 2 === 0 ? (['asdf', 'hotlisp'] as const) : (['hotlisp', 'asdf'] as const))
          await timed(who, work[who]);
      const [asdf, hotlisp] = [undisturbed(times.asdf), undisturbed(times.hotlisp)];
      const ratio = hotlisp / asdf;
      console.log(`system of ${FILES} files, forced, ${ROUNDS} rounds (${sbclCommand})`);
      console.log(`  asdf:load-system :force t   ${asdf.toFixed(0)} ms`);
      console.log(`  code_reload_system, force   ${hotlisp.toFixed(0)} ms`);
      console.log(`  ratio ${ratio.toFixed(3)} (at most ${TARGET}): ${ratio <= TARGET ? 'ok' : 'MISSED'}`);
      return ratio <= TARGET ? 0 : 1;
    } finally {
      await editor.finish();
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

process.exitCode = await main();
