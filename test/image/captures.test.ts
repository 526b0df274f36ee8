/** Every client whose `initialize` was captured, and two that declare next to nothing, replayed through a day's work: what it is offered answers, and nothing comes that it did not declare. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { asdfEnvironment, ledgerFiles, writeFiles } from '../support/asdfSystem.ts';
import { captures, type Capture } from '../support/captures.ts';
import { useEveryFeature } from '../support/everyFeature.ts';
import { RpcError } from '../support/jsonRpc.ts';
import { Editor, lispString, serverProgram } from '../support/lspClient.ts';
import { startUserImage, type UserImage } from '../support/userImage.ts';

let root: string;
let run: string;
let socket: string;
let image: UserImage;
let editor: Editor;

/** A form that holds its compilation until a file is there, for a minute at most. */
const waitingFor = (file: string) =>
  `(eval-when (:compile-toplevel) (loop repeat 6000 until (probe-file ${lispString(file)}) do (sleep 0.01)))\n`;

const accounts = (factor: number) =>
  ledgerFiles['accounts.lisp']!.replace('(* 2 ,form)', `(* ${factor} ,form)`).concat(
    '\n;; 😀 a comment, and a string "é"\n(defun label (account) "😀 é" (list (account-name account) (describe-account account)))\n',
  );

beforeAll(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'hotlisp-captures-'));
  run = path.join(root, 'run');
  mkdirSync(run, { mode: 0o700 });
  writeFiles(root, { ...ledgerFiles, 'accounts.lisp': accounts(2) });
  image = await startUserImage(
    `(let ((*standard-output* (make-broadcast-stream)) (*error-output* (make-broadcast-stream)))
       (asdf:load-asd ${lispString(path.join(path.dirname(serverProgram), 'lisp/hotlisp.asd'))})
       (asdf:load-asd ${lispString(path.join(root, 'ledger.asd'))})
       (handler-bind ((warning #'muffle-warning))
         (asdf:load-system "hotlisp")
         (asdf:load-system "ledger")))
     (format t "SOCKET ~a~%" (funcall (intern "SERVE" "HOTLISP")))`,
    { cwd: root, env: { XDG_RUNTIME_DIR: run, ...asdfEnvironment(root) } },
  );
  socket = /^SOCKET (.*)$/m.exec(image.output())![1]!;
});
afterEach(() => editor.finish());
afterAll(async () => {
  await image?.stop();
  rmSync(root, { recursive: true, force: true });
});

const places = [
  'de¦fclass account',
  'bal¦ance ()',
  '(doub¦led (reduce',
  'account-na¦me account) stream',
  '"😀 ¦é"',
  ';; 😀 a comm¦ent',
  '¦(defun label',
];

/** Clients that declare as little as the protocol allows, as generic and home-made ones do: no refresh, progress, document, version or snippet. */
const plain: readonly Capture[] = [
  { name: 'a client that declares nothing', capabilities: {}, others: {} },
  {
    name: 'a client that declares edits and code action literals alone',
    capabilities: {
      workspace: { applyEdit: true },
      textDocument: { codeAction: { codeActionLiteralSupport: { codeActionKind: { valueSet: [] } } } },
    },
    others: {},
  },
];

