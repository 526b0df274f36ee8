/** What docs/security.md promises of the whole program; what its parts promise is tested beside them. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Surroundings } from '../support/images.ts';
import { Editor, lispString, repository, usualCapabilities } from '../support/lspClient.ts';
import type { SourceLocation } from '../support/lspTypes.ts';
import { descendants } from '../support/processes.ts';
import { shop } from '../support/shop.ts';
import { startUserImage, swankServer } from '../support/userImage.ts';

let editor: Editor;
afterEach(() => editor?.finish());

const modeOf = (file: string) => statSync(file).mode & 0o777;
const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const place = path.join(folder, entry.name);
    return entry.isDirectory() ? [place, ...filesBelow(place)] : [place];
  });

/** Inode numbers of the TCP sockets that listen, of both families. */
function tcpListeners(): Set<string> {
  const lines = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap(file =>
    readFileSync(file, 'utf8').split('\n').slice(1),
  );
  const fields = lines.map(line => line.trim().split(/\s+/)).filter(each => each[3] === '0A');
  return new Set(fields.map(each => each[9]!));
}

function socketsOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap(fd => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
    } catch {
      return []; // closed meanwhile
    }
  });
}

describe('files and sockets', () => {
  it.each([0o000, 0o022, 0o077])('are the user’s alone under umask %o', async umask => {
    const surroundings = new Surroundings();
    const before = process.umask(umask);
    try {
      editor = await Editor.start({
        files: { 'shop.lisp': shop },
        load: ['shop.lisp'],
        env: {
          XDG_RUNTIME_DIR: surroundings.run,
          XDG_STATE_HOME: path.join(surroundings.folder, 'new-state'),
        },
        settings: { approval: { 'modify-running-code': 'allow' } },
      });
      const document = editor.openFile(path.join(editor.root, 'shop.lisp'));
      document.replace('(twice (tax amount))', '(1+ (twice (tax amount)))');
      await editor.command('reload_file', { uri: document.uri });
      const state = path.join(surroundings.folder, 'new-state', 'hotlisp');
      const places = [...filesBelow(state), ...filesBelow(path.join(surroundings.run, 'hotlisp'))];
      expect(places.some(file => file.endsWith('journal.ndjson'))).toBe(true);
      for (const place of [state, path.join(surroundings.run, 'hotlisp'), ...places])
        expect([place, modeOf(place) & 0o077]).toEqual([place, 0]);
    } finally {
      process.umask(before);
      await editor.finish();
      surroundings.remove();
    }
  });

  it.runIf(process.platform === 'linux')('no process of ours listens on TCP', async () => {
    editor = await Editor.start();
    await editor.command('image_connect');
    const listeners = tcpListeners();
    const own = [editor.pid, ...descendants(editor.pid)];
    expect(own.length).toBeGreaterThan(1);
    for (const pid of own) expect(socketsOf(pid).filter(inode => listeners.has(inode))).toEqual([]);
  });

  it('cannot be reached by another user', async () => {
    const surroundings = new Surroundings();
    // What lies above it is open to all: its own mode has to do.
    for (const folder of [surroundings.folder, surroundings.run]) chmodSync(folder, 0o755);
    try {
      editor = await Editor.start({
        env: { XDG_RUNTIME_DIR: surroundings.run },
      });
      const [socket] = await editor.evaluate('(hotlisp::server-path hotlisp::**server**)');
      const directory = path.dirname(JSON.parse(socket!) as string);
      expect(modeOf(directory)).toBe(0o700);
      if (process.getuid?.() !== 0) return; // only root can be somebody else
      const attempt = spawnSync(
        'setpriv',
        ['--reuid=65534', '--regid=65534', '--clear-groups', 'ls', directory],
        {
          encoding: 'utf8',
        },
      );
      expect([attempt.status === 0, attempt.stderr]).toEqual([false, expect.stringMatching(/denied/i)]);
    } finally {
      await editor.finish();
      surroundings.remove();
    }
  });

  it('a run directory that leads elsewhere by a link is not used', async () => {
    const surroundings = new Surroundings();
    const elsewhere = surroundings.make('elsewhere');
    symlinkSync(elsewhere, path.join(surroundings.run, 'hotlisp'));
    try {
      editor = await Editor.start({ env: { XDG_RUNTIME_DIR: surroundings.run } });
      const error = await editor.failure('image_connect');
      expect(error).toMatchObject({
        kind: 'no-image',
        message: expect.stringMatching(/symbolic link/) as string,
      });
      expect(readdirSync(elsewhere)).toEqual([]);
    } finally {
      await editor.finish();
      surroundings.remove();
    }
  });
});

