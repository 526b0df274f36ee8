/** `hotlisp doctor`: what is installed, which image would be used, what is missing and how to get it. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { defaultJournalDirectory } from './approval/journal.ts';
import type { Image } from './image/image.ts';
import { openSocket, openSpawned, type OpenOptions } from './image/open.ts';
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
/** A first start compiles the agent. */
const startMs = 90_000;
const helloMs = 3_000;

/** Prints the findings to standard output; answers the exit code: 0 when the server is usable here, 1 when not. */
export async function doctor({ version, dist, arguments: rest }: DoctorOptions): Promise<number> {
  const open: OpenOptions = {
    lispDir: path.join(dist, 'lisp'),
    clientName: `hotlisp ${version} doctor`,
    roots: [process.cwd()],
    environment: process.env,
    onLog: () => undefined,
    traceLevel: () => 'off',
    signal: AbortSignal.timeout(startMs),
  };
  const command = rest.length > 0 ? rest.join(' ') : 'sbcl';
  const findings = [
    node(),
    packaged(dist),
    ...(await spawned(command, open)),
    ...(await serving(open)),
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

/** Starts the image that would be used, and ends it: what the agent can do in it is known to nobody else. */
async function spawned(command: string, open: OpenOptions): Promise<Finding[]> {
  try {
    return await told(await openSpawned(command, [], open), ({ hello }) => {
      const version = /(\d+)\.(\d+)\.(\d+)/.exec(hello.version)?.slice(1).map(Number) ?? [];
      return {
        ok: compare(version, oldestSbcl) >= 0,
        line: `image to spawn: ${command} (${hello.implementation} ${hello.version}): ${offered(hello)}`,
        remedy: `SBCL ${oldestSbcl.join('.')} or newer is needed: install one, or set hotlisp.image.command`,
      };
    });
  } catch (error) {
    const line = `image to spawn: ${command}: ${(error as Error).message}`;
    return [{ ok: false, line, remedy: 'attaching to a running image needs none' }];
  }
}

/** The finding about an image, and one for each capability that is off in it; closes it. */
async function told(image: Image, about: (image: Image) => Finding): Promise<Finding[]> {
  try {
    const off = image.hello.missing.map((what): Finding => ({
      ok: false,
      optional: true,
      line: `off in this image: ${what}`,
    }));
    return [about(image), ...off];
  } finally {
    await image.close();
  }
}

const offered = ({ capabilities, missing }: Image['hello']): string =>
  missing.length === 0
    ? `all ${capabilities.length} capabilities`
    : `${capabilities.length} of ${capabilities.length + missing.length} capabilities`;

function compare(a: readonly number[], b: readonly number[]): number {
  const index = b.findIndex((part, at) => part !== a[at]);
  return index < 0 ? 0 : a[index]! - b[index]!;
}

/** The programs that serve themselves, and directories that cannot be trusted. */
async function serving(open: OpenOptions): Promise<Finding[]> {
  const findings = await Promise.all(
    runDirectories(process.env).map(directory => servingIn(directory, open)),
  );
  return findings.flat().length > 0
    ? findings.flat()
    : [{ ok: true, line: 'no program serves itself here (hotlisp:serve); an image would be spawned' }];
}

async function servingIn(directory: string, open: OpenOptions): Promise<Finding[]> {
  if (!existsSync(directory)) return [];
  const problem = await problemOfDirectory(directory);
  if (problem !== undefined) {
    const remedy = `chmod 700 ${directory}, or remove it`;
    return [{ ok: false, optional: true, line: `not used: ${problem}`, remedy }];
  }
  const sockets = (await readdir(directory)).filter(name => name.endsWith('.sock'));
  const findings = await Promise.all(
    sockets.map(async (name): Promise<Finding[]> => {
      const socket = path.join(directory, name);
      try {
        return await told(await openSocket(socket, open, helloMs), ({ title, hello }) => ({
          ok: true,
          line: `serving program: ${title}${hello.readOnly ? ', read-only' : ''}: ${offered(hello)}`,
        }));
      } catch (error) {
        return [{ ok: false, optional: true, line: `not used: ${(error as Error).message}` }];
      }
    }),
  );
  return findings.flat();
}
