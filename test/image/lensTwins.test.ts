/** Eglot and Helix have no code lenses: whatever a lens does, a code action at its place does too. */
import { utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { sources } from '../../server/language/lenses.ts';
import { Editor, type TextDocument } from '../support/lspClient.ts';
import type { CodeAction, Position } from '../support/lspTypes.ts';

interface Command {
  readonly title: string;
  readonly command: string;
  readonly arguments?: readonly [Record<string, unknown>];
}
interface Lens {
  readonly range: { readonly start: Position };
  readonly command?: Command;
}

let editor: Editor;
afterEach(() => editor.finish());

/** Every lens of the document that has a command, resolved. */
async function lensesOf(document: TextDocument): Promise<(Lens & { readonly command: Command })[]> {
  const all = (await editor.request('textDocument/codeLens', {
    textDocument: { uri: document.uri },
  })) as Lens[];
  const resolved = await Promise.all(
    all.map(async each => (each.command ? each : ((await editor.request('codeLens/resolve', each)) as Lens))),
  );
  return resolved.filter((each): each is Lens & { command: Command } => Boolean(each.command?.command));
}

/** What a command is about: the values that tell it from others of its kind. A position is any in the form at which it is offered. */
const about = ({ arguments: args }: Command) => {
  const { symbol, definition, code } = args?.[0] ?? {};
  return { symbol, definition, code };
};

/** What another command stands for where an action can do better than a lens. */
const better: Readonly<Record<string, (action: CodeAction) => boolean>> = {
  // An action carries the edit itself.
  'hotlisp.lisp_edit_form': ({ title, edit }) => title.startsWith('Write to source file') && Boolean(edit),
  // It tells how the test went.
  'hotlisp.repl_eval': ({ command }) => command?.command === 'hotlisp.run_test',
};

async function twinsOf(document: TextDocument): Promise<string[]> {
  const seen: string[] = [];
  for (const { range, command } of await lensesOf(document)) {
    const offered = (await editor.request('textDocument/codeAction', {
      textDocument: { uri: document.uri },
      range: { start: range.start, end: range.start },
      context: { diagnostics: [] },
    })) as CodeAction[];
    const same = (action: CodeAction) =>
      action.command?.command === command.command &&
      JSON.stringify(about(action.command as Command)) === JSON.stringify(about(command));
    const twin = offered.find(each => same(each) || better[command.command]?.(each));
    expect(
      twin && `${command.title} = ${twin.title}`,
      `a code action for the lens "${command.title}" (${JSON.stringify(command)}) among ${offered.map(each => each.title).join(', ')}`,
    ).toBeDefined();
    seen.push(command.command.replace('hotlisp.', ''));
  }
  return [...new Set(seen)].sort();
}

const text = `(defpackage #:my-tests
  (:use #:common-lisp #:fiveam))

(in-package #:my-tests)

(defvar *gate* (sb-thread:make-semaphore))

(defun work ()
  (sb-thread:wait-on-semaphore *gate*)
  :old)

(defun changed (x)
  (work)
  x)

(defun patched ()
  1)

(defun deleted ()
  1)

(def-suite numbers)

(test first-one
  (changed 1))

(test second-one
  (patched))
`;

/** Enough of FiveAM for the text to be loaded. */
const fiveam = `(defpackage #:fiveam (:use #:common-lisp) (:export #:test #:run! #:def-suite))
(defmacro fiveam:test (name &body body) (declare (ignore name body)) nil)
(defmacro fiveam:def-suite (name) (declare (ignore name)) nil)
(defun fiveam:run! (what) what)
`;

describe('whatever a code lens does', () => {
  it('is done by a code action at its place, too', async () => {
    // A new source of lenses belongs into this test.
    expect(sources.map(({ name }) => name)).toEqual(['callers', 'drift', 'tests', 'threads']);
    editor = await Editor.start({
      files: { 'fiveam.lisp': fiveam, 'tests.lisp': text },
      load: ['fiveam.lisp', 'tests.lisp'],
    });
    const file = path.join(editor.root, 'tests.lisp');
    utimesSync(file, 1e9, 1e9);
    const document = editor.openFile(file);
    await editor.command('image_connect');

    // A thread in old code; a change, a deletion, a patch of a definition of the text and of one that no text has.
    await editor.evaluate(`(progn (sb-thread:make-thread 'my-tests::work :name "slow") (sleep 0.2))`);
    document.replace(':old', ':new');
    void editor.expectPrompt(/reload work/i, 'Approve');
    await editor.actionOutcome(document, '(defun work', /^Reload work$/);
    document.replace('(work)\n  x)', '(work)\n  (list x))');
    document.replace('(defun deleted ()\n  1)\n', '');
    await editor.command('repl_eval', { code: '(defun patched () 2)', package: 'MY-TESTS' });
    await editor.command('repl_eval', { code: '(defun unwritten () 3)', package: 'MY-TESTS' });
    await editor.diagnostics(
      document,
      list =>
        ['changed', 'deleted', 'patched', 'unwritten'].every(name =>
          list.some(each => new RegExp(` ${name}`, 'i').test(each.message)),
        ),
      'the drifts',
    );
    expect(await twinsOf(document)).toEqual([
      'lisp_edit_form',
      'reload_form',
      'remove_definition',
      'repl_eval',
      'show_diff',
      'thread_list',
      'who_calls',
    ]);
    await editor.evaluate('(progn (sb-thread:signal-semaphore my-tests::*gate* 9) nil)');
  });

  it('also where a file is newer than what the image loaded', async () => {
    editor = await Editor.start({ files: { 'fiveam.lisp': fiveam }, load: ['fiveam.lisp'] });
    const file = path.join(editor.root, 'fiveam.lisp');
    await editor.command('image_connect');
    writeFileSync(file, `${fiveam};; later\n`);
    const later = Date.now() / 1000 + 60;
    utimesSync(file, later, later);
    const document = editor.openFile(file);
    await editor.diagnostics(
      document,
      list => list.some(each => String(each.code) === 'drift-newer'),
      'drift',
    );
    expect(await twinsOf(document)).toContain('reload_file');
  });
});
