/**
 * What a reply of the server may contain, given the capabilities that a client declared (LSP 3.17). Each check answers the
 * problems that it found; none means that the client was sent nothing that it did not declare.
 */
import { isObject } from './jsonRpc.ts';

type Json = Record<string, unknown>;

/** The value under a path of keys; undefined where there is none. */
export const at = (value: unknown, ...keys: string[]): unknown =>
  keys.reduce<unknown>((inner, key) => (isObject(inner) ? inner[key] : undefined), value);

const objects = (value: unknown): Json[] =>
  (Array.isArray(value) ? value : value === null || value === undefined ? [] : [value]).filter(isObject);

const strings = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** One set of a client's capabilities, to hold what a server sends against. */
export class Shapes {
  constructor(private readonly capabilities: unknown) {}

  #has(...keys: string[]): boolean {
    return at(this.capabilities, ...keys) === true;
  }

  #list(...keys: string[]): readonly unknown[] {
    return strings(at(this.capabilities, ...keys));
  }

  /** The problems of a reply. `params` are those of the request. */
  reply(method: string, params: unknown, result: unknown): string[] {
    switch (method) {
      case 'initialize':
        return this.#initialized(at(result, 'capabilities'));
      case 'textDocument/codeAction':
        return objects(result).flatMap(action => this.#codeAction(action));
      case 'codeAction/resolve':
        return this.#codeAction(result as Json);
      case 'textDocument/completion':
        return this.#completion(result);
      case 'completionItem/resolve':
        return this.#completionItem(result as Json);
      case 'textDocument/hover':
        return this.#markup(
          at(result, 'contents'),
          'hover',
          this.#list('textDocument', 'hover', 'contentFormat'),
        );
      case 'textDocument/signatureHelp':
        return this.#signatureHelp(result);
      case 'textDocument/documentSymbol':
        return this.#documentSymbols(objects(result));
      case 'workspace/symbol':
        return objects(result).flatMap(symbol => [
          ...this.#unless(
            at(symbol, 'location', 'range') === undefined,
            this.#list('workspace', 'symbol', 'resolveSupport', 'properties').includes('location.range'),
            'a workspace symbol without range',
          ),
          ...this.#tags(symbol, ['workspace', 'symbol']),
        ]);
      case 'textDocument/rename':
        return this.edit(result);
      case 'textDocument/prepareRename':
        return [
          ...this.#unless(true, this.#has('textDocument', 'rename', 'prepareSupport'), 'prepareRename'),
          ...this.#unless(
            at(result, 'defaultBehavior') !== undefined,
            at(this.capabilities, 'textDocument', 'rename', 'prepareSupportDefaultBehavior') !== undefined,
            'defaultBehavior',
          ),
        ];
      case 'textDocument/foldingRange':
        return this.#foldingRanges(objects(result));
      case 'textDocument/definition':
      case 'textDocument/declaration':
      case 'textDocument/typeDefinition':
      case 'textDocument/implementation':
        return this.#unless(
          objects(result).some(each => 'targetUri' in each),
          this.#has('textDocument', method.replace('textDocument/', ''), 'linkSupport'),
          `a LocationLink of ${method}`,
        );
      case 'textDocument/diagnostic':
        return [
          ...objects(at(result, 'items')).flatMap(each => this.diagnostic(each, 'diagnostic')),
          ...this.#unless(
            at(result, 'relatedDocuments') !== undefined,
            this.#has('textDocument', 'diagnostic', 'relatedDocumentSupport'),
            'diagnostics of related documents',
          ),
        ];
      case 'textDocument/semanticTokens/full/delta':
        return this.#unless(
          true,
          // Who says nothing of tokens and asks for them knows what they are.
          this.#has('textDocument', 'semanticTokens', 'requests', 'full', 'delta') ||
            !this.#has('textDocument', 'semanticTokens') ||
            params === undefined,
          'a delta of semantic tokens',
        );
      case 'textDocument/prepareCallHierarchy':
      case 'textDocument/prepareTypeHierarchy':
        return objects(result).flatMap(each =>
          this.#tags(each, ['textDocument', method.includes('Call') ? 'callHierarchy' : 'typeHierarchy']),
        );
      default:
        return [];
    }
  }

  #unless(sent: boolean, declared: boolean, what: string): string[] {
    return sent && !declared ? [`${what}, which this client did not declare`] : [];
  }

  #initialized(offered: unknown): string[] {
    const encoding = at(offered, 'positionEncoding');
    const encodings = ['utf-16', ...this.#list('general', 'positionEncodings')];
    return [
      ...this.#unless(
        encoding !== undefined,
        encodings.includes(encoding),
        `the position encoding ${String(encoding)}`,
      ),
      ...this.#unless(
        isObject(at(offered, 'codeActionProvider')),
        at(this.capabilities, 'textDocument', 'codeAction', 'codeActionLiteralSupport') !== undefined,
        'options of codeActionProvider',
      ),
      ...this.#unless(
        isObject(at(offered, 'renameProvider')),
        this.#has('textDocument', 'rename', 'prepareSupport'),
        'options of renameProvider',
      ),
    ];
  }

  /** A Diagnostic, published or pulled. */
  diagnostic(
    diagnostic: Json,
    feature: 'publishDiagnostics' | 'diagnostic' = 'publishDiagnostics',
  ): string[] {
    const declared = ['textDocument', feature];
    return [
      ...this.#tags(diagnostic, declared),
      ...this.#unless(
        diagnostic['relatedInformation'] !== undefined,
        this.#has(...declared, 'relatedInformation'),
        'relatedInformation of a diagnostic',
      ),
      ...this.#unless(
        diagnostic['codeDescription'] !== undefined,
        this.#has(...declared, 'codeDescriptionSupport'),
        'codeDescription of a diagnostic',
      ),
      ...this.#unless(
        diagnostic['data'] !== undefined,
        this.#has(...declared, 'dataSupport'),
        'data of a diagnostic',
      ),
    ];
  }

  /** A WorkspaceEdit, wherever it is sent. */
  edit(edit: unknown): string[] {
    if (!isObject(edit)) return [];
    const declared = ['workspace', 'workspaceEdit'];
    const changes = objects(edit['documentChanges'] ?? []);
    const operations = changes.filter(each => typeof each['kind'] === 'string');
    const edits = [
      ...changes.flatMap(each => objects(each['edits'] ?? [])),
      ...Object.values((edit['changes'] ?? {}) as Json).flatMap(objects),
    ];
    return [
      ...this.#unless(
        edit['documentChanges'] !== undefined,
        this.#has(...declared, 'documentChanges'),
        'an edit with documentChanges',
      ),
      ...operations.flatMap(({ kind }) =>
        this.#unless(
          true,
          this.#list(...declared, 'resourceOperations').includes(kind),
          `the resource operation ${String(kind)}`,
        ),
      ),
      ...this.#unless(
        edit['changeAnnotations'] !== undefined || edits.some(each => 'annotationId' in each),
        at(this.capabilities, ...declared, 'changeAnnotationSupport') !== undefined,
        'change annotations',
      ),
      ...this.#unless(
        edits.some(each => 'snippet' in each),
        this.#has(...declared, 'snippetEditSupport'),
        'a snippet in an edit',
      ),
    ];
  }

  #codeAction(action: Json): string[] {
    const declared = ['textDocument', 'codeAction'];
    // A Command: {title, command: string, arguments?}.
    if (typeof action['command'] === 'string') return [];
    const title = String(action['title']);
    const resolved = this.#list(...declared, 'resolveSupport', 'properties');
    const lazy = ['edit', 'command'].every(key => action[key] === undefined) && !action['disabled'];
    return [
      ...this.#unless(
        true,
        at(this.capabilities, ...declared, 'codeActionLiteralSupport') !== undefined,
        `the code action literal ${title}`,
      ),
      ...this.#unless(
        action['isPreferred'] !== undefined,
        this.#has(...declared, 'isPreferredSupport'),
        `isPreferred of ${title}`,
      ),
      ...this.#unless(
        action['disabled'] !== undefined,
        this.#has(...declared, 'disabledSupport'),
        `the disabled action ${title}`,
      ),
      ...this.#unless(
        action['data'] !== undefined,
        this.#has(...declared, 'dataSupport'),
        `data of ${title}`,
      ),
      ...this.#unless(
        lazy,
        this.#has(...declared, 'dataSupport') && resolved.includes('edit'),
        `${title}, which has neither edit nor command`,
      ),
      ...this.#tags(action, declared),
      ...this.edit(action['edit']),
    ];
  }

  #completion(result: unknown): string[] {
    const items = Array.isArray(result) ? objects(result) : objects(at(result, 'items') ?? []);
    const defaults = Object.keys(at(result, 'itemDefaults') ?? {});
    const declared = this.#list('textDocument', 'completion', 'completionList', 'itemDefaults');
    return [
      ...defaults.flatMap(name =>
        this.#unless(true, declared.includes(name), `itemDefaults.${name} of a completion list`),
      ),
      ...this.#snippet(at(result, 'itemDefaults', 'insertTextFormat'), 'itemDefaults'),
      ...items.flatMap(item => this.#completionItem(item)),
    ];
  }

  #snippet(format: unknown, label: string): string[] {
    return this.#unless(
      format === 2,
      this.#has('textDocument', 'completion', 'completionItem', 'snippetSupport'),
      `the snippet ${label}`,
    );
  }

  #completionItem(item: Json): string[] {
    const declared = ['textDocument', 'completion', 'completionItem'];
    const label = String(item['label']);
    const optional: readonly [key: string, sent: boolean, declared: boolean][] = [
      ['labelDetails', item['labelDetails'] !== undefined, this.#has(...declared, 'labelDetailsSupport')],
      ['deprecated', item['deprecated'] !== undefined, this.#has(...declared, 'deprecatedSupport')],
      ['preselect', item['preselect'] !== undefined, this.#has(...declared, 'preselectSupport')],
      [
        'commitCharacters',
        item['commitCharacters'] !== undefined,
        this.#has(...declared, 'commitCharactersSupport'),
      ],
      [
        'insertTextMode',
        item['insertTextMode'] !== undefined,
        at(this.capabilities, ...declared, 'insertTextModeSupport') !== undefined,
      ],
      [
        'an edit that inserts or replaces',
        at(item, 'textEdit', 'insert') !== undefined,
        this.#has(...declared, 'insertReplaceSupport'),
      ],
    ];
    return [
      ...this.#snippet(item['insertTextFormat'], label),
      ...optional.flatMap(([key, sent, has]) => this.#unless(sent, has, `${key} of the completion ${label}`)),
      ...this.#tags(item, declared),
      ...this.#markup(item['documentation'], label, this.#list(...declared, 'documentationFormat')),
    ];
  }

  #signatureHelp(result: unknown): string[] {
    const declared = ['textDocument', 'signatureHelp', 'signatureInformation'];
    const formats = this.#list(...declared, 'documentationFormat');
    return objects(at(result, 'signatures') ?? []).flatMap(signature => [
      ...this.#markup(signature['documentation'], 'a signature', formats),
      ...this.#unless(
        signature['activeParameter'] !== undefined,
        this.#has(...declared, 'activeParameterSupport'),
        'activeParameter of a signature',
      ),
      ...objects(signature['parameters'] ?? []).flatMap(parameter => [
        ...this.#markup(parameter['documentation'], 'a parameter', formats),
        ...this.#unless(
          Array.isArray(parameter['label']),
          this.#has(...declared, 'parameterInformation', 'labelOffsetSupport'),
          "offsets as a parameter's label",
        ),
      ]),
    ]);
  }

  #documentSymbols(symbols: readonly Json[]): string[] {
    const declared = ['textDocument', 'documentSymbol'];
    return symbols.flatMap(symbol => [
      ...this.#unless(
        'selectionRange' in symbol,
        this.#has(...declared, 'hierarchicalDocumentSymbolSupport'),
        'a DocumentSymbol',
      ),
      ...this.#tags(symbol, declared),
      ...this.#documentSymbols(objects(symbol['children'] ?? [])),
    ]);
  }

  #foldingRanges(ranges: readonly Json[]): string[] {
    const declared = ['textDocument', 'foldingRange'];
    const limit = at(this.capabilities, ...declared, 'rangeLimit');
    return [
      ...(typeof limit === 'number' && ranges.length > limit
        ? [`${ranges.length} folding ranges where the client wants ${limit} at most`]
        : []),
      ...this.#unless(
        ranges.some(each => each['collapsedText'] !== undefined),
        this.#has(...declared, 'foldingRange', 'collapsedText'),
        'collapsedText of a folding range',
      ),
    ];
  }

  /** Markdown goes only to a client that names it: text without a kind, and MarkedString, count as what they are rendered as. */
  #markup(content: unknown, what: string, formats: readonly unknown[]): string[] {
    const kinds = (Array.isArray(content) ? content : [content])
      .filter(isObject)
      .map(each => (typeof each['kind'] === 'string' ? each['kind'] : 'markdown'));
    return kinds.flatMap(kind =>
      this.#unless(true, kind === 'plaintext' || formats.includes(kind), `${kind} in ${what}`),
    );
  }

  #tags(value: Json, declared: readonly string[]): string[] {
    const known = this.#list(...declared, 'tagSupport', 'valueSet');
    return strings(value['tags']).flatMap(tag =>
      this.#unless(true, known.includes(tag), `the tag ${String(tag)} for ${declared.join('.')}`),
    );
  }
}
