/** A stretch of text with its forms, and, from first use on, its tree and what its forms are. Shared by all versions that hold it unchanged. */
import { readStretch, type Block, type Stretch } from './blocks.ts';
import { definitionsIn } from './definers.ts';
import { digestOf } from './digest.ts';
import { evaluates } from './evaluates.ts';
import type { FormSpan, Mending } from './formReader.ts';
import { packageEffect, type PackageEffect } from './packages.ts';
import type { RawNode, TreeParser } from './parser.ts';
import { Reader } from './reader.ts';
import { nodeSteps } from './nodes.ts';
import { finish } from './slices.ts';
import type { Text } from './text.ts';
import type { SourceDefinition } from './types.ts';

/** What chunks need to know of the world. A change of features makes a new one. */
export interface Environment {
  readonly parser: TreeParser;
  readonly features: ReadonlySet<string>;
}

/** One form of a chunk; offsets from the chunk's start. */
export class ChunkForm {
  #definitions: readonly SourceDefinition[] | undefined;
  #evaluates: boolean | undefined;
  #packageEffect: PackageEffect | null | undefined;

  constructor(
    readonly span: FormSpan,
    /** All of it, reader conditionals before it too; undefined where there is no tree of it. */
    readonly root: RawNode | undefined,
    /** The object behind reader conditionals; undefined where there is no tree of it. */
    readonly object: RawNode | undefined,
    /** What became of each reader conditional; undefined: only evaluation could tell. */
    readonly guards: readonly (boolean | undefined)[],
    readonly reader: Reader,
  ) {}

  get operator(): string | undefined {
    return this.reader.operator(this.object)?.name.toLowerCase();
  }

