/** Symbols, definitions and references over a workspace, from its text alone: no image is started. */
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Editor, usualCapabilities, type TextDocument } from '../support/lspClient.ts';
import type { Location, Position } from '../support/lspTypes.ts';

let editor: Editor;
let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'hotlisp-workspace-'));
});
afterEach(async () => {
  await editor.finish();
  rmSync(root, { recursive: true, force: true });
});

const packages = `(defpackage #:shop (:use #:cl) (:nicknames #:sh) (:export #:total))
(defpackage #:client (:use #:cl) (:local-nicknames (:s :shop)))
`;
const shop = `(in-package #:shop)
(defun total (items)
  (length items))
(defun use () (total nil))
`;
const client = `(in-package #:client)
(defun run ()
  (list (s:total 1) (sh:total 2)))
(defun total () "Another one.")
`;

const uriOf = (name: string) => pathToFileURL(path.join(root, name)).href;

function write(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
    // Old enough that a look at the clock tells whether it was written again.
    const old = Date.now() / 1000 - 100;
    utimesSync(path.join(root, name), old, old);
  }
}

async function start(options: { capabilities?: Record<string, unknown>; env?: Record<string, string> } = {}) {
  editor = await Editor.start({ root, settings: { image: { mode: 'off' } }, ...options });
}

const small = { 'packages.lisp': packages, 'shop.lisp': shop, 'src/client.lisp': client };
const watching = {
  ...usualCapabilities,
  workspace: {
    ...(usualCapabilities['workspace'] as object),
    didChangeWatchedFiles: { dynamicRegistration: true },
  },
};

interface Found {
  readonly name: string;
  readonly kind: number;
  readonly containerName?: string;
  readonly location: Location;
}

const symbols = async (query: string) =>
  ((await editor.request('workspace/symbol', { query })) as Found[]).map(
    ({ name, containerName, location }) =>
      `${containerName ?? '-'}: ${name} in ${location.uri.replace(`${editor.rootUri}/`, '')}`,
  );
const at = (document: TextDocument, place: string) => ({
  textDocument: { uri: document.uri },
  position: document.positionOf(place),
});
const shown = (places: readonly Location[]) =>
  places.map(
    ({ uri, range: { start } }) =>
      `${uri.replace(`${editor.rootUri}/`, '')} ${start.line}:${start.character}`,
  );
const definition = async (document: TextDocument, place: string) =>
  shown((await editor.request('textDocument/definition', at(document, place))) as Location[]);
const references = async (document: TextDocument, place: string, includeDeclaration = true) =>
  shown(
    (await editor.request('textDocument/references', {
      ...at(document, place),
      context: { includeDeclaration },
    })) as Location[],
  );

