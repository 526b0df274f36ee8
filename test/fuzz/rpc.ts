/** Hostile JSON-RPC: wrong types, huge numbers, deep nesting, odd and repeated ids, unknown methods, any order of the lifecycle. */
import { isObject } from '../support/jsonRpc.ts';
import type { Bout, Fuzzer } from './fuzzer.ts';
import { anything, mutated, type Random } from './random.ts';
import { RawServer } from './rawServer.ts';

const uri = (server: RawServer) => `file://${server.root}/a.lisp`;
const position = { line: 1, character: 3 };
const range = { start: position, end: { line: 1, character: 9 } };

/** Parameters as a client sends them, by method. */
const requests = (server: RawServer): Record<string, unknown> => {
  const textDocument = { uri: uri(server) };
  const at = { textDocument, position };
  return {
    'textDocument/documentSymbol': { textDocument },
    'textDocument/foldingRange': { textDocument },
    'textDocument/selectionRange': { textDocument, positions: [position] },
    'textDocument/codeAction': { textDocument, range, context: { diagnostics: [], only: ['quickfix'] } },
    'textDocument/hover': at,
    'textDocument/completion': { ...at, context: { triggerKind: 1 } },
    'textDocument/signatureHelp': at,
    'textDocument/definition': at,
    'textDocument/declaration': at,
    'textDocument/typeDefinition': at,
    'textDocument/implementation': at,
    'textDocument/references': { ...at, context: { includeDeclaration: true } },
    'textDocument/documentHighlight': at,
    'textDocument/rename': { ...at, newName: 'g' },
    'textDocument/prepareRename': at,
    'textDocument/formatting': { textDocument, options: { tabSize: 2, insertSpaces: true } },
    'textDocument/rangeFormatting': { textDocument, range, options: { tabSize: 2, insertSpaces: true } },
    'textDocument/onTypeFormatting': { ...at, ch: '\n', options: { tabSize: 2, insertSpaces: true } },
    'textDocument/codeLens': { textDocument },
    'textDocument/inlayHint': { textDocument, range },
    'textDocument/semanticTokens/full': { textDocument },
    'textDocument/semanticTokens/full/delta': { textDocument, previousResultId: '1' },
    'textDocument/semanticTokens/range': { textDocument, range },
    'textDocument/linkedEditingRange': at,
    'textDocument/documentLink': { textDocument },
    'documentLink/resolve': { range, data: { uri: textDocument.uri, line: 0 } },
    'textDocument/prepareCallHierarchy': at,
    'textDocument/prepareTypeHierarchy': at,
    'callHierarchy/incomingCalls': {
      item: { name: 'f', kind: 12, uri: uri(server), range, selectionRange: range },
    },
    'callHierarchy/outgoingCalls': {
      item: { name: 'f', kind: 12, uri: uri(server), range, selectionRange: range },
    },
    'typeHierarchy/supertypes': {
      item: { name: 'f', kind: 5, uri: uri(server), range, selectionRange: range },
    },
    'typeHierarchy/subtypes': {
      item: { name: 'f', kind: 5, uri: uri(server), range, selectionRange: range },
    },
    'completionItem/resolve': { label: 'f', data: { a: 1 } },
    'codeAction/resolve': { title: 'x', data: { uri: uri(server) } },
    'codeLens/resolve': { range, data: {} },
    'inlayHint/resolve': { position, label: 'x', data: {} },
    'workspace/symbol': { query: 'f' },
    'workspaceSymbol/resolve': { name: 'f', kind: 12, location: { uri: uri(server) } },
    'workspace/executeCommand': { command: 'hotlisp.image_status', arguments: [{}] },
    'workspace/diagnostic': {},
    'textDocument/diagnostic': { textDocument },
    'no/such/method': {},
    '$/unknown': {},
    initialize: { processId: null, rootUri: null, capabilities: {} },
  };
};

const notifications = (server: RawServer, random: Random): Record<string, unknown> => ({
  'textDocument/didOpen': {
    textDocument: {
      uri: uri(server),
      languageId: 'lisp',
      version: 1,
      text: '(defun f (x)\n  (list x "é😀"))\n',
    },
  },
  'textDocument/didChange': {
    textDocument: { uri: uri(server), version: random.below(100) },
    contentChanges: [{ range, text: random.of(['(', ')', '"', '#|', '😀', '\r\n', '']) }],
  },
  'textDocument/didClose': { textDocument: { uri: uri(server) } },
  'textDocument/didSave': { textDocument: { uri: uri(server) } },
  'workspace/didChangeConfiguration': { settings: { hotlisp: { image: { mode: 'off' } } } },
  'workspace/didChangeWatchedFiles': { changes: [{ uri: uri(server), type: 2 }] },
  'workspace/didChangeWorkspaceFolders': { event: { added: [], removed: [] } },
  '$/cancelRequest': { id: random.below(50) },
  '$/setTrace': { value: 'verbose' },
  'window/workDoneProgress/cancel': { token: 'x' },
  initialized: {},
  'no/such/notification': {},
});

