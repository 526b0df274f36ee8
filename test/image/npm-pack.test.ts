/** What users install: the tarball of `npm pack`, in an empty folder, with nothing of this repository beside it. */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Editor, nodeProgram, repository } from '../support/lspClient.ts';

describe('the packed package', () => {
  let folder: string;
  let installed: string;
  let packed: string[];

  /** Runs a command; its output, or an error with all that it said. */
  function run(cwd: string, command: string, ...args: string[]): string {
    const { status, stdout, stderr, error } = spawnSync(command, args, {
      cwd,
      encoding: 'utf8',
      timeout: 100_000,
    });
    if (status !== 0)
      throw new Error(
        `${command} ${args.join(' ')} ended with ${status ?? error?.message}:\n${stdout}${stderr}`,
      );
    return stdout;
  }

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'hotlisp-pack-'));
    // The built dist is packed as it is: prepack would build it again under the feet of the other tests.
    const [{ filename, files }] = JSON.parse(
      run(repository, 'npm', 'pack', '--ignore-scripts', '--json', '--pack-destination', folder),
    ) as [{ filename: string; files: { path: string }[] }];
    packed = files.map(file => file.path);
    const project = path.join(folder, 'project');
    mkdirSync(project);
    writeFileSync(path.join(project, 'package.json'), '{"private": true}');
    run(project, 'npm', 'install', '--offline', '--no-audit', '--no-fund', path.join(folder, filename));
    installed = path.join(project, 'node_modules/.bin/hotlisp');
  });
  afterAll(() => folder && rmSync(folder, { recursive: true, force: true }));

  it('holds the bundle, the wasm and the agent, and installs without any other package', () => {
    expect(packed).toEqual(
      expect.arrayContaining(['dist/hotlisp.js', 'package.json', 'README.md', 'LICENSE', 'docs/hotlisp.1']),
    );
    expect(packed.some(file => file.endsWith('.wasm'))).toBe(true);
    expect(packed.some(file => file.startsWith('dist/lisp/') && file.endsWith('.lisp'))).toBe(true);
    expect(packed.filter(file => /^(server|test|lisp|node_modules)\//.test(file))).toEqual([]);
    expect(existsSync(path.join(folder, 'project/node_modules/hotlisp/dist/hotlisp.js'))).toBe(true);
  });

  it('brings the man page to where man looks for it', () => {
    const prefix = path.join(folder, 'prefix');
    const tarball = readdirSync(folder).find(name => name.endsWith('.tgz'))!;
    run(
      folder,
      'npm',
      'install',
      '--global',
      '--offline',
      '--no-audit',
      '--no-fund',
      '--prefix',
      prefix,
      tarball,
    );
    expect(readFileSync(path.join(prefix, 'share/man/man1/hotlisp.1'), 'utf8')).toMatch(/^\.TH HOTLISP/m);
  });

  it('answers --version, --help and a wrong option', () => {
    expect(run(folder, installed, '--version').trim()).toMatch(/^\d+\.\d+\.\d+$/);
    expect(run(folder, installed, '--help')).toMatch(/--stdio/);
    const wrong = spawnSync(installed, ['--no-such-option'], { encoding: 'utf8', timeout: 20_000 });
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toMatch(/--no-such-option/);
  });

  it('says with doctor what is installed, and exits 1 where no image can be had', () => {
    expect(run(folder, installed, 'doctor')).toMatch(/SBCL \d/);
    const program = path.join(folder, 'project/node_modules/hotlisp/dist/hotlisp.js');
    const unusable = spawnSync(nodeProgram, [program, 'doctor'], {
      cwd: folder,
      encoding: 'utf8',
      timeout: 20_000,
      env: { ...process.env, PATH: path.join(folder, 'empty') },
    });
    expect(unusable.status).toBe(1);
    expect(unusable.stdout + unusable.stderr).toMatch(/sbcl/i);
  });

  it('serves an editor: a form is reloaded in an image that it started', async () => {
    const editor = await Editor.start({
      program: path.join(folder, 'project/node_modules/hotlisp/dist/hotlisp.js'),
    });
    try {
      expect(editor.serverInfo.name).toBe('hotlisp');
      const document = editor.open('a.lisp', '(in-package :cl-user)\n(defun packed () 42)\n');
      void editor.expectPrompt(/reload packed/i, 'Approve');
      expect(await editor.actionOutcome(document, '(defun packed', /^Reload packed$/)).toMatchObject({
        status: 'applied',
      });
      expect(await editor.evaluate('(packed)')).toEqual(['42']);
    } finally {
      await editor.finish();
    }
  });
});
