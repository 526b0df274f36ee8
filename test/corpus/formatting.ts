/** What the formatter makes of one text. */
import { cellsOf } from '../../server/features/format/cells.ts';
import { columnAt, formatSteps, type Edit } from '../../server/features/format/format.ts';
import { specsOf, type Specs } from '../../server/features/format/rules.ts';
import { specOfLambdaList, type Spec } from '../../server/features/format/spec.ts';
import { Lexer } from '../../server/source/lexer.ts';
import { finish } from '../../server/source/slices.ts';
import type { Columns } from './slime.ts';
import type { Snapshot, Source, SyntaxNode } from '../../server/source/index.ts';

export interface FormatJudgement {
  /** Lines whose indentation the formatter decides, and those that stay in their column. */
  readonly lines: number;
  readonly same: number;
  /** 1 where the tree is another, or another format comes of formatting again. */
  readonly treeDiffers: number;
  readonly unstable: number;
  readonly moved: readonly Moved[];
  /** Lines that SLIME was asked about, those that it leaves in their column, and those among them that the formatter would move as they stand. */
  readonly asked: number;
  readonly slime: number;
  readonly unlike: readonly Moved[];
}

/** A line, 0-based, its column and another one. */
export interface Moved {
  readonly line: number;
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** The macros with a body that a file defines. */
export const macrosOf = ({ forms }: Snapshot): [string, Spec][] =>
  forms
    .flatMap(({ definitions }) => definitions)
    .flatMap(({ kind, name, lambdaList }): [string, Spec][] => {
      const spec = kind === 'macro' && lambdaList !== undefined ? specOfLambdaList(lambdaList) : undefined;
      return spec ? [[name.toLowerCase().replace(/^.*:/, ''), spec]] : [];
    });

export function formatted(snapshot: Snapshot, macros: Specs): { text: string; edits: readonly Edit[] } {
  const { text } = snapshot;
  const edits = finish(
    formatSteps(
      snapshot,
      { start: 0, end: text.length },
      {
        specOf: specsOf(new Map(), macros),
        trimTrailingWhitespace: true,
        insertFinalNewline: true,
        trimFinalNewlines: true,
      },
    ),
  );
  let out = '';
  let at = 0;
  for (const { span, text: wanted } of edits) {
    if (span.start < at) throw new Error(`edits overlap at ${span.start}`);
    out += text.slice(at, span.start) + wanted;
    at = span.end;
  }
  return { text: out + text.slice(at), edits };
}

/** The tree as nested names and texts, without its white space. */
export function shape(snapshot: Snapshot): string[] {
  const out: string[] = [];
  const visit = (node: SyntaxNode): void => {
    const text = snapshot.text.slice(node.span.start, node.span.end);
    out.push(node.type);
    if (node.type === 'comment') out.push(text.trimEnd());
    else if (node.children.length === 0) out.push(text);
    for (const child of node.children) visit(child);
    out.push(')');
  };
  visit(snapshot.root);
  return out;
}

/** @param slime where SLIME puts the lines, each as those above it stand */
export function judgeFormat(
  source: Source,
  snapshot: Snapshot,
  macros: Specs,
  slime?: Columns,
): FormatJudgement {
  const { text, edits } = formatted(snapshot, macros);
  const after = source.snapshot(snapshot.uri, 1, text);
  const again = formatted(after, macros).text;
  const [one, two] = [shape(snapshot), shape(after)];
  const same = one.length === two.length && one.every((each, i) => each === two[i]);
  const starts = new Map(edits.map(edit => [edit.span.start, edit]));
  const specOf = specsOf(new Map(), macros);
  let lines = 0;
  let kept = 0;
  let asked = 0;
  let bySlime = 0;
  const moved: Moved[] = [];
  const unlike: Moved[] = [];
  for (const { start, from } of codeLines(snapshot.text)) {
    lines++;
    const edit = starts.get(start);
    const was = cellsOf(snapshot.text, start, from, 0);
    const to = edit && edit.span.end === from ? edit.text.length : was;
    const { line } = snapshot.positionAt(start, 'utf-16');
    const kind = { line, from: was, text: snapshot.text.slice(from, from + 60).split('\n')[0]! };
    if (was === to) kept++;
    else moved.push({ ...kind, to });
    const itsColumn = slime?.get(line);
    if (itsColumn === undefined) continue;
    asked++;
    if (itsColumn !== was) continue;
    bySlime++;
    if (was === to) continue;
    // lines above it may have moved, too
    const alone = columnAt(snapshot, start, specOf)?.column ?? was;
    if (alone !== was) unlike.push({ ...kind, to: alone });
  }
  return {
    lines,
    same: kept,
    treeDiffers: same ? 0 : 1,
    unstable: again === text ? 0 : 1,
    moved,
    asked,
    slime: bySlime,
    unlike,
  };
}

/** Lines that begin with a token other than a block comment; `from`: where it stands. */
function codeLines(text: string): { start: number; from: number }[] {
  const out: { start: number; from: number }[] = [];
  const lexer = new Lexer(text);
  let seen = 0;
  while (lexer.next()) {
    // a line may be a megabyte: it is looked at once
    if (lexer.start < seen || lexer.kind === 'block-comment') continue;
    const start = text.lastIndexOf('\n', lexer.start - 1) + 1;
    const end = text.indexOf('\n', start);
    seen = end < 0 ? text.length : end + 1;
    if (/^[ \t]*$/.test(text.slice(start, lexer.start))) out.push({ start, from: lexer.start });
  }
  return out;
}
