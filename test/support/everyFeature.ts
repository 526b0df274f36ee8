/**
 * Asks a server for everything that it offers, at many places, as an editor would in a day: whoever watches the traffic then
 * has seen each feature's replies. A provider that is offered and not known here is an error, so that none is forgotten.
 */
import type { Editor, TextDocument } from './lspClient.ts';
import { isObject, RpcError } from './jsonRpc.ts';
import type { Position } from './lspTypes.ts';

type Reply = unknown;
type Ask = (method: string, params: object) => Promise<Reply>;

interface Place {
  readonly ask: Ask;
  readonly textDocument: { readonly uri: string };
  readonly position: Position;
  readonly range: { readonly start: Position; readonly end: Position };
  /** What the server said of this provider. */
  readonly options: unknown;
}

const list = (reply: Reply): Record<string, unknown>[] =>
  (Array.isArray(reply)
    ? reply
    : isObject(reply) && Array.isArray(reply['items'])
      ? reply['items']
      : []
  ).filter(isObject);

const has = (options: unknown, key: string) => isObject(options) && Boolean(options[key]);

const formatting = { options: { tabSize: 2, insertSpaces: true } };

/** Asks `method`, and what hangs on the replies: `resolve` for each of the first ones. */
const andResolve =
  (method: string, resolve: string, params: (place: Place) => object) =>
  async (place: Place): Promise<void> => {
    const items = list(await place.ask(method, params(place)));
    if (has(place.options, 'resolveProvider'))
      for (const item of items.slice(0, 5)) await place.ask(resolve, item);
  };

const plain =
  (method: string, params: (place: Place) => object = () => ({})) =>
  async (place: Place): Promise<void> => {
    await place.ask(method, { textDocument: place.textDocument, ...params(place) });
  };

const atPosition = (method: string, more: object = {}) =>
  plain(method, ({ position }) => ({ position, ...more }));

const hierarchy =
  (prepare: string, ...follow: string[]) =>
  async (place: Place) => {
    const { textDocument, position, ask } = place;
    const [item] = list(await ask(prepare, { textDocument, position }));
    if (item) for (const method of follow) await ask(method, { item });
  };

/** How each provider is used. */
const uses: Readonly<Record<string, (place: Place) => Promise<void>>> = {
  documentSymbolProvider: plain('textDocument/documentSymbol'),
  foldingRangeProvider: plain('textDocument/foldingRange'),
  selectionRangeProvider: plain('textDocument/selectionRange', ({ position }) => ({ positions: [position] })),
  documentLinkProvider: andResolve(
    'textDocument/documentLink',
    'documentLink/resolve',
    ({ textDocument }) => ({
      textDocument,
    }),
  ),
  colorProvider: plain('textDocument/documentColor'),
  codeActionProvider: andResolve(
    'textDocument/codeAction',
    'codeAction/resolve',
    ({ textDocument, range }) => ({
      textDocument,
      range,
      context: { diagnostics: [] },
    }),
  ),
  codeLensProvider: andResolve('textDocument/codeLens', 'codeLens/resolve', ({ textDocument }) => ({
    textDocument,
  })),
  inlayHintProvider: andResolve('textDocument/inlayHint', 'inlayHint/resolve', ({ textDocument, range }) => ({
    textDocument,
    range,
  })),
  completionProvider: andResolve(
    'textDocument/completion',
    'completionItem/resolve',
    ({ textDocument, position }) => ({ textDocument, position, context: { triggerKind: 1 } }),
  ),
  workspaceSymbolProvider: async ({ ask, options }) => {
    for (const query of ['a', 'account'])
      for (const symbol of list(await ask('workspace/symbol', { query })).slice(0, 2))
        if (has(options, 'resolveProvider')) await ask('workspaceSymbol/resolve', symbol);
  },
  hoverProvider: atPosition('textDocument/hover'),
  signatureHelpProvider: atPosition('textDocument/signatureHelp'),
  declarationProvider: atPosition('textDocument/declaration'),
  definitionProvider: atPosition('textDocument/definition'),
  typeDefinitionProvider: atPosition('textDocument/typeDefinition'),
  implementationProvider: atPosition('textDocument/implementation'),
  referencesProvider: atPosition('textDocument/references', { context: { includeDeclaration: true } }),
  documentHighlightProvider: atPosition('textDocument/documentHighlight'),
  linkedEditingRangeProvider: atPosition('textDocument/linkedEditingRange'),
  monikerProvider: atPosition('textDocument/moniker'),
  renameProvider: async place => {
    if (has(place.options, 'prepareProvider')) await atPosition('textDocument/prepareRename')(place);
    await atPosition('textDocument/rename', { newName: 'renamed' })(place);
  },
  callHierarchyProvider: hierarchy(
    'textDocument/prepareCallHierarchy',
    'callHierarchy/incomingCalls',
    'callHierarchy/outgoingCalls',
  ),
  typeHierarchyProvider: hierarchy(
    'textDocument/prepareTypeHierarchy',
    'typeHierarchy/supertypes',
    'typeHierarchy/subtypes',
  ),
  documentFormattingProvider: plain('textDocument/formatting', () => formatting),
  documentRangeFormattingProvider: plain('textDocument/rangeFormatting', ({ range }) => ({
    range,
    ...formatting,
  })),
  documentOnTypeFormattingProvider: atPosition('textDocument/onTypeFormatting', { ch: '\n', ...formatting }),
  diagnosticProvider: plain('textDocument/diagnostic'),
  inlineValueProvider: plain('textDocument/inlineValue', ({ range }) => ({
    range,
    context: { frameId: 1, stoppedLocation: range },
  })),
  semanticTokensProvider: async ({ ask, textDocument, range, options }) => {
    const tokens = await ask('textDocument/semanticTokens/full', { textDocument });
    if (has(options, 'range')) await ask('textDocument/semanticTokens/range', { textDocument, range });
    const previousResultId = isObject(tokens) ? tokens['resultId'] : undefined;
    if (isObject(options) && has(options['full'], 'delta') && previousResultId !== undefined)
      await ask('textDocument/semanticTokens/full/delta', { textDocument, previousResultId });
  },
  // Commands are what the tests of operations run.
  executeCommandProvider: () => Promise.resolve(),
};

/**
 * Uses every provider at each of the places (`positionOf` texts of the document).
 * @returns the methods that were answered, with how many replies held something
 * @throws Error for a provider that is not known here, and for a reply that says that the method is unknown
 */
export async function useEveryFeature(
  editor: Editor,
  document: TextDocument,
  places: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const answered = new Map<string, number>();
  const ask: Ask = async (method, params) => {
    try {
      const reply = await editor.request(method, params);
      const empty = reply === null || (Array.isArray(reply) && reply.length === 0);
      answered.set(method, (answered.get(method) ?? 0) + (empty ? 0 : 1));
      return reply;
    } catch (error) {
      // A place where there is nothing to rename is refused as such; that is an answer.
      if (!(error instanceof RpcError) || error.code === -32601 || error.code === -32603) throw error;
      answered.set(method, answered.get(method) ?? 0);
      return null;
    }
  };
  for (const [provider, options] of Object.entries(editor.capabilities)) {
    if (!provider.endsWith('Provider') || !options) continue;
    const use = uses[provider];
    if (!use)
      throw new Error(`${provider} is offered, and test/support/everyFeature.ts does not know how to use it`);
    for (const place of places) {
      const position = document.positionOf(place);
      const range = { start: position, end: { line: position.line + 1, character: 0 } };
      await use({ ask, textDocument: { uri: document.uri }, position, range, options });
    }
  }
  return answered;
}