  get definitions(): readonly SourceDefinition[] {
    return (this.#definitions ??= this.object ? definitionsIn(this.reader, this.object) : []);
  }

  get evaluates(): boolean {
    return (this.#evaluates ??= this.object ? evaluates(this.reader, this.object) : true);
  }

  get packageEffect(): PackageEffect | undefined {
    this.#packageEffect ??= (this.object && packageEffect(this.reader, this.object)) ?? null;
    return this.#packageEffect ?? undefined;
  }
}

/** Text, in UTF-16 units, whose tree tree-sitter makes at once: it cannot be told to stop in between, nor can what it made be copied out bit by bit. */
const AT_ONCE = 20_000;

export class Chunk {
  #text: string | undefined;
  #tree: RawNode | undefined;
  /** As its tokens say. */
  #nodes: RawNode | undefined;
  #forms: { environment: Environment; forms: readonly ChunkForm[] } | undefined;
  #definedFor: Environment | undefined;
  readonly #digests = new Map<FormSpan, string>();

  readonly length: number;

  constructor(readonly stretch: Stretch) {
    this.length = stretch.length;
  }

  /** @param whole the text of a version that holds this chunk at `start` */
  text(whole: Text, start: number): string {
    // A copy: a slice would keep the whole text of this version alive for as long as the chunk lives.
    return (this.#text ??= copied(whole.slice(start, start + this.length)));
  }

  /** As tree-sitter parses it; a long one as its tokens say, which is the same and can be found in steps. */
  tree(environment: Environment, whole: Text, start: number): RawNode {
    return (this.#tree ??=
      this.length > AT_ONCE
        ? finish(this.reading(whole, start))
        : this.#mended(this.text(whole, start), text => environment.parser.parse(text)));
  }

  /** Reads its text. Yields now and then. @returns its nodes, as its tokens say */
  *reading(whole: Text, start: number): Generator<void, RawNode, void> {
    if (this.#nodes) return this.#nodes;
    const { mending } = this.stretch;
    const text = this.text(whole, start);
    const tree = yield* nodeSteps(mend(text, mending));
    return (this.#nodes = mending ? clamp(tree, text.length) : tree);
  }

  forms(environment: Environment, whole: Text, start: number): readonly ChunkForm[] {
    if (this.#forms?.environment !== environment) {
      const text = this.text(whole, start);
      // The tokens say the same as tree-sitter's tree, and copying that out of wasm takes far longer.
      const tree = finish(this.reading(whole, start));
      const reader = new Reader(text, environment.features);
      const nodes = new Map(tree.children.map(node => [node.start, node]));
      const forms = this.stretch.forms.map(span => {
        const node = nodes.get(span.start);
        // too large for a tree: what hides it cannot be told either
        if (!node) return new ChunkForm(span, undefined, undefined, span.guarded ? [undefined] : [], reader);
        const { object, guards } = reader.unwrap(node);
        return new ChunkForm(
          span,
          node,
          object,
          guards.map(guard => reader.holds(guard)),
          reader,
        );
      });
      this.#forms = { environment, forms };
    }
    return this.#forms.forms;
  }

  /** Whether what its forms define is known. */
  isDefined(environment: Environment): boolean {
    return this.#definedFor === environment;
  }

  /** Finds out what its forms define. Yields now and then. */
  *defining(environment: Environment, whole: Text, start: number): Generator<void, void, void> {
    yield* this.reading(whole, start);
    for (const form of this.forms(environment, whole, start)) void form.definitions;
    this.#definedFor = environment;
  }

  #mended(text: string, parse: (text: string) => RawNode): RawNode {
    const { mending } = this.stretch;
    const tree = parse(mend(text, mending));
    return mending ? clamp(tree, text.length) : tree;
  }

  digest(form: FormSpan, whole: Text, start: number): string {
    let digest = this.#digests.get(form);
    if (digest === undefined) {
      digest = digestOf(this.text(whole, start).slice(form.start, form.end));
      this.#digests.set(form, digest);
    }
    return digest;
  }
}

const copied = (text: string): string => Buffer.from(text, 'utf16le').toString('utf16le');

/** The text with what does not read blanked out, and what is open closed: offsets stay as they are. */
function mend(text: string, mending: Mending | undefined): string {
  let out = text.charCodeAt(0) === 0xfeff ? ` ${text.slice(1)}` : text;
  // tree-sitter takes the character for the end of the text
  if (out.includes('\0')) out = out.replaceAll('\0', '\u0001');
  if (!mending) return out;
  if (mending.blanks.length > 0) {
    const parts: string[] = [];
    let at = 0;
    for (const { start, end } of [...mending.blanks].sort((a, b) => a.start - b.start)) {
      if (start < at) continue;
      parts.push(out.slice(at, start), ' '.repeat(end - start));
      at = end;
    }
    out = parts.join('') + out.slice(at);
  }
  // a comment in the last line must not swallow the closers
  return mending.closers ? `${out}${/["|]/.test(mending.closers) ? '' : '\n'}${mending.closers}` : out;
}

/** Nodes that end in the closers of a mended text end with the text. */
function clamp(node: RawNode, end: number): RawNode {
  if (node.end <= end) return node;
  return {
    ...node,
    end,
    children: node.children.filter(child => child.start < end).map(child => clamp(child, end)),
  };
}

/** The chunk of a group of blocks: the one made before, if the same blocks made it. */
export function chunkOf(
  blocks: readonly Block[],
  first: number,
  end: number,
  text: Text,
  start: number,
): Chunk {
  const head = blocks[first]!;
  const { kept } = head;
  if (end === first + 1) {
    if (kept && !kept.blocks) return kept.chunk;
    const chunk = new Chunk(head);
    head.kept = { blocks: undefined, chunk };
    return chunk;
  }
  const own = blocks.slice(first, end);
  if (kept?.blocks?.length === own.length && kept.blocks.every((block, i) => block === own[i]))
    return kept.chunk;
  const length = own.reduce((sum, block) => sum + block.length, 0);
  const chunk = new Chunk(readStretch(text.slice(start, start + length), 0, length));
  head.kept = { blocks: own, chunk };
  return chunk;
}
