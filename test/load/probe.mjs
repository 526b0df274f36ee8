// Loaded into the server under test (NODE_OPTIONS=--import): says on a socket how long its event loop was held, and how much memory it uses.
// A hold is the time between two turns of the loop in which the main thread was at work: waiting for the processor does not count where that
// can be told (Linux).
import fs from 'node:fs';
import net from 'node:net';
import v8 from 'node:v8';
import vm from 'node:vm';
import { isMainThread, threadId } from 'node:worker_threads';

const place = process.env.HOTLISP_PROBE;
v8.setFlagsFromString('--expose_gc');
const collect = vm.runInNewContext('gc');
if (place && !isMainThread) startThread(`${place}.${threadId}`);
else if (place && process.argv.includes('--stdio')) start(place);

/** A thread of the server has a heap of its own, which is not in the main thread's figures but in the process's. */
function startThread(socket) {
  net
    .createServer(connection => {
      connection.unref();
      connection.on('error', () => {});
      connection.on('data', chunk => {
        if (String(chunk).includes('collect')) collect();
        const { heapUsed, heapTotal } = process.memoryUsage();
        connection.write(`${JSON.stringify({ heapUsed, heapTotal })}\n`);
      });
    })
    .listen(socket)
    .unref();
}

function start(socket) {
  const processor = processorTime();
  const holds = [];
  let last = performance.now();
  let lastProcessor = processor();
  const look = () => {
    const now = performance.now();
    const used = processor();
    const held = Math.min(now - last, used - lastProcessor);
    if (held > 4) holds.push(held);
    last = now;
    lastProcessor = used;
    setTimeout(look, 1).unref();
  };
  look();
  net
    .createServer(connection => {
      connection.unref();
      connection.on('error', () => {});
      connection.on('data', chunk => {
        if (String(chunk).includes('collect')) collect();
        const { rss, heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage();
        connection.write(
          `${JSON.stringify({ rss, heapUsed, heapTotal, external, arrayBuffers, holds: holds.splice(0) })}\n`,
        );
        // What this look cost is not the server's.
        last = performance.now();
        lastProcessor = processor();
      });
    })
    .listen(socket)
    .unref();
}

/** Milliseconds of processor time of the main thread; of the whole process where there is no such account. */
function processorTime() {
  try {
    const file = fs.openSync(`/proc/self/task/${process.pid}/schedstat`, 'r');
    const buffer = Buffer.alloc(64);
    return () =>
      Number(buffer.toString('latin1', 0, fs.readSync(file, buffer, 0, 64, 0)).split(' ')[0]) / 1e6;
  } catch {
    return () => process.cpuUsage().user / 1000 + process.cpuUsage().system / 1000;
  }
}
