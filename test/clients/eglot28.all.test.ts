/** The oldest Emacs and eglot that are supported: Debian 12's own packages. */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { eachWithApplication, mainJob, startEmacs } from './eglot.ts';

describe('a real Emacs 28 with eglot 1.9 as a package', () => {
  eachWithApplication();

  it('does the main job: deny, approve, notes in place, roll back, late and missing answers, a killed server', async () => {
    const program = process.env['HOTLISP_TEST_EMACS28'] ?? 'emacs';
    const version = spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout?.split('\n')[0];
    expect(
      version,
      'on Debian 12: apt-get install emacs-nox elpa-eglot; elsewhere HOTLISP_TEST_EMACS28=PROGRAM',
    ).toMatch(/^GNU Emacs 28\./);
    // Without -Q: Debian's start-up file is what puts its packages on the load path.
    await mainJob(startEmacs(program, []), false);
  }, 180_000);
});
