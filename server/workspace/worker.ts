/** The index's own thread: messages in, messages out. Nothing of it can hold up the server. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { createSource } from '../source/index.ts';
import { Indexer } from './indexer.ts';
import type { FromWorker, ToWorker, WorkerData } from './messages.ts';

const { runtimeWasm, grammarWasm, encoding, version } = workerData as WorkerData;
const port = parentPort!;
const send = (message: FromWorker) => port.postMessage(message);

const source = await createSource({ runtimeWasm, grammarWasm });
const digest = createHash('sha256').update(version).update(encoding);
for (const file of [grammarWasm, fileURLToPath(import.meta.url)]) digest.update(readFileSync(file));
const indexer = new Indexer({
  source,
  encoding,
  stamp: digest.digest('hex'),
  log: message => send({ type: 'log', message }),
  progress: (done, total) => send({ type: 'progress', done, total }),
});
const running = new Map<number, AbortController>();

async function answer({ id, name, params }: Extract<ToWorker, { type: 'query' }>): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    send({ type: 'answer', id, value: await indexer.query(name, params, controller.signal) });
  } catch (error) {
    send({ type: 'failure', id, message: error instanceof Error ? error.message : String(error) });
  } finally {
    running.delete(id);
  }
}

port.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'configure':
      return indexer.configure(message.workspace);
    case 'features':
      return indexer.setFeatures(message.features);
    case 'buffer':
      return indexer.setBuffer(message.uri, message.text);
    case 'edit':
      return indexer.editBuffer(message.uri, message, message.text);
    case 'files':
      return indexer.filesChanged(message.uris);
    case 'query':
      return void answer(message);
    case 'cancel':
      return running.get(message.id)?.abort();
    case 'stop':
      return indexer.stop();
    case 'close':
      return void indexer.close().finally(() => send({ type: 'closed' }));
  }
});
send({ type: 'ready' });