describe('a workspace', () => {
  it('is searched by name, with the package as container', async () => {
    write(small);
    await start();
    expect(await symbols('total')).toEqual(['SHOP: total in shop.lisp', 'CLIENT: total in src/client.lisp']);
    expect(await symbols('client:tot')).toEqual(['CLIENT: total in src/client.lisp']);
    expect(await symbols('no-such')).toEqual([]);
    const [found] = (await editor.request('workspace/symbol', { query: 'use' })) as Found[];
    expect(found).toEqual({
      name: 'use',
      kind: 12,
      containerName: 'SHOP',
      location: {
        uri: uriOf('shop.lisp'),
        range: { start: { line: 3, character: 0 }, end: { line: 3, character: 26 } },
      },
    });
  });

  it('leads from a name to its definition, through nicknames, into files that are not open', async () => {
    write(small);
    await start();
    const document = editor.openFile(path.join(root, 'src/client.lisp'));
    expect(await definition(document, 's:to¦tal')).toEqual(['shop.lisp 1:7']);
    expect(await definition(document, 'sh:to¦tal')).toEqual(['shop.lisp 1:7']);
    expect(await definition(document, '(¦s:total')).toEqual(['packages.lisp 0:12']);
    expect(await definition(document, '(defun to¦tal')).toEqual(['src/client.lisp 3:7']);
    expect(await definition(document, '"Ano¦ther')).toEqual([]);
  });

  it('leads from a name to its references, with or without what defines it', async () => {
    write(small);
    await start();
    const document = editor.openFile(path.join(root, 'src/client.lisp'));
    const uses = ['packages.lisp 0:58', 'shop.lisp 3:15', 'src/client.lisp 2:9', 'src/client.lisp 2:21'];
    expect(await references(document, 's:to¦tal', false)).toEqual(uses);
    expect(await references(document, 's:to¦tal')).toEqual([
      ...uses.slice(0, 1),
      'shop.lisp 1:7',
      ...uses.slice(1),
    ]);
    expect(await references(document, '(defun to¦tal', false)).toEqual([]);
  });

  it('is what the buffers say where they are open, at once', async () => {
    write(small);
    await start();
    const document = editor.openFile(path.join(root, 'shop.lisp'));
    document.replace('(in-package #:shop)\n', '(in-package #:shop)\n\n;; more\n');
    document.replace('(defun use ()', '(defun use-it ()');
    expect(await definition(document, '(use-it () (to¦tal'.replace('(use-it () ', ''))).toEqual([
      'shop.lisp 3:7',
    ]);
    expect(await symbols('use-it')).toEqual(['SHOP: use-it in shop.lisp']);
    document.close();
    expect(await symbols('use-it')).toEqual([]);
    expect(await symbols('use')).toEqual(['SHOP: use in shop.lisp']);
  });

  it('is known to what is asked first, and its folders change, while the editor has not accepted a registration', async () => {
    write({ 'a/a.lisp': '(defun in-a ())', 'b/b.lisp': '(defun in-b ())' });
    const workspace = {
      ...watching.workspace,
      didChangeConfiguration: { dynamicRegistration: true },
    };
    const folder = (name: string) => ({ uri: uriOf(name), name });
    editor = await Editor.start({
      root,
      raw: true,
      settings: { image: { mode: 'off' } },
      capabilities: { ...usualCapabilities, workspace },
      initialize: { workspaceFolders: [folder('a')] },
    });
    editor.silentTo.add('client/registerCapability');
    await editor.initialize();
    expect(await symbols('in-')).toEqual(['-: in-a in a/a.lisp']);
    editor.rpc.notify('workspace/didChangeWorkspaceFolders', {
      event: { added: [folder('b')], removed: [folder('a')] },
    });
    expect(await symbols('in-')).toEqual(['-: in-b in b/b.lisp']);
    expect(await editor.command('image_status')).toMatchObject({ mode: 'off' });
  });

  it('has buffers that have no file yet', async () => {
    await start();
    const document = editor.openUntitled('Untitled-1', '(defun f () (g))\n(defun g ())\n');
    expect(await definition(document, '(¦g)')).toEqual(['untitled:Untitled-1 1:7']);
    expect(await symbols('g')).toEqual(['-: g in untitled:Untitled-1']);
  });

  it('shows progress while it is read, where the editor can show it', async () => {
    write(Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`f${n}.lisp`, `(defun f${n} ())\n`])));
    await start();
    expect(await symbols('f29')).toEqual(['-: f29 in f29.lisp']);
    const begun = await editor.progress.next('the beginning', ({ value }) => value.title === 'Indexing');
    await editor.progress.next(
      'the end',
      ({ token, value }) => token === begun.token && value.kind === 'end',
    );
  });

  it('counts positions as negotiated', async () => {
    write({ 'a.lisp': '"é😀" (defun f ())\n' });
    await start({ capabilities: { ...usualCapabilities, general: { positionEncodings: ['utf-8'] } } });
    const [found] = (await editor.request('workspace/symbol', { query: 'f' })) as Found[];
    expect(found!.location.range.start).toEqual({ line: 0, character: 9 } satisfies Position);
  });
});

describe('files that change without the editor', () => {
  it('are read again when the editor tells, where it offers to watch them', async () => {
    write(small);
    await start({ capabilities: watching });
    const { registerOptions } = await editor.registered.next(
      'the watchers',
      ({ method }) => method === 'workspace/didChangeWatchedFiles',
    );
    expect(registerOptions).toEqual({ watchers: [{ globPattern: '**/*.{lisp,asd,cl,lsp}' }] });
    expect(await symbols('total')).toHaveLength(2);
    write({ 'shop.lisp': '(in-package #:shop)\n(defun totals ())\n', 'new.lisp': '(defun totally-new ())' });
    rmSync(path.join(root, 'src/client.lisp'));
    editor.rpc.notify('workspace/didChangeWatchedFiles', {
      changes: [
        { uri: uriOf('shop.lisp'), type: 2 },
        { uri: uriOf('new.lisp'), type: 1 },
        { uri: uriOf('src/client.lisp'), type: 3 },
      ],
    });
    expect(await symbols('total')).toEqual(['SHOP: totals in shop.lisp', '-: totally-new in new.lisp']);
  });

  it('are not watched by an editor that does not offer it', async () => {
    write(small);
    await start();
    expect(await symbols('total')).toHaveLength(2);
    expect(editor.registered.all).toEqual([]);
  });

  it('belong to the folders that the editor adds and removes', async () => {
    write({ 'a/a.lisp': '(defun in-a ())', 'b/b.lisp': '(defun in-b ())' });
    const folder = (name: string) => ({ uri: uriOf(name), name });
    editor = await Editor.start({
      root,
      settings: { image: { mode: 'off' } },
      initialize: { workspaceFolders: [folder('a')] },
    });
    expect(await symbols('in-')).toEqual(['-: in-a in a/a.lisp']);
    editor.rpc.notify('workspace/didChangeWorkspaceFolders', {
      event: { added: [folder('b')], removed: [folder('a')] },
    });
    expect(await symbols('in-')).toEqual(['-: in-b in b/b.lisp']);
  });
});

