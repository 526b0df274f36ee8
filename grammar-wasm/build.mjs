// Builds tree-sitter-commonlisp.wasm.
//   node grammar-wasm/build.mjs             from generated/parser.c; fails when anything differs from lock.json
//   node grammar-wasm/build.mjs --generate  from the published grammar, which is fetched and transformed; fails likewise
//   node grammar-wasm/build.mjs --generate --update   the same, and writes what came out into lock.json
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { compile } from './compile.mjs';
import { transform } from './transform.mjs';

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const at = name => path.join(here, name);
const args = process.argv.slice(2);
for (const arg of args)
  if (arg !== '--generate' && arg !== '--update')
    fail(`unknown argument ${arg}; known are --generate and --update`);
const lock = JSON.parse(await readFile(at('lock.json'), 'utf8'));
const sha256 = bytes => createHash('sha256').update(bytes).digest('hex');

function fail(message) {
  console.error(message);
  process.exit(1);
}

/** Fetches the locked package (no script of it runs) and returns its grammar. */
async function published(directory) {
  const { name, version, integrity } = lock.grammar;
  const packed = execFileSync(
    'npm',
    ['pack', `${name}@${version}`, '--ignore-scripts', '--json', '--pack-destination', directory],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  const tarball = path.join(directory, JSON.parse(packed)[0].filename);
  const got = `sha512-${createHash('sha512')
    .update(await readFile(tarball))
    .digest('base64')}`;
  if (got !== integrity) fail(`${name}@${version} has integrity ${got}, but lock.json says ${integrity}`);
  execFileSync('tar', ['-xzf', tarball, '-C', directory, 'package/src/grammar.json', 'package/LICENSE.md']);
  return {
    grammar: JSON.parse(await readFile(path.join(directory, 'package/src/grammar.json'), 'utf8')),
    license: path.join(directory, 'package/LICENSE.md'),
  };
}

async function generate() {
  const directory = await mkdtemp(path.join(tmpdir(), 'hotlisp-grammar-'));
  try {
    const { grammar, license } = await published(directory);
    await writeFile(path.join(directory, 'grammar.json'), JSON.stringify(transform(grammar), null, 1));
    const cli = (...rest) =>
      execFileSync(at('tree-sitter-cli.sh'), rest, { cwd: directory, encoding: 'utf8' });
    const version = cli('--version').trim();
    if (args.includes('--update')) lock.generator = version;
    else if (version !== lock.generator)
      fail(`the generator is ${version}, but lock.json says ${lock.generator}`);
    cli('generate', 'grammar.json', '--abi', String(lock.abi));
    await mkdir(at('generated/tree_sitter'), { recursive: true });
    await copyFile(path.join(directory, 'src/parser.c'), at('generated/parser.c'));
    await copyFile(path.join(directory, 'src/node-types.json'), at('generated/node-types.json'));
    await copyFile(path.join(directory, 'src/tree_sitter/parser.h'), at('generated/tree_sitter/parser.h'));
    await copyFile(license, at('LICENSE-tree-sitter-commonlisp'));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

if (args.includes('--generate')) await generate();
await writeFile(at('tree-sitter-commonlisp.wasm'), await compile());
const { version } = JSON.parse(await readFile(at('../node_modules/@yowasp/clang/package.json'), 'utf8'));
if (args.includes('--update')) {
  lock.compiler = `@yowasp/clang ${version}`;
  for (const name of Object.keys(lock.sha256)) lock.sha256[name] = sha256(await readFile(at(name)));
  await writeFile(at('lock.json'), JSON.stringify(lock, null, 2) + '\n');
} else {
  if (lock.compiler !== `@yowasp/clang ${version}`)
    fail(`the compiler is @yowasp/clang ${version}, but lock.json says ${lock.compiler}`);
  for (const [name, expected] of Object.entries(lock.sha256)) {
    const got = sha256(await readFile(at(name)));
    if (got !== expected)
      fail(`grammar-wasm/${name} has sha256 ${got}, but lock.json says ${expected}; --update accepts it`);
  }
}
