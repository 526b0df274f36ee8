/** Functions compiled without a file are what they would be when compiled with one, case by case. */
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lispString, repository } from '../support/lspClient.ts';
import { defun, formAt, RawAgent, type Piece } from '../support/rawAgent.ts';

let agent: RawAgent;

const declaration = "(proclaim '(ftype (function (fixnum) (values fixnum &optional)) app::declared))";

const program = `
(defvar *sink* '()) (defvar *counter* 0) (define-symbol-macro everywhere (car *sink*))
(defmacro with-list ((name) &body body) \`(let ((,name (list 1 2))) ,@body))
(defvar *shared* (list 1 2 3))
(defmacro shared-list () \`',*shared*)
(defmacro literal-function () (lambda (x) x))
(defmacro loaded () '(load-time-value (incf *counter*)))
(defmacro where () (list 'quote (and *compile-file-pathname* (file-namestring *compile-file-pathname*))))
(defmacro warns () (warn "from the macro") 1) (defmacro fails () (error "the macro fails"))
(defmacro place () '(car *sink*))
(declaim (inline inlined)) (defun inlined (x) (* 2 x)) (declaim (inline inlined-loaded))
(defun inlined-loaded () (load-time-value (incf *counter*)))
(declaim (notinline not-inlined)) (defun not-inlined (x) x)
(defstruct point x y) (defclass thing () ((a :initarg :a :accessor thing-a)))
(defgeneric generic (x)) (defun plain (x) x) (define-condition trouble (error) ((a :initarg :a)))
(define-compiler-macro plain (&whole whole x) (if (integerp x) \`(progn ,x) whole))
(define-modify-macro doublef () inlined)
(defun take (list n) (subseq list 0 n))
(defsetf head (list) (value) \`(progn (setf (car ,list) ,value) (car ,list)))
(define-setf-expander loaded-place () (values '() '() '(value) '(loaded) '(car *sink*)))`;

interface Case {
  /** Defines APP::F (or APP::(SETF F)). */
  readonly text: string;
  readonly calls?: string;
  readonly name?: string;
  /** Whether it takes a file. */
  readonly file?: true;
}

