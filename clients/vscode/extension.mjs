// Hotlisp for VS Code: starts the server and lets vscode-languageclient do the rest.
import { commands, window, workspace, WorkspaceEdit } from 'vscode';
import { ErrorAction, LanguageClient } from 'vscode-languageclient/node';

const languages = ['lisp', 'common-lisp', 'commonlisp'];
let client;
let usualErrors;

export async function activate(context) {
  void commands.executeCommand('setContext', 'hotlisp.languages', languages);
  const [command, ...args] = workspace.getConfiguration('hotlispServer').get('command');
  client = new LanguageClient(
    'hotlisp',
    'Hotlisp',
    { command, args },
    {
      documentSelector: languages.flatMap(language =>
        ['file', 'untitled'].map(scheme => ({ scheme, language })),
      ),
      synchronize: { configurationSection: 'hotlisp' },
      errorHandler: {
        // What is written to a server that has just ended fails; that it has ended, which is noticed next, is what counts.
        error: () => ({ action: ErrorAction.Continue }),
        closed: () => (usualErrors ??= client.createDefaultErrorHandler()).closed(),
      },
      middleware: {
        // While VS Code resolves an action that was chosen, new diagnostics make it forget the action's command. One with an edit it does not resolve.
        provideCodeActions: async (document, range, context, token, next) => {
          const actions = await next(document, range, context, token);
          for (const action of actions ?? []) if (action.command) action.edit ??= new WorkspaceEdit();
          return actions;
        },
        // From the command palette there are no arguments; the outcome then comes as a message.
        executeCommand: (name, given, next) => next(name, given.length > 0 ? given : [{ background: true }]),
      },
    },
  );
  context.subscriptions.push({ dispose: () => client?.stop() });
  try {
    await client.start();
  } catch (error) {
    void window.showErrorMessage(
      `Hotlisp could not be started by ${[command, ...args].join(' ')}: ${error.message}. Set hotlispServer.command, or try "hotlisp doctor" in a shell.`,
    );
  }
}

export async function deactivate() {
  await client?.stop();
}
