// Runs one TypeScript program of this repository: bundles it into build/ and starts it with the remaining arguments.
// Node 20 cannot run TypeScript by itself, and a second loader would be one more dependency.
import { build } from 'esbuild';
import { spawn } from 'node:child_process';
import path from 'node:path';

const [entry, ...rest] = process.argv.slice(2);
if (!entry) {
  console.error('usage: node server/tools/run.mjs FILE.ts [ARGUMENT ...]');
  process.exit(2);
}
const outfile = path.join('build', entry.replace(/\.ts$/, '.mjs').replaceAll('/', '-'));
await build({
  entryPoints: [entry],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  packages: 'external',
  sourcemap: 'inline',
  logLevel: 'warning',
});
const child = spawn(process.execPath, ['--enable-source-maps', outfile, ...rest], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
