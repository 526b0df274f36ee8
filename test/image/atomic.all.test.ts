/** Atomic: threads that call all the while, over as many redefinitions as a long day of work makes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RawAgent, defun, type Piece } from '../support/rawAgent.ts';

const agent = new RawAgent();
beforeAll(() => agent.start());
afterAll(() => agent.stop());
const { lisp } = {
  lisp: async (code: string) => (await agent.lisp(code))[0]!,
};

/** Threads that run `body` over and over; `stop` ends them and answers what went wrong in any of them, printed. */
async function callers(count: number, body: string): Promise<{ stop(): Promise<string> }> {
  await lisp(`(progn
    (defparameter cl-user::*stop* nil) (defparameter cl-user::*problems* '()) (defparameter cl-user::*calls* 0)
    (defparameter cl-user::*threads*
      (loop repeat ${count} collect
        (sb-thread:make-thread (lambda ()
          (handler-case (loop until cl-user::*stop* do ${body} (sb-ext:atomic-incf (car cl-user::*count*)) (sb-thread:thread-yield))
            (error (condition) (push (princ-to-string condition) cl-user::*problems*)))))))
    t)`);
  return {
    stop: () =>
      lisp(
        "(progn (setf cl-user::*stop* t) (mapc #'sb-thread:join-thread cl-user::*threads*) cl-user::*problems*)",
      ),
  };
}

beforeAll(async () => {
  await lisp('(defparameter cl-user::*count* (list 0))');
});

describe('forty functions redefined together', () => {
  const names = Array.from({ length: 40 }, (_, number) => `hot-${number}`);
  const rounds = 250;

  it(
    '10,000 redefinitions under eight threads: no undefined function, no error, no growth',
    { timeout: 900_000 },
    async () => {
      await agent.program(names.map(name => `(defun ${name} (x) (+ x 0))`).join('\n'));
      const used = async () => {
        await lisp('(progn (sb-ext:gc :full t) t)');
        return Number(await lisp('(sb-kernel:dynamic-usage)'));
      };
      const eight = await callers(
        8,
        `(dolist (name '(${names.map(name => `app::${name}`).join(' ')}))
         (let ((value (funcall name 1)))
           (unless (<= 1 value ${rounds + 1}) (push value cl-user::*problems*))))`,
      );
      let early = 0;
      try {
        for (let round = 1; round <= rounds; round++) {
          const change = await agent.change(...names.map(name => defun(name, `(x) (+ x ${round})`)));
          expect(change).toMatchObject({ status: 'applied', notes: [] });
          // What a rollback needs is kept on purpose, for a number of transactions that has an end: let go of it to see the rest.
          await lisp('(progn (clrhash hotlisp::*transactions*) (setf hotlisp::*transaction-order* nil) t)');
          if (round === 50) early = await used();
        }
      } finally {
        expect(await eight.stop()).toBe('NIL');
      }
      expect(await lisp('(list (app::hot-7 1) (app::hot-39 1))')).toBe(`(${rounds + 1} ${rounds + 1})`);
      // 200 rounds of 40 functions, of about a kilobyte each, would be eight megabytes.
      expect((await used()) - early).toBeLessThan(4_000_000);
      expect(Number(await lisp('(car cl-user::*count*)'))).toBeGreaterThan(rounds);
    },
  );

  it('are swapped in one burst: a spinning thread sees no mixture once the operation has returned; how many it saw during the bursts is told', async () => {
    await agent.program(`${names.map(name => `(defun ${name} (x) x 0)`).join('\n')}`);
    await lisp(`(progn (defparameter cl-user::*torn* (list 0)) (defparameter cl-user::*looks* (list 0))
      (defparameter cl-user::*stop* nil)
      (defparameter cl-user::*spinner*
        (sb-thread:make-thread (lambda ()
          (loop until cl-user::*stop*
                ;; The last of the burst is asked first, so that a burst in between is seen as a mixture, and a plain order is not.
                do (let* ((late (funcall 'app::hot-39 1)) (early (funcall 'app::hot-0 1)) (again (funcall 'app::hot-39 1)))
                     (incf (car cl-user::*looks*))
                     (when (and (eql late again) (/= early late)) (incf (car cl-user::*torn*))))))))
      t)`);
    const bursts = 10;
    try {
      for (let round = 1; round <= bursts; round++) {
        const change = await agent.change(...names.map(name => defun(name, `(x) x ${round}`)));
        expect(change).toMatchObject({ status: 'applied' });
        // A look that began during the burst ends; those after it see one state.
        expect(
          await lisp(`(flet ((look () (loop with goal = (+ 10 (car cl-user::*looks*)) until (> (car cl-user::*looks*) goal) do (sb-thread:thread-yield))))
            (look) (let ((torn (car cl-user::*torn*))) (look) (look) (- (car cl-user::*torn*) torn)))`),
        ).toBe('0');
      }
    } finally {
      await lisp('(progn (setf cl-user::*stop* t) (sb-thread:join-thread cl-user::*spinner*) t)');
    }
    const [torn, looks] = (await lisp('(list (car cl-user::*torn*) (car cl-user::*looks*))'))
      .replace(/[()]/g, '')
      .split(' ')
      .map(Number) as [number, number];
    console.log(`${torn} torn pairs in ${looks} looks over ${bursts} bursts of ${names.length} functions`);
    expect(looks).toBeGreaterThan(1000);
  });
});

describe('methods under four calling threads', () => {
  it(
    '300 times each redefined, added and removed: no error ever, no wrong result once the operation has returned',
    { timeout: 900_000 },
    async () => {
      await agent.program(
        '(defgeneric warm (x)) (defmethod warm (x) :default) (defmethod warm ((x integer)) 0) (defmethod warm ((x string)) :string)',
      );
      await lisp('(defparameter cl-user::*floor* 0)');
      const four = await callers(
        4,
        `(let* ((floor cl-user::*floor*) (value (funcall 'app::warm 1)))
         (when (< value floor) (push (list :stale value floor) cl-user::*problems*))
         (unless (member (funcall 'app::warm 'a) '(:default :symbol)) (push :wrong cl-user::*problems*))
         (unless (eq (funcall 'app::warm "x") :string) (push :wrong-string cl-user::*problems*)))`,
      );
      const method = (specializer: string, value: string): Piece => ({
        text: `(defmethod warm ((x ${specializer})) ${value})`,
        definitions: [{ kind: 'method', name: 'warm', specializers: [specializer] }],
      });
      try {
        for (let round = 1; round <= 300; round++) {
          expect(await agent.change(method('integer', String(round)))).toMatchObject({ status: 'applied' });
          expect(await lisp(`(list (setf cl-user::*floor* ${round}) (app::warm 1))`)).toBe(
            `(${round} ${round})`,
          );
          const added = await agent.change(method('symbol', ':symbol'));
          expect(added).toMatchObject({ status: 'applied' });
          expect(await lisp("(app::warm 'a)")).toBe(':SYMBOL');
          const removed = await agent.image.call('remove', {
            transaction: `removed-${round}`,
            definitions: [{ kind: 'method', name: 'warm', qualifiers: [], specializers: ['symbol'] }],
            package: 'APP',
          });
          expect(removed).toMatchObject({ status: 'applied' });
          expect(await lisp("(app::warm 'a)")).toBe(':DEFAULT');
        }
      } finally {
        expect(await four.stop()).toBe('NIL');
      }
    },
  );
});
