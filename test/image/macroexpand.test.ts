/** Expanding a form of a buffer: what loaded macros make of it, and no trace in the image. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Editor, lispString, repository, type TextDocument } from '../support/lspClient.ts';

const loaded = `(defpackage #:press (:use #:common-lisp) (:shadow #:when))
(in-package #:press)

(defvar *runs* 0)

(defmacro when (test &body body)
  (incf *runs*)
  \`(if ,test (progn ,@body) :no))

(defmacro with-ink ((name) &body body)
  \`(let ((,name (list :ink)))
     (when ,name ,@body)))

(defmacro forever () (loop))

(defmacro gensyms (form) (let ((it (gensym "IT"))) \`(let ((,it ,form)) ,it)))
`;

const buffer = `(in-package #:press)

(defun draw (page)
  (with-ink (colour-never-seen)
    (paint-never-seen page colour-never-seen)))

(defun plain (x) (list x))

(defun local ()
  (macrolet ((boom () (error "run")))
    (boom)))

(defun evil () (when #.(error "run") 1))

(defun fresh-key () (when t :key-never-seen))

(defun endless () (forever))

(defun once () (gensyms (+ 1 2)))
`;

interface Expansion {
  readonly expansion: string;
  readonly package: string;
  readonly changed: boolean;
}

let editor: Editor;
let document: TextDocument;
beforeEach(async () => {
  editor = await Editor.start({ files: { 'press.lisp': loaded }, load: ['press.lisp'] });
  document = editor.open('page.lisp', buffer);
});
afterEach(() => editor.finish());

const at = (place: string, all?: boolean) => ({
  uri: document.uri,
  position: document.positionOf(place),
  ...(all === undefined ? {} : { all }),
});
const expand = (place: string, all?: boolean) => editor.command<Expansion>('macroexpand', at(place, all));
const flat = (text: string) => text.replace(/\s+/g, ' ');

describe('expanding a macro', () => {
  it('expands the innermost form once, with symbols as the package prints them', async () => {
    const { expansion, package: home, changed } = await expand('with-ink (colour');
    expect({ home, changed }).toEqual({ home: 'PRESS', changed: true });
    expect(flat(expansion)).toBe(
      '(let ((colour-never-seen (list :ink))) (when colour-never-seen (paint-never-seen page colour-never-seen)))',
    );
    expect(editor.prompts.all).toEqual([]);
  });

  it('expands everything inside with all', async () => {
    const { expansion } = await expand('with-ink (colour', true);
    expect(flat(expansion)).toBe(
      '(let ((colour-never-seen (list :ink))) (if colour-never-seen (progn (paint-never-seen page colour-never-seen)) :no))',
    );
  });

  it('shows generated names as such', async () => {
    expect(flat((await expand('gensyms')).expansion)).toMatch(/^\(let \(\(#:(it\d+) \(\+ 1 2\)\)\) #:\1\)$/);
  });

  it('says that a form which is no macro form stands for itself', async () => {
    expect(await expand('list x')).toMatchObject({ expansion: '(list x)', changed: false });
  });

  it('leaves no symbol and no package behind', async () => {
    await editor.evaluate(`(load ${lispString(`${repository}/test/support/fingerprint.lisp`)})`);
    const packages = await editor.evaluate('(length (list-all-packages))');
    await editor.evaluate('(fingerprint:remember "PRESS")');
    await expand('with-ink (colour', true);
    expect(await editor.evaluate(`(find-symbol "COLOUR-NEVER-SEEN" "PRESS")`)).toEqual(['NIL', 'NIL']);
    expect(await editor.evaluate('(length (list-all-packages))')).toEqual(packages);
    expect(await editor.evaluate('(mapcar (function first) (fingerprint:changes))')).toEqual([
      '(PRESS::*RUNS*)',
    ]);
  });

  it('runs no macro that the buffer itself defines, and evaluates nothing of it', async () => {
    for (const [place, all, message] of [
      ['boom () (error', true, /MACROLET/],
      ['macrolet ((', true, /MACROLET/],
      ['when #.', false, /without evaluating/],
    ] as const) {
      const answer = await editor
        .command<Expansion>('macroexpand', at(place, all))
        .catch((error: unknown) => error as Error);
      if ('changed' in answer) expect(answer.changed).toBe(false);
      else expect(answer.message).toMatch(message);
    }
  });

  it('makes no keyword: one that the image does not have is an error', async () => {
    const error = await editor.failure('macroexpand', at('when t'));
    expect(error.kind).toBe('unknown-symbol');
    expect(error.message).toContain(':key-never-seen');
    expect(await editor.evaluate(`(find-symbol "KEY-NEVER-SEEN" "KEYWORD")`)).toEqual(['NIL', 'NIL']);
  });

  it('gives up on an expander that never ends', async () => {
    const error = await editor.failure('macroexpand', at('forever'));
    expect(error.kind).toBe('timeout');
    expect(await editor.evaluate('(+ 1 1)')).toEqual(['2']);
  });

  it('is a code action that shows the expansion', async () => {
    const titles = (await editor.codeActions(document, 'with-ink (colour')).map(each => each.title);
    expect(titles).toContain('Expand macro with-ink');
    await editor.outcome(await editor.runAction(document, 'with-ink (colour', /^Expand macro with-ink$/));
    const shown = await editor.shown.next('the expansion', () => true);
    expect(shown.uri).toMatch(/\.lisp$/);
    expect(flat(shown.text!)).toContain('(let ((colour-never-seen (list :ink)))');
  });

  it('needs a form at the position, in a package that the image has', async () => {
    const other = editor.open('other.lisp', '\n(in-package #:nowhere)\n(when 1 2)\n');
    expect(
      (await editor.failure('macroexpand', { uri: other.uri, position: { line: 0, character: 0 } })).kind,
    ).toBe('invalid-arguments');
    expect(
      (await editor.failure('macroexpand', { uri: other.uri, position: { line: 2, character: 2 } })).kind,
    ).toBe('unknown-package');
  });
});
