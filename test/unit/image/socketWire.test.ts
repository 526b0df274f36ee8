import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WireListener } from '../../../server/image/connection.ts';
import {
  makePrivateDirectory,
  problemOfDirectory,
  spawnedDirectory,
} from '../../../server/image/runDirectory.ts';
import { LineReader, openSocketWire } from '../../../server/image/socketWire.ts';
import { Happenings } from '../../support/wait.ts';

const containing = (text: string) => expect.stringContaining(text) as string;

let folder: string;
const servers: net.Server[] = [];
beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'hotlisp-wire-'))));
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise(resolve => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

async function listenAt(
  directory: string,
  onConnection: (socket: net.Socket) => void = () => undefined,
): Promise<string> {
  const socketPath = path.join(directory, 'a.sock');
  const server = net.createServer(onConnection);
  servers.push(server);
  await new Promise<void>(resolve => server.listen(socketPath, resolve));
  return socketPath;
}

class Heard implements WireListener {
  readonly messages = new Happenings<string>();
  readonly closed = new Happenings<string>();
  readonly onMessage = (text: string) => this.messages.add(text);
  readonly onFault = () => undefined;
  readonly onClosed = (reason: string) => this.closed.add(reason);
}

describe('connecting to a socket', () => {
  it('is refused where others may enter its directory', async () => {
    const socketPath = await listenAt(folder);
    chmodSync(folder, 0o755);
    await expect(openSocketWire(socketPath)).rejects.toMatchObject({
      kind: 'no-image',
      message: containing('chmod 700'),
    });
  });

  it('is refused where its directory is a link', async () => {
    const real = path.join(folder, 'real');
    mkdirSync(real, { mode: 0o700 });
    await listenAt(real);
    symlinkSync(real, path.join(folder, 'link'));
    await expect(openSocketWire(path.join(folder, 'link', 'a.sock'))).rejects.toMatchObject({
      message: containing('symbolic link'),
    });
  });

  it.skipIf(process.getuid!() !== 0)('is refused where its directory is another user’s', async () => {
    const { chownSync } = await import('node:fs');
    const socketPath = await listenAt(folder);
    chownSync(folder, 12345, 12345);
    await expect(openSocketWire(socketPath)).rejects.toMatchObject({
      message: containing('another user (uid 12345)'),
    });
  });

  it('is refused for what is no socket, or not there', async () => {
    writeFileSync(path.join(folder, 'a.sock'), '');
    await expect(openSocketWire(path.join(folder, 'a.sock'))).rejects.toMatchObject({
      message: containing('not a socket'),
    });
    await expect(openSocketWire(path.join(folder, 'b.sock'))).rejects.toMatchObject({
      message: containing('does not exist'),
    });
  });

  it('says so when nothing listens any more', async () => {
    const socketPath = await listenAt(folder);
    // A program that was killed leaves its socket behind; closing properly would remove it.
    const { linkSync } = await import('node:fs');
    linkSync(socketPath, path.join(folder, 'dead.sock'));
    await new Promise(resolve => servers.pop()!.close(resolve));
    await expect(openSocketWire(path.join(folder, 'dead.sock'))).rejects.toMatchObject({
      kind: 'no-image',
      message: containing('(hotlisp:serve)'),
    });
  });
});

describe('the socket’s wire', () => {
  it('carries lines both ways, however they are cut, and tells once that the peer closed', async () => {
    const said = new Happenings<string>();
    const socketPath = await listenAt(folder, socket => {
      socket.on('data', chunk => {
        said.add(chunk.toString());
        const bytes = Buffer.from('{"a":"é😀"}\n\n{"b":2}\n');
        socket.write(bytes.subarray(0, 8), () => socket.end(bytes.subarray(8)));
      });
    });
    const wire = await openSocketWire(socketPath);
    const heard = new Heard();
    wire.listen(heard);
    wire.send(1, '{"id":1}');
    await said.next('the message', text => text === '{"id":1}\n');
    await heard.closed.next('the end', () => true);
    expect(heard.messages.all).toEqual(['{"a":"é😀"}', '{"b":2}']);
    await wire.close();
    expect(heard.closed.all).toEqual(['the image closed the connection']);
  });

  it('gives up a peer whose line does not end', () => {
    const reader = new LineReader(10);
    expect(reader.push(Buffer.from('12345\n6789'))).toEqual(['12345']);
    expect(() => reader.push(Buffer.from('0123456'))).toThrow(/more than 10 bytes/);
  });
});

describe('directories for sockets', () => {
  it('are made private, and refused when something else is there', async () => {
    const directory = path.join(folder, 'deep', 'run');
    await makePrivateDirectory(directory);
    await makePrivateDirectory(directory);
    expect(await problemOfDirectory(directory)).toBeUndefined();
    chmodSync(directory, 0o770);
    await expect(makePrivateDirectory(directory)).rejects.toMatchObject({
      kind: 'no-image',
      message: containing('0770'),
    });
  });

  it('lose the sockets of servers that are gone, and keep the others', async () => {
    const environment = { XDG_RUNTIME_DIR: folder };
    const directory = await spawnedDirectory(environment);
    const gone = path.join(directory, '999999999-aaaa.sock');
    const mine = path.join(directory, `${process.pid}-aaaa.sock`);
    for (const file of [gone, mine]) writeFileSync(file, '');
    await spawnedDirectory(environment);
    const { existsSync } = await import('node:fs');
    expect([existsSync(gone), existsSync(mine)]).toEqual([false, true]);
  });

  it('are elsewhere when the socket’s address would be too long', async () => {
    const long = path.join(folder, 'x'.repeat(90));
    expect(await spawnedDirectory({ XDG_RUNTIME_DIR: long, TMPDIR: '/tmp' })).not.toContain(long);
  });
});
