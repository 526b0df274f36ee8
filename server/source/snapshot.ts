/** One immutable version of a buffer. */
import type { ChunkForm, Environment } from './chunk.ts';
import { Form, shift } from './form.ts';
import { layOut, type Chunks } from './layout.ts';
import type { Lines } from './positions.ts';
import { problemOf } from './problems.ts';
import type { FormSpan } from './formReader.ts';
import type { Reading } from './reading.ts';
import { lastUpTo } from './search.ts';
import { finish, inSlices } from './slices.ts';
import { Skipping } from './reader.ts';
import { TreeNode, TreeRoot } from './tree.ts';
import type {
  Position,
  PositionEncoding,
  Range,
  Snapshot,
  Span,
  SyntaxNode,
  SyntaxProblem,
  TopLevelForm,
} from './types.ts';

/** What reader conditionals and IN-PACKAGEs make of the forms. */
interface Facts {
  readonly active: Uint8Array;
  readonly guardUnknown: Uint8Array;
  /** How many forms are read before each. */
  readonly index: Int32Array;
  /** What is in effect before each: an index of `effects`, the last of which is in effect behind the last form. */
  readonly inEffect: Int32Array;
  readonly effects: readonly InEffect[];
}

/** So many forms are listed without others getting a turn. */
const FEW = 1024;
/** With more forms than these all of them are listed, and what is in effect before each is found out, before anybody asks. */
const MANY = 4096;

/** More problems are told to nobody. */
const MOST_PROBLEMS = 1000;

export class BufferSnapshot implements Snapshot {
  readonly #environment: Environment;
  readonly #lines: Lines;
  readonly #reading: Reading;
  #laidOut: Chunks | undefined;
  #facts: Facts | undefined;
  /** Those asked for one by one, and all in order. */
  readonly #forms = new Map<number, Form>();
  #all: readonly Form[] | undefined;
  #problems: readonly SyntaxProblem[] | undefined;
  #root: SyntaxNode | undefined;
  /** What the forms define was found out once. */
  #isDefined = false;

  constructor(
    environment: Environment,
    readonly uri: string,
    readonly version: number,
    lines: Lines,
    reading: Reading,
  ) {
    this.#environment = environment;
    this.#lines = lines;
    this.#reading = reading;
  }

  get text(): string {
    return this.#lines.text;
  }

  get length(): number {
    return this.#lines.content.length;
  }

  slice(start: number, end: number): string {
    return this.#lines.content.slice(start, end);
  }

  get forms(): readonly TopLevelForm[] {
    return this.#allForms();
  }

  get problems(): readonly SyntaxProblem[] {
    return (this.#problems ??= this.#findProblems());
  }

  get root(): SyntaxNode {
    return (this.#root ??= new TreeRoot(this.#lines.content.length, () => {
      const nodes: SyntaxNode[] = [];
      for (let i = 0; i < this.#chunks().count; i++) nodes.push(...this.#treeOf(i));
      return nodes;
    }));
  }

  #treeOf(i: number): SyntaxNode[] {
    const { starts, at } = this.#chunks();
    const start = starts[i]!;
    const { children } = at(i).tree(this.#environment, this.#lines.content, start);
    return children.map(node => new TreeNode(node, start));
  }

