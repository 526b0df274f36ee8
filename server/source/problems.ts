import type { Stretch } from './blocks.ts';
import { fixOf } from './fixes.ts';
import type { Fault, FaultCode } from './formReader.ts';
import type { Lines } from './positions.ts';
import type { Span, SyntaxFix, SyntaxProblem } from './types.ts';

/** @param place where the form begins, for people: "line 12" */
const MESSAGES: Readonly<Record<FaultCode, (what: string, place: string) => string>> = {
  'unmatched-open': (what, place) => `This ${what} is never closed (in the form that starts in ${place}).`,
  'unmatched-close': (_, place) =>
    `This ) closes nothing: the form that starts in ${place} is complete before it.`,
  'unterminated-string': (_, place) => `This string is never closed (in the form that starts in ${place}).`,
  'unterminated-symbol': (_, place) =>
    `This symbol is never finished: a | or a character behind \\ is missing (in the form that starts in ${place}).`,
  'unterminated-comment': () => 'This #| comment is never closed by |#.',
  'missing-object': (what, place) => `Nothing follows this ${what} (in the form that starts in ${place}).`,
  'illegal-dispatch': () => 'A # must be followed by what it announces, here there is nothing.',
};

class Problem implements SyntaxProblem {
  readonly #find: () => SyntaxFix | undefined;
  #fix: { readonly found: SyntaxFix | undefined } | undefined;

  constructor(
    readonly span: Span,
    readonly message: string,
    readonly code: string,
    find: () => SyntaxFix | undefined,
  ) {
    this.#find = find;
  }

  /** Looked for when someone asks: it means reading the form several times. */
  get fix(): SyntaxFix | undefined {
    this.#fix ??= { found: this.#find() };
    return this.#fix.found;
  }
}

/** @param start where the stretch begins that the fault counts from */
export function problemOf(fault: Fault, stretch: Stretch, start: number, lines: Lines): SyntaxProblem {
  const span = { start: fault.start + start, end: fault.end + start };
  const what = lines.content.slice(span.start, span.end);
  const line = lines.lineAt(fault.form + start) + 1;
  const place = line === lines.lineAt(span.start) + 1 ? 'this line' : `line ${line}`;
  return new Problem(span, MESSAGES[fault.code](what, place), fault.code, () => {
    const fix = fixOf(fault, stretch, lines.content.slice(start, start + stretch.length));
    return fix && { ...fix, span: { start: fix.span.start + start, end: fix.span.end + start } };
  });
}
