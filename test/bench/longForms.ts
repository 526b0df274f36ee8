/**
 * How long each request holds the server's event loop in a buffer whose one top-level form is very long: a table of data, a macrolet of
 * definitions, nested code. The built server over stdio, with a probe in it; no image.
 */
import type { Editor, TextDocument } from '../support/lspClient.ts';
import { holdsOf, type Deed } from './holds.ts';

/** Milliseconds within which a request is answered on a slow machine. */
const PATIENCE = 120_000;

/** Stands in the middle of each. */
const probed = `(let ((probe (list 1 2))) (car probe))`;

const repeated = (bytes: number, each: (n: number) => string): string => {
  const parts: string[] = [];
  for (let n = 0, length = 0; length < bytes; n++) {
    const part = each(n);
    parts.push(part);
    length += part.length;
  }
  parts.splice(parts.length >> 1, 0, `  ${probed}\n`);
  return parts.join('');
};

const longForms: Readonly<Record<string, string>> = {
  'table of 500 KB': `(defparameter *table*\n  '(\n${repeated(500_000, n => `    (entry-${n} :name "entry ${n}" ;; one\n      :value ${n} symbol-${n % 100} (a b c))\n`)}))\n`,
  'macrolet of 300 KB': `(macrolet ((defone (name) \`(defun ,name (x) (list x ',name))))\n${repeated(300_000, n => `  (defone made-${n})\n  (defun fn-${n} (item &key (rate 1))\n    "Docs ${n}."\n    (let* ((sum (* item rate)) (other (list sum 'a "text")))\n      (dolist (x other) (format t "~a ~s" x sum))\n      (values sum other)))\n`)})\n`,
  'progn of 300 KB': `(progn\n${repeated(300_000, n => `  (defun pn-${n} (item &optional (rate 1))\n    (loop for x in item for y = (* x rate) when (oddp x) collect (cons x y) into all finally (return all)))\n`)})\n`,
  'code nested 900 deep, 300 KB': `(defun nested (x)\n  ${Array.from({ length: 900 }, (_, n) => `(let ((v${n} (list x ${n} "${'text '.repeat(55)}")))\n`).join('')}${probed}\n${')'.repeat(900)})\n`,
};

/** By the kind of form, milliseconds of the longest hold per request: the median of some rounds. */
export async function holdsInLongForms(rounds: number): Promise<Map<string, Map<string, number>>> {
  const tables = new Map<string, Map<string, number>>();
  for (const [name, text] of Object.entries(longForms))
    tables.set(name, await holdsOf(text, rounds, deedsOf));
  return tables;
}

function deedsOf(editor: Editor, document: TextDocument): readonly Deed[] {
  const textDocument = { uri: document.uri };
  let tokens = '';
  const position = document.positionOf('(car pro¦be)');
  let typed = false;
  const type = (): void => {
    const start = document.positionOf('(list ¦1');
    const end = { ...start, character: start.character + (typed ? 1 : 0) };
    document.change([{ range: { start, end }, text: typed ? '' : '1' }]);
    typed = !typed;
  };
  const end = { line: position.line + 1, character: 0 };
  const range = { start: position, end: position };
  const ask = (method: string, params: object | (() => object)): Deed => [
    method.replace('textDocument/', ''),
    async () => {
      type();
      const all = { textDocument, ...(params instanceof Function ? params() : params) };
      // what cannot be renamed in data is refused, after as much work
      const answer = (await editor.request(method, all, PATIENCE).catch(() => null)) as {
        resultId?: string;
      } | null;
      tokens = answer?.resultId ?? tokens;
      await new Promise(resume => setTimeout(resume, 300));
    },
  ];
  return [
    ['keystroke', async () => (type(), new Promise(resume => setTimeout(resume, 1500)))],
    ask('textDocument/selectionRange', { positions: [position] }),
    ask('textDocument/documentSymbol', {}),
    ask('textDocument/foldingRange', {}),
    ask('textDocument/semanticTokens/full', {}),
    ask('textDocument/semanticTokens/full/delta', () => ({ previousResultId: tokens })),
    ask('textDocument/semanticTokens/range', {
      range: { start: { line: Math.max(0, position.line - 2), character: 0 }, end },
    }),
    ask('textDocument/documentHighlight', { position }),
    ask('textDocument/hover', { position }),
    ask('textDocument/completion', { position, context: { triggerKind: 1 } }),
    ask('textDocument/signatureHelp', { position }),
    ask('textDocument/definition', { position }),
    ask('textDocument/references', { position, context: { includeDeclaration: true } }),
    ask('textDocument/rename', { position, newName: 'other' }),
    ask('textDocument/codeAction', { range, context: { diagnostics: [] } }),
    ask('textDocument/codeLens', {}),
    ask('textDocument/inlayHint', { range: { start: { line: 0, character: 0 }, end } }),
    ask('textDocument/onTypeFormatting', {
      position: end,
      ch: '\n',
      options: { tabSize: 2, insertSpaces: true },
    }),
    ask('textDocument/rangeFormatting', {
      range: { start: position, end },
      options: { tabSize: 2, insertSpaces: true },
    }),
    ask('textDocument/linkedEditingRange', { position }),
    ask('textDocument/prepareCallHierarchy', { position }),
  ];
}
