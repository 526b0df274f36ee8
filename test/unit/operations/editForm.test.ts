import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { HotlispError } from '../../../server/errors.ts';
import { lispEditForm } from '../../../server/operations/editForm.ts';
import type { Source } from '../../../server/source/index.ts';
import { testSource } from '../source/source.ts';
import { contextOf, planOf } from './operations.ts';

let source: Source;
beforeAll(async () => {
  source = await testSource();
});

type Arguments = { operation: string; form_type?: string; form_name: string; content?: string };

/** The text after the edit. */
async function edited(text: string, args: Arguments): Promise<string> {
  const full = { file_path: 'a.lisp', form_type: 'defun', ...args };
  const { edits } = await planOf(lispEditForm, 'edit', full, contextOf(source, text));
  const [{ range, newText }] = edits as [(typeof edits)[number]];
  const snapshot = source.snapshot('test:', 0, text);
  const offset = (position: typeof range.start) => snapshot.offsetAt(position, 'utf-16');
  return text.slice(0, offset(range.start)) + newText + text.slice(offset(range.end));
}

async function refusal(text: string, args: Arguments): Promise<{ path: unknown; message: string }> {
  try {
    throw new Error(`no refusal: ${await edited(text, args)}`);
  } catch (error) {
    if (!(error instanceof HotlispError)) throw error;
    expect(error.kind).toBe('invalid-arguments');
    return { path: error.details['path'], message: error.message };
  }
}

describe('replace', () => {
  const content = '(defun f (x)\n  (1+ x))\n';
  const rows: [what: string, before: string, after: string][] = [
    ['leaves everything else', '; a\n\n(defun f ())\n\n\n(g)\n', '; a\n\n(defun f (x)\n  (1+ x))\n\n\n(g)\n'],
    [
      'writes the line ends of the file',
      '; a\r\n(defun f ()\r\n  1)\r\n',
      '; a\r\n(defun f (x)\r\n  (1+ x))\r\n',
    ],
    ['keeps a comment behind the form', '(defun f ()) ; why\n(g)', '(defun f (x)\n  (1+ x)) ; why\n(g)'],
    ['keeps the reader conditional', '#+sbcl\n(defun f ())', '#+sbcl\n(defun f (x)\n  (1+ x))'],
    [
      'changes the form that is read of several',
      '#-sbcl (defun f () 0)\n#+sbcl (defun f () 1)\n',
      '#-sbcl (defun f () 0)\n#+sbcl (defun f (x)\n  (1+ x))\n',
    ],
    [
      'changes a definition inside another form',
      '(eval-when (:compile-toplevel)\n  (defun e ())\n  (defun f ()) ; f\n)',
      '(eval-when (:compile-toplevel)\n  (defun e ())\n  (defun f (x)\n  (1+ x)) ; f\n)',
    ],
    [
      'counts characters outside the basic plane',
      '"😀" (defun f ()) "😀"',
      '"😀" (defun f (x)\n  (1+ x)) "😀"',
    ],
    [
      'goes on beside a broken form',
      '(defun f ())\n\n(defun g (\n',
      '(defun f (x)\n  (1+ x))\n\n(defun g (\n',
    ],
    ['finds a name with a package', '(defun app:f ())', '(defun f (x)\n  (1+ x))'],
  ];
  it.each(rows)('%s', async (_what, before, after) => {
    expect(await edited(before, { operation: 'replace', form_name: 'f', content })).toBe(after);
  });

  it('takes a reader conditional of its own', async () => {
    const args = { operation: 'replace', form_name: 'f', content: '#+unix (defun f ())' };
    expect(await edited('#+sbcl (defun f () 1)', args)).toBe('#+unix (defun f ())');
  });

  it('starts a new line behind a comment of its own', async () => {
    const args = { operation: 'replace', form_name: 'f', content: '; new\n(defun f ()) ; here' };
    expect(await edited('(defun f () 1) (g)', args)).toBe('; new\n(defun f ()) ; here\n (g)');
  });
});

