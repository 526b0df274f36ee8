/** The users that a change leaves stale: found, compiled again in the same transaction, or listed. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Editor, lispString, type TextDocument } from '../support/lspClient.ts';
import type { OperationResult } from '../support/lspTypes.ts';
import { fingerprintDifferences, takeFingerprint } from '../support/shop.ts';

const defs = `(defpackage #:dep (:use #:common-lisp))
(in-package #:dep)

(defmacro inner (x) \`(* 2 ,x))

(defmacro outer (x) \`(inner (1+ ,x)))

(defmacro built (x) (let ((factor (inner 5))) \`(* ,factor ,x)))

(declaim (inline tax))
(defun tax (x) (+ x 7))

(declaim (inline taxed))
(defun taxed (x) (* 2 (tax x)))

(defconstant +limit+ 100)

(defstruct point (x 0) (y 0))

(defstruct (point3 (:include point)) (z 0))

(defun half (x) (/ x 2))

(define-compiler-macro half (x) \`(list :half ,x))

(defvar *stack* (list 1 2))

(define-symbol-macro current (car *stack*))

(deftype small () '(integer 0 9))

(defun (setf shelf) (value) (setf *stack* value))

(defun plain (x) x)
`;

const uses = `(in-package #:dep)

(defun via-built (a) (built a))

(defun via-outer (a) (outer a))

(defgeneric size (thing))

(defmethod size ((thing point)) (outer (point-x thing)))

(defmethod size ((thing integer)) thing)

(defmethod size :around ((thing (eql 3))) (inner 3))

(defun (setf doubled) (value) (inner value))

(defun priced (a) (taxed a))

(defun doubled-limit () (* 2 +limit+))

(defun below-limit (x) (if (> +limit+ 150) :far x))

(defun make-origin () (make-point))

(defun abscissa (point) (point-x point))

(defun move (point) (incf (point-y point)))

(defun is-point (thing) (typep thing 'point))

(defun halved (a) (half a))

(defun top () current)

(defun bound-current () (let ((current 3)) current))

(defun is-small (x) (typep x 'small))

(defun declared-small (x) (declare (type small x)) x)

(declaim (inline small-p))
(defun small-p (x) (typep x 'small))

(defun all-small (&rest items) (every (lambda (item) (small-p item)) items))

(defmacro checked (x) \`(typep ,x 'small))

(defun via-checked (x) (checked x))

(defmethod size ((thing float)) (if (typep 1 'small) thing 0))

(defvar *small-one* (the small 1))

(defun calls-plain (x) (plain x))

(defparameter *start* (outer 1))

(let ((count 0))
  (defun next-id () (incf count (inner 1))))

(defun innocent () '(no inner "inner" small at all)) ; inner
`;

const more = `(in-package #:dep)

(defun elsewhere (a) (inner a))

(progn
  (defun one-of-two (a) (half a))
  (defun other-of-two (a) (half a)))
`;

interface Dependent {
  readonly kind: string;
  readonly name: string;
  readonly package: string;
  readonly uri: string | null;
  readonly range: { start: { line: number } } | null;
  readonly status: string;
  readonly certainty: string;
  readonly reason?: string;
}

describe('users of what changes', () => {
  let editor: Editor;
  let definitions: TextDocument;
  let users: TextDocument;

  const start = async (settings: Record<string, unknown> = {}) => {
    editor = await Editor.start({
      files: { 'defs.lisp': defs, 'uses.lisp': uses, 'more.lisp': more },
      settings,
    });
    for (const name of ['defs', 'uses', 'more']) await loadFasl(name);
    definitions = editor.openFile(path.join(editor.root, 'defs.lisp'));
    users = editor.openFile(path.join(editor.root, 'uses.lisp'));
    // A person does not save a file in the very moment of opening it: by now the server has looked at it.
    for (const { uri } of [definitions, users])
      await editor.command('plan', { operation: 'reload_changed', uri });
  };
  const loadFasl = (name: string) =>
    editor.evaluate(
      `(handler-bind ((warning #'muffle-warning))
         (load (compile-file ${lispString(path.join(editor.root, `${name}.lisp`))})))`,
    );
  beforeEach(() => start());
  afterEach(() => editor.finish());

  /** Reloads the form of `defs.lisp` that starts like this and answers prompt and result. */
  const reload = async (form: string, title: RegExp, answer = 'Approve') => {
    const prompt = editor.expectPrompt(title, answer);
    const result = await editor.actionOutcome(definitions, form, /^Reload (?!changed|file)/);
    return { result, prompt: (await prompt).message, dependents: dependentsOf(result) };
  };
  const dependentsOf = (result: OperationResult) =>
    (result as unknown as { dependents: Dependent[] }).dependents;
  const names = (list: readonly Dependent[], status: string, certainty?: string) =>
    list
      .filter(each => each.status === status && (certainty === undefined || each.certainty === certainty))
      .map(({ name }) => name);
  const value = async (code: string) => (await editor.evaluate(code, 'DEP'))[0];

  it('of a macro are compiled again, also through other macros and over files, and taken back with it', async () => {
    await takeFingerprint(editor, 'DEP');
    definitions.replace('`(* 2 ,x)', '`(* 3 ,x)');
    definitions.save();
    const { result, prompt, dependents } = await reload('(defmacro inner', /reload inner/i);
    expect(result).toMatchObject({
      status: 'applied',
      notes: [],
      definitions: [{ kind: 'macro', name: 'INNER', change: 'redefined', class: 'dependents' }],
    });
    expect(result.definitions).toHaveLength(1);
    expect(names(dependents, 'recompiled').sort()).toEqual([
      '(SETF DOUBLED)',
      'BUILT',
      'ELSEWHERE',
      'SIZE (POINT)',
      'SIZE :AROUND ((EQL 3))',
      'VIA-BUILT',
      'VIA-OUTER',
    ]);
    // A macro before those that it expands in.
    const order = names(dependents, 'recompiled');
    expect(order.indexOf('BUILT')).toBeLessThan(order.indexOf('VIA-BUILT'));
    expect(names(dependents, 'listed', 'possible')).toEqual(['*START*']);
    expect(names(dependents, 'listed', 'certain')).toEqual(['NEXT-ID']);
    expect(prompt).toMatch(/It recompiles 7 users: .*DEP::BUILT/);
    expect(prompt).toMatch(/1 stale user is only listed: DEP::NEXT-ID/);
    expect(prompt).toMatch(/1 possible user is only listed: DEP::\*START\*/);
    const viaOuter = dependents.find(({ name }) => name === 'VIA-OUTER')!;
    expect(viaOuter).toMatchObject({
      kind: 'function',
      package: 'DEP',
      uri: users.uri,
      certainty: 'certain',
    });
    expect(viaOuter.range!.start.line).toBe(users.positionOf('(defun via-outer').line);
    expect(dependents.find(({ name }) => name === 'SIZE (POINT)')!.range!.start.line).toBe(
      users.positionOf('(defmethod size ((thing point').line,
    );
    const all =
      '(list (via-outer 1) (via-built 1) (elsewhere 1) (size (make-point :x 1)) (size 3) (setf (doubled) 1))';
    expect(await value(all)).toBe('(6 15 3 6 9 3)');
    void editor.expectPrompt(/roll back/i, 'Approve');
    expect(await editor.command('rollback')).toMatchObject({ status: 'applied' });
    expect(await value(all)).toBe('(4 10 2 4 6 2)');
    expect(await fingerprintDifferences(editor, 'DEP')).toBe('NIL');
  });

  it('keep their places, so that jumping to them works as before', async () => {
    const before = await editor.command('source_location', { symbol: 'dep::via-outer' });
    definitions.replace('`(* 2 ,x)', '`(* 3 ,x)');
    await reload('(defmacro inner', /reload inner/i);
    expect(await editor.command('source_location', { symbol: 'dep::via-outer' })).toEqual(before);
  });

  it('are found again after a first change of the same definition, saved or not', async () => {
    for (const factor of [3, 4]) {
      definitions.replace(`\`(* ${factor - 1} ,x)`, `\`(* ${factor} ,x)`);
      if (factor === 3) definitions.save();
      const { dependents } = await reload('(defmacro inner', /reload inner/i);
      expect(names(dependents, 'recompiled')).toHaveLength(7);
      expect(await value('(list (via-outer 1) (elsewhere 1))')).toBe(`(${2 * factor} ${factor})`);
    }
  });

  it('of an inline function are compiled again, through inline functions that call it', async () => {
    definitions.replace('(+ x 7)', '(+ x 10)');
    const { dependents } = await reload('(defun tax', /reload tax/i);
    expect(names(dependents, 'recompiled')).toEqual(['TAXED', 'PRICED']);
    expect(await value('(priced 1)')).toBe('22');
  });

  it('of an ordinary function are not stale: nobody is compiled again', async () => {
    definitions.replace('(defun plain (x) x)', '(defun plain (x) (1+ x))');
    const { dependents, prompt } = await reload('(defun plain', /reload plain/i);
    expect(dependents).toEqual([]);
    expect(prompt).not.toMatch(/user/);
    expect(await value('(calls-plain 1)')).toBe('2');
  });

  it('of a constant have its new value, also where it was folded away, and the old one after a rollback', async () => {
    definitions.replace('(defconstant +limit+ 100)', '(defconstant +limit+ 200)');
    const { result, dependents, prompt } = await reload('(defconstant', /reload \+limit\+/i);
    expect(prompt).toMatch(/Hazard: .*\+LIMIT\+ is 100 now and would become 200/);
    expect(result.status).toBe('applied');
    expect(names(dependents, 'recompiled')).toEqual(['DOUBLED-LIMIT', 'BELOW-LIMIT']);
    expect(await value('(list (doubled-limit) (below-limit 1) +limit+)')).toBe('(400 :FAR 200)');
    void editor.expectPrompt(/roll back/i, 'Approve');
    await editor.command('rollback');
    expect(await value('(list (doubled-limit) (below-limit 1) (symbol-value (quote +limit+)))')).toBe(
      '(200 1 100)',
    );
  });

  it('of a structure are its accessors’, constructors’ and predicates’ callers and what includes it', async () => {
    definitions.replace('(defstruct point (x 0) (y 0))', '(defstruct point (x 5) (y 0))');
    const { result, dependents } = await reload('(defstruct point ', /reload point/i);
    expect(result.status).toBe('applied');
    expect(names(dependents, 'recompiled')).toEqual(
      expect.arrayContaining(['POINT3', 'MAKE-ORIGIN', 'ABSCISSA', 'SIZE (POINT)']) as string[],
    );
    expect(names(dependents, 'recompiled')[0]).toBe('POINT3');
    expect(names(dependents, 'recompiled')).toEqual(expect.arrayContaining(['IS-POINT', 'MOVE']));
    expect(await value('(list (abscissa (make-origin)) (abscissa (make-point3)))')).toBe('(5 5)');
  });

  it('of a type are compiled again where code names it, through inline functions too, and not where data does', async () => {
    expect(await value('(list (is-small 50) (all-small 50) (declared-small 5))')).toBe('(NIL NIL 5)');
    definitions.replace("'(integer 0 9)", "'(integer 0 99)");
    const { result, dependents, prompt } = await reload('(deftype', /reload small/i);
    expect(result.status).toBe('applied');
    expect(names(dependents, 'recompiled')).toEqual([
      'IS-SMALL',
      'DECLARED-SMALL',
      'SMALL-P',
      'VIA-CHECKED',
      'SIZE (FLOAT)',
      'ALL-SMALL',
    ]);
    expect(prompt).toMatch(/recompiles 6 users/);
    expect(dependents[0]).toEqual({
      kind: 'function',
      name: 'IS-SMALL',
      package: 'DEP',
      uri: users.uri,
      range: expect.anything() as unknown,
      status: 'recompiled',
      certainty: 'certain',
    });
    // The first has it in quoted data, the others do more than define or are expanded by their users.
    expect(names(dependents, 'listed', 'possible')).toEqual(['CHECKED', '*SMALL-ONE*', 'INNOCENT']);
    expect(await value('(list (is-small 50) (all-small 50) (declared-small 50) (via-checked 50))')).toBe(
      '(T T 50 T)',
    );
    void editor.expectPrompt(/roll back/i, 'Approve');
    await editor.command('rollback');
    expect(await value('(list (is-small 50) (all-small 50) (declared-small 5) (via-checked 50))')).toBe(
      '(NIL NIL 5 NIL)',
    );
  });

  it('of a type that is made of it are compiled again, too', async () => {
    const text = `(in-package #:dep)\n(deftype maybe-small () '(or null small))\n(defun is-maybe (x) (typep x 'maybe-small))\n`;
    const file = path.join(editor.root, 'maybe.lisp');
    writeFileSync(file, text);
    await editor.evaluate(`(progn (load (compile-file ${lispString(file)})) (dep::is-maybe 50))`);
    definitions.replace("'(integer 0 9)", "'(integer 0 99)");
    const { dependents } = await reload('(deftype', /reload small/i);
    expect(names(dependents, 'recompiled')).toContain('IS-MAYBE');
    expect(await value('(is-maybe 50)')).toBe('T');
  });

  it('of a type are found in every file of the folder, however many and however large these are', async () => {
    for (let n = 0; n < 520; n++)
      writeFileSync(path.join(editor.root, `more-${n}.lisp`), '(in-package #:dep)\n');
    const file = path.join(editor.root, 'large.lisp');
    const comments = ';; a line that says nothing\n'.repeat(40_000);
    writeFileSync(file, `(in-package #:dep)\n${comments}(defun is-small-far-away (x) (typep x 'small))\n`);
    await editor.evaluate(`(load (compile-file ${lispString(file)}))`);
    definitions.replace("'(integer 0 9)", "'(integer 0 99)");
    const { dependents } = await reload('(deftype', /reload small/i);
    expect(names(dependents, 'recompiled')).toContain('IS-SMALL-FAR-AWAY');
    expect(await value('(is-small-far-away 50)')).toBe('T');
  });

  it('of a symbol macro are compiled again, but not where a variable of that name is bound', async () => {
    definitions.replace('(car *stack*)', '(second *stack*)');
    const { dependents } = await reload('(define-symbol-macro', /reload current/i);
    expect(dependents).toMatchObject([{ name: 'TOP', status: 'recompiled', certainty: 'certain' }]);
    expect(await value('(list (top) (bound-current))')).toBe('(2 3)');
  });

  it('of a type in a text that the image does not run are listed as possible', async () => {
    users.replace("(defun is-small (x) (typep x 'small))", "(defun is-small (x) (and x (typep x 'small)))");
    definitions.replace("'(integer 0 9)", "'(integer 0 99)");
    const { dependents } = await reload('(deftype', /reload small/i);
    expect(names(dependents, 'listed', 'possible')).toContain('IS-SMALL');
    expect(dependents.find(({ name }) => name === 'IS-SMALL')?.reason).toBe('it mentions SMALL');
    expect(await value('(is-small 50)')).toBe('NIL');
  });

  it('of a type in slots are listed with what has to be done, and those of a function that is declared with it compiled again', async () => {
    const text = `(in-package #:dep)\n(defstruct boxed (v 0 :type small))\n(declaim (ftype (function (small) t) takes-small))\n(defun takes-small (x) x)\n`;
    const file = path.join(editor.root, 'boxed.lisp');
    writeFileSync(file, text);
    await editor.evaluate(`(load (compile-file ${lispString(file)}))`);
    definitions.replace("'(integer 0 9)", "'(integer 0 99)");
    const { dependents } = await reload('(deftype', /reload small/i);
    const reasonOf = (wanted: RegExp) => dependents.find(({ name }) => wanted.test(name))?.reason;
    expect(reasonOf(/^BOXED$/)).toMatch(/^slots are of the type SMALL: they take what it was/);
    expect(names(dependents, 'recompiled')).toEqual(
      expect.arrayContaining([expect.stringMatching(/FTYPE/i), 'TAKES-SMALL']),
    );
    expect(await value('(takes-small 50)')).toBe('50');
    expect(await value('(handler-case (make-boxed :v 50) (type-error () :as-it-was))')).toBe(':AS-IT-WAS');
    const boxed = editor.openFile(file);
    void editor.expectPrompt(/boxed/i, 'Approve');
    const position = boxed.positionOf('(defstruct');
    expect(await editor.command('reload_form', { uri: boxed.uri, position })).toMatchObject({
      status: 'applied',
    });
    expect(await value('(boxed-v (make-boxed :v 50))')).toBe('50');
  });

  it('of a function or variable that is declared to be of another type are compiled again, each time, and rely on it no longer', async () => {
    const text = (type: string) =>
      `(in-package #:dep)\n(declaim (ftype (function (t) ${type}) made))\n(declaim (type ${type} *held*))\n`;
    const file = path.join(editor.root, 'declared.lisp');
    writeFileSync(file, text('fixnum'));
    const rest = path.join(editor.root, 'declared-users.lisp');
    writeFileSync(
      rest,
      "(in-package #:dep)\n(defvar *held* 1)\n(defun made (x) x)\n(defun made-fixnum-p (x) (typep (made x) 'fixnum))\n(defun held-fixnum-p () (typep *held* 'fixnum))\n(defun bystander () 1)\n",
    );
    for (const name of ['declared', 'declared-users']) await loadFasl(name);
    for (const each of [file, rest]) {
      const { uri } = editor.openFile(each);
      await editor.command('plan', { operation: 'reload_changed', uri });
    }
    const declared = [...editor.documents.values()].find(({ uri }) => uri.endsWith('/declared.lisp'))!;
    const types = ['t', 'integer', 'fixnum', 't'];
    for (const type of types) {
      declared.set(text(type));
      void editor.expectPrompt(/MADE-FIXNUM-P/, 'Approve');
      const changed = await editor.command<OperationResult>('reload_changed', { uri: declared.uri });
      expect([type, changed.status, names(dependentsOf(changed), 'recompiled').sort()]).toEqual([
        type,
        'applied',
        ['HELD-FIXNUM-P', 'MADE', 'MADE-FIXNUM-P'],
      ]);
    }
    expect(await value('(progn (setf *held* "s") (list (made-fixnum-p "s") (held-fixnum-p)))')).toBe(
      '(NIL NIL)',
    );
    expect(await editor.command('reload_changed', { uri: declared.uri })).toMatchObject({
      status: 'unchanged',
    });
    void editor.expectPrompt(/Roll back/, 'Approve');
    expect(await editor.command('rollback')).toMatchObject({ status: 'applied' });
    expect(await value('(handler-case (made "s") (type-error () :declared))')).toBe(':DECLARED');
  });

  it('of a compiler macro are compiled again', async () => {
    expect(await value('(halved 4)')).toBe('(:HALF 4)');
    definitions.replace('`(list :half ,x)', '`(list :halves ,x)');
    const { dependents } = await reload('(define-compiler-macro', /reload half/i);
    // Two of them stand in one form.
    expect(names(dependents, 'recompiled').sort()).toEqual(['HALVED', 'ONE-OF-TWO', 'OTHER-OF-TWO']);
    expect(await value('(list (halved 4) (other-of-two 2))')).toBe('((:HALVES 4) (:HALVES 2))');
  });

  it('of a function that becomes a macro, and of a macro that becomes a function, call what there is then', async () => {
    definitions.replace('(defun plain (x) x)', '(defmacro plain (x) `(list :macro ,x))');
    const macro = await reload('(defmacro plain', /reload plain/i);
    expect(macro.prompt).toMatch(/Hazard: .*PLAIN/);
    expect(names(macro.dependents, 'recompiled')).toEqual(['CALLS-PLAIN']);
    expect(await value('(calls-plain 1)')).toBe('(:MACRO 1)');
    definitions.replace('(defmacro plain (x) `(list :macro ,x))', '(defun plain (x) (list :function x))');
    const back = await reload('(defun plain', /reload plain/i);
    expect(names(back.dependents, 'recompiled')).toEqual(['CALLS-PLAIN']);
    expect(await value('(calls-plain 1)')).toBe('(:FUNCTION 1)');
    for (const expected of ['(:MACRO 1)', '1']) {
      void editor.expectPrompt(/roll back/i, 'Approve');
      await editor.command('rollback');
      expect(await value('(calls-plain 1)')).toBe(expected);
    }
  });

  it('of a new macro are those that were compiled before there was one', async () => {
    void editor.expectPrompt(/compile/i, 'Approve');
    await editor.command('code_compile_string', { code: '(defun early () (later 1))', package: 'DEP' });
    definitions.replace('(defun plain (x) x)', '(defun plain (x) x)\n\n(defmacro later (x) `(list ,x))');
    const { dependents } = await reload('(defmacro later', /reload later/i);
    expect(names(dependents, 'recompiled')).toEqual(['EARLY']);
    expect(await value('(early)')).toBe('(1)');
  });

  it('that no longer compile fail the change as a whole, with the note at their place', async () => {
    await takeFingerprint(editor, 'DEP');
    definitions.replace('`(* 2 ,x)', '(if (symbolp x) (error "no ~a" x) `(* 3 ,x))');
    const { result, dependents } = await reload('(defmacro inner', /reload inner/i);
    expect(result).toMatchObject({ status: 'failed', step: 'compile' });
    expect(names(dependents, 'recompiled')).toEqual([]);
    const errors = result.notes.filter(({ severity }) => severity === 'error');
    expect(errors).toMatchObject([{ message: expect.stringMatching(/no (VALUE|A)/i) as string }]);
    const note = errors[0]!;
    const document = note.uri === users.uri ? users : editor.openFile(path.join(editor.root, 'more.lisp'));
    expect(note.uri).toBe(document.uri);
    expect(document.text.split('\n')[note.range!.start.line]).toMatch(/inner/);
    expect(await fingerprintDifferences(editor, 'DEP')).toBe('NIL');
    expect(await value('(list (via-outer 1) (elsewhere 1))')).toBe('(4 2)');
  });

  it('that a definer of the user’s own defines are compiled again, each time, by what it is made of and by itself; a variable is only listed', async () => {
    const own = path.join(editor.root, 'own.lisp');
    writeFileSync(
      own,
      `(in-package #:dep)
(defvar *pages* '())
(defmacro define-page (name value) \`(progn (defun ,name () (list :page ,value)) (pushnew ',name *pages*)))
(defmacro defcache (name value) \`(defparameter ,name (list ,value)))
(defmacro twice (value) \`(* 2 ,value))
(define-page home (twice 1))
(define-page about 7)
(defcache *cache* (twice 1))
`,
    );
    await loadFasl('own');
    definitions = editor.openFile(own);
    await editor.command('plan', { operation: 'reload_changed', uri: definitions.uri });
    await editor.evaluate('(push :kept (cdr *cache*))', 'DEP');
    for (const [factor, before, after] of [
      [3, 'page', 'sheet'],
      [4, 'sheet', 'leaf'],
    ] as const) {
      definitions.replace(`(* ${factor - 1} ,value)`, `(* ${factor} ,value)`);
      const { dependents, prompt } = await reload('(defmacro twice', /reload twice/i);
      expect(names(dependents, 'recompiled')).toEqual(['HOME']);
      expect(names(dependents, 'listed')).toEqual(['*CACHE*']);
      expect(prompt).toMatch(/It recompiles 1 user: DEP::HOME; /);
      const shown = (word: string) => `((:${word} ${factor}) (:${word} 7) (ABOUT HOME) (2 :KEPT))`;
      expect(await value('(list (home) (about) *pages* *cache*)')).toBe(shown(before.toUpperCase()));
      definitions.replace(`(list :${before}`, `(list :${after}`);
      const page = await reload('(defmacro define-page', /reload define-page/i);
      expect(names(page.dependents, 'recompiled').sort()).toEqual(['ABOUT', 'HOME']);
      expect(await value('(list (home) (about) *pages* *cache*)')).toBe(shown(after.toUpperCase()));
    }
  });

  it('whose text was edited since it was loaded are listed as possible, and the others compiled again', async () => {
    users.replace('(defun via-outer (a) (outer a))', '(defun via-outer (a) (outer (1+ a)))');
    users.replace('(defun via-built', ';; moved\n\n(defun via-built');
    users.save();
    definitions.replace('`(* 2 ,x)', '`(* 3 ,x)');
    const { dependents } = await reload('(defmacro inner', /reload inner/i);
    expect(dependents.find(({ name }) => name === 'VIA-OUTER')).toMatchObject({
      status: 'listed',
      certainty: 'possible',
      reason: expect.stringMatching(/edited since/) as string,
    });
    expect(names(dependents, 'recompiled')).toContain('VIA-BUILT');
    expect(await value('(list (via-outer 1) (via-built 1))')).toBe('(4 15)');
  });

  it('that were compiled from a string, in no file, are compiled again too', async () => {
    void editor.expectPrompt(/compile/i, 'Approve');
    await editor.command('code_compile_string', { code: '(defun scratch (a) (inner a))', package: 'DEP' });
    definitions.replace('`(* 2 ,x)', '`(* 3 ,x)');
    const { dependents } = await reload('(defmacro inner', /reload inner/i);
    expect(dependents.find(({ name }) => name === 'SCRATCH')).toMatchObject({
      status: 'recompiled',
      uri: null,
    });
    expect(await value('(scratch 1)')).toBe('3');
  });

  it('that a person evaluated are said to have no known source', async () => {
    await editor.evaluate('(defun evaluated (a) (inner a))', 'DEP');
    definitions.replace('`(* 2 ,x)', '`(* 3 ,x)');
    const { dependents } = await reload('(defmacro inner', /reload inner/i);
    expect(dependents.find(({ name }) => name === 'EVALUATED')).toMatchObject({
      status: 'listed',
      certainty: 'certain',
      reason: expect.stringMatching(/source/) as string,
    });
  });

  it('redefined by another program since are those that the image runs now', async () => {
    writeFileSync(
      path.join(editor.root, 'patch.lisp'),
      '(in-package #:dep)\n(defun elsewhere (a) (+ a 1))\n',
    );
    await loadFasl('patch');
    definitions.replace('`(* 2 ,x)', '`(* 3 ,x)');
    const { dependents } = await reload('(defmacro inner', /reload inner/i);
    expect(names(dependents, 'recompiled')).not.toContain('ELSEWHERE');
    expect(await value('(elsewhere 1)')).toBe('2');
  });

  it('of a text that the image runs already are left alone', async () => {
    const { dependents } = await reload('(defmacro inner', /reload inner/i);
    expect(dependents).toEqual([]);
  });

  it('that are reloaded by the same operation are compiled once, by it', async () => {
    definitions.replace('`(* 2 ,x)', '`(* 3 ,x)');
    definitions.replace('(let ((factor (inner 5)))', '(let ((factor (inner 6)))');
    void editor.expectPrompt(/reload changed/i, 'Approve');
    const result = await editor.actionOutcome(definitions, '(defmacro inner', /^Reload changed forms$/);
    expect(result.definitions.map(({ name }) => name)).toEqual(['INNER', 'BUILT']);
    expect(names(dependentsOf(result), 'recompiled')).not.toContain('BUILT');
    expect(await value('(via-built 1)')).toBe('18');
  });

  it('can be compiled again without a change, by command and by code action', async () => {
    await editor.evaluate(
      "(setf (macro-function 'inner) (lambda (form env) (declare (ignore env)) `(* 9 ,(second form))))",
      'DEP',
    );
    expect(await value('(elsewhere 1)')).toBe('2');
    const prompt = editor.expectPrompt(/recompile the users of dep::inner/i, 'Approve');
    const result = await editor.actionOutcome(definitions, '(defmacro inner', /^Recompile users of inner$/);
    expect(result).toMatchObject({ status: 'applied', definitions: [] });
    expect((await prompt).message).toMatch(/recompiles 7 users/);
    expect(await value('(elsewhere 1)')).toBe('9');
    void editor.expectPrompt(/recompile the users/i, 'Approve');
    const again = await editor.command('recompile_dependents', { symbol: 'dep::tax' });
    expect(names(dependentsOf(again), 'recompiled')).toEqual(['TAXED', 'PRICED']);
    expect(await editor.command('recompile_dependents', { symbol: 'dep::plain' })).toMatchObject({
      status: 'unchanged',
      dependents: [],
    });
    expect((await editor.failure('recompile_dependents', { symbol: 'dep::nothing' })).kind).toBe(
      'unknown-symbol',
    );
  });

  it('are offered to be compiled again where a definition has any', async () => {
    const offered = async (place: string) =>
      (await editor.codeActions(definitions, place))
        .map(({ title }) => title)
        .filter(title => title.startsWith('Recompile'));
    expect(await offered('(defun tax ')).toEqual(['Recompile users of tax']);
    expect(await offered('(defstruct point ')).toEqual(['Recompile users of point']);
    expect(await offered('(deftype')).toEqual(['Recompile users of small']);
    expect(await offered('(defun plain')).toEqual([]);
  });

  it('are shown by the plan before anything is asked', async () => {
    definitions.replace('`(* 2 ,x)', '`(* 3 ,x)');
    const plan = await editor.command<{ dependents: Dependent[] }>('plan', {
      operation: 'reload_form',
      uri: definitions.uri,
      position: definitions.positionOf('(defmacro inner'),
    });
    expect(names(plan.dependents, 'recompiled')).toHaveLength(7);
    expect(await value('(elsewhere 1)')).toBe('2');
  });

  it('are compiled again also where the policy allows changes without asking', async () => {
    await editor.finish();
    await start({ approval: { 'modify-running-code': 'allow' } });
    definitions.replace('`(* 2 ,x)', '`(* 3 ,x)');
    const result = await editor.actionOutcome(definitions, '(defmacro inner', /^Reload inner$/);
    expect(names(dependentsOf(result), 'recompiled')).toHaveLength(7);
    definitions.replace('(defun plain (x) x)', '(defun plain (x) (1+ x))');
    expect(await editor.actionOutcome(definitions, '(defun plain', /^Reload plain$/)).toMatchObject({
      status: 'applied',
      dependents: [],
    });
    expect(await value('(list (via-outer 1) (elsewhere 1) (calls-plain 1))')).toBe('(6 3 2)');
    expect(editor.prompts.all).toEqual([]);
  });

  it('are only listed where the person chose that', async () => {
    await editor.finish();
    await start({ reload: { dependents: 'list' } });
    definitions.replace('`(* 2 ,x)', '`(* 3 ,x)');
    const { dependents, prompt } = await reload('(defmacro inner', /reload inner/i);
    expect(prompt).toMatch(/recompiles no user; 8 stale users are only listed/);
    expect(names(dependents, 'recompiled')).toEqual([]);
    expect(names(dependents, 'listed', 'certain')).toHaveLength(8);
    expect(await value('(list (via-outer 1) (elsewhere 1))')).toBe('(4 2)');
    // Until that is asked for.
    void editor.expectPrompt(/recompile the users of dep::inner/i, 'Approve');
    const later = await editor.command('recompile_dependents', { symbol: 'dep::inner' });
    expect(names(dependentsOf(later), 'recompiled')).toContain('VIA-OUTER');
    expect(await value('(list (via-outer 1) (elsewhere 1))')).toBe('(6 3)');
  });
});

