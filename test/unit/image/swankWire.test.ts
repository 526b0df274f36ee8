/** What Swank and Slynk may say besides a plain reply, said by a scripted peer: faults that a real one cannot be made to have on demand. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HotlispError } from '../../../server/errors.ts';
import type { AgentFiles } from '../../../server/image/agentFiles.ts';
import { Connection } from '../../../server/image/connection.ts';
import {
  framePacket,
  PacketReader,
  readLisp,
  writeLisp,
  type LispData,
} from '../../../server/image/lispData.ts';
import { openSwankWire, type SwankOptions } from '../../../server/image/swankWire.ts';
import { Happenings } from '../../support/wait.ts';

const containing = (text: string) => expect.stringContaining(text) as string;
const files: AgentFiles = { bootFile: '/boot.lisp', boot: '(boot "text")', source: '(source)', digest: 'd1' };

/** One connection of the peer; `packets` holds what came, as text. */
class Peer {
  readonly packets = new Happenings<string>();
  constructor(readonly socket: net.Socket) {
    const reader = new PacketReader();
    socket.on('data', chunk => reader.push(chunk).forEach(text => this.packets.add(text)));
    socket.on('error', () => undefined);
  }
  say(text: string): void {
    this.socket.write(framePacket(text));
  }
}

type Script = (packet: string, peer: Peer, connection: number) => void;

let server: net.Server;
let peers: Peer[];
let script: Script;
let home: string;
const log: string[] = [];

