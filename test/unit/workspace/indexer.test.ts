/** The index at work on folders of its own: what it finds, and what makes it read again. */
import fc from 'fast-check';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { differenceOf } from '../../../server/workspace/difference.ts';
import { Indexer } from '../../../server/workspace/indexer.ts';
import { testSource } from '../source/source.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'hotlisp-index-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const never = new AbortController().signal;

function write(name: string, text: string): string {
  const file = path.join(root, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  // Old enough that a look at the clock tells whether it was written again.
  const old = Date.now() / 1000 - 100;
  utimesSync(file, old, old);
  return pathToFileURL(file).href;
}

interface Started {
  indexer: Indexer;
  logged: string[];
  progressed: [number, number][];
}

async function start(
  options: { cacheFile?: string; stamp?: string; watched?: boolean; folder?: string } = {},
): Promise<Started> {
  const logged: string[] = [];
  const progressed: [number, number][] = [];
  const indexer = new Indexer({
    source: await testSource(),
    encoding: 'utf-16',
    stamp: options.stamp ?? 'this program',
    log: message => logged.push(message),
    progress: (done, total) => progressed.push([done, total]),
  });
  indexer.configure({
    folders: [options.folder ?? root],
    watched: options.watched ?? true,
    ...(options.cacheFile !== undefined && { cacheFile: options.cacheFile }),
  });
  return { indexer, logged, progressed };
}

const names = async (indexer: Indexer, query = '') =>
  (await indexer.query('symbols', { query, limit: 100 }, never))
    .map(({ definition }) => definition.name)
    .sort();
const filesRead = async (indexer: Indexer) => (await indexer.query('state', {}, never)).read;

describe('the folders', () => {
  it('are searched for Lisp files, hidden ones and node_modules left out', async () => {
    for (const name of ['a.lisp', 'b.asd', 'deep/er/c.cl', 'd.lsp', 'E.LISP'])
      write(name, `(defun ${path.parse(name).name} ())`);
    for (const name of ['x.txt', 'x.l', '.git/x.lisp', 'node_modules/p/x.lisp', '.hidden.lisp'])
      write(name, '(defun not-this ())');
    const { indexer, logged } = await start();
    expect(await names(indexer)).toEqual(['E', 'a', 'b', 'c', 'd']);
    expect(logged).toEqual([]);
  });

  it('may hold links in circles, to nothing, to files outside and to folders above', async () => {
    const outside = mkdtempSync(path.join(tmpdir(), 'hotlisp-outside-'));
    try {
      writeFileSync(path.join(outside, 'out.lisp'), '(defun outside ())');
      write('a.lisp', '(defun inside ())');
      symlinkSync(root, path.join(root, 'self'));
      symlinkSync(tmpdir(), path.join(root, 'above'));
      symlinkSync(path.join(root, 'nothing'), path.join(root, 'gone.lisp'));
      symlinkSync(path.join(root, 'a.lisp'), path.join(root, 'again.lisp'));
      symlinkSync(outside, path.join(root, 'there'));
      symlinkSync(outside, path.join(root, 'there-too'));
      const { indexer } = await start();
      expect(await names(indexer)).toEqual(['inside', 'outside']);
    } finally {
      rmSync(outside, { recursive: true });
    }
  });

  it('are read but for files over 2 MB, with a line in the log', async () => {
    write('a.lisp', '(defun a ())');
    write('huge.lisp', `(defun huge ())\n${'; filler\n'.repeat(250_000)}`);
    const { indexer, logged } = await start();
    expect(await names(indexer)).toEqual(['a']);
    expect(logged).toEqual([expect.stringMatching(/huge\.lisp.*2000000/)]);
  });

  it('that are not there are named in the log', async () => {
    const { indexer, logged } = await start({ folder: path.join(root, 'none') });
    expect(await names(indexer)).toEqual([]);
    expect(logged).toEqual([expect.stringContaining('none')]);
  });

  it('survive files that are no text', async () => {
    writeFileSync(path.join(root, 'binary.lisp'), Buffer.from([0xff, 0xfe, 0, 0x28, 0x80, 0xc3]));
    write('broken.lisp', '(defun a ()\n\n(defun b ())\n"open');
    const { indexer } = await start();
    expect(await names(indexer)).toEqual(['a', 'b']);
  });
});

describe('what changes', () => {
  it('is read when the editor tells: changed, made, removed', async () => {
    const a = write('a.lisp', '(defun a ())');
    const b = write('b.lisp', '(defun b ())');
    const { indexer } = await start();
    expect(await names(indexer)).toEqual(['a', 'b']);
    write('a.lisp', '(defun a2 ())');
    rmSync(path.join(root, 'b.lisp'));
    const c = write('c.lisp', '(defun c ())');
    indexer.filesChanged([a, b, c]);
    expect(await names(indexer)).toEqual(['a2', 'c']);
    expect(await filesRead(indexer)).toBe(4);
  });

  it('is told of whole folders that went', async () => {
    write('old/a.lisp', '(defun a ())');
    const { indexer } = await start();
    expect(await names(indexer)).toEqual(['a']);
    rmSync(path.join(root, 'old'), { recursive: true });
    indexer.filesChanged([pathToFileURL(path.join(root, 'old')).href]);
    expect(await names(indexer)).toEqual([]);
  });

  it('is not parsed again when its content is the same', async () => {
    const a = write('a.lisp', '(defun a ())');
    const { indexer } = await start();
    expect(await names(indexer)).toEqual(['a']);
    writeFileSync(path.join(root, 'a.lisp'), '(defun a ())');
    indexer.filesChanged([a]);
    expect(await names(indexer)).toEqual(['a']);
    expect(await filesRead(indexer)).toBe(1);
  });

  it('in an open buffer wins over the file, until it is closed', async () => {
    const a = write('a.lisp', '(defun saved ())');
    const { indexer } = await start();
    indexer.setBuffer(a, '(defun typed ())');
    expect(await names(indexer)).toEqual(['typed']);
    indexer.setBuffer(a, '(defun typed-more ())');
    write('a.lisp', '(defun saved-again ())');
    indexer.filesChanged([a]);
    expect(await names(indexer)).toEqual(['typed-more']);
    indexer.setBuffer(a, undefined);
    expect(await names(indexer)).toEqual(['saved-again']);
  });

  it('in a buffer counts also where its file is too large to be read', async () => {
    const huge = write('huge.lisp', `(defun huge ())\n${'; filler\n'.repeat(250_000)}`);
    const { indexer } = await start();
    indexer.setBuffer(huge, '(defun typed ())');
    indexer.filesChanged([huge]);
    expect(await names(indexer)).toEqual(['typed']);
  });

  it('is taken into an open buffer as the one edit that makes it', () => {
    const texts = fc.stringMatching(/^[ab(]{0,8}$/);
    fc.assert(
      fc.property(texts, texts, (before, after) => {
        const change = differenceOf(before, after);
        const { range, text } = change ?? { range: { start: 0, end: 0 }, text: '' };
        expect(before.slice(0, range.start) + text + before.slice(range.end)).toBe(after);
      }),
    );
  });

  it('is not read any more once the person stops it, until the folders change', async () => {
    for (let i = 0; i < 5; i++) write(`${i}.lisp`, `(defun f${i} ())`);
    const { indexer } = await start();
    indexer.stop();
    expect(await names(indexer)).toEqual([]);
    indexer.configure({ folders: [root], watched: true });
    expect(await names(indexer)).toHaveLength(5);
  });

  it('in a buffer outside the folders counts while it is open', async () => {
    const { indexer } = await start();
    indexer.setBuffer('untitled:Untitled-1', '(defun untitled ())');
    expect(await names(indexer)).toEqual(['untitled']);
    indexer.setBuffer('untitled:Untitled-1', undefined);
    expect(await names(indexer)).toEqual([]);
  });

  it('in the features concerns the files with reader conditionals alone', async () => {
    write('a.lisp', '(defun a ())');
    write('b.lisp', '#+sbcl (defun yes ()) #+lispworks (defun no ())');
    const { indexer } = await start();
    expect(await names(indexer)).toEqual(['a', 'yes']);
    indexer.setFeatures(['LISPWORKS']);
    expect(await names(indexer)).toEqual(['a', 'no']);
    expect(await filesRead(indexer)).toBe(3);
  });

  it('in the choice of folders adds and drops files', async () => {
    write('one/a.lisp', '(defun a ())');
    write('two/b.lisp', '(defun b ())');
    const { indexer } = await start({ folder: path.join(root, 'one') });
    expect(await names(indexer)).toEqual(['a']);
    indexer.configure({ folders: [path.join(root, 'two')], watched: true });
    expect(await names(indexer)).toEqual(['b']);
  });

  it('reports progress up to its end', async () => {
    for (let i = 0; i < 5; i++) write(`${i}.lisp`, '(defun a ())');
    const { indexer, progressed } = await start();
    await names(indexer);
    expect(progressed[0]).toEqual([1, 5]);
    expect(progressed.at(-1)).toEqual([5, 5]);
  });
});

describe('the cache', () => {
  /** Enough that keeping it is worth the while. */
  const fill = () => {
    for (let i = 0; i < 12; i++)
      write(
        `f${i}.lisp`,
        `(defpackage #:p${i} (:use #:cl) (:export #:f${i}))\n(in-package #:p${i})\n(defun f${i} (x) "Doc." (car x))\n${'; filler\n'.repeat(3000)}`,
      );
  };
  const cacheFile = () => path.join(root, '.cache', 'index-0.json');
  beforeEach(() => mkdirSync(path.join(root, '.cache')));

  async function filled(): Promise<void> {
    fill();
    const { indexer } = await start({ cacheFile: cacheFile() });
    expect(await filesRead(indexer)).toBe(12);
    await indexer.close();
  }

  it('spares reading what did not change, and answers the same', async () => {
    fill();
    const first = await start({ cacheFile: cacheFile() });
    const before = await first.indexer.query('symbols', { query: '', limit: 100 }, never);
    await first.indexer.close();
    write('f3.lisp', '(defun f3-new ())');
    const second = await start({ cacheFile: cacheFile() });
    const after = await second.indexer.query('symbols', { query: '', limit: 100 }, never);
    expect(await filesRead(second.indexer)).toBe(1);
    const others = (hits: typeof after) => hits.filter(({ uri }) => !uri.endsWith('f3.lisp'));
    expect(others(after)).toEqual(others(before));
    expect(second.progressed.at(-1)).toEqual([1, 1]);
  });

  it('is private, and written in one step', async () => {
    await filled();
    expect(statSync(cacheFile()).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(cacheFile(), 'utf8'))).toHaveProperty('files');
  });

  it('of another version, or damaged, is not used', async () => {
    await filled();
    const other = await start({ cacheFile: cacheFile(), stamp: 'another program' });
    expect(await filesRead(other.indexer)).toBe(12);
    await other.indexer.close();
    writeFileSync(cacheFile(), readFileSync(cacheFile(), 'utf8').slice(0, 1000));
    const damaged = await start({ cacheFile: cacheFile() });
    expect(await filesRead(damaged.indexer)).toBe(12);
    expect(damaged.logged).toEqual([expect.stringContaining('index-0.json')]);
  });

  it('that cannot be written is a line in the log', async () => {
    fill();
    const { indexer, logged } = await start({ cacheFile: path.join(root, 'nowhere', 'index-0.json') });
    expect(await filesRead(indexer)).toBe(12);
    await indexer.close();
    expect(logged).toEqual([expect.stringMatching(/is not kept.*ENOENT/)]);
  });
});
