/** `hotlisp doctor`: what is installed, which image would be used, what is missing and how to get it. */
import { execFile } from 'node:child_process';
import { constants, existsSync } from 'node:fs';
import { access, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { defaultJournalDirectory } from './approval/journal.ts';
import { looksLikeAddress, parseAddress } from './image/address.ts';
import { parseCommand } from './image/command.ts';
import type { Image } from './image/image.ts';
import { openSocket, openSpawned, openSwank, type OpenOptions } from './image/open.ts';
import { problemOfDirectory, runDirectories } from './image/runDirectory.ts';
import { defaultSettings, tighten, workspaceFile } from './settings.ts';

export interface DoctorOptions {
  readonly version: string;
  readonly dist: string;
  /** What follows `doctor` on the command line: nothing, the address of an image to attach to, or a command that starts one (default `sbcl`). */
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
  const findings = [
    node(),
    packaged(dist),
    ...(await images(rest, open)),
    ...(await stricter(process.cwd())),
    await journal(defaultJournalDirectory(process.cwd())),
  ];
  console.log(`hotlisp ${version} on ${process.platform} ${process.arch}\n`);
  for (const { ok, optional, line, remedy } of findings) {
    console.log(
      `${ok ? 'ok     ' : optional ? 'note   ' : 'MISSING'} ${line.replaceAll('\n', '\n          ')}`,
    );
    if (!ok && remedy) console.log(`        -> ${remedy}`);
  }
  const usable = findings.every(({ ok, optional }) => ok || optional);
  console.log(usable ? '\nReady.' : '\nNot usable yet: see what is marked MISSING.');
  return usable ? 0 : 1;
}

/** The image that would be used, and why; the one of an address, where that was given. */
async function images(given: readonly string[], open: OpenOptions): Promise<Finding[]> {
  const [address] = given;
  if (given.length === 1 && looksLikeAddress(address!)) return attached(address!, open);
  const command = given.length > 0 ? given.join(' ') : defaultSettings['image.command'];
  const serving = await servingPrograms(open);
  const own = serving.filter(({ belongs }) => belongs);
  const started = await spawned(command, open);
  const canStart = started[0]!.ok;
  const use =
    own.length === 1
      ? 'the program of this folder that serves itself'
      : `${canStart ? 'a new one' : 'none, as none can be started'}, because ${
          own.length > 1
            ? 'several programs of this folder serve themselves: choose one by image.address'
            : 'no program of this folder serves itself by (hotlisp:serve)'
        }`;
  return [
    // Who attaches to the program of this folder needs no other.
    ...started.map(each => (own.length === 1 && !each.ok ? { ...each, optional: true } : each)),
    ...serving,
    {
      ok: canStart || own.length === 1,
      optional: true,
      line: `image used while image.mode is "auto": ${use}`,
    },
  ];
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

/** Starts an image as the server would, and ends it: what the agent can do in it is known to nobody else. */
async function spawned(command: string, open: OpenOptions): Promise<Finding[]> {
  try {
    return await told(await openSpawned(command, [], open), ({ hello }) => ({
      ok: !isOld(hello.version),
      line: `image to spawn: ${command} (${hello.implementation} ${hello.version}): ${offered(hello)}`,
      remedy: tooOld,
    }));
  } catch (error) {
    const version = await versionOf(command);
    return [
      {
        ok: false,
        line: `image to spawn: ${command}${version ? ` (${version})` : ''}: ${(error as Error).message}`,
        remedy:
          version && isOld(version)
            ? tooOld
            : 'or attach to a running image, which needs nothing of that: hotlisp doctor HOST:PORT or unix:PATH tries it',
      },
    ];
  }
}

/** Attaches as the server would, which sends the agent to a Swank or Slynk that has none, and detaches. */
async function attached(address: string, open: OpenOptions): Promise<Finding[]> {
  const isSocket = address.startsWith('unix:');
  try {
    const parsed = parseAddress(address);
    return await told(
      await (parsed.type === 'unix' ? openSocket(parsed.path, open, helloMs) : openSwank(parsed, open)),
      ({ title, hello }) => ({
        ok: !isOld(hello.version),
        line: `image to attach to: ${title}${isSocket ? '' : `, ${hello.implementation} ${hello.version}`}${hello.readOnly ? ', read-only' : ''}: ${offered(hello)}`,
        remedy: tooOld,
      }),
    );
  } catch (error) {
    return [
      {
        ok: false,
        line: `image to attach to: ${(error as Error).message}`,
        remedy: isSocket
          ? '(hotlisp:serve) in the program answers the path of its socket'
          : 'on another host: is the tunnel up? ssh -N -L PORT:127.0.0.1:PORT HOST',
      },
    ];
  }
}

const tooOld = `SBCL ${oldestSbcl.join('.')} or newer is needed: install one, or set hotlisp.image.command to it`;

const isOld = (version: string): boolean =>
  compare(/(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number) ?? [], oldestSbcl) < 0;

/** What the program says of itself; undefined where it says nothing of the kind. */
async function versionOf(command: string): Promise<string | undefined> {
  try {
    const [program, ...own] = parseCommand(command);
    const { stdout } = await promisify(execFile)(program!, [...own, '--version'], { timeout: 5_000 });
    return /SBCL \d+\.\d+\.\d+\S*/.exec(stdout)?.[0];
  } catch {
    return undefined;
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

interface Serving extends Finding {
  /** It works from this folder. */
  readonly belongs?: boolean;
}

/** The programs that serve themselves, and directories that cannot be trusted. */
async function servingPrograms(open: OpenOptions): Promise<Serving[]> {
  const all = await Promise.all(runDirectories(process.env).map(directory => servingIn(directory, open)));
  return all.flat();
}

async function servingIn(directory: string, open: OpenOptions): Promise<Serving[]> {
  if (!existsSync(directory)) return [];
  const problem = await problemOfDirectory(directory);
  if (problem !== undefined) {
    const remedy = `chmod 700 ${directory}, or remove it`;
    return [{ ok: false, optional: true, line: `not used: ${problem}`, remedy }];
  }
  const sockets = (await readdir(directory)).filter(name => name.endsWith('.sock'));
  const findings = await Promise.all(
    sockets.map(async (name): Promise<Serving[]> => {
      const socket = path.join(directory, name);
      try {
        let belongs = false;
        const findings = await told(await openSocket(socket, open, helloMs), ({ title, hello }) => {
          belongs = hello.belongs;
          const whose = belongs ? 'of this folder' : 'of another folder';
          return {
            ok: true,
            line: `serving program ${whose}: ${title}${hello.readOnly ? ', read-only' : ''}: ${offered(hello)}`,
          };
        });
        return findings.map((finding, index) => (index === 0 ? { ...finding, belongs } : finding));
      } catch (error) {
        const remedy = `remove it when its program has ended: rm ${socket}`;
        return [{ ok: false, optional: true, line: `not used: ${(error as Error).message}`, remedy }];
      }
    }),
  );
  return findings.flat();
}

/** What a settings file of the folder makes stricter, and what is wrong in it. Those of the editor are the editor's to tell. */
async function stricter(folder: string): Promise<Finding[]> {
  const file = path.join(folder, workspaceFile);
  if (!existsSync(file)) return [];
  try {
    const { settings, problems } = tighten(defaultSettings, JSON.parse(await readFile(file, 'utf8')), file);
    const made = Object.entries(settings)
      .filter(([key, value]) => value !== defaultSettings[key as keyof typeof settings])
      .map(([key, value]) => `${key} ${JSON.stringify(value)}`);
    const line = `${file} makes stricter: ${made.join(', ') || 'nothing'}`;
    return [
      { ok: true, line },
      ...problems.map(({ message }) => ({ ok: false, optional: true, line: `setting ignored: ${message}` })),
    ];
  } catch (error) {
    return [{ ok: false, optional: true, line: `settings ignored: ${file}: ${(error as Error).message}` }];
  }
}

/** Nothing is changed in an image while the journal cannot be written. Looks only: no journal is begun. */
async function journal(directory: string): Promise<Finding> {
  const file = path.join(directory, 'journal.ndjson');
  let existing = file;
  while (!existsSync(existing)) existing = path.dirname(existing);
  try {
    await access(existing, constants.W_OK);
    if (existing !== file && !(await stat(existing)).isDirectory())
      throw new Error(`${existing} is not a directory`);
    return { ok: true, line: `journal of this folder: ${file}` };
  } catch (error) {
    return {
      ok: false,
      line: `the journal ${file} cannot be written (${(error as Error).message}), and nothing is changed without it`,
      remedy: 'mend that, or set hotlisp.journal.directory to another directory',
    };
  }
}
