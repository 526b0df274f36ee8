// Newer programs for the tests, from a newer Debian, unpacked into a cache beside the system's own: nothing of the host
// is changed, root is not needed. The mirror is the one that this machine's apt uses.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { onPath } from '../../server/tools/apt.mjs';

/** Debian's suite of what names no other. */
const SUITE = 'forky';
const cache = path.join(process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'hotlisp-test');

const launchNeovim = home => `VIMRUNTIME='${home}/usr/share/nvim/runtime' exec '${home}/usr/bin/nvim' "$@"`;

const launchSbcl = home =>
  `SBCL_HOME='${home}/usr/lib/sbcl' exec '${home}/usr/bin/sbcl' --core '${home}/usr/lib/sbcl/sbcl.core' "$@"`;

const launchHelix = home => `HELIX_RUNTIME='${home}/usr/lib/hx/runtime' exec '${home}/usr/lib/hx/hx' "$@"`;

/** What can be provided: its Debian package, its program (`binary` where that is not in usr/bin), and how it is told where its own files are. */
const TOOLS = {
  neovim: {
    package: 'neovim',
    program: 'nvim',
    environment: 'HOTLISP_TEST_NVIM',
    oldest: [0, 12],
    launch: launchNeovim,
  },
  // The oldest one that is supported.
  neovim10: {
    package: 'neovim',
    suite: 'trixie',
    program: 'nvim',
    environment: 'HOTLISP_TEST_NVIM10',
    launch: launchNeovim,
  },
  emacs: {
    package: 'emacs-nox',
    program: 'emacs',
    binary: 'usr/bin/emacs-nox',
    environment: 'HOTLISP_TEST_EMACS',
    // The first one with eglot in it.
    oldest: [29, 1],
    // EMACSLOADPATH takes the place of the compiled-in load path, so that every folder of it is named.
    launch: home => `
share=$(echo '${home}'/usr/share/emacs/[0-9]*)
exec_path=$(echo '${home}'/usr/libexec/emacs/[0-9]*/*)
export EMACSLOADPATH="$(find "$share/lisp" -type d ! -name obsolete ! -name term -printf '%p:')"
export EMACSDATA="$share/etc" EMACSDOC="$share/etc" EMACSPATH="$exec_path"
exec '${home}/usr/bin/emacs-nox' --dump-file="$(echo "$exec_path"/emacs-*.pdmp)" "$@"`,
  },
  helix: {
    package: 'hx',
    program: 'hx',
    binary: 'usr/lib/hx/hx',
    environment: 'HOTLISP_TEST_HELIX',
    oldest: [25, 7],
    launch: launchHelix,
  },
  // A release that cannot show a prompt.
  helix25: {
    package: 'hx',
    suite: 'trixie',
    program: 'hx',
    binary: 'usr/lib/hx/hx',
    environment: 'HOTLISP_TEST_HELIX25',
    launch: launchHelix,
  },
  sbcl: {
    package: 'sbcl',
    program: 'sbcl',
    environment: 'HOTLISP_TEST_SBCL_NEWEST',
    launch: launchSbcl,
  },
  // One between the oldest that is supported and the newest.
  sbcl25: {
    package: 'sbcl',
    suite: 'trixie',
    program: 'sbcl',
    environment: 'HOTLISP_TEST_SBCL_MIDDLE',
    launch: launchSbcl,
  },
};

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28, ...options });
  if (result.error) throw new Error(`${command} could not be started (${result.error.message})`);
  if (result.status !== 0) {
    const reason = (result.stderr || result.stdout || `exit code ${result.status}`)
      .trim()
      .split('\n')
      .slice(-3)
      .join('; ');
    throw new Error(`${command} ${args[0] ?? ''}: ${reason}`);
  }
  return result.stdout ?? '';
}

/** The Debian mirror in this machine's own apt configuration. */
function mirror() {
  const files = [
    '/etc/apt/sources.list',
    ...listing('/etc/apt/sources.list.d').map(f => `/etc/apt/sources.list.d/${f}`),
  ];
  for (const file of files.filter(existsSync)) {
    const text = readFileSync(file, 'utf8');
    const found =
      /^URIs:\s*(\S+)/m.exec(text)?.[1] ?? /^deb\s+(?:\[[^\]]*\]\s+)?(\S+\/debian\/?)\s/m.exec(text)?.[1];
    if (found && !found.includes('security')) return found;
  }
  throw new Error('no Debian mirror in /etc/apt to take it from');
}

const listing = folder => (existsSync(folder) ? readdirSync(folder) : []);

/** A private state of apt for the newer suite. Returns a function that runs apt-get with it. */
function privateApt(suite) {
  const home = path.join(cache, `apt-${suite}`);
  for (const folder of ['lists/partial', 'archives/partial', 'none/partial', 'etc/parts', 'state']) {
    mkdirSync(path.join(home, folder), { recursive: true });
  }
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  writeFileSync(
    path.join(home, 'etc/sources.list'),
    `deb [signed-by=${keyring}] ${mirror()} ${suite} main\n`,
  );
  writeFileSync(path.join(home, 'state/status'), '');
  const config = path.join(home, 'apt.conf');
  const settings = {
    'Dir::Etc::sourcelist': `${home}/etc/sources.list`,
    'Dir::Etc::sourceparts': `${home}/etc/parts`,
    'Dir::Etc::preferencesparts': `${home}/etc/parts`,
    'Dir::Etc::preferences': '/dev/null',
    'Dir::State': `${home}/state`,
    'Dir::State::status': `${home}/state/status`,
    'Dir::State::lists': `${home}/lists`,
    'Dir::Cache': home,
    'Dir::Cache::archives': `${home}/archives`,
    'Acquire::Languages': 'none',
    // A mirror that has stood still for some weeks will do; what it signed is checked all the same.
    'Acquire::Check-Valid-Until': 'false',
    'APT::Install-Recommends': 'false',
    // The files lie in a home folder, which apt's own unprivileged user may not enter.
    'APT::Sandbox::User': run('id', ['-un']).trim(),
  };
  writeFileSync(
    config,
    Object.entries(settings)
      .map(([key, value]) => `${key} "${value}";\n`)
      .join(''),
  );
  const env = { ...process.env, APT_CONFIG: config, LC_ALL: 'C' };
  return { home, apt: (...args) => run('apt-get', ['-qq', ...args], { env }) };
}

