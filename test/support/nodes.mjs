// Other Nodes for the tests, from npm's own packages of them, in the cache that unpack.mjs uses too.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The Nodes on which the server is tested. */
export const majors = [20, 22, 24];

const cache = path.join(process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'hotlisp-test');
const homeOf = major => path.join(cache, `node-${major}`);
const programOf = major => path.join(homeOf(major), 'package/bin/node');

function run(command, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0)
    throw new Error(
      `${command} ${args[0]}: ${error?.message ?? stderr.trim().split('\n').slice(-2).join('; ')}`,
    );
  return stdout.trim();
}

/**
 * Where that Node is: in the cache, or the one that runs this.
 * @returns {{program: string, version: string} | undefined}
 */
export function findNode(major) {
  if (existsSync(programOf(major)))
    return { program: programOf(major), version: run(programOf(major), ['--version']) };
  return process.versions.node.startsWith(`${major}.`)
    ? { program: process.execPath, version: process.version }
    : undefined;
}

/**
 * Finds that Node, or has npm download it into the cache (about 100 MB).
 * @param {number} major
 * @returns {{program: string, version: string}}
 * @throws Error saying what stood in the way
 */
export function provideNode(major, say = () => {}) {
  const found = findNode(major);
  if (found) return found;
  const home = homeOf(major);
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  const name = `node-${process.platform}-${process.arch}`;
  say(`downloading Node ${major} (npm's ${name})`);
  try {
    run('npm', ['pack', '--silent', `${name}@${major}`], home);
    const archive = readdirSync(home).find(file => file.endsWith('.tgz'));
    run('tar', ['-xzf', archive, 'package/bin/node'], home);
    rmSync(path.join(home, archive));
    return { program: programOf(major), version: run(programOf(major), ['--version']) };
  } catch (error) {
    rmSync(home, { recursive: true, force: true });
    throw error;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const major = Number(process.argv[2]);
  if (!majors.includes(major)) {
    console.error(`usage: node test/support/nodes.mjs ${majors.join('|')}`);
    process.exit(2);
  }
  console.log(provideNode(major, console.error).program);
}
