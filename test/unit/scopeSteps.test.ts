/** That a long form is analysed in steps changes nothing of what is found. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { analysisSteps, type Analysis } from '../../server/source/scope.ts';
import { finish } from '../../server/source/slices.ts';
import { formRowOf } from '../../server/source/stretches.ts';
import { createSource } from '../../server/source/index.ts';

const source = await createSource({
  runtimeWasm: 'node_modules/web-tree-sitter/web-tree-sitter.wasm',
  grammarWasm: 'grammar-wasm/tree-sitter-commonlisp.wasm',
});

/** Bindings by where they are bound, so that two analyses can be compared. */
const written = ({ occurrences, bindings }: Analysis): unknown => [
  occurrences.map(({ span, namespace, access, operator, binding, symbol }) =>
    [span.start, span.end, symbol.name, namespace, access, operator, binding?.span.start, binding?.kind].join(
      ' ',
    ),
  ),
  bindings.map(({ occurrences: uses, ...binding }) => [binding, uses.map(({ span }) => span)]),
];

const samples = 'test/corpus/samples';
const shadowing = `(progn
 (let* ((x (list 1)) (x (when x (mapcar (lambda (y) (+ x y)) x))) (z (progn (let ((x x)) x)))) (list x z))
 (loop with a = (let ((q 1)) (f x q)) for x in a collect (let ((x (g x))) x))
 (do* ((i (progn (h i)) (when i (1+ i)))) ((> i 3) (progn i)) (print (list i)))
 (flet ((f (x &key (y (progn (f x))) (z (list x y))) (when x (f (list y z))))) (f (f 1)))
 (defmethod m ((x integer) &optional (x2 (when x x))) (m (list x x2)))
 \`(a ,(let ((b 1)) \`(c ,,(list b) ,b)) ,@(list (list 'b b)))
 (defpackage :p (:use :cl #+sbcl :sb-ext #-sbcl :ext #+x :y) (:export #+sbcl #:a #-sbcl #:b #:c))
 (with-it (#+sbcl (s (f)) #-sbcl (s (g)) t) (list s #+sbcl 'a #-sbcl 'b)))`;

describe('the analysis of scopes, in steps of a few nodes', () => {
  const texts: (readonly [name: string, text: string])[] = [
    ['shadowing', shadowing],
    ...readdirSync(samples)
      .filter(name => name.endsWith('.lisp'))
      .map(name => [name, readFileSync(path.join(samples, name), 'utf8')] as const),
  ];
  it.each(texts)('finds what one step finds: %s', (name, text) => {
    const row = formRowOf(source.open(`test:${name}`, 1, text).snapshot)!;
    let forms = 0;
    for (let i = 0; i < row.keys.length; i++)
      for (const form of row.read(i)) {
        const whole = written(finish(analysisSteps(form, Infinity)));
        for (const step of [1, 3, 17]) expect(written(finish(analysisSteps(form, step)))).toEqual(whole);
        forms++;
      }
    expect(forms).toBeGreaterThan(0);
  });
});