describe('the cache', () => {
  it('is private, under the cache folder of the user, and spares the next session the reading', async () => {
    const cache = path.join(root, '.cache');
    write(
      Object.fromEntries(
        Array.from({ length: 40 }, (_, n) => [
          `f${n}.lisp`,
          `(defun f${n} ())\n${'; filler\n'.repeat(1000)}`,
        ]),
      ),
    );
    const env = { XDG_CACHE_HOME: cache };
    await start({ env });
    const before = await symbols('f');
    expect(before).toHaveLength(40);
    await editor.finish();
    const directory = path.join(cache, 'hotlisp');
    const [name, ...others] = readdirSync(directory).filter(each => each.startsWith('index-'));
    expect([name, others]).toEqual([expect.stringMatching(/^index-[0-9a-f]+\.json$/), []]);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(path.join(directory, name!)).mode & 0o777).toBe(0o600);

    await start({ env });
    expect(await symbols('f')).toEqual(before);
    expect(editor.progress.all).toEqual([]);
    await editor.finish();

    writeFileSync(
      path.join(directory, name!),
      readFileSync(path.join(directory, name!), 'utf8').slice(0, 500),
    );
    await start({ env });
    expect(await symbols('f')).toEqual(before);
    await editor.logs.next('word of the damaged cache', ({ message }) => message.includes(name!));
  });
});

describe('a request', () => {
  it('can be cancelled', async () => {
    write(small);
    await start();
    const document = editor.openFile(path.join(root, 'shop.lisp'));
    const { id, reply } = editor.rpc.start('textDocument/references', {
      ...at(document, '(to¦tal'),
      context: { includeDeclaration: true },
    });
    editor.rpc.notify('$/cancelRequest', { id });
    // Whichever comes first: the reply, or the cancellation.
    const settled = await reply.catch((error: unknown) => error);
    if (!Array.isArray(settled)) expect(settled).toMatchObject({ code: -32800 });
    expect(await symbols('total')).toHaveLength(2);
  });

  it('is answered while a file of 2 MB is read, and one over 2 MB is left out with a line in the log', async () => {
    write({
      'big.lisp': `(defun big ())\n${'(defun filler (x) (list x "text" :key 1.0))\n'.repeat(40_000)}`,
      'huge.lisp': `(defun huge ())\n${'; filler\n'.repeat(250_000)}`,
      'small.lisp': '(defun small-one ())\n',
    });
    await start();
    const document = editor.open('open.lisp', '(defun here () (small-one))');
    const outline = editor.request('textDocument/documentSymbol', { textDocument: { uri: document.uri } });
    expect(await outline).toHaveLength(1);
    expect(await definition(document, '(small-¦one')).toEqual(['small.lisp 0:7']);
    expect(await symbols('big')).toEqual(['-: big in big.lisp']);
    expect(await symbols('huge')).toEqual([]);
    await editor.logs.next('word of the large file', ({ message }) => /huge\.lisp/.test(message));
    const long = editor.open('long.lisp', `(defun far ())\n${'; filler\n'.repeat(250_000)}`);
    const renamed = editor.request('textDocument/rename', {
      textDocument: { uri: long.uri },
      position: long.positionOf('fa¦r'),
      newName: 'near',
    });
    await expect(renamed).rejects.toThrow(/2250015 characters.*2000000/);
    await editor.logs.next('word of the long buffer', ({ message }) =>
      /leaves out.*long\.lisp/.test(message),
    );
  });

  it('for semantic tokens does not wait for files that are being read, and the editor is told to ask again', async () => {
    write({
      'big.lisp': '(defun filler (x) (list x "text" :key 1.0))\n'.repeat(40_000),
      'macros.lisp': '(defmacro twice (form) form)\n',
    });
    const textDocument = {
      semanticTokens: {
        requests: { full: true },
        tokenTypes: ['function', 'macro'],
        tokenModifiers: [],
        formats: ['relative'],
      },
    };
    await start({
      capabilities: { textDocument, workspace: { semanticTokens: { refreshSupport: true } } },
      env: { HOTLISP_BUDGET_MS: '1' },
    });
    const document = editor.open('open.lisp', '(twice)');
    const types = async () => {
      const { data } = (await editor.request('textDocument/semanticTokens/full', {
        textDocument: { uri: document.uri },
      })) as { data: number[] };
      return data[3];
    };
    expect(await types()).toBe(0);
    const told = () => editor.refreshes.all.includes('workspace/semanticTokens/refresh');
    while (!told() || (await types()) !== 1) await new Promise(resolve => setTimeout(resolve, 50));
  });
});
