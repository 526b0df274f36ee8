/** Every feature that takes or answers places means the same ones in each encoding that can be negotiated, behind emoji and with CRLF. */
import { expect, it } from 'vitest';
import { Editor, usualCapabilities, type TextDocument } from '../support/lspClient.ts';
import { isObject } from '../support/jsonRpc.ts';
import type { Position } from '../support/lspTypes.ts';

type Encoding = 'utf-8' | 'utf-16' | 'utf-32';

const text = [
  '(in-package #:cl-user)',
  '#| 😀 é |# (defun 😀-total (größe &key (rate "é😀")) "Döc 😀" (list größe rate))',
  '#| 𝒹 |# (defclass 😀-thing () ((é-slot :accessor é-slot :initarg :é)))',
  '(list "é𝒹😀" (😀-total größe :rate (é-slot größe)) #+nowhere "é😀" (format nil "é😀~a" 1))',
  '  (defun spät (😀x)',
  '"é😀" (let ((é 😀x)) (if é (😀-total é) ', // nothing closes it in this line
  '  é)))',
  '',
].join('\r\n');

const lines = text.split('\r\n');
const units: Readonly<Record<Encoding, (part: string) => number>> = {
  'utf-8': part => Buffer.byteLength(part),
  'utf-16': part => part.length,
  'utf-32': part => Array.from(part).length,
};

/** The same place in UTF-16. */
function inUtf16({ line, character }: Position, encoding: Encoding): Position {
  const whole = lines[line] ?? '';
  for (let at = 0; at <= whole.length; at++)
    if (units[encoding](whole.slice(0, at)) === character && !/[\ud800-\udbff]$/.test(whole.slice(0, at)))
      return { line, character: at };
  throw new Error(`${line}:${character} is no place of the text in ${encoding}`);
}

