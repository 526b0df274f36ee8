/** What the agent promises about changing code, request by request: places, all or nothing, undoing, threads. */
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HotlispError } from '../../server/errors.ts';
import { wireKind } from '../../server/image/connection.ts';
import { lispString } from '../support/lspClient.ts';
import { defun, formAt, formsOf, pointedAt, RawAgent, type Piece } from '../support/rawAgent.ts';
import { within } from '../support/wait.ts';

let agent: RawAgent;
beforeAll(async () => {
  agent = new RawAgent();
  await agent.start();
});
afterAll(() => agent.stop());

const lisp = (code: string) => agent.lisp(code);
const failure = (promise: Promise<unknown>): Promise<HotlispError> =>
  promise.then(
    value => expect.fail(`resolved with ${JSON.stringify(value)}`),
    (error: unknown) => error as HotlispError,
  );

/** The form that says where SBCL thinks the definition of `name` is: (file byte-offset top-level-form). */
const placeOf = (name: string, type: string) => `(progn (require :sb-introspect)
  (let ((source (first (funcall (intern "FIND-DEFINITION-SOURCES-BY-NAME" :sb-introspect) ${name} ${type}))))
    (list (sb-ext:native-namestring (funcall (intern "DEFINITION-SOURCE-PATHNAME" :sb-introspect) source))
          (funcall (intern "DEFINITION-SOURCE-CHARACTER-OFFSET" :sb-introspect) source)
          (first (funcall (intern "DEFINITION-SOURCE-FORM-PATH" :sb-introspect) source)))))`;

describe('places', () => {
  const pieces: { name: string; type: string; piece: Piece }[] = [
    {
      name: "'app::placed",
      type: ':function',
      piece: defun('placed', '(x)\r\n  (list "λ")'),
    },
    {
      name: "'app::placed-macro",
      type: ':macro',
      piece: { text: '(defmacro placed-macro (x) `(list ,x))', definitions: ['macro:placed-macro'] },
    },
    {
      name: "'app::*placed*",
      type: ':variable',
      piece: { text: '(defvar *placed* 1)', definitions: ['variable:*placed*'] },
    },
    {
      name: "'app::placed-class",
      type: ':class',
      piece: { text: '(defclass placed-class () ((a)))', definitions: ['class:placed-class'] },
    },
    {
      name: "'app::placed-method",
      type: ':method',
      piece: {
        text: '(defmethod placed-method ((x placed-class)) x)',
        definitions: [
          { kind: 'method', name: 'placed-method', qualifiers: [], specializers: ['placed-class'] },
        ],
      },
    },
    {
      name: "'app::placed-in-progn",
      type: ':function',
      piece: { text: '(progn (defun placed-in-progn () 2))', definitions: ['function:placed-in-progn'] },
    },
    {
      name: "'app::placed-by-macro",
      type: ':function',
      piece: { text: '(define-placed placed-by-macro)', definitions: ['function:placed-by-macro'] },
    },
  ];
  const header = '(defmacro define-placed (name) `(defun ,name () 1)) ; λ 𝛼\r\n"string"\r\n 1 #|x|#\r\n';

  for (const [what, filler] of [
    ['after CRLF and characters of several bytes', ''],
    ['100 KB into a file', `;;; ${'é'.repeat(50_000)}\r\n`],
  ] as const)
    it(`of everything defined are the real ones, ${what}, in a file whose name needs quoting`, async () => {
      const file = path.join(agent.surroundings.make('odd [x] *dir?'), 'f*ile λ [1].lisp');
      let text = header + filler;
      const forms = [
        formAt(text, 0, 0, file, {
          text: header.slice(0, header.indexOf(' ;')),
          definitions: ['macro:define-placed'],
        }),
      ];
      for (const [number, { piece }] of pieces.entries()) {
        text += `\r\n  `;
        forms.push(formAt(text, text.length, number + 3, file, piece));
        text += piece.text;
      }
      writeFileSync(file, text);
      expect(await agent.apply(forms)).toMatchObject({ status: 'applied', remains: [] });
      for (const [number, { name, type }] of pieces.entries()) {
        const { byteOffset, index } = forms[number + 1]!;
        // Of these SBCL keeps no offset, only the number of the form.
        const offset = [':variable', ':class', ':method'].includes(type) ? 'NIL' : byteOffset;
        expect(await lisp(placeOf(name, type))).toEqual([`(${lispString(file)} ${offset} ${index})`]);
      }
    });

  it('of one form reloaded alone is its own, wherever it stands', async () => {
    const text = `${'(print 1) '.repeat(30)}\n   `;
    const form = formAt(text, text.length, 30, agent.file, defun('alone', '() 1'));
    await agent.apply([form]);
    expect(await lisp(placeOf("'app::alone", ':function'))).toEqual([
      `(${lispString(agent.file)} ${text.length} 30)`,
    ]);
  });

  it('are in the backtrace of an error: the file’s name as the system knows it', async () => {
    const { condition } = await agent.change(defun('fails', '() (error "in here")'), {
      text: '(fails)',
      evaluates: true,
    });
    const frame = condition!.backtrace.find(({ text }) => text.includes('APP::FAILS'));
    expect(frame).toMatchObject({ file: agent.file });
  });
});

