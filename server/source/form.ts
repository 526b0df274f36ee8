/** A top-level form of a snapshot: what the text says of it once, and where it stands in this version. */
import type { ChunkForm } from './chunk.ts';
import type { FormSpan } from './formReader.ts';
import type { BufferSnapshot } from './snapshot.ts';
import type { SourceDefinition, Span, TopLevelForm } from './types.ts';

export const shift = (span: Span, by: number): Span => ({ start: span.start + by, end: span.end + by });

function shiftDefinition(definition: SourceDefinition, by: number): SourceDefinition {
  if (by === 0) return definition;
  return {
    ...definition,
    nameSpan: shift(definition.nameSpan, by),
    span: shift(definition.span, by),
    children: definition.children.map(child => shiftDefinition(child, by)),
  };
}

export class Form implements TopLevelForm {
  readonly start: number;
  #definitions: readonly SourceDefinition[] | undefined;

  /** @param n its place among all forms @param chunk the place of its chunk, which starts at `base` */
  constructor(
    private readonly snapshot: BufferSnapshot,
    private readonly n: number,
    private readonly own: FormSpan,
    private readonly chunk: number,
    private readonly base: number,
  ) {
    this.start = own.start + base;
  }

  get span(): Span {
    return { start: this.start, end: this.own.end + this.base };
  }

  get bodyStart(): number {
    return this.own.guarded ? (this.#read().object?.start ?? this.own.start) + this.base : this.start;
  }

  get index(): number {
    return this.snapshot.facts.index[this.n]!;
  }

  get active(): boolean {
    return this.snapshot.facts.active[this.n] === 1;
  }

  get guardUnknown(): boolean {
    return this.snapshot.facts.guardUnknown[this.n] === 1;
  }

  get package(): string | undefined {
    return this.#inEffect.package;
  }

  get packageUnknown(): Span | undefined {
    return this.#inEffect.packageUnknown;
  }

  get #inEffect() {
    const { inEffect, effects } = this.snapshot.facts;
    return effects[inEffect[this.n]!]!;
  }

  get operator(): string | undefined {
    return this.#read().operator;
  }

  get definitions(): readonly SourceDefinition[] {
    return (this.#definitions ??= this.#read().definitions.map(definition =>
      shiftDefinition(definition, this.base),
    ));
  }

  get broken(): boolean {
    return this.own.broken;
  }

  get evaluates(): boolean {
    return this.#read().evaluates;
  }

  get digest(): string {
    return this.snapshot.digest(this.own, this.chunk);
  }

  #read(): ChunkForm {
    return this.snapshot.read(this.n, this.chunk);
  }

  /** Reads its text. Yields now and then. */
  reading(): Generator<void, void, void> {
    return this.snapshot.reading(this.chunk);
  }

  /** The same object for as long as the text around stays, and where its offsets count from. */
  get contents(): { readonly form: ChunkForm; readonly base: number } {
    return { form: this.#read(), base: this.base };
  }
}
