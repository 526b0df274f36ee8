/** Hazards of an edit, told in the buffer before anybody reloads it, on a real SBCL over stdio. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Editor, type TextDocument } from '../support/lspClient.ts';
import type { Diagnostic } from '../support/lspTypes.ts';
import { fingerprintDifferences, shop, takeFingerprint } from '../support/shop.ts';

let editor: Editor;
let document: TextDocument;

const program = `${shop}\n(defun bill (amounts)\n  (mapcar (lambda (amount) (total amount)) amounts))\n`;

beforeEach(async () => {
  editor = await Editor.start({ files: { 'shop.lisp': program }, load: ['shop.lisp'] });
  document = editor.openFile(`${editor.root}/shop.lisp`);
  await takeFingerprint(editor);
});
afterEach(() => editor.finish());

const isHazard = ({ code }: Diagnostic) => String(code).startsWith('hazard-');

/** The hazards told of the buffer as it is, once they are of those kinds, in order. */
async function hazards(...kinds: readonly string[]): Promise<readonly Diagnostic[]> {
  const wanted = kinds.map(kind => `hazard-${kind}`).join(' ');
  const told = (list: readonly Diagnostic[]) =>
    list
      .filter(isHazard)
      .map(({ code }) => code)
      .join(' ');
  const published = await editor.diagnostics(document, list => told(list) === wanted, wanted || 'no hazard');
  return published.filter(isHazard);
}

/** What edits do to the program, and what is told at which name. */
const edits: readonly (readonly [
  what: string,
  old: string,
  text: string,
  kind: string,
  name: string,
  message: RegExp,
])[] = [
  [
    'a constant of another value',
    '(defconstant +limit+ 100)',
    '(defconstant +limit+ 200)',
    'constant-changed',
    '+limit+ 200',
    /100 now and would become 200.*compiles its known users again/,
  ],
  [
    'a structure with another slot',
    '(defstruct item name (price 0))',
    '(defstruct item name (price 0) stock)',
    'structure-incompatible',
    'item name (price 0) stock',
    /slots of ITEM will be \(NAME PRICE STOCK\).*give the structure another name/,
  ],
  [
    'a function in place of a macro',
    '(defmacro twice (form)\n  `(* 2 ,form))',
    '(defun twice (form) (* 2 form))',
    'kind-changed',
    'twice (form) (*',
    /TWICE is a macro now.*another name/,
  ],
  [
    'a parameter less, with callers',
    '(defun total (amount)\n  "What is to be paid."\n  (twice (tax amount)))',
    '(defun total () *rate*)',
    'lambda-list',
    'total ()',
    /TOTAL will no longer take.*BILL.*calls it.*Change the callers too/,
  ],
  [
    'a generic function whose methods do not fit',
    '(defgeneric area (thing))',
    '(defgeneric area (thing scale))',
    'generic-lambda-list',
    'area (thing scale)',
    /lambda list of AREA.*congruent/,
  ],
  [
    'a generic function in place of a function',
    '(defun total (amount)\n  "What is to be paid."\n  (twice (tax amount)))',
    '(defgeneric total (amount))',
    'function-to-generic',
    'total (amount))',
    /ordinary function now.*Remove the function first/,
  ],
  [
    'a package that exports less',
    '(:export #:total)',
    '(:export)',
    'package-variance',
    '#:shop',
    /exports TOTAL now.*UNEXPORT/,
  ],
  [
    'a function of a locked package, new to the text',
    '(defvar *rate* 2)',
    '(defvar *rate* 2)\n\n(defun car (x) x)',
    'locked-package',
    'car (x) x',
    /locked package COMMON-LISP.*another name/,
  ],
];

describe('a hazardous edit', () => {
  it.each(edits)('is a warning at its name while it is typed: %s', async (...row) => {
    const [, old, text, kind, name, message] = row;
    document.replace(old, text);
    const [hazard] = await hazards(kind);
    expect(hazard).toMatchObject({ severity: 2, range: { start: document.positionOf(name) } });
    expect(hazard!.message).toMatch(message);
    expect(await fingerprintDifferences(editor)).toBe('NIL');
    document.replace(text, old);
    await hazards();
  });

  it('is told of beside others, keeps its place while other forms move, and goes with the reload', async () => {
    document.replace('(defconstant +limit+ 100)', '(defconstant +limit+ 200)');
    document.replace('(defgeneric area (thing))', '(defgeneric area (thing scale))');
    await hazards('constant-changed', 'generic-lambda-list');
    document.replace('(defvar *rate* 2)', ';;; a comment\n\n(defvar *rate* 2)');
    document.replace('(defgeneric area (thing scale))', '(defgeneric area (thing))');
    const [hazard] = await hazards('constant-changed');
    expect(hazard!.range.start).toEqual(document.positionOf('+limit+ 200'));
    void editor.expectPrompt(/\+LIMIT\+ \(hazardous\)/, 'Approve');
    expect(await editor.actionOutcome(document, '(defconstant', /^Reload \+limit\+$/)).toMatchObject({
      status: 'applied',
    });
    await hazards();
  });

  it('is told when the file is opened, and when the image has changed meanwhile', async () => {
    const text = document.text.replace('(defconstant +limit+ 100)', '(defconstant +limit+ 300)');
    document.set(text);
    await hazards('constant-changed');
    await editor.evaluate("(handler-bind ((error #'continue)) (defconstant shop::+limit+ 300))");
    await hazards();
  });

  it('is the only one that is warned of among edits that are none', async () => {
    document.replace('(twice (tax amount))', '(1+ (twice (tax amount)))');
    document.replace('(defvar *rate* 2)', '(defvar *rate* 3)');
    document.replace('(defclass basket ()', '(defclass basket (standard-object)');
    document.replace('(defconstant +limit+ 100)', '(defconstant +limit+ 200)');
    await hazards('constant-changed');
  });
});
