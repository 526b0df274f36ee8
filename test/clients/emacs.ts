/** A batch Emacs in which the person of person.el goes through a scenario. */
import path from 'node:path';
import { repository } from '../support/lspClient.ts';
import type { Surroundings } from './mainJob.ts';
import { ScriptedEditor } from './steps.ts';

const script = (name: string) => path.join(repository, `test/clients/${name}.el`);

export function startEmacs(
  program: string,
  surroundings: Surroundings,
  args: readonly string[],
  client: 'eglot' | 'lsp-mode',
  scenario: 'main-job' | 'two-editors' = 'main-job',
): ScriptedEditor {
  const { app, home, environment } = surroundings;
  const editor = new ScriptedEditor(
    'Emacs',
    home,
    program,
    ['--batch', ...args, ...[client, scenario].flatMap(each => ['-l', script(each)]), '-f', 'run-scenario'],
    { cwd: app.root, env: { ...environment, HOTLISP_CLIENTS: path.join(repository, 'clients') } },
  );
  surroundings.editors.push(editor);
  return editor;
}

/** Debian 12's own Emacs, or the one that HOTLISP_TEST_EMACS28 names. */
export const emacs28 = process.env['HOTLISP_TEST_EMACS28'] ?? 'emacs';
