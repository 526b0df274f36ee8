/** Runs the tables of a folder: one server for each, one test for each of its cases. */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Editor, TextDocument, repository, usualCapabilities } from '../lspClient.ts';
import { isObject } from '../jsonRpc.ts';
import { features, type Question } from './features.ts';
import { mismatch, parseTable, type Case, type Expectation, type MarkedText, type Table } from './parse.ts';

/** @param folder relative to the repository; the tables are its own *.txt files */
export function runTables(folder: string): void {
  for (const name of readdirSync(path.join(repository, folder)).sort())
    if (name.endsWith('.txt')) runTable(path.join(folder, name));
}

function runTable(file: string): void {
  const table = parseTable(readFileSync(path.join(repository, file), 'utf8'));
  describe(path.basename(file, '.txt'), () => {
    let editor: Editor;
    beforeAll(async () => {
      editor = await startEditor(table);
    });
    afterAll(() => editor.finish());
    table.cases.forEach((each, number) => {
      it(`${each.title} (${file}:${each.line})`, () => runCase(editor, table, each, `case-${number}.lisp`));
    });
  });
}

async function startEditor({ options, files }: Table): Promise<Editor> {
  const { image, load, capabilities, settings } = options as {
    image?: boolean;
    load?: string;
    capabilities?: Record<string, unknown>;
    settings?: Record<string, unknown>;
  };
  const editor = await Editor.start({
    files: Object.fromEntries(files.map(({ name, text }) => [name, text])),
    capabilities: merged(usualCapabilities, capabilities ?? {}),
    // what is looked at is what is answered, not how soon
    env: { HOTLISP_BUDGET_MS: '20000' },
    load: load?.split(/\s+/) ?? [],
    settings: { approval: { eval: 'allow' }, ...settings, ...(image !== true && { image: { mode: 'off' } }) },
  });
  if (image === true) await editor.evaluate('nil');
  // what is asked next is answered from the files, too
  else if (files.length > 0) await editor.request('workspace/symbol', { query: 'wait' });
  return editor;
}

function merged(under: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const out = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = out[key];
    out[key] = isObject(below) && isObject(value) ? merged(below, value) : value;
  }
  return out;
}

/** The buffers of a case are open and have no files. */
async function runCase(editor: Editor, table: Table, each: Case, name: string): Promise<void> {
  const open = (buffer: MarkedText, relative: string) => {
    const file = path.join(editor.root, relative);
    const document = new TextDocument(editor, file, buffer.text, pathToFileURL(file).href);
    const { uri, version, text } = document;
    editor.rpc.notify('textDocument/didOpen', {
      textDocument: { uri, languageId: 'lisp', version, text },
    });
    return document;
  };
  const others = each.others.map(other => open(other, other.name));
  const document = open(each.buffer, name);
  const texts = new Map([
    ...table.files.map(file => [pathToFileURL(path.join(editor.root, file.name)).href, file.text] as const),
    ...[...others, document].map(({ uri, text }) => [uri, text] as const),
  ]);
  try {
    for (const expectation of each.expectations) {
      const actual = await ask(editor, document, each, expectation, uri => texts.get(uri));
      const problem = mismatch(expectation.lines, actual);
      if (problem === undefined) continue;
      const { feature, argument, line } = expectation;
      expect(actual, `line ${line}, ${feature} ${argument}: ${problem}`).toEqual(expectation.lines);
      throw new Error(`line ${line}, ${feature} ${argument}: ${problem}`);
    }
  } finally {
    for (const { uri } of [...others, document])
      editor.rpc.notify('textDocument/didClose', { textDocument: { uri } });
  }
}

async function ask(
  editor: Editor,
  document: TextDocument,
  { buffer, title }: Case,
  { feature, argument, mark, line }: Expectation,
  textOf: Question['textOf'],
): Promise<readonly string[]> {
  const run = features[feature];
  if (!run)
    throw new Error(`line ${line}: no feature ${feature}; there are ${Object.keys(features).join(', ')}`);
  const offset = buffer.marks.get(mark) ?? (mark === '¦' ? 0 : undefined);
  if (offset === undefined) throw new Error(`line ${line}: the buffer of "${title}" has no mark ${mark}`);
  const position = document.positionAt(offset);
  const place = { textDocument: { uri: document.uri }, position };
  return run({ editor, document, position, argument, place, textOf, marks: buffer.marks });
}
