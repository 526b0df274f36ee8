/** Generic functions that take other parameters: all of their methods are changed with them, in one operation. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { loadSystem, systemWorkspace, writeFiles } from '../support/asdfSystem.ts';
import { Editor, lispString, type TextDocument } from '../support/lspClient.ts';

let editor: Editor;
afterEach(() => editor.finish());

async function start(text: string): Promise<TextDocument> {
  editor = await Editor.start({
    files: { 'shapes.lisp': text },
    load: ['shapes.lisp'],
    settings: { debugger: 'abort' },
  });
  return editor.openFile(`${editor.root}/shapes.lisp`);
}

const reloadChanged = (document: TextDocument, prompt: RegExp) => {
  void editor.expectPrompt(prompt, 'Approve');
  return editor.command('reload_changed', { uri: document.uri });
};
const step = (name: 'rollback' | 'redo') => {
  void editor.expectPrompt(/area/i, 'Approve');
  return editor.command(name, {});
};
const values = (calls: readonly string[]) => Promise.all(calls.map(call => editor.evaluate(call)));

const programs = [
  {
    what: 'with the methods apart, and code that calls it while it is loaded',
    before: `(defgeneric area (shape))
(defmethod area ((shape cons)) 1)
(defparameter *before* 0)
(defmethod area ((shape string)) 2)
`,
    after: `(defgeneric area (shape scale))
(defmethod area ((shape cons) scale) (list 1 scale))
(defparameter *before* 1)
(defmethod area ((shape string) scale) (list 2 scale))
(defparameter *area* (area "" 5))
`,
    old: { '(area (list 1))': '1', '(area "")': '2' },
    changed: { '(area (list 1) 3)': '(1 3)', '(area "" 4)': '(2 4)', '*area*': '(2 5)' },
  },
  {
    what: 'with methods in its own form, and keywords',
    before: `(defgeneric area (shape) (:method ((shape cons)) 1) (:method :around ((shape cons)) (list (call-next-method))))
(defmethod area ((shape (eql :unit))) 2)
`,
    after: `(defgeneric area (shape &key scale)
  (:method ((shape cons) &key scale) (list 1 scale))
  (:method :around ((shape cons) &key scale) (declare (ignore scale)) (list (call-next-method))))
(defmethod area ((shape (eql :unit)) &key scale) (list 2 scale))
`,
    old: { '(area (list 1))': '(1)', '(area :unit)': '2' },
    changed: { '(area (list 1) :scale 3)': '((1 3))', '(area :unit)': '(2 NIL)' },
  },
  {
    what: 'that only its methods make, called by a function that is changed, too',
    before: `(defmethod area ((shape cons) scale) (list 1 scale))
(defmethod area ((shape string) scale) (list 2 scale))
(defun user () (area "" 3))
`,
    after: `(defmethod area ((shape cons)) 1)
(defmethod area ((shape string)) 2)
(defun user () (area ""))
`,
    old: { '(user)': '(2 3)', '(area (list 1) 4)': '(1 4)' },
    changed: { '(user)': '2', '(area (list 1))': '1' },
  },
];

describe.each(programs)('a generic function $what', ({ before, after, old, changed }) => {
  it('takes the other parameters, is taken back, and changed again', async () => {
    const document = await start(before);
    document.set(after);
    expect(await reloadChanged(document, /AREA/)).toMatchObject({ status: 'applied', notes: [] });
    expect(await values(Object.keys(changed))).toEqual(Object.values(changed).map(each => [each]));
    expect(await step('rollback')).toMatchObject({ status: 'applied' });
    expect(await values(Object.keys(old))).toEqual(Object.values(old).map(each => [each]));
    expect(await step('redo')).toMatchObject({ status: 'applied' });
    expect(await values(Object.keys(changed))).toEqual(Object.values(changed).map(each => [each]));
  });

  it('is what it was when the operation fails once it has been changed', async () => {
    const document = await start(before);
    const shown = await values(["(sb-mop:generic-function-lambda-list #'area)"]);
    document.set(
      `${after}(defparameter *fails* (error "no ~a" (sb-mop:generic-function-lambda-list #'area)))\n`,
    );
    expect(await reloadChanged(document, /AREA/)).toMatchObject({ status: 'failed' });
    expect(await values(Object.keys(old))).toEqual(Object.values(old).map(each => [each]));
    expect(await values(["(sb-mop:generic-function-lambda-list #'area)"])).toEqual(shown);
  });
});

it('the methods of the old parameters are listed as removed', async () => {
  const [{ before, after }] = programs as [(typeof programs)[0]];
  const document = await start(before);
  document.set(after);
  const { definitions } = await reloadChanged(document, /AREA/);
  expect(definitions.flatMap(({ name, change }) => (change === 'removed' ? [name] : [])).sort()).toEqual([
    'AREA (CONS)',
    'AREA (STRING)',
  ]);
});

describe.each(programs)(
  'a generic function $what, in files that are loaded,',
  ({ before, after, old, changed }) => {
    const are = (expected: Readonly<Record<string, string>>) =>
      expect(values(Object.keys(expected))).resolves.toEqual(Object.values(expected).map(each => [each]));

    it('takes the other parameters with its system, not with half of it, and is taken back', async () => {
      const root = mkdtempSync(path.join(tmpdir(), 'hotlisp-reshaped-'));
      try {
        const files = (first: string, rest: string) => ({
          'areas.asd': '(defsystem "areas" :serial t :components ((:file "one") (:file "two")))\n',
          'one.lisp': `(in-package :cl-user)\n${first}\n`,
          'two.lisp': `(in-package :cl-user)\n${rest}\n`,
        });
        const cut = (text: string) => text.lastIndexOf('\n(defmethod');
        editor = await Editor.start({
          ...systemWorkspace(root, files(before.slice(0, cut(before)), before.slice(cut(before)))),
          settings: { debugger: 'abort', approval: { 'modify-running-code': 'allow' } },
        });
        await loadSystem(editor, 'areas');
        await are(old);
        const reload = () => editor.command('code_reload_system', { system: 'areas', force: true });
        writeFiles(root, files(after.slice(0, cut(after)), '(defvar *nothing*)'));
        const failed = await reload();
        expect(failed).toMatchObject({ status: 'failed' });
        expect(JSON.stringify(failed)).toMatch(
          /AREA would take other parameters, which AREA .*\) would not fit/,
        );
        await are(old);
        writeFiles(root, files(after.slice(0, cut(after)), after.slice(cut(after))));
        expect(await reload()).toMatchObject({ status: 'applied' });
        await are(changed);
        expect(await editor.command('rollback', {})).toMatchObject({ status: 'applied' });
        await are(old);
        expect(await editor.command('redo', {})).toMatchObject({ status: 'applied' });
        await are(changed);
      } finally {
        rmSync(root, { recursive: true, force: true });
      }
    });

    it('takes the other parameters from a compiled file, and is what it was when that fails', async () => {
      editor = await Editor.start({
        files: {
          'shapes.lisp': before,
          'after.lisp': after,
          'fails.lisp': `${after}(defparameter *fails* (error "no ~a" (sb-mop:generic-function-lambda-list #'area)))\n`,
        },
        load: ['shapes.lisp'],
        settings: { debugger: 'abort', approval: { 'modify-running-code': 'allow' } },
      });
      for (const name of ['after', 'fails'])
        await editor.evaluate(
          `(handler-bind ((warning #'muffle-warning)) (compile-file ${lispString(`${editor.root}/${name}.lisp`)}) t)`,
        );
      expect(await editor.command('code_load_fasl', { path: 'fails.fasl' })).toMatchObject({
        status: 'failed',
      });
      await are(old);
      expect(await editor.command('code_load_fasl', { path: 'after.fasl' })).toMatchObject({
        status: 'applied',
      });
      await are(changed);
      expect(await editor.command('rollback', {})).toMatchObject({ status: 'applied' });
      await are(old);
    });
  },
);

describe('a generic function one of whose methods is left as it is', () => {
  it('is a hazard that says so, and what it was when it is reloaded all the same', async () => {
    const [{ before, after, old }] = programs as [(typeof programs)[0]];
    const document = await start(before);
    document.set(
      after
        .replace('((shape string) scale) (list 2 scale)', '((shape string)) 2')
        .replace('(area "" 5)', '5'),
    );
    const result = await reloadChanged(
      document,
      /does not fit its 2 methods, which are not all defined again/,
    );
    expect(result).toMatchObject({ status: 'failed' });
    expect(await values(Object.keys(old))).toEqual(Object.values(old).map(each => [each]));
  });
});

describe('a generic function that four threads call', () => {
  /** Threads that call AREA as fits all its shapes; stop answers what went wrong in them. */
  const call = async () => {
    await editor.evaluate(`(progn
      (defvar *stop* nil)
      (defvar *wrong* '())
      (defvar *threads*
        (loop repeat 4 collect
          (sb-thread:make-thread
            (lambda ()
              (loop until *stop*
                    do (handler-case (unless (equal (list (funcall 'area (list 1)) (funcall 'area "")) '(1 2))
                                       (push :wrong *wrong*))
                         (error (condition) (push (princ-to-string condition) *wrong*)))))))))`);
    return {
      stop: async () =>
        await editor.evaluate(
          '(progn (setf *stop* t) (mapc (function sb-thread:join-thread) *threads*) *wrong*)',
        ),
    };
  };

  it('never fails and never answers wrongly while it takes a keyword more, and one less', async () => {
    const text = (key: string) => `(defgeneric area (shape${key}))
(defmethod area ((shape cons)${key}) 1)
(defmethod area ((shape string)${key}) 2)
`;
    const document = await start(text(''));
    const threads = await call();
    for (let n = 0; n < 20; n++) {
      document.set(text(n % 2 === 0 ? ' &key scale' : ''));
      expect(await reloadChanged(document, /AREA/)).toMatchObject({ status: 'applied' });
    }
    expect(await threads.stop()).toEqual(['NIL']);
  });

  it('never fails and never answers wrongly while systems that give it other parameters are loaded and taken back', async () => {
    const root = mkdtempSync(path.join(tmpdir(), 'hotlisp-reshaped-'));
    try {
      const files = (rest: string) => ({
        'areas.asd': '(defsystem "areas" :serial t :components ((:file "one") (:file "two")))\n',
        'one.lisp': `(in-package :cl-user)\n(defgeneric area (shape${rest}))\n(defmethod area ((shape cons)${rest}) 1)\n`,
        'two.lisp': `(in-package :cl-user)\n(defmethod area ((shape string)${rest}) 2)\n`,
      });
      editor = await Editor.start({
        ...systemWorkspace(root, files('')),
        settings: { debugger: 'abort', approval: { 'modify-running-code': 'allow' } },
      });
      await loadSystem(editor, 'areas');
      const threads = await call();
      for (const rest of [' &key scale', ' &optional scale', '', ' &rest scales', ' &key scale unit', '']) {
        writeFiles(root, files(rest));
        const reloaded = await editor.command('code_reload_system', { system: 'areas', force: true });
        expect(reloaded).toMatchObject({ status: 'applied' });
        if (!rest) continue;
        expect(await editor.command('rollback', {})).toMatchObject({ status: 'applied' });
        expect(await editor.command('redo', {})).toMatchObject({ status: 'applied' });
      }
      expect(await threads.stop()).toEqual(['NIL']);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
});
