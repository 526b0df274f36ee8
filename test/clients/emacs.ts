/** A batch Emacs that runs one of the scripts beside this file. */
import path from 'node:path';
import { repository } from '../support/lspClient.ts';
import type { Surroundings } from './mainJob.ts';
import { ScriptedEditor } from './steps.ts';

export function startEmacs(
  program: string,
  surroundings: Surroundings,
  args: readonly string[],
  script: 'eglot.el' | 'lsp-mode.el',
): ScriptedEditor {
  const { app, home, environment } = surroundings;
  return (surroundings.editor = new ScriptedEditor(
    'Emacs',
    home,
    program,
    ['--batch', ...args, '-l', path.join(repository, 'test/clients', script)],
    { cwd: app.root, env: { ...environment, HOTLISP_CLIENTS: path.join(repository, 'clients') } },
  ));
}

/** Debian 12's own Emacs, or the one that HOTLISP_TEST_EMACS28 names. */
export const emacs28 = process.env['HOTLISP_TEST_EMACS28'] ?? 'emacs';