describe.each([...captures, ...plain])('$name', ({ capabilities, others }) => {
  it('gets an answer to all that it is offered, does the main job, and is sent nothing that it did not declare', async () => {
    const gate = path.join(root, 'gate');
    rmSync(gate, { force: true });
    writeFileSync(path.join(root, 'accounts.lisp'), accounts(2));
    const hotlisp = { image: { mode: 'attach', address: `unix:${socket}` } };
    editor = await Editor.start({
      root,
      env: { XDG_RUNTIME_DIR: run },
      capabilities,
      settings: hotlisp,
      initialize: {
        ...others,
        rootUri: `file://${root}`,
        rootPath: root,
        workspaceFolders: [{ uri: `file://${root}`, name: 'ledger' }],
        initializationOptions: hotlisp,
      },
    });
    // The image runs what the file says, whatever the client before this one left.
    await editor.evaluate(`(load ${lispString(path.join(root, 'accounts.lisp'))})`);
    const document = editor.openFile(path.join(root, 'accounts.lisp'));
    await editor.diagnostics(
      document,
      list => list.every(each => each.source !== 'hotlisp' || each.severity !== 1),
      'no error',
    );
    const answered = await useEveryFeature(editor, document, places);
    for (const method of [
      'textDocument/documentSymbol',
      'textDocument/codeAction',
      'textDocument/definition',
    ])
      expect([method, answered.get(method)]).toEqual([method, expect.not.closeTo(0)]);

    // What is not offered is refused as such.
    for (const [provider, method] of [
      ['monikerProvider', 'textDocument/moniker'],
      ['colorProvider', 'textDocument/documentColor'],
    ] as const)
      if (!editor.capabilities[provider])
        await expect(
          editor.request(method, {
            textDocument: { uri: document.uri },
            position: { line: 0, character: 0 },
          }),
        ).rejects.toMatchObject({ code: -32601 });

    // A syntax error with its quick fix; a note of the compiler at its place.
    document.replace('(doubled (reduce', '(doubled (reduce (');
    await editor.diagnostics(document, list => list.length > 0, 'the open bracket');
    await useEveryFeature(editor, document, ['(defun bal¦ance', '(red¦uce']);
    document.replace('(doubled (reduce (', '(doubled (let ((a 1 2)) a) (reduce');
    await editor.diagnostics(
      document,
      list => !list.some(each => each.source === 'hotlisp' && each.severity === 1),
      'no error',
    );
    void editor.expectPrompt(/reload balance/i, 'Approve');
    expect(await editor.actionOutcome(document, '(defun balance', /^Reload balance$/)).toMatchObject({
      status: 'failed',
    });
    await editor.diagnostics(document, list => list.some(each => each.source === 'sbcl'), 'the note');

    // Edited: the drift, the diff, the change, its way back.
    document.replace('(doubled (let ((a 1 2)) a) (reduce', '(doubled (reduce');
    document.replace('(doubled (reduce', '(1+ (reduce');
    await useEveryFeature(editor, document, places.slice(0, 2));
    void editor.expectPrompt(/reload balance/i, 'Show Diff');
    void editor.expectPrompt(/reload balance/i, 'Approve');
    expect(await editor.actionOutcome(document, '(defun balance', /^Reload balance$/)).toMatchObject({
      status: 'applied',
    });
    expect(await editor.evaluate('(ledger:balance)')).toEqual(['7']);
    await useEveryFeature(editor, document, places.slice(0, 2));
    void editor.expectPrompt(/roll back/i, 'Approve');
    await editor.command('rollback');
    expect(await editor.evaluate('(ledger:balance)')).toEqual(['12']);

    // The server edits; in a client that takes edits.
    const edit = {
      operation: 'replace',
      file_path: document.file,
      form_type: 'defun',
      form_name: 'balance',
      content: "(defun balance ()\n  (doubled (reduce #'+ *accounts*)))",
    };
    if ((capabilities['workspace'] as { applyEdit?: boolean } | undefined)?.applyEdit)
      await editor.command('lisp_edit_form', edit);
    else expect(await editor.failure('lisp_edit_form', edit)).toBeInstanceOf(RpcError);

    // A system, with progress where the client shows it: its compilation waits until that was seen.
    writeFileSync(path.join(root, 'accounts.lisp'), `${waitingFor(gate)}${accounts(3)}`);
    void editor.expectPrompt(/reload system ledger/i, 'Approve');
    const pending = await editor.command('code_reload_system', {
      system: 'ledger',
      force: true,
      background: true,
    });
    const { workDoneProgress } = (capabilities['window'] ?? {}) as { workDoneProgress?: boolean };
    if (workDoneProgress)
      await editor.progress.next('the progress of the system', ({ value }) =>
        /^Reload system/.test(value.title ?? ''),
      );
    writeFileSync(gate, '');
    expect(await editor.outcome(pending)).toMatchObject({ status: 'applied' });
    expect(await editor.evaluate('(ledger:balance)')).toEqual(['18']);
  });
});
