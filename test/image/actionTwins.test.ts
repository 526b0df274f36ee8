/** An editor without code lenses and commands of ours: every operation for whose arguments a place can stand is a code action there, and does its work. */
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { ledgerFiles, loadSystem, systemWorkspace } from '../support/asdfSystem.ts';
import { Editor, lispString, usualCapabilities, type TextDocument } from '../support/lspClient.ts';
import type { CodeAction, OperationResult } from '../support/lspTypes.ts';

let editor: Editor;
const root = mkdtempSync(path.join(tmpdir(), 'hotlisp-test-'));
let accounts: TextDocument;
let system: TextDocument;
let packageFile: TextDocument;

beforeAll(async () => {
  editor = await Editor.start({
    ...systemWorkspace(root, {
      ...ledgerFiles,
      'extra.lisp': '(defvar cl-user::*extra* 1)\n',
      'load.lisp': '(load "extra.fasl")\n',
    }),
    capabilities: {
      ...usualCapabilities,
      textDocument: { ...(usualCapabilities['textDocument'] as object), codeLens: undefined },
    },
    settings: {
      approval: { 'modify-running-code': 'allow', 'compile-file': 'allow', 'terminate-thread': 'allow' },
    },
  });
  await loadSystem(editor, 'ledger');
  await editor.evaluate(
    `(let ((*standard-output* (make-broadcast-stream)))
       (compile-file ${lispString(path.join(editor.root, 'extra.lisp'))}) 1)`,
  );
  const open = (name: string) => editor.openFile(path.join(editor.root, name));
  accounts = open('accounts.lisp');
  system = open('ledger.asd');
  packageFile = open('package.lisp');
});
afterAll(async () => {
  await editor.finish();
  rmSync(root, { recursive: true, force: true });
});

/** The outcome of the one action of that title at a place, which was answered at once. */
async function outcomeOf(document: TextDocument, place: string, title: string): Promise<OperationResult> {
  const offered = (await editor.codeActions(document, place)).filter(each => each.title === title);
  expect(offered.map(each => each.title)).toEqual([title]);
  const { command, arguments: args } = (
    offered[0] as CodeAction & { command: { command: string; arguments: unknown[] } }
  ).command;
  return editor.outcome(await editor.request('workspace/executeCommand', { command, arguments: args }));
}

const lastPage = (name: string) =>
  editor.shown.next(`the page ${name}`, ({ uri }) => path.basename(uri).startsWith(`${name}-`));

describe('at a place in a buffer', () => {
  it('a symbol is located, with every definition of it', async () => {
    expect(await outcomeOf(accounts, 'balance ()', 'Locate balance')).toMatchObject([
      { kind: 'function', name: 'BALANCE', file: path.join(editor.root, 'accounts.lisp') },
    ]);
    expect((await lastPage('locations')).text).toContain(`${path.join(editor.root, 'accounts.lisp')}:`);
  });

  it('the threads inside a function are told', async () => {
    expect(await outcomeOf(accounts, 'balance ()', 'Threads inside balance')).toMatchObject({
      threads: expect.arrayContaining([expect.objectContaining({ runs: 'no' })]) as unknown,
    });
    await editor.messages.next('the threads', ({ message }) => message.startsWith('Threads inside (0 of'));
  });

  it('the reload of a form is planned, and nothing is changed', async () => {
    accounts.replace('(* 2 ,form)', '(* 3 ,form)');
    expect(await outcomeOf(accounts, 'doubled (form)', 'Plan the reload of doubled')).toMatchObject({
      definitions: [{ name: 'DOUBLED' }],
    });
    const page = (await lastPage('plan')).text!;
    expect(page).toMatch(/macro DOUBLED in LEDGER: redefined, dependents/);
    expect(page).toMatch(/function BALANCE in LEDGER: user/);
    expect(await editor.evaluate('(ledger:balance)')).toEqual(['12']);
  });

  it('the package and the system around it tell their files', async () => {
    expect(await outcomeOf(packageFile, 'defpackage', 'Files of package LEDGER')).toMatchObject({
      package: 'LEDGER',
    });
    expect((await lastPage('package')).text).toContain(path.join(editor.root, 'report.lisp'));
    expect(await outcomeOf(system, 'defsystem', 'Status of system ledger')).toMatchObject({
      system: 'ledger',
      loaded: true,
    });
    expect((await lastPage('system')).text).toMatch(/^System ledger 1\.2, in /);
  });

  it('a selection of several forms is compiled as one change, at its place', async () => {
    const start = accounts.positionOf('(defmacro doubled');
    const end = accounts.positionOf('(defclass account');
    const offered = (await editor.request('textDocument/codeAction', {
      textDocument: { uri: accounts.uri },
      range: { start, end },
      context: { diagnostics: [] },
    })) as (CodeAction & { command?: { command: string; arguments: unknown[] } })[];
    const { command, arguments: args } = offered.find(each => each.title === 'Compile selection')!.command!;
    const done = await editor.outcome(
      await editor.request('workspace/executeCommand', { command, arguments: args }),
    );
    expect(done).toMatchObject({
      status: 'applied',
      definitions: [{ name: 'DOUBLED', change: 'redefined' }],
    });
    expect(await editor.evaluate('(ledger:balance)')).toEqual(['18']);
  });

  it('the history of a symbol leads to taking a change back, and to doing it again', async () => {
    await outcomeOf(accounts, 'doubled (form)', 'History of doubled');
    const { uri, text } = await lastPage('history');
    const lines = text!.split('\n');
    const line = lines.findIndex(each => each.includes('code_compile_string applied: macro DOUBLED'));
    expect(line).toBeGreaterThan(0);
    const act = async (title: string): Promise<OperationResult> => {
      const position = { line, character: 0 };
      const offered = (await editor.request('textDocument/codeAction', {
        textDocument: { uri },
        range: { start: position, end: position },
        context: { diagnostics: [] },
      })) as (CodeAction & { command: { command: string; arguments: unknown[] } })[];
      const { command, arguments: args } = offered.find(each => each.title === title)!.command;
      return editor.outcome(await editor.request('workspace/executeCommand', { command, arguments: args }));
    };
    expect(await act('Roll this change back')).toMatchObject({ status: 'applied' });
    expect(await editor.evaluate('(ledger:balance)')).toEqual(['12']);
    expect(await act('Do this change again after it was rolled back')).toMatchObject({ status: 'applied' });
    expect(await editor.evaluate('(ledger:balance)')).toEqual(['18']);
    expect(await act('Replay this change in the present image')).toMatchObject({ status: 'unchanged' });
  });

  it('the name of a compiled file is loaded', async () => {
    const load = editor.openFile(path.join(editor.root, 'load.lisp'));
    expect(await outcomeOf(load, 'extra.fasl', 'Load compiled file extra.fasl')).toMatchObject({
      status: 'applied',
    });
    expect(await editor.evaluate('cl-user::*extra*')).toEqual(['1']);
  });
});

describe('the connection to the image, changed in the background', () => {
  it('is told in a message once it stands', async () => {
    for (const name of ['image_restart', 'image_connect', 'image_disconnect']) {
      const before = editor.messages.all.length;
      const state = (await editor.outcome(await editor.command(name, { background: true }))) as unknown as {
        title?: string;
      };
      const said = await editor.messages.next(name, () => true, before);
      expect(said.message).toBe(
        state.title === undefined ? 'No image is connected (idle).' : `Connected to ${state.title}.`,
      );
    }
  });
});
