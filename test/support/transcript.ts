/** Conversations with the server as text that is the same on every machine and in every run, kept as goldens. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'vitest';
import { repository, type Editor } from './lspClient.ts';

/** Their moment depends on the machine, not on the conversation. */
const LEFT_OUT = new Set([
  'window/logMessage',
  '$/logTrace',
  '$/progress',
  'window/workDoneProgress/create',
  'textDocument/publishDiagnostics',
]);

/** What else stands in an answer by the moment: whether what the image holds of a changed text was looked up yet. */
const withoutDrift = (result: unknown): unknown =>
  Array.isArray(result)
    ? result.filter(each => !/^Show diff: /.test((each as { title?: string } | null)?.title ?? ''))
    : result;

/** One line per message: `-> request 2 textDocument/codeAction {…}`. */
export function transcriptOf(editor: Editor): unknown[] {
  const numbers = new Map<string, string>();
  const numbered = (kind: string, value: string) => {
    const key = `${kind} ${value}`;
    if (!numbers.has(key)) {
      const known = [...numbers.keys()].filter(each => each.startsWith(`${kind} `)).length;
      numbers.set(key, `${kind}-${known + 1}`);
    }
    return numbers.get(key)!;
  };
  const leftOut = new Set<unknown>();
  return editor.traffic.flatMap(({ direction, message }) => {
    if (message.method !== undefined && LEFT_OUT.has(message.method)) {
      if (message.id !== undefined) leftOut.add(message.id);
      return [];
    }
    if (message.method === undefined && direction === 'sent' && leftOut.has(message.id)) return [];
    const { jsonrpc: _always, id, ...rest } = message;
    // The server numbers its requests; those that were left out must not be missed.
    const ofServer = id !== undefined && (direction === 'received') === (message.method !== undefined);
    const named = id === undefined ? {} : { id: ofServer ? numbered('server', String(id)) : id };
    const text = JSON.stringify({
      ...named,
      ...rest,
      ...('result' in rest && { result: withoutDrift(rest.result) }),
    })
      .replaceAll(pathToFileURL(editor.root).href, 'file:///ROOT')
      .replaceAll(editor.root, '/ROOT')
      .replaceAll(path.basename(editor.root), 'ROOT')
      .replace(/sbcl \S+ \(pid \d+, spawned\)/g, 'IMAGE')
      .replace(/"(duration_ms|processId)":[\d.]+/g, '"$1":0')
      .replace(/"command":"[^"]*sbcl[^"]*"/g, '"command":"sbcl"')
      .replace(/("serverInfo":\{"name":"hotlisp","version":)"[^"]*"/g, '$1"VERSION"')
      // The catalogue has its own page, docs/commands.md, which is checked.
      .replace(/"commands":\["hotlisp\.[^\]]*\]/g, '"commands":["hotlisp.*"]')
      .replace(/ in \d+ ms\./g, ' in 0 ms.')
      .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, id => numbered('uuid', id));
    return [{ [direction === 'sent' ? 'editor' : 'server']: JSON.parse(text) as unknown }];
  });
}

/**
 * Compares with test/transcripts/<name>.json. A missing golden fails; UPDATE_GOLDENS=1 writes it, for a person to read.
 */
export function expectTranscript(name: string, transcript: readonly unknown[]): void {
  const file = path.join(repository, 'test/transcripts', `${name}.json`);
  const lines = transcript.map(message => JSON.stringify(message));
  if (process.env['UPDATE_GOLDENS'] === '1') {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, `[\n${lines.join(',\n')}\n]\n`);
  }
  if (!existsSync(file))
    throw new Error(`${file} is missing; UPDATE_GOLDENS=1 npx vitest run test/transcripts writes it`);
  const golden = JSON.parse(readFileSync(file, 'utf8')) as unknown[];
  expect(transcript).toEqual(golden);
}
