/** Completion, hover and signatures where the image is busy, gone, or not even started; and that nothing is done to it. */
import { afterEach, describe, expect, it } from 'vitest';
import { Editor, usualCapabilities, type TextDocument } from '../support/lspClient.ts';

let editor: Editor;
afterEach(() => editor.finish());

interface Completion {
  readonly isIncomplete: boolean;
  readonly items: readonly { readonly label: string; readonly textEdit: { readonly newText: string } }[];
}

const at = (document: TextDocument, place: string) => ({
  textDocument: { uri: document.uri },
  position: document.positionOf(place),
});
const complete = async (document: TextDocument, place: string) =>
  ((await editor.request('textDocument/completion', at(document, place))) as Completion).items.map(
    ({ label }) => label,
  );
const hover = async (document: TextDocument, place: string) => {
  const answer = (await editor.request('textDocument/hover', at(document, place))) as {
    contents: { value: string };
  } | null;
  return answer?.contents.value;
};
const signature = async (document: TextDocument, place: string) => {
  const answer = (await editor.request('textDocument/signatureHelp', at(document, place))) as {
    signatures: readonly { label: string }[];
  } | null;
  return answer?.signatures.map(({ label }) => label);
};

/** Time enough for the image on a busy machine, where its answer is what the test is about. */
const patient = { HOTLISP_BUDGET_MS: '20000' };
const allowed = { approval: { eval: 'allow', 'modify-running-code': 'allow' } };

const shop = `(in-package #:cl-user)
(defun price-of (item)
  "What ITEM costs."
  (list item))
(price-of 1)
`;

describe('without an image', () => {
  it('none is started for an answer', async () => {
    editor = await Editor.start({ settings: { image: { mode: 'spawn' } } });
    const document = editor.open('shop.lisp', shop);
    expect(await complete(document, '(price-¦of 1')).toContain('price-of');
    expect(await hover(document, '(price-o¦f 1')).toContain('What ITEM costs.');
    expect(await signature(document, '(price-of ¦1')).toEqual(['(price-of item)']);
    expect(editor.children()).toEqual([]);
  });
});

describe('an image that does not answer', () => {
  it('delays nothing: buffer, index and standard are answered without it, and with it again once it goes on', async () => {
    editor = await Editor.start({ settings: allowed });
    const document = editor.open('shop.lisp', shop);
    const [pid] = await editor.evaluate(
      '(progn (intern "ONLY-IN-IMAGE") (setf (fdefinition \'only-in-image) #\'list) (sb-unix:unix-getpid))',
    );
    process.kill(Number(pid), 'SIGSTOP');
    try {
      expect(await complete(document, '(price-¦of 1')).toContain('price-of');
      expect(await hover(document, '(price-o¦f 1')).toContain('What ITEM costs.');
      expect(await signature(document, '(price-of ¦1')).toEqual(['(price-of item)']);
      expect(await complete(document, '(li¦st item')).toContain('list');
    } finally {
      process.kill(Number(pid), 'SIGCONT');
    }
    document.replace('(price-of 1)', '(only-in-im)');
    for (;;) if ((await complete(document, '(only-in-im¦')).includes('only-in-image')) break;
  });

  it('may have a function that no text has: none is offered to be written before it has said', async () => {
    editor = await Editor.start({ settings: allowed });
    const document = editor.open('shop.lisp', '(only-in-image 1)\n(nowhere 1)\n');
    const [pid] = await editor.evaluate(
      '(progn (setf (fdefinition (intern (string-upcase "only-in-image"))) #\'list) (sb-unix:unix-getpid))',
    );
    const offered = async (place: string) =>
      (await editor.codeActions(document, place, ['quickfix'])).some(({ title }) => /^Define/.test(title));
    while (!(await offered('(now¦here')));
    process.kill(Number(pid), 'SIGSTOP');
    try {
      expect(await offered('(only-in¦-image')).toBe(false);
    } finally {
      process.kill(Number(pid), 'SIGCONT');
    }
    expect(await offered('(only-in¦-image')).toBe(false);
  });

  it('is no harm once it is gone', async () => {
    editor = await Editor.start({ settings: allowed });
    const document = editor.open('shop.lisp', shop);
    const [pid] = await editor.evaluate('(sb-unix:unix-getpid)');
    process.kill(Number(pid), 'SIGKILL');
    expect(await complete(document, '(price-¦of 1')).toContain('price-of');
    expect(await hover(document, '(price-o¦f 1')).toContain('What ITEM costs.');
  });
});