  nodesAt(offset: number): readonly SyntaxNode[] {
    const { count, starts } = this.#chunks();
    const i = Math.min(count - 1, lastUpTo(starts, offset));
    if (i < 0) return [];
    let level: readonly SyntaxNode[] = this.#treeOf(i);
    if (i > 0 && starts[i] === offset) level = [...this.#treeOf(i - 1), ...level];
    const path: SyntaxNode[] = [];
    for (;;) {
      const node =
        level.find(({ span }) => span.start <= offset && offset < span.end) ??
        level.find(({ span }) => span.end === offset);
      if (!node) return path;
      path.push(node);
      level = node.children;
    }
  }

  async ready(what: 'forms' | 'definitions' = 'definitions'): Promise<void> {
    await inSlices(this.#lines.reading());
    await this.#reading.read();
    if (this.#isDefined) return;
    const isLong = this.#count > MANY;
    if (isLong) await inSlices(this.#factFinding());
    if (what === 'forms') return;
    await inSlices(this.#defining());
    if (isLong) await inSlices(this.#listing());
    this.#isDefined = true;
  }

  *#defining(): Generator<void, void, void> {
    const { count, starts, at } = this.#chunks();
    for (let i = 0; i < count; i++) {
      const chunk = at(i);
      const isNew = !chunk.isDefined(this.#environment);
      if (isNew) yield* chunk.defining(this.#environment, this.#lines.content, starts[i]!);
      if (isNew || i % FEW === FEW - 1) yield;
    }
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
    const n = this.#lastStartingBy(offset);
    const form = n < 0 ? undefined : this.#form(n);
    return form && offset <= form.span.end ? form : undefined;
  }

  lastFormBefore(offset: number): TopLevelForm | undefined {
    const n = this.#lastStartingBy(offset - 1);
    return n < 0 ? undefined : this.#form(n);
  }

  get isRead(): boolean {
    return this.#reading.isDone;
  }

  get formRow(): FormRow {
    const { keys, starts, before, at } = this.#chunks();
    const environment = this.#environment;
    return {
      keys,
      starts,
      environment,
      count: i => before[i + 1]! - before[i]!,
      read: i =>
        before[i] === before[i + 1] ? NO_FORMS : at(i).forms(environment, this.#lines.content, starts[i]!),
      form: (i, n) => this.#form(before[i]! + n),
      before,
      active: () => this.facts.active,
    };
  }

  packageAt(offset: number): string | undefined {
    const n = this.#lastStartingBy(offset);
    const form = n < 0 ? undefined : this.#form(n);
    if (form && offset <= form.span.end) return form.package;
    return n + 1 < this.#count ? this.#form(n + 1).package : this.facts.effects.at(-1)!.package;
  }

  /** The number of the last form that starts at or before the offset; -1 before the first one. */
  #lastStartingBy(offset: number): number {
    const { count, starts, before, at } = this.#chunks();
    const chunk = Math.min(count - 1, lastUpTo(starts, offset));
    if (chunk < 0) return -1;
    const { forms } = at(chunk).stretch;
    let n = forms.length - 1;
    while (n >= 0 && forms[n]!.start + starts[chunk]! > offset) n--;
    return before[chunk]! + n;
  }

  #chunks(): Chunks {
    return (this.#laidOut ??= layOut(this.#reading.row, this.#lines.content));
  }

  get #count(): number {
    const { before } = this.#chunks();
    return before[before.length - 1]!;
  }

  /** The n-th form: always the same object. */
  #form(n: number): Form {
    let form = this.#all?.[n] ?? this.#forms.get(n);
    if (!form) {
      const { starts, before, at } = this.#chunks();
      // the last one that starts with at most this number: those without forms come before it
      const chunk = lastUpTo(before, n);
      form = new Form(this, n, at(chunk).stretch.forms[n - before[chunk]!]!, chunk, starts[chunk]!);
      this.#forms.set(n, form);
    }
    return form;
  }

  #allForms(): readonly Form[] {
    return this.#all ?? finish(this.#listing());
  }

  *#listing(): Generator<void, readonly Form[], void> {
    if (this.#all) return this.#all;
    const { count, starts, before, at } = this.#chunks();
    const forms: Form[] = [];
    for (let i = 0; i < count; i++) {
      if (i % FEW === FEW - 1) yield;
      if (before[i] === before[i + 1]) continue;
      const own = at(i).stretch.forms;
      for (let n = 0; n < own.length; n++) forms.push(new Form(this, forms.length, own[n]!, i, starts[i]!));
    }
    for (const [n, form] of this.#forms) forms[n] = form;
    return (this.#all ??= forms);
  }

  #findProblems(): readonly SyntaxProblem[] {
    const { starts, at, faulty } = this.#chunks();
    const problems: SyntaxProblem[] = [];
    for (const i of faulty)
      for (const fault of at(i).stretch.faults) {
        if (problems.length === MOST_PROBLEMS) return problems;
        problems.push(problemOf(fault, at(i).stretch, starts[i]!, this.#lines));
      }
    return problems;
  }

  /** Reads the text of the i-th chunk. Yields now and then. */
  *reading(i: number): Generator<void, void, void> {
    const { starts, at } = this.#chunks();
    yield* at(i).reading(this.#lines.content, starts[i]!);
  }

  /** What the n-th form, which belongs to the i-th chunk, is. */
  read(n: number, i: number): ChunkForm {
    const { starts, before, at } = this.#chunks();
    return at(i).forms(this.#environment, this.#lines.content, starts[i]!)[n - before[i]!]!;
  }

  digest(span: FormSpan, i: number): string {
    const { starts, at } = this.#chunks();
    return at(i).digest(span, this.#lines.content, starts[i]!);
  }

  get facts(): Facts {
    return this.#facts ?? finish(this.#factFinding());
  }

  *#factFinding(): Generator<void, Facts, void> {
    if (this.#facts) return this.#facts;
    const { count: stretches, stretch, starts, before, telling } = this.#chunks();
    const count = this.#count;
    const active = new Uint8Array(count);
    const guardUnknown = new Uint8Array(count);
    const index = new Int32Array(count);
    const inEffect = new Int32Array(count);
    const effects: InEffect[] = [{ package: undefined, packageUnknown: undefined }];
    const skipping = new Skipping();
    let read = 0;
    const readOne = (i: number): void => {
      const { forms, mentionsPackage } = stretch(i);
      for (let n = 0, at = before[i]!; n < forms.length; n++, at++) {
        const guards = forms[n]!.guarded ? this.read(at, i).guards : NO_GUARDS;
        index[at] = read;
        inEffect[at] = effects.length - 1;
        if (guards.includes(undefined)) guardUnknown[at] = 1;
        if (!skipping.pass(guards)) continue;
        active[at] = 1;
        read++;
        const effect = mentionsPackage ? this.read(at, i).packageEffect : undefined;
        if (effect) effects.push(effectOf(effect, starts[i]!));
      }
    };
    /** Those that tell nothing, of a text of which nothing is skipped: without a look at them. */
    const readPlain = (first: number, end: number): void => {
      const to = before[end]!;
      active.fill(1, before[first], to);
      inEffect.fill(effects.length - 1, before[first], to);
      for (let at = before[first]!; at < to; at++) index[at] = read++;
    };
    let i = 0;
    let looked = 0;
    for (const next of [...telling, stretches]) {
      while (i < next && skipping.isOn) readOne(i++);
      readPlain(i, next);
      if (next < stretches) readOne(next);
      i = next + 1;
      // a look at one takes far longer than listing it
      if (++looked % 64 === 0) yield;
    }
    return (this.#facts ??= { active, guardUnknown, index, inEffect, effects });
  }
}

const NO_GUARDS: readonly (boolean | undefined)[] = [];
const NO_FORMS: readonly ChunkForm[] = [];

interface InEffect {
  readonly package: string | undefined;
  readonly packageUnknown: Span | undefined;
}

const effectOf = (effect: { name: string | undefined; span: Span }, start: number): InEffect =>
  effect.name === undefined
    ? { package: undefined, packageUnknown: shift(effect.span, start) }
    : { package: effect.name, packageUnknown: undefined };

/** The forms of a snapshot by stretches of its text that edits leave alone or replace as a whole. */
export interface FormRow {
  /** An object for each stretch, the same one as long as its text is. */
  readonly keys: readonly object[];
  /** Where each stretch starts, and where the last one ends: UTF-16 offsets. */
  readonly starts: Int32Array;
  /** What else the forms depend on. */
  readonly environment: object;
  /** How many forms a stretch has. */
  readonly count: (i: number) => number;
  /** What the forms of a stretch are. */
  readonly read: (i: number) => readonly ChunkForm[];
  /** The n-th form of a stretch. */
  readonly form: (i: number, n: number) => TopLevelForm;
  /** How many forms there are before each stretch, and in all. */
  readonly before: Int32Array;
  /** For each form, counted from the first one, whether the reader takes it: 1 or 0. */
  readonly active: () => Uint8Array;
}
