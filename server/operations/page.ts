/** Documents for the person to read, which operations make of what they answer. */

/** What can be done at a line (0-based) of a page. */
export interface PageAction {
  readonly line: number;
  readonly title: string;
  /** Name of an operation, without `hotlisp.`, and its argument. */
  readonly operation: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** Where in the line (UTF-16) stands what leads on to its answer, for an operation that has a page for that. */
  readonly link?: Stretch;
}

/** A stretch of a line in UTF-16 units, the end excluded. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

export interface Page {
  /** Begins the file's name: `inspect`, `backtrace`. */
  readonly name: string;
  /** A page of Lisp is one to an editor, too: prose stands in comments, and code actions are offered in it. */
  readonly extension: 'lisp' | 'txt';
  readonly lines: readonly string[];
  readonly actions?: readonly PageAction[];
}

/** Lines of prose or data as comments. */
export const commented = (text: string): string[] =>
  linesOf(text).map(line => (line === '' ? ';;' : `;; ${line}`));

export const linesOf = (text: string): string[] => text.replace(/\n$/, '').split(/\r\n|\r|\n/);

/** A text on one line, cut after `limit` UTF-16 units. */
export function flat(text: string, limit = 500): string {
  const line = text.replace(/\s*[\r\n\u2028\u2029]+\s*/g, ' ');
  return line.length > limit ? `${line.slice(0, limit - 1)}…` : line;
}
