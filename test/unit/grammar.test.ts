import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Language, Parser } from 'web-tree-sitter';
import { beforeAll, describe, expect, it } from 'vitest';
// @ts-expect-error -- a build script without types
import { compile as compileModule } from '../../grammar-wasm/compile.mjs';
import { wasm } from './source/source.ts';

const compile = compileModule as () => Promise<Uint8Array>;
const directory = path.join(import.meta.dirname, '../../grammar-wasm');
const lock = JSON.parse(readFileSync(path.join(directory, 'lock.json'), 'utf8')) as {
  sha256: Record<string, string>;
};
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const parser = async (grammar: Uint8Array): Promise<Parser> => {
  await Parser.init({ wasmBinary: readFileSync(wasm.runtimeWasm) });
  const made = new Parser();
  made.setLanguage(await Language.load(grammar));
  return made;
};

describe('the grammar', () => {
  it.each(Object.entries(lock.sha256))('is locked: %s', (name, expected) => {
    expect(sha256(readFileSync(path.join(directory, name)))).toBe(expected);
  });

  it('is rebuilt to the same bytes from npm packages alone, and the result parses', async () => {
    const built = await compile();
    expect(sha256(built)).toBe(lock.sha256['tree-sitter-commonlisp.wasm']);
    const tree = (await parser(built)).parse('(defun f () "x")')!;
    expect(tree.rootNode.toString()).toBe(
      '(source (list_lit value: (sym_lit) value: (sym_lit) value: (list_lit) value: (str_lit)))',
    );
    tree.delete();
  });
});