describe('several definitions in one operation', () => {
  it('are all installed, and undone together', async () => {
    const names = Array.from({ length: 40 }, (_, number) => `many-${number}`);
    const old = await agent.change(...names.map(name => defun(name, '() :old')));
    expect(old.definitions).toHaveLength(40);
    expect(old.definitions.every(({ change }) => change === 'new')).toBe(true);
    const change = await agent.change(...names.map(name => defun(name, '() :new')));
    expect(change).toMatchObject({ status: 'applied', notes: [] });
    expect(change.definitions[7]).toEqual({
      kind: 'function',
      name: 'MANY-7',
      package: 'APP',
      change: 'redefined',
    });
    const all = `(remove-duplicates (list ${names.map(name => `(app::${name})`).join(' ')}))`;
    expect(await lisp(all)).toEqual(['(:NEW)']);
    await agent.image.call('undo', { transaction: change.transaction, force: false });
    expect(await lisp(all)).toEqual(['(:OLD)']);
  });

  it('see each other while they are compiled, in whatever order', async () => {
    const { status, notes } = await agent.change(
      defun('calls-later', '() (later)'),
      { text: '(defmacro twice (x) `(* 2 ,x))', definitions: ['macro:twice'] },
      defun('later', '() (twice 21)'),
    );
    expect({ status, notes }).toEqual({ status: 'applied', notes: [] });
    expect(await lisp('(app::calls-later)')).toEqual(['42']);
  });

  it('are read with the readtable that a form before them has chosen, and nothing else is', async () => {
    const change = await agent.change(
      {
        text: `(eval-when (:compile-toplevel :load-toplevel :execute)
          (setf *readtable* (copy-readtable nil))
          (set-macro-character #\\! (lambda (stream char) (declare (ignore stream char)) 42))
          (setf (readtable-case *readtable*) :invert))`,
        evaluates: true,
      },
      defun('bang', '() !'),
      { text: '(defparameter *bang* (list !))', definitions: ['variable:*bang*'], evaluates: true },
    );
    expect(change).toMatchObject({ status: 'applied', notes: [] });
    expect(await lisp('(list (app::bang) app::*bang* (read-from-string "keyword::!"))')).toEqual([
      '(42 (42) :!)',
    ]);
  });

  it('may make the package that the rest of them is in', async () => {
    const change = await agent.change(
      {
        text: '(defpackage :made (:use :cl) (:export #:made-here))',
        package: 'COMMON-LISP-USER',
        definitions: ['package::made'],
      },
      { ...defun('made-here', '() 5'), package: 'MADE' },
    );
    expect(change).toMatchObject({ status: 'applied', notes: [] });
    expect(await lisp('(funcall (intern "MADE-HERE" "MADE"))')).toEqual(['5']);
    await agent.image.call('undo', { transaction: change.transaction, force: false });
    expect(await lisp('(find-package "MADE")')).toEqual(['NIL']);
  });
});

/** Definitions of every kind, each there before, and what would change each. */
const program = `
(defmacro m (x) \`(list ,x)) (defun f (x) (m x)) (defun (setf f) (v x) (list v x)) (defvar *v* 1) (defparameter *p* (list 1))
(defconstant +c+ 10) (deftype ty () 'fixnum) (defstruct st a b)
(defclass c () ((a :initarg :a :accessor c-a :initform 1) (b :initarg :b :reader c-b)) (:documentation "doc"))
(defgeneric g (x)) (defmethod g ((x integer)) (list :int x)) (defmethod g ((x c)) (list :c x))
(defmethod g :around ((x integer)) (call-next-method)) (define-compiler-macro f (&whole w x) (declare (ignore x)) w)
(define-symbol-macro sm 3) (defsetf ds (x) (v) \`(list ,x ,v)) (declaim (inline inl)) (defun inl (x) (1+ x))
(define-condition trouble (error) ((a :initarg :a :reader trouble-a)) (:report "r1"))
(defmethod print-object ((x c) s) (write-string "C!" s)) (export '(f g)) (defvar *instance* (make-instance 'c :a 1 :b 2))`;

