/** What the READMEs of the clients tell their users to write. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { repository } from '../support/lspClient.ts';

/** The block of code in clients/EDITOR/README.md that has `line` in it. */
export function readmeLines(editor: 'emacs' | 'helix' | 'neovim' | 'vscode', line: string): string {
  const readme = readFileSync(path.join(repository, 'clients', editor, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/^( *)```\w*\n([^]*?)^\1```/gm)].map(([, , code]) => code!);
  const found = blocks.find(code => code.includes(line));
  if (found === undefined) throw new Error(`clients/${editor}/README.md has no lines with ${line}`);
  return found;
}
