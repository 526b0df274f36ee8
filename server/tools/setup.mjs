// Sets up a clone: npm packages, SBCL, the built server; `--test` also what the tests need, `--all` also the newest SBCL, code-server and other Nodes.
// Plain Node 20 and no dependency, because it runs before anything is installed. Safe to run any number of times,
// also without a terminal; it exits 1 with one line that says what to install when it cannot go on.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { aptInstall, canInstallPackages, hasApt, isInstalled, onPath } from './apt.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const OLDEST_SBCL = [2, 2, 9];

const say = line => console.log(`setup: ${line}`);
class SetupError extends Error {}

/** @returns true when `version` ("2.2.9.debian") is at least `oldest` */
function atLeast(version, oldest) {
  const parts = version.split('.').map(part => Number.parseInt(part, 10) || 0);
  for (const [index, wanted] of oldest.entries()) {
    if ((parts[index] ?? 0) !== wanted) return (parts[index] ?? 0) > wanted;
  }
  return true;
}

function run(command, args, why) {
  say(`${why}: ${[path.basename(command), ...args].join(' ')}`);
  const { status, error, signal } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error) throw new SetupError(`${command} could not be started: ${error.message}`);
  if (status !== 0)
    throw new SetupError(`${why} failed (${signal ?? `exit code ${status}`}); its messages are above`);
}

function checkNode() {
  if (!atLeast(process.versions.node, [20])) {
    throw new SetupError(
      `Node.js 20 or newer is needed, this is ${process.versions.node}; install a newer one`,
    );
  }
}

const sha256 = text => createHash('sha256').update(text).digest('hex');

/** Whether node_modules holds exactly what the lock file says, read from npm's own record of what it installed. */
function installedMatchesLock(lockText) {
  const record = path.join(root, 'node_modules/.package-lock.json');
  if (!existsSync(record)) return false;
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages ?? {};
  return Object.entries(JSON.parse(lockText).packages).every(
    ([place, { version, integrity, optional }]) =>
      place === '' ||
      (installed[place] === undefined
        ? optional === true
        : installed[place].version === version && installed[place].integrity === integrity),
  );
}

function npmPackages() {
  const lock = readFileSync(path.join(root, 'package-lock.json'), 'utf8');
  const stamp = path.join(root, 'node_modules/.hotlisp-setup');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === sha256(lock)) return;
  if (!installedMatchesLock(lock)) {
    const npm = process.env['npm_execpath'];
    const viaNode = npm?.endsWith('.js');
    run(
      viaNode ? process.execPath : (npm ?? 'npm'),
      [...(viaNode ? [npm] : []), 'ci', '--no-fund', '--no-audit'],
      'installing npm packages (about half a minute)',
    );
  }
  writeFileSync(stamp, sha256(lock));
}

/** How to get SBCL here, for a person. */
function sbclAdvice() {
  if (process.platform === 'darwin') return 'brew install sbcl';
  const managers = {
    'apt-get': 'apt-get install',
    dnf: 'dnf install',
    pacman: 'pacman -S',
    zypper: 'zypper install',
  };
  const found = Object.keys(managers).find(onPath);
  return found ? `sudo ${managers[found]} sbcl` : 'see https://www.sbcl.org/getting.html';
}

function sbcl() {
  if (!onPath('sbcl')) {
    if (!hasApt() || !canInstallPackages()) {
      throw new SetupError(`SBCL is missing; install it and run this again: ${sbclAdvice()}`);
    }
    aptInstall(['sbcl'], say);
    if (!onPath('sbcl'))
      throw new SetupError(`SBCL could not be installed; install it yourself: ${sbclAdvice()}`);
  }
  const { stdout, error } = spawnSync('sbcl', ['--version'], { encoding: 'utf8' });
  const version = /^SBCL (\S+)/.exec(stdout ?? '')?.[1];
  if (!version) {
    throw new SetupError(
      `"sbcl --version" does not answer as SBCL does (${error?.message ?? JSON.stringify(stdout)})`,
    );
  }
  if (!atLeast(version, OLDEST_SBCL)) {
    throw new SetupError(
      `SBCL ${OLDEST_SBCL.join('.')} or newer is needed, this is ${version}; install a newer one: ${sbclAdvice()}`,
    );
  }
  say(`SBCL ${version}`);
}

