/**
 * What is offered and answered, cut to what a client declared: the protocol allows some shapes only to clients that know them.
 */
import { shownName } from '../display.ts';
import { legendFor } from '../features/semanticTokens.ts';
import type {
  ClientCapabilities,
  CodeAction,
  Command,
  SemanticTokensClientCapabilities,
  ServerCapabilities,
} from 'vscode-languageserver/node';

/** The capabilities to answer `initialize` with: objects only where the client knows them (LSP 3.17, CodeActionOptions and RenameOptions). */
export function suitedCapabilities(
  offered: ServerCapabilities,
  { textDocument }: ClientCapabilities,
): ServerCapabilities {
  const { codeActionProvider, renameProvider, semanticTokensProvider, ...rest } = offered;
  const semanticTokens = suitedTokens(semanticTokensProvider, textDocument?.semanticTokens);
  return {
    ...rest,
    ...(codeActionProvider && { codeActionProvider }),
    ...(renameProvider && { renameProvider }),
    ...(semanticTokens && { semanticTokensProvider: semanticTokens }),
    ...(codeActionProvider &&
      !textDocument?.codeAction?.codeActionLiteralSupport && { codeActionProvider: true }),
    ...(renameProvider && !textDocument?.rename?.prepareSupport && { renameProvider: true }),
  };
}

/** Tokens of the types that the client knows; all for a client that says nothing of them: it asks for none, or takes what it gets. */
function suitedTokens(
  offered: ServerCapabilities['semanticTokensProvider'],
  declared: Partial<SemanticTokensClientCapabilities> | undefined,
): ServerCapabilities['semanticTokensProvider'] {
  if (!offered) return undefined;
  const { full, range } = declared?.requests ?? { full: { delta: true }, range: true };
  const delta = typeof full === 'object' && full.delta === true;
  const { tokenTypes, tokenModifiers } = legendFor(declared);
  const legend = { tokenTypes: [...tokenTypes], tokenModifiers: [...tokenModifiers] };
  return { legend, range: Boolean(range), full: full ? { delta } : false };
}

/** The actions as the client takes them; without literals there are commands only, so that an action that is an edit is left out. */
export function suitedActions(
  actions: readonly CodeAction[],
  { textDocument }: ClientCapabilities,
): (CodeAction | Command)[] {
  const declared = textDocument?.codeAction;
  if (!declared?.codeActionLiteralSupport)
    return actions.flatMap(({ title, command, edit, disabled }) =>
      command && !edit && !disabled ? [{ ...command, title: shownName(title) }] : [],
    );
  const resolves = declared.dataSupport && declared.resolveSupport?.properties.includes('edit');
  return actions.flatMap(({ isPreferred, disabled, data, command, ...action }) => {
    // What cannot be run, and what would have to be asked for, is nothing to a client that does not know of such.
    if (disabled && !declared.disabledSupport) return [];
    if (!action.edit && !command && !disabled && !resolves) return [];
    return [
      {
        ...action,
        title: shownName(action.title),
        ...(command && { command: { ...command, title: shownName(command.title) } }),
        ...(isPreferred !== undefined && declared.isPreferredSupport && { isPreferred }),
        ...(disabled && { disabled }),
        ...(data !== undefined && declared.dataSupport && { data: data as unknown }),
      },
    ];
  });
}
