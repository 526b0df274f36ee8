import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/**/*.all.test.ts', 'node_modules/**'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
    poolOptions: { forks: { maxForks: 2 } },
    // Where others share the machine a test that fails is run again, and told as retried: what fails always, fails.
    retry: process.env['CI'] ? 2 : 0,
    reporters: ['default'],
  },
});
