import { describe, expect, it } from 'vitest';
import type { ClientCapabilities, CodeAction } from 'vscode-languageserver/node';
import { suitedActions, suitedCapabilities } from '../../../server/language/suited.ts';

const command = { title: 'Reload f', command: 'hotlisp.reload_form', arguments: [{ background: true }] };
const reload: CodeAction = { title: 'Reload f', kind: 'hotlisp.reload', command };
const fix: CodeAction = { title: 'Insert )', kind: 'quickfix', isPreferred: true, edit: { changes: {} } };
const lazy: CodeAction = { title: 'Extract', kind: 'refactor.extract', data: { n: 1 } };
const disabled: CodeAction = { title: 'Inline', kind: 'refactor.inline', disabled: { reason: 'a macro' } };
const all = [reload, fix, lazy, disabled];

const client = (codeAction: object): ClientCapabilities => ({
  textDocument: {
    codeAction: { codeActionLiteralSupport: { codeActionKind: { valueSet: [] } }, ...codeAction },
  },
});

describe('code actions', () => {
  it('are commands for a client without literals, and what is no command is left out', () => {
    expect(suitedActions(all, {})).toEqual([command]);
  });

  it('have only the properties that the client declared', () => {
    const { isPreferred: _, ...plain } = fix;
    expect(suitedActions(all, client({}))).toEqual([reload, plain]);
    expect(suitedActions(all, client({ isPreferredSupport: true, disabledSupport: true }))).toEqual([
      reload,
      fix,
      disabled,
    ]);
  });

  it('are resolved later where the client can do that, with data', () => {
    const resolveSupport = { properties: ['edit'] };
    expect(suitedActions([lazy], client({ resolveSupport }))).toEqual([]);
    expect(suitedActions([lazy], client({ resolveSupport, dataSupport: true }))).toEqual([lazy]);
  });
});

describe('capabilities', () => {
  const offered = {
    codeActionProvider: { codeActionKinds: ['quickfix'] },
    renameProvider: { prepareProvider: true },
    hoverProvider: true,
  };

  it('have options only for a client that knows them', () => {
    expect(suitedCapabilities(offered, {})).toEqual({
      codeActionProvider: true,
      renameProvider: true,
      hoverProvider: true,
    });
    const { textDocument } = client({});
    expect(
      suitedCapabilities(offered, { textDocument: { ...textDocument, rename: { prepareSupport: true } } }),
    ).toEqual(offered);
  });

  it('never offer what was not there', () => {
    expect(suitedCapabilities({}, {})).toEqual({});
  });
});
