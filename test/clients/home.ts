/** A home directory of its own for an editor under test, with `hotlisp` on its PATH as an installation puts it there. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { nodeProgram, serverProgram } from '../support/lspClient.ts';

export class EditorHome {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'hl-'));
  readonly environment: Record<string, string>;

  constructor() {
    this.write('bin/hotlisp', `#!/bin/sh\nexec '${nodeProgram}' '${serverProgram}' "$@"\n`, 0o755);
    this.environment = {
      ...(process.env as Record<string, string>),
      LC_ALL: 'C.UTF-8',
      PATH: `${this.path('bin')}:${process.env['PATH']}`,
      HOME: this.directory('home'),
      XDG_CONFIG_HOME: this.directory('config'),
      XDG_DATA_HOME: this.directory('data'),
      XDG_STATE_HOME: this.directory('state'),
      XDG_RUNTIME_DIR: this.directory('run'),
      // The cache of compiled agents is shared, for speed.
      XDG_CACHE_HOME: process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'),
    };
  }

  path(name: string): string {
    return path.join(this.folder, name);
  }

  directory(name: string): string {
    mkdirSync(this.path(name), { recursive: true, mode: 0o700 });
    return this.path(name);
  }

  /** @returns the file's absolute path */
  write(name: string, text: string, mode = 0o644): string {
    this.directory(path.dirname(name));
    writeFileSync(this.path(name), text, { mode });
    return this.path(name);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
