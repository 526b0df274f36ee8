/** `npm run check`: types, lint, format, stale generated files, import directions. One line per step; exit 1 when one fails. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

interface Step {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
}

/** A tool of node_modules, started without npx: its script under this same Node. */
const tool = (name: string, script: string, ...args: string[]): Step => ({
  name,
  program: `node_modules/${script}`,
  args,
});

const steps: readonly Step[] = [
  tool('types', 'typescript/bin/tsc', '-p', '.'),
  tool('lint', 'eslint/bin/eslint.js', '.', '--max-warnings', '0'),
  tool('format', 'prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'),
  { name: 'generated files', program: 'server/tools/run.mjs', args: ['server/tools/generate.ts', '--check'] },
  tool('import directions', 'vitest/vitest.mjs', 'run', 'test/unit/imports.test.ts', '--reporter', 'dot'),
];

let failed = 0;
for (const { name, program, args } of steps) {
  const begun = performance.now();
  const result = existsSync(program)
    ? spawnSync(process.execPath, [program, ...args], {
        encoding: 'utf8',
        maxBuffer: 1 << 26,
        timeout: 300_000,
      })
    : { status: 1, stdout: '', stderr: `${program} is missing: npm ci`, signal: null };
  const passed = result.status === 0;
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(
    `${passed ? 'ok    ' : 'FAILED'}  ${name.padEnd(18)} ${seconds} s${result.signal ? ` (${result.signal})` : ''}`,
  );
  if (!passed) {
    failed++;
    console.log(`${result.stdout}${result.stderr}`.trim().replace(/^/gm, '        '));
  }
}
if (failed > 0) console.log(`${failed} of ${steps.length} checks failed`);
process.exitCode = failed > 0 ? 1 : 0;