/** Text, and the named nodes of its tree; `…` stands for the rest of a text that must merely parse. */
const TREES: readonly (readonly [text: string, tree: string])[] = [
  ['foo', '(sym_lit)'],
  ['nil NIL nile', '(nil_lit) (nil_lit) (sym_lit)'],
  [
    '1 -1 +1. 1/2 .5 1e10 -1.5d0 1+ 64bit 8-bit . -',
    `${'(num_lit) '.repeat(7)}${'(sym_lit) '.repeat(5)}`.trim(),
  ],
  ['#b101 #o17 #xFF #16rFF', '(num_lit) (num_lit) (num_lit) (num_lit)'],
  ['#x FF', '(dispatch_lit (sym_lit))'],
  ['foo:bar foo::bar', '(package_lit) (package_lit)'],
  ['foo :bar', '(sym_lit) (kwd_lit)'],
  ['a #|b|#:c :#|d| :#+', '(sym_lit) (block_comment) (kwd_lit) (kwd_lit) (kwd_lit)'],
  ['1:a nil:b', '(package_lit) (package_lit)'],
  [':foo :|a b|', '(kwd_lit) (kwd_lit)'],
  ['#:foo', '(uninterned_lit)'],
  ['|a (b| a\\(b a|\\||b :|\\||', '(sym_lit) (sym_lit) (sym_lit) (kwd_lit)'],
  ['foo::|a b| ::x :', '(package_lit) (kwd_lit) (kwd_lit)'],
  ['[a] {b} ^ a^b @ $ ~ %', '(sym_lit) '.repeat(8).trim()],
  ['"a" "" "a\\"b" "\\\\" "a\nb"', '(str_lit) '.repeat(5).trim()],
  [
    '#\\( #\\Space #\\λ #\\; #\\" #\\\\ #\\| #\\# #\\😀 (#\\))',
    `${'(char_lit) '.repeat(9)}(list_lit value: (char_lit))`,
  ],
  ['(a . b)', '(list_lit value: (sym_lit) value: (sym_lit) value: (sym_lit))'],
  [
    "'a `a ,a ,@a ,.a",
    '(quoting_lit value: (sym_lit)) (syn_quoting_lit value: (sym_lit)) (unquoting_lit value: (sym_lit)) (unquote_splicing_lit value: (sym_lit)) (unquote_splicing_lit value: (sym_lit))',
  ],
  [
    "`(,',a)",
    '(syn_quoting_lit value: (list_lit value: (unquoting_lit value: (quoting_lit value: (unquoting_lit value: (sym_lit))))))',
  ],
  ["#'car #.x", '(var_quoting_lit value: (sym_lit)) (evaling_lit value: (sym_lit))'],
  [
    '#(1 2) #3(1)',
    '(vec_lit (list_lit value: (num_lit) value: (num_lit))) (vec_lit (list_lit value: (num_lit)))',
  ],
  [
    '#2a((1)) #0a5 #*101 #*',
    '(vec_lit value: (list_lit value: (list_lit value: (num_lit)))) (vec_lit value: (num_lit)) (vec_lit) (vec_lit)',
  ],
  [
    '#c(1 2) #p"x" #s(a :b 1)',
    '(complex_num_lit value: (list_lit value: (num_lit) value: (num_lit))) (path_lit value: (str_lit)) (struct_lit value: (list_lit value: (sym_lit) value: (kwd_lit) value: (num_lit)))',
  ],
  [
    '#1=(a . #1#)',
    '(self_referential_reader_macro value: (list_lit value: (sym_lit) value: (sym_lit) value: (self_referential_reader_macro)))',
  ],
  ['#+a b', '(include_reader_macro condition: (sym_lit) target: (sym_lit))'],
  [
    '#-(or a b) (c)',
    '(include_reader_macro condition: (list_lit value: (sym_lit) value: (sym_lit) value: (sym_lit)) target: (list_lit value: (sym_lit)))',
  ],
  [
    '#+a #-b x',
    '(include_reader_macro condition: (sym_lit) target: (include_reader_macro condition: (sym_lit) target: (sym_lit)))',
  ],
  [
    '(defun #-a x #+a y (z #+b w))',
    '(list_lit value: (sym_lit) value: (include_reader_macro condition: (sym_lit) target: (sym_lit)) value: (include_reader_macro condition: (sym_lit) target: (sym_lit)) value: (list_lit value: (sym_lit) value: (include_reader_macro condition: (sym_lit) target: (sym_lit))))',
  ],
  ['; a ( " b\nc', '(comment) (sym_lit)'],
  [
    '#|a #|b|# c|#d #||#e #|||#f',
    '(block_comment) (sym_lit) (block_comment) (sym_lit) (block_comment) (sym_lit)',
  ],
  ['#!/bin/sbcl --script\na', '(comment) (sym_lit)'],
  [
    '#?"a (b" #?r"x" #~foo #"x"# #"m"',
    '(dispatch_lit (str_lit)) (dispatch_lit (str_lit)) (dispatch_lit) (dispatch_lit) (dispatch_lit)',
  ],
  [
    '#[a b] #h(1 2) #_foo x',
    '(dispatch_lit) (sym_lit) (dispatch_lit (list_lit value: (num_lit) value: (num_lit))) (dispatch_lit) (sym_lit)',
  ],
  [
    '(format t "~:*~3i~/fn/~{~a~^, ~}~@<~%~" x)',
    '(list_lit value: (sym_lit) value: (sym_lit) value: (str_lit) value: (sym_lit))',
  ],
  [
    '(loop for x of-type fixnum being each hash-key of h)',
    `(list_lit ${'value: (sym_lit) '.repeat(10).trim()})`,
  ],
  ['a\fb\r\nc\rd', '(sym_lit) (sym_lit) (sym_lit) (sym_lit)'],
  ['(λ 𝔸 "𝔸" é)', '(list_lit value: (sym_lit) value: (sym_lit) value: (str_lit) value: (sym_lit))'],
];

describe('a tree', () => {
  let shared: Parser;
  beforeAll(async () => {
    shared = await parser(readFileSync(wasm.grammarWasm));
  });

  it.each(TREES)('of %j', (text, expected) => {
    const tree = shared.parse(text)!;
    expect(tree.rootNode.toString()).toBe(`(source ${expected})`);
    tree.delete();
  });
});
