import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rename, rm, stat, appendFile, chmod } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Journal, type JournalEntry } from '../../../server/approval/journal.ts';

const entry = (request: number): JournalEntry => ({
  time: new Date(0).toISOString(),
  event: 'decision',
  actor: 'test',
  image: { id: 'i', title: 't' },
  operation: 'reload_form',
  request,
  decision: 'approved',
});

describe('the journal', () => {
  let directory: string;
  let journal: Journal;
  let warnings: string[];
  beforeEach(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'hotlisp-journal-'));
    warnings = [];
    journal = new Journal(path.join(directory, 'inner'), message => warnings.push(message));
  });
  afterEach(async () => {
    await journal.close();
    await chmod(directory, 0o700);
    await rm(directory, { recursive: true });
  });

  it('keeps entries in order, one line each, private to the user', async () => {
    await Promise.all([1, 2, 3, 4, 5].map(number => journal.append(entry(number))));
    expect((await journal.read()).map(({ request }) => request)).toEqual([1, 2, 3, 4, 5]);
    expect((await readFile(journal.path, 'utf8')).split('\n')).toHaveLength(6);
    expect((await stat(journal.path)).mode & 0o777).toBe(0o600);
    expect((await stat(path.dirname(journal.path))).mode & 0o777).toBe(0o700);
  });

  it('is empty where there is none', async () => {
    expect(await journal.read()).toEqual([]);
  });

  it('skips a torn line with a warning, and the next entry stands on a line of its own', async () => {
    await journal.append(entry(1));
    await journal.close();
    await appendFile(journal.path, '{"time":"1970-01-01T00:00:00.000Z","event":"out');
    await journal.append(entry(2));
    expect((await journal.read()).map(({ request }) => request)).toEqual([1, 2]);
    expect(warnings).toEqual([expect.stringContaining(':2 is not a whole journal entry')]);
  });

  it('keeps apart what another server’s full disk left of a line', async () => {
    await journal.append(entry(1));
    await appendFile(journal.path, '{"time":"1970-01-01T00:00:00.000Z","event":"out');
    await journal.append(entry(2));
    expect((await journal.read()).map(({ request }) => request)).toEqual([1, 2]);
  });

  it('is begun anew where its directory was removed or its file replaced', async () => {
    await journal.append(entry(1));
    await rm(path.dirname(journal.path), { recursive: true });
    await journal.append(entry(2));
    expect((await journal.read()).map(({ request }) => request)).toEqual([2]);
    await rename(journal.path, `${journal.path}.old`);
    await Promise.all([journal.append(entry(3)), journal.append(entry(4))]);
    expect((await journal.read()).map(({ request }) => request)).toEqual([3, 4]);
  });

  it('that is a pipe is refused at once, to be written and to be read', async () => {
    await mkdir(path.dirname(journal.path));
    execFileSync('mkfifo', [journal.path]);
    await expect(journal.append(entry(1))).rejects.toThrow(/cannot be written \(it is not a regular file\)/);
    await expect(journal.read()).rejects.toThrow(/cannot be read \(it is not a regular file\)/);
  });

  it('is one for several servers: every entry stands whole on a line of its own', async () => {
    const journals = [journal, ...[1, 2].map(() => new Journal(path.dirname(journal.path), () => undefined))];
    const big = { ...entry(0), reason: 'x'.repeat(20_000) };
    await Promise.all(
      journals.flatMap((each, server) =>
        Array.from({ length: 50 }, (_, n) => each.append({ ...big, request: server * 50 + n })),
      ),
    );
    const requests = (await journal.read()).map(({ request }) => request);
    expect(requests.sort((a, b) => a - b)).toEqual(Array.from({ length: 150 }, (_, n) => n));
    expect(warnings).toEqual([]);
    for (const each of journals.slice(1)) await each.close();
  });

  it('that cannot be written says which file and what to do', async () => {
    const blocked = new Journal(path.join('/dev/null', 'journal'), () => undefined);
    await expect(blocked.append(entry(1))).rejects.toMatchObject({
      kind: 'read-only',
      message: expect.stringMatching(/\/dev\/null.*journal\.directory/) as string,
    });
  });
});
