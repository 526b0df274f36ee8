/** One immutable version of a buffer. */
import { groupBlocks, startsOf, type Block } from './blocks.ts';
import { chunkOf, type Chunk, type ChunkForm, type Environment } from './chunk.ts';
import type { Lines } from './positions.ts';
import { problemOf } from './problems.ts';
import type { FormSpan } from './formReader.ts';
import type { RawNode } from './parser.ts';
import { Skipping } from './reader.ts';
import type {
  Position,
  PositionEncoding,
  Range,
  Snapshot,
  SourceDefinition,
  Span,
  SyntaxNode,
  SyntaxProblem,
  TopLevelForm,
} from './types.ts';

export class BufferSnapshot implements Snapshot {
  readonly #environment: Environment;
  readonly #chunks: readonly Chunk[];
  readonly #starts: Int32Array;
  readonly #lines: Lines;
  #forms: readonly Form[] | undefined;
  #problems: readonly SyntaxProblem[] | undefined;
  #root: SyntaxNode | undefined;
  /** What is in effect behind the last form. */
  #finally: InEffect = { package: undefined, packageUnknown: undefined };

  constructor(
    environment: Environment,
    readonly uri: string,
    readonly version: number,
    lines: Lines,
    blocks: readonly Block[],
  ) {
    this.#environment = environment;
    this.#lines = lines;
    const starts = startsOf(blocks);
    this.#chunks = groupBlocks(blocks).map(group => chunkOf(blocks, group, lines.text, starts[group.first]!));
    this.#starts = startsOf(this.#chunks);
  }

  get text(): string {
    return this.#lines.text;
  }

  get forms(): readonly TopLevelForm[] {
    return this.#allForms();
  }

  get problems(): readonly SyntaxProblem[] {
    return (this.#problems ??= this.#chunks.flatMap((chunk, i) =>
      chunk.stretch.faults.map(fault => problemOf(fault, this.#starts[i]!, this.#lines)),
    ));
  }

  get root(): SyntaxNode {
    return (this.#root ??= new TreeRoot(this.text.length, () =>
      this.#chunks.flatMap((chunk, i) => {
        const start = this.#starts[i]!;
        return chunk
          .tree(this.#environment, this.text, start)
          .children.map(node => new TreeNode(node, start));
      }),
    ));
  }

  offsetAt(position: Position, encoding: PositionEncoding): number {
    return this.#lines.offsetAt(position, encoding);
  }

  positionAt(offset: number, encoding: PositionEncoding): Position {
    return this.#lines.positionAt(offset, encoding);
  }

  rangeOf(span: Span, encoding: PositionEncoding): Range {
    return this.#lines.rangeOf(span, encoding);
  }

  formAt(offset: number): TopLevelForm | undefined {
    const forms = this.#allForms();
    const form = forms[this.#lastStartingBy(offset)];
    return form && offset <= form.span.end ? form : undefined;
  }

  packageAt(offset: number): string | undefined {
    const forms = this.#allForms();
    const at = this.#lastStartingBy(offset);
    const form = forms[at];
    if (form && offset <= form.span.end) return form.package;
    return at + 1 < forms.length ? forms[at + 1]!.package : this.#finally.package;
  }

  /** The index of the last form that starts at or before the offset; -1 before the first one. */
  #lastStartingBy(offset: number): number {
    const forms = this.#allForms();
    let low = 0;
    let high = forms.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (forms[middle]!.span.start <= offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #allForms(): readonly Form[] {
    if (this.#forms) return this.#forms;
    const forms: Form[] = [];
    const skipping = new Skipping();
    let index = 0;
    let inEffect = this.#finally;
    this.#chunks.forEach((chunk, i) => {
      const start = this.#starts[i]!;
      const { stretch } = chunk;
      for (let n = 0; n < stretch.forms.length; n++) {
        const span = stretch.forms[n]!;
        const read = (): ChunkForm => chunk.forms(this.#environment, this.text, start)[n]!;
        const guards = span.guarded ? read().guards : [];
        const active = skipping.pass(guards.map(guard => guard === true));
        const digest = (): string => chunk.digest(span, this.text, start);
        forms.push(new Form(span, start, index, inEffect, active, guards.includes(undefined), read, digest));
        if (!active) continue;
        index++;
        const effect = stretch.mentionsPackage ? read().packageEffect : undefined;
        if (effect) inEffect = effectOf(effect, start);
      }
    });
    this.#finally = inEffect;
    return (this.#forms = forms);
  }
}

interface InEffect {
  readonly package: string | undefined;
  readonly packageUnknown: Span | undefined;
}

const effectOf = (effect: { name: string | undefined; span: Span }, start: number): InEffect =>
  effect.name === undefined
    ? { package: undefined, packageUnknown: shift(effect.span, start) }
    : { package: effect.name, packageUnknown: undefined };

const shift = (span: Span, by: number): Span => ({ start: span.start + by, end: span.end + by });

function shiftDefinition(definition: SourceDefinition, by: number): SourceDefinition {
  if (by === 0) return definition;
  return {
    ...definition,
    nameSpan: shift(definition.nameSpan, by),
    span: shift(definition.span, by),
    children: definition.children.map(child => shiftDefinition(child, by)),
  };
}

class Form implements TopLevelForm {
  readonly span: Span;
  #definitions: readonly SourceDefinition[] | undefined;

  constructor(
    private readonly own: FormSpan,
    private readonly start: number,
    readonly index: number,
    private readonly inEffect: InEffect,
    readonly active: boolean,
    readonly guardUnknown: boolean,
    private readonly read: () => ChunkForm,
    private readonly digestOfTokens: () => string,
  ) {
    this.span = { start: own.start + start, end: own.end + start };
  }

  get bodyStart(): number {
    return this.own.guarded ? (this.read().object?.start ?? this.own.start) + this.start : this.span.start;
  }

  get package(): string | undefined {
    return this.inEffect.package;
  }

  get packageUnknown(): Span | undefined {
    return this.inEffect.packageUnknown;
  }

  get operator(): string | undefined {
    return this.read().operator;
  }

  get definitions(): readonly SourceDefinition[] {
    return (this.#definitions ??= this.read().definitions.map(definition =>
      shiftDefinition(definition, this.start),
    ));
  }

  get broken(): boolean {
    return this.own.broken;
  }

  get evaluates(): boolean {
    return this.read().evaluates;
  }

  get digest(): string {
    return this.digestOfTokens();
  }
}

class TreeRoot implements SyntaxNode {
  readonly type = 'source';
  readonly span: Span;
  #children: readonly SyntaxNode[] | undefined;

  constructor(
    length: number,
    private readonly make: () => readonly SyntaxNode[],
  ) {
    this.span = { start: 0, end: length };
  }

  get children(): readonly SyntaxNode[] {
    return (this.#children ??= this.make());
  }
}

const NO_CHILDREN: readonly SyntaxNode[] = [];

class TreeNode implements SyntaxNode {
  #children: readonly SyntaxNode[] | undefined;

  constructor(
    private readonly raw: RawNode,
    private readonly start: number,
  ) {}

  get type(): string {
    return this.raw.type;
  }

  get span(): Span {
    return { start: this.raw.start + this.start, end: this.raw.end + this.start };
  }

  get children(): readonly SyntaxNode[] {
    if (this.raw.children.length === 0) return NO_CHILDREN;
    return (this.#children ??= this.raw.children.map(child => new TreeNode(child, this.start)));
  }
}
