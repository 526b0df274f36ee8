/** The commands that only read, or that change the editor's buffer, and those about the connection. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Editor, type TextDocument } from '../support/lspClient.ts';
import type { SourceLocation } from '../support/lspTypes.ts';
import { fingerprintDifferences, shop, takeFingerprint } from '../support/shop.ts';

describe('commands that read', () => {
  let editor: Editor;
  let document: TextDocument;

  beforeEach(async () => {
    editor = await Editor.start({ files: { 'shop.lisp': shop }, load: ['shop.lisp'] });
    document = editor.openFile(`${editor.root}/shop.lisp`);
  });
  afterEach(() => editor.finish());

  const locate = (symbol: string) => editor.command<SourceLocation[]>('source_location', { symbol });

  it('find every kind of definition at its line', async () => {
    const expected: [string, string, string][] = [
      ['shop:total', 'function', '(defun total'],
      ['shop::twice', 'macro', '(defmacro twice'],
      ['shop::*rate*', 'variable', '(defvar *rate*'],
      ['shop::+limit+', 'constant', '(defconstant +limit+'],
      ['shop::item', 'structure', '(defstruct item'],
      ['shop::basket', 'class', '(defclass basket'],
      ['shop::area', 'generic-function', '(defgeneric area'],
      ['shop::area', 'method', '(defmethod area'],
    ];
    for (const [symbol, kind, place] of expected) {
      const found = (await locate(symbol)).find(each => each.kind === kind);
      expect([symbol, kind, found?.uri, found?.range?.start]).toEqual([
        symbol,
        kind,
        document.uri,
        document.positionOf(place),
      ]);
    }
  });

  it('follow a definition that moved in the buffer, and say that it is stale when it changed', async () => {
    document.replace('(defvar *rate* 2)', '(defvar *rate* 2)\n\n;;; three\n;;; more\n;;; lines');
    const [moved] = await locate('shop:total');
    expect(moved).toMatchObject({ range: { start: document.positionOf('(defun total') }, stale: false });
    document.replace('(twice (tax amount))', '(tax amount)');
    const [edited] = await locate('shop:total');
    expect(edited).toMatchObject({ range: { start: document.positionOf('(defun total') }, stale: true });
    void editor.expectPrompt(/reload total/i, 'Approve');
    await editor.actionOutcome(document, '(defun total', /^Reload total$/);
    expect(await locate('shop:total')).toMatchObject([{ stale: false }]);
    document.replace('(tax amount)', '(twice amount)');
    expect(await locate('shop:total')).toMatchObject([{ stale: true }]);
  });

  it('say that what is gone from its file is stale, and give no place that is another one’s', async () => {
    document.replace('(defun total (amount)\n  "What is to be paid."\n  (twice (tax amount)))\n\n', '');
    expect(await locate('shop:total')).toMatchObject([{ kind: 'function', range: null, stale: true }]);
    document.replace('(defstruct item name (price 0))\n\n', '');
    expect(await locate('shop::item')).toMatchObject([{ kind: 'structure', range: null, stale: true }]);
  });

  it('find a setf function by its own name', async () => {
    expect(await locate('(setf shop::rate)')).toMatchObject([
      { kind: 'function', name: '(SETF RATE)', range: { start: document.positionOf('(defun (setf rate)') } },
    ]);
  });

  it('find in the texts of the workspace what the image has not loaded', async () => {
    const stock = editor.open(
      'stock.lisp',
      '(in-package #:shop)\n(defgeneric count-of (item place))\n(defmethod count-of :around ((item item) place) 1)\n',
    );
    expect(await locate('shop::count-of')).toEqual([
      {
        kind: 'generic-function',
        name: 'COUNT-OF',
        package: 'SHOP',
        file: stock.file,
        line: 2,
        column: 1,
        uri: stock.uri,
        range: { start: { line: 1, character: 0 }, end: { line: 1, character: 34 } },
        stale: false,
      },
      expect.objectContaining({ kind: 'method', name: 'COUNT-OF :AROUND (ITEM T)', line: 3 }),
    ]);
  });

  it('call a package by its name, whichever the text has, as the image does', async () => {
    editor.open('nicked.lisp', '(in-package :cl-user)\n(defun only-written () 1)\n');
    expect(await locate('cl-user::only-written')).toMatchObject([{ package: 'COMMON-LISP-USER' }]);
    await editor.evaluate('(defun cl-user::only-evaluated () 1)');
    expect(await locate('cl-user::only-evaluated')).toMatchObject([{ package: 'COMMON-LISP-USER' }]);
    editor.open(
      'depot.lisp',
      '(defpackage #:depot (:use #:cl) (:nicknames #:dp))\n(in-package #:dp)\n(defun kept () 1)\n',
    );
    expect(await locate('dp::kept')).toMatchObject([{ name: 'KEPT', package: 'DEPOT' }]);
  });

  it('answer an unknown symbol with an error that names it', async () => {
    const error = await editor.failure('source_location', { symbol: 'shop::no-such-thing' });
    expect(error.kind).toBe('unknown-symbol');
    expect(error.message).toMatch(/no-such-thing/i);
    expect(await editor.failure('source_location', { symbol: 'no-such-package:x' })).toMatchObject({
      kind: 'unknown-package',
    });
  });

  it.each(['shop', 'SHOP', ':shop', '#:shop', "'shop", ' :SHOP ', '"SHOP"', ':|SHOP|'])(
    'take the package as Lisp code designates it: %s',
    async name => {
      expect(await editor.command('repl_eval', { code: '*package*', package: name })).toMatchObject({
        values: ['#<PACKAGE "SHOP">'],
      });
      expect(await editor.command('package_files', { package: name })).toMatchObject({
        files: [{ uri: document.uri }],
      });
      void editor.expectPrompt(/SHOP/, 'Approve');
      expect(await editor.command('code_reload_package', { package: name })).toMatchObject({
        status: 'applied',
      });
    },
  );

  it.each([
    ['thread_backtrace', { thread: 99999 }, 'thread', /There is no thread 99999/],
    ['code_reload_package', { package: 'CL' }, 'package', /COMMON-LISP is SBCL's own/],
    ['reload_file', {}, 'uri', /: uri or path is to be given, and not both/],
    [
      'remove_definition',
      { symbol: 'shop:total' },
      'symbol',
      /: symbol with form_type, or uri with position,/,
    ],
    [
      'repl_eval',
      { code: '1', package: ':' },
      'package',
      /":" is not the name of a package: write it as shop/,
    ],
    ['package_files', { package: "'(shop)" }, 'package', /is not the name of a package/],
    ['code_reload_system', { system: '#:a b' }, 'system', /is not the name of an ASDF system/],
    ['show_diff', { uri: 'file:///x.lisp' }, 'position', /: position or definition is to be given/],
  ])('name the argument that is wrong: %s %j', async (name, argument, path, message) => {
    const error = await editor.failure(name, argument);
    expect(error).toMatchObject({ code: -32602, kind: 'invalid-arguments', data: { path } });
    expect(error.message).toMatch(message);
  });

  it('list the threads, and mark those inside the code of a symbol', async () => {
    await editor.evaluate(`
      (defvar shop::*inside* (sb-thread:make-semaphore))
      (defvar shop::*leave* (sb-thread:make-semaphore))
      (defun shop::waiting () (sb-thread:signal-semaphore shop::*inside*) (list (sb-thread:wait-on-semaphore shop::*leave*)))
      (sb-thread:make-thread #'shop::waiting :name "a waiting worker")
      (sb-thread:wait-on-semaphore shop::*inside*)`);
    const { threads } = await editor.command<{
      threads: { id: number; name: string; main: boolean; runs?: string }[];
    }>('thread_list', {
      symbol: 'shop::waiting',
    });
    expect(threads.filter(each => each.runs === 'yes').map(each => each.name)).toEqual(['a waiting worker']);
    expect(threads.filter(each => each.main)).toHaveLength(1);
    await editor.evaluate('(sb-thread:signal-semaphore shop::*leave*)');
  });

  it('plan a change without asking, and change nothing', async () => {
    await takeFingerprint(editor);
    document.replace('(* amount *rate*)', '(+ amount *rate*)');
    const position = document.positionOf('(defun tax');
    const plan = await editor.command<Record<string, unknown>>('plan', {
      operation: 'reload_form',
      uri: document.uri,
      position,
    });
    expect(plan).toMatchObject({
      operation: 'reload_form',
      approval: 'modify-running-code',
      policy: 'ask',
      plan: 'change',
    });
    expect(plan).toMatchObject({
      // TAX is declaimed inline.
      definitions: [
        { kind: 'function', name: 'TAX', package: 'SHOP', change: 'redefined', class: 'dependents' },
      ],
      dependents: [{ name: 'TOTAL', status: 'recompiled', uri: document.uri }],
      threads: [],
      notes: [],
    });
    document.replace('(+ amount *rate*)', '(+ amount *rate*');
    expect(
      await editor.command('plan', { operation: 'reload_form', uri: document.uri, position }),
    ).toMatchObject({
      definitions: [],
      notes: [{ severity: 'error', uri: document.uri }],
    });
    expect(await fingerprintDifferences(editor)).toBe('NIL');
    expect(editor.prompts.all).toEqual([]);
  });

  it('plan what changes no image, too; arguments that are called as those of the plan stand apart', async () => {
    await editor.command('image_connect', {});
    const plan = (operation: string, args: object) => editor.command('plan', { operation, arguments: args });
    const edit = { operation: 'delete', file_path: document.uri, form_type: 'defun', form_name: 'total' };
    expect(await plan('lisp_edit_form', edit)).toMatchObject({
      operation: 'lisp_edit_form',
      approval: 'none',
      plan: 'edit',
      before: expect.stringContaining('(defun total') as string,
    });
    expect(await plan('request_approval', { operation: 'eval' })).toEqual({
      operation: 'request_approval',
      approval: 'eval',
      policy: 'allow',
      plan: 'session',
    });
    const none = { approval: 'none', plan: 'session' };
    for (const name of ['history', 'image_disconnect', 'image_restart'])
      expect(await editor.command('plan', { operation: name })).toEqual({ operation: name, ...none });
    expect(await editor.command('image_status', {})).toMatchObject({ state: 'connected' });
    expect(
      await editor.failure('plan', { operation: 'reload_file', path: 'shop.lisp', arguments: {} }),
    ).toMatchObject({
      kind: 'invalid-arguments',
      message: expect.stringMatching(/"path" stands beside/) as string,
    });
    expect(editor.edits.all).toEqual([]);
    expect(editor.prompts.all).toEqual([]);
  });

  it('plan and ask about what a new package will have, by its name', async () => {
    const code = '(defpackage #:till (:use #:cl)) (in-package #:till) (defun ring () 1)';
    const planned = await editor.command('plan', { operation: 'code_compile_string', code });
    const ring = { kind: 'function', name: 'RING', package: 'TILL', change: 'new', class: 'safe' };
    expect(planned.definitions[1]).toEqual(ring);
    void editor.expectPrompt(/defines function TILL::RING \(new\)/, 'Approve');
    expect((await editor.command('code_compile_string', { code })).definitions[1]).toEqual(ring);
  });

  it('give the notes on a string their place in its file where that says the same', async () => {
    document.replace('(twice (tax amount))', '(twice (tax amoont))');
    const text = document.text;
    const form = text.slice(text.indexOf('(defun total'), text.indexOf('\n\n(defgeneric'));
    const notes = async (code: string) => {
      void editor.expectPrompt(/total/, 'Approve');
      const { notes } = await editor.command('code_compile_string', { code, filename: 'shop.lisp' });
      return notes.filter(({ message }) => /undefined variable/.test(message));
    };
    const start = document.positionOf('amoont');
    const place = { start, end: { ...start, character: start.character + 6 } };
    expect(await notes(form)).toMatchObject([{ uri: document.uri, range: place }]);
    await editor.diagnostics(
      document,
      list => list.some(({ message }) => /AMOONT/.test(message)),
      'the note',
    );
    expect(await notes('(defun total (amount) (list amount amoont))')).toMatchObject([
      { uri: null, range: { start: { line: 0, character: 35 }, end: { line: 0, character: 41 } } },
    ]);
  });

  it('record what a string takes the place of, in whatever file and spelling that stands', async () => {
    const change = async (code: string) => {
      void editor.expectPrompt(/replace/i, 'Approve');
      await editor.command('code_replace_function', { function: 'shop:total', new_code: code });
      const { entries } = await editor.command<{ entries: { source: { before: string }[] }[] }>('history', {
        limit: 1,
      });
      return entries[0]!.source[0]!.before;
    };
    const [original] = document.text.slice(document.text.indexOf('(defun total')).split(/\n\n|\n$/);
    expect(original).toContain('twice');
    expect(await change('(defun shop:total (amount) (list 1 amount))')).toBe(original);
    expect(await change('(defun shop::total (amount) (list 2 amount))')).toBe(
      '(defun shop:total (amount) (list 1 amount))',
    );
    for (const before of ['1', '2']) {
      void editor.expectPrompt(/roll back/i, 'Approve');
      expect((await editor.command('rollback')).status, before).toBe('applied');
    }
    expect(await change('(defun shop:total (amount) (list 3 amount))')).toBe(original);
  });

  it('record that where nobody is asked, too, also for what the image loaded by itself; nothing for what is new', async () => {
    await editor.finish();
    editor = await Editor.start({
      files: { 'shop.lisp': shop },
      load: ['shop.lisp'],
      settings: { approval: { 'compile-file': 'allow', 'modify-running-code': 'allow' } },
    });
    const before = async (command: string, argument: object) => {
      expect(await editor.command(command, argument)).toMatchObject({ status: 'applied' });
      const { entries } = await editor.command<{ entries: { source: { before: string | null }[] }[] }>(
        'history',
        { limit: 1 },
      );
      return entries[0]!.source.map(each => each.before);
    };
    const total = shop.slice(shop.indexOf('(defun total'), shop.indexOf('(defgeneric')).trim();
    expect(
      await before('code_compile_string', { package: 'shop', code: '(defun total (amount) amount)' }),
    ).toEqual([total]);
    expect(await before('code_compile_string', { code: '(defun shop::total (amount) (- amount))' })).toEqual([
      '(defun total (amount) amount)',
    ]);
    writeFileSync(path.join(editor.root, 'new.lisp'), '(in-package #:shop)\n(defun brand-new () 1)\n');
    expect(await before('reload_file', { path: 'new.lisp' })).toEqual([null]);
  });

  it('keep a history that can be searched by symbol', async () => {
    for (const name of ['total', 'tax']) {
      void editor.expectPrompt(new RegExp(`reload ${name}`, 'i'), 'Approve');
      await editor.actionOutcome(document, `(defun ${name}`, new RegExp(`^Reload ${name}$`));
    }
    const { entries } = await editor.command<{ entries: { definitions?: { name: string }[] }[] }>('history', {
      symbol: 'total',
    });
    const names = new Set(entries.flatMap(entry => entry.definitions ?? []).map(each => each.name));
    expect(names).toEqual(new Set(['TOTAL']));
    const { entries: newest } = await editor.command<{ entries: unknown[] }>('history', { limit: 1 });
    expect(newest).toHaveLength(1);
  });

  it('disconnect and connect: the spawned image ends, a new one starts', async () => {
    const before = await editor.command<{ state: string; pid: number }>('image_connect');
    expect(before.state).toBe('connected');
    expect(await editor.command('image_disconnect')).toMatchObject({ state: 'idle' });
    expect(editor.children()).toEqual([]);
    const after = await editor.command<{ state: string; pid: number }>('image_connect');
    expect(after).toMatchObject({ state: 'connected' });
    expect(after.pid).not.toBe(before.pid);
  });
});

describe('where the image is off', () => {
  it('source_location finds what the texts of the workspace define', async () => {
    const editor = await Editor.start({ files: { 'shop.lisp': shop }, settings: { image: { mode: 'off' } } });
    try {
      expect(await editor.command('source_location', { symbol: 'shop:total' })).toMatchObject([
        { kind: 'function', name: 'TOTAL', package: 'SHOP', stale: false },
      ]);
      expect(await editor.failure('source_location', { symbol: 'shop::nothing' })).toMatchObject({
        kind: 'no-image',
      });
    } finally {
      await editor.finish();
    }
  });
});

describe('commands on files', () => {
  let editor: Editor;
  let document: TextDocument;

  beforeEach(async () => {
    editor = await Editor.start({ files: { 'shop.lisp': shop }, settings: { image: { mode: 'off' } } });
    document = editor.openFile(`${editor.root}/shop.lisp`);
  });
  afterEach(() => editor.finish());

  it('read a file as its forms, collapsed to what they define, without an image', async () => {
    const read = await editor.command<unknown>('lisp_read_file', { path: 'shop.lisp' });
    const text = JSON.stringify(read);
    expect(text).toMatch(/defun total/);
    expect(text).not.toMatch(/twice \(tax/);
    const whole = JSON.stringify(
      await editor.command<unknown>('lisp_read_file', { path: 'shop.lisp', collapsed: false }),
    );
    expect(whole).toMatch(/twice \(tax/);
    const named = JSON.stringify(
      await editor.command<unknown>('lisp_read_file', { path: 'shop.lisp', name_pattern: '^total$' }),
    );
    expect(named).toMatch(/twice \(tax/);
  });

  it('edit one form of the buffer, undoably, and only that', async () => {
    await editor.command<unknown>('lisp_edit_form', {
      operation: 'replace',
      file_path: 'shop.lisp',
      form_type: 'defun',
      form_name: 'total',
      content: '(defun total (amount)\n  (tax amount))',
    });
    expect(document.text).toBe(
      shop.replace(
        /\(defun total[\s\S]*?\(twice \(tax amount\)\)\)/,
        '(defun total (amount)\n  (tax amount))',
      ),
    );
    const before = document.text;
    const dry = await editor.command<unknown>('lisp_edit_form', {
      operation: 'delete',
      file_path: 'shop.lisp',
      form_type: 'defun',
      form_name: 'total',
      dry_run: true,
    });
    expect(JSON.stringify(dry)).toMatch(/total/);
    expect(document.text).toBe(before);
    const missing = await editor.failure('lisp_edit_form', {
      operation: 'delete',
      file_path: 'shop.lisp',
      form_type: 'defun',
      form_name: 'no-such',
    });
    expect(missing).toMatchObject({ code: -32602 });
  });

  it('can be cancelled while the editor does not say whether it made an edit', async () => {
    editor.silentTo.add('workspace/applyEdit');
    const { id, reply } = editor.rpc.start('workspace/executeCommand', {
      command: 'hotlisp.lisp_edit_form',
      arguments: [{ operation: 'delete', file_path: 'shop.lisp', form_type: 'defun', form_name: 'total' }],
    });
    const failure = reply.then(
      () => 'a result',
      (error: unknown) => error,
    );
    while (!editor.traffic.some(({ message }) => message.method === 'workspace/applyEdit'))
      await new Promise(resolve => setTimeout(resolve, 20));
    editor.rpc.notify('$/cancelRequest', { id });
    expect(await failure).toMatchObject({ code: -32800, kind: 'cancelled' });
  });
});
