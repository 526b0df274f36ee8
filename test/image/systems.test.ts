/** Systems and packages: seen as files, reloaded as a whole, and left as they were when anything fails. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Editor, lispString, repository, sbclCommand } from '../support/lspClient.ts';
import { ledgerFiles, loadSystem, systemWorkspace } from '../support/asdfSystem.ts';

interface Status {
  readonly root: string;
  readonly version: string | null;
  readonly dependencies: readonly string[];
  readonly loaded: boolean;
  readonly files: readonly { file: string; uri: string; loaded: boolean; stale: boolean }[];
}

let root: string;
let editor: Editor;

beforeEach(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'hotlisp-system-'));
  editor = await Editor.start(systemWorkspace(root));
});
afterEach(async () => {
  await editor.finish();
  rmSync(root, { recursive: true, force: true });
});

const file = (name: string) => path.join(root, name);
const edit = (name: string, from: string, to: string) => {
  const text = readFileSync(file(name), 'utf8');
  if (!text.includes(from)) throw new Error(`${name} does not hold ${from}`);
  writeFileSync(file(name), text.replace(from, to));
};
const names = (list: readonly { file: string }[]) => list.map(each => path.basename(each.file));
const fingerprint = async () => {
  await editor.evaluate(`(load ${lispString(path.join(repository, 'test/support/fingerprint.lisp'))})`);
  await editor.evaluate('(fingerprint:remember "LEDGER")');
};
const changes = () => editor.evaluate('(fingerprint:changes)');
const approve = (matches: RegExp) => editor.expectPrompt(matches, 'Approve');
const reload = (force: boolean | 'all' = false, system = 'ledger') =>
  editor.command('code_reload_system', { system, force });

describe('the status of a system', () => {
  it('names root, version, dependencies and the files in the order in which they are loaded', async () => {
    await loadSystem(editor, 'ledger');
    const status = await editor.command<Status>('system_status', { system: 'ledger' });
    expect(status).toMatchObject({ root: `${root}/`, version: '1.2', dependencies: [], loaded: true });
    expect(names(status.files)).toEqual(['package.lisp', 'accounts.lisp', 'report.lisp']);
    expect(status.files.map(each => [each.loaded, each.stale])).toEqual(Array(3).fill([true, false]));
    expect(editor.prompts.all).toEqual([]);
  });

  it('marks what was edited since, and only that', async () => {
    await loadSystem(editor, 'ledger');
    edit('accounts.lisp', '(* 2 ,form)', '(* 3 ,form)');
    await editor.evaluate(
      `(sb-ext:run-program "touch" '("-d" "now + 5 seconds" ${lispString(file('accounts.lisp'))}) :search t)`,
    );
    const status = await editor.command<Status>('system_status', { system: 'ledger' });
    expect(names(status.files.filter(each => each.stale))).toEqual(['accounts.lisp']);
  });

  it('that the image has never seen is what its definition in the workspace says, none of which is run', async () => {
    const asd = `(princ #.(error "run"))
(asdf:defsystem #:other :version "1")
(asdf:defsystem #:outer
  :version "3.1" ; the newest
  :defsystem-depends-on ("build")
  :depends-on (:alexandria (:version "cl-ppcre" "2.0") (:feature :sbcl "sb-posix"))
  :pathname "src/"
  :components ((:file "b" :depends-on ("m" "a"))
               (:module "m" :pathname "deep"
                :components ((:file "x") (:static-file "y.txt") (:file "z" :pathname #p"zed.lisp")))
               (:file "a")))
`;
    writeFileSync(file('outer.asd'), asd);
    const status = await editor.command<Status>('system_status', { system: ':outer' });
    expect(status).toMatchObject({
      root: `${root}/`,
      asd: file('outer.asd'),
      version: '3.1',
      dependencies: ['build', 'alexandria', 'cl-ppcre', 'sb-posix'],
      loaded: false,
      registered: false,
    });
    expect(status.files.map(each => [path.relative(root, each.file), each.loaded, each.stale])).toEqual(
      ['src/deep/x.lisp', 'src/deep/zed.lisp', 'src/a.lisp', 'src/b.lisp'].map(each => [each, false, true]),
    );
  });

  it('is asked for by any name by which Lisp code designates the system', async () => {
    await loadSystem(editor, 'ledger');
    for (const system of [':ledger', '#:LEDGER', "'ledger", '"ledger"', ':|ledger|'])
      expect(await editor.command('system_status', { system })).toMatchObject({ system: 'ledger' });
  });

  it('is an error for a system that nobody knows', async () => {
    const error = await editor.failure('system_status', { system: 'no-such-system' });
    expect(error.kind).toBe('unknown-system');
    expect(error.message).toContain('no-such-system');
  });
});

describe('reloading a system', () => {
  it('loads one that the image has never seen from its definition in the workspace', async () => {
    const prompt = approve(/reload system ledger/i);
    const result = await reload();
    expect(result).toMatchObject({ status: 'applied' });
    expect((await prompt).message).toContain('ledger.asd');
    expect(await editor.evaluate('(ledger:report)')).toEqual(['"Balance: 12"']);
    expect(result.definitions).toContainEqual({
      kind: 'function',
      name: 'REPORT',
      package: 'LEDGER',
      change: 'new',
    });
    expect(result.definitions).toContainEqual({
      kind: 'package',
      name: 'LEDGER',
      package: 'LEDGER',
      change: 'new',
    });
  });

  it('previews the files, compiles what changed and what depends on it, and says what it did to each', async () => {
    await loadSystem(editor, 'ledger');
    edit('accounts.lisp', '(* 2 ,form)', '(* 3 ,form)');
    const prompt = approve(/reload system ledger/i);
    const result = await reload();
    expect(result.status).toBe('applied');
    expect((await prompt).message).toMatch(/compiles .*accounts\.lisp/);
    expect(result.files!.filter(each => each.compiled).map(each => path.basename(each.file))).toContain(
      'accounts.lisp',
    );
    expect(await editor.evaluate('(ledger:report)')).toEqual(['"Balance: 18"']);
  });

  it('counts the files that this SBCL loads, and of a system that infers them from packages those of its parts', async () => {
    edit(
      'ledger.asd',
      '(:file "package")',
      '(:file "package") (:file "never" :if-feature :clisp) (:static-file "NOTES")',
    );
    for (const [name, text] of [
      ['NOTES', ''],
      ['parts/parts.asd', '(defsystem "parts" :class :package-inferred-system :depends-on ("parts/main"))'],
      [
        'parts/main.lisp',
        '(defpackage #:parts/main (:use #:common-lisp #:parts/util))\n(in-package #:parts/main)\n(defun main () (util))\n',
      ],
      [
        'parts/util.lisp',
        '(defpackage #:parts/util (:use #:common-lisp) (:export #:util))\n(in-package #:parts/util)\n(defun util () 1)\n',
      ],
    ] as const) {
      mkdirSync(path.dirname(file(name)), { recursive: true });
      writeFileSync(file(name), text);
      utimesSync(file(name), 1e9, 1e9);
    }
    await loadSystem(editor, 'ledger');
    await loadSystem(editor, 'parts/parts');
    const files = async (system: string) =>
      names((await editor.command<Status>('system_status', { system })).files);
    expect(await files('ledger')).toEqual(['package.lisp', 'accounts.lisp', 'report.lisp']);
    expect(await files('parts')).toEqual(['util.lisp', 'main.lisp']);
    edit('parts/util.lisp', '() 1', '() 2');
    void approve(/It compiles 1 of 2 files: util\.lisp, and what depends on them/);
    expect(names((await reload(false, 'parts')).files!)).toEqual(['util.lisp', 'main.lisp']);
    void approve(/It compiles 3 of 3 files/);
    expect(names((await reload(true)).files!)).not.toContain('NOTES');
  });

  it('says that its definition has changed, which is read first and may name other files: the one that was approved', async () => {
    utimesSync(file('ledger.asd'), 1e9, 1e9);
    await loadSystem(editor, 'ledger');
    const status = () =>
      editor.command<{ definition_changed: boolean }>('system_status', { system: 'ledger' });
    expect(await status()).toMatchObject({ definition_changed: false });
    writeFileSync(path.join(editor.root, 'extra.lisp'), '(in-package #:ledger)\n(defun extra () 1)\n');
    edit('ledger.asd', '(:file "package")', '(:file "package") (:file "extra" :depends-on ("package"))');
    expect(await status()).toMatchObject({ definition_changed: true });
    const changed = /definition ledger\.asd has changed: that is read first, and may name other files/;
    void editor.expectPrompt(changed, () => {
      edit('ledger.asd', '"1.2"', '"1.3"');
      return 'Approve';
    });
    const refused = await editor.command('code_reload_system', { system: 'ledger' });
    expect(refused).toMatchObject({ status: 'failed' });
    expect(refused.notes[0]!.message).toMatch(/ledger\.asd has changed since its loading was approved/);
    void editor.expectPrompt(changed, 'Approve');
    const result = await editor.command('code_reload_system', { system: 'ledger' });
    expect(result).toMatchObject({ status: 'applied' });
    expect(result.files!.map(({ file }) => path.basename(file))).toContain('extra.lisp');
    expect(await editor.evaluate('(ledger::extra)')).toEqual(['1']);
    expect(await status()).toMatchObject({ definition_changed: false });
  });

  it('compiles nothing of the systems that it depends on, also where those have files that are no code', async () => {
    edit('ledger.asd', '(:file "package")', '(:file "package") (:static-file "NOTES")');
    writeFileSync(file('NOTES'), 'Of the ledger.\n');
    writeFileSync(
      file('till.asd'),
      '(defsystem "till" :depends-on ("ledger") :components ((:file "till")))\n',
    );
    writeFileSync(file('till.lisp'), '(in-package #:ledger)\n\n(defun till () (balance))\n');
    // What was written in the second in which it was compiled might have been edited since.
    const before = new Date(Date.now() - 60_000);
    for (const name of Object.keys(ledgerFiles)) utimesSync(file(name), before, before);
    await loadSystem(editor, 'ledger');
    const approved = approve(/reload system till/i);
    const { status, files = [] } = await reload(false, 'till');
    await approved;
    expect([status, names(files)]).toEqual(['applied', ['till.lisp']]);
  });

  it('names what it compiles, loads and reads of the systems that it depends on, and does only that', async () => {
    writeFileSync(
      file('till.asd'),
      '(defsystem "till" :depends-on ("ledger") :components ((:file "till")))\n',
    );
    writeFileSync(file('till.lisp'), '(in-package #:ledger)\n\n(defun till () (doubled 1))\n');
    const before = new Date(Date.now() - 60_000);
    for (const name of [...Object.keys(ledgerFiles), 'till.asd', 'till.lisp'])
      utimesSync(file(name), before, before);
    await loadSystem(editor, 'ledger');
    await loadSystem(editor, 'till');
    edit('accounts.lisp', '(* 2 ,form)', '(* 3 ,form)');
    const later = new Date(Date.now() + 5000);
    for (const name of ['accounts.lisp', 'ledger.asd']) utimesSync(file(name), later, later);
    expect(await editor.command('plan', { operation: 'code_reload_system', system: 'till' })).toMatchObject({
      files: [{ file: file('till.lisp'), compiles: false, stale: false }],
      dependencies: [
        {
          system: 'ledger',
          definition_changed: true,
          files: [{ file: file('accounts.lisp'), compiles: true }],
        },
      ],
    });
    const prompt = editor.expectPrompt(/None of its 1 file has changed/, () => {
      edit('accounts.lisp', '(* 3 ,form)', '(* 4 ,form)');
      return 'Approve';
    });
    expect(await reload(false, 'till')).toMatchObject({ status: 'failed' });
    expect((await prompt).message).toContain(
      'Of its dependency ledger it reads the definition ledger.asd again and compiles accounts.lisp, and what depends on that.',
    );
    expect(await editor.evaluate('(ledger::till)')).toEqual(['2']);
    void approve(/of its dependency ledger/i);
    expect((await reload(false, 'till')).status).toBe('applied');
    expect(await editor.evaluate('(ledger::till)')).toEqual(['4']);
  });

  it('sees an edit made within the second in which the file was compiled', async () => {
    await loadSystem(editor, 'ledger');
    const values: string[] = [];
    for (const factor of [5, 7, 9]) {
      edit(
        'accounts.lisp',
        /\(\* (\d) ,form\)/.exec(readFileSync(file('accounts.lisp'), 'utf8'))![0],
        `(* ${factor} ,form)`,
      );
      void approve(/reload system ledger/i);
      expect((await reload()).status).toBe('applied');
      values.push(...(await editor.evaluate('(ledger:balance)')));
    }
    expect(values).toEqual(['30', '42', '54']);
  });

  it('compiles everything again with force, and answers what it redefined', async () => {
    await loadSystem(editor, 'ledger');
    const prompt = approve(/reload system ledger from scratch/i);
    const result = await reload(true);
    expect((await prompt).message).toContain(
      'compiles 3 of 3 files: package.lisp, accounts.lisp and report.lisp',
    );
    expect(names(result.files!)).toEqual(['package.lisp', 'accounts.lisp', 'report.lisp']);
    expect(result.definitions.map(each => `${each.kind} ${each.name} ${each.change}`)).toEqual(
      expect.arrayContaining([
        'function BALANCE redefined',
        'macro DOUBLED redefined',
        'method DESCRIBE-ACCOUNT (ACCOUNT) redefined',
        'method PRINT-OBJECT (ACCOUNT T) redefined',
        'variable *ACCOUNTS* redefined',
      ]),
    );
    expect(await editor.evaluate('(ledger:report)')).toEqual(['"Balance: 12"']);
  });

  it('leaves the image as it was when a file does not compile, and shows where', async () => {
    await loadSystem(editor, 'ledger');
    edit('package.lisp', '#:report', '#:report #:fresh');
    edit('accounts.lisp', '(* 2 ,form)', '(* 3 ,form)');
    edit('report.lisp', '(balance)', '(balance 1 2)))\n(defun other () (let ((x)) (undefined-one *nowhere*)');
    await fingerprint();
    void approve(/reload system ledger/i);
    const result = await reload();
    expect(result.status).toBe('failed');
    expect(result.step).toBe('compile');
    const note = result.notes.find(each => /\*NOWHERE\*/.test(each.message));
    expect(note).toMatchObject({ uri: `file://${file('report.lisp')}`, range: { start: { line: 4 } } });
    expect(await changes()).toEqual(['NIL']);
    expect(await editor.evaluate('(ledger:report)')).toEqual(['"Balance: 12"']);
    // ASDF knows that what it has loaded was taken back: the next reload does it again.
    writeFileSync(file('report.lisp'), ledgerFiles['report.lisp']!);
    void approve(/reload system ledger/i);
    expect((await reload()).status).toBe('applied');
    expect(await editor.evaluate('(ledger:report)')).toEqual(['"Balance: 18"']);
  });

  describe('with a changed constant', () => {
    const users = `(in-package #:ledger)
(defun twice-most () (* 2 +most+))
(defmacro small () (if (< +most+ 9) +most+ (error "too many")))
(defun picky () (small))
`;
    const recompiled = (result: unknown) =>
      (result as { dependents: { name: string; status: string }[] }).dependents
        .filter(({ status }) => status === 'recompiled')
        .map(({ name }) => name)
        .sort();
    const all = ['PICKY', 'SMALL', 'TWICE-MOST'];
    const most = (value: string) =>
      edit(
        'accounts.lisp',
        /\(in-package #:ledger\)(?:\n\(defconstant.*\))?/.exec(
          readFileSync(file('accounts.lisp'), 'utf8'),
        )![0],
        `(in-package #:ledger)\n(defconstant +most+ ${value})`,
      );
    const values = () => editor.evaluate('(list ledger::+most+ (ledger::twice-most) (ledger::picky))');
    beforeEach(async () => {
      most('1');
      await loadSystem(editor, 'ledger');
      // A user that is no part of the system.
      writeFileSync(file('outside.lisp'), users);
      await editor.evaluate(`(load (compile-file ${lispString(file('outside.lisp'))}))`);
      const { uri } = editor.openFile(file('outside.lisp'));
      await editor.command('plan', { operation: 'reload_changed', uri });
      await fingerprint();
    });

    it('is asked about with the hazard and its users, which are compiled again with it and taken back with it', async () => {
      most('2');
      const plan = await editor.command('plan', { operation: 'code_reload_system', system: 'ledger' });
      expect(plan).toMatchObject({
        definitions: [{ kind: 'constant', name: '+MOST+', hazard: { kind: 'constant-changed' } }],
      });
      expect(recompiled(plan)).toEqual(all);
      void editor.expectPrompt(
        /Reload system ledger.*It recompiles 3 users: .*TWICE-MOST.* Hazard: \+MOST\+ is 1 now and would become 2/,
        'Deny',
      );
      await editor.failure('code_reload_system', { system: 'ledger' });
      expect(await changes()).toEqual(['NIL']);
      void approve(/Hazard: \+MOST\+/);
      const result = await reload();
      expect([result.status, recompiled(result)]).toEqual(['applied', all]);
      expect(await values()).toEqual(['(2 4 2)']);
      void approve(/roll back/i);
      expect(await editor.command('rollback')).toMatchObject({ status: 'applied' });
      expect(await values()).toEqual(['(1 2 1)']);
      expect(await changes()).toEqual(['NIL']);
      void approve(/do again/i);
      expect(await editor.command('redo')).toMatchObject({ status: 'applied' });
      expect(await values()).toEqual(['(2 4 2)']);
    });

    it('whose value only the load could tell is asked about then, before anything of it stands', async () => {
      most('(+ 1 2)');
      void approve(/^(?!.*Hazard).*Reload system/);
      const again = editor.expectPrompt(
        /Reload system.*TWICE-MOST.*Hazard: \+MOST\+ is 1 now and would become 3/,
        'Deny',
      );
      expect((await editor.failure('code_reload_system', { system: 'ledger' })).kind).toBe('approval-denied');
      await again;
      expect(await changes()).toEqual(['NIL']);
      void approve(/Reload system/);
      void approve(/Hazard: \+MOST\+/);
      expect(await reload()).toMatchObject({ status: 'applied' });
      expect(await values()).toEqual(['(3 6 3)']);
    });

    it('in a compiled file is asked about as well', async () => {
      writeFileSync(file('most.lisp'), '(in-package #:ledger)\n(defconstant +most+ 4)\n');
      const compiled = file('most.fasl');
      const made = spawnSync(sbclCommand, [
        ...['--noinform', '--non-interactive', '--no-sysinit', '--no-userinit'],
        ...['--eval', '(defpackage #:ledger (:use #:common-lisp))'],
        ...['--eval', `(compile-file ${lispString(file('most.lisp'))} :output-file ${lispString(compiled)})`],
      ]);
      expect(made.status).toBe(0);
      void approve(/Load the compiled file/);
      void approve(/TWICE-MOST.*Hazard: \+MOST\+ is 1 now and would become 4/);
      const result = await editor.command('code_load_fasl', { path: compiled });
      expect([result.status, recompiled(result)]).toEqual(['applied', all]);
      expect(await values()).toEqual(['(4 8 4)']);
      void approve(/roll back/i);
      expect(await editor.command('rollback')).toMatchObject({ status: 'applied' });
      expect(await values()).toEqual(['(1 2 1)']);
    });

    it('changes nothing where a user cannot be compiled with it', async () => {
      most('9');
      void approve(/Hazard: \+MOST\+/);
      const failed = await reload();
      expect(failed).toMatchObject({ status: 'failed', definitions: [] });
      expect(JSON.stringify(failed.notes)).toMatch(/too many/);
      expect(await changes()).toEqual(['NIL']);
      expect(await values()).toEqual(['(1 2 1)']);
    });
  });

  it('leaves the image as it was when loading signals midway', async () => {
    await loadSystem(editor, 'ledger');
    edit(
      'accounts.lisp',
      '(list 1 2 3))',
      '(list 1 2 3))\n(defclass account () ((name :initarg :name :accessor account-name) (extra :initform 1)))',
    );
    edit(
      'report.lisp',
      '(in-package #:ledger)',
      '(in-package #:ledger)\n(defparameter *level* 5)\n(error "not today")',
    );
    await editor.evaluate('(defvar cl-user::*one* (make-instance (quote ledger::account) :name "A"))');
    await fingerprint();
    void approve(/reload system ledger/i);
    const result = await reload();
    expect(result).toMatchObject({ status: 'failed', step: 'load' });
    expect(result.notes.some(each => /not today/.test(each.message))).toBe(true);
    expect(await changes()).toEqual(['NIL']);
    expect(
      await editor.evaluate('(list (princ-to-string cl-user::*one*) (find-symbol "*LEVEL*" "LEDGER"))'),
    ).toEqual(['("#<A>" NIL)']);
  });

  it('that fails remains in part only by what was loaded, not by what the running program does meanwhile', async () => {
    await loadSystem(editor, 'ledger');
    await editor.evaluate(`(progn (defvar ledger::*ticks* 0) (defvar ledger::*mode* :day)
      (sb-thread:make-thread (lambda () (loop (incf ledger::*ticks*) (sleep 0.001)))) t)`);
    const report = readFileSync(file('report.lisp'), 'utf8');
    for (const broken of ['(defun broken () (let ((x 1 2)) x))', '(error "no further")']) {
      writeFileSync(file('report.lisp'), `${report}\n${broken}\n`);
      void approve(/reload system ledger/i);
      const result = await reload(true);
      expect([broken, result.status, result.remains]).toEqual([broken, 'failed', undefined]);
    }
    writeFileSync(file('report.lisp'), `${report}\n(setf *mode* :night)\n(error "no further")\n`);
    void approve(/reload system ledger/i);
    expect(await reload(true)).toMatchObject({
      status: 'partial',
      remains: ['The value of LEDGER::*MODE* changed during the load, and was left as it is.'],
    });
  });

  it('is undone by a rollback, and done again by a redo', async () => {
    await loadSystem(editor, 'ledger');
    edit('accounts.lisp', '(* 2 ,form)', '(* 3 ,form)');
    void approve(/reload system ledger/i);
    await reload();
    await fingerprint();
    void approve(/roll back/i);
    expect((await editor.command('rollback')).status).toBe('applied');
    expect(await editor.evaluate('(ledger:balance)')).toEqual(['12']);
    void approve(/do again/i);
    expect((await editor.command('redo')).status).toBe('applied');
    expect(await editor.evaluate('(ledger:balance)')).toEqual(['18']);
    expect(await changes()).toEqual(['NIL']);
  });

  it('that is taken back is loaded again where it was edited, with what is compiled from that, also where that is as it was', async () => {
    edit('report.lisp', '(balance)', '(doubled (balance))');
    for (const name of Object.keys(ledgerFiles)) utimesSync(file(name), 1e9, 1e9);
    await loadSystem(editor, 'ledger');
    edit('accounts.lisp', '(* 2 ,form)', '(* 3 ,form)');
    void approve(/reload system ledger/i);
    expect(names((await reload()).files!)).toEqual(['accounts.lisp', 'report.lisp']);
    void approve(/roll back/i);
    await editor.command('rollback');
    const { files } = await editor.command<Status>('system_status', { system: 'ledger' });
    expect(names(files.filter(({ stale }) => stale))).toEqual(['accounts.lisp']);
    expect(await editor.evaluate('(ledger:report)')).toEqual(['"Balance: 24"']);
    void approve(/reload system ledger/i);
    expect(names((await reload()).files!)).toEqual(['accounts.lisp', 'report.lisp']);
    expect(await editor.evaluate('(ledger:report)')).toEqual(['"Balance: 54"']);
  });

  it('is undone also where its package has the name of a tool and a hyphen in front, as extensions of ASDF have', async () => {
    const extended = (value: string) =>
      writeFileSync(
        file('asdf-ledger.lisp'),
        `(defpackage #:asdf-ledger (:use #:common-lisp))\n(in-package #:asdf-ledger)\n(defun rate () ${value})\n`,
      );
    writeFileSync(file('asdf-ledger.asd'), '(defsystem "asdf-ledger" :components ((:file "asdf-ledger")))\n');
    extended('1');
    await loadSystem(editor, 'asdf-ledger');
    extended('2');
    void approve(/reload system asdf-ledger/i);
    expect(await reload(false, 'asdf-ledger')).toMatchObject({
      status: 'applied',
      definitions: [{ kind: 'function', name: 'RATE', package: 'ASDF-LEDGER', change: 'redefined' }],
    });
    expect(await editor.evaluate('(asdf-ledger::rate)')).toEqual(['2']);
    void approve(/roll back/i);
    expect((await editor.command('rollback')).status).toBe('applied');
    expect(await editor.evaluate('(asdf-ledger::rate)')).toEqual(['1']);
  });

  it('takes back and does again what it put on the property lists of what it defines, and nothing that others put there', async () => {
    const report = `${readFileSync(file('report.lisp'), 'utf8')}\n(setf (get 'report :code) #'report)\n`;
    writeFileSync(file('report.lisp'), report);
    await loadSystem(editor, 'ledger');
    const registered = () =>
      editor.evaluate("(list (eq (get 'ledger:report :code) #'ledger:report) (get 'ledger:report :calls))");
    void approve(/reload system ledger/i);
    await reload(true);
    await editor.evaluate("(setf (get 'ledger:report :calls) 7)");
    expect(await registered()).toEqual(['(T 7)']);
    void approve(/roll back/i);
    expect(await editor.command('rollback')).toMatchObject({ status: 'applied' });
    expect(await registered()).toEqual(['(T 7)']);
    void approve(/do again/i);
    expect(await editor.command('redo')).toMatchObject({ status: 'applied' });
    expect(await registered()).toEqual(['(T 7)']);
    writeFileSync(file('report.lisp'), `${report}\n(error "no further")\n`);
    void approve(/reload system ledger/i);
    expect(await reload(true)).toMatchObject({ status: 'failed' });
    expect(await registered()).toEqual(['(T 7)']);
  });

  it('never lets a running thread miss a method or get the one of a superclass, however often it is loaded and undone', async () => {
    edit(
      'accounts.lisp',
      '(defmethod print-object',
      `(defclass saving (account) ((rate :initform 2 :accessor rate)))
(defgeneric worth (account) (:method ((account account)) 1) (:method ((account saving)) (+ 10 (call-next-method))))
(define-condition overdrawn (error) ((by :initarg :by :reader overdrawn-by)))
(defgeneric fee (account))
(defmethod fee ((account saving)) 0)
(defgeneric label (account))
(defmethod label ((account account)) "account")
(defmethod label ((account saving)) "saving 0")
(defmethod print-object`,
    );
    await loadSystem(editor, 'ledger');
    const look = `(list (list (ledger::account-name each) (setf (ledger::rate each) 2) (ledger::rate each) (ledger::worth each))
      (subseq (ledger::label each) 0 6) (ledger::overdrawn-by cl-user::*overdrawn*) (ledger::fee each))`;
    await editor.evaluate(`(progn
      (defparameter cl-user::*stop* nil) (defparameter cl-user::*problems* '()) (defparameter cl-user::*looks* (list 0))
      (defparameter cl-user::*each* (make-instance 'ledger::saving :name :me))
      (defparameter cl-user::*overdrawn* (make-condition 'ledger::overdrawn :by 3))
      (defparameter cl-user::*threads* (loop repeat 3 collect (sb-thread:make-thread (lambda ()
        (loop with each = cl-user::*each* until cl-user::*stop*
              do (handler-case (loop repeat 50
                                     do (let ((seen ${look}))
                                          (unless (equal seen '((:me 2 2 11) "saving" 3 0)) (push seen cl-user::*problems*))
                                          (sb-ext:atomic-incf (car cl-user::*looks*))))
                   (error (condition) (push (princ-to-string condition) cl-user::*problems*)))
                 (sb-thread:thread-yield))))))
      t)`);
    for (let round = 1; round <= 7; round++) {
      edit('accounts.lisp', `"saving ${round - 1}"`, `"saving ${round}"`);
      if (round % 2)
        edit('accounts.lisp', ':accessor rate))', ':accessor rate) (more :initform 1 :reader more))');
      else edit('accounts.lisp', ' (more :initform 1 :reader more)', '');
      // One that returns a constant, and one that computes.
      const fees = ['((account saving)) 0)', '((account saving)) (* 0 (rate account)))'] as const;
      edit('accounts.lisp', fees[(round + 1) % 2]!, fees[round % 2]!);
      void approve(/reload system ledger/i);
      expect(await reload(true)).toMatchObject({ status: 'applied' });
      expect(await editor.evaluate('(ledger::label cl-user::*each*)')).toEqual([`"saving ${round}"`]);
    }
    void approve(/roll back/i);
    expect(await editor.command('rollback')).toMatchObject({ status: 'applied' });
    expect(await editor.evaluate('(ledger::label cl-user::*each*)')).toEqual(['"saving 6"']);
    void approve(/do again/i);
    expect(await editor.command('redo')).toMatchObject({ status: 'applied' });
    expect(await editor.evaluate('(ledger::label cl-user::*each*)')).toEqual(['"saving 7"']);
    await editor.evaluate(
      "(progn (setf cl-user::*stop* t) (mapc #'sb-thread:join-thread cl-user::*threads*))",
    );
    expect(
      await editor.evaluate("(remove-duplicates cl-user::*problems* :test #'equal :key #'princ-to-string)"),
    ).toEqual(['NIL']);
    expect(Number((await editor.evaluate('(car cl-user::*looks*)'))[0])).toBeGreaterThan(1000);
    edit('accounts.lisp', ' (:method ((account saving)) (+ 10 (call-next-method)))', '');
    void approve(/reload system ledger/i);
    expect(await reload()).toMatchObject({ status: 'applied' });
    expect(await editor.evaluate('(ledger::worth cl-user::*each*)')).toEqual(['1']);
    void approve(/roll back/i);
    expect(await editor.command('rollback')).toMatchObject({ status: 'applied' });
    expect(await editor.evaluate('(ledger::worth cl-user::*each*)')).toEqual(['11']);
  });

  it('is cancelled between or inside files: the image stays as it was', async () => {
    await loadSystem(editor, 'ledger');
    edit('accounts.lisp', '(* 2 ,form)', '(* 3 ,form)');
    edit('report.lisp', '(in-package #:ledger)', '(in-package #:ledger)\n(loop)');
    await fingerprint();
    void approve(/reload system ledger/i);
    const pending = await editor.command<{ request: number }>('code_reload_system', {
      system: 'ledger',
      background: true,
    });
    const begun = await editor.progress.next('the progress of the last file', each =>
      /loading report/.test(each.value.message ?? ''),
    );
    editor.rpc.notify('window/workDoneProgress/cancel', { token: begun.token });
    const error = await editor.failure('outcome', { request: pending.request, wait: true });
    expect(error.kind).toBe('cancelled');
    expect(await changes()).toEqual(['NIL']);
    expect(await editor.evaluate('(ledger:balance)')).toEqual(['12']);
  });

  it('that runs code which defines nothing by name is applied and verified all the same, and can be loaded again after a rollback', async () => {
    await editor.finish();
    editor = await Editor.start({
      ...systemWorkspace(root),
      settings: {
        verify: [{ when: { system: 'ledger' }, form: "(/= 14 (get 'ledger:balance 'ledger::test 0))" }],
      },
    });
    edit('ledger.asd', '(:file "package")', '(:file "package") (:file "tests" :depends-on ("accounts"))');
    writeFileSync(file('tests.lisp'), "(in-package #:ledger)\n\n(setf (get 'balance 'test) 12)\n");
    // What was written in the second in which it is loaded counts as changed.
    for (const name of Object.keys(ledgerFiles)) utimesSync(file(name), 1e9, 1e9);
    await loadSystem(editor, 'ledger');
    edit('tests.lisp', '12', '13');
    void approve(/reload system ledger/i);
    const { status, files, transaction } = await reload();
    expect([status, names(files!)]).toEqual(['applied', ['tests.lisp']]);
    expect(await editor.evaluate("(get 'ledger:balance 'ledger::test)")).toEqual(['13']);
    void editor.expectPrompt(/roll back/i, 'Approve');
    expect(await editor.command('rollback', { transaction })).toMatchObject({ status: 'applied' });
    edit('tests.lisp', '13', '14');
    void approve(/reload system ledger/i);
    expect((await reload()).status).toBe('rolled-back');
  });

  it('is rolled back when a verification of the system fails', async () => {
    await editor.finish();
    editor = await Editor.start({
      ...systemWorkspace(root),
      settings: { verify: [{ when: { system: 'ledger' }, form: '(= 12 (ledger:balance))' }] },
    });
    await loadSystem(editor, 'ledger');
    edit('accounts.lisp', '(* 2 ,form)', '(* 3 ,form)');
    void approve(/reload system ledger/i);
    expect((await reload()).status).toBe('rolled-back');
    expect(await editor.evaluate('(ledger:balance)')).toEqual(['12']);
  });

  it('does nothing without an approval, and nothing where nothing changed', async () => {
    await loadSystem(editor, 'ledger');
    void approve(/reload system ledger/i);
    await reload();
    edit('accounts.lisp', '(* 2 ,form)', '(* 3 ,form)');
    void editor.expectPrompt(/reload system ledger/i, 'Deny');
    expect((await editor.failure('code_reload_system', { system: 'ledger' })).kind).toBe('approval-denied');
    expect(await editor.evaluate('(ledger:balance)')).toEqual(['12']);
    void approve(/reload system ledger/i);
    await reload();
    void approve(/none of its 3 files has changed/i);
    expect((await reload()).status).toBe('unchanged');
  });

  it('compiles no text but the approved one', async () => {
    await loadSystem(editor, 'ledger');
    edit('accounts.lisp', '(* 2 ,form)', '(* 3 ,form)');
    void editor.expectPrompt(/reload system ledger/i, () => {
      edit('accounts.lisp', '(* 3 ,form)', '(* 4 ,form)');
      return 'Approve';
    });
    const result = await reload();
    expect(result.status).toBe('failed');
    expect(result.notes[0]?.message).toMatch(/changed since its loading was approved/);
    expect(await editor.evaluate('(ledger:balance)')).toEqual(['12']);
  });

  it('is asked for by any name by which Lisp code designates the system', async () => {
    await loadSystem(editor, 'ledger');
    for (const system of [':ledger', '#:LEDGER', "'ledger", '"ledger"', ':|ledger|'])
      expect(await editor.command('system_status', { system })).toMatchObject({ system: 'ledger' });
  });

  it('is an error for a system that nobody knows', async () => {
    const error = await editor.failure('code_reload_system', { system: 'no-such-system' });
    expect(error.kind).toBe('unknown-system');
  });

  it('takes force as false, true or "all", and nothing else', async () => {
    const error = await editor.failure('code_reload_system', { system: 'ledger', force: 'some' });
    expect(error.kind).toBe('invalid-arguments');
    expect(error.message).toContain('force');
  });
});

