/** Argument objects of every command, from their schemas, with parts replaced: a proper result or a proper error, never one of the server's own. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { catalogue } from '../../server/operations/catalogue.ts';
import { frame } from '../support/jsonRpc.ts';
import { lispString, sbclCommand } from '../support/lspClient.ts';
import { shop } from '../support/shop.ts';
import type { Bout, Fuzzer } from './fuzzer.ts';
import { mutated, type Random } from './random.ts';
import { RawServer } from './rawServer.ts';
import { fitting, jsonSchema } from './schema.ts';

/** Those that end or replace the image would leave nothing to ask. */
const left = new Set(['image_restart', 'image_disconnect']);
const operations = catalogue.filter(({ name }) => !left.has(name));
const schemas = new Map(operations.map(({ name, args }) => [name, jsonSchema(args)]));
/** Milliseconds that any of them may take. */
const limit = 40_000;

class ArgumentBout implements Bout {
  readonly #server = new RawServer();
  #next = 0;

  async begin(): Promise<this> {
    const { root } = this.#server;
    const file = path.join(root, 'shop.lisp');
    writeFileSync(file, shop);
    writeFileSync(path.join(root, 'binary.lisp'), Buffer.from([0, 255, 254, 40, 128, 10]));
    mkdirSync(path.join(root, 'folder.lisp'));
    execFileSync('mkfifo', [path.join(root, 'pipe.lisp')]);
    this.#server.initialize('initialize', {
      rootUri: `file://${root}`,
      initializationOptions: {
        image: { mode: 'spawn', command: sbclCommand, init: [`(load ${lispString(file)})`] },
        approval: {
          eval: 'deny',
          'compile-file': 'deny',
          'modify-running-code': 'deny',
          'terminate-thread': 'deny',
        },
      },
    });
    await this.#server.until('the reply to initialize', () => this.#server.replies.has('"initialize"'));
    await this.#call('image_connect', {});
    this.#server.send({
      jsonrpc: '2.0',
      method: 'textDocument/didOpen',
      params: { textDocument: { uri: `file://${file}`, languageId: 'lisp', version: 1, text: shop } },
    });
    return this;
  }

  async try(random: Random): Promise<void> {
    const { name } = random.of(operations);
    const fit = fitting(random, schemas.get(name)!, key => this.#strings(key));
    const argument = random.chance(0.6) ? mutated(random, fit) : fit;
    const { error } = await this.#call(name, argument);
    if (!error) return;
    const shown = `hotlisp.${name} ${JSON.stringify(argument)?.slice(0, 600)}: ${error.code} ${error.message} ${error.data?.stack ?? ''}`;
    if (error.data?.kind === undefined || error.data.kind === 'internal' || error.code === -32603)
      throw new Error(shown);
    if (error.code === -32602 && typeof error.data.path !== 'string') throw new Error(`no path: ${shown}`);
  }

  async close(): Promise<void> {
    await this.#server.end();
  }

  #strings(key: string): readonly string[] {
    const { root } = this.#server;
    switch (key) {
      case 'uri':
        return ['shop.lisp', 'shop.lisp', 'none.lisp', 'folder.lisp', 'binary.lisp', 'pipe.lisp'].map(
          name => `file://${root}/${name}`,
        );
      case 'path':
      case 'file_path':
      case 'filename':
        return [
          'shop.lisp',
          `${root}/shop.lisp`,
          'folder.lisp',
          'binary.lisp',
          'pipe.lisp',
          '../shop.lisp',
          '/dev/zero',
          '/dev/stdin',
          '/proc/self/mem',
          '/etc/shadow',
          'none.fasl',
        ];
      case 'operation':
        return operations.map(({ name }) => name);
      case 'code':
      case 'new_code':
      case 'content':
        return [
          '(defun total (x) x)',
          '(defun total (x) x',
          ')',
          '#.(error "no")',
          '(in-package :nowhere) (f)',
          '',
          '(defun shop:total () 1) (defun g () 2)',
        ];
      case 'package':
        return ['SHOP', 'shop', 'NOWHERE', '', '|x|', 'KEYWORD'];
      case 'form_type':
        return ['defun', 'function', 'method', 'nonsense', 'defclass'];
      case 'name_pattern':
      case 'content_pattern':
        return ['.*', '(', '(a+)+$', '[', 'total', '\\'];
      default:
        return [
          'total',
          'shop:total',
          'shop::nothing',
          '(setf shop::rate)',
          '',
          '::',
          ':',
          'a:b:c',
          '|',
          '#.(quit)',
          '(',
          '1',
          '😀',
          'cl:car',
        ];
    }
  }

  async #call(name: string, argument: unknown): Promise<Reply> {
    const id = ++this.#next;
    this.#server.write(
      frame(
        JSON.stringify({
          jsonrpc: '2.0',
          id,
          method: 'workspace/executeCommand',
          params: { command: `hotlisp.${name}`, arguments: [argument] },
        }),
      ),
    );
    const key = String(id);
    let alive: boolean;
    try {
      alive = await this.#server.until('the reply', () => this.#server.replies.has(key), limit);
    } catch {
      throw new Error(`no reply to hotlisp.${name} ${JSON.stringify(argument)?.slice(0, 600)}`);
    }
    if (!alive) throw new Error(`the server ended: ${this.#server.stderr}`);
    const [reply] = this.#server.replies.get(key)!;
    return reply as Reply;
  }
}

interface Reply {
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data?: { readonly kind?: string; readonly path?: unknown; readonly stack?: string };
  };
}

export const commandArguments: Fuzzer = {
  name: 'arguments',
  about: 'argument objects of every command, made from their schemas and then spoiled',
  short: 120,
  begin: () => new ArgumentBout().begin(),
};
