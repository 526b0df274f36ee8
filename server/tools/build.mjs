// Builds dist/: the server as one file, the wasm of the parser and of the grammar, and the agent's sources.
import { build } from 'esbuild';
import { cp, mkdir, readFile, rm, chmod } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(import.meta.url);
const { version } = JSON.parse(await readFile('package.json', 'utf8'));

await rm('dist', { recursive: true, force: true });
await mkdir('dist', { recursive: true });
await build({
  // The index works in a thread of its own, so it is a program of its own.
  entryPoints: { hotlisp: 'server/main.ts', indexer: 'server/workspace/worker.ts' },
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  // vscode-languageserver is CommonJS: its require of Node's own modules needs one in an ES module.
  banner: {
    js: '#!/usr/bin/env node\nimport { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
  },
  define: { __HOTLISP_VERSION__: JSON.stringify(version) },
  legalComments: 'linked',
  minifySyntax: true,
  logLevel: 'warning',
});
await chmod('dist/hotlisp.js', 0o755);
await cp(
  path.join(path.dirname(require.resolve('web-tree-sitter')), 'web-tree-sitter.wasm'),
  'dist/web-tree-sitter.wasm',
);
await cp('grammar-wasm/tree-sitter-commonlisp.wasm', 'dist/tree-sitter-commonlisp.wasm');
await cp('lisp', 'dist/lisp', { recursive: true, filter: file => !file.endsWith('.fasl') });
await cp('grammar-wasm/LICENSE-tree-sitter-commonlisp', 'dist/LICENSE-tree-sitter-commonlisp');
