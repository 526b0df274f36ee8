/** The only door to tree-sitter. Trees are copied out of its memory at once, so that nothing has to be freed later. */
import { readFileSync } from 'node:fs';
import { Language, Parser, type Node } from 'web-tree-sitter';

/** A node copied from a syntax tree; offsets in UTF-16 code units from the start of the parsed text. */
export interface RawNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  /** Named children, comments included. */
  readonly children: readonly RawNode[];
}

/** Nodes whose inner structure nobody needs: the text says it all. */
const LEAVES: ReadonlySet<string> = new Set([
  'sym_lit',
  'package_lit',
  'kwd_lit',
  'uninterned_lit',
  'num_lit',
  'nil_lit',
  'str_lit',
  'char_lit',
  'comment',
  'block_comment',
]);

/** Nodes nested deeper have no children, so that walks over a tree may recurse. */
export const MAX_DEPTH = 1000;
/** A longer text (UTF-16 code units) gets no tree. */
export const MAX_LENGTH = 2_000_000;

const NO_CHILDREN: readonly RawNode[] = [];

export interface TreeParser {
  parse(text: string): RawNode;
}

/**
 * @param files paths of web-tree-sitter.wasm and tree-sitter-commonlisp.wasm
 * @throws Error when either cannot be read or is not what it should be
 */
export async function createParser(files: { runtimeWasm: string; grammarWasm: string }): Promise<TreeParser> {
  await Parser.init({ wasmBinary: readFileSync(files.runtimeWasm), locateFile: () => files.runtimeWasm });
  const parser = new Parser();
  parser.setLanguage(await Language.load(readFileSync(files.grammarWasm)));
  return {
    parse(text) {
      if (text.length > MAX_LENGTH)
        return { type: 'source', start: 0, end: text.length, children: NO_CHILDREN };
      const tree = parser.parse(text);
      if (!tree) throw new Error('tree-sitter declined to parse');
      try {
        return { ...copy(tree.rootNode), start: 0, end: text.length };
      } finally {
        tree.delete();
      }
    },
  };
}

function copy(root: Node): RawNode {
  const out: RawNode[] = [];
  const waiting: { node: Node; into: RawNode[]; depth: number }[] = [{ node: root, into: out, depth: 0 }];
  for (let item = waiting.pop(); item; item = waiting.pop()) {
    const { node, into, depth } = item;
    const { type } = node;
    const leaf = depth >= MAX_DEPTH || LEAVES.has(type);
    const children: RawNode[] = leaf ? (NO_CHILDREN as RawNode[]) : [];
    into.push({ type, start: node.startIndex, end: node.endIndex, children });
    if (leaf) continue;
    const named = node.namedChildren;
    // pushed last to first: each is completed, its children's slots aside, before the next is taken
    for (let i = named.length - 1; i >= 0; i--) {
      const child = named[i];
      if (child && !child.isMissing) waiting.push({ node: child, into: children, depth: depth + 1 });
    }
  }
  return out[0]!;
}
