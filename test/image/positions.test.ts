/** Positions are right in every encoding that can be negotiated, with emoji, CRLF and lone CR, in requests and in answers. */
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { Editor, usualCapabilities } from '../support/lspClient.ts';
import type { Position, Range, SourceLocation } from '../support/lspTypes.ts';

type Encoding = 'utf-8' | 'utf-16' | 'utf-32';

const lines = [
  '(in-package :cl-user)',
  ';; 😀 an emoji before the form, and ümläute',
  '#| 😀 |# (defun 😀-total (größe) (list "😀é" (oops größe)))',
  '(defun after () 1)',
];

/** Position of the first occurrence of `needle`, counted in units of the encoding; lines end in CRLF, LF or CR. */
function positionOf(text: string, needle: string, encoding: Encoding): Position {
  const index = text.indexOf(needle);
  const before = text.slice(0, index).split(/\r\n|\r|\n/);
  const last = before.at(-1)!;
  const units = {
    'utf-8': Buffer.byteLength(last),
    'utf-16': last.length,
    'utf-32': Array.from(last).length,
  };
  return { line: before.length - 1, character: units[encoding] };
}

let editor: Editor;
afterEach(() => editor.finish());

const cases = (['utf-8', 'utf-16', 'utf-32'] as const).flatMap(encoding =>
  (['\n', '\r\n'] as const).map(eol => ({ encoding, eol, name: eol === '\n' ? 'LF' : 'CRLF' })),
);

describe('positions', () => {
  it.each(cases)(
    'in $encoding with $name: the right form is reloaded and the note stands at the right place',
    async ({ encoding, eol }) => {
      editor = await Editor.start({
        capabilities: { ...usualCapabilities, general: { positionEncodings: [encoding] } },
        settings: { approval: { 'modify-running-code': 'allow' } },
      });
      expect(editor.capabilities.positionEncoding).toBe(encoding);
      const text = lines.join(eol) + eol;
      const document = editor.open('emoji.lisp', text);
      const at = (needle: string) => positionOf(text, needle, encoding);
      const symbols = (await editor.request('textDocument/documentSymbol', {
        textDocument: { uri: document.uri },
      })) as {
        name: string;
        selectionRange: Range;
        range: Range;
      }[];
      expect(symbols.map(each => [each.name, each.selectionRange.start])).toEqual([
        ['😀-total', at('😀-total')],
        ['after', at('after')],
      ]);
      // An incremental change in this encoding, behind the emoji of its line.
      const start = at('oops');
      editor.rpc.notify('textDocument/didChange', {
        textDocument: { uri: document.uri, version: 2 },
        contentChanges: [
          { range: { start, end: { ...start, character: start.character + 4 } }, text: 'cadr' },
        ],
      });
      document.text = text.replace('oops', 'cadr');
      document.version = 2;
      const result = await editor.command('reload_form', {
        uri: document.uri,
        version: 2,
        position: at('"😀é"'),
      });
      expect(result).toMatchObject({ status: 'applied', definitions: [{ name: '😀-TOTAL' }] });
      expect(await editor.evaluate("(|😀-TOTAL| '(1 2))")).toEqual(['("😀é" 2)']);
      // A note behind emoji.
      const faulty = start;
      editor.rpc.notify('textDocument/didChange', {
        textDocument: { uri: document.uri, version: 3 },
        contentChanges: [
          {
            range: {
              start: { ...faulty, character: faulty.character - 1 },
              end: { ...faulty, character: faulty.character + 4 },
            },
            text: '(car 1 2',
          },
        ],
      });
      document.version = 3;
      const noted = await editor.command('reload_form', {
        uri: document.uri,
        version: 3,
        position: at('"😀é"'),
      });
      const note = noted.notes.find(each => /argument/i.test(each.message));
      expect(note?.range?.start).toEqual({ ...faulty, character: faulty.character - 1 });
    },
  );

  it('prefer UTF-16 when the client leaves the choice', async () => {
    editor = await Editor.start({ capabilities: { ...usualCapabilities, general: {} } });
    expect(editor.capabilities.positionEncoding).toBe('utf-16');
  });

  it('of definitions are right in a file on the disk that is not open', async () => {
    editor = await Editor.start({
      files: { 'emoji.lisp': lines.join('\r\n').replace('oops', 'cadr') + '\r\n' },
      load: ['emoji.lisp'],
    });
    const text = readFileSync(`${editor.root}/emoji.lisp`, 'utf8');
    const [location] = await editor.command<SourceLocation[]>('source_location', {
      symbol: 'cl-user::after',
    });
    expect(location).toMatchObject({
      line: 4,
      column: 1,
      stale: false,
      range: { start: positionOf(text, '(defun after', 'utf-16') },
    });
    const [emoji] = await editor.command<SourceLocation[]>('source_location', {
      symbol: 'cl-user::|😀-TOTAL|',
    });
    expect(emoji!.range!.start).toEqual(positionOf(text, '(defun 😀', 'utf-16'));
  });
});

describe('file names', () => {
  it.each([
    'with space.lisp',
    'größe.lisp',
    'stars*and[brackets]?.lisp',
    'per%20cent.lisp',
    '😀.lisp',
    'back\\slash.lisp',
  ])('may be %s: reloaded and found again', async name => {
    editor = await Editor.start({ settings: { approval: { 'modify-running-code': 'allow' } } });
    const document = editor.open(name, '(in-package :cl-user)\n\n(defun named () 1)\n');
    expect(await editor.actionOutcome(document, '(defun named', /^Reload named$/)).toMatchObject({
      status: 'applied',
    });
    expect(
      await editor.command<SourceLocation[]>('source_location', { symbol: 'cl-user::named' }),
    ).toMatchObject([{ file: document.file, uri: document.uri, line: 3, stale: false }]);
  });
});
