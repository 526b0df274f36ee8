/** Code that runs when it is read (`#.`), at every place where the server takes a text: nobody has approved it. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { useEveryFeature } from '../support/everyFeature.ts';
import { Editor, lispString } from '../support/lspClient.ts';

let editor: Editor;
afterEach(() => editor?.finish());

/** Makes traps that leave a mark when they are read, and tells which did. */
class Traps {
  readonly #names: string[] = [];
  readonly #folder: string;

  constructor(root: string) {
    this.#folder = path.join(root, 'marks');
    mkdirSync(this.#folder);
  }

  /** Lisp text that is the symbol CAR, once it has run. */
  readonly at = (name: string): string => {
    const mark = path.join(this.#folder, String(this.#names.push(name)));
    return `#.(cl:progn (cl:close (cl:open ${lispString(mark)} :direction :output :if-exists :append :if-does-not-exist :create)) 'cl:car)`;
  };

  get sprung(): string[] {
    return readdirSync(this.#folder).map(mark => this.#names[Number(mark) - 1]!);
  }
}

async function withTraps(): Promise<Traps> {
  editor = await Editor.start();
  await editor.command('image_connect');
  return new Traps(editor.root);
}

/** Whatever it comes to; what is asked is denied. */
async function attempt(command: string, argument: Record<string, unknown>): Promise<void> {
  void editor.expectPrompt(/./, 'Deny');
  await editor.command(command, argument).catch(() => undefined);
  editor.forgetExpectedPrompts();
}

it('the names that commands take are read without it', async () => {
  const traps = await withTraps();
  for (const command of [
    'source_location',
    'thread_list',
    'trace',
    'untrace',
    'who_calls',
    'recompile_dependents',
    'remove_definition',
    'history',
    'package_files',
    'code_reload_package',
    'system_status',
    'code_reload_system',
    'code_replace_function',
  ])
    for (const key of ['symbol', 'function', 'package', 'system'])
      for (const prefix of ['', 'cl-user::'])
        await attempt(command, {
          [key]: prefix + traps.at(`${command}: ${key}`),
          ...(key === 'symbol' && command === 'remove_definition' && { form_type: 'function' }),
          ...(key === 'function' && command.startsWith('code') && { new_code: '(defun car () 1)' }),
        });
  await attempt('code_replace_function', { function: 'cl-user::f', new_code: traps.at('new code') });
  await attempt('code_compile_string', { code: `(defun f () ${traps.at('compiled code')})` });
  expect(traps.sprung).toEqual([]);
  await editor.evaluate(`'${traps.at('a trap that works')}`);
  expect(traps.sprung).toEqual(['a trap that works']);
});

it('definitions of systems are neither read nor loaded before a reload is approved, nor when they have changed', async () => {
  const traps = await withTraps();
  const define = (name: string, text: string) => writeFileSync(path.join(editor.root, `${name}.asd`), text);
  await editor.evaluate(
    `(progn (require :asdf) (push (pathname ${lispString(`${editor.root}/`)}) (symbol-value (find-symbol "*CENTRAL-REGISTRY*" "ASDF"))) t)`,
  );
  const components = ':components ((:file "a"))';
  define('known', `(defsystem "known" ${components})`);
  editor.open('a.lisp', '(in-package :cl-user)\n');
  await editor.evaluate('(progn (asdf:load-system "known") t)');
  define(
    'unknown',
    `${traps.at('toplevel')}\n(defsystem "unknown" :version ${traps.at('version')} ${components})`,
  );
  // ASDF loads a definition again that is younger than what it knows.
  await editor.evaluate('(sleep 1.1)');
  define('known', `${traps.at('changed')}\n(defsystem "known" :depends-on ("unknown") ${components})`);
  for (const system of ['known', 'unknown']) {
    expect(await editor.command('system_status', { system })).toMatchObject({
      system,
      registered: system === 'known',
    });
    await attempt('plan', { operation: 'code_reload_system', system });
    await attempt('code_reload_system', { system });
    await attempt('code_reload_system', { system, force: 'all' });
  }
  expect(traps.sprung).toEqual([]);
});

it('no feature and no question about a change reads a buffer with it', async () => {
  const traps = await withTraps();
  const { at } = traps;
  const document = editor.open(
    'a.lisp',
    `(in-package ${at('the package in effect')})
(defpackage ${at('the name of a package')} (:use ${at('a used package')}))
(in-package :cl-user)
(defun ${at('the name of a function')} (x ${at('a parameter')}) (car x))
#+${at('a feature')} (defun f1 () 1)
#-(or sbcl ${at('another feature')}) (defun f2 () 1)
(defmethod meth ((x (eql ${at('a specializer')}))) x)
(defstruct (bar (:include ${at('an included structure')})) a)
(defmacro mac (&body body) \`(progn ,@body ,${at('a part of a backquote')}))
(mac 1 ${at('an argument of a macro')})
(loop for x in ${at('a part of a loop')} do (print x))
(fiveam:test ${at('the name of a test')} (is (= 1 1)))
(defconstant k ${at('a constant')})
(declaim (inline ${at('an inline function')}))
#S(bar :a ${at('a slot')}) #C(${at('a part of a complex number')} 1) #2A((1 ${at('an element')}))
(defun normal (x) (list x))
`,
  );
  const places = ['(in-package #', '(defpackage', '(defun', '(defmethod', '(defstruct', '(mac 1', '(loop'];
  const more = ['(fiveam', 'k #', '(declaim', '#S(', 'normal'];
  await useEveryFeature(editor, document, [...places, ...more]);
  const { uri } = document;
  for (const place of [...places, ...more]) {
    const argument = { uri, position: document.positionOf(place) };
    for (const operation of ['reload_form', 'macroexpand', 'remove_definition'])
      await attempt('plan', { operation, ...argument });
    for (const command of ['reload_form', 'count_instances', 'remove_definition', 'run_test', 'macroexpand'])
      await attempt(command, argument);
    await attempt('macroexpand', { ...argument, all: true });
  }
  await attempt('reload_changed', { uri });
  await attempt('reload_file', { uri });
  await attempt('code_reload_package', { package: 'cl-user' });
  expect(traps.sprung).toEqual([]);
});
