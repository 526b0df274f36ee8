/** What the image runs of a file that it loaded: known by the date of the code that came from it, where there is or was any. */
import { utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Editor, lispString } from '../support/lspClient.ts';

const files = {
  'functions.lisp':
    '(defpackage #:functions (:use :cl))\n(in-package #:functions)\n(defun a () 1)\n(defun b () 2)\n',
  'structure.lisp': '(in-package :cl-user)\n(defstruct alone a)\n(defvar *of-structure* 1)\n',
  'class.lisp':
    '(in-package :cl-user)\n(defclass single () ((a :initform (list 1))))\n(defvar *of-class* 1)\n',
};

let editor: Editor;

beforeAll(async () => {
  editor = await Editor.start({ files, settings: { approval: { 'modify-running-code': 'allow' } } });
  for (const name of Object.keys(files)) {
    const file = path.join(editor.root, name);
    utimesSync(file, 1.7e9, 1.7e9);
    await editor.evaluate(`(load (compile-file ${lispString(file)}))`);
  }
});
afterAll(() => editor.finish());

const open = (name: string) => editor.openFile(path.join(editor.root, name));

it('a package is unchanged once every function of its file was reloaded', async () => {
  const document = open('functions.lisp');
  for (const name of ['a', 'b']) {
    document.replace(`(defun ${name} ()`, `(defun ${name} () 0`);
    const position = document.positionOf(`(defun ${name}`);
    expect(await editor.command('reload_form', { uri: document.uri, position })).toMatchObject({
      status: 'applied',
    });
  }
  expect(await editor.command('reload_changed', { uri: document.uri })).toMatchObject({
    status: 'unchanged',
    definitions: [],
  });
});

it.each(['structure.lisp', 'class.lisp'])('a file without a function, %s, is newer on disk', async name => {
  const document = open(name);
  writeFileSync(path.join(editor.root, name), document.text.replace(' 1)\n', ' 2)\n'));
  document.set(document.text.replace(' 1)\n', ' 2)\n'));
  editor.rpc.notify('textDocument/didSave', { textDocument: { uri: document.uri } });
  const isNewer = ({ message }: { message: string }) => /after the image (got|loaded) it/.test(message);
  await editor.diagnostics(document, list => list.some(isNewer), 'newer on disk');
});