const cases: Record<string, Case> = {
  'a small one': { text: '(defun f (x) (+ x 1))', calls: '(f 1) (f "a") (f) (f 1 2)' },
  'with a docstring and a declaration': {
    text: '(defun f (x)\n  "Doc ~a λ."\n  (declare (type fixnum x) (optimize speed (safety 1)))\n  (1+ (logand x 255)))',
    calls: '(f 1) (f :a)',
  },
  'with every kind of parameter': {
    text: '(defun f (a &optional (b 2 b-p) &rest rest &key (c (list a)) ((:dd d) 4) &allow-other-keys &aux (e (list b-p))) (list a b rest c d e))',
    calls: '(f 1) (f 1 2 :c 3) (f 1 2 :c) (f) (f 1 3 :dd 5 :z 6)',
    file: true, // A style warning about &OPTIONAL with &KEY.
  },
  'with keyword arguments checked': {
    text: '(defun f (&key a b) (list a b))',
    calls: '(f :a 1) (f :c 1) (f 1)',
  },
  recursive: { text: '(defun f (n) (if (< n 2) 1 (* n (f (1- n)))))', calls: '(f 10)' },
  'recursive with other arguments than before': {
    text: '(defun f (n &optional (a 1)) (if (< n 2) a (f (1- n) (* a n))))',
    calls: '(f 10)',
  },
  loop: {
    text: '(defun f (list)\n  (loop for (a . b) in list for i from 0 when a collect (list a b i) into result finally (return result)))',
    calls: "(f '((1 . 2) (nil . 3) (4))) (f 7)",
  },
  'nested backquotes and strings': {
    text: '(defun f (x)\n  (list `(a ,x ,@x `(b ,(c ,x))) "s\\"t" #\\a :key 1.5d0 1/3 #c(1 2) #*101))',
    calls: "(f '(1 2))",
    file: true,
  },
  backquote: { text: '(defun f (x) `(a ,x ,@x "s" #\\a :key 1.5d0 1/3 1.0))', calls: "(f '(1 2))" },
  'handler-case': {
    text: "(defun f (x y) (handler-case (if x (error 'trouble :a 1) (car y)) (trouble () :trouble) (type-error (c) (type-error-datum c)) (:no-error (x) (list x))))",
    calls: '(f t nil) (f nil 1) (f nil nil)',
  },
  'handler-bind, restarts and unwinding': {
    text: '(defun f (x) (let ((log (list))) (unwind-protect (restart-case (handler-bind ((error (lambda (c) (declare (ignore c)) (invoke-restart \'use 5)))) (error "no ~a" x)) (use (y) (push y log) log)) (push :out log))))',
    calls: '(f 1)',
  },
  closures: {
    text: '(defun f (n) (let ((count n)) (list (lambda () (incf count)) (lambda (x) (setf count x)))))',
    calls: '(mapcar (function functionp) (f 1))',
  },
  'local functions with names': {
    text: '(defun f (x)\n  (labels ((even (n) (if (zerop n) (error "at ~a" x) (odd (1- n)))) (odd (n) (if (zerop n) nil (even (1- n)))))\n    (flet ((g (y) (even (+ x y)))) (list (g 1) (function g)))))',
    calls: '(f 1) (f 2)',
  },
  'macrolet and symbol-macrolet': {
    text: '(defun f (x) (macrolet ((twice (y) `(list ,y ,y))) (symbol-macrolet ((z (car x))) (setf z 5) (twice z))))',
    calls: '(f (list 1))',
  },
  'tagbody and block': {
    text: '(defun f (x) (block out (tagbody again (when (> x 10) (return-from out x)) (incf x) (go again))))',
    calls: '(f 1)',
  },
  'case, typecase and format': {
    text: '(defun f (x) (format nil "~a ~s~%" (case x ((1 2) :small) (a :a) (t :other)) (etypecase x (integer "i") (point "p") (symbol "s"))))',
    calls: "(f 1) (f 'a) (f (make-point)) (f 1.5)",
  },
  'a macro of the program': {
    text: '(defun f (x) (with-list (l) (list x l (not-inlined l))))',
    calls: '(f 1)',
  },
  'an inlined function of the program': { text: '(defun f (x) (inlined (inlined x)))', calls: '(f 2)' },
  'a compiler macro of the program': { text: '(defun f (x) (list (plain 1) (plain x)))', calls: '(f 2)' },
  'a modify macro of the program': {
    text: '(defun f (x) (doublef x) (incf (car *sink*) x) (push x *sink*) x)',
    calls: '(f 2)',
  },
  'a defsetf of the program': { text: '(defun f (x) (setf (head x) 5) x)', calls: '(f (list 1 2))' },
  structures: {
    text: '(defun f (p) (setf (point-x p) 1) (list (point-y p) (make-point :x 2 :y (point-x p)) (point-p p)))',
    calls: '(f (make-point)) (f 1)',
  },
  instances: {
    text: "(defun f (x) (let ((thing (make-instance 'thing :a x))) (setf (slot-value thing 'a) 2) (incf (thing-a thing)) (with-slots (a) thing (list a))))",
    calls: '(f 1)',
  },
  'variables of the program': {
    text: '(defun f (x) (let ((*sink* (list x))) (declare (special *sink*)) (setf *counter* *counter*) (symbol-value (quote *sink*))))',
    calls: '(f 1)',
  },
  'multiple values': {
    text: '(defun f (x) (multiple-value-bind (a b) (floor x 2) (values b a)))',
    calls: '(f 7)',
  },
  'dynamic extent': {
    text: '(defun f (x) (let ((l (list x x))) (declare (dynamic-extent l)) (reduce (function +) l)))',
    calls: '(f 7)',
  },
  'literal lists and vectors': {
    text: '(defun f () (list \'(1 (2 . 3)) #(1 a "b") \'sym "str" "str"))',
    calls: '(f)',
  },
  'a setf function': {
    text: '(defun (setf f) (value x) "Sets." (setf (car x) value))',
    name: '(setf app::f)',
    calls: '(let ((l (list 1))) (setf (f l) 2) l)',
  },
  'of a declared type': {
    text: '(defun declared (x) (1+ (logand x 7)))',
    name: 'app::declared',
    calls: '(declared 1) (declared :a)',
  },
  'CRLF and characters of several bytes': {
    text: '(defun f (λ)\r\n  "Doc\r\nλ 𝛼"\r\n  (let ((é "ü𝛼"))\r\n    (error "~a ~a" λ é)))',
    calls: '(f 1)',
  },
  'behind a read-time condition': {
    text: '#+sbcl\n(defun f (x)\n  #-sbcl (nothing) #+sbcl (error "x ~a" x))',
    calls: '(f 1)',
  },
  'comments in it': {
    text: '(defun f (x) ; here\n  #| and\n here |# (error "x ~a" ; there\n x))',
    calls: '(f 1)',
  },
  'where it is compiled, asked by a macro': { text: '(defun f () (where))', calls: '(f)' },
  'inner errors deep down': {
    text: '(defun f (x)\n  (let* ((a (list x)) (b (mapcar (lambda (y) (if (eql y 3) (error "three") y)) a)))\n    (list a b)))',
    calls: '(f 3) (f 1)',
  },
  'make-load-form not needed: a hash table at run time': {
    text: '(defun f () (let ((table (make-hash-table))) (setf (gethash 1 table) 2) (gethash 1 table)))',
    calls: '(f)',
  },
  // What takes a file.
  'an unused variable': { text: '(defun f (x y)\n  (let ((z 1)) x))', calls: '(f 1 2)', file: true },
  'an undefined function': {
    text: '(defun f (x)\n  (list (nowhere-to-be-found x) (nowhere-to-be-found)))',
    calls: '(f 1)',
    file: true,
  },
  'an undefined variable': { text: '(defun f (x)\n  (list x nowhere))', calls: '(f 1)', file: true },
  'an undefined type': { text: '(defun f (x)\n  (typep x (quote unheard-of)))', file: true },
  'a wrong number of arguments': { text: '(defun f (x)\n  (take x))', calls: '(f 1)', file: true },
  'a constant of the wrong type': { text: '(defun f (x)\n  (list x (+ 1 "a")))', calls: '(f 1)', file: true },
  'a note of the compiler': {
    text: '(defun f (x)\n  (declare (optimize speed))\n  (+ x 1))',
    calls: '(f 1)',
    file: true,
  },
  'unreachable code': {
    text: '(defun f (x)\n  (declare (fixnum x))\n  (if (consp x) (list 1) 2))',
    calls: '(f 1)',
    file: true,
  },
  'a macro that warns': { text: '(defun f (x)\n  (list x (warns)))', file: true },
  'a load-time value': { text: '(defun f () (load-time-value (list *counter*)))', calls: '(f)', file: true },
  'a load-time value from a macro': { text: '(defun f () (and (loaded) t))', calls: '(f)', file: true },
  'a load-time value from an inlined function': {
    text: '(defun f () (and (inlined-loaded) t))',
    calls: '(f)',
    file: true,
  },
  'a load-time value from a place': {
    text: '(defun f (x) (setf (loaded-place) x) x)',
    calls: '(f 1)',
    file: true,
  },
  'a list that a macro shares': {
    text: '(defun f () (let ((l (shared-list))) (list l (eq l *shared*))))',
    calls: '(f)',
    file: true,
  },
  'a symbol macro': {
    text: '(defun f () everywhere)',
    calls: '(progn (setf *sink* (list 1)) (f))',
    file: true,
  },
  'debug 3': { text: '(defun f (x) (declare (optimize (debug 3))) (list x))', calls: '(f 1)', file: true },
  'to be inlined': {
    text: '(defun inlined (x) (* 3 x))',
    name: 'app::inlined',
    calls: '(inlined 1)',
    file: true,
  },
};

