// Installing Debian packages where that is allowed: as root, or through sudo that asks for no password.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

/** @returns the absolute path of a program on the PATH, or undefined */
export function onPath(program) {
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const file = path.join(folder, program);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

export const hasApt = () => onPath('apt-get') !== undefined;

const isRoot = () => process.getuid?.() === 0;

/** Whether packages can be installed without asking anybody for a password. */
export function canInstallPackages() {
  if (isRoot()) return true;
  return onPath('sudo') !== undefined && spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0;
}

/** Whether the Debian package is installed, by dpkg's own record. */
export function isInstalled(name) {
  const { stdout } = spawnSync('dpkg-query', ['-W', '-f', '${Status}', name], { encoding: 'utf8' });
  return (stdout ?? '').includes('install ok installed');
}

/**
 * Installs packages, refreshing apt's lists when they are too old to know them. Never asks anything.
 * @returns whether apt-get said that it succeeded
 */
export function aptInstall(names, say) {
  const apt = args => {
    const command = ['apt-get', '-qq', '-o', 'DPkg::Lock::Timeout=300', ...args];
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const full = isRoot() ? command : ['sudo', '-n', 'DEBIAN_FRONTEND=noninteractive', ...command];
    // dpkg reports every file it unpacks; only what goes wrong is worth reading.
    return spawnSync(full[0], full.slice(1), { stdio: ['ignore', 'ignore', 'inherit'], env });
  };
  const install = () => apt(['install', '-y', '--no-install-recommends', ...names]).status === 0;
  // Asked first, quietly: with no lists at all, or old ones, apt-get cannot locate the package.
  const known = spawnSync('apt-cache', ['show', ...names], { stdio: 'ignore' }).status === 0;
  if (!known) {
    say('refreshing the package lists: apt-get update');
    apt(['update']);
  }
  say(`installing ${names.join(', ')}: apt-get install`);
  if (install()) return true;
  if (!known) return false;
  say('once more after refreshing the package lists: apt-get update');
  apt(['update']);
  return install();
}
