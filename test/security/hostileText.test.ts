/** Text of a hostile workspace or image, and everything that an editor is given to show while a person works with it. */
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { useEveryFeature } from '../support/everyFeature.ts';
import { isObject } from '../support/jsonRpc.ts';
import { Editor, lispString, usualCapabilities } from '../support/lspClient.ts';

let editor: Editor;
afterEach(() => editor?.finish());

/** Turns text around, hides in it, colours a terminal, leaves a code block, and is a link that runs a command or a picture from elsewhere. */
const hostile =
  '\u202e\u200b\u0007\u001b[31m\u115f\u2066[Approve](command:evil)![x](https://evil.example/x.png)````\n![y](https://evil.example/y.png)';
const named = (prefix: string) => `|${prefix}${hostile}|`;

const hidden =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u115f\u2028-\u202e\u2066-\u2069]|\]\((?:command|https:\/\/evil)/;

/** What is for the editor, not for the person: what an answer carries along, and text that goes into a buffer. */
const carried = new Set(['data', 'arguments', 'newText', 'insertText', 'edit', 'changes', 'uri']);

/** Texts in `value` that a person would see and that are not what they look like, by their place. */
function deceptive(value: unknown, place: string): [string, string][] {
  // Of a label parts are pointed at, so that it is not made longer; no editor reads links there.
  if (typeof value === 'string')
    return hidden.test(place.endsWith('.label') ? value.replace(/\]\(/g, '') : value) ? [[place, value]] : [];
  if (Array.isArray(value)) return value.flatMap(each => deceptive(each, place));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    carried.has(key) ? [] : deceptive(each, `${place}.${key}`),
  );
}

/** Of all that the server has sent; the results of commands are data, which programs read. */
function shownDeceptively(): [string, string][] {
  const asked = new Map<unknown, string>();
  return editor.traffic.flatMap(({ direction, message }) => {
    const { id, method, params, result, error } = message as unknown as Record<string, unknown>;
    if (direction === 'sent') {
      if (typeof method === 'string' && id !== undefined) asked.set(id, method);
      return [];
    }
    if (typeof method === 'string') return deceptive(params, method);
    const to = asked.get(id) ?? '';
    if (isObject(error)) return deceptive(error['message'], `${to} error`);
    return to === 'workspace/executeCommand' ? [] : deceptive(result, to);
  });
}

const markdown = { contentFormat: ['markdown'] };
const capabilities = {
  ...usualCapabilities,
  textDocument: {
    ...(usualCapabilities['textDocument'] as object),
    hover: markdown,
    completion: { completionItem: { documentationFormat: ['markdown'], labelDetailsSupport: true } },
    signatureHelp: { signatureInformation: { documentationFormat: ['markdown'] } },
    inlayHint: {},
  },
};

const text = `(in-package :cl-user)
(defpackage ${named('pk')} (:use :cl))
(defvar ${named('v')} 1 ${lispString(`Doc ${hostile}`)})
(defmacro ${named('m')} (x) ${lispString(`Doc ${hostile}`)} x)
(defun ${named('f')} (${named('arg')} &key ${named('key')})
  ${lispString(hostile)} (list ${named('arg')} ${named('key')} (${named('m')} 1)))
(defclass ${named('c')} () ((${named('slot')} :accessor ${named('acc')})) (:documentation ${lispString(hostile)}))
(defun ${named('g')} () (${named('f')} 1 :${named('z')} 2) (${named('undefined')} ${named('v')}))
(in-package ${named('pk')})
(cl:defun ${named('inpk')} () 1)
`;

/** Runs a command as an editor's gesture does, so that the person is told what came of it; every prompt is denied. */
async function gesture(name: string, argument: Record<string, unknown>): Promise<void> {
  void editor.expectPrompt(/./, 'Deny');
  const settled = await editor
    .command(name, { ...argument, background: true })
    .then(pending => editor.outcome(pending))
    .catch((error: unknown) => error);
  expect(settled).toBeDefined();
  void editor.expectPrompt(/./, 'Deny');
  await editor.command(name, argument).catch(() => undefined);
  editor.forgetExpectedPrompts();
}

