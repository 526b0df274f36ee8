/** The main job from lsp-mode, Debian 12's package, with the file that its users copy. */
import { describe, it } from 'vitest';
import { emacs28, startEmacs } from './emacs.ts';
import { eachWithApplication, mainJob } from './mainJob.ts';

describe('a real Emacs with lsp-mode', () => {
  const surroundings = eachWithApplication();

  it('does the main job; the diff comes as a message (on Debian 12: apt-get install emacs-nox elpa-lsp-mode)', async () => {
    const editor = startEmacs(emacs28, surroundings(), [], 'lsp-mode');
    await mainJob(surroundings(), editor, { documents: false, progress: true, columns: false });
  }, 180_000);
});
