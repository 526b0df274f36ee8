/** docs/guide.md: its commands, as they stand there, in order, on a system whose threads are at work. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Editor, repository } from '../support/lspClient.ts';

interface Example {
  readonly command: string;
  readonly arguments: readonly [Record<string, unknown>];
}

const page = readFileSync(path.join(repository, 'docs/guide.md'), 'utf8');
const examples = [...page.matchAll(/^```json\n(.*?)^```$/gms)].map(
  ([, text]) => JSON.parse(text!) as Example,
);

const files = {
  'my-app.asd': `(asdf:defsystem "my-app" :serial t
  :components ((:file "src/package") (:file "src/compute") (:file "src/edge-case") (:file "src/main")))`,
  'src/package.lisp': `(defpackage :my-app (:use :cl)
  (:export #:compute-result #:handle-edge-case #:process-queue #:health-check #:main))`,
  'src/compute.lisp': '(in-package :my-app)\n\n(defun compute-result (x y)\n  (* x y))\n',
  'src/edge-case.lisp': '(in-package :my-app)\n\n(defun handle-edge-case (x)\n  (length x))\n',
  'src/main.lisp': `(in-package :my-app)

(defvar *processed* 0)

(defun process-queue ()
  (sleep 0.01)
  (incf *processed* 2))

(defun main ()
  (sb-thread:make-thread (lambda () (loop (process-queue))) :name "worker"))

(defun health-check ()
  (plusp *processed*))
`,
};

/** What is to come of the examples that change something or look at what was changed; the others must only not fail. */
const outcomes: readonly [command: string, argument: RegExp, expected: Record<string, unknown>][] = [
  ['code_compile_string', /./, { status: 'applied' }],
  ['code_replace_function', /./, { status: 'applied' }],
  ['code_reload_package', /./, { status: 'applied' }],
  ['code_reload_system', /./, { status: 'applied' }],
  ['rollback', /./, { status: 'applied' }],
  ['redo', /./, { status: 'applied' }],
  ['repl_eval', /compute-result 1 2/, { values: ['3'] }],
  ['repl_eval', /health-check/, { values: ['T'] }],
  ['repl_eval', /edge-case/, { values: ['"none"'] }],
  ['request_approval', /./, { approved: true }],
];

describe('the guide', () => {
  let editor: Editor;
  let prompts = 0;
  beforeAll(async () => {
    editor = await Editor.start({ files, settings: { approval: { 'compile-file': 'ask' } } });
    for (const form of [
      '(require :asdf)',
      '(asdf:load-asd (truename "my-app.asd"))',
      '(progn (asdf:load-system "my-app") nil)',
    ])
      await editor.evaluate(form);
    await editor.evaluate('(my-app:main)');
  });
  afterAll(() => editor?.finish());

  it('has examples of every workflow', () => {
    expect(examples.length).toBeGreaterThan(15);
  });

  it.each(examples.map(example => [example.command, JSON.stringify(example.arguments[0]), example] as const))(
    '%s %s does what the page says',
    async (command, text, example) => {
      const name = command.replace(/^hotlisp\./, '');
      const expected = outcomes.find(([each, argument]) => each === name && argument.test(text))?.[2] ?? {};
      const asks = 'status' in expected || 'approved' in expected;
      if (asks) void editor.expectPrompt(/./, 'Approve');
      expect(await editor.command(name, example.arguments[0])).toMatchObject(expected);
      if (asks) expect(editor.prompts.all).toHaveLength(++prompts);
    },
  );
});
