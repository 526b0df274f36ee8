import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readAgentFiles, storeAgentSource } from '../../../server/image/agentFiles.ts';
import { repository } from '../../support/lspClient.ts';

let folder: string;
let lisp: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'hotlisp-files-'));
  lisp = path.join(folder, 'lisp');
  cpSync(path.join(repository, 'lisp'), lisp, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the agent’s files', () => {
  it('are one text in the order of files.txt, a form feed between each two', async () => {
    const { source } = await readAgentFiles(lisp);
    const names = readFileSync(path.join(lisp, 'files.txt'), 'utf8').split('\n').filter(Boolean);
    expect(source).toBe(names.map(name => readFileSync(path.join(lisp, `${name}.lisp`), 'utf8')).join('\f'));
  });

  it('have another digest when any of them, boot.lisp or their order changes', async () => {
    const digests = new Set([(await readAgentFiles(lisp)).digest]);
    appendFileSync(path.join(lisp, 'package.lisp'), ' ');
    digests.add((await readAgentFiles(lisp)).digest);
    appendFileSync(path.join(lisp, 'boot.lisp'), ' ');
    digests.add((await readAgentFiles(lisp)).digest);
    writeFileSync(path.join(lisp, 'files.txt'), 'json\npackage\n');
    digests.add((await readAgentFiles(lisp)).digest);
    expect(digests.size).toBe(4);
  });

  it('that are missing are named', async () => {
    appendFileSync(path.join(lisp, 'files.txt'), 'nowhere\n');
    await expect(readAgentFiles(lisp)).rejects.toThrow('nowhere.lisp');
  });

  it('are stored once, privately, and mended when the copy is not whole', async () => {
    const files = await readAgentFiles(lisp);
    const environment = { XDG_CACHE_HOME: path.join(folder, 'cache') };
    const stored = await storeAgentSource(files, environment);
    const { ino, mode } = statSync(stored);
    expect([mode & 0o777, readFileSync(stored, 'utf8') === files.source]).toEqual([0o600, true]);
    expect(statSync(await storeAgentSource(files, environment)).ino).toBe(ino);
    writeFileSync(stored, files.source.slice(1));
    await storeAgentSource(files, environment);
    expect(readFileSync(stored, 'utf8')).toBe(files.source);
  });
});
