import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { repository } from '../support/lspClient.ts';

it('knows of no weakness in what the package is built from', () => {
  const { stdout } = spawnSync('npm', ['audit', '--json'], {
    cwd: repository,
    encoding: 'utf8',
    timeout: 100_000,
  });
  const answer = JSON.parse(stdout) as {
    message?: string;
    metadata?: { vulnerabilities: Record<string, number> };
  };
  // A mirror of the registry may not know of weaknesses at all; that is told, and no weakness of ours.
  if (!answer.metadata) return console.warn(`npm audit has no answer here: ${answer.message}`);
  expect(answer.metadata.vulnerabilities['total']).toBe(0);
}, 120_000);
