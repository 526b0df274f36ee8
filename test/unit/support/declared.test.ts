/** The watch over undeclared messages, itself: each thing that a server may do wrong is found, and what is right is not. */
import { describe, expect, it } from 'vitest';
import { Declared } from '../../support/declared.ts';
import type { Message } from '../../support/jsonRpc.ts';

type Traffic = readonly ['sent' | 'received', Omit<Message, 'jsonrpc'>][];

function problems(capabilities: object, traffic: Traffic): string[] {
  const found: string[] = [];
  const declared = new Declared(problem => found.push(problem));
  declared.traffic('sent', { jsonrpc: '2.0', id: 1, method: 'initialize', params: { capabilities } });
  for (const [direction, message] of traffic) declared.traffic(direction, { jsonrpc: '2.0', ...message });
  return found;
}

const request = (method: string, params: unknown = {}): Traffic => [
  ['received', { id: 100, method, params }],
];
const reply = (method: string, result: unknown, params: unknown = {}): Traffic => [
  ['sent', { id: 2, method, params }],
  ['received', { id: 2, result }],
];
const progress = (token: unknown, kind: string): Traffic => [
  ['received', { method: '$/progress', params: { token, value: { kind } } }],
];
const nested = (path: string): object =>
  path.split('.').reduceRight<object | true>((inner, key) => ({ [key]: inner }), true) as object;

describe('what was not declared is found, and is nothing to say when it was', () => {
  it.each<[capability: string, Traffic]>([
    ['window.showDocument.support', request('window/showDocument')],
    ['window.workDoneProgress', request('window/workDoneProgress/create', { token: 1 })],
    ['workspace.configuration', request('workspace/configuration')],
    ['workspace.workspaceFolders', request('workspace/workspaceFolders')],
    ['workspace.codeLens.refreshSupport', request('workspace/codeLens/refresh')],
    ['workspace.diagnostics.refreshSupport', request('workspace/diagnostic/refresh')],
    [
      'workspace.didChangeWatchedFiles.dynamicRegistration',
      request('client/registerCapability', {
        registrations: [{ method: 'workspace/didChangeWatchedFiles' }],
      }),
    ],
    [
      'textDocument.callHierarchy.dynamicRegistration',
      request('client/registerCapability', {
        registrations: [{ method: 'textDocument/prepareCallHierarchy' }],
      }),
    ],
    ['workspace.workspaceEdit.documentChanges', reply('textDocument/rename', { documentChanges: [] })],
    ['textDocument.rename.prepareSupport', reply('textDocument/prepareRename', {})],
    [
      'textDocument.codeAction.codeActionLiteralSupport',
      reply('textDocument/codeAction', [{ title: 'a', kind: 'quickfix', edit: {} }]),
    ],
    [
      'textDocument.completion.completionItem.snippetSupport',
      reply('textDocument/completion', { items: [{ label: 'a', insertTextFormat: 2 }] }),
    ],
    [
      'textDocument.documentSymbol.hierarchicalDocumentSymbolSupport',
      reply('textDocument/documentSymbol', [{ name: 'a', selectionRange: {} }]),
    ],
    ['textDocument.definition.linkSupport', reply('textDocument/definition', [{ targetUri: 'file:///a' }])],
    [
      'textDocument.signatureHelp.signatureInformation.parameterInformation.labelOffsetSupport',
      reply('textDocument/signatureHelp', { signatures: [{ parameters: [{ label: [0, 1] }] }] }),
    ],
    [
      'textDocument.publishDiagnostics.relatedInformation',
      [
        [
          'received',
          {
            method: 'textDocument/publishDiagnostics',
            params: { diagnostics: [{ message: 'a', relatedInformation: [] }] },
          },
        ],
      ],
    ],
  ])('%s', (capability, traffic) => {
    expect(problems({}, traffic)).toEqual([expect.stringContaining('did not declare')]);
    expect(problems(nested(capability), traffic)).toEqual([]);
  });

  it('markdown, by the formats that the client names', () => {
    const hover = reply('textDocument/hover', { contents: { kind: 'markdown', value: '*a*' } });
    expect(problems({}, hover)).toHaveLength(1);
    expect(problems({ textDocument: { hover: { contentFormat: ['plaintext'] } } }, hover)).toHaveLength(1);
    expect(problems({ textDocument: { hover: { contentFormat: ['markdown'] } } }, hover)).toEqual([]);
    expect(
      problems({}, reply('textDocument/hover', { contents: { kind: 'plaintext', value: 'a' } })),
    ).toEqual([]);
  });

  it('tags, by the set that the client names', () => {
    const published: Traffic = [
      [
        'received',
        { method: 'textDocument/publishDiagnostics', params: { diagnostics: [{ message: 'a', tags: [1] }] } },
      ],
    ];
    const tagSupport = (valueSet: number[]) => ({
      textDocument: { publishDiagnostics: { tagSupport: { valueSet } } },
    });
    expect(problems(tagSupport([2]), published)).toHaveLength(1);
    expect(problems(tagSupport([1, 2]), published)).toEqual([]);
  });

  it('edits without versions, to a client that takes them', () => {
    const edit = request('workspace/applyEdit', { edit: { changes: {} } });
    expect(problems({ workspace: { applyEdit: true } }, edit)).toEqual([]);
    expect(
      problems({ workspace: { applyEdit: true, workspaceEdit: { documentChanges: true } } }, edit),
    ).toHaveLength(1);
  });

  it('methods that no client knows', () => {
    expect(problems({}, request('hotlisp/ask'))).toHaveLength(1);
    expect(problems({}, [['received', { method: 'hotlisp/tell' }]])).toHaveLength(1);
  });
});

describe('a progress', () => {
  const window = { window: { workDoneProgress: true } };
  const created = request('window/workDoneProgress/create', { token: 't' });

  it('begins, reports and ends on a token that was made', () => {
    const whole = [
      ...created,
      ...progress('t', 'begin'),
      ...progress('t', 'report'),
      ...progress('t', 'end'),
    ];
    expect(problems(window, whole)).toEqual([]);
    const ofRequest: Traffic = [['sent', { id: 2, method: 'm', params: { workDoneToken: 7 } }]];
    expect(problems({}, [...ofRequest, ...progress(7, 'begin'), ...progress(7, 'end')])).toEqual([]);
  });

  it('is wrong without a token, on one that was refused, before its begin and after its end', () => {
    expect(problems(window, progress('t', 'begin'))).toHaveLength(1);
    const refused: Traffic = [['sent', { id: 100, error: { code: -32601, message: 'no' } }]];
    expect(problems(window, [...created, ...refused, ...progress('t', 'begin')])).toHaveLength(1);
    expect(problems(window, [...created, ...progress('t', 'report')])).toHaveLength(1);
    const ended = [...created, ...progress('t', 'begin'), ...progress('t', 'end')];
    expect(problems(window, [...ended, ...progress('t', 'report')])).toHaveLength(1);
  });
});

describe('a prompt', () => {
  const prompt = (message: string, ...titles: string[]) =>
    request('window/showMessageRequest', { message, actions: titles.map(title => ({ title })) });

  it('has one line, and a few short titles that differ', () => {
    expect(problems({}, prompt('Reload f?', 'Deny', 'Approve'))).toEqual([]);
    expect(problems({}, prompt('Reload\nf?', 'Deny'))).toHaveLength(1);
    expect(problems({}, prompt('Reload f?', 'Deny', 'Deny'))).toHaveLength(1);
    expect(problems({}, prompt('Reload f?', 'a', 'b', 'c', 'd', 'e'))).toHaveLength(1);
  });
});
