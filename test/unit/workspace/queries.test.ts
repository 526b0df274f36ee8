/** What the index answers about a small workspace of several packages. A place is written as the text around a ¦. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Indexer } from '../../../server/workspace/indexer.ts';
import { rank } from '../../../server/workspace/fuzzy.ts';
import { testSource } from '../source/source.ts';

const files: Record<string, string> = {
  'file:///w/packages.lisp': `(defpackage #:shop
  (:use #:cl)
  (:nicknames #:sh)
  (:shadow #:remove)
  (:export #:total #:item))
(defpackage :shop/ui
  (:use :cl :shop)
  (:local-nicknames (:s :shop/store))
  (:import-from :shop/store #:save))
(uiop:define-package shop/all (:use-reexport shop shop/store))
(defpackage "SHOP/STORE" (:use cl) (:export save))
(defpackage #:client (:use #:cl #:shop/all))
`,
  'file:///w/shop.lisp': `(in-package #:shop)
(defclass item () ((price :accessor item-price :initarg :price)))
(defun total (items)
  "What is to be paid.
In all."
  (reduce #'+ items :key #'item-price))
(defun (setf total) (value items) (setf (item-price (first items)) value))
(defun remove (item) item)
(defstruct (point (:conc-name pt-) (:constructor point-at (x y)) (:copier nil)) x (y 0 :read-only t))
(defvar *item-count* 0)
(defmacro with-multiple-value-things (&body body) body)
(defgeneric area (shape) (:method ((shape point)) (pt-x shape)))
(defmethod area ((shape item)) 0)
`,
  'file:///w/store.lisp': `(in-package :shop/store)
(defun save (x) x)
(defun total (x) x)
`,
  'file:///w/ui.lisp': `(in-package :shop/ui)
(defun show (items)
  (print (total items))
  (s:save (sh:total items))
  (save (shop::remove (pt-x (shop::point-at 1 2))))
  (remove 1 '(1 2)))
#+lispworks (defun hidden () (total nil))
`,
  'file:///w/client.lisp': `(in-package #:client)
(defun run () (save (total (list (make-instance 'item)))))
; total in a comment, "total" and
(print "total")
`,
  'file:///w/unknown.lisp': `(in-package :no-such-package)
(defun use () (total 1))
`,
  'file:///w/shop.asd': `(defsystem "shop" :components ((:file "packages")))
(defsystem "shop/test" :depends-on (#:shop))
`,
};

let indexer: Indexer;
beforeEach(async () => {
  indexer = new Indexer({
    source: await testSource(),
    encoding: 'utf-16',
    stamp: '',
    log: message => expect.fail(message),
    progress: () => undefined,
  });
  for (const [uri, text] of Object.entries(files)) indexer.setBuffer(uri, text);
});
afterEach(() => indexer.close());

const never = new AbortController().signal;
const uriOf = (name: string) => `file:///w/${name}`;

function positionOf(name: string, place: string) {
  const text = files[uriOf(name)]!;
  const at = text.indexOf(place.replace('¦', ''));
  if (at < 0) throw new Error(`${place} does not stand in ${name}`);
  const before = text.slice(0, at + Math.max(0, place.indexOf('¦'))).split('\n');
  return { line: before.length - 1, character: before.at(-1)!.length };
}

const lineOf = (uri: string, line: number) => files[uri]!.split('\n')[line]!;
const short = (uri: string) => uri.replace('file:///w/', '');

async function definitions(name: string, place: string): Promise<string[]> {
  const hits = await indexer.query(
    'definition',
    { uri: uriOf(name), position: positionOf(name, place) },
    never,
  );
  return hits.map(({ uri, definition: { operator, name: called, nameRange } }) => {
    const { start, end } = nameRange;
    return `${short(uri)}: ${operator} ${called} at ${lineOf(uri, start.line).slice(start.character, end.character)}`;
  });
}

async function references(name: string, place: string, includeDeclaration = true): Promise<string[]> {
  const params = { uri: uriOf(name), position: positionOf(name, place), includeDeclaration };
  return (await indexer.query('references', params, never)).map(({ uri, range: { start, end } }) => {
    const line = lineOf(uri, start.line);
    return `${short(uri)}:${start.line} ${line.slice(start.character, end.character)}`;
  });
}

describe('definition', () => {
  const total = ['shop.lisp: defun total at total', 'shop.lisp: defun (setf total) at (setf total)'];
  const rows: [what: string, file: string, place: string, expected: string[]][] = [
    ['a name of the same package', 'shop.lisp', '(first items)) va¦lue', []],
    ['a name at its own definition', 'shop.lisp', '(defun tot¦al', total],
    ['a name of a used package', 'ui.lisp', '(print (tot¦al', total],
    ['a name with a nickname', 'ui.lisp', 'sh:to¦tal', total],
    ['a package by its nickname', 'ui.lisp', 's¦h:total', ['packages.lisp: defpackage #:shop at #:shop']],
    ['a name with a local nickname', 'ui.lisp', '(s:sa¦ve', ['store.lisp: defun save at save']],
    [
      'a package by its local nickname',
      'ui.lisp',
      '(¦s:save',
      ['packages.lisp: defpackage "SHOP/STORE" at "SHOP/STORE"'],
    ],
    ['an imported name', 'ui.lisp', '\n  (sa¦ve (shop', ['store.lisp: defun save at save']],
    [
      'a shadowing name of another package',
      'ui.lisp',
      'shop::rem¦ove',
      ['shop.lisp: defun remove at remove'],
    ],
    ['the standard name that another package shadows', 'ui.lisp', '(rem¦ove 1', []],
    ['a name that a package exports again', 'client.lisp', "'it¦em", ['shop.lisp: defclass item at item']],
    ['of two exported ones the first package used', 'client.lisp', '(tot¦al', total],
    [
      'a name in a package without DEFPACKAGE: all of that name',
      'unknown.lisp',
      '(tot¦al',
      [...total, 'store.lisp: defun total at total'],
    ],
    ['an accessor', 'shop.lisp', "#'item-pr¦ice", ['shop.lisp: accessor item-price at item-price']],
    ['a structure accessor with its own prefix', 'ui.lisp', '(pt¦-x', []],
    ['a structure accessor', 'shop.lisp', '(pt-¦x', ['shop.lisp: accessor pt-x at x']],
    [
      'a constructor of its own name',
      'ui.lisp',
      'shop::point-¦at',
      ['shop.lisp: constructor point-at at point-at'],
    ],
    ['a structure', 'shop.lisp', '(shape poi¦nt', ['shop.lisp: defstruct point at point']],
    [
      'a generic function, its methods behind it',
      'shop.lisp',
      '(defmethod ar¦ea',
      [
        'shop.lisp: defgeneric area at area',
        'shop.lisp: defmethod area at :method',
        'shop.lisp: defmethod area at area',
      ],
    ],
    ['a package in in-package', 'shop.lisp', '#:sh¦op', ['packages.lisp: defpackage #:shop at #:shop']],
    ['an exported name in defpackage', 'packages.lisp', '#:to¦tal', total],
    [
      'a system',
      'shop.asd',
      '(#:sh¦op',
      ['shop.asd: defsystem "shop" at "shop"', 'packages.lisp: defpackage #:shop at #:shop'],
    ],
    ['a name in a comment', 'client.lisp', '; to¦tal', []],
    ['nothing', 'client.lisp', '\n¦; total', []],
  ];
  it.each(rows)('of %s', async (_what, file, place, expected) => {
    expect(await definitions(file, place)).toEqual(expected);
  });
});

describe('references', () => {
  it('are the mentions of that symbol, in whatever package and spelling', async () => {
    const everywhere = [
      'client.lisp:1 total',
      'packages.lisp:4 #:total',
      'shop.lisp:2 total',
      'shop.lisp:6 total',
      'ui.lisp:2 total',
      'ui.lisp:3 sh:total',
      'ui.lisp:6 total',
    ];
    expect(await references('ui.lisp', 'sh:to¦tal')).toEqual(everywhere);
    expect(await references('client.lisp', '(tot¦al')).toEqual(everywhere);
  });

  it('leave the definitions out where asked to', async () => {
    expect(await references('store.lisp', '(defun sa¦ve', false)).toEqual([
      'client.lisp:1 save',
      'packages.lisp:8 #:save',
      'packages.lisp:10 save',
      'ui.lisp:3 s:save',
      'ui.lisp:4 save',
    ]);
  });

  it('of a package are its prefixes, uses and in-packages', async () => {
    expect(await references('ui.lisp', 's¦h:total')).toEqual([
      'packages.lisp:0 #:shop',
      'packages.lisp:2 #:sh',
      'packages.lisp:6 :shop',
      'packages.lisp:9 shop',
      'shop.lisp:0 #:shop',
      'ui.lisp:3 sh',
      'ui.lisp:4 shop',
      'ui.lisp:4 shop',
    ]);
  });

  it('of a keyword and of a standard name are found as well', async () => {
    expect(await references('shop.lisp', ':initarg ¦:price')).toEqual(['shop.lisp:1 :price']);
    expect(await references('ui.lisp', '(pri¦nt')).toEqual(['client.lisp:3 print', 'ui.lisp:2 print']);
  });

  it('of nothing are none', async () => {
    expect(await references('client.lisp', '; to¦tal')).toEqual([]);
  });

  it('end when the editor gives up', async () => {
    const gone = new AbortController();
    gone.abort();
    const params = {
      uri: uriOf('ui.lisp'),
      position: positionOf('ui.lisp', 'sh:to¦tal'),
      includeDeclaration: true,
    };
    await expect(indexer.query('references', params, gone.signal)).rejects.toThrow();
  });
});

describe('workspace symbols', () => {
  const rows: [query: string, first: string[]][] = [
    ['total', ['total', 'total', '(setf total)']],
    ['TOT', ['total', 'total', '(setf total)']],
    ['shop:total', ['total', '(setf total)']],
    ['sh:total', ['total', '(setf total)']],
    ['item-count', ['*item-count*']],
    ['w-m-v', ['with-multiple-value-things']],
    ['multiple', ['with-multiple-value-things']],
    ['shop/test', ['"shop/test"']],
    ['no-such-name', []],
  ];
  it.each(rows)('for %s', async (query, expected) => {
    const hits = await indexer.query('symbols', { query, limit: 10 }, never);
    expect(hits.map(({ definition }) => definition.name)).toEqual(expected);
  });

  it('are bounded, know their package, and say what they are', async () => {
    expect(await indexer.query('symbols', { query: '', limit: 3 }, never)).toHaveLength(3);
    const [hit] = await indexer.query('symbols', { query: 'total', limit: 1 }, never);
    expect(hit!.definition).toMatchObject({
      kind: 'function',
      package: 'SHOP',
      lambdaList: '(items)',
      summary: 'What is to be paid.',
    });
  });

  it.each<[string, string, number | undefined]>([
    ['foo', 'foo', 0],
    ['foo', '*FOO*', 1],
    ['fo', 'foo-bar', 2],
    ['f-b', 'foo-bar', 3],
    ['m-v-b', 'multiple-value-bind', 3],
    ['m-b', 'multiple-value-bind', 3],
    ['v-b', 'multiple-value-bind', undefined],
    ['f-b-', 'foo-bar', undefined],
    ['bar', 'foo-bar', 4],
    ['fb', 'foo-bar', undefined],
  ])('%s against %s ranks %s', (query, name, expected) => expect(rank(query, name)).toBe(expected));
});