const changes: Record<string, Piece[]> = {
  functions: [
    defun('f', '(x) (list :n x)'),
    defun('brand-new', '(x) (list x another-new-symbol)'),
    { text: '(defun (setf f) (v x) (list :n v x))', definitions: ['function:(setf f)'] },
  ],
  macros: [
    { text: '(defmacro m (x) `(vector ,x))', definitions: ['macro:m'] },
    { text: '(defmacro new-m (x) `(vector ,x))', definitions: ['macro:new-m'] },
  ],
  'a macro in place of a function': [{ text: '(defmacro f (x) `(vector ,x))', definitions: ['macro:f'] }],
  'a function in place of a macro': [defun('m', '(x) x')],
  variables: [
    { text: '(defparameter *p* 33)', definitions: ['variable:*p*'], evaluates: true },
    { text: '(defvar *new* 33 "doc")', definitions: ['variable:*new*'], evaluates: true },
    { text: "(setf *v* 5 (get 'f :p) 1)", evaluates: true },
  ],
  constants: [
    { text: '(defconstant +c+ 10)', definitions: ['constant:+c+'] },
    { text: '(defconstant +new+ 11)', definitions: ['constant:+new+'] },
    { text: '(defconstant +c+ 12)', definitions: ['constant:+c+'] },
  ],
  types: [
    { text: "(deftype ty () 'string)", definitions: ['type:ty'] },
    { text: "(deftype new-ty () 'string)", definitions: ['type:new-ty'] },
  ],
  structures: [
    { text: '(defstruct st a b)', definitions: ['structure:st'] },
    { text: '(defstruct new-st (a 0 :type fixnum) b)', definitions: ['structure:new-st'] },
  ],
  classes: [
    {
      text: '(defclass c () ((a :initarg :a :accessor c-a :initform 2) (b :initarg :b :reader c-b) (d :reader c-d)))',
      definitions: ['class:c'],
    },
    { text: '(defclass new-c (c) ((z :initarg :z :accessor z-of)))', definitions: ['class:new-c'] },
  ],
  methods: [
    {
      text: '(defmethod g ((x integer)) (list :int2 x))',
      definitions: [{ kind: 'method', name: 'g', specializers: ['integer'] }],
    },
    {
      text: '(defmethod g ((x string)) (list :str x))',
      definitions: [{ kind: 'method', name: 'g', specializers: ['string'] }],
    },
    {
      text: '(defmethod print-object ((x c) s) (write-string "D!" s))',
      definitions: [{ kind: 'method', name: 'print-object', specializers: ['c', 't'] }],
    },
    {
      text: '(defmethod brand-new-g ((x string)) x)',
      definitions: [{ kind: 'method', name: 'brand-new-g', specializers: ['string'] }],
    },
  ],
  'generic functions': [
    { text: '(defgeneric g (x) (:documentation "x"))', definitions: ['generic-function:g'] },
    { text: '(defgeneric new-g (x) (:method ((x integer)) 1))', definitions: ['generic-function:new-g'] },
  ],
  'compiler macros, symbol macros and setf expanders': [
    { text: '(define-compiler-macro f (x) `(list ,x))', definitions: ['compiler-macro:f'] },
    { text: '(define-symbol-macro sm 4)', definitions: ['symbol-macro:sm'] },
    { text: '(define-symbol-macro new-sm 4)', definitions: ['symbol-macro:new-sm'] },
    { text: '(defsetf ds (x) (v) `(vector ,x ,v))', definitions: ['setf-expander:ds'] },
  ],
  declarations: [
    { text: '(declaim (inline new-inl) (notinline inl) (ftype (function (t) t) f))' },
    defun('new-inl', '(x) x'),
    defun('inl', '(x) (- x 1)'),
  ],
  conditions: [
    {
      text: '(define-condition trouble (error) ((a :initarg :a :reader trouble-a) (b :reader trouble-b)) (:report "r2"))',
      definitions: ['condition:trouble'],
    },
    {
      text: '(define-condition new-trouble (error) ((a :reader new-trouble-a)))',
      definitions: ['condition:new-trouble'],
    },
  ],
  exports: [
    { text: "(export 'm)", evaluates: true },
    { text: '(export (intern "NEW-EXPORT"))', evaluates: true },
    { text: "(unexport 'f)", evaluates: true },
  ],
  'what code takes away': [
    { text: "(progn (fmakunbound 'f) (makunbound '*v*) (fmakunbound 'g))", evaluates: true },
  ],
  'what is done while compiling': [
    {
      text: '(eval-when (:compile-toplevel :load-toplevel :execute) (defun f (x) x :ew) (defun new-ew (x) x))',
      definitions: ['function:f', 'function:new-ew'],
    },
  ],
  'definitions by macros of the operation': [
    {
      text: '(defmacro deffoo (n) `(progn (defun ,n () 1) (defvar ,(intern (format nil "*~a*" n)) 1)))',
      definitions: ['macro:deffoo'],
    },
    { text: '(deffoo zork)', definitions: ['function:zork'] },
  ],
};