it('a type that is made with a constant or a macro is made again before what was compiled with the type', async () => {
  const text = `(in-package :cl-user)
(defconstant +most+ 10)
(defmacro most () +most+)
(deftype few () \`(integer 0 ,+most+))
(deftype some-more () (list 'integer 0 (* 2 (most))))
(defun says (x) (list (most) (typep x 'few) (typep x 'some-more)))
(defun is-few (x) (typep x 'few))
`;
  const editor = await Editor.start({ files: { 'few.lisp': text }, load: ['few.lisp'] });
  try {
    const document = editor.openFile(path.join(editor.root, 'few.lisp'));
    document.replace('+most+ 10', '+most+ 100');
    void editor.expectPrompt(/reload \+most\+/i, 'Approve');
    const { status, dependents } = await editor.command<OperationResult & { dependents: Dependent[] }>(
      'reload_form',
      { uri: document.uri, position: { line: 1, character: 3 } },
    );
    expect([status, dependents.map(each => `${each.status} ${each.name}`).sort()]).toEqual([
      'applied',
      ['FEW', 'IS-FEW', 'MOST', 'SAYS', 'SOME-MORE'].map(name => `recompiled ${name}`),
    ]);
    const values = () => editor.evaluate('(list (says 50) (says 150) (is-few 50))');
    expect(await values()).toEqual(['((100 T T) (100 NIL T) T)']);
    void editor.expectPrompt(/roll back/i, 'Approve');
    await editor.command('rollback');
    expect(await values()).toEqual(['((10 NIL NIL) (10 NIL NIL) NIL)']);
  } finally {
    await editor.finish();
  }
});