describe('a package', () => {
  it('is defined by files, which are named in dependency order with what each defines', async () => {
    await loadSystem(editor, 'ledger');
    const { files } = await editor.command<{
      files: { file: string; system: string; definitions: number; stale: boolean }[];
    }>('package_files', { package: 'ledger' });
    expect(names(files)).toEqual(['package.lisp', 'accounts.lisp', 'report.lisp']);
    expect(files.map(each => each.system)).toEqual(['ledger', 'ledger', 'ledger']);
    expect(files.at(-1)!.definitions).toBe(1);
    expect(files.every(each => !each.stale)).toBe(true);
  });

  it('of files without a system comes in the order in which they were loaded', async () => {
    for (const name of ['package.lisp', 'accounts.lisp', 'report.lisp'])
      await editor.evaluate(`(load ${lispString(file(name))})`);
    const { files } = await editor.command<{ files: { file: string }[] }>('package_files', {
      package: 'LEDGER',
    });
    expect(names(files)).toEqual(['package.lisp', 'accounts.lisp', 'report.lisp']);
  });

  it('is reloaded as one change: the forms of exactly its files, the open buffer in place of the file', async () => {
    await loadSystem(editor, 'ledger');
    const document = editor.openFile(file('accounts.lisp'));
    document.replace('(* 2 ,form)', '(* 4 ,form)');
    const prompt = approve(
      /reload package LEDGER: \d+ forms of 3 files, package\.lisp \(1\), accounts\.lisp \(6\), report\.lisp \(1\)/i,
    );
    const result = await editor.command('code_reload_package', { package: 'ledger' });
    expect(result.status).toBe('applied');
    await prompt;
    expect(await editor.evaluate('(ledger:report)')).toEqual(['"Balance: 24"']);
  });

  it('leaves everything as it was when one of its files does not compile', async () => {
    await loadSystem(editor, 'ledger');
    await fingerprint();
    edit('accounts.lisp', '(* 2 ,form)', '(* 4 ,form)');
    edit('report.lisp', '(balance)', '(balance) (in-package)');
    void approve(/reload package/i);
    const result = await editor.command('code_reload_package', { package: 'ledger' });
    expect(result.status).toBe('failed');
    expect(await changes()).toEqual(['NIL']);
  });

  it('is offered where it is defined and where it is made the current one', async () => {
    await loadSystem(editor, 'ledger');
    const offered = async (name: string, place: string) =>
      (await editor.codeActions(editor.openFile(file(name)), place))
        .map(({ title }) => title)
        .filter(title => title.startsWith('Reload package'));
    expect(await offered('package.lisp', '(defpackage')).toEqual(['Reload package LEDGER']);
    expect(await offered('report.lisp', '(in-package')).toEqual(['Reload package LEDGER']);
    expect(await offered('report.lisp', '(defun')).toEqual([]);
    const asked = approve(/reload package LEDGER/i);
    const result = await editor.actionOutcome(
      editor.openFile(file('report.lisp')),
      '(in-package',
      /^Reload package LEDGER$/,
    );
    expect(result).toMatchObject({ status: 'applied' });
    await asked;
  });

  it('that is not there is an error that says so', async () => {
    for (const name of ['package_files', 'code_reload_package']) {
      const error = await editor.failure(name, { package: 'NO-SUCH-PACKAGE' });
      expect(error.kind).toBe('unknown-package');
      expect(error.message).toContain('NO-SUCH-PACKAGE');
    }
  });
});
