/** Changes of a class with instances: which slots they gain and lose, how many there are, and the method that carries them over. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Editor, type TextDocument } from '../support/lspClient.ts';

const text = `(defpackage #:zoo (:use #:common-lisp))
(in-package #:zoo)

(defclass animal ()
  ((name :initarg :name :accessor name)
   (legs :initform 4)))

(defclass bird (animal)
  ((wings :initform 2)))

(defun feed (animal) animal)
`;

let editor: Editor;
let document: TextDocument;
beforeEach(async () => {
  editor = await Editor.start({ files: { 'zoo.lisp': text }, load: ['zoo.lisp'] });
  document = editor.openFile(`${editor.root}/zoo.lisp`);
  await editor.evaluate(
    "(defvar cl-user::*zoo* (list (make-instance 'zoo::animal :name :rex) (make-instance 'zoo::bird :name :tweety)))",
  );
});
afterEach(() => editor.finish());

const change = () => document.replace('(legs :initform 4)', '(age :initform 1)\n   (owner)');
const position = () => document.positionOf('(defclass animal');

describe('a changed class', () => {
  it('is asked about with the slots that its instances gain and lose, and reported with them', async () => {
    change();
    const prompt = editor.expectPrompt(/reload animal/i, 'Approve');
    const result = await editor.command('reload_form', { uri: document.uri, position: position() });
    expect((await prompt).message).toMatch(
      /class ZOO::ANIMAL \(migration: adds slots AGE and OWNER, drops slot LEGS\)/,
    );
    expect(result).toMatchObject({
      status: 'applied',
      definitions: [
        { name: 'ANIMAL', class: 'migration', migration: { added: ['AGE', 'OWNER'], dropped: ['LEGS'] } },
      ],
    });
  });

  it('is asked about with the slots that a new superclass brings', async () => {
    document.replace('(defclass bird (animal)', '(defclass bird ()');
    const prompt = editor.expectPrompt(/reload bird/i, 'Deny');
    await editor.failure('reload_form', {
      uri: document.uri,
      position: document.positionOf('(defclass bird'),
    });
    expect((await prompt).message).toMatch(/\(migration: drops slots (NAME and LEGS|LEGS and NAME)\)/);
  });

  it('has its instances counted by the plan, those of classes below it included', async () => {
    change();
    const plan = await editor.command<{ instances: unknown; definitions: unknown }>('plan', {
      operation: 'reload_form',
      uri: document.uri,
      position: position(),
    });
    expect(plan.definitions).toMatchObject([{ migration: { added: ['AGE', 'OWNER'], dropped: ['LEGS'] } }]);
    expect(plan.instances).toMatchObject([{ class: 'ZOO::ANIMAL', complete: true }]);
    expect((plan.instances as { instances: number }[])[0]!.instances).toBeGreaterThanOrEqual(2);
  });

  it('has its instances counted on request, and the person told', async () => {
    await editor.evaluate(
      "(setf *zoo* (append *zoo* (loop repeat 1000 collect (make-instance 'zoo::bird))))",
    );
    const counted = await editor.actionOutcome(document, '(defclass bird', /^Count instances of bird$/);
    const { instances } = counted as unknown as { instances: number };
    expect(counted).toMatchObject({ class: 'ZOO::BIRD', complete: true });
    expect(instances).toBeGreaterThanOrEqual(1001);
    expect(instances).toBeLessThan(1100);
    await editor.messages.next(
      'the number',
      each => each.message === `ZOO::BIRD has ${instances} instances.`,
    );
    expect((await editor.codeActions(document, '(defun feed')).map(({ title }) => title).join()).not.toMatch(
      /Count/,
    );
  });

  it('gets a method that compiles and carries values over', async () => {
    change();
    await editor.diagnostics(
      document,
      list => list.some(({ code }) => code === 'drift-changed'),
      'the change',
    );
    const outcome = await editor.actionOutcome(
      document,
      '(defclass animal',
      /^Insert update-instance-for-redefined-class for animal$/,
    );
    expect(outcome).toMatchObject({ status: 'applied', added: ['AGE', 'OWNER'], dropped: ['LEGS'] });
    expect(document.text).toMatch(
      /\(owner\)\)\)\n\n\(defmethod update-instance-for-redefined-class :after\n {4}\(\(instance animal\) added-slots discarded-slots property-list/,
    );
    expect(document.text).toContain("(let ((legs (getf property-list 'legs)))");
    document.replace(
      "(setf (slot-value instance 'owner) nil)",
      "(setf (slot-value instance 'owner) (list :legs legs))",
    );
    void editor.expectPrompt(/reload changed forms/i, 'Approve');
    const result = await editor.command('reload_changed', { uri: document.uri });
    expect(result).toMatchObject({ status: 'applied', notes: [] });
    expect(
      await editor.evaluate(
        "(let ((rex (first *zoo*))) (list (slot-value rex 'zoo::age) (slot-value rex 'zoo::owner) (zoo::name rex)))",
      ),
    ).toEqual(['(1 (:LEGS 4) :REX)']);
  });

  it('gets no method where its instances keep their slots', async () => {
    document.replace('(legs :initform 4)', '(legs :initform 6)');
    const failure = await editor.failure('insert_update_instance', {
      uri: document.uri,
      position: position(),
    });
    expect(failure.message).toMatch(/no instance has to be carried over/);
    expect(
      (await editor.codeActions(document, '(defclass bird')).map(({ title }) => title).join(),
    ).not.toMatch(/Insert update/);
  });
});
