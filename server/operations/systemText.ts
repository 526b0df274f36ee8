/** What the text of a .asd file says of a system; nothing of it is evaluated. */
import path from 'node:path';
import type { Snapshot, SyntaxNode } from '../source/types.ts';

export interface WrittenSystem {
  readonly version: string | null;
  readonly dependsOn: readonly string[];
  /** Absolute paths, each after those that it depends on. */
  readonly files: readonly string[];
}

/** A component: its name, its options, and the components inside it. */
interface Component {
  readonly name: string;
  readonly option: (key: string) => SyntaxNode | undefined;
}

/** @param file the path of the text; undefined where it has no such system */
export function writtenSystem(snapshot: Snapshot, file: string, system: string): WrittenSystem | undefined {
  const read = new Reading(snapshot);
  const found = snapshot.root.children
    .map(node => read.elements(node))
    .find(([operator, name]) => read.word(operator) === 'defsystem' && read.word(name) === system);
  if (!found) return undefined;
  const { option } = read.component(found);
  return {
    version: read.string(option('version')) ?? null,
    dependsOn: ['defsystem-depends-on', 'depends-on'].flatMap(key => read.dependencies(option(key))),
    files: read.files(option('components'), read.place(option('pathname'), path.dirname(file), '')),
  };
}

class Reading {
  constructor(private readonly snapshot: Snapshot) {}

  elements(node: SyntaxNode | undefined): readonly SyntaxNode[] {
    return node?.type === 'list_lit' ? node.children.filter(({ type }) => !type.endsWith('comment')) : [];
  }

  string(node: SyntaxNode | undefined): string | undefined {
    if (node?.type === 'path_lit') return this.string(node.children[0]);
    return node?.type === 'str_lit' ? this.#text(node).slice(1, -1).replace(/\\(.)/gs, '$1') : undefined;
  }

  /** A symbol's name in lower case, or a string: what designates a component. */
  word(node: SyntaxNode | undefined): string | undefined {
    if (node === undefined || node.type === 'list_lit') return undefined;
    return this.string(node) ?? this.#text(node).replace(/^.*:/s, '').toLowerCase();
  }

  /** @param elements class, name, and options by key */
  component([, name, ...options]: readonly SyntaxNode[]): Component {
    const option = (key: string) => {
      const at = options.findIndex(
        (node, index) => index % 2 === 0 && node.type === 'kwd_lit' && this.word(node) === key,
      );
      return at < 0 ? undefined : options[at + 1];
    };
    return { name: this.word(name) ?? '', option };
  }

  /** Plain names, and those in (:version "x" "1.0"), (:feature :sbcl "x"), (:require "x"). */
  dependencies(list: SyntaxNode | undefined): string[] {
    return this.elements(list).flatMap(node => {
      const parts = this.elements(node);
      const name = parts.length === 0 ? node : this.word(parts[0]) === 'version' ? parts[1] : parts.at(-1);
      return this.word(name) ?? [];
    });
  }

  /** Where a component is: as its :pathname says, else `otherwise` below its parent. */
  place(pathname: SyntaxNode | undefined, parent: string, otherwise: string): string {
    return path.join(parent, this.string(pathname) ?? otherwise);
  }

  files(components: SyntaxNode | undefined, folder: string): string[] {
    const parts = this.elements(components).map(node => {
      const elements = this.elements(node);
      return { type: this.word(elements[0]), ...this.component(elements) };
    });
    const ordered = new Set<(typeof parts)[number]>();
    const waiting = new Set<string>();
    const visit = (part: (typeof parts)[number]): void => {
      if (ordered.has(part) || waiting.has(part.name)) return;
      waiting.add(part.name);
      for (const name of this.dependencies(part.option('depends-on')))
        for (const other of parts) if (other.name === name) visit(other);
      ordered.add(part);
    };
    parts.forEach(visit);
    return [...ordered].flatMap(({ type, name, option }) => {
      if (type === 'module')
        return this.files(option('components'), this.place(option('pathname'), folder, name));
      if (type === undefined || !/^(?:file|cl-source-file)\b/.test(type)) return [];
      const file = this.place(option('pathname'), folder, name);
      return [path.extname(file) === '.lisp' ? file : `${file}.lisp`];
    });
  }

  #text({ span }: SyntaxNode): string {
    return this.snapshot.slice(span.start, span.end);
  }
}
