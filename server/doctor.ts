/** `hotlisp doctor`: what is installed, which image would be used, what is missing and how to get it. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { defaultJournalDirectory } from './approval/journal.ts';
import { parseCommand } from './image/command.ts';
import { problemOfDirectory, runDirectories } from './image/runDirectory.ts';

export interface DoctorOptions {
  readonly version: string;
  readonly dist: string;
  /** What follows `doctor` on the command line: at most a command that starts an image (default `sbcl`). */
  readonly arguments: readonly string[];
}

interface Finding {
  readonly ok: boolean;
  /** True where the server can work without it. */
  readonly optional?: boolean;
  readonly line: string;
  readonly remedy?: string;
}

const oldestSbcl = [2, 2, 9];

/** Prints the findings to standard output; answers the exit code: 0 when the server is usable here, 1 when not. */
export async function doctor({ version, dist, arguments: rest }: DoctorOptions): Promise<number> {
  const findings = [
    node(),
    packaged(dist),
    await sbcl(rest.length > 0 ? rest.join(' ') : 'sbcl'),
    ...(await serving()),
    {
      ok: true,
      line: `journal of this folder: ${path.join(defaultJournalDirectory(process.cwd()), 'journal.ndjson')}`,
    },
  ];
  console.log(`hotlisp ${version} on ${process.platform} ${process.arch}\n`);
  for (const { ok, optional, line, remedy } of findings) {
    console.log(`${ok ? 'ok     ' : optional ? 'note   ' : 'MISSING'} ${line}`);
    if (!ok && remedy) console.log(`        -> ${remedy}`);
  }
  const usable = findings.every(({ ok, optional }) => ok || optional);
  console.log(usable ? '\nReady.' : '\nNot usable yet: see what is marked MISSING.');
  return usable ? 0 : 1;
}

function node(): Finding {
  const major = Number(process.versions.node.split('.')[0]);
  return { ok: major >= 20, line: `Node ${process.versions.node}`, remedy: 'install Node 20 or newer' };
}

function packaged(dist: string): Finding {
  const missing = ['web-tree-sitter.wasm', 'tree-sitter-commonlisp.wasm', 'lisp/files.txt'].filter(
    file => !existsSync(path.join(dist, file)),
  );
  return {
    ok: missing.length === 0,
    line: missing.length === 0 ? 'parser, grammar and agent' : `not in the package: ${missing.join(', ')}`,
    remedy: 'install the package again, or run npm run build in a clone',
  };
}

async function sbcl(command: string): Promise<Finding> {
  const remedy =
    process.platform === 'darwin'
      ? 'brew install sbcl, or set hotlisp.image.command'
      : 'install SBCL (Debian and Ubuntu: apt-get install sbcl), or set hotlisp.image.command; attaching to a running image needs none';
  try {
    const [program, ...own] = parseCommand(command);
    const { stdout } = await promisify(execFile)(program!, [...own, '--version'], { timeout: 10_000 });
    const text = stdout.trim();
    const found = /(\d+)\.(\d+)\.(\d+)/.exec(text)?.slice(1).map(Number);
    const enough = found !== undefined && compare(found, oldestSbcl) >= 0;
    return {
      ok: enough,
      line: `image to spawn: ${command} (${text})`,
      remedy: `SBCL ${oldestSbcl.join('.')} or newer is needed: ${remedy}`,
    };
  } catch (error) {
    return {
      ok: false,
      line: `image to spawn: ${command} does not start (${(error as Error).message.split('\n')[0]})`,
      remedy,
    };
  }
}

function compare(a: readonly number[], b: readonly number[]): number {
  const index = b.findIndex((part, at) => part !== a[at]);
  return index < 0 ? 0 : a[index]! - b[index]!;
}

/** The programs that serve themselves, and directories that cannot be trusted. */
async function serving(): Promise<Finding[]> {
  const findings = await Promise.all(
    runDirectories(process.env).map(async (directory): Promise<Finding[]> => {
      if (!existsSync(directory)) return [];
      const problem = await problemOfDirectory(directory);
      if (problem !== undefined)
        return [
          {
            ok: false,
            optional: true,
            line: `not used: ${problem}`,
            remedy: `chmod 700 ${directory}, or remove it`,
          },
        ];
      const sockets = (await readdir(directory)).filter(name => name.endsWith('.sock'));
      return sockets.map(name => ({ ok: true, line: `serving program: unix:${path.join(directory, name)}` }));
    }),
  );
  return findings
    .flat()
    .concat(
      findings.flat().length === 0
        ? [{ ok: true, line: 'no program serves itself here (hotlisp:serve); an image would be spawned' }]
        : [],
    );
}