describe('insert', () => {
  const content = '(n)';
  const before: [what: string, text: string, after: string][] = [
    [
      'stands above the comments of the form',
      '(a)\n\n;; f\n;; does\n(defun f ())\n',
      '(a)\n\n(n)\n\n;; f\n;; does\n(defun f ())\n',
    ],
    ['but not above those of others', ';; of a\n\n(defun f ())', ';; of a\n\n(n)\n\n(defun f ())'],
    ['nor inside what looks like one', '(a "\n; ")\n(defun f ())', '(a "\n; ")\n(n)\n\n(defun f ())'],
    [
      'nor above a comment behind another form',
      '(a) ; of a\n(defun f ())',
      '(a) ; of a\n(n)\n\n(defun f ())',
    ],
    ['goes before the reader conditional', '#+sbcl\n(defun f ())', '(n)\n\n#+sbcl\n(defun f ())'],
    [
      'is indented inside another form',
      '(progn\n  ;; f\n  (defun f ()))',
      '(progn\n  (n)\n\n  ;; f\n  (defun f ()))',
    ],
    ['has the line ends of the file', '(a)\r\n(defun f ())\r\n', '(a)\r\n(n)\r\n\r\n(defun f ())\r\n'],
  ];
  it.each(before)('before %s', async (_what, text, after) => {
    expect(await edited(text, { operation: 'insert_before', form_name: 'f', content })).toBe(after);
  });

  const behind: [what: string, text: string, after: string][] = [
    ['stands below the form', '(defun f ())\n\n(a)\n', '(defun f ())\n\n(n)\n\n(a)\n'],
    ['and below the comment behind it', '(defun f ()) ; of f\n(a)', '(defun f ()) ; of f\n\n(n)\n(a)'],
    ['at the end of the file', '(defun f ())', '(defun f ())\n\n(n)'],
    ['and before what follows in its line', '(defun f ()) (a)', '(defun f ())\n\n(n)\n (a)'],
    ['inside another form', '(progn\n  (defun f ()))', '(progn\n  (defun f ())\n\n  (n))'],
    ['has the line ends of the file', '(defun f ())\r\n', '(defun f ())\r\n\r\n(n)\r\n'],
  ];
  it.each(behind)('after %s', async (_what, text, after) => {
    expect(await edited(text, { operation: 'insert_after', form_name: 'f', content })).toBe(after);
  });
});

describe('delete', () => {
  const rows: [what: string, text: string, after: string][] = [
    ['takes the line and one blank line', '(a)\n\n(defun f ())\n\n(b)\n', '(a)\n\n(b)\n'],
    ['keeps what stands close', '(a)\n(defun f ())\n(b)', '(a)\n(b)'],
    ['takes the blank line above at the end', '(a)\n\n(defun f ())\n', '(a)\n'],
    ['leaves nothing of the only form', '(defun f ())\n', ''],
    ['keeps comments above and behind', '; a\n(defun f ()) ; b\n(c)', '; a\n; b\n(c)'],
    ['keeps apart what it kept apart', 'a(defun f ())b', 'a b'],
    ['takes the reader conditional', '#+sbcl\n(defun f ())\n(g)', '(g)'],
    ['in CR LF', '(a)\r\n\r\n(defun f ())\r\n\r\n(b)\r\n', '(a)\r\n\r\n(b)\r\n'],
    ['inside another form', '(progn\n  (defun e ())\n  (defun f ()))', '(progn\n  (defun e ())\n  )'],
    ['inside another form with its conditional', '(progn\n  #+sbcl (defun f ())\n  (g))', '(progn\n  (g))'],
  ];
  it.each(rows)('%s', async (_what, text, after) => {
    expect(await edited(text, { operation: 'delete', form_name: 'f' })).toBe(after);
  });
});