describe('the image', () => {
  it('is asked without interning a name and without evaluating the buffer', async () => {
    editor = await Editor.start({ settings: allowed, env: patient });
    const document = editor.open(
      'odd.lisp',
      `(in-package #:cl-user)
(defvar *ran* (setf cl-user::*touched* t))
(list #.(defparameter cl-user::*touched* t) never-seen-be never-seen-before:thing :never-seen-keyword)
(never-seen-operator #.(error "evaluated") never-seen-argument)
`,
    );
    await editor.evaluate('nil');
    await complete(document, 'never-seen-be¦');
    await complete(document, 'never-seen-before:thing¦');
    await complete(document, ':never-seen-keyword¦');
    await hover(document, 'never-se¦en-be');
    await hover(document, 'never-seen-before:thi¦ng');
    await signature(document, '(never-seen-operator ¦');
    await signature(document, 'never-seen-argument¦');
    expect(
      await editor.evaluate(
        `(list (remove-if-not (lambda (name) (find-all-symbols name))
                              (mapcar #'string-upcase '("never-seen-be" "never-seen-before" "never-seen-keyword" "never-seen-operator" "never-seen-argument")))
               (find-package (string-upcase "never-seen-before"))
               (remove-if-not #'boundp (find-all-symbols (format nil "*~a*" (string-upcase "touched")))))`,
      ),
    ).toEqual(['(NIL NIL NIL)']);
  });

  it('runs this text, or another one: hover says so after a reload and after an edit', async () => {
    editor = await Editor.start({ settings: allowed, env: patient });
    const document = editor.open('shop.lisp', shop);
    await editor.evaluate('nil');
    expect(await hover(document, '(defun price-o¦f')).toContain('The image does not have this definition.');
    await editor.command('reload_form', {
      uri: document.uri,
      position: document.positionOf('(defun pri¦ce-of'),
    });
    expect(await hover(document, '(defun price-o¦f')).toContain('The image runs this text.');
    document.replace('(list item)', '(list item item)');
    expect(await hover(document, '(defun price-o¦f')).toContain('The image runs another text of it.');
    document.replace('(list item item)', '(list  item)');
    expect(await hover(document, '(price-o¦f 1')).toContain('The image runs this text.');
  });

  it('runs what it loaded from a file: hover knows by the text that the file had', async () => {
    editor = await Editor.start({
      files: { 'shop.lisp': shop },
      load: ['shop.lisp'],
      settings: allowed,
      env: patient,
    });
    const document = editor.openFile(`${editor.root}/shop.lisp`);
    await editor.evaluate('nil');
    expect(await hover(document, '(defun price-o¦f')).toContain('The image runs this text.');
    document.replace('(list item)', '(list item item)');
    expect(await hover(document, '(defun price-o¦f')).toContain('The image runs another text of it.');
  });

  it('knows names with any characters, and packages that are locked', async () => {
    editor = await Editor.start({ settings: allowed, env: patient });
    const document = editor.open(
      'odd.lisp',
      `(in-package #:cl-user)
(list sb-ext:with-locked-hash zählwe)
(|odd package|::|a b
`,
    );
    await editor.evaluate(
      `(progn (make-package "odd package" :use '())
              (intern "a b|c" "odd package")
              (setf (symbol-value (intern "ZÄHLWERK" "CL-USER")) 1))`,
    );
    expect(await complete(document, 'zählwe¦')).toContain('zählwerk');
    expect(await complete(document, 'sb-ext:with-locked-hash¦')).toContain('sb-ext:with-locked-hash-table');
    expect(await complete(document, '(|odd package|::|a b¦')).toEqual(['|odd package|::|a b\\|c|']);
  });
});

