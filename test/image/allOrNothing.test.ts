/** All or nothing: definitions of every kind in one operation, with a failure made at every step and every place. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { definers } from '../support/definers.ts';
import { changesOfEveryKind, everyKind, everySymbol } from '../support/everyKind.ts';
import { Editor } from '../support/lspClient.ts';
import type { OperationResult } from '../support/lspTypes.ts';
import { RawAgent, type Piece } from '../support/rawAgent.ts';

const pieces = Object.values(changesOfEveryKind(7));
const kinds = Object.keys(changesOfEveryKind(7));

const faults: Record<string, { piece: Piece; step: string }> = {
  'does not read': {
    piece: { text: '(defun f (x) (list x nowhere:name))', definitions: ['function:f'] },
    step: 'read',
  },
  'does not compile': {
    piece: { text: '(defun f (x) (let ((1 2)) x))', definitions: ['function:f'] },
    step: 'compile',
  },
  'signals while it is loaded': {
    piece: { text: '(error "on purpose")', evaluates: true },
    step: 'load',
  },
};

describe('definitions of every kind in one operation', () => {
  const agent = new RawAgent();
  beforeAll(async () => {
    await agent.start();
    await agent.program(everyKind);
    await agent.lisp(everySymbol);
  });
  afterAll(() => agent.stop());

  for (const [what, { piece, step }] of Object.entries(faults))
    it(`leave no trace when a form ${what}, after however many of them`, async () => {
      await agent.remember();
      for (let place = 0; place <= pieces.length; place++) {
        const change = await agent.change(...pieces.slice(0, place), piece, ...pieces.slice(place));
        const where = `after ${place} of ${kinds.join(', ')}`;
        expect([where, change.status, change.step, change.remains, change.definitions]).toEqual([
          where,
          'failed',
          step,
          [],
          [],
        ]);
        expect([where, await agent.changes()]).toEqual([where, 'NIL']);
      }
    });

  it('leave no trace when they are undone, in both orders, and pairs of kinds neither', async () => {
    await agent.remember();
    for (const order of [pieces, [...pieces].reverse()]) {
      const change = await agent.change(...order);
      expect(change).toMatchObject({ status: 'applied' });
      expect(await agent.changes()).not.toBe('NIL');
      expect(await agent.image.call('undo', { transaction: change.transaction, force: false })).toMatchObject(
        { status: 'applied', remains: [] },
      );
      expect(await agent.changes()).toBe('NIL');
    }
  });

  it.each(kinds)('leave no trace of a %s when the form after it fails', async kind => {
    await agent.remember();
    const piece = changesOfEveryKind(3)[kind]!;
    for (const [what, fault] of Object.entries(faults)) {
      expect(await agent.change(piece, fault.piece)).toMatchObject({ status: 'failed', remains: [] });
      expect([what, await agent.changes()]).toEqual([what, 'NIL']);
    }
  });
});

describe('an SBCL that stumbles over code which is being made, as 2.2.9 does beside other threads', () => {
  const agent = new RawAgent();
  beforeAll(async () => {
    await agent.start();
    await agent.program(everyKind);
    await agent.lisp(everySymbol);
    await agent.lisp(`(let ((walk (find-symbol "MAP-OBJECTS-IN-RANGE" "SB-VM")) (walks 0))
      (when walk
        (sb-int:encapsulate walk 'stumbling
                            (lambda (function &rest arguments)
                              (if (oddp (incf walks)) (sb-int:bug "stumbled") (apply function arguments))))))`);
  });
  afterAll(() => agent.stop());

  it('makes changes, takes back those that fail, and rolls back, all the same', async () => {
    await agent.remember();
    for (const fault of Object.values(faults))
      expect(await agent.change(...pieces, fault.piece)).toMatchObject({ status: 'failed', remains: [] });
    expect(await agent.changes()).toBe('NIL');
    const change = await agent.change(...pieces);
    expect(change).toMatchObject({ status: 'applied' });
    const undone = await agent.image.call('undo', { transaction: change.transaction, force: false });
    expect(undone).toMatchObject({ status: 'applied', remains: [] });
    expect(await agent.changes()).toBe('NIL');
  });
});

describe('a file with definitions of every kind', () => {
  const file = `(defpackage #:app (:use #:common-lisp))\n(in-package #:app)\n${everyKind}\n`;
  let editor: Editor;
  beforeEach(async () => {
    editor = await Editor.start({
      files: { 'app.lisp': file },
      load: ['app.lisp'],
      settings: {
        approval: { 'modify-running-code': 'allow' },
        verify: [{ when: { package: 'APP' }, form: '(not (app:f 1))' }],
      },
    });
  });
  afterEach(() => editor.finish());

  it('is as it was when what verifies it fails', async () => {
    const document = editor.openFile(`${editor.root}/app.lisp`);
    await editor.evaluate(everySymbol);
    const text = [
      '(defpackage #:app (:use #:common-lisp))\n(in-package #:app)',
      ...pieces.map(each => each.text),
    ].join('\n\n');
    await editor.evaluate(
      `(load ${JSON.stringify(new URL('../support/fingerprint.lisp', import.meta.url).pathname)})`,
    );
    await editor.evaluate('(fingerprint:remember "APP")');
    document.set(`${text}\n`);
    const result = await editor.command<OperationResult>('reload_file', { uri: document.uri });
    expect(result).toMatchObject({ status: 'rolled-back' });
    expect(await editor.evaluate('(fingerprint:changes)')).toEqual(['NIL']);
    expect(await editor.evaluate('(app:f 1)')).toEqual(['(1)']);
  });
});

describe('mixtures of what programs define and set', () => {
  const all = Object.entries(definers);
  let state = 20_260_101;
  /** A number below `limit`, from a sequence that is the same each time. */
  const random = (limit: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const shuffled = <T>(items: readonly T[]): T[] =>
    items
      .map(item => [random(2 ** 30), item] as const)
      .sort(([a], [b]) => a - b)
      .map(([, item]) => item);

  it('leave no trace when they fail at any place, or are rolled back', async () => {
    const editor = await Editor.start({
      files: { 'all.lisp': `(in-package :cl-user)\n${all.map(([, { before }]) => before).join('\n')}\n` },
      load: ['all.lisp'],
      settings: { approval: { 'modify-running-code': 'allow' } },
    });
    const looks = () =>
      Promise.all(all.map(async ([name, { look }]) => [name, ...(await editor.evaluate(look))]));
    const expected = (changed: readonly string[] = []) =>
      all.map(([name, { values }]) => [name, values[changed.includes(name) ? 1 : 0]]);
    try {
      expect(await looks()).toEqual(expected());
      const document = editor.open('mixture.lisp', '');
      const reload = (forms: readonly string[]) => {
        document.set(`(in-package :cl-user)\n${forms.join('\n')}\n`);
        return editor.command<OperationResult>('reload_file', { uri: document.uri });
      };
      for (let round = 0; round < 6; round++) {
        const chosen = shuffled(all).slice(0, 2 + random(all.length - 2));
        const names = chosen.map(([name]) => name);
        const forms = chosen.map(([, { after }]) => after);
        const failing = forms.toSpliced(random(forms.length + 1), 0, '(error "on purpose")');
        const failed = await reload(failing);
        expect([failed.status, failed.remains ?? [], names]).toEqual(['failed', [], names]);
        expect([names, await looks()]).toEqual([names, expected()]);
        const { status, transaction } = await reload(forms);
        expect([status, names]).toEqual(['applied', names]);
        expect([names, await looks()]).toEqual([names, expected(names)]);
        const back = await editor.command<OperationResult>('rollback', { transaction });
        expect([back.status, back.remains ?? []]).toEqual(['applied', []]);
        expect([names, await looks()]).toEqual([names, expected()]);
      }
    } finally {
      await editor.finish();
    }
  });
});