describe('a name', () => {
  const text = `(defpackage #:shop (:use #:cl))
(in-package #:shop)
(defun total ())
(defun (setf total) (v) v)
(defmethod area ((s circle)) 1)
(defmethod area ((s square)) 2)
(defmethod area :around ((s circle) &key unit) 3)
(define-route "/index" () 4)
(deftest "adds up" () 5)
(defun a:twice () 6)
(defun b:twice () 7)
(defstruct (point (:conc-name nil)) x)
(defmethod only ((x t)) 8)
(defun |Mixed Case| () 9)
(defvar *rate* 10)
`;
  const rows: [type: string, name: string, line: string][] = [
    ['defun', 'total', '(defun total ())'],
    ['DEFUN', 'TOTAL', '(defun total ())'],
    ['cl:defun', 'shop:total', '(defun total ())'],
    ['function', 'shop::total', '(defun total ())'],
    ['defun', '(setf total)', '(defun (setf total) (v) v)'],
    ['defun', '(setf shop::total)', '(defun (setf total) (v) v)'],
    ['defmethod', 'area (circle)', '(defmethod area ((s circle)) 1)'],
    ['defmethod', 'area ((s square))', '(defmethod area ((s square)) 2)'],
    ['method', 'area :around (circle)', '(defmethod area :around ((s circle) &key unit) 3)'],
    ['method', 'AREA :around', '(defmethod area :around ((s circle) &key unit) 3)'],
    ['defmethod', 'area :around ((s circle) &key unit)', '(defmethod area :around ((s circle) &key unit) 3)'],
    ['defmethod', 'only', '(defmethod only ((x t)) 8)'],
    ['defpackage', 'shop', '(defpackage #:shop (:use #:cl))'],
    ['package', ':shop', '(defpackage #:shop (:use #:cl))'],
    ['define-route', '/index', '(define-route "/index" () 4)'],
    ['deftest', '"adds up"', '(deftest "adds up" () 5)'],
    ['test', 'adds up', '(deftest "adds up" () 5)'],
    ['defun', 'a:twice', '(defun a:twice () 6)'],
    ['defun', 'b::twice', '(defun b:twice () 7)'],
    ['defstruct', 'point', '(defstruct (point (:conc-name nil)) x)'],
    ['defun', '|Mixed Case|', '(defun |Mixed Case| () 9)'],
    ['variable', '*rate*', '(defvar *rate* 10)'],
  ];
  it.each(rows)('%s %s means the one form', async (form_type, form_name, line) => {
    const after = await edited(text, { operation: 'replace', form_type, form_name, content: '(new)' });
    expect(after).toBe(text.replace(line, '(new)'));
  });

  it.each<[string, string, RegExp]>([
    ['defun', 'none', /there is no defun none in file:\/\/\/w\/a\.lisp\.$/],
    ['defvar', 'total', /there is no defvar total.*Did you mean \(defun total\)\?/],
    [
      'defmethod',
      'area',
      /area names 3 forms \(lines 5, 6, 7\): say which one, as area \(circle\) or area \(square\) or area :around \(circle\)/,
    ],
    [
      'defmethod',
      'area :before',
      /there is no defmethod area :before.*Did you mean \(defmethod area \(circle\)\) or .* or \(defmethod area :around \(circle\)\)\?/,
    ],
    ['defun', 'twice', /say which one, as a:twice or b:twice/],
  ])('%s %s is refused', async (form_type, form_name, message) => {
    const error = await refusal(text, { operation: 'delete', form_type, form_name });
    expect(error).toEqual({ path: 'form_name', message: expect.stringMatching(message) as string });
  });

  it('that is defined twice alike is refused, with the lines', async () => {
    const error = await refusal('(defun f ())\n(defun f ())', { operation: 'delete', form_name: 'f' });
    expect(error.message).toMatch(/defined 2 times \(lines 1, 2\)/);
  });

  it('of a form that does not parse is refused', async () => {
    const error = await refusal('(defun f (\n\n(defun g ())\n', { operation: 'delete', form_name: 'f' });
    expect(error).toMatchObject({
      path: 'form_name',
      message: expect.stringContaining('does not parse') as string,
    });
  });
});

describe('content', () => {
  const rows: [content: string | undefined, message: RegExp][] = [
    ['', /content is empty; give exactly one form/],
    [' \n', /content is empty/],
    ['; nothing\n', /content holds comments, and no form/],
    ['(a) (b)', /content holds 2 forms; give exactly one/],
    ['(defun f ()', /content cannot be read \(line 1, column 1\)/],
    ['(defun f ()\n  "open)', /content cannot be read \(line 2, column 3\)/],
    ['(defun f ()))', /content cannot be read \(line 1, column 13\)/],
    [undefined, /content goes with replace, insert_before and insert_after, and only with them/],
  ];
  it.each(rows)('%j is refused with its reason', async (content, message) => {
    const args = { operation: 'replace', form_name: 'f', ...(content !== undefined && { content }) };
    const error = await refusal('(defun f ())', args);
    expect(error).toEqual({ path: 'content', message: expect.stringMatching(message) as string });
  });

  it('does not go with delete', async () => {
    const error = await refusal('(defun f ())', { operation: 'delete', form_name: 'f', content: '(a)' });
    expect(error.path).toBe('content');
  });
});

describe('the edit', () => {
  it('is for the version of an open buffer, and for none of a file that is not open', async () => {
    const args = { operation: 'delete', file_path: 'a.lisp', form_type: 'defun', form_name: 'f' };
    const plan = (open: boolean, text = '(defun f ())') =>
      planOf(lispEditForm, 'edit', args, contextOf(source, text, open));
    expect((await plan(true)).version).toBe(7);
    expect((await plan(false)).version).toBeNull();
  });

  it('does not count the byte order mark of a file that editors strip it from', async () => {
    const args = {
      operation: 'replace',
      file_path: 'a.lisp',
      form_type: 'defun',
      form_name: 'f',
      content: '(g)',
    };
    const { edits } = await planOf(
      lispEditForm,
      'edit',
      args,
      contextOf(source, '\uFEFF(a) (defun f ())', false),
    );
    expect(edits[0]!.range).toEqual({ start: { line: 0, character: 4 }, end: { line: 0, character: 16 } });
  });
});