describe('an operation that fails', () => {
  beforeAll(() => agent.program(program));

  const bad: Record<string, { piece: Piece; step: string; notes: [string, string][] }> = {
    'when a form does not compile': {
      piece: defun('f', '(x) (list x (let ((1 2)) 3))'),
      step: 'compile',
      notes: [['error', '(1 2)']],
    },
    'when a macro signals while it expands': {
      piece: {
        text: '(defun f (x) (list x (macrolet ((bad () (error "no"))) (bad))))',
        definitions: ['function:f'],
      },
      step: 'compile',
      notes: [['error', '(bad)']],
    },
    'when a form is not complete': {
      piece: { text: '(defun f (x) (list x', definitions: ['function:f'] },
      step: 'read',
      notes: [['error', '(defun f (x) (list x']],
    },
    'when a form has a parenthesis too many': {
      piece: { text: '(defun f (x) (list x)))', definitions: ['function:f'] },
      step: 'read',
      notes: [['error', ')']],
    },
    'when a form names a package that does not exist': {
      piece: defun('f', '(x) (list "λ" x nowhere:name)'),
      step: 'read',
      notes: [['error', 'nowhere:name']],
    },
    'when a form names what a package does not export': {
      piece: defun('f', '(x) (list x cl:no-such-name)'),
      step: 'read',
      notes: [['error', 'cl:no-such-name']],
    },
    'when a form has syntax that cannot be read': {
      piece: defun('f', '(x) (list x #<thing>)'),
      step: 'read',
      notes: [['error', '#<']],
    },
    'when a form signals while it is loaded': {
      piece: { text: '(error "on purpose")', evaluates: true },
      step: 'load',
      notes: [['error', '(error "on purpose")']],
    },
    'when a definition signals while it is loaded': {
      piece: {
        text: '(defmethod g ((x no-such-class)) x)',
        definitions: [{ kind: 'method', name: 'g', specializers: ['no-such-class'] }],
      },
      step: 'load',
      notes: [['error', '(defmethod g ((x no-such-class)) x)']],
    },
    'when a constant has no value': {
      piece: {
        text: '(defconstant +c+ (error "on purpose"))',
        definitions: ['constant:+c+'],
        evaluates: true,
      },
      step: 'compile',
      notes: [['error', '(defconstant +c+ (error "on purpose"))']],
    },
    'when a structure would get other slots': {
      piece: { text: '(defstruct st a b c)', definitions: ['structure:st'] },
      step: 'load',
      notes: [['error', '(defstruct st a b c)']],
    },
    'when the stack is exhausted': {
      piece: { text: '(labels ((deep () (1+ (deep)))) (deep))', evaluates: true },
      step: 'load',
      notes: [['error', '(labels ((deep () (1+ (deep)))) (deep))']],
    },
    'when code gives up by itself': {
      piece: { text: "(invoke-restart 'abort)", evaluates: true },
      step: 'load',
      notes: [['error', "(invoke-restart 'abort)"]],
    },
  };

  for (const [when, { piece, step, notes }] of Object.entries(bad))
    it(`${when} changes nothing, and says where`, async () => {
      await agent.remember();
      const forms = formsOf(agent.file, [
        defun('f', '(x) (list :good x)'),
        defun('fresh', '() some-fresh-symbol'),
        piece,
      ]);
      const change = await agent.apply(forms);
      expect(change).toMatchObject({ status: 'failed', step, definitions: [], threads: [], remains: [] });
      expect(
        change.notes
          .filter(({ severity }) => severity === 'error')
          .map(note => [note.severity, pointedAt(forms[note.form]!, note), note.form]),
      ).toEqual(notes.map(note => [...note, 2]));
      expect(await agent.changes()).toBe('NIL');
      expect(await agent.generation()).toBe(change.generation);
    });

  for (const [what, pieces] of Object.entries(changes))
    it(`has put ${what} back`, async () => {
      await agent.remember();
      const change = await agent.change(...pieces, { text: '(error "on purpose")', evaluates: true });
      expect(change).toMatchObject({ status: 'failed', step: 'load', remains: [] });
      expect(change.notes.map(({ message }) => message)).toContain('on purpose');
      expect(await agent.changes()).toBe('NIL');
    });

  it('has put everything back at once, and the program works as before', async () => {
    await agent.remember();
    const change = await agent.change(
      ...Object.values(changes)
        .flat()
        .filter(piece => !/a macro in place|x :ew|fmakunbound|\(defmacro f|\(defun m/.test(piece.text)),
      { text: '(error "on purpose")', evaluates: true },
    );
    expect(change).toMatchObject({ status: 'failed', remains: [] });
    expect(change.notes.map(({ message }) => message)).toContain('on purpose');
    expect(await agent.changes()).toBe('NIL');
    expect(
      await lisp(
        '(list (app:f 1) (setf (app:f 1) 2) app::*v* (app:g 3) (app::c-a app::*instance*) (app::c-b app::*instance*) app::sm (app::st-b (app::make-st :b 4)))',
      ),
    ).toEqual(['((1) (2 1) 1 (:INT 3) 1 2 3 4)']);
  });

  it('because it was cancelled while a form ran for ever changes nothing', async () => {
    await agent.remember();
    await lisp('(defvar cl-user::*entered* (sb-thread:make-semaphore))');
    const controller = new AbortController();
    const running = failure(
      agent.apply(
        formsOf(agent.file, [
          defun('f', '(x) :looping'),
          { text: '(progn (sb-thread:signal-semaphore cl-user::*entered*) (loop))', evaluates: true },
        ]),
        { signal: controller.signal },
      ),
    );
    expect(await lisp('(and (sb-thread:wait-on-semaphore cl-user::*entered* :timeout 20) t)')).toEqual(['T']);
    controller.abort();
    expect((await within('the cancellation', running)).kind).toBe('cancelled');
    expect(await agent.changes()).toBe('NIL');
    expect(await agent.change(defun('fresh-again', '() 1'))).toMatchObject({ status: 'applied' });
  });

  it('has put back the slots of instances, also of those that were used meanwhile', async () => {
    await agent.remember();
    const change = await agent.change(
      {
        text: '(defclass c () ((a :initarg :a :accessor c-a :initform 2)))',
        definitions: ['class:c'],
      },
      { text: "(slot-exists-p (progn (c-a *instance*) *instance*) 'b)", evaluates: true },
      { text: "(setf (c-a *instance*) (slot-exists-p *instance* 'b))", evaluates: true },
      { text: '(error "on purpose")', evaluates: true },
    );
    expect(change).toMatchObject({ status: 'failed', remains: [] });
    expect(await agent.changes()).toBe('NIL');
    expect(await lisp('(list (app::c-a app::*instance*) (app::c-b app::*instance*))')).toEqual(['(NIL 2)']);
    await lisp('(setf (app::c-a app::*instance*) 1)');
  });

  it('later says what it cannot put back: slots that instances lost while the change was in force', async () => {
    const { transaction, status } = await agent.change({
      text: '(defclass c () ((a :initarg :a :accessor c-a :initform 2)))',
      definitions: ['class:c'],
    });
    expect(status).toBe('applied');
    const undone = await agent.image.call('undo', { transaction, force: false });
    expect(undone.status).toBe('partial');
    expect(undone.remains.join()).toMatch(/Instances of .*C .*B/);
    expect(await lisp('(app::c-a app::*instance*)')).toEqual(['1']);
  });

  it('because compiling it would never end can be cancelled, and changes nothing', async () => {
    await agent.remember();
    await lisp('(defvar cl-user::*expanding* (sb-thread:make-semaphore))');
    const controller = new AbortController();
    const endless =
      '(macrolet ((endless () (sb-thread:signal-semaphore cl-user::*expanding*) (loop))) (endless))';
    const running = failure(
      agent.apply(formsOf(agent.file, [defun('f', '(x) :looping'), defun('endless', `() ${endless}`)]), {
        signal: controller.signal,
      }),
    );
    expect(await lisp('(and (sb-thread:wait-on-semaphore cl-user::*expanding* :timeout 20) t)')).toEqual([
      'T',
    ]);
    controller.abort();
    expect((await within('the cancellation', running)).kind).toBe('cancelled');
    expect(await agent.changes()).toBe('NIL');
  });

  it('because its package does not exist is refused by name before anything is compiled', async () => {
    const forms = formsOf(agent.file, [
      defun('f', '(x) x'),
      { ...defun('f', '(x) x'), package: 'NO-SUCH-PACKAGE' },
    ]);
    for (const refused of [
      failure(agent.apply(forms)),
      failure(agent.image.call('check', { forms, threads: false })),
    ]) {
      const error = await refused;
      expect(error.kind).toBe('unknown-package');
      expect(error.message).toContain('NO-SUCH-PACKAGE');
      expect(error.details).toMatchObject({ form: 1 });
    }
  });

  it('leaves no file behind and prints nothing to the image’s own output', async () => {
    const left = readdirSync('/dev/shm').filter(name => name.startsWith(`hotlisp-${agent.image.hello.pid}-`));
    expect(left).toEqual([]);
    expect(agent.output().filter(line => /warning|note|redefin|caught|error/i.test(line))).toEqual([]);
  });
});

describe('notes', () => {
  it('point at the part of the form that they are about', async () => {
    const text =
      '(defun noted (x y)\r\n  (list "λ𝛼" x undefined-variable (undefined-function 2)\r\n  (let ((unused 1)) (car 1 2))))';
    const [form] = formsOf(agent.file, [{ text, definitions: ['function:noted'] }]);
    const change = await agent.apply([form!]);
    expect(change.status).toBe('applied');
    expect(change.notes.map(note => [note.severity, pointedAt(form!, note), note.message])).toEqual(
      expect.arrayContaining([
        ['warning', 'undefined-variable', expect.stringContaining('UNDEFINED-VARIABLE')],
        ['style-warning', 'undefined-function', expect.stringContaining('UNDEFINED-FUNCTION')],
        ['style-warning', 'unused', expect.stringContaining('UNUSED')],
        ['warning', '(car 1 2)', expect.stringContaining('CAR')],
      ]),
    );
    expect(change.notes.map(({ message }) => message).join()).not.toMatch(/redefin|\/dev\/shm/);
  });
});

describe('undo and redo', () => {
  beforeAll(() => agent.program(program));

  for (const [what, pieces] of Object.entries(changes).filter(([name]) => name !== 'what code takes away'))
    it(`take ${what} back and bring them again`, async () => {
      await agent.remember();
      const change = await agent.change(...pieces);
      expect(change).toMatchObject({ status: 'applied' });
      const before = await agent.changes();
      expect(before).not.toBe('NIL');
      expect(await agent.image.call('undo', { transaction: change.transaction, force: false })).toMatchObject(
        { status: 'applied', remains: [] },
      );
      const left = await agent.changes();
      // Symbols that were read stay: code that nobody undoes may hold them.
      expect(
        left.replace(
          /\(APP::?\S+ :NEW (\(:\w+ NIL NIL NIL NIL NIL NIL NIL\)|\(\(:\w+ NIL NIL NIL NIL NIL NIL NIL\)\))\)\s*/g,
          '',
        ),
      ).toMatch(/^(NIL|\(\s*\))$/);
      expect(await agent.image.call('redo', { transaction: change.transaction, force: false })).toMatchObject(
        { status: 'applied', remains: [] },
      );
      await agent.image.call('undo', { transaction: change.transaction, force: false });
    });

  it('leave what was proclaimed of a name before it had a function', async () => {
    await lisp("(proclaim '(ftype (function (integer) integer) app::proclaimed))");
    const { transaction } = await agent.change(defun('proclaimed', '(x) x'));
    await agent.image.call('undo', { transaction, force: false });
    expect(
      await lisp("(list (fboundp 'app::proclaimed) (sb-int:info :function :where-from 'app::proclaimed))"),
    ).toEqual(['(NIL :DECLARED)']);
  });

  it('restore the very objects', async () => {
    await agent.change(defun('swapped', '() 1'));
    await lisp('(defvar cl-user::*one* (fdefinition (quote app::swapped)))');
    const { transaction } = await agent.change(defun('swapped', '() 2'));
    await lisp('(defvar cl-user::*two* (fdefinition (quote app::swapped)))');
    const undone = await agent.image.call('undo', { transaction, force: false });
    expect(undone.definitions).toEqual([
      { kind: 'function', name: 'SWAPPED', package: 'APP', change: 'redefined' },
    ]);
    expect(await lisp('(eq cl-user::*one* (fdefinition (quote app::swapped)))')).toEqual(['T']);
    await agent.image.call('redo', { transaction, force: false });
    expect(await lisp('(eq cl-user::*two* (fdefinition (quote app::swapped)))')).toEqual(['T']);
  });

  it('make a name undefined again that was new', async () => {
    const { transaction } = await agent.change(defun('only-here', '() 1'));
    const undone = await agent.image.call('undo', { transaction, force: false });
    expect(undone.definitions).toEqual([
      { kind: 'function', name: 'ONLY-HERE', package: 'APP', change: 'removed' },
    ]);
    expect(await lisp('(fboundp (quote app::only-here))')).toEqual(['NIL']);
    expect((await failure(agent.image.call('undo', { transaction, force: false }))).message).toMatch(
      /undone already/,
    );
    await agent.image.call('redo', { transaction, force: false });
    expect(await lisp('(app::only-here)')).toEqual(['1']);
  });

  it('do not overwrite what was defined since, unless forced', async () => {
    await agent.change(defun('contested', '() 0'));
    const { transaction } = await agent.change(defun('contested', '() 1'));
    await agent.program('(defun contested () :mine)');
    const error = await failure(agent.image.call('undo', { transaction, force: false }));
    expect(wireKind(error)).toBe('superseded');
    expect(error.message).toContain('CONTESTED');
    expect(await lisp('(app::contested)')).toEqual([':MINE']);
    await agent.image.call('undo', { transaction, force: true });
    expect(await lisp('(app::contested)')).toEqual(['0']);
  });

  it('know only transactions of this image', async () => {
    expect(wireKind(await failure(agent.image.call('undo', { transaction: 'never', force: false })))).toBe(
      'unknown-transaction',
    );
  });

  it('are refused, like applying, to a plan made for another state of the image', async () => {
    const generation = await agent.generation();
    await agent.change(defun('moved-on', '() 1'));
    const forms = formsOf(agent.file, [defun('moved-on', '() 2')]);
    const error = await failure(agent.image.call('apply', { transaction: 'stale', generation, forms }));
    expect(wireKind(error)).toBe('stale-generation');
    expect(await lisp('(app::moved-on)')).toEqual(['1']);
  });
});

describe('running programs', () => {
  it('never fail while their functions are redefined 2,000 times under eight threads', async () => {
    const names = Array.from({ length: 40 }, (_, number) => `hot-${number}`);
    await agent.program(names.map(name => `(defun ${name} (x) (+ x 0))`).join('\n'));
    await lisp(`(progn
      (defvar cl-user::*stop* nil) (defvar cl-user::*problems* (list)) (defvar cl-user::*threads* nil)
      (setf cl-user::*threads*
        (loop repeat 8 collect (sb-thread:make-thread (lambda ()
          (handler-case
              (loop until cl-user::*stop*
                    do (dolist (name '(${names.map(name => `app::${name}`).join(' ')}))
                         (let ((value (funcall name 1)))
                           (unless (<= 1 value 26) (push value cl-user::*problems*))))
                       (sb-thread:thread-yield))
            (error (condition) (push (princ-to-string condition) cl-user::*problems*)))))))
      t)`);
    try {
      for (let round = 1; round <= 25; round++) {
        const change = await agent.change(...names.map(name => defun(name, `(x) (+ x ${round})`)));
        expect(change).toMatchObject({ status: 'applied', notes: [] });
        const { transaction } = change;
        await agent.image.call('undo', { transaction, force: false });
      }
    } finally {
      await lisp("(progn (setf cl-user::*stop* t) (mapc #'sb-thread:join-thread cl-user::*threads*) t)");
    }
    expect(await lisp('(list cl-user::*problems* (app::hot-7 1))')).toEqual(['(NIL 1)']);
  });

  it('see the new method from the moment the operation is over, and no error before', async () => {
    await agent.program(
      '(defgeneric warm (x)) (defmethod warm ((x integer)) 0) (defmethod warm ((x string)) :string) (defmethod warm :around ((x integer)) (call-next-method))',
    );
    await lisp(`(progn
      (defvar cl-user::*floor* 0) (setf cl-user::*stop* nil cl-user::*problems* nil)
      (setf cl-user::*threads*
        (loop repeat 4 collect (sb-thread:make-thread (lambda ()
          (handler-case (loop until cl-user::*stop*
                              do (loop repeat 50 do (let* ((floor cl-user::*floor*) (value (funcall 'app::warm 1)))
                                                      (when (< value floor) (push value cl-user::*problems*))))
                                 (funcall 'app::warm "x")
                                 (sb-thread:thread-yield))
            (error (condition) (push (princ-to-string condition) cl-user::*problems*)))))))
      t)`);
    const warm = (value: number): Piece => ({
      text: `(defmethod warm ((x integer)) ${value})`,
      definitions: [{ kind: 'method', name: 'warm', specializers: ['integer'] }],
    });
    try {
      for (let round = 1; round <= 100; round++) {
        expect(await agent.change(warm(round))).toMatchObject({ status: 'applied' });
        expect(await lisp(`(list (setf cl-user::*floor* ${round}) (app::warm 1))`)).toEqual([
          `(${round} ${round})`,
        ]);
      }
    } finally {
      await lisp("(progn (setf cl-user::*stop* t) (mapc #'sb-thread:join-thread cl-user::*threads*) t)");
    }
    expect(await lisp('cl-user::*problems*')).toEqual(['NIL']);
    expect(await lisp("(length (sb-mop:generic-function-methods #'app::warm))")).toEqual(['3']);
  });

  it('that are still inside a replaced function are named, until they leave it', async () => {
    await agent.program(
      '(defun waits (entered gate) (sb-thread:signal-semaphore entered) (sb-thread:wait-on-semaphore gate) :left)',
    );
    await lisp(`(progn (defvar cl-user::*gate* (sb-thread:make-semaphore)) (defvar cl-user::*waiter*)
      (let ((entered (sb-thread:make-semaphore)))
        (setf cl-user::*waiter* (sb-thread:make-thread (lambda () (app::waits entered cl-user::*gate*)) :name "the waiter"))
        (sb-thread:wait-on-semaphore entered :timeout 20)))`);
    const forms = formsOf(agent.file, [defun('waits', '(entered gate) (list entered gate)')]);
    expect(
      (await agent.image.call('check', { forms, threads: true })).threads.map(({ name }) => name),
    ).toEqual(['the waiter']);
    const change = await agent.apply(forms);
    expect(change.threads.map(({ name }) => name)).toEqual(['the waiter']);
    const inside = async () =>
      (await agent.image.call('threads', { transaction: change.transaction })).threads
        .filter(({ runs }) => runs === 'yes')
        .map(({ name }) => name);
    expect(await inside()).toEqual(['the waiter']);
    expect(
      await lisp(
        '(progn (sb-thread:signal-semaphore cl-user::*gate*) (sb-thread:join-thread cl-user::*waiter*))',
      ),
    ).toEqual([':LEFT']);
    expect(await inside()).toEqual([]);
  });

  it('keep a trace over a redefinition', async () => {
    await agent.program('(defun traced (x) x)');
    const traced = async () => (await lisp('(with-output-to-string (*trace-output*) (app::traced 1))'))[0]!;
    await lisp('(trace app::traced)');
    const { transaction } = await agent.change(defun('traced', '(x) (list x)'));
    expect(await traced()).toContain('returned (1)');
    await agent.image.call('undo', { transaction, force: false });
    expect(await traced()).toContain('returned 1');
    await lisp('(untrace app::traced)');
  });
});

describe('a check', () => {
  beforeAll(() =>
    agent.program(`${program}
      (defun called (a &optional b) (list a b)) (defun caller () (called 1 2))
      (defpackage :shrinking (:use) (:export #:a #:b))`),
  );

  const cases: [string, Piece, object][] = [
    [
      'a new function',
      defun('unheard-of', '() 1'),
      { class: 'safe', definition: { change: 'new', name: 'UNHEARD-OF', package: 'APP' } },
    ],
    [
      'a function',
      defun('called', '(a &optional b c) (list a b c)'),
      { class: 'safe', definition: { change: 'redefined' } },
    ],
    [
      'a function that takes less than its callers give',
      defun('called', '(a) a'),
      { class: 'hazardous', hazard: { kind: 'lambda-list' } },
    ],
    ['a macro', changes['macros']![0]!, { class: 'dependents' }],
    ['an inline function', defun('inl', '(x) x'), { class: 'dependents' }],
    ['a type', changes['types']![0]!, { class: 'dependents' }],
    ['a class', changes['classes']![0]!, { class: 'migration' }],
    ['a constant of the same value', changes['constants']![0]!, { class: 'dependents' }],
    [
      'a constant of another value',
      { text: '(defconstant +c+ 11)', definitions: ['constant:+c+'] },
      { class: 'hazardous', hazard: { kind: 'constant-changed' } },
    ],
    ['a structure with the same slots', changes['structures']![0]!, { class: 'dependents' }],
    [
      'a structure with other slots',
      { text: '(defstruct st a b c)', definitions: ['structure:st'] },
      { class: 'hazardous', hazard: { kind: 'structure-incompatible' } },
    ],
    [
      'a function of a locked package',
      { text: '(defun car (x) x)', definitions: ['function:car'] },
      { class: 'hazardous', hazard: { kind: 'locked-package' } },
    ],
    [
      'a function in place of a generic function',
      defun('g', '(x) x'),
      { class: 'hazardous', hazard: { kind: 'kind-changed' } },
    ],
    [
      'a generic function in place of a function',
      { text: '(defgeneric f (x))', definitions: ['generic-function:f'] },
      { class: 'hazardous', hazard: { kind: 'function-to-generic' } },
    ],
    [
      'a generic function that does not fit its methods',
      { text: '(defgeneric g (x y))', definitions: ['generic-function:g'] },
      { class: 'hazardous', hazard: { kind: 'generic-lambda-list' } },
    ],
    [
      'a method that does not fit its generic function',
      {
        text: '(defmethod g ((x integer) y) y)',
        definitions: [{ kind: 'method', name: 'g', specializers: ['integer', 't'] }],
      },
      { class: 'hazardous', hazard: { kind: 'generic-lambda-list' } },
    ],
    [
      'a method',
      changes['methods']![0]!,
      { class: 'safe', definition: { change: 'redefined', name: 'G (INTEGER)' } },
    ],
    [
      'a new method',
      changes['methods']![1]!,
      { class: 'safe', definition: { change: 'new', name: 'G (STRING)' } },
    ],
    [
      'a method for one object',
      {
        text: '(defmethod g ((x (eql :key))) x)',
        definitions: [{ kind: 'method', name: 'g', specializers: ['(eql :key)'] }],
      },
      { class: 'safe', definition: { change: 'new' } },
    ],
    [
      'a package that exports less',
      { text: '(defpackage :shrinking (:use) (:export #:a))', definitions: ['package::shrinking'] },
      { class: 'hazardous', hazard: { kind: 'package-variance' } },
    ],
    [
      'code that would run when it is read',
      { text: '(defun never () #.(setf cl-user::*was-run* t))', definitions: ['function:never'] },
      { class: 'safe' },
    ],
  ];
  for (const [what, piece, expected] of cases)
    it(`tells what becomes of ${what}, and changes nothing`, async () => {
      await agent.remember();
      const { assessments } = await agent.image.call('check', {
        forms: formsOf(agent.file, [piece]),
        threads: false,
      });
      expect(assessments).toHaveLength(1);
      expect(assessments[0]).toMatchObject(expected);
      if (!('hazard' in expected)) expect(assessments[0]).not.toHaveProperty('hazard');
      expect(await agent.changes()).toBe('NIL');
      expect(await lisp("(boundp 'cl-user::*was-run*)")).toEqual(['NIL']);
    });

  it('knows a definition that is installed already, until somebody defines it otherwise', async () => {
    const forms = formsOf(agent.file, [defun('same', '() 1')]);
    const look = async () => (await agent.image.call('check', { forms, threads: false })).assessments[0]!;
    await agent.apply(forms);
    writeFileSync(agent.file, forms[0]!.text);
    expect(await look()).toMatchObject({ class: 'unchanged', installed: forms[0]!.digest, file: agent.file });
    await agent.program('(defun same () 1)');
    const assessment = await look();
    expect(assessment).toMatchObject({ class: 'safe', definition: { change: 'redefined' } });
    expect(assessment).not.toHaveProperty('installed');
  });
});