/** An answer whose places are in UTF-16, and whose paths and ids are left out. */
function normal(answer: unknown, encoding: Encoding): unknown {
  if (Array.isArray(answer)) return answer.map(each => normal(each, encoding));
  if (typeof answer === 'string') return answer.replace(/file:\S*\//g, '');
  if (!isObject(answer)) return answer;
  if (typeof answer['line'] === 'number' && typeof answer['character'] === 'number')
    return inUtf16(answer as unknown as Position, encoding);
  return Object.fromEntries(
    Object.entries(answer).map(([key, value]) => [key.replace(/^file:.*\//, ''), normal(value, encoding)]),
  );
}

/** Semantic tokens as places with lengths, in UTF-16. */
function tokens(answer: unknown, encoding: Encoding): unknown {
  const { data } = answer as { data: number[] };
  const out: unknown[] = [];
  let line = 0;
  let character = 0;
  for (let i = 0; i < data.length; i += 5) {
    const [down, right, length, type, modifiers] = data.slice(i, i + 5) as [
      number,
      number,
      number,
      number,
      number,
    ];
    character = down === 0 ? character + right : right;
    line += down;
    const end = { line, character: character + length };
    out.push([inUtf16({ line, character }, encoding), inUtf16(end, encoding), type, modifiers]);
  }
  return out;
}

const capabilities = (encoding: Encoding) => ({
  ...usualCapabilities,
  general: { positionEncodings: [encoding] },
  textDocument: {
    ...(usualCapabilities['textDocument'] as object),
    rename: { prepareSupport: true },
    semanticTokens: {
      requests: { full: true, range: true },
      tokenTypes: [
        'class',
        'parameter',
        'variable',
        'function',
        'method',
        'macro',
        'comment',
        'string',
        'operator',
      ],
      tokenModifiers: ['definition'],
      formats: ['relative'],
    },
  },
});

async function answers(encoding: Encoding): Promise<Record<string, unknown>> {
  const editor = await Editor.start({
    capabilities: capabilities(encoding),
    settings: { image: { mode: 'off' } },
    env: { HOTLISP_BUDGET_MS: '20000' },
  });
  try {
    expect(editor.capabilities.positionEncoding).toBe(encoding);
    return await ask(editor, editor.open('emoji.lisp', text), encoding);
  } finally {
    await editor.finish();
  }
}

async function ask(
  editor: Editor,
  document: TextDocument,
  encoding: Encoding,
): Promise<Record<string, unknown>> {
  const textDocument = { uri: document.uri };
  const at = (needle: string): Position => {
    const { line, character } = document.positionOf(needle);
    return { line, character: units[encoding](lines[line]!.slice(0, character)) };
  };
  const place = (needle: string) => ({ textDocument, position: at(needle) });
  const range = { start: at('¦"é😀" (let'), end: at('  ¦é)))') };
  const options = { tabSize: 8, insertSpaces: true };
  const questions: Record<string, object> = {
    'textDocument/hover': place('"é𝒹😀" (😀-to¦tal'),
    'textDocument/signatureHelp': place('größe :rate ¦(é-slot'),
    'textDocument/definition': place('"é𝒹😀" (😀-to¦tal'),
    'textDocument/declaration': place('(if ¦é'),
    'textDocument/typeDefinition': place('(defclass 😀-th¦ing'),
    'textDocument/implementation': place('"é𝒹😀" (😀-to¦tal'),
    'textDocument/references': { ...place('"é𝒹😀" (😀-to¦tal'), context: { includeDeclaration: true } },
    'textDocument/documentHighlight': place('(if ¦é'),
    'textDocument/prepareRename': place('(if ¦é'),
    'textDocument/rename': { ...place('"é𝒹😀" (😀-to¦tal'), newName: 'sum' },
    'textDocument/linkedEditingRange': place('(if ¦é'),
    'textDocument/documentSymbol': { textDocument },
    'textDocument/foldingRange': { textDocument },
    'textDocument/selectionRange': { textDocument, positions: [at('(if ¦é'), at('größe :r¦ate (')] },
    'textDocument/formatting': { textDocument, options },
    'textDocument/rangeFormatting': { textDocument, range, options },
    'textDocument/onTypeFormatting': { ...place('  ¦é)))'), ch: '\n', options },
    'textDocument/codeLens': { textDocument },
    'textDocument/prepareCallHierarchy': place('"é𝒹😀" (😀-to¦tal'),
    'textDocument/prepareTypeHierarchy': place('(defclass 😀-th¦ing'),
    'workspace/symbol': { query: 'spät' },
  };
  const out: Record<string, unknown> = {};
  for (const [method, params] of Object.entries(questions))
    out[method] = normal(await editor.request(method, params), encoding);
  const completion = (await editor.request('textDocument/completion', place('(😀-tot¦al é)'))) as {
    items: object[];
  };
  out['textDocument/completion'] = normal(completion.items, encoding);
  const [item] = (await editor.request(
    'textDocument/prepareCallHierarchy',
    place('(defun 😀-to¦tal'),
  )) as object[];
  const [caller] = (await editor.request(
    'textDocument/prepareCallHierarchy',
    place('(defun sp¦ät'),
  )) as object[];
  out['incoming'] = normal(await editor.request('callHierarchy/incomingCalls', { item }), encoding);
  out['outgoing'] = normal(await editor.request('callHierarchy/outgoingCalls', { item: caller }), encoding);
  const refactoring = (await editor.codeActions(document, at('(if¦ é'), ['refactor'])).find(
    ({ title }) => title === 'Convert if to cond',
  );
  out['codeAction/resolve'] =
    refactoring && normal(await editor.request('codeAction/resolve', refactoring), encoding);
  for (const [method, more] of [
    ['full', {}],
    ['range', { range }],
  ] as const)
    out[`tokens ${method}`] = tokens(
      await editor.request(`textDocument/semanticTokens/${method}`, { textDocument, ...more }),
      encoding,
    );
  return out;
}

it('all features that have places agree in UTF-8, UTF-16 and UTF-32', async () => {
  const [utf8, utf16, utf32] = await Promise.all(
    (['utf-8', 'utf-16', 'utf-32'] as const).map(encoding => answers(encoding)),
  );
  // an answer that holds nothing would agree, too
  const empty = Object.entries(utf16!).filter(
    ([, answer]) => answer === null || answer === undefined || (Array.isArray(answer) && answer.length === 0),
  );
  expect(empty.map(([method]) => method)).toEqual([]);
  for (const [method, answer] of Object.entries(utf16!)) {
    expect({ [method]: utf8![method] }).toEqual({ [method]: answer });
    expect({ [method]: utf32![method] }).toEqual({ [method]: answer });
  }
});
