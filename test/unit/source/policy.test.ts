import { beforeAll, describe, expect, it } from 'vitest';
import type { Source } from '../../../server/source/index.ts';
import { policyAt } from '../../../server/source/policy.ts';
import { testSource } from './source.ts';

let source: Source;
beforeAll(async () => {
  source = await testSource();
});

describe('the policy that a text declaims', () => {
  it.each([
    ['(declaim (optimize (speed 3) (safety 0))) (b)', 'speed 3, safety 0'],
    [
      '(declaim (optimize speed) (inline foo)) (cl:declaim (cl:optimize (sb-ext:inhibit-warnings 3))) (b)',
      'speed 3, sb-ext:inhibit-warnings 3',
    ],
    ['(declaim (optimize (debug 3) ; (speed 3)\n (safety 1))) (b)', 'debug 3, safety 1'],
    ['#-sbcl (declaim (optimize (safety 0))) (b)', undefined],
    ['(eval-when (:compile-toplevel) (declaim (optimize (safety 0)))) (b)', 'safety 0'],
    ['(defun f () (declare (optimize (safety 0))) 1) (b)', undefined],
    ['(progn (defun f () (declare (optimize (safety 0))) 1)) (b)', undefined],
    ['(declaim #.*optimize*) (b)', undefined],
    ['"(declaim (optimize (safety 0)))" (b)', undefined],
    ['(b) (declaim (optimize (safety 0)))', undefined],
  ])('of the last form of %j is %j', (text, policy) => {
    const snapshot = source.snapshot('test:', 0, text);
    const found = policyAt(snapshot, snapshot.forms.at(-1)!.span.start);
    expect(found?.map(({ quality, value }) => `${quality} ${value}`).join(', ')).toBe(policy);
  });

  it('is told of a long text in which there is none', () => {
    const text = '(declaim (inline f))\n(defun f (x) (list x))\n'.repeat(50_000);
    expect(policyAt(source.snapshot('test:', 0, text), text.length)).toBeUndefined();
  });
});
