/** One file's forms, ours beside SBCL's. */
import type { Source, SyntaxNode } from '../../server/source/index.ts';
import type { Judged } from './reader.ts';

/**
 * - standard: SBCL's standard readtable reads the file to its end
 * - switched: the file changes the readtable for itself, so the standard one may misread it
 * - foreign: SBCL stopped, or met dispatch macros that it does not know
 */
export type Syntax = 'standard' | 'switched' | 'foreign';

export interface Compared {
  readonly file: string;
  readonly syntax: Syntax;
  /** Why it is not standard. */
  readonly why: string | null;
  readonly forms: number;
  readonly exact: number;
  /** Forms of ours, before the place where SBCL stopped, that SBCL does not have. */
  readonly extra: number;
  readonly problems: number;
  /** ERROR nodes of the tree. */
  readonly errors: number;
  /** Top-level nodes of the tree that are no form of ours, or the other way round. */
  readonly treeDiffers: number;
  /** The first difference, for people. */
  readonly first: string | null;
}

const SWITCHES =
  /^[ \t]*\((?:[\w.+-]+::?)?(?:in-readtable|enable-[\w-]*(?:syntax|reader|quasi)[\w-]*|set-(?:dispatch-)?macro-character|set-syntax-from-char|make-dispatch-macro-character|use-readtable|set[qf]\s+(?:cl:)?\*readtable\*)/im;

export function syntaxOf({ text, unknown, error }: Judged): { syntax: Syntax; why: string | null } {
  if (error !== null) return { syntax: 'foreign', why: error };
  if (unknown) return { syntax: 'foreign', why: `#${unknown}` };
  const switches = SWITCHES.exec(text);
  return switches ? { syntax: 'switched', why: switches[0].trim() } : { syntax: 'standard', why: null };
}

export function compare(source: Source, judged: Judged): Compared {
  const { file, text, forms, error } = judged;
  const snapshot = source.snapshot(`file://${file}`, 0, text);
  const ours = new Map(snapshot.forms.map(({ span }) => [span.start, span.end]));
  const theirs = new Map(forms);
  const wrong = forms.filter(([start, end]) => ours.get(start) !== end);
  const reached = error === null ? text.length : (forms.at(-1)?.[1] ?? 0);
  const extra = [...ours].filter(([start, end]) => end <= reached && theirs.get(start) !== end);
  const tree = snapshot.root.children.filter(({ type }) => type !== 'comment' && type !== 'block_comment');
  const nodes = new Map(tree.map(({ span }) => [span.start, span.end]));
  const differing =
    [...ours].filter(([start, end]) => nodes.get(start) !== end).length +
    [...nodes].filter(([start]) => !ours.has(start)).length;
  const at = wrong[0]?.[0] ?? extra[0]?.[0];
  return {
    file,
    ...syntaxOf(judged),
    forms: forms.length,
    exact: forms.length - wrong.length,
    extra: extra.length,
    problems: snapshot.problems.length,
    errors: errorsIn(snapshot.root),
    treeDiffers: differing,
    first:
      at === undefined
        ? null
        : `line ${snapshot.positionAt(at, 'utf-16').line + 1}: SBCL ends it at ${theirs.get(at) ?? '-'}, Hotlisp at ${ours.get(at) ?? '-'}: ${JSON.stringify(text.slice(at, at + 60))}`,
  };
}

function errorsIn(root: SyntaxNode): number {
  let errors = 0;
  const waiting = [root];
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    if (node.type === 'ERROR') errors++;
    waiting.push(...node.children);
  }
  return errors;
}