const lisp = async (code: string): Promise<string> => (await agent.lisp(code))[0]!;

beforeAll(async () => {
  agent = new RawAgent();
  await agent.start();
  await agent.lisp(`(load ${lispString(path.join(repository, 'test/support/observer.lisp'))})`);
  await agent.program(program);
});
afterAll(() => agent.stop());

interface Observed {
  readonly notes: unknown;
  readonly seen: string;
}

/** The addresses of symbols that do not move are part of instructions made in memory, and make them a little shorter. */
function expectSame(memory: Observed, file: Observed): void {
  const size = ({ seen }: Observed) => Number(/:SIZE (\d+)/.exec(seen)![1]);
  const rest = ({ notes, seen }: Observed) => ({
    notes,
    seen: seen.replace(/:SIZE \d+/, '').replace(/ \{[0-9A-F]+\}>/g, '>'),
  });
  expect(rest(memory)).toEqual(rest(file));
  expect(size(memory) / size(file)).toBeGreaterThan(0.85);
  expect(size(memory) / size(file)).toBeLessThan(1.05);
}

describe('a function compiled without a file is the one compiled with one', () => {
  const before = '(in-package :app) ; λ\r\n(defvar *other* 1)\n\n  ';
  for (const [what, { text, calls = '', name = 'app::f', file }] of Object.entries(cases))
    it(what, async () => {
      const kind = 'function' as const;
      const defined = name.startsWith('(') ? '(setf f)' : name.slice('app::'.length);
      const form = formAt(`${before}${text}\n`, before.length, 2, agent.file, {
        text,
        definitions: [{ kind, name: defined }],
      });
      const apply = async (memory: boolean) => {
        await lisp(`(setf hotlisp::*memory-units* ${memory ? 4 : 0} observer:*files* 0)`);
        await lisp('(clrhash hotlisp::*outspoken*)');
        const change = await agent.apply([form]);
        expect(change.status).toBe('applied');
        expect(await lisp('observer:*files*')).toBe(memory && !file ? '0' : '1');
        const seen = await lisp(`(let ((*package* (find-package :app)))
          (observer:observe '${name} (read-from-string ${lispString(`(${calls})`)})))`);
        return { notes: change.notes, seen, transaction: change.transaction };
      };
      const undo = (transaction: string) => agent.image.call('undo', { transaction, force: false });
      const results: Observed[] = [];
      for (const memory of [false, true]) {
        // Undoing a definition that was new forgets a type that was declared before.
        await lisp(declaration);
        const fresh = await apply(memory);
        const again = await apply(memory);
        await undo(again.transaction);
        await undo(fresh.transaction);
        results.push(fresh, again);
      }
      const [freshFile, againFile, freshMemory, againMemory] = results;
      expectSame(freshMemory!, freshFile!);
      expectSame(againMemory!, againFile!);
    });
});

