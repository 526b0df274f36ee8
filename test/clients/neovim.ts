/** A headless Neovim with what clients/neovim/README.md says, word for word, and no plug-in. */
import { cpSync } from 'node:fs';
import path from 'node:path';
import { repository } from '../support/lspClient.ts';
import type { Surroundings } from './mainJob.ts';
import { ScriptedEditor } from './steps.ts';

/** @param init the lines for init.lua; the image's address in them becomes the application's */
export function startNeovim(
  program: string,
  surroundings: Surroundings,
  init: string,
  scenario: 'main-job' | 'two-editors' = 'main-job',
): ScriptedEditor {
  const { app, home, environment } = surroundings;
  home.directory('config/nvim/lsp');
  cpSync(path.join(repository, 'clients/neovim/hotlisp.lua'), home.path('config/nvim/lsp/hotlisp.lua'));
  home.write('config/nvim/init.lua', init.replace('127.0.0.1:4005', app.address));
  const editor = new ScriptedEditor(
    'Neovim',
    home,
    program,
    ['--headless', '-n', app.file, '-S', path.join(repository, `test/clients/${scenario}.lua`)],
    { cwd: app.root, env: environment },
  );
  surroundings.editors.push(editor);
  return editor;
}
