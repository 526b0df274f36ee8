/** What the agent promises about changing code, request by request: places, several definitions at once, notes, running programs. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lispString } from '../support/lspClient.ts';
import { defun, formAt, formsOf, pointedAt, RawAgent, type Piece } from '../support/rawAgent.ts';

let agent: RawAgent;
beforeAll(async () => {
  agent = new RawAgent();
  await agent.start();
});
afterAll(() => agent.stop());

const lisp = (code: string) => agent.lisp(code);

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

  it.each([
    ['redefined', 'cold', 'load-staged-methods', '(3 2 1)'],
    ['added', 'chilly', 'load-staged-methods', '(:INTEGER 1)'],
    ['removed', 'frozen', 'remove-definition', ':NONE'],
  ])(
    'see that a method was %s, too, where SBCL was compiling the first dispatch without that',
    async (what, name, inside, then) => {
      const method = (specializer: string, text: string): Piece => ({
        text,
        definitions: [{ kind: 'method', name, specializers: [specializer, 't', 't'] }],
      });
      await agent.program(`(defgeneric ${name} (a b c)) (defmethod ${name} (a b c) (list a b c))`);
      // Compiling takes 4 to 50 ms; this makes it last.
      await lisp(`(defvar cl-user::*inside*)
      (defvar cl-user::*caller*)
      (setf cl-user::*inside* nil cl-user::*caller* nil)
      (defmacro cl-user::slowly ()
        (setf cl-user::*inside* t)
        (loop with end = (+ (get-internal-real-time) (* 50/1000 internal-time-units-per-second))
              until (> (get-internal-real-time) end)))
      (sb-int:encapsulate 'sb-pcl::get-dfun-constructor 'slowly
        (lambda (function &rest arguments)
          (multiple-value-prog1 (apply function arguments)
            (when (eq sb-thread:*current-thread* cl-user::*caller*)
              (compile nil '(lambda () (cl-user::slowly)))))))
      (sb-int:encapsulate 'hotlisp::${inside} 'meanwhile
        (lambda (function &rest arguments)
          (setf cl-user::*caller* (sb-thread:make-thread (lambda () (sleep 0.01) (app::${name} 1 2 3))))
          (loop repeat 5000 until cl-user::*inside* do (sleep 0.001))
          (apply function arguments)))`);
      const changes = {
        redefined: () => agent.change(method('t', `(defmethod ${name} (a b c) (list c b a))`)),
        added: () =>
          agent.change(method('integer', `(defmethod ${name} ((a integer) b c) (list :integer a))`)),
        removed: () =>
          agent.image.call('remove', {
            transaction: 'removed',
            definitions: [{ kind: 'method', name, qualifiers: [], specializers: ['t', 't', 't'] }],
            package: 'APP',
          }),
      };
      const change = await changes[what as keyof typeof changes]();
      await lisp(`(progn (sb-int:unencapsulate 'sb-pcl::get-dfun-constructor 'slowly)
      (sb-int:unencapsulate 'hotlisp::${inside} 'meanwhile))`);
      expect(change).toMatchObject({ status: 'applied' });
      expect(
        await lisp(`(list cl-user::*inside* (sb-thread:join-thread cl-user::*caller*)
        (handler-case (app::${name} 1 2 3) (error () :none)))`),
      ).toEqual([`(T (1 2 3) ${then})`]);
    },
  );

  it('call the accessors of a class that is defined again, and taken back, and never fail', async () => {
    const product = (slots: string): Piece => ({
      text: `(defclass product () ((price :initform 1 :accessor price :initarg :price)${slots}))`,
      definitions: [{ kind: 'class', name: 'product' }],
    });
    await agent.program(`${product('').text} (defclass book (product) ())`);
    await lisp(`(progn
      (setf cl-user::*stop* nil cl-user::*problems* nil)
      (setf cl-user::*threads*
        (loop for class in '(app::product app::book app::product app::book) collect
          (let ((class class)) (sb-thread:make-thread (lambda ()
            (loop with product = (make-instance class)
                  until cl-user::*stop*
                  do (handler-case (loop repeat 50
                                         do (unless (eql 1 (funcall 'app::price product)) (push :wrong cl-user::*problems*))
                                            (funcall #'(setf app::price) 1 product))
                       (error (condition) (push (princ-to-string condition) cl-user::*problems*)))
                     (sb-thread:thread-yield)))))))
      t)`);
    try {
      for (let round = 1; round <= 60; round++) {
        const change = await agent.change(product(round % 2 ? ' (stock :initform 2 :reader stock)' : ''));
        expect(change).toMatchObject({ status: 'applied' });
        await agent.image.call('undo', { transaction: change.transaction, force: false });
      }
    } finally {
      await lisp("(progn (setf cl-user::*stop* t) (mapc #'sb-thread:join-thread cl-user::*threads*) t)");
    }
    expect(await lisp("(remove-duplicates cl-user::*problems* :test #'equal)")).toEqual(['NIL']);
    // Takes a third of the usual minute where nobody else computes.
  }, 240_000);

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
