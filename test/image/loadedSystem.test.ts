/** A system that the image has just loaded: its files hold nothing to reload, whatever they define and however they were compiled. */
import { mkdtempSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadSystem, systemWorkspace } from '../support/asdfSystem.ts';
import { Editor, type TextDocument } from '../support/lspClient.ts';
import type { Diagnostic, OperationResult } from '../support/lspTypes.ts';

const files = {
  'depot.asd': `(defsystem "depot"
  :serial t
  :components ((:file "package") (:file "base") (:file "classes") (:file "methods") (:file "constants") (:file "definers")
               (:file "unseen") (:file "conditional") (:file "yard")))
`,
  'package.lisp': `(defpackage #:depot
  (:use #:common-lisp)
  (:export #:item . #.(mapcar #'make-symbol '("WEIGH" "STORE")))
  #+depot-never (:export #:nothing))
`,
  'base.lisp': `(in-package #:depot)

(defgeneric weigh (thing))

(defmacro define-rate (name value)
  \`(defparameter ,(intern (format nil "*~A*" name)) ,value))

(pushnew 'depot::scales *features*)
`,
  'classes.lisp': `(in-package #:depot)

(defclass item ()
  ((weight :initarg :weight)))

(define-condition too-heavy (error)
  ())
`,
  'methods.lisp': `(in-package #:depot)

(defmethod weigh ((thing item))
  (slot-value thing 'weight))

(defmethod weigh :around ((thing item))
  (* 1 (call-next-method)))
`,
  'constants.lisp': `(in-package #:depot)

(defconstant +limit+ 40)

(eval-when (:compile-toplevel)
  (defparameter *while-compiling* (random 10)))

(deftype kilograms ()
  '(integer 0 40))

(defstruct crate
  width
  #+depot-never depth
  height)
`,
  'definers.lisp': `(in-package #:depot)

(define-rate standard 3)

(define-rate express 7)
`,
  'unseen.lisp': `(in-package #:depot)

(declaim (optimize (debug 0)))

(defun store (thing where)
  (list thing where))

(defun store-all (things)
  (mapcar (lambda (thing) (store thing :depot)) things))
`,
  'conditional.lisp': `(in-package #:depot)

#+depot::scales
(defun measure (thing) (weigh thing))

#-depot::scales
(defgeneric measure (thing))
`,
  'yard.lisp': `(uiop:define-package #:yard
  (:use #:common-lisp))

(in-package #:yard)

(defun capacity () 40)
`,
};
const sources = Object.keys(files).filter(name => name.endsWith('.lisp'));

interface Classified {
  readonly change: string;
  readonly class: string;
  readonly hazard?: unknown;
  readonly migration?: unknown;
}

let root: string;
let editor: Editor;
const documents = new Map<string, TextDocument>();

beforeAll(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'hotlisp-depot-'));
  editor = await Editor.start(systemWorkspace(root, files));
  // ASDF's times are whole seconds.
  const before = new Date(Date.now() - 60_000);
  for (const name of sources) utimesSync(path.join(root, name), before, before);
  // Connected before anything is loaded: what the image's features are by then was told long ago.
  await editor.evaluate('(+ 1 1)');
  await loadSystem(editor, 'depot');
  for (const name of sources) documents.set(name, editor.openFile(path.join(root, name)));
});
afterAll(async () => {
  await editor?.finish();
  rmSync(root, { recursive: true, force: true });
});

const uriOf = (name: string) => documents.get(name)!.uri;
const changedIn = async (name: string) =>
  (
    await editor.command<{ definitions: readonly { name: string; change: string }[] }>('plan', {
      operation: 'reload_changed',
      uri: uriOf(name),
    })
  ).definitions.map(each => each.name);

describe('a system that was just loaded', () => {
  it.each(sources)('has nothing to reload in %s', async name => {
    expect(await changedIn(name)).toEqual([]);
    expect(await editor.command('reload_changed', { uri: uriOf(name) })).toMatchObject({
      status: 'unchanged',
    });
  });

  it.each(sources)('is told to be unchanged when %s is reloaded as it is', async name => {
    const plan = await editor.command<{ definitions: readonly Classified[] }>('plan', {
      operation: 'reload_file',
      uri: uriOf(name),
    });
    const all = plan.definitions.map(({ change, class: effect, hazard, migration }) => [
      change,
      effect,
      hazard ?? migration,
    ]);
    expect(all).toEqual(all.map(() => ['unchanged', 'unchanged', undefined]));
  });
});