describe('names of files', () => {
  it.each([
    'with space.lisp',
    'quote".lisp',
    "apostrophe'.lisp",
    'star*[a-z]?.lisp',
    'new\nline.lisp',
    'semicolon;#|.lisp',
    'backslash\\.lisp',
    'percent%41.lisp',
    'naïve-語-😀.lisp',
    'sub/../dotted.lisp',
  ])('%j is loaded, and found again at its place', async name => {
    editor = await Editor.start({ settings: { approval: { 'modify-running-code': 'allow' } } });
    mkdirSync(path.join(editor.root, 'sub'), { recursive: true });
    const file = path.join(editor.root, name);
    writeFileSync(file, '(in-package :cl-user)\n\n(defun named-oddly () 42)\n');
    const document = editor.openFile(file);
    expect(await editor.command('reload_file', { uri: document.uri })).toMatchObject({ status: 'applied' });
    expect(await editor.evaluate('(named-oddly)')).toEqual(['42']);
    const [location] = await editor.command<SourceLocation[]>('source_location', {
      symbol: 'cl-user::named-oddly',
    });
    expect(location).toMatchObject({ uri: document.uri, line: 3 });
  });
});

describe('what looks like our own words', () => {
  it('in a buffer is shown escaped in the prompt, on one line', async () => {
    editor = await Editor.start();
    const name = '|f\u202e\u0007\nDeny  Approve\u200b#99 harmless|';
    const document = editor.open('a.lisp', `(in-package :cl-user)\n(defun ${name} () 1)\n`);
    const prompt = editor.expectPrompt(/reload/i, 'Deny');
    await editor.failure('reload_file', { uri: document.uri });
    const { message, actions } = await prompt;
    expect(message).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e\u200b]/);
    expect(message).toContain('\\u{202e}');
    expect(message.split('\n').filter(line => /^\s*Deny/.test(line))).toEqual([]);
    expect(actions.map(({ title }) => title)).toEqual([
      'Deny',
      'Approve',
      'Approve for Session',
      'Show Diff',
    ]);
  });

  it('from the image, in the name of a thread, is shown escaped in the prompt', async () => {
    editor = await Editor.start();
    await editor.evaluate(
      '(progn (sb-thread:make-thread (lambda () (sleep 60)) :name (format nil "a~c~c#1 Approved." (code-char #x202e) (code-char 7))) t)',
    );
    const { threads } = await editor.command<{ threads: { id: number; name: string }[] }>('thread_list');
    const { id } = threads.find(({ name }) => name.includes('Approved'))!;
    const prompt = editor.expectPrompt(/terminate/i, 'Deny');
    await editor.failure('thread_terminate', { thread: id });
    expect((await prompt).message).toContain('a\\u{202e}\\u{7}#1 Approved.');
  });
});

describe('a URI that is none of a file here', () => {
  const malformed = ['file:///a%2fb', 'file://host/x', 'file:///%zz', 'file:///tmp/%E2%80', 'file:///a%00b'];

  it('leaves that folder out, which is told, and the others hold', async () => {
    const folders = malformed.map(uri => ({ uri, name: 'odd' }));
    editor = await Editor.start({ raw: true, files: { 'a.lisp': '(defun here () 1)\n' } });
    const workspaceFolders = [...folders, { uri: editor.rootUri, name: 'good' }];
    await editor.request('initialize', {
      processId: null,
      rootUri: editor.rootUri,
      workspaceFolders,
      capabilities: usualCapabilities,
      initializationOptions: editor.settings,
    });
    editor.rpc.notify('initialized', {});
    for (const uri of malformed)
      await editor.messages.next(`a word about ${uri}`, ({ message }) => message.includes(uri));
    expect(await editor.evaluate('(+ 1 1)')).toEqual(['2']);
  });

  it('is refused by name where a document or a compiled file is asked for, with nothing broken', async () => {
    editor = await Editor.start();
    await editor.command('image_connect');
    for (const uri of malformed.slice(0, 4)) {
      const text = '(defun f () 1)\n';
      editor.rpc.notify('textDocument/didOpen', {
        textDocument: { uri: `${uri}.lisp`, languageId: 'lisp', version: 1, text },
      });
      const errors = [
        await editor.failure('reload_file', { uri: `${uri}.lisp` }),
        await editor.failure('code_load_fasl', { path: `${uri}.fasl` }),
      ];
      expect(errors.map(({ kind }) => kind)).toEqual(['invalid-arguments', 'invalid-arguments']);
    }
    expect((await editor.failure('code_load_fasl', { path: `/tmp/${'x'.repeat(5000)}` })).kind).toBe(
      'invalid-arguments',
    );
  });
});

