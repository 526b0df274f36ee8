/** What a client's messages must look like, checked once at the door: handlers may rely on the types that LSP gives their parameters. */
import * as z from 'zod';
import { complaint } from './complaint.ts';

const uinteger = z.number().int().min(0).max(2_147_483_647);
const uri = z.string();
const position = z.object({ line: uinteger, character: uinteger });
const range = z.object({ start: position, end: position });
const textDocument = z.object({ uri });
const inDocument = z.object({ textDocument });
const atPosition = z.object({ textDocument, position });
const inRange = z.object({ textDocument, range });
const item = z.object({ item: z.object({ name: z.string(), uri, range, selectionRange: range }) });
const options = z.object({ tabSize: uinteger, insertSpaces: z.boolean() });
const label = z.union([z.string(), z.array(z.object({ value: z.string() }))]);
const files = z.object({ files: z.array(z.object({ uri })) });
const folders = z.array(z.object({ uri, name: z.string().optional() }));

/** By method; only what LSP requires and what a handler reads. */
const schemas: Readonly<Record<string, z.ZodType>> = {
  initialize: z.object({
    capabilities: z.record(z.string(), z.unknown()),
    clientInfo: z.object({ name: z.string(), version: z.string().nullish() }).nullish(),
    rootUri: uri.nullish(),
    workspaceFolders: folders.nullish(),
    processId: z.number().int().nullish(),
  }),
  'textDocument/didOpen': z.object({
    textDocument: z.object({ uri, version: z.number().int(), text: z.string() }),
  }),
  'textDocument/didChange': z.object({
    textDocument: z.object({ uri, version: z.number().int() }),
    contentChanges: z.array(z.object({ range: range.optional(), text: z.string() })),
  }),
  'textDocument/didClose': inDocument,
  'textDocument/didSave': inDocument,
  'textDocument/documentSymbol': inDocument,
  'textDocument/foldingRange': inDocument,
  'textDocument/codeLens': inDocument,
  'textDocument/documentLink': inDocument,
  'textDocument/diagnostic': inDocument,
  'textDocument/semanticTokens/full': inDocument,
  'textDocument/semanticTokens/full/delta': z.object({ textDocument, previousResultId: z.string() }),
  'textDocument/semanticTokens/range': inRange,
  'textDocument/inlayHint': inRange,
  'textDocument/selectionRange': z.object({ textDocument, positions: z.array(position) }),
  'textDocument/codeAction': z.object({
    textDocument,
    range,
    context: z.object({
      diagnostics: z.array(z.object({ range, message: z.string() })),
      only: z.array(z.string()).nullish(),
    }),
  }),
  'textDocument/hover': atPosition,
  'textDocument/completion': atPosition,
  'textDocument/signatureHelp': atPosition,
  'textDocument/definition': atPosition,
  'textDocument/declaration': atPosition,
  'textDocument/typeDefinition': atPosition,
  'textDocument/implementation': atPosition,
  'textDocument/references': z.object({
    textDocument,
    position,
    context: z.object({ includeDeclaration: z.boolean() }),
  }),
  'textDocument/documentHighlight': atPosition,
  'textDocument/linkedEditingRange': atPosition,
  'textDocument/prepareRename': atPosition,
  'textDocument/rename': z.object({ textDocument, position, newName: z.string() }),
  'textDocument/prepareCallHierarchy': atPosition,
  'textDocument/prepareTypeHierarchy': atPosition,
  'callHierarchy/incomingCalls': item,
  'callHierarchy/outgoingCalls': item,
  'typeHierarchy/supertypes': item,
  'typeHierarchy/subtypes': item,
  'textDocument/formatting': z.object({ textDocument, options }),
  'textDocument/rangeFormatting': z.object({ textDocument, range, options }),
  'textDocument/onTypeFormatting': z.object({ textDocument, position, ch: z.string(), options }),
  'completionItem/resolve': z.object({ label: z.string() }),
  'codeAction/resolve': z.object({ title: z.string() }),
  'codeLens/resolve': z.object({ range }),
  'documentLink/resolve': z.object({ range, target: z.string().nullish() }),
  'inlayHint/resolve': z.object({ position, label }),
  'workspace/symbol': z.object({ query: z.string() }),
  'workspace/executeCommand': z.object({
    command: z.string(),
    arguments: z.array(z.unknown()).nullish(),
  }),
  'workspace/didChangeConfiguration': z.object({ settings: z.unknown() }),
  'workspace/didChangeWorkspaceFolders': z.object({
    event: z.object({ added: folders, removed: folders }),
  }),
  'workspace/didChangeWatchedFiles': z.object({
    changes: z.array(z.object({ uri, type: z.number().int() })),
  }),
  'workspace/didCreateFiles': files,
  'workspace/didDeleteFiles': files,
  'workspace/didRenameFiles': z.object({ files: z.array(z.object({ oldUri: uri, newUri: uri })) }),
  '$/cancelRequest': z.object({ id: z.union([z.string(), z.number()]) }),
  'window/workDoneProgress/cancel': z.object({ token: z.union([z.string(), z.number()]) }),
};

export interface Refused {
  /** The request's id; null where it has none that a reply could go to. */
  readonly id: string | number | null;
  /** Whether anybody waits for a reply. */
  readonly isRequest: boolean;
  readonly code: 'ParseError' | 'InvalidRequest' | 'InvalidParams' | 'ServerNotInitialized';
  readonly message: string;
  /** Dotted path of the offending key; "" for the whole. */
  readonly path: string;
}

/** Why a message of the client cannot be taken; undefined when it can, or when it is a reply. */
export function refusalOf(message: unknown): Refused | undefined {
  if (typeof message !== 'object' || message === null || Array.isArray(message))
    return invalidRequest('A message is one JSON object; batches are not part of LSP.');
  const { method, id, params } = message as { method?: unknown; id?: unknown; params?: unknown };
  if (method === undefined)
    return isId(id) && ('result' in message || 'error' in message)
      ? undefined
      : invalidRequest('A message without a method is a reply: it has an id, and a result or an error.');
  if (typeof method !== 'string') return invalidRequest('method must be a string.');
  if (id !== undefined && !isId(id)) return invalidRequest('id must be a string or a number.');
  const problem = problemOf(method, params);
  return problem && { id: id ?? null, isRequest: id !== undefined, code: 'InvalidParams', ...problem };
}

const isId = (id: unknown): id is string | number => typeof id === 'string' || typeof id === 'number';

const invalidRequest = (message: string): Refused => ({
  id: null,
  isRequest: true,
  code: 'InvalidRequest',
  message,
  path: '',
});

function problemOf(method: string, params: unknown): { message: string; path: string } | undefined {
  const schema = Object.hasOwn(schemas, method) ? schemas[method] : undefined;
  const issue = schema?.safeParse(params).error?.issues[0];
  if (!issue) return undefined;
  const path = issue.path.map(String).join('.');
  return {
    message: `${method}: ${path === '' ? 'params' : `params.${path}`} ${complaint(issue, params)}.`,
    path,
  };
}
