/**
 * `npm run corpus:rename`: local names of Debian's Common Lisp packages renamed, with SBCL as the judge. Of systems that SBCL can load, local
 * things (variables, functions, macros, blocks, tags) are picked at random, the same ones for the same seed, and renamed as the server would.
 * Both forms are read in their package and expanded wholly: they have to be equal up to the name. What is refused is counted; a refusal is an
 * answer. Exit 1 when a renamed form differs.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { renameLocal } from '../../server/features/rename.ts';
import { finish } from '../../server/source/slices.ts';
import { createSource, type TopLevelForm } from '../../server/source/index.ts';
import { symbolsIn, type Binding } from '../../server/source/scope.ts';
import { cache, packages } from './packages.ts';
import { decode } from './reader.ts';

const SYSTEMS =
  'alexandria anaphora split-sequence cl-ppcre cl-utilities parse-number trivial-utf-8 cl-base64 md5 puri cl-fad cl-who iterate esrap metabang-bind lparallel salza2 zpb-ttf local-time fiveam named-readtables trivial-garbage';
const NEW_NAME = 'renamed-local-thing';

const lispString = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&')}"`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '300' },
      seed: { type: 'string', default: '1' },
      systems: { type: 'string', default: SYSTEMS },
    },
  });
  await packages(line => console.log(line));
  const source = await createSource({
    runtimeWasm: 'node_modules/web-tree-sitter/web-tree-sitter.wasm',
    grammarWasm: 'grammar-wasm/tree-sitter-commonlisp.wasm',
  });
  const sbcl = spawn(process.env['SBCL'] ?? 'sbcl', ['--script', 'test/corpus/rename.lisp'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      ...process.env,
      CORPUS_SYSTEMS: values.systems,
      CORPUS_TREE: path.join(cache, 'unpacked'),
      XDG_CACHE_HOME: cache,
      HOME: cache,
    },
  });
  sbcl.stdin.on('error', () => undefined);
  try {
    const lines = createInterface({ input: sbcl.stdout })[Symbol.asyncIterator]();
    const next = async (): Promise<string> => {
      const { value, done } = (await lines.next()) as IteratorResult<string, undefined>;
      if (done) throw new Error('SBCL ended early');
      return value;
    };
    const places: { file: string; form: TopLevelForm; binding: Binding }[] = [];
    for (let line = await next(); line !== 'ready'; line = await next()) {
      const file = /^file \S+ (.*)$/.exec(line)?.[1];
      if (file === undefined) {
        console.log(line);
        continue;
      }
      const { text } = await decode(file);
      for (const form of source.snapshot(`file://${file}`, 0, text).forms)
        if (!form.broken && typeof form.package === 'string')
          for (const binding of symbolsIn(form).bindings) places.push({ file, form, binding });
    }
    let state = Number(values.seed);
    const random = (below: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return Math.floor((state / 0x80000000) * below);
    };
    const counts = { same: 0, refused: 0, unreadable: 0, differs: 0 };
    for (let i = 0; i < Number(values.count) && places.length > 0; i++) {
      const { file, form, binding } = places.splice(random(places.length), 1)[0]!;
      const { text } = await decode(file);
      const snapshot = source.snapshot(`file://${file}`, 0, text);
      let edits;
      try {
        const read = (each: string) => source.snapshot('file:///a', 0, each);
        edits = finish(renameLocal(snapshot, binding, NEW_NAME, 'utf-16', read));
      } catch {
        counts.refused++;
        continue;
      }
      const renamed = edits
        .map(({ range, newText }) => ({
          start: snapshot.offsetAt(range.start, 'utf-16') - form.span.start,
          end: snapshot.offsetAt(range.end, 'utf-16') - form.span.start,
          newText,
        }))
        .sort((a, b) => b.start - a.start)
        .reduce(
          (all, { start, end, newText }) => all.slice(0, start) + newText + all.slice(end),
          text.slice(form.span.start, form.span.end),
        );
      const before = text.slice(form.span.start, form.span.end);
      const request = [form.package!, before, renamed, binding.name, NEW_NAME.toUpperCase()].map(lispString);
      sbcl.stdin.write(`(${request.join(' ')})\n`);
      const answer = await next();
      if (answer === 'SAME') counts.same++;
      else if (answer.startsWith('UNREADABLE')) counts.unreadable++;
      else {
        counts.differs++;
        const { line } = snapshot.positionAt(binding.span.start, 'utf-16');
        console.log(
          `${path.basename(file)}:${line + 1}: ${binding.kind} ${binding.name}: ${answer.slice(0, 300)}`,
        );
      }
    }
    console.log(
      `seed ${values.seed}: ${counts.same} renamed and the same, ${counts.refused} refused, ${counts.unreadable} that do not expand by themselves, ${counts.differs} that differ`,
    );
    return counts.differs === 0 && counts.same > 0 ? 0 : 1;
  } finally {
    sbcl.stdin.end();
    if (sbcl.exitCode === null && sbcl.signalCode === null) {
      const ended = once(sbcl, 'exit');
      sbcl.kill();
      await ended;
    }
  }
}

main().then(
  code => (process.exitCode = code),
  (error: unknown) => {
    console.error(`corpus:rename: ${(error as Error).message}`);
    process.exitCode = 2;
  },
);