/** A digest of everything the build reads, by content: a fresh clone and a touched file are told apart from a change. */
function buildInputs() {
  const hash = createHash('sha256');
  const add = relative => {
    const absolute = path.join(root, relative);
    for (const entry of readdirSync(absolute, { withFileTypes: true }).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      const inner = path.join(relative, entry.name);
      if (entry.isDirectory()) add(inner);
      else if (!entry.name.endsWith('.fasl'))
        hash.update(`${inner}\0`).update(readFileSync(path.join(root, inner)));
    }
  };
  for (const folder of ['server', 'lisp', 'grammar-wasm']) add(folder);
  for (const file of ['package.json', 'package-lock.json']) hash.update(readFileSync(path.join(root, file)));
  return hash.digest('hex');
}

function build() {
  const stamp = path.join(root, 'build/setup-built');
  const inputs = buildInputs();
  const current = existsSync(stamp) && readFileSync(stamp, 'utf8') === inputs;
  if (current && existsSync(path.join(root, 'dist/hotlisp.js'))) return;
  run(process.execPath, ['server/tools/build.mjs'], 'building the server');
  mkdirSync(path.dirname(stamp), { recursive: true });
  // Read again: the build may have written generated sources.
  writeFileSync(stamp, buildInputs());
}

/**
 * What only the tests need. What cannot be had is named here; the tests that need it then fail and say so themselves,
 * so nothing is passed over in silence.
 */
async function testTools(all) {
  const wanted = [
    'cl-swank',
    'cl-hunchentoot',
    'cl-fiveam',
    'tmux',
    ...(all ? ['emacs-nox', 'elpa-eglot', 'elpa-lsp-mode', 'chromium'] : []),
  ];
  const missing = wanted.filter(name => !isInstalled(name));
  if (missing.length > 0) {
    if (hasApt() && canInstallPackages()) aptInstall(missing, say);
    else
      say(
        `cannot install ${missing.join(', ')} (needs apt-get and root); the tests that need them will fail and say so`,
      );
  }
  const tools = await import('../../test/clients/unpack.mjs');
  for (const tool of [
    'neovim',
    'emacs',
    'helix',
    ...(all ? ['neovim10', 'helix25', 'sbcl', 'sbcl25'] : []),
  ]) {
    try {
      const { version, program } = tools.provide(tool, say);
      say(`${version} (${program})`);
    } catch (error) {
      say(`no ${tool}: ${error.message}; the tests that need it will fail and say so`);
    }
  }
  if (!all) return;
  // Here, because the files of tests that use it run beside each other.
  try {
    const { provideCodeServer } = await import('../../test/clients/codeServer.mjs');
    say(`code-server ${provideCodeServer(say).version}`);
  } catch (error) {
    say(`no code-server: ${error.message}; the tests that need it will fail and say so`);
  }
  const { majors, provideNode } = await import('../../test/support/nodes.mjs');
  for (const major of majors) {
    try {
      const { version, program } = provideNode(major, say);
      say(`Node ${version} (${program})`);
    } catch (error) {
      say(`no Node ${major}: ${error.message}; test:all will not begin without it`);
    }
  }
}

const options = process.argv.slice(2);
const unknown = options.filter(option => option !== '--test' && option !== '--all');
try {
  if (unknown.length > 0)
    throw new SetupError(`unknown option ${unknown.join(' ')}; there are --test and --all`);
  checkNode();
  npmPackages();
  sbcl();
  build();
  if (options.length > 0) await testTools(options.includes('--all'));
} catch (error) {
  console.error(`setup: ${error instanceof SetupError ? error.message : error.stack}`);
  process.exit(1);
}