describe('a list that is too long', () => {
  it('is cut, and says that there is more', async () => {
    editor = await Editor.start({ settings: allowed, env: patient });
    const document = editor.open(
      'all.lisp',
      '(in-package #:cl-user)\n(sb-impl::)\n(list multiple-value-b)\n',
    );
    await editor.evaluate('nil');
    const answer = (await editor.request(
      'textDocument/completion',
      at(document, '(sb-impl::¦'),
    )) as Completion;
    expect(answer.isIncomplete).toBe(true);
    expect(answer.items.length).toBe(200);
    const short = (await editor.request(
      'textDocument/completion',
      at(document, '(list multiple-value-b¦'),
    )) as Completion;
    expect(short.isIncomplete).toBe(false);
  });
});

describe('what the client declares', () => {
  const declaring = (textDocument: object) => ({
    ...usualCapabilities,
    textDocument: { ...(usualCapabilities['textDocument'] as object), ...textDocument },
  });

  it('decides on snippets, and on how what stands behind the cursor is replaced', async () => {
    const off = { image: { mode: 'off' } };
    editor = await Editor.start({ settings: off });
    const plain = editor.open('a.lisp', '(in-package #:cl-user)\n(defu)\n(list mapcrest)\n');
    expect((await complete(plain, '(defu¦')).filter(label => label.includes('…'))).toEqual([]);
    await editor.finish();
    editor = await Editor.start({
      settings: off,
      capabilities: declaring({
        completion: { completionItem: { snippetSupport: true, insertReplaceSupport: true } },
      }),
    });
    const document = editor.open('a.lisp', '(in-package #:cl-user)\n(defu)\n(list mapcrest)\n');
    const { items } = (await editor.request('textDocument/completion', at(document, '(defu¦'))) as Completion;
    expect(items.find(({ label }) => label === 'defun …')).toMatchObject({
      insertTextFormat: 2,
      textEdit: { newText: expect.stringContaining('defun ${1:name}') as unknown },
    });
    const inside = (await editor.request(
      'textDocument/completion',
      at(document, '(list mapc¦rest'),
    )) as Completion;
    expect(inside.items.find(({ label }) => label === 'mapcar')?.textEdit).toEqual({
      newText: 'mapcar',
      insert: { start: { line: 2, character: 6 }, end: { line: 2, character: 10 } },
      replace: { start: { line: 2, character: 6 }, end: { line: 2, character: 14 } },
    });
  });

  it('decides on the format of a hover and on the marks of a signature', async () => {
    editor = await Editor.start({
      settings: { image: { mode: 'off' } },
      capabilities: declaring({
        hover: { contentFormat: ['markdown', 'plaintext'] },
        signatureHelp: {
          signatureInformation: {
            parameterInformation: { labelOffsetSupport: true },
            activeParameterSupport: true,
            documentationFormat: ['markdown'],
          },
        },
      }),
    });
    const document = editor.open('shop.lisp', shop);
    expect(await hover(document, '(price-o¦f 1')).toBe(
      `\`\`\`lisp\n(price-of item)\n\`\`\`\n\nfunction in CL-USER  \nDefined in [shop.lisp:2](${document.uri}#L2)\n\nWhat ITEM costs.`,
    );
    expect(await editor.request('textDocument/signatureHelp', at(document, '(price-of ¦1'))).toEqual({
      signatures: [
        {
          label: '(price-of item)',
          documentation: { kind: 'markdown', value: 'function\n\nWhat ITEM costs.' },
          parameters: [{ label: [10, 14] }],
          activeParameter: 0,
        },
      ],
      activeSignature: 0,
      activeParameter: 0,
    });
  });

  it('decides on the units of positions', async () => {
    editor = await Editor.start({
      settings: { image: { mode: 'off' } },
      capabilities: { ...usualCapabilities, general: { positionEncodings: ['utf-8'] } },
    });
    const document = editor.open('a.lisp', '(in-package #:cl-user)\n(list "äöü😀" multiple-value-b)\n');
    const answer = (await editor.request('textDocument/completion', {
      textDocument: { uri: document.uri },
      position: { line: 1, character: 35 },
    })) as Completion;
    expect(answer.items[0]!.textEdit).toEqual({
      newText: 'multiple-value-bind',
      range: { start: { line: 1, character: 19 }, end: { line: 1, character: 35 } },
    });
  });
});
