/** The binary: what its arguments ask for, and every object built once. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createConnection } from 'vscode-languageserver/node';
import { CheckedReader, CheckedWriter } from './checkedReader.ts';
import { doctor } from './doctor.ts';
import { createImageManager } from './image/manager.ts';
import { help, usage } from './help.ts';
import { Server } from './server.ts';
import { createSource } from './source/index.ts';

/** Written in by the build from package.json. */
declare const __HOTLISP_VERSION__: string;
const version = __HOTLISP_VERSION__;
const dist = path.dirname(fileURLToPath(import.meta.url));

async function serve(): Promise<void> {
  const wasm = {
    runtimeWasm: path.join(dist, 'web-tree-sitter.wasm'),
    grammarWasm: path.join(dist, 'tree-sitter-commonlisp.wasm'),
  };
  const source = await createSource(wasm);
  const writer = new CheckedWriter(process.stdout);
  const connection = createConnection(new CheckedReader(process.stdin, writer), writer);
  const server = new Server(connection, {
    version,
    source,
    indexFiles: { ...wasm, version, program: path.join(dist, 'indexer.js') },
    createImageManager: events =>
      createImageManager({ lispDir: path.join(dist, 'lisp'), events, clientName: `hotlisp ${version}` }),
  });
  // An editor that died closes our input and says nothing; what could not be written to it is no reason to leave an image half changed.
  let leaving = false;
  const leave = () => {
    if (leaving) return;
    leaving = true;
    setTimeout(() => process.exit(1), 30_000).unref();
    void server.dispose().finally(() => process.exit(1));
  };
  process.stdin.on('end', leave).on('error', leave);
  process.stdout.on('error', leave);
  process.on('unhandledRejection', error => console.error('hotlisp:', error));
  connection.listen();
}

const isHelp = (text: string | undefined) => text === '--help' || text === '-h';
const [argument, ...rest] = process.argv.slice(2);
if (argument === '--stdio') await serve();
else if (argument === '--version') console.log(version);
else if (isHelp(argument) || (argument === 'doctor' && isHelp(rest[0]))) process.stdout.write(help(version));
else if (argument === 'doctor' && !rest[0]?.startsWith('-'))
  process.exitCode = await doctor({ version, dist, arguments: rest });
else {
  const unknown = argument === 'doctor' ? rest[0]! : argument;
  process.stderr.write(unknown === undefined ? usage : `hotlisp: unknown argument ${unknown}\n${usage}`);
  process.exitCode = 2;
}