describe('what takes no file', () => {
  const filesFor = async (...pieces: Piece[]): Promise<number> => {
    await lisp('(setf hotlisp::*memory-units* 4 observer:*files* 0)');
    expect(await agent.change(...pieces)).toMatchObject({ status: 'applied' });
    return Number(await lisp('observer:*files*'));
  };
  const tries = async (...pieces: Piece[]): Promise<string> => {
    await lisp('(setf observer:*tries* 0)');
    await agent.change(...pieces);
    return lisp('observer:*tries*');
  };

  it('is functions that call each other, none of them there before', async () => {
    expect(
      await filesFor(defun('ping', '(n) (if (zerop n) :done (pong (1- n)))'), defun('pong', '(n) (ping n)')),
    ).toBe(0);
    expect(await lisp('(app::ping 5)')).toBe(':DONE');
  });

  it('is never one that the compiler has had something to say about, until it no longer has', async () => {
    const spoken = defun('spoken', '(x y) x');
    const silent = defun('spoken', '(x y) (list x y)');
    expect([await tries(spoken), await tries(spoken), await tries(silent), await tries(silent)]).toEqual([
      '1',
      '0',
      '0',
      '1',
    ]);
  });

  it('leaves nothing behind where a later form fails to load', async () => {
    await agent.change(defun('survivor', '() "Old." :old'));
    await agent.remember();
    const change = await agent.change(defun('survivor', '(new) "New." new'), defun('newcomer', '() 1'), {
      text: '(error "no")',
      evaluates: true,
    });
    expect(change).toMatchObject({ status: 'failed', remains: [] });
    expect(await agent.changes()).toBe('NIL');
    expect(await lisp("(list (app::survivor) (documentation 'app::survivor 'function))")).toBe(
      '(:OLD "Old.")',
    );
  });

  it('keeps a trace', async () => {
    await agent.change(defun('traced', '() 1'));
    await lisp('(progn (trace app::traced) t)');
    expect(await filesFor(defun('traced', '() 2'))).toBe(0);
    expect(
      await lisp(
        '(prog1 (list (let ((*trace-output* (make-broadcast-stream))) (app::traced)) (trace)) (untrace app::traced))',
      ),
    ).toBe('(2 (APP::TRACED))');
  });

  it('reads a form once only where reading it does something', async () => {
    await lisp('(progn (defvar app::*read* 0) t)');
    expect(await filesFor(defun('reads', '(x y) (list #.(incf *read*) x)'))).toBe(1);
    expect(await lisp('(list app::*read* (app::reads 1 2))')).toBe('(1 (1 1))');
  });
});
