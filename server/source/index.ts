/** Text and trees: what the rest of the server uses of source/. */
import type { Environment } from './chunk.ts';
import { OpenDocument, snapshotOf, type SourceDocument } from './document.ts';
import { createParser } from './parser.ts';
import type { Snapshot } from './types.ts';

export type { SourceDocument, TextChange } from './document.ts';
export { readString, readSymbol, upcase, type SymbolName } from './symbols.ts';
export type * from './types.ts';

/** SBCL's features where no image has told its own. */
const DEFAULT_FEATURES: readonly string[] = [
  'SBCL',
  'COMMON-LISP',
  'ANSI-CL',
  'IEEE-FLOATING-POINT',
  'UNIX',
  ...(process.platform === 'darwin' ? ['DARWIN', 'BSD', 'MACH-O'] : ['LINUX', 'ELF']),
  ...(process.arch === 'arm64' ? ['ARM64'] : ['X86-64']),
  '64-BIT',
  'LITTLE-ENDIAN',
  'PACKAGE-LOCAL-NICKNAMES',
  'SB-THREAD',
  'SB-UNICODE',
  'ASDF',
  'ASDF2',
  'ASDF3',
  'OS-UNIX',
];

export interface Source {
  open(uri: string, version: number, text: string): SourceDocument;
  /** A snapshot of a text that nobody edits: a file on disk, a string. */
  snapshot(uri: string, version: number, text: string): Snapshot;
  /** `*features*` as an image tells them: NAME of those in KEYWORD, with or without their colon, PACKAGE::NAME of others. Open documents have new snapshots afterwards. Answers whether they are others than before. */
  setFeatures(features: readonly string[]): boolean;
  readonly features: readonly string[];
}

/**
 * @param files paths of web-tree-sitter.wasm and tree-sitter-commonlisp.wasm
 * @throws Error when either cannot be read or is not what it should be
 */
export async function createSource(files: { runtimeWasm: string; grammarWasm: string }): Promise<Source> {
  const parser = await createParser(files);
  let environment: Environment = { parser, features: new Set(DEFAULT_FEATURES) };
  const current = (): Environment => environment;
  return {
    open: (uri, version, text) => new OpenDocument(current, uri, version, text),
    snapshot: (uri, version, text) => snapshotOf(environment, uri, version, text),
    setFeatures(features) {
      const names = new Set(features.map(feature => feature.replace(/^:/, '')));
      if (
        names.size === environment.features.size &&
        [...names].every(name => environment.features.has(name))
      )
        return false;
      environment = { parser, features: names };
      return true;
    },
    get features() {
      return [...environment.features];
    },
  };
}
