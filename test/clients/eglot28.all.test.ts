/** The oldest Emacs and eglot that are supported: Debian 12's own packages. */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { emacs28, startEmacs } from './emacs.ts';
import { eachWithApplication, mainJob } from './mainJob.ts';

describe('a real Emacs 28 with eglot 1.9 as a package', () => {
  const surroundings = eachWithApplication();

  it('does the main job, as the newest does; the diff comes as a message, and there is no progress', async () => {
    const version = spawnSync(emacs28, ['--version'], { encoding: 'utf8' }).stdout?.split('\n')[0];
    expect(
      version,
      'on Debian 12: apt-get install emacs-nox elpa-eglot; elsewhere HOTLISP_TEST_EMACS28=PROGRAM',
    ).toMatch(/^GNU Emacs 28\./);
    // Without -Q: Debian's start-up file is what puts its packages on the load path.
    const editor = startEmacs(emacs28, surroundings(), [], 'eglot');
    await mainJob(surroundings(), editor, { documents: false, progress: false, columns: true });
  }, 180_000);
});