class RpcBout implements Bout {
  #server!: RawServer;
  #sent = 0;
  /** How many replies each id is owed, by its JSON text. */
  readonly #owed = new Map<string, number>();

  async begin(): Promise<this> {
    this.#server = new RawServer();
    this.#server.initialize();
    await this.#server.until('the reply to initialize', () => this.#server.replies.has('"initialize"'));
    this.#owed.set('"initialize"', 1);
    this.#open();
    return this;
  }

  async try(random: Random): Promise<void> {
    for (let burst = 1 + random.below(8); burst > 0; burst--) this.#message(random);
    await this.#isWell();
  }

  async close(): Promise<void> {
    const server = this.#server;
    const code = await server.end();
    if (server.violations.length > 0) throw new Error(`the server sent ${server.violations[0]}`);
    if (code !== 1 && code !== 0) throw new Error(`the server ended with ${code}: ${server.stderr}`);
  }

  #open(): void {
    const params = notifications(this.#server, {
      below: () => 1,
      of: (all: unknown[]) => all[0],
    } as unknown as Random)['textDocument/didOpen'];
    this.#server.send({ jsonrpc: '2.0', method: 'textDocument/didOpen', params });
  }

  #message(random: Random): void {
    const server = this.#server;
    const isRequest = random.chance(0.7);
    const table = isRequest ? requests(server) : notifications(server, random);
    const method = random.of(Object.keys(table));
    const params = random.chance(0.75) ? mutated(random, table[method]) : table[method];
    // The process that a client names is one whose end ends the server.
    if (method === 'initialize' && isObject(params)) params['processId'] = null;
    if (!isRequest)
      return server.send(random.chance(0.05) ? anything(random) : { jsonrpc: '2.0', method, params });
    const id: unknown = random.chance(0.1)
      ? random.of(['a', '', 'x'.repeat(1000), 7, 7, -1, 1.5, 2 ** 53, 0])
      : random.chance(0.03)
        ? random.of([null, true, [], {}])
        : ++this.#sent;
    const message = {
      jsonrpc: random.chance(0.02) ? random.of(['1.0', 2, null]) : '2.0',
      id,
      method,
      params,
    };
    if (typeof id === 'string' || typeof id === 'number')
      this.#owed.set(JSON.stringify(id), (this.#owed.get(JSON.stringify(id)) ?? 0) + 1);
    server.send(message);
    if (random.chance(0.1)) server.send({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id } });
  }

  /** Every request has its one reply, none of them an error of the server's own, and the next request is answered. */
  async #isWell(): Promise<void> {
    const server = this.#server;
    const canary = `canary ${++this.#sent}`;
    this.#owed.set(JSON.stringify(canary), 1);
    server.send({
      jsonrpc: '2.0',
      id: canary,
      method: 'workspace/executeCommand',
      params: { command: 'hotlisp.image_status' },
    });
    const short = () =>
      [...this.#owed]
        .filter(([id, count]) => (server.replies.get(id)?.length ?? 0) < count)
        .map(([id]) => id);
    let alive: boolean;
    try {
      alive = await server.until('every reply', () => short().length === 0);
    } catch {
      throw new Error(`no reply to ${short().slice(0, 5).join(', ')}; stderr: ${server.stderr}`);
    }
    if (!alive) throw new Error(`the server ended: ${server.stderr}`);
    for (const [id, count] of this.#owed) {
      const replies = server.replies.get(id)!;
      if (replies.length !== count)
        throw new Error(`${replies.length} replies to ${count} requests of id ${id}`);
      for (const reply of replies) {
        const error = reply['error'] as
          { code: number; message: string; data?: { kind?: string; stack?: string } } | undefined;
        if (error && (error.data?.kind === 'internal' || error.code === -32603))
          throw new Error(
            `an error of its own: ${error.message} ${error.data?.stack?.split('\n').slice(0, 4).join(' | ') ?? ''}`,
          );
      }
      server.replies.delete(id);
    }
    this.#owed.clear();
    if (server.violations.length > 0) throw new Error(`the server sent ${server.violations[0]}`);
    if (server.stderr !== '') throw new Error(`the server wrote to its stderr: ${server.stderr}`);
  }
}

export const rpc: Fuzzer = {
  name: 'rpc',
  about: 'JSON-RPC messages with parts replaced by anything, odd ids, unknown methods',
  short: 150,
  begin: () => new RpcBout().begin(),
};