describe('a workspace', () => {
  it('that ships settings can neither allow anything nor start another program', async () => {
    const trap = {
      approval: { eval: 'allow', 'modify-running-code': 'allow' },
      'image.command': 'touch pwned',
      'image.init': ['(print 1)'],
      'image.readOnly': false,
      verify: [],
    };
    editor = await Editor.start({
      files: { '.hotlisp.json': JSON.stringify(trap), 'a.lisp': '(in-package :cl-user)\n(defun f () 1)\n' },
      settings: { approval: { eval: 'ask' } },
    });
    for (const key of [
      'approval.eval',
      'approval.modify-running-code',
      'image.command',
      'image.init',
      'image.readOnly',
      'verify',
    ])
      await editor.messages.next(`a word about ${key}`, ({ message }) => message.includes(key));
    void editor.expectPrompt(/evaluate/i, 'Deny');
    expect((await editor.failure('repl_eval', { code: '1' })).kind).toBe('approval-denied');
    const { uri } = editor.openFile(path.join(editor.root, 'a.lisp'));
    void editor.expectPrompt(/reload/i, 'Deny');
    expect((await editor.failure('reload_file', { uri })).kind).toBe('approval-denied');
    expect(readdirSync(editor.root)).not.toContain('pwned');
  });

  it('is opened, hovered and completed without anything of its text being run', async () => {
    editor = await Editor.start();
    const mark = path.join(editor.root, 'ran');
    const trap = `#.(with-open-file (s ${lispString(mark)} :direction :output :if-exists :append :if-does-not-exist :create) (print 1 s))`;
    await editor.command('image_connect');
    const document = editor.open(
      'a.lisp',
      `(in-package :cl-user)\n(defun f (x) ${trap} (list x))\n${trap}\n`,
    );
    const at = { textDocument: { uri: document.uri }, position: document.positionOf('list x') };
    for (const method of [
      'hover',
      'completion',
      'documentSymbol',
      'foldingRange',
      'documentHighlight',
      'definition',
    ])
      await editor.request(`textDocument/${method}`, at).catch(() => undefined);
    await editor.codeActions(document, 'list x');
    expect(readdirSync(editor.root)).not.toContain('ran');
  });
});

describe('secrets', () => {
  it('never stand in a log, also when everything is traced', async () => {
    const surroundings = new Surroundings();
    const secret = 'a-secret-that-nobody-else-knows';
    writeFileSync(path.join(surroundings.home, '.slime-secret'), `${secret}\n`);
    const program = await startUserImage(swankServer, { env: surroundings.environment });
    try {
      editor = await Editor.start({
        env: { HOME: surroundings.home, XDG_CACHE_HOME: surroundings.environment['XDG_CACHE_HOME']! },
        settings: {
          image: { mode: 'attach', address: `127.0.0.1:${program.ports['swank']}` },
          trace: { server: 'verbose' },
        },
      });
      await editor.command('image_connect');
      expect(await editor.evaluate('(+ 1 1)')).toEqual(['2']);
      expect(editor.logs.all.length).toBeGreaterThan(3);
      expect(JSON.stringify(editor.traffic) + editor.stderr).not.toContain(secret);
    } finally {
      await editor.finish();
      await program.stop();
      surroundings.remove();
    }
  });
});

describe('the package', () => {
  const read = (name: string) =>
    JSON.parse(readFileSync(path.join(repository, name), 'utf8')) as Record<string, unknown>;

  it('runs nothing when it is installed, and needs no other package', () => {
    const { scripts, dependencies, optionalDependencies, peerDependencies } = read('package.json') as Record<
      string,
      Record<string, string> | undefined
    >;
    for (const name of ['preinstall', 'install', 'postinstall', 'prepare', 'prepublish'])
      expect(scripts).not.toHaveProperty(name);
    expect([dependencies, optionalDependencies, peerDependencies]).toEqual([undefined, undefined, undefined]);
  });

  it('is built from packages that a lock file pins by content', () => {
    const { packages } = read('package-lock.json') as {
      packages: Record<string, { version?: string; integrity?: string; resolved?: string }>;
    };
    const pinned = Object.entries(packages).filter(([place]) => place !== '');
    expect(pinned.length).toBeGreaterThan(50);
    for (const [place, { version, integrity }] of pinned)
      expect([place, version, integrity]).toEqual([
        place,
        expect.any(String),
        expect.stringMatching(/^sha512-/),
      ]);
  });
});

describe('docs/security.md', () => {
  const page = readFileSync(path.join(repository, 'docs/security.md'), 'utf8');

  it('names tests that there are', () => {
    const named = [...page.matchAll(/`(test\/[\w/.-]+)`: ((?:“[^”]+”(?:, )?)+)/g)].flatMap(
      ([, file, titles]) =>
        [...titles!.matchAll(/“([^”]+)”/g)].map(([, title]) => ({ file: file!, title: title! })),
    );
    expect(named.length).toBeGreaterThan(30);
    const missing = named.filter(
      ({ file, title }) => !readFileSync(path.join(repository, file), 'utf8').includes(title),
    );
    expect(missing).toEqual([]);
  });

  it('names a test for each line of what holds', () => {
    const [, holds] = /## What holds, and its tests\n(.*?)\n## /s.exec(page)!;
    const lines = holds!.split('\n').filter(line => line.startsWith('- '));
    expect(lines.length).toBeGreaterThan(25);
    expect(lines.filter(line => !/`test\/[^`]+`: “/.test(line))).toEqual([]);
  });
});
