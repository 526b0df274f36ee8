/** The protocol's own duties: honest capabilities for every client, one reply for every request, a clean end. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { frame, RpcError } from '../support/jsonRpc.ts';
import { Editor } from '../support/lspClient.ts';
import { survivors } from '../support/processes.ts';
import { within } from '../support/wait.ts';

let editor: Editor;
afterEach(() => editor.finish());

describe('initialize', () => {
  it('says who it is, and offers every command that it knows', async () => {
    editor = await Editor.start();
    expect(editor.serverInfo).toEqual({
      name: 'hotlisp',
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string,
    });
    for (const command of editor.capabilities.executeCommandProvider!.commands) {
      expect(command).toMatch(/^hotlisp\.[a-z_]+$/);
      // Known: a wrong argument is what is complained about, never the command.
      const error = await editor.failure(command.replace('hotlisp.', ''), { 'no-such-key': 1 });
      expect(error).toMatchObject({
        code: -32602,
        data: { path: expect.any(String) as string },
      });
    }
  });

  it('reports a bad setting by name and keeps the others', async () => {
    editor = await Editor.start({
      settings: { approval: { eval: 'sometimes', 'modify-running-code': 'deny' }, imge: { mode: 'spawn' } },
    });
    await editor.messages.next('a word about approval.eval', each => each.message.includes('approval.eval'));
    await editor.messages.next('a word about imge', each => each.message.includes('imge'));
    const document = editor.open('a.lisp', '(in-package :cl-user)\n(defun f () 1)\n');
    expect((await editor.actionFailure(document, '(defun f', /^Reload f$/)).kind).toBe('approval-denied');
  });

  it('takes settings from workspace/configuration where the client has it', async () => {
    editor = await Editor.start({
      capabilities: { workspace: { configuration: true }, window: {} },
      initialize: { initializationOptions: null },
      settings: { approval: { eval: 'deny' } },
    });
    expect(await editor.failure('repl_eval', { code: '1' })).toMatchObject({ kind: 'approval-denied' });
  });
});

describe('requests', () => {
  it('before initialize are refused as such', async () => {
    editor = await Editor.start({ raw: true });
    await expect(
      editor.request('textDocument/documentSymbol', { textDocument: { uri: 'file:///a.lisp' } }),
    ).rejects.toMatchObject({
      code: -32002,
    });
    await editor.initialize();
  });

  it('that come too early or too late are refused as such, whatever is wrong with them besides', async () => {
    editor = await Editor.start({ raw: true });
    const refused = (code: number, method = 'textDocument/hover') =>
      expect(editor.request(method, method === 'shutdown' ? undefined : {})).rejects.toMatchObject({ code });
    for (const method of ['textDocument/hover', 'hotlisp/noSuchMethod', 'shutdown'])
      await refused(-32002, method);
    await editor.initialize();
    await refused(-32602);
    await editor.request('shutdown');
    for (const method of ['textDocument/hover', 'hotlisp/noSuchMethod', 'shutdown'])
      await refused(-32600, method);
    editor.rpc.notify('exit');
    expect(await editor.ended()).toBe(0);
    await editor.abandon();
  });

  it('that are no JSON are answered as such, to nobody in particular, and the next one as usual', async () => {
    editor = await Editor.start();
    editor.rpc.sendRaw('Content-Length: 12\r\n\r\n{"jsonrpc": ');
    await editor.request('textDocument/documentSymbol', { textDocument: { uri: 'file:///a.lisp' } });
    const answers = editor.traffic.filter(({ message }) => message.id === null);
    expect(answers.map(({ message }) => message.error?.code)).toEqual([-32700]);
  });

  it('for semantic tokens are answered in full to a client that says nothing of them', async () => {
    editor = await Editor.start({ capabilities: {}, settings: { image: { mode: 'off' } } });
    expect(editor.capabilities['semanticTokensProvider']).toMatchObject({
      range: true,
      full: { delta: true },
    });
    const { uri } = editor.open('a.lisp', '(defun f (x) "text" (list x 1))');
    const { data } = (await editor.request('textDocument/semanticTokens/full', {
      textDocument: { uri },
    })) as { data: number[] };
    expect(data.length).toBeGreaterThan(5);
  });

  it('for an unknown method are refused as such', async () => {
    editor = await Editor.start();
    await expect(editor.request('hotlisp/noSuchMethod', {})).rejects.toMatchObject({ code: -32601 });
  });

  it('for an unknown command or with wrong arguments name the offending place', async () => {
    editor = await Editor.start();
    const refused = async (command: string, argument: unknown, path: RegExp) => {
      const error = await editor.failure(command, argument);
      expect([command, argument, error.code, error.kind]).toEqual([
        command,
        argument,
        -32602,
        'invalid-arguments',
      ]);
      expect((error.data as { path: string }).path).toMatch(path);
    };
    await refused('no_such_command', {}, /command/);
    await refused('reload_form', {}, /uri/);
    await refused(
      'reload_form',
      { uri: 'file:///a.lisp', position: { line: -1, character: 0 } },
      /position\.line/,
    );
    await refused('reload_form', { uri: 'file:///a.lisp', position: { line: 0 } }, /position\.character/);
    await refused('reload_form', { uri: 7, position: { line: 0, character: 0 } }, /uri/);
    // Not an object: the place is the argument itself.
    await refused('reload_form', 'file:///a.lisp', /^(arguments)?$/);
    await refused('repl_eval', { code: '1', pakage: 'x' }, /pakage/);
    await refused('code_replace_function', { function: 'f' }, /new.code/);
    await refused('outcome', { request: 999_999 }, /request/);
    await refused('outcome', { request: 'first' }, /request/);
    await refused('request_approval', { operation: 'everything' }, /operation/);
    await refused('plan', { operation: 'no_such' }, /operation/);
    await refused('rollback', { transaction: 'no-such' }, /transaction/);
    await refused('reload_file', {}, /uri|path/);
    await refused('reload_file', { uri: `file://${editor.root}/missing.lisp` }, /uri|path/);
  });

  it('take keys in snake_case and kebab-case', async () => {
    editor = await Editor.start();
    for (const key of ['new_code', 'new-code']) {
      const error = await editor.failure('code_replace_function', {
        function: 'f',
        [key]: '(defun f () 1) (defun g () 1)',
      });
      expect(error).toMatchObject({
        code: -32602,
        data: { path: expect.stringMatching(/new.code/) as string },
      });
    }
  });

  it('each get exactly one reply, however many are sent at once', async () => {
    editor = await Editor.start({ settings: { debugger: 'abort' } });
    const document = editor.open('a.lisp', '(in-package :cl-user)\n(defun f () 1)\n');
    const requests = Array.from({ length: 60 }, (_, n) => {
      switch (n % 5) {
        case 0:
          return editor.rpc.request('textDocument/documentSymbol', { textDocument: { uri: document.uri } });
        case 1:
          return editor.command('repl_eval', { code: `(list ${n})` });
        case 2:
          return editor.rpc.request('no/method', {});
        case 3:
          return editor.command('repl_eval', { code: '(error "no")' });
        default:
          return editor.command('image_status');
      }
    });
    const settled = await within('every reply', Promise.allSettled(requests));
    expect(
      settled.filter(each => each.status === 'fulfilled' || each.reason instanceof RpcError),
    ).toHaveLength(60);
    // A second reply to any of them would be against the protocol, which finish() reports.
    await editor.command('image_status');
  });

  it('survive what is not JSON-RPC: the next one is answered', async () => {
    editor = await Editor.start();
    editor.rpc.sendRaw(frame('{"jsonrpc":"2.0","method":'));
    editor.rpc.sendRaw(frame('[]'));
    editor.rpc.sendRaw(frame('{"jsonrpc":"2.0","id":null,"method":"x"}'));
    editor.rpc.notify('$/noSuchNotification', {});
    editor.rpc.notify('textDocument/didChange', {
      textDocument: { uri: 'file:///not/open.lisp', version: 2 },
      contentChanges: [{ text: 'x' }],
    });
    editor.rpc.notify('textDocument/didClose', { textDocument: { uri: 'file:///not/open.lisp' } });
    expect(await editor.command('image_status')).toMatchObject({ state: 'idle' });
  });

  it('are cancelled on request: an endless evaluation ends and the image goes on', async () => {
    editor = await Editor.start();
    await editor.evaluate('(defvar *started* nil)');
    const { id, reply } = editor.rpc.start('workspace/executeCommand', {
      command: 'hotlisp.repl_eval',
      arguments: [{ code: '(progn (setf *started* t) (loop))' }],
    });
    const settled = reply.catch((error: unknown) => error);
    while ((await editor.evaluate('*started*'))[0] !== 'T')
      await new Promise(resolve => setTimeout(resolve, 20));
    editor.rpc.notify('$/cancelRequest', { id });
    expect(await within('the cancelled reply', settled)).toMatchObject({ code: -32800, kind: 'cancelled' });
    expect(await editor.evaluate('(+ 1 1)')).toEqual(['2']);
  });

  it('time out when an evaluation takes longer than the setting allows', async () => {
    editor = await Editor.start({ settings: { evalTimeoutSeconds: 0.3 } });
    expect(await editor.failure('repl_eval', { code: '(loop)' })).toMatchObject({ kind: 'timeout' });
    expect(await editor.evaluate('(+ 1 1)')).toEqual(['2']);
  });
});

describe('the image', () => {
  it('can be ended by code that is evaluated, which fails as image-lost; the next operation has a new image', async () => {
    editor = await Editor.start();
    for (const code of ['(sb-ext:exit)', '(sb-ext:exit :code 3 :abort t)']) {
      expect(await editor.failure('repl_eval', { code })).toMatchObject({ kind: 'image-lost' });
      expect(await editor.evaluate('(+ 1 2)')).toEqual(['3']);
    }
  });

  it('can be killed: what ran fails as image-lost, the user is told once, the next operation has a new image', async () => {
    editor = await Editor.start();
    const { pid } = await editor.command<{ pid: number }>('image_connect');
    const running = editor.failure('repl_eval', { code: '(loop)' });
    expect(await editor.evaluate('1')).toEqual(['1']);
    process.kill(pid, 'SIGKILL');
    expect((await running).kind).toBe('image-lost');
    await editor.messages.next('word of the loss', each => /image is gone/i.test(each.message));
    expect(await editor.evaluate('(+ 1 2)')).toEqual(['3']);
    const status = await editor.command<{ state: string; pid: number }>('image_status');
    expect(status.state).toBe('connected');
    expect(status.pid).not.toBe(pid);
    expect(editor.messages.all.filter(each => /image is gone/i.test(each.message))).toHaveLength(1);
  });

  it('that cannot be started is a clear error', async () => {
    editor = await Editor.start({ settings: { image: { command: 'no-such-sbcl' } } });
    const error = await editor.failure('repl_eval', { code: '1' });
    expect(error.kind).toBe('no-image');
    expect(error.message).toMatch(/no-such-sbcl/);
  });

  it('that is switched off is a clear error', async () => {
    editor = await Editor.start({ settings: { image: { mode: 'off' } } });
    expect(await editor.failure('repl_eval', { code: '1' })).toMatchObject({ kind: 'no-image' });
  });

  it('is read-only where the user says so', async () => {
    editor = await Editor.start({ settings: { image: { readOnly: true } } });
    expect(await editor.failure('repl_eval', { code: '1' })).toMatchObject({ kind: 'read-only' });
    expect(await editor.command('image_status')).toMatchObject({ read_only: true });
  });

  it('is restarted on request', async () => {
    editor = await Editor.start();
    await editor.evaluate('(defvar *here* 1)');
    const { pid } = await editor.command<{ pid: number }>('image_status');
    await editor.command('image_restart');
    expect(await survivors([pid])).toEqual([]);
    expect(await editor.evaluate("(boundp '*here*)")).toEqual(['NIL']);
  });

  it('ends with the server, also when the server is killed', async () => {
    editor = await Editor.start();
    await editor.evaluate('1');
    const children = editor.children();
    expect(children.length).toBeGreaterThan(0);
    process.kill(editor.pid, 'SIGKILL');
    await editor.ended();
    expect(await survivors(children, 10_000)).toEqual([]);
    await editor.abandon();
  });

  it('ends with the server, also when the editor goes away without a word', async () => {
    editor = await Editor.start();
    await editor.evaluate('1');
    const children = editor.children();
    editor.hangUp();
    await editor.ended();
    expect(await survivors(children, 10_000)).toEqual([]);
    await editor.abandon();
  });
});

describe('documents that the server writes', () => {
  const folders = (temporary: string) => readdirSync(temporary).filter(name => name.startsWith('hotlisp-'));

  /** A server that has shown a document, in a file below `temporary`. */
  async function showing(temporary: string): Promise<void> {
    editor = await Editor.start({ env: { TMPDIR: temporary } });
    const pending = await editor.command('inspect', { code: '(list 1 2)', background: true });
    await editor.outcome(pending);
    await editor.shown.next('the document', ({ text }) => text !== undefined);
  }

  it('go with the server, and those of a server that was killed go with the next one', async () => {
    const temporary = mkdtempSync(path.join(tmpdir(), 'hotlisp-test-'));
    try {
      await showing(temporary);
      expect(folders(temporary)).toHaveLength(1);
      const dead = editor.pid;
      process.kill(dead, 'SIGKILL');
      await editor.ended();
      await editor.abandon();
      expect(folders(temporary)).toHaveLength(1);
      // Not of a server that is gone, or not this user's alone.
      const kept = [
        `hotlisp-pages-${process.pid}-abcdef`,
        `hotlisp-diff-${dead}-abcdef`,
        `hotlisp-diff-${dead}-uvwxyz`,
      ];
      for (const name of kept.slice(0, 2)) mkdirSync(path.join(temporary, name), { mode: 0o700 });
      chmodSync(path.join(temporary, kept[1]!), 0o755);
      symlinkSync(tmpdir(), path.join(temporary, kept[2]!));
      await showing(temporary);
      expect(
        folders(temporary)
          .filter(name => !name.includes(`-${editor.pid}-`))
          .sort(),
      ).toEqual(kept.sort());
      await editor.finish();
      expect(folders(temporary).sort()).toEqual(kept.sort());
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
  });
});

