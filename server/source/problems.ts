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
  readonly #tell: (problem: Problem) => string;
  #fix: { readonly found: SyntaxFix | undefined } | undefined;

  constructor(
    readonly span: Span,
    readonly code: string,
    tell: (problem: Problem) => string,
    find: () => SyntaxFix | undefined,
  ) {
    this.#tell = tell;
    this.#find = find;
  }

  get message(): string {
    return this.#tell(this);
  }

  /** Looked for when someone asks: it means reading the form several times. */
  get fix(): SyntaxFix | undefined {
    this.#fix ??= { found: this.#find() };
    return this.#fix.found;
  }
}

/** A longer stretch (UTF-16 code units), or one with more faults, is not searched for the likely place unless someone asks for the fix. */
const LONG = 2048;
const MANY = 2;

/** Where the fix would be made, in words that follow the message; '' where that is the place of the problem. */
function likely({ span, fix }: Problem, lines: Lines): string {
  if (!fix || (fix.text === '' && fix.span.start === span.start)) return '';
  const { start } = fix.span;
  const line = lines.lineAt(start) + 1;
  const rest = lines.content.slice(start, start + 200).split(/[\n\r]/, 1)[0]!;
  const place =
    fix.text !== '' && rest.trim() === ''
      ? `at the end of line ${line}`
      : `in line ${line} before ${shortened(rest)}`;
  return fix.text === ''
    ? ` It seems that there is a ${lines.content.slice(start, fix.span.end)} too many in line ${line}.`
    : ` It seems that ${fix.text} is missing ${place}.`;
}

const shortened = (text: string): string => (text.length > 20 ? `${text.slice(0, 20).trimEnd()}…` : text);

/** @param start where the stretch begins that the fault counts from */
export function problemOf(fault: Fault, stretch: Stretch, start: number, lines: Lines): SyntaxProblem {
  const span = { start: fault.start + start, end: fault.end + start };
  const tell = (problem: Problem): string => {
    const what = lines.content.slice(span.start, span.end);
    const line = lines.lineAt(fault.form + start) + 1;
    const place = line === lines.lineAt(span.start) + 1 ? 'this line' : `line ${line}`;
    return (
      MESSAGES[fault.code](what, place) +
      (stretch.length > LONG || stretch.faults.length > MANY ? '' : likely(problem, lines))
    );
  };
  return new Problem(span, fault.code, tell, () => {
    const fix = fixOf(fault, stretch, lines.content.slice(start, start + stretch.length));
    return fix && { ...fix, span: { start: fix.span.start + start, end: fix.span.end + start } };
  });
}
