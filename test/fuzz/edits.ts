/** Random edits in random encodings: what results is what reading the text from the start results in. */
import path from 'node:path';
import { createSource, type Source } from '../../server/source/index.ts';
import type { PositionEncoding, Snapshot, SyntaxNode } from '../../server/source/types.ts';
import { repository } from '../support/lspClient.ts';
import type { Bout, Fuzzer } from './fuzzer.ts';
import type { Random } from './random.ts';

const pieces = [
  '(defun f (x)\n  "é😀" (list x))\n',
  '(in-package #:語)\n',
  '(defmacro m (&body b) `(progn ,@b))\r\n',
  '#+sbcl (foo) #-(or a b) (bar)\n',
  '#| a #| b |# c |#\n',
  ';; comment "not a string\n',
  '"string with \\" and (\n"',
  '|sym bol|',
  '#\\( #\\" #\\Space',
  "'(a . b)",
  '#.(never)',
  '#1=(a #1#)',
  '(',
  ')',
  '"',
  '()',
  ' a ',
  ' :b ',
  '\n(c)\n',
  '|',
  '#|',
  '|#',
  ';',
  '\\',
  "'",
  '`',
  ',@',
  '#',
  '\n',
  '\r\n',
  '\r',
  ' ',
  '\t',
  '😀',
  'é',
  '語',
  '𝔸',
  '\u0000',
  '\ufeff',
  '\ud800',
] as const;
const encodings: readonly PositionEncoding[] = ['utf-8', 'utf-16', 'utf-32'];

const textOf = (random: Random, most: number) =>
  Array.from({ length: random.below(most) }, () => random.of(pieces)).join('');

/** Everything that is read of a text, as data. */
function readingOf({ forms, root }: Snapshot): string {
  const plain = ({ type, span, children }: SyntaxNode): unknown => [type, span, children.map(plain)];
  return JSON.stringify([
    plain(root),
    forms.map(form => [
      form.span,
      form.bodyStart,
      form.index,
      form.package,
      form.active,
      form.definitions,
      form.digest,
    ]),
  ]);
}

/** The version before may tell what a text with a fault does not: only such texts may be read in two ways. */
function difference(edited: Snapshot, fresh: Snapshot): string | undefined {
  if (edited.text !== fresh.text) return 'another text';
  if (edited.problems.length > 0 || fresh.problems.length > 0) {
    let end = 0;
    for (const { span } of edited.forms) {
      if (span.start < end || span.end <= span.start) return `forms that overlap at ${span.start}`;
      end = span.end;
    }
    return undefined;
  }
  const [a, b] = [readingOf(edited), readingOf(fresh)];
  return a === b ? undefined : `read as\n${a}\ninstead of\n${b}`;
}

class EditBout implements Bout {
  constructor(private readonly source: Source) {}

  try(random: Random): void {
    const uri = 'file:///fuzz.lisp';
    const document = this.source.open(uri, 1, textOf(random, 40));
    try {
      let text = document.snapshot.text;
      for (let version = 2; version < 8; version++) {
        const encoding = random.of(encodings);
        const changes = [];
        for (let n = 1 + random.below(3); n > 0; n--) {
          if (random.chance(0.05)) {
            text = textOf(random, 30);
            changes.push({ text });
            continue;
          }
          const before = this.source.snapshot(uri, 0, text);
          const [a, b] = [boundary(random, text), boundary(random, text)].sort((x, y) => x - y) as [
            number,
            number,
          ];
          const end = random.chance(0.7) ? Math.min(b, boundaryAfter(text, a + 12)) : b;
          const inserted = textOf(random, 4);
          changes.push({ range: before.rangeOf({ start: a, end }, encoding), text: inserted });
          const start = before.offsetAt(before.rangeOf({ start: a, end }, encoding).start, encoding);
          const stop = before.offsetAt(before.rangeOf({ start: a, end }, encoding).end, encoding);
          text = text.slice(0, start) + inserted + text.slice(stop);
        }
        document.apply(changes, version, encoding);
        const fresh = this.source.snapshot(uri, version, text);
        const differs = difference(document.snapshot, fresh);
        if (differs !== undefined)
          throw new Error(
            `${JSON.stringify(changes)} in ${encoding} leaves ${JSON.stringify(text)}: ${differs}`,
          );
        for (let n = 0; n < 5; n++) {
          const offset = boundary(random, text);
          for (const each of encodings) {
            const position = document.snapshot.rangeOf({ start: offset, end: offset }, each).start;
            const again = fresh.rangeOf({ start: offset, end: offset }, each).start;
            if (JSON.stringify(position) !== JSON.stringify(again))
              throw new Error(
                `offset ${offset} of ${JSON.stringify(text)} in ${each}: ${JSON.stringify([position, again])}`,
              );
          }
        }
      }
    } finally {
      document.dispose();
    }
  }

  async close(): Promise<void> {}
}

/** An offset that is not inside a surrogate pair: a client's encoding may not be able to name that. */
function boundary(random: Random, text: string): number {
  return boundaryAfter(text, random.below(text.length + 1));
}

function boundaryAfter(text: string, offset: number): number {
  const at = Math.min(offset, text.length);
  return /[\udc00-\udfff]/.test(text[at] ?? '') && /[\ud800-\udbff]/.test(text[at - 1] ?? '') ? at + 1 : at;
}

export const edits: Fuzzer = {
  name: 'edits',
  about: 'edits of a buffer in each position encoding, compared with reading the text from the start',
  short: 300,
  begin: async () => {
    const dist = path.join(repository, 'dist');
    const source = await createSource({
      runtimeWasm: path.join(dist, 'web-tree-sitter.wasm'),
      grammarWasm: path.join(dist, 'tree-sitter-commonlisp.wasm'),
    });
    return new EditBout(source);
  },
};
