/** A small disk for the journal that can be filled at any moment: a tmpfs where one may be mounted, else a limit of the server's process. */
import { spawnSync } from 'node:child_process';
import { appendFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';

export class SmallDisk {
  readonly #isMounted: boolean;
  readonly #filler: string;
  #limited: number | undefined;
  #covered: string | undefined;

  /** @param folder an empty directory, which is the disk from now on */
  constructor(readonly folder: string) {
    this.#isMounted =
      process.platform === 'linux' &&
      spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m,mode=700', 'tmpfs', folder]).status === 0;
    this.#filler = path.join(folder, 'filler');
  }

  get kind(): string {
    return this.#isMounted ? 'a tmpfs' : 'a file size limit of the server, no tmpfs being allowed here';
  }

  /** Nothing more can be written to `file`, but for what fits into its last page. @param pid of the process that writes */
  fill(file: string, pid: number): void {
    if (!this.#isMounted) {
      const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
      if (spawnSync('prlimit', ['--pid', String(pid), `--fsize=${size + 100}:`]).status !== 0)
        throw new Error('neither mount nor prlimit can make a disk full here');
      this.#limited = pid;
      return;
    }
    for (const size of [1 << 20, 4096, 1])
      for (;;)
        try {
          appendFileSync(this.#filler, Buffer.alloc(size));
        } catch {
          break;
        }
  }

  /** Nothing can be written into `folder`, a directory of this disk: a disk that is read-only takes its place. */
  refuseWriting(folder: string, file: string, pid: number): void {
    if (!this.#isMounted) return this.fill(file, pid);
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'ro,size=64k', 'tmpfs', folder]).status !== 0)
      throw new Error(`no read-only disk can be mounted at ${folder}`);
    this.#covered = folder;
  }

  free(): void {
    if (this.#covered !== undefined) spawnSync('umount', ['--lazy', this.#covered]);
    this.#covered = undefined;
    if (this.#limited !== undefined)
      spawnSync('prlimit', ['--pid', String(this.#limited), '--fsize=unlimited:']);
    this.#limited = undefined;
    rmSync(this.#filler, { force: true });
  }

  close(): void {
    this.free();
    if (this.#isMounted) spawnSync('umount', ['--lazy', this.folder]);
  }
}
