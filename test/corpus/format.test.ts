/** What `npm run corpus:format` does with Debian's packages, in small: over files written for this project. */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Source } from '../../server/source/index.ts';
import { testSource } from '../unit/source/source.ts';
import { formatted, judgeFormat, macrosOf, shape } from './formatting.ts';

const samples = path.join(import.meta.dirname, 'samples');
const lisp = path.resolve('lisp');
const files = [
  ...readdirSync(samples).map(name => path.join(samples, name)),
  ...readdirSync(lisp)
    .filter(name => name.endsWith('.lisp'))
    .map(name => path.join(lisp, name)),
];
const textOf = (file: string) => readFileSync(file, 'utf8');

let source: Source;
const macros = new Map();
beforeAll(async () => {
  source = await testSource();
  for (const file of files)
    for (const [name, spec] of macrosOf(source.snapshot(file, 0, textOf(file)))) macros.set(name, spec);
});

describe('formatting a file', () => {
  it.each(files.map(file => [path.basename(file), file]))(
    'changes no form of %s, and is done at once',
    (_, file) => {
      const { treeDiffers, unstable } = judgeFormat(source, source.snapshot(file, 0, textOf(file)), macros);
      expect({ treeDiffers, unstable }).toEqual({ treeDiffers: 0, unstable: 0 });
    },
  );

  it('keeps the lines of the agent where their authors put them', () => {
    const judged = files
      .filter(file => file.startsWith(lisp) && path.basename(file) !== 'protocol.lisp')
      .map(file => judgeFormat(source, source.snapshot(file, 0, textOf(file)), macros));
    const sum = (key: 'lines' | 'same') => judged.reduce((all, each) => all + each[key], 0);
    expect(sum('lines')).toBeGreaterThan(3000);
    expect(sum('same') / sum('lines')).toBeGreaterThan(0.95);
  });

  it('changes no form whatever the indentation was, and formatting twice does what formatting once does', () => {
    const texts = files.filter(file => !file.startsWith(lisp)).map(textOf);
    fc.assert(
      fc.property(fc.constantFrom(...texts), fc.infiniteStream(fc.nat({ max: 12 })), (text, columns) => {
        const [before] = [source.snapshot('file:///a.lisp', 0, text)];
        const spread = formattedFrom(before, columns);
        const mixed = source.snapshot('file:///a.lisp', 1, spread);
        expect(shape(mixed)).toEqual(shape(before));
        const once = source.snapshot('file:///a.lisp', 2, formatted(mixed, macros).text);
        expect(shape(once)).toEqual(shape(before));
        expect(formatted(once, macros).text).toBe(once.text);
      }),
      { numRuns: 30, seed: 7 },
    );
  });
});

/** The text with each line that the formatter may move somewhere else. */
function formattedFrom(snapshot: ReturnType<Source['snapshot']>, columns: Iterator<number>): string {
  const { text, problems } = snapshot;
  if (problems.length > 0) return text;
  let out = '';
  let at = 0;
  const inside = new Set<number>();
  const visit = (node: typeof snapshot.root): void => {
    if (
      /^(?:str_lit|block_comment|dispatch_lit|sym_lit|char_lit)$/.test(node.type) ||
      node.children.length === 0
    )
      for (
        let i = text.indexOf('\n', node.span.start);
        i >= 0 && i < node.span.end;
        i = text.indexOf('\n', i + 1)
      )
        inside.add(i + 1);
    else node.children.forEach(visit);
  };
  visit(snapshot.root);
  for (const { index } of text.matchAll(/^(?=[ \t]*\S)/gm)) {
    if (inside.has(index)) continue;
    const blank = /^[ \t]*/.exec(text.slice(index, index + 200))![0].length;
    // what begins in column 0 decides which forms there are
    const to = blank === 0 ? 0 : 1 + (columns.next().value as number);
    out += text.slice(at, index) + ' '.repeat(to);
    at = index + blank;
  }
  return out + text.slice(at);
}
