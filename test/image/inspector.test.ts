/** Looking at the image: the inspector's documents and their links, descriptions, users of a name, and macros beside and in place. */
import { statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { Editor, usualCapabilities, type TextDocument } from '../support/lspClient.ts';
import type { Range } from '../support/lspTypes.ts';

interface DocumentLink {
  range: Range;
  target?: string;
  tooltip?: string;
  data?: unknown;
}

let editor: Editor;
afterEach(() => editor.finish());

interface Part {
  number: number;
  label: string;
  value: string;
  opens: boolean;
}
interface Inspected {
  object: number;
  type: string;
  text: string;
  parts: Part[];
  total: number;
}
const inspect = async (args: object): Promise<Inspected> =>
  (await editor.command<{ inspected: Inspected }>('inspect', args)).inspected;
const linksOf = async ({ uri }: TextDocument): Promise<DocumentLink[]> =>
  (await editor.request('textDocument/documentLink', { textDocument: { uri } })) as DocumentLink[];
const follow = async (link: DocumentLink): Promise<DocumentLink> =>
  (await editor.request('documentLink/resolve', link)) as DocumentLink;
const textAt = ({ text }: TextDocument, { start, end }: Range): string =>
  text.split('\n')[start.line]!.slice(start.character, end.character);
const partOf = ({ parts }: Inspected, label: string): Part => {
  const found = parts.find(each => each.label === label);
  if (!found) throw new Error(`no part ${label} among ${parts.map(each => each.label).join(', ')}`);
  return found;
};

const classes = `(defclass account () ((owner :initarg :owner) (rate) (history :initform (list 1 2 3))))
(defstruct point (x 1) (y "why"))
(defclass broken () ((inside :initform :fine)))
(defmethod print-object ((it broken) stream) (declare (ignore stream)) (error "cannot print"))
(defclass endless () ((inside :initform :fine)))
(defmethod print-object ((it endless) stream) (handler-case (loop) (error () (loop))) stream)
(defclass odd () ())
(defmethod print-object ((it odd) stream) (format stream "two~%lines~c;" (code-char #x2028)))
`;

describe('the inspector', () => {
  it('says what an object is and consists of, and follows its parts', async () => {
    editor = await Editor.start({ files: { 'classes.lisp': classes }, load: ['classes.lisp'] });
    const account = await inspect({ code: '(make-instance \'account :owner "ann")' });
    expect(account.type).toBe('COMMON-LISP-USER::ACCOUNT');
    expect(partOf(account, 'OWNER')).toMatchObject({ value: '"ann"', opens: true });
    expect(partOf(account, 'RATE')).toMatchObject({ value: '(unbound)', opens: false });
    const history = await inspect({ object: account.object, part: partOf(account, 'HISTORY').number });
    expect(history.parts.map(({ label, value }) => `${label} ${value}`)).toEqual(['[0] 1', '[1] 2', '[2] 3']);
    const type = await inspect({ object: account.object, part: partOf(account, 'class').number });
    expect(partOf(type, 'name').value).toBe('ACCOUNT');
    expect(await inspect({ object: account.object })).toMatchObject({ type: 'COMMON-LISP-USER::ACCOUNT' });
    const unbound = await editor.failure('inspect', {
      object: account.object,
      part: partOf(account, 'RATE').number,
    });
    expect(unbound.kind).toBe('invalid-arguments');
  });

  it('knows what things of every kind consist of', async () => {
    editor = await Editor.start({ files: { 'classes.lisp': classes }, load: ['classes.lisp'] });
    for (const [code, label, value] of [
      ['(make-point)', 'Y', '"why"'],
      [
        '(let ((table (make-hash-table :test #\'equal))) (setf (gethash "key" table) 42) table)',
        '"key"',
        '42',
      ],
      ['(vector 1 :two)', '[1]', ':TWO'],
      ['(make-array (list 2 2) :initial-element 7)', '[row-major 3]', '7'],
      ['(cons 1 2)', 'tail', '2'],
      ["'car", 'name', '"CAR"'],
      ['(find-package :cl-user)', 'nicknames', 'CL-USER'],
      ["#'car", 'name', 'CAR'],
      ["#'print-object", 'name', 'PRINT-OBJECT'],
      ['#\\a', 'code', '97'],
      ['3/4', 'type', 'RATIO'],
      ['nil', 'name', '"NIL"'],
    ] as const)
      expect([code, partOf(await inspect({ code }), label).value]).toEqual([
        code,
        expect.stringContaining(value),
      ]);
  });

  it('is bounded: circular, long and deep objects, and those whose printing fails or never ends', async () => {
    editor = await Editor.start({ files: { 'classes.lisp': classes }, load: ['classes.lisp'] });
    const circle = await inspect({ code: '(let ((x (list 1 2 3))) (setf (cdddr x) x))' });
    expect(circle.parts.map(each => each.label)).toEqual(['[0]', '[1]', '[2]', 'circular']);
    const lasso = await inspect({ code: '(let ((x (list 1 2 3))) (setf (cdddr x) (cdr x)) x)' });
    expect(lasso.parts.length).toBe(200);
    const long = await inspect({ code: '(loop for i below 100000 collect i)' });
    expect(long).toMatchObject({ total: 100_000 });
    expect(long.parts.length).toBe(200);
    expect(long.text.length).toBeLessThan(2100);
    const text = await inspect({ code: '(list (make-string 1000000 :initial-element #\\a))' });
    expect(text.parts[0]!.value.length).toBeLessThan(400);
    const broken = await inspect({ code: "(list (make-instance 'broken))" });
    expect(broken.parts[0]!.value).toMatch(/printing which signalled/);
    const endless = await inspect({ code: "(list 1 (make-instance 'endless) 3)" });
    expect(endless.parts.map(({ value }) => value)).toEqual([
      '1',
      expect.stringMatching(/ENDLESS, which takes too long to print/),
      '3',
    ]);
  });

  it('goes around an object whose printing never ends', async () => {
    editor = await Editor.start({ files: { 'classes.lisp': classes }, load: ['classes.lisp'] });
    await editor.evaluate("(progn (defvar *endless* (make-instance 'endless)) nil)");
    const symbol = await inspect({ symbol: '*endless*' });
    expect(partOf(symbol, 'value').value).toMatch(/takes too long to print/);
    const object = await inspect({ object: symbol.object, part: partOf(symbol, 'value').number });
    expect(partOf(object, 'INSIDE').value).toBe(':FINE');
  });

  it('does not keep objects alive for ever', async () => {
    editor = await Editor.start();
    await editor.evaluate('(defvar *pointers* nil)');
    const objects: number[] = [];
    for (let n = 0; n < 52; n++) {
      const code =
        '(let ((it (make-array 1000))) (setf *pointers* (append *pointers* (list (sb-ext:make-weak-pointer it)))) it)';
      objects.push((await inspect({ code })).object);
    }
    // Twenty are no longer kept; some of them may still be seen on a stack.
    const [gone] = await editor.evaluate(
      '(progn (sb-ext:gc :full t) (loop repeat 20 for each in *pointers* count (null (sb-ext:weak-pointer-value each))))',
    );
    expect(Number(gone)).toBeGreaterThanOrEqual(10);
    expect(await inspect({ object: objects[51] })).toMatchObject({ total: 1002 });
    const answers = await Promise.allSettled(objects.slice(0, 20).map(object => inspect({ object })));
    const refused = answers.flatMap(each => (each.status === 'rejected' ? [String(each.reason)] : []));
    expect(refused.length).toBeGreaterThanOrEqual(10);
    expect(refused.every(each => /no inspected object/.test(each))).toBe(true);
  });

  it('is a read-only document whose lines lead on, in a file of the user’s alone', async () => {
    editor = await Editor.start({ files: { 'classes.lisp': classes }, load: ['classes.lisp'] });
    const document = editor.open('a.lisp', '(make-instance \'account :owner "a\nb")\n');
    await editor.actionOutcome(document, 'make-instance', /^Evaluate and inspect form$/);
    const page = await editor.shown.next('the page', each => /inspect/.test(each.uri));
    expect(page.text).toMatch(/^;; COMMON-LISP-USER::ACCOUNT\n/);
    expect(page.text!.split('\n').every(line => line === '' || line.startsWith(';;'))).toBe(true);
    const file = fileURLToPath(page.uri);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(path.dirname(file)).mode & 0o777).toBe(0o700);
    const opened = editor.openFile(file);
    await editor.actionOutcome(opened, 'HISTORY', /^Inspect part \d+ \(HISTORY\)$/);
    const part = await editor.shown.next('the part', each => each.uri !== page.uri);
    expect(part.text).toMatch(/\[2\] = 3/);
    const titles = (await editor.codeActions(opened, 'RATE')).map(({ title }) => title);
    expect(titles).toEqual([]);
    expect((await editor.codeActions(opened, 'ACCOUNT')).map(({ title }) => title)).toEqual([
      'Inspect again',
    ]);
  });

  it('has links to the parts, each looked at when its link is followed and not before', async () => {
    const counting = `(defvar *printed* 0)
(defclass counted () ((inside :initform '(:first :second))))
(defmethod print-object ((it counted) stream) (incf *printed*) (write-string "😀 counted" stream))
`;
    editor = await Editor.start({
      files: { 'counting.lisp': counting },
      load: ['counting.lisp'],
      capabilities: {
        ...usualCapabilities,
        textDocument: {
          ...(usualCapabilities['textDocument'] as object),
          documentLink: { tooltipSupport: true },
        },
      },
    });
    expect(editor.capabilities).toMatchObject({ documentLinkProvider: { resolveProvider: true } });
    const document = editor.open('a.lisp', "(list (list (make-instance 'counted)))\n");
    await editor.actionOutcome(document, 'list', /^Evaluate and inspect form$/);
    const opened = editor.openFile(fileURLToPath((await editor.shown.next('the page', () => true)).uri));
    await editor.evaluate('(setf *printed* 0)');

    const [link, ...others] = await linksOf(opened);
    expect(others).toEqual([]);
    expect([link!.target, link!.tooltip]).toEqual([undefined, 'Inspect part 0 ([0])']);
    expect(textAt(opened, link!.range)).toBe('[0]');
    expect(await editor.evaluate('*printed*')).toEqual(['0']);

    const { target } = await follow(link!);
    const part = editor.openFile(fileURLToPath(target!));
    expect(part.text).toMatch(/^;; COMMON-LISP:CONS\n[^]*> \[0\] = 😀 counted\n/);
    expect(await editor.evaluate('*printed*')).not.toEqual(['0']);
    const inner = editor.openFile(fileURLToPath((await follow((await linksOf(part))[0]!)).target!));
    const slots = (await linksOf(inner)).map(({ range }) => textAt(inner, range));
    expect(slots).toEqual(['class', 'INSIDE']);

    // A line that is not what was written any more leads nowhere.
    inner.replace('class = ', 'klass = ');
    expect((await linksOf(inner)).map(({ range }) => textAt(inner, range))).toEqual(['INSIDE']);
    expect(await linksOf(document)).toEqual([]);
    for (const data of [undefined, {}, { uri: document.uri, line: 0 }, { uri: inner.uri, line: 'x' }])
      await expect(follow({ range: link!.range, data })).rejects.toThrow(/not kept any more/);
  });

  it('has no links where inspecting asks first, and says why one of before is not followed', async () => {
    editor = await Editor.start({ settings: { approval: { eval: 'ask' } } });
    const document = editor.open('a.lisp', '(list (list 1))\n');
    void editor.expectPrompt(/Evaluate/, 'Approve');
    await editor.actionOutcome(document, 'list', /^Evaluate and inspect form$/);
    const page = editor.openFile(fileURLToPath((await editor.shown.next('the page', () => true)).uri));
    expect(await linksOf(page)).toEqual([]);
    const { range } = { range: { start: { line: 0, character: 0 }, end: { line: 0, character: 1 } } };
    const line = page.text.split('\n').findIndex(each => each.includes('[0]'));
    await expect(follow({ range, data: { uri: page.uri, line } })).rejects.toThrow(/may not be followed now/);
    expect((await editor.codeActions(page, '[0]')).map(({ title }) => title)).toEqual([
      'Inspect part 0 ([0])',
    ]);
  });

  it('tells of a link that cannot be followed', async () => {
    editor = await Editor.start();
    const document = editor.open('a.lisp', '(list (list 1))\n');
    await editor.actionOutcome(document, 'list', /^Evaluate and inspect form$/);
    const page = editor.openFile(fileURLToPath((await editor.shown.next('the page', () => true)).uri));
    const [link] = await linksOf(page);
    await editor.command('image_restart');
    await expect(follow(link!)).rejects.toThrow(/There is no inspected object/);
    await editor.messages.next('what went wrong', ({ message }) =>
      /^Inspect part 0.*Inspect it again/.test(message),
    );
  });

  it('asks and refuses as evaluation does', async () => {
    editor = await Editor.start({ settings: { approval: { eval: 'ask' } } });
    void editor.expectPrompt(/Evaluate \(inspect 'car\)/, 'Deny');
    expect(await editor.failure('inspect', { symbol: 'car' })).toMatchObject({ kind: 'approval-denied' });
    void editor.expectPrompt(/Evaluate \(list 1\)/, 'Approve');
    expect(await inspect({ code: '(list 1)' })).toMatchObject({ total: 1 });
    await editor.finish();
    editor = await Editor.start({ settings: { image: { readOnly: true } } });
    expect(await editor.failure('inspect', { symbol: 'car' })).toMatchObject({ kind: 'read-only' });
    expect(await editor.failure('describe', { symbol: 'car' })).toMatchObject({ kind: 'read-only' });
    for (const wrong of [{}, { symbol: 'car', code: '1' }, { part: 1, symbol: 'car' }])
      expect(await editor.failure('inspect', wrong)).toMatchObject({ code: -32602 });
  });
});

describe('at a symbol', () => {
  const text = `(defpackage :lab (:use :cl) (:export #:measure))
(in-package :lab)
(defvar *level* 3 "How much.")
(defun measure (x) "Measures." (* x *level*))
(defmacro doubled (x) \`(* 2 ,x))
(defun twice-measured (y) (doubled (measure y)))
`;
  let document: TextDocument;
  const start = async () => {
    editor = await Editor.start({ files: { 'lab.lisp': text }, load: ['lab.lisp'] });
    document = editor.openFile(path.join(editor.root, 'lab.lisp'));
    await editor.evaluate('1');
  };
  const shown = async (place: string, title: RegExp): Promise<string> => {
    const before = editor.shown.all.length;
    await editor.actionOutcome(document, place, title);
    const page = await editor.shown.next('the document', () => true, before);
    return page.text!;
  };

  it('describe, disassemble, apropos and who-calls are documents', async () => {
    await start();
    expect(await shown('(mea¦sure y', /^Describe measure$/)).toMatch(/Measures\./);
    expect(await shown('(mea¦sure y', /^Disassemble measure$/)).toMatch(/disassembly for (LAB:)?:?MEASURE/);
    expect(await shown('(mea¦sure y', /^Apropos measure$/)).toMatch(
      /LAB:MEASURE {2}function\nLAB::TWICE-MEASURED {2}function {2}\(internal\)/,
    );
    const callers = await shown('(mea¦sure y', /^Who calls measure$/);
    const page = editor.openFile(fileURLToPath(editor.shown.all.at(-1)!.uri));
    expect((await linksOf(page)).map(({ target }) => target)).toEqual([`${document.uri}#L6`]);
    expect(callers).toMatch(/LAB::TWICE-MEASURED calls it\n;; {5}.*lab\.lisp:6\n/);
    expect(await shown('*lev¦el*))', /^Who calls \*level\*$/)).toMatch(/LAB::MEASURE reads it\n/);
    expect(await shown('*lev¦el*))', /^Inspect \*level\*$/)).toMatch(/value = 3/);
  });

  it('a name that the image does not have is an error that says so, and is not made', async () => {
    await start();
    for (const name of ['describe', 'disassemble', 'who_calls', 'trace'] as const) {
      const key = name === 'trace' ? 'function' : 'symbol';
      const error = await editor.failure(name, { [key]: 'no-such-name', package: 'LAB' });
      expect([name, error.kind]).toEqual([name, 'unknown-symbol']);
    }
    expect(await editor.evaluate('(find-symbol "NO-SUCH-NAME" :lab)')).toEqual(['NIL', 'NIL']);
  });

  it('nothing of it starts an image to be offered', async () => {
    editor = await Editor.start({ files: { 'lab.lisp': text } });
    document = editor.openFile(path.join(editor.root, 'lab.lisp'));
    const titles = (await editor.codeActions(document, '(mea¦sure y')).map(({ title }) => title);
    expect(titles).toEqual(
      expect.arrayContaining(['Describe measure', 'Trace measure', 'Who calls measure']),
    );
    expect(await editor.command('image_status')).toMatchObject({ state: 'idle' });
  });

  it('a macro form is expanded beside the source, wholly, and in its place', async () => {
    await start();
    expect(await shown('(doubled (measure', /^Expand macro doubled$/)).toBe('(* 2 (measure y))\n');
    expect(await shown('(doubled (measure', /^Expand doubled and all inside it$/)).toMatch(
      /\(\* 2 \(measure y\)\)/,
    );
    await editor.runAction(document, '(doubled (measure', /^Expand macro doubled in place$/);
    await editor.edits.next('the edit', () => true);
    expect(document.text).toContain('(defun twice-measured (y) (* 2 (measure y)))');
    const error = await editor.failure('expand_in_place', {
      uri: document.uri,
      position: document.positionOf('(* x'),
    });
    expect(error.message).toMatch(/not a macro form/);
  });
});