describe('text of a hostile workspace and of its image', () => {
  it('is nowhere shown as what it is not: prompts, messages, diagnostics, hovers, titles, names, errors and the log', async () => {
    editor = await Editor.start({
      files: {
        '.hotlisp.json': JSON.stringify({
          [hostile]: 1,
          approval: { [hostile]: 'allow' },
          'image.command': hostile,
        }),
        'system.asd': `(defsystem ${lispString(hostile)} :components ((:file "a")))`,
      },
      capabilities,
      settings: {
        trace: { server: 'verbose' },
        image: { init: [`(format t "~a~%" ${lispString(hostile)})`] },
      },
    });
    await editor.messages.next('a word about the settings', ({ message }) => message.includes('ignored'));
    const document = editor.open(`a${hostile.replace(/\//g, '')}.lisp`, text);
    await editor.command('image_connect');
    const prompt = editor.expectPrompt(/Reload a\\u\{202e\}/, 'Approve');
    expect(await editor.command('reload_file', { uri: document.uri })).toMatchObject({ status: 'applied' });
    expect((await prompt).message).toContain('[Approve] (command:evil)');
    const answered = await useEveryFeature(editor, document, [
      `(${named('f')} 1`,
      '1 :|z',
      named('f'),
      named('v'),
      named('c'),
      named('acc'),
      named('inpk'),
    ]);
    for (const method of ['hover', 'signatureHelp', 'completion', 'documentSymbol', 'codeLens', 'codeAction'])
      expect([method, answered.get(`textDocument/${method}`)]).not.toEqual([method, 0]);

    const asked = editor.expectPrompt(/SIMPLE-ERROR/, null);
    await gesture('repl_eval', {
      code: `(restart-case (error "~a" ${lispString(hostile)}) (${named('r')} () :report ${lispString(hostile)} 1))`,
    });
    await asked;
    await gesture('repl_eval', {
      code: `(progn (princ ${lispString(hostile)}) (sb-thread:make-thread (lambda () (sleep 60)) :name ${lispString(hostile)}) ${lispString(hostile)})`,
    });
    const { threads } = await editor.command<{ threads: { id: number; name: string }[] }>('thread_list');
    const thread = threads.find(({ name }) => name.includes('evil'))!.id;
    const definition = { position: document.positionOf(named('c')), uri: document.uri };
    for (const [name, argument] of [
      ['thread_backtrace', { thread }],
      ['thread_terminate', { thread }],
      ['code_reload_system', { system: hostile }],
      ['system_status', { system: hostile }],
      ['package_files', { package: hostile }],
      ['code_load_fasl', { path: path.join(editor.root, `${hostile}.fasl`) }],
      ['lisp_read_file', { path: path.join(editor.root, hostile) }],
      ['code_replace_function', { function: named('f'), new_code: hostile }],
      ['code_compile_string', { code: `(defun ${named('new')} () (car))` }],
      ['request_approval', { operation: 'modify-running-code', details: { [hostile]: hostile } }],
      ['remove_definition', { symbol: named('v'), form_type: 'variable' }],
      ['trace', { function: named('f') }],
      ['rollback', { transaction: hostile }],
      ['replay', { transactions: [hostile] }],
      ['count_instances', definition],
      ['outcome', { [hostile]: 1 }],
      [hostile, {}],
    ] as const)
      await gesture(name, argument);
    expect(editor.messages.all.length).toBeGreaterThan(10);
    expect(shownDeceptively()).toEqual([]);
  });

  it('cannot flood the person: of many wrong settings some are told, each once', async () => {
    const keys = Object.fromEntries(Array.from({ length: 500 }, (_, number) => [`key${number}`, 1]));
    editor = await Editor.start({ files: { '.hotlisp.json': JSON.stringify(keys) } });
    await editor.command('image_status');
    await editor.messages.next('the rest', ({ message }) => message.includes('490 more'));
    const { all } = editor.messages;
    expect(new Set(all.map(({ message }) => message)).size).toBe(all.length);
    expect(all.length).toBe(11);
  });
});
