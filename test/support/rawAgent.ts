/** The agent in an image of its own, called with the requests of the wire: forms are placed in a file by their text. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { HotlispError } from '../../server/errors.ts';
import type { Image } from '../../server/image/image.ts';
import type { Args, Change, DefinitionName, Form, Note } from '../../server/image/protocol.ts';
import { ManagedImage, Surroundings, valuesOf } from './images.ts';
import { lispString, repository } from './lspClient.ts';

export type Kind = DefinitionName['kind'];

/** What a form defines, as the server would read it from the tree: `defun:foo`, or a DefinitionName. */
export type Named = `${Kind}:${string}` | DefinitionName;

export interface Piece {
  readonly text: string;
  readonly definitions?: readonly Named[];
  readonly evaluates?: boolean;
  /** Default "APP". */
  readonly package?: string;
}

function definitionName(named: Named): DefinitionName {
  if (typeof named !== 'string') return named;
  const colon = named.indexOf(':');
  return { kind: named.slice(0, colon) as Kind, name: named.slice(colon + 1) };
}

/** The wire's form for `piece`, the form number `index` of `fileText`, where it stands at the UTF-16 offset `at`. */
export function formAt(
  fileText: string,
  at: number,
  index: number,
  file: string | undefined,
  piece: Piece,
): Form {
  const before = fileText.slice(0, at);
  const lineStart = before.lastIndexOf('\n') + 1;
  return {
    text: piece.text,
    package: piece.package ?? 'APP',
    ...(file === undefined ? {} : { file }),
    byteOffset: Buffer.byteLength(before),
    line: before.split('\n').length - 1,
    column: [...before.slice(lineStart)].length,
    index,
    digest: createHash('sha256').update(piece.text).digest('hex'),
    definitions: (piece.definitions ?? []).map(definitionName),
    evaluates: piece.evaluates ?? false,
  };
}

/** Forms for `pieces`, one after the other in a file that is not written. */
export function formsOf(file: string, pieces: readonly Piece[]): Form[] {
  const text = pieces.map(piece => piece.text).join('\n\n');
  let at = 0;
  return pieces.map((piece, index) => {
    const form = formAt(text, at, index, file, piece);
    at += piece.text.length + 2;
    return form;
  });
}

export const defun = (name: string, rest: string): Piece => ({
  text: `(defun ${name} ${rest})`,
  definitions: [`function:${name}`],
});

export class RawAgent {
  readonly surroundings = new Surroundings();
  readonly file = path.join(this.surroundings.make('src'), 'app.lisp');
  readonly #managed = new ManagedImage(this.surroundings);
  image!: Image;
  /** What the image's own standard output and error said, line by line. */
  readonly output = (): readonly string[] => this.#managed.log.all;
  #transactions = 0;

  /** Starts an image that has a package APP and the functions of fingerprint.lisp. */
  async start(): Promise<void> {
    this.image = await this.#managed.connect();
    await this.lisp(`(load ${lispString(path.join(repository, 'test/support/fingerprint.lisp'))})`);
    await this.lisp('(defpackage :app (:use :common-lisp))');
  }

  async stop(): Promise<void> {
    await this.#managed.manager.dispose();
    this.surroundings.remove();
  }

  /** The printed values of `code`'s last form, read in COMMON-LISP-USER. */
  lisp(code: string): Promise<string[]> {
    return valuesOf(this.image, code);
  }

  /** Loads `text` in the package APP, as the user would have before the server came. */
  async program(text: string): Promise<void> {
    const file = path.join(this.surroundings.folder, `program-${++this.#transactions}.lisp`);
    writeFileSync(file, `(in-package :app)\n${text}\n`);
    await this.lisp(`(handler-bind ((warning #'muffle-warning))
      (load (compile-file ${lispString(file)})) t)`);
  }

  async generation(): Promise<number> {
    return (await this.image.call('check', { forms: [], threads: false })).generation;
  }

  async apply(forms: Form[], options: { signal?: AbortSignal; transaction?: string } = {}): Promise<Change> {
    const transaction = options.transaction ?? `t${++this.#transactions}`;
    const args: Args<'apply'> = { transaction, generation: await this.generation(), forms };
    return this.image.call('apply', args, options.signal ? { signal: options.signal } : {});
  }

  /** Applies `pieces` as the forms of the file `file`. */
  change(...pieces: Piece[]): Promise<Change> {
    return this.apply(formsOf(this.file, pieces));
  }

  remember(packageName = 'APP'): Promise<string[]> {
    return this.lisp(`(fingerprint:remember ${lispString(packageName)})`);
  }

  /** What has changed in the package since `remember`, printed; "NIL" when nothing has. */
  async changes(): Promise<string> {
    return (await this.lisp('(fingerprint:changes)'))[0]!;
  }
}

/** The part of the form's text that `note` points at; undefined for the whole form. */
export function pointedAt(form: Form, note: Note): string | undefined {
  return note.start === undefined ? undefined : [...form.text].slice(note.start, note.end).join('');
}

/** The error that a call of the image comes to. */
export const failure = (promise: Promise<unknown>): Promise<HotlispError> =>
  promise.then(
    value => {
      throw new Error(`resolved with ${JSON.stringify(value)}`);
    },
    (error: unknown) => error as HotlispError,
  );
