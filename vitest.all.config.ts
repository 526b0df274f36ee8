import { defineConfig } from 'vitest/config';
import { find } from './test/clients/unpack.mjs';

/**
 * Everything that `npm test` runs and the long tests (*.all.test.ts), once with the SBCL on the PATH and, but for the unit
 * tests, once more with the newest one. HOTLISP_TEST_SBCL chooses a single other one.
 */
const chosen = process.env['HOTLISP_TEST_SBCL'];
const newest = find('sbcl');
if (!chosen && !newest)
  throw new Error('the newest SBCL is missing: node server/tools/setup.mjs --test --all says why');

const sbcls = chosen
  ? [{ name: chosen, program: chosen, include: ['test/**/*.test.ts'] }]
  : [
      { name: 'sbcl', program: 'sbcl', include: ['test/**/*.test.ts'] },
      {
        name: newest!.version,
        program: newest!.program,
        include: ['test/{image,clients,transcripts}/**/*.test.ts'],
      },
    ];

export default defineConfig({
  test: {
    pool: 'forks',
    poolOptions: { forks: { maxForks: 2 } },
    reporters: ['default'],
    projects: sbcls.map(({ name, program, include }) => ({
      test: {
        name,
        include,
        exclude: ['node_modules/**'],
        env: {
          HOTLISP_TEST_SBCL: program,
          HOTLISP_PROPERTY_RUNS: process.env['HOTLISP_PROPERTY_RUNS'] ?? '12',
        },
        testTimeout: 60_000,
        hookTimeout: 120_000,
      },
    })),
  },
});
