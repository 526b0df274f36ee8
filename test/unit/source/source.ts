/** What the tests of source/ and of the syntactic features share. */
import path from 'node:path';
import { createSource } from '../../../server/source/index.ts';

const root = path.join(import.meta.dirname, '../../..');

export const wasm = {
  runtimeWasm: path.join(root, 'node_modules/web-tree-sitter/web-tree-sitter.wasm'),
  grammarWasm: path.join(root, 'grammar-wasm/tree-sitter-commonlisp.wasm'),
};

/** A source whose features are those of the tests, whatever machine they run on. */
export async function testSource() {
  const source = await createSource(wasm);
  source.setFeatures(['SBCL', 'UNIX', 'X86-64', 'SB-THREAD']);
  return source;
}
