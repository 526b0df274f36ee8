// Compiles the generated parser and the scanner to a WebAssembly module that web-tree-sitter loads. npm packages suffice.
import { readFile } from 'node:fs/promises';
import { commands } from '@yowasp/clang';

const file = name => readFile(new URL(name, import.meta.url), 'utf8');

const FLAGS =
  '--target=wasm32-wasip1 -fPIC -shared -Os -nostdlib -Wl,--export=tree_sitter_commonlisp -Wl,--allow-undefined -Wl,--no-entry -fvisibility=hidden';

/** @returns {Promise<Uint8Array>} the module; the same sources and the same compiler give the same bytes. */
export async function compile() {
  const files = {
    'parser.c': await file('generated/parser.c'),
    'scanner.c': await file('scanner.c'),
    tree_sitter: { 'parser.h': await file('generated/tree_sitter/parser.h') },
  };
  let complaints = '';
  const decoder = new TextDecoder();
  const options = {
    stderr: bytes => void (complaints += bytes ? decoder.decode(bytes, { stream: true }) : ''),
    fetchProgress: () => {},
  };
  try {
    const out = await commands.clang(
      [...FLAGS.split(' '), '-I.', '-o', 'out.wasm', 'parser.c', 'scanner.c'],
      files,
      options,
    );
    return out['out.wasm'];
  } catch (error) {
    throw new Error(`clang cannot compile the grammar:\n${complaints}`, { cause: error });
  }
}
