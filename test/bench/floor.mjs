/**
 * The least that a reload through a language server can cost: a request over stdio, one message to the image and its answer,
 * one line that is on the disk, the reply. Nothing is parsed, checked, asked or remembered.
 * Usage: node floor.mjs SOCKET JOURNAL; a line in is a line to the image, its answer is the line out.
 */
import { writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import net from 'node:net';

const [, , socketPath, journalPath] = process.argv;
const socket = net.connect(socketPath);
const journal = await open(journalPath, 'a');
let pending = '';
let answer = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', chunk => {
  pending += chunk;
  if (!pending.endsWith('\n')) return;
  socket.write(pending);
  pending = '';
});
process.stdin.on('end', () => socket.destroy());
socket.setEncoding('utf8');
socket.on('data', async chunk => {
  answer += chunk;
  if (!answer.endsWith('\n')) return;
  const line = answer;
  answer = '';
  writeSync(journal.fd, line);
  await journal.datasync();
  process.stdout.write(line);
});
