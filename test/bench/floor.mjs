/**
 * The least that a reload through a language server can cost: a request over stdio, one message to the image and its answer,
 * one line that is on the disk, the reply. Nothing is parsed, checked, asked or remembered.
 * Usage: node floor.mjs SOCKET JOURNAL; a line in is a line to the image, its answer is the line out. Where SOCKET is the port
 * of a Swank, the line is the argument of a call of BENCH-CLOCK::INSTALL-ONCE, and its printed value the answer.
 */
import { writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import net from 'node:net';

const [, , socketPath, journalPath] = process.argv;
const swank = /^\d+$/.test(socketPath);
const socket = swank
  ? net.connect({ port: Number(socketPath), host: '127.0.0.1', noDelay: true })
  : net.connect(socketPath);
let calls = 0;
/** What goes to the image for a line. */
const sent = line => {
  if (!swank) return line;
  const text = line.trimEnd().replaceAll('\\', '\\\\').replaceAll('"', '\\"');
  const call = `(:emacs-rex (bench-clock::install-once "${text}") "BENCH-CLOCK" t ${++calls})`;
  return Buffer.byteLength(call).toString(16).padStart(6, '0') + call;
};
/** The answer in what has come from the image; undefined while it is not whole. */
const answered = text => {
  if (!swank) return text.endsWith('\n') ? text : undefined;
  const value = new RegExp(`\\(:return \\(:ok (.*)\\) ${calls}\\)`).exec(text)?.[1];
  return value && `${value}\n`;
};
const journal = await open(journalPath, 'a');
let pending = '';
let answer = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', chunk => {
  pending += chunk;
  if (!pending.endsWith('\n')) return;
  socket.write(sent(pending));
  pending = '';
});
process.stdin.on('end', () => socket.destroy());
socket.setEncoding('utf8');
socket.on('data', async chunk => {
  answer += chunk;
  const line = answered(answer);
  if (line === undefined) return;
  answer = '';
  writeSync(journal.fd, line);
  await journal.datasync();
  process.stdout.write(line);
});
