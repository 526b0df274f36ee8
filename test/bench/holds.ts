/**
 * How long each request holds the server's event loop in a very long buffer: whatever else is asked meanwhile waits so long. The built
 * server over stdio, with a probe in it (test/load/probe.mjs); no image, since what one answers is not about long buffers.
 */
import { Editor, usualCapabilities, type TextDocument } from '../support/lspClient.ts';
import { Probe } from '../load/probe.ts';
import { inventory } from './texts.ts';

/** Milliseconds within which a request about the longest buffer is answered on a slow machine. */
const PATIENCE = 300_000;

/** A form that stands once, in the middle of the buffer. */
const probed = `(defun probe (item rate &key round)
  (let ((subtotal (value-of-7 item)))
    (report-7 item :stream nil)
    (list rate round subtotal)))
`;

/** Those of a client that asks for everything that is measured. */
const capabilities = {
  ...usualCapabilities,
  textDocument: {
    ...(usualCapabilities['textDocument'] as object),
    semanticTokens: {
      requests: { full: { delta: true }, range: true },
      tokenTypes: ['class', 'variable', 'function', 'macro', 'keyword', 'comment', 'string'],
      tokenModifiers: ['definition'],
      formats: ['relative'],
    },
  },
};

/** What is measured: a name, and what is sent and waited for. */
export type Deed = readonly [name: string, work: () => Promise<unknown>];

function deedsOf(editor: Editor, document: TextDocument): readonly Deed[] {
  const { uri } = document;
  const textDocument = { uri };
  const position = document.positionOf('(report-¦7 item :stream');
  const options = { tabSize: 2, insertSpaces: true };
  const whole = { start: { line: 0, character: 0 }, end: document.positionAt(document.text.length) };
  const form = {
    start: { line: position.line - 2, character: 0 },
    end: { line: position.line + 2, character: 0 },
  };
  let tokens = '';
  let typed = false;
  const type = (): void => {
    const end = typed ? { line: position.line, character: position.character + 1 } : position;
    document.change([{ range: { start: position, end }, text: typed ? '' : 'x' }]);
    typed = !typed;
  };
  const known = () =>
    editor.request('textDocument/selectionRange', { textDocument, positions: [position] }, PATIENCE);
  const ask = (method: string, params: object = {}): Deed => [
    method,
    async () => {
      type();
      const answer = await editor.request(method, { textDocument, ...params }, PATIENCE);
      tokens = (answer as { resultId?: string } | null)?.resultId ?? tokens;
    },
  ];
  const command = (name: string, argument: object, variant = ''): Deed => [
    `hotlisp.${name}${variant}`,
    () => editor.command(name, argument, PATIENCE),
  ];
  return [
    [
      'opened again',
      async () => {
        editor.rpc.notify('textDocument/didClose', { textDocument });
        const { text, version } = document;
        editor.rpc.notify('textDocument/didOpen', {
          textDocument: { uri, languageId: 'lisp', version, text },
        });
        typed = false;
        await known();
        await new Promise(resume => setTimeout(resume, 1000));
      },
    ],
    [
      'keystroke',
      async () => {
        type();
        await known();
        // what follows the keystroke by itself
        await new Promise(resume => setTimeout(resume, 1000));
      },
    ],
    [
      'saved',
      async () => {
        document.save();
        await known();
        await new Promise(resume => setTimeout(resume, 1000));
      },
    ],
    ask('textDocument/documentSymbol'),
    ask('textDocument/foldingRange'),
    ask('textDocument/codeLens'),
    ask('textDocument/codeAction', {
      range: { start: position, end: position },
      context: { diagnostics: [] },
    }),
    ask('textDocument/inlayHint', { range: whole }),
    ask('textDocument/semanticTokens/full'),
    [
      'textDocument/semanticTokens/full/delta',
      async () => {
        type();
        const params = { textDocument, previousResultId: tokens };
        tokens = (
          (await editor.request('textDocument/semanticTokens/full/delta', params, PATIENCE)) as {
            resultId: string;
          }
        ).resultId;
      },
    ],
    ask('textDocument/semanticTokens/range', { range: form }),
    ask('textDocument/documentHighlight', { position }),
    ask('textDocument/hover', { position }),
    ask('textDocument/completion', { position, context: { triggerKind: 1 } }),
    ask('textDocument/signatureHelp', { position }),
    ask('textDocument/definition', { position }),
    ask('textDocument/references', { position, context: { includeDeclaration: true } }),
    ask('textDocument/rename', { position: document.positionOf('((sub¦total (value'), newName: 'other' }),
    ask('textDocument/prepareCallHierarchy', { position }),
    ask('textDocument/linkedEditingRange', { position }),
    ask('textDocument/formatting', { options }),
    ask('textDocument/rangeFormatting', { range: form, options }),
    ask('textDocument/onTypeFormatting', { position, ch: '\n', options }),
    ask('workspace/symbol', { query: 'probe' }),
    command('lisp_read_file', { path: uri, limit: 100 }),
    command('lisp_read_file', { path: uri, collapsed: false, offset: 100, limit: 100 }, ', lines'),
    command(
      'lisp_read_file',
      { path: uri, name_pattern: '^probe$', content_pattern: 'nowhere-at-all', limit: 100 },
      ', patterns',
    ),
    command('lisp_edit_form', {
      operation: 'insert_after',
      file_path: uri,
      form_type: 'defun',
      form_name: 'probe',
      content: '(defun more ())',
      dry_run: true,
    }),
  ];
}

/**
 * Milliseconds of the longest hold per deed, by its name, in a server that has one buffer with a text: the median of some rounds.
 * @param deedsOf what is measured
 */
export async function holdsOf(
  text: string,
  rounds: number,
  deedsOf: (editor: Editor, document: TextDocument) => readonly Deed[],
): Promise<Map<string, number>> {
  const probe = new Probe();
  try {
    const editor = await Editor.start({
      capabilities,
      env: probe.env,
      settings: { image: { mode: 'off' } },
    });
    try {
      const deeds = deedsOf(editor, editor.open('long.lisp', text));
      const held = new Map<string, number[]>();
      for (let round = 0; round < rounds; round++)
        for (const [name, work] of deeds) {
          await probe.read();
          await work();
          const { holds } = await probe.read();
          held.set(name, [...(held.get(name) ?? []), Math.max(0, ...holds)]);
        }
      return new Map([...held].map(([name, all]) => [name, all.sort((a, b) => a - b)[all.length >> 1]!]));
    } finally {
      await editor.finish();
    }
  } finally {
    probe.remove();
  }
}

/** The holds in a buffer of so many lines. */
export const holdsIn = (lines: number, rounds: number): Promise<Map<string, number>> =>
  holdsOf(inventory(lines, probed), rounds, deedsOf);
