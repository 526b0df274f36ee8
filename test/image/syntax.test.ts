/** What editors ask of the text alone, and quick fixes for what does not parse: over stdio, without an image. */
import { afterEach, describe, expect, it } from 'vitest';
import { captures } from '../support/captures.ts';
import { Editor, usualCapabilities } from '../support/lspClient.ts';
import type { CodeAction, Diagnostic } from '../support/lspTypes.ts';

let editor: Editor;
afterEach(() => editor.finish());

const settings = { image: { mode: 'off' } };
const broken = '(defun f ()\n  (g)\n\n(defun h ()\n  1)\n';

const quickFixes = async (uri: string, diagnostic: Diagnostic, only?: string[]) =>
  (await editor.request('textDocument/codeAction', {
    textDocument: { uri },
    range: diagnostic.range,
    context: { diagnostics: [diagnostic], ...(only && { only }) },
  })) as CodeAction[];

describe('a quick fix', () => {
  it.each([
    ['changes', {}],
    ['documentChanges', { documentChanges: true }],
  ])('mends the buffer by %s', async (kind, workspaceEdit) => {
    const workspace = { ...(usualCapabilities['workspace'] as object), workspaceEdit };
    editor = await Editor.start({ settings, capabilities: { ...usualCapabilities, workspace } });
    const document = editor.open('a.lisp', broken);
    const [problem] = await editor.diagnostics(document, list => list.length > 0, 'the open bracket');
    const actions = await quickFixes(document.uri, problem!, ['quickfix']);
    expect(actions).toEqual([
      {
        title: expect.any(String) as string,
        kind: 'quickfix',
        isPreferred: true,
        diagnostics: [problem],
        edit: { [kind]: expect.anything() as unknown },
      },
    ]);
    const { edit } = actions[0]!;
    const change = edit!.documentChanges?.[0];
    if (change) expect(change.textDocument).toEqual({ uri: document.uri, version: document.version });
    document.apply(change?.edits ?? edit!.changes![document.uri]!);
    await editor.diagnostics(document, list => list.length === 0, 'none');
    expect(document.text).toBe('(defun f ()\n  (g))\n\n(defun h ()\n  1)\n');
  });

  it('comes with the other actions, before them, and not where another kind is asked for', async () => {
    editor = await Editor.start({ settings });
    const document = editor.open('a.lisp', broken);
    const [problem] = await editor.diagnostics(document, list => list.length > 0, 'the open bracket');
    const all = await quickFixes(document.uri, problem!);
    expect(all.map(({ kind }) => kind)[0]).toBe('quickfix');
    expect(all.length).toBeGreaterThan(1);
    const others = await quickFixes(document.uri, problem!, ['hotlisp.reload']);
    expect(others.map(({ kind }) => kind)).not.toContain('quickfix');
  });
});

describe('in a definition of systems', () => {
  it('no function is taken to be missing: what its operators are is ASDF’s matter', async () => {
    editor = await Editor.start({ settings, env: { HOTLISP_BUDGET_MS: '20000' } });
    const text =
      '(defsystem "shop"\n  :depends-on (alexandria)\n  :perform (test-op (o c) (symbol-call :shop :run)))\n(register-it "shop")\n';
    const titles = async (name: string, places: readonly string[]) => {
      const document = editor.open(name, text);
      const found = await Promise.all(places.map(place => editor.codeActions(document, place, ['quickfix'])));
      return found
        .flat()
        .flatMap(({ title }) => /^(?:Define|Import|Qualify|Export) /.exec(title)?.input ?? []);
    };
    const places = ['(¦defsystem', '(¦alexandria', '(¦test-op', '(¦symbol-call', '(¦register-it'];
    expect(await titles('shop.asd', places)).toEqual([]);
    expect(await titles('shop.lisp', places)).toContain('Define function register-it');
    expect(await titles('shop.lisp', ['(¦defsystem'])).toEqual([]);
  });
});

describe('the outline', () => {
  it.each(captures)('has the shape that $name shows', async ({ capabilities, others }) => {
    editor = await Editor.start({
      capabilities,
      initialize: {
        ...others,
        rootUri: null,
        rootPath: null,
        workspaceFolders: null,
        initializationOptions: settings,
      },
    });
    const { uri } = editor.open('a.lisp', '(defclass c () (slot))\n');
    const symbols = (await editor.request('textDocument/documentSymbol', {
      textDocument: { uri },
    })) as Record<string, unknown>[];
    const { documentSymbol } = (capabilities['textDocument'] ?? {}) as {
      documentSymbol?: { hierarchicalDocumentSymbolSupport?: boolean };
    };
    if (documentSymbol?.hierarchicalDocumentSymbolSupport)
      expect(symbols).toEqual([
        expect.objectContaining({ name: 'c', children: [expect.objectContaining({ name: 'slot' })] }),
      ]);
    else
      expect(symbols).toEqual([
        expect.objectContaining({ name: 'c', location: expect.objectContaining({ uri }) as unknown }),
        expect.objectContaining({ name: 'slot', containerName: 'c' }),
      ]);
  });
});

describe('any text', () => {
  it.each([
    ['10,000 nested lists', '('.repeat(10_000) + ')'.repeat(10_000)],
    ['a line of 1 MB', `(defun f ()\n  ${'(g "x") '.repeat(125_000)})\n(defun h ())`],
    ['nothing', ''],
    ['what never ends', '(defun f () "'],
  ])('is answered: %s', async (_what, text) => {
    editor = await Editor.start({ settings });
    const document = editor.open('a.lisp', text);
    const textDocument = { uri: document.uri };
    const position = document.positionAt(Math.floor(text.length / 2));
    const all = await Promise.all([
      editor.request('textDocument/documentSymbol', { textDocument }),
      editor.request('textDocument/foldingRange', { textDocument }),
      editor.request('textDocument/selectionRange', { textDocument, positions: [position] }),
      editor.request('textDocument/definition', { textDocument, position }),
      editor.request('textDocument/references', {
        textDocument,
        position,
        context: { includeDeclaration: true },
      }),
      editor.request('workspace/symbol', { query: '' }),
    ]);
    for (const reply of all) expect(Array.isArray(reply)).toBe(true);
  });
});
