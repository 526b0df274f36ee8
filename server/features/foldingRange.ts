/** What can be folded: lists and strings over several lines, runs of comments, block comments, what reader conditionals guard. */
import { Lexer } from '../source/lexer.ts';
import type { Snapshot } from '../source/types.ts';

export interface FoldingRange {
  /** 0-based. */
  readonly startLine: number;
  readonly endLine: number;
  readonly kind?: 'comment' | 'region';
}

/**
 * One range per line at most, the outermost; the last line of a form is folded with it, since its closing brackets stand there.
 * Bit by bit, so that others can run in between. It reads tokens alone: no tree of a long buffer has to be there.
 * @param limit how many ranges at most; inner ones are left out first
 */
export function* foldingSteps(snapshot: Snapshot, limit: number): Generator<void, FoldingRange[]> {
  const folds = new Folds(snapshot);
  let from = 0;
  for (const { span } of snapshot.forms) {
    // One form at a time: brackets that are open in one do not reach into the next.
    folds.read(from, span.start);
    folds.read(span.start, span.end);
    folds.endForm();
    from = span.end;
    yield;
  }
  folds.read(from, snapshot.text.length);
  folds.endForm();
  yield;
  return yield* folds.ranges(limit);
}

/** A list, or a prefix that still wants objects. */
interface Open {
  readonly start: number;
  wants: number;
  readonly guard: boolean;
}

interface Fold extends FoldingRange {
  readonly start: number;
  readonly depth: number;
}

class Folds {
  /** Those of the forms that are read, in the order of their lines. */
  readonly #all: Fold[] = [];
  readonly #byLine = new Map<number, Fold>();
  /** Line comments that stand below each other, each alone on its line. */
  #run: { start: number; end: number } | undefined;
  readonly #text: string;

  constructor(private readonly snapshot: Snapshot) {
    this.#text = snapshot.text;
  }

  *ranges(limit: number): Generator<void, FoldingRange[]> {
    const kept: FoldingRange[] = [];
    const wanted = outermost(this.#all, limit);
    for (const [i, fold] of this.#all.entries()) {
      const { startLine, endLine, kind } = fold;
      if (wanted(fold)) kept.push({ startLine, endLine, ...(kind && { kind }) });
      if (i % FEW === FEW - 1) yield;
    }
    return kept;
  }

  /** Nothing that is read from here on starts in a line in which something of the form before does. */
  endForm(): void {
    const own = [...this.#byLine.values()].sort((a, b) => a.startLine - b.startLine);
    this.#all.push(...own);
    this.#byLine.clear();
  }

  read(start: number, end: number): void {
    const stack: Open[] = [];
    const complete = (at: number): void => {
      for (let open = stack.at(-1); open && open.wants > 0; open = stack.at(-1)) {
        if (--open.wants > 0) return;
        stack.pop();
        if (open.guard) this.#add(open.start, at, stack.length, 'region');
      }
    };
    const lexer = new Lexer(this.#text, start, end);
    while (lexer.next()) {
      if (lexer.kind === 'comment') {
        this.#comment(lexer.start, lexer.end, stack.length);
        continue;
      }
      this.#endRun(stack.length);
      switch (lexer.kind) {
        case 'open':
          stack.push({ start: lexer.start, wants: 0, guard: false });
          break;
        case 'close': {
          let open = stack.pop();
          while (open && open.wants > 0) open = stack.pop();
          if (!open) break;
          this.#add(open.start, lexer.end, stack.length);
          complete(lexer.end);
          break;
        }
        case 'prefix':
        case 'guard': {
          const guard = lexer.kind === 'guard';
          stack.push({ start: lexer.start, wants: guard ? 2 : 1, guard });
          break;
        }
        case 'block-comment':
          this.#add(lexer.start, lexer.end, stack.length, 'comment');
          break;
        case 'string':
          this.#add(lexer.start, lexer.end, stack.length);
          complete(lexer.end);
          break;
        case 'token':
        case 'character':
          complete(lexer.end);
          break;
        case 'illegal':
          break;
      }
    }
    this.#endRun(stack.length);
    // What is still open in a broken form ends with it.
    while (stack.length > 0) {
      const open = stack.pop()!;
      if (open.wants === 0) this.#add(open.start, end, stack.length);
    }
  }

  #add(start: number, end: number, depth: number, kind?: FoldingRange['kind']): void {
    const startLine = this.#lineOf(start);
    const endLine = this.#lineOf(end);
    if (endLine <= startLine) return;
    const there = this.#byLine.get(startLine);
    if (!there || start < there.start)
      this.#byLine.set(startLine, { startLine, endLine, start, depth, ...(kind && { kind }) });
  }

  #comment(start: number, end: number, depth: number): void {
    const run = this.#run;
    if (run && /^(?:\r\n|\n|\r)[^\S\r\n]*$/.test(this.#text.slice(run.end, start))) {
      run.end = end;
      return;
    }
    this.#endRun(depth);
    if (aloneOnLine(this.#text, start)) this.#run = { start, end };
  }

  #endRun(depth: number): void {
    if (this.#run) this.#add(this.#run.start, this.#run.end, depth, 'comment');
    this.#run = undefined;
  }

  #lineOf(offset: number): number {
    return this.snapshot.positionAt(offset, 'utf-16').line;
  }
}

/** So many folds are looked at without others getting a turn. */
const FEW = 4096;

/** Tells, asked about one after the other, which are among as many as the limit allows: the outermost, of those of one depth the first. */
function outermost(folds: readonly Fold[], limit: number): (fold: Fold) => boolean {
  if (folds.length <= limit) return () => true;
  const ofDepth: number[] = [];
  for (const { depth } of folds) ofDepth[depth] = (ofDepth[depth] ?? 0) + 1;
  let left = limit;
  const taken = ofDepth.map(count => {
    const some = Math.min(count, left);
    left -= some;
    return some;
  });
  return ({ depth }) => taken[depth]!-- > 0;
}

function aloneOnLine(text: string, start: number): boolean {
  let i = start;
  while (i > 0 && (text[i - 1] === ' ' || text[i - 1] === '\t')) i--;
  return i === 0 || text[i - 1] === '\n' || text[i - 1] === '\r';
}
