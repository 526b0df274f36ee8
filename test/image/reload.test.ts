/** The main job on a spawned image: forms reloaded from a buffer, asked first, and what the person and the program are told. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Editor, lispString, type TextDocument } from '../support/lspClient.ts';
import type { Diagnostic, OperationResult, SourceLocation } from '../support/lspTypes.ts';
import { shop } from '../support/shop.ts';

const form = '(defun total';

describe('reloading from a buffer', () => {
  let editor: Editor;
  let document: TextDocument;

  beforeEach(async () => {
    editor = await Editor.start({ files: { 'shop.lisp': shop }, load: ['shop.lisp'] });
    document = editor.openFile(`${editor.root}/shop.lisp`);
  });
  afterEach(() => editor.finish());

  const total = () => editor.evaluate('(shop:total 10)');

  it('offers the form under the cursor by name, the changed forms, the file and evaluation', async () => {
    const titles = (await editor.codeActions(document, form)).map(action => action.title);
    expect(titles).toEqual([
      'Reload total',
      'Reload changed forms',
      'Reload file',
      'Plan the reload of total',
      'Evaluate form',
      'Evaluate buffer',
      'Remove total from image',
    ]);
  });

  it('offers code actions without starting an image', async () => {
    await editor.codeActions(document, form);
    expect(await editor.command('image_status')).toMatchObject({ state: 'idle' });
    expect(editor.children()).toEqual([]);
  });

  it('installs an approved form, and the program calls it from then on', async () => {
    expect(await total()).toEqual(['40']);
    document.replace('(twice (tax amount))', '(1+ (twice (tax amount)))');
    const prompt = editor.expectPrompt(/reload total/i, 'Approve');
    const result = await editor.actionOutcome(document, form, /^Reload total$/);
    expect(result).toMatchObject({
      status: 'applied',
      definitions: [{ kind: 'function', name: 'TOTAL', package: 'SHOP', change: 'redefined' }],
      notes: [],
      threads: [],
    });
    expect(result.transaction).toBeTypeOf('string');
    expect(result.duration_ms).toBeGreaterThan(0);
    expect(await total()).toEqual(['41']);
    const { type, message, actions } = await prompt;
    expect(type).toBe(2);
    expect(message).toMatch(/total/i);
    expect(message).toMatch(/sbcl/i);
    expect(actions.map(action => action.title)).toEqual([
      'Deny',
      'Approve',
      'Approve for Session',
      'Show Diff',
    ]);
  });

  it('answers the gesture at once, tells the person how it ended, and keeps the outcome', async () => {
    document.replace('(twice (tax amount))', '(1+ (twice (tax amount)))');
    let release = (_answer: string) => {};
    void editor.expectPrompt(/reload total/i, () => new Promise<string>(answer => (release = answer)));
    const pending = (await editor.runAction(document, form, /^Reload total$/)) as {
      status: string;
      request: number;
    };
    expect(pending).toEqual({ status: 'pending', request: expect.any(Number) as number });
    await editor.prompts.next('the prompt', () => true);
    // While the person thinks, nothing waits: other requests are answered, and the outcome is said to be pending.
    expect(await editor.command('outcome', { request: pending.request })).toMatchObject({
      status: 'pending',
    });
    expect(
      await editor.request('textDocument/documentSymbol', { textDocument: { uri: document.uri } }),
    ).not.toEqual([]);
    release('Approve');
    expect(await editor.outcome(pending)).toMatchObject({ status: 'applied' });
    const told = await editor.messages.next('a message of the outcome', each => /total/i.test(each.message));
    expect(told.type).toBe(3);
    // Asked twice, it answers the same.
    expect(await editor.outcome(pending)).toMatchObject({ status: 'applied' });
  });

  it('leaves the old definition when it is denied, and says so', async () => {
    document.replace('(twice (tax amount))', '0');
    void editor.expectPrompt(/reload total/i, 'Deny');
    const error = await editor.actionFailure(document, form, /^Reload total$/);
    expect(error.kind).toBe('approval-denied');
    expect(error.message).toMatch(/denied/i);
    expect(await total()).toEqual(['40']);
  });

  it('waits for the outcome when a program calls the command itself', async () => {
    document.replace('(twice (tax amount))', '7');
    void editor.expectPrompt(/reload total/i, 'Approve');
    const result = await editor.command('reload_form', {
      uri: document.uri,
      version: document.version,
      position: document.positionOf(form),
    });
    expect(result.status).toBe('applied');
    expect(await total()).toEqual(['7']);
  });

  it('does not ask again after Approve for Session', async () => {
    document.replace('(twice (tax amount))', '1');
    void editor.expectPrompt(/reload total/i, 'Approve for Session');
    await editor.actionOutcome(document, form, /^Reload total$/);
    document.replace('  1)', '  2)');
    const again = await editor.actionOutcome(document, form, /^Reload total$/);
    expect(again.status).toBe('applied');
    expect(await total()).toEqual(['2']);
    expect(editor.prompts.all).toHaveLength(1);
  });

  it('shows the change and asks again after Show Diff', async () => {
    document.replace('(twice (tax amount))', '(list :changed amount)');
    void editor.expectPrompt(/reload total/i, 'Show Diff');
    void editor.expectPrompt(/reload total/i, 'Approve');
    const result = await editor.actionOutcome(document, form, /^Reload total$/);
    expect(result.status).toBe('applied');
    const { text } = await editor.shown.next('the diff', () => true);
    expect(text).toMatch(/^-.*\(twice \(tax amount\)\)/m);
    expect(text).toMatch(/^\+.*\(list :changed amount\)/m);
    expect(await total()).toEqual(['(:CHANGED 10)']);
  });

  it('reloads the changed forms only', async () => {
    document.replace('(* amount *rate*)', '(+ amount *rate*)');
    document.replace('(item-price thing)', '(1+ (item-price thing))');
    const prompt = editor.expectPrompt(/reload/i, 'Approve');
    const result = await editor.actionOutcome(document, form, /^Reload changed forms$/);
    expect(result.status).toBe('applied');
    expect(
      result.definitions
        .filter(each => each.change !== 'unchanged')
        .map(each => each.name)
        .sort(),
    ).toEqual(['AREA (ITEM)', 'TAX']);
    expect((await prompt).message).not.toMatch(/basket/i);
    expect(await editor.evaluate('(list (shop::tax 5) (shop::area (shop::make-item :price 3)))')).toEqual([
      '(7 4)',
    ]);
    // A second time there is nothing to do, and nothing to ask.
    expect(await editor.actionOutcome(document, form, /^Reload changed forms$/)).toMatchObject({
      status: 'unchanged',
    });
  });

  it('reloads a table of 60,000 numbers', async () => {
    const numbers = Array.from({ length: 60_000 }, (_, n) => `#x${(n + 0x8140).toString(16)}`);
    const table = editor.open(
      'table.lisp',
      `(in-package #:shop)\n(defvar *table* '#(${numbers.join(' ')}))\n`,
    );
    void editor.expectPrompt(/reload table/i, 'Approve');
    expect(await editor.command('reload_file', { uri: table.uri })).toMatchObject({ status: 'applied' });
    expect(await editor.evaluate('(length shop::*table*)')).toEqual(['60000']);
  });

  it('of a version that the editor has closed is stale: what the file says may be another thing', async () => {
    const { uri, version } = document;
    document.close();
    const argument = { uri, version, position: { line: 4, character: 0 } };
    expect(await editor.failure('reload_form', argument)).toMatchObject({ kind: 'stale', code: -32801 });
  });

  it('reloads a changed declamation once', async () => {
    document.replace('(defun total', '(declaim (notinline total))\n(defun total');
    const prompt = editor.expectPrompt(/reload changed/i, 'Approve');
    const changed = () => editor.command('reload_changed', { uri: document.uri });
    expect((await changed()).definitions).toMatchObject([{ kind: 'declaration', change: 'new' }]);
    expect((await prompt).message).toMatch(/It defines declaration \(notinline total\) \(new\)/);
    expect(await changed()).toMatchObject({ status: 'unchanged' });
    document.replace('(notinline total)', '(inline total)');
    void editor.expectPrompt(/reload changed/i, 'Approve');
    await changed();
    expect(await changed()).toMatchObject({ status: 'unchanged' });
  });

  it('reloads a whole file as one change', async () => {
    document.replace('(* amount *rate*)', '(+ amount *rate*)');
    document.replace('(twice (tax amount))', '(tax amount)');
    void editor.expectPrompt(/reload/i, 'Approve');
    expect(await editor.actionOutcome(document, form, /^Reload file$/)).toMatchObject({ status: 'applied' });
    expect(await total()).toEqual(['12']);
  });

  it('reloads a file that defines a package, and is in it by a nickname', async () => {
    const text = `(defpackage #:corner-shop (:use #:cl) (:nicknames "CORNER" #:cs))\n(in-package #:cs)\n(defun open-p () :yes)\n`;
    const { uri } = editor.open('corner.lisp', text);
    void editor.expectPrompt(/reload/i, 'Approve');
    expect(await editor.command('reload_file', { uri })).toMatchObject({
      status: 'applied',
      definitions: [
        { kind: 'package', name: 'CORNER-SHOP', change: 'new', class: 'safe' },
        { name: 'OPEN-P', package: 'CORNER-SHOP', change: 'new', class: 'safe' },
      ],
    });
    expect(await editor.evaluate('(corner::open-p)')).toEqual([':YES']);
  });

  it('compiles a file as itself: what is read and what runs meanwhile asks by its name, and its places are right', async () => {
    const text = `(in-package :shop)

(eval-when (:compile-toplevel :load-toplevel :execute)
  (defvar *compiled* (and *compile-file-truename* (file-namestring *compile-file-truename*))))

(defun compiled () '#.(and *compile-file-pathname* (file-namestring *compile-file-pathname*)))

(defun broken () (undefined-here #.(file-namestring *compile-file-truename*)))

#.(list 'defun 'named '() (file-namestring (or *compile-file-truename* "nothing")))
`;
    const opened = editor.open('self.lisp', text);
    void editor.expectPrompt(/reload/i, 'Approve');
    const result = await editor.command('reload_file', { uri: opened.uri });
    expect(result).toMatchObject({ status: 'applied' });
    const own = '"self.lisp"';
    expect(await editor.evaluate('(list shop::*compiled* (shop::compiled) (shop::named))')).toEqual([
      `(${own} ${own} ${own})`,
    ]);
    const start = opened.positionOf('undefined-here');
    expect(result.notes).toContainEqual(
      expect.objectContaining({
        message: expect.stringMatching(/UNDEFINED-HERE/i) as string,
        range: expect.objectContaining({ start }) as object,
      }),
    );
  });

  it('evaluates a form without asking, in the package of its place', async () => {
    document.set(`${shop}\n(list (package-name *package*) (total 1))\n`);
    const result = await editor.actionOutcome(document, '(list (package-name', /^Evaluate form$/);
    expect(result.values).toEqual(['("SHOP" 4)']);
    await editor.messages.next('the value as a message', each => each.message.includes('("SHOP" 4)'));
  });

  it('finds the new definition at its place in the file right afterwards', async () => {
    document.replace('(defun total (amount)', ';; moved down\n;; by two lines\n(defun total (amount)');
    document.replace('(twice (tax amount))', '9');
    document.save();
    void editor.expectPrompt(/reload total/i, 'Approve');
    await editor.actionOutcome(document, form, /^Reload total$/);
    const start = document.positionOf(form);
    expect(await editor.command<SourceLocation[]>('source_location', { symbol: 'shop:total' })).toMatchObject(
      [
        {
          kind: 'function',
          name: 'TOTAL',
          uri: document.uri,
          file: document.file,
          line: start.line + 1,
          column: 1,
          stale: false,
        },
      ],
    );
    // SBCL's own record, which its backtraces and every other tool read.
    const [printed] = await editor.evaluate(
      `(let ((source (sb-introspect:find-definition-source (fdefinition 'shop:total))))
         (list (namestring (sb-introspect:definition-source-pathname source))
               (sb-introspect:definition-source-character-offset source)))`.replaceAll(
        'sb-introspect:',
        'sb-introspect:',
      ),
    );
    expect(printed).toBe(`(${JSON.stringify(document.file)} ${document.text.indexOf(form)})`);
  });

  it('takes a change back and does it again', async () => {
    document.replace('(twice (tax amount))', '5');
    void editor.expectPrompt(/reload total/i, 'Approve');
    const { transaction } = await editor.actionOutcome(document, form, /^Reload total$/);
    expect(await total()).toEqual(['5']);
    void editor.expectPrompt(/roll ?back/i, 'Approve');
    expect(await editor.command('rollback', { transaction })).toMatchObject({ status: 'applied' });
    expect(await total()).toEqual(['40']);
    void editor.expectPrompt(/do again|redo/i, 'Approve');
    expect(await editor.command('redo')).toMatchObject({ status: 'applied' });
    expect(await total()).toEqual(['5']);
  });

  it('keeps a journal of every decision and every change, with the source before and after', async () => {
    document.replace('(twice (tax amount))', '5');
    void editor.expectPrompt(/reload total/i, 'Deny');
    await editor.actionFailure(document, form, /^Reload total$/);
    void editor.expectPrompt(/reload total/i, 'Approve');
    const { transaction } = await editor.actionOutcome(document, form, /^Reload total$/);
    const { journal } = await editor.command<{ journal: string }>('history');
    const entries = readFileSync(journal, 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as Record<string, unknown>);
    const reloads = entries.filter(entry => entry['operation'] === 'reload_form');
    expect(reloads.map(entry => [entry['event'], entry['decision']])).toEqual([
      ['decision', 'denied'],
      ['decision', 'approved'],
      ['outcome', undefined],
    ]);
    expect(reloads.at(-1)).toMatchObject({ transaction, outcome: { status: 'applied' } });
    const source = (reloads[1]!['source'] as { before: string; after: string }[])[0]!;
    expect(source.before).toContain('(twice (tax amount))');
    expect(source.after).not.toContain('(twice (tax amount))');
  });

  it('publishes warnings of the compiler at their place, and clears them with the next reload', async () => {
    document.replace('(twice (tax amount))', '(let ((unused 1)) (twice (tax amount)))');
    void editor.expectPrompt(/reload total/i, 'Approve');
    const result = await editor.actionOutcome(document, form, /^Reload total$/);
    expect(result.status).toBe('applied');
    expect(result.notes).toMatchObject([
      { severity: 'style-warning', message: expect.stringMatching(/UNUSED/) as string },
    ]);
    const isNote = ({ source }: Diagnostic) => source === 'sbcl';
    const diagnostic = (await editor.diagnostics(document, list => list.some(isNote), 'a note')).find(isNote);
    expect(diagnostic!.message).toMatch(/UNUSED/);
    expect(diagnostic!.range.start.line).toBe(document.positionOf('(let ((unused').line);
    document.replace('(let ((unused 1)) (twice (tax amount)))', '(twice (tax amount))');
    void editor.expectPrompt(/reload total/i, 'Approve');
    expect((await editor.actionOutcome(document, form, /^Reload total$/)).notes).toEqual([]);
    const from = editor.published.all.length;
    document.replace('What is', 'What  is');
    await editor.published.next('no more notes', each => !each.diagnostics.some(isNote), from);
  });

  it('applies what compiles with a warning, as a compiler does, and says so', async () => {
    document.replace('(twice (tax amount))', '(if (minusp amount) (car) (twice (tax amount)))');
    void editor.expectPrompt(/reload total/i, 'Approve');
    const result = await editor.actionOutcome(document, form, /^Reload total$/);
    expect(result).toMatchObject({
      status: 'applied',
      notes: [{ severity: 'warning', range: { start: document.positionOf('(car)') } }],
    });
    const told = await editor.messages.next('the warning', each => /zero arguments/.test(each.message));
    expect(told.type).toBe(2);
  });

  it('replaces a function from a string, at the place where it stands', async () => {
    void editor.expectPrompt(/replace total/i, 'Approve');
    const result = await editor.command<OperationResult>('code_replace_function', {
      function: 'shop:total',
      'new-code': '(defun total (amount) (list :new amount))',
    });
    expect(result).toMatchObject({ status: 'applied', definitions: [{ name: 'TOTAL', package: 'SHOP' }] });
    expect(await total()).toEqual(['(:NEW 10)']);
    const [location] = await editor.command<SourceLocation[]>('source_location', { symbol: 'shop:total' });
    expect(location).toMatchObject({ file: document.file, line: document.positionOf(form).line + 1 });
  });

  it('replaces exactly the function asked for, whatever its name and package, and no other of that name', async () => {
    await editor.evaluate(`
      (defpackage "odd one" (:use #:common-lisp))
      (defun |odd one|::|Like This| (x) x)`);
    const replace = (name: string, code: string) =>
      editor.command('code_replace_function', { function: name, new_code: code });
    const installed = async (name: string, code: string) => {
      void editor.expectPrompt(/replace/i, 'Approve');
      return (await replace(name, code)).definitions;
    };
    expect(
      await installed('(setf shop::rate)', '(defun (setf rate) (value) (list :set value))'),
    ).toMatchObject([{ name: '(SETF RATE)', package: 'SHOP', change: 'redefined' }]);
    expect(await installed('|odd one|::|Like This|', '(defun |Like This| (x) (list :odd x))')).toMatchObject([
      { name: '|Like This|', package: 'odd one' },
    ]);
    expect(
      await installed('total', '(in-package :shop) (defun total (amount) (list :in amount))'),
    ).toMatchObject([{ name: 'TOTAL', package: 'SHOP', change: 'redefined' }]);
    for (const code of ['(in-package :cl-user) (defun total (x) x)', '(defun cl-user::total (x) x)']) {
      const error = await editor.failure('code_replace_function', { function: 'shop:total', new_code: code });
      expect(error).toMatchObject({ kind: 'invalid-arguments', data: { path: 'new_code' } });
      expect(error.message).toMatch(/shop:total/);
    }
    expect(
      await editor.evaluate(
        `(list (shop:total 1) (setf (shop::rate) 3) (|odd one|::|Like This| 1) (find-symbol "TOTAL" :cl-user))`,
      ),
    ).toEqual(['((:IN 1) (:SET 3) (:ODD 1) NIL)']);
  });

  it('leaves no method with a class whose generic function was taken back', async () => {
    const known = () =>
      editor.evaluate(
        "(mapcar (lambda (class) (length (sb-mop:specializer-direct-methods (find-class class)))) '(shop::item shop::basket))",
      );
    const before = await known();
    const code = '(defmethod weigh ((thing item) (other basket)) (list thing other))';
    void editor.expectPrompt(/compile/i, 'Approve');
    await editor.command('code_compile_string', { code, package: 'shop' });
    const after = await known();
    expect(after).not.toEqual(before);
    void editor.expectPrompt(/roll back/i, 'Approve');
    await editor.command('rollback');
    expect(await known()).toEqual(before);
    expect(await editor.command('who_calls', { symbol: 'shop::basket' })).not.toMatchObject({
      users: expect.arrayContaining([
        expect.objectContaining({ how: 'specializes on', name: expect.stringMatching(/WEIGH/) as string }),
      ]) as unknown,
    });
    void editor.expectPrompt(/do again/i, 'Approve');
    await editor.command('redo');
    expect(await known()).toEqual(after);
    expect(
      await editor.evaluate("(length (shop::weigh (shop::make-item) (make-instance 'shop::basket)))"),
    ).toEqual(['2']);
  });

  it('tells what a form defines without naming it in its text, and takes that back', async () => {
    const code = "(macrolet ((define (name) `(defun ,name () ',name))) (define one) (define two))";
    void editor.expectPrompt(/compile/i, 'Approve');
    const result = await editor.command('code_compile_string', { package: 'shop', code });
    expect(result.definitions.map(({ kind, name, change }) => `${change} ${kind} ${name}`).sort()).toEqual([
      'new function ONE',
      'new function TWO',
    ]);
    expect(await editor.evaluate('(list (shop::one) (shop::two))')).toEqual(['(SHOP::ONE SHOP::TWO)']);
    void editor.expectPrompt(/roll back/i, 'Approve');
    expect(await editor.command('rollback')).toMatchObject({
      status: 'applied',
      transaction: result.transaction,
    });
    expect(await editor.evaluate("(list (fboundp 'shop::one) (fboundp 'shop::two))")).toEqual(['(NIL NIL)']);
  });

  it('takes no method away while it compiles, also where a macro declares a generic function for the compiler', async () => {
    const text = `(in-package #:shop)
(defmacro declared (name lambda-list &rest options)
  \`(progn (eval-when (:compile-toplevel) (defgeneric ,name ,lambda-list))
          (eval-when (:load-toplevel :execute) (defgeneric ,name ,lambda-list ,@options))))
(declared label (thing) (:method ((thing symbol)) (string thing)))
(defmacro labelled (name) (label name))
(defun user () (labelled a))
`;
    const other = editor.open('declared.lisp', text);
    await editor.evaluate(`(load ${lispString(other.file!)})`);
    void editor.expectPrompt(/reload declared.lisp/i, 'Approve');
    expect(await editor.command('reload_file', { uri: other.uri })).toMatchObject({
      status: 'applied',
      notes: [],
    });
    other.replace(
      '(declared label (thing) (:method ((thing symbol)) (string thing)))',
      '(defgeneric label (thing))',
    );
    void editor.expectPrompt(/reload label/i, 'Approve');
    await editor.command('reload_form', {
      uri: other.uri,
      position: other.positionOf('(defgeneric label (thing))\n'),
    });
    expect(
      await editor.evaluate("(list (shop::user) (length (sb-mop:generic-function-methods #'shop::label)))"),
    ).toEqual(['("A" 0)']);
  });

  it('redefines what belongs to a locked package from inside that package, as SBCL does, and nothing from outside', async () => {
    await editor.evaluate('(sb-ext:lock-package :shop)');
    document.replace('(twice (tax amount))', '(list :locked amount)');
    void editor.expectPrompt(/reload total/i, 'Approve');
    expect(await editor.actionOutcome(document, form, /^Reload total$/)).toMatchObject({ status: 'applied' });
    expect(await total()).toEqual(['(:LOCKED 10)']);
    void editor.expectPrompt(/compile.*locked package SHOP/is, 'Approve');
    const outside = await editor.command('code_compile_string', { code: '(defun shop:total (x) x)' });
    expect(outside.status).toBe('failed');
    expect(await total()).toEqual(['(:LOCKED 10)']);
    void editor.expectPrompt(/roll back/i, 'Approve');
    expect(await editor.command('rollback')).toMatchObject({ status: 'applied' });
    expect(await total()).toEqual(['40']);
  });

  it('asks before it replaces a function of SBCL’s own, whatever was approved for the session', async () => {
    const replace = (name: string, code: string) =>
      editor.command('code_replace_function', { function: name, new_code: code });
    void editor.expectPrompt(/replace shop:total/i, 'Approve for Session');
    await replace('shop:total', '(defun shop:total (amount) amount)');
    const asked = editor.expectPrompt(/replace cl:cadr/i, 'Deny');
    await expect(replace('cl:cadr', '(defun cl:cadr (x) x)')).rejects.toMatchObject({
      kind: 'approval-denied',
    });
    expect((await asked).message).toMatch(/hazardous.*locked package COMMON-LISP/is);
  });

  it('runs a call at top level whose compiler macro leaves it as it is', async () => {
    void editor.expectPrompt(/compile/i, 'Approve');
    const result = await editor.command('code_compile_string', {
      package: 'shop',
      code: '(format *standard-output* "rate ~d" *rate*)',
    });
    expect(result).toMatchObject({ status: 'applied', output: 'rate 2' });
  });

  it('compiles a string in the package that its file says', async () => {
    void editor.expectPrompt(/compile/i, 'Approve');
    const result = await editor.command<OperationResult>('code_compile_string', {
      code: '(defun discount (amount) (- amount *rate*))',
      filename: document.file,
    });
    expect(result).toMatchObject({
      status: 'applied',
      definitions: [{ name: 'DISCOUNT', package: 'SHOP', change: 'new' }],
    });
    expect(await editor.evaluate('(shop::discount 10)')).toEqual(['8']);
  });

  it('reports a thread that still runs the old code, and follows it until it has left', async () => {
    await editor.evaluate(`
      (defvar shop::*inside* (sb-thread:make-semaphore))
      (defvar shop::*leave* (sb-thread:make-semaphore))
      (defun shop::total (amount)
        (sb-thread:signal-semaphore shop::*inside*)
        (list (sb-thread:wait-on-semaphore shop::*leave*) amount))
      (sb-thread:make-thread #'shop:total :name "slow worker" :arguments '(1))
      (sb-thread:wait-on-semaphore shop::*inside*)`);
    const prompt = editor.expectPrompt(/reload total/i, 'Approve');
    const result = await editor.actionOutcome(document, form, /^Reload total$/);
    expect((await prompt).message).toMatch(/1 thread in the code it replaces: slow worker/);
    expect(result.threads.map(thread => thread.name)).toEqual(['slow worker']);
    const begun = await editor.progress.next('a progress about old code', ({ value }) =>
      /old code/.test(value.title ?? ''),
    );
    await editor.evaluate('(sb-thread:signal-semaphore shop::*leave*)');
    await editor.progress.next(
      'its end',
      ({ token, value }) => token === begun.token && value.kind === 'end',
    );
    await editor.logs.next('when it left', each => /slow worker left the old code/.test(each.message));
  });

  it('shows a progress for what takes long in the background, which can be cancelled there', async () => {
    const pending = await editor.command<{ request: number }>('repl_eval', {
      code: '(loop)',
      background: true,
    });
    const { token } = await editor.progress.next('a progress', ({ value }) => value.kind === 'begin');
    editor.rpc.notify('window/workDoneProgress/cancel', { token });
    const error = await editor.failure('outcome', { request: pending.request, wait: true });
    expect(error).toMatchObject({ kind: 'cancelled', code: -32800 });
    await editor.progress.next('its end', each => each.token === token && each.value.kind === 'end');
  });
});
