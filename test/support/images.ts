/** An image manager as the server has one, in surroundings of its own, with all that it told kept. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Image, ImageManager, ImageSettings, ImageState } from '../../server/image/image.ts';
import { createImageManager } from '../../server/image/manager.ts';
import type { Result } from '../../server/image/protocol.ts';
import { repository, sbclCommand } from './lspClient.ts';
import { commandLine, descendants } from './processes.ts';
import { Happenings, within } from './wait.ts';

export const lispDir = path.join(repository, 'lisp');

/** A home and a run directory that nothing else uses; only the cache of compiled agents is the user's, for speed. */
export class Surroundings {
  readonly folder = mkdtempSync(path.join(os.tmpdir(), 'hl-'));
  readonly home = this.make('home');
  readonly run = this.make('run');
  readonly environment: Record<string, string> = {
    ...(process.env as Record<string, string>),
    HOME: this.home,
    XDG_RUNTIME_DIR: this.run,
    XDG_CACHE_HOME: process.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache'),
  };

  make(name: string): string {
    const folder = path.join(this.folder, name);
    mkdirSync(folder, { mode: 0o700, recursive: true });
    return folder;
  }

  /** The sockets of spawned images that are still there. */
  spawnedSockets(): string[] {
    try {
      return readdirSync(path.join(this.run, 'hotlisp', 'spawned'));
    } catch {
      return [];
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface Told {
  readonly state: ImageState;
  readonly title?: string;
  readonly reason?: string;
}

export class ManagedImage {
  readonly states = new Happenings<Told>();
  readonly log = new Happenings<string>();
  readonly manager: ImageManager;

  constructor(surroundings: Surroundings, environment: Record<string, string> = {}, agent = lispDir) {
    this.manager = createImageManager({
      lispDir: agent,
      clientName: 'tests',
      environment: { ...surroundings.environment, ...environment },
      events: {
        onState: (state, detail) => this.states.add({ state, ...detail }),
        onFeatures: () => undefined,
        onLog: line => this.log.add(line),
      },
    });
  }

  /** Sets what the next connection uses, and connects. */
  async connect(settings: Partial<ImageSettings> = {}, roots: readonly string[] = []): Promise<Image> {
    await this.configure(settings, roots);
    return within('the image', this.manager.connect(), 100_000);
  }

  configure(settings: Partial<ImageSettings> = {}, roots: readonly string[] = []): Promise<void> {
    return this.manager.configure({ mode: 'spawn', command: sbclCommand, init: [], ...settings }, roots);
  }

  stateNames(): ImageState[] {
    return this.states.all.map(({ state }) => state);
  }
}

/** The printed values of the last form of `code`. @throws Error when it was not evaluated */
export async function valuesOf(image: Image, code: string): Promise<string[]> {
  const result: Result<'eval'> = await image.call('eval', {
    code,
    package: 'COMMON-LISP-USER',
    outputLimit: 10_000,
  });
  if (result.status !== 'evaluated')
    throw new Error(`${code}: ${result.status} ${result.condition?.text ?? ''}`);
  return result.values;
}

/** SBCLs among the descendants of this process. */
export const childSbcls = (): number[] =>
  descendants(process.pid).filter(pid => /(^|\/)sbcl(\s|$)/.test(commandLine(pid).split(' ')[0]!));