describe('a system whose load was taken back', () => {
  beforeAll(async () => {
    void editor.expectPrompt(/reload system depot/i, 'Approve');
    const { transaction } = await editor.command('code_reload_system', { system: 'depot', force: true });
    void editor.expectPrompt(/Roll back/, 'Approve');
    expect(await editor.command('rollback', { transaction })).toMatchObject({ status: 'applied' });
  });

  it.each(sources)('has nothing to reload in %s: what was in force before is again', async name => {
    expect(await changedIn(name)).toEqual([]);
  });

  it('counts as loaded, and none of its files as stale', async () => {
    const files = Array(sources.length).fill({ loaded: true, stale: false }) as unknown[];
    expect(await editor.command('system_status', { system: 'depot' })).toMatchObject({ loaded: true, files });
    const plan = { operation: 'code_reload_system', system: 'depot' };
    expect(await editor.command('plan', plan)).toMatchObject({ files });
  });
});

describe('an edit of a file whose code SBCL does not date', () => {
  it('is the only thing to reload, before and after the file is saved, and is shown as drift', async () => {
    const name = 'classes.lisp';
    const document = documents.get(name)!;
    document.replace(':initarg :weight', ':initarg :weight :initform 1');
    expect(await changedIn(name)).toEqual(['ITEM']);
    document.save();
    expect(await changedIn(name)).toEqual(['ITEM']);
    await editor.diagnostics(
      document,
      list => list.some(({ code, message }: Diagnostic) => code === 'drift-newer' && /item/.test(message)),
      'drift of the class',
    );
    const prompt = editor.expectPrompt(/class DEPOT::ITEM/, 'Approve');
    expect(await editor.command('reload_changed', { uri: document.uri })).toMatchObject({
      status: 'applied',
    });
    await prompt;
    expect(await changedIn(name)).toEqual([]);
  });

  it('of a form of a definer of the program’s own is known once it was installed', async () => {
    const name = 'definers.lisp';
    const document = documents.get(name)!;
    document.replace('express 7', 'express 8');
    expect(await changedIn(name)).toEqual(['EXPRESS']);
    const prompt = editor.expectPrompt(/EXPRESS/, 'Approve');
    await editor.command('reload_changed', { uri: document.uri });
    await prompt;
    expect(await changedIn(name)).toEqual([]);
    expect(await editor.evaluate('depot::*express*')).toEqual(['8']);
    document.replace('express 8', 'express 7');
    expect(await changedIn(name)).toEqual(['EXPRESS']);
    expect(readFileSync(path.join(root, name), 'utf8')).toContain('express 7');
  });

  it('that was loaded with its file is not said to be gone when the first reload of it is taken back', async () => {
    const name = 'definers.lisp';
    const document = documents.get(name)!;
    document.replace('standard 3', 'standard 4');
    const reload = editor.expectPrompt(/STANDARD/, 'Approve');
    await editor.command('reload_form', { uri: document.uri, position: document.positionOf('standard 4') });
    await reload;
    const rollback = editor.expectPrompt(/Roll back .*STANDARD \(as before\)/, 'Approve');
    const { definitions } = await editor.command<OperationResult>('rollback');
    await rollback;
    expect(definitions.map(({ kind, name, change }) => [kind, name, change])).toEqual([
      ['other', 'STANDARD', 'redefined'],
      ['variable', '*STANDARD*', 'redefined'],
    ]);
    document.replace('standard 4', 'standard 3');
    expect(await changedIn(name)).toEqual(['EXPRESS']);
  });
});

describe('a file of a system that was loaded by other means since', () => {
  it('is told by the dates of its functions', async () => {
    const name = 'unseen.lisp';
    const document = documents.get(name)!;
    document.replace('(list thing where)', '(list where thing)');
    document.save();
    expect(await changedIn(name)).toEqual(['STORE']);
    await editor.evaluate(
      `(load (compile-file "${path.join(root, name)}" :output-file "${path.join(root, 'other.fasl')}"))`,
    );
    expect(await changedIn(name)).toEqual([]);
  });
});