/** Downloads `names` with all they depend on and unpacks them into `target`, running no maintainer script. */
function unpack(names, suite, target, say) {
  const { home, apt } = privateApt(suite);
  if (!listing(path.join(home, 'lists')).some(name => name.includes('Packages'))) {
    say(`reading the package lists of Debian ${suite}`);
    apt('update');
  }
  const none = ['-o', `Dir::Cache::archives=${home}/none/`];
  const uris = apt('--print-uris', '-y', ...none, 'install', ...names);
  const files = uris
    .split('\n')
    .map(line => line.split(' ')[1])
    .filter(name => name?.endsWith('.deb'));
  say(`downloading ${names[0]} of Debian ${suite} (${files.length} packages)`);
  apt('-y', '--download-only', 'install', ...names);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(path.join(target, 'usr'), { recursive: true });
  // Debian's merged /usr: the links come first, so that every package lands in usr/.
  for (const folder of ['bin', 'sbin', 'lib', 'lib64']) {
    mkdirSync(path.join(target, 'usr', folder), { recursive: true });
    symlinkSync(`usr/${folder}`, path.join(target, folder));
  }
  for (const file of files) {
    const tar = spawnSync('dpkg-deb', ['--fsys-tarfile', path.join(home, 'archives', file)], {
      maxBuffer: 1 << 30,
    });
    if (tar.status !== 0) throw new Error(`dpkg-deb cannot read ${file}: ${tar.stderr}`);
    run('tar', ['-x', '-C', target, '--keep-directory-symlink'], { input: tar.stdout });
  }
}

/** Makes an unpacked program use the dynamic linker and the libraries that were unpacked with it, not the host's. */
function relink(home, program) {
  const folder = listing(path.join(home, 'usr/lib'))
    .map(name => path.join(home, 'usr/lib', name))
    .find(name => listing(name).some(file => file.startsWith('ld-linux')));
  if (!folder) throw new Error(`no dynamic linker among what was unpacked into ${home}`);
  const linker = path.join(
    folder,
    listing(folder).find(file => file.startsWith('ld-linux')),
  );
  run(linker, [
    ...['--library-path', folder, path.join(home, 'usr/bin/patchelf')],
    ...['--set-interpreter', linker, '--force-rpath', '--set-rpath', folder, program],
  ]);
}

const newEnough = (version, oldest) => {
  const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(version) ?? []).slice(1).map(Number);
  return !oldest || major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
};

const versionOf = program => run(program, ['--version']).split('\n')[0].trim();

const suiteOf = tool => tool.suite ?? SUITE;
const homeOf = (name, tool) => path.join(cache, `${name}-${suiteOf(tool)}`);
const cached = (name, tool) => path.join(homeOf(name, tool), 'wrap', tool.program);

/**
 * Where a tool already is: named by its environment variable, new enough on the PATH, or in the cache.
 * @returns {{program: string, version: string} | undefined}
 */
export function find(name) {
  const tool = TOOLS[name];
  const named = process.env[tool.environment];
  if (named) return { program: named, version: versionOf(named) };
  const system = tool.oldest && onPath(tool.program);
  if (system && newEnough(versionOf(system), tool.oldest))
    return { program: system, version: versionOf(system) };
  const own = cached(name, tool);
  return existsSync(own) ? { program: own, version: versionOf(own) } : undefined;
}

/**
 * Finds a tool, or unpacks it into the cache (some seconds, 40 to 350 MB).
 * @param {'neovim' | 'neovim10' | 'emacs' | 'helix' | 'helix25' | 'sbcl' | 'sbcl25'} name
 * @returns {{program: string, version: string}}
 * @throws Error saying what stood in the way
 */
export function provide(name, say = () => {}) {
  const found = find(name);
  if (found) return found;
  if (!onPath('apt-get') || !onPath('dpkg-deb')) {
    throw new Error(`needs Debian's apt-get and dpkg-deb, or ${TOOLS[name].environment}=PROGRAM`);
  }
  const tool = TOOLS[name];
  const home = homeOf(name, tool);
  unpack([tool.package, 'patchelf'], suiteOf(tool), home, say);
  relink(home, path.join(home, tool.binary ?? `usr/bin/${tool.program}`));
  const wrap = path.join(home, 'wrap', tool.program);
  mkdirSync(path.dirname(wrap), { recursive: true });
  writeFileSync(wrap, `#!/bin/sh\n${tool.launch(home)}\n`, { mode: 0o755 });
  return { program: wrap, version: versionOf(wrap) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const name = process.argv[2] ?? '';
  if (!Object.hasOwn(TOOLS, name)) {
    console.error(`usage: node test/clients/unpack.mjs ${Object.keys(TOOLS).join('|')}`);
    process.exit(2);
  }
  console.log(provide(name, console.error).program);
}