beforeEach(async () => {
  peers = [];
  log.length = 0;
  home = mkdtempSync(path.join(tmpdir(), 'hotlisp-home-'));
  script = attached('swank');
  server = net.createServer(socket => {
    const peer = new Peer(socket);
    const number = peers.push(peer);
    const reader = new PacketReader();
    socket.on('data', chunk => reader.push(chunk).forEach(text => script(text, peer, number)));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  for (const { socket } of peers) socket.destroy();
  await new Promise(resolve => server.close(resolve));
  rmSync(home, { recursive: true, force: true });
});

const options = (more: Partial<SwankOptions> = {}): SwankOptions => ({
  host: '127.0.0.1',
  port: (server.address() as net.AddressInfo).port,
  files,
  environment: { HOME: home },
  onLog: line => log.push(line),
  signal: new AbortController().signal,
  ...more,
});

/** (form id) of a :emacs-rex. */
function rex(packet: string): { form: string; thread: LispData; id: number } {
  const [, form, , thread, id] = readLisp(packet) as LispData[];
  return { form: writeLisp(form!), thread: thread!, id: id as number };
}

/** A peer whose image has the agent already, and which answers calls by `answer`. */
function attached(flavour: 'swank' | 'slynk', answer: Script = () => undefined): Script {
  return (packet, peer, number) => {
    const { form, id } = rex(packet);
    if (form.startsWith('(cl::list')) peer.say(`(:return (:ok ("SBCL" "9.9" "d1" :${flavour})) ${id})`);
    else if (form.startsWith('(hotlisp-boot::attach ')) peer.say(`(:return (:ok t) ${id})`);
    else if (form.startsWith('(hotlisp-boot::offer-agent'))
      peer.say(`(:return (:ok (:loaded :already)) ${id})`);
    else answer(packet, peer, number);
  };
}

async function connected(flavour: 'swank' | 'slynk', answer: Script): Promise<Connection> {
  script = attached(flavour, answer);
  const { wire, server: found } = await openSwankWire(options());
  expect(found).toBe(flavour);
  return new Connection(wire, line => log.push(line));
}

const failure = (promise: Promise<unknown>): Promise<HotlispError> =>
  promise.then(
    value => expect.fail(`resolved with ${JSON.stringify(value)}`),
    (error: unknown) => error as HotlispError,
  );

/** The JSON message inside a call of ours. */
function message(packet: string): { id: number; op: string; session: string } {
  const [, [, text]] = readLisp(packet) as [LispData, [LispData, string]];
  return JSON.parse(text) as { id: number; op: string; session: string };
}
const lisp = (value: unknown) => writeLisp(JSON.stringify(value));

describe('attaching', () => {
  it('uses symbols of COMMON-LISP alone until the image is known to have what loads the agent', async () => {
    const forms: string[] = [];
    script = (packet, peer) => {
      const { form, id } = rex(packet);
      forms.push(form);
      if (forms.length === 1) peer.say(`(:return (:ok ("SBCL" "9.9" nil :swank)) ${id})`);
      else if (form.includes('offer-agent') && !form.includes('(source)'))
        peer.say(`(:return (:ok (:source-needed)) ${id})`);
      else if (form.includes('offer-agent'))
        peer.say(`(:return (:ok (:loaded :compiled "a warning")) ${id})`);
      else peer.say(`(:return (:ok t) ${id})`);
    };
    await openSwankWire(options());
    for (const form of forms.slice(0, 2))
      for (const [, prefix] of form.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""').matchAll(/([a-z-]+)::?[a-z*]/g))
        expect(prefix).toBe('cl');
    expect(forms[1]).toContain('(boot \\"text\\")');
    expect(forms.at(-1)).toMatch(/^\(hotlisp-boot::offer-agent "d1" "[0-9a-f]{64}" "[\w-]+" "\(source\)"\)$/);
    expect(log).toContain('Compiling the agent: a warning');
  });

  it('writes nothing that Slynk’s simpler reader does not know', async () => {
    const connection = await connected('slynk', (packet, peer) =>
      peer.say(`(:return (:ok ${lisp({ id: message(packet).id, ok: { threads: [] } })}) ${rex(packet).id})`),
    );
    await connection.call('threads', { symbol: 'a"b\\c' });
    for (const { packets } of peers)
      for (const packet of packets.all)
        expect(packet.replaceAll(/"(?:[^"\\]|\\.)*"/gs, '""')).not.toMatch(/[#|\\;`,\n]|\s\.\s/);
  });

  it('refuses an image that is not SBCL', async () => {
    script = (packet, peer) =>
      peer.say(`(:return (:ok ("Clozure Common Lisp" "1.12" nil :swank)) ${rex(packet).id})`);
    expect(await failure(openSwankWire(options()))).toMatchObject({
      kind: 'no-image',
      message: containing('Clozure Common Lisp 1.12'),
    });
  });

  it('refuses a peer that speaks something else', async () => {
    script = (_packet, peer) => peer.socket.write('HTTP/1.1 400 Bad Request\r\n');
    expect(await failure(openSwankWire(options()))).toMatchObject({
      kind: 'no-image',
      message: containing('does not speak'),
    });
  });

  it('says what to do when nothing listens', async () => {
    const closed = options();
    await new Promise(resolve => server.close(resolve));
    expect(await failure(openSwankWire(closed))).toMatchObject({
      kind: 'no-image',
      message: containing('swank:create-server'),
    });
    server.listen(0, '127.0.0.1');
  });

  it('says why when the agent cannot be loaded, and leaves no connection open', async () => {
    script = (packet, peer) => {
      const { form, id } = rex(packet);
      if (form.startsWith('(cl::list')) peer.say(`(:return (:ok ("SBCL" "9.9" nil :swank)) ${id})`);
      else if (form.startsWith('(swank::')) peer.say(`(:return (:abort "left") ${id})`);
      else
        peer.say(
          `(:debug 7 1 ("Heap exhausted" "   [Condition of type X]" nil) (("*ABORT" "top")) () (${id}))`,
        );
      if (form.startsWith('(swank::')) peer.say(`(:return (:abort "left") 2)`);
    };
    const error = await failure(openSwankWire(options()));
    expect(error).toMatchObject({ kind: 'no-image', message: containing('Heap exhausted') });
    await new Promise<void>(resolve =>
      peers[0]!.socket.closed ? resolve() : peers[0]!.socket.once('close', () => resolve()),
    );
  });

  it('gives up when the user does', async () => {
    script = () => undefined;
    const controller = new AbortController();
    const attempt = failure(openSwankWire(options({ signal: controller.signal })));
    while (peers.length === 0) await new Promise(resolve => setImmediate(resolve));
    await peers[0]!.packets.next('the first question', () => true);
    controller.abort();
    expect((await attempt).kind).toBe('cancelled');
  });
});

describe('a secret', () => {
  it.each([
    ['.slime-secret', {}],
    ['.sly-secret', {}],
    ['.sly-secret', { server: 'slynk' as const }],
  ])('in ~/%s is the first packet, raw, without its end of line', async (file, more) => {
    writeFileSync(path.join(home, file), 'pass "word" é\nsecond line\n');
    const inner = attached('swank');
    script = (packet, peer, number) => {
      if (packet.startsWith('(')) inner(packet, peer, number);
    };
    await openSwankWire(options(more));
    expect(peers[0]!.packets.all[0]).toBe('pass "word" é');
  });

  it('of the other server is not sent where the address says which it is', async () => {
    writeFileSync(path.join(home, '.slime-secret'), 'x\n');
    script = attached('slynk');
    await openSwankWire(options({ server: 'slynk' }));
    expect(peers[0]!.packets.all[0]).toMatch(/^\(:emacs-rex/);
  });

  it('that the peer did not ask for, and closes upon, is left out the second time', async () => {
    writeFileSync(path.join(home, '.slime-secret'), 'x\n');
    const inner = attached('swank');
    script = (packet, peer, number) => (number === 1 ? peer.socket.destroy() : inner(packet, peer, number));
    await openSwankWire(options());
    expect(peers[1]!.packets.all[0]).toMatch(/^\(:emacs-rex/);
  });

  it('is spoken of when the peer closes at once', async () => {
    script = (_packet, peer) => peer.socket.destroy();
    expect(await failure(openSwankWire(options()))).toMatchObject({
      kind: 'no-image',
      message: containing('~/.slime-secret'),
    });
  });
});

describe('a call over Swank', () => {
  it('that the image cannot read is told by the number in the packet that it echoes', async () => {
    const connection = await connected('swank', (packet, peer) =>
      peer.say(`(:reader-error ${writeLisp(packet)} "Package HOTLISP-BOOT does not exist")`),
    );
    expect(await failure(connection.call('threads', {}))).toMatchObject({
      kind: 'internal',
      message: containing('HOTLISP-BOOT does not exist'),
    });
  });

  it('that the image refuses is told', async () => {
    const connection = await connected('swank', (packet, peer) =>
      peer.say(`(:invalid-rpc ${rex(packet).id} "Thread not found")`),
    );
    expect(await failure(connection.call('threads', {}))).toMatchObject({
      kind: 'internal',
      message: containing('Thread not found'),
    });
  });

  it('that is aborted is told', async () => {
    const connection = await connected('swank', (packet, peer) =>
      peer.say(`(:return (:abort "killed") ${rex(packet).id})`),
    );
    expect(await failure(connection.call('threads', {}))).toMatchObject({
      kind: 'debugger-aborted',
      message: containing('killed'),
    });
  });

  it('whose answer does not fit, or is none, is told', async () => {
    const answers = ['(:too-large 99)', '(1 2)', '"{\\"id\\": 3, \\"ok\\": {\\"threads\\": []}}"'];
    const connection = await connected('swank', (packet, peer) =>
      peer.say(`(:return (:ok ${answers.shift()}) ${rex(packet).id})`),
    );
    expect((await failure(connection.call('threads', {}))).message).toContain('(hotlisp:serve)');
    expect((await failure(connection.call('threads', {}))).message).toContain('(1 2)');
    await expect(connection.call('threads', {})).resolves.toEqual({ threads: [] });
  });

  it('that does not fit the wire is refused, and the next one goes through', async () => {
    const connection = await connected('swank', (packet, peer) =>
      peer.say(`(:return (:ok ${lisp({ id: message(packet).id, ok: { threads: [] } })}) ${rex(packet).id})`),
    );
    expect(await failure(connection.call('threads', { symbol: 'x'.repeat(17_000_000) }))).toMatchObject({
      kind: 'invalid-arguments',
      message: containing('Too large'),
    });
    await expect(connection.call('threads', {})).resolves.toEqual({ threads: [] });
  });

  it('hears its own events, and nobody else’s output', async () => {
    const connection = await connected('swank', (packet, peer) => {
      const { id } = message(packet);
      peer.say(
        `(:write-string ${lisp({ id, event: 'output', data: { stream: 'stdout', text: 'not ours' } })} :repl-result)`,
      );
      peer.say(
        `(:write-string ${lisp({ id, event: 'output', data: { stream: 'stdout', text: 'ours' } })} :hotlisp)`,
      );
      peer.say(`(:return (:ok ${lisp({ id, ok: { threads: [] } })}) ${rex(packet).id})`);
    });
    const texts: unknown[] = [];
    await connection.call('threads', {}, { onEvent: event => texts.push(event.data) });
    expect(texts).toEqual([{ stream: 'stdout', text: 'ours' }]);
  });

  it('is told when the connection is lost', async () => {
    const connection = await connected('swank', (_packet, peer) => peer.socket.destroy());
    expect((await failure(connection.call('threads', {}))).kind).toBe('image-lost');
    await expect(connection.lost).resolves.toMatch(/closed|reset/i);
  });
});

describe('the debugger', () => {
  it.each(['swank', 'slynk'] as const)(
    'of %s is left by the restart that leads to the top, found by name',
    async flavour => {
      let call = 0;
      const connection = await connected(flavour, (packet, peer) => {
        const { form, id, thread } = rex(packet);
        if (form.startsWith('(hotlisp-boot::call')) {
          call = id;
          peer.say(
            `(:debug 12 1 ("Oops" "   [Condition of type SIMPLE-ERROR]" nil) (("RETRY" "Retry.") ("*ABORT" "Return to the top level.") ("ABORT" "abort thread")) ((0 "(F)")) (${id}))`,
          );
          peer.say('(:debug-activate 12 1 nil)');
        } else {
          expect([form, thread]).toEqual([`(${flavour}::invoke-nth-restart-for-emacs 1 1)`, 12]);
          peer.say(`(:return (:abort "NIL") ${id})`);
          peer.say('(:debug-return 12 1 nil)');
          peer.say(`(:return (:abort "Oops") ${call})`);
        }
      });
      expect(await failure(connection.call('threads', {}))).toMatchObject({
        kind: 'debugger-aborted',
        message: containing('Oops [Condition of type SIMPLE-ERROR]'),
      });
    },
  );

  it('that offers no way back by name is left by the server’s own', async () => {
    const left = new Happenings<string>();
    const connection = await connected('swank', (packet, peer) => {
      const { form, id } = rex(packet);
      if (form.startsWith('(hotlisp-boot::call'))
        peer.say(`(:debug 12 1 ("Oops" "" nil) (("CONTINUE" "Go on.")) () (${id}))`);
      else left.add(form);
    });
    connection.call('threads', {}).catch(() => undefined);
    await left.next('the way out', form => form === '(swank::throw-to-toplevel)');
  });

  it('of a thread that is not ours goes where it would have gone without us', async () => {
    const forms = new Happenings<string>();
    await connected('slynk', packet => forms.add(rex(packet).form));
    peers[0]!.say('(:debug 30 1 ("User’s error" "" nil) (("*ABORT" "x")) () ())');
    await forms.next('its answer', form => form === '(slynk::sly-db-break-with-default-debugger nil)');
  });

  it('that comes back for ever is given up, and the call told', async () => {
    const connection = await connected('swank', (packet, peer) => {
      const { form, id } = rex(packet);
      const own = form.startsWith('(hotlisp-boot::call') ? id : 4;
      peer.say(`(:debug 12 1 ("Again" "" nil) (("*ABORT" "x")) () (${own}))`);
    });
    expect((await failure(connection.call('threads', {}))).message).toContain('does not leave it: Again');
  });
});

describe('an image that waits for an answer', () => {
  it.each([
    ['(:ping 5 99)', '(:emacs-pong 5 99)'],
    ['(:read-string 5 99)', '(:emacs-return-string 5 99 "\n")'],
    ['(:y-or-n-p 5 99 "Really?")', '(:emacs-return 5 99 nil)'],
    ['(:read-from-minibuffer 5 99 "Name:" nil)', '(:emacs-return 5 99 nil)'],
    ['(:eval 5 99 "(point)")', '(:emacs-return 5 99 (:abort))'],
    ['(:ed-rpc 5 99 "f")', '(:emacs-return 5 99 (:abort))'],
  ])('by %s gets %s', async (question, answer) => {
    await openSwankWire(options());
    peers[0]!.say(question);
    await peers[0]!.packets.next('the answer', packet => packet === answer);
  });

  it('is not disturbed by what an editor would show, nor are we', async () => {
    const connection = await connected('swank', (packet, peer) =>
      peer.say(`(:return (:ok ${lisp({ id: message(packet).id, ok: { threads: [] } })}) ${rex(packet).id})`),
    );
    for (const text of [
      `(:indentation-update (${'("x" 1 ("A")) '.repeat(3000)}))`,
      '(:new-features ("A"))',
      '(:channel-send 1 (:write-values ("x")))',
      '(:presentation-start 1 :repl-result)',
      '(:background-message "x")',
      '(:return (:ok 1) 12345)',
      '(:return #<UNREADABLE {10}> 1)',
      'nil',
    ])
      peers[0]!.say(text);
    await expect(connection.call('threads', {})).resolves.toEqual({ threads: [] });
  });
});