describe('evaluation', () => {
  it('runs every form, answers all values of the last one, and keeps both outputs', async () => {
    editor = await Editor.start();
    const result = await editor.command('repl_eval', {
      code: '(format t "out~%") (format *error-output* "err~%") (defvar *x* 5) (values *x* (* 2 *x*))',
    });
    expect(result.values).toEqual(['5', '10']);
    expect(result.output).toMatch(/out/);
    expect(result.output).toMatch(/err/);
  });

  it('answers an error as data, with type, text and backtrace', async () => {
    editor = await Editor.start();
    void editor.expectPrompt(/TYPE-ERROR/, null);
    const error = await editor.failure('repl_eval', { code: '(car (the t 7))' });
    expect(error.kind).toBe('debugger-aborted');
    expect(error.data).toMatchObject({
      condition: {
        type: expect.stringMatching(/TYPE-ERROR/) as string,
        text: expect.stringMatching(/7/) as string,
      },
    });
    expect(
      (error.data as { condition: { backtrace: unknown[] } }).condition.backtrace.length,
    ).toBeGreaterThan(0);
  });

  it('answers unreadable code, unknown packages, and a stack that overflows', async () => {
    editor = await Editor.start();
    const unreadable = await editor.command('repl_eval', { code: '(list 1' });
    expect(unreadable).toMatchObject({ status: 'failed', values: [], notes: [{ severity: 'error' }] });
    expect(await editor.failure('repl_eval', { code: '1', package: 'NO-SUCH-PACKAGE' })).toMatchObject({
      kind: 'unknown-package',
    });
    const overflow = await editor.failure('repl_eval', { code: '(labels ((f (x) (1+ (f x)))) (f 1))' });
    expect(JSON.stringify(overflow.data).length).toBeLessThan(200_000);
    expect(await editor.evaluate('1')).toEqual(['1']);
  });
});