/** Pieces that files are made of: forms by number, and what stands between them. */
const form = (n: number) =>
  fc.constantFrom(
    `(defun f${n} (x)\n  "A ; string )"\n  x)`,
    `#+sbcl (defun f${n} () #\\( )`,
    `(progn\n  ;; inside\n  (defun f${n} () |(|) ; behind\n  )`,
    `(eval-when (:compile-toplevel) (defun f${n} ()))`,
    `(defun f${n} () #| ( |# "\n; not a comment")`,
    `#-lispworks\n(defun f${n} () '(😀 . "é"))`,
  );
const between = fc.constantFrom(
  '\n\n',
  '\n',
  '\n\n\n',
  '\n;; comment\n',
  '\n;; one\n;; two\n\n',
  '\n#| block\n; |#\n',
  ' ; behind\n',
  '\n\f\n',
  '  ',
  '\n(in-package :p)\n',
  '\n"text\n; "\n',
);

const files = fc
  .integer({ min: 1, max: 6 })
  .chain(count =>
    fc.record({
      forms: fc.tuple(...Array.from({ length: count }, (_, n) => form(n))),
      gaps: fc.array(between, { minLength: count + 1, maxLength: count + 1 }),
      crlf: fc.boolean(),
      chosen: fc.integer({ min: 0, max: count - 1 }),
    }),
  )
  .map(({ forms, gaps, crlf, chosen }) => {
    const text = (forms as string[]).reduce((sum, each, n) => sum + each + gaps[n + 1]!, gaps[0]!);
    return { text: crlf ? text.replaceAll('\n', '\r\n') : text, name: `f${chosen}` };
  });

describe('in any file, for any form', () => {
  const contents = fc.constantFrom(
    '(defun new ()\n  1)',
    '; above\n(defun new ())',
    '(defun new ()) ; behind',
    '#+unix (defun new ())',
    'new',
  );

  const formsOf = (text: string) =>
    source.snapshot('test:', 0, text).forms.map(({ span }) => text.slice(span.start, span.end));
  const target = (text: string, name: string) => {
    const { forms } = source.snapshot('test:', 0, text);
    const at = forms.findIndex(({ definitions }) => definitions.some(each => each.name === name));
    return { at, form: forms[at]!, definition: forms[at]!.definitions.find(each => each.name === name)! };
  };

  it('a replacement leaves every byte around the form, and its text parses to the same other forms', async () => {
    await fc.assert(
      fc.asyncProperty(files, contents, async ({ text, name }, content) => {
        const { at, form, definition } = target(text, name);
        const after = await edited(text, { operation: 'replace', form_name: name, content });
        const own = content.startsWith('#+') ? form.span.start : definition.span.start;
        expect(after.startsWith(text.slice(0, Math.min(own, definition.span.start)))).toBe(true);
        expect(after.endsWith(text.slice(definition.span.end))).toBe(true);
        const [before, now] = [formsOf(text), formsOf(after)];
        expect(now).toHaveLength(before.length);
        expect(now.filter((_, i) => i !== at)).toEqual(before.filter((_, i) => i !== at));
        expect(now[at]).toContain('new');
      }),
      { numRuns: 150 },
    );
  });

  it('an insertion takes nothing away, and adds one form next to it', async () => {
    const operations = fc.constantFrom('insert_before', 'insert_after');
    await fc.assert(
      fc.asyncProperty(files, contents, operations, async ({ text, name }, content, operation) => {
        const { at, form, definition } = target(text, name);
        const nested = definition.span.start !== form.bodyStart;
        const after = await edited(text, { operation, form_name: name, content });
        const [before, now] = [formsOf(text), formsOf(after)];
        if (nested) {
          expect(now.filter((_, i) => i !== at)).toEqual(before.filter((_, i) => i !== at));
          expect(now[at]).toContain('new');
        } else {
          const place = operation === 'insert_before' ? at : at + 1;
          expect(now[place]).toContain('new');
          expect(now.filter((_, i) => i !== place)).toEqual(before);
        }
        const added = after.length - text.length;
        const cut = [...Array(text.length + 1).keys()].some(
          i => text.slice(0, i) === after.slice(0, i) && text.slice(i) === after.slice(i + added),
        );
        expect(cut).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it('a deletion takes the form and white space alone', async () => {
    await fc.assert(
      fc.asyncProperty(files, async ({ text, name }) => {
        const { at, form, definition } = target(text, name);
        const nested = definition.span.start !== form.bodyStart;
        const after = await edited(text, { operation: 'delete', form_name: name });
        const bare = (part: string) => part.replace(/\s/g, '');
        const gone = nested ? definition.span : form.span;
        expect(bare(after)).toBe(bare(text.slice(0, gone.start) + text.slice(gone.end)));
        const [before, now] = [formsOf(text), formsOf(after)];
        if (nested) expect(now.filter((_, i) => i !== at)).toEqual(before.filter((_, i) => i !== at));
        else expect(now).toEqual(before.filter((_, i) => i !== at));
      }),
      { numRuns: 150 },
    );
  });
});
