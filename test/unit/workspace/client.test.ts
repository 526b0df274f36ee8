/** The server's side of the index when its thread fails: a fault that the real one cannot be asked to make. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IndexClient } from '../../../server/workspace/client.ts';

/** Answers `symbols` with what it was told before, fails at "throw", ends at "exit", and says nothing at "wait". */
const program = `
import { parentPort } from 'node:worker_threads';
const told = [];
parentPort.on('message', message => {
  if (message.type === 'close') return parentPort.postMessage({ type: 'closed' });
  if (message.type !== 'query') return told.push(message);
  const { id, params: { query } } = message;
  if (query === 'throw') throw new Error('a fault in the index');
  if (query === 'exit') process.exit(3);
  if (query === 'fail') return parentPort.postMessage({ type: 'failure', id, message: 'not this one' });
  if (query !== 'wait') parentPort.postMessage({ type: 'answer', id, value: told });
});
`;

let folder: string;
let client: IndexClient;
let logged: string[];
let texts: Map<string, string>;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'hotlisp-client-'));
  writeFileSync(path.join(folder, 'worker.mjs'), program);
  logged = [];
  texts = new Map();
  client = new IndexClient({
    program: path.join(folder, 'worker.mjs'),
    runtimeWasm: '',
    grammarWasm: '',
    version: '0',
    encoding: () => 'utf-16',
    isOpen: uri => texts.has(uri),
    bufferOf: uri => {
      const text = texts.get(uri);
      return text === undefined ? undefined : { text, length: text.length };
    },
    log: message => logged.push(message),
    progress: () => undefined,
  });
});
afterEach(async () => {
  await client.close();
  rmSync(folder, { recursive: true });
});

const never = new AbortController().signal;
const ask = (query: string, signal = never) => client.query('symbols', { query, limit: 1 }, signal);
const open = (uri: string, text: string) => {
  texts.set(uri, text);
  client.bufferChanged(uri);
};

describe('the thread of the index', () => {
  it('is told of every buffer before it is asked, in its latest version, once', async () => {
    open('a:1', 'one');
    open('a:1', 'two');
    expect(await ask('x')).toEqual([{ type: 'buffer', uri: 'a:1', text: 'two' }]);
    expect(await ask('x')).toHaveLength(1);
    texts.delete('a:1');
    client.bufferChanged('a:1');
    expect(await ask('x')).toEqual([expect.anything(), { type: 'buffer', uri: 'a:1', text: undefined }]);
  });

  it('is not sent a buffer over 2 MB', async () => {
    open('a:1', 'x'.repeat(2_000_001));
    expect(await ask('x')).toEqual([{ type: 'buffer', uri: 'a:1', text: undefined }]);
  });

  it.each(['throw', 'exit'])(
    'that ends by %s fails what it was asked, and another one takes its place',
    async how => {
      client.configure({ folders: ['/w'], watched: false });
      open('a:1', 'one');
      const waiting = ask('wait');
      const failing = ask(how);
      await expect(failing).rejects.toMatchObject({ kind: 'internal' });
      await expect(waiting).rejects.toMatchObject({ kind: 'internal' });
      expect(logged).toEqual([
        expect.stringMatching(/index of the workspace failed: (a fault|its thread ended)/),
      ]);
      expect(await ask('x')).toEqual([
        { type: 'configure', workspace: { folders: ['/w'], watched: false } },
        { type: 'buffer', uri: 'a:1', text: 'one' },
      ]);
    },
  );

  it('is not started for ever', async () => {
    for (let i = 0; i < 3; i++) await expect(ask('exit')).rejects.toMatchObject({ kind: 'internal' });
    await expect(ask('x')).rejects.toThrow(/not running any more/);
    expect(logged).toHaveLength(3);
  });

  it('may decline one question and answer the next', async () => {
    await expect(ask('fail')).rejects.toThrow(/not this one/);
    expect(await ask('x')).toEqual([]);
  });

  it('is not waited for by who gave up', async () => {
    const controller = new AbortController();
    const waiting = ask('wait', controller.signal);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ kind: 'cancelled' });
    await expect(ask('x', controller.signal)).rejects.toMatchObject({ kind: 'cancelled' });
  });

  it('ends with the server, and what still waits for it fails', async () => {
    const waiting = ask('wait');
    const failed = expect(waiting).rejects.toThrow(/shut down/);
    await client.close();
    await failed;
    await expect(ask('x')).rejects.toThrow(/not running/);
  });
});
