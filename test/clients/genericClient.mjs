// An extension as the generic ones are: it starts the language server that the user's settings name, and knows nothing of it.
import { workspace } from 'vscode';
import { LanguageClient } from 'vscode-languageclient/node';

let client;

export async function activate() {
  const settings = workspace.getConfiguration('glspc.server');
  client = new LanguageClient(
    'generic',
    'Generic LSP Client',
    { command: settings.get('command'), args: settings.get('commandArguments') },
    {
      documentSelector: settings.get('languageId'),
      initializationOptions: settings.get('initializationOptions'),
    },
  );
  await client.start();
}

export async function deactivate() {
  await client?.stop();
}
