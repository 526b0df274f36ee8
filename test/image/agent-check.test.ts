/** What the agent says of a change before it is made. */
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changes, program } from '../support/agentChanges.ts';
import { defun, formsOf, RawAgent, type Piece } from '../support/rawAgent.ts';

let agent: RawAgent;
beforeAll(async () => {
  agent = new RawAgent();
  await agent.start();
});
afterAll(() => agent.stop());

const lisp = (code: string) => agent.lisp(code);

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
